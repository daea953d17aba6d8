package evidence

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/digitorus/timestamp"
	"github.com/fxamacker/cbor/v2"
	fnote "github.com/transparency-dev/formats/note"
	"golang.org/x/mod/sumdb/note"

	"ledgerline/ledger/proof"
)

// An authority issues timestamps. Its certificate is as openssl ts wants one.
type authority struct {
	t    testing.TB
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	root *x509.Certificate
	file string // of root, as PEM
}

func newAuthority(t testing.TB) *authority {
	t.Helper()
	if _, err := exec.LookPath("openssl"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("openssl is not installed: CI has to install it")
		}
		t.Skip("openssl is not installed: verify.py cannot check timestamps")
	}
	make := func(serial int64, name string, parent *x509.Certificate, by *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey) {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		c := &x509.Certificate{
			SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: name}, BasicConstraintsValid: true,
			NotBefore: time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC), NotAfter: time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC),
		}
		if parent == nil {
			c.IsCA, c.KeyUsage, parent, by = true, x509.KeyUsageCertSign, c, key
		} else {
			usage, err := asn1.Marshal([]asn1.ObjectIdentifier{{1, 3, 6, 1, 5, 5, 7, 3, 8}})
			if err != nil {
				t.Fatal(err)
			}
			c.KeyUsage = x509.KeyUsageDigitalSignature
			c.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 37}, Critical: true, Value: usage}}
		}
		der, err := x509.CreateCertificate(rand.Reader, c, parent, key.Public(), by)
		if err != nil {
			t.Fatal(err)
		}
		made, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		return made, key
	}
	a := &authority{t: t, file: filepath.Join(t.TempDir(), "ca.pem")}
	root, rootKey := make(1, "test-ca", nil, nil)
	a.root = root
	a.cert, a.key = make(2, "test-tsa", root, rootKey)
	if err := os.WriteFile(a.file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: root.Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	return a
}

func (a *authority) roots() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.root)
	return pool
}

func (a *authority) stamp(data []byte, at time.Time) []byte {
	a.t.Helper()
	sum := sha256.Sum256(data)
	token := timestamp.Timestamp{
		HashAlgorithm: crypto.SHA256, HashedMessage: sum[:], Time: at, Policy: asn1.ObjectIdentifier{1, 2, 3, 4, 1},
		SerialNumber: big.NewInt(at.Unix()), AddTSACertificate: true,
	}
	response, err := token.CreateResponseWithOpts(a.cert, a.key, crypto.SHA256)
	if err != nil {
		a.t.Fatal(err)
	}
	return response
}

// anchor appends a timestamp over the head of the first size records.
func (l *log) anchor(size int64, response []byte) int64 {
	l.t.Helper()
	mode, err := cbor.CoreDetEncOptions().EncMode()
	if err != nil {
		l.t.Fatal(err)
	}
	data, err := mode.Marshal(map[string]any{"size": size, "time": 1, "response": response, "authority": "https://tsa.example/", "checkpoint": string(l.checkpoint(size))})
	if err != nil {
		l.t.Fatal(err)
	}
	at := int64(len(l.leaves))
	l.append(&proof.Body{
		ID: fmt.Sprint("anchor-", at), Type: proof.AnchoredType, Schema: 1, Source: "ledger:" + origin, Subject: [2]string{"ledger", "anchors"},
		Time: 1767864600000000, Principal: "ledger", Data: data,
	}, nil)
	return at
}

// witness makes a witness: its line for a policy, and what it signs with.
func newWitness(t testing.TB, name string) (line string, signer note.Signer) {
	t.Helper()
	skey, vkey, err := note.GenerateKey(rand.Reader, name)
	if err != nil {
		t.Fatal(err)
	}
	if vkey, err = fnote.VKeyToCosignatureV1(vkey); err != nil {
		t.Fatal(err)
	}
	if signer, err = fnote.NewSignerForCosignatureV1(skey); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("witness %s %s https://%s/", name, vkey, name), signer
}

// attested is a log with a bundle that outsiders attest: two anchors, and a head that
// two of three witnesses have cosigned.
type attested struct {
	*log
	bundle   *Bundle
	tsa      *authority
	anchors  []int64
	times    []time.Time
	policy   []byte
	cosigned []byte // the head that the witnesses saw
}

func newAttested(t testing.TB) *attested {
	t.Helper()
	a := &attested{tsa: newAuthority(t)}
	a.log, _ = story(t, 1)
	for i, size := range []int64{5, 9} {
		at := time.Date(2026, 1, 8+i, 9, 30, 0, 0, time.UTC)
		a.anchors, a.times = append(a.anchors, a.anchor(size, a.tsa.stamp(a.checkpoint(size), at))), append(a.times, at)
	}
	a.add("share.agreement.suspended") // 11
	a.add("share.agreement.resumed")   // 12
	size := int64(13)
	a.cosigned = a.checkpoint(12)
	var text strings.Builder
	for i, name := range []string{"north.example", "south.example", "court.example"} {
		line, signer := newWitness(t, name)
		fmt.Fprintln(&text, line)
		if i == 2 {
			break // it sleeps
		}
		signed, err := note.Sign(&note.Note{Text: strings.SplitAfter(string(a.cosigned), "\n\n")[0][:strings.Index(string(a.cosigned), "\n\n")+1]}, signer)
		if err != nil {
			t.Fatal(err)
		}
		a.cosigned = append(a.cosigned, signed[bytes.LastIndex(signed, []byte("\n\u2014"))+1:]...)
	}
	text.WriteString("group two 2 north.example south.example court.example\nquorum two\n")
	a.policy = []byte(text.String())
	b := &Bundle{
		Origin: origin, Made: time.Date(2026, 4, 2, 9, 0, 0, 7000, time.UTC), VerifierKey: a.vkey,
		Question: Question{"events", "Two records.", "两条记录。"}, Checkpoint: a.checkpoint(size), Policy: a.policy,
	}
	for _, at := range []int64{3, 8} {
		b.Records = append(b.Records, a.record(at, size))
	}
	for i, at := range a.anchors {
		b.Anchors = append(b.Anchors, Anchor{Record: a.record(at, size), Grown: a.grown([]int64{5, 9}[i], size)})
	}
	grown := a.grown(12, size)
	grown.From = string(a.cosigned)
	b.Witnessed = &grown
	a.bundle = b
	return a
}

// asked checks with both verifiers, with what the checker has.
func (a *attested) asked(t *testing.T, s *second, what string, b []byte, stamps, policy bool) Report {
	t.Helper()
	by, has := Trust{Keys: a.keys}, outside{Key: &a.vkey}
	if stamps {
		by.Roots, has.CA = a.tsa.roots(), a.tsa.file
	}
	if policy {
		p, err := ParsePolicy(a.policy)
		if err != nil {
			t.Fatal(err)
		}
		by.Policy, has.Policy = p, string(a.policy)
	}
	return agreed(t, s, what, b, by, has)
}

// TestVerdicts climbs the ladder: a verdict takes what the checker trusts, and that all
// records shown are covered.
func TestVerdicts(t *testing.T) {
	a := newAttested(t)
	s := newSecond(t)
	b := a.bundle.mustPack(t, a.signer)
	for what, c := range map[string]struct {
		stamps, policy bool
		want           Verdict
	}{
		"nothing": {false, false, Signed}, "an authority": {true, false, Timestamped},
		"witnesses": {false, true, Witnessed}, "both": {true, true, Witnessed},
	} {
		r := a.asked(t, s, "trusting "+what, b, c.stamps, c.policy)
		if r.Verdict != c.want {
			t.Errorf("trusting %s: %+v", what, r)
		}
		if c.stamps {
			first, second := a.times[0].Format(timeLayout), a.times[1].Format(timeLayout)
			if want := []Bracket{{3, "", first}, {8, "", second}}; !slices.Equal(r.Times, want) {
				t.Errorf("trusting %s: %+v", what, r.Times)
			}
		}
		if c.policy && *r.Witnesses != (Witnesses{2, 3, 12}) {
			t.Errorf("trusting %s: %+v", what, r.Witnesses)
		}
	}
	if r := agreed(t, s, "no key", b, Trust{Roots: a.tsa.roots()}, outside{CA: a.tsa.file}); r.Verdict != Unsigned {
		t.Errorf("without the log's key: %s", r.Verdict)
	}
	other := newAuthority(t)
	if r := agreed(t, s, "another authority", b, Trust{Keys: a.keys, Roots: other.roots()}, outside{Key: &a.vkey, CA: other.file}); r.Verdict != Signed || r.Times != nil {
		t.Errorf("trusting another authority: %+v", r)
	}

	// A record that no outsider has seen yet takes the verdict back.
	fresh := *a.bundle
	fresh.Records = append(slices.Clone(fresh.Records), a.record(11, 13), a.record(12, 13))
	r := a.asked(t, s, "a fresh record", fresh.mustPack(t, a.signer), true, true)
	if r.Verdict != Signed || r.Times[2].NotBefore == "" || r.Times[2].NotAfter != "" {
		t.Errorf("with a fresh record: %+v", r)
	}
	// One cosignature is not two.
	few := *a.bundle
	lines := strings.SplitAfter(few.Witnessed.From, "\n")
	grown := *few.Witnessed
	grown.From = strings.Join(lines[:len(lines)-2], "")
	few.Witnessed = &grown
	if r := a.asked(t, s, "one witness", few.mustPack(t, a.signer), false, true); r.Verdict != Signed || r.Witnesses.Cosigned != 1 {
		t.Errorf("with one witness: %+v", r)
	}
}

// TestAttestedOperator: what the operator cannot make of the outsiders' word.
func TestAttestedOperator(t *testing.T) {
	a := newAttested(t)
	s := newSecond(t)
	b := a.bundle.mustPack(t, a.signer)
	first, second := a.anchors[0], a.anchors[1]
	for what, c := range map[string]struct {
		do   func(*Manifest, map[string][]byte)
		part string
	}{
		"another token":  {func(_ *Manifest, f map[string][]byte) { f[nameAnchor(first, "tsr")] = f[nameAnchor(second, "tsr")] }, "time"},
		"another head":   {func(_ *Manifest, f map[string][]byte) { f[nameAnchor(first, "head")] = f[nameAnchor(second, "head")] }, "time"},
		"another record": {func(_ *Manifest, f map[string][]byte) { f[nameAnchor(first, "cbor")] = f[nameAnchor(second, "cbor")] }, "time"},
		"another proof": {func(_ *Manifest, f map[string][]byte) {
			f[nameAnchor(first, "tlog-proof")] = f[nameAnchor(second, "tlog-proof")]
		}, "time"},
		"another growth":       {func(_ *Manifest, f map[string][]byte) { f[nameAnchor(first, "json")] = f[nameAnchor(second, "json")] }, "time"},
		"anchors out of order": {func(m *Manifest, _ map[string][]byte) { slices.Reverse(m.Anchors) }, "manifest"},
		"a record that is no anchor": {func(m *Manifest, f map[string][]byte) {
			m.Anchors = []int64{3, second}
			for _, x := range anchorFiles {
				f[nameAnchor(3, x)] = f[nameAnchor(first, x)]
				delete(f, nameAnchor(first, x))
			}
			f[nameAnchor(3, "cbor")], f[nameAnchor(3, "tlog-proof")] = f[nameRecord(3)], f[nameProof(3)]
		}, "time"},
		"one anchor not listed": {func(m *Manifest, _ map[string][]byte) { m.Anchors = m.Anchors[:1] }, "files"},
		"a later cosigned size": {func(m *Manifest, f map[string][]byte) {
			m.Witnessed = 13
			f[nameWitnessed(13)] = f[nameWitnessed(12)]
			delete(f, nameWitnessed(12))
		}, "witness"},
		"no cosigned head": {func(_ *Manifest, f map[string][]byte) { delete(f, nameWitnessed(12)) }, "files"},
		"a fork cosigned": {func(_ *Manifest, f map[string][]byte) {
			text := strings.Replace(string(a.cosigned), strings.Split(string(a.cosigned), "\n")[2], "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", 1)
			f[nameWitnessed(12)], _ = proof.Consistency{From: text, To: string(f[nameCheckpoint]), Hashes: a.bundle.Witnessed.Hashes}.MarshalJSON()
		}, "witness"},
	} {
		r := a.asked(t, s, what, change(t, a.log, b, true, c.do), true, true)
		if r.Verdict != Refused || r.Refusal.Part != c.part {
			t.Errorf("%s: %s %+v, want %s refused", what, r.Verdict, r.Refusal, c.part)
		}
	}
	// Bytes of what outsiders made, under a new signature of the operator: refused, or
	// worth nothing, and to both the same.
	step := 29
	if testing.Short() {
		step = 397
	}
	for _, name := range []string{nameAnchor(first, "cbor"), nameAnchor(first, "json"), nameWitnessed(12)} {
		size := len(fileOf(t, b, name))
		for i := 0; i < size; i += step {
			bad := change(t, a.log, b, true, func(_ *Manifest, f map[string][]byte) {
				f[name] = bytes.Clone(f[name])
				f[name][i] ^= 1 << (i % 7)
			})
			r := a.asked(t, s, fmt.Sprint("byte ", i, " of ", name), bad, true, true)
			if r.Verdict != Refused && name != nameWitnessed(12) { // there it may be a signature that is not counted
				t.Errorf("byte %d of %s changed: %+v", i, name, r)
			}
		}
	}
}

func fileOf(t testing.TB, b []byte, name string) []byte {
	t.Helper()
	files, err := unpack(b)
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(files, func(f file) bool { return f.name == name })
	return files[i].data
}

// TestTokens holds both verifiers to the same judgement of tokens.
func TestTokens(t *testing.T) {
	a := newAttested(t)
	s := newSecond(t)
	other := newAuthority(t)
	at := a.times[0]
	head := a.checkpoint(5)
	good := a.tsa.stamp(head, at)
	edited := bytes.Clone(good)
	edited[bytes.Index(edited, []byte("2026"))+5] ^= 1
	for what, c := range map[string]struct {
		response []byte
		want     Verdict
	}{
		"good": {good, Timestamped}, "over something else": {a.tsa.stamp([]byte("x"), at), Signed},
		"of another authority": {other.stamp(head, at), Signed}, "no token": {[]byte{0x30, 0}, Signed}, "garbage": {[]byte("garbage"), Signed},
		"before the certificate": {a.tsa.stamp(head, at.AddDate(-10, 0, 0)), Signed}, "after it": {a.tsa.stamp(head, at.AddDate(10, 0, 0)), Signed},
		"with an edited time": {edited, Signed}, "cut off": {good[:len(good)-7], Signed},
	} {
		l, b := story(t, 1)
		l.anchor(5, c.response)
		b.Checkpoint, b.Records, b.Consistency = l.checkpoint(10), []Record{l.record(3, 10)}, nil
		b.Anchors = []Anchor{{Record: l.record(9, 10), Grown: l.grown(5, 10)}}
		r := agreed(t, s, what, b.mustPack(t, l.signer), Trust{Keys: l.keys, Roots: a.tsa.roots()}, outside{Key: &l.vkey, CA: a.tsa.file})
		if r.Verdict != c.want {
			t.Errorf("a token %s: %+v", what, r)
		}
	}
}

// TestProducers: signatures of who sent the records are checked, and their keys told.
func TestProducers(t *testing.T) {
	l, b := story(t, 1)
	s := newSecond(t)
	key := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{3}, 32))
	sign := func(spoil func(*proof.Body)) int64 {
		body := &proof.Body{
			ID: fmt.Sprint("signed", len(l.leaves)), Type: "share.agreement.activated", Schema: 1, Source: "https://producer.example", Subject: [2]string{"agreement", "A11"},
			Time: 5, Principal: "platform", Party: "D07", Data: []byte{0xa1, 0x61, 'n', 0x01}, Names: []proof.Name{{"entry", "DS23"}},
		}
		encoded, err := body.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		claim, err := proof.Claim(encoded)
		if err != nil {
			t.Fatal(err)
		}
		body.Signature = proof.SignClaim(claim, key)
		spoil(body)
		l.append(body, nil)
		return int64(len(l.leaves) - 1)
	}
	at := []int64{sign(func(*proof.Body) {}), sign(func(b *proof.Body) { b.Principal, b.Trace = "another", "00-1" })}
	bad := []int64{
		sign(func(b *proof.Body) { b.Data = []byte{0xa1, 0x61, 'n', 0x02} }),
		sign(func(b *proof.Body) { b.Party = "D08" }),
		sign(func(b *proof.Body) { b.Signature[len(b.Signature)-1] ^= 1 }),
		sign(func(b *proof.Body) { b.Signature = b.Signature[:len(b.Signature)-1] }),
		sign(func(b *proof.Body) { b.Signature = []byte{0x80} }),
	}
	size := int64(len(l.leaves))
	bundle := func(at ...int64) []byte {
		out := *b
		out.Checkpoint, out.Consistency, out.Records = l.checkpoint(size), nil, nil
		for _, p := range at {
			out.Records = append(out.Records, l.record(p, size))
		}
		return out.mustPack(t, l.signer)
	}
	r := both(t, l, s, "signed by a producer", bundle(at...), true)
	if len(r.Producers) != 1 || r.Producers[0].Party != "D07" || r.Producers[0].Records != 2 {
		t.Errorf("%+v", r)
	}
	for i, p := range bad {
		if r := both(t, l, s, fmt.Sprint("bad signature ", i), bundle(p), true); r.Verdict != Refused || r.Refusal.Part != "record" {
			t.Errorf("bad signature %d: %+v", i, r)
		}
	}
}

// TestPolicies: which cosignatures are enough is read alike, and a policy that asks
// for nothing is none.
func TestPolicies(t *testing.T) {
	a := newAttested(t)
	s := newSecond(t)
	b := a.bundle.mustPack(t, a.signer)
	witnesses := string(a.policy[:bytes.Index(a.policy, []byte("group"))])
	for end, want := range map[string]Verdict{
		"quorum north.example\n": Witnessed, "quorum court.example\n": Signed,
		"group g any court.example south.example # one\n\nquorum g\n":                  Witnessed,
		"group g all north.example south.example court.example\nquorum g\n":            Signed,
		"group g 0 north.example\nquorum g\n":                                          Witnessed,
		"group g 0 court.example\nquorum g\n":                                          Signed,
		"group a 1 north.example court.example\ngroup b 2 a south.example\nquorum b\n": Witnessed,
		"group a 1 court.example\ngroup b 2 a south.example\nquorum b\n":               Signed,
	} {
		text := witnesses + end
		p, err := ParsePolicy([]byte(text))
		if err != nil {
			t.Fatalf("%q: %v", end, err)
		}
		if r := agreed(t, s, end, b, Trust{Keys: a.keys, Policy: p}, outside{Key: &a.vkey, Policy: text}); r.Verdict != want {
			t.Errorf("%q: %+v", end, r)
		}
	}
	for _, end := range []string{"", "quorum none\n", "quorum nobody\n", "group g 3 north.example\nquorum g\n", "wítness\nquorum north.example\n"} {
		if _, err := ParsePolicy([]byte(witnesses + end)); err == nil {
			t.Errorf("a policy that ends with %q is taken", end)
		}
	}
}
