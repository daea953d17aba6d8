// Torchwood has torchwood's client read a running ledger, as it is.
//
//	torchwood URL VKEY-FILE
//
// It reads every entry against the tree of the signed head, and has torchwood verify
// the proofs that it makes of the tiles and those that the ledger makes itself, which
// have to be the same; and it wants refused what is wrong. $LEDGERLINE_TOKEN is sent,
// if it is set.
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: torchwood URL VKEY-FILE")
		os.Exit(3)
	}
	done, err := check(ctx, strings.TrimSuffix(os.Args[1], "/"), os.Args[2])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(done)
}

// withToken authenticates requests.
type withToken struct{ token string }

func (w withToken) RoundTrip(r *http.Request) (*http.Response, error) {
	if w.token != "" {
		r = r.Clone(r.Context())
		r.Header.Set("Authorization", "Bearer "+w.token)
	}
	return http.DefaultTransport.RoundTrip(r)
}

func check(ctx context.Context, url, keyFile string) (done string, err error) {
	key, err := os.ReadFile(keyFile)
	if err != nil {
		return "", err
	}
	v, err := note.NewVerifier(strings.TrimSpace(string(key)))
	if err != nil {
		return "", err
	}
	hc := &http.Client{Transport: withToken{os.Getenv("LEDGERLINE_TOKEN")}}
	tiles, err := torchwood.NewTileFetcher(url+"/log/", torchwood.WithHTTPClient(hc))
	if err != nil {
		return "", err
	}
	signed, err := tiles.ReadEndpoint(ctx, "checkpoint")
	if err != nil {
		return "", err
	}
	policy := torchwood.ThresholdPolicy(2, torchwood.OriginPolicy(v.Name()), torchwood.SingleVerifierPolicy(v))
	head, _, err := torchwood.VerifyCheckpoint(signed, policy)
	if err != nil {
		return "", fmt.Errorf("the checkpoint: %w", err)
	}
	c, err := torchwood.NewClient(tiles)
	if err != nil {
		return "", err
	}
	entries := int64(0)
	for at := range c.AllEntries(ctx, head.Tree, 0) {
		if at != entries {
			return "", fmt.Errorf("entry %d follows %d others", at, entries)
		}
		entries++
	}
	if err := errors.Join(c.Err(), ctx.Err()); err != nil || entries != head.N {
		return "", fmt.Errorf("%d of %d entries: %w", entries, head.N, err)
	}
	proofs := 0
	for at := int64(0); at < head.N; at += max(1, head.N/50) {
		if err := prove(ctx, hc, url, c, signed, head, policy, at); err != nil {
			return "", fmt.Errorf("position %d: %w", at, err)
		}
		proofs++
	}
	return fmt.Sprintf("%d entries and %d proofs", entries, proofs), nil
}

// prove compares the ledger's own proof of an entry with torchwood's.
func prove(ctx context.Context, hc *http.Client, url string, c *torchwood.Client, signed []byte, head torchwood.Checkpoint, policy torchwood.Policy, at int64) error {
	entry, path, err := c.Entry(ctx, head.Tree, at)
	if err != nil {
		return err
	}
	made := torchwood.FormatProof(at, path, signed)
	theirs, err := fetch(ctx, hc, fmt.Sprintf("%s/v1/proofs/inclusion?position=%d&size=%d&format=text", url, at, head.N))
	if err != nil {
		return err
	}
	// The head of one size may bear further signatures; the proof itself is the same.
	cut := func(p []byte) string { before, _, _ := bytes.Cut(p, []byte("\n\n")); return string(before) }
	if cut(made) != cut(theirs) {
		return fmt.Errorf("the proofs differ:\n%s\n%s", made, theirs)
	}
	hash := tlog.RecordHash(entry)
	wrong := tlog.RecordHash(append(bytes.Clone(entry), 0))
	for _, p := range [][]byte{made, theirs} {
		if err := torchwood.VerifyProof(policy, hash, p); err != nil {
			return err
		}
		if refused := (*torchwood.VerifyRecordError)(nil); !errors.As(torchwood.VerifyProof(policy, wrong, p), &refused) {
			return errors.New("another entry is proven as well")
		}
	}
	return nil
}

func fetch(ctx context.Context, hc *http.Client, url string) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	resp, err := hc.Do(r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s: %s", url, resp.Status, b)
	}
	return b, err
}
