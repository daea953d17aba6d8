package events

import "slices"

// KindParty is the subject of a body that provides, consumes, supervises or
// operates: never a natural person.
const KindParty = "party"

// The stages of a party.
const (
	StageRegistered = "registered"
	StageMerged     = "merged"
	StageDissolved  = "dissolved"
)

// The vocabulary of parties.
var (
	partyKinds  = []string{"department", "authorised_org", "authority", "platform", "contractor", "auditor"}
	partyLevels = []string{"national", "provincial", "city", "district", "township", "village"}
)

var partyTypes = []Type{
	act[PartyRegistered, Party]("party.body.registered"),
	act[PartyRenamed, Party]("party.body.renamed"),
	act[PartyMerged, Party]("party.body.merged"),
	act[PartyDissolved, Party]("party.body.dissolved"),
}

// partyMoves: nothing follows on the end of a party.
var partyMoves = moves{
	"": {"party.body.registered"},
	StageRegistered: {"party.body.renamed", "party.body.merged", "party.body.dissolved",
		"party.role.assigned", "party.role.revoked", "party.sharing_body.designated"},
}

// Party is the state of a body.
//
//	(none) ──registered──> registered ──renamed, role…, sharing_body…──> registered
//	                           ├──merged─────> merged     its duties are the successor's
//	                           └──dissolved──> dissolved
type Party struct {
	Stage  string `json:"stage,omitzero"`
	Name   string `json:"name,omitzero"`
	Kind   string `json:"kind,omitzero"`
	Region string `json:"region,omitzero"`
	Level  string `json:"level,omitzero"`
	// Successor is the party that a merged one became part of.
	Successor string          `json:"successor,omitzero"`
	Roles     []RoleState     `json:"roles,omitzero"`
	Heads     []SharingOffice `json:"heads,omitzero"`
}

// PartyRegistered makes a body known to the ledger. Every act that names a
// party needs it to have been registered.
type PartyRegistered struct {
	// Party is the ledger's own id of the body. It outlives names and codes.
	Party string `json:"party"`
	Name  string `json:"name"`
	// NameEN is the name in English, if there is one.
	NameEN string `json:"name_en,omitzero"`
	// USCC is the unified social credit code of GB 32100-2015, 18 characters
	// with a check character, for bodies that have one.
	USCC string `json:"uscc,omitzero"`
	// Kind is department, authorised_org, authority, platform, contractor or
	// auditor.
	Kind string `json:"kind"`
	// Region is the code of the area the body serves, such as GB/T 2260.
	Region string `json:"region"`
	// Level is national, provincial, city, district, township or village.
	Level string `json:"level"`
	// LineAuthority is the level or body that a vertically managed agency
	// reports to instead of its region; empty for others.
	LineAuthority string `json:"line_authority,omitzero"`
	// Parent is the party this one belongs to.
	Parent string `json:"parent,omitzero"`
}

// PartyRenamed gives a body another name, or another place: what is left out
// stays as it was. The event's effectivefrom says from when.
type PartyRenamed struct {
	Party  string `json:"party"`
	Name   string `json:"name"`
	NameEN string `json:"name_en,omitzero"`
	USCC   string `json:"uscc,omitzero"`
	// Region, Level, LineAuthority and Parent are given where they change too.
	Region        string `json:"region,omitzero"`
	Level         string `json:"level,omitzero"`
	LineAuthority string `json:"line_authority,omitzero"`
	Parent        string `json:"parent,omitzero"`
	// Basis is the decision it rests on.
	Basis string `json:"basis"`
}

// PartyMerged ends a body that becomes part of another, which takes over its
// entries, agreements and duties: the successor may decide wherever the merged
// party might have.
type PartyMerged struct {
	Party string `json:"party"`
	// Into is the successor.
	Into  string `json:"into"`
	Basis string `json:"basis"`
}

// PartyDissolved ends a body without a successor.
type PartyDissolved struct {
	Party string `json:"party"`
	Basis string `json:"basis"`
}

func (e *PartyRegistered) Subject() Subject { return partySubject(e.Party) }
func (e *PartyRenamed) Subject() Subject    { return partySubject(e.Party) }
func (e *PartyMerged) Subject() Subject     { return partySubject(e.Party) }
func (e *PartyDissolved) Subject() Subject  { return partySubject(e.Party) }

func (e *PartyRegistered) names() []Name { return parties(e.Party, e.Parent) }
func (e *PartyRenamed) names() []Name    { return parties(e.Party, e.Parent) }
func (e *PartyMerged) names() []Name     { return parties(e.Party, e.Into) }
func (e *PartyDissolved) names() []Name  { return parties(e.Party) }

func (e *PartyRegistered) needs() []Subject { return nil }
func (e *PartyRenamed) needs() []Subject    { return nil }
func (e *PartyMerged) needs() []Subject     { return partySubjects(e.Into) }
func (e *PartyDissolved) needs() []Subject  { return nil }

func (e *PartyRegistered) validate(c checker) {
	c.required("party", e.Party, MaxID)
	c.required("name", e.Name, MaxName)
	c.text("name_en", e.NameEN, MaxName)
	c.uscc(e.USCC)
	c.oneOf("kind", e.Kind, partyKinds)
	c.required("region", e.Region, MaxCode)
	c.oneOf("level", e.Level, partyLevels)
	c.text("line_authority", e.LineAuthority, MaxID)
	c.text("parent", e.Parent, MaxID)
}

func (e *PartyRenamed) validate(c checker) {
	c.required("party", e.Party, MaxID)
	c.required("name", e.Name, MaxName)
	c.text("name_en", e.NameEN, MaxName)
	c.uscc(e.USCC)
	c.text("region", e.Region, MaxCode)
	c.optionOf("level", e.Level, partyLevels)
	c.text("line_authority", e.LineAuthority, MaxID)
	c.text("parent", e.Parent, MaxID)
	c.required("basis", e.Basis, MaxName)
}

func (e *PartyMerged) validate(c checker) {
	c.required("party", e.Party, MaxID)
	c.required("into", e.Into, MaxID)
	c.required("basis", e.Basis, MaxName)
	if e.Into == e.Party {
		c.refuse("party.into-another", "into", "a party cannot be merged into itself", "name the party that goes on")
	}
}

func (e *PartyDissolved) validate(c checker) {
	c.required("party", e.Party, MaxID)
	c.required("basis", e.Basis, MaxName)
}

func (c checker) uscc(v string) {
	c.text("uscc", v, MaxCode)
	if v != "" && !isUSCC(v) {
		c.refuse("party.uscc", "uscc", "the code is not a unified social credit code: 18 characters whose last checks the others (GB 32100-2015)",
			"correct the code, or leave the field out")
	}
}

func (e *PartyRegistered) check(s States) error {
	if now := stateOf[Party](s, e.Subject()); now.Stage != "" {
		return illegal("party.registered-once", e.Subject(), now.Stage,
			"the party is already registered", "choose another id for another body")
	}
	return nil
}

func (e *PartyRenamed) check(s States) error {
	return partyMoves.check("party.body.renamed", e.Subject(), stateOf[Party](s, e.Subject()).Stage)
}

func (e *PartyMerged) check(s States) error {
	if err := partyMoves.check("party.body.merged", e.Subject(), stateOf[Party](s, e.Subject()).Stage); err != nil {
		return err
	}
	return registered(s, "/data/into", e.Into)
}

func (e *PartyDissolved) check(s States) error {
	return partyMoves.check("party.body.dissolved", e.Subject(), stateOf[Party](s, e.Subject()).Stage)
}

func (e *PartyRegistered) apply(p *Party) {
	*p = Party{Stage: StageRegistered, Name: e.Name, Kind: e.Kind, Region: e.Region, Level: e.Level}
}

func (e *PartyRenamed) apply(p *Party) {
	p.Name = e.Name
	if e.Region != "" {
		p.Region = e.Region
	}
	if e.Level != "" {
		p.Level = e.Level
	}
}

func (e *PartyMerged) apply(p *Party)    { p.Stage, p.Successor = StageMerged, e.Into }
func (e *PartyDissolved) apply(p *Party) { p.Stage = StageDissolved }

func partySubject(id string) Subject { return Subject{KindParty, id} }

// parties names the parties given, leaving out empty ids.
func parties(ids ...string) []Name {
	var out []Name
	for _, id := range ids {
		if id != "" {
			out = append(out, partyName(id))
		}
	}
	return out
}

// partySubjects lists the parties given as subjects, each once, leaving out
// empty ids.
func partySubjects(ids ...string) []Subject {
	var out []Subject
	for _, id := range ids {
		if sub := partySubject(id); id != "" && !slices.Contains(out, sub) {
			out = append(out, sub)
		}
	}
	return out
}

// registered refuses an act that names a party which is not registered, or which
// ended; of imported events, a party that ended is taken as it was then. field is
// the JSON pointer of the name.
func registered(s States, field, id string) error {
	sub := partySubject(id)
	p := stateOf[Party](s, sub)
	var r *Refusal
	switch {
	case p.Stage == "":
		r = illegal("party.registered", sub, "unknown", "no party "+quote(id)+" is registered",
			"register it first (party.body.registered), or correct the id")
	case s.Imported || p.Stage == StageRegistered:
		return nil
	case p.Stage == StageMerged:
		r = illegal("party.ended", sub, p.Stage, "the party "+quote(id)+" was merged into "+quote(p.Successor), "name %s, its successor", quote(p.Successor))
	default:
		r = illegal("party.ended", sub, p.Stage, "the party "+quote(id)+" was dissolved", "name a party that exists")
	}
	r.Field = field
	return r
}

// isUSCC checks the form and the check character of a unified social credit
// code: the sum of the first 17 characters' values, weighted by 3^i mod 31, and
// the last character's value make a multiple of 31.
func isUSCC(s string) bool {
	const digits = "0123456789ABCDEFGHJKLMNPQRTUWXY" // no I, O, S, V, Z
	if len(s) != 18 {
		return false
	}
	sum, weight := 0, 1
	for i := range 18 {
		v := slices.Index([]byte(digits), s[i])
		if v < 0 {
			return false
		}
		if i == 17 {
			return (sum+v)%31 == 0
		}
		sum, weight = sum+v*weight, weight*3%31
	}
	return false
}
