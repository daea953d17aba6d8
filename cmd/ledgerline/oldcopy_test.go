package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestOldCopies puts an old copy of each file of a ledger in its place, as the
// README's table of whom to trust with what says it.
func TestOldCopies(t *testing.T) {
	l := load(t, filepath.Join(t.TempDir(), "led"), 5)
	granted := strings.TrimSpace(command(t, "token", "create", "--dir", l.dir, "--principal", "q", "--role", "auditor"))
	old := l.copyTo(t, filepath.Join(t.TempDir(), "old"))

	s := serveDir(t, l.dir)
	l.append(t, s.url, 5)
	if err := s.end(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	id := strings.SplitN(granted, "_", 3)[1]
	command(t, "token", "revoke", "--dir", l.dir, id)

	put := func(t *testing.T, names ...string) string {
		dir := l.copyTo(t, filepath.Join(t.TempDir(), "led"))
		for _, name := range names {
			if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
			if err := copyAny(filepath.Join(old, name), filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
		}
		return dir
	}
	t.Run("book", func(t *testing.T) {
		dir := put(t, "book")
		for _, args := range [][]string{{"serve", "--dir", dir, "--addr", "127.0.0.1:0"}, {"verify", "--dir", dir}} {
			if code, said := tried(t, args...); code != exitNo || !strings.Contains(said, "last provable position: 13") {
				t.Errorf("%s: exit code %d\n%s", args[0], code, said)
			}
		}
	})
	t.Run("book and head", func(t *testing.T) { // this machine does not notice; who kept a checkpoint does
		dir := put(t, "book", "head")
		kept := filepath.Join(t.TempDir(), "kept")
		last := l.receipts["e14"]
		if err := os.WriteFile(kept, []byte(last.Checkpoint), 0o600); err != nil {
			t.Fatal(err)
		}
		if code, said := tried(t, "verify", "--dir", dir); code != 0 {
			t.Errorf("exit code %d\n%s", code, said)
		}
		if code, said := tried(t, "verify", "--dir", dir, "--since", kept); code != exitNo {
			t.Errorf("with a kept checkpoint: exit code %d\n%s", code, said)
		}
	})
	for _, name := range []string{"head", "views", "index", "owners"} {
		t.Run(name, func(t *testing.T) { l.still(t, put(t, name)) })
	}
	t.Run("tokens.json", func(t *testing.T) {
		for dir, want := range map[string]int{put(t): http.StatusUnauthorized, put(t, "tokens.json"): http.StatusOK} {
			s, err := startServer("", os.Environ(), "serve", "--dir", dir, "--addr", "127.0.0.1:0", "--log-level", "error")
			if err != nil {
				t.Fatal(err)
			}
			req, err := http.NewRequest(http.MethodGet, s.url+"/v1/status", nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Authorization", "Bearer "+granted)
			res, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			res.Body.Close()
			if res.StatusCode != want {
				t.Errorf("a revoked token gets %s, not %d", res.Status, want)
			}
			if err := s.end(os.Interrupt); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// copyAny copies a file or a directory.
func copyAny(from, to string) error {
	info, err := os.Stat(from)
	if err != nil {
		return err
	}
	if info.IsDir() {
		return os.CopyFS(to, os.DirFS(from))
	}
	b, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, b, 0o600)
}
