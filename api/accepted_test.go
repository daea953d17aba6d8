package api

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/go-json-experiment/json"

	"ledgerline/events"
	"ledgerline/projections"
)

var (
	acceptedSeed = flag.Uint64("accepted-seed", 1, "what TestWhateverIsAccepted sends and asks follows from it; 0 draws one")
	acceptedSent = flag.Int("accepted", 1500, "events that TestWhateverIsAccepted sends")
)

// TestWhateverIsAccepted: no event that the ledger accepts, however odd, stops the views
// or the scheduler, makes a question fail, or an answer that is not as described; and
// views built in one go say the same as those that grew with the book.
//
// The events are the examples of docs/events.md with some of their values exchanged for
// others: those of other examples, so that everything refers to everything, and such as
// are at the edge of what a rule allows.
func TestWhateverIsAccepted(t *testing.T) {
	seed := *acceptedSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	sent, questions := *acceptedSent, 12 // of each route
	if testing.Short() {
		sent, questions = min(sent, 400), 2
	}
	t.Logf("replay with: go test ./api -run '^TestWhateverIsAccepted$' -accepted-seed %d -accepted %d", seed, sent)
	f := newFixture(t, func(o *Options) {
		o.Limits.ConcurrentReads = 1024
		o.Logger = slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelError})) // why something is answered with 500
	})
	g := newOddities(t, rand.New(rand.NewPCG(seed, 11)))
	refused := 0
	f.tell()
	f.answered()
	for _, id := range []string{"D00", "D02", "D04", "D05", "D06", "D08", "D09", "X1", "C01", "C02"} {
		f.post(registered(id))
	}
	for range sent {
		body, media, path := g.event()
		r := f.do(post, path, body, "Content-Type", media)
		switch {
		case r.status >= 500:
			t.Fatalf("%d for %s\n%s", r.status, body, r.body)
		case r.status >= 300:
			refused++
		default:
			g.taken[g.name]++
		}
	}
	f.caughtUp()
	if _, err := f.server.due.Pass(t.Context()); err != nil {
		t.Errorf("the scheduler: %v", err)
	}
	f.caughtUp()
	t.Logf("%d of %d types taken, %d events refused", len(g.taken), len(g.examples), refused)
	if len(g.taken) < len(g.examples)/4 {
		t.Error("hardly anything is taken: the test does not test")
	}

	// The same book, read in one go.
	again, err := projections.Open("views", f.ledger, projections.Options{FS: vfs.NewMem()})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	go func() { ran <- again.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := errors.Join(<-ran, again.Close()); err != nil {
			t.Errorf("views that are built in one go: %v", err)
		}
	})
	size := f.ledger.Head().Size
	if err := again.Wait(ctx, size-1); err != nil {
		t.Fatalf("views that are built in one go: %v", err)
	}
	other, err := New(Options{Ledger: f.ledger, Views: again, Dev: true, Now: testClock(), Limits: Limits{ConcurrentReads: 1024, ProcessorWait: -1}})
	if err != nil {
		t.Fatal(err)
	}
	asked, compared := 0, 0
	for _, rt := range routes() {
		if rt.method != http.MethodGet || rt.stream || strings.HasPrefix(rt.path, "/debug/") || strings.HasPrefix(rt.path, "/sign-in") {
			continue
		}
		for range questions {
			path := g.question(rt, size)
			r := f.get(path)
			asked++
			if r.status >= 500 {
				t.Errorf("GET %s: %d %.400s", path, r.status, r.body)
				continue
			}
			if r.status != http.StatusOK || !strings.HasPrefix(rt.path, "/v1/") || !strings.Contains(path, "as_of=") {
				continue
			}
			compared++
			second := httptest.NewRecorder()
			other.ServeHTTP(second, httptest.NewRequest(http.MethodGet, path, nil))
			if !bytes.Equal(checkpointSize.ReplaceAll(r.body, nil), checkpointSize.ReplaceAll(second.Body.Bytes(), nil)) {
				t.Errorf("GET %s: grown\n%.1500s\nbuilt in one go\n%.1500s", path, r.body, second.Body)
			}
		}
	}
	t.Logf("%d questions, %d answers compared", asked, compared)
	if compared < asked/20 {
		t.Error("hardly any answers are compared: the test does not test")
	}
}

// oddities makes events and questions that are odd, and mostly acceptable.
type oddities struct {
	rng      *rand.Rand
	examples []map[string]any // events as CloudEvents, of all types that others may send
	bodies   []map[string]any // events as OpenLineage
	values   map[string][]any // what the examples say, by the name of the member
	all      []any            // the same, whatever its name
	sent     int
	name     string // of the type made last
	taken    map[string]int
}

// checkpointSize grows with each record, those about what was asked included.
var checkpointSize = regexp.MustCompile(`"checkpoint_size":[0-9]+`)

var exampleJSON = regexp.MustCompile("(?s)```json\n(.*?)\n```")

func newOddities(t *testing.T, rng *rand.Rand) *oddities {
	t.Helper()
	g := &oddities{rng: rng, values: make(map[string][]any), taken: make(map[string]int)}
	doc, err := os.ReadFile(filepath.Join("..", "docs", "events.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range exampleJSON.FindAllSubmatch(doc, -1) {
		var e map[string]any
		if err := json.Unmarshal(m[1], &e); err != nil {
			t.Fatal(err)
		}
		name, _ := e["type"].(string)
		switch {
		case name == "": // the raw body of an OpenLineage event
			g.bodies = append(g.bodies, e)
		case strings.HasPrefix(name, "party.key.") || strings.HasPrefix(name, "party.signing"):
			continue // from then on nothing would be taken that is not signed
		default:
			g.examples = append(g.examples, e)
			g.learn("", e["data"])
		}
	}
	for _, rt := range routes() {
		if rt.path == "/api/v1/lineage" {
			var e map[string]any
			if err := json.Unmarshal([]byte(rt.example), &e); err != nil {
				t.Fatal(err)
			}
			g.bodies = append(g.bodies, e)
		}
	}
	if len(g.examples) < 100 || len(g.bodies) == 0 {
		t.Fatalf("%d examples of events, %d of OpenLineage", len(g.examples), len(g.bodies))
	}
	return g
}

// learn keeps the values below v, in an order that does not change.
func (g *oddities) learn(name string, v any) {
	switch v := v.(type) {
	case map[string]any:
		for _, k := range slices.Sorted(maps.Keys(v)) {
			g.learn(k, v[k])
		}
	case []any:
		for _, e := range v {
			g.learn(name, e)
		}
	default:
		g.values[name] = append(g.values[name], v)
		g.all = append(g.all, v)
	}
}

func pick[T any](rng *rand.Rand, from []T) T { return from[rng.IntN(len(from))] }

// event makes one, as a CloudEvent or the body of an OpenLineage event.
func (g *oddities) event() (body, media, path string) {
	g.sent++
	if g.rng.IntN(6) == 0 {
		e := copied(pick(g.rng, g.bodies)).(map[string]any)
		g.name = "OpenLineage"
		g.spoil(e, g.rng.IntN(4))
		return written(e), "application/json", "/api/v1/lineage"
	}
	least := pick(g.rng, g.examples)
	for range 3 { // those that were taken seldom need what was taken by now
		if e := pick(g.rng, g.examples); g.taken[e["type"].(string)] < g.taken[least["type"].(string)] {
			least = e
		}
	}
	e := copied(least).(map[string]any)
	if g.name = e["type"].(string); strings.HasPrefix(g.name, "party.body.") && g.rng.IntN(300) > 0 {
		return g.event() // who is merged or dissolved can do nothing any more
	}
	e["data"] = renamed(e["data"], g.rng.IntN(3))
	delete(e, "subject")
	e["id"] = fmt.Sprint("odd-", g.sent)
	g.maybe(func() { e["time"] = g.time() })
	g.maybe(func() { e["effectivefrom"] = g.time() })
	g.maybe(func() { e["effectiveto"] = g.time() })
	g.maybe(func() { e["imported"] = true })
	g.maybe(func() { e["producerid"], e["producerseq"] = "gw-1", fmt.Sprint(g.rng.IntN(50)) })
	g.spoil(e["data"], max(0, g.rng.IntN(6)-2))
	return written(e), "application/cloudevents+json", "/v1/events"
}

// thing is how the examples call what has a state: an agreement, a finding, a request.
var thing = regexp.MustCompile(`^(?:[ABE-Z]|[A-Z][A-Z]+)-?[0-9]+$`)

// renamed is v about the n-th of several things of each name.
func renamed(v any, n int) any {
	switch v := v.(type) {
	case map[string]any:
		for k := range v {
			v[k] = renamed(v[k], n)
		}
	case []any:
		for i := range v {
			v[i] = renamed(v[i], n)
		}
	case string:
		if n > 0 && thing.MatchString(v) {
			return fmt.Sprint(v, "x", n)
		}
	}
	return v
}

func (g *oddities) maybe(do func()) {
	if g.rng.IntN(8) == 0 {
		do()
	}
}

func (g *oddities) time() string {
	return pick(g.rng, []string{"2025-08-01T00:00:00Z", "2025-12-31T16:00:00Z", "2026-01-01T00:00:00.000001Z", "2026-01-08T01:30:00Z", "1970-01-01T00:00:00Z", "0001-01-01T00:00:00Z", "2026-02-17T09:00:00+08:00", "9999-12-31T23:59:59Z"})
}

// spoil exchanges n things below v.
func (g *oddities) spoil(v any, n int) {
	for range n {
		var at []spot
		find(v, "", &at)
		if len(at) == 0 {
			return
		}
		g.exchange(pick(g.rng, at))
	}
}

// spot is a value in a JSON document: of a member, or of an element of an array.
type spot struct {
	name string // of the member that it is, or is an element of
	old  any
	set  func(any)
	drop func() // nil of elements
}

func find(v any, name string, at *[]spot) {
	switch v := v.(type) {
	case map[string]any:
		for _, k := range slices.Sorted(maps.Keys(v)) {
			*at = append(*at, spot{k, v[k], func(n any) { v[k] = n }, func() { delete(v, k) }})
			find(v[k], k, at)
		}
	case []any:
		for i := range v {
			*at = append(*at, spot{name, v[i], func(n any) { v[i] = n }, nil})
			find(v[i], name, at)
		}
	}
}

// strange are texts at the edge of what is one.
var strange = []string{"", " ", "a", "/", "#", "a/b#c", "dataset:a/b", "%00", "=1+1", "<script>", "\u2028", "\U0001F4A9", "云泽省", "e\u0301", "-", "0", "D01", "__proto__", "a\tb", "x\nY", strings.Repeat("长", 60), strings.Repeat("/", 200), strings.Repeat("#a", 120)}

func (g *oddities) exchange(p spot) {
	switch old := p.old.(type) {
	case map[string]any:
		if p.drop != nil && g.rng.IntN(3) == 0 {
			p.drop()
		}
	case []any:
		switch g.rng.IntN(5) {
		case 0:
			p.set([]any{})
		case 1: // again
			p.set(append(slices.Clone(old), copied(any(old)).([]any)...))
		case 2: // many
			many := []any{}
			for i := range 40 {
				if len(old) == 0 {
					break
				}
				e := copied(old[i%len(old)])
				if s, ok := e.(string); ok {
					e = fmt.Sprint(s, i)
				}
				many = append(many, e)
			}
			p.set(many)
		case 3:
			g.rng.Shuffle(len(old), func(i, j int) { old[i], old[j] = old[j], old[i] })
		case 4:
			if p.drop != nil {
				p.drop()
			}
		}
	case float64:
		p.set(pick(g.rng, []float64{0, 1, 2, -1, old - 1, old + 1, 100, 0.5, 1e6, 1 << 31, 1<<53 - 1, 1 << 53, 1e18, 1e-9, 1e300, -1e300}))
	case bool:
		p.set(!old)
	default:
		switch known := g.values[p.name]; {
		case p.drop != nil && g.rng.IntN(8) == 0:
			p.drop()
		case len(known) > 0 && g.rng.IntN(2) == 0:
			p.set(pick(g.rng, known))
		case g.rng.IntN(2) == 0:
			p.set(pick(g.rng, g.all))
		default:
			p.set(pick(g.rng, strange))
		}
	}
}

// question asks a route about something that may be there, as of some moment.
func (g *oddities) question(rt route, size int64) string {
	named := func(name string) string {
		if known := g.values[name]; len(known) > 0 && g.rng.IntN(8) > 0 {
			return fmt.Sprint(pick(g.rng, known))
		}
		if g.rng.IntN(4) == 0 {
			return pick(g.rng, strange[1:])
		}
		return fmt.Sprint(pick(g.rng, g.all))
	}
	path := rt.path
	for member, name := range map[string]string{"/parties/{id}": "party", "/entries/{id}": "entry", "/catalog/{id}": "entry", "/agreements/{id}": "agreement", "/requests/{id}": "request", "/findings/{id}": "issue", "/runs/{id}": "run", "/holds/{id}": "hold"} {
		path = strings.Replace(path, member, strings.TrimSuffix(member, "{id}")+url.PathEscape(named(name)), 1)
	}
	path = strings.NewReplacer("{id}", url.PathEscape(named("entry")), "{position}", fmt.Sprint(g.rng.Int64N(size)), "{name}", "openlineage", "{period}", "2026-01", "*", "0/000").Replace(path)
	q := url.Values{}
	for _, p := range paramsOf(rt.query) {
		if !p.required && g.rng.IntN(4) > 0 && p.name != "as_of" {
			continue
		}
		switch {
		case p.name == "as_of":
			q.Set(p.name, fmt.Sprint(size-1-g.rng.Int64N(2)*g.rng.Int64N(size)))
		case p.name == "node" || p.name == "from" && rt.path == "/v1/lineage/path" || p.name == "to" && rt.path == "/v1/lineage/path":
			q.Set(p.name, g.node())
		case p.name == "limit":
			q.Set(p.name, fmt.Sprint(1+g.rng.IntN(100)))
		case p.name == "period":
			q.Set(p.name, pick(g.rng, []string{"2025-10", "2025-11", "2025", "2025-Q4", "2026-01"}))
		case p.name == "after" || p.name == "cursor":
		case len(p.enum) > 0:
			q.Set(p.name, pick(g.rng, p.enum))
		case p.typ.Kind() == reflect.Bool:
			q.Set(p.name, "true")
		case p.typ == reflect.TypeFor[events.Time]():
			q.Set(p.name, g.time())
		default:
			q.Set(p.name, named(p.name))
		}
	}
	if len(q) == 0 {
		return path
	}
	return path + "?" + q.Encode()
}

// node is written as lineage questions name them.
func (g *oddities) node() string {
	ds := fmt.Sprint(pick(g.rng, g.values["namespace"]), "/", pick(g.rng, g.values["name"]))
	switch g.rng.IntN(5) {
	case 0:
		return "entry:" + fmt.Sprint(pick(g.rng, g.values["entry"]))
	case 1:
		return "job:" + ds
	case 2:
		return "run:" + fmt.Sprint(pick(g.rng, g.values["run"]))
	case 3:
		return "column:" + ds + "#" + fmt.Sprint(pick(g.rng, g.values["field"]))
	}
	return "dataset:" + ds
}

func copied(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, e := range v {
			out[k] = copied(e)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = copied(e)
		}
		return out
	}
	return v
}

func written(v any) string {
	b, err := json.Marshal(v, json.Deterministic(true))
	if err != nil {
		panic(err) // it was read from JSON
	}
	return string(b)
}
