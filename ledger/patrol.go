package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"golang.org/x/mod/sumdb/tlog"

	"ledgerline/events"
	"ledgerline/ledger/proof"
)

// PatrolOptions say how a running ledger verifies itself in the background. The
// zero value serves.
type PatrolOptions struct {
	// Rate bounds how many stored bytes are read in a second; default 4 MiB.
	Rate int64
	// Every is how often a pass over the whole book begins, unless the one before
	// takes longer; default 24 hours.
	Every time.Duration
	// File remembers where a pass stopped and what was found, by default DIR/patrol.
	// It is derived: without it a pass begins anew.
	File string
}

func (o PatrolOptions) withDefaults(l *Ledger) PatrolOptions {
	if o.Rate <= 0 {
		o.Rate = 4 << 20
	}
	if o.Every <= 0 {
		o.Every = 24 * time.Hour
	}
	if o.File == "" {
		o.File = l.opts.FS.PathJoin(l.dir, "patrol")
	}
	return o
}

// PatrolStatus says what the patrol has done and found.
type PatrolStatus struct {
	// On: a patrol goes on now.
	On bool `json:"on"`
	// Position is the next record to be verified, of the first Size; a pass that is
	// complete leaves both equal.
	Position int64 `json:"position"`
	Size     int64 `json:"size"`
	// Began is when the pass began.
	Began events.Time `json:"began,omitzero"`
	// LastSize and LastEnded are of the last complete pass.
	LastSize  int64       `json:"last_size"`
	LastEnded events.Time `json:"last_ended,omitzero"`
	// Findings are those of this pass, and of the last one where this has not been
	// yet. At most 100 are kept; Found counts all of this pass.
	Findings []Finding `json:"findings"`
	Found    int64     `json:"found"`
	// Err says why the patrol cannot go on.
	Err string `json:"error,omitzero"`
}

const (
	// patrolFindings bounds the findings kept.
	patrolFindings = 100
	// patrolSave is how often the state is written down while nothing is found.
	patrolSave = 10 * time.Second
)

// patrolFormat is the version of patrolState; what another one says is left behind.
const patrolFormat = 1

// patrolState is what the file remembers.
type patrolState struct {
	Format int          `json:"format"`
	Origin string       `json:"origin"`
	Status PatrolStatus `json:"status"`
}

// patrol is the state that Patrol moves and PatrolStatus tells.
type patrol struct {
	mu     sync.Mutex // guards what follows
	status PatrolStatus
}

// PatrolStatus tells what the patrol has done and found.
func (l *Ledger) PatrolStatus() PatrolStatus {
	l.patrol.mu.Lock()
	defer l.patrol.mu.Unlock()
	s := l.patrol.status
	s.Findings = append([]Finding{}, s.Findings...)
	return s
}

// Patrol verifies the book over and over at a bounded rate, until ctx ends or the
// ledger is closed: every record against the tree, the tree against its head, every
// facet against its commitment, every identity. A pass goes on where the last one
// stopped, also over a restart. Versions, states and the index are left to [Verify],
// and so is what an erasure left behind: they can only be told from all records
// together.
//
// What is found is logged as an error, once, and stands in PatrolStatus until a pass
// no longer finds it. The ledger goes on: whatever reads a damaged record refuses
// it by itself. Only one Patrol may run at a time.
func (l *Ledger) Patrol(ctx context.Context, o PatrolOptions) error {
	p := patroller{l: l, o: o.withDefaults(l)}
	p.take()
	defer l.setPatrol(func(s *PatrolStatus) { s.On = false })
	for {
		if err := p.waitForPass(ctx); err != nil {
			return p.ended(err)
		}
		if err := p.pass(ctx); err != nil {
			return p.ended(err)
		}
	}
}

func (l *Ledger) setPatrol(change func(s *PatrolStatus)) {
	l.patrol.mu.Lock()
	defer l.patrol.mu.Unlock()
	change(&l.patrol.status)
}

type patroller struct {
	l     *Ledger
	o     PatrolOptions
	saved time.Time // when the state was written down last
	due   time.Time // when the next tile may be read
	// The pass.
	v      *verification
	w      *checker
	before *tileCheck // the tile before, if it was not sound
	found  []Finding  // by this pass
}

// take takes up what the file remembers. Nothing rests on it, so one that is of no
// use is left behind.
func (p *patroller) take() {
	var state patrolState
	b, err := readFile(p.l.opts.FS, p.o.File)
	if err == nil {
		err = json.Unmarshal(b, &state)
	}
	if err != nil && !errors.Is(err, errNotExist) {
		p.l.opts.Logger.Warn("the state of the patrol cannot be read; it begins anew", "file", p.o.File, "error", err)
	}
	if err == nil && state.Format != patrolFormat {
		p.l.opts.Logger.Warn("the state of the patrol is of another program; it begins anew", "file", p.o.File, "format", state.Format)
	}
	s := state.Status
	if err != nil || state.Format != patrolFormat || state.Origin != p.l.origin || s.Size > p.l.Head().Size || s.Position > s.Size || s.Position < 0 {
		s = PatrolStatus{}
	}
	p.l.setPatrol(func(status *PatrolStatus) { *status, status.On, status.Err = s, true, "" })
	p.saved = p.l.opts.Now()
}

// save writes the state down.
func (p *patroller) save() {
	p.saved = p.l.opts.Now()
	b, err := json.MarshalIndent(patrolState{patrolFormat, p.l.origin, p.l.PatrolStatus()}, "", "  ")
	if err == nil {
		err = writeFileAtomic(p.l.opts.FS, p.o.File, append(b, '\n'))
	}
	if err != nil {
		p.l.opts.Logger.Warn("the state of the patrol cannot be written down; after a restart it begins at an earlier position", "error", err)
	}
}

// ended writes the state down and tells an end that was asked for from an error.
func (p *patroller) ended(err error) error {
	p.save()
	if errors.Is(err, context.Canceled) || errors.Is(err, ErrClosed) {
		return nil
	}
	p.l.setPatrol(func(s *PatrolStatus) { s.Err = err.Error() })
	return fmt.Errorf("the patrol ends: %w", err)
}

// waitForPass begins a pass when it is time, unless one is under way.
func (p *patroller) waitForPass(ctx context.Context) error {
	s := p.l.PatrolStatus()
	if s.Position < s.Size {
		p.found = slices.DeleteFunc(slices.Clone(s.Findings), func(f Finding) bool { return f.From >= s.Position })
		return nil
	}
	if now := p.l.opts.Now(); s.Began != 0 && !s.Began.Std().After(now) { // else the clock went back, and how long ago it was is not known
		if err := p.sleep(ctx, s.Began.Std().Add(p.o.Every).Sub(now)); err != nil {
			return err
		}
	}
	p.found = nil
	now := events.TimeOf(p.l.opts.Now())
	p.l.setPatrol(func(s *PatrolStatus) {
		s.Position, s.Size, s.Began, s.Found = 0, p.l.Head().Size, now, 0
	})
	return nil
}

func (p *patroller) sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-p.l.stop:
		return ErrClosed
	}
}

// pass verifies the records from where the pass stands to its end. It is measured
// against the tree of the head as of now, which holds that of the pass's beginning.
func (p *patroller) pass(ctx context.Context) error {
	s := p.l.PatrolStatus()
	p.v, p.before, p.due = p.verification(), nil, time.Now()
	p.w = p.v.newChecker()
	p.w.identities = true
	for n := s.Position / tileWidth; n*tileWidth < s.Size; n++ {
		read, err := p.tile(ctx, n)
		if err != nil {
			return err
		}
		p.l.setPatrol(func(st *PatrolStatus) { st.Position = min((n+1)*tileWidth, s.Size) })
		if err := p.pace(ctx, read); err != nil {
			return err
		}
		if p.l.opts.Now().Sub(p.saved) >= patrolSave {
			p.save()
		}
	}
	if err := p.end(s.Size); err != nil {
		return err
	}
	now := events.TimeOf(p.l.opts.Now())
	p.l.setPatrol(func(st *PatrolStatus) {
		st.LastSize, st.LastEnded, st.Findings = s.Size, now, p.found[:min(len(p.found), patrolFindings)]
	})
	p.l.opts.Logger.Info("the patrol has been through the book", "records", s.Size, "findings", len(p.found))
	p.save()
	return nil
}

// verification makes one that reads what is stored, past what is kept in memory.
func (p *patroller) verification() *verification {
	head := p.l.head.Load()
	v := &verification{l: p.l, sound: true, report: &Report{}}
	v.tail = tail{row: headRow{Size: head.Size, Root: head.Root, Leaf: head.leaf, Time: int64(head.Time)}, edge: head.edge}
	v.tiles = tileReader{edge: head.edge, load: func(level int, n int64) ([]proof.Hash, error) { return readTileRow(p.l.db, level, n) }}
	return v
}

// tile verifies one tile of records and returns how many bytes it read.
func (p *patroller) tile(ctx context.Context, n int64) (read int64, err error) {
	read, findings, err := p.check(ctx, n)
	if err == nil && len(findings) > 0 {
		// An erasure may have been under way: only what is still so counts.
		_, findings, err = p.check(ctx, n)
	}
	if err == nil {
		p.tell(n, findings)
	}
	return read, err
}

// pace waits as long as the rate asks after so many bytes.
func (p *patroller) pace(ctx context.Context, read int64) error {
	if now := time.Now(); p.due.Before(now) {
		p.due = now
	}
	p.due = p.due.Add(time.Duration(float64(read) / float64(p.o.Rate) * float64(time.Second)))
	return p.sleep(ctx, time.Until(p.due))
}

// check verifies one tile and returns how many bytes it read. Its cursors do not
// outlive it: they keep deleted rows from being forgotten.
func (p *patroller) check(ctx context.Context, n int64) (read int64, findings []Finding, err error) {
	if err := p.l.uses.begin(); err != nil {
		return 0, nil, err
	}
	defer p.l.uses.end()
	v, w := p.v, p.w
	v.report.Findings, v.suspects, v.erasures, w.bytes = nil, nil, erasures{}, 0
	c := &tileCheck{n: n, first: n * tileWidth, end: min((n+1)*tileWidth, v.tail.row.Size)}
	sound, err := w.checkTile(ctx, c)
	if err = errors.Join(err, w.close()); err != nil {
		return 0, nil, err
	}
	if !sound {
		v.suspects = []*tileCheck{c}
		if p.before != nil && p.before.n == n-1 { // it may be at fault for the first record
			v.suspects = append(v.suspects, p.before)
		}
		if err := v.settle(ctx); err != nil {
			return 0, nil, err
		}
		p.before = c
	}
	if err := p.checkErased(); err != nil {
		return 0, nil, err
	}
	inTile := func(f Finding) bool { return f.From >= c.first && f.From < c.end }
	for _, f := range v.report.Findings {
		if inTile(f) {
			findings = append(findings, f)
		}
	}
	return w.bytes + 2*tileWidth*proof.HashSize, findings, nil
}

// checkErased makes sure of each facet that is gone that the record which its row
// names says that it was erased.
func (p *patroller) checkErased() error {
	for at, m := range inOrderOfRecords(p.v.erasures.missing) {
		by, err := p.l.ErasedBy(at.position, m.number)
		if err != nil {
			return err
		}
		says := false
		if by > 0 {
			_, body, err := p.l.readBody(by)
			if err != nil {
				return p.v.unreadable(by, by, err)
			}
			facets, _ := body.Erases()
			says = slices.Contains(facets, proof.ErasedFacet{Position: at.position, Name: at.name, Commit: m.commit})
		}
		if !says {
			p.v.find(PayloadMissing, at.position, at.position, "facet %q is gone, and no record says that it was erased", at.name)
		}
	}
	return nil
}

// tell notes what was found in a tile, in the place of what an earlier pass found
// there, and logs what is new.
func (p *patroller) tell(n int64, findings []Finding) {
	p.report(findings, func(f Finding) bool {
		return f.From >= n*tileWidth && f.From < (n+1)*tileWidth && f.Kind != TailRewritten // see end
	})
}

func (p *patroller) report(findings []Finding, replaces func(Finding) bool) {
	findings = merge(findings)
	s := p.l.PatrolStatus()
	known := slices.DeleteFunc(slices.Clone(s.Findings), func(f Finding) bool { return !replaces(f) })
	if len(findings) == 0 && len(known) == 0 {
		return
	}
	for _, f := range findings {
		if !slices.Contains(known, f) {
			p.l.opts.Logger.Error("the patrol found damage: run ledgerline verify, and restore a backup beside the book",
				"kind", f.Kind, "from", f.From, "to", f.To, "detail", f.Detail)
		}
	}
	if len(p.found) < patrolFindings {
		p.found = append(p.found, findings...)
	}
	kept := append(slices.DeleteFunc(s.Findings, replaces), findings...)
	p.l.setPatrol(func(st *PatrolStatus) {
		st.Findings = kept[:min(len(kept), patrolFindings)]
		st.Found += int64(len(findings))
	})
	p.save()
}

// end compares the tree that is stored with the head: its edge, and that it has the
// root over the records of the pass that this ledger signed, or would.
func (p *patroller) end(size int64) error {
	if err := p.l.uses.begin(); err != nil {
		return err
	}
	defer p.l.uses.end()
	rows := p.l.db.NewSnapshot()
	t, err := readTail(rows)
	if err == nil {
		var root, want proof.Hash
		stored := tileReader{edge: t.edge, load: func(level int, n int64) ([]proof.Hash, error) { return readTileRow(rows, level, n) }}
		if root, err = tlog.TreeHash(size, stored); err == nil {
			want, err = tlog.TreeHash(size, p.l.durableTiles())
		}
		if err == nil && root != want {
			err = &DamageError{What: fmt.Sprintf("the tree over %d records that is stored does not have the root %s", size, want)}
		}
	}
	err = errors.Join(err, rows.Close())
	var findings []Finding
	var d *DamageError
	switch {
	case errors.As(err, &d):
		findings, err = []Finding{{TailRewritten, size - 1, size - 1, d.What}}, nil
	case pebble.IsCorruptionError(err):
		findings, err = []Finding{{TailRewritten, size - 1, size - 1, reason(err)}}, nil
	}
	if slices.ContainsFunc(p.found, func(f Finding) bool { return f.Kind == TileEdited || f.Kind == Unreadable }) {
		findings = nil // that the tree is not the signed one is said already, and where
	}
	p.report(findings, func(f Finding) bool { return f.Kind == TailRewritten })
	return err
}
