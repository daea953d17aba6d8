package api

import (
	"bytes"
	"cmp"
	"fmt"
	"strings"

	"ledgerline/events"

	"github.com/go-json-experiment/json/jsontext"
)

// A toldMember is a member of an event's content as people read it: with a label for its
// name, and a word for its value where there is one.
type toldMember struct {
	Label, Text, Href string
	Inner             []toldMember
}

// subjectPages are the pages of what fields name.
var subjectPages = map[string]string{
	"entry": "/entries/", "derived_from": "/entries/", "related": "/entries/", "agreement": "/agreements/", "agreements": "/agreements/", "issue": "/findings/", "request": "/requests/",
}

// wordKinds are the kinds of words of fields that are not named like them.
var wordKinds = map[string]string{
	"attribute": "sharing", "update_frequency": "frequency", "methods": "method", "type": "item", "purposes": "purpose", "event_type": "run", "disposal": "method",
	"approval": "approver_role", "auth_method": "auth", "assessed": "kind", "assessments": "kind", "counts": "sharing",
}

// tell reads the content of an event. The order of members is the event's.
func (p page) tell(content jsontext.Value) ([]toldMember, error) {
	d := jsontext.NewDecoder(bytes.NewReader(content))
	m, err := p.tellValue(d, "", "")
	if err != nil {
		return nil, fmt.Errorf("reading an event's content: %w", err)
	}
	return m.Inner, nil
}

func (p page) tellValue(d *jsontext.Decoder, name, label string) (m toldMember, err error) {
	m.Label = label
	switch d.PeekKind() {
	case '{':
		if _, err := d.ReadToken(); err != nil {
			return m, err
		}
		for d.PeekKind() != '}' {
			key, err := d.ReadToken()
			if err != nil {
				return m, err
			}
			inner := key.String()
			of, err := p.tellValue(d, inner, p.Word("field", inner))
			if err != nil {
				return m, err
			}
			m.Inner = append(m.Inner, of)
		}
		_, err = d.ReadToken()
		return m, err
	case '[':
		return p.tellList(d, name, m)
	}
	t, err := d.ReadToken()
	if err != nil {
		return m, err
	}
	switch t.Kind() {
	case 'n':
		m.Text = "–"
	case 't', 'f':
		m.Text = p.Word("truth", t.String())
	default:
		m.Text = p.toldText(name, t.String())
		if path := subjectPages[name]; path != "" && t.Kind() == '"' {
			m.Href, err = p.Href(p.ID(strings.TrimSuffix(path, "/"), t.String()))
		}
	}
	return m, err
}

// toldText is a value of a field: the word for a code, and instants and dates as the
// page writes them.
func (p page) toldText(name, value string) string {
	if name == "kind" { // of a legal basis, or of whatever else has kinds
		if word := p.WordOf("legal", value); word != "" {
			return word
		}
	}
	if word := p.WordOf(cmp.Or(wordKinds[name], name), value); word != "" {
		return word
	}
	var t events.Time
	if len(value) >= len("2006-01-02T15:04:05Z") && t.UnmarshalText([]byte(value)) == nil {
		return writtenTime(t.Std(), p.language)
	}
	return p.Date(value)
}

// tellList puts a list of plain values on a line; others get numbers.
func (p page) tellList(d *jsontext.Decoder, name string, m toldMember) (toldMember, error) {
	if _, err := d.ReadToken(); err != nil {
		return m, err
	}
	var list []toldMember
	plain := true
	for d.PeekKind() != ']' {
		of, err := p.tellValue(d, name, fmt.Sprint(len(list)+1))
		if err != nil {
			return m, err
		}
		plain = plain && of.Inner == nil
		list = append(list, of)
	}
	_, err := d.ReadToken()
	switch {
	case len(list) == 0:
		m.Text = "–"
	case len(list) == 1:
		list[0].Label = m.Label
		m = list[0]
	case plain:
		texts := make([]string, len(list))
		for i, of := range list {
			texts[i] = of.Text
		}
		m.Text = strings.Join(texts, p.texts("comma"))
	default:
		m.Inner = list
	}
	return m, err
}
