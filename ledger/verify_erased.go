package ledger

import (
	"cmp"
	"iter"
	"maps"
	"slices"

	"ledgerline/ledger/proof"
)

// A namedFacet is a facet as records name it.
type namedFacet struct {
	position int64
	name     string
}

// erasures is what a verification gathers about content that is gone: what the
// records say was erased, and what is not stored.
type erasures struct {
	claims  map[namedFacet]erasedClaim
	missing map[namedFacet]missingFacet
	gone    int64 // missing as claimed
}

type erasedClaim struct {
	by     int64 // the record that says so
	commit proof.Hash
}

type missingFacet struct {
	number int
	commit proof.Hash
}

// inOrderOfRecords goes over facets by record and name, so that the same damage is told in
// the same words each time it is found.
func inOrderOfRecords[V any](of map[namedFacet]V) iter.Seq2[namedFacet, V] {
	return func(yield func(namedFacet, V) bool) {
		for _, at := range slices.SortedFunc(maps.Keys(of), func(a, b namedFacet) int {
			return cmp.Or(cmp.Compare(a.position, b.position), cmp.Compare(a.name, b.name))
		}) {
			if !yield(at, of[at]) {
				return
			}
		}
	}
}

// claim takes in a record that says that something was erased. The caller holds v.mu.
func (e *erasures) claim(by int64, facets []proof.ErasedFacet) {
	if e.claims == nil {
		e.claims = make(map[namedFacet]erasedClaim)
	}
	for _, f := range facets {
		e.claims[namedFacet{f.Position, f.Name}] = erasedClaim{by, f.Commit}
	}
}

// miss takes in a facet that is not stored. The caller holds v.mu.
func (e *erasures) miss(position int64, number int, f *proof.FacetView) {
	if e.missing == nil {
		e.missing = make(map[namedFacet]missingFacet)
	}
	e.missing[namedFacet{position, string(f.Name)}] = missingFacet{number, f.Commit}
}

// checkErasures compares what is gone with what the records say was erased: nothing
// else may be gone, and what was erased may not be there.
func (v *verification) checkErasures() error {
	e := &v.erasures
	for at, m := range inOrderOfRecords(e.missing) {
		c, claimed := e.claims[at]
		if !claimed || c.commit != m.commit {
			v.find(PayloadMissing, at.position, at.position, "facet %q is gone, and no record says that it was erased", at.name)
			continue
		}
		e.gone++
		by, err := v.l.ErasedBy(at.position, m.number)
		if err != nil {
			return err
		}
		if by != c.by {
			v.find(DerivedRow, at.position, at.position, "facet %q was erased by the record at position %d; its row says %d", at.name, c.by, by)
		}
	}
	for at, c := range inOrderOfRecords(e.claims) {
		if _, gone := e.missing[at]; gone {
			continue
		}
		if err := v.checkGone(at, c); err != nil {
			return err
		}
	}
	return nil
}

// checkGone looks for a facet that was erased and was not met as missing: it lies
// before what was verified, or it is there.
func (v *verification) checkGone(at namedFacet, c erasedClaim) error {
	_, body, err := v.l.readBody(at.position)
	if err != nil {
		return v.unreadable(at.position, at.position, err)
	}
	for i, ref := range body.Facets {
		if ref.Name != at.name || ref.Commit != c.commit {
			continue
		}
		stored, err := v.l.getRow(facetKey(at.position, i))
		if err != nil {
			return v.unreadable(at.position, at.position, err)
		}
		if stored != nil {
			v.find(PayloadKept, at.position, at.position, "facet %q was erased by the record at position %d, and is here", at.name, c.by)
		}
	}
	return nil
}
