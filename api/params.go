package api

import (
	"encoding"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"ledgerline/events"
)

// The query of a route is a struct. Its fields are tagged
//
//	query:"name"    the parameter, optional unless the tag says ",required"
//	doc:"…"         what it means, for the API description
//	enum:"a,b"      the values accepted
//	default:"…"     the value taken when it is absent
//	min, max:"…"    bounds of a number
//
// and their types are string, int, int64, bool, events.Time, pointers to these
// (nil when absent) or anything else that unmarshals from text. The same struct
// is read here and described in the OpenAPI document, so the two cannot differ.

// param is one query parameter of a route.
type param struct {
	name     string
	doc      string
	enum     []string
	def      string
	min, max *int64
	required bool
	index    []int // of the field, for reflect.Value.FieldByIndex
	typ      reflect.Type
}

// paramsOf lists the query parameters of a query struct in order of declaration.
func paramsOf(t reflect.Type) []param {
	var list []param
	for _, f := range reflect.VisibleFields(t) {
		tag, ok := f.Tag.Lookup("query")
		if !ok {
			continue
		}
		name, option, _ := strings.Cut(tag, ",")
		p := param{name: name, doc: f.Tag.Get("doc"), def: f.Tag.Get("default"), required: option == "required", index: f.Index, typ: f.Type}
		if e := f.Tag.Get("enum"); e != "" {
			p.enum = strings.Split(e, ",")
		}
		p.min, p.max = bound(f, "min"), bound(f, "max")
		list = append(list, p)
	}
	return list
}

func bound(f reflect.StructField, tag string) *int64 {
	s, ok := f.Tag.Lookup(tag)
	if !ok {
		return nil
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		panic("api: " + tag + " of parameter " + f.Name + " is not a number") // a mistake in the table of routes
	}
	return &n
}

// parseQuery reads the query of a request into q, a pointer to a query struct.
// An unknown parameter is refused: a misspelt filter must not answer more than
// was asked.
func parseQuery(r *http.Request, params []param, q any) error {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return problem(http.StatusBadRequest, "query.syntax", "the query string cannot be read", "encode each parameter as name=value, joined by &").because(err)
	}
	for name := range values {
		if !slices.ContainsFunc(params, func(p param) bool { return p.name == name }) {
			return unknownParam(name, params)
		}
	}
	v := reflect.ValueOf(q).Elem()
	for _, p := range params {
		given := values[p.name]
		if len(given) > 1 {
			return problem(http.StatusBadRequest, "query.repeated", sayf("the parameter %s is given %d times", p.name, len(given)), "give it once").at(p.name)
		}
		text := p.def
		if len(given) == 1 && given[0] != "" { // an empty field of a form is not filled in
			text = given[0]
		}
		if text == "" {
			if p.required {
				return problem(http.StatusBadRequest, "query.required", sayf("the parameter %s is missing", p.name), sayf("%s is %v", p.name, docText(p.doc))).at(p.name)
			}
			continue
		}
		if err := p.set(v.FieldByIndex(p.index), text); err != nil {
			is := sayf("%s is %v", p.name, docText(p.doc))
			if v.FieldByIndex(p.index).Kind() == reflect.Bool {
				is = sayf("%s is true or false: %v", p.name, docText(p.doc))
			}
			return problem(http.StatusBadRequest, "query.value", sayf("%s: %v", p.name, err), is).at(p.name)
		}
	}
	return nil
}

func unknownParam(name string, params []param) *Problem {
	if len(params) == 0 {
		return problem(http.StatusBadRequest, "query.unknown", sayf("the parameter %q is not known here", clip(name)), "this route takes no parameters").at(clip(name))
	}
	var names []string
	for _, p := range params {
		names = append(names, p.name)
	}
	return problem(http.StatusBadRequest, "query.unknown", sayf("the parameter %q is not known here", clip(name)), sayf("the parameters are %s", strings.Join(names, ", "))).at(clip(name))
}

// clip shortens what a client sent before it is sent back.
func clip(s string) string {
	const most = 60
	s = strings.ToValidUTF8(s, "\uFFFD")
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}

// set parses text into the field.
func (p param) set(v reflect.Value, text string) error {
	if len(p.enum) > 0 && !slices.Contains(p.enum, text) {
		return sayf("%q is none of %s", clip(text), strings.Join(p.enum, ", "))
	}
	if v.Kind() == reflect.Pointer {
		n := reflect.New(v.Type().Elem())
		if err := p.set(n.Elem(), text); err != nil {
			return err
		}
		v.Set(n)
		return nil
	}
	if t, ok := v.Addr().Interface().(*events.Time); ok {
		if t.UnmarshalText([]byte(plusZone(text))) != nil {
			return sayf("%q is not an RFC 3339 time with a zone, such as 2026-01-08T09:30:00Z", clip(text))
		}
		return nil
	}
	if u, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		return u.UnmarshalText([]byte(text))
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
	case reflect.Bool:
		switch text {
		case "true", "1":
			v.SetBool(true)
		case "false", "0":
			v.SetBool(false)
		default:
			return sayf("%q is neither true nor false", clip(text))
		}
	case reflect.Int, reflect.Int64:
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return sayf("%q is not a whole number", clip(text))
		}
		if p.min != nil && n < *p.min || p.max != nil && n > *p.max {
			return sayf("%d is not %v", n, p.bounds())
		}
		v.SetInt(n)
	default:
		panic("api: no way to parse a parameter of type " + v.Type().String()) // a mistake in the table of routes
	}
	return nil
}

// bounds says in words what min and max allow.
func (p param) bounds() phrase {
	switch {
	case p.min != nil && p.max != nil:
		return sayf("from %d to %d", *p.min, *p.max)
	case p.min != nil:
		return sayf("%d or more", *p.min)
	default:
		return sayf("%d or less", *p.max)
	}
}

// plusZone restores the + of a zone such as +08:00, which a query string that
// was not encoded turns into a space. RFC 3339 has no other space there.
func plusZone(s string) string {
	if i := len(s) - len(" 08:00"); i > 0 && s[i] == ' ' && strings.Contains(s, "T") {
		return s[:i] + "+" + s[i+1:]
	}
	return s
}

// A Moment is a point in the ledger's history, given as a position or as an RFC
// 3339 time.
type Moment struct {
	position int64
	time     events.Time
	given    bool
	byTime   bool
}

// UnmarshalText reads a position or a time.
func (m *Moment) UnmarshalText(b []byte) error {
	s := string(b)
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		if n < 0 {
			return sayf("%d is before the first position, 0", n)
		}
		*m = Moment{position: n, given: true}
		return nil
	}
	var t events.Time
	if err := t.UnmarshalText([]byte(plusZone(s))); err != nil {
		return sayf("%q is neither a position nor an RFC 3339 time with a zone, such as 2026-01-08T09:30:00Z", clip(s))
	}
	*m = Moment{time: t, given: true, byTime: true}
	return nil
}

// instantPattern is how a Moment is described to clients.
const instantPattern = `^([0-9]+|[0-9]{4}-[0-9]{2}-[0-9]{2}T.+)$`
