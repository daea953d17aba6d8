package ledger

import (
	"context"
	"encoding/binary"
	"errors"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"

	"ledgerline/events"
	"ledgerline/ledger/proof"
)

// derived is what the rows that follow from the records should be: identities,
// sources, versions and states. It is gathered while the records are hashed, so
// that they are read once.
//
// Rows lie in the order of hashes and records in that of positions; looking up the
// rows of each record would be reading at random, and holding what they should be
// would be holding the book. So both sides are summed up, and only if the sums
// differ are the rows looked up one by one, to find out where. What has to be
// folded in order are states and continuations, and of most events neither is
// made.
type derived struct {
	v      *verification
	whole  bool          // from the first record on: versions and states can be told
	key    rowKey        // of the sums, drawn for this verification
	room   chan struct{} // a place for each run that is begun and not yet folded
	broken atomic.Bool   // a tile is not sound: what follows cannot be told
	chain  inOrder[fact]
	index  *indexCheck
	states [rowParts]stateFold // by the first bits of the subject's key

	mu        sync.Mutex // guards what follows
	sources   map[string]binding
	ids       rowSum
	versions  rowSum
	facets    int64
	facetRows int64 // stored; -1 if not all could be read

	continued continued
	findings  []Finding // told only if the records are as acknowledged
}

// A binding is the first use of a source.
type binding struct {
	position  int64
	principal string
}

// A fact is what one record says that only makes sense after those before it.
type fact struct {
	position int64
	subject  proof.Hash
	kind     string      // of the subject; it has a state
	typ      events.Type // of the event
	data     events.Data // nil if it does not move the state
	// body is set instead if the record is continued or a continuation.
	body *proof.Body
}

func newDerived(v *verification, from int64) *derived {
	d := &derived{v: v, whole: from == 0, key: newRowKey(), sources: make(map[string]binding), room: make(chan struct{}, 4*v.workers())}
	d.index = new(indexCheck)
	if d.whole && v.sound {
		d.index = newIndexCheck(v)
	}
	d.chain.apply = func(f *fact) error {
		if missing := d.continued.add(f.position, f.body); missing != nil {
			d.findings = append(d.findings, *missing)
		}
		return nil
	}
	for i := range d.states {
		d.states[i].init(v, v.opts.statesHeld()/rowParts)
	}
	return d
}

// said is what the records that one worker read say, as far as their order does
// not matter, and the facts of the run that is being read.
type said struct {
	d        *derived
	hash     rowHasher
	ids      rowSum
	versions rowSum
	facets   int64
	sources  map[string]binding
	chain    []fact
	states   [rowParts][]fact
	index    []indexFact
	keys     []proof.Hash // of the facts of the index
	// What was looked up before, by name.
	types map[string]events.Type
	kinds map[string]bool // whether it has a state
}

func (d *derived) newSaid() *said {
	return &said{
		d: d, hash: rowHasher{key: d.key}, sources: make(map[string]binding),
		types: make(map[string]events.Type), kinds: make(map[string]bool),
	}
}

// read works out what the record in the checker's view says, whose leaf was hashed
// last.
func (s *said) read(position int64, hash proof.Hash, enc []byte, w *checker) error {
	v := &w.view
	if position < s.d.index.end {
		s.indexed(w.rehash.Leaf(), hash)
	}
	if string(v.Type) == proof.ErasureType {
		if err := s.d.readErasure(position, enc); err != nil {
			return err
		}
	}
	if v.Continued() || v.Names() > proof.MaxKeys-4 {
		body, err := proof.ParseBody(enc)
		if err != nil {
			return err
		}
		if v.Continued() || len(body.Continuations()) > 0 {
			s.chain = append(s.chain, fact{position: position, body: body})
		}
	}
	if v.Continued() || !s.d.whole {
		return nil // part of the record before it, or of a subject whose beginning is not read
	}
	typ, err := s.typeOf(v)
	if err != nil {
		return err
	}
	subject := w.rehash.SubjectKey(v)
	s.ids.add(s.hash.row(idHash(v.Source, v.ID), position))
	s.versions.add(s.hash.row(subject, position))
	s.facets += int64(len(v.Facets))
	if _, ok := s.sources[string(v.Source)]; !ok { // workers go forward: this is its first use
		s.sources[string(v.Source)] = binding{position, string(v.Principal)}
	}
	if !s.hasState(v.SubjectKind) {
		return nil
	}
	f := fact{position: position, subject: subject, kind: string(v.SubjectKind), typ: typ}
	if typ.Stateful() {
		f.data = typ.NewData()
		if err := decMode.Unmarshal(v.Data, f.data); err != nil {
			return err
		}
	}
	part := partOf(subject)
	s.states[part] = append(s.states[part], f)
	return nil
}

// indexed keeps what a record adds to the index. Its leaf is about to be used again,
// so its keys are copied, into memory for those of many.
func (s *said) indexed(leaf *proof.Leaf, hash proof.Hash) {
	if cap(s.keys)-len(s.keys) < len(leaf.Keys) {
		s.keys = make([]proof.Hash, 0, max(len(leaf.Keys), 8*tileWidth))
	}
	n := len(s.keys)
	s.keys = append(s.keys, leaf.Keys...)
	f := indexFact{leaf: proof.Leaf{Position: leaf.Position, Time: leaf.Time, Keys: s.keys[n:len(s.keys):len(s.keys)]}, hash: hash}
	if s.index == nil {
		s.index = make([]indexFact, 0, runTiles*tileWidth)
	}
	s.index = append(s.index, f)
}

func (d *derived) readErasure(position int64, enc []byte) error {
	body, err := proof.ParseBody(enc)
	if err != nil {
		return err
	}
	facets, ok := body.Erases()
	if !ok {
		return errors.New("it does not say what was erased in a way that this program knows")
	}
	d.v.mu.Lock()
	defer d.v.mu.Unlock()
	d.v.erasures.claim(position, facets)
	return nil
}

func (s *said) typeOf(v *proof.View) (events.Type, error) {
	typ, ok := s.types[string(v.Type)]
	if ok && typ.Schema == v.Schema {
		return typ, nil
	}
	typ, err := typeOf(&proof.Body{Type: string(v.Type), Schema: v.Schema})
	if err == nil {
		s.types[typ.Name] = typ
	}
	return typ, err
}

func (s *said) hasState(kind []byte) bool {
	has, ok := s.kinds[string(kind)]
	if !ok {
		has = events.StateOf(string(kind)) != nil
		if len(s.kinds) < 1024 { // the vocabulary has few; a forged book may have many
			s.kinds[string(kind)] = has
		}
	}
	return has
}

// join takes in what one worker's records say.
func (d *derived) join(w *checker) {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := w.said
	d.ids.join(s.ids)
	d.versions.join(s.versions)
	d.facets += s.facets
	if w.facets.failed() || d.facetRows < 0 {
		d.facetRows = -1
	} else {
		d.facetRows += w.facets.passed
	}
	for source, b := range s.sources {
		if other, ok := d.sources[source]; !ok || b.position < other.position {
			d.sources[source] = b
		}
	}
}

// fold takes in the facts of a run, or notes that a tile of it is not sound. Runs
// that wait for their turn hold memory, so no more are begun than there is room for.
func (d *derived) fold(run int64, s *said, sound bool) error {
	chain, index, states := s.chain, s.index, s.states
	s.chain, s.index, s.keys, s.states = nil, nil, nil, [rowParts][]fact{}
	if !sound {
		d.broken.Store(true)
	}
	if d.broken.Load() {
		d.leave(1 + d.index.drop())
		return nil
	}
	_, err := d.chain.put(run, chain)
	for i := range states {
		if err == nil {
			_, err = d.states[i].put(run, states[i])
		}
	}
	if err != nil {
		return err
	}
	applied, err := d.index.put(run, index) // the slowest
	d.leave(applied)
	return err
}

// leave makes room for runs.
func (d *derived) leave(runs int) {
	for range runs {
		<-d.room
	}
}

// inOrder applies the facts of runs in the order of the runs, in whatever order
// they come. Whoever brings the run that is due applies it, and what waits behind
// it; others leave theirs and go on.
type inOrder[F any] struct {
	apply func(*F) error

	mu      sync.Mutex // guards what follows
	next    int64
	busy    bool // somebody applies; what apply changes is theirs
	waiting map[int64][]F
}

// put takes in a run. It returns how many were applied.
func (o *inOrder[F]) put(run int64, facts []F) (applied int, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.waiting == nil {
		o.waiting = make(map[int64][]F)
	}
	o.waiting[run] = facts
	for !o.busy {
		facts, ok := o.waiting[o.next]
		if !ok {
			break
		}
		delete(o.waiting, o.next)
		o.busy = true
		o.mu.Unlock()
		for i := range facts {
			if err = o.apply(&facts[i]); err != nil {
				break
			}
		}
		o.mu.Lock()
		if err != nil {
			return applied, err // and nobody applies any more
		}
		o.busy = false
		o.next++
		applied++
	}
	return applied, nil
}

// drop forgets what waits. It returns how many runs that were.
func (o *inOrder[F]) drop() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	n := len(o.waiting)
	clear(o.waiting)
	return n
}

// continued is a record with more keys than its leaf holds, and those after it
// that carry the rest: without them answers by these keys lack it.
type continued struct {
	first *proof.Body
	at    int64 // of first
	after []*proof.Body
}

// add takes in a record that is continued or a continuation. It returns what is
// missing of the one before.
func (c *continued) add(position int64, body *proof.Body) *Finding {
	if c.first != nil && body.Type == proof.ContinuedType && position == c.at+1+int64(len(c.after)) {
		c.after = append(c.after, body)
		return nil
	}
	missing := c.end()
	if body.Type != proof.ContinuedType {
		c.first, c.at = body, position
	}
	return missing
}

// end says that no continuation follows.
func (c *continued) end() (missing *Finding) {
	if c.first != nil {
		if err := proof.CheckContinued(c.first, c.after); err != nil {
			next := c.at + 1 + int64(len(c.after))
			missing = &Finding{RecordMissing, next, next, err.Error()}
		}
	}
	*c = continued{}
	return missing
}

// checkDerived compares the rows that follow from the records with the records.
// Versions and states need the whole history, so after a kept checkpoint only the
// identities are compared.
func (v *verification) checkDerived(ctx context.Context, from int64) error {
	d := v.derived
	if len(v.report.Findings) > 0 {
		return nil // what the records say is in doubt already
	}
	if d.broken.Load() {
		return errors.New("the book changed while it was verified")
	}
	if f := d.continued.end(); f != nil {
		d.findings = append(d.findings, *f)
	}
	v.report.Findings = append(v.report.Findings, d.findings...)
	err := d.checkEnd()
	if err == nil && d.whole {
		err = d.compare(ctx)
	} else if err == nil {
		_, err = d.lookUp(ctx, from)
	}
	return v.unreadable(from, v.tail.row.Size-1, err)
}

// checkEnd compares what the head's row repeats of the last record, and makes
// sure that no record follows it.
func (d *derived) checkEnd() (err error) {
	t := d.v.tail
	if err := d.v.l.checkLast(t); err != nil {
		d.v.find(DerivedRow, t.row.Size-1, t.row.Size-1, "%v", err)
	}
	it, err := d.v.l.db.NewIter(&pebble.IterOptions{LowerBound: recordKey(t.row.Size), UpperBound: []byte{rowRecord + 1}})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	if it.Last() {
		d.v.find(Truncated, t.row.Size, int64(binary.BigEndian.Uint64(it.Key()[1:])), "records are stored beyond the head")
	}
	return it.Error()
}

// lookUp compares the identity, and if all records are read the version, of every
// record from a position on by itself. It returns how many versions each subject
// has by the records; only a damaged book makes it hold that.
func (d *derived) lookUp(ctx context.Context, from int64) (versions map[proof.Hash]uint64, err error) {
	l := d.v.l
	versions = make(map[proof.Hash]uint64)
	return versions, l.scanRows(ctx, from, d.v.tail.row.Size, func(position int64, row []byte) (bool, error) {
		_, b, err := splitRecordRow(row)
		if err != nil {
			return false, err
		}
		body, err := proof.ParseBody(b)
		if err != nil || body.Type == proof.ContinuedType {
			return true, err
		}
		got, err := l.readID(idHash(body.Source, body.ID))
		if err != nil {
			return false, err
		}
		if got != position {
			d.v.find(DerivedRow, position, position, "the identity of the event leads to position %d", got)
		}
		if !d.whole {
			return true, nil
		}
		sub := events.Subject{Kind: body.Subject[0], ID: body.Subject[1]}
		hash := subjectHash(sub)
		versions[hash]++
		v, err := l.getRow(versionKey(hash, versions[hash]))
		if err != nil {
			return false, err
		}
		if got, err := positionOf(v); v == nil || err != nil || got != position {
			d.v.find(DerivedRow, position, position, "version %d of %s does not lead here", versions[hash], sub)
		}
		return true, nil
	})
}

// compareSources compares who the sources are bound to with who used them first.
func (d *derived) compareSources() error {
	for source, b := range d.sources {
		holder, err := d.v.l.readSource(source)
		if err != nil {
			return err
		}
		if holder != b.principal {
			d.v.find(DerivedRow, b.position, b.position, "source %q is bound to %q", source, holder)
		}
	}
	return nil
}
