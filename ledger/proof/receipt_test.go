package proof

import (
	"encoding/json"
	"strings"
	"testing"
)

func testReceipt(t testing.TB) (Receipt, *testLog) {
	l := newTestLog(t, 8)
	return Receipt{
		ID: "event <7>", Source: "https://producer.example", Position: 7, Time: 1767864600000049,
		LeafHash: LeafHash(l.leaves[7]), Checkpoint: string(l.signed(8)),
	}, l
}

func TestReceipt(t *testing.T) {
	r, l := testReceipt(t)
	enc, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(enc), `"time":"2026-01-08T09:30:00.000049Z"`) {
		t.Errorf("time is written as %s", enc)
	}
	read, err := ParseReceipt(enc)
	if err != nil || read != r {
		t.Fatalf("read back as %+v, %v", read, err)
	}
	if c, err := r.Check(testOrigin, l.verifier); err != nil || c != l.checkpoint(8) {
		t.Errorf("got %+v, %v", c, err)
	}
	p := l.inclusion(7, 8)
	if _, err := p.Check(r.LeafHash, testOrigin, l.verifier); err != nil {
		t.Error(err)
	}
	for name, spoil := range map[string]func(*Receipt){
		"position beyond the log": func(r *Receipt) { r.Position = 8 },
		"negative position":       func(r *Receipt) { r.Position = -1 },
		"no checkpoint":           func(r *Receipt) { r.Checkpoint = "" },
		"other signature":         func(r *Receipt) { r.Checkpoint = strings.Replace(r.Checkpoint, "\n8\n", "\n9\n", 1) },
	} {
		bad := r
		spoil(&bad)
		if _, err := bad.Check(testOrigin, l.verifier); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if _, err := r.Check("ledger.example/other", l.verifier); err == nil {
		t.Error("another origin was accepted")
	}
}

func TestReceiptRefuses(t *testing.T) {
	r, _ := testReceipt(t)
	enc, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string][2]string{
		"finer than a microsecond": {".000049Z", ".0000490Z"},
		"coarser than written":     {".000049Z", ".00005Z"},
		"zone instead of Z":        {".000049Z", ".000049+00:00"},
		"upper-case hash":          {r.hexLeaf(), strings.ToUpper(r.hexLeaf())},
		"short hash":               {r.hexLeaf(), r.hexLeaf()[2:]},
		"position as text":         {`"position":7`, `"position":"7"`},
		"position as float":        {`"position":7`, `"position":7.5`},
		"negative position":        {`"position":7`, `"position":-7`},
		"no id":                    {"event \\u003c7\\u003e", ""},
		"before 1970":              {"2026-", "1926-"},
	} {
		bad := strings.Replace(string(enc), change[0], change[1], 1)
		if bad == string(enc) {
			t.Fatalf("%s: nothing changed in %s", name, enc)
		}
		if got, err := ParseReceipt([]byte(bad)); err == nil {
			t.Errorf("%s: read as %+v", name, got)
		}
	}
}

func (r Receipt) hexLeaf() string {
	var j receiptJSON
	enc := must(json.Marshal(r))
	if err := json.Unmarshal(enc, &j); err != nil {
		panic(err)
	}
	return j.LeafHash
}

// One changed byte of a proof's text makes it unreadable or unprovable.
func TestInclusionMutations(t *testing.T) {
	l := newTestLog(t, 11)
	text := l.inclusion(6, 11).Marshal()
	check := func(m []byte) {
		p, err := ParseInclusion(m)
		if err != nil {
			return
		}
		if _, err := p.Check(LeafHash(l.leaves[6]), testOrigin, l.verifier); err == nil {
			t.Fatalf("accepted:\n%s", m)
		}
	}
	for i := range text {
		m := []byte(string(text))
		for _, x := range []byte{1, 2, 4, 8, 0x10, 0x20, 0x40, 0x80, '\r' ^ text[i], '\n' ^ text[i], ' ' ^ text[i]} {
			if x != 0 {
				m[i] = text[i] ^ x
				check(m)
			}
		}
		check([]byte(string(text[:i]) + string(text[i+1:])))
		check([]byte(string(text[:i]) + "\n" + string(text[i:])))
	}
	extra := strings.Replace(string(text), "index", "extra AAAA\nindex", 1)
	if _, err := ParseInclusion([]byte(extra)); err == nil {
		t.Error("an extra line was accepted")
	}
}

func TestCheckLeafPosition(t *testing.T) {
	l := newTestLog(t, 4)
	p := l.inclusion(2, 4)
	if _, _, err := p.CheckLeaf(l.leaves[1], testOrigin, l.verifier); err == nil {
		t.Error("a leaf of another position was accepted")
	}
}

func TestViewJSON(t *testing.T) {
	data := must(encMode.Marshal(map[string]any{
		"a": []any{0, -1, true, false, nil, "<é\"\n>"},
		"b": []byte{1, 2, 3},
		"c": map[string]any{"big": uint64(maxInt), "least": int64(-1 << 63)},
	}))
	got, err := ViewJSON(data)
	const want = `{"a":[0,-1,true,false,null,"<é\"\n>"],"b":"AQID","c":{"big":9223372036854775807,"least":-9223372036854775808}}`
	if err != nil || string(got) != want {
		t.Errorf("got  %s, %v\nwant %s", got, err, want)
	}
}
