package main

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"ledgerline/api"
	"ledgerline/events"
	"ledgerline/projections"
)

// TestLimits: each limit of the API can be configured, and by default is its default.
func TestLimits(t *testing.T) {
	want := api.DefaultLimits()
	if got := limitsOf(want).limits(); got != want {
		t.Errorf("there and back:\n%+v\n%+v", got, want)
	}
	v := reflect.ValueOf(want)
	for i := range v.NumField() {
		if v.Field(i).IsZero() {
			t.Errorf("%s has no default", v.Type().Field(i).Name)
		}
	}
	if n, m := reflect.TypeFor[limitConfig]().NumField(), v.NumField(); n != m {
		t.Errorf("%d limits can be configured, of %d", n, m)
	}
	for _, flags := range [][]string{{"--limit-timeout", "0s"}, {"--limit-burst=-1"}, {"--limit-held-bytes", "9"}} {
		l, err := configOf(t, "", nil, flags...)
		if err != nil || l.Limit.check() == nil {
			t.Errorf("%v is taken, %v", flags, err)
		}
	}
}

// TestLimitsDocument holds docs/limits.md to the limits; -update writes it.
func TestLimitsDocument(t *testing.T) {
	var b strings.Builder
	b.WriteString("# Limits\n\n<!-- made by: go test ./cmd/ledgerline -run TestLimitsDocument -update -->\n\n" +
		"What a client can ask of a server. Each is a key of the section `[limit]`, a flag `--limit-…` and a variable `LEDGERLINE_LIMIT_…`. Who\n" +
		"exceeds one is told so with a problem that names the rule and the way out; 429 and 503 say in `Retry-After` when to come back.\n\n" +
		"| key | default | what | beyond it |\n|---|---:|---|---|\n")
	c := limitsOf(api.DefaultLimits())
	v := reflect.ValueOf(c)
	for i := range v.NumField() {
		f := v.Type().Field(i)
		fmt.Fprintf(&b, "| `%s` | %v | %s | %s |\n", f.Tag.Get("toml"), v.Field(i), f.Tag.Get("usage"), f.Tag.Get("told"))
	}
	b.WriteString("\nThese are fixed, because what was recorded under them has to stay readable, or because a question beyond them has no good answer:\n\n| what | limit | beyond it |\n|---|---:|---|\n")
	for _, row := range []struct {
		what string
		most int
		told string
	}{
		{"bytes of an id: of an event, a subject, a party, an actor", events.MaxID, "400 field.length"},
		{"bytes of a source", events.MaxSource, "400 field.length"},
		{"bytes of a code", events.MaxCode, "400 field.length"},
		{"bytes of a name", events.MaxName, "400 field.length"},
		{"bytes of a text that a machine writes", events.MaxText, "400 field.length"},
		{"bytes of one erasable part", events.MaxFacet, "400 field.length"},
		{"steps of a lineage question (`depth`)", projections.MaxDepth, "400 query.value"},
		{"nodes of a lineage answer (`max_nodes`)", projections.MaxNodes, "the answer says so: limits_hit"},
		{"paths of an answer (`max_paths`)", projections.MaxPaths, "400 query.value"},
	} {
		fmt.Fprintf(&b, "| %s | %d | %s |\n", row.what, row.most, row.told)
	}
	b.WriteString("\n**Streams are shared** without knowing who will come: a caller (a principal, or an address without a token) gets another while more are free than it\n" +
		"has. One alone gets half of all, one who comes then half of the rest, and so on; somebody who has none gets one until the very last is taken. Who follows and who\n" +
		"sends lines are counted apart.\n\n" +
		fmt.Sprintf("**`Retry-After`** of 503 and 429 is in seconds. Those who are refused get turns, one after the other, at the pace at which requests were answered lately (of 429: at\n"+
			"`rate`), so that they do not all come back in the same second; what takes longer by itself (5 s for a server that stops, 10 s for a stream to\n"+
			"end) comes on top. Where these turns would be further away than %s they are dealt out at random within it.\n", api.LongestTurn))
	b.WriteString("\nMemory for bodies is bounded by `held-bytes`, and for streams of lines by 8 MiB and a line each, of which there are at most `stream-clients`.\n" +
		"Memory for answers is bounded by `concurrent-reads` times what the largest takes. The cost of a question is what it looks at, wanted or not: versions\n" +
		"of rows, blocks of posting lists, nodes of the lineage graph that a walk goes on from, all questions of one request together; beyond `query-cost` the\n" +
		"problem says how far it came and how to ask for less.\n\n" +
		"The heap of every command has a soft limit: an eighth of the memory that the process may use (of the machine, or of its control group, whichever is less),\n" +
		fmt.Sprintf("but %d MiB at least, and never more than half of that memory. As the heap comes near it is collected more often; nothing is refused. `GOMEMLIMIT` of the\n", heapLeast>>20) +
		"environment says another limit, and for a server `memory-limit` (`--memory-limit`, `LEDGERLINE_MEMORY_LIMIT`), in bytes: negative for none. Where what is alive comes\n" +
		"near the limit, because the lineage graph is large, up to half of the processor time goes to collecting: give it more. Caches and memtables of the storage lie\n" +
		"beside the heap and have bounds of their own: [operating.md](operating.md#limits).\n")
	path := filepath.Join(moduleRoot(t), "docs", "limits.md")
	if *update {
		if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if have, err := os.ReadFile(path); err != nil || string(have) != b.String() {
		t.Errorf("docs/limits.md is stale (%v): run go test ./cmd/ledgerline -run TestLimitsDocument -update", err)
	}
}
