// Package ledger is the book: it admits, orders, hashes, signs and keeps events.
//
// One goroutine at a time owns the tail: the sequencer, or a caller that nobody
// else is beside. Callers prepare their events in parallel and wait; the sequencer
// takes all that wait, asks the rules, gives each admitted event its position, time
// and place in the hash chain, and applies one Pebble batch for the lot. While that
// batch is being synced its head is signed and the next batch is built. When the
// sync returns, the durable head moves and the callers get their receipts.
//
// The invariants, checked after every step of the tests:
//
//   - Positions are 0, 1, 2, … without a gap; recorded times strictly increase.
//   - Each record carries the leaf hash of the one before it, and the RFC 6962
//     tree over all records has the root that the head's checkpoint signs.
//   - Nothing is served, signed or told to be durable beyond the durable head.
//     Pebble shows a batch to readers before it is synced; this package does not.
//   - An acknowledged event is never lost, changed or reordered. Where storage
//     lost it all the same, Open and Verify refuse and name the last position
//     that can be proven.
//
// The book knows nothing of the views that are built from it.
package ledger
