package openlineage

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"ledgerline/events"
)

var update = flag.Bool("update", false, "write the golden files anew")

// The events of others, and all that Read makes of them.
func TestReadGolden(t *testing.T) {
	for _, dir := range []string{"events", "explicit"} {
		files, err := filepath.Glob(filepath.Join("testdata", dir, "*.json"))
		if err != nil || len(files) == 0 {
			t.Fatalf("no test data in %s: %v", dir, err)
		}
		for _, file := range files {
			name := dir + "-" + filepath.Base(file)
			t.Run(name, func(t *testing.T) {
				raw := readFile(t, file)
				if dir == "explicit" {
					raw = complete(raw)
				}
				e, at, err := Read(raw)
				if err != nil {
					t.Fatal(err)
				}
				if at != e.EventTime {
					t.Errorf("the time %v is not the facts' %v", at, e.EventTime)
				}
				admissible(t, e)
				got, err := json.Marshal(e, json.Deterministic(true), jsontext.WithIndent(" "))
				if err != nil {
					t.Fatal(err)
				}
				golden(t, filepath.Join("testdata", "golden", name), append(got, '\n'))
			})
		}
	}
}

// complete adds to an example of explicit lineage what every event has and the
// examples leave out.
func complete(raw []byte) []byte {
	head := "{\n"
	for _, m := range []string{`"eventTime": "2026-03-25T10:00:00Z"`, `"producer": "https://example.com/etl"`,
		`"schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json"`} {
		if name, _, _ := strings.Cut(m, ":"); !bytes.Contains(raw, []byte(name)) {
			head += " " + m + ",\n"
		}
	}
	return append([]byte(head), bytes.TrimPrefix(raw, []byte("{"))...)
}

func golden(t *testing.T, file string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if want := readFile(t, file); !bytes.Equal(got, want) {
		t.Errorf("facts differ from %s; see what changed with -update and git diff:\n%s", file, got)
	}
}

func readFile(t testing.TB, file string) []byte {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// admissible asserts what every caller relies on: facts pass the rules of the
// event type, whatever was read.
func admissible(t testing.TB, e *events.OpenLineageReceived) {
	t.Helper()
	digested := *e
	digested.Digest = "00"
	ev := events.Event{ID: "1", Source: "/test", Type: "lineage.openlineage.received", Schema: 1, Time: e.EventTime, Data: &digested}
	if err := ev.Validate(0); err != nil {
		t.Errorf("the facts are not admissible: %v", err)
	}
}
