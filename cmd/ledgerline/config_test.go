package main

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
)

// configOf loads a configuration from a file's text, an environment and flags.
func configOf(t *testing.T, file string, environ []string, flags ...string) (*loading, error) {
	t.Helper()
	if file != "" {
		path := filepath.Join(t.TempDir(), "ledgerline.toml")
		if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
			t.Fatal(err)
		}
		flags = append(flags, "--config", path)
	}
	c := &cobra.Command{Use: "serve"}
	l := configFlags(c)
	if err := c.ParseFlags(flags); err != nil {
		return l, err
	}
	return l, l.load(environ)
}

// TestConfigPrecedence: a flag counts for more than the environment, that for more
// than the file, and that for more than the default.
func TestConfigPrecedence(t *testing.T) {
	const file = "dir = \"from-file\"\n[patrol]\nevery = \"1h\"\nrate = 1.5\n"
	env := []string{"LEDGERLINE_PATROL_EVERY=2h", "LEDGERLINE_DIR=from-env"}
	for _, c := range []struct {
		name, file string
		env, flags []string
		dir        string
		every      time.Duration
		rate       float64
		from       string // of patrol.every
	}{
		{"defaults", "", nil, nil, "", 24 * time.Hour, 4, "default"},
		{"file", file, nil, nil, "from-file", time.Hour, 1.5, "file"},
		{"environment", file, env, nil, "from-env", 2 * time.Hour, 1.5, "environment"},
		{"flag", file, env, []string{"--patrol-every", "3h", "--dir", "from-flag"}, "from-flag", 3 * time.Hour, 1.5, "flag"},
		{"flag that says the default", file, env, []string{"--patrol-every=24h"}, "from-env", 24 * time.Hour, 1.5, "flag"},
	} {
		l, err := configOf(t, c.file, c.env, c.flags...)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if l.Dir != c.dir || time.Duration(l.Patrol.Every) != c.every || l.Patrol.Rate != c.rate {
			t.Errorf("%s: dir %q, every %s, rate %v", c.name, l.Dir, l.Patrol.Every, l.Patrol.Rate)
		}
		for _, k := range l.keys {
			if k.name == "patrol.every" && k.from != c.from {
				t.Errorf("%s: comes from the %s, want %s", c.name, k.from, c.from)
			}
		}
	}
}

// TestConfigRefusals: a setting that is not known, or not of its type, is refused
// with the line where it stands.
func TestConfigRefusals(t *testing.T) {
	for _, c := range []struct {
		name, file string
		env, flags []string
		says       string
	}{
		{"unknown key", "dir = \"d\"\n\n[patrol]\nevry = \"1h\"\n", nil, nil, `line 4: there is no setting "patrol.evry"`},
		{"unknown section", "[patroll]\nevery = \"1h\"\n", nil, nil, `line 1: there is no setting "patroll"`},
		{"as the flag", "tls-cert = \"c\"\n", nil, nil, `line 1: there is no setting "tls-cert": it is "cert" in the section [tls]`},
		{"as the variable", "LEDGERLINE_LIMIT_BODY_BYTES = 1\n", nil, nil, `: it is "body-bytes" in the section [limit]`},
		{"in a section that it is not of", "[patrol]\nevery = \"1h\"\ndir = \"d\"\n", nil, nil, `line 3: there is no setting "patrol.dir": it is "dir", outside of all sections`},
		{"with the wrong dash", "dir = \"d\"\nhead_file = \"h\"\n", nil, nil, `: it is "head-file", outside of all sections`},
		{"too long", "dir = \"" + strings.Repeat("x", configBytes) + "\"\n", nil, nil, "is longer than 1048576 bytes"},
		{"wrong type", "dir = \"d\"\ndev = \"yes\"\n", nil, nil, "line 2: "},
		{"bad duration", "[patrol]\nevery = \"soon\"\n", nil, nil, "line 2: "},
		{"twice", "dir = \"a\"\ndir = \"b\"\n", nil, nil, "line 2: "},
		{"not TOML", "dir: d\n", nil, nil, "line 1: "},
		{"variable", "", []string{"LEDGERLINE_DEV=perhaps"}, nil, "$LEDGERLINE_DEV: want true or false"},
		{"flag", "", nil, []string{"--patrol-rate", "fast"}, "want a number"},
	} {
		if _, err := configOf(t, c.file, c.env, c.flags...); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want it to say %s", c.name, err, c.says)
		}
	}
}

// TestConfigNames: every value has a name of its own, a description, and a kind
// that flags and variables can hold.
func TestConfigNames(t *testing.T) {
	l, err := configOf(t, "", []string{"LEDGERLINE_DIR=d", "LEDGERLINE_TYPO=1", "LEDGERLINE_TOKEN=llt_x", "HOME=/"})
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, k := range l.keys {
		if k.usage == "" || seen[k.variable()] || strings.HasSuffix(k.name, ".") {
			t.Errorf("%s lacks a name of its own or a description", k.name)
		}
		seen[k.variable()] = true
		if err := setText(k.value, textOf(k.value)); err != nil {
			t.Errorf("%s: its own text is not read: %v", k.name, err)
		}
	}
	if got := l.unknownVariables([]string{"LEDGERLINE_DIR=d", "LEDGERLINE_TYPO=1", "LEDGERLINE_TOKEN=llt_x", "HOME=/"}); len(got) != 1 || got[0] != "LEDGERLINE_TYPO" {
		t.Errorf("unknown variables: %v", got)
	}
}

// TestSecretsAreNotShown formats, encodes and logs a secret in every usual way.
func TestSecretsAreNotShown(t *testing.T) {
	const word = "swordfish"
	s := struct {
		Password secret
		More     []secret
	}{word, []secret{word}}
	var log bytes.Buffer
	for _, h := range []slog.Handler{slog.NewTextHandler(&log, nil), slog.NewJSONHandler(&log, nil)} {
		slog.New(h).Info("starting", "password", s.Password, "all", s)
	}
	fmt.Fprintf(&log, "%v %+v %#v %s %q", s, s, s, s.Password, s.Password)
	fmt.Fprint(&log, fmt.Errorf("using %s", s.Password))
	if strings.Contains(log.String(), word) {
		t.Errorf("the secret is shown:\n%s", log.String())
	}
	if !strings.Contains(log.String(), redacted) || string(s.Password) != word {
		t.Error("the secret is lost")
	}
}

// TestConfigHelp: help shows every flag.
func TestConfigHelp(t *testing.T) {
	c := serveCommand(&program{out: io.Discard, err: io.Discard})
	usage := c.Flags().FlagUsages()
	for _, want := range []string{"--config string", "--patrol-every duration", "--limit-view-lag int", "--dev ", "(default 24h0m0s)"} {
		if !strings.Contains(usage, want) {
			t.Errorf("the help lacks %q:\n%s", want, usage)
		}
	}
}
