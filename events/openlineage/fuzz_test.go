package openlineage

import (
	"bytes"
	"errors"
	"path/filepath"
	"testing"

	"github.com/go-json-experiment/json"

	"ledgerline/events"
)

// Whatever comes, Read answers with a refusal that can be shown or with facts
// that are admissible, the same each time.
func FuzzRead(f *testing.F) {
	files, err := filepath.Glob("testdata/explicit/*.json")
	if err != nil || len(files) == 0 {
		f.Fatalf("no seeds: %v", err)
	}
	for _, file := range files {
		f.Add(complete(readFile(f, file)))
	}
	facets, err := filepath.Glob("testdata/facets/*.json")
	if err != nil || len(facets) == 0 {
		f.Fatalf("no seeds: %v", err)
	}
	for _, file := range facets { // small seeds: mutants of a large event are rarely JSON
		facet := readFile(f, file)
		places := placesOf(filepath.Base(file), facet)
		f.Add(put(places&-places, facet))
	}
	f.Add([]byte(conforming))
	f.Fuzz(func(t *testing.T, raw []byte) {
		before := bytes.Clone(raw)
		e, at, err := Read(raw)
		if !bytes.Equal(raw, before) {
			t.Fatal("the body was written to")
		}
		if err != nil {
			refusable(t, err)
			return
		}
		if at != e.EventTime || at == 0 {
			t.Errorf("the time is %v, the facts' %v", at, e.EventTime)
		}
		admissible(t, e)
		again, _, err := Read(raw)
		if err != nil {
			t.Fatal(err)
		}
		if a, b := marshal(t, e), marshal(t, again); !bytes.Equal(a, b) {
			t.Errorf("read twice:\n%s\n%s", a, b)
		}
		var back events.OpenLineageReceived
		if err := json.Unmarshal(marshal(t, e), &back); err != nil {
			t.Fatalf("the facts do not survive their own form: %v", err)
		}
		if a, b := marshal(t, e), marshal(t, &back); !bytes.Equal(a, b) {
			t.Errorf("written and read:\n%s\n%s", a, b)
		}
	})
}

// The parts of a batch are cut, in order, from its body.
func FuzzSplit(f *testing.F) {
	f.Add([]byte("[" + conforming + ",\n{\"a\":1,\"a\":2} , null]"))
	f.Add([]byte(`[]`))
	f.Add([]byte(`[[1],"\ud800"`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		parts, err := Split(raw)
		if err != nil {
			refusable(t, err)
			return
		}
		rest := raw
		for _, p := range parts {
			i := bytes.Index(rest, p)
			if i < 0 || len(p) == 0 || len(bytes.Trim(rest[:i], "[, \t\r\n")) > 0 {
				t.Fatalf("%q is not the next part of %q", p, rest)
			}
			rest = rest[i+len(p):]
		}
		if left := bytes.TrimSpace(rest); !bytes.HasSuffix(left, []byte("]")) || len(bytes.Trim(left, "[] \t\r\n")) > 0 {
			t.Errorf("%q is left over", rest)
		}
	})
}

func refusable(t *testing.T, err error) {
	t.Helper()
	var r *events.Refusal
	if !errors.As(err, &r) || r.Rule == "" || r.Detail == "" || r.Fix == "" {
		t.Errorf("not a refusal to show: %#v", err)
	}
}

func marshal(t *testing.T, e *events.OpenLineageReceived) []byte {
	t.Helper()
	b, err := json.Marshal(e, json.Deterministic(true))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// BenchmarkRead reads a common event (6.7 KB, one output) and a rich one (39 KB
// with a query plan, column lineage of three columns).
func BenchmarkRead(b *testing.B) {
	for _, name := range []string{"spark-3.json", "spark-8.json"} {
		raw := readFile(b, filepath.Join("testdata", "events", name))
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(raw)))
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := Read(raw); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
