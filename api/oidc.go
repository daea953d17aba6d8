package api

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// OIDCOptions say which identity provider's tokens are taken, and what their claims
// mean.
type OIDCOptions struct {
	// Issuer is the provider's URL; what it offers is found there (OpenID Connect
	// Discovery 1.0). Audience is what tokens for this server have in aud.
	Issuer, Audience string
	// The claims that name the principal, its roles, parties and regions, the parties and
	// regions that it may read about, and the fields that it is kept from: sub, roles,
	// parties, regions, read_parties, read_regions and withheld_fields, unless they are
	// given. Roles that are not ours are left out.
	PrincipalClaim, RolesClaim, PartiesClaim, RegionsClaim, ReadPartiesClaim, ReadRegionsClaim, WithholdClaim string

	// ClientID and ClientSecret are this server's at the provider, for people who sign in at
	// a browser. Without an id nobody does; a public client has no secret.
	ClientID, ClientSecret string
	// Scopes are asked for beside openid; none: profile.
	Scopes []string

	Client *http.Client // nil: http.DefaultClient
	Now    func() time.Time
}

// OIDC takes the signed tokens of an identity provider for principals. Keys that the
// provider rotates in are fetched when a token names one that is not known.
type OIDC struct {
	o OIDCOptions

	mu     sync.Mutex // held while the provider is asked
	asked  time.Time  // last, in vain
	failed error      // why it was in vain
	found  atomic.Pointer[offered]
}

// offered is what a provider offers.
type offered struct {
	verifier *oidc.IDTokenVerifier
	// people are tokens of people who sign in: they are for this server as a client.
	people   *oidc.IDTokenVerifier
	endpoint oauth2.Endpoint
}

// A provider that could not be asked is asked again when somebody comes with a token of
// it, but not more often than each discoverPause, and no longer than discoverWait. What it
// says is no longer than discoverBytes.
const (
	discoverPause = 5 * time.Second
	discoverWait  = 5 * time.Second
	discoverBytes = 1 << 20
)

// NewOIDC asks the provider what it offers. One that is away or ill (see wholeAnswers) is
// no error, or a server could not start meanwhile: its tokens are refused as long. What
// says that it is no provider, another one, or one of which this server can use nothing is
// one.
func NewOIDC(ctx context.Context, o OIDCOptions) (*OIDC, error) {
	fill(&o.PrincipalClaim, "sub")
	fill(&o.RolesClaim, "roles")
	fill(&o.PartiesClaim, "parties")
	fill(&o.RegionsClaim, "regions")
	fill(&o.ReadPartiesClaim, "read_parties")
	fill(&o.ReadRegionsClaim, "read_regions")
	fill(&o.WithholdClaim, "withheld_fields")
	if o.Issuer == "" || o.Audience == "" {
		return nil, errors.New("an identity provider needs an issuer and the audience of tokens for this server")
	}
	if !isWebAddress(o.Issuer) {
		return nil, fmt.Errorf("the issuer %q is no URL: give what the provider has as issuer, such as https://login.example/realms/gov", o.Issuer)
	}
	if len(o.Scopes) == 0 {
		o.Scopes = []string{"profile"}
	}
	d := &OIDC{o: o}
	if _, err := d.offers(ctx); err != nil && !errors.Is(err, errProvider) {
		return nil, err
	}
	return d, nil
}

// Away is why the provider has not said yet what it offers; nil: it has.
func (o *OIDC) Away() error {
	if o.found.Load() != nil {
		return nil
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.failed
}

// offers is what the provider offers: errProvider if it cannot be asked now.
func (o *OIDC) offers(ctx context.Context) (*offered, error) {
	if found := o.found.Load(); found != nil {
		return found, nil
	}
	if !o.mu.TryLock() { // somebody asks; to wait for that would be waiting for a provider that is away
		return nil, errProvider
	}
	defer o.mu.Unlock()
	if found := o.found.Load(); found != nil {
		return found, nil
	}
	if time.Since(o.asked) < discoverPause {
		return nil, errProvider
	}
	// Whoever comes first asks for all: it goes on if that client leaves.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), discoverWait)
	defer cancel()
	client := http.Client{}
	if o.o.Client != nil {
		client = *o.o.Client
	}
	client.Transport = wholeAnswers{cmp.Or(client.Transport, http.DefaultTransport)}
	p, err := oidc.NewProvider(oidc.ClientContext(ctx, &client), o.o.Issuer)
	if err == nil {
		err = o.usable(p)
	}
	if err != nil {
		err = fmt.Errorf("asking the identity provider %s: %w", o.o.Issuer, err)
		if unheard := (*url.Error)(nil); errors.As(err, &unheard) {
			err = fmt.Errorf("%w: %w", errProvider, err)
		}
		o.asked, o.failed = time.Now(), err
		return nil, err
	}
	found := &offered{p.Verifier(&oidc.Config{ClientID: o.o.Audience, Now: o.o.Now}), p.Verifier(&oidc.Config{ClientID: o.o.ClientID, SkipClientIDCheck: o.o.ClientID == "", Now: o.o.Now}), p.Endpoint()}
	o.found.Store(found)
	return found, nil
}

// usable tells whether a provider offers all that is asked of it. Its own issuer was
// compared with ours already.
func (o *OIDC) usable(p *oidc.Provider) error {
	var says struct {
		Keys string `json:"jwks_uri"`
	}
	if err := p.Claims(&says); err != nil {
		return err
	}
	type address struct{ name, given string }
	needed := []address{{"jwks_uri", says.Keys}}
	if o.o.ClientID != "" {
		needed = append(needed, address{"authorization_endpoint", p.Endpoint().AuthURL}, address{"token_endpoint", p.Endpoint().TokenURL})
	}
	for _, a := range needed {
		if !isWebAddress(a.given) {
			return fmt.Errorf("its %s is no URL: %q", a.name, a.given)
		}
	}
	return nil
}

func isWebAddress(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != ""
}

// wholeAnswers lets through what a provider says, and makes an error of what somebody else
// says for it while it is ill: gateways in front of it, pages for people, connections that
// break off. So the two are told apart, by url.Error.
type wholeAnswers struct{ next http.RoundTripper }

func (t wholeAnswers) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := t.next.RoundTrip(r)
	if err != nil || answer.StatusCode/100 == 3 { // the client goes where it is sent
		return answer, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, discoverBytes))
	switch redirected := r.Response != nil; {
	case err != nil:
		return nil, fmt.Errorf("the answer breaks off: %w", err)
	case answer.StatusCode >= http.StatusInternalServerError, answer.StatusCode == http.StatusTooManyRequests, answer.StatusCode == http.StatusRequestTimeout:
		return nil, fmt.Errorf("it answers %s", answer.Status)
	case answer.StatusCode != http.StatusOK && redirected:
		return nil, fmt.Errorf("it sends to %s, which answers %s", r.URL.Redacted(), answer.Status)
	case answer.StatusCode == http.StatusOK && !json.Valid(body):
		return nil, fmt.Errorf("it answers what is no JSON, %s of %d bytes", answer.Header.Get("Content-Type"), len(body))
	}
	if answer.StatusCode != http.StatusOK {
		body = body[:min(len(body), 200)] // it becomes part of an error
	}
	answer.Body = io.NopCloser(bytes.NewReader(body))
	return answer, nil
}

// signInAt is whose people may sign in at a browser; empty if none may.
func (o *OIDC) signInAt() string {
	if o.o.ClientID == "" {
		return ""
	}
	return o.o.Issuer
}

func (o *OIDC) client(at *offered, callback string) *oauth2.Config {
	return &oauth2.Config{ClientID: o.o.ClientID, ClientSecret: o.o.ClientSecret, Endpoint: at.endpoint, RedirectURL: callback, Scopes: append([]string{oidc.ScopeOpenID}, o.o.Scopes...)}
}

// leadTo is where the provider signs somebody in (OpenID Connect Core 1.0 §3.1.2.1, with
// PKCE, RFC 7636).
func (o *OIDC) leadTo(at *offered, callback string, x flow) string {
	return o.client(at, callback).AuthCodeURL(x.State, oidc.Nonce(x.Nonce), oauth2.S256ChallengeOption(x.Verifier))
}

// redeem returns who signed in, and until when the provider vouches for it: errors as
// those of check.
func (o *OIDC) redeem(ctx context.Context, callback, code string, x flow) (Principal, time.Time, error) {
	if o.o.Client != nil {
		ctx = oidc.ClientContext(ctx, o.o.Client)
	}
	at, err := o.offers(ctx)
	if err != nil {
		return Principal{}, time.Time{}, errors.Join(errProvider, err)
	}
	answer, err := o.client(at, callback).Exchange(ctx, code, oauth2.VerifierOption(x.Verifier))
	if refused := (*oauth2.RetrieveError)(nil); errors.As(err, &refused) && refused.Response != nil && refused.Response.StatusCode < http.StatusInternalServerError {
		return Principal{}, time.Time{}, errors.Join(errBadToken, errors.New(refused.ErrorCode)) // the answer itself may hold secrets
	}
	if err != nil {
		return Principal{}, time.Time{}, errors.Join(errProvider, errors.New("the code could not be redeemed"))
	}
	text, _ := answer.Extra("id_token").(string)
	token, err := o.verify(ctx, at.people, text)
	if err != nil {
		return Principal{}, time.Time{}, err
	}
	if token.Nonce != x.Nonce {
		return Principal{}, time.Time{}, errors.Join(errBadToken, errors.New("the token is of another sign-in"))
	}
	p, err := o.principal(token)
	return p, token.Expiry, err
}

// errProvider says that the provider could not be asked for its keys.
var errProvider = errors.New("the identity provider cannot be asked")

// check returns the principal of a token, and until when it is good: errBadToken, or
// errProvider if that cannot be known now, or what nobody may be.
func (o *OIDC) check(ctx context.Context, text string) (Principal, time.Time, error) {
	at, err := o.offers(ctx)
	if err != nil {
		return Principal{}, time.Time{}, errors.Join(errProvider, err)
	}
	token, err := o.verify(ctx, at.verifier, text)
	if err != nil {
		return Principal{}, time.Time{}, err
	}
	p, err := o.principal(token)
	return p, token.Expiry, err
}

func (o *OIDC) verify(ctx context.Context, v *oidc.IDTokenVerifier, text string) (*oidc.IDToken, error) {
	token, err := v.Verify(ctx, text)
	if err != nil && strings.Contains(err.Error(), "fetching keys") { // the library wraps no error here
		return nil, errors.Join(errProvider, err)
	}
	if err != nil {
		return nil, errors.Join(errBadToken, err)
	}
	return token, nil
}

// principal reads the claims of a token.
func (o *OIDC) principal(token *oidc.IDToken) (Principal, error) {
	var claims map[string]any
	if err := token.Claims(&claims); err != nil {
		return Principal{}, errors.Join(errBadToken, err)
	}
	name, _ := claims[o.o.PrincipalClaim].(string)
	if name == "" {
		return Principal{}, fmt.Errorf("the token has no claim %s", o.o.PrincipalClaim)
	}
	p := Principal{Name: oidcPrefix + name}
	// What bounds a principal must not be lost because it is not written as expected.
	for claim, to := range map[string]*[]string{
		o.o.PartiesClaim: &p.Parties, o.o.RegionsClaim: &p.Regions, o.o.ReadPartiesClaim: &p.ReadParties, o.o.ReadRegionsClaim: &p.ReadRegions,
		o.o.WithholdClaim: &p.Withhold,
	} {
		given, bound := claims[claim]
		if *to = wordsOf(given); bound && len(*to) == 0 {
			return Principal{}, fmt.Errorf("the claim %s names nothing: leave it out for somebody who is not bound, or give a list of texts", claim)
		}
	}
	for _, word := range wordsOf(claims[o.o.RolesClaim]) {
		if r := Role(word); slices.Contains(allRoles, r) { // providers know roles of other programs too
			p.Roles = append(p.Roles, r)
		}
	}
	return p, p.check()
}

// wordsOf reads a claim that is a list of texts, or one text with spaces between.
func wordsOf(claim any) (words []string) {
	switch v := claim.(type) {
	case string:
		return strings.Fields(v)
	case []any:
		for _, e := range v {
			s, ok := e.(string)
			if !ok {
				return nil
			}
			words = append(words, s)
		}
	}
	return words
}
