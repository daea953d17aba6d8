package evidence

import (
	"archive/zip"
	"bufio"
	"bytes"
	"encoding/json"
	"flag"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"ledgerline/ledger/proof"
)

var long = flag.Bool("long", false, "change every byte of attested bundles, and try many more mutants")

// A second is verify.py, run once and asked about many bundles.
type second struct {
	t   testing.TB
	in  io.WriteCloser
	out *bufio.Reader
}

// many answers bundles with a line of JSON each. Before a bundle stands a line of
// JSON with its length and what the checker has from elsewhere.
const many = `
import functools, json, sys
sys.path.insert(0, sys.argv[1]); sys.dont_write_bytecode = True
import verify
verify.ed25519 = functools.lru_cache(None)(verify.ed25519)
verify.timestamp = functools.lru_cache(None)(verify.timestamp)
while True:
    h = sys.stdin.buffer.readline()
    if not h: break
    h = json.loads(h)
    b = sys.stdin.buffer.read(h["bytes"])
    try:
        policy = verify.Policy(h["policy"]) if h["policy"] else None
        report = verify.to_json(verify.check(b, h["key"], h["ca"] or None, policy))
    except verify.Fault:
        report = b"called wrongly"
    sys.stdout.buffer.write(report + b"\n")
    sys.stdout.flush()
`

// outside is what a checker has from elsewhere, as verify.py takes it.
type outside struct {
	Bytes  int     `json:"bytes"`
	Key    *string `json:"key"`
	CA     string  `json:"ca"`
	Policy string  `json:"policy"`
}

func newSecond(t testing.TB) *second {
	t.Helper()
	python, err := exec.LookPath("python3")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("no python3 on the PATH: CI has to install it")
		}
		t.Skip("no python3 on the PATH: verify.py is not compared")
	}
	cmd := exec.Command(python, "-c", many, ".")
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("verify.py: %v", err)
		}
	})
	return &second{t, in, bufio.NewReader(out)}
}

func (s *second) check(b []byte, has outside) string {
	s.t.Helper()
	has.Bytes = len(b)
	h, err := json.Marshal(has)
	if err != nil {
		s.t.Fatal(err)
	}
	if _, err := s.in.Write(append(append(h, '\n'), b...)); err != nil {
		s.t.Fatal(err)
	}
	line, err := s.out.ReadString('\n')
	if err != nil {
		s.t.Fatalf("verify.py gave up: %v", err)
	}
	return strings.TrimSuffix(line, "\n")
}

// both checks a bundle with both verifiers and holds that they agree to the byte.
func both(t *testing.T, l *log, s *second, what string, b []byte, keyed bool) Report {
	t.Helper()
	if !keyed {
		return agreed(t, s, what, b, Trust{}, outside{})
	}
	return agreed(t, s, what, b, Trust{Keys: l.keys}, outside{Key: &l.vkey})
}

// agreed is both for a checker with other things.
func agreed(t *testing.T, s *second, what string, b []byte, by Trust, has outside) Report {
	t.Helper()
	report, err := Check(b, by)
	if (err != nil) != (report.Verdict == Refused) {
		t.Fatalf("%s: %s, but the error is %v", what, report.Verdict, err)
	}
	mine, jerr := encodeJSON(report)
	if jerr != nil {
		t.Fatal(jerr)
	}
	if theirs := s.check(b, has); theirs != string(mine) {
		t.Errorf("%s:\n     here %s (%v)\nverify.py %s", what, mine, err, theirs)
	}
	return report
}

func TestBundle(t *testing.T) {
	l, bundle := story(t, 1)
	s := newSecond(t)
	b := bundle.mustPack(t, l.signer)
	r := both(t, l, s, "the story", b, true)
	if r.Verdict != Signed || r.Records != 4 || r.Withheld != 1 || r.Erased != 1 || r.Size != 9 || !slices.Equal(r.Since, []int64{4, 9}) {
		t.Errorf("%+v", r)
	}
	if len(r.Numbering) != 1 || r.Numbering[0].Producer != "gateway" {
		t.Errorf("the missing numbers are %+v", r.Numbering)
	}
	if r := both(t, l, s, "without a key", b, false); r.Verdict != Unsigned {
		t.Errorf("with the bundle's own key the verdict is %s", r.Verdict)
	}
	if again := bundle.mustPack(t, l.signer); !bytes.Equal(again, b) {
		t.Error("packed twice, the bundle differs")
	}
	z, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatalf("archive/zip does not read it: %v", err)
	}
	for _, f := range z.File {
		r, err := f.Open()
		if err == nil {
			_, err = io.Copy(io.Discard, r)
		}
		if err != nil {
			t.Errorf("archive/zip, %s: %v", f.Name, err)
		}
	}
}

// TestEveryByte changes each byte of a bundle, one after the other: all are
// refused, and both verifiers name the same part.
func TestEveryByte(t *testing.T) {
	l, bundle := story(t, 1)
	s := newSecond(t)
	b := bundle.mustPack(t, l.signer)
	step := 1
	if testing.Short() {
		step = 97
	}
	for i := 0; i < len(b); i += step {
		bad := bytes.Clone(b)
		bad[i] ^= 1 << (i % 8)
		if r := both(t, l, s, "a byte changed", bad, i%2 == 0); r.Verdict != Refused {
			t.Fatalf("byte %d changed: %s", i, r.Verdict)
		}
	}
	for _, n := range []int{0, 1, 21, 22, len(b) / 2, len(b) - 1} {
		if r := both(t, l, s, "cut off", b[:n], true); r.Verdict != Refused {
			t.Errorf("cut to %d bytes: %s", n, r.Verdict)
		}
	}
	if r := both(t, l, s, "something behind", append(bytes.Clone(b), 0), true); r.Verdict != Refused {
		t.Errorf("a byte behind the end: %s", r.Verdict)
	}
	a := newAttested(t)
	b = a.bundle.mustPack(t, a.signer)
	if step *= 37; *long {
		step = 1
	}
	for i := 0; i < len(b); i += step {
		bad := bytes.Clone(b)
		bad[i] ^= 1 << (i % 8)
		if r := a.asked(t, s, "a byte changed", bad, true, true); r.Verdict != Refused {
			t.Fatalf("byte %d of an attested bundle changed: %s", i, r.Verdict)
		}
	}
	t.Logf("%d bytes of an attested bundle were changed", (len(b)+step-1)/step)
}

// change packs the files of a bundle again after a change. With resign, the
// manifest is made to fit and signed again: what a dishonest operator can do.
func change(t testing.TB, l *log, b []byte, resign bool, do func(m *Manifest, files map[string][]byte)) []byte {
	t.Helper()
	unpacked, err := unpack(b)
	if err != nil {
		t.Fatal(err)
	}
	files := make(map[string][]byte)
	for _, f := range unpacked {
		files[f.name] = f.data
	}
	var m Manifest
	if err := json.Unmarshal(files[nameManifest], &m); err != nil {
		t.Fatal(err)
	}
	do(&m, files)
	if resign {
		delete(files, nameManifest)
		delete(files, nameNote)
	}
	var list []file
	for name, data := range files {
		list = append(list, file{name, data})
	}
	var out []byte
	if resign {
		m.Files = []FileEntry{}
		out, err = seal(&m, list, l.signer)
	} else {
		sortFiles(list)
		out, err = pack(list)
	}
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestEveryFile removes each file, swaps it for another, empties it, and takes it
// from the bundle of another ledger, both as an outsider and as an operator who
// signs again.
func TestEveryFile(t *testing.T) {
	s := newSecond(t)
	l, bundle := story(t, 1)
	other, foreign := story(t, 2)
	everyFile(t, l, bundle.mustPack(t, l.signer), foreign.mustPack(t, other.signer), func(what string, b []byte) Report {
		return both(t, l, s, what, b, true)
	})
	a, c := newAttested(t), newAttested(t)
	everyFile(t, a.log, a.bundle.mustPack(t, a.signer), c.bundle.mustPack(t, c.signer), func(what string, b []byte) Report {
		return a.asked(t, s, what, b, true, true)
	})
	old, rotated, next := rotated(t)
	everyFile(t, next, rotated.mustPack(t, next.signer), foreign.mustPack(t, other.signer), func(what string, b []byte) Report {
		return both(t, old, s, what, b, true)
	})
}

// everyFile is TestEveryFile for a bundle b of a log, with fb from another one.
func everyFile(t *testing.T, l *log, b, fb []byte, check func(what string, b []byte) Report) {
	theirs := make(map[string][]byte)
	files, err := unpack(b)
	if err != nil {
		t.Fatal(err)
	}
	ff, err := unpack(fb)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range ff {
		theirs[f.name] = f.data
	}
	// What is words, the operator may change if he signs again: that is what his
	// signature is for.
	words := func(names ...string) bool {
		for _, name := range names {
			if !slices.Contains([]string{nameReadme, nameSummary, nameVerifier, nameAnswer, nameKey, nameManifest, nameNote, namePolicy}, name) {
				return false
			}
		}
		return true
	}
	for i, f := range files {
		next := files[(i+1)%len(files)]
		for what, do := range map[string]func(*Manifest, map[string][]byte){
			"removed":             func(_ *Manifest, m map[string][]byte) { delete(m, f.name) },
			"emptied":             func(_ *Manifest, m map[string][]byte) { m[f.name] = nil },
			"swapped":             func(_ *Manifest, m map[string][]byte) { m[f.name], m[next.name] = m[next.name], m[f.name] },
			"from another ledger": func(_ *Manifest, m map[string][]byte) { m[f.name] = theirs[f.name] },
			"added":               func(_ *Manifest, m map[string][]byte) { m[f.name+".x"] = f.data },
		} {
			for _, resign := range []bool{false, true} {
				bad := change(t, l, b, resign, do)
				r := check(f.name+" "+what, bad)
				same := bytes.Equal(bad, b)
				switch {
				case !resign:
				case what == "removed":
					same = same || f.name == nameAnswer || f.name == nameManifest || f.name == nameNote
				case what == "swapped":
					same = same || words(f.name, next.name)
				case what != "added":
					same = same || words(f.name)
				}
				if r.Verdict != Refused && !same {
					t.Errorf("%s %s, signed again %t: %s", f.name, what, resign, r.Verdict)
				}
			}
		}
	}
}

// TestDishonestOperator holds what the log's own key cannot do: show other
// content than was recorded, or a record that is not in the log.
func TestDishonestOperator(t *testing.T) {
	l, bundle := story(t, 1)
	s := newSecond(t)
	b := bundle.mustPack(t, l.signer)
	entry := func(m *Manifest, at int64) *RecordEntry {
		return &m.Records[slices.IndexFunc(m.Records, func(r RecordEntry) bool { return r.Position == at })]
	}
	for what, c := range map[string]struct {
		do   func(*Manifest, map[string][]byte)
		part string
	}{
		"another body": {func(_ *Manifest, f map[string][]byte) {
			f[nameRecord(4)] = proof.EncodeRecord(l.leaves[4], l.bodies[5], &l.salts[5])
		}, "record"},
		"another record in its place": {func(_ *Manifest, f map[string][]byte) {
			f[nameRecord(4)] = proof.EncodeRecord(l.leaves[5], l.bodies[5], &l.salts[5])
		}, "record"},
		"another view": {func(_ *Manifest, f map[string][]byte) {
			f[nameView(4)] = bytes.Replace(f[nameView(4)], []byte("activated"), []byte("suspended"), 1)
		}, "record"},
		"another text": {func(_ *Manifest, f map[string][]byte) {
			f[namePayload(3, 0)] = proof.EncodeFacet(&[32]byte{3, 0}, []byte("nicer text"))
		}, "payload"},
		"a body passed off as withheld":       {func(m *Manifest, _ map[string][]byte) { entry(m, 4).Body = Withheld }, "record"},
		"a withheld body passed off as shown": {func(m *Manifest, _ map[string][]byte) { entry(m, 7).Body = Shown }, "record"},
		"an erased text passed off as shown":  {func(m *Manifest, _ map[string][]byte) { entry(m, 3).Facets[1] = Shown }, "files"},
		"one facet less":                      {func(m *Manifest, f map[string][]byte) { entry(m, 3).Facets = entry(m, 3).Facets[:1] }, "record"},
		"a state of its own":                  {func(m *Manifest, _ map[string][]byte) { entry(m, 3).Facets[1] = "lost" }, "manifest"},
		"records out of order":                {func(m *Manifest, _ map[string][]byte) { slices.Reverse(m.Records) }, "manifest"},
		"a record twice":                      {func(m *Manifest, _ map[string][]byte) { m.Records[1] = m.Records[0] }, "manifest"},
		"another size":                        {func(m *Manifest, _ map[string][]byte) { m.Size = 10 }, "checkpoint"},
		"a size below a record":               {func(m *Manifest, _ map[string][]byte) { m.Size = 7 }, "manifest"},
		"another origin":                      {func(m *Manifest, _ map[string][]byte) { m.Origin = "ledger.example/other" }, "signature"},
		"another format":                      {func(m *Manifest, _ map[string][]byte) { m.Format = "ledgerline/evidence/v2" }, "manifest"},
		"no time":                             {func(m *Manifest, _ map[string][]byte) { m.Made = "2026-02-30T00:00:00.000000Z" }, "manifest"},
		"an older checkpoint":                 {func(_ *Manifest, f map[string][]byte) { f[nameCheckpoint] = l.checkpoint(8) }, "checkpoint"},
		"a number shown said to be missing":   {func(m *Manifest, _ map[string][]byte) { m.Numbering[0].Missing[1] = Run{3, 3} }, "record"},
		"a number beyond the last":            {func(m *Manifest, _ map[string][]byte) { m.Numbering[0].Last, m.Numbering[0].Missing = 3, []Run{} }, "record"},
		"missing numbers out of order":        {func(m *Manifest, _ map[string][]byte) { slices.Reverse(m.Numbering[0].Missing) }, "manifest"},
		"missing numbers beyond the last":     {func(m *Manifest, _ map[string][]byte) { m.Numbering[0].Missing[1].Last = 8 }, "manifest"},
		"producers out of order":              {func(m *Manifest, _ map[string][]byte) { slices.Reverse(m.Numbering) }, "manifest"},
		"growth from another size": {func(_ *Manifest, f map[string][]byte) {
			f[nameGrown(4)], _ = l.grown(5, 9).MarshalJSON()
		}, "consistency"},
		"growth to another size": {func(_ *Manifest, f map[string][]byte) {
			f[nameGrown(4)], _ = l.grown(4, 8).MarshalJSON()
		}, "consistency"},
		"a fork passed off as growth": {func(_ *Manifest, f map[string][]byte) {
			g := l.grown(4, 9)
			g.From = string(forked(t, l))
			f[nameGrown(4)], _ = g.MarshalJSON()
		}, "consistency"},
	} {
		r := both(t, l, s, what, change(t, l, b, true, c.do), true)
		if r.Verdict != Refused || r.Refusal.Part != c.part {
			t.Errorf("%s: %s %+v, want %s refused", what, r.Verdict, r.Refusal, c.part)
		}
	}
}

// forked signs a log of four records that is not the beginning of l.
func forked(t testing.TB, l *log) []byte {
	t.Helper()
	f := newLog(t, 1)
	f.signer = l.signer
	for range 4 {
		f.add("share.agreement.terminated")
	}
	return f.checkpoint(4)
}

// TestComplete holds that a bundle says that it is complete if, and only if, its
// proof shows it and every record that belongs is there.
func TestComplete(t *testing.T) {
	l, bundle := window(t)
	s := newSecond(t)
	b := bundle.mustPack(t, l.signer)
	r := both(t, l, s, "the window", b, true)
	if r.Answer != Whole || !r.Closed || r.AsOf != 8 || r.Complete == nil || r.Complete.To != timeOf(6) {
		t.Errorf("%+v", r)
	}
	bundle.Records[1].Facets[0] = Facet{State: Withheld}
	if r := both(t, l, s, "with a text withheld", bundle.mustPack(t, l.signer), true); r.Answer != WholeButWithheld {
		t.Errorf("with a text withheld: %s", r.Answer)
	}
	for what, q := range map[string]proof.Question{
		"no end":             {Names: []proof.Name{{"subject", "agreement", "A11"}}, From: timeOf(2), To: proof.EndOfTime},
		"a name nobody bore": {Names: []proof.Name{{"subject", "agreement", "A12"}}, From: 0, To: proof.EndOfTime},
		"nothing within":     {Names: []proof.Name{{"subject", "agreement", "A11"}}, From: timeOf(3) + 1, To: timeOf(4)},
	} {
		_, open := window(t)
		open.Completeness = l.complete(q)
		if what == "no end" {
			for at := int64(6); at < 9; at++ {
				open.Records = append(open.Records, l.record(at, int64(len(l.leaves))))
			}
		}
		if r := both(t, l, s, what, open.mustPack(t, l.signer), true); r.Answer != Whole || r.Closed != (q.To != proof.EndOfTime) {
			t.Errorf("%s: %+v", what, r)
		}
	}

	other := l.complete(proof.Question{Names: []proof.Name{{"entry", "DS23"}}, From: timeOf(2), To: timeOf(6)})
	narrow := l.complete(proof.Question{Names: []proof.Name{{"subject", "agreement", "A11"}}, From: timeOf(2), To: timeOf(5)})
	for what, c := range map[string]struct {
		do   func(*Manifest, map[string][]byte)
		part string
	}{
		"a record left out": {func(m *Manifest, f map[string][]byte) {
			m.Records = slices.Delete(m.Records, 2, 3)
			delete(f, nameRecord(4))
			delete(f, nameView(4))
			delete(f, nameProof(4))
		}, "completeness"},
		"a wider window claimed":    {func(m *Manifest, _ map[string][]byte) { m.Complete.To = timeOf(7) }, "completeness"},
		"an earlier window claimed": {func(m *Manifest, _ map[string][]byte) { m.Complete.From = 0 }, "completeness"},
		"no end claimed":            {func(m *Manifest, _ map[string][]byte) { m.Complete.To = proof.EndOfTime }, "completeness"},
		"another name claimed":      {func(m *Manifest, _ map[string][]byte) { m.Complete.Names[0][2] = "A12" }, "completeness"},
		"a further name claimed": {func(m *Manifest, _ map[string][]byte) {
			m.Complete.Names = append(m.Complete.Names, proof.Name{"entry", "DS99"})
		}, "completeness"},
		"a condition dropped":          {func(m *Manifest, _ map[string][]byte) { m.Complete.Also = []proof.Name{{"entry", "DS23"}} }, "completeness"},
		"no name":                      {func(m *Manifest, _ map[string][]byte) { m.Complete.Names = []proof.Name{} }, "completeness"},
		"an end before the beginning":  {func(m *Manifest, _ map[string][]byte) { m.Complete.To = timeOf(1) }, "completeness"},
		"the proof of another name":    {func(_ *Manifest, f map[string][]byte) { f[nameComplete] = other.Marshal() }, "completeness"},
		"the proof of another window":  {func(_ *Manifest, f map[string][]byte) { f[nameComplete] = narrow.Marshal() }, "completeness"},
		"no proof":                     {func(_ *Manifest, f map[string][]byte) { delete(f, nameComplete) }, "files"},
		"a proof that nobody asks for": {func(m *Manifest, _ map[string][]byte) { m.Complete = nil }, "files"},
		"an empty proof":               {func(_ *Manifest, f map[string][]byte) { f[nameComplete] = nil }, "completeness"},
	} {
		r := both(t, l, s, what, change(t, l, b, true, c.do), true)
		if r.Verdict != Refused || r.Refusal.Part != c.part {
			t.Errorf("%s: %s %+v, want %s refused", what, r.Verdict, r.Refusal, c.part)
		}
	}
	// Bytes of the proof, changed by an operator who signs again. Package proof tries
	// each; a signature takes verify.py some milliseconds.
	stored := bundle.Completeness.Marshal()
	step := 5
	if testing.Short() {
		step = 61
	}
	for i := 0; i < len(stored); i += step {
		bad := change(t, l, b, true, func(_ *Manifest, f map[string][]byte) {
			f[nameComplete] = bytes.Clone(f[nameComplete])
			f[nameComplete][i] ^= 1 << (i % 8)
		})
		if r := both(t, l, s, "a byte of the proof changed", bad, true); r.Verdict != Refused {
			t.Fatalf("byte %d of the proof changed: %s", i, r.Verdict)
		}
	}
}

// TestForeignZIP holds that no ZIP of other making is taken, whatever is in it.
func TestForeignZIP(t *testing.T) {
	l, bundle := story(t, 1)
	s := newSecond(t)
	files, err := unpack(bundle.mustPack(t, l.signer))
	if err != nil {
		t.Fatal(err)
	}
	for what, write := range map[string]func(*zip.Writer) error{
		"the same files, compressed": func(w *zip.Writer) error {
			for _, f := range files {
				out, err := w.Create(f.name)
				if err == nil {
					_, err = out.Write(f.data)
				}
				if err != nil {
					return err
				}
			}
			return nil
		},
		"a bomb": func(w *zip.Writer) error {
			out, err := w.Create("README.txt")
			if err == nil {
				_, err = io.CopyN(out, zeros(0), 64<<20)
			}
			return err
		},
		"a way out of the directory": func(w *zip.Writer) error {
			_, err := w.CreateHeader(&zip.FileHeader{Name: "../evil"})
			return err
		},
	} {
		var b bytes.Buffer
		w := zip.NewWriter(&b)
		if err := write(w); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if r := both(t, l, s, what, b.Bytes(), true); r.Verdict != Refused || r.Refusal.Part != "zip" {
			t.Errorf("%s: %+v", what, r)
		}
	}
	for _, name := range []string{"", "/etc/passwd", "a//b", "../a", "a/../b", "a/", ".hidden", "a\\b", "ä", "a b", strings.Repeat("a", 129)} {
		if _, err := pack([]file{{name, nil}}); err == nil {
			t.Errorf("a file may be called %q", name)
		}
	}
}

func FuzzCheck(f *testing.F) {
	l, bundle := story(f, 1)
	f.Add(bundle.mustPack(f, l.signer))
	f.Fuzz(func(t *testing.T, b []byte) {
		report, err := Check(b, Trust{Keys: l.keys})
		if (err != nil) != (report.Verdict == Refused) {
			t.Fatalf("%+v %v", report, err)
		}
		if files, err := unpack(b); err == nil {
			if again, err := pack(files); err != nil || !bytes.Equal(again, b) {
				t.Fatalf("unpacked and packed it differs: %v", err)
			}
		}
	})
}
