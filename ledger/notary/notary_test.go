package notary

import (
	"bytes"
	"context"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"ledgerline/events"
	"ledgerline/ledger"
	"ledgerline/ledger/proof/evidence"
)

var ctx = context.Background()

// openssl finds the program that plays the authority.
func openssl(t testing.TB) string {
	t.Helper()
	path, err := exec.LookPath("openssl")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("openssl is not installed: it plays the timestamping authority")
		}
		t.Skip("openssl is not installed: it plays the timestamping authority")
	}
	return path
}

// An authority is a timestamping authority that openssl plays.
type authority struct {
	t    testing.TB
	dir  string
	url  string
	down bool
	// twist changes an answer.
	twist func([]byte) []byte
}

const authorityConfig = `
[tsa]
default_tsa = tsa1
[tsa1]
dir = .
serial = ./serial
signer_cert = ./tsa.pem
certs = ./ca.pem
signer_key = ./tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256, sha384
accuracy = secs:1
ordering = yes
tsa_name = yes
ess_cert_id_chain = no
ess_cert_id_alg = sha256
`

func newAuthority(t testing.TB) *authority {
	t.Helper()
	a := &authority{t: t, dir: t.TempDir()}
	for name, text := range map[string]string{
		"tsa.cnf": authorityConfig, "serial": "01\n",
		"ext.cnf": "basicConstraints=CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=critical,timeStamping\n",
	} {
		if err := os.WriteFile(filepath.Join(a.dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range []string{
		"req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -subj /CN=test-ca -days 30",
		"req -newkey rsa:2048 -nodes -keyout tsa.key -out tsa.csr -subj /CN=test-tsa",
		"x509 -req -in tsa.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out tsa.pem -days 30 -extfile ext.cnf",
	} {
		a.run(strings.Fields(args)...)
	}
	srv := httptest.NewServer(a)
	t.Cleanup(srv.Close)
	a.url = srv.URL
	return a
}

func (a *authority) run(args ...string) {
	a.t.Helper()
	cmd := exec.Command(openssl(a.t), args...)
	cmd.Dir = a.dir
	if out, err := cmd.CombinedOutput(); err != nil {
		a.t.Fatalf("openssl %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

func (a *authority) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	query, err := io.ReadAll(r.Body)
	if err == nil {
		err = os.WriteFile(filepath.Join(a.dir, "query"), query, 0o600)
	}
	if err != nil || a.down || r.Header.Get("Content-Type") != "application/timestamp-query" {
		http.Error(w, "not now", http.StatusServiceUnavailable)
		return
	}
	a.run("ts", "-reply", "-queryfile", "query", "-out", "reply", "-config", "tsa.cnf")
	reply, err := os.ReadFile(filepath.Join(a.dir, "reply"))
	if err != nil {
		a.t.Error(err)
	}
	if a.twist != nil {
		reply = a.twist(reply)
	}
	w.Header().Set("Content-Type", "application/timestamp-reply")
	w.Write(reply)
}

func (a *authority) roots() *x509.CertPool {
	a.t.Helper()
	pem, err := os.ReadFile(filepath.Join(a.dir, "ca.pem"))
	if err != nil {
		a.t.Fatal(err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		a.t.Fatal("no certificate in ca.pem")
	}
	return pool
}

func newLedger(t testing.TB) *ledger.Ledger {
	t.Helper()
	l, err := ledger.Create("ledger", ledger.Options{Origin: "ledger.example/test", FS: vfs.NewMem(), CacheBytes: 8 << 20})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

var parties int

func register(t testing.TB, l *ledger.Ledger) int64 {
	t.Helper()
	parties++
	id := fmt.Sprintf("P%04d", parties)
	r, err := l.Append(ctx, events.Event{
		ID: id, Source: "/tests", Type: "party.body.registered", Schema: 1, Time: 1, Principal: "tester",
		Data: &events.PartyRegistered{Party: id, Name: id, Kind: "department", Region: "990000", Level: "provincial"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return r[0].Position
}

func newNotary(t testing.TB, o Options) *Notary {
	t.Helper()
	n, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestAnchors: heads are timestamped, recorded once for each news, bracket every
// record, and openssl accepts the tokens.
func TestAnchors(t *testing.T) {
	openssl(t)
	a, l := newAuthority(t), newLedger(t)
	n := newNotary(t, Options{Ledger: l, Authority: &Authority{URL: a.url, Roots: a.roots()}})
	if made, err := n.AnchorNow(ctx); err != nil || made != nil {
		t.Fatalf("a ledger that holds nothing but its genesis was anchored: %+v, %v", made, err)
	}
	var anchors []*ledger.Anchor
	var before []int64 // records just before each anchor
	for range 3 {
		register(t, l)
		before = append(before, register(t, l))
		made, err := n.AnchorNow(ctx)
		if err != nil || made == nil || made.Position != before[len(before)-1]+1 {
			t.Fatalf("anchoring: %+v, %v", made, err)
		}
		anchors = append(anchors, made)
		if again, err := n.AnchorNow(ctx); err != nil || again != nil {
			t.Fatalf("an anchor was anchored: %+v, %v", again, err)
		}
	}
	last := register(t, l)
	for p := range l.Head().Size {
		b, err := l.Bracket(p)
		if err != nil {
			t.Fatal(err)
		}
		var after, until *ledger.Anchor
		for _, a := range anchors {
			if a.Position < p {
				after = a
			}
			if until == nil && a.Size > p {
				until = a
			}
		}
		if !same(b.NotBefore, after) || !same(b.NotAfter, until) {
			t.Errorf("position %d is bracketed by %+v and %+v", p, b.NotBefore, b.NotAfter)
		}
	}
	if b, err := l.Bracket(last); err != nil || b.NotAfter != nil || !same(b.NotBefore, anchors[2]) {
		t.Errorf("the last record: %+v, %v", b, err)
	}
	for _, made := range anchors {
		for name, b := range map[string][]byte{"checkpoint": []byte(made.Checkpoint), "response.tsr": made.Response} {
			if err := os.WriteFile(filepath.Join(a.dir, name), b, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		a.run("ts", "-verify", "-data", "checkpoint", "-in", "response.tsr", "-CAfile", "ca.pem")
	}
	if s := n.Status().Authority; s.Size != anchors[2].Size || s.Failures != 0 {
		t.Errorf("the status is %+v", s)
	}
}

func same(a, b *ledger.Anchor) bool {
	return a == nil && b == nil || a != nil && b != nil && a.Position == b.Position && a.Size == b.Size && a.HeadAnchored.Time == b.HeadAnchored.Time
}

// TestAuthorityFails: what an authority does wrong is found, nothing is recorded,
// appends go on, and the status says so.
func TestAuthorityFails(t *testing.T) {
	openssl(t)
	a, l := newAuthority(t), newLedger(t)
	other := newAuthority(t)
	good := &Authority{URL: a.url, Roots: a.roots()}
	var kept []byte
	for name, c := range map[string]struct {
		by    *Authority
		down  bool
		twist func([]byte) []byte
		says  string
	}{
		"down":            {good, true, nil, "503"},
		"unreachable":     {&Authority{URL: "http://127.0.0.1:1/"}, false, nil, "asking for a timestamp"},
		"garbage":         {good, false, func([]byte) []byte { return []byte("garbage") }, "timestamp of"},
		"too long":        {good, false, func([]byte) []byte { return make([]byte, events.MaxTimestamp+1) }, "longer"},
		"another's chain": {&Authority{URL: a.url, Roots: other.roots()}, false, nil, "unknown authority"},
		"an edited time": {good, false, func(b []byte) []byte {
			i := bytes.LastIndex(b[:bytes.Index(b, []byte("Z"))+400], []byte("Z"))
			b[i-1] ^= 1
			return b
		}, "timestamp of"},
		"an old answer": {good, false, func(b []byte) []byte {
			if kept == nil {
				kept = b
				register(t, l)
			}
			return kept
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			register(t, l)
			n := newNotary(t, Options{Ledger: l, Authority: c.by})
			a.down, a.twist = c.down, c.twist
			if name == "an old answer" { // one that was good once
				if _, err := n.AnchorNow(ctx); err != nil {
					t.Fatal(err)
				}
				c.says = "something else"
			}
			before := l.Head().Size
			made, err := n.AnchorNow(ctx)
			if err == nil || made != nil || !strings.Contains(err.Error(), c.says) {
				t.Fatalf("%+v, %v; want an error that says %q", made, err, c.says)
			}
			if l.Head().Size != before {
				t.Error("something was recorded")
			}
			if s := n.Status().Authority; s.Failures != 1 || s.Error == "" {
				t.Errorf("the status is %+v", s)
			}
			register(t, l)
		})
	}
}

// TestRunAnchors: by itself, the notary anchors what comes and then rests.
func TestRunAnchors(t *testing.T) {
	openssl(t)
	a, l := newAuthority(t), newLedger(t)
	n := newNotary(t, Options{Ledger: l, Authority: &Authority{URL: a.url}, AnchorEvery: 10 * time.Millisecond})
	running, stop := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() { n.Run(running); close(done) }()
	p := register(t, l)
	for {
		head := l.Head()
		b, err := l.Bracket(p)
		if err != nil {
			t.Fatal(err)
		}
		if b.NotAfter != nil {
			break
		}
		if _, err := l.Next(ctx, head); err != nil {
			t.Fatal(err)
		}
	}
	stop()
	<-done
}

// FuzzTimestamp: whatever an authority sends, it is refused or is about the data.
func FuzzTimestamp(f *testing.F) {
	f.Add([]byte{0x30, 0})
	f.Add([]byte{0x30, 0x03, 0x30, 0x01, 0x00})
	f.Fuzz(func(t *testing.T, b []byte) {
		if token, err := evidence.CheckTimestamp(b, []byte("data"), nil); err == nil && token.HashedMessage == nil {
			t.Error("a token without a message was accepted")
		}
	})
}
