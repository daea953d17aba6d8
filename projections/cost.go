package projections

import (
	"fmt"
	"sync/atomic"
)

// Cost counts the work that questions cause, while they cause it, and ends them where
// it exceeds a bound. It is safe for concurrent use; several views may share one.
//
// Its unit is what a question looks at, wanted or not: a version of a row, a block of
// a posting list, a node of the lineage graph that a walk goes on from.
type Cost struct {
	most int64
	done atomic.Int64
}

// NewCost bounds questions to most of these units.
func NewCost(most int64) *Cost { return &Cost{most: most} }

// Spent is what was looked at so far.
func (c *Cost) Spent() int64 { return c.done.Load() }

// spend counts n units; the error is a *CostError.
func (c *Cost) spend(n int64) error {
	if c == nil {
		return nil
	}
	if done := c.done.Add(n); done > c.most {
		return &CostError{Cost: done, Limit: c.most}
	}
	return nil
}

// CostError ends a question that looked at more than it may.
type CostError struct{ Cost, Limit int64 }

func (e *CostError) Error() string {
	return fmt.Sprintf("the question looked at %d rows and nodes without coming to its end; it may look at %d", e.Cost, e.Limit)
}

// Charge has what the view's questions look at counted, and bounded, from now on. It
// is called before the view is used.
func (w *View) Charge(c *Cost) { w.cost = c }
