package ledger

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"ledgerline/ledger/proof"
)

// VerifyOptions say what to check a store against.
type VerifyOptions struct {
	FS vfs.FS // nil is the disk
	// HeadFile is the head witness, by default DIR/head.
	HeadFile string
	// Verifier is the verifier key the auditor trusts. If empty the book's own is
	// taken, which shows damage but not a book replaced whole.
	Verifier string
	// Since is a signed checkpoint that was verified before: only what came after
	// it is read, and that it still is the beginning is proven.
	Since []byte
	// Workers hash in parallel; 0 is one for each processor.
	Workers int
	// Progress, if set, is told how many of how many records were checked.
	Progress func(done, total int64)

	states int // bounds the states held at once; 0 is statesHeld
}

func (o VerifyOptions) statesHeld() int { return cmp.Or(o.states, statesHeld) }

// Report is what a verification found.
type Report struct {
	Origin string `json:"origin"`
	// Size and Root are the head of the stored book.
	Size int64  `json:"size"`
	Root string `json:"root"`
	// Checked counts the records read and hashed.
	Checked int64 `json:"checked"`
	// Erased counts the facets that are gone because a record says so.
	Erased int64 `json:"erased"`
	// Unopened counts the sealed facets that were not checked: the store is a backup,
	// which holds no owners' keys.
	Unopened int64 `json:"unopened"`
	// IndexCommits counts the commitments to the completeness index that were
	// compared with the records; none after a kept checkpoint.
	IndexCommits int64 `json:"index_commits"`
	// LastProvable is the last position before the first finding; -1 if none.
	LastProvable int64     `json:"last_provable"`
	Findings     []Finding `json:"findings"`
	// Fork is the portable proof, if two heads that the ledger signed are of two
	// histories: one of them does not fit the stored book, and a later one does.
	Fork *proof.Fork `json:"fork,omitzero"`
}

// OK reports whether nothing was found.
func (r *Report) OK() bool { return len(r.Findings) == 0 }

// Finding is one thing that is not as it was acknowledged, with the smallest
// range of positions it can be narrowed to: From to To, both included.
type Finding struct {
	Kind   string `json:"kind"`
	From   int64  `json:"from"`
	To     int64  `json:"to"`
	Detail string `json:"detail"`
}

// The kinds of findings.
const (
	RecordMissing  = "record-missing"  // a position has no record
	RecordEdited   = "record-edited"   // a record does not have the hash in the tree
	TileEdited     = "tile-edited"     // a tile does not have the hash above it
	PayloadSwapped = "payload-swapped" // a facet is not what was committed to
	PayloadMissing = "payload-missing" // a facet or its key is gone, and nothing says it was erased
	PayloadKept    = "payload-kept"    // a facet is there that a record says was erased
	TailRewritten  = "tail-rewritten"  // the records hash together, but not to an acknowledged head
	Truncated      = "truncated"       // fewer records than were acknowledged
	Relinked       = "relinked"        // a record does not follow the one before it
	Forked         = "fork"            // two signed heads are of two histories: see Report.Fork
	Unreadable     = "unreadable"      // the storage cannot be read there
	DerivedRow     = "derived-row"     // an index or state does not follow from the records
	WrongKey       = "wrong-key"       // the book is signed by another key than the trusted one
)

// Verify checks the store in dir, which no process may have open, from its bytes:
// every record against the tree, the tree against its head, the head against the
// head witness and Since, every facet against its commitment, and every derived
// row against the records. The error says why it could not be checked; what is
// wrong with the book is in the report.
func Verify(ctx context.Context, dir string, o VerifyOptions) (*Report, error) {
	opts := Options{FS: o.FS, HeadFile: o.HeadFile}.withDefaults(dir)
	if _, err := opts.FS.Stat(bookDir(opts.FS, dir)); err != nil {
		return nil, fmt.Errorf("verifying %s: %w", dir, ErrNotExist)
	}
	witnessed, _, err := readWitness(opts.FS, opts.HeadFile)
	if err != nil {
		return nil, err
	}
	db, err := openBook(opts, dir, bookOptions{readOnly: true})
	if err != nil {
		var d *DamageError
		if err = openFailed(dir, opts, err, witnessed); errors.As(err, &d) {
			return &Report{LastProvable: noPosition, Findings: []Finding{{Unreadable, 0, noPosition, err.Error()}}}, nil
		}
		return nil, err
	}
	l := &Ledger{dir: dir, opts: opts, db: db, owners: newOwners(opts.FS, dir)}
	v := &verification{l: l, opts: o, report: &Report{Findings: []Finding{}}}
	_, err = opts.FS.Stat(opts.FS.PathJoin(dir, manifestName))
	v.backup = err == nil
	err = v.run(ctx, witnessed)
	if err = errors.Join(err, db.Close()); err != nil {
		return nil, err
	}
	v.conclude()
	return v.report, nil
}

type verification struct {
	l     *Ledger
	opts  VerifyOptions
	tail  tail
	sound bool // the tiles have the root of the stored head
	// doubtful: they have not, and neither have the records.
	doubtful bool
	backup   bool // the owners' keys are elsewhere
	tiles    tileReader
	derived  *derived

	mu       sync.Mutex // guards report.Findings, suspects and erasures
	report   *Report
	suspects []*tileCheck
	erasures erasures
	checked  atomic.Int64
	unopened atomic.Int64
}

func (v *verification) find(kind string, from, to int64, format string, args ...any) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.report.Findings = append(v.report.Findings, Finding{kind, from, to, fmt.Sprintf(format, args...)})
}

func (v *verification) run(ctx context.Context, witnessed []byte) error {
	s, err := readSettings(v.l.db)
	if err != nil {
		return v.unreadable(0, noPosition, beginningLost(witnessed, err))
	}
	if err := v.l.adopt(s); err != nil {
		return err
	}
	v.report.Origin = s.Origin
	if err := v.readHead(); errors.Is(err, errNoBeginning) {
		return v.unreadable(0, noPosition, beginningLost(witnessed, err))
	} else if err != nil {
		return v.unreadable(0, noPosition, err)
	}
	keys, err := v.l.readSigning(s.VKey, v.tail.row.Size)
	if err != nil {
		return v.unreadable(0, noPosition, err)
	}
	v.l.signing.Store(keys)
	if o := v.opts.Verifier; o != "" && !keys.keys.Has(o) {
		v.find(WrongKey, 0, 0, "the book's key is %s, not the trusted %s", strings.Join(keys.vkeys, " and "), o)
		return nil
	}
	if !v.sound { // everything is read, to find out where
		if err := v.checkTiles(ctx, 0); err != nil {
			return err
		}
	}
	from, proven, err := v.checkHeads(witnessed)
	if err != nil {
		return err
	}
	if v.sound {
		err = v.checkTiles(ctx, from)
	} else if v.doubtful || len(v.report.Findings) == 0 {
		v.find(TileEdited, proven, v.tail.row.Size-1, "neither the stored tree nor the records have the root of the head")
	}
	if err != nil {
		return err
	}
	if err := v.checkErasures(); err != nil {
		return err
	}
	v.report.Erased, v.report.Unopened = v.erasures.gone, v.unopened.Load()
	if err := v.checkDerived(ctx, from); err != nil || from > 0 || len(v.report.Findings) > 0 {
		return err // the index follows from all records, and only if they are right
	}
	return v.checkIndex()
}

// reason tells in one line why something cannot be read, without the advice that a
// DamageError gives to those who have not run a verification yet.
func reason(err error) string {
	var d *DamageError
	if errors.As(err, &d) && d.Err != nil {
		err = d.Err
	}
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}

// unreadable records a storage error as a finding and passes on any other.
func (v *verification) unreadable(from, to int64, err error) error {
	var d *DamageError
	if errors.As(err, &d) || pebble.IsCorruptionError(err) || errors.Is(err, pebble.ErrCorruption) {
		v.find(Unreadable, from, to, "%s", reason(err))
		return nil
	}
	return err
}

// readHead reads the stored end. Unlike Open it goes on when the end does not fit
// the head, to find out where.
func (v *verification) readHead() error {
	t, err := readTail(v.l.db)
	var d *DamageError
	if err != nil && !(errors.As(err, &d) && t.row.Size > 0) {
		return err
	}
	v.sound = err == nil
	v.tail = t
	v.report.Size, v.report.Root = t.row.Size, t.row.Root.String()
	v.tiles = tileReader{edge: t.edge, load: v.l.loadTile}
	return nil
}

// conclude sorts the findings and says how far the book can be trusted.
func (v *verification) conclude() {
	r := v.report
	slices.SortStableFunc(r.Findings, func(a, b Finding) int { return cmp.Compare(a.From, b.From) })
	r.Findings = merge(r.Findings)
	r.LastProvable = r.Size - 1
	for _, f := range r.Findings {
		if f.Kind != DerivedRow {
			r.LastProvable = min(r.LastProvable, f.From-1)
		}
	}
	r.LastProvable = max(r.LastProvable, noPosition)
}

// merge joins findings of one kind at adjoining positions, so that a book of
// which all is wrong is told in one line.
func merge(sorted []Finding) []Finding {
	out := sorted[:0]
	for _, f := range sorted {
		if n := len(out) - 1; n >= 0 && out[n].Kind == f.Kind && f.Kind != DerivedRow &&
			(f.From == out[n].To+1 || f.Kind == PayloadMissing && f.From == out[n].To) { // a lost key may be that of all
			out[n].To = max(out[n].To, f.To)
			continue
		}
		out = append(out, f)
	}
	return out
}
