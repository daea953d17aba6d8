package projections

import (
	"fmt"
	"strings"

	"ledgerline/events"
)

// A Wording is a sentence of this package, as the code of its form and what stands in
// it, so that it can be said in any language. The forms stand in one place, each in
// every language: see wordings.go.
type Wording struct {
	Code string
	// Values are the parameters in the order in which the English form has them.
	Values []string
}

func (w *Wording) code(c *coder) {
	c.text(&w.Code)
	textList(c, &w.Values)
}

// say fills a form in. Instants become RFC 3339, lists are joined by commas.
func say(code string, values ...any) Wording {
	w := Wording{Code: code}
	for _, v := range values {
		switch v := v.(type) {
		case string:
			w.Values = append(w.Values, v)
		case []string:
			w.Values = append(w.Values, strings.Join(v, ", "))
		case events.Time:
			w.Values = append(w.Values, v.String())
		default:
			w.Values = append(w.Values, fmt.Sprint(v))
		}
	}
	return w
}

// A Piece is a part of a sentence: words of its form, or a parameter. Kind says how a
// parameter is to be shown: "time" for an instant, "day" for a date, "number", "id" for
// a name or number that somebody gave, "list" for several of these, "text" for what
// somebody wrote; any other is the kind of a word of the vocabulary.
type Piece struct{ Name, Kind, Text string }

// parseForm reads a form, in which a parameter stands as {name}, which is a number, or
// as {name:kind}.
func parseForm(text string) (pieces []Piece) {
	for {
		words, rest, found := strings.Cut(text, "{")
		if words != "" {
			pieces = append(pieces, Piece{Text: words})
		}
		if !found {
			return pieces
		}
		parameter, after, _ := strings.Cut(rest, "}")
		name, kind, named := strings.Cut(parameter, ":")
		if !named {
			kind = "number"
		}
		pieces, text = append(pieces, Piece{Name: name, Kind: kind}), after
	}
}

// parsedForms are the forms, read.
var parsedForms = func() map[string][2][]Piece {
	all := make(map[string][2][]Piece, len(forms))
	for code, f := range forms {
		all[code] = [2][]Piece{parseForm(f[0]), parseForm(f[1])}
	}
	return all
}()

// Pieces says the sentence in a language, 0 for English and 1 for 简体中文, piece by
// piece. Parameters are as they were recorded: whoever shows them knows what they are
// called.
func (w Wording) Pieces(language int) []Piece {
	form := parsedForms[w.Code]
	pieces := make([]Piece, len(form[language]))
	copy(pieces, form[language])
	for i := range pieces {
		if p := &pieces[i]; p.Name != "" {
			p.Text = w.value(form[0], p.Name)
		}
	}
	return pieces
}

// value is what stands for a parameter.
func (w Wording) value(english []Piece, name string) string {
	n := 0
	for _, p := range english {
		switch {
		case p.Name == "":
			continue
		case p.Name == name && n < len(w.Values):
			return w.Values[n]
		}
		n++
	}
	return ""
}

// String says it in English.
func (w Wording) String() string {
	var b strings.Builder
	n := 0
	for _, p := range parsedForms[w.Code][0] {
		switch {
		case p.Name == "":
			b.WriteString(p.Text)
		case n < len(w.Values):
			b.WriteString(w.Values[n])
			n++
		}
	}
	return b.String()
}

// Detailed says what was found: in English, and as what it is made of, for programs
// that say it otherwise.
type Detailed struct {
	Detail string `json:"detail" row:"-"`
	// DetailCode names the form of Detail. It is stable.
	DetailCode string `json:"detail_code" row:"-"`
	// DetailParameters are what stands in it, by name: times in RFC 3339, lists separated
	// by commas.
	DetailParameters map[string]string `json:"detail_parameters" row:"-"`
	Said             Wording           `json:"-"`
}

func (d *Detailed) code(c *coder) {
	d.Said.code(c)
	if c.reading {
		*d = detailed(d.Said)
	}
}

func detailed(w Wording) Detailed {
	d := Detailed{Said: w}
	if form, ok := parsedForms[w.Code]; ok {
		d.Detail, d.DetailCode, d.DetailParameters = w.String(), w.Code, make(map[string]string)
		for _, p := range form[0] {
			if p.Name != "" {
				d.DetailParameters[p.Name] = w.value(form[0], p.Name)
			}
		}
	}
	return d
}

// find is a finding in words.
func find(code string, values ...any) Detailed { return detailed(say(code, values...)) }
