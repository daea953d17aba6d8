package main

import (
	"math"
	"os"
	"testing"
	"testing/fstest"
)

// TestMemoryOf reads what Linux tells of machines and control groups of both versions,
// in and outside of containers.
func TestMemoryOf(t *testing.T) {
	const machine = "MemTotal:       24689532 kB\nMemFree:         1234 kB\n" // 24 GiB
	for _, c := range []struct {
		name  string
		files map[string]string
		want  int64
	}{
		{"nothing", nil, 0},
		{"machine alone", map[string]string{"proc/meminfo": machine}, 24689532 << 10},
		{"version 2, no limit", map[string]string{"proc/meminfo": machine, "proc/self/cgroup": "0::/user.slice\n", "sys/fs/cgroup/user.slice/memory.max": "max\n"}, 24689532 << 10},
		{"version 2, a service", map[string]string{"proc/meminfo": machine, "proc/self/cgroup": "0::/system.slice/ledgerline.service\n",
			"sys/fs/cgroup/system.slice/ledgerline.service/memory.max": "2147483648\n", "sys/fs/cgroup/system.slice/memory.max": "max\n"}, 2 << 30},
		{"version 2, bounded further up", map[string]string{"proc/meminfo": machine, "proc/self/cgroup": "0::/system.slice/ledgerline.service\n",
			"sys/fs/cgroup/system.slice/ledgerline.service/memory.max": "2147483648\n", "sys/fs/cgroup/system.slice/memory.max": "1073741824\n"}, 1 << 30},
		{"version 2, in a container", map[string]string{"proc/meminfo": machine, "proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "536870912\n"}, 512 << 20},
		{"version 2, a name from outside", map[string]string{"proc/meminfo": machine, "proc/self/cgroup": "0::/../../kubepods/pod1\n", "sys/fs/cgroup/memory.max": "536870912\n"}, 512 << 20},
		{"version 1", map[string]string{"proc/meminfo": machine, "proc/self/cgroup": "12:cpu,cpuacct:/docker/1\n9:memory:/docker/1\n0::/\n",
			"sys/fs/cgroup/memory/docker/1/memory.limit_in_bytes": "1073741824\n", "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n"}, 1 << 30},
		{"version 1, in a container", map[string]string{"proc/meminfo": machine, "proc/self/cgroup": "9:memory:/docker/1\n", "sys/fs/cgroup/memory/memory.limit_in_bytes": "1073741824\n"}, 1 << 30},
		{"more than the machine has", map[string]string{"proc/meminfo": machine, "proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "999999999999\n"}, 24689532 << 10},
		{"nonsense", map[string]string{"proc/meminfo": "MemTotal: lots kB\n", "proc/self/cgroup": "0::\nx\n::::\n", "sys/fs/cgroup/memory.max": "-1\n"}, 0},
	} {
		root := fstest.MapFS{}
		for name, text := range c.files {
			root[name] = &fstest.MapFile{Data: []byte(text)}
		}
		if got := memoryOf(root); got != c.want {
			t.Errorf("%s: %d bytes, want %d", c.name, got, c.want)
		}
	}
	if _, err := os.Stat("/proc/meminfo"); err == nil && memoryOf(os.DirFS("/")) <= 0 {
		t.Error("nothing is known of this machine")
	}
}

// TestHeapLimit: an eighth, a GiB at least, half at most.
func TestHeapLimit(t *testing.T) {
	for memory, want := range map[int64]int64{0: math.MaxInt64, 512 << 20: 256 << 20, 1 << 30: 512 << 20, 4 << 30: 1 << 30, 8 << 30: 1 << 30, 24 << 30: 3 << 30} {
		if got := heapLimit(memory); got != want {
			t.Errorf("of %d bytes: %d, want %d", memory, got, want)
		}
	}
}
