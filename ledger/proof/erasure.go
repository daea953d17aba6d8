package proof

// ErasureType is the type of the records that say what was erased.
const ErasureType = "ledger.payload.erased"

// An ErasedFacet is a facet that a record of type [ErasureType] says was erased.
// Its commitment stays in the body of the record it belonged to: whatever it was,
// it existed, and is not there any more on purpose.
type ErasedFacet struct {
	Position int64  `cbor:"position"`
	Name     string `cbor:"name"`
	Commit   Hash   `cbor:"commitment"`
}

// Erases returns what the body says was erased; false if it is not the body of an
// erasure, or not of a shape that is known.
func (b *Body) Erases() ([]ErasedFacet, bool) {
	if b.Type != ErasureType || b.Schema != 1 {
		return nil, false
	}
	var data struct {
		Facets []ErasedFacet `cbor:"facets"`
	}
	if exactly.Unmarshal(b.Data, &data) != nil {
		return nil, false
	}
	return data.Facets, true
}

// Erased reports whether e speaks of the facet ref of the record at a position.
func (e *ErasedFacet) Erased(position int64, ref FacetRef) bool {
	return e.Position == position && e.Name == ref.Name && e.Commit == ref.Commit
}
