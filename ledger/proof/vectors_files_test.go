package proof

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"
)

func TestVectors(t *testing.T) {
	for name, write := range map[string]func(*testing.T, string){
		"key.txt": keyVectors, "leaf.txt": leafVectors, "body.txt": bodyVectors, "commit.txt": commitVectors,
		"facet.txt": facetVectors, "checkpoint.txt": checkpointVectors, "inclusion.txt": inclusionVectors,
		"consistency.txt": consistencyVectors, "receipt.txt": receiptVectors, "slot.txt": slotVectors,
		"bundle.txt": bundleVectors, "accumulated.txt": accumulatedVectors,
		"signature.txt": signatureVectors, "keychange.txt": keyChangeVectors, "fork.txt": forkVectors,
		"index.txt": indexVectors, "completeness.txt": completenessVectors,
	} {
		t.Run(name, func(t *testing.T) { write(t, name) })
	}
}

func keyVectors(t *testing.T, file string) {
	f := newVectorFile(t, "Keys: name is [kind, parts…], key its hash.")
	for _, n := range []Name{
		{KindType, "catalog.entry.published"},
		{KindSubject, "entry", "traffic-accidents"},
		{KindEntry, "traffic-accidents"},
		{KindDataset, "postgres://db:5432", "traffic.public.accidents"},
		{KindParty, "party:transport"},
		{KindAgreement, "agreement-2026-017"},
		{KindPrincipal, "principal:catalog"},
		{KindDataset, "hdfs://name", "/数据/道路"},
		{KindEntry, ""},
		{KindEntry, strings.Repeat("long ", 60)},
	} {
		f.vector("name", n, "key", n.Key())
	}
	f.finish(file)
}

func leafVectors(t *testing.T, file string) {
	f := newVectorFile(t, "Leaves: the fields, the bytes that are hashed, and their hash.")
	r := rand.New(rand.NewPCG(7, 8))
	for i, at := range []uint64{0, 1, 23, 24, 255, 256, 65535, 65536, 1<<32 - 1, 1 << 32, 1<<63 - 1} {
		l := randomLeaf(r, i)
		l.Position = at
		enc := l.Append(nil)
		f.vector("version", l.Version, "position", l.Position, "prev", l.Prev, "time", l.Time,
			"key", l.Keys, "body", l.Body, "leaf", enc, "leaf_hash", LeafHash(enc))
	}
	l := Leaf{Version: 1, Keys: []Hash{{1}, {2}}}
	good := l.Append(nil)
	for _, bad := range []struct {
		why string
		b   []byte
	}{
		{"version 2", replaced(good, "\x86\x01", "\x86\x02")},
		{"position not in its shortest form", replaced(good, "\x86\x01\x00", "\x86\x01\x18\x00")},
		{"position above 2^63-1", replaced(good, "\x86\x01\x00", "\x86\x01\x1b\x80\x00\x00\x00\x00\x00\x00\x00")},
		{"keys not in order", replaced(good, "\x58\x20\x01", "\x58\x20\x03")},
		{"key repeated", replaced(good, "\x58\x20\x02", "\x58\x20\x01")},
		{"seven fields", append(replaced(good, "\x86", "\x87"), 0)},
		{"a byte follows", append(bytes.Clone(good), 0)},
		{"cut short", good[:len(good)-1]},
		{"time negative", replaced(good, "\x00\x82\x58", "\x20\x82\x58")},
	} {
		_, err := ParseLeaf(bad.b)
		f.reject(bad.why, bad.b, err)
	}
	f.finish(file)
}

func replaced(b []byte, from, to string) []byte {
	return []byte(strings.Replace(string(b), from, to, 1))
}

func bodyVectors(t *testing.T, file string) {
	f := newVectorFile(t, "Bodies: the fields by label (bytes are shown as {\"hex\": …}), the body's bytes, the record's\n"+
		"keys in order, the view of the data as JSON, and the commitment under the salt, which is\n"+
		"derived from secret, source and id, or zero for a type beginning with \"ledger.\".")
	secret := []byte("book secret")
	continued := leastBody()
	continued.Type = ContinuedType
	continued.Data = (&Continuation{ID: "9", Source: "urn:x", Part: 2, Keys: []Hash{{1}, {2}}}).Data()
	early := fullBody()
	early.Time, early.ExpectedVersion, early.Facets = -1, uintp(24), nil
	for _, b := range []*Body{fullBody(), leastBody(), continued, early} {
		enc, err := b.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		var salt [32]byte
		if !b.Public() {
			salt = BodySalt(secret, b.Source, b.ID)
		}
		view, err := ViewJSON(b.Data)
		if err != nil {
			t.Fatal(err)
		}
		f.vector("fields", labelled(t, enc), "body", enc, "key", b.Keys(), "view", json.RawMessage(view),
			"secret", secret, "salt", salt, "commit", CommitBody(&salt, enc))
	}
	good := must(leastBody().Marshal())
	reject := func(why string, b []byte) {
		t.Helper()
		_, err := ParseBody(b)
		f.reject(why, b, err)
	}
	for _, r := range rejectedData {
		reject("data: "+r.why, append(good[:len(good)-1:len(good)-1], must(hex.DecodeString(r.hex))...))
	}
	more := func(extra string) []byte {
		return append([]byte{good[0] + 1}, append(bytes.Clone(good[1:]), extra...)...)
	}
	reject("unknown label 25", more("\x18\x19\x00"))
	reject("label 21 repeated", more("\x15\xa0"))
	reject("labels not in order", more("\x0a\x61a"))
	reject("facets written but empty", more("\x16\x80"))
	reject("names written but empty", more("\x18\x18\x80"))
	reject("name of an unknown kind", more("\x18\x18\x81\x82\x66person\x61a"))
	reject("name without a part", more("\x18\x18\x81\x81\x65entry"))
	reject("name twice", more("\x18\x18\x82\x82\x65entry\x61a\x82\x65entry\x61a"))
	reject("type missing", append([]byte{good[0] - 1}, replaced(good[1:], "\x02\x6eledger.genesis", "")...))
	reject("data not a map", append(good[:len(good)-1:len(good)-1], 0x80))
	reject("empty id", replaced(good, "\x01\x611", "\x01\x60"))
	f.finish(file)
}

func commitVectors(t *testing.T, file string) {
	f := newVectorFile(t, "Commitments, salts and ids. Each vector has the inputs and one output: body_commit and\n"+
		"facet_commit of salt and bytes; body_salt of secret, source and id; openlineage_id of secret\n"+
		"and bytes; genesis_prev of bytes; owner_digest of secret and the owner as bytes.")
	salt, secret := [32]byte{0xaa, 31: 0xbb}, bytes.Repeat([]byte{0x5e}, 32)
	for _, b := range [][]byte{{}, []byte("bytes"), bytes.Repeat([]byte("long "), 400)} {
		f.vector("salt", salt, "bytes", b, "body_commit", CommitBody(&salt, b))
		f.vector("salt", salt, "bytes", b, "facet_commit", CommitFacet(&salt, b))
		id := must(hex.DecodeString(OpenLineageID(secret, b)))
		f.vector("secret", secret, "bytes", b, "openlineage_id", id)
		f.vector("bytes", b, "genesis_prev", GenesisPrev(b))
		f.vector("secret", secret, "bytes", b, "owner_digest", OwnerDigest(secret, string(b)))
	}
	for _, e := range [][2]string{{"https://producer.example", "1"}, {"a", "bc"}, {"ab", "c"}, {"", ""}} {
		f.vector("secret", secret, "source", e[0], "id", e[1], "body_salt", BodySalt(secret, e[0], e[1]))
	}
	f.finish(file)
}

func facetVectors(t *testing.T, file string) {
	f := newVectorFile(t, "Facets: the commitment, the plain form, and the sealed form with the key derived for it.")
	owner, salt := [32]byte{0: 1, 31: 2}, [32]byte{0: 3, 31: 4}
	for _, b := range [][]byte{{}, []byte("自由文本"), bytes.Repeat([]byte{'x'}, 300)} {
		const source, id, name, nonce = "https://producer.example", "event-7", "remark", "twelve bytes"
		sealed, err := SealFacet(&owner, source, id, name, &salt, b, strings.NewReader(nonce))
		if err != nil {
			t.Fatal(err)
		}
		f.vector("source", source, "id", id, "name", name, "salt", salt, "bytes", b, "plain", EncodeFacet(&salt, b),
			"commit", CommitFacet(&salt, b), "owner_key", owner, "facet_key", must(facetKey(&owner, source, id, name)),
			"nonce", []byte(nonce), "sealed", sealed)
	}
	good := EncodeFacet(&salt, []byte("b"))
	for _, bad := range []struct {
		why string
		b   []byte
	}{
		{"cut short", good[:len(good)-1]},
		{"a byte follows", append(bytes.Clone(good), 0)},
		{"length not in its shortest form", replaced(good, "\x41b", "\x58\x01b")},
		{"salt of 31 bytes", replaced(good, "\x58\x20\x03", "\x58\x1f")},
		{"text instead of bytes", replaced(good, "\x41b", "\x61b")},
	} {
		_, _, err := DecodeFacet(bad.b)
		f.reject(bad.why, bad.b, err)
	}
	f.finish(file)
}

func checkpointVectors(t *testing.T, file string) {
	f := newVectorFile(t, "Checkpoints: the signed note, and the key that must have signed it.")
	l, vkey := newTestLog(t, 3), vectorKey(t)
	witness, _ := testKey(t, "witness.example/w1", 9)
	for size := range 4 {
		c := l.checkpoint(size)
		f.vector("vkey", vkey, "origin", testOrigin, "signed", string(must(c.Sign(l.signer, witness))), "size", c.Size, "root", c.Root)
	}
	text := l.checkpoint(3).Text()
	root := strings.Split(text, "\n")[2]
	reject := func(why, signed string) {
		t.Helper()
		f.field("vkey", vkey)
		f.field("origin", testOrigin)
		_, err := OpenCheckpoint([]byte(signed), testOrigin, l.verifier)
		f.reject(why, signed, err)
	}
	sign := func(text string, s note.Signer) string { return string(must(note.Sign(&note.Note{Text: text}, s))) }
	other, _ := testKey(t, testOrigin, 8)
	reject("signed by a witness only", sign(text, witness))
	reject("signed by another key of that name", sign(text, other))
	reject("of another log", sign(strings.Replace(text, testOrigin, "ledger.example/other", 1), l.signer))
	reject("extension line", sign(text+"more\n", l.signer))
	reject("leading zero", sign(strings.Replace(text, "\n3\n", "\n03\n", 1), l.signer))
	reject("size above 2^63-1", sign(strings.Replace(text, "\n3\n", "\n9223372036854775808\n", 1), l.signer))
	reject("stray bits in the root", sign(strings.Replace(text, root, root[:42]+string(root[42]+1)+"=", 1), l.signer))
	reject("root of an empty log that is not SHA-256 of nothing", sign(strings.Replace(text, "\n3\n", "\n0\n", 1), l.signer))
	reject("changed after signing", strings.Replace(sign(text, l.signer), "\n3\n", "\n4\n", 1))
	reject("no signature", text+"\n")
	f.finish(file)
}

// vectorKey returns the verifier key of a testLog.
func vectorKey(t *testing.T) string {
	vkey, err := note.NewEd25519VerifierKey(testOrigin, testPrivate(7).Public().(ed25519.PublicKey))
	if err != nil {
		t.Fatal(err)
	}
	return vkey
}

func inclusionVectors(t *testing.T, file string) {
	f := newVectorFile(t, "Inclusion proofs: the leaf, its hash, and the proof's text for a log of origin and vkey.")
	l, vkey := newTestLog(t, 70), vectorKey(t)
	for _, c := range [][2]int{{0, 1}, {0, 2}, {1, 2}, {2, 3}, {6, 7}, {6, 11}, {31, 32}, {64, 65}, {0, 70}, {69, 70}, {42, 70}} {
		f.vector("vkey", vkey, "origin", testOrigin, "leaf", l.leaves[c[0]], "proof", string(l.inclusion(c[0], c[1]).Marshal()),
			"leaf_hash", LeafHash(l.leaves[c[0]]))
	}
	text := string(l.inclusion(6, 11).Marshal())
	lines := strings.SplitAfter(text, "\n")
	for _, bad := range []struct{ why, text string }{
		{"extra line", strings.Replace(text, "index", "extra AAAA\nindex", 1)},
		{"other position", strings.Replace(text, "index 6", "index 7", 1)},
		{"position beyond the log", strings.Replace(text, "index 6", "index 11", 1)},
		{"one hash missing", strings.Replace(text, lines[2], "", 1)},
		{"one hash twice", strings.Replace(text, lines[2], lines[2]+lines[2], 1)},
		{"hashes in wrong order", strings.Replace(text, lines[2]+lines[3], lines[3]+lines[2], 1)},
		{"leading zero", strings.Replace(text, "index 6", "index 06", 1)},
		{"unknown version", strings.Replace(text, "@v1", "@v2", 1)},
	} {
		p, err := ParseInclusion([]byte(bad.text))
		if err == nil {
			_, err = p.Check(LeafHash(l.leaves[6]), testOrigin, l.verifier)
		}
		f.field("vkey", vkey)
		f.field("origin", testOrigin)
		f.field("leaf", l.leaves[6])
		f.reject(bad.why, bad.text, err)
	}
	f.finish(file)
}

func consistencyVectors(t *testing.T, file string) {
	f := newVectorFile(t, "Consistency proofs as JSON, and the sizes and the later root they are about.")
	l, vkey := newTestLog(t, 70), vectorKey(t)
	for _, c := range [][2]int{{0, 0}, {0, 5}, {1, 1}, {1, 2}, {2, 3}, {3, 7}, {4, 8}, {6, 70}, {64, 70}, {65, 70}, {69, 70}} {
		f.vector("vkey", vkey, "origin", testOrigin, "from", c[0], "to", c[1], "proof", l.consistency(c[0], c[1]),
			"root", l.checkpoint(c[1]).Root)
	}
	good := l.consistency(3, 7)
	fork := newTestLog(t, 2)
	fork.tree.AppendData([]byte("another history"))
	for _, bad := range []struct {
		why string
		c   Consistency
	}{
		{"other hashes", Consistency{From: good.From, To: good.To, Hashes: l.consistency(4, 7).Hashes}},
		{"one hash missing", Consistency{From: good.From, To: good.To, Hashes: good.Hashes[1:]}},
		{"one hash too many", Consistency{From: good.From, To: good.To, Hashes: append(good.Hashes, Hash{})}},
		{"from later to earlier", Consistency{From: good.To, To: good.From, Hashes: good.Hashes}},
		{"two logs of one size", Consistency{From: string(l.signed(3)), To: string(fork.signed(3))}},
		{"from another history", Consistency{From: string(fork.signed(3)), To: good.To, Hashes: good.Hashes}},
	} {
		_, _, err := bad.c.Check(testOrigin, l.verifier)
		f.field("vkey", vkey)
		f.field("origin", testOrigin)
		f.reject(bad.why, bad.c, err)
	}
	f.finish(file)
}

func receiptVectors(t *testing.T, file string) {
	f := newVectorFile(t, "Receipts as JSON, with the leaf they are for; time_us is the time in microseconds.")
	l, vkey := newTestLog(t, 9), vectorKey(t)
	for _, at := range []int{0, 7, 8} {
		leaf, err := ParseLeaf(l.leaves[at])
		if err != nil {
			t.Fatal(err)
		}
		r := Receipt{ID: "事件 7", Source: "https://producer.example", Position: int64(at), Time: leaf.Time,
			LeafHash: LeafHash(l.leaves[at]), Checkpoint: string(l.signed(9))}
		f.vector("vkey", vkey, "origin", testOrigin, "receipt", r, "time_us", leaf.Time, "leaf", l.leaves[at])
	}
	f.finish(file)
}

func slotVectors(t *testing.T, file string) {
	f := newVectorFile(t, "Slots of the head witness file. used is the slot without the zero bytes that follow up to 4096,\n"+
		"offset where the slot stands in the file.")
	l := newTestLog(t, 2)
	for _, seq := range []uint64{0, 1, 1<<64 - 1} {
		checkpoint := l.signed(2)
		slot := must(EncodeSlot(seq, checkpoint))
		f.vector("seq", seq, "checkpoint", string(checkpoint), "offset", SlotOffset(seq), "used", slot[:slotHead+len(checkpoint)])
	}
	good := must(EncodeSlot(5, []byte("c\n")))
	for _, bad := range []struct {
		why string
		at  int
	}{{"other length", 3}, {"other hash", 4}, {"other sequence number", 43}, {"other checkpoint", 44}, {"padding not zero", 46}} {
		slot := bytes.Clone(good)
		slot[bad.at] ^= 1
		_, _, ok := DecodeSlots(slot)
		var err error
		if !ok {
			err = errTruncated
		}
		f.reject(bad.why, slot[:47], err)
	}
	f.finish(file)
}

func bundleVectors(t *testing.T, file string) {
	f := newVectorFile(t, "Entry bundles: the leaves and their bundle.")
	l := newTestLog(t, 3)
	var bundle []byte
	for _, leaf := range l.leaves {
		bundle = AppendEntry(bundle, leaf)
	}
	f.vector("leaf", l.leaves, "bundle", bundle)
	_, err := SplitBundle(bundle[:len(bundle)-1])
	f.reject("cut short", bundle[:len(bundle)-1], err)
	_, err = SplitBundle(append(bytes.Clone(bundle), 0))
	f.reject("half a length", append(bytes.Clone(bundle), 0), err)
	f.finish(file)
}
