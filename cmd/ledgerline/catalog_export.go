package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
)

// exportCommand writes the catalog to a file. It stands beside the commands that keep
// what the ledger has, and among those about the catalog.
func exportCommand(p *program) *cobra.Command {
	var q question
	var x catalogExport
	c := &cobra.Command{
		Use:   "export [WORD…]",
		Short: "Write the catalog as of any moment to a file: DCAT 3, CSV or Parquet",
		Long: `Export writes the whole catalog as of a moment: with --format dcat as DCAT 3 in
JSON-LD, with csv a line for each item, with parquet a row for each entry with its
items in it. DCAT and Parquet say in the file what it speaks for: the position, in
Parquet also the hash of its record and the version of the view. The file takes its
place when it is whole, so that no half of one is left.

An export is not a proof. What proves a catalog is made by

    ledgerline evidence --catalog`,
		Example: `  ledgerline export --format parquet --as-of 2025-12-31 --out catalog.parquet --server http://127.0.0.1:8420
  ledgerline export --format csv --provider D01 --dir led > d01.csv`,
		Args: cobra.ArbitraryArgs,
		RunE: func(c *cobra.Command, words []string) error {
			x.words = strings.Join(words, " ")
			return x.fetch(c.Context(), p, &q)
		},
	}
	q.target.flags(c)
	q.validFlag(c)
	f := c.Flags()
	f.StringVar(&q.asOf, "as-of", "", "answer with what the ledger knew then: a position, or a time such as 2026-01-08T09:30:00+08:00 or 2026-01-08")
	f.StringVar(&x.format, "format", "dcat", "dcat, csv or parquet")
	f.StringVar(&x.out, "out", "", "the file to write (default: standard output)")
	f.StringVar(&x.provider, "provider", "", "the providing party's id")
	f.StringVar(&x.region, "region", "", "the region code")
	f.StringVar(&x.recipient, "recipient", "", "who is to have the file; a server records it, so name no person")
	f.StringVar(&x.purpose, "purpose", "", "what the file is for; a server records it, so name no person")
	f.StringVar(&x.stage, "stage", "", "drafted, department_approved, submitted, returned, published or withdrawn")
	f.StringVar(&x.imported, "imported", "", onlyImported)
	return c
}

// catalogExport is what the flags of export ask for.
type catalogExport struct {
	format, out, words, provider, region, stage, imported, recipient, purpose string
}

func (x *catalogExport) fetch(ctx context.Context, p *program, q *question) (err error) {
	values, err := q.values()
	if err != nil {
		return err
	}
	for name, value := range map[string]string{"format": x.format, "text": x.words, "provider": x.provider, "region": x.region, "stage": x.stage, "imported": x.imported, "recipient": x.recipient, "purpose": x.purpose} {
		set(values, name, value)
	}
	cl, err := q.target.connect(ctx, p)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, cl.close()) }()
	if err := cl.wait(ctx, "after", values); err != nil {
		return err
	}
	return cl.download(ctx, p, "/v1/catalog/export", values, x.out)
}

// download writes an answer to a file, or to standard output if it has no name, and says
// what it speaks for.
func (c *client) download(ctx context.Context, p *program, path string, query url.Values, name string) (err error) {
	res, err := c.request(ctx, http.MethodGet, path, query, http.Header{"Accept": {"*/*"}}, nil)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	to, done := p.out, func(error) error { return nil }
	if name != "" {
		file, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".*")
		if err != nil {
			return fmt.Errorf("writing %s: %w", name, err)
		}
		to = file
		done = func(failed error) error {
			err := errors.Join(failed, file.Chmod(0o644), file.Close())
			if err == nil {
				return os.Rename(file.Name(), name)
			}
			return errors.Join(err, os.Remove(file.Name()))
		}
	}
	n, err := io.Copy(to, res.Body)
	if err != nil {
		err = fmt.Errorf("reading the answer of %s after %d bytes: %w", path, n, err)
	}
	if err := done(err); err != nil {
		return err
	}
	if name != "" {
		fmt.Fprintln(p.out, name)
	}
	fmt.Fprintf(p.err, "as of position %s\n", res.Header.Get("Ledgerline-Position"))
	if withheld := res.Header.Get("Ledgerline-Withheld"); withheld != "" {
		fmt.Fprintf(p.err, "complete for what you may see, %s withheld\n", withheld)
	}
	return nil
}
