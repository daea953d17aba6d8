package api

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

func mint(t testing.TB, tokens *Tokens, p Principal, expires time.Time) string {
	t.Helper()
	text, tok, err := NewToken(p, testNow, expires)
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
	text := mint(t, tokens, Principal{Name: "registry", Roles: []Role{RoleRegistrar}, Regions: []string{"33"}}, testNow.Add(time.Hour))
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
	if err != nil || !reflect.DeepEqual(got.principal(), Principal{Name: "registry", Roles: []Role{RoleRegistrar}, Regions: []string{"33"}}) {
		t.Errorf("Check: %+v, %v", got, err)
	}
	if _, err := tokens.Check(text, testNow.Add(time.Hour)); !errors.Is(err, errBadToken) {
		t.Errorf("an expired token gives %v", err)
	}
	other, _, err := NewToken(Principal{Name: "registry", Roles: []Role{RoleRegistrar}}, testNow, time.Time{})
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
	text := mint(t, cli, Principal{Name: "registry", Roles: []Role{RoleAdmin}}, time.Time{})
	tok, err := server.Check(text, testNow)
	if err != nil || !tok.principal().has([]Role{RoleAdmin}) {
		t.Errorf("a token granted later gives %+v, %v", tok, err)
	}
	if ok, err := cli.Revoke(tok.ID); !ok || err != nil {
		t.Fatalf("Revoke: %v, %v", ok, err)
	}
	if _, err := server.Check(text, testNow); !errors.Is(err, errBadToken) {
		t.Errorf("a revoked token gives %v", err)
	}
	mint(t, cli, Principal{Name: "registry", Roles: []Role{RoleOperator}}, time.Time{})
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
	// So is one that somebody opens to others, and closes again, while it is in use.
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	text = mint(t, cli, Principal{Name: "registry", Roles: []Role{RoleOperator}}, time.Time{})
	for _, mode := range []os.FileMode{0o600, 0o604, 0o600} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if _, err := server.Check(text, testNow); (err == nil) != (mode == 0o600) {
			t.Errorf("a file of mode %o gives %v", mode, err)
		}
	}
	// What cannot be opened any more is found when it is read anew, at the latest.
	server.path = filepath.Join(path, "not-a-directory")
	if err := server.Reload(); err == nil {
		t.Error("a file that cannot be opened is taken for the one that was read")
	}
	if _, err := server.Check(text, testNow); err == nil {
		t.Error("its tokens work")
	}
}

// TestTokensRefused: nobody gets a token that grants what nobody may hold, on the
// command line or by an edit of the file.
func TestTokensRefused(t *testing.T) {
	for _, c := range []struct {
		p    Principal
		says string
	}{
		{Principal{Roles: []Role{RoleAdmin}}, "name"},
		{Principal{Name: "x"}, "role"},
		{Principal{Name: "x", Roles: []Role{"write"}}, "not a role"},
		{Principal{Name: "x", Roles: []Role{RoleAuditor, RoleAdmin}}, "kept apart"},
		{Principal{Name: "x", Roles: []Role{RoleProvider}}, "party"},
		{Principal{Name: "oidc:x", Roles: []Role{RoleAuditor}}, "identity provider"},
	} {
		if _, _, err := NewToken(c.p, testNow, time.Time{}); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%+v: %v", c.p, err)
		}
	}
	path := filepath.Join(t.TempDir(), "tokens.json")
	tokens, err := LoadTokens(path)
	if err != nil {
		t.Fatal(err)
	}
	mint(t, tokens, Principal{Name: "x", Roles: []Role{RoleAuditor}}, time.Time{})
	_, tok, err := NewToken(Principal{Name: "x", Roles: []Role{RoleAdmin}}, testNow, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	if err := tokens.Add(tok); !errors.Is(err, errApart) {
		t.Errorf("a second token with the other role: %v", err)
	}
	kept, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(strings.Replace(string(kept), `"auditor"`, `"auditor", "admin"`, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := tokens.Reload(); !errors.Is(err, errApart) {
		t.Errorf("a file edited by hand: %v", err)
	}
}
