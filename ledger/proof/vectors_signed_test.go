package proof

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"testing"

	"golang.org/x/mod/sumdb/note"
)

func signatureVectors(t *testing.T, file string) {
	f := newVectorFile(t, "Producers' signatures: body is a signed body, claim what was signed of it, key the\npublic key. seed and facet_salt: the salt of the facet of that name.")
	private := testPrivate(5)
	key := private.Public().(ed25519.PublicKey)
	sign := func(b *Body) []byte {
		b.Signature = nil
		b.Signature = SignClaim(must(Claim(must(b.Marshal()))), private)
		return must(b.Marshal())
	}
	small := func() *Body {
		return &Body{ID: "1", Type: "quality.issue.reported", Schema: 1, Source: "/d", Subject: [2]string{"issue", "Q1"}, Time: 5, Principal: "p", Party: "D01", Data: []byte{0xa1, 0x61, 'n', 0x01}}
	}
	large := small()
	large.Names, large.Trace, large.Actor, large.OnBehalfOf = []Name{{KindEntry, "E1"}}, "00-1", "a", "D02"
	large.Producer, large.EffectiveFrom, large.Grade, large.Imported = &Producer{ID: "gateway", Seq: 7}, -1, "core", true
	salt := FacetSalt([]byte("seed"), "description")
	large.Facets = []FacetRef{{Name: "description", MediaType: "text/plain", Commit: CommitFacet(&salt, []byte("text"))}}
	for _, b := range []*Body{small(), large} {
		signed := sign(b)
		by, err := CheckSignature(signed)
		if err != nil || !by.Equal(key) {
			t.Fatal(err)
		}
		f.vector("body", signed, "claim", must(Claim(signed)), "key", []byte(key))
	}
	f.vector("seed", []byte("seed"), "name", "description", "facet_salt", salt)
	for _, bad := range []struct {
		why   string
		spoil func(*Body)
	}{
		{"other data", func(b *Body) { b.Data = []byte{0xa1, 0x61, 'n', 0x02} }},
		{"another party", func(b *Body) { b.Party = "D02" }},
		{"another facet", func(b *Body) { b.Facets = []FacetRef{{Name: "x", Commit: Hash{1}}} }},
		{"a damaged signature", func(b *Body) { b.Signature[len(b.Signature)-1] ^= 1 }},
		{"a signature cut off", func(b *Body) { b.Signature = b.Signature[:len(b.Signature)-1] }},
		{"another key", func(b *Body) { copy(b.Signature[9:], testPrivate(6).Public().(ed25519.PublicKey)) }},
		{"no signature", func(b *Body) { b.Signature = nil }},
		{"another algorithm", func(b *Body) { b.Signature[5] = 0x26 }},
		{"something in the unprotected header", func(b *Body) {
			b.Signature = bytes.Replace(b.Signature, []byte{0xa0, 0xf6}, []byte{0xa1, 0x01, 0x01, 0xf6}, 1)
		}},
		{"the payload attached", func(b *Body) { b.Signature = bytes.Replace(b.Signature, []byte{0xa0, 0xf6}, []byte{0xa0, 0x40}, 1) }},
	} {
		b := small()
		sign(b)
		bad.spoil(b)
		encoded := must(b.Marshal())
		_, err := CheckSignature(encoded)
		f.reject(bad.why, encoded, err)
	}
	f.finish(file)
}

func keyChangeVectors(t *testing.T, file string) {
	f := newVectorFile(t, "Changes of a log's key: trusted is the key that a checker has, change the notes in\ntheir order; a head of some sizes, root that of the last, is signed by each key, and accepted says which count.")
	signers, vkeys := make([]note.Signer, 3), make([]string, 3)
	for i := range signers {
		signers[i], _ = testKey(t, testOrigin, byte(20+i))
		vkeys[i] = must(note.NewEd25519VerifierKey(testOrigin, testPrivate(byte(20+i)).Public().(ed25519.PublicKey)))
	}
	change := func(what string, old int, size int64) string {
		return string(must(KeyChange{Origin: testOrigin, What: what, Old: vkeys[old], New: vkeys[old+1], Size: size}.Sign(signers[old], signers[old+1])))
	}
	all := []string{change(KeyAdded, 0, 0), change(KeyRetired, 0, 2), change(KeyAdded, 1, 0), change(KeyRetired, 1, 4)}
	l := newTestLog(t, 5)
	for trusted := range vkeys {
		for n := range len(all) + 1 {
			keys, err := NewKeys(vkeys[trusted])
			if err != nil {
				t.Fatal(err)
			}
			var changes [][]byte
			for _, c := range all[:n] {
				changes = append(changes, []byte(c))
			}
			if keys, err = keys.Change(changes...); err != nil {
				t.Fatal(err)
			}
			f.field("origin", testOrigin)
			f.field("trusted", vkeys[trusted])
			for _, c := range all[:n] {
				f.field("change", c)
			}
			for _, size := range []int{2, 3, 5} {
				for _, s := range signers {
					signed := must(l.checkpoint(size).Sign(s))
					_, err := OpenCheckpoint(signed, testOrigin, keys)
					f.field("head", string(signed))
					f.field("accepted", err == nil)
				}
			}
			f.vector("root", l.checkpoint(5).Root)
		}
	}
	text := KeyChange{Origin: testOrigin, What: KeyAdded, Old: vkeys[0], New: vkeys[1]}.Text()
	sign := func(text string, by ...note.Signer) string {
		return string(must(note.Sign(&note.Note{Text: text}, by...)))
	}
	for _, bad := range []struct{ why, signed string }{
		{"signed by the old key only", sign(text, signers[0])},
		{"signed by the new key only", sign(text, signers[1])},
		{"signed by a third", sign(text, signers[0], signers[2])},
		{"a line more", sign(text+"5\n", signers[0], signers[1])},
		{"of another log", sign("ledgerline/key-change/v1\nledger.example/other\nadded\n"+vkeys[0]+"\n"+vkeys[1]+"\n", signers[0], signers[1])},
		{"of another kind", sign("ledgerline/key-change/v1\n"+testOrigin+"\nlost\n"+vkeys[0]+"\n"+vkeys[1]+"\n", signers[0], signers[1])},
		{"retired without a size", sign("ledgerline/key-change/v1\n"+testOrigin+"\nretired\n"+vkeys[0]+"\n"+vkeys[1]+"\n", signers[0], signers[1])},
		{"retired at nothing", sign("ledgerline/key-change/v1\n"+testOrigin+"\nretired\n"+vkeys[0]+"\n"+vkeys[1]+"\n0\n", signers[0], signers[1])},
		{"a leading zero", sign("ledgerline/key-change/v1\n"+testOrigin+"\nretired\n"+vkeys[0]+"\n"+vkeys[1]+"\n02\n", signers[0], signers[1])},
		{"another format", sign("ledgerline/key-change/v2\n"+testOrigin+"\nadded\n"+vkeys[0]+"\n"+vkeys[1]+"\n", signers[0], signers[1])},
	} {
		_, err := OpenKeyChange([]byte(bad.signed))
		f.reject(bad.why, bad.signed, err)
	}
	f.finish(file)
}

func forkVectors(t *testing.T, file string) {
	f := newVectorFile(t, "Forks: proof shows that a log has signed two histories.")
	one, vkey := newTestLog(t, 6), vectorKey(t)
	two := newTestLog(t, 3)
	for i := range 3 {
		two.tree.AppendData([]byte{byte(i)})
	}
	at := func(older, newer int) Fork {
		c := two.consistency(older, newer)
		return Fork{Older: string(must(one.checkpoint(older).Sign(one.signer))), Newer: c.To, Root: two.checkpoint(older).Root, Hashes: c.Hashes}
	}
	fields := func() {
		f.field("vkey", vkey)
		f.field("origin", testOrigin)
	}
	for older := 4; older <= 6; older++ {
		for newer := older; newer <= 6; newer++ {
			fields()
			p := at(older, newer)
			if _, _, err := p.Check(testOrigin, one.verifier); err != nil {
				t.Fatal(err)
			}
			f.vector("proof", json.RawMessage(must(p.MarshalJSON())), "older", older, "newer", newer, "root", two.checkpoint(newer).Root)
		}
	}
	lied := at(4, 6)
	lied.Root[0] ^= 1
	backwards := at(5, 6)
	backwards.Older, backwards.Newer = backwards.Newer, backwards.Older
	unsigned := at(4, 6)
	unsigned.Older = unsigned.Older[:len(unsigned.Older)-8] + "AAAAAA=\n"
	short := at(5, 6)
	short.Hashes = short.Hashes[1:]
	for _, bad := range []struct {
		why string
		f   Fork
	}{{"one history", at(3, 6)}, {"one head", at(2, 2)}, {"a root that nobody signed", lied}, {"the newer first", backwards}, {"not signed", unsigned}, {"a hash too few", short}} {
		fields()
		_, _, err := bad.f.Check(testOrigin, one.verifier)
		f.reject(bad.why, json.RawMessage(must(bad.f.MarshalJSON())), err)
	}
	f.finish(file)
}
