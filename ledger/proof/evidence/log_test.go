package evidence

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"ledgerline/ledger/proof"
)

const origin = "ledger.example/yunze"

// A log is a ledger as small as can be.
type log struct {
	t      testing.TB
	signer note.Signer
	vkey   string
	keys   *proof.Keys
	leaves [][]byte
	bodies [][]byte
	salts  [][32]byte
	facets [][]Facet
	hashes []tlog.Hash // as x/mod/sumdb/tlog stores them
	index  proof.Index
	// commit is the position of the commitment to the index; -1 before it.
	commit  int
	entries map[proof.Hash][]proof.IndexEntry
}

// zeros makes the same keys in every run.
type zeros byte

func (z zeros) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = byte(z)
	}
	return len(b), nil
}

func newLog(t testing.TB, seed byte) *log {
	t.Helper()
	skey, vkey, err := note.GenerateKey(zeros(seed), origin)
	if err != nil {
		t.Fatal(err)
	}
	l := &log{t: t, vkey: vkey, commit: -1, entries: make(map[proof.Hash][]proof.IndexEntry)}
	if l.signer, err = note.NewSigner(skey); err != nil {
		t.Fatal(err)
	}
	if l.keys, err = proof.NewKeys(vkey); err != nil {
		t.Fatal(err)
	}
	return l
}

// add appends an event; its facets have the contents given.
func (l *log) add(typ string, facets ...string) {
	l.t.Helper()
	at := len(l.leaves)
	b := proof.Body{
		ID: fmt.Sprint("e", at), Type: typ, Schema: 1, Source: "https://producer.example", Subject: [2]string{"agreement", "A11"},
		Time: 1767864600000000 + int64(at), Principal: "exchange-platform", Party: "D07", EffectiveFrom: -5,
		Producer: &proof.Producer{ID: "gateway", Seq: uint64(at)},
		Data:     append([]byte{0xa2, 0x61, 'n'}, 0x38, byte(30+at), 0x63, 'h', 'a', 'n', 0x66, 0xe6, 0xb1, 0x89, 0xe5, 0xad, 0x97),
		Names:    []proof.Name{{"entry", "DS23"}, {"dataset", "pg://x", "a\u2028<b>"}},
	}
	if strings.HasPrefix(typ, "ledger.") {
		b.Names = nil
	}
	var kept []Facet
	for i, text := range facets {
		salt := [32]byte{byte(at), byte(i)}
		b.Facets = append(b.Facets, proof.FacetRef{Name: fmt.Sprintf("f%d", i), MediaType: "text/plain", Commit: proof.CommitFacet(&salt, []byte(text))})
		kept = append(kept, Facet{Shown, proof.EncodeFacet(&salt, []byte(text))})
	}
	l.append(&b, kept)
}

// commitIndex appends a commitment to the index over all records.
func (l *log) commitIndex() {
	l.t.Helper()
	l.commit = len(l.leaves)
	root := l.index.Root()
	data := append([]byte{0xa3, 0x64}, "root"...)
	data = append(append(data, 0x58, 0x20), root[:]...)
	data = append(append(data, 0x64), "size"...)
	data = append(data, byte(l.commit), 0x69)
	data = append(append(data, "algorithm"...), 0x73)
	data = append(data, proof.IndexAlgorithm...)
	l.append(&proof.Body{
		ID: "commit", Type: proof.IndexCommittedType, Schema: 1, Source: "ledger:" + origin, Subject: [2]string{"ledger", "self"},
		Time: 1767864600000000, Principal: "ledger", Data: data,
	}, nil)
}

// append appends an event with facets.
func (l *log) append(b *proof.Body, kept []Facet) {
	l.t.Helper()
	at := len(l.leaves)
	body, err := b.Marshal()
	if err != nil {
		l.t.Fatal(err)
	}
	var salt [32]byte
	if !b.Public() {
		salt = proof.BodySalt([]byte("secret"), b.Source, b.ID)
	}
	leaf := proof.Leaf{Version: proof.LeafVersion, Position: uint64(at), Time: 1767864600000000 + int64(at)*1000, Keys: b.Keys(), Body: proof.CommitBody(&salt, body)}
	if at > 0 {
		leaf.Prev = proof.LeafHash(l.leaves[at-1])
	}
	encoded := leaf.Append(nil)
	more, err := tlog.StoredHashes(int64(at), encoded, l)
	if err != nil {
		l.t.Fatal(err)
	}
	l.hashes = append(l.hashes, more...)
	l.leaves, l.bodies = append(l.leaves, encoded), append(l.bodies, body)
	l.salts, l.facets = append(l.salts, salt), append(l.facets, kept)
	if l.commit >= 0 {
		return
	}
	if err := l.index.Add(&leaf, proof.LeafHash(encoded)); err != nil {
		l.t.Fatal(err)
	}
	for _, k := range leaf.Keys {
		l.entries[k] = append(l.entries[k], proof.IndexEntry{Position: int64(at), Time: leaf.Time, Leaf: proof.LeafHash(encoded)})
	}
}

// complete proves which records answer a question about one name.
func (l *log) complete(q proof.Question) *proof.Completeness {
	l.t.Helper()
	size, key := int64(len(l.leaves)), q.Names[0].Key()
	path, err := tlog.ProveRecord(size, int64(l.commit), l)
	if err != nil {
		l.t.Fatal(err)
	}
	p := &proof.Completeness{Question: q, Checkpoint: l.checkpoint(size)}
	p.Commit = proof.ProvenRecord{ProvenLeaf: proof.ProvenLeaf{Path: path, Leaf: l.leaves[l.commit]}, Body: l.bodies[l.commit]}
	log := l.entries[key]
	part, first, end, err := proof.ProvePart(l.index.Lookup(key), key, q.From, q.To, proof.KeyReader{
		Entry: func(i uint64) (proof.IndexEntry, error) { return log[i], nil },
		Subtree: func(level int, index uint64) (proof.Hash, error) {
			var sub proof.KeyLog
			for _, e := range log[index<<level : (index+1)<<level] {
				sub.Add(e.Hash())
			}
			return sub.Root(), nil
		},
	})
	if err != nil {
		l.t.Fatal(err)
	}
	p.Parts = []proof.CompletePart{part}
	for _, e := range log[first:end] {
		p.Records = append(p.Records, proof.ShownRecord{Leaf: l.leaves[e.Position], Body: l.bodies[e.Position], Salt: &l.salts[e.Position]})
	}
	return p
}

// ReadHashes makes the log a tlog.HashReader.
func (l *log) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, x := range indexes {
		out[i] = l.hashes[x]
	}
	return out, nil
}

func (l *log) checkpoint(size int64) []byte {
	l.t.Helper()
	root, err := tlog.TreeHash(size, l)
	if err != nil {
		l.t.Fatal(err)
	}
	signed, err := proof.Checkpoint{Origin: origin, Size: size, Root: root}.Sign(l.signer)
	if err != nil {
		l.t.Fatal(err)
	}
	return signed
}

func (l *log) record(at, size int64) Record {
	l.t.Helper()
	path, err := tlog.ProveRecord(size, at, l)
	if err != nil {
		l.t.Fatal(err)
	}
	return Record{
		Leaf: l.leaves[at], Body: l.bodies[at], Salt: l.salts[at], Facets: append([]Facet(nil), l.facets[at]...),
		Proof: proof.Inclusion{Position: at, Hashes: path, Checkpoint: l.checkpoint(size)},
	}
}

func (l *log) grown(from, to int64) proof.Consistency {
	l.t.Helper()
	path, err := tlog.ProveTree(to, from, l)
	if err != nil {
		l.t.Fatal(err)
	}
	return proof.Consistency{From: string(l.checkpoint(from)), To: string(l.checkpoint(to)), Hashes: path}
}

// story is a log with a bundle about it that has something of everything.
func story(t testing.TB, seed byte) (*log, *Bundle) {
	t.Helper()
	l := newLog(t, seed)
	for i := range 9 {
		switch i {
		case 0:
			l.add("ledger.genesis")
		case 3:
			l.add("quality.issue.reported", "free text\n\x7f\u2028\x01", "more")
		default:
			l.add("share.agreement.activated")
		}
	}
	b := &Bundle{
		Origin: origin, Made: time.Date(2026, 4, 2, 9, 0, 0, 7000, time.UTC), VerifierKey: l.vkey,
		Question:   Question{"events", "What happened to agreement <A11>?", "协议 A11 发生了什么？"},
		Checkpoint: l.checkpoint(9), Answer: []byte(`{"rows":[]}`),
		Consistency: []proof.Consistency{l.grown(4, 9), l.grown(9, 9)},
		Numbering:   []Numbering{{Principal: "exchange-platform", Producer: "gateway", Last: 8, Missing: []Run{{1, 2}, {5, 5}}, Unlisted: 1}, {Principal: "p", Producer: "<\u2028>", Last: 1, Missing: []Run{}}},
	}
	for _, at := range []int64{0, 3, 4, 7} {
		b.Records = append(b.Records, l.record(at, 9))
	}
	b.Records[1].Facets[1] = Facet{State: Erased}
	b.Records[3].Body, b.Records[3].Facets = nil, nil
	return l, b
}

// timeOf is when a record of a log was recorded.
func timeOf(at int64) int64 { return 1767864600000000 + at*1000 }

// window is a log with a bundle that is complete for what was recorded about the
// agreement from record 2 until before record 6.
func window(t testing.TB) (*log, *Bundle) {
	t.Helper()
	l, _ := story(t, 1)
	l.commitIndex()
	l.add("share.agreement.terminated") // not covered
	size := int64(len(l.leaves))
	b := &Bundle{
		Origin: origin, Made: time.Date(2026, 4, 2, 9, 0, 0, 0, time.UTC), VerifierKey: l.vkey,
		Question: Question{"subject", "Everything about A11.", "关于 A11 的全部事项。"}, Checkpoint: l.checkpoint(size),
		Completeness: l.complete(proof.Question{Names: []proof.Name{{"subject", "agreement", "A11"}}, From: timeOf(2), To: timeOf(6)}),
	}
	for at := int64(2); at < 6; at++ {
		b.Records = append(b.Records, l.record(at, size))
	}
	return l, b
}

func (b *Bundle) mustPack(t testing.TB, s ...note.Signer) []byte {
	t.Helper()
	out, err := b.Pack(s...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}
