package main

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// contentsOf tells of every file of a directory what it holds, or that it is a directory.
func contentsOf(t *testing.T, dir string) string {
	t.Helper()
	var list strings.Builder
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.Type()&fs.ModeSocket != 0 {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		fmt.Fprint(&list, strings.TrimPrefix(path, dir), " ", info.Mode())
		if d.Type().IsRegular() {
			b, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			fmt.Fprintf(&list, " %x", sha256.Sum256(b))
		}
		list.WriteByte('\n')
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return list.String()
}

// TestDoctor: of each harm doctor says what it is and what to do, once, and does nothing to
// the directory, whose log is still to be replayed.
func TestDoctor(t *testing.T) {
	led := filepath.Join(t.TempDir(), "led")
	command(t, "init", "--dir", led, "--origin", "ledger.example/doctor")
	command(t, "token", "create", "--dir", led, "--principal", "p", "--role", "auditor")
	s := serveDir(t, led)
	if err := os.WriteFile(led+".json", []byte(`{"specversion":"1.0","id":"d","source":"urn:test","type":"quality.issue.reported","time":"2026-01-07T09:00:00Z",
		"data":{"issue":"d","by":"P","entry":"E","dimension":"d","symptom":"wrong","severity":"minor","description":"x"}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	command(t, "append", led+".json", "--server", s.url)
	if err := s.end(syscall.SIGKILL); err == nil {
		t.Fatal("the server ended well, though it was killed")
	}
	cut := func(name string) func(string) error {
		return func(dir string) error {
			files, err := filepath.Glob(filepath.Join(dir, name))
			if err == nil && len(files) == 0 {
				err = fmt.Errorf("no file is like %s", name)
			}
			for _, file := range files {
				err = errors.Join(err, os.Truncate(file, 20))
			}
			return err
		}
	}
	remove := func(name string) func(string) error {
		return func(dir string) error { return os.RemoveAll(filepath.Join(dir, name)) }
	}
	write := func(name, text string) func(string) error {
		return func(dir string) error { return os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600) }
	}
	for _, c := range []struct {
		name  string
		harm  func(dir string) error
		check string // the one that is not ok; empty: none
		says  []string
	}{
		{"none", func(string) error { return nil }, "", []string{"ok book", "2 records; key, head witness"}},
		{"no book", remove("book"), "directory", []string{"there is no book"}},
		{"no key", remove("keys/ledger.key"), "book", []string{"signing key", "--key-file", "do what it says"}},
		{"no head witness", remove("head"), "", []string{"note", "head witness", "put it back"}},
		{"damaged head witness", cut("head"), "book", []string{"head"}},
		{"cut log", cut("book/*.log"), "book", []string{"last provable position", "keep a copy; ledgerline verify --dir"}},
		{"damaged manifest", cut("book/MANIFEST-*"), "book", []string{"the book is damaged", "keep a copy"}},
		{"newer storage", write("book/marker.format-version.000099.999", ""), "book", []string{"has format 999", "the program that wrote it, or a newer one"}},
		{"damaged tokens", write("tokens.json", "{"), "tokens", []string{"restore the file, or delete it and make new tokens"}},
		{"open tokens", func(dir string) error { return os.Chmod(filepath.Join(dir, "tokens.json"), 0o644) }, "tokens", []string{"chmod go="}},
		{"unknown erasures", write("erasures", "{\"whom\":1}\n"), "book", []string{"erasures", "restore that file"}},
		{"no views", remove("views"), "", []string{"note", "views", "the next start builds them"}},
	} {
		dir := filepath.Join(t.TempDir(), "led")
		if out, err := exec.Command("cp", "-a", led, dir).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		if err := c.harm(dir); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		before := contentsOf(t, dir)
		out, err := exec.Command("ledgerline", "doctor", "--dir", dir).Output()
		said := string(out)
		code := 0
		if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
			code = exit.ExitCode()
		} else if err != nil {
			t.Fatal(err)
		}
		if after := contentsOf(t, dir); after != before {
			t.Errorf("%s: doctor changed\n%s\ninto\n%s", c.name, before, after)
		}
		want := 0
		if c.check != "" {
			want = 1
		}
		if code != want || strings.Count(said, "WRONG") != want || want == 1 && !strings.Contains(said, "WRONG  "+c.check) {
			t.Errorf("%s: exit code %d, want one finding of %q:\n%s", c.name, code, c.check, said)
		}
		for _, text := range c.says {
			if !strings.Contains(strings.Join(strings.Fields(said), " "), text) {
				t.Errorf("%s: it does not say %q:\n%s", c.name, text, said)
			}
		}
	}
}
