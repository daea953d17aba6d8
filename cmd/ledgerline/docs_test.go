package main

import (
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"ledgerline/cmd/ledgerline/demo"
)

// commandLine finds uses of this program in a text, up to what ends a command.
var commandLine = regexp.MustCompile("(?m)(?:^|[ `(]|\\./)ledgerline ((?:[a-z]+ ?)[^`|>#)\\n]*)")

// TestDocumentedCommands checks that every command line in README, docs, help and
// tour names a command and flags that exist.
func TestDocumentedCommands(t *testing.T) {
	texts := map[string]string{"the demo's tour": demo.Tour("http://127.0.0.1:8420")}
	for _, pattern := range []string{"README.md", "docs/*.md", "docs/conformance/*.md"} {
		files, err := filepath.Glob(filepath.Join(moduleRoot(t), pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			texts[filepath.Base(file)] = strings.ReplaceAll(string(b), "go run ./cmd/ledgerline", "ledgerline")
		}
	}
	root := newRoot(&program{out: io.Discard, err: io.Discard})
	var examples func(*cobra.Command)
	examples = func(c *cobra.Command) {
		texts["help of "+c.CommandPath()] = c.Example + "\n" + c.Long
		for _, sub := range c.Commands() {
			examples(sub)
		}
	}
	examples(root)

	found := 0
	for where, text := range texts {
		for _, m := range commandLine.FindAllStringSubmatch(text, -1) {
			words := strings.Fields(m[1])
			if _, _, err := root.Find(words[:1]); err != nil || !isCommand(root, words[0]) {
				if strings.Contains(m[1], "--") {
					t.Errorf("%s: there is no command in %q", where, m[0])
				}
				continue // prose
			}
			found++
			c, rest, err := root.Find(words)
			if err != nil {
				t.Errorf("%s: %q: %v", where, m[0], err)
				continue
			}
			for _, w := range rest {
				name, isFlag := strings.CutPrefix(w, "--")
				name, _, _ = strings.Cut(strings.TrimRight(name, ".,;:…"), "=")
				if isFlag && c.Flags().Lookup(name) == nil && c.InheritedFlags().Lookup(name) == nil {
					t.Errorf("%s: %q: %s has no flag --%s", where, m[0], c.CommandPath(), name)
				}
			}
		}
	}
	if found < 20 {
		t.Errorf("only %d command lines found: this check has lost sight of what it checks", found)
	}
}

func isCommand(root *cobra.Command, name string) bool {
	for _, c := range root.Commands() {
		if c.Name() == name {
			return true
		}
	}
	return name == "help"
}
