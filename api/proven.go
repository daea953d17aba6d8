package api

import (
	"encoding"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"ledgerline/events"
	"ledgerline/ledger/proof"

	"github.com/go-json-experiment/json"
)

// proving is what questions about who did what can be asked with.
type proving struct {
	Proof string `query:"proof" doc:"complete: prove from the book that no record was left out, and say so under ledger.basis" enum:"complete"`
}

// Basis is what the completeness of an answer rests on. Without one it is the
// server's word.
type Basis struct {
	// Names are those of which all records were looked at; a record that bears one
	// of them, and each of Also, belongs to the answer.
	Names []proof.Name `json:"names"`
	Also  []proof.Name `json:"also"`
	// From and To bound the recorded time, [From, To).
	From events.Time `json:"from,omitzero"`
	To   events.Time `json:"to"`
	// Commit is the position of the commitment to the index that shows it; Size the
	// number of records it covers. Later ones are of the ledger about itself.
	Commit int64 `json:"commit"`
	Size   int64 `json:"size"`
	// Closed says that nothing recorded later can change the answer.
	Closed bool `json:"closed"`
	// Matches counts the records that belong. Conditions that are no names are left
	// to who reads the records.
	Matches int `json:"matches"`
	// Withheld counts those of them that the caller may not see: that they are there is
	// proven, and they are not in the answer.
	Withheld int `json:"withheld,omitzero"`
	// Derived counts the rows here whose records do not bear the names themselves:
	// that they belong follows from other records, and that they are all is not
	// proven.
	Derived    int    `json:"derived"`
	NotCovered string `json:"not_covered"`
	// Proof is where to fetch the proof, to check it offline.
	Proof string `json:"proof"`
}

// claim is what an answer says about the book: which records it was made from.
type claim struct {
	names, also []proof.Name
	from, to    events.Time // recorded; 0 is open
	// rows are the positions of records that the answer shows. whole says that they
	// are all that belong, not a page of them or a part selected otherwise.
	rows  []int64
	whole bool
}

// prove shows that an answer leaves nothing out, as of the view's position, and
// holds the answer to it.
func (c *question) prove(cl claim) error {
	q := proof.Question{Names: distinctNames(cl.names), From: int64(cl.from), To: int64(c.view.Recorded()) + 1}
	q.Also = slices.DeleteFunc(distinctNames(cl.also), func(n proof.Name) bool { return hasName(q.Names, n) })
	if cl.to != 0 {
		q.To = max(1, min(q.To, int64(cl.to))) // nothing was recorded before 1970, and 0 is open
	}
	q.From = max(0, min(q.From, q.To)) // a window after the view's position is empty
	if err := c.s.cover(c.ctx, q.To); err != nil {
		return err
	}
	_, shown, err := c.s.o.Ledger.ProveCompleteness(c.ctx, q, 0)
	if err != nil {
		return err
	}
	positions := make([]int64, len(shown.Records))
	for i := range shown.Records {
		positions[i] = standsFor(&shown.Records[i])
	}
	hidden, err := c.view.Hidden(c.ctx, positions...)
	if err != nil {
		return err
	}
	derived, err := cl.agrees(shown, hidden)
	if err != nil {
		return err
	}
	withheld := 0
	for i, at := range positions {
		if shown.Records[i].Matches && hidden[at] {
			withheld++
		}
	}
	c.basis = &Basis{
		Names: q.Names, Also: q.Also, From: events.Time(q.From), To: events.Time(q.To), Commit: shown.Commit, Size: shown.Size,
		Closed: shown.Closed, Matches: shown.Matches, Withheld: withheld, Derived: derived, NotCovered: notCovered, Proof: proofURL(q),
	}
	return nil
}

// agrees compares what the views answered with what the book proves, and counts
// the rows that go beyond it. A whole answer must not lack a record that belongs and that
// its reader may see.
func (cl *claim) agrees(shown *proof.Complete, hidden map[int64]bool) (derived int, err error) {
	lacks := make(map[int64]bool)
	for _, r := range shown.Records {
		if at := standsFor(&r); r.Matches {
			// Whether the record bears the further names too, its continuation does not tell.
			lacks[at] = lacks[at] || len(shown.Also) == 0 || at == int64(r.Leaf.Position)
		}
	}
	for _, at := range cl.rows {
		if _, belongs := lacks[at]; belongs {
			lacks[at] = false
		} else if at < shown.Size { // later ones are of the ledger about itself
			derived++
		}
	}
	for _, at := range slices.Sorted(maps.Keys(lacks)) {
		if cl.whole && lacks[at] && !hidden[at] {
			return 0, problem(http.StatusInternalServerError, "views.disagree",
				sayf("the views lack the record at position %d, which belongs to the answer", at), "the book is right: tell the operator to run ledgerline rebuild")
		}
	}
	return derived, nil
}

// standsFor is the position of the record that one that is shown leads to: of a
// continuation, that of the record it continues.
func standsFor(r *proof.CompleteRecord) int64 {
	at := int64(r.Leaf.Position)
	if r.Body != nil {
		if c, ok := r.Body.Continuation(); ok {
			return at - int64(c.Part)
		}
	}
	return at
}

func proofURL(q proof.Question) string {
	v := url.Values{"key": {nameJSON(q.Names)}, "from": {timeText(q.From)}, "to": {timeText(q.To)}}
	if len(q.Also) > 0 {
		v.Set("also", nameJSON(q.Also))
	}
	return "/v1/proofs/completeness?" + v.Encode()
}

func nameJSON(names []proof.Name) string {
	b, err := json.Marshal(names)
	if err != nil {
		panic(err) // text that was read as UTF-8
	}
	return string(b)
}

func timeText(t int64) string {
	var m encoding.TextMarshaler = events.Time(t)
	b, err := m.MarshalText()
	if err != nil {
		panic(err) // a time that was recorded
	}
	return string(b)
}

func hasName(names []proof.Name, n proof.Name) bool {
	return slices.ContainsFunc(names, func(o proof.Name) bool { return slices.Equal(n, o) })
}

func distinctNames(names []proof.Name) []proof.Name {
	var out []proof.Name
	for _, n := range names {
		if !hasName(out, n) {
			out = append(out, n)
		}
	}
	return out
}

// someNames makes names of the parameters that are given: kind and value in turn.
func someNames(pairs ...string) (names []proof.Name) {
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			names = append(names, proof.Name{pairs[i], pairs[i+1]})
		}
	}
	return names
}

// typeNames are the names of all types of the vocabulary that begin in one of some
// ways. A record has no other type.
func typeNames(prefixes ...string) (names []proof.Name) {
	for _, t := range events.Types() {
		if slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(t.Name, p) }) {
			names = append(names, proof.Name{proof.KindType, t.Name})
		}
	}
	return names
}

// unprovable says that a question cannot be proven as it is asked.
func unprovable(field, detail, fix string) *Problem {
	return problem(http.StatusBadRequest, "proof.unsupported", detail, fix).at(field)
}

const (
	typesAccess    = "access."
	typesCall      = "access.call."
	typeGap        = "access.gap.declared"
	typeBatch      = "access.batch.sealed"
	typesAgreement = "share.agreement."
	typesShare     = "share."
)
