package events

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// The limits every event keeps, in bytes of UTF-8 where they are lengths.
const (
	MaxID     = 256      // event ids, subjects' ids, party ids, actor keys
	MaxSource = 512      // CloudEvents source
	MaxCode   = 256      // codes and short identifiers
	MaxName   = 4096     // names, titles, descriptions, dataset names
	MaxText   = 64 << 10 // texts that are written by machines
	MaxFacet  = 32 << 20 // one facet; above the largest OpenLineage bodies seen (22 MiB)

	// MaxFuture is how much later than the moment of recording an event may
	// claim to have happened, in microseconds: 5 minutes, for clocks that differ.
	MaxFuture = 5 * 60 * 1_000_000
)

// A checker looks at the fields of one object and keeps the first refusal. It is
// passed by value; all that come from one checker share the refusal.
type checker struct {
	path   string // JSON pointer of the object
	facets []Facet
	first  **Refusal
	// erasable are the fields of the data that are kept as facets, which may hold
	// personal data; nil if there are none. lenient tells that texts are not ours to
	// refuse for it: they were extracted from bytes kept as they came.
	erasable []facetField
	lenient  bool
}

func newChecker(path string, facets []Facet) checker {
	return checker{path: path, facets: facets, first: new(*Refusal)}
}

// err returns the first refusal as an error, nil if there is none.
func (c checker) err() error {
	if *c.first == nil {
		return nil
	}
	return *c.first
}

// in returns a checker for the object in a field. The field may be a path of
// several names with slashes between.
func (c checker) in(field string) checker {
	c.path += "/" + field
	return c
}

// at returns a checker for element i of a list.
func (c checker) at(field string, i int) checker {
	return c.in(field + "/" + strconv.Itoa(i))
}

// key returns the path of a member of a map, escaped as a JSON pointer.
func key(field, k string) string {
	return field + "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(k)
}

func (c checker) refuse(rule, field, detail, fix string) {
	if *c.first == nil {
		if field != "" {
			field = "/" + field
		}
		*c.first = malformed(rule, c.path+field, detail, fix)
	}
}

// text holds an optional string to its limits: valid UTF-8, no NUL (which ends
// a string for many readers), not over max bytes.
func (c checker) text(field, v string, max int) {
	switch {
	case len(v) > max:
		c.refuse("field.length", field, fmt.Sprintf("the text is %d bytes long", len(v)), fmt.Sprintf("send at most %d bytes", max))
	case !utf8.ValidString(v):
		c.refuse("field.text", field, "the text is not valid UTF-8", "send UTF-8")
	case strings.IndexByte(v, 0) >= 0:
		c.refuse("field.text", field, "the text holds a NUL character", "leave out U+0000")
	case len(v) >= 11 && !c.lenient && !c.erases(field):
		if shape := personalShape(v); shape != "" { // the value itself is not repeated
			c.refuse("event.personal", field, "the text holds what has the shape of "+shape+", and could never be erased",
				"send a keyed reference or a code; free text belongs in the erasable fields")
		}
	}
}

// erases tells whether a field is kept as a facet.
func (c checker) erases(field string) bool {
	if c.path != "/data" || c.erasable == nil {
		return false
	}
	field, _, _ = strings.Cut(field, "/")
	return slices.ContainsFunc(c.erasable, func(f facetField) bool { return f.name == field })
}

// required is text that may not be empty.
func (c checker) required(field, v string, max int) {
	if v == "" {
		c.missing(field)
	}
	c.text(field, v, max)
}

func (c checker) missing(field string) {
	c.refuse("field.required", field, "the field is required and is absent or empty", "send a value")
}

// requiredFacet refuses the event if a field that is kept as a facet is neither
// in the data nor among the facets split from it.
func (c checker) requiredFacet(field string, present bool) {
	if !present && !slices.ContainsFunc(c.facets, func(f Facet) bool { return f.Name == field }) {
		c.missing(field)
	}
}

// oneOf holds a required string to a closed list.
func (c checker) oneOf(field, v string, allowed []string) {
	if v == "" {
		c.refuse("field.required", field, "the field is required and is absent or empty", "send one of "+list(allowed))
		return
	}
	c.optionOf(field, v, allowed)
}

// optionOf holds an optional string to a closed list.
func (c checker) optionOf(field, v string, allowed []string) {
	if v == "" || slices.Contains(allowed, v) {
		return
	}
	fix := "send one of " + list(allowed)
	if near := nearest(v, allowed); near != "" {
		fix = fmt.Sprintf("did you mean %q? %s", near, fix)
	}
	c.refuse("field.enum", field, fmt.Sprintf("%s is not an accepted value", quote(v)), fix)
}

// texts holds every element of a list to required. The path of an element is made
// only for one that is refused.
func (c checker) texts(field string, vs []string, max int) {
	for i, v := range vs {
		if v == "" || !isText(v, max) {
			c.required(field+"/"+strconv.Itoa(i), v, max)
		}
	}
}

func isText(v string, max int) bool {
	return len(v) <= max && utf8.ValidString(v) && strings.IndexByte(v, 0) < 0
}

// distinct is texts whose elements differ.
func (c checker) distinct(field string, vs []string, max int) {
	c.texts(field, vs, max)
	var seen map[string]bool
	if len(vs) > fewNames {
		seen = make(map[string]bool, len(vs))
	}
	for i, v := range vs {
		if seen[v] || seen == nil && slices.Contains(vs[:i], v) {
			c.refuse("field.unique", field+"/"+strconv.Itoa(i), quote(v)+" is listed twice", "list it once")
		}
		if seen != nil {
			seen[v] = true
		}
	}
}

// eachOf holds the elements of a list to a closed list.
func (c checker) eachOf(field string, vs, allowed []string) {
	for i, v := range vs {
		if !slices.Contains(allowed, v) {
			c.oneOf(field+"/"+strconv.Itoa(i), v, allowed)
		}
	}
}

// some refuses an empty list.
func (c checker) some(field string, n int) {
	if n == 0 {
		c.refuse("field.required", field, "the list is absent or empty", "send at least one element")
	}
}

func (c checker) atLeast(field string, v, min int) {
	if v < min {
		c.refuse("field.range", field, fmt.Sprintf("%d is too small", v), fmt.Sprintf("send %d or more", min))
	}
}

// The years that RFC 3339 can write.
var (
	minTime = Time(-62135596800 * 1_000_000)
	maxTime = Time(253402300799*1_000_000 + 999_999)
)

func (c checker) time(field string, t Time) {
	if t == 0 {
		c.missing(field)
	}
	c.optionalTime(field, t)
}

func (c checker) optionalTime(field string, t Time) {
	if t < minTime || t > maxTime {
		c.refuse("field.time", field, "the year is outside 1 to 9999", "send an RFC 3339 time")
	}
}

// before refuses an interval that is empty or ends before it starts. An end of
// zero is open.
func (c checker) before(toField string, from, to Time) {
	if to != 0 && from >= to {
		c.refuse("field.interval", toField, fmt.Sprintf("the end %s is not after the start %s", to, from), "send an end after the start; intervals are [from, to)")
	}
}

// period holds a stretch of time to years that can be written, and to an end
// after its start.
func (c checker) period(field string, p Period) {
	c.optionalTime(field+"/from", p.From)
	c.optionalTime(field+"/to", p.To)
	c.before(field+"/to", p.From, p.To)
}

// span is a period of which both ends are required.
func (c checker) span(field string, p Period) {
	c.time(field+"/from", p.From)
	c.time(field+"/to", p.To)
	c.period(field, p)
}

// dataset holds a reference to a dataset, if there is one.
func (c checker) dataset(field string, d DatasetRef) {
	if d != (DatasetRef{}) {
		c.required(field+"/namespace", d.Namespace, MaxName)
		c.required(field+"/name", d.Name, MaxName)
	}
}

// duration holds a length of time as ISO 8601 writes it, if there is one.
func (c checker) duration(field, v string) {
	c.text(field, v, MaxCode)
	if v != "" && !isDuration(v) {
		c.refuse("field.duration", field, quote(v)+" is not a duration", "send an ISO 8601 duration such as P10D, P2W or PT6H")
	}
}

// isDuration tells whether s has the form of an ISO 8601 duration in whole numbers: P, then
// years, months, weeks and days, then T with hours, minutes and seconds, each at most once
// and in this order, and at least one of them.
func isDuration(s string) bool {
	s, ok := strings.CutPrefix(s, "P")
	date, clock, timed := strings.Cut(s, "T")
	return ok && s != "" && isUnits(date, "YMWD") && (!timed || clock != "" && isUnits(clock, "HMS"))
}

// isUnits tells whether s is numbers, each followed by a unit that comes later in the list.
func isUnits(s, units string) bool {
	for s != "" {
		n := strings.IndexFunc(s, func(r rune) bool { return r < '0' || r > '9' })
		if n <= 0 {
			return false
		}
		at := strings.IndexByte(units, s[n])
		if at < 0 {
			return false
		}
		s, units = s[n+1:], units[at+1:]
	}
	return true
}

// bases holds the legal bases of an act.
func (c checker) bases(field string, bases []LegalBasis) {
	c.some(field, len(bases))
	for i, b := range bases {
		at := c.at(field, i)
		at.required("instrument", b.Instrument, MaxName)
		at.text("article", b.Article, MaxCode)
		at.text("kind", b.Kind, MaxCode)
	}
}

// scope holds what narrows a grant.
func (c checker) scope(field string, s Scope) {
	c.text(field+"/region", s.Region, MaxCode)
	c.text(field+"/population", s.Population, MaxName)
	c.texts(field+"/filters", s.Filters, MaxName)
}

// seq holds a whole number to what deterministic CBOR readers must accept.
func (c checker) seq(field string, v, min uint64) {
	if v < min || v > math.MaxInt64 {
		c.refuse("field.range", field, fmt.Sprintf("%d is out of range", v), fmt.Sprintf("send %d to 2^63-1", min))
	}
}

// Validate holds the event to every rule that needs no state: required fields,
// closed lists, ranges, lengths, text. recorded is the time at which the event
// is being recorded; zero skips the comparison with it (as decoding does, which
// does not know it). The error is a *Refusal.
func (e *Event) Validate(recorded Time) error {
	t, ok := Lookup(e.Type)
	if !ok {
		return unknownType(e.Type)
	}
	c := newChecker("", e.Facets)
	e.validateAttributes(c, t, recorded)
	if e.Data == nil {
		c.missing("data")
		return c.err()
	}
	if !t.holds(e.Data) {
		c.refuse("event.data", "data", fmt.Sprintf("the data is not of type %s", e.Type), "use the data struct of the type")
		return c.err()
	}
	e.validateFacets(c)
	if v, ok := e.Data.(validator); ok {
		c.lenient = t.Derived
		if f, ok := e.Data.(faceted); ok {
			c.erasable = f.facets()
		}
		v.validate(c.in("data"))
	}
	c.required("subject", e.Data.Subject().ID, 2*MaxName+1) // a namespace, a slash and a name
	return c.err()
}

func (e *Event) validateAttributes(c checker, t Type, recorded Time) {
	c.required("id", e.ID, MaxID)
	c.required("source", e.Source, MaxSource)
	if strings.ContainsAny(e.Source, " \t\r\n") {
		c.refuse("field.text", "source", "a source is a URI reference and holds no white space", "percent-encode it")
	}
	if e.Schema != t.Schema {
		c.refuse("event.schema", "dataschema", fmt.Sprintf("schema %d of %s is not known", e.Schema, e.Type), "use "+t.DataSchema())
	}
	c.time("time", e.Time)
	if recorded != 0 && e.Time > recorded+MaxFuture {
		c.refuse("event.time-future", "time",
			fmt.Sprintf("the event claims to happen at %s, over 5 minutes after it is recorded at %s", e.Time, recorded),
			"check the producer's clock; what takes effect later is said with effectivefrom")
	}
	c.optionalTime("effectivefrom", e.EffectiveFrom)
	c.optionalTime("effectiveto", e.EffectiveTo)
	from := e.EffectiveFrom
	if from == 0 {
		from = e.Time
	}
	c.before("effectiveto", from, e.EffectiveTo)
	c.text("principal", e.Principal, MaxID)
	c.text("actor", e.Actor, MaxID)
	c.text("party", e.Party, MaxID)
	c.text("onbehalfof", e.OnBehalfOf, MaxID)
	if e.Producer != nil {
		c.required("producerid", e.Producer.ID, MaxID)
		c.seq("producerseq", e.Producer.Seq, 1)
	}
	c.text("correlationid", e.Correlation, MaxID)
	c.text("causationid", e.Causation, MaxID)
	if e.ExpectedVersion != nil {
		c.seq("expectedversion", *e.ExpectedVersion, 0)
	}
	c.optionOf("grade", e.Grade, grades)
	c.text("retention", e.Retention, MaxCode)
	if len(e.Signature) > maxSignature {
		c.refuse("field.length", "signature", fmt.Sprintf("the signature is %d bytes long", len(e.Signature)), "send a COSE_Sign1 with the claim detached")
	}
	if n := len(e.FacetSalt); n != 0 && n != 32 {
		c.refuse("field.length", "facetsalt", fmt.Sprintf("the seed of the salts is %d bytes long", n), "send 32 random bytes")
	}
	if e.Trace != "" && !isTraceparent(e.Trace) {
		c.refuse("field.traceparent", "traceparent", "the value is not a W3C traceparent",
			"send one such as 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
	}
}

// maxSignature is above what any signature in the form of docs/format.md takes.
const maxSignature = 1024

func (e *Event) validateFacets(c checker) {
	for i, f := range e.Facets {
		at := c.at("facets", i)
		at.required("name", f.Name, MaxCode)
		at.text("media_type", f.MediaType, MaxCode)
		at.text("owner", f.Owner, MaxID)
		if i > 0 && f.Name <= e.Facets[i-1].Name {
			at.refuse("facet.order", "name", fmt.Sprintf("the facet %s is not after the one before it", quote(f.Name)), "sort facets by name and give each name once")
		}
		if len(f.Bytes) > MaxFacet && *c.first == nil {
			at.refuse("facet.size", "", fmt.Sprintf("the facet %s is %d bytes long", quote(f.Name), len(f.Bytes)), fmt.Sprintf("send at most %d bytes", MaxFacet))
			(*c.first).Class = TooLarge
		}
	}
}

// isTraceparent tells whether s has the form of W3C Trace Context level 1:
// version, trace id, parent id and flags in lower-case hex.
func isTraceparent(s string) bool {
	if len(s) != 55 {
		return false
	}
	for i := range len(s) {
		dash := i == 2 || i == 35 || i == 52
		hex := s[i] >= '0' && s[i] <= '9' || s[i] >= 'a' && s[i] <= 'f'
		if dash != (s[i] == '-') || !dash && !hex {
			return false
		}
	}
	return true
}

// list writes the values of a closed list for a reader.
func list(values []string) string { return strings.Join(values, ", ") }

// quote shows a value that came from outside, shortened.
func quote(v string) string {
	const shown = 64
	if len(v) > shown {
		return strconv.Quote(strings.ToValidUTF8(v[:shown], "")) + "…"
	}
	return strconv.Quote(v)
}
