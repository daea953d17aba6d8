package proof

import (
	"bytes"
	"slices"
	"testing"
)

func indexVectors(t *testing.T, file string) {
	f := newVectorFile(t, "The completeness index, a vector for each step: an entry and its hash; the root of a key's\n"+
		"log over entry hashes; the leaf of a key in the prefix tree; the root over such leaves; what a\n"+
		"lookup shows of a key, present or not; what shows that entries stand from an index on in a log\n"+
		"of count entries.")
	for _, e := range []IndexEntry{{}, {23, 24, Hash{1}}, {1 << 32, 1767864600000001, Hash{31: 2}}, {maxInt, maxInt, Hash{0xff}}} {
		f.vector("position", e.Position, "time", e.Time, "leaf_hash", e.Leaf, "entry", e.append(nil), "entry_hash", e.Hash())
	}
	var log KeyLog
	var hashes []Hash
	for i := range 7 {
		hashes = append(hashes, IndexEntry{int64(i), int64(i * i), Hash{byte(i)}}.Hash())
		log.Add(hashes[i])
		f.vector("entry_hash", hashes, "log_root", log.Root())
	}
	var leaves []IndexLeaf
	for i, key := range []Hash{{0x10}, {0x12}, {0x12, 1}, {0x80}, {0xff}} {
		leaves = append(leaves, IndexLeaf{key, uint64(i*i*50 + 1), Hash{byte(i)}})
	}
	var tree IndexTree
	for i, l := range leaves {
		f.vector("key", l.Key, "count", l.Count, "root", l.Root, "index_leaf", l.append(nil), "index_leaf_hash", l.Hash())
		tree = must(tree.With(leaves[i:i+1], nil))
		f.vector("leaf", encoded(leaves[:i+1]), "index_root", tree.Root())
	}
	f.vector("leaf", encoded(nil), "index_root", IndexTree{}.Root())
	lookup := func(key Hash) IndexLookup { return must(tree.Lookup(key, nil)) }
	show := func(key Hash, l IndexLookup) {
		f.field("of", key)
		f.field("index_root", tree.Root())
		for _, s := range l.Siblings {
			f.field("sibling", s)
		}
		if l.Leaf != nil {
			f.field("shown", l.Leaf.append(nil))
		}
	}
	for _, key := range []Hash{{0x12}, {0x12, 1}, {0xff}, {0x12, 31: 2}, {0x13}, {0x90}, {0x20}} {
		l := lookup(key)
		leaf := must(l.Check(key, tree.Root()))
		show(key, l)
		f.vector("present", leaf != nil)
	}
	subtree := func(level int, index uint64) (Hash, error) {
		var sub KeyLog
		for _, h := range hashes[index<<level : (index+1)<<level] {
			sub.Add(h)
		}
		return sub.Root(), nil
	}
	for _, r := range [][2]uint64{{0, 7}, {0, 1}, {6, 7}, {2, 5}, {3, 4}} {
		f.vector("from", r[0], "shown_entry", hashes[r[0]:r[1]], "log_count", 7, "log_root", log.Root(),
			"range_hash", must(ProveRange(r[0], r[1], 7, subtree)))
	}

	reject := func(why string, key Hash, l IndexLookup) {
		t.Helper()
		_, err := l.Check(key, tree.Root())
		show(key, l)
		f.reject(why, "lookup", err)
	}
	reject("absence by a leaf that is not on the path", Hash{0x80}, lookup(Hash{0x12}))
	l := lookup(Hash{0x12})
	l.Leaf = nil
	reject("presence told as absence", Hash{0x12}, l)
	l = lookup(Hash{0x12})
	l.Siblings = l.Siblings[1:]
	reject("a sibling missing", Hash{0x12}, l)
	l = lookup(Hash{0x12})
	l.Siblings = append(slices.Clone(l.Siblings), Hash{})
	reject("a sibling too many", Hash{0x12}, l)
	l = lookup(Hash{0x12})
	l.Leaf.Count++
	reject("another count", Hash{0x12}, l)
	f.finish(file)
}

func encoded(leaves []IndexLeaf) (out [][]byte) {
	for i := range leaves {
		out = append(out, leaves[i].append(nil))
	}
	return out
}

func completenessVectors(t *testing.T, file string) {
	f := newVectorFile(t, "Completeness proofs: the question (names, also, from, to), the proof, and what it shows: the\n"+
		"commitment's position, the number of records covered, whether the window is closed, the\n"+
		"positions shown and how many of them match. A proof to be refused is refused for its question.")
	l, proofs := fullCompleteness(t)
	vkey := vectorKey(t)
	ask := func(q Question) {
		f.field("vkey", vkey)
		f.field("origin", testOrigin)
		f.field("names", q.Names)
		f.field("also", append([]Name{}, q.Also...))
		f.field("from", q.From)
		f.field("to", q.To)
	}
	for _, p := range proofs {
		c, err := p.Check(p.Question, testOrigin, l.verifier)
		if err != nil {
			t.Fatal(err)
		}
		positions := []uint64{}
		for _, r := range c.Records {
			positions = append(positions, r.Leaf.Position)
		}
		ask(p.Question)
		f.vector("proof", p.Marshal(), "commit", c.Commit, "size", c.Size, "closed", c.Closed, "positions", positions, "matches", c.Matches)
	}
	reject := func(why string, q Question, enc []byte) {
		t.Helper()
		p, err := ParseCompleteness(enc)
		if err == nil {
			_, err = p.Check(q, testOrigin, l.verifier)
		}
		ask(q)
		f.reject(why, enc, err)
	}
	edited := func(i int, edit func(*Completeness)) []byte {
		p := must(ParseCompleteness(proofs[i].Marshal()))
		edit(p)
		return p.Marshal()
	}
	q := proofs[0].Question
	good := proofs[0].Marshal()
	reject("a record left out", q, edited(0, func(p *Completeness) { p.Records = slices.Delete(p.Records, 1, 2) }))
	reject("two records in the wrong order", q, edited(0, func(p *Completeness) { p.Records[0], p.Records[1] = p.Records[1], p.Records[0] }))
	reject("a record that bears none of the names put in", q, edited(0, func(p *Completeness) {
		p.Records = slices.Insert(p.Records, 1, l.show(6, nil))
	}))
	reject("another body", q, edited(0, func(p *Completeness) { p.Records[0].Body, p.Records[0].Salt = p.Records[1].Body, p.Records[1].Salt }))
	reject("a neighbour left out", q, edited(0, func(p *Completeness) { p.Parts[0].Range.After = nil }))
	reject("a name that is there told to be absent", q, edited(0, func(p *Completeness) { p.Parts[0].Range = nil }))
	reject("one part for two names", q, edited(0, func(p *Completeness) { p.Parts = p.Parts[:1] }))
	other := q
	other.To++
	reject("another window", other, good)
	other = q
	other.Names = slices.Clone(q.Names)
	slices.Reverse(other.Names)
	reject("another order of names", other, good)
	reject("the first record not covered shown for nothing", q, edited(0, func(p *Completeness) { p.Next = proofs[1].Next }))
	reject("a byte follows", q, append(bytes.Clone(good), 0))
	reject("another format", q, []byte(replaced(good, "completeness/v1", "completeness/v2")))
	reject("window that ends before it begins", Question{Names: q.Names, From: q.To, To: q.From}, edited(0, func(p *Completeness) { p.From, p.To = q.To, q.From }))
	f.finish(file)
}
