package api

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
)

// issuer is an identity provider with one key at a time.
type issuer struct {
	http *httptest.Server

	mu  sync.Mutex
	key *rsa.PrivateKey
	kid string
	// Of the last sign-in: what was asked for, and what the token is to say.
	asked  url.Values
	claims map[string]any
}

func newIssuer(t *testing.T) *issuer {
	t.Helper()
	i := &issuer{}
	i.rotate(t, "k1")
	mux := http.NewServeMux()
	mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"issuer":%q,"jwks_uri":%q,"authorization_endpoint":%q,"token_endpoint":%q,"response_types_supported":["code"],"subject_types_supported":["public"],"id_token_signing_alg_values_supported":["RS256"]}`, i.http.URL, i.http.URL+"/keys", i.http.URL+"/authorize", i.http.URL+"/token")
	})
	mux.HandleFunc("/authorize", func(w http.ResponseWriter, r *http.Request) { // nobody is asked for a password
		i.mu.Lock()
		i.asked = r.URL.Query()
		i.mu.Unlock()
		http.Redirect(w, r, r.URL.Query().Get("redirect_uri")+"?code=c1&hd=example.org&state="+url.QueryEscape(r.URL.Query().Get("state")), http.StatusFound)
	})
	mux.HandleFunc("/token", func(w http.ResponseWriter, r *http.Request) {
		i.mu.Lock()
		asked, claims := i.asked, maps.Clone(i.claims)
		i.asked = nil
		i.mu.Unlock()
		sum := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
		if asked == nil || r.PostFormValue("code") != "c1" || base64.RawURLEncoding.EncodeToString(sum[:]) != asked.Get("code_challenge") || r.PostFormValue("redirect_uri") != asked.Get("redirect_uri") {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprint(w, `{"error":"invalid_grant"}`)
			return
		}
		if claims["nonce"] == nil {
			claims["nonce"] = asked.Get("nonce")
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"access_token":"a","token_type":"Bearer","id_token":%q}`, i.sign(t, claims))
	})
	mux.HandleFunc("/keys", func(w http.ResponseWriter, _ *http.Request) {
		i.mu.Lock()
		defer i.mu.Unlock()
		b64 := base64.RawURLEncoding.EncodeToString
		fmt.Fprintf(w, `{"keys":[{"kty":"RSA","use":"sig","alg":"RS256","kid":%q,"n":%q,"e":%q}]}`, i.kid, b64(i.key.N.Bytes()), b64(big.NewInt(int64(i.key.E)).Bytes()))
	})
	i.http = httptest.NewServer(mux)
	t.Cleanup(i.http.Close)
	return i
}

func (i *issuer) rotate(t *testing.T, kid string) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.key, i.kid = key, kid
}

// sign makes a token of claims over those that a good one has.
func (i *issuer) sign(t *testing.T, change map[string]any) string {
	t.Helper()
	claims := map[string]any{"iss": i.http.URL, "aud": "ledgerline", "sub": "u1", "exp": testNow.Add(time.Hour).Unix(), "roles": []string{"auditor", "wiki-editor"}}
	for name, v := range change {
		claims[name] = v
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	part := func(v any) string {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return base64.RawURLEncoding.EncodeToString(b)
	}
	text := part(map[string]string{"alg": "RS256", "kid": i.kid, "typ": "JWT"}) + "." + part(claims)
	sum := sha256.Sum256([]byte(text))
	sig, err := rsa.SignPKCS1v15(rand.Reader, i.key, crypto.SHA256, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(sig)
}

// TestProviderAwayAtFirst: a server starts without its identity provider, refuses its
// tokens as long as it is away, and takes them when it is back.
func TestProviderAwayAtFirst(t *testing.T) {
	i := newIssuer(t)
	away := true
	client := &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
		if away {
			return nil, errors.New("no route to host")
		}
		return http.DefaultTransport.RoundTrip(r)
	})}
	provider, err := NewOIDC(t.Context(), OIDCOptions{Issuer: i.http.URL, Audience: "ledgerline", ClientID: "pages", Client: client, Now: func() time.Time { return testNow }})
	if err != nil || provider.Away() == nil {
		t.Fatalf("with the provider away: %v", err)
	}
	f := newFixture(t, func(o *Options) { o.Dev, o.OIDC = false, provider })
	good := i.sign(t, nil)
	for _, path := range []string{"/v1/accesses", "/sign-in/provider"} {
		if r := f.get(path, "Authorization", "Bearer "+good); r.status != http.StatusServiceUnavailable || r.header.Get("Retry-After") == "" || r.header.Get("Set-Cookie") != "" {
			t.Errorf("%s with the provider away: %d %v", path, r.status, r.header)
		}
	}
	away = false
	if r := f.get("/v1/accesses", "Authorization", "Bearer "+good); r.status != http.StatusServiceUnavailable {
		t.Errorf("asked again at once: %d %s", r.status, r.body)
	}
	provider.mu.Lock()
	provider.asked = provider.asked.Add(-discoverPause)
	provider.mu.Unlock()
	if r := f.get("/v1/accesses", "Authorization", "Bearer "+good); r.status != http.StatusOK || provider.Away() != nil {
		t.Errorf("with the provider back: %d %s", r.status, r.body)
	}
}

// TestProviderIll: a provider that is there but ill is treated as one that is away; one
// that says something wrong refuses the start, and what is wrong is said.
func TestProviderIll(t *testing.T) {
	whole := func(issuer string) string {
		return fmt.Sprintf(`{"issuer":%q,"jwks_uri":%q,"authorization_endpoint":%q,"token_endpoint":%q}`, issuer, issuer+"/keys", issuer+"/authorize", issuer+"/token")
	}
	status := func(code int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code); io.WriteString(w, body) }
	}
	answer := func(body func(issuer string) string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, body("http://"+r.Host)) }
	}
	redirect := func(then http.HandlerFunc) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/error" {
				then(w, r)
				return
			}
			http.Redirect(w, r, "/error", http.StatusFound)
		}
	}
	for _, c := range []struct {
		name    string
		handler http.HandlerFunc
		why     string
		refused bool
	}{
		{"well", answer(whole), "", false},
		{"500", status(500, "oops"), "500", false},
		{"502 of a gateway", status(502, "<html>"), "502", false},
		{"503", status(503, whole("x")), "503", false},
		{"429", status(429, ""), "429", false},
		{"a page for people", status(200, "<html>We will be back</html>"), "no JSON", false},
		{"empty", status(200, ""), "no JSON", false},
		{"cut short", answer(func(issuer string) string { return whole(issuer)[:40] }), "no JSON", false},
		{"broken off", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "1000")
			io.WriteString(w, `{"issuer":`)
		}, "breaks off", false},
		{"no answer", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "EOF", false},
		{"without end", func(w http.ResponseWriter, r *http.Request) {
			for i := 0; i <= discoverBytes; i += 1024 {
				io.WriteString(w, strings.Repeat(" ", 1024))
			}
		}, "no JSON", false},
		{"to a page of errors", redirect(status(404, "no such page")), "sends to", false},
		{"to a page for people", redirect(status(200, "<html>")), "no JSON", false},
		{"in circles", redirect(func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/error", http.StatusFound) }), "10 redirects", false},
		{"to where it is", redirect(answer(whole)), "", false},
		{"not found", status(404, strings.Repeat("no such page ", 1000)), "404", true},
		{"forbidden", status(403, ""), "403", true},
		{"another issuer", answer(func(string) string { return whole("https://login.example") }), "https://login.example", true},
		{"no object", status(200, `[]`), "decode", true},
		{"an empty object", status(200, `{}`), "issuer", true},
		{"no keys", answer(func(issuer string) string { return strings.Replace(whole(issuer), "jwks_uri", "jwks", 1) }), "jwks_uri", true},
		{"keys that are no URL", answer(func(issuer string) string { return strings.Replace(whole(issuer), issuer+"/keys", "/keys", 1) }), "jwks_uri", true},
		{"nowhere to sign in", answer(func(issuer string) string { return strings.Replace(whole(issuer), "authorization_endpoint", "a", 1) }), "authorization_endpoint", true},
	} {
		srv := httptest.NewServer(c.handler)
		srv.Config.ErrorLog = log.New(io.Discard, "", 0)
		provider, err := NewOIDC(t.Context(), OIDCOptions{Issuer: srv.URL, Audience: "ledgerline", ClientID: "pages"})
		srv.Close()
		if (err != nil) != c.refused {
			t.Errorf("%s: refused: %v", c.name, err)
			continue
		}
		if err == nil {
			err = provider.Away()
		}
		if (err != nil) != (c.why != "") || err != nil && (!strings.Contains(err.Error(), c.why) || len(err.Error()) > 500) {
			t.Errorf("%s: %.600v, want %q", c.name, err, c.why)
		}
	}
	for _, issuer := range []string{"login.example", "ftp://login.example", "https:///realms", "::"} {
		if _, err := NewOIDC(t.Context(), OIDCOptions{Issuer: issuer, Audience: "ledgerline"}); err == nil || !strings.Contains(err.Error(), "is no URL") {
			t.Errorf("%s: %v", issuer, err)
		}
	}
	// One that takes its time is given up, and is asked no further.
	stuck := &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
		if until, bound := r.Context().Deadline(); !bound || time.Until(until) > discoverWait {
			t.Error("the provider is waited for without end")
		}
		return nil, context.DeadlineExceeded
	})}
	if provider, err := NewOIDC(t.Context(), OIDCOptions{Issuer: "https://login.example", Audience: "ledgerline", Client: stuck}); err != nil || provider.Away() == nil {
		t.Errorf("one that does not answer: %v", err)
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestOIDC: the tokens of an identity provider are taken for what their claims say,
// over a rotation of its keys, and nothing else is.
func TestOIDC(t *testing.T) {
	i := newIssuer(t)
	clock := func() time.Time { return testNow }
	provider, err := NewOIDC(t.Context(), OIDCOptions{Issuer: i.http.URL, Audience: "ledgerline", Now: clock})
	if err != nil {
		t.Fatal(err)
	}
	f := newFixture(t, func(o *Options) { o.Dev, o.OIDC = false, provider })
	status := func(token, path string) reply { return f.get(path, "Authorization", "Bearer "+token) }
	good := i.sign(t, nil)
	if r := status(good, "/v1/accesses"); r.status != http.StatusOK {
		t.Errorf("an auditor: %d %s", r.status, r.body)
	}
	if r := status(i.sign(t, map[string]any{"roles": "operator"}), "/v1/accesses"); r.status != http.StatusForbidden || !strings.Contains(string(r.body), "oidc:u1") {
		t.Errorf("an operator: %d %s", r.status, r.body)
	}
	none := strings.Split(good, ".")
	for name, token := range map[string]string{
		"expired":          i.sign(t, map[string]any{"exp": testNow.Add(-time.Hour).Unix()}),
		"another audience": i.sign(t, map[string]any{"aud": "wiki"}),
		"another issuer":   i.sign(t, map[string]any{"iss": "https://evil.example"}),
		"another content":  none[0] + "." + strings.Split(i.sign(t, map[string]any{"sub": "u2"}), ".")[1] + "." + none[2],
		"no signature":     base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`)) + "." + none[1] + ".",
		"no name":          i.sign(t, map[string]any{"sub": ""}),
		"no role of ours":  i.sign(t, map[string]any{"roles": []string{"wiki-editor"}}),
		"both roles":       i.sign(t, map[string]any{"roles": []string{"admin", "auditor"}}),
		"bound to nothing": i.sign(t, map[string]any{"read_parties": []string{}}),
		"bound to numbers": i.sign(t, map[string]any{"read_regions": []any{3301}}),
		"no party":         i.sign(t, map[string]any{"roles": []string{"provider"}}),
	} {
		if r := status(token, "/v1/status"); r.status != http.StatusUnauthorized || strings.Contains(string(r.body), token) {
			t.Errorf("%s: %d %s", name, r.status, r.body)
		}
	}
	i.rotate(t, "k2")
	if r := status(i.sign(t, map[string]any{"roles": "provider", "parties": []string{"D03"}}), "/v1/status"); r.status != http.StatusOK {
		t.Errorf("after the keys were rotated: %d %s", r.status, r.body)
	}
	i.rotate(t, "k3")
	i.http.Close()
	if r := status(i.sign(t, nil), "/v1/status"); r.status != http.StatusServiceUnavailable || r.header.Get("Retry-After") == "" {
		t.Errorf("with the provider away: %d %s", r.status, r.body)
	}
}
