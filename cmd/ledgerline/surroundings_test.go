package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"ledgerline/ledger"
)

// smallDisk mounts a disk of so many bytes, if this process may.
func smallDisk(t *testing.T, bytes int) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%d", bytes)); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("mounting a small disk: %v", err)
		}
		t.Skipf("this needs a disk of its own, which takes the right to mount one: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// fill writes a file that leaves so many bytes of a disk free.
func fill(t *testing.T, path string, leave uint64) {
	t.Helper()
	var disk syscall.Statfs_t
	if err := syscall.Statfs(filepath.Dir(path), &disk); err != nil {
		t.Fatal(err)
	}
	free := disk.Bavail * uint64(disk.Bsize)
	if free <= leave {
		return
	}
	if err := os.WriteFile(path, make([]byte, free-leave), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestDiskFull fills the disk under a server. What was acknowledged stays, the
// rest is refused, the server does not hang or serve on as if nothing were, and
// goes on when there is space again.
func TestDiskFull(t *testing.T) {
	disk := smallDisk(t, 160<<20)
	l := load(t, filepath.Join(disk, "led"), 5)
	for _, free := range []uint64{0, 4 << 10, 64 << 10, 1 << 20} {
		t.Run(fmt.Sprintf("%d KiB left", free>>10), func(t *testing.T) {
			s := serveDir(t, l.dir)
			ballast := filepath.Join(disk, "ballast")
			fill(t, ballast, free)
			refused := error(nil)
			for n := 0; refused == nil && n < 5_000; n++ {
				id := fmt.Sprintf("full-%d-%d", free, n)
				r, err := appendParty(s.url, id)
				if err == nil {
					l.receipts[id] = r
				}
				refused = err
			}
			if refused == nil {
				t.Log("the log had room for all")
			}
			ended := make(chan error, 1)
			go func() { ended <- s.end(os.Interrupt) }()
			select {
			case err := <-ended:
				t.Logf("refused with %v; the server ended with %v", refused, err)
				if err != nil && strings.Contains(err.Error(), "goroutine ") {
					t.Errorf("it ended with a stack")
				}
			case <-time.After(time.Minute):
				_ = s.cmd.Process.Signal(syscall.SIGQUIT)
				t.Fatalf("the server hangs on a full disk: %v", <-ended)
			}
			// Started on the full disk, it serves or says why not.
			if s, err := startServer("", os.Environ(), "serve", "--dir", l.dir, "--addr", "127.0.0.1:0", "--dev", "--log-level", "error"); err == nil {
				checkReceipts(t, s.url, l.key, l.receipts)
				_ = s.cmd.Process.Kill()
				_ = s.cmd.Wait()
			} else if !strings.Contains(err.Error(), "no space left") {
				t.Errorf("started on a full disk: %v", err)
			}
			if err := os.Remove(ballast); err != nil {
				t.Fatal(err)
			}
			l.still(t, l.dir)
		})
	}
}

// TestReadOnlyDisk: what writes is refused and says why; nothing is changed.
func TestReadOnlyDisk(t *testing.T) {
	disk := smallDisk(t, 160<<20)
	l := load(t, filepath.Join(disk, "led"), 5)
	if err := syscall.Mount("", disk, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"serve", "--dir", l.dir, "--addr", "127.0.0.1:0"},
		{"rebuild", "--dir", l.dir},
		{"token", "create", "--dir", l.dir, "--principal", "p", "--role", "ingest"},
		{"init", "--dir", filepath.Join(disk, "other"), "--origin", "ledger.example/other"},
	} {
		if code, said := tried(t, args...); code != exitCannot || !strings.Contains(said, "read-only") {
			t.Errorf("ledgerline %s: exit code %d\n%s", args[0], code, said)
		}
	}
	if err := syscall.Mount("", disk, "", syscall.MS_REMOUNT, ""); err != nil {
		t.Fatal(err)
	}
	l.still(t, l.dir)
}

// TestFewDescriptors lets the server run short of file descriptors: at its start, and
// under connections. It refuses before it opens anything; later it takes no more
// connections than half of them, goes on with its work, and throws nothing away.
func TestFewDescriptors(t *testing.T) {
	l := load(t, filepath.Join(t.TempDir(), "led"), 5)
	limits := []int{8, 16, 32, 64, fewestDescriptors - 1, fewestDescriptors}
	if testing.Short() {
		limits = []int{16, fewestDescriptors}
	}
	for _, limit := range limits {
		s, err := limited(l.dir, limit)
		if limit < fewestDescriptors {
			if err == nil {
				t.Errorf("it serves with %d descriptors", limit)
				err = s.end(os.Interrupt)
			}
			if err == nil || !strings.Contains(err.Error(), "nothing was opened") || !strings.Contains(err.Error(), "LimitNOFILE") || !strings.Contains(err.Error(), "exit status 2") {
				t.Errorf("with %d descriptors: %v", limit, err)
			}
			continue
		}
		if err != nil {
			t.Fatalf("with %d descriptors: %v", limit, err)
		}
		// More connections than there are descriptors.
		kept := &http.Client{Transport: &http.Transport{MaxConnsPerHost: 1}, Timeout: time.Minute}
		told := func(path string) (int, string) {
			t.Helper()
			r, err := kept.Get(s.url + path)
			if err != nil {
				t.Fatalf("with %d descriptors: %v", limit, err)
			}
			defer r.Body.Close()
			b, err := io.ReadAll(r.Body)
			if err != nil {
				t.Fatal(err)
			}
			return r.StatusCode, string(b)
		}
		told("/v1/status")
		var open []net.Conn
		for range limit {
			c, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
			if err != nil {
				break
			}
			open = append(open, c)
		}
		most := fmt.Sprintf("\nledgerline_http_connections %d\n", limit/2)
		for until := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
			if _, text := told("/metrics"); strings.Contains(text, most) {
				break
			} else if time.Now().After(until) {
				t.Fatalf("with %d descriptors and %d connections:\n%s", limit, len(open), text)
			}
		}
		if status, text := told("/v1/catalog/entries"); status != http.StatusOK {
			t.Errorf("with %d descriptors, under connections: %d %s", limit, status, text)
		}
		for _, c := range open {
			c.Close()
		}
		kept.CloseIdleConnections()
		id := fmt.Sprintf("limit-%d", limit)
		r, err := appendParty(s.url, id)
		if err != nil {
			t.Errorf("with %d descriptors, when the connections are gone: %v", limit, err)
		} else {
			l.receipts[id] = r
		}
		if err := s.end(os.Interrupt); err != nil {
			t.Errorf("with %d descriptors: %v", limit, err)
		}
	}
	l.still(t, l.dir)
}

// limited starts a server that may open so many files.
func limited(dir string, files int) (*server, error) {
	old, err := exec.LookPath("ledgerline")
	if err != nil {
		return nil, err
	}
	return startProgram("", os.Environ(), "sh", "-c", fmt.Sprintf(`ulimit -n %d; exec "$0" "$@"`, files), old,
		"serve", "--dir", dir, "--addr", "127.0.0.1:0", "--dev", "--log-level", "warn")
}

// TestClockOfServer serves books whose last record bears another time than it is
// now: within the bounds it goes on, beyond them it records nothing until an
// operator confirms.
func TestClockOfServer(t *testing.T) {
	for name, c := range map[string]struct {
		shift time.Duration // of the clock under which the last record was made
		goes  bool
	}{
		"back by 2 minutes": {2 * time.Minute, true}, "back by an hour": {time.Hour, false},
		"ahead by 300 days": {-300 * 24 * time.Hour, true}, "ahead by 400 days": {-400 * 24 * time.Hour, false},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "led")
			b, err := ledger.Create(dir, ledger.Options{Origin: "ledger.example/clock", Now: func() time.Time { return time.Now().Add(c.shift) }})
			if err != nil {
				t.Fatal(err)
			}
			if err := b.Close(); err != nil {
				t.Fatal(err)
			}
			s := serveDir(t, dir)
			_, err = appendParty(s.url, "first")
			if c.goes != (err == nil) {
				t.Fatalf("an event gets %v", err)
			}
			if err != nil && !strings.Contains(err.Error(), "clock") {
				t.Errorf("the refusal does not speak of the clock: %v", err)
			}
			fetch(t, s.url+"/v1/events/0") // reading goes on
			if err := s.end(os.Interrupt); err != nil {
				t.Fatal(err)
			}
			if !c.goes {
				s, err := startServer("", os.Environ(), "serve", "--dir", dir, "--addr", "127.0.0.1:0", "--dev", "--confirm-clock", "the battery was replaced")
				if err != nil {
					t.Fatal(err)
				}
				if _, err := appendParty(s.url, "first"); err != nil {
					t.Errorf("when confirmed: %v", err)
				}
				if err := s.end(os.Interrupt); err != nil {
					t.Fatal(err)
				}
			}
			if code, said := tried(t, "verify", "--dir", dir); code != 0 {
				t.Errorf("verify: %d\n%s", code, said)
			}
		})
	}
}

// TestServerEndsWithItsLedger: a ledger that stopped for good must not be served
// on, or nobody restarts it.
func TestServerEndsWithItsLedger(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "led")
	command(t, "init", "--dir", dir, "--origin", "ledger.example/stops")
	s := serveDir(t, dir)
	defer s.cmd.Process.Kill()
	// The witness is written to an open file: a limit on its size is a write error.
	if out, err := exec.Command("prlimit", "--pid", fmt.Sprint(s.cmd.Process.Pid), "--fsize=1:1").CombinedOutput(); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("prlimit: %v\n%s", err, out)
		}
		t.Skipf("this needs prlimit of util-linux to make writing fail: %v\n%s", err, out)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for n := 0; ctx.Err() == nil; n++ {
		if _, err := appendParty(s.url, fmt.Sprint("e", n)); err != nil {
			break
		}
	}
	ended := make(chan error, 1)
	go func() { ended <- s.cmd.Wait() }()
	select {
	case err := <-ended:
		if err == nil || !strings.Contains(s.stderr.String(), "restart") {
			t.Errorf("it ended with %v\n%s", err, s.stderr)
		}
	case <-ctx.Done():
		res, err := http.Get(s.url + "/healthz")
		t.Fatalf("the ledger cannot write and its server goes on: %v, %v", res, err)
	}
}
