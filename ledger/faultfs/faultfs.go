// Package faultfs is a file system in memory that fails where a test tells it
// to, and what a power cut would leave of it.
//
// Only what changes storage can fail: creating, writing, syncing, renaming,
// linking, removing. Such operations are told apart by what they do and by the
// kind of file they do it to, and are counted; a Fault names one of them. So a
// test can run once without a fault, see what there is, and then let each one
// fail in turn.
package faultfs

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// Op is a kind of change: what is done to which kind of file. File is a path in
// which runs of digits are written N and long hexadecimal names HASH, such as
// ledger/book/N.log.
type Op struct{ File, Do string }

func (o Op) String() string { return o.Do + " " + o.File }

// Effect is what a failing operation does all the same.
type Effect int

// The effects. A failed write or sync may have had any of them: the error does
// not tell.
const (
	Nothing Effect = iota // it did nothing
	Half                  // it wrote the first half; for what is no write, nothing
	All                   // it did all it was asked to
)

func (e Effect) String() string { return [...]string{"not done", "half done", "done all the same"}[e] }

// A Fault is the operation that fails.
type Fault struct {
	Op     Op
	N      int // which of its kind, counted from 1 since Arm
	Effect Effect
	Err    error
	// Onwards makes every later change fail as well, without an effect. As nothing
	// is changed any more, this is also the death of the process at this point.
	Onwards bool
	// Ends ends the process at this point, as a power cut or a kill does: it never
	// learns what became of the operation.
	Ends bool
	// Real lets a real process end by itself, where Pebble panics: see TestLastLine.
	Real bool
}

func (f Fault) String() string {
	s := fmt.Sprintf("%s %d: %s, %s", f.Op, f.N, f.Effect, f.Err)
	if f.Onwards {
		s += ", and all that follows fails"
	}
	if f.Ends {
		s += ", and the process ends"
	}
	return s
}

// FS is the file system. It is safe for concurrent use.
type FS struct {
	vfs.FS
	mem *vfs.MemFS

	mu    sync.Mutex // guards what follows
	kinds map[string]string
	seen  map[Op]int
	fault Fault
	fired bool
	dead  bool

	ended chan struct{} // closed when the process on it has ended itself
	once  sync.Once
}

// New makes a file system over mem, which has to be crashable. Nothing fails
// before Arm.
func New(mem *vfs.MemFS) *FS {
	return &FS{FS: mem, mem: mem, kinds: make(map[string]string), seen: make(map[Op]int), ended: make(chan struct{})}
}

// Arm sets the fault to come, and counts operations from here on.
func (f *FS) Arm(fault Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fault, f.fired = fault, false
	clear(f.seen)
}

// Disarm lets everything succeed again, unless the process has ended.
func (f *FS) Disarm() { f.Arm(Fault{}) }

// Fired reports whether the fault was met.
func (f *FS) Fired() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.fired
}

// Seen counts the operations since Arm, by kind.
func (f *FS) Seen() map[Op]int {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := make(map[Op]int, len(f.seen))
	for op, n := range f.seen {
		out[op] = n
	}
	return out
}

// Ended is closed when the process on this file system has ended itself; see
// Logger.
func (f *FS) Ended() <-chan struct{} { return f.ended }

// Logger returns a logger that ends the process where it says so. Pebble calls
// Fatalf when it cannot go on, and relies on it not to return; what the program
// logs then begins with "the process ends". Here that stops the calling goroutine
// for good and freezes the file system, so that nothing that still runs can
// change it.
func (f *FS) Logger() *slog.Logger { return slog.New(ending{f}) }

type ending struct{ fs *FS }

func (e ending) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelError }
func (e ending) WithAttrs([]slog.Attr) slog.Handler               { return e }
func (e ending) WithGroup(string) slog.Handler                    { return e }

func (e ending) Handle(_ context.Context, r slog.Record) error {
	if strings.HasPrefix(r.Message, "the process ends") {
		e.fs.end()
	}
	return nil
}

// end ends the process: nothing is changed any more, and the caller goes no
// further, not even to give back its locks.
func (f *FS) end() {
	f.Kill()
	f.once.Do(func() { close(f.ended) })
	select {}
}

// Kill freezes the file system: from here on every change fails without effect.
func (f *FS) Kill() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.dead = true
}

// Revive lets changes happen again after Kill or CutPower, so that what still runs
// can be closed; what CutPower returned is another file system.
func (f *FS) Revive() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.dead, f.fault = false, Fault{}
}

// CutPower returns what a power cut leaves: everything that was synced, and of
// the rest each file and each directory whole with the given probability. The
// choice is made in the order of the paths, so that a seed repeats it.
func (f *FS) CutPower(percent int, rng *rand.Rand) *vfs.MemFS {
	f.Kill()
	if percent > 0 {
		f.settle("", percent, rng)
	}
	return f.mem.CrashClone(vfs.CrashCloneCfg{})
}

// settle makes durable what luck made durable.
func (f *FS) settle(path string, percent int, rng *rand.Rand) {
	names, err := f.mem.List(path)
	keep := rng.IntN(100) < percent
	if err != nil { // a file
		if h, err := f.mem.Open(path); err == nil && keep {
			_ = h.Sync() // of memory
			_ = h.Close()
		}
		return
	}
	if h, err := f.mem.OpenDir(path); err == nil && keep {
		_ = h.Sync()
		_ = h.Close()
	}
	slices.Sort(names)
	for _, name := range names {
		f.settle(f.mem.PathJoin(path, name), percent, rng)
	}
}

// next counts an operation and says whether it fails, and with what effect.
func (f *FS) next(do, path string) (Effect, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.dead {
		return Nothing, os.ErrClosed
	}
	kind, ok := f.kinds[path]
	if !ok {
		kind = kindOf(path)
		f.kinds[path] = kind
	}
	op := Op{kind, do}
	f.seen[op]++
	switch {
	case f.fault.N > 0 && !f.fired && f.fault.Op == op && f.seen[op] == f.fault.N:
		f.fired = true
		return f.fault.Effect, f.fault.Err // the caller ends the process, if it is to
	case f.fired && f.fault.Onwards:
		return Nothing, f.fault.Err
	}
	return All, nil
}

// kindOf writes a path without its numbers.
func kindOf(path string) string {
	var out strings.Builder
	for i := 0; i < len(path); {
		j := i
		for j < len(path) && isHex(path[j]) {
			j++
		}
		if j-i >= 32 {
			out.WriteString("HASH")
			i = j
			continue
		}
		if j = i; isDigit(path[i]) {
			for j < len(path) && isDigit(path[j]) {
				j++
			}
			out.WriteByte('N')
			i = j
			continue
		}
		out.WriteByte(path[i])
		i++
	}
	return out.String()
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }
func isHex(c byte) bool   { return isDigit(c) || c >= 'a' && c <= 'f' }

// change runs an operation that is done or not.
func (f *FS) change(do, path string, op func() error) error {
	effect, err := f.next(do, path)
	if effect == All {
		if done := op(); err == nil {
			return done // the error of the file system itself
		}
	}
	f.failing(err)
	return err
}

// failing ends the process if an error is its end.
func (f *FS) failing(err error) {
	if err == nil {
		return
	}
	f.mu.Lock()
	ends, real := f.fired && f.fault.Ends, f.fault.Real
	f.mu.Unlock()
	if ends || !real && panics() {
		f.end()
	}
}

func (f *FS) open(do, path string, op func() (vfs.File, error)) (vfs.File, error) {
	var file vfs.File
	err := f.change(do, path, func() (err error) {
		file, err = op()
		return err
	})
	if err != nil {
		if file != nil {
			_ = file.Close() // it was made all the same, and nobody learns of it
		}
		return nil, err
	}
	return &tracked{File: file, fs: f, path: path}, nil
}

func (f *FS) Create(path string, c vfs.DiskWriteCategory) (vfs.File, error) {
	return f.open("create", path, func() (vfs.File, error) { return f.FS.Create(path, c) })
}

func (f *FS) ReuseForWrite(old, path string, c vfs.DiskWriteCategory) (vfs.File, error) {
	return f.open("create", path, func() (vfs.File, error) { return f.FS.ReuseForWrite(old, path, c) })
}

// OpenReadWrite does not count as a change: it makes no file that is not there
// in any use this program has for it.
func (f *FS) OpenReadWrite(path string, c vfs.DiskWriteCategory, opts ...vfs.OpenOption) (vfs.File, error) {
	file, err := f.FS.OpenReadWrite(path, c, opts...)
	if err != nil {
		return nil, err
	}
	return &tracked{File: file, fs: f, path: path}, nil
}

func (f *FS) OpenDir(path string) (vfs.File, error) {
	file, err := f.FS.OpenDir(path)
	if err != nil {
		return nil, err
	}
	return &tracked{File: file, fs: f, path: path}, nil
}

func (f *FS) Link(old, path string) error {
	return f.change("link", path, func() error { return f.FS.Link(old, path) })
}

func (f *FS) Remove(path string) error {
	return f.change("remove", path, func() error { return f.FS.Remove(path) })
}

func (f *FS) RemoveAll(path string) error {
	return f.change("remove", path, func() error { return f.FS.RemoveAll(path) })
}

func (f *FS) Rename(old, path string) error {
	return f.change("rename", path, func() error { return f.FS.Rename(old, path) })
}

func (f *FS) MkdirAll(path string, perm os.FileMode) error {
	return f.change("make", path, func() error { return f.FS.MkdirAll(path, perm) })
}

// tracked is a file whose writes and syncs can fail.
type tracked struct {
	vfs.File
	fs   *FS
	path string
}

func (t *tracked) Write(p []byte) (int, error) {
	return t.write(p, t.File.Write)
}

func (t *tracked) WriteAt(p []byte, at int64) (int, error) {
	return t.write(p, func(p []byte) (int, error) { return t.File.WriteAt(p, at) })
}

func (t *tracked) write(p []byte, to func([]byte) (int, error)) (int, error) {
	effect, err := t.fs.next("write", t.path)
	if err == nil {
		return to(p)
	}
	switch effect {
	case Half:
		p = p[:len(p)/2]
	case Nothing:
		p = nil
	}
	n := 0
	if len(p) > 0 {
		n, _ = to(p) // memory takes it
	}
	t.fs.failing(err)
	return n, err
}

func (t *tracked) Sync() error { return t.fs.change("sync", t.path, t.File.Sync) }

// panics reports whether Pebble is going to panic on an error of the operation
// under way, where nobody can recover: when it moves a marker or begins a log, but
// not inside Open. That ends the process as well.
func panics() bool {
	pc := make([]uintptr, 64)
	frames := runtime.CallersFrames(pc[:runtime.Callers(1, pc)])
	fatal := false
	for {
		frame, more := frames.Next()
		switch {
		case strings.HasSuffix(frame.Function, "pebble/v2.Open"):
			return false
		case strings.HasSuffix(frame.Function, "atomicfs.(*Marker).Move"), strings.HasSuffix(frame.Function, "pebble/v2.(*DB).rotateWAL"):
			fatal = true
		}
		if !more {
			return fatal
		}
	}
}

func (t *tracked) SyncData() error { return t.fs.change("sync", t.path, t.File.SyncData) }

// SyncTo promises nothing, so it cannot break a promise.
func (t *tracked) SyncTo(length int64) (bool, error) { return t.File.SyncTo(length) }
