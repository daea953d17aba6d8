package proof

import (
	"testing"

	"github.com/fxamacker/cbor/v2"
)

// TestFieldsByTheirExactNames: what a record says is read by the names that docs/format.md
// fixes, as every other checker reads it.
func TestFieldsByTheirExactNames(t *testing.T) {
	data := func(v any) []byte {
		t.Helper()
		b, err := cbor.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	root := make([]byte, HashSize)
	sealed := func(first string) bool {
		b := Body{Type: SealedType, Schema: 1, Data: data(map[string]any{first: 1, "last": 2, "root": root})}
		_, ok := b.Seals()
		return ok
	}
	if !sealed("first") || sealed("First") {
		t.Errorf("a batch is sealed by first: %v, by First: %v", sealed("first"), sealed("First"))
	}
	erased := func(facets string) int {
		b := Body{Type: ErasureType, Schema: 1, Data: data(map[string]any{facets: []map[string]any{{"position": 1, "name": "a", "commitment": root}}})}
		list, _ := b.Erases()
		return len(list)
	}
	if erased("facets") != 1 || erased("Facets") != 0 {
		t.Errorf("%d facets, %d Facets are erased", erased("facets"), erased("Facets"))
	}
}
