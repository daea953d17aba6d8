package evidence

import (
	"bytes"
	_ "embed"
	html "html/template"
	"strings"
	text "text/template"
	"time"

	"ledgerline/ledger/proof"
)

// The words of a bundle, for people. Checkers hold them to the signed manifest
// and to nothing else; they say so themselves.

//go:embed README.txt.tmpl
var readmeText string

//go:embed summary.html.tmpl
var summaryText string

var (
	readmeTemplate  = text.Must(text.New(nameReadme).Parse(readmeText))
	summaryTemplate = html.Must(html.New(nameSummary).Parse(summaryText))
)

// row is a record as the summary lists it.
type row struct {
	Position                     int64
	Recorded, Type, Subject      string
	Source, ID                   string
	Shown, Imported              bool
	FacetsErased, FacetsWithheld int
	View                         string
	Times                        Bracket
}

func rowOf(leaf *proof.Leaf, body *proof.Body, facets []string) row {
	r := row{Position: int64(leaf.Position), View: nameView(int64(leaf.Position))}
	if at, ok := timeView(leaf.Time).(string); ok {
		r.Recorded = at
	}
	if body != nil {
		r.Shown, r.Type, r.Subject, r.Source, r.ID, r.Imported = true, body.Type, strings.Join(body.Subject[:], ":"), body.Source, body.ID, body.Imported
	}
	for _, state := range facets {
		switch state {
		case Erased:
			r.FacetsErased++
		case Withheld:
			r.FacetsWithheld++
		}
	}
	return r
}

// words writes the texts for people.
func (b *Bundle) words(m *Manifest, rows []row) ([]file, error) {
	d := struct {
		*Manifest
		Rows             []row
		Withheld, Erased int
		Imported         int // records about the time before the ledger
		HasAnswer, Timed bool
		VerifierKey      string
	}{Manifest: m, Rows: rows, HasAnswer: b.Answer != nil, Timed: len(b.Anchors) > 0, VerifierKey: b.VerifierKey}
	var anchors []stamped
	for _, a := range b.Anchors {
		if body, err := proof.ParseBody(a.Record.Body); err == nil { // it was packed
			head, _ := body.Anchors()
			anchors = append(anchors, stamped{a.Record.Proof.Position, head.Size, time.UnixMicro(head.Time)})
		}
	}
	for i, r := range rows {
		rows[i].Times = bracket(anchors, r.Position)
		if !r.Shown {
			d.Withheld++
		}
		if r.Imported {
			d.Imported++
		}
		d.Withheld += r.FacetsWithheld
		d.Erased += r.FacetsErased
	}
	var readme, summary bytes.Buffer
	if err := readmeTemplate.Execute(&readme, d); err != nil {
		return nil, err
	}
	if err := summaryTemplate.Execute(&summary, d); err != nil {
		return nil, err
	}
	return []file{{nameReadme, readme.Bytes()}, {nameSummary, summary.Bytes()}}, nil
}
