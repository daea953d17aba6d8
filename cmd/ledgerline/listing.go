package main

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"ledgerline/events"
	"ledgerline/projections"
)

// A listing is a command that asks one route for a list. Its flags are parameters of
// the route, with - for _.
type listing[R any] struct {
	use, short, long, example string
	path                      string
	filters                   map[string]string // parameter and what it selects
	moments                   []string          // those of the parameters that are times
	validAt                   bool              // the route knows what was in force when
	whole                     bool              // the answer is no list, and comes in one part
	show                      func(*program, R) (next string, err error)
}

// command makes it. What stands behind the name goes into the path.
func (l listing[R]) command(p *program) *cobra.Command {
	var q question
	given := map[string]*string{}
	c := &cobra.Command{
		Use: l.use, Short: l.short, Long: l.long, Example: l.example, Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			v := url.Values{}
			for name, text := range given {
				value := *text
				if slices.Contains(l.moments, name) {
					var err error
					if value, err = moment(value); err != nil {
						return usage("--%s %s: %w", name, *text, err)
					}
				}
				set(v, name, value)
			}
			return ask(c, p, &q, l.path, v, func(r R) (string, error) { return l.show(p, r) })
		},
	}
	q.flags(c)
	if !l.whole {
		q.pageFlags(c)
	}
	if l.validAt {
		q.validFlag(c)
	}
	for name, help := range l.filters {
		given[name] = c.Flags().String(strings.ReplaceAll(name, "_", "-"), "", help)
	}
	return c
}

func agreementsCommand(p *program) *cobra.Command {
	return listing[projections.AgreementList]{
		use: "agreements", short: "List who shares what with whom, for what, until when, and who approved it",
		example: `  ledgerline agreements --entry DS01 --column gmsfhm --valid-at 2025-11-03 --server http://127.0.0.1:8420`,
		path:    "/v1/agreements", validAt: true,
		filters: map[string]string{
			"party": "provider or consumer", "provider": "who provides", "consumer": "who gets it", "entry": "a catalog entry that is shared",
			"column": "an item that is shared", "purpose": "a purpose it is for", "request": "the request it came of", "state": "active, suspended, terminated, expired or fulfilled", "imported": onlyImported,
		},
		show: func(p *program, list projections.AgreementList) (string, error) {
			t := newTable("ID", "PROVIDER", "CONSUMER", "GRANTS", "PURPOSES", "STATE", "IN FORCE", "SINCE", "TERM TO", "APPROVED BY")
			for _, a := range list.Agreements {
				t.row(marked(a.ID, a.Imported), a.Provider, a.Consumer, granted(a.Grants), strings.Join(a.Purposes, ","), a.State, strconv.FormatBool(a.InForce), local(a.Since), local(a.TermTo), a.ApprovedBy)
			}
			return list.Next, t.write(p.out, "no agreements")
		},
	}.command(p)
}

// marked marks what is from before the ledger, and no native evidence.
func marked(s string, imported bool) string {
	if imported {
		s += " (imported)"
	}
	return s
}

// onlyImported is the help of the filter for it.
const onlyImported = "true: only what is from before the ledger; false: only the rest"

// granted writes what is granted of each entry.
func granted(grants []events.Grant) string {
	var parts []string
	for _, g := range grants {
		parts = append(parts, g.Entry+": "+strings.Join(g.Items, " "))
	}
	return strings.Join(parts, "; ")
}

func findingsCommand(p *program) *cobra.Command {
	return listing[projections.FindingList]{
		use: "findings", short: "List quality issues: what is wrong with which data, and who has to put it right",
		example: `  ledgerline findings --entry DS23 --valid-at 2026-01-20 --server http://127.0.0.1:8420`,
		path:    "/v1/findings", validAt: true,
		filters: map[string]string{
			"entry": "the catalog entry concerned", "party": "who reported it, answers for the entry or was assigned it", "state": "reported, accepted, assigned, closed and others",
			"severity": "blocking, major or minor", "open": "true: neither closed nor rejected",
		},
		show: func(p *program, list projections.FindingList) (string, error) {
			t := newTable("ID", "ENTRY", "ITEMS", "SYMPTOM", "SEVERITY", "REPORTED", "BY", "ASSIGNED", "STATE", "MARKED", "OUTCOME")
			for _, f := range list.Findings {
				t.row(marked(f.ID, f.Imported), f.Entry, strings.Join(f.Items, ","), f.Symptom, f.Severity, local(f.Reported), f.By, f.Assigned, f.State, strconv.FormatBool(f.Marked), f.Outcome)
			}
			return list.Next, t.write(p.out, "no findings")
		},
	}.command(p)
}

func checksCommand(p *program) *cobra.Command {
	return listing[projections.CheckList]{
		use: "checks", short: "List what tests of data found: by published rules, and in OpenLineage runs",
		example: `  ledgerline checks --entry DS23 --outcome fail --server http://127.0.0.1:8420`,
		path:    "/v1/checks", validAt: true,
		filters: map[string]string{
			"entry": "what was tested of a catalog entry and the datasets that it describes", "dataset": "the dataset tested, as namespace/name", "column": "a column or an item",
			"outcome": "pass, fail or skip", "severity": "as sent, such as error", "run": "all that one run or measurement found",
		},
		show: func(p *program, list projections.CheckList) (string, error) {
			t := newTable("TIME", "OUTCOME", "ON", "CHECK", "SEVERITY", "CONFORMING", "RUN", "POSITION")
			for _, k := range list.Checks {
				var on []string
				for _, i := range k.On {
					on = append(on, strings.TrimSuffix(i.Entry+"."+i.Item, "."))
				}
				if k.Dataset != nil && len(on) == 0 {
					on = append(on, strings.TrimSuffix(k.Dataset.Namespace+"/"+k.Dataset.Name+"#"+k.Column, "#"))
				}
				conforming := ""
				if k.Measured > 0 {
					conforming = fmt.Sprintf("%d of %d", k.Conforming, k.Measured)
				}
				t.row(local(k.Time), marked(k.Outcome, k.Imported), strings.Join(on, " "), strings.TrimSpace(k.Rule+k.Assertion+" "+k.Name), k.Severity, conforming, k.Run, number(k.Position))
			}
			return list.Next, t.write(p.out, "no checks")
		},
	}.command(p)
}

func partiesCommand(p *program) *cobra.Command {
	return listing[projections.PartyList]{
		use: "parties", short: "List the registered bodies with their roles, and what became of them",
		example: `  ledgerline parties --valid-at 2025-10-01 --server http://127.0.0.1:8420`,
		path:    "/v1/parties", validAt: true,
		filters: map[string]string{
			"kind": "department, authority, platform, contractor and others", "region": "the region code", "level": "national, provincial, city and others",
			"role": "a role it holds, such as collector_for", "state": "registered, merged or dissolved",
		},
		show: func(p *program, list projections.PartyList) (string, error) {
			t := newTable("ID", "NAME", "KIND", "REGION", "STATE", "SUCCESSOR", "PREDECESSORS", "ROLES", "SINCE")
			for _, b := range list.Parties {
				var roles []string
				for _, r := range b.Roles {
					roles = append(roles, strings.TrimSpace(r.Role+" "+r.Scope))
				}
				t.row(marked(b.ID, b.Imported), both(b.Name, b.NameEN), b.Kind, b.Region, b.State, b.Successor, strings.Join(b.Predecessors, ","), strings.Join(roles, "; "), local(b.Since))
			}
			return list.Next, t.write(p.out, "no parties")
		},
	}.command(p)
}

func requestsCommand(p *program) *cobra.Command {
	return listing[projections.RequestList]{
		use: "requests", short: "List who asked whom for what, and what came of it",
		example: `  ledgerline requests --state refused --valid-at 2025-09-30 --server http://127.0.0.1:8420`,
		path:    "/v1/requests", validAt: true, moments: []string{"from", "to"},
		filters: map[string]string{
			"party": "who asked or was asked", "provider": "who was asked", "consumer": "who asked", "entry": "a catalog entry asked for", "column": "an item asked for", "purpose": "a purpose it is for",
			"state": "submitted, received, granted, partially_granted, refused and others", "from": "submitted at this time or later", "to": "submitted before this time",
		},
		show: func(p *program, list projections.RequestList) (string, error) {
			t := newTable("ID", "PROVIDER", "CONSUMER", "SUBMITTED", "RECEIVED", "ANSWERED", "STATE", "GROUND", "BASIS", "EXTENDED", "CONSENT", "APPROVED BY")
			for _, r := range list.Requests {
				t.row(marked(r.ID, r.Imported), r.Provider, r.Consumer, local(r.Submitted), local(r.Received), local(r.Answered), r.State, r.Ground, r.Basis, strconv.Itoa(r.Extended), r.Consent, r.AnswerApprover)
			}
			return list.Next, t.write(p.out, "no requests")
		},
	}.command(p)
}

func sharesCommand(p *program) *cobra.Command {
	return listing[projections.ShareList]{
		use: "shares", short: "List who shared what with whom and when: requests, agreements, deliveries, calls, disposal",
		example: `  ledgerline shares --consumer D03 --entry DS02 --server http://127.0.0.1:8420`,
		path:    "/v1/shares", validAt: true, moments: []string{"from", "to"},
		filters: map[string]string{
			"provider": "who provides", "consumer": "who gets it", "entry": "the catalog entry shared", "column": "the item shared", "purpose": "the purpose it was for",
			"dataset": "a dataset that the entry describes", "imported": onlyImported, "from": "at this time or later", "to": "before this time",
		},
		show: func(p *program, list projections.ShareList) (string, error) {
			t := newTable("POSITION", "TIME", "TYPE", "AGREEMENT", "PROVIDER", "CONSUMER", "STATE", "ROWS", "ITEMS")
			for _, s := range list.Shares {
				var items []string
				for _, i := range s.Items {
					items = append(items, i.Entry+": "+strings.Join(i.Items, " "))
				}
				t.row(number(s.Position), local(s.Time), marked(s.Type, s.Imported), s.Agreement, s.Provider, s.Consumer, s.State, strconv.Itoa(s.Rows), strings.Join(items, "; "))
			}
			return list.Next, t.write(p.out, "nothing was shared")
		},
	}.command(p)
}

func accessesCommand(p *program) *cobra.Command {
	return listing[projections.AccessList]{
		use: "accesses", short: "List recorded calls and sealed batches of them, each judged against its agreement",
		example: `  ledgerline accesses --flagged true --provider D07 --server http://127.0.0.1:8420`,
		path:    "/v1/accesses", validAt: true, moments: []string{"from", "to"},
		filters: map[string]string{
			"provider": "who was called", "consumer": "who called", "agreement": "the agreement named", "entry": "the catalog entry accessed", "column": "a column accessed",
			"purpose": "the purpose stated", "credential": "digest of the credential", "system": "the application that called", "actor": "pseudonymous key of the person who called", "result": "ok, empty, denied or error", "type": "such as access.batch.sealed",
			"flagged": "true: only what broke a rule", "imported": onlyImported, "from": "made at this time or later", "to": "made before this time",
		},
		show: func(p *program, list projections.AccessList) (string, error) { return list.Next, p.accesses(list) },
	}.command(p)
}

// accesses prints what was recorded of calls.
func (p *program) accesses(list projections.AccessList) error {
	t := newTable("POSITION", "TIME", "TYPE", "CONSUMER", "OPERATOR", "AGREEMENT", "ENTRY", "COLUMNS", "ROWS", "RESULT", "BROKE")
	for _, a := range list.Accesses {
		var rules []string
		for _, f := range a.Flags {
			rules = append(rules, f.Rule)
		}
		result := strings.TrimSpace(a.Result + " " + a.Reason)
		if a.Gap != nil { // it stands where calls may be missing
			result = "missing: " + a.Gap.Cause
		}
		t.row(number(a.Position), local(a.Time), marked(a.Type, a.Imported), a.Consumer, a.Operator, a.Agreement, a.Entry, strings.Join(a.Columns, " "), strconv.Itoa(a.RowCount),
			result, strings.Join(rules, " "))
	}
	return t.write(p.out, "no calls")
}
