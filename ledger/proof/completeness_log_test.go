package proof

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// An indexedLog is a log with bodies that commits to its index now and then.
type indexedLog struct {
	testLog
	bodies  [][]byte
	salts   [][32]byte
	times   []int64
	keys    []map[Hash]bool // by position, of the leaf
	entries map[Hash][]IndexEntry
	index   Index
	commits []indexedCommit
	notes   map[int][]byte
}

type indexedCommit struct {
	position, size int
	tree           IndexTree
}

var indexSecret = []byte("book secret")

func newIndexedLog(t testing.TB) *indexedLog {
	return &indexedLog{testLog: *newTestLog(t, 0), entries: make(map[Hash][]IndexEntry), notes: make(map[int][]byte)}
}

// add appends a record at a time, or right after the last if that is not later.
func (l *indexedLog) add(at int64, b *Body) {
	l.t.Helper()
	prev := GenesisPrev([]byte{0xa0})
	if n := len(l.leaves); n > 0 {
		prev, at = LeafHash(l.leaves[n-1]), max(at, l.times[n-1]+1)
	}
	enc := must(b.Marshal())
	var salt [32]byte
	if !b.Public() {
		salt = BodySalt(indexSecret, b.Source, b.ID)
	}
	keys := b.Keys()
	leaf := Leaf{Version: 1, Position: uint64(len(l.leaves)), Prev: prev, Time: at, Keys: keys[:min(len(keys), MaxKeys)], Body: CommitBody(&salt, enc)}
	raw := leaf.Append(nil)
	if err := l.index.Add(&leaf, LeafHash(raw)); err != nil {
		l.t.Fatal(err)
	}
	of := make(map[Hash]bool)
	for _, k := range leaf.Keys {
		of[k] = true
		l.entries[k] = append(l.entries[k], IndexEntry{int64(leaf.Position), at, LeafHash(raw)})
	}
	l.leaves, l.bodies, l.salts = append(l.leaves, raw), append(l.bodies, enc), append(l.salts, salt)
	l.times, l.keys = append(l.times, at), append(l.keys, of)
	l.tree.AppendData(raw)
}

// indexedBody is a body that bears names.
func indexedBody(n int, names ...Name) *Body {
	b := leastBody()
	b.ID, b.Type, b.Source = fmt.Sprint(n), "access.call.recorded", "https://producer.example"
	b.Subject, b.Principal, b.Names = [2]string{"access", fmt.Sprint(n)}, "platform", names
	return b
}

// commitBody is the body of a commitment to the index.
func commitBody(id int, c IndexCommit) *Body {
	b := leastBody()
	b.ID, b.Type, b.Data = fmt.Sprint("index-", id), IndexCommittedType, c.Data()
	return b
}

// Data is the commitment as the data of a body.
func (c *IndexCommit) Data() []byte {
	return must(encMode.Marshal(map[string]any{"algorithm": c.Algorithm, "root": c.Root[:], "size": c.Size}))
}

// snapshot remembers the index as it is; commit appends a commitment to it.
func (l *indexedLog) snapshot() indexedCommit {
	l.index.Root()
	return indexedCommit{size: len(l.leaves), tree: l.index.tree}
}

func (l *indexedLog) commit(at int64, c indexedCommit) {
	c.position = len(l.leaves)
	l.commits = append(l.commits, c)
	l.add(at, commitBody(c.position, IndexCommit{IndexAlgorithm, c.tree.Root(), int64(c.size)}))
}

func (l *indexedLog) path(position, size int) []Hash {
	l.t.Helper()
	path, err := l.tree.InclusionProof(uint64(position), uint64(size))
	if err != nil {
		l.t.Fatal(err)
	}
	return hashes(path)
}

func (l *indexedLog) note(size int) []byte {
	if l.notes[size] == nil {
		l.notes[size] = l.signed(size)
	}
	return l.notes[size]
}

// prove proves the answer to a question by a commitment, under a checkpoint.
func (l *indexedLog) prove(q Question, c indexedCommit, size int) *Completeness {
	l.t.Helper()
	p := &Completeness{Question: q, Checkpoint: l.note(size)}
	p.Commit = ProvenRecord{ProvenLeaf{l.path(c.position, size), l.leaves[c.position]}, l.bodies[c.position]}
	shown := map[int64]bool{}
	covered := false
	for _, name := range q.Names {
		key := name.Key()
		lookup := must(c.tree.Lookup(key, nil))
		log := l.entries[key]
		part, first, end, err := ProvePart(lookup, key, q.From, q.To, KeyReader{
			Entry: func(i uint64) (IndexEntry, error) { return log[i], nil },
			Subtree: func(level int, index uint64) (Hash, error) {
				var sub KeyLog
				for _, e := range log[index<<level : (index+1)<<level] {
					sub.Add(e.Hash())
				}
				return sub.Root(), nil
			},
		})
		if err != nil {
			l.t.Fatal(err)
		}
		p.Parts = append(p.Parts, part)
		covered = covered || part.Range != nil && part.Range.After != nil
		for _, e := range log[first:end] {
			shown[e.Position] = true
		}
	}
	for i := range l.leaves {
		if shown[int64(i)] {
			p.Records = append(p.Records, l.show(i, q.Also))
		}
	}
	if !covered && c.size < c.position && l.times[c.size] >= q.To {
		p.Next = &ProvenLeaf{l.path(c.size, size), l.leaves[c.size]}
	}
	return p
}

// show shows a record, with its body if it matches or if that cannot be told from
// the leaf.
func (l *indexedLog) show(i int, also []Name) ShownRecord {
	s := ShownRecord{Leaf: l.leaves[i]}
	matches := slices.IndexFunc(also, func(n Name) bool { return !l.keys[i][n.Key()] }) < 0
	if matches || len(l.keys[i]) == MaxKeys {
		s.Body, s.Salt = l.bodies[i], &l.salts[i]
	}
	return s
}

// brute answers a question by looking at every record.
func (l *indexedLog) brute(q Question, size int) (positions []int64, matches int) {
	for i := range size {
		if l.times[i] < q.From || l.times[i] >= q.To {
			continue
		}
		bears := func(n Name) bool { return l.keys[i][n.Key()] }
		if slices.ContainsFunc(q.Names, bears) {
			positions = append(positions, int64(i))
			if slices.IndexFunc(q.Also, func(n Name) bool { return !bears(n) }) < 0 {
				matches++
			}
		}
	}
	return positions, matches
}

// The names that the records of random logs bear.
func randomName(rng *rand.Rand) Name {
	return Name{KindEntry, fmt.Sprint("E", rng.IntN(6)*rng.IntN(4))}
}

func randomNames(rng *rand.Rand, most int) []Name {
	var out []Name
	for range most {
		if n := randomName(rng); !slices.ContainsFunc(out, func(o Name) bool { return slices.Equal(o, n) }) {
			out = append(out, n)
		}
	}
	return out
}

// newRandomLog makes a log of up to most records with commitments among them.
func newRandomLog(t testing.TB, rng *rand.Rand, most int) *indexedLog {
	l := newIndexedLog(t)
	now := int64(1767864600000000)
	n := 2 + rng.IntN(most)
	var pending *indexedCommit
	for i := range n {
		now += rng.Int64N(5)
		if pending != nil && rng.IntN(3) == 0 {
			l.commit(now, *pending)
			pending = nil
			continue
		}
		l.add(now, indexedBody(i, randomNames(rng, rng.IntN(4))...))
		if pending == nil && rng.IntN(6) == 0 {
			s := l.snapshot()
			pending = &s
		}
	}
	l.commit(now, l.snapshot())
	for i := range rng.IntN(3) {
		l.add(now, indexedBody(n+i, randomNames(rng, 2)...))
	}
	return l
}

// randomQuestion asks about records of the log, with ends of the window on, next
// to and away from recorded times.
func (l *indexedLog) randomQuestion(rng *rand.Rand) Question {
	moment := func() int64 { return max(0, l.times[rng.IntN(len(l.times))]+rng.Int64N(3)-1) }
	q := Question{From: moment(), To: moment()}
	if q.From > q.To {
		q.From, q.To = q.To, q.From
	}
	if rng.IntN(4) == 0 {
		q.From = 0
	}
	if rng.IntN(4) == 0 {
		q.To = EndOfTime
	}
	names := randomNames(rng, 1+rng.IntN(3))
	if rng.IntN(5) == 0 && len(names) > 1 {
		return Question{Names: names[:1], Also: names[1:], From: q.From, To: q.To}
	}
	q.Names = names
	return q
}
