package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
)

// OIDCOptions say which identity provider's tokens are taken, and what their claims
// mean.
type OIDCOptions struct {
	// Issuer is the provider's URL; what it offers is found there (OpenID Connect
	// Discovery 1.0). Audience is what tokens for this server have in aud.
	Issuer, Audience string
	// The claims that name the principal, its roles, parties and regions, and the parties
	// and regions that it may read about: sub, roles, parties, regions, read_parties and
	// read_regions, unless they are given. Roles that are not ours are left out.
	PrincipalClaim, RolesClaim, PartiesClaim, RegionsClaim, ReadPartiesClaim, ReadRegionsClaim string

	Client *http.Client // nil: http.DefaultClient
	Now    func() time.Time
}

// OIDC takes the signed tokens of an identity provider for principals. Keys that the
// provider rotates in are fetched when a token names one that is not known.
type OIDC struct {
	o        OIDCOptions
	verifier *oidc.IDTokenVerifier
}

// NewOIDC asks the provider what it offers. ctx bounds nothing but that.
func NewOIDC(ctx context.Context, o OIDCOptions) (*OIDC, error) {
	fill(&o.PrincipalClaim, "sub")
	fill(&o.RolesClaim, "roles")
	fill(&o.PartiesClaim, "parties")
	fill(&o.RegionsClaim, "regions")
	fill(&o.ReadPartiesClaim, "read_parties")
	fill(&o.ReadRegionsClaim, "read_regions")
	if o.Issuer == "" || o.Audience == "" {
		return nil, errors.New("an identity provider needs an issuer and the audience of tokens for this server")
	}
	if o.Client != nil {
		ctx = oidc.ClientContext(ctx, o.Client)
	}
	p, err := oidc.NewProvider(ctx, o.Issuer)
	if err != nil {
		return nil, fmt.Errorf("asking the identity provider %s: %w", o.Issuer, err)
	}
	return &OIDC{o, p.Verifier(&oidc.Config{ClientID: o.Audience, Now: o.Now})}, nil
}

// errProvider says that the provider could not be asked for its keys.
var errProvider = errors.New("the identity provider cannot be asked")

// check returns the principal of a token: errBadToken, or errProvider if that cannot
// be known now, or what nobody may be.
func (o *OIDC) check(ctx context.Context, text string) (Principal, error) {
	token, err := o.verifier.Verify(ctx, text)
	if err != nil && strings.Contains(err.Error(), "fetching keys") { // the library wraps no error here
		return Principal{}, errors.Join(errProvider, err)
	}
	if err != nil {
		return Principal{}, errors.Join(errBadToken, err)
	}
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
