package ledger

import (
	"context"
	"errors"
	"maps"
	"slices"

	"ledgerline/events"
	"ledgerline/ledger/proof"
	"ledgerline/ledger/proof/evidence"
)

// EvidenceOf gathers what proves the records at some positions, in their order,
// each under the head the log had when it held size records. Facets whose name
// withhold says are left out, and so is nothing else.
func (l *Ledger) EvidenceOf(ctx context.Context, size int64, positions []int64, withhold func(facet string) bool) ([]evidence.Record, error) {
	out := make([]evidence.Record, 0, len(positions))
	for _, at := range positions {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		r, err := l.Record(at)
		if err != nil {
			return nil, err
		}
		p, err := l.ProveInclusion(at, size)
		if err != nil {
			return nil, err
		}
		facets, err := l.plainFacets(at, r.Body, withhold)
		if err != nil {
			return nil, err
		}
		out = append(out, evidence.Record{Leaf: r.Leaf, Body: r.Body, Salt: r.Salt, Facets: facets, Proof: p})
	}
	return out, nil
}

// plainFacets reads the facets of a record with their salts, as far as they are
// there and may be shown.
func (l *Ledger) plainFacets(position int64, bodyBytes []byte, withhold func(string) bool) ([]evidence.Facet, error) {
	body, err := proof.ParseBody(bodyBytes)
	if err != nil {
		return nil, err
	}
	facets, err := l.readFacets(position, body)
	if err != nil {
		return nil, err
	}
	out := make([]evidence.Facet, len(facets))
	for i, f := range facets {
		switch {
		case f.Erased:
			out[i].State = evidence.Erased
		case withhold(f.Name):
			out[i].State = evidence.Withheld
		default:
			stored, err := l.getRow(facetKey(position, i))
			if err != nil {
				return nil, err
			}
			salt, b, err := l.unsealFacet(body, body.Facets[i], stored)
			if errors.Is(err, errNoOwnerKey) || stored == nil { // erased in this moment
				out[i].State = evidence.Erased
				continue
			}
			if err != nil {
				return nil, err
			}
			out[i] = evidence.Facet{State: evidence.Shown, Plain: proof.EncodeFacet(&salt, b)}
		}
	}
	return out, nil
}

// SignEvidence packs a bundle in the log's name, as of now, under the checkpoint of
// size records, with what outsiders attest of its records.
func (l *Ledger) SignEvidence(size int64, b evidence.Bundle) ([]byte, error) {
	keys := l.signing.Load()
	if err := l.attest(size, &b); err != nil {
		return nil, err
	}
	checkpoint, err := l.CheckpointAt(size)
	if err != nil {
		return nil, err
	}
	b.Under(checkpoint)
	b.Origin, b.VerifierKey, b.KeyChanges, b.Made = l.origin, keys.newest(), keys.changes, events.TimeOf(l.opts.Now()).Std()
	return b.Pack(keys.signers...)
}

// attest adds the anchors around each record, and the newest head that witnesses have
// cosigned.
func (l *Ledger) attest(size int64, b *evidence.Bundle) error {
	anchors := make(map[int64]*Anchor)
	for _, r := range b.Records {
		times, err := l.Bracket(r.Proof.Position)
		if err != nil {
			return err
		}
		for _, a := range []*Anchor{times.NotBefore, times.NotAfter} {
			if a != nil && a.Position < size {
				anchors[a.Position] = a
			}
		}
	}
	for _, at := range slices.Sorted(maps.Keys(anchors)) {
		r, err := l.Record(at)
		if err != nil {
			return err
		}
		p, err := l.ProveInclusion(at, size)
		if err != nil {
			return err
		}
		grown, err := l.ProveConsistency(anchors[at].Size, size)
		if err != nil {
			return err
		}
		grown.From = anchors[at].Checkpoint // what was timestamped, byte for byte
		b.Anchors = append(b.Anchors, evidence.Anchor{Record: evidence.Record{Leaf: r.Leaf, Body: r.Body, Salt: r.Salt, Proof: p}, Grown: grown})
	}
	signed, at, err := l.cosignedUpTo(size)
	if err != nil || signed == nil {
		return err
	}
	grown, err := l.ProveConsistency(at, size)
	grown.From, b.Witnessed = string(signed), &grown
	return err
}
