package ledger

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"ledgerline/events"
	"ledgerline/ledger/proof"
)

// A place names what a finding says where.
type finding struct {
	kind     string
	from, to int64
}

// tamperSize is two full tiles of records and some.
const tamperSize = 600

// tamperedStore is a closed store of tamperSize records, and the signed head it
// had at some sizes.
func tamperedStore(t *testing.T) (*vfs.MemFS, map[int64][]byte) {
	t.Helper()
	tl := newTestLog(t, Options{})
	tl.append(party(1), party(2))
	tl.fill("x", tamperSize-3)
	heads := make(map[int64][]byte)
	for _, size := range []int64{100, 300, 512, tamperSize} {
		cp, err := tl.CheckpointAt(size)
		if err != nil {
			t.Fatal(err)
		}
		heads[size] = cp
	}
	tl.close()
	return tl.fs.(*vfs.MemFS), heads
}

// flipAt changes one bit of a value.
func flipAt(i int) func([]byte) []byte {
	return func(v []byte) []byte {
		v[i] ^= 4
		return v
	}
}

func deleteRow(key []byte) func(*pebble.DB) error {
	return func(db *pebble.DB) error { return db.Delete(key, pebble.Sync) }
}

func addRow(key, value []byte) func(*pebble.DB) error {
	return func(db *pebble.DB) error { return db.Set(key, value, pebble.Sync) }
}

func swapRows(a, b []byte) func(*pebble.DB) error {
	return func(db *pebble.DB) error {
		va, err := rowOf(db, a)
		if err != nil {
			return err
		}
		vb, err := rowOf(db, b)
		if err != nil {
			return err
		}
		return errors.Join(db.Set(a, vb, pebble.Sync), db.Set(b, va, pebble.Sync))
	}
}

func rowOf(db *pebble.DB, key []byte) ([]byte, error) {
	v, closer, err := db.Get(key)
	if err != nil {
		return nil, fmt.Errorf("row %q: %w", key, err)
	}
	return bytes.Clone(v), closer.Close()
}

func edits(fs ...func(*pebble.DB) error) func(*pebble.DB) error {
	return func(db *pebble.DB) error {
		for _, f := range fs {
			if err := f(db); err != nil {
				return err
			}
		}
		return nil
	}
}

// editHead rewrites the stored head.
func editHead(f func(h *headRow)) func(*pebble.DB) error {
	return rowEdit(headKey, func(v []byte) []byte {
		var h headRow
		if err := decMode.Unmarshal(v, &h); err != nil {
			panic(err)
		}
		f(&h)
		return must(encMode.Marshal(h))
	})
}

// edgeRowOf finds the row of leaf hashes that holds a position.
func edgeRowOf(db *pebble.DB, position int64) (key []byte, err error) {
	it, err := db.NewIter(&pebble.IterOptions{LowerBound: edgeKey(0), UpperBound: edgeKey(position + 1)})
	if err != nil {
		return nil, err
	}
	it.Last()
	return bytes.Clone(it.Key()), it.Close()
}

func editEdge(position int64, f func(leaf []byte)) func(*pebble.DB) error {
	return func(db *pebble.DB) error {
		key, err := edgeRowOf(db, position)
		if err != nil {
			return err
		}
		at := (position - int64(binary.BigEndian.Uint64(key[1:]))) * proof.HashSize
		return rowEdit(key, func(v []byte) []byte {
			f(v[at : at+proof.HashSize])
			return v
		})(db)
	}
}

// TestEditedRows edits rows of a store as somebody with the file and without the
// key could, and asks of Verify the kind of what was done and the smallest range.
func TestEditedRows(t *testing.T) {
	const last = tamperSize - 1
	all := finding{DerivedRow, 0, last}
	sub := subjectHash(events.Subject{Kind: events.KindParty, ID: "P001"})
	about := subjectHash(events.Subject{Kind: events.KindIssue, ID: "x"})
	accessed := subjectHash(events.Subject{Kind: events.KindAccess, ID: "P001"})
	// Of the records of fill, a fourth each has an issue's plain facet, two sealed
	// facets, one plain facet, and a lineage body.
	plain, sealed, issueAt := int64(3), int64(4), int64(101)
	cases := []struct {
		name string
		edit func(*pebble.DB) error
		want []finding
	}{
		{"nothing", edits(), nil},
		{"a record's body", rowEdit(recordKey(issueAt), func(v []byte) []byte { return bytes.Replace(v, []byte("minor"), []byte("major"), 1) }), []finding{{RecordEdited, issueAt, issueAt}}},
		{"a record's time", rowEdit(recordKey(100), flipAt(7)), []finding{{RecordEdited, 100, 100}}},
		{"a record's time before 1970", rowEdit(recordKey(100), func(v []byte) []byte { v[0] |= 0x80; return v }), []finding{{RecordEdited, 100, 100}}},
		{"a record made unreadable", rowEdit(recordKey(100), flipAt(9)), []finding{{RecordEdited, 100, 100}}},
		{"a record cut short", rowEdit(recordKey(100), func([]byte) []byte { return []byte{1} }), []finding{{RecordEdited, 100, 100}}},
		{"a record at the end of a tile", rowEdit(recordKey(255), flipAt(7)), []finding{{RecordEdited, 255, 255}}},
		{"the last record", rowEdit(recordKey(last), flipAt(7)), []finding{{RecordEdited, last, last}}},
		{"the genesis record", rowEdit(recordKey(0), flipAt(7)), []finding{{RecordEdited, 0, 0}}},
		{"two records apart", edits(rowEdit(recordKey(100), flipAt(7)), rowEdit(recordKey(300), flipAt(7))), []finding{{RecordEdited, 100, 100}, {RecordEdited, 300, 300}}},
		{"two records swapped", swapRows(recordKey(100), recordKey(102)), []finding{{RecordEdited, 100, 100}, {RecordEdited, 102, 102}}},
		{"a record removed", deleteRow(recordKey(100)), []finding{{RecordMissing, 100, 100}}},
		{"a record at the start of a tile removed", deleteRow(recordKey(256)), []finding{{RecordMissing, 256, 256}}},
		{"the last record removed", deleteRow(recordKey(last)), []finding{{RecordMissing, last, last}}},
		{"records removed across tiles", func(db *pebble.DB) error { return db.DeleteRange(recordKey(200), recordKey(300), pebble.Sync) }, []finding{{RecordMissing, 200, 299}}},
		{"a record added", addRow(recordKey(tamperSize), []byte("anything")), []finding{{Truncated, tamperSize, tamperSize}}},

		{"a tile", rowEdit(tileKey(0, 0), flipAt(40*32)), []finding{{TileEdited, 40, 40}}},
		{"the end of a tile", rowEdit(tileKey(0, 0), flipAt(255*32)), []finding{{TileEdited, 255, 255}}},
		{"two tiles", edits(rowEdit(tileKey(0, 0), flipAt(40*32)), rowEdit(tileKey(0, 1), flipAt(0))), []finding{{TileEdited, 40, 40}, {TileEdited, 256, 256}}},
		{"tiles swapped", swapRows(tileKey(0, 0), tileKey(0, 1)), []finding{{TileEdited, 0, 511}}},
		{"a tile cut short", rowEdit(tileKey(0, 1), func(v []byte) []byte { return v[:32] }), []finding{{TileEdited, 256, 511}}},
		{"a tile removed", deleteRow(tileKey(0, 1)), []finding{{TileEdited, 256, 511}}},
		{"a leaf hash at the edge", editEdge(550, func(leaf []byte) { leaf[0] ^= 1 }), []finding{{TileEdited, 550, 550}}},
		{"the last leaf hash", editEdge(last, func(leaf []byte) { leaf[0] ^= 1 }), []finding{{TileEdited, last, last}}},
		{"the edge removed", func(db *pebble.DB) error { return db.DeleteRange(edgeKey(0), edgeKey(tamperSize), pebble.Sync) }, []finding{{TileEdited, 512, last}}},
		{"a record and its leaf hash", func(db *pebble.DB) error { return rehash(t, db, 100) }, []finding{{TileEdited, 0, last}, {RecordEdited, 101, 101}}},

		{"the head's root", editHead(func(h *headRow) { h.Root[0] ^= 1 }), []finding{{DerivedRow, last, last}}},
		{"the head's leaf", editHead(func(h *headRow) { h.Leaf[0] ^= 1 }), []finding{{DerivedRow, last, last}}},
		{"the head's time", editHead(func(h *headRow) { h.Time++ }), []finding{{DerivedRow, last, last}}},
		{"the book's secret", rowEdit(metaKey("settings"), func(v []byte) []byte { return editSecret(v) }), []finding{{RecordEdited, 1, last}}},

		{"a plain facet", rowEdit(facetKey(plain, 0), flipAt(40)), []finding{{PayloadSwapped, plain, plain}}},
		{"plain facets swapped", swapRows(facetKey(plain, 0), facetKey(plain+4, 0)), []finding{{PayloadSwapped, plain, plain}, {PayloadSwapped, plain + 4, plain + 4}}},
		{"sealed facets swapped", swapRows(facetKey(sealed, 0), facetKey(sealed+4, 0)), []finding{{PayloadSwapped, sealed, sealed}, {PayloadSwapped, sealed + 4, sealed + 4}}},
		{"sealed facets of one event swapped", swapRows(facetKey(sealed, 0), facetKey(sealed, 1)), []finding{{PayloadSwapped, sealed, sealed}, {PayloadSwapped, sealed, sealed}}},
		{"a facet removed", deleteRow(facetKey(plain, 0)), []finding{{PayloadMissing, plain, plain}}},
		{"a facet added", addRow(facetKey(0, 0), []byte("anything")), []finding{all}},

		{"an identity removed", deleteRow(idKey(idHash("/tests", "reg-P001"))), []finding{{DerivedRow, 1, 1}, all}},
		{"an identity led astray", addRow(idKey(idHash("/tests", "reg-P001")), positionValue(7)), []finding{{DerivedRow, 1, 1}}},
		{"an identity added", addRow(idKey(idHash("/tests", "never sent")), positionValue(7)), []finding{all}},
		{"a version removed", deleteRow(versionKey(sub, 1)), []finding{{DerivedRow, 1, 1}, all}},
		{"a version led astray", addRow(versionKey(sub, 1), positionValue(2)), []finding{{DerivedRow, 1, 1}}},
		{"a version added", addRow(versionKey(sub, 2), positionValue(2)), []finding{all}},
		{"versions swapped", swapRows(versionKey(about, 1), versionKey(about, 2)), []finding{{DerivedRow, 3, 3}, {DerivedRow, 7, 7}}},
		{"a version written at length", addRow(versionKey(sub, 1), []byte{0x81, 0}), []finding{all}},
		{"an identity written at length", addRow(idKey(idHash("/tests", "reg-P001")), []byte{0x81, 0}), []finding{all}},
		{"a version of too long a key", addRow(append(versionKey(sub, 1), 0), positionValue(1)), []finding{all}},
		{"an identity without a hash", addRow([]byte{rowID}, positionValue(1)), []finding{all}},
		{"a source removed", deleteRow(sourceKey("/tests")), []finding{{DerivedRow, 1, 1}, all}},
		{"a source given away", addRow(sourceKey("/tests"), []byte("mallory")), []finding{{DerivedRow, 1, 1}}},
		{"a source added", addRow(sourceKey("/other"), []byte("mallory")), []finding{all}},
		{"a state removed", deleteRow(stateKey(sub)), []finding{all}},
		{"a state edited", rowEdit(stateKey(sub), func(v []byte) []byte { return bytes.Replace(v, []byte("provincial"), []byte("national  "), 1) }), []finding{{DerivedRow, 1, 1}}},
		{"the state of what has none edited", rowEdit(stateKey(accessed), func(v []byte) []byte { v[len(v)-1] = 0xa0; return v }), []finding{{DerivedRow, 4, last}}},
		{"the version of what has no state edited", rowEdit(stateKey(accessed), func(v []byte) []byte { v[len(v)-2]++; return v }), []finding{{DerivedRow, 4, last}}},
		{"a state without a subject", addRow([]byte{rowState}, []byte{0x82, 1, 0xf6}), []finding{all}},
		{"a state added", addRow(stateKey(subjectHash(events.Subject{Kind: "party", ID: "nobody"})), []byte{0x82, 1, 0xf6}), []finding{all}},
	}
	base, _ := tamperedStore(t)
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			fs := copyFS(t, base)
			tamper(t, fs, tc.edit)
			checkFindings(t, verifyStore(t, fs, VerifyOptions{}), tc.want)
		})
	}
}

// TestVerifyHoldsFewStates: with next to no room for states, so that they are let
// go and folded again all the time, a verification finds what it finds with room.
func TestVerifyHoldsFewStates(t *testing.T) {
	tl := newTestLog(t, Options{})
	tl.append(party(1))
	const issues = 60
	for round := range 4 {
		for i := range issues {
			about := fmt.Sprint("Q", i)
			if ev := issue(fmt.Sprintf("said-%d-%d", round, i), about); round < 3 {
				tl.append(ev)
			} else {
				tl.append(closing(ev.ID, about))
			}
		}
	}
	tl.append(issue("last", "Q7"))
	tl.close()
	q7 := subjectHash(events.Subject{Kind: events.KindIssue, ID: "Q7"})
	other := subjectHash(events.Subject{Kind: events.KindIssue, ID: "Q8"})
	for name, edit := range map[string]func(*pebble.DB) error{
		"nothing":          edits(),
		"a state edited":   rowEdit(stateKey(q7), func(v []byte) []byte { v[1]++; return v }),
		"a state let go":   rowEdit(stateKey(other), func(v []byte) []byte { v[len(v)-1] ^= 1; return v }),
		"a version astray": addRow(versionKey(q7, 2), positionValue(issues*3)),
		"a version lost":   deleteRow(versionKey(other, 2)),
	} {
		fs := copyFS(t, tl.fs)
		tamper(t, fs, edit)
		few, many := verifyStore(t, fs, VerifyOptions{states: 1}), verifyStore(t, fs, VerifyOptions{})
		if few.OK() != many.OK() || few.OK() != (name == "nothing") || few.LastProvable != many.LastProvable {
			t.Errorf("%s: with few states found %+v; with many %+v", name, few.Findings, many.Findings)
		}
	}
}

// rehash edits a record and the leaf hash it has in its tile.
func rehash(t *testing.T, db *pebble.DB, position int64) error {
	l := newLedger(testDir, Options{FS: vfs.NewMem()}.withDefaults(testDir), db)
	s, err := readSettings(db)
	if err != nil {
		return err
	}
	if err := l.adopt(s); err != nil {
		return err
	}
	row, err := rowOf(db, recordKey(position))
	if err != nil {
		return err
	}
	row = flipAt(7)(row)
	prev, err := rowOf(db, tileKey(0, position/256))
	if err != nil {
		return err
	}
	r, _, err := l.rebuild(position, proof.Hash(prev[(position%256-1)*32:][:32]), row)
	if err != nil {
		return err
	}
	return errors.Join(addRow(recordKey(position), row)(db), rowEdit(tileKey(0, position/256), func(v []byte) []byte {
		copy(v[position%256*32:], r.Hash[:])
		return v
	})(db))
}

func editSecret(v []byte) []byte {
	var s settings
	if err := decMode.Unmarshal(v, &s); err != nil {
		panic(err)
	}
	s.Secret[0] ^= 1
	return must(encMode.Marshal(s))
}

func checkFindings(t *testing.T, r *Report, want []finding) {
	t.Helper()
	var got []finding
	for _, f := range r.Findings {
		got = append(got, finding{f.Kind, f.From, f.To})
		if f.Detail == "" {
			t.Errorf("%s at %d to %d has no detail", f.Kind, f.From, f.To)
		}
	}
	byPlace := func(a, b finding) int { return int(a.from-b.from)<<10 + int(a.to-b.to) }
	slices.SortStableFunc(got, byPlace)
	slices.SortStableFunc(want, byPlace)
	if !slices.Equal(got, want) {
		t.Fatalf("found %+v\nwant  %+v", r.Findings, want)
	}
	provable := r.Size - 1
	for _, f := range want {
		if f.kind != DerivedRow {
			provable = min(provable, f.from-1)
		}
	}
	if r.LastProvable != provable || r.OK() != (len(want) == 0) {
		t.Fatalf("the last provable position is %d, OK %v; want %d, %v", r.LastProvable, r.OK(), provable, len(want) == 0)
	}
}

// TestRewrittenTail: whoever has the signing key can write another end that is
// consistent in itself. Only heads kept elsewhere show it.
func TestRewrittenTail(t *testing.T) {
	tl := newTestLog(t, Options{})
	tl.append(party(1), party(2))
	tl.fill("shared", 397)
	early, err := tl.CheckpointAt(300)
	if err != nil {
		t.Fatal(err)
	}
	tl.close()
	forked := copyFS(t, tl.fs)
	tl.reopen()
	tl.fill("true", 200)
	late, keys := tl.Head().Checkpoint, tl.Keys()
	tl.close()

	for _, more := range []int{100, 300} { // shorter and longer than the true end
		l, err := Open(testDir, Options{FS: forked, CacheBytes: 8 << 20})
		if err != nil {
			t.Fatal(err)
		}
		fork := &testLog{Ledger: l, t: t, fs: forked, opts: Options{FS: forked}, model: newModel()}
		fork.adopt(nil)
		fork.fill(fmt.Sprint("false", more), more)
		size := fork.Head().Size
		fork.check()
		fork.close()
		if r := verifyStore(t, forked, VerifyOptions{}); !r.OK() {
			t.Fatalf("the fork is not consistent in itself: %+v", r.Findings)
		}
		if r := verifyStore(t, forked, VerifyOptions{Since: early}); !r.OK() {
			t.Fatalf("the common beginning does not verify: %+v", r.Findings)
		}
		want := []finding{{TailRewritten, 0, 599}}
		if size < 600 {
			want = []finding{{Truncated, size, 599}}
		}
		// The fork has signed a head of its own: the two heads are the proof, if it is
		// of as many records; or if the true book is there, and it is of fewer.
		if r := verifyStore(t, forked, VerifyOptions{Since: late}); size >= 600 {
			checkFindings(t, r, []finding{{Forked, 0, 599}})
			checkFork(t, r, keys, 600, size)
		} else if checkFindings(t, r, want); r.Fork != nil {
			t.Fatalf("a rollback is no fork: %+v", r.Fork)
		}
		falseHead, err := readFile(forked, forked.PathJoin(testDir, "head"))
		if err != nil {
			t.Fatal(err)
		}
		if size < 600 {
			witnessed := copyFS(t, tl.fs)
			if err := writeFileAtomic(witnessed, witnessed.PathJoin(testDir, "head"), falseHead); err != nil {
				t.Fatal(err)
			}
			r := verifyStore(t, witnessed, VerifyOptions{Since: late})
			checkFindings(t, r, []finding{{Forked, 0, size - 1}})
			checkFork(t, r, keys, size, 600)
		}

		// With the true head witness beside it, and an early head kept by an auditor.
		swapped := copyFS(t, forked)
		head, err := readFile(tl.fs, swapped.PathJoin(testDir, "head"))
		if err != nil {
			t.Fatal(err)
		}
		if err := writeFileAtomic(swapped, swapped.PathJoin(testDir, "head"), head); err != nil {
			t.Fatal(err)
		}
		checkFindings(t, verifyStore(t, swapped, VerifyOptions{}), want)
		if size >= 600 {
			want[0].from = 300
		}
		checkFindings(t, verifyStore(t, swapped, VerifyOptions{Since: early}), want)
		_, err = Open(testDir, Options{FS: swapped, CacheBytes: 8 << 20})
		if d := asDamage(t, err); size < 600 && d.LastProvable != size-1 {
			t.Fatalf("refused with last provable position %d of %d: %v", d.LastProvable, size, err)
		}
	}
}

// checkFork holds that a report has the portable proof of a fork, from a head of some
// records to a later one.
func checkFork(t *testing.T, r *Report, keys *proof.Keys, older, newer int64) {
	t.Helper()
	if r.Fork == nil {
		t.Fatalf("no proof of the fork: %+v", r.Findings)
	}
	b, err := r.Fork.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	var f proof.Fork
	if err := f.UnmarshalJSON(b); err != nil {
		t.Fatal(err)
	}
	a, z, err := f.Check(keys.Name(), keys)
	if err != nil || a.Size != older || z.Size != newer {
		t.Fatalf("the proof leads from %d to %d, %v; want %d to %d", a.Size, z.Size, err, older, newer)
	}
}

// TestVerifyOptions: incremental runs read only what is new, progress arrives, any
// number of workers finds the same, and a context ends it.
func TestVerifyOptions(t *testing.T) {
	fs, heads := tamperedStore(t)
	for size, cp := range heads {
		r := verifyStore(t, fs, VerifyOptions{Since: cp})
		if want := tamperSize - size&^255; !r.OK() || r.Checked != want {
			t.Fatalf("since %d: %d records were read, not %d: %+v", size, r.Checked, want, r.Findings)
		}
	}
	tamper(t, fs, edits(rowEdit(recordKey(100), flipAt(7)), rowEdit(recordKey(530), flipAt(7)), rowEdit(tileKey(0, 1), flipAt(0))))
	var first *Report
	for _, workers := range []int{1, 2, 7} {
		var mu sync.Mutex
		var told []int64
		r := verifyStore(t, fs, VerifyOptions{Workers: workers, Progress: func(done, total int64) {
			mu.Lock()
			defer mu.Unlock()
			if told = append(told, done); total != tamperSize {
				t.Errorf("progress of %d", total)
			}
		}})
		if len(told) != 3 || slices.Max(told) != tamperSize {
			t.Fatalf("progress was told as %v", told)
		}
		if first == nil {
			first = r
		}
		if len(first.Findings) == 0 || !slices.Equal(first.Findings, r.Findings) {
			t.Fatalf("%d workers found %+v; one found %+v", workers, r.Findings, first.Findings)
		}
	}
	// Damage before the kept head is not looked for again.
	if r := verifyStore(t, fs, VerifyOptions{Since: heads[512]}); len(r.Findings) == 0 {
		t.Fatal("damage after the kept head was not found")
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := Verify(ended, testDir, VerifyOptions{FS: fs}); !errors.Is(err, context.Canceled) {
		t.Fatalf("after its context ended, verifying gives %v", err)
	}
	other := newTestLog(t, Options{Origin: "ledger.example/other"})
	if r := verifyStore(t, fs, VerifyOptions{Verifier: other.VerifierKey()}); len(r.Findings) != 1 || r.Findings[0].Kind != WrongKey {
		t.Fatalf("under another key: %+v", r.Findings)
	}
	if _, err := Verify(ctx, testDir, VerifyOptions{FS: fs, Since: other.Head().Checkpoint}); err == nil {
		t.Fatal("the checkpoint of another log was taken")
	}
	if _, err := Verify(ctx, "nowhere", VerifyOptions{FS: fs}); !errors.Is(err, ErrNotExist) {
		t.Fatalf("where nothing is: %v", err)
	}
}
