package projections

import (
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"ledgerline/ledger/faultfs"
)

var update = flag.Bool("update", false, "write the table in docs/reliability.md anew")

var long = flag.Bool("long", false, "try every fault in every way: some minutes")

// TestEveryChangeOfViewsFails lets every write, sync, creation, rename and removal
// fail while views are built, taken up and built on, and cuts the power
// afterwards. What is left are views at some position, whole, or views that are
// built anew: they end with the same rows.
func TestEveryChangeOfViewsFails(t *testing.T) {
	b := script(newBook(t))
	size := b.Head().Size
	whole := newViews(t, b.Ledger)
	build(t, whole, size)
	want := rows(t, whole, size)

	half := vfs.NewCrashableMem() // views a killed process left: rows in the log
	v := openAt(t, b.Ledger, half)
	build(t, v, size/2)
	left := half.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 100, RNG: rand.New(rand.NewPCG(1, 1))})
	closeViews(t, v)

	const after = "the views stop or the process ends; they go on from some position, or are built anew, to the same rows"
	ways := []struct {
		name               string
		template           *vfs.MemFS
		operations, faults int // at least
	}{
		{"build", vfs.NewCrashableMem(), 65, 180},
		{"take up and build on", left, 35, 100},
	}
	table := []string{"| views | operations, at least | faults, at least | after the fault | observed |", "|---|---|---|---|---|"}
	for _, w := range ways {
		table = append(table, fmt.Sprintf("| %s | %d | %d | %s | held in all |", w.name, w.operations, w.faults, after))
		template := w.template
		t.Run(w.name, func(t *testing.T) {
			work := func(fs *faultfs.FS) error {
				v, err := Open("views", b.Ledger, Options{FS: fs, CacheBytes: 1 << 20, Logger: fs.Logger()})
				if err != nil {
					return err
				}
				for n := v.Applied() + 1; n < size && err == nil; n += 7 {
					err = v.apply(ctx, run{n, min(n+7, size)})
				}
				if err == nil {
					err = v.store.db.Flush()
				}
				return errors.Join(err, v.Close())
			}
			dry := faultfs.New(template.CrashClone(vfs.CrashCloneCfg{}))
			if err := work(dry); err != nil {
				t.Fatal(err)
			}
			points := dry.Seen()
			trials, outcomes := 0, make(map[string]int)
			for _, op := range slices.SortedFunc(maps.Keys(points), func(a, b faultfs.Op) int { return strings.Compare(a.String(), b.String()) }) {
				for n := 1; n <= points[op]; n++ {
					for i, f := range faultModes {
						if f.Effect == faultfs.Half && op.Do != "write" || !*long && i > 1 && i != 2+n%3 {
							continue
						}
						f.Op, f.N = op, n
						// Pebble panics where a log cannot be begun or ended, as the flush at the
						// end does, and takes the process down.
						f.Ends = f.Ends || strings.HasSuffix(op.File, ".log")
						if trials++; testing.Short() && trials%7 > 0 {
							continue
						}
						t.Run(f.String(), func(t *testing.T) {
							fs := faultfs.New(template.CrashClone(vfs.CrashCloneCfg{}))
							fs.Arm(f)
							outcomes[viewsOutcome(t, fs, work)]++
							rng := rand.New(rand.NewPCG(uint64(n), 0))
							for _, percent := range []int{0, 100} {
								v := openAt(t, b.Ledger, fs.CutPower(percent, rng))
								build(t, v, size)
								same(t, fmt.Sprintf("rows with %d %% of what was not synced", percent), rows(t, v, size), want)
								closeViews(t, v)
							}
						})
					}
				}
			}
			if total(points) < w.operations || trials < w.faults {
				t.Errorf("only %d operations are seen, to fail in %d ways; the table says %d and %d", total(points), trials, w.operations, w.faults)
			}
			t.Logf("%d operations fail in %d ways: %v", total(points), trials, outcomes)
		})
	}
	faultfs.CheckTable(t, "../docs/reliability.md", "views", table, *update)
}

// faultModes are the ways in which an operation fails.
var faultModes = []faultfs.Fault{
	{Effect: faultfs.Nothing, Err: syscall.EIO},
	{Effect: faultfs.All, Err: syscall.EIO},
	{Effect: faultfs.Half, Err: syscall.ENOSPC},
	{Effect: faultfs.Nothing, Err: syscall.EIO, Ends: true},
	{Effect: faultfs.All, Err: syscall.EIO, Ends: true},
}

func total(points map[faultfs.Op]int) (n int) {
	for _, k := range points {
		n += k
	}
	return n
}

// viewsOutcome works until the end or the death of the process.
func viewsOutcome(t *testing.T, fs *faultfs.FS, work func(*faultfs.FS) error) string {
	t.Helper()
	result := make(chan error, 1)
	go func() { result <- work(fs) }()
	select {
	case err := <-result:
		if err != nil {
			return "the views stop"
		}
		return "it goes on"
	case <-fs.Ended():
		return "the process ends"
	case <-time.After(time.Minute):
		t.Error("it hangs")
	}
	return "it hangs"
}
