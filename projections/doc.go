// Package projections holds the views: rows built from the book, readable as of
// any position.
//
// Every row is a version, stored under "table ‖ entity ‖ ^position", and every
// read is [Views.At] a position; "now" is only At(Applied), there is no second
// read path. The law every view is tested by: for every n, what At(n) answers
// equals what a fresh build from the first n+1 records answers, byte for byte.
// It holds because a row of position p is a function of the records up to p
// alone, is written once, in the batch that applies p, and never changed. (Rows
// of posting lists and counters speak of many positions, and are added to: what
// they say of p is what stands by that.)
//
// Two time axes meet here. Position is what the ledger knew, and is the version
// axis. When something was in force is a value in the row ([Entry.ValidFrom]),
// found by walking versions from the newest known to the first that covers the
// date asked for.
//
// All views advance together: one feed, one run of events, one batch with the
// rows of every view and the position. So the views never disagree with each
// other, a crash leaves them at some position, and a repeated run is skipped.
// The store may be deleted at any time; it is rebuilt from the book. Views hold
// no facet bytes: free text and personal fields stay in the book, where they can
// be erased.
//
// Where to read next: views.go (life cycle), feed.go (how events arrive),
// project.go (how a run is applied), table.go, packed.go, batch.go (how rows are
// kept), then one file per view.
package projections
