package events

import (
	"fmt"
	"slices"
	"strings"
)

// moves is the state machine of a kind of subject: in each stage, the types that
// are accepted ("" is the stage of a subject to which nothing happened). What is
// not listed is refused, and the refusal says what would be accepted.
type moves map[string][]string

// check refuses an event whose type does not follow on the stage.
func (m moves) check(typ string, sub Subject, stage string) error {
	possible := m[stage]
	if slices.Contains(possible, typ) {
		return nil
	}
	state := stageName(stage)
	fix := "nothing follows on that; use another id for something new"
	if len(possible) > 0 {
		fix = "accepted now: " + list(possible)
	}
	return illegal(sub.Kind+".stage", sub, state, fmt.Sprintf("%s does not follow on %q", typ, state), "%s", fix)
}

// by is check for acts of a party, which has to be registered. The field is by.
func (m moves) by(s States, typ string, sub Subject, stage, by string) error {
	if err := m.check(typ, sub, stage); err != nil {
		return err
	}
	return registered(s, "/data/by", by)
}

// stageName names a stage for messages.
func stageName(stage string) string {
	if stage == "" {
		return "unknown"
	}
	return stage
}

// fault is a refusal of an act in the present state of its subject, at a field.
func fault(rule, field string, sub Subject, stage, detail, fix string, args ...any) error {
	r := illegal(rule, sub, stageName(stage), detail, fix, args...)
	r.Field = "/data/" + field
	return r
}

// only refuses an act by a party that is none of those named nor succeeds one of
// them. Imported events are not asked: who succeeded whom before the ledger, it
// does not know. The field is by.
func only(s States, rule string, sub Subject, stage, by string, allowed ...string) error {
	if s.Imported {
		return nil
	}
	for _, a := range allowed {
		if a != "" && succeeds(s, by, a) {
			return nil
		}
	}
	return fault(rule, "by", sub, stage, quote(by)+" cannot decide this", "accepted from %s", strings.Join(slices.DeleteFunc(slices.Clone(allowed), func(a string) bool { return a == "" }), " or "))
}

// succeeds tells whether by is the party, or what became of it by mergers. The
// chain is short: a party that is merged twice stands behind two links.
func succeeds(s States, by, party string) bool {
	for range 16 {
		if by == party {
			return true
		}
		if party = stateOf[Party](s, partySubject(party)).Successor; party == "" {
			return false
		}
	}
	return false
}

// authority refuses a party that is no competent department: neither of that
// kind, nor assigned the role for the region. An empty region stands for any.
func authority(s States, field, id, region string) error {
	if err := registered(s, "/data/"+field, id); err != nil || s.Imported {
		return err
	}
	p := stateOf[Party](s, partySubject(id))
	if p.Kind == "authority" && (region == "" || p.Region == region) {
		return nil
	}
	for _, r := range p.Roles {
		if r.Role == RoleAuthority && (region == "" || r.Scope == region) {
			return nil
		}
	}
	where := "a competent department"
	if region != "" {
		where = "the competent department of region " + region
	}
	return fault("party.competent", field, partySubject(id), p.Stage, quote(id)+" is not "+where, "name it, or assign the role authority_for first (party.role.assigned)")
}

// authorityOr refuses a party that is neither a competent department nor one of
// those named.
func authorityOr(s States, rule string, sub Subject, stage, by string, allowed ...string) error {
	if authority(s, "by", by, "") == nil {
		return nil
	}
	if err := registered(s, "/data/by", by); err != nil {
		return err
	}
	return only(s, rule, sub, stage, by, allowed...)
}
