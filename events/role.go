package events

import "slices"

// The roles of parties.
const (
	RoleAuthority     = "authority_for"        // competent department for the region in Scope
	RoleSource        = "source_dept_for"      // leads the collection of what Scope names
	RoleCollector     = "collector_for"        // collects into a basic library by mandate
	RoleOperator      = "operator_of"          // runs a platform or system, such as the jobs of an OpenLineage namespace
	RoleAdministrator = "ledger_administrator" // runs this ledger
	RoleAuditor       = "auditor"              // reads all of it
)

var partyRoles = []string{RoleAuthority, RoleSource, RoleCollector, RoleOperator, RoleAdministrator, RoleAuditor}

var roleTypes = []Type{
	act[RoleAssigned, Party]("party.role.assigned"),
	act[RoleRevoked, Party]("party.role.revoked"),
	act[SharingBodyDesignated, Party]("party.sharing_body.designated"),
}

// RoleState is a role that a party holds.
type RoleState struct {
	Role  string `json:"role"`
	Scope string `json:"scope,omitzero"`
}

// SharingOffice is a sharing body of a party and the term of its head, [From, To).
type SharingOffice struct {
	Unit string `json:"unit"`
	Head string `json:"head"`
	From Time   `json:"from"`
	To   Time   `json:"to,omitzero"`
}

// RoleAssigned gives a party a role.
type RoleAssigned struct {
	Party string `json:"party"`
	// Role is authority_for, source_dept_for, collector_for, operator_of,
	// ledger_administrator or auditor.
	Role string `json:"role"`
	// Scope is what the role is for: a region, a library, a platform.
	Scope string `json:"scope,omitzero"`
	// Basis is the instrument that gives the role.
	Basis string `json:"basis,omitzero"`
}

// RoleRevoked takes a role from a party.
type RoleRevoked struct {
	Party string `json:"party"`
	Role  string `json:"role"`
	Scope string `json:"scope,omitzero"`
	Basis string `json:"basis,omitzero"`
}

// SharingBodyDesignated names the unit of a party that requests and answers for
// it, and the unit's head. A later designation of the same unit ends the term of
// the head before.
type SharingBodyDesignated struct {
	Party string `json:"party"`
	Unit  string `json:"unit"`
	// Head is the pseudonymous key of the person who heads the unit.
	Head string `json:"head"`
	// From and To bound the term, [from, to); To may be open.
	From Time `json:"from"`
	To   Time `json:"to,omitzero"`
}

func (e *RoleAssigned) Subject() Subject          { return partySubject(e.Party) }
func (e *RoleRevoked) Subject() Subject           { return partySubject(e.Party) }
func (e *SharingBodyDesignated) Subject() Subject { return partySubject(e.Party) }

func (e *RoleAssigned) names() []Name          { return parties(e.Party) }
func (e *RoleRevoked) names() []Name           { return parties(e.Party) }
func (e *SharingBodyDesignated) names() []Name { return parties(e.Party) }

func (e *RoleAssigned) needs() []Subject          { return nil }
func (e *RoleRevoked) needs() []Subject           { return nil }
func (e *SharingBodyDesignated) needs() []Subject { return nil }

func (e *RoleAssigned) validate(c checker) {
	c.required("party", e.Party, MaxID)
	c.oneOf("role", e.Role, partyRoles)
	c.text("scope", e.Scope, MaxID)
	c.text("basis", e.Basis, MaxName)
	if e.Role == RoleAuthority && e.Scope == "" {
		c.refuse("field.required", "scope", "a competent department is competent for a region", "send the code of the region")
	}
}

func (e *RoleRevoked) validate(c checker) {
	c.required("party", e.Party, MaxID)
	c.oneOf("role", e.Role, partyRoles)
	c.text("scope", e.Scope, MaxID)
	c.text("basis", e.Basis, MaxName)
}

func (e *SharingBodyDesignated) validate(c checker) {
	c.required("party", e.Party, MaxID)
	c.required("unit", e.Unit, MaxName)
	c.required("head", e.Head, MaxID)
	c.time("from", e.From)
	c.optionalTime("to", e.To)
	c.before("to", e.From, e.To)
}

// check holds to rule I-29: who runs the ledger does not audit it.
func (e *RoleAssigned) check(s States) error {
	now := stateOf[Party](s, e.Subject())
	if err := partyMoves.check("party.role.assigned", e.Subject(), now.Stage); err != nil {
		return err
	}
	apart := map[string]string{RoleAuditor: RoleAdministrator, RoleAdministrator: RoleAuditor}[e.Role]
	for _, r := range now.Roles {
		switch {
		case r == RoleState{e.Role, e.Scope}:
			return fault("party.role-once", "role", e.Subject(), now.Stage, "the party already holds the role", "nothing is left to do")
		case apart != "" && r.Role == apart:
			return fault("party.roles-apart", "role", e.Subject(), now.Stage, "the party holds the role "+apart+", which excludes "+e.Role,
				"assign it to another party, or revoke %s first", apart)
		}
	}
	return nil
}

func (e *RoleRevoked) check(s States) error {
	now := stateOf[Party](s, e.Subject())
	if err := partyMoves.check("party.role.revoked", e.Subject(), now.Stage); err != nil {
		return err
	}
	if !slices.Contains(now.Roles, RoleState{e.Role, e.Scope}) {
		return fault("party.role-held", "role", e.Subject(), now.Stage, "the party does not hold the role for that scope", "name a role it holds, with its scope")
	}
	return nil
}

func (e *SharingBodyDesignated) check(s States) error {
	return partyMoves.check("party.sharing_body.designated", e.Subject(), stateOf[Party](s, e.Subject()).Stage)
}

func (e *RoleAssigned) apply(p *Party) {
	p.Roles = append(slices.Clone(p.Roles), RoleState{e.Role, e.Scope})
}

func (e *RoleRevoked) apply(p *Party) {
	p.Roles = slices.DeleteFunc(slices.Clone(p.Roles), func(r RoleState) bool { return r == RoleState{e.Role, e.Scope} })
}

func (e *SharingBodyDesignated) apply(p *Party) {
	heads := slices.Clone(p.Heads)
	for i, h := range heads {
		if h.Unit == e.Unit && h.From < e.From && (h.To == 0 || h.To > e.From) {
			heads[i].To = e.From
		}
	}
	p.Heads = append(heads, SharingOffice{e.Unit, e.Head, e.From, e.To})
}

// headOf refuses an approval by a person who did not head a sharing body of the
// party when the event happened (rule I-09). Imported events are not asked.
func headOf(s States, field, party, person string) error {
	if s.Imported {
		return nil
	}
	sub := partySubject(party)
	p := stateOf[Party](s, sub)
	for _, h := range p.Heads {
		if h.Head == person && s.Time >= h.From && (h.To == 0 || s.Time < h.To) {
			return nil
		}
	}
	return fault("party.sharing-head", field, sub, p.Stage, "the person headed no sharing body of "+quote(party)+" at "+s.Time.String(),
		"send the key of the head, or designate the sharing body first (party.sharing_body.designated)")
}
