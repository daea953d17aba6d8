package bench

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
)

// Machine is what was measured on.
type Machine struct {
	OS   string `json:"os"`
	Arch string `json:"arch"`
	Go   string `json:"go"`
	CPU  string `json:"cpu,omitempty"`
	// Cores are those the program may use.
	Cores int `json:"cores"`
	// MemoryBytes is the machine's memory; 0 if it does not say.
	MemoryBytes int64 `json:"memory_bytes,omitempty"`
	// FileSystem is that of the directory used, Device what it lies on; empty if
	// the machine does not say.
	FileSystem string `json:"file_system,omitempty"`
	Device     string `json:"device,omitempty"`
}

func (m Machine) String() string {
	s := fmt.Sprintf("%d cores", m.Cores)
	if m.CPU != "" {
		s += " (" + m.CPU + ")"
	}
	if m.MemoryBytes > 0 {
		s += fmt.Sprintf(", %d GiB", (m.MemoryBytes+1<<29)>>30)
	}
	if m.FileSystem != "" {
		s += ", " + m.FileSystem
		if m.Device != "" {
			s += " on " + m.Device
		}
	}
	return s + fmt.Sprintf(", %s, %s/%s", m.Go, m.OS, m.Arch)
}

// thisMachine describes the machine as far as it tells: Linux does in /proc.
func thisMachine(dir string) Machine {
	m := Machine{OS: runtime.GOOS, Arch: runtime.GOARCH, Go: runtime.Version(), Cores: runtime.GOMAXPROCS(0)}
	m.CPU = procField("/proc/cpuinfo", "model name")
	if kb, err := strconv.ParseInt(strings.TrimSuffix(procField("/proc/meminfo", "MemTotal"), " kB"), 10, 64); err == nil {
		m.MemoryBytes = kb << 10
	}
	m.FileSystem, m.Device = mountOf(dir)
	return m
}

// procField reads the first "name: value" of a file of /proc; empty if there is
// none.
func procField(file, name string) string {
	b, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(b)) {
		if k, v, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(k) == name {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

// mountOf finds the mount that a directory lies in.
func mountOf(dir string) (fileSystem, device string) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", ""
	}
	b, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		return "", ""
	}
	best := -1
	for line := range strings.Lines(string(b)) {
		f := strings.Fields(line)
		if len(f) < 3 || len(f[1]) < best {
			continue
		}
		if rel, err := filepath.Rel(f[1], dir); err == nil && rel != ".." && !strings.HasPrefix(rel, "../") {
			best, device, fileSystem = len(f[1]), f[0], f[2]
		}
	}
	return fileSystem, device
}

// peakMemory is the most memory that this process ever had in use, in bytes; 0
// where the machine does not say.
func peakMemory() float64 {
	kb, err := strconv.ParseFloat(strings.TrimSuffix(procField("/proc/self/status", "VmHWM"), " kB"), 64)
	if err != nil {
		return 0
	}
	return kb * 1024
}

// processor is the processor time that this process has used, in seconds; 0 where
// the machine does not say.
func processor() float64 {
	b, err := os.ReadFile("/proc/self/stat")
	if err != nil {
		return 0
	}
	_, after, _ := strings.Cut(string(b), ") ") // the name before may hold anything
	f := strings.Fields(after)
	if len(f) < 13 {
		return 0
	}
	user, err1 := strconv.ParseFloat(f[11], 64)
	system, err2 := strconv.ParseFloat(f[12], 64)
	if err1 != nil || err2 != nil {
		return 0
	}
	return (user + system) / 100 // clock ticks: USER_HZ, proc(5)
}
