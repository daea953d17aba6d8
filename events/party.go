package events

import "slices"

// KindParty is the subject of a body that provides, consumes, supervises or
// operates: never a natural person.
const KindParty = "party"

// The vocabulary of parties.
var (
	partyKinds  = []string{"department", "authorised_org", "authority", "platform", "contractor", "auditor"}
	partyLevels = []string{"national", "provincial", "city", "district"}
)

var partyTypes = []Type{
	act[PartyRegistered, Party]("party.body.registered"),
}

// Party is the state of a body.
//
//	(none) ──registered──> registered
type Party struct {
	Registered bool   `json:"registered,omitzero"`
	Name       string `json:"name,omitzero"`
	Kind       string `json:"kind,omitzero"`
	Region     string `json:"region,omitzero"`
	Level      string `json:"level,omitzero"`
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
	// Level is national, provincial, city or district.
	Level string `json:"level"`
	// LineAuthority is the level or body that a vertically managed agency
	// reports to instead of its region; empty for others.
	LineAuthority string `json:"line_authority,omitzero"`
	// Parent is the party this one belongs to.
	Parent string `json:"parent,omitzero"`
}

// Subject is the party.
func (e *PartyRegistered) Subject() Subject { return partySubject(e.Party) }

func (e *PartyRegistered) names() []Name { return parties(e.Party, e.Parent) }

func (e *PartyRegistered) needs() []Subject { return nil }

func (e *PartyRegistered) validate(c checker) {
	c.required("party", e.Party, MaxID)
	c.required("name", e.Name, MaxName)
	c.text("name_en", e.NameEN, MaxName)
	c.text("uscc", e.USCC, MaxCode)
	if e.USCC != "" && !isUSCC(e.USCC) {
		c.refuse("party.uscc", "uscc", "the code is not a unified social credit code: 18 characters whose last checks the others (GB 32100-2015)",
			"correct the code, or leave the field out")
	}
	c.oneOf("kind", e.Kind, partyKinds)
	c.required("region", e.Region, MaxCode)
	c.oneOf("level", e.Level, partyLevels)
	c.text("line_authority", e.LineAuthority, MaxID)
	c.text("parent", e.Parent, MaxID)
}

func (e *PartyRegistered) check(s States) error {
	if stateOf[Party](s, e.Subject()).Registered {
		return illegal("party.registered-once", e.Subject(), "registered",
			"the party is already registered", "choose another id for another body")
	}
	return nil
}

func (e *PartyRegistered) apply(p *Party) {
	*p = Party{Registered: true, Name: e.Name, Kind: e.Kind, Region: e.Region, Level: e.Level}
}

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

// registered refuses an act that names a party which is not registered. field
// is the JSON pointer of the name.
func registered(s States, field, id string) error {
	sub := partySubject(id)
	if stateOf[Party](s, sub).Registered {
		return nil
	}
	r := illegal("party.registered", sub, "unknown", "no party "+quote(id)+" is registered",
		"register it first (party.body.registered), or correct the id")
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
