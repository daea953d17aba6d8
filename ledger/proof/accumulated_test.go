package proof

import (
	"crypto/sha256"
	"testing"
)

const accumulatedRule = `Accumulated: SHA-256 over thousands of outputs, one after another, of a log made by this rule.
Record i, from 0, of "records" has position i and time 1767864600000000 + i*i; prev of record 0 is
genesis_prev of the byte a0. With d(n) for n in decimal, its keys are those of ["type",
"type." d(i mod 7)], ["subject", "entry", d(i mod 97)] and ["entry", d(i mod 97)]; its body's bytes
are d(i) as ASCII, and the salt is that of source "https://producer.example" and id d(i) under the
book secret "book secret".
leaf_hashes folds the leaf hash of every record. roots folds the root of every size from 0 to
"records". inclusion folds, for every size from 1 to "proofs" and then every position below it, the
audit path from the leaf upwards; consistency folds, for every size to from 1 to "proofs" and then
every size from from 1 to to, the consistency proof. index_roots folds the root of the index over the
first n records, for n from 0 to "records" in steps of 64.`

func accumulatedVectors(t *testing.T, file string) {
	const records, proofs = 4096, 100
	f := newVectorFile(t, accumulatedRule)
	l := newTestLog(t, records)
	leaves, roots, inclusion, consistency, indexRoots := sha256.New(), sha256.New(), sha256.New(), sha256.New(), sha256.New()
	var index Index
	for i, enc := range l.leaves {
		h := LeafHash(enc)
		leaves.Write(h[:])
		if root := index.Root(); i%64 == 0 {
			indexRoots.Write(root[:])
		}
		leaf := must(ParseLeaf(enc))
		if err := index.Add(&leaf, h); err != nil {
			t.Fatal(err)
		}
	}
	last := index.Root()
	indexRoots.Write(last[:])
	for size := range records + 1 {
		c := l.checkpoint(size)
		roots.Write(c.Root[:])
	}
	for size := 1; size <= proofs; size++ {
		for at := range size {
			path, err := l.tree.InclusionProof(uint64(at), uint64(size))
			if err != nil {
				t.Fatal(err)
			}
			for _, h := range path {
				inclusion.Write(h)
			}
		}
		for from := 1; from <= size; from++ {
			path, err := l.tree.ConsistencyProof(uint64(from), uint64(size))
			if err != nil {
				t.Fatal(err)
			}
			for _, h := range path {
				consistency.Write(h)
			}
		}
	}
	f.vector("records", records, "proofs", proofs, "leaf_hashes", leaves.Sum(nil), "roots", roots.Sum(nil),
		"inclusion", inclusion.Sum(nil), "consistency", consistency.Sum(nil),
		"index_roots", indexRoots.Sum(nil))
	f.finish(file)
}
