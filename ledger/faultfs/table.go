package faultfs

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
)

// CheckTable compares rows with the table of that name in a document, which
// stands between two comments, or writes it if update is set. Tests of several
// packages write into one document, so it is locked meanwhile.
func CheckTable(t testing.TB, document, name string, rows []string, update bool) {
	t.Helper()
	f, err := os.OpenFile(document, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	begin, end := fmt.Appendf(nil, "<!-- %s: written by go test -update -->\n", name), fmt.Appendf(nil, "<!-- end of %s -->\n", name)
	before, rest, ok := bytes.Cut(text, begin)
	old, after, closed := bytes.Cut(rest, end)
	if !ok || !closed {
		t.Fatalf("%s has no place for the table %s", document, name)
	}
	fresh := []byte(strings.Join(rows, "\n") + "\n")
	switch {
	case bytes.Equal(old, fresh):
	case update:
		if err := os.WriteFile(document, bytes.Join([][]byte{before, begin, fresh, end, after}, nil), 0o644); err != nil {
			t.Fatal(err)
		}
	default:
		t.Errorf("the table %s in %s is stale: run the test with -update. It has\n%swant\n%s", name, document, old, fresh)
	}
}
