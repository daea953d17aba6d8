package main

import (
	"context"
	"crypto/x509"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"time"

	"github.com/spf13/cobra"

	"ledgerline/ledger"
	"ledgerline/ledger/notary"
)

// outsiders says who attests the heads of a served ledger.
type outsiders struct {
	timestampURL, timestampCA string
	timestampEvery            time.Duration
	policy                    string
}

func (o *outsiders) flags(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&o.timestampURL, "timestamp-url", "", "have heads timestamped by this RFC 3161 authority and record its tokens")
	f.StringVar(&o.timestampCA, "timestamp-ca", "", "certificates (PEM) that the authority's chain has to end in (default: the chain is not checked here)")
	f.StringVar(&o.policy, "witness-policy", "", "have heads cosigned by the witnesses that this C2SP tlog-policy file names, and publish them so")
	f.DurationVar(&o.timestampEvery, "timestamp-every", 10*time.Minute, "least time from one timestamp to the next; an idle ledger makes none")
}

// notary makes what asks them; nil if there is nobody to ask.
func (o *outsiders) notary(book *ledger.Ledger, logger *slog.Logger) (*notary.Notary, error) {
	opts := notary.Options{Ledger: book, Logger: logger}
	if o.policy != "" {
		text, err := os.ReadFile(o.policy)
		if err == nil {
			opts.Policy, err = notary.ParsePolicy(text)
		}
		if err != nil {
			return nil, usage("--witness-policy %s: %w", o.policy, err)
		}
	}
	if o.timestampURL == "" && opts.Policy == nil {
		return nil, nil
	}
	if o.timestampURL == "" {
		return notary.New(opts)
	}
	if err := checkURL("--timestamp-url", o.timestampURL); err != nil {
		return nil, err
	}
	opts.Authority, opts.AnchorEvery = &notary.Authority{URL: o.timestampURL}, o.timestampEvery
	if o.timestampEvery <= 0 {
		return nil, usage("--timestamp-every %s: want a time above zero", o.timestampEvery)
	}
	if o.timestampCA != "" {
		pem, err := os.ReadFile(o.timestampCA)
		if err != nil {
			return nil, fmt.Errorf("reading the certificates of the authority: %w", err)
		}
		opts.Authority.Roots = x509.NewCertPool()
		if !opts.Authority.Roots.AppendCertsFromPEM(pem) {
			return nil, usage("--timestamp-ca %s: there is no certificate in PEM", o.timestampCA)
		}
	}
	return notary.New(opts)
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
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		n.Run(ctx)
		close(done)
	}()
	return func() {
		cancel()
		<-done
	}
}
