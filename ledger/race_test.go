//go:build race

package ledger

// The race detector makes the random tests ten times slower; it needs fewer of
// them, because it looks for other faults than they do.
const underRace = true
