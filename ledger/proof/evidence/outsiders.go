package evidence

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/digitorus/pkcs7"
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
	signed, err := pkcs7.Parse(token.RawToken)
	if err != nil {
		return nil, err
	}
	// The certificate of who signed it: others may lie beside that, and anybody can put
	// those of an authority into a token of their own.
	signer := signed.GetOnlySigner()
	if signer == nil || !slices.Contains(signer.ExtKeyUsage, x509.ExtKeyUsageTimeStamping) {
		return nil, errors.New("it is not signed by one key whose certificate it brings and is made for timestamping")
	}
	if roots == nil {
		return token, nil
	}
	others := x509.NewCertPool()
	for _, c := range token.Certificates {
		others.AddCert(c)
	}
	_, err = signer.Verify(x509.VerifyOptions{
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

const maxPolicy = 65_535 // bytes

var (
	policyURL   = regexp.MustCompile(`^https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*/?$`)
	policyCount = regexp.MustCompile(`^(any|all|[0-9]{1,2})$`)
)

// ParsePolicy reads a policy. Its quorum has to name a witness. It is read strictly, so
// that every checker reads the same: a word is of visible ASCII, at most 99 of a group
// are asked for, and witnesses have Ed25519 keys, since a bundle is judged by
// cosignatures of these only.
func ParsePolicy(text []byte) (*Policy, error) {
	if len(text) > maxPolicy || !utf8.Valid(text) {
		return nil, fmt.Errorf("reading the witness policy: it is not text of at most %d bytes", maxPolicy)
	}
	for line := range strings.Lines(string(text)) {
		line, _, _ = strings.Cut(line, "#")
		if strings.ContainsFunc(line, func(r rune) bool { return (r < ' ' || r > '~') && !strings.ContainsRune("\t\r\n", r) }) {
			return nil, fmt.Errorf("reading the witness policy: %q has a character that is not of ASCII: it may stand in a comment only", line)
		}
		words := strings.Fields(line)
		if len(words) == 4 && words[0] == "witness" {
			if err := checkWitness(words[1], words[2], words[3]); err != nil {
				return nil, fmt.Errorf("reading the witness policy: %w", err)
			}
		}
		if len(words) > 2 && words[0] == "group" && !policyCount.MatchString(words[2]) {
			return nil, fmt.Errorf("reading the witness policy: group %s asks for %q, want a number up to 99, any or all", words[1], words[2])
		}
	}
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

// checkWitness holds that a witness is one that every checker of bundles can count.
func checkWitness(name, vkey, url string) error {
	parts := strings.SplitN(vkey, "+", 3)
	key, err := []byte(nil), errors.New("it has three parts, divided by +")
	if len(parts) == 3 {
		key, err = base64.StdEncoding.Strict().DecodeString(parts[2])
	}
	switch {
	case err != nil:
		return fmt.Errorf("the key of witness %s: %w", name, err)
	case len(key) != 1+ed25519.PublicKeySize || key[0] != 1 && key[0] != 4:
		return fmt.Errorf("the key of witness %s is not of Ed25519: a bundle is judged by Ed25519 cosignatures only, leave the others out of the policy", name)
	case !policyURL.MatchString(url):
		return fmt.Errorf("%q of witness %s is not a URL such as https://witness.example/log", url, name)
	}
	return nil
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
