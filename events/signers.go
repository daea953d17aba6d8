package events

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
)

// KindSigners is the subject of the keys with which a party signs its events.
const KindSigners = "signers"

var signerTypes = []Type{
	act[PartyKeyRegistered, Signers]("party.key.registered"),
	act[PartyKeyRotated, Signers]("party.key.rotated"),
	act[PartyKeyCompromised, Signers]("party.key.compromised"),
	act[PartySigningRequired, Signers]("party.signing.required"),
}

// The states of a key.
const (
	KeyActive      = "active"
	KeyRotated     = "rotated"
	KeyCompromised = "compromised"
)

// Signers is the state of the keys of a party. While one is active, changes to them
// are signed by one that is.
type Signers struct {
	Keys []SignerKey `json:"keys,omitzero"`
	// Required: events in the party's name are refused unless they are signed.
	Required bool `json:"required,omitzero"`
}

// SignerKey is an Ed25519 public key and what became of it.
type SignerKey struct {
	Key   []byte `json:"key"`
	State string `json:"state"`
}

// StateOfKey returns what is known of a key; empty if nothing is.
func (s *Signers) StateOfKey(key []byte) string {
	for _, k := range s.Keys {
		if bytes.Equal(k.Key, key) {
			return k.State
		}
	}
	return ""
}

// PartyKeyRegistered says with which key a party signs.
type PartyKeyRegistered struct {
	Party string `json:"party"`
	// Key is an Ed25519 public key, 32 bytes.
	Key []byte `json:"key"`
}

// PartyKeyRotated says that a party goes on with another key. It is signed with
// the old one.
type PartyKeyRotated struct {
	Party string `json:"party"`
	Old   []byte `json:"old"`
	New   []byte `json:"new"`
	// Reason is free text, kept as a facet.
	Reason string `json:"reason,omitzero"`
}

// PartyKeyCompromised says that a key is in other hands, or lost. What was signed
// with it before stands; nothing signed with it is taken from now on.
type PartyKeyCompromised struct {
	Party string `json:"party"`
	Key   []byte `json:"key"`
	// Since is when that may have begun, if it is known.
	Since Time `json:"since,omitzero"`
	// Reason says how that is known; free text, kept as a facet.
	Reason string `json:"reason,omitzero"`
}

// PartySigningRequired says whether events in the party's name have to be signed.
type PartySigningRequired struct {
	Party    string `json:"party"`
	Required bool   `json:"required"`
}

func signersSubject(party string) Subject { return Subject{KindSigners, party} }

// SignersSubject is the subject of the keys of a party.
func SignersSubject(party string) Subject { return signersSubject(party) }

// Subject is the keys of the party.
func (e *PartyKeyRegistered) Subject() Subject { return signersSubject(e.Party) }

// Subject is the keys of the party.
func (e *PartyKeyRotated) Subject() Subject { return signersSubject(e.Party) }

// Subject is the keys of the party.
func (e *PartyKeyCompromised) Subject() Subject { return signersSubject(e.Party) }

// Subject is the keys of the party.
func (e *PartySigningRequired) Subject() Subject { return signersSubject(e.Party) }

func (e *PartyKeyRegistered) names() []Name   { return parties(e.Party) }
func (e *PartyKeyRotated) names() []Name      { return parties(e.Party) }
func (e *PartyKeyCompromised) names() []Name  { return parties(e.Party) }
func (e *PartySigningRequired) names() []Name { return parties(e.Party) }

func (e *PartyKeyRegistered) needs() []Subject   { return partySubjects(e.Party) }
func (e *PartyKeyRotated) needs() []Subject      { return nil }
func (e *PartyKeyCompromised) needs() []Subject  { return nil }
func (e *PartySigningRequired) needs() []Subject { return nil }

func (e *PartyKeyRotated) facets() []facetField     { return []facetField{{"reason", "", &e.Reason}} }
func (e *PartyKeyCompromised) facets() []facetField { return []facetField{{"reason", "", &e.Reason}} }

func (c checker) publicKey(field string, key []byte) {
	if len(key) != 32 {
		c.refuse("field.length", field, fmt.Sprintf("the key has %d bytes", len(key)), "send an Ed25519 public key: 32 bytes, as base64")
	}
}

func (e *PartyKeyRegistered) validate(c checker) {
	c.required("party", e.Party, MaxID)
	c.publicKey("key", e.Key)
}

func (e *PartyKeyRotated) validate(c checker) {
	c.required("party", e.Party, MaxID)
	c.publicKey("old", e.Old)
	c.publicKey("new", e.New)
	c.text("reason", e.Reason, MaxText)
}

func (e *PartyKeyCompromised) validate(c checker) {
	c.required("party", e.Party, MaxID)
	c.publicKey("key", e.Key)
	c.optionalTime("since", e.Since)
	c.text("reason", e.Reason, MaxText)
}

func (e *PartySigningRequired) validate(c checker) { c.required("party", e.Party, MaxID) }

// bySigner refuses a change that no active key of the party has signed. Without an
// active key there is none to ask.
func (s *Signers) bySigner(sub Subject, signer []byte) error {
	active := slices.ContainsFunc(s.Keys, func(k SignerKey) bool { return k.State == KeyActive })
	if !active || s.StateOfKey(signer) == KeyActive {
		return nil
	}
	return illegal("key.signed", sub, "has keys", "the party has keys, and none of them signed this", "sign the event with a key of the party that is active")
}

func (e *PartyKeyRegistered) check(s States) error {
	if err := registered(s, "/data/party", e.Party); err != nil {
		return err
	}
	keys := stateOf[Signers](s, e.Subject())
	if state := keys.StateOfKey(e.Key); state != "" {
		return illegal("key.once", e.Subject(), state, "the key is known already", "register another key")
	}
	return keys.bySigner(e.Subject(), s.Signer)
}

func (e *PartyKeyRotated) check(s States) error {
	keys := stateOf[Signers](s, e.Subject())
	if state := keys.StateOfKey(e.Old); state != KeyActive {
		return illegal("key.active", e.Subject(), cmp.Or(state, "unknown"), "the old key is not active", "register the new key instead")
	}
	if state := keys.StateOfKey(e.New); state != "" {
		return illegal("key.once", e.Subject(), state, "the new key is known already", "rotate to another key")
	}
	if !bytes.Equal(s.Signer, e.Old) {
		return illegal("key.signed", e.Subject(), KeyActive, "the old key has not signed this", "sign the event with the key that is rotated out")
	}
	return nil
}

func (e *PartyKeyCompromised) check(s States) error {
	keys := stateOf[Signers](s, e.Subject())
	if state := keys.StateOfKey(e.Key); state == "" || state == KeyCompromised {
		return illegal("key.known", e.Subject(), cmp.Or(state, "unknown"), "the key is none of the party's that could still be used", "correct the key")
	}
	return keys.bySigner(e.Subject(), s.Signer)
}

func (e *PartySigningRequired) check(s States) error {
	keys := stateOf[Signers](s, e.Subject())
	if !slices.ContainsFunc(keys.Keys, func(k SignerKey) bool { return k.State == KeyActive }) {
		return illegal("key.active", e.Subject(), "no key", "the party has no active key", "register one first (party.key.registered)")
	}
	return keys.bySigner(e.Subject(), s.Signer)
}

// set gives a key a state, in a copy.
func (s *Signers) set(key []byte, state string) {
	s.Keys = slices.Clone(s.Keys)
	for i := range s.Keys {
		if bytes.Equal(s.Keys[i].Key, key) {
			s.Keys[i].State = state
			return
		}
	}
	s.Keys = append(s.Keys, SignerKey{key, state})
}

func (e *PartyKeyRegistered) apply(s *Signers) { s.set(e.Key, KeyActive) }

func (e *PartyKeyRotated) apply(s *Signers) {
	s.set(e.Old, KeyRotated)
	s.set(e.New, KeyActive)
}

func (e *PartyKeyCompromised) apply(s *Signers) { s.set(e.Key, KeyCompromised) }

func (e *PartySigningRequired) apply(s *Signers) { s.Required = e.Required }
