package ledger

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"ledgerline/ledger/proof"
)

// commitIndex asks for a commitment, and takes it into the model.
func (tl *testLog) commitIndex() {
	tl.t.Helper()
	if err := tl.CommitIndex(ctx); err != nil {
		tl.t.Fatal(err)
	}
	tl.adoptCommits()
}

// adoptCommits takes records of the ledger itself that stand at the end into the
// model.
func (tl *testLog) adoptCommits() {
	tl.t.Helper()
	for at := tl.model.next(); at < tl.Head().Size; at = tl.model.next() {
		e, err := tl.Get(ctx, at)
		if err != nil {
			tl.t.Fatal(err)
		}
		if e.Event.Type != proof.IndexCommittedType {
			tl.t.Fatalf("position %d holds a %s that nobody appended", at, e.Event.Type)
		}
		tl.model.put(at, e.Event)
	}
}

// proven proves a question as of a commitment and returns what is proven.
func (tl *testLog) proven(q proof.Question, commit int64) *proof.Complete {
	tl.t.Helper()
	p, _, err := tl.ProveCompleteness(ctx, q, commit)
	if err != nil {
		tl.t.Fatalf("%+v: %v", q, err)
	}
	read, err := proof.ParseCompleteness(p.Marshal())
	if err != nil {
		tl.t.Fatal(err)
	}
	got, err := read.Check(q, tl.Origin(), verifiers(tl.Ledger))
	if err != nil {
		tl.t.Fatalf("%+v: %v", q, err)
	}
	return got
}

// checkProven compares proofs for every name of the log, over random windows and
// as of every commitment, with looking at every record, and every commitment with
// the index made anew from the leaves.
func (tl *testLog) checkProven(rng *rand.Rand, cases int) {
	tl.t.Helper()
	leaves, commits := tl.auditIndex()
	last := commits[len(commits)-1]
	var names []proof.Name
	seen := map[proof.Hash]bool{}
	for at := range leaves {
		r, err := tl.Record(int64(at))
		if err != nil {
			tl.t.Fatal(err)
		}
		body, err := proof.ParseBody(r.Body)
		if err != nil {
			tl.t.Fatal(err)
		}
		for _, n := range append([]proof.Name{{"type", body.Type}, {"subject", body.Subject[0], body.Subject[1]}, {"principal", body.Principal}}, body.Names...) {
			if !seen[n.Key()] {
				seen[n.Key()] = true
				names = append(names, n)
			}
		}
	}
	names = append(names, proof.Name{"entry", "nobody's"})
	for range cases {
		moment := func() int64 { return max(0, leaves[rng.IntN(len(leaves))].Time+rng.Int64N(3)-1) }
		q := proof.Question{Names: []proof.Name{names[rng.IntN(len(names))]}, From: moment(), To: moment()}
		if q.To < q.From || rng.IntN(3) == 0 {
			q.From, q.To = 0, proof.EndOfTime
		}
		as, commit := last, int64(0) // the newest, or one of all
		if rng.IntN(2) == 0 {
			as = commits[rng.IntN(len(commits))]
			commit = as.position
		}
		got := tl.proven(q, commit)
		if got.Commit != as.position {
			tl.t.Fatalf("the proof rests on the commitment at position %d, not %d", got.Commit, as.position)
		}
		var want []uint64
		for _, l := range leaves[:got.Size] {
			if l.Time >= q.From && l.Time < q.To && slices.Contains(l.Keys, q.Names[0].Key()) {
				want = append(want, l.Position)
			}
		}
		var positions []uint64
		for _, r := range got.Records {
			positions = append(positions, r.Leaf.Position)
		}
		if !slices.Equal(positions, want) || got.Size != as.Size || got.Matches != len(want) {
			tl.t.Fatalf("%+v: proven %v over %d records; there are %v, and %d are covered", q, positions, got.Size, want, as.Size)
		}
	}
	for at := range leaves {
		want := int64(0)
		for _, c := range commits {
			if c.Size > int64(at) {
				want = c.position
				break
			}
		}
		got, err := tl.IndexCommitOver(int64(at))
		if got != want || (want == 0) != errors.Is(err, ErrNoCommitment) {
			tl.t.Fatalf("the first commitment over record %d: at position %d, %v; it is at %d", at, got, err, want)
		}
		commit := int64(at)
		if slices.ContainsFunc(commits, func(c indexCommit) bool { return c.position == commit }) {
			continue
		}
		if _, _, err := tl.ProveCompleteness(ctx, proof.Question{Names: names[:1], To: proof.EndOfTime}, commit); commit > 0 && !errors.Is(err, ErrNoCommitment) {
			tl.t.Fatalf("as of position %d, where there is no commitment: %v", commit, err)
		}
	}
}

// auditIndex makes the index anew from the leaves and compares every commitment.
func (tl *testLog) auditIndex() (leaves []proof.Leaf, commits []indexCommit) {
	tl.t.Helper()
	var index proof.Index
	var last proof.IndexCommit
	roots := map[int64]proof.Hash{}
	for at := range tl.Head().Size {
		r, err := tl.Record(at)
		if err != nil {
			tl.t.Fatal(err)
		}
		leaf, err := proof.ParseLeaf(r.Leaf)
		if err != nil {
			tl.t.Fatal(err)
		}
		if slices.Contains(leaf.Keys, proof.Key("type", proof.IndexCommittedType)) {
			c, err := proof.CheckIndexCommit(r.Leaf, r.Body)
			if err != nil {
				tl.t.Fatal(err)
			}
			if c.Size <= last.Size || c.Root != roots[c.Size] {
				tl.t.Fatalf("position %d commits to %s over %d records, after %d; they give %s", at, c.Root, c.Size, last.Size, roots[c.Size])
			}
			last, commits = c, append(commits, indexCommit{at, c})
		}
		if err := index.Add(&leaf, r.Hash); err != nil {
			tl.t.Fatal(err)
		}
		roots[at+1] = index.Root()
		leaves = append(leaves, leaf)
	}
	return leaves, commits
}

// TestIndexProves: what was durable before a commitment was asked for is proven
// afterwards, whole, through reopening.
func TestIndexProves(t *testing.T) {
	rng := seeded(t)
	tl := newTestLog(t, Options{})
	if _, err := tl.IndexState(); !errors.Is(err, ErrNoIndex) {
		t.Fatalf("before anything is committed to: %v", err)
	}
	for round := range 4 {
		tl.fill(fmt.Sprint("round", round), 130)
		tl.append(lineage(fmt.Sprint("wide", round), 1500)) // continued
		tl.commitIndex()
		state, err := tl.IndexState()
		if err != nil || state.Commit != tl.Head().Size-1 || state.Size != state.Commit {
			t.Fatalf("state %+v, %v after a commitment at position %d", state, err, tl.Head().Size-1)
		}
		tl.checkProven(rng, 60)
		tl.fill(fmt.Sprint("uncovered", round), 7)
		tl.checkProven(rng, 20)
		if round%2 == 1 {
			tl.verify() // closes and reopens
			tl.waitIndex()
			if again, err := tl.IndexState(); err != nil || again != state {
				t.Fatalf("state %+v, %v after reopening; it was %+v", again, err, state)
			}
			tl.checkProven(rng, 20)
		}
	}
	tl.check()
}

// waitIndex waits until the index is taken up.
func (tl *testLog) waitIndex() {
	tl.t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for {
		_, err := tl.IndexState()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			tl.t.Fatalf("the index is not taken up: %v", err)
		}
		time.Sleep(time.Millisecond)
	}
}

// TestIndexNothingDue: events of the ledger itself make no commitment due, so that
// commitments do not call for further ones.
func TestIndexNothingDue(t *testing.T) {
	tl := newTestLog(t, Options{})
	for range 3 {
		tl.commitIndex()
	}
	if size := tl.Head().Size; size != 1 {
		t.Fatalf("%d records; genesis alone calls for no commitment", size)
	}
	tl.append(party(1))
	for range 3 {
		tl.commitIndex()
	}
	if size := tl.Head().Size; size != 3 {
		t.Fatalf("%d records; one event calls for one commitment", size)
	}
}

// TestIndexCadence: commitments come by themselves, by number and by age.
func TestIndexCadence(t *testing.T) {
	for name, o := range map[string]IndexOptions{"records": {Records: 20, Age: time.Hour}, "age": {Age: time.Millisecond}} {
		t.Run(name, func(t *testing.T) {
			tl := newTestLog(t, Options{Index: o})
			for n := range 25 {
				if _, err := tl.Append(ctx, party(n)); err != nil {
					t.Fatal(err)
				}
			}
			tl.waitIndex()
			if _, commits := tl.auditIndex(); len(commits) == 0 {
				t.Fatal("no commitment is in the book")
			}
		})
	}
}

// TestIndexIsMadeAnew: the rows of the index are derived. Whatever happens to them
// while the ledger is closed, proofs and later commitments are the same.
func TestIndexIsMadeAnew(t *testing.T) {
	rows := func(edit func(db *pebble.DB) error) func(t *testing.T, fs vfs.FS) {
		return func(t *testing.T, fs vfs.FS) {
			s, err := openIndexStore(Options{FS: fs}.withDefaults(testDir), "ledger/index")
			if err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(edit(s.db), s.close()); err != nil {
				t.Fatal(err)
			}
		}
	}
	firstRow := func(db *pebble.DB, row byte) []byte {
		it, err := db.NewIter(&pebble.IterOptions{LowerBound: []byte{row}, UpperBound: []byte{row + 1}})
		if err != nil || !it.First() {
			t.Fatal(err)
		}
		key := slices.Clone(it.Key())
		if err := it.Close(); err != nil {
			t.Fatal(err)
		}
		return key
	}
	for name, damage := range map[string]func(t *testing.T, fs vfs.FS){
		"gone": func(t *testing.T, fs vfs.FS) {
			if err := fs.RemoveAll("ledger/index"); err != nil {
				t.Fatal(err)
			}
		},
		"a key lost": rows(func(db *pebble.DB) error { return db.Delete(firstRow(db, indexKeyRow), pebble.NoSync) }),
		"a key changed": rows(func(db *pebble.DB) error {
			return db.Set(firstRow(db, indexKeyRow), encodeKeyLog(&proof.KeyLog{Count: 1, Peaks: []proof.Hash{{1}}}), pebble.NoSync)
		}),
		"an earlier tree lost": rows(func(db *pebble.DB) error {
			it, err := db.NewIter(&pebble.IterOptions{LowerBound: []byte{indexPartsRow}, UpperBound: []byte{indexPartsRow + 1}})
			if err != nil || !it.Last() {
				t.Fatal(err)
			}
			return errors.Join(db.Delete(slices.Clone(it.Key()), pebble.NoSync), it.Close())
		}),
		"a row that is none": rows(func(db *pebble.DB) error { return db.Set(firstRow(db, indexKeyRow), []byte{1}, pebble.NoSync) }),
		"of other records": rows(func(db *pebble.DB) error {
			s := indexStore{db: db}
			err := s.load()
			s.meta.Last[0] ^= 1
			v, _ := encMode.Marshal(s.meta)
			return errors.Join(err, db.Set([]byte{indexMetaRow}, v, pebble.NoSync))
		}),
		"of more records": rows(func(db *pebble.DB) error {
			s := indexStore{db: db}
			err := s.load()
			s.meta.Size += 1000
			v, _ := encMode.Marshal(s.meta)
			return errors.Join(err, db.Set([]byte{indexMetaRow}, v, pebble.NoSync))
		}),
		"of an unknown format": rows(func(db *pebble.DB) error {
			v, _ := encMode.Marshal(indexMeta{Format: 99})
			return db.Set([]byte{indexMetaRow}, v, pebble.NoSync)
		}),
		"not a store": func(t *testing.T, fs vfs.FS) {
			names, err := fs.List("ledger/index")
			for _, n := range names {
				err = errors.Join(err, fs.RemoveAll("ledger/index/"+n))
			}
			f, cerr := fs.Create("ledger/index/CURRENT", vfs.WriteCategoryUnspecified)
			if err := errors.Join(err, cerr); err != nil {
				t.Fatal(err)
			}
			if _, err := f.Write([]byte("nonsense")); err != nil {
				t.Fatal(err)
			}
			f.Close()
		},
	} {
		t.Run(name, func(t *testing.T) {
			tl := newTestLog(t, Options{})
			tl.fill("a", 300)
			tl.commitIndex()
			state, err := tl.IndexState()
			if err != nil {
				t.Fatal(err)
			}
			tl.close()
			damage(t, tl.fs)
			l, err := Open(testDir, tl.opts)
			if err != nil {
				t.Fatal(err)
			}
			tl.Ledger = l
			tl.waitIndex()
			if again, err := tl.IndexState(); err != nil || again != state {
				t.Fatalf("state %+v, %v; it was %+v", again, err, state)
			}
			tl.fill("b", 20)
			tl.commitIndex()
			tl.checkProven(seeded(t), 40)
		})
	}
}

// TestIndexOldCopy: rows put back to an older state catch up to the newest
// commitment of the book.
func TestIndexOldCopy(t *testing.T) {
	tl := newTestLog(t, Options{})
	tl.fill("a", 60)
	tl.commitIndex()
	tl.close()
	old := copyFS(t, tl.fs)
	tl.reopen()
	tl.fill("b", 60)
	tl.commitIndex()
	tl.close()
	if err := tl.fs.RemoveAll("ledger/index"); err != nil {
		t.Fatal(err)
	}
	if _, err := vfs.Clone(old, tl.fs, "ledger/index", "ledger/index"); err != nil {
		t.Fatal(err)
	}
	tl.reopen()
	tl.waitIndex()
	tl.checkProven(seeded(t), 40)
}

// TestIndexCrash cuts the power again and again while producers append and
// commitments are made: whatever is left, the book's commitments are right, the
// index is taken up, and it goes on.
func TestIndexCrash(t *testing.T) {
	rng := seeded(t)
	for i, c := range crashes(t, 50, rng, Options{Index: IndexOptions{Records: 25}}) {
		checkCrash(t, fmt.Sprintf("crash %d", i), c)
		l, err := Open(testDir, Options{FS: c.fs, CacheBytes: 8 << 20})
		if err != nil {
			t.Fatal(err)
		}
		tl := &testLog{Ledger: l, t: t, fs: c.fs, model: newModel()}
		if err := tl.CommitIndex(ctx); err != nil {
			t.Fatal(err)
		}
		tl.checkProven(rng, 20)
		tl.close()
	}
}

// TestIndexOff: without an index there are no commitments and no proofs.
func TestIndexOff(t *testing.T) {
	tl := newTestLog(t, Options{Index: IndexOptions{Off: true}})
	tl.append(party(1))
	_, _, err := tl.ProveCompleteness(ctx, proof.Question{Names: []proof.Name{{"party", "P001"}}, To: 5}, 0)
	if !errors.Is(err, ErrNoIndex) || !errors.Is(tl.CommitIndex(ctx), ErrNoIndex) {
		t.Fatalf("without an index: %v", err)
	}
}

// TestProofSize: a proof of too many records is refused, not cut short.
func TestProofSize(t *testing.T) {
	tl := newTestLog(t, Options{Index: IndexOptions{ProofRecords: 10}})
	tl.fill("a", 50)
	tl.commitIndex()
	var size *ProofSizeError
	if _, _, err := tl.ProveCompleteness(ctx, proof.Question{Names: []proof.Name{{"principal", "tester"}}, To: proof.EndOfTime}, 0); !errors.As(err, &size) || size.Records != 50 {
		t.Fatalf("want a *ProofSizeError for 50 records, got %v", err)
	}
}

// TestIndexStore: rows of logs of any length, come in runs of any length, give the
// subtrees that proofs need, across the widths at which they are stored.
func TestIndexStore(t *testing.T) {
	rng := seeded(t)
	const n = 70_000
	s, err := openIndexStore(Options{FS: vfs.NewMem()}.withDefaults(testDir), "index")
	if err != nil {
		t.Fatal(err)
	}
	key := proof.Key("entry", "hot")
	var all []proof.IndexEntry
	var log proof.KeyLog
	for len(all) < n {
		run := indexed{entries: map[proof.Hash][]proof.IndexEntry{}}
		for range min(n-len(all), 1+rng.IntN(1000)*rng.IntN(20)) {
			e := proof.IndexEntry{Position: int64(len(all)) * 3, Time: int64(len(all)) * 10, Leaf: proof.Hash{byte(rng.Uint32()), byte(rng.Uint32())}}
			all = append(all, e)
			log.Add(e.Hash())
			run.entries[key] = append(run.entries[key], e)
		}
		cold := proof.Key("entry", fmt.Sprint(len(all)))
		run.entries[cold] = all[len(all)-1:]
		run.size = int64(len(all))
		if err := s.add(run); err != nil {
			t.Fatal(err)
		}
	}
	for range 300 {
		from, to := rng.Int64N(n*10), rng.Int64N(n*10)
		if rng.IntN(2) == 0 {
			to = from + rng.Int64N(2000)
		}
		if from > to {
			from, to = to, from
		}
		checkStored(t, s, key, from, min(to, n*10), all, log.Root())
	}
	if err := s.close(); err != nil {
		t.Fatal(err)
	}
}

func checkStored(t *testing.T, s *indexStore, key proof.Hash, from, to int64, all []proof.IndexEntry, root proof.Hash) {
	t.Helper()
	rows := indexReader{r: s.db}
	lookup, err := s.tree.Lookup(key, rows.leaves)
	if err != nil {
		t.Fatal(err)
	}
	k, err := newKeyLogReader(s.db, key)
	if err != nil {
		t.Fatal(err)
	}
	part, first, end, err := proof.ProvePart(lookup, key, from, to, k.reader())
	if err = errors.Join(err, k.close(), rows.close()); err != nil {
		t.Fatal(err)
	}
	leaf, err := part.Lookup.Check(key, s.tree.Root())
	if err != nil || leaf.Root != root || leaf.Count != uint64(len(all)) {
		t.Fatalf("lookup shows %+v, %v", leaf, err)
	}
	lo, hi := first, end
	if part.Range.Before != nil {
		lo--
	}
	if part.Range.After != nil {
		hi++
	}
	var hashes []proof.Hash
	for _, e := range all[lo:hi] {
		hashes = append(hashes, e.Hash())
	}
	if err := proof.CheckRange(hashes, lo, leaf.Count, part.Range.Hashes, leaf.Root); err != nil {
		t.Fatalf("[%d, %d): %v", from, to, err)
	}
	for i, e := range all {
		if in := uint64(i) >= first && uint64(i) < end; in != (e.Time >= from && e.Time < to) {
			t.Fatalf("[%d, %d): entry %d at %d, shown %v", from, to, i, e.Time, in)
		}
	}
}
