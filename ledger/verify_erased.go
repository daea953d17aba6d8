package ledger

import (
	"bytes"
	"errors"

	"ledgerline/events"
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
	commit []byte
}

type missingFacet struct {
	number int
	commit proof.Hash
}

// claim takes in a record that says that something was erased. The caller holds v.mu.
func (e *erasures) claim(by int64, data *events.PayloadErased) {
	if e.claims == nil {
		e.claims = make(map[namedFacet]erasedClaim)
	}
	for _, f := range data.Facets {
		e.claims[namedFacet{f.Position, f.Name}] = erasedClaim{by, f.Commitment}
	}
}

// miss takes in a facet that is not stored. The caller holds v.mu.
func (e *erasures) miss(position int64, number int, ref proof.FacetRef) {
	if e.missing == nil {
		e.missing = make(map[namedFacet]missingFacet)
	}
	e.missing[namedFacet{position, ref.Name}] = missingFacet{number, ref.Commit}
}

// checkErasures compares what is gone with what the records say was erased: nothing
// else may be gone, and what was erased may not be there.
func (v *verification) checkErasures() error {
	e := &v.erasures
	for at, m := range e.missing {
		c, claimed := e.claims[at]
		if !claimed || !bytes.Equal(c.commit, m.commit[:]) {
			v.find(PayloadMissing, at.position, at.position, "facet %q is gone, and no record says that it was erased", at.name)
			continue
		}
		e.gone++
		by, err := v.l.erasedBy(at.position, m.number)
		if err != nil {
			return err
		}
		if by != c.by {
			v.find(DerivedRow, at.position, at.position, "facet %q was erased by the record at position %d; its row says %d", at.name, c.by, by)
		}
	}
	for at, c := range e.claims {
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
		if ref.Name != at.name || !bytes.Equal(ref.Commit[:], c.commit) {
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

// checkFacets compares the facets of a record with their commitments.
func (v *verification) checkFacets(position int64, body *proof.Body) {
	for i, ref := range body.Facets {
		v.checkFacet(position, i, body, ref)
	}
}

func (v *verification) checkFacet(position int64, i int, body *proof.Body, ref proof.FacetRef) {
	stored, err := v.l.getRow(facetKey(position, i))
	if err != nil {
		v.find(Unreadable, position, position, "facet %q: %s", ref.Name, reason(err))
		return
	}
	if stored == nil {
		v.mu.Lock()
		v.erasures.miss(position, i, ref)
		v.mu.Unlock()
		return
	}
	_, err = v.l.openFacet(body, ref, stored)
	switch {
	case errors.Is(err, errNoOwnerKey) && v.backup:
		v.unopened.Add(1)
	case errors.Is(err, errNoOwnerKey):
		v.find(PayloadMissing, position, position, "the owner's key of facet %q is gone, and no record says that it was erased", ref.Name)
	case err != nil:
		v.find(PayloadSwapped, position, position, "facet %q: %v", ref.Name, err)
	}
}
