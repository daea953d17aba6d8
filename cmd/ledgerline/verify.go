package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/spf13/cobra"

	"ledgerline/ledger"
	"ledgerline/ledger/proof"
)

func verifyCommand(p *program) *cobra.Command {
	var v verification
	c := &cobra.Command{
		Use:   "verify [FILE…]",
		Short: "Check a ledger, a server, or receipts and proofs",
		Long: `Verify checks one of four things.

A directory (--dir): every record, hash, and signature, without a running
server. With --since FILE, a signed checkpoint that you know to be good, only
what came after it is read. If the log does not begin with it, and the directory
holds a later signed head that the log does have, --fork FILE writes the proof.

A server (--server with --checkpoint FILE, a signed checkpoint kept from
earlier): the log it serves now begins with the log of then, and every record
and hash of it gives the root that it signs. The completeness index is made again
from the records, and every commitment to it compared. If the two checkpoints show
two histories, --fork FILE writes the proof, which is checked as a file is. A server
that signs fewer records than before was rolled back: that is no fork yet.

Files: receipts, inclusion proofs (C2SP tlog-proof), consistency and completeness
proofs, records and checkpoints, offline. What belongs together is checked together: a proof
shows the record or receipt that is given with it.

An evidence bundle (FILE.zip), offline: every record and proof in it, and who
vouches for it: the ledger that signed it, an authority that timestamped its
records (--timestamp-ca), witnesses that cosigned them (--witness-policy).

--key is the ledger's verifier key, or a file that holds it. Have it from
somewhere else than the place that is checked.`,
		Example: `  ledgerline verify --dir led
  curl -s http://127.0.0.1:8420/log/checkpoint > kept          # today
  ledgerline verify --server http://127.0.0.1:8420 --checkpoint kept --key led.vkey
  ledgerline prove 17 --server http://127.0.0.1:8420 --out p17
  ledgerline verify p17.tlog-proof p17.record --key led.vkey
  ledgerline prove --key entry:DS02 --server http://127.0.0.1:8420 --out all
  ledgerline verify all.completeness --key led.vkey
  ledgerline evidence 17 --server http://127.0.0.1:8420 --out p17.zip
  ledgerline verify p17.zip --key led.vkey`,
		Args: cobra.ArbitraryArgs,
		RunE: func(c *cobra.Command, args []string) error {
			switch {
			case len(args) > 0:
				return v.files(p, args)
			case v.target.dir != "":
				return v.directory(c, p)
			case v.checkpoint != "":
				return v.server(c, p)
			case v.target.server != "":
				return usage("to check a server, keep a checkpoint of it and name that with --checkpoint FILE")
			}
			return usage("what is to be checked? --dir DIR, --server URL --checkpoint FILE, or files")
		},
	}
	v.target.flags(c)
	f := c.Flags()
	f.StringVar(&v.key, "key", "", "the ledger's verifier key, or a file that holds it")
	f.StringVar(&v.checkpoint, "checkpoint", "", "a signed checkpoint of the server, kept from earlier")
	f.StringVar(&v.since, "since", "", "a signed checkpoint of the directory that is known to be good: check only what came after")
	f.StringVar(&v.timestampCA, "timestamp-ca", "", "for a bundle: certificates (PEM) of timestamping authorities that you trust")
	f.StringVar(&v.policy, "witness-policy", "", "for a bundle: a C2SP tlog-policy file of witnesses that you trust")
	f.StringVar(&v.fork, "fork", "", "the file to write the proof to, if two signed checkpoints show two histories")
	f.BoolVar(&v.json, "json", false, "print the report as JSON")
	f.StringVar(&v.headFile, "head-file", "", "the head witness (default DIR/head)")
	return c
}

// verification is what the flags of verify say.
type verification struct {
	target                 target
	key, checkpoint, since string
	headFile               string
	timestampCA, policy    string
	fork                   string
	json                   bool
}

// keys reads --key; nil if it was not given.
func (v *verification) keys() (*proof.Keys, error) {
	if v.key == "" {
		return nil, nil
	}
	text := v.key
	if b, err := os.ReadFile(v.key); err == nil {
		text = string(b)
	} else if !strings.Contains(v.key, "+") { // not a key, so it was meant as a file
		return nil, fmt.Errorf("reading the verifier key: %w", err)
	}
	keys, err := proof.NewKeys(strings.TrimSpace(text))
	if err != nil {
		return nil, usage("--key: %w; want a verifier key such as ledger.example/yunze+1a2b3c4d+AZ…", err)
	}
	return keys, nil
}

func (v *verification) directory(c *cobra.Command, p *program) error {
	if err := needLedger(v.target.dir); err != nil {
		return err
	}
	if _, err := v.keys(); err != nil {
		return err
	}
	bar := newProgress(p.err, "verifying")
	o := ledger.VerifyOptions{
		HeadFile: v.headFile,
		Progress: func(done, total int64) { bar.show(done, total, fmt.Sprintf("%d of %d records", done, total)) },
	}
	var err error
	if o.Verifier, err = v.keyText(); err != nil {
		return err
	}
	if v.since != "" {
		if o.Since, err = os.ReadFile(v.since); err != nil {
			return fmt.Errorf("reading the checkpoint: %w", err)
		}
	}
	report, err := ledger.Verify(c.Context(), v.target.dir, o)
	bar.end()
	if err != nil {
		return openError(v.target.dir, err)
	}
	return v.report(p, report)
}

// keyText is --key as the text of a verifier key.
func (v *verification) keyText() (string, error) {
	b, err := os.ReadFile(v.key)
	switch {
	case v.key == "":
		return "", nil
	case err == nil:
		return strings.TrimSpace(string(b)), nil
	default:
		return strings.TrimSpace(v.key), nil
	}
}

// report prints what verifying found; findings make the answer no.
func (p *program) report(r *ledger.Report, asJSON bool) error {
	if asJSON {
		b, err := json.Marshal(r)
		if err != nil {
			return err
		}
		if err := p.printJSON(b); err != nil {
			return err
		}
	} else if err := p.reportText(r); err != nil {
		return err
	}
	if !r.OK() {
		return errShown
	}
	return nil
}

func (p *program) reportText(r *ledger.Report) error {
	if r.OK() {
		_, err := fmt.Fprintf(p.out, "ok: %s, %d records, %d checked, root %s\n", r.Origin, r.Size, r.Checked, r.Root)
		if r.Erased > 0 && err == nil {
			_, err = fmt.Fprintf(p.out, "ok: %d facets were erased, each by a record that says so; they provably existed\n", r.Erased)
		}
		if r.IndexCommits > 0 && err == nil {
			_, err = fmt.Fprintf(p.out, "ok: %d commitments to the completeness index follow from the records\n", r.IndexCommits)
		}
		if r.Unopened > 0 && err == nil {
			_, err = fmt.Fprintf(p.out, "note: %d sealed facets were not checked: a backup holds no owners' keys\n", r.Unopened)
		}
		return err
	}
	var err error
	line := func(format string, args ...any) {
		err = errors.Join(err, say(p.out, format, args...))
	}
	line("NOT WHAT IT WAS: %s, %d records, %d checked", r.Origin, r.Size, r.Checked)
	for _, f := range r.Findings {
		line("%s at %s: %s", f.Kind, span(f.From, f.To), f.Detail)
	}
	line("last provable position: %d", r.LastProvable)
	return err
}

// span names the positions [from, to].
func span(from, to int64) string {
	if to < 0 {
		return "no known position"
	}
	if to <= from {
		return fmt.Sprintf("position %d", from)
	}
	return fmt.Sprintf("positions %d to %d", from, to)
}
