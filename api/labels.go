package api

import (
	"fmt"
	"sync"

	"ledgerline/events"
	"ledgerline/events/rulepack"
	"ledgerline/projections"
)

// What pages call fields and codes is said by the rule packs in force. A pack once
// published stays as it is, so each is read once.

// keptLabels are the labels of packs, by the position at which they were published.
type keptLabels struct {
	mu     sync.Mutex
	labels map[int64]rulepack.Labels // guarded by mu
}

// mostKeptPacks bounds what is kept; it is begun anew beyond.
const mostKeptPacks = 64

func (k *keptLabels) of(p projections.RulePack) (rulepack.Labels, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if labels, ok := k.labels[p.Position]; ok {
		return labels, nil
	}
	pack, err := rulepack.ParsePack([]byte(p.Content))
	if err != nil { // it was checked before it was recorded
		return nil, fmt.Errorf("rule pack %s %s at position %d: %w", p.ID, p.Version, p.Position, err)
	}
	if k.labels == nil || len(k.labels) >= mostKeptPacks {
		k.labels = make(map[int64]rulepack.Labels)
	}
	k.labels[p.Position] = pack.Labels
	return pack.Labels, nil
}

// labelsFrom gives a page the labels of the packs that are published as of a view
// and in force at a time.
func (s *Server) labelsFrom(view *projections.View, at events.Time, p *page) error {
	packs, err := view.RulePacks(at)
	if err != nil {
		return err
	}
	for _, pack := range packs {
		labels, err := s.packLabels.of(pack)
		if err != nil {
			return err
		}
		p.labels = append(p.labels, labels)
	}
	return nil
}

// label is what the pack that took effect last calls a value; where none in force
// has a label for it, what the packs that come with the program say.
func (p page) label(kind, value string) (string, bool) {
	for i := len(p.labels); i >= 0; i-- {
		labels := rulepack.ShippedLabels()
		if i > 0 {
			labels = p.labels[i-1]
		}
		if t, ok := labels.Of(kind, value); ok {
			return [...]string{t.EN, t.ZH}[p.language], true
		}
	}
	return "", false
}
