package projections

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"ledgerline/events/rulepack"
)

// violationAccesses is how many flagged calls a list of violations looks at.
const violationAccesses = 100_000

// flagged lists what calls broke, the latest recorded first, of the calls that the query
// can be about. How each broke it is left to detail: a list shows few of them.
func (w *View) flagged(ctx context.Context, r *reader, book *rulebook, names [][]string, q ViolationQuery, list *ViolationList) (out []Violation, err error) {
	if !book.aboutAccesses(q) {
		return nil, nil
	}
	low, high, err := w.accessPositions(q.From, q.To)
	if err != nil {
		return nil, err
	}
	looked, last := 0, int64(-1)
	err = r.tape(tapeFlags, low, high, true, func(e *taped) error {
		of, err := textsOf(names, e.names)
		if err != nil {
			return err
		}
		if !matches(q.Agreement, of[0]) || !matches(q.Entry, of[3]) || !within(e.times[0], q.From, q.To) ||
			q.Party != "" && q.Party != of[1] && q.Party != of[2] { // whoever broke it is one of the two
			return nil
		}
		if e.position != last {
			if last = e.position; looked == violationAccesses {
				list.LimitsHit = []string{LimitAccesses}
				return errEnough
			}
			if looked++; looked%4096 == 0 && ctx.Err() != nil {
				return ctx.Err()
			}
		}
		broken, err := book.brokenBy(e, of)
		out = append(out, broken...)
		return err
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return out, err
}

// brokenBy are the violations that an entry of tapeFlags shows, without what the flag of
// the call says in words; names are those of the entry.
func (book *rulebook) brokenBy(e *taped, names []string) ([]Violation, error) {
	rule, err := e.rule()
	if err != nil {
		return nil, err
	}
	v := Violation{Rule: rule, Party: names[2], Agreement: names[0], Entry: names[3], Time: e.times[0], Events: []int64{e.position}}
	if ofRecords(rule) {
		v.Party = names[1]
	}
	if shown := int64(e.times[1]); shown != 0 {
		v.Events = []int64{shown - 1, e.position}
	}
	return book.judge(v, map[string]string{"provider": names[1], "consumer": names[2]}), nil
}

// detail says how those were violations that tapes tell of: as the flag of the call does,
// the call being the last of the records that show it, or the row of the input, the first
// of whose records shows it.
func (w *View) detail(ctx context.Context, list []Violation) error {
	inputs := map[string][]uncoveredInput{} // by party
	return w.read(func(r *reader) error {
		for i := range list {
			v := &list[i]
			first, last := v.Events[0], v.Events[len(v.Events)-1]
			known := true
			switch {
			case v.Rule == RuleInputNotCovered:
				of, read := inputs[v.Party]
				if !read {
					var err error
					if of, err = r.uncoveredBy(ctx, v.Party); err != nil {
						return err
					}
					inputs[v.Party] = of
				}
				n := slices.IndexFunc(of, func(u uncoveredInput) bool { return u.Entry == v.Entry && u.First == first })
				if known = n >= 0; known {
					v.Detailed = of[n].detailed()
				}
			case slices.Contains(rulesOfAccess, v.Rule):
				a, _, err := r.access(last)
				if err != nil {
					return err
				}
				n := slices.IndexFunc(a.Flags, func(f Flag) bool { return f.Rule == v.Rule })
				if known = n >= 0; known {
					v.Detailed = a.Flags[n].Detailed
				}
			}
			if !known {
				return damagedBy(fmt.Errorf("a tape says that %s was broken at %d, and no row does", v.Rule, last))
			}
		}
		return nil
	})
}

// accessRules is how the rules of accesses begin.
const accessRules = "access."

// aboutAccesses tells whether a violation that the query selects can be of a call: by
// its rule, or because some pack gives the code to such a rule.
func (book *rulebook) aboutAccesses(q ViolationQuery) bool {
	if q.Rule != "" && !strings.HasPrefix(q.Rule, accessRules) {
		return false
	}
	if q.Code == "" {
		return true
	}
	return book != nil && slices.ContainsFunc(book.packs, func(p pack) bool {
		return slices.ContainsFunc(p.Violations, func(v rulepack.Violation) bool {
			return v.Code == q.Code && slices.ContainsFunc(v.Flags, func(rule string) bool { return strings.HasPrefix(rule, accessRules) })
		})
	})
}
