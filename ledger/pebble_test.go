package ledger

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/go-json-experiment/json"

	"ledgerline/ledger/faultfs"
)

// dying has TestLastLine end its own process with a fault: what is done, and to which kind
// of file.
const dying = "LEDGERLINE_TEST_FAULT"

// TestLastLine: a disk that fails ends the process with one line, which says what was being
// done and what to do next, and with an exit code of its own, in whichever goroutine it is
// noticed; never with a stack.
func TestLastLine(t *testing.T) {
	if fault := os.Getenv(dying); fault != "" {
		do, file, _ := strings.Cut(fault, " ")
		die(t, faultfs.Op{Do: do, File: file})
		return
	}
	for _, c := range []struct{ fault, doing string }{
		{"create ledger/book/N.log", "beginning a new log"},
		{"write ledger/book/MANIFEST-N", "the storage's own work"}, // in a goroutine of Pebble's
		{"sync ledger/book/MANIFEST-N", "the storage's own work"},
		{"create ledger/book/N.sst", "writing a table from memory"},
	} {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestLastLine$")
		cmd.Env = append(os.Environ(), dying+"="+c.fault)
		said, err := cmd.CombinedOutput()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != ExitStorage || bytes.Contains(said, []byte("goroutine ")) {
			t.Errorf("%s: %v, want exit code %d:\n%s", c.fault, err, ExitStorage, said)
			continue
		}
		lines := bytes.Split(bytes.TrimSpace(said), []byte("\n"))
		var last struct {
			Message string `json:"msg"`
			Store   string `json:"store"`
			Doing   string `json:"doing"`
			Error   string `json:"error"`
			Next    string `json:"next"`
			Exit    int    `json:"exit"`
		}
		if err := json.Unmarshal(lines[len(lines)-1], &last); err != nil {
			t.Errorf("%s: the last line: %v:\n%s", c.fault, err, said)
			continue
		}
		if !strings.HasPrefix(last.Message, "the process ends") || last.Store != "book" || last.Doing != c.doing || !strings.Contains(last.Error, syscall.EIO.Error()) || last.Next == "" || last.Exit != ExitStorage {
			t.Errorf("%s: the last line says %+v", c.fault, last)
		}
	}
}

// die opens a ledger on a disk that then fails, and has it begin a new log.
func die(t *testing.T, op faultfs.Op) {
	fs := faultfs.New(vfs.NewCrashableMem())
	l := newTestLog(t, Options{FS: fs, CacheBytes: 1 << 20, Logger: slog.New(slog.NewJSONHandler(os.Stderr, nil))})
	l.append(party(1), party(2))
	fs.Arm(faultfs.Fault{Op: op, N: 1, Err: syscall.EIO, Onwards: true, Real: true})
	t.Errorf("it goes on: %v", l.flushBook("backing up"))
	fs.Disarm()
}
