package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"ledgerline/ledger/faultfs"
	"ledgerline/ledger/proof"
)

var update = flag.Bool("update", false, "write the table in docs/reliability.md, and docs/limits.md, anew")

// tried runs the program and returns its exit code and all it said. A program
// that says nothing for a minute hangs.
func tried(t *testing.T, args ...string) (code int, said string) {
	t.Helper()
	cmd := exec.Command("ledgerline", args...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	hangs := time.AfterFunc(time.Minute, func() { cmd.Process.Kill() })
	err := cmd.Wait()
	if !hangs.Stop() {
		t.Fatalf("ledgerline %s hangs:\n%s", strings.Join(args, " "), &out)
	}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if strings.Contains(out.String(), "goroutine ") {
		t.Errorf("ledgerline %s ends with a stack:\n%s", strings.Join(args, " "), &out)
	}
	return cmd.ProcessState.ExitCode(), out.String()
}

// A loaded ledger for the faults: everything that a directory can hold is there.
type loaded struct {
	dir, vkey string
	key       note.Verifier
	receipts  map[string]proof.Receipt
}

// load makes a ledger whose server was killed, so that its log is not empty.
func load(t *testing.T, dir string, events int) loaded {
	t.Helper()
	l := loaded{dir: dir, vkey: command(t, "init", "--dir", dir, "--origin", "ledger.example/faults"), receipts: map[string]proof.Receipt{}}
	var err error
	if l.key, err = note.NewVerifier(strings.TrimSpace(l.vkey)); err != nil {
		t.Fatal(err)
	}
	command(t, "token", "create", "--dir", dir, "--principal", "p", "--role", "ingest")
	s := serveDir(t, dir)
	l.append(t, s.url, events)
	seal(t, s.url, "C0", "person-0")
	if err := s.end(os.Interrupt); err != nil { // tables
		t.Fatal(err)
	}
	command(t, "erase", "--dir", dir, "--owner", "person-0", "--ground", "PIPL:47")
	s = serveDir(t, dir)
	l.append(t, s.url, events)
	seal(t, s.url, "C1", "person-1")
	if err := s.end(syscall.SIGKILL); err == nil {
		t.Fatal("the server ended well, though it was killed")
	}
	if err := os.Remove(controlFile(dir)); err != nil { // a socket cannot be copied
		t.Fatal(err)
	}
	return l
}

// seal records a call for data with content that belongs to a person.
func seal(t *testing.T, url, call, person string) {
	t.Helper()
	body := fmt.Sprintf(`{"specversion":"1.0","id":"sealed-%s","source":"https://example.org/kill","type":"access.call.recorded","time":"2026-01-08T09:30:00+08:00",`+
		`"data":{"call":%[1]q,"provider":"P1","consumer":"P2","purpose":"benefit","entry":"E1","method":"api","columns":["a"],"row_count":1,"result":"ok","data_subject":%q}}`, call, person)
	res, err := http.Post(url+"/v1/events", "application/cloudevents+json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusCreated {
		t.Fatalf("the sealed event: %s", res.Status)
	}
}

func (l loaded) append(t *testing.T, url string, n int) {
	t.Helper()
	for range n {
		id := fmt.Sprintf("e%d", len(l.receipts))
		r, err := appendParty(url, id)
		if err != nil {
			t.Fatal(err)
		}
		l.receipts[id] = r
	}
}

// still checks that the ledger serves all that it acknowledged and verifies.
func (l loaded) still(t *testing.T, dir string) {
	t.Helper()
	s := serveDir(t, dir)
	checkReceipts(t, s.url, l.key, l.receipts)
	if err := s.end(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if code, said := tried(t, "verify", "--dir", dir, "--key", l.vkey); code != 0 {
		t.Errorf("verify: %d\n%s", code, said)
	}
}

// copyTo copies the directory.
func (l loaded) copyTo(t *testing.T, dir string) string {
	t.Helper()
	if err := os.CopyFS(dir, os.DirFS(l.dir)); err != nil {
		t.Fatal(err)
	}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			err = os.Chmod(path, 0o600)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// numbered is a directory of views: a rebuild begins another beside it.
var numbered = regexp.MustCompile(`rows-[0-9]+/`)

// kindsOfFile are the files of a directory by what they are: the newest of each
// kind.
func kindsOfFile(t *testing.T, dir string) map[string]string {
	t.Helper()
	kinds := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == "LOCK" || d.Type()&fs.ModeSocket != 0 {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		kind := numbered.ReplaceAllString(filepath.ToSlash(rel), "rows-*/")
		store, name := filepath.Split(kind)
		switch {
		case strings.HasSuffix(name, ".log"), strings.HasSuffix(name, ".sst"):
			kind = store + "*" + filepath.Ext(name)
		case strings.HasPrefix(name, "MANIFEST"), strings.HasPrefix(name, "OPTIONS"):
			kind = store + name[:strings.IndexByte(name, '-')] + "-*"
		case strings.HasPrefix(name, "marker."):
			kind = store + strings.Join(strings.Split(name, ".")[:2], ".") + ".*"
		case store == "owners/":
			kind = store + "*"
		}
		if info, err := d.Info(); err == nil && info.Size() == 0 && kinds[kind] != "" {
			return nil // rather one with content
		}
		kinds[kind] = path[len(dir):]
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return kinds
}

// harms are what is done to a file.
var harms = []struct {
	name string
	do   func(path string, b []byte) error
}{
	{"deleted", func(path string, _ []byte) error { return os.Remove(path) }},
	{"emptied", func(path string, _ []byte) error { return os.WriteFile(path, nil, 0o600) }},
	{"cut in half", func(path string, b []byte) error { return os.WriteFile(path, b[:len(b)/2], 0o600) }},
	{"zeroed", func(path string, b []byte) error { return os.WriteFile(path, make([]byte, len(b)), 0o600) }},
	{"changed in the middle", func(path string, b []byte) error {
		if len(b) > 0 {
			b[len(b)/2] ^= 0x40
		}
		return os.WriteFile(path, b, 0o600)
	}},
	{"changed near its end", func(path string, b []byte) error {
		if len(b) > 0 {
			b[len(b)-len(b)/16-1] ^= 0x40
		}
		return os.WriteFile(path, b, 0o600)
	}},
}

// TestDamagedStore harms every kind of file of a ledger in every way, with the
// real program on a real disk. It either refuses and says up to where, or it
// serves the same verified content. Views and index are thrown away and built
// anew.
func TestDamagedStore(t *testing.T) {
	l := load(t, filepath.Join(t.TempDir(), "led"), 25)
	table := map[string]map[string]string{}
	kinds := kindsOfFile(t, l.dir)
	for kind, file := range kinds {
		table[kind] = map[string]string{}
		for _, harm := range harms {
			if testing.Short() && harm.name != "deleted" && harm.name != "changed in the middle" {
				continue
			}
			t.Run(strings.ReplaceAll(kind, "/", "∕")+" "+harm.name, func(t *testing.T) {
				dir := l.copyTo(t, filepath.Join(t.TempDir(), "led"))
				b, err := os.ReadFile(dir + file)
				if err == nil {
					err = harm.do(dir+file, b)
				}
				if err != nil {
					t.Fatal(err)
				}
				table[kind][harm.name] = l.outcome(t, dir, kind)
			})
		}
	}
	var rows []string
	for _, store := range files {
		for kind := range table {
			if under, ok := strings.CutPrefix(kind, store.files); !ok || under != "" && !strings.HasSuffix(store.files, "/") {
				continue
			}
			for harm, outcome := range table[kind] {
				if !slices.Contains(store.may, outcome) {
					t.Errorf("%s %s: %s; expected is one of %q", kind, harm, outcome, store.may)
				}
			}
			rows = append(rows, fmt.Sprintf("| `%s` | %d | %s | held in all |", kind, len(harms), store.expected))
			delete(table, kind)
		}
	}
	for kind := range table {
		t.Errorf("nothing is said about %s: add it to the table, and to the one in the README", kind)
	}
	slices.Sort(rows)
	rows = append([]string{"| file in DIR | harms | expected | observed |", "|---|---|---|---|"}, rows...)
	faultfs.CheckTable(t, "../../docs/reliability.md", "files", rows, *update)
}

// outcome opens a harmed ledger and says what became of it.
func (l loaded) outcome(t *testing.T, dir, kind string) string {
	t.Helper()
	vcode, vsaid := tried(t, "verify", "--dir", dir, "--key", l.vkey)
	s, err := startServer("", os.Environ(), "serve", "--dir", dir, "--addr", "127.0.0.1:0", "--dev", "--log-level", "warn")
	if err != nil {
		said := err.Error()
		if vcode == 0 && !strings.Contains(said, "signing key") && !strings.Contains(said, "tokens") && !strings.Contains(said, "erasures") {
			t.Errorf("it is not served, but verifies:\n%s\n%s", said, vsaid)
		}
		for _, word := range []string{"last provable position", "signing key", "head witness", "tokens", "erasures"} {
			if strings.Contains(said, word) {
				return "refused: " + word
			}
		}
		t.Errorf("the refusal does not say what is lost:\n%s", said)
		return "refused"
	}
	defer func() {
		if err := s.end(os.Interrupt); err != nil {
			t.Error(err)
		}
	}()
	checkReceipts(t, s.url, l.key, l.receipts)
	if strings.HasPrefix(kind, "book/") && vcode != 0 && t.Failed() {
		return "served wrongly"
	}
	fetch(t, s.url+"/v1/parties?after="+fmt.Sprint(len(l.receipts))) // the views are up to date
	said := s.stderr.String()
	switch {
	case strings.Contains(said, "built anew"), strings.Contains(said, "made anew"):
		return "the same, built anew"
	case strings.Contains(said, "no head witness"):
		return "the same, with a warning"
	case vcode != 0:
		return "the same; verify tells"
	}
	return "the same"
}

// files says what may become of a ledger with a harmed file.
var files = []struct {
	files    string
	may      []string
	expected string
}{
	{"book/", []string{"refused: last provable position", "the same"}, "refused with the last provable position, or the same content"},
	{"head", []string{"refused: head witness", "the same, with a warning", "the same"}, "deleted: a warning and a new one; else refused, or its other half serves"},
	{"keys/", []string{"refused: signing key"}, "refused, naming the key"},
	{"owners/", []string{"the same; verify tells"}, "what is sealed under it cannot be read, and `verify` tells; all else is the same"},
	{"erasures", []string{"refused: erasures", "the same"}, "what is no erasure is refused, naming the file; else the same, and an old backup may bring back what was erased"},
	{"tokens.json", []string{"refused: tokens", "the same"}, "deleted: nobody may write; else refused, naming the tokens"},
	{"views/", []string{"the same", "the same, built anew"}, "the same answers, at need from views built anew at the start"},
	{"index/", []string{"the same", "the same, built anew"}, "the same, at need made anew at the start"},
	{"patrol", []string{"the same"}, "the same; a pass of the background verification begins anew"},
}
