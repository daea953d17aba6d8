package main

import (
	"context"
	"log/slog"
	"os"
	"strings"
	"time"

	"ledgerline/api"
)

// oidcConfig says which identity provider's tokens are taken, beside those of the
// directory.
type oidcConfig struct {
	Issuer           string `toml:"issuer" usage:"URL of an OpenID Connect provider whose tokens are taken"`
	Audience         string `toml:"audience" usage:"what tokens for this server have in their claim aud"`
	ClientID         string `toml:"client-id" usage:"this server's id at the provider, for people who sign in at a browser"`
	ClientSecretFile string `toml:"client-secret-file" usage:"file with its secret there; none for a public client"`
	PrincipalClaim   string `toml:"principal-claim" usage:"claim that names the principal (default sub); it is recorded as oidc:NAME"`
	RolesClaim       string `toml:"roles-claim" usage:"claim that lists its roles (default roles)"`
	PartiesClaim     string `toml:"parties-claim" usage:"claim that lists the parties it speaks for (default parties)"`
	RegionsClaim     string `toml:"regions-claim" usage:"claim that lists the regions of its parties (default regions)"`
	ReadPartiesClaim string `toml:"read-parties-claim" usage:"claim that lists the parties it may read about (default read_parties)"`
	ReadRegionsClaim string `toml:"read-regions-claim" usage:"claim that lists the regions it may read about (default read_regions)"`
	WithholdClaim    string `toml:"withheld-fields-claim" usage:"claim that lists the fields it is kept from (default withheld_fields)"`
}

// check tells whether the provider can be asked.
func (c oidcConfig) check() error {
	if c == (oidcConfig{}) {
		return nil
	}
	if c.Issuer == "" || c.Audience == "" {
		return usage("[oidc]: want the issuer and the audience of tokens for this server")
	}
	_, err := c.clientSecret()
	return err
}

// provider asks the provider what it offers; nil if there is none.
func (c oidcConfig) provider(ctx context.Context, logger *slog.Logger) (*api.OIDC, error) {
	if c == (oidcConfig{}) {
		return nil, nil
	}
	secret, err := c.clientSecret()
	if err != nil {
		return nil, err
	}
	o, err := api.NewOIDC(ctx, api.OIDCOptions{
		Issuer: c.Issuer, Audience: c.Audience, PrincipalClaim: c.PrincipalClaim, RolesClaim: c.RolesClaim, PartiesClaim: c.PartiesClaim, RegionsClaim: c.RegionsClaim,
		ReadPartiesClaim: c.ReadPartiesClaim, ReadRegionsClaim: c.ReadRegionsClaim, WithholdClaim: c.WithholdClaim,
		ClientID: c.ClientID, ClientSecret: secret, Now: time.Now,
	})
	if err != nil {
		return nil, cannot("set issuer in [oidc] to what the provider's /.well-known/openid-configuration says, or have the provider mended", "%w", err)
	}
	if err := o.Away(); err != nil {
		logger.Warn("the identity provider cannot be asked; its tokens are refused until it can", "issuer", c.Issuer, "error", err)
	}
	return o, nil
}

// clientSecret reads the secret of a confidential client.
func (c oidcConfig) clientSecret() (string, error) {
	if c.ClientSecretFile == "" {
		return "", nil
	}
	b, err := os.ReadFile(c.ClientSecretFile)
	if err != nil {
		return "", cannot("see client-secret-file in [oidc]", "reading the client's secret: %w", err)
	}
	return strings.TrimSpace(string(b)), nil
}
