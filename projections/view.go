package projections

import (
	"fmt"

	"ledgerline/events"
)

// Page asks for one part of a list.
type Page struct {
	// Limit is the most rows to return; 0 means DefaultLimit, and more than
	// MaxLimit means MaxLimit.
	Limit int
	// Cursor is the Next of the part before; empty for the first part. Use it
	// with the same query as of the same position.
	Cursor string
}

// Bounds of Page.Limit.
const (
	DefaultLimit = 100
	MaxLimit     = 1000
)

// NotAppliedError is returned by Views.At for a position the views have not
// reached yet. Wait for it, or ask the book whether it exists at all.
type NotAppliedError struct {
	Position, Applied int64
}

func (e *NotAppliedError) Error() string {
	return fmt.Sprintf("the views have applied position %d, not yet %d; wait for it or ask as of %d", e.Applied, e.Position, e.Applied)
}

// CursorError is returned for a cursor that no list of this kind has given out.
type CursorError struct{ Cursor string }

func (e *CursorError) Error() string {
	return fmt.Sprintf("%q is not a cursor of this list; leave it out to begin at the first row", e.Cursor)
}

// UnknownNodeError is returned when a node's text names nothing, or more than
// one thing, that is known as of the view's position.
type UnknownNodeError struct {
	Node string
	// Ambiguous is set when the text can be read as each of Near: namespaces and
	// names may both hold slashes. Near then gives the exact, escaped forms.
	Ambiguous bool
	// Near lists up to five known nodes that the caller may have meant.
	Near []string
}

func (e *UnknownNodeError) Error() string {
	switch {
	case e.Ambiguous:
		return fmt.Sprintf("%q can be read as several known nodes; use one of %q", e.Node, e.Near)
	case len(e.Near) > 0:
		return fmt.Sprintf("nothing known is called %q; near to it: %q", e.Node, e.Near)
	}
	return fmt.Sprintf("nothing known is called %q", e.Node)
}

// View reads the views as of one position. It is safe for concurrent use and
// costs nothing to keep, but must be closed before Views.Close can finish.
type View struct {
	v        *Views
	store    *store
	at       int64
	recorded events.Time
	closed   func()
	cost     *Cost   // nil: what questions look at is not counted
	sight    *sight  // what the answers are bound to; nil: they leave no row out
	blanks   *blanks // the fields that they leave out; nil: none
}

// Position is the position the view speaks for: records up to and including it
// are known, later ones are not. It is -1 before the first record.
func (w *View) Position() int64 { return w.at }

// Recorded is when the ledger recorded that position; 0 before the first.
func (w *View) Recorded() events.Time { return w.recorded }

// Close releases the view. It may be called more than once.
func (w *View) Close() error {
	w.closed()
	return nil
}
