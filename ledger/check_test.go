package ledger

import (
	"bytes"
	"crypto"
	"errors"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"github.com/transparency-dev/merkle/compact"
	"github.com/transparency-dev/merkle/rfc6962"
	"golang.org/x/mod/sumdb/note"

	"ledgerline/events"
	"ledgerline/ledger/proof"
)

// A model is what a ledger has to hold: a slice of events by position, and what
// follows from it.
type model struct {
	// partial: the ledger may hold more than the model knows, because a crash hid
	// what became of events that were not acknowledged.
	partial bool

	events   map[int64]events.Event // as sent; nothing at the position of a continuation
	ids      map[identity]int64
	subjects map[events.Subject][]int64
	size     int64
}

type identity struct{ source, id string }

func newModel() *model {
	return &model{events: make(map[int64]events.Event), ids: make(map[identity]int64), subjects: make(map[events.Subject][]int64)}
}

// next is the position of the next event.
func (m *model) next() int64 { return m.size }

// put places an event and leaves room for its continuations.
func (m *model) put(position int64, ev events.Event) {
	m.events[position] = ev
	m.ids[identity{ev.Source, ev.ID}] = position
	sub := ev.Data.Subject()
	m.subjects[sub] = append(m.subjects[sub], position)
	m.size = max(m.size, position+1+continuations(ev))
}

// erase marks a facet as erased by the record at a position.
func (m *model) erase(position int64, name string, by int64) {
	ev := m.events[position]
	if err := ev.Split(); err != nil {
		panic(err)
	}
	for i := range ev.Facets {
		if f := &ev.Facets[i]; f.Name == name {
			f.Bytes, f.Erased, f.ErasedBy = nil, true, by
		}
	}
	m.events[position] = ev
}

// checkLedger asserts every invariant of an open ledger, re-deriving the whole
// tree with an independent implementation. Others may append meanwhile.
func checkLedger(t testing.TB, l *Ledger, m *model) {
	t.Helper()
	head := l.Head()
	c := &invariants{
		t: t, l: l, m: m, head: head, v: verifiers(l),
		rng: rand.New(rand.NewPCG(uint64(head.Size), 0)), nodes: make(map[compact.NodeID]proof.Hash),
	}
	if err := l.Failed(); err != nil {
		t.Fatalf("the ledger stopped: %v", err)
	}
	c.records()
	c.headAndTiles()
	c.published()
	c.proofs()
	c.content()
	c.subjects()
	c.times()
	c.beyond()
}

func verifiers(l *Ledger) note.Verifiers { return l.Keys() }

type invariants struct {
	t     testing.TB
	l     *Ledger
	m     *model
	head  Head
	v     note.Verifiers
	rng   *rand.Rand
	roots []proof.Hash                  // by size
	nodes map[compact.NodeID]proof.Hash // all complete subtrees
	leafs []proof.Hash
	clock []events.Time // recorded times
}

// records reads the evidence of every position: positions are gapless, times
// strictly increase, each leaf hashes as its body says and carries the leaf hash
// before it.
func (c *invariants) records() {
	c.t.Helper()
	hasher := rfc6962.New(crypto.SHA256)
	tree := (&compact.RangeFactory{Hash: hasher.HashChildren}).NewEmptyRange(0)
	c.roots = append(c.roots, proof.Hash(hasher.EmptyRoot()))
	var prev proof.Hash
	var last int64
	var awaited []proof.Continuation
	for p := range c.head.Size {
		r, err := c.l.Record(p)
		if err != nil {
			c.t.Fatalf("record %d: %v", p, err)
		}
		leaf, err := proof.ParseLeaf(r.Leaf)
		if err != nil {
			c.t.Fatalf("leaf %d: %v", p, err)
		}
		body, err := proof.ParseBody(r.Body)
		if err != nil {
			c.t.Fatalf("body %d: %v", p, err)
		}
		if p == 0 {
			prev = proof.GenesisPrev(body.Data)
		}
		if leaf.Position != uint64(p) || leaf.Prev != prev || leaf.Time <= last {
			c.t.Fatalf("leaf %d has position %d, prev %s and time %d after %s and %d", p, leaf.Position, leaf.Prev, leaf.Time, prev, last)
		}
		if err := proof.CheckRecord(r.Leaf, r.Body, &r.Salt); err != nil {
			c.t.Fatal(err)
		}
		prev, last = proof.Hash(hasher.HashLeaf(r.Leaf)), leaf.Time
		if r.Hash != prev {
			c.t.Fatalf("record %d says its hash is %s; it is %s", p, r.Hash, prev)
		}
		awaited = c.continued(p, awaited, body)
		c.leafs, c.clock = append(c.leafs, prev), append(c.clock, events.Time(leaf.Time))
		visit := func(id compact.NodeID, hash []byte) { c.nodes[id] = proof.Hash(hash) }
		root := error(nil)
		if root = tree.Append(bytes.Clone(prev[:]), visit); root == nil {
			var b []byte
			if b, root = tree.GetRootHash(nil); root == nil {
				c.roots = append(c.roots, proof.Hash(b))
			}
		}
		if root != nil {
			c.t.Fatal(root)
		}
	}
	if len(awaited) > 0 {
		c.t.Fatalf("the book ends before %d continuations of its last event", len(awaited))
	}
}

// continued asserts that exactly the continuations an event needs follow it.
func (c *invariants) continued(p int64, awaited []proof.Continuation, body *proof.Body) []proof.Continuation {
	c.t.Helper()
	got, ok := body.Continuation()
	if ok != (len(awaited) > 0) {
		c.t.Fatalf("position %d: continuation %v, awaited %d", p, ok, len(awaited))
	}
	if !ok {
		return body.Continuations()
	}
	if !reflect.DeepEqual(got, awaited[0]) {
		c.t.Fatalf("position %d continues %s part %d; want %s part %d", p, got.ID, got.Part, awaited[0].ID, awaited[0].Part)
	}
	return awaited[1:]
}

// headAndTiles compares the head and all tiles with the oracle's tree.
func (c *invariants) headAndTiles() {
	c.t.Helper()
	cp, err := proof.OpenCheckpoint(c.head.Checkpoint, c.l.Origin(), c.v)
	if err != nil {
		c.t.Fatal(err)
	}
	if cp.Size != c.head.Size || cp.Root != c.head.Root || cp.Root != c.roots[cp.Size] || c.head.Time != c.clock[cp.Size-1] {
		c.t.Fatalf("the head says %d records, root %s, time %s; the checkpoint %d, %s; the records have root %s, time %s",
			c.head.Size, c.head.Root, c.head.Time, cp.Size, cp.Root, c.roots[c.head.Size], c.clock[c.head.Size-1])
	}
	tiles := tileReader{edge: c.head.edge, load: c.l.loadTile}
	for level := 0; c.head.Size>>(8*level) > 0; level++ {
		count := c.head.Size >> (8 * level)
		for n := int64(0); n*256 < count; n++ {
			got, err := tiles.tile(level, n)
			if err != nil || !slices.Equal(got, c.tile(level, n, min(256, count-n*256))) {
				c.t.Fatalf("tile %d of level %d is not what its leaves hash to (%v)", n, level, err)
			}
		}
	}
}

func (c *invariants) tile(level int, n, width int64) []proof.Hash {
	out := make([]proof.Hash, width)
	for i := range out {
		out[i] = c.nodes[compact.NewNodeID(uint(8*level), uint64(n*256)+uint64(i))]
	}
	return out
}

// published checks what the public log serves, which may lag behind the head.
func (c *invariants) published() {
	c.t.Helper()
	cp, err := proof.OpenCheckpoint(c.l.PublishedCheckpoint(), c.l.Origin(), c.v)
	if err != nil {
		c.t.Fatal(err)
	}
	if cp.Size >= int64(len(c.roots)) {
		return // it moved on since the records were read
	}
	if cp.Root != c.roots[cp.Size] {
		c.t.Fatalf("the published checkpoint over %d records has root %s; they have %s", cp.Size, cp.Root, c.roots[cp.Size])
	}
	n := (cp.Size - 1) / 256
	width := int(cp.Size - n*256)
	tile, err := c.l.Tile(0, n, width)
	if err != nil || !bytes.Equal(tile, packHashes(c.leafs[n*256:cp.Size])) {
		c.t.Fatalf("tile %d of width %d is not its leaves: %v", n, width, err)
	}
	bundle, err := c.l.EntryTile(n, width)
	if err != nil {
		c.t.Fatal(err)
	}
	leaves, err := proof.SplitBundle(bundle)
	if err != nil || len(leaves) != width {
		c.t.Fatalf("entry bundle %d holds %d leaves, not %d: %v", n, len(leaves), width, err)
	}
	for i, leaf := range leaves {
		if proof.LeafHash(leaf) != c.leafs[n*256+int64(i)] {
			c.t.Fatalf("entry %d of bundle %d is not the leaf", i, n)
		}
	}
	if c.l.publishedHead().Size != cp.Size || width == 256 {
		return
	}
	if _, err := c.l.Tile(0, n, width+1); !errors.Is(err, ErrNoTile) && c.l.publishedHead().Size == cp.Size {
		c.t.Fatalf("a tile beyond the published checkpoint: %v", err)
	}
	if _, err := c.l.EntryTile(n, width+1); !errors.Is(err, ErrNoTile) && c.l.publishedHead().Size == cp.Size {
		c.t.Fatalf("an entry bundle beyond the published checkpoint: %v", err)
	}
}

// proofs checks inclusion and consistency proofs between sampled sizes.
func (c *invariants) proofs() {
	c.t.Helper()
	for range 6 {
		size := 1 + c.rng.Int64N(c.head.Size)
		position := c.rng.Int64N(size)
		inc, err := c.l.ProveInclusion(position, size)
		if err != nil {
			c.t.Fatalf("proving position %d of %d: %v", position, size, err)
		}
		cp, err := inc.Check(c.leafs[position], c.l.Origin(), c.v)
		if err != nil || cp.Size != size || cp.Root != c.roots[size] {
			c.t.Fatalf("inclusion of %d in %d: %+v, %v", position, size, cp, err)
		}
		if other := c.leafs[(position+1)%c.head.Size]; c.head.Size > 1 {
			if _, err := inc.Check(other, c.l.Origin(), c.v); err == nil {
				c.t.Fatalf("the proof of position %d proves another leaf", position)
			}
		}
		from := 1 + c.rng.Int64N(size)
		con, err := c.l.ProveConsistency(from, size)
		if err != nil {
			c.t.Fatalf("proving %d to %d: %v", from, size, err)
		}
		a, b, err := con.Check(c.l.Origin(), c.v)
		if err != nil || a.Root != c.roots[from] || b.Root != c.roots[size] {
			c.t.Fatalf("consistency of %d with %d: %v", from, size, err)
		}
	}
}

// content compares Get, Scan and Find with the model, position by position.
func (c *invariants) content() {
	c.t.Helper()
	if !c.m.partial && c.m.size != c.head.Size {
		c.t.Fatalf("the ledger holds %d records; the model %d", c.head.Size, c.m.size)
	}
	at := int64(0)
	for e, err := range c.l.Scan(ctx, 0, c.head.Size) {
		if err != nil {
			c.t.Fatalf("scanning: %v", err)
		}
		if e.Position != at || e.Recorded != c.clock[at] {
			c.t.Fatalf("the scan has position %d at %s; want %d at %s", e.Position, e.Recorded, at, c.clock[at])
		}
		c.entry(e)
		at++
	}
	if at != c.head.Size {
		c.t.Fatalf("the scan ended at %d of %d without an error", at, c.head.Size)
	}
}

func (c *invariants) entry(scanned Entry) {
	c.t.Helper()
	at := scanned.Position
	got, err := c.l.Get(ctx, at)
	if err != nil {
		c.t.Fatalf("getting %d: %v", at, err)
	}
	p, ok, err := c.l.Find(got.Event.Source, got.Event.ID)
	continued := got.Event.Type == proof.ContinuedType
	if err != nil || !continued && (!ok || p != at) {
		c.t.Fatalf("finding %s leads to %d %v, not to %d: %v", got.Event.ID, p, ok, at, err)
	}
	want, known := c.m.events[at]
	if !known {
		if !c.m.partial && !continued {
			c.t.Fatalf("position %d holds a %s that the model does not know", at, got.Event.Type)
		}
		want = got.Event
	}
	if err := want.Split(); err != nil {
		c.t.Fatal(err)
	}
	if !reflect.DeepEqual(got.Event, want) {
		c.t.Fatalf("position %d holds\n%+v %+v\nwant\n%+v %+v", at, got.Event, got.Event.Data, want, want.Data)
	}
	want.Facets = slices.Clone(want.Facets)
	for i := range want.Facets {
		f := &want.Facets[i] // a scan does not look whether they are there
		f.Bytes, f.Erased, f.ErasedBy = nil, false, 0
	}
	if !reflect.DeepEqual(scanned.Event, want) {
		c.t.Fatalf("the scan has at %d\n%+v\nwant\n%+v", at, scanned.Event, want)
	}
}

// subjects compares the history of every subject with the model.
func (c *invariants) subjects() {
	c.t.Helper()
	for sub, want := range c.m.subjects {
		var got []int64
		for e, err := range c.l.Subject(ctx, sub) {
			if err != nil {
				c.t.Fatalf("reading %s: %v", sub, err)
			}
			if e.Event.Data.Subject() != sub {
				c.t.Fatalf("the history of %s holds an event about %s", sub, e.Event.Data.Subject())
			}
			got = append(got, e.Position)
		}
		version, err := c.l.SubjectVersion(sub)
		if err != nil {
			c.t.Fatal(err)
		}
		if c.m.partial {
			continue // others may append; what is acknowledged was found by entry
		}
		if !slices.Equal(got, want) || version != uint64(len(want)) {
			c.t.Fatalf("%s is at version %d with events at %v; want %v", sub, version, got, want)
		}
	}
}

// times asks for positions by sampled recorded times.
func (c *invariants) times() {
	c.t.Helper()
	for range 4 {
		p := c.rng.Int64N(c.head.Size)
		for _, ask := range []struct {
			at   events.Time
			want int64
		}{{c.clock[p], p}, {c.clock[p] - 1, p - 1}} {
			got, err := c.l.PositionAt(ctx, ask.at)
			if err != nil || got != ask.want {
				c.t.Fatalf("at %s the last position was %d (%v); want %d", ask.at, got, err, ask.want)
			}
		}
	}
}

// beyond asks for what is not there.
func (c *invariants) beyond() {
	c.t.Helper()
	const far = 1 << 40
	asks := map[string]error{}
	_, asks["Get"] = c.l.Get(ctx, far)
	_, asks["Get -1"] = c.l.Get(ctx, -1)
	_, asks["Record"] = c.l.Record(far)
	_, asks["LeafHash"] = c.l.LeafHash(far)
	_, asks["CheckpointAt"] = c.l.CheckpointAt(far)
	_, asks["ProveInclusion"] = c.l.ProveInclusion(0, far)
	_, asks["ProveInclusion in head"] = c.l.ProveInclusion(far, 0)
	_, asks["ProveConsistency"] = c.l.ProveConsistency(1, far)
	for what, err := range asks {
		var p *PositionError
		if !errors.As(err, &p) {
			c.t.Fatalf("%s beyond the head: %v", what, err)
		}
	}
	for e, err := range c.l.Scan(ctx, far, far+10) {
		c.t.Fatalf("a scan beyond the head yields %+v, %v", e, err)
	}
	for _, n := range []int64{-1, far, 1 << 55, 1 << 56, 1<<62 + 1} {
		for _, level := range []int{-1, 0, 1, 7, 8, 63, 64} {
			if _, err := c.l.Tile(level, n, 1); !errors.Is(err, ErrNoTile) {
				c.t.Fatalf("tile %d of level %d: %v", n, level, err)
			}
		}
		if _, err := c.l.EntryTile(n, 1); !errors.Is(err, ErrNoTile) {
			c.t.Fatalf("entry bundle %d: %v", n, err)
		}
	}
	if p, ok, err := c.l.Find("/nobody", "nothing"); ok || err != nil {
		c.t.Fatalf("an event nobody sent is at %d: %v", p, err)
	}
}
