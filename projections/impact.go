package projections

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"ledgerline/events"
)

// ImpactQuery asks what is affected by a node.
type ImpactQuery struct {
	Node     string // as ResolveNode reads it
	Depth    int    // as in LineageQuery
	Columns  bool   // as in LineageQuery: only what the columns reach
	MaxNodes int    // as in LineageQuery
	// ValidAt is the date at which lineage, as in LineageQuery, and agreements are
	// looked at; 0 means all lineage that is known, and agreements at the view's own.
	ValidAt events.Time
}

// Impact is all that was made from a node, the node included, and who holds it.
type Impact struct {
	Node string `json:"node"`
	// Nodes are the datasets or columns, jobs and runs reached, by depth and id.
	Nodes []Node `json:"nodes"`
	// Entries are the catalog entries that describe a dataset reached, by depth and
	// id.
	Entries   []AffectedEntry `json:"entries"`
	Complete  bool            `json:"complete"`
	LimitsHit []string        `json:"limits_hit"`
}

// AffectedEntry is a catalog entry that describes affected data.
type AffectedEntry struct {
	ID           string `json:"id"`
	Title        string `json:"title"`
	Stage        string `json:"stage"`
	Provider     string `json:"provider"`
	ProviderName string `json:"provider_name,omitempty"`
	Depth        int    `json:"depth"`
	// Datasets are the affected ones that it describes, Items those of its items
	// that hold affected columns; all items unless columns were asked for.
	Datasets []string `json:"datasets"`
	Items    []string `json:"items"`
	// Holders are the parties that may have it, by agreement.
	Holders []Holder `json:"holders"`
	// Imported marks what is known of the entry from before the ledger: no native
	// evidence.
	Imported bool `json:"imported,omitempty"`
}

// Holder is a party that an agreement gives affected data to.
type Holder struct {
	Agreement    string `json:"agreement"`
	Consumer     string `json:"consumer"`
	ConsumerName string `json:"consumer_name,omitempty"`
	// State and InForce are those of Agreement.
	State   string `json:"state"`
	InForce bool   `json:"in_force"`
	// Items are the affected ones among those granted.
	Items    []string    `json:"items"`
	Purposes []string    `json:"purposes"`
	TermTo   events.Time `json:"term_to"`
	// LastAccess is the call of this entry under the agreement that was recorded
	// last and got an answer; nil if there was none.
	LastAccess *LastAccess `json:"last_access,omitempty"`
	// LastDelivery is the delivery of some of Items under the agreement that was
	// recorded last; nil if there was none.
	LastDelivery *LastDelivery `json:"last_delivery,omitempty"`
	// Imported marks an agreement from before the ledger: no native evidence.
	Imported bool `json:"imported,omitempty"`
}

// LastAccess is a call in short.
type LastAccess struct {
	Position int64       `json:"position"`
	Time     events.Time `json:"time"`
	Result   string      `json:"result"`
	Rows     int         `json:"rows"`
	Imported bool        `json:"imported,omitempty"`
}

// LastDelivery is a delivery in short. Items are the affected ones among those
// delivered.
type LastDelivery struct {
	Position int64       `json:"position"`
	Time     events.Time `json:"time"`
	Items    []string    `json:"items"`
	Rows     int         `json:"rows"`
	Imported bool        `json:"imported,omitempty"`
}

// Impact lists all that was made from a node and who holds it. Agreements that
// were terminated are listed too: what was delivered under them may still be
// held. The error is an *UnknownNodeError if the node is not known.
func (w *View) Impact(ctx context.Context, q ImpactQuery) (out Impact, err error) {
	err = w.read(func(r *reader) error {
		t, err := r.downstream(ctx, LineageQuery{Node: q.Node, Depth: q.Depth, Columns: q.Columns, MaxNodes: q.MaxNodes, ValidAt: q.ValidAt})
		if err != nil {
			return err
		}
		out = Impact{Node: t.node, Nodes: t.nodes, Entries: []AffectedEntry{}, Complete: len(t.limits) == 0, LimitsHit: t.limits}
		agreements, err := r.granting(ctx, t.entries, q.ValidAt, w.recorded)
		if err != nil {
			return err
		}
		for _, id := range slices.Sorted(maps.Keys(t.entries)) {
			e, ok, err := r.affected(ctx, t, id, agreements)
			if err != nil {
				return err
			}
			if ok {
				out.Entries = append(out.Entries, e)
			}
		}
		slices.SortStableFunc(out.Entries, func(a, b AffectedEntry) int { return cmp.Compare(a.Depth, b.Depth) })
		return r.keepImpact(&out)
	})
	return out, err
}

// keepImpact keeps the nodes and entries that the reader may see, and of the holders of
// these those whose agreement it may see.
func (r *reader) keepImpact(out *Impact) (err error) {
	if r.sight == nil {
		return nil
	}
	seen, err := r.seesNodes(out.Nodes)
	if err != nil {
		return err
	}
	if out.Nodes, err = keepSeen(r, out.Nodes, func(n *Node) (bool, error) {
		if !seen[n.ID] {
			return false, nil
		}
		return true, r.keepEntries(n)
	}); err != nil {
		return err
	}
	out.Entries, err = keepSeen(r, out.Entries, func(e *AffectedEntry) (bool, error) {
		if seen, err := r.sees(e.Provider); err != nil || !seen {
			return false, err
		}
		var err error
		e.Holders, err = keepSeen(r, e.Holders, func(h *Holder) (bool, error) {
			concerned, err := r.ofAgreement(h.Agreement, "", h.Consumer)
			if err != nil {
				return false, err
			}
			return r.sees(concerned...)
		})
		return true, err
	})
	return err
}

// affected describes an entry that was reached; false if none of its items holds
// a column reached.
func (r *reader) affected(ctx context.Context, t *reached, id string, agreements []Agreement) (AffectedEntry, bool, error) {
	entry, ok, err := r.entry(id, 0)
	if err != nil || !ok {
		return AffectedEntry{}, false, err
	}
	hit := t.entries[id]
	e := AffectedEntry{
		ID: id, Title: entry.Title, Stage: entry.Stage, Provider: entry.Provider, ProviderName: entry.ProviderName, Depth: hit.depth,
		Datasets: []string{}, Holders: []Holder{}, Imported: entry.Imported,
	}
	for _, d := range hit.datasets {
		e.Datasets = append(e.Datasets, t.datasets[d].id)
	}
	only := t.items(&entry)
	if only != nil && len(only) == 0 {
		return e, false, nil
	}
	for _, it := range entry.Items {
		e.Items = append(e.Items, it.ID)
	}
	e.Items = common(only, e.Items)
	for i := range agreements {
		a := &agreements[i]
		grant, granted := a.grant(id)
		items := common(only, grant.Items)
		if !granted || len(items) == 0 {
			continue
		}
		h := Holder{
			Agreement: a.ID, Consumer: a.Consumer, ConsumerName: a.ConsumerName, State: a.State, InForce: a.InForce, Items: items,
			Purposes: a.Purposes, TermTo: a.TermTo, Imported: a.Imported,
		}
		if h.LastAccess, err = r.lastAccess(ctx, a.ID, id); err != nil {
			return e, false, err
		}
		if h.LastDelivery, err = r.lastDelivery(ctx, a.ID, id, items); err != nil {
			return e, false, err
		}
		e.Holders = append(e.Holders, h)
	}
	return e, true, nil
}

// lastAccess is the call of an entry under an agreement that was recorded last and
// got an answer.
func (r *reader) lastAccess(ctx context.Context, agreement, entry string) (last *LastAccess, err error) {
	s := selection{
		groups: [][][]byte{group(accessBy("agreement", agreement)), group(accessBy("entry", entry)), group(accessBy("result", events.AccessOK), accessBy("result", events.AccessEmpty))},
		high:   r.at, descending: true,
	}
	err = s.walk(ctx, r, func(position int64) (bool, error) {
		a, ok, err := r.access(position)
		if err != nil || !ok {
			return err == nil, err
		}
		last = &LastAccess{Position: position, Time: a.Time, Result: a.Result, Rows: a.RowCount, Imported: a.Imported}
		return false, nil
	})
	return last, err
}

// lastDelivery is the delivery of some of these items of an entry under an
// agreement that was recorded last.
func (r *reader) lastDelivery(ctx context.Context, agreement, entry string, items []string) (last *LastDelivery, err error) {
	s := selection{groups: [][][]byte{group(shareBy("agreement", agreement)), group(shareBy("entry", entry))}, high: r.at, descending: true}
	err = s.walk(ctx, r, func(position int64) (bool, error) {
		share, ok, err := r.share(position)
		if err != nil || !ok || !share.delivers() {
			return err == nil, err
		}
		if had := common(items, share.Items[0].Items); len(had) > 0 {
			last = &LastDelivery{Position: position, Time: share.Time, Items: had, Rows: share.Rows, Imported: share.Imported}
		}
		return last == nil, nil
	})
	return last, err
}
