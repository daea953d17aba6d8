package notary

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	fnote "github.com/transparency-dev/formats/note"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"ledgerline/ledger"
	"ledgerline/ledger/proof"
)

// A fakeWitness keeps to C2SP tlog-witness, except where a test says otherwise.
type fakeWitness struct {
	t      testing.TB
	name   string
	vkey   string
	signer note.Signer
	log    note.Verifier
	url    string

	mu    sync.Mutex
	seen  proof.Checkpoint
	calls int
	// status, if not 0, is answered with body instead.
	status int
	body   string
}

func logKey(t testing.TB, l *ledger.Ledger) note.Verifier {
	t.Helper()
	v, err := note.NewVerifier(l.VerifierKey())
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func newWitness(t testing.TB, name string, l *ledger.Ledger) *fakeWitness {
	t.Helper()
	skey, vkey, err := note.GenerateKey(rand.Reader, name)
	if err != nil {
		t.Fatal(err)
	}
	w := &fakeWitness{t: t, name: name, log: logKey(t, l)}
	if w.signer, err = fnote.NewSignerForCosignatureV1(skey); err != nil {
		t.Fatal(err)
	}
	if w.vkey, err = fnote.VKeyToCosignatureV1(vkey); err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(w)
	t.Cleanup(srv.Close)
	w.url = srv.URL + "/w"
	return w
}

func (w *fakeWitness) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls++
	if w.status != 0 {
		rw.WriteHeader(w.status)
		io.WriteString(rw, w.body)
		return
	}
	b, err := io.ReadAll(r.Body)
	if err != nil || r.URL.Path != "/w/add-checkpoint" || r.Method != "POST" {
		http.Error(rw, "what?", 400)
		return
	}
	head, checkpoint, ok := bytes.Cut(b, []byte("\n\n"))
	lines := strings.Split(string(head), "\n")
	var old int64
	if _, err := fmt.Sscanf(lines[0], "old %d", &old); err != nil || !ok {
		http.Error(rw, "no old size", 400)
		return
	}
	cp, err := proof.OpenCheckpoint(checkpoint, w.log.Name(), note.VerifierList(w.log))
	if err != nil {
		http.Error(rw, err.Error(), http.StatusForbidden)
		return
	}
	if old > cp.Size {
		http.Error(rw, "old is larger", 400)
		return
	}
	if old != w.seen.Size || old == cp.Size && cp.Root != w.seen.Root {
		rw.Header().Set("Content-Type", "text/x.tlog.size")
		rw.WriteHeader(409)
		fmt.Fprintf(rw, "%d\n", w.seen.Size)
		return
	}
	if old > 0 && old < cp.Size {
		var p tlog.TreeProof
		for _, line := range lines[1:] {
			h, err := tlog.ParseHash(line)
			if err != nil {
				http.Error(rw, "bad hash", 400)
				return
			}
			p = append(p, h)
		}
		if err := tlog.CheckTree(p, cp.Size, tlog.Hash(cp.Root), old, tlog.Hash(w.seen.Root)); err != nil {
			http.Error(rw, err.Error(), http.StatusUnprocessableEntity)
			return
		}
	}
	w.seen = cp
	signed, err := note.Sign(&note.Note{Text: cp.Text()}, w.signer)
	if err != nil {
		w.t.Error(err)
	}
	_, sig, _ := bytes.Cut(signed, []byte("\n\n"))
	rw.Write(sig)
}

func (w *fakeWitness) answer(status int, body string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.status, w.body = status, body
}

func (w *fakeWitness) line() string { return fmt.Sprintf("witness %s %s %s\n", w.name, w.vkey, w.url) }

func policy(t testing.TB, n int, ws ...*fakeWitness) *Policy {
	t.Helper()
	text, names := "", ""
	for _, w := range ws {
		text += w.line()
		names += " " + w.name
	}
	p, err := ParsePolicy(fmt.Appendf(nil, "%sgroup g %d%s\nquorum g\n", text, n, names))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestCosigning: heads are cosigned and published, kept, and part of the proofs under
// them; a restart goes on where it was.
func TestCosigning(t *testing.T) {
	l := newLedger(t)
	a, b, c := newWitness(t, "a.example", l), newWitness(t, "b.example", l), newWitness(t, "c.example", l)
	p := policy(t, 2, a, b, c)
	n := newNotary(t, Options{Ledger: l, Policy: p})
	first := string(l.PublishedCheckpoint())
	var last int64
	for range 3 {
		for range 5 {
			last = register(t, l)
		}
		if string(l.PublishedCheckpoint()) != first {
			t.Fatal("the published checkpoint moved by itself")
		}
		made, err := n.CosignNow(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if !p.Satisfied(made) || !bytes.Equal(made, l.PublishedCheckpoint()) {
			t.Fatalf("published:\n%s\ncosigned:\n%s", l.PublishedCheckpoint(), made)
		}
		if cp, err := proof.OpenCheckpoint(made, l.Origin(), l.Keys()); err != nil || cp.Size != last+1 {
			t.Fatalf("%+v, %v", cp, err)
		}
		first = string(made)
	}
	c.answer(503, "asleep")
	register(t, l)
	made, err := n.CosignNow(ctx)
	if err != nil || bytes.Contains(made, []byte("c.example")) || !p.Satisfied(made) {
		t.Fatalf("two of three: %v\n%s", err, made)
	}
	in, err := l.ProveInclusion(last, l.Head().Size)
	if err != nil || !p.Satisfied(in.Checkpoint) {
		t.Errorf("the proof under a cosigned head: %v\n%s", err, in.Checkpoint)
	}
	hash, err := l.LeafHash(last)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := in.Check(hash, l.Origin(), l.Keys()); err != nil {
		t.Error(err)
	}

	b.answer(500, "broken")
	register(t, l)
	published, err := n.CosignNow(ctx)
	if err == nil || !strings.Contains(err.Error(), "b.example") || !strings.Contains(err.Error(), "broken") {
		t.Errorf("one of three: %v", err)
	}
	if !bytes.Equal(published, l.PublishedCheckpoint()) || p.Satisfied(published) {
		t.Errorf("published without a quorum:\n%s", l.PublishedCheckpoint())
	}
	s := n.Status()
	if s.Cosigned.Size != l.Head().Size-1 || s.Witnesses[0].Failures != 0 || s.Witnesses[1].Failures != 1 || s.Witnesses[2].Failures != 2 {
		t.Errorf("the status is %+v", s)
	}

	// After a restart a is asked from where it was, the others learn by a conflict.
	b.answer(0, "")
	c.answer(0, "")
	register(t, l)
	again := newNotary(t, Options{Ledger: l, Policy: p})
	calls := a.calls
	if made, err := again.CosignNow(ctx); err != nil || strings.Count(string(made), ".example ") != 3 {
		t.Errorf("after a restart: %v\n%s", err, made)
	}
	if a.calls != calls+1 {
		t.Errorf("a was asked %d times", a.calls-calls)
	}
}

// TestWitnessLies: an answer that is no cosignature of this head by that key counts
// for nothing.
func TestWitnessLies(t *testing.T) {
	l := newLedger(t)
	register(t, l)
	a, other := newWitness(t, "a.example", l), newWitness(t, "b.example", l)
	n := newNotary(t, Options{Ledger: l, Policy: policy(t, 1, a)})
	good, err := n.CosignNow(ctx)
	if err != nil {
		t.Fatal(err)
	}
	_, line, _ := strings.Cut(string(good[len(l.Head().Checkpoint):]), "")
	foreign, err := note.Sign(&note.Note{Text: proof.Checkpoint{Origin: l.Origin(), Size: l.Head().Size, Root: l.Head().Root}.Text()}, other.signer)
	if err != nil {
		t.Fatal(err)
	}
	_, foreignLine, _ := strings.Cut(string(foreign), "\n\n")
	for name, c := range map[string]struct {
		status int
		body   string
		says   string
	}{
		"empty":                  {200, "", "200"},
		"garbage":                {200, "garbage\n", "cosignature"},
		"of an older head":       {200, line, "cosignature"},
		"of another witness":     {200, foreignLine, "cosignature"},
		"endless":                {200, strings.Repeat("x", maxAnswer+1), "longer"},
		"conflict, no size":      {409, "", "409"},
		"a page":                 {404, "<html>", "404"},
		"line without its break": {200, strings.TrimSuffix(line, "\n"), "cosignature"},
	} {
		t.Run(name, func(t *testing.T) {
			register(t, l)
			a.answer(c.status, c.body)
			made, err := n.CosignNow(ctx)
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v; want an error that says %q", err, c.says)
			}
			if !bytes.Equal(made, l.Head().Checkpoint) || !bytes.Equal(l.PublishedCheckpoint(), l.Head().Checkpoint) {
				t.Errorf("published\n%s", made)
			}
		})
	}
}

// TestWitnessAhead: a witness that has seen more than the book holds says that
// records were lost.
func TestWitnessAhead(t *testing.T) {
	l := newLedger(t)
	for range 5 {
		register(t, l)
	}
	a := newWitness(t, "a.example", l)
	n := newNotary(t, Options{Ledger: l, Policy: policy(t, 1, a)})
	if _, err := n.CosignNow(ctx); err != nil {
		t.Fatal(err)
	}
	shorter, err := ledger.Create("other", ledger.Options{Origin: l.Origin(), FS: vfs.NewMem(), CacheBytes: 8 << 20})
	if err != nil {
		t.Fatal(err)
	}
	defer shorter.Close()
	a.log = logKey(t, shorter)
	m := newNotary(t, Options{Ledger: shorter, Policy: policy(t, 1, a)})
	if _, err := m.CosignNow(ctx); err == nil || !strings.Contains(err.Error(), "records were lost") {
		t.Errorf("%v", err)
	}
	if s := m.Status().Witnesses[0]; !s.Ahead || s.Size != 6 {
		t.Errorf("the status is %+v", s)
	}
}

// TestRunCosigns: by itself, the notary publishes what is recorded.
func TestRunCosigns(t *testing.T) {
	l := newLedger(t)
	a := newWitness(t, "a.example", l)
	p := policy(t, 1, a)
	n := newNotary(t, Options{Ledger: l, Policy: p, CosignEvery: time.Millisecond})
	running := make(chan struct{})
	c, stop := context.WithCancel(ctx)
	go func() { n.Run(c); close(running) }()
	at := register(t, l)
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
		cp, err := proof.OpenCheckpoint(l.PublishedCheckpoint(), l.Origin(), l.Keys())
		if err != nil {
			t.Fatal(err)
		}
		if cp.Size > at {
			if !p.Satisfied(l.PublishedCheckpoint()) {
				t.Error("published without a cosignature")
			}
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("what was recorded is not published")
		}
	}
	stop()
	<-running
}

func TestParsePolicy(t *testing.T) {
	l := newLedger(t)
	w := newWitness(t, "a.example", l)
	for name, text := range map[string]string{
		"empty": "", "no quorum": w.line(), "nobody": "quorum none\n", "unknown": w.line() + "quorum b.example\n",
		"no address": fmt.Sprintf("witness a.example %s nowhere\nquorum a.example\n", w.vkey), "word": "colour red\n",
		"too many": w.line() + "group g 2 a.example\nquorum g\n",
	} {
		if p, err := ParsePolicy([]byte(text)); err == nil {
			t.Errorf("%s: accepted as %+v", name, p)
		}
	}
	if _, err := ParsePolicy([]byte("# ours\n" + w.line() + "quorum a.example\n")); err != nil {
		t.Error(err)
	}
}
