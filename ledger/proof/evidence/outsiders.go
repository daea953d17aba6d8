package evidence

import (
	"bytes"
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/digitorus/timestamp"
	"github.com/transparency-dev/formats/witness"
	"golang.org/x/mod/sumdb/note"
)

// What outsiders attest is over heads of the log that may be older than that of a
// bundle. That the log of such a head is the beginning of the bundle's is shown by a
// consistency proof, and so every record at a position below its size was there.

// CheckTimestamp checks a TimeStampResp (RFC 3161): that it grants a token over the
// SHA-256 of data, signed by a certificate in it that is made for timestamping, whose
// chain ends in roots unless those are nil.
func CheckTimestamp(response, data []byte, roots *x509.CertPool) (*timestamp.Timestamp, error) {
	token, err := timestamp.ParseResponse(response)
	if err != nil {
		return nil, err
	}
	if digest := sha256.Sum256(data); token.HashAlgorithm != crypto.SHA256 || !bytes.Equal(token.HashedMessage, digest[:]) {
		return nil, errors.New("it is about something else")
	}
	i := slices.IndexFunc(token.Certificates, func(c *x509.Certificate) bool {
		return slices.Contains(c.ExtKeyUsage, x509.ExtKeyUsageTimeStamping)
	})
	if i < 0 {
		return nil, errors.New("it brings no certificate for timestamping")
	}
	if roots == nil {
		return token, nil
	}
	others := x509.NewCertPool()
	for _, c := range token.Certificates {
		others.AddCert(c)
	}
	_, err = token.Certificates[i].Verify(x509.VerifyOptions{
		Roots: roots, Intermediates: others, CurrentTime: token.Time, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageTimeStamping},
	})
	return token, err
}

// A Policy says whose cosignatures are enough. Its text form is that of C2SP
// tlog-policy: lines "witness NAME VKEY URL", "group NAME N MEMBER…" and "quorum NAME".
type Policy struct {
	group witness.Group
	keys  []note.Verifier
}

// ParsePolicy reads a policy. Its quorum has to name a witness.
func ParsePolicy(text []byte) (*Policy, error) {
	group, err := witness.ParsePolicy(text)
	if err != nil {
		return nil, fmt.Errorf("reading the witness policy: %w", err)
	}
	p := &Policy{group: group}
	for _, key := range group.Endpoints() {
		p.keys = append(p.keys, key)
	}
	if len(p.keys) == 0 {
		return nil, errors.New("reading the witness policy: its quorum names no witness")
	}
	return p, nil
}

// count says how many of the witnesses have cosigned a checkpoint, and whether these
// are enough.
func (p *Policy) count(checkpoint []byte) (cosigned int, enough bool) {
	for _, key := range p.keys {
		if _, err := note.Open(checkpoint, note.VerifierList(key)); err == nil {
			cosigned++
		}
	}
	return cosigned, cosigned > 0 && p.group.Satisfied(checkpoint)
}

// Witnesses says whom of the checker's policy a bundle shows to have seen the log.
type Witnesses struct {
	// Cosigned of the Of witnesses have signed the head of Size records.
	Cosigned int   `json:"cosigned"`
	Of       int   `json:"of"`
	Size     int64 `json:"size"`
}

// A Bracket is when a record was made, by the tokens of an authority that the checker
// trusts: after NotBefore, and not after NotAfter. Either is empty if no token in the
// bundle shows it.
type Bracket struct {
	Position  int64  `json:"position"`
	NotBefore string `json:"not_before,omitzero"`
	NotAfter  string `json:"not_after,omitzero"`
}

// stamped is an anchor whose token was checked.
type stamped struct {
	position, size int64
	at             time.Time
}

// bracket finds the times around a position. Positions and sizes of anchors both grow.
func bracket(anchors []stamped, position int64) Bracket {
	b := Bracket{Position: position}
	for _, a := range anchors {
		if a.position < position {
			b.NotBefore = a.at.UTC().Format(timeLayout)
		}
		if a.size > position && b.NotAfter == "" {
			b.NotAfter = a.at.UTC().Format(timeLayout)
		}
	}
	return b
}
