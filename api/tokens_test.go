package api

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func mint(t *testing.T, tokens *Tokens, principal string, expires time.Time, roles ...Role) string {
	t.Helper()
	text, tok, err := NewToken(principal, roles, testNow, expires)
	if err != nil {
		t.Fatal(err)
	}
	if err := tokens.Add(tok); err != nil {
		t.Fatal(err)
	}
	return text
}

func TestTokens(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tokens.json")
	tokens, err := LoadTokens(path)
	if err != nil {
		t.Fatal(err)
	}
	text := mint(t, tokens, "registry", testNow.Add(time.Hour), RoleRead, RoleWrite)
	if !strings.HasPrefix(text, "llt_") || len(text) != len("llt_")+16+1+48 {
		t.Errorf("the token has an unexpected form, %d characters", len(text))
	}
	kept, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(kept), text[len(text)-48:]) {
		t.Error("the file holds the token itself")
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file has mode %v, %v", info.Mode(), err)
	}
	got, err := tokens.Check(text, testNow)
	if err != nil || got.Principal != "registry" || !got.Allows(RoleWrite) || got.Allows(RoleAdmin) {
		t.Errorf("Check: %+v, %v", got, err)
	}
	if _, err := tokens.Check(text, testNow.Add(time.Hour)); !errors.Is(err, errBadToken) {
		t.Errorf("an expired token gives %v", err)
	}
	other, _, err := NewToken("registry", []Role{RoleRead}, testNow, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"", "llt_", text[1:], text[:len(text)-1], text + "A", strings.ToUpper(text), other, flip(text)} {
		if _, err := tokens.Check(bad, testNow); !errors.Is(err, errBadToken) {
			t.Errorf("a token that was never made gives %v", err)
		}
	}
}

// flip changes one character of the secret.
func flip(s string) string {
	b := []byte(s)
	b[30] ^= 'A' ^ 'B'
	return string(b)
}

// TestTokensReload: what the command line writes counts at once in a server that
// runs, and a list that cannot be read lets nobody in.
func TestTokensReload(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tokens.json")
	server, err := LoadTokens(path)
	if err != nil {
		t.Fatal(err)
	}
	cli, err := LoadTokens(path)
	if err != nil {
		t.Fatal(err)
	}
	text := mint(t, cli, "registry", time.Time{}, RoleAdmin)
	tok, err := server.Check(text, testNow)
	if err != nil || !tok.Allows(RoleRead) || !tok.Allows(RoleWrite) {
		t.Errorf("a token granted later gives %+v, %v", tok, err)
	}
	if ok, err := cli.Revoke(tok.ID); !ok || err != nil {
		t.Fatalf("Revoke: %v, %v", ok, err)
	}
	if _, err := server.Check(text, testNow); !errors.Is(err, errBadToken) {
		t.Errorf("a revoked token gives %v", err)
	}
	mint(t, cli, "registry", time.Time{}, RoleRead)
	if err := os.WriteFile(path, []byte(`[{"id":`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := server.Check(text, testNow); err == nil || errors.Is(err, errBadToken) {
		t.Errorf("a broken file gives %v", err)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadTokens(path); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("a file open to others gives %v", err)
	}
}

// TestRoles goes through who may do what.
func TestRoles(t *testing.T) {
	tokens, err := LoadTokens(filepath.Join(t.TempDir(), "tokens.json"))
	if err != nil {
		t.Fatal(err)
	}
	bearer := map[string]string{
		"nobody": "",
		"reader": mint(t, tokens, "reader", time.Time{}, RoleRead),
		"writer": mint(t, tokens, "writer", time.Time{}, RoleWrite),
		"admin":  mint(t, tokens, "admin", time.Time{}, RoleAdmin),
	}
	for _, c := range []struct {
		name        string
		change      func(*Options)
		read, write map[string]int // status by caller
	}{
		{"closed", func(o *Options) { o.Dev = false }, map[string]int{"nobody": 401, "reader": 200, "writer": 403, "admin": 200}, map[string]int{"nobody": 401, "reader": 403, "writer": 201, "admin": 201}},
		{"open to readers", func(o *Options) { o.Dev, o.AnonymousReads = false, true }, map[string]int{"nobody": 200, "writer": 200}, map[string]int{"nobody": 401, "reader": 403}},
		{"development", func(o *Options) {}, map[string]int{"nobody": 200}, map[string]int{"nobody": 201, "reader": 403, "writer": 201}},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFixture(t, func(o *Options) { o.Tokens = tokens; c.change(o) })
			headers := func(who string) []string {
				h := []string{"Content-Type", "application/cloudevents+json"}
				if bearer[who] != "" {
					h = append(h, "Authorization", "Bearer "+bearer[who])
				}
				return h
			}
			for who, want := range c.read {
				if r := f.get("/v1/status", headers(who)...); r.status != want {
					t.Errorf("%s reads: %d, want %d", who, r.status, want)
				}
				if r := f.get("/log/checkpoint", headers(who)...); r.status != 200 {
					t.Errorf("%s fetches the checkpoint: %d", who, r.status)
				}
			}
			for who, want := range c.write {
				event := strings.ReplaceAll(registered("P-"+who), "urn:test", "urn:"+who)
				r := f.do("POST", "/v1/events", event, headers(who)...)
				if r.status != want {
					t.Errorf("%s writes: %d, want %d: %s", who, r.status, want, r.body)
				}
				if r.status == 401 && r.header.Get("WWW-Authenticate") == "" {
					t.Error("a 401 without WWW-Authenticate")
				}
				if strings.Contains(string(r.body), "llt_0") || bearer[who] != "" && strings.Contains(string(r.body), bearer[who]) {
					t.Error("the answer shows the token")
				}
				if r.status != 201 {
					continue
				}
				e, err := f.ledger.Get(t.Context(), f.ledger.Head().Size-1)
				principal := who
				if who == "nobody" {
					principal = "dev"
				}
				if err != nil || e.Event.Principal != principal {
					t.Errorf("recorded under %q, %v, want %q", e.Event.Principal, err, principal)
				}
			}
		})
	}
}
