package events

import (
	"slices"
	"strings"
)

// Subject is what an event is about: optimistic concurrency, versions and state
// are per subject.
type Subject struct {
	Kind string `json:"kind"` // one of the Kind constants, such as KindEntry
	ID   string `json:"id"`
}

func (s Subject) String() string { return s.Kind + "/" + s.ID }

// ParseSubject reads the text form "kind/id"; the id may itself hold slashes.
func ParseSubject(s string) (Subject, bool) {
	kind, id, ok := strings.Cut(s, "/")
	return Subject{kind, id}, ok && kind != "" && id != ""
}

// Name is something an event can be found by: a kind and its parts. The kinds
// are a closed list because each becomes a key in every record, for ever.
type Name struct {
	Kind  string
	Parts []string
}

// The kinds of names. See docs/format.md, "Keys".
const (
	NameType      = "type"
	NameSubject   = "subject"
	NameEntry     = "entry"
	NameDataset   = "dataset"
	NameParty     = "party"
	NameAgreement = "agreement"
	NamePrincipal = "principal"
)

// String is an unambiguous text form, for maps and messages only.
func (n Name) String() string { return n.Kind + "\x00" + strings.Join(n.Parts, "\x00") }

func (n Name) equal(o Name) bool { return n.Kind == o.Kind && slices.Equal(n.Parts, o.Parts) }

func entryName(id string) Name             { return Name{NameEntry, []string{id}} }
func datasetName(namespace, n string) Name { return Name{NameDataset, []string{namespace, n}} }
func partyName(id string) Name             { return Name{NameParty, []string{id}} }
func agreementName(id string) Name         { return Name{NameAgreement, []string{id}} }
