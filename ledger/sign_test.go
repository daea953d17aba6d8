package ledger

import (
	"bytes"
	"crypto/ed25519"
	"testing"

	"ledgerline/events"
	"ledgerline/ledger/proof"
)

// A signingKey is a producer's.
type signingKey struct{ ed25519.PrivateKey }

func newSigningKey(t testing.TB) signingKey {
	t.Helper()
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	return signingKey{key}
}

func (k signingKey) public() []byte { return k.Public().(ed25519.PublicKey) }

// sign signs an event in the name of P001.
func (k signingKey) sign(t testing.TB, ev events.Event) events.Event {
	t.Helper()
	ev.Party = "P001"
	if err := Sign(&ev, k.PrivateKey); err != nil {
		t.Fatal(err)
	}
	return ev
}

func registering(id string, key []byte) events.Event {
	return event(id, "party.key.registered", &events.PartyKeyRegistered{Party: "P001", Key: key})
}

// TestSignedEvents: a signature is checked by the key that the party has registered,
// stands in the record for others to check, and survives an erasure.
func TestSignedEvents(t *testing.T) {
	tl := newTestLog(t, Options{})
	key, second, stranger := newSigningKey(t), newSigningKey(t), newSigningKey(t)
	tl.append(party(1), registering("k1", key.public()))
	at := func(ev events.Event) int64 {
		t.Helper()
		r, err := tl.Append(ctx, ev)
		if err != nil {
			t.Fatal(err)
		}
		return r[0].Position
	}
	refuse := func(name, rule string, ev events.Event) {
		t.Helper()
		_, err := tl.Append(ctx, ev)
		if r, ok := err.(*events.Refusal); !ok || r.Rule != rule || r.Detail == "" || r.Fix == "" {
			t.Errorf("%s: %v; want a refusal by %s", name, err, rule)
		}
	}
	signed := key.sign(t, access("a1", "person-a"))
	p := at(signed)
	record, err := tl.Record(p)
	if err != nil {
		t.Fatal(err)
	}
	by, err := proof.CheckSignature(record.Body)
	if err != nil || !bytes.Equal(by, key.public()) {
		t.Fatalf("the record is signed by %x, %v", by, err)
	}
	if r, err := tl.Append(ctx, key.sign(t, access("a1", "person-a"))); err != nil || !r[0].Repeated {
		t.Errorf("signed again, over other salts: %+v, %v", r, err)
	}
	if _, err := tl.Erase(ctx, Erasure{ID: "1", Principal: "officer", Owner: "person-a", Ground: "x"}); err != nil {
		t.Fatal(err)
	}
	if record, err = tl.Record(p); err != nil {
		t.Fatal(err)
	}
	if _, err := proof.CheckSignature(record.Body); err != nil {
		t.Errorf("after the erasure: %v", err)
	}

	refuse("a stranger's key", "signature.key", stranger.sign(t, access("a2", "")))
	changed := key.sign(t, access("a3", ""))
	changed.Correlation = "another case"
	refuse("changed after signing", "signature.wrong", changed)
	data := key.sign(t, access("a4", ""))
	data.Data.(*events.AccessRecorded).RowCount++
	refuse("other data", "signature.wrong", data)
	facet := key.sign(t, access("a5", ""))
	facet.Facets[0].Bytes = []byte(`"other"`)
	refuse("another facet", "signature.wrong", facet)
	saltless := key.sign(t, access("a6", ""))
	saltless.FacetSalt = nil
	refuse("without the salts", "signature.salt", saltless)
	nobody := key.sign(t, access("a7", ""))
	nobody.Party = ""
	refuse("in nobody's name", "signature.party", nobody)
	garbage := key.sign(t, access("a8", ""))
	garbage.Signature = garbage.Signature[1:]
	refuse("garbage", "signature.wrong", garbage)

	at(key.sign(t, event("rot", "party.key.rotated", &events.PartyKeyRotated{Party: "P001", Old: key.public(), New: second.public()})))
	refuse("the old key", "signature.key", key.sign(t, access("a9", "")))
	at(second.sign(t, access("a10", "")))
	inName := access("a11", "")
	inName.Party = "P001"
	at(inName) // unsigned, which is still allowed
	at(second.sign(t, event("req", "party.signing.required", &events.PartySigningRequired{Party: "P001", Required: true})))
	again := access("a12", "")
	again.Party = "P001"
	refuse("unsigned", "signature.required", again)
	at(access("a13", "")) // in nobody's name
	tl.reopen()
	refuse("unsigned, after a restart", "signature.required", again)
	batch := []events.Event{second.sign(t, event("lost", "party.key.compromised", &events.PartyKeyCompromised{Party: "P001", Key: second.public()})), second.sign(t, access("a14", ""))}
	if _, err := tl.Append(ctx, batch...); err == nil {
		t.Error("a key signed after it was compromised, in one batch")
	}
	tl.model.partial = true
	tl.check()
	tl.verify()
}

// TestClaimCoversAll: whatever a producer can set is covered by its signature, and
// what the ledger sets is not.
func TestClaimCoversAll(t *testing.T) {
	key := newSigningKey(t)
	body := &proof.Body{
		ID: "1", Type: "t", Schema: 1, Source: "s", Subject: [2]string{"k", "i"}, Time: 5, Principal: "p", Party: "P001", Data: []byte{0xa1, 0x61, 'a', 1},
	}
	enc := func() []byte {
		t.Helper()
		b, err := body.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	claim, err := proof.Claim(enc())
	if err != nil {
		t.Fatal(err)
	}
	body.Signature = proof.SignClaim(claim, key.PrivateKey)
	version := uint64(3)
	for name, change := range map[string]func(b *proof.Body){
		"id": func(b *proof.Body) { b.ID = "2" }, "type": func(b *proof.Body) { b.Type = "u" }, "schema": func(b *proof.Body) { b.Schema = 2 },
		"source": func(b *proof.Body) { b.Source = "x" }, "subject": func(b *proof.Body) { b.Subject[1] = "j" }, "time": func(b *proof.Body) { b.Time = 6 },
		"from": func(b *proof.Body) { b.EffectiveFrom = 6 }, "to": func(b *proof.Body) { b.EffectiveTo = 6 }, "actor": func(b *proof.Body) { b.Actor = "a" },
		"party": func(b *proof.Body) { b.Party = "P002" }, "behalf": func(b *proof.Body) { b.OnBehalfOf = "a" }, "producer": func(b *proof.Body) { b.Producer = &proof.Producer{ID: "p", Seq: 1} },
		"correlation": func(b *proof.Body) { b.Correlation = "c" }, "causation": func(b *proof.Body) { b.Causation = "c" }, "version": func(b *proof.Body) { b.ExpectedVersion = &version },
		"grade": func(b *proof.Body) { b.Grade = "g" }, "retention": func(b *proof.Body) { b.Retention = "r" }, "imported": func(b *proof.Body) { b.Imported = true },
		"data": func(b *proof.Body) { b.Data = []byte{0xa0} }, "facets": func(b *proof.Body) { b.Facets = []proof.FacetRef{{Name: "f"}} },
	} {
		was := *body
		change(body)
		if _, err := proof.CheckSignature(enc()); err == nil {
			t.Errorf("the signature does not cover the %s", name)
		}
		*body = was
	}
	body.Principal, body.Trace, body.Names = "q", "t", []proof.Name{{"party", "P001"}}
	if _, err := proof.CheckSignature(enc()); err != nil {
		t.Errorf("the signature covers what the ledger sets: %v", err)
	}
	for i := range body.Signature {
		body.Signature[i] ^= 1
		if _, err := proof.CheckSignature(enc()); err == nil {
			t.Errorf("byte %d of the signature can be changed", i)
		}
		body.Signature[i] ^= 1
	}
}
