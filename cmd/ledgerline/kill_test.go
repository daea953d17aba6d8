package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"ledgerline/ledger/proof"
)

var kills = flag.Int("kills", 8, "how often TestKillLosesNothing kills the server")

// TestKillLosesNothing appends over HTTP while the server is killed again and
// again (SIGKILL, no warning), at work and while it starts. Whatever was
// acknowledged must be there afterwards, at its position and with its hash, under
// a head that verifies.
func TestKillLosesNothing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "led")
	vkey := command(t, "init", "--dir", dir, "--origin", "ledger.example/kill")
	key, err := note.NewVerifier(strings.TrimSpace(vkey))
	if err != nil {
		t.Fatal(err)
	}
	rounds := *kills
	if testing.Short() {
		rounds = 2
	}
	w := &writers{acked: map[string]proof.Receipt{}, next: make([]int, 4)}
	for round := range rounds {
		if round%5 == 4 {
			killStarting(t, dir)
			continue
		}
		s := serveDir(t, dir)
		w.run(s.url, len(w.acked)+1+rand.IntN(60), func() {
			if err := s.end(syscall.SIGKILL); err == nil {
				t.Error("the server ended well, though it was killed")
			}
		})
	}
	t.Logf("%d kills, %d events acknowledged", rounds, len(w.acked))
	if len(w.acked) < rounds {
		t.Fatalf("only %d events were acknowledged; this test would show nothing", len(w.acked))
	}

	s := serveDir(t, dir)
	checkReceipts(t, s.url, key, w.acked)
	if err := s.end(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if out := command(t, "verify", "--dir", dir, "--key", vkey); !strings.HasPrefix(out, "ok: ") {
		t.Fatal(out)
	}
}

// killStarting kills a server that is starting, wherever it has got to.
func killStarting(t *testing.T, dir string) {
	t.Helper()
	cmd := exec.Command("ledgerline", "serve", "--dir", dir, "--addr", "127.0.0.1:0", "--dev", "--log-level", "error")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Duration(rand.IntN(250)) * time.Millisecond) // any moment will do
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err == nil {
		t.Error("the server ended well, though it was killed")
	}
}

// command runs the program and returns what it printed.
func command(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.Command("ledgerline", args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("ledgerline %s: %v\n%s%s", strings.Join(args, " "), err, out, &stderr)
	}
	return string(out)
}

func serveDir(t *testing.T, dir string, more ...string) *server {
	t.Helper()
	s, err := startServer("", os.Environ(), append([]string{"serve", "--dir", dir, "--addr", "127.0.0.1:0", "--dev", "--log-level", "error"}, more...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if s.cmd.ProcessState == nil {
			s.cmd.Process.Kill()
			s.cmd.Wait()
		}
	})
	return s
}

// writers append events of their own, each one after the other. An event that got
// no answer is sent again in the next round: it may have been recorded or not.
type writers struct {
	mu    sync.Mutex
	acked map[string]proof.Receipt
	next  []int // per writer, the number of its next event
}

// run lets the writers write until so many events are acknowledged, then calls
// kill, and returns when all have noticed.
func (w *writers) run(url string, until int, kill func()) {
	var once sync.Once
	var all sync.WaitGroup
	for i := range w.next {
		all.Go(func() {
			for {
				id := fmt.Sprintf("w%d-%d", i, w.next[i])
				r, err := appendParty(url, id)
				if err != nil {
					return // killed
				}
				w.mu.Lock()
				w.acked[id] = r
				w.next[i]++
				enough := len(w.acked) >= until
				w.mu.Unlock()
				if enough {
					once.Do(kill)
				}
			}
		})
	}
	all.Wait()
}

func appendParty(url, id string) (proof.Receipt, error) {
	event := fmt.Sprintf(`{"specversion":"1.0","id":%q,"source":"https://example.org/kill","type":"party.body.registered","time":"2026-01-08T09:30:00+08:00",`+
		`"data":{"party":%[1]q,"name":"One","kind":"department","region":"990000","level":"provincial"}}`, id)
	res, err := http.Post(url+"/v1/events", "application/cloudevents+json", strings.NewReader(event))
	if err != nil {
		return proof.Receipt{}, err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		return proof.Receipt{}, err
	}
	if res.StatusCode != http.StatusCreated && res.StatusCode != http.StatusOK {
		return proof.Receipt{}, fmt.Errorf("%s: %s", res.Status, b)
	}
	return proof.ParseReceipt(b)
}

// checkReceipts checks that every receipt is true: the record is at its position
// with its hash, and the head that was signed with it is a beginning of today's.
func checkReceipts(t *testing.T, url string, key note.Verifier, receipts map[string]proof.Receipt) {
	t.Helper()
	at := map[int64]string{}
	for id, r := range receipts {
		if other, twice := at[r.Position]; twice {
			t.Fatalf("%s and %s were both acknowledged at position %d", id, other, r.Position)
		}
		at[r.Position] = id
		var stored struct {
			Event struct {
				ID string `json:"id"`
			} `json:"event"`
		}
		if err := json.Unmarshal(fetch(t, fmt.Sprintf("%s/v1/events/%d", url, r.Position)), &stored); err != nil {
			t.Fatal(err)
		}
		if stored.Event.ID != id {
			t.Errorf("position %d was acknowledged to %s and holds %q", r.Position, id, stored.Event.ID)
		}
		p, err := proof.ParseInclusion(fetch(t, fmt.Sprintf("%s/v1/proofs/inclusion?position=%d", url, r.Position)))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.Check(r.LeafHash, key.Name(), note.VerifierList(key)); err != nil {
			t.Errorf("receipt of %s: %v", id, err)
		}
		promised, err := r.Check(key.Name(), note.VerifierList(key))
		if err != nil {
			t.Fatalf("receipt of %s: %v", id, err)
		}
		var c proof.Consistency
		if err := c.UnmarshalJSON(fetch(t, fmt.Sprintf("%s/v1/proofs/consistency?from=%d", url, promised.Size))); err != nil {
			t.Fatal(err)
		}
		c.From = r.Checkpoint
		if _, _, err := c.Check(key.Name(), note.VerifierList(key)); err != nil {
			t.Errorf("the head signed for %s is not a beginning of the log: %v", id, err)
		}
	}
}

func fetch(t *testing.T, url string) []byte {
	t.Helper()
	res, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s, %v: %s", url, res.Status, err, b)
	}
	return b
}
