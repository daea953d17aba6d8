package proof

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write docs/vectors anew")

const vectorDir = "../../docs/vectors"

// The grammar stands at the head of every file, because each may be read alone.
const vectorGrammar = `#
# A line beginning with "#" is a comment. A vector is a run of lines "name: value",
# ended by an empty line. A value is h'…', bytes in hex, or else JSON. A name may
# stand several times and is then a list. "reject" is an input that every reader
# must refuse, "why" says why. Written by
#   go test ./ledger/proof -run TestVectors -update
# and read by docs/vectors/read.py. What each field means: docs/format.md.

`

// A vectorFile is one file of docs/vectors in the making.
type vectorFile struct {
	t    *testing.T
	text strings.Builder
}

func newVectorFile(t *testing.T, about string) *vectorFile {
	f := &vectorFile{t: t}
	for line := range strings.Lines(about) {
		f.text.WriteString("# " + line)
	}
	f.text.WriteString("\n" + vectorGrammar)
	return f
}

// vector writes names and values in turn. A list is written as one line each.
func (f *vectorFile) vector(fields ...any) {
	f.t.Helper()
	for i := 0; i < len(fields); i += 2 {
		name := fields[i].(string)
		switch v := fields[i+1].(type) {
		case []Hash:
			for _, h := range v {
				f.field(name, h)
			}
		case [][]byte:
			for _, b := range v {
				f.field(name, b)
			}
		default:
			f.field(name, v)
		}
	}
	f.text.WriteString("\n")
}

func (f *vectorFile) field(name string, value any) {
	f.t.Helper()
	switch v := value.(type) {
	case []byte:
		fmt.Fprintf(&f.text, "%s: h'%x'\n", name, v)
	case Hash:
		fmt.Fprintf(&f.text, "%s: h'%x'\n", name, v[:])
	case [32]byte:
		fmt.Fprintf(&f.text, "%s: h'%x'\n", name, v[:])
	default:
		var enc bytes.Buffer
		e := json.NewEncoder(&enc)
		e.SetEscapeHTML(false)
		if err := e.Encode(v); err != nil {
			f.t.Fatal(err)
		}
		fmt.Fprintf(&f.text, "%s: %s", name, enc.Bytes())
	}
}

// reject writes an input that must be refused, having seen it refused here.
func (f *vectorFile) reject(why string, input any, err error) {
	f.t.Helper()
	if err == nil {
		f.t.Errorf("%s: accepted %s", why, input)
	}
	f.vector("reject", input, "why", why)
}

// finish compares the file with the one in the tree, or writes that.
func (f *vectorFile) finish(name string) {
	f.t.Helper()
	path := filepath.Join(vectorDir, name)
	if *update {
		if err := os.MkdirAll(vectorDir, 0o755); err != nil {
			f.t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(f.text.String()), 0o644); err != nil {
			f.t.Fatal(err)
		}
		return
	}
	have, err := os.ReadFile(path)
	if err != nil {
		f.t.Fatal(err)
	}
	if string(have) != f.text.String() {
		f.t.Errorf("%s is not what this package computes. If the format was meant to change, run go test ./ledger/proof -run TestVectors -update; if not, the package has broken it.", path)
	}
}

// labelled returns CBOR as JSON can show it for rebuilding: the labels of a
// body as text, bytes as {"hex": …}.
func labelled(t *testing.T, enc []byte) any {
	var v any
	if err := decMode.Unmarshal(enc, &v); err != nil {
		t.Fatal(err)
	}
	var show func(any) any
	show = func(v any) any {
		switch v := v.(type) {
		case map[any]any:
			out := make(map[string]any)
			for k, x := range v {
				out[fmt.Sprint(k)] = show(x)
			}
			return out
		case []any:
			for i := range v {
				v[i] = show(v[i])
			}
			return v
		case []byte:
			return map[string]string{"hex": hex.EncodeToString(v)}
		}
		return v
	}
	return show(v)
}

// The reader that shares no code with this package finds the same in every
// vector.
func TestVectorsReader(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("no python3: docs/vectors/read.py was not run")
	}
	out, err := exec.Command(python, filepath.Join(vectorDir, "read.py")).CombinedOutput()
	if err != nil {
		t.Fatalf("read.py: %v\n%s", err, out)
	}
	t.Logf("%s", out)
}

// The reader fails when a vector is wrong: one changed digit in any file.
func TestVectorsReaderCanFail(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("no python3: docs/vectors/read.py was not run")
	}
	files, err := filepath.Glob(filepath.Join(vectorDir, "*.txt"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no vectors in %s: %v", vectorDir, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		// The last digit of the last value in hex before the inputs to refuse.
		good, _, some := bytes.Cut(text, []byte("reject: "))
		if some {
			good = good[:bytes.LastIndex(good, []byte("\n\n"))]
		}
		at := bytes.LastIndex(good, []byte("'")) - 1
		if at < 0 {
			t.Fatalf("%s has no value in hex", file)
		}
		if text[at]++; text[at] == '9'+1 || text[at] == 'f'+1 {
			text[at] = '0'
		}
		dir := t.TempDir()
		bad := filepath.Join(dir, filepath.Base(file))
		if err := os.WriteFile(bad, text, 0o644); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command(python, filepath.Join(vectorDir, "read.py"), bad).CombinedOutput(); err == nil {
			t.Errorf("%s with a changed digit passes:\n%s", filepath.Base(file), out)
		}
	}
}
