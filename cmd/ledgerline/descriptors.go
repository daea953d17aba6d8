package main

import (
	"fmt"
	"log/slog"
	"math"
	"syscall"

	"ledgerline/api"
)

const (
	// leastDescriptors are what book, views and index hold open, at most a thousand
	// tables each, and as many as the default of connections again.
	leastDescriptors = 8192
	// fewestDescriptors are enough to open a ledger. With fewer it is not tried: Pebble
	// v2.1.7 panics if it lacks one while it opens a store whose tables it begins to
	// compact.
	fewestDescriptors = 256
)

// moreDescriptors is what to do about too few.
var moreDescriptors = fmt.Sprintf("ulimit -n %d, or LimitNOFILE=%[1]d in the unit", 2*leastDescriptors)

// descriptors is how many files this process may open. At its start Go has raised
// that to the most that the process may ask for.
func descriptors() (uint64, error) {
	var r syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &r); err != nil {
		return 0, fmt.Errorf("asking how many files may be opened: %w", err)
	}
	return r.Cur, nil
}

// enoughDescriptors refuses to open a ledger with so few that opening could fail half
// way.
func enoughDescriptors() error {
	n, err := descriptors()
	if err != nil {
		return err
	}
	if n < fewestDescriptors {
		return cannot(moreDescriptors, "this process may open %d files, and needs at least %d: nothing was opened", n, fewestDescriptors)
	}
	return nil
}

// fewerConnections is how many connections a server takes at once: half of the
// descriptors are left to what it has to read and write.
func fewerConnections(limit int, logger *slog.Logger) (int, error) {
	if limit == 0 {
		limit = api.DefaultLimits().Connections
	}
	n, err := descriptors()
	if err != nil {
		return 0, err
	}
	if half := int(min(n/2, math.MaxInt)); half < limit {
		logger.Warn("this process may open few files, and takes fewer connections for it", "files", n, "connections", half, "fix", moreDescriptors)
		return half, nil
	}
	return limit, nil
}
