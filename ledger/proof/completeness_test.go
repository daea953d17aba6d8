package proof

import (
	"bytes"
	"flag"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
)

var seedFlag = flag.Uint64("seed", 0, "replay the random cases of this seed; 0 draws a fresh one")

func seeded(t testing.TB) *rand.Rand {
	seed := *seedFlag
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("replay with: go test ./ledger/proof -run '^%s$' -seed %d", t.Name(), seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// Proofs agree with looking at every record, in random logs, as of any commitment,
// under any later checkpoint; and they survive being written and read.
func TestCompletenessAgreesWithBruteForce(t *testing.T) {
	rng := seeded(t)
	cases, perLog := 100_000, 500
	if testing.Short() {
		cases = 4_000
	}
	closed, matched, absent := 0, 0, 0
	for n := 0; n < cases; n += perLog {
		l := newRandomLog(t, rng, 120)
		for range perLog {
			q := l.randomQuestion(rng)
			c := l.commits[rng.IntN(len(l.commits))]
			size := c.position + 1 + rng.IntN(len(l.leaves)-c.position)
			p := l.prove(q, c, size)
			enc := p.Marshal()
			read, err := ParseCompleteness(enc)
			if err != nil {
				t.Fatalf("%+v: %v", q, err)
			}
			got, err := read.Check(q, testOrigin, l.verifier)
			if err != nil {
				t.Fatalf("%+v: %v", q, err)
			}
			want, matches := l.brute(q, c.size)
			var positions []int64
			for _, r := range got.Records {
				positions = append(positions, int64(r.Leaf.Position))
			}
			if !slices.Equal(positions, want) || got.Matches != matches || got.Withheld != 0 {
				t.Fatalf("%+v: proven %v, %d matching; there are %v, %d", q, positions, got.Matches, want, matches)
			}
			if got.Commit != int64(c.position) || got.Size != int64(c.size) || got.Checkpoint != l.checkpoint(size) {
				t.Fatalf("%+v: rests on %+v", q, got)
			}
			// Closed is for good: no later record is ever within the window.
			if all, _ := l.brute(q, len(l.leaves)); got.Closed && !slices.Equal(all, want) {
				t.Fatalf("%+v: closed over %d records, but %v belong", q, c.size, all)
			}
			if q.To != EndOfTime && l.times[c.size] >= q.To && !got.Closed {
				t.Fatalf("%+v: record %d shows that the window is closed", q, c.size)
			}
			closed, matched = closed+count(got.Closed), matched+count(got.Matches > 0)
			absent += count(read.Parts[0].Range == nil)
		}
	}
	if closed == 0 || matched == 0 || absent == 0 {
		t.Fatalf("the cases are too much alike: %d closed, %d with matches, %d with an absent name", closed, matched, absent)
	}
}

func count(b bool) int {
	if b {
		return 1
	}
	return 0
}

// Each way to answer wrongly is refused: a record left out, put in, or moved, and
// another window or name, whatever is adapted to it.
func TestCompletenessRefuses(t *testing.T) {
	rng := seeded(t)
	runs := 300
	if testing.Short() {
		runs = 40
	}
	tried := map[string]int{}
	for range runs {
		l := newRandomLog(t, rng, 80)
		for range 10 {
			q := l.randomQuestion(rng)
			if len(q.Also) > 0 {
				continue
			}
			c, size := l.commits[rng.IntN(len(l.commits))], len(l.leaves)
			for name, forged := range l.forgeries(rng, q, c, size) {
				tried[name]++
				if _, err := forged.p.Check(forged.q, testOrigin, l.verifier); err == nil {
					t.Fatalf("%s passes: %+v", name, forged.q)
				}
			}
		}
	}
	for _, name := range []string{"omitted", "omitted at the start", "omitted at the end", "omitted with its neighbour moved", "inserted", "reordered", "other window", "wider window", "other name", "said to be absent", "of another log", "unneeded next"} {
		if tried[name] == 0 {
			t.Errorf("%s was never tried", name)
		}
	}
}

type forgery struct {
	q Question
	p *Completeness
}

func (l *indexedLog) forgeries(rng *rand.Rand, q Question, c indexedCommit, size int) map[string]forgery {
	out := map[string]forgery{}
	good := func() *Completeness { return l.prove(q, c, size) }
	n := len(good().Records)
	if n > 0 {
		p := good()
		p.Records = slices.Delete(p.Records, rng.IntN(n), n)
		out["omitted at the end"] = forgery{q, p}
		p = good()
		i := rng.IntN(n)
		p.Records = slices.Delete(p.Records, i, i+1)
		out["omitted"] = forgery{q, p}
		p = good()
		p.Records = p.Records[1:]
		for j := range p.Parts {
			if r := p.Parts[j].Range; r != nil {
				r.First++
			}
		}
		out["omitted at the start"] = forgery{q, p}
		// The window is honest, but an entry in it is passed off as a neighbour.
		p = good()
		last := must(ParseLeaf(p.Records[n-1].Leaf))
		narrow := q
		narrow.To = last.Time
		if narrow.From <= narrow.To {
			p = l.prove(narrow, c, size)
			p.Question, p.Next = q, nil
			out["omitted with its neighbour moved"] = forgery{q, p}
		}
	}
	if n > 1 {
		p := good()
		p.Records[0], p.Records[1] = p.Records[1], p.Records[0]
		out["reordered"] = forgery{q, p}
	}
	p := good()
	for i := range c.size {
		if l.times[i] >= q.From && l.times[i] < q.To && !slices.ContainsFunc(q.Names, func(n Name) bool { return l.keys[i][n.Key()] }) {
			at, _ := slices.BinarySearchFunc(p.Records, i, func(s ShownRecord, i int) int {
				return int(must(ParseLeaf(s.Leaf)).Position) - i
			})
			p.Records = slices.Insert(p.Records, at, l.show(i, nil))
			out["inserted"] = forgery{q, p}
			break
		}
	}
	other := q
	other.From++
	if other.From <= other.To {
		out["other window"] = forgery{other, good()}
	}
	wider := q
	wider.To = l.times[len(l.times)-1] + 5
	if brute, _ := l.brute(wider, c.size); wider.To > q.To && len(brute) > n {
		p := good()
		p.Question, p.Next = wider, nil
		out["wider window"] = forgery{wider, p}
	}
	// The honest answer about another name, under the name asked for.
	named := q
	named.Names = []Name{{KindEntry, "E0"}}
	asked := named
	asked.Names = []Name{{KindEntry, "E6"}}
	a, _ := l.brute(named, c.size)
	b, _ := l.brute(asked, c.size)
	if !slices.Equal(a, b) {
		p := l.prove(named, c, size)
		p.Question = asked
		out["other name"] = forgery{asked, p}
	}
	for j := range q.Names {
		if p := good(); p.Parts[j].Range != nil {
			p.Parts[j].Range = nil
			out["said to be absent"] = forgery{q, p}
		}
	}
	p = good()
	p.Checkpoint = must(Checkpoint{Origin: testOrigin, Size: int64(size), Root: Hash{1}}.Sign(l.signer))
	out["of another log"] = forgery{q, p}
	if p := good(); p.Next == nil && c.size < c.position {
		p.Next = &ProvenLeaf{l.path(c.size, size), l.leaves[c.size]}
		out["unneeded next"] = forgery{q, p}
	}
	return out
}

// fullCompleteness makes proofs that use every field between them.
func fullCompleteness(t testing.TB) (*indexedLog, []*Completeness) {
	l := newIndexedLog(t)
	e := func(id string) Name { return Name{KindEntry, id} }
	at := int64(1767864600000000)
	for i := range 20 {
		names := []Name{e(fmt.Sprint("E", i%3))}
		if i%4 == 0 {
			names = append(names, e("also"))
		}
		l.add(at+int64(i)*10, indexedBody(i, names...))
	}
	s := l.snapshot()
	l.add(at+300, indexedBody(20, e("E0")))
	l.commit(at+310, s)
	l.add(at+320, indexedBody(21, e("E1")))
	c, size := l.commits[0], len(l.leaves)
	var out []*Completeness
	for _, q := range []Question{
		{Names: []Name{e("E1"), e("E2")}, From: at + 40, To: at + 90},
		{Names: []Name{e("E0")}, Also: []Name{e("also")}, From: at, To: at + 250},
		{Names: []Name{e("nobody's"), {KindDataset, "ns", "nothing"}}, From: 0, To: EndOfTime},
		{Names: []Name{{KindType, IndexCommittedType}}, From: 0, To: at + 5},
		{Names: []Name{e("E1")}, From: at + 11, To: at + 12},
	} {
		out = append(out, l.prove(q, c, size))
	}
	return l, out
}

// Every byte of a proof matters: with any bit changed it is refused, by reading or
// by checking, and so is every part of it.
func TestCompletenessMutations(t *testing.T) {
	l, proofs := fullCompleteness(t)
	step := 1
	if testing.Short() {
		step = 7
	}
	for _, p := range proofs {
		good := p.Marshal()
		if _, err := p.Check(p.Question, testOrigin, l.verifier); err != nil {
			t.Fatal(err)
		}
		refused := func(b []byte) bool {
			read, err := ParseCompleteness(b)
			if err != nil {
				return true
			}
			_, err = read.Check(p.Question, testOrigin, l.verifier)
			return err != nil
		}
		for i := 0; i < len(good); i += step {
			for _, x := range []byte{1, 0x80, 0x20, 0xff} {
				bad := bytes.Clone(good)
				bad[i] ^= x
				if !refused(bad) {
					t.Fatalf("%+v: byte %d of %d changed by %#x passes", p.Question, i, len(good), x)
				}
			}
			if !refused(good[:i]) || !refused(slices.Delete(bytes.Clone(good), i, i+1)) || !refused(slices.Insert(bytes.Clone(good), i, good[i])) {
				t.Fatalf("%+v: cut at, without, or with byte %d twice it passes", p.Question, i)
			}
		}
		if !refused(append(bytes.Clone(good), 0)) {
			t.Fatalf("%+v: with a byte after it it passes", p.Question)
		}
	}
}

// A commitment that breaks its rules is refused, whatever rests on it.
func TestIndexCommitRefuses(t *testing.T) {
	l := newIndexedLog(t)
	l.add(1, indexedBody(0))
	good := IndexCommit{IndexAlgorithm, Hash{1}, 1}
	other := func(edit func(*IndexCommit)) *Body {
		c := good
		edit(&c)
		return commitBody(1, c)
	}
	wrongType := commitBody(1, good)
	wrongType.Type = "ledger.genesis"
	moreData := commitBody(1, good)
	moreData.Data = must(encMode.Marshal(map[string]any{"algorithm": IndexAlgorithm, "root": good.Root[:], "size": 1, "more": 1}))
	for name, c := range map[string]struct {
		body *Body
		want string
	}{
		"good":              {commitBody(1, good), ""},
		"another algorithm": {other(func(c *IndexCommit) { c.Algorithm = "ledgerline/index/v2" }), "newer one"},
		"itself covered":    {other(func(c *IndexCommit) { c.Size = 100 }), "before it"},
		"nothing covered":   {other(func(c *IndexCommit) { c.Size = 0 }), "before it"},
		"another type":      {wrongType, "ledger.genesis"},
		"another field":     {moreData, "3 fields"},
	} {
		l.add(1, c.body)
		at := len(l.leaves) - 1
		got, err := CheckIndexCommit(l.leaves[at], l.bodies[at])
		switch {
		case c.want == "" && (err != nil || got != good):
			t.Errorf("%s: %+v, %v", name, got, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := CheckIndexCommit(l.leaves[1], l.bodies[2]); err == nil {
		t.Error("another body passes")
	}
}

// A record whose keys fill its leaf may bear more of them, in a continuation.
func TestCompletenessOfContinuedRecords(t *testing.T) {
	l := newIndexedLog(t)
	names := []Name{{KindEntry, "one"}}
	for i := range 1500 {
		names = append(names, Name{KindDataset, "pg", fmt.Sprint("t", i)})
	}
	big := indexedBody(1, names...)
	l.add(10, big)
	for _, c := range big.Continuations() {
		b := indexedBody(2)
		b.Type, b.Data = ContinuedType, c.Data()
		l.add(11, b)
	}
	l.commit(12, l.snapshot())
	first, later := map[Hash]bool{}, map[Hash]bool{}
	for k := range l.keys[0] {
		first[k] = true
	}
	for k := range l.keys[1] {
		later[k] = true
	}
	pick := func(in, notIn map[Hash]bool) Name {
		return names[slices.IndexFunc(names, func(n Name) bool { return in[n.Key()] && !notIn[n.Key()] })]
	}
	inLeaf, continued := pick(first, later), pick(later, first)
	q := Question{Names: []Name{inLeaf}, Also: []Name{continued}, To: EndOfTime}
	p := l.prove(q, l.commits[0], len(l.leaves))
	got, err := p.Check(q, testOrigin, l.verifier)
	if err != nil || got.Matches != 1 {
		t.Fatalf("%+v, %v: want the record to match by its body", got, err)
	}
	p.Records[0].Body, p.Records[0].Salt = nil, nil
	if _, err := p.Check(q, testOrigin, l.verifier); err == nil {
		t.Fatal("nobody can tell whether the record matches, but the proof passes")
	}
	q = Question{Names: []Name{continued}, Also: []Name{inLeaf}, To: EndOfTime}
	got, err = l.prove(q, l.commits[0], len(l.leaves)).Check(q, testOrigin, l.verifier)
	if err != nil || len(got.Records) != 1 || got.Matches != 0 {
		t.Fatalf("%+v, %v: the leaf of a continuation alone does not match", got, err)
	}
}

func FuzzParseCompleteness(f *testing.F) {
	l, proofs := fullCompleteness(f)
	for _, p := range proofs {
		f.Add(p.Marshal())
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := ParseCompleteness(b)
		if err != nil {
			return
		}
		if !bytes.Equal(p.Marshal(), b) {
			t.Fatalf("%x is read as %+v, which is written otherwise", b, p)
		}
		got, err := p.Check(p.Question, testOrigin, l.verifier)
		if err != nil {
			return
		}
		want, _ := l.brute(p.Question, int(got.Size))
		if len(want) != len(got.Records) {
			t.Fatalf("%+v: %d records are proven, there are %d", p.Question, len(got.Records), len(want))
		}
	})
}

// What the proof is written as is what the CBOR library writes of it.
func TestCompletenessIsDeterministicCBOR(t *testing.T) {
	_, proofs := fullCompleteness(t)
	for _, p := range proofs {
		var v any
		if err := decMode.Unmarshal(p.Marshal(), &v); err != nil {
			t.Fatal(err)
		}
		if again := must(encMode.Marshal(v)); !bytes.Equal(again, p.Marshal()) {
			t.Fatalf("%x\nis written by the library as\n%x", p.Marshal(), again)
		}
		read := must(ParseCompleteness(p.Marshal()))
		if !reflect.DeepEqual(read.Question, p.Question) {
			t.Fatalf("read back %+v, want %+v", read.Question, p.Question)
		}
	}
}
