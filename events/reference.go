package events

import "ledgerline/events/rulepack"

// Law and calendars are published into the ledger before anything is derived
// from them: each version whole, as the text it was published in.

// The subjects of what is published for reference.
const (
	KindRulePack = "rule_pack"
	KindCalendar = "calendar"
	KindCodeSet  = "code_set"
)

var referenceTypes = []Type{
	act[RulePackPublished, Reference]("reference.rulepack.published"),
	act[CalendarPublished, Reference]("reference.calendar.published"),
	act[CodeSetPublished, Reference]("reference.codeset.published"),
}

// Reference is the state of a rule pack, a calendar or a code set: its versions, in the order
// in which they were published.
//
//	(none) ──published──> published ──published──> published
type Reference struct {
	Stage    string   `json:"stage,omitzero"`
	Versions []string `json:"versions,omitzero"`
}

// RulePackPublished puts a version of a rule pack in force: deadlines, violation
// codes, retention. It governs what happens from its effective time on; what
// began before stays under the version it began with.
type RulePackPublished struct {
	Pack    string `json:"pack"`
	Version string `json:"version"`
	By      string `json:"by"`
	// Content is the pack as JSON, see package rulepack.
	Content string `json:"content"`
	// Change says what is other now; free text, kept as a facet.
	Change string `json:"change,omitzero"`
}

// CalendarPublished makes a version of a working-day calendar known. Deadlines
// that begin later are counted by it; those that began before are not moved.
type CalendarPublished struct {
	Calendar string `json:"calendar"`
	Version  string `json:"version"`
	By       string `json:"by"`
	// Content is the calendar as JSON, see package rulepack.
	Content string `json:"content"`
	// Change says what is other now; free text, kept as a facet.
	Change string `json:"change,omitzero"`
}

// CodeSetPublished makes a version of a code set known, such as an edition of GB/T 2260,
// which items of entries name by its id. Its codes stay with who keeps them: the digest
// tells which list was meant.
type CodeSetPublished struct {
	CodeSet string `json:"code_set"`
	Version string `json:"version"`
	By      string `json:"by"`
	Title   string `json:"title"`
	// Source is where the list can be read, Digest the SHA-256 of the file, 32 bytes.
	Source string `json:"source"`
	Digest []byte `json:"digest"`
	// Change says what is other now; free text, kept as a facet.
	Change string `json:"change,omitzero"`
}

func (e *RulePackPublished) Subject() Subject { return Subject{KindRulePack, e.Pack} }
func (e *CalendarPublished) Subject() Subject { return Subject{KindCalendar, e.Calendar} }
func (e *CodeSetPublished) Subject() Subject  { return Subject{KindCodeSet, e.CodeSet} }

func (e *RulePackPublished) names() []Name { return parties(e.By) }
func (e *CalendarPublished) names() []Name { return parties(e.By) }
func (e *CodeSetPublished) names() []Name  { return parties(e.By) }

func (e *RulePackPublished) facets() []facetField { return []facetField{{"change", "", &e.Change}} }
func (e *CalendarPublished) facets() []facetField { return []facetField{{"change", "", &e.Change}} }
func (e *CodeSetPublished) facets() []facetField  { return []facetField{{"change", "", &e.Change}} }

func (e *RulePackPublished) needs() []Subject { return partySubjects(e.By) }
func (e *CalendarPublished) needs() []Subject { return partySubjects(e.By) }
func (e *CodeSetPublished) needs() []Subject  { return partySubjects(e.By) }

func (e *RulePackPublished) validate(c checker) {
	c.required("pack", e.Pack, MaxID)
	c.required("version", e.Version, MaxCode)
	c.required("by", e.By, MaxID)
	c.required("content", e.Content, MaxText)
	c.text("change", e.Change, MaxText)
	p, err := rulepack.ParsePack([]byte(e.Content))
	if err != nil {
		c.refuse("reference.content", "content", "the rule pack cannot be read: "+err.Error(), "send the JSON of a pack as docs/rule-packs.md describes it")
		return
	}
	if p.ID != e.Pack || p.Version != e.Version {
		c.refuse("reference.content", "content", "the content is of "+quote(p.ID)+" version "+quote(p.Version), "name the pack and the version that the content names")
	}
}

func (e *CalendarPublished) validate(c checker) {
	c.required("calendar", e.Calendar, MaxID)
	c.required("version", e.Version, MaxCode)
	c.required("by", e.By, MaxID)
	c.required("content", e.Content, MaxText)
	c.text("change", e.Change, MaxText)
	n, err := rulepack.ParseCalendar([]byte(e.Content))
	if err != nil {
		c.refuse("reference.content", "content", "the calendar cannot be read: "+err.Error(), "send the JSON of a calendar as docs/rule-packs.md describes it")
		return
	}
	if n.Calendar().ID != e.Calendar || n.Calendar().Version != e.Version {
		c.refuse("reference.content", "content", "the content is of "+quote(n.Calendar().ID)+" version "+quote(n.Calendar().Version), "name the calendar and the version that the content names")
	}
}

func (e *CodeSetPublished) validate(c checker) {
	c.required("code_set", e.CodeSet, MaxCode)
	c.required("version", e.Version, MaxCode)
	c.required("by", e.By, MaxID)
	c.required("title", e.Title, MaxName)
	c.required("source", e.Source, MaxSource)
	c.hash("digest", e.Digest)
	c.text("change", e.Change, MaxText)
}

func (e *RulePackPublished) check(s States) error {
	return stateOf[Reference](s, e.Subject()).publish(s, e.Subject(), e.By, e.Version)
}

func (e *CalendarPublished) check(s States) error {
	return stateOf[Reference](s, e.Subject()).publish(s, e.Subject(), e.By, e.Version)
}

func (e *CodeSetPublished) check(s States) error {
	return stateOf[Reference](s, e.Subject()).publish(s, e.Subject(), e.By, e.Version)
}

// publish holds that a version, once published, stays what it is.
func (r Reference) publish(s States, sub Subject, by, version string) error {
	for _, v := range r.Versions {
		if v == version {
			return fault("reference.version-once", "version", sub, r.Stage, "version "+quote(version)+" is published already", "publish a change as a version of its own")
		}
	}
	return registered(s, "/data/by", by)
}

func (e *RulePackPublished) apply(r *Reference) { r.add(e.Version) }
func (e *CalendarPublished) apply(r *Reference) { r.add(e.Version) }
func (e *CodeSetPublished) apply(r *Reference)  { r.add(e.Version) }

// add never changes the versions that an older state shares.
func (r *Reference) add(version string) {
	r.Stage = StagePublished
	r.Versions = append(r.Versions[:len(r.Versions):len(r.Versions)], version)
}
