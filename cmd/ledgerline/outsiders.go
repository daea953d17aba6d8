package main

import (
	"context"
	"crypto/x509"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"time"

	"ledgerline/ledger"
	"ledgerline/ledger/notary"
)

// timestampConfig says which authority timestamps the heads of a served ledger.
type timestampConfig struct {
	URL   string   `toml:"url" usage:"have heads timestamped by this RFC 3161 authority and record its tokens"`
	CA    string   `toml:"ca" usage:"certificates (PEM) that the authority's chain has to end in (default: the chain is not checked here)"`
	Every interval `toml:"every" usage:"least time from one timestamp to the next; an idle ledger makes none"`
}

// witnessConfig says who cosigns them.
type witnessConfig struct {
	Policy string `toml:"policy" usage:"have heads cosigned by the witnesses that this C2SP tlog-policy file names, and publish them so"`
}

// notary makes what asks them; nil if there is nobody to ask.
func (c *config) notary(book *ledger.Ledger, logger *slog.Logger) (*notary.Notary, error) {
	opts, err := c.attestation()
	if err != nil || opts.Authority == nil && opts.Policy == nil {
		return nil, err
	}
	opts.Ledger, opts.Logger = book, logger
	return notary.New(opts)
}

// attestation reads who is asked.
func (c *config) attestation() (opts notary.Options, err error) {
	if c.Witness.Policy != "" {
		text, err := os.ReadFile(c.Witness.Policy)
		if err == nil {
			opts.Policy, err = notary.ParsePolicy(text)
		}
		if err != nil {
			return opts, usage("--witness-policy %s: %w", c.Witness.Policy, err)
		}
	}
	if c.Timestamp.URL == "" {
		return opts, nil
	}
	if err := checkURL("--timestamp-url", c.Timestamp.URL); err != nil {
		return opts, err
	}
	opts.Authority, opts.AnchorEvery = &notary.Authority{URL: c.Timestamp.URL}, time.Duration(c.Timestamp.Every)
	if c.Timestamp.Every <= 0 {
		return opts, usage("--timestamp-every %s: want a time above zero", c.Timestamp.Every)
	}
	if c.Timestamp.CA != "" {
		opts.Authority.Roots, err = authorityRoots("--timestamp-ca", c.Timestamp.CA)
	}
	return opts, err
}

// authorityRoots reads the certificates in the file that a flag names.
func authorityRoots(flag, file string) (*x509.CertPool, error) {
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("reading the certificates of the authority: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, usage("%s %s: there is no certificate in PEM", flag, file)
	}
	return pool, nil
}

func checkURL(flag, s string) error {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return usage("%s %s: want a URL such as https://tsa.example/tsr", flag, s)
	}
	return nil
}

// attest runs a notary until the returned function is called, which waits for it.
func attest(ctx context.Context, n *notary.Notary) (stop func()) {
	if n == nil {
		return func() {}
	}
	return background(ctx, n.Run)
}
