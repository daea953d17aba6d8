package api

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"ledgerline/events"
	"ledgerline/projections"
)

// A Role is what a principal may do here. Which routes each may use stands in the
// table of routes, which events each may append in appending; both are shown in
// docs/roles.md.
type Role string

// The roles.
const (
	RoleRegistrar Role = "registrar" // keeps parties, reference data and the catalog
	RoleReviewer  Role = "reviewer"  // the competent department: reviews, publishes, oversees
	RoleProvider  Role = "provider"  // a body that shares its data
	RoleConsumer  Role = "consumer"  // a body that gets data
	RoleOperator  Role = "operator"  // runs the exchange platform
	RoleIngest    Role = "ingest"    // a program that reports lineage, calls and measurements
	RoleAuditor   Role = "auditor"   // reads everything, appends nothing
	RoleAdmin     Role = "admin"     // erases, places holds; not who touched whose data
)

// allRoles in the order in which tables show them.
var allRoles = []Role{RoleRegistrar, RoleReviewer, RoleProvider, RoleConsumer, RoleOperator, RoleIngest, RoleAuditor, RoleAdmin}

// ParseRole reads a role by name.
func ParseRole(s string) (Role, error) {
	if slices.Contains(allRoles, Role(s)) {
		return Role(s), nil
	}
	return "", fmt.Errorf("%q is not a role; the roles are %s", s, roleNames(allRoles))
}

func roleNames(list []Role) string {
	names := make([]string, len(list))
	for i, r := range list {
		names[i] = string(r)
	}
	return strings.Join(names, ", ")
}

// A Principal is who asks, or appends.
type Principal struct {
	// Name is what the ledger records with all that it appends.
	Name  string
	Roles []Role
	// Parties are the bodies it speaks for; none means that it is not bound to one.
	Parties []string
	// Regions are codes of areas such as 330100, or beginnings of them such as 33,
	// in which its bodies have to be; none means everywhere.
	Regions []string
	// ReadParties and ReadRegions bound what it may read to what concerns one of these
	// bodies, or a body in one of these areas: see projections.Scope. None of either means
	// everything that its roles may read.
	ReadParties, ReadRegions []string
	// Withhold are the fields of events that it is kept from, whatever its roles may read:
	// see events.WithholdableFields.
	Withhold []string
}

// has reports whether the principal holds one of the roles.
func (p Principal) has(roles []Role) bool {
	return slices.ContainsFunc(p.Roles, func(r Role) bool { return slices.Contains(roles, r) })
}

// check refuses what no principal may be.
func (p Principal) check() error {
	switch {
	case p.Name == "":
		return errors.New("a principal needs a name: the ledger records it with its writes")
	case len(p.Roles) == 0:
		return fmt.Errorf("a principal needs a role: %s", roleNames(allRoles))
	case p.has([]Role{RoleAdmin}) && p.has([]Role{RoleAuditor}):
		return errApart
	case len(p.Parties) == 0 && p.has([]Role{RoleProvider, RoleConsumer}):
		return errors.New("a provider or consumer speaks for a party: name it")
	}
	for _, r := range p.Roles {
		if _, err := ParseRole(string(r)); err != nil {
			return err
		}
	}
	for _, list := range [][]string{p.Parties, p.Regions, p.ReadParties, p.ReadRegions} {
		if slices.ContainsFunc(list, func(s string) bool { return strings.TrimSpace(s) == "" }) {
			return errors.New("a party or region has no name: leave it out")
		}
	}
	return events.CheckWithheld(p.Withhold)
}

// errApart: who could remove traces must not be who looks for them.
var errApart = errors.New("admin and auditor are kept apart: one principal may not hold both")

// appending says which roles may append events of which types. The longest row that
// a type begins with counts.
var appending = []struct {
	prefix string
	roles  []Role
}{
	{"access.", []Role{RoleProvider, RoleOperator, RoleIngest}},
	{"access.anomaly.", []Role{RoleReviewer, RoleProvider, RoleOperator, RoleIngest}},
	{"catalog.", []Role{RoleRegistrar, RoleProvider}},
	{"catalog.entry.assessed", []Role{RoleRegistrar, RoleReviewer, RoleProvider}},
	{"catalog.entry.published", []Role{RoleReviewer}},
	{"catalog.entry.returned", []Role{RoleReviewer}},
	{"catalog.entry.resumed", []Role{RoleReviewer, RoleProvider}},
	{"catalog.entry.suspended", []Role{RoleReviewer, RoleProvider}},
	{"catalog.entry.withdrawn", []Role{RoleReviewer, RoleProvider}},
	{"catalog.region_summary.", []Role{RoleReviewer}},
	{"catalog.resource.", []Role{RoleRegistrar, RoleProvider, RoleOperator, RoleIngest}},
	{"catalog.source.", []Role{RoleRegistrar, RoleReviewer}},
	{"catalog.update_duty.", []Role{RoleReviewer, RoleProvider}},
	{"correction.", []Role{RoleReviewer, RoleProvider, RoleConsumer}},
	{"disposal.", []Role{RoleProvider, RoleConsumer}},
	{"dispute.", []Role{RoleReviewer, RoleProvider, RoleConsumer}},
	{"ledger.correction.", []Role{RoleRegistrar, RoleReviewer, RoleProvider, RoleConsumer, RoleOperator}},
	{"ledger.import.", []Role{RoleRegistrar, RoleReviewer, RoleProvider, RoleConsumer, RoleOperator, RoleIngest}},
	{"ledger.verification.", []Role{RoleReviewer, RoleProvider, RoleConsumer}},
	{"lineage.", []Role{RoleProvider, RoleConsumer, RoleOperator, RoleIngest}},
	{"oversight.", []Role{RoleReviewer}},
	{"oversight.complaint.received", []Role{RoleReviewer, RoleProvider, RoleConsumer}},
	{"oversight.rectification.reported", []Role{RoleReviewer, RoleProvider, RoleConsumer}},
	{"party.", []Role{RoleRegistrar}},
	{"party.key.", []Role{RoleRegistrar, RoleProvider, RoleConsumer}},
	{"party.signing.", []Role{RoleRegistrar, RoleProvider, RoleConsumer}},
	{"quality.accountability.", []Role{RoleReviewer}},
	{"quality.issue.", []Role{RoleReviewer, RoleProvider, RoleConsumer, RoleOperator}},
	{"quality.rule.", []Role{RoleRegistrar, RoleReviewer, RoleProvider}},
	{"quality.run.", []Role{RoleProvider, RoleOperator, RoleIngest}},
	{"reference.", []Role{RoleRegistrar}},
	{"rights.", []Role{RoleProvider, RoleConsumer}},
	{"security.entrustment.", []Role{RoleReviewer, RoleProvider}},
	{"security.incident.", []Role{RoleReviewer, RoleProvider, RoleConsumer, RoleOperator}},
	{"share.agreement.", []Role{RoleReviewer, RoleProvider}},
	{"share.delivery.", []Role{RoleProvider, RoleConsumer, RoleOperator, RoleIngest}},
	{"share.need.", []Role{RoleReviewer, RoleProvider, RoleConsumer}},
	{"share.onward.", []Role{RoleProvider, RoleConsumer}},
	{"share.provision.", []Role{RoleProvider, RoleOperator}},
	{"share.recall.", []Role{RoleProvider, RoleConsumer}},
	{"share.request.", []Role{RoleReviewer, RoleProvider, RoleConsumer}},
	{"share.return_flow.", []Role{RoleProvider, RoleOperator}},
	{"usage.", []Role{RoleConsumer}},
}

// mayAppend are the roles that may append a type; none for one that is not known.
func mayAppend(typ string) []Role {
	var roles []Role
	longest := 0
	for _, row := range appending {
		if len(row.prefix) > longest && strings.HasPrefix(typ, row.prefix) {
			roles, longest = row.roles, len(row.prefix)
		}
	}
	return roles
}

// admit refuses events that the principal may not append: types that its roles do
// not cover, and the names of bodies that it does not speak for. regionOf tells
// where a body is; it is asked of principals that are bound to regions only.
func (p Principal) admit(batch []events.Event, regionOf func(party string) (string, error)) error {
	for i := range batch {
		e := &batch[i]
		typ, ok := events.Lookup(e.Type)
		if !ok || typ.Reserved {
			continue // the ledger refuses it, with a fix
		}
		if roles := mayAppend(e.Type); !p.has(roles) {
			return forbidden(i, "auth.event-type", "/type", fmt.Sprintf("%s may not append %s", p.Name, e.Type), "use a token with one of the roles "+roleNames(roles))
		}
		if len(p.Parties) == 0 && len(p.Regions) == 0 {
			continue
		}
		if err := p.speaks(i, e, typ, regionOf); err != nil {
			return err
		}
	}
	return nil
}

// speaks refuses an event in the name of a body that the principal does not speak
// for.
func (p Principal) speaks(i int, e *events.Event, typ events.Type, regionOf func(string) (string, error)) error {
	speakers := slices.DeleteFunc(typ.Speakers(e.Data), func(s string) bool { return s == "" })
	fix := "speak for one of them, or use the token of the body that speaks"
	if len(p.Parties) > 0 {
		mine := strings.Join(p.Parties, ", ")
		own := func(party string) bool { return slices.Contains(p.Parties, party) }
		switch {
		case e.Party != "" && !own(e.Party):
			return forbidden(i, "auth.party", "/party", fmt.Sprintf("%s speaks for %s, not for %s", p.Name, mine, e.Party), fix)
		case e.Party == "" && (e.Actor != "" || e.OnBehalfOf != ""):
			return forbidden(i, "auth.party", "/party", "the event says who acted, but not for which party", "give the attribute party: one of "+mine)
		case len(speakers) > 0 && !slices.ContainsFunc(speakers, own):
			return forbidden(i, "auth.party", "/data", fmt.Sprintf("%s speaks for %s, not for %s", p.Name, mine, strings.Join(speakers, ", ")), fix)
		}
	}
	if len(p.Regions) == 0 {
		return nil
	}
	if e.Party != "" {
		speakers = append(speakers, e.Party)
	}
	for _, party := range speakers {
		region, err := regionOf(party)
		if err != nil {
			return err
		}
		if r, ok := e.Data.(*events.PartyRegistered); ok && r.Party == party {
			region = r.Region
		}
		if !p.covers(region) {
			return forbidden(i, "auth.region", "/data", fmt.Sprintf("%s is in region %q; %s acts in %s", party, region, p.Name, strings.Join(p.Regions, ", ")), "use the token of somebody who acts there")
		}
	}
	return nil
}

// covers tells whether an area is one of the principal's or lies in it.
func (p Principal) covers(region string) bool {
	return len(p.Regions) == 0 || slices.ContainsFunc(p.Regions, func(r string) bool { return projections.InArea(r, region) })
}

func forbidden(index int, rule, field, detail, fix string) error {
	return &events.Refusal{Rule: rule, Class: events.Forbidden, Index: index, Field: field, Detail: detail, Fix: fix}
}
