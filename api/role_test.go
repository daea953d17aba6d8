package api

import (
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"ledgerline/events"

	"github.com/go-chi/chi/v5"
)

// principals mints a token for a principal of each role; those of bodies speak for D03.
func principals(t testing.TB) (*Tokens, map[Role]string) {
	t.Helper()
	tokens, err := LoadTokens(filepath.Join(t.TempDir(), "tokens.json"))
	if err != nil {
		t.Fatal(err)
	}
	bearer := map[Role]string{}
	for _, r := range allRoles {
		p := Principal{Name: "the-" + string(r), Roles: []Role{r}}
		if r == RoleProvider || r == RoleConsumer {
			p.Parties = []string{"D03"}
		}
		bearer[r] = mint(t, tokens, p, time.Time{})
	}
	return tokens, bearer
}

// TestEveryRouteHasARow walks the router: whatever it serves stands in the table of
// routes with who may use it, and what the table says is what happens to a principal
// of each role, and to nobody.
func TestEveryRouteHasARow(t *testing.T) {
	tokens, bearer := principals(t)
	closed := newFixture(t, func(o *Options) { o.Dev, o.Tokens = false, tokens })
	open := newFixture(t, func(o *Options) { o.Dev, o.Tokens, o.PublicReads, o.PublicLog = false, tokens, true, true })
	rows := map[string]route{}
	for _, rt := range routes() {
		rows[rt.method+" "+rt.path] = rt
		if !rt.who.public && len(rt.who.roles) == 0 {
			t.Errorf("%s %s: nobody may use it", rt.method, rt.path)
		}
	}
	walked := 0
	err := chi.Walk(closed.server.handler.(chi.Routes), func(method, path string, _ http.Handler, _ ...func(http.Handler) http.Handler) error {
		rt, ok := rows[method+" "+path]
		if !ok && len(path) > 1 {
			rt, ok = rows[method+" "+strings.TrimSuffix(path, "/")]
		}
		if !ok {
			t.Errorf("%s %s is served, and no row says who may use it", method, path)
			return nil
		}
		walked++
		url := strings.NewReplacer("{position}", "0", "{id}", "x", "{name}", "x", "*", "0/000").Replace(path)
		if path == "/v1/events/stream" {
			url += "?from=99" // refused after who asks is known, instead of going on
		}
		may := func(f *fixture, who string) bool {
			headers := []string{"Content-Type", "application/json"}
			if who != "" {
				headers = append(headers, "Authorization", "Bearer "+who)
			}
			r := f.do(method, url, "", headers...)
			return r.status != http.StatusUnauthorized && r.status != http.StatusForbidden
		}
		if may(closed, "") != rt.who.public {
			t.Errorf("%s %s: open to anybody: %v, and its row says %v", method, path, !rt.who.public, rt.who.public)
		}
		if got, want := may(open, ""), rt.who.public || rt.who.reads || rt.who.log; got != want {
			t.Errorf("%s %s: open to anybody when reads and the log are: %v, want %v", method, path, got, want)
		}
		for _, role := range allRoles {
			if got, want := may(closed, bearer[role]), allows(rt.who, role); got != want {
				t.Errorf("%s %s: %s: %v, its row says %v", method, path, role, got, want)
			}
		}
		return nil
	})
	if err != nil || walked < len(rows) {
		t.Errorf("walked %d routes of %d rows, %v", walked, len(rows), err)
	}
}

// TestEveryTypeHasARow: each type that is sent can be appended by somebody, each row
// is about some type, and neither auditor nor admin appends anything.
func TestEveryTypeHasARow(t *testing.T) {
	used := map[string]bool{}
	for _, typ := range events.Types() {
		if typ.Reserved {
			continue
		}
		longest := ""
		for _, row := range appending {
			if strings.HasPrefix(typ.Name, row.prefix) && len(row.prefix) > len(longest) {
				longest = row.prefix
			}
		}
		used[longest] = true
		if len(mayAppend(typ.Name)) == 0 {
			t.Errorf("nobody may append %s", typ.Name)
		}
	}
	for _, row := range appending {
		if !used[row.prefix] {
			t.Errorf("no type begins with %s, or a longer row stands for each", row.prefix)
		}
		if slices.Contains(row.roles, RoleAuditor) || slices.Contains(row.roles, RoleAdmin) {
			t.Errorf("%s: auditors and admins append nothing", row.prefix)
		}
	}
}

// TestWhoMayAppend goes through what a principal may not append, and what it is told.
func TestWhoMayAppend(t *testing.T) {
	tokens, bearer := principals(t)
	bearer["hz"] = mint(t, tokens, Principal{Name: "hz", Roles: []Role{RoleRegistrar}, Regions: []string{"3301"}}, time.Time{})
	f := newFixture(t, func(o *Options) { o.Tokens = tokens })
	for id, region := range map[string]string{"D03": "330100", "D09": "330200"} {
		f.post(ce("reg-"+id, "party.body.registered", `{"party":"`+id+`","name":"x","kind":"department","region":"`+region+`","level":"city"}`))
	}
	f.caughtUp()
	size := f.ledger.Head().Size
	rename := func(party string) string { return `{"party":"` + party + `","name":"y","basis":"z"}` }
	issue := func(by string) string {
		return `{"issue":"Q1","by":"` + by + `","entry":"DS1","items":["x"],"dimension":"GB36344:0302","symptom":"missing","severity":"major","description":"no date"}`
	}
	for _, c := range []struct {
		name        string
		who         Role
		typ, data   string
		attributes  []string
		rule, field string
	}{
		{"another role's type", RoleProvider, "party.body.renamed", rename("D03"), nil, "auth.event-type", "/type"},
		{"measurements by a registrar", RoleRegistrar, "quality.issue.reported", issue("D03"), nil, "auth.event-type", "/type"},
		{"another's data", RoleProvider, "quality.issue.reported", issue("D09"), nil, "auth.party", "/data"},
		{"another's attribute", RoleProvider, "quality.issue.reported", issue("D03"), []string{"party", `"D09"`}, "auth.party", "/party"},
		{"an actor of nobody", RoleProvider, "quality.issue.reported", issue("D03"), []string{"actor", `"k1"`}, "auth.party", "/party"},
		{"on behalf of another", RoleConsumer, "quality.issue.reported", issue("D03"), []string{"onbehalfof", `"D09"`}, "auth.party", "/party"},
		{"another region", "hz", "party.body.renamed", rename("D09"), nil, "auth.region", "/data"},
		{"a region it is told", "hz", "party.body.registered", `{"party":"D10","name":"x","kind":"department","region":"440100","level":"city"}`, nil, "auth.region", "/data"},
		{"a party without a region", "hz", "party.body.renamed", rename("D99"), nil, "auth.region", "/data"},
	} {
		r := f.do("POST", "/v1/events", ce("no-"+c.name, c.typ, c.data, c.attributes...), "Content-Type", "application/cloudevents+json", "Authorization", "Bearer "+bearer[c.who])
		p := r.problem(t)
		if r.status != http.StatusForbidden || p.Rule != c.rule || p.Field != c.field || p.Fix == "" || p.Index == nil {
			t.Errorf("%s: %d %s", c.name, r.status, r.body)
		}
	}
	if got := f.ledger.Head().Size; got != size {
		t.Errorf("%d records came of what was refused", got-size)
	}
	for _, c := range []struct {
		who  Role
		body string
	}{
		{RoleProvider, ce("yes-1", "quality.issue.reported", issue("D03"), "party", `"D03"`, "actor", `"k1"`)},
		{"hz", ce("yes-2", "party.body.renamed", rename("D03"))},
		{"hz", ce("yes-3", "party.body.registered", `{"party":"D11","name":"x","kind":"department","region":"330106","level":"district"}`)},
	} {
		c.body = strings.Replace(c.body, "urn:test", "urn:"+string(c.who), 1)
		if r := f.do("POST", "/v1/events", c.body, "Content-Type", "application/cloudevents+json", "Authorization", "Bearer "+bearer[c.who]); r.status != http.StatusCreated {
			t.Errorf("%s may: %d %s", c.who, r.status, r.body)
		}
	}
}

// TestPrincipalOfRecords: what is recorded names who authenticated, and a source
// belongs to it.
func TestPrincipalOfRecords(t *testing.T) {
	tokens, bearer := principals(t)
	f := newFixture(t, func(o *Options) { o.Tokens = tokens })
	send := func(id, who string) reply {
		headers := []string{"Content-Type", "application/cloudevents+json"}
		if who != "" {
			headers = append(headers, "Authorization", "Bearer "+who)
		}
		return f.do("POST", "/v1/events", ce(id, "party.body.registered", `{"party":"`+id+`","name":"x","kind":"department","region":"990000","level":"provincial"}`), headers...)
	}
	if r := send("a", bearer[RoleRegistrar]); r.status != http.StatusCreated {
		t.Fatalf("%d %s", r.status, r.body)
	}
	e, err := f.ledger.Get(t.Context(), f.ledger.Head().Size-1)
	if err != nil || e.Event.Principal != "the-registrar" {
		t.Errorf("recorded under %q, %v", e.Event.Principal, err)
	}
	if r := send("b", ""); r.status != http.StatusForbidden || r.problem(t).Rule != "source.bound" {
		t.Errorf("another's source: %d %s", r.status, r.body)
	}
	r := send("c", flip(bearer[RoleRegistrar]))
	if r.status != http.StatusUnauthorized || r.header.Get("WWW-Authenticate") == "" || strings.Contains(string(r.body), "llt_0") {
		t.Errorf("a token that is wrong: %d %v %s", r.status, r.header, r.body)
	}
}

// TestRolesDocument holds docs/roles.md to the tables; -update writes it.
func TestRolesDocument(t *testing.T) {
	var b strings.Builder
	b.WriteString("# Who may do what\n\n<!-- made by: go test ./api -run TestRolesDocument -update -->\n\n")
	b.WriteString("A principal is a bearer token's (`ledgerline token create`) or somebody an identity provider vouches for. Its roles say which\n" +
		"routes it may use and which events it may append. Bound to parties it speaks for these alone; bound to regions, only for parties\n" +
		"there. No principal holds both admin and auditor. With `serve --dev` everybody may do everything, on the loopback interface.\n\n" +
		"A principal may have a scope: `--read-party` and `--read-region`, or the claims `read_parties` and `read_regions`. Then it reads what concerns one\n" +
		"of these parties, or a party in one of these regions, and each answer says how much is withheld. The last column says what a route gives it:\n" +
		"what is in the scope, the same as to others because it tells of no party, or nothing. Without a scope everybody reads what the role allows.\n\n" +
		"A principal may be kept from fields of what it reads: `--withhold`, the claim `withheld_fields`, or for all holders of a role the section `[withhold]` of\n" +
		"the configuration (`anonymous` for those without a token). Each field that is left out counts as withheld. These can be named, under the names of\n" +
		"[events.md](events.md), `openlineage` for the raw bodies of OpenLineage events; `question` of recorded reads goes along with any:\n\n`" +
		strings.Join(events.WithholdableFields(), "`, `") + "`.\n\n## Routes\n\n")
	heads, rule := "| route |", "|---|"
	for _, r := range allRoles {
		heads, rule = heads+" "+string(r)+" |", rule+":-:|"
	}
	b.WriteString(heads + " without a token | within a scope |\n" + rule + "---|---|\n")
	for _, rt := range routes() {
		b.WriteString("| `" + rt.method + " " + rt.path + "` |")
		for _, r := range allRoles {
			b.WriteString(mark(allows(rt.who, r)))
		}
		without := ""
		switch {
		case rt.who.public:
			without = "yes"
		case rt.who.log && rt.who.reads:
			without = "`--public-log`, `--public-reads`"
		case rt.who.log:
			without = "`--public-log`"
		case rt.who.reads:
			without = "`--public-reads`"
		}
		within := map[scoping]string{scopeFiltered: "what is in it", scopeNeutral: "the same", scopeRefused: ""}[rt.scoping]
		if rt.who.public && rt.scoping == scopeRefused {
			within = "the same"
		}
		b.WriteString(" " + without + " | " + within + " |\n")
	}
	b.WriteString("\n## Events\n\nThe longest row that a type begins with counts. What begins with `ledger.` is appended by the ledger itself.\n\n" +
		strings.Replace(heads, "route", "type", 1) + "\n" + rule + "\n")
	for _, row := range appending {
		b.WriteString("| `" + row.prefix + "` |")
		for _, r := range allRoles {
			b.WriteString(mark(slices.Contains(row.roles, r)))
		}
		b.WriteString("\n")
	}
	upToDate(t, "../docs/roles.md", b.String())
}

func mark(yes bool) string {
	if yes {
		return " ● |"
	}
	return " |"
}

// upToDate holds a generated document to its text; -update writes it.
func upToDate(t *testing.T, path, text string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	have, err := os.ReadFile(path)
	if err != nil || string(have) != text {
		t.Errorf("%s is stale (%v): run go test ./api -run %s -update", path, err, t.Name())
	}
}

// allows tells whether a role is enough.
func allows(a access, r Role) bool { return a.public || slices.Contains(a.roles, r) }
