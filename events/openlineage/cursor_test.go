package openlineage

import (
	"bytes"
	"path/filepath"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
)

// FuzzCursor: on whatever the JSON library takes for an object, the cursor and the
// library tell the same values, and pass over the same.
func FuzzCursor(f *testing.F) {
	files, err := filepath.Glob("testdata/*/*.json")
	if err != nil || len(files) == 0 {
		f.Fatalf("no seeds: %v", err)
	}
	for _, file := range files {
		f.Add(readFile(f, file))
	}
	f.Add([]byte(` { "a\\" : -1.5e3 , "b\"c" : [ ] , "😀" : "\\\\\"" , "d":{"e":[true,false,null,[[{}]],"]}"]}, "":0 } `))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if _, err := jsontext.AppendFormat(nil, raw); err != nil || jsontext.Value(raw).Kind() != '{' {
			return
		}
		dec := jsontext.NewDecoder(bytes.NewReader(raw))
		c := cursor{text: raw}
		for skipped := false; ; {
			kind := dec.PeekKind()
			if kind == 0 {
				if rest := bytes.TrimSpace(raw[c.at:]); len(rest) > 0 {
					t.Fatalf("%q is left over", rest)
				}
				return
			}
			if got := c.kind(); got != kind {
				t.Fatalf("at byte %d the kind is %s, want %s", c.at, got, kind)
			}
			if name, length := dec.StackIndex(dec.StackDepth()); name == '[' && kind != ']' && length%2 == 1 && !skipped {
				skipped = true
				v, err := dec.ReadValue() // every second element whole
				start := c.at
				if c.skip(); err != nil || !bytes.Equal(raw[start:c.at], v) {
					t.Fatalf("%v: passed over %q, want %q", err, raw[start:c.at], v)
				}
				continue
			}
			skipped = false
			tok, err := dec.ReadToken()
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			switch kind {
			case '{', '[', '}', ']':
				c.pass()
				continue
			case '"':
				got = string(unquoted(c.quoted()))
			default:
				got = string(c.scalar())
			}
			if want := tok.String(); got != want {
				t.Fatalf("read %q, want %q", got, want)
			}
		}
	})
}
