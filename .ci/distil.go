// Command distil keeps small corpora of the fuzz targets in the tree: of what fuzzing
// left in Go's cache, the inputs that make a target go where its seeds and the inputs
// kept before do not. What a plain go test then runs is what fuzzing took hours to find.
//
//	go run .ci/distil.go            # all targets
//	go run .ci/distil.go FuzzRead   # those whose names match
//
// Each target keeps at most 20 inputs of at most 2 KiB, the smallest first, in
// testdata/fuzz beside it. Those that are there stay, unless they add nothing any more.
// Where hardly any adds something, three are kept all the same: fuzzing found them to be
// of interest by how often they go where others go.
package main

import (
	"bufio"
	"cmp"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

const (
	mostInputs = 20
	mostBytes  = 2 << 10
	leastKept  = 3
	// mostTried bounds the time that a target takes: a process for each input.
	mostTried = 60
)

func main() {
	if err := run(strings.Join(os.Args[1:], "|")); err != nil {
		fmt.Fprintln(os.Stderr, "distil:", err)
		os.Exit(1)
	}
}

func run(match string) error {
	wanted, err := regexp.Compile(match)
	if err != nil {
		return err
	}
	cache, err := exec.Command("go", "env", "GOCACHE").Output()
	if err != nil {
		return err
	}
	work, err := os.MkdirTemp("", "distil-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	targets, err := fuzzTargets()
	if err != nil {
		return err
	}
	for _, t := range targets {
		if !wanted.MatchString(t.name) {
			continue
		}
		t.cached = filepath.Join(strings.TrimSpace(string(cache)), "fuzz", "ledgerline", t.dir, t.name)
		if err := t.distil(work); err != nil {
			return fmt.Errorf("%s in %s: %w", t.name, t.dir, err)
		}
	}
	return nil
}

type target struct{ dir, name, cached string }

// fuzzTargets finds the targets of the module, package by package.
func fuzzTargets() (list []target, err error) {
	declared := regexp.MustCompile(`(?m)^func (Fuzz\w+)\(`)
	err = filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && strings.HasPrefix(d.Name(), ".") && path != ".", d.IsDir() && d.Name() == "docs":
			return filepath.SkipDir
		case !strings.HasSuffix(path, "_test.go"):
			return nil
		}
		b, err := os.ReadFile(path)
		for _, m := range declared.FindAllSubmatch(b, -1) {
			list = append(list, target{dir: filepath.Dir(path), name: string(m[1])})
		}
		return err
	})
	return list, err
}

// input is one of a corpus.
type input struct {
	path string
	text []byte
}

func inputs(dir string) (list []input, err error) {
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	for _, f := range files {
		b, rerr := os.ReadFile(f)
		if rerr != nil {
			return nil, rerr
		}
		if len(b) <= mostBytes {
			list = append(list, input{f, b})
		}
	}
	slices.SortFunc(list, func(a, b input) int { return cmp.Or(len(a.text)-len(b.text), cmp.Compare(a.path, b.path)) })
	return list, err
}

func (t target) distil(work string) error {
	kept := filepath.Join(t.dir, "testdata", "fuzz", t.name)
	candidates, err := inputs(kept)
	if err != nil {
		return err
	}
	found, err := inputs(t.cached)
	if err != nil || len(candidates)+len(found) == 0 {
		return err
	}
	// The small ones, and some of all sizes.
	for i, each := 0, max(1, len(found)/mostTried); i < len(found); i += each {
		candidates = append(candidates, found[i])
	}
	program := filepath.Join(work, strings.ReplaceAll(t.dir, "/", "_")+".test")
	if _, err := os.Stat(program); err != nil {
		if out, err := exec.Command("go", "test", "-c", "-cover", "-coverpkg=./"+t.dir, "-o", program, "./"+t.dir).CombinedOutput(); err != nil {
			return fmt.Errorf("building it: %w\n%s", err, out)
		}
	}
	known, err := t.covered(program, "seed#")
	if err == nil {
		err = os.RemoveAll(kept)
	}
	if err == nil {
		err = os.MkdirAll(kept, 0o755)
	}
	if err != nil {
		return err
	}
	n := 0
	var spare []input
	for _, in := range candidates {
		if n == mostInputs {
			break
		}
		name := filepath.Base(in.path)
		here := filepath.Join(kept, name)
		if err := os.WriteFile(here, in.text, 0o644); err != nil {
			return err
		}
		covered, err := t.covered(program, "^"+regexp.QuoteMeta(name)+"$")
		if err != nil {
			return fmt.Errorf("%s, which stays there: %w", here, err)
		}
		added := false
		for block := range covered {
			added = added || !known[block]
			known[block] = true
		}
		if added {
			n++
			continue
		}
		spare = append(spare, in)
		if err := os.Remove(here); err != nil {
			return err
		}
	}
	for _, in := range spare[max(0, len(spare)-max(0, leastKept-n)):] { // the largest say most
		if err := os.WriteFile(filepath.Join(kept, filepath.Base(in.path)), in.text, 0o644); err != nil {
			return err
		}
		n++
	}
	fmt.Printf("%s %s: %d of %d\n", t.dir, t.name, n, len(found))
	if n == 0 {
		return os.Remove(kept)
	}
	return nil
}

// covered runs some inputs and returns the blocks of code that they come to.
func (t target) covered(program, inputs string) (map[string]bool, error) {
	profile := program + ".profile"
	c := exec.Command(program, "-test.run=^"+t.name+"$/"+inputs, "-test.coverprofile="+profile)
	c.Dir = t.dir // seeds may be read from files there
	if out, err := c.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("an input fails, which is a finding: %w\n%s", err, out)
	}
	f, err := os.Open(profile)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	blocks := make(map[string]bool)
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if block, count, ok := strings.Cut(lines.Text(), " "); ok && !strings.HasSuffix(count, " 0") {
			blocks[block] = true
		}
	}
	return blocks, lines.Err()
}
