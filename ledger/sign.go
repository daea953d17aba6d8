package ledger

import (
	"crypto/ed25519"
	"crypto/rand"
	"fmt"

	"ledgerline/events"
	"ledgerline/ledger/proof"
)

// Sign signs an event with a key of its party, as a producer does before it sends
// the event. It splits the event, draws the seed of the facets' salts unless the
// event has one, and sets the signature. The event must not be changed after.
func Sign(ev *events.Event, key ed25519.PrivateKey) error {
	if ev.Party == "" {
		return &events.Refusal{Rule: "signature.party", Class: events.Malformed, Field: "/party",
			Detail: "the event does not say in whose name it speaks", Fix: "set the attribute party"}
	}
	if err := ev.Split(); err != nil {
		return err
	}
	if len(ev.FacetSalt) == 0 && len(ev.Facets) > 0 {
		ev.FacetSalt = make([]byte, 32)
		rand.Read(ev.FacetSalt) // never fails, by its contract
	}
	ev.Signature = nil
	body := bodyOf(ev)
	body.Principal = "nobody" // who will send it is not part of the claim
	for i := range ev.Facets {
		f := &ev.Facets[i]
		salt := saltOf(ev, f)
		body.Facets = append(body.Facets, proof.FacetRef{Name: f.Name, MediaType: f.MediaType, Owner: f.Owner, Commit: proof.CommitFacet(&salt, f.Bytes)})
	}
	enc, err := body.MarshalData(ev.Data)
	if err != nil {
		return fmt.Errorf("encoding a %s: %w", ev.Type, err)
	}
	claim, err := proof.Claim(enc)
	if err != nil {
		return err
	}
	ev.Signature = proof.SignClaim(claim, key)
	return nil
}

// checkSignature checks a signature by itself; whose key it is, the sequencer asks.
func (d *draft) checkSignature() (err error) {
	if len(d.body.Signature) == 0 {
		return nil
	}
	if d.event.Party == "" {
		return &events.Refusal{Rule: "signature.party", Class: events.Malformed, Field: "/party",
			Detail: "the event is signed and does not say in whose name it speaks", Fix: "set the attribute party before signing"}
	}
	if len(d.event.Facets) > 0 && len(d.event.FacetSalt) == 0 {
		return &events.Refusal{Rule: "signature.salt", Class: events.Malformed, Field: "/facetsalt",
			Detail: "the event is signed and has facets, and their salts are not known", Fix: "send the seed of the salts that were signed, as the attribute facetsalt"}
	}
	if d.signer, err = proof.CheckSignature(d.bytes); err != nil {
		return &events.Refusal{Rule: "signature.wrong", Class: events.Malformed, Field: "/signature",
			Detail: err.Error(), Fix: "sign the event as it is sent, with every attribute but traceparent; see docs/format.md"}
	}
	return nil
}

// checkSigner asks whether the key belongs to the party, or whether the party wants
// its events signed.
func (l *Ledger) checkSigner(o *overlay, d *draft) error {
	party := d.event.Party
	if party == "" {
		return nil
	}
	sub := events.SignersSubject(party)
	c, err := l.cell(o, d, sub.Kind, l.subjectHash(sub))
	if err != nil {
		return err
	}
	keys, ok := c.state.(*events.Signers)
	if !ok {
		return fmt.Errorf("the keys of party %q are kept as a %T", party, c.state)
	}
	if d.signer == nil {
		if keys.Required {
			return &events.Refusal{Rule: "signature.required", Class: events.Illegal, Field: "/signature", Subject: sub, State: "required",
				Detail: fmt.Sprintf("events in the name of %q have to be signed", party), Fix: "sign the event with a key of the party: ledgerline append --sign KEY"}
		}
		return nil
	}
	state := keys.StateOfKey(d.signer)
	if state == events.KeyActive {
		return nil
	}
	if state == "" {
		state = "unknown"
	}
	return &events.Refusal{Rule: "signature.key", Class: events.Illegal, Field: "/signature", Subject: sub, State: state,
		Detail: fmt.Sprintf("the key that signed the event is %s among the keys of %q", state, party), Fix: "sign with an active key of the party, or register this one (party.key.registered)"}
}
