package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// TestRelaysSurviveKills: a server that is killed again and again while it sends its
// records to a webhook sends all of them, each for the first time after those before
// it. Some come again; their ids say so.
func TestRelaysSurviveKills(t *testing.T) {
	var mu sync.Mutex
	seen := map[string]bool{}
	var first []string
	var killAt int
	full := make(chan struct{}, 1)
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var e struct{ LedgerPosition string }
		if err := json.NewDecoder(r.Body).Decode(&e); err != nil {
			return // cut off by the kill: it was not taken
		}
		mu.Lock()
		defer mu.Unlock()
		if id := r.Header.Get("webhook-id"); !seen[id] {
			seen[id] = true
			first = append(first, e.LedgerPosition)
		}
		if len(first) == killAt {
			select {
			case full <- struct{}{}:
			default:
			}
		}
	}))
	defer hook.Close()

	dir := filepath.Join(t.TempDir(), "led")
	command(t, "init", "--dir", dir, "--origin", "ledger.example/relays")
	write := func(name, text string) string {
		file := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	secret := write("secret", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n")
	config := write("serve.toml", fmt.Sprintf("[[webhook]]\nname = \"audit\"\nurl = %q\nsecret-file = %q\ntypes = [\"ledger.genesis\", \"party.\"]\n", hook.URL, secret))
	var lines strings.Builder
	const parties = 200
	for i := range parties {
		if i > 0 {
			lines.WriteByte(',')
		}
		fmt.Fprintf(&lines, `{"specversion":"1.0","id":"p%d","source":"urn:test","type":"party.body.registered","time":"2026-01-07T09:00:00Z","data":{"party":"P%d","name":"P","name_en":"P","kind":"department","region":"990000","level":"provincial"}}`, i, i)
	}
	command(t, "append", write("parties.json", "["+lines.String()+"]"), "--dir", dir)
	for _, n := range []int{10, 77, 150, parties + 1} {
		mu.Lock()
		killAt = n
		mu.Unlock()
		s := serveDir(t, dir, "--config", config)
		select {
		case <-full:
		case <-time.After(60 * time.Second):
			t.Fatalf("%d of %d records arrived", len(first), n)
		}
		if err := s.end(syscall.SIGKILL); err == nil {
			t.Fatal("the server ended well, though it was killed")
		}
	}
	mu.Lock()
	defer mu.Unlock()
	for i, p := range first {
		if p != fmt.Sprint(i) {
			t.Fatalf("place %d of what arrived first is position %s", i, p)
		}
	}
	if len(first) != parties+1 {
		t.Errorf("%d records arrived, want %d", len(first), parties+1)
	}
}
