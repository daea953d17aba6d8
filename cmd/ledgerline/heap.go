package main

import (
	"io/fs"
	"math"
	"os"
	"path"
	"runtime/debug"
	"strconv"
	"strings"
)

// garbagePercent is by how much the heap may grow before it is collected, in percent
// of what was alive. Go's own 100 costs a fifth more processor time while views are
// built, because what is alive (graph, search index, newest versions) is marked again
// and again; docs/performance.md has the figures and the memory that it takes.
const garbagePercent = 300

// The heap's soft limit, unless GOMEMLIMIT or memory-limit says another: heapShare of
// the memory that the process may use, but heapLeast at least, and never more than half
// of it. The storage engine's caches and memtables lie outside of the heap.
const (
	heapShare = 8 // an eighth
	heapLeast = 1 << 30
)

// boundHeap says how the heap is collected, where the environment does not: later than
// Go does by itself, and earlier as it comes near to its soft limit.
func boundHeap() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(garbagePercent)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(heapLimit(memoryOf(os.DirFS("/"))))
	}
}

// boundHeap heeds the setting memory-limit.
func (c *config) boundHeap() {
	switch {
	case c.MemoryLimit > 0:
		debug.SetMemoryLimit(c.MemoryLimit)
	case c.MemoryLimit < 0:
		debug.SetMemoryLimit(math.MaxInt64)
	}
}

// heapLimit is the soft limit for so much memory; none if that is not known (0).
func heapLimit(memory int64) int64 {
	if memory <= 0 {
		return math.MaxInt64
	}
	return min(max(memory/heapShare, heapLeast), memory/2)
}

// memoryOf is how many bytes of memory this process may use, as Linux tells in /proc
// and /sys/fs/cgroup: those of the machine, or the least that a control group leaves
// it, of version 1 or 2. It is 0 where that cannot be told.
func memoryOf(root fs.FS) int64 {
	least := int64(math.MaxInt64)
	take := func(n int64) {
		if n > 0 {
			least = min(least, n)
		}
	}
	text, _ := fs.ReadFile(root, "proc/meminfo")
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == "MemTotal:" && f[2] == "kB" {
			take(1024 * countOf(f[1]))
		}
	}
	text, _ = fs.ReadFile(root, "proc/self/cgroup")
	for line := range strings.Lines(string(text)) {
		f := strings.SplitN(strings.TrimSpace(line), ":", 3) // hierarchy, controllers, group
		if len(f) != 3 {
			continue
		}
		mount, file := "sys/fs/cgroup", "memory.max"
		if f[1] != "" {
			if !strings.Contains(","+f[1]+",", ",memory,") {
				continue
			}
			mount, file = "sys/fs/cgroup/memory", "memory.limit_in_bytes"
		}
		// Each group bounds those within it. In a container the group's name may be that of
		// the machine outside, and only the last of these is there.
		for group := path.Clean("/" + f[2]); ; group = path.Dir(group) {
			limit, _ := fs.ReadFile(root, path.Join(mount, group, file))
			take(countOf(strings.TrimSpace(string(limit))))
			if group == "/" {
				break
			}
		}
	}
	if least == math.MaxInt64 {
		return 0
	}
	return least
}

// countOf reads a count; 0 if it is none, such as "max".
func countOf(text string) int64 {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0
	}
	return n
}
