package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/spf13/cobra"

	"ledgerline/ledger/proof"
	"ledgerline/ledger/proof/evidence"
)

func evidenceCommand(p *program) *cobra.Command {
	var x exhibit
	c := &cobra.Command{
		Use:   "evidence [POSITION…]",
		Short: "Fetch a bundle that proves an answer to somebody who does not trust the ledger",
		Long: `Evidence fetches one ZIP file with the records that answer a question, the proof of
each, and words in English and Chinese that say what it shows. It is checked
offline, by anybody who has the ledger's verifier key, with

    ledgerline verify FILE.zip --key KEY        or        python3 verify.py FILE.zip --key KEY

Where an index of the log can show it, the bundle also proves that nothing was left
out. The question is one of: some positions; everything about a subject (--subject);
the whole history of an agreement (--agreement); the lineage of a node with the
records that show each edge (--lineage); the catalog as of a moment (--catalog).`,
		Example: `  ledgerline evidence 17 18 --server http://127.0.0.1:8420 --out two.zip
  ledgerline evidence --subject entry/DS03 --from 2025-12-01 --dir led --out ds03.zip
  ledgerline evidence --agreement A11 --withhold description --dir led --out a11.zip
  ledgerline evidence --catalog --as-of 2025-12-31 --since kept --dir led --out catalog.zip`,
		RunE: func(c *cobra.Command, args []string) error { return x.fetch(c.Context(), p, args) },
	}
	x.target.flags(c)
	f := c.Flags()
	f.StringVar(&x.subject, "subject", "", "everything about a subject, as KIND/ID")
	f.StringVar(&x.from, "from", "", "with --subject: recorded at this time or later")
	f.StringVar(&x.to, "to", "", "with --subject: recorded before this time")
	f.StringVar(&x.agreement, "agreement", "", "the whole history of an agreement")
	f.StringVar(&x.node, "lineage", "", "the lineage of a node, such as dataset:warehouse/sales")
	f.StringVar(&x.direction, "direction", "both", "with --lineage: up, down or both")
	f.IntVar(&x.depth, "depth", 20, "with --lineage: how many steps")
	f.BoolVar(&x.columns, "columns", false, "with --lineage: edges between columns")
	f.BoolVar(&x.catalog, "catalog", false, "the catalog")
	f.StringVar(&x.asOf, "as-of", "", "what the ledger knew then: a position, or a time")
	f.StringArrayVar(&x.since, "since", nil, "file with a signed checkpoint that the recipient holds; may be repeated")
	f.StringSliceVar(&x.withhold, "withhold", nil, "names of facets that the recipient is not to see, such as description")
	f.StringVar(&x.recipient, "recipient", "", "who is to have the bundle; a server records it, so name no person")
	f.StringVar(&x.purpose, "purpose", "", "what the bundle is for; a server records it, so name no person")
	f.BoolVar(&x.incomplete, "incomplete", false, "leave out the proof that nothing was left out")
	f.StringVar(&x.out, "out", "evidence.zip", "the file to write")
	return c
}

// exhibit is the bundle that the flags of evidence ask for.
type exhibit struct {
	target                             target
	subject, from, to, agreement, node string
	direction, asOf, out               string
	recipient, purpose                 string
	depth                              int
	columns, catalog, incomplete       bool
	since, withhold                    []string
}

func (x *exhibit) fetch(ctx context.Context, p *program, args []string) (err error) {
	question, err := x.question(args)
	if err != nil {
		return err
	}
	body, err := json.Marshal(question)
	if err != nil {
		return err
	}
	cl, err := x.target.connect(ctx, p)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, cl.close()) }()
	_, b, err := cl.post(ctx, "/v1/evidence", http.Header{"Content-Type": {"application/json"}}, body)
	if err != nil {
		return err
	}
	if err := os.WriteFile(x.out, b, 0o666); err != nil {
		return fmt.Errorf("writing the evidence: %w", err)
	}
	_, err = fmt.Fprintln(p.out, x.out)
	return err
}

// question is the body of the request.
func (x *exhibit) question(args []string) (map[string]any, error) {
	q := map[string]any{}
	if len(args) > 0 {
		var positions []int64
		for _, arg := range args {
			n, err := strconv.ParseInt(arg, 10, 64)
			if err != nil || n < 0 {
				return nil, usage("%q is not a position; positions are whole numbers from 0", arg)
			}
			positions = append(positions, n)
		}
		q["events"] = map[string]any{"positions": positions}
	}
	if x.subject != "" {
		kind, id, ok := strings.Cut(x.subject, "/")
		if !ok {
			return nil, usage("--subject %s: want KIND/ID, such as entry/DS03", x.subject)
		}
		s := map[string]any{"kind": kind, "id": id}
		for name, text := range map[string]string{"from": x.from, "to": x.to} {
			m, err := moment(text)
			if err != nil {
				return nil, usage("--%s %s: %w", name, text, err)
			}
			if m != "" {
				s[name] = m
			}
		}
		q["subject"] = s
	}
	if x.agreement != "" {
		q["share"] = map[string]any{"agreement": x.agreement}
	}
	if x.node != "" {
		q["lineage"] = map[string]any{"node": x.node, "direction": x.direction, "depth": x.depth, "columns": x.columns}
	}
	if x.catalog {
		q["catalog"] = map[string]any{}
	}
	if len(q) != 1 {
		return nil, usage("give positions, or one of --subject, --agreement, --lineage and --catalog")
	}
	at, err := moment(x.asOf)
	if err != nil {
		return nil, usage("--as-of %s: %w", x.asOf, err)
	}
	if at != "" {
		q["as_of"] = at
	}
	var since []string
	for _, name := range x.since {
		b, err := os.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("reading a checkpoint: %w", err)
		}
		since = append(since, string(b))
	}
	q["since"], q["withhold"] = since, x.withhold
	q["recipient"], q["purpose"] = x.recipient, x.purpose
	if x.incomplete {
		q["complete"] = false
	}
	return q, nil
}

// maxBundle bounds what is read into memory to be checked, in bytes.
const maxBundle = 1 << 30

// bundle checks an evidence bundle offline. Without a key the bundle's own is
// used, and the verdict says so.
func (v *verification) bundle(p *program, name string, keys *proof.Keys) error {
	info, err := os.Stat(name)
	if err != nil {
		return fmt.Errorf("reading evidence: %w", err)
	}
	if info.Size() > maxBundle {
		return fmt.Errorf("reading evidence %s: %d bytes are more than a bundle of this program can have (%d)", name, info.Size(), maxBundle)
	}
	b, err := os.ReadFile(name)
	if err != nil {
		return fmt.Errorf("reading evidence: %w", err)
	}
	by, err := v.trust(keys)
	if err != nil {
		return err
	}
	r, refusal := evidence.Check(b, by)
	if v.json {
		text, err := json.Marshal(r)
		if err != nil {
			return err
		}
		if err := p.printJSON(text); err != nil {
			return err
		}
		if refusal != nil {
			return errShown
		}
		return nil
	}
	if refusal != nil {
		return &failure{exitNo, fmt.Errorf("%s: %w", name, refusal), "have the bundle sent again; if it stays, it is not what the ledger signed"}
	}
	return p.bundleText(r)
}

// trust is what the flags say is trusted.
func (v *verification) trust(keys *proof.Keys) (by evidence.Trust, err error) {
	by.Keys = keys
	if v.timestampCA != "" {
		if by.Roots, err = authorityRoots("--timestamp-ca", v.timestampCA); err != nil {
			return by, err
		}
	}
	if v.policy != "" {
		text, err := os.ReadFile(v.policy)
		if err == nil {
			by.Policy, err = evidence.ParsePolicy(text)
		}
		if err != nil {
			return by, usage("--witness-policy %s: %w", v.policy, err)
		}
	}
	return by, nil
}

// window is a window of recorded time in words.
func window(c *evidence.Complete) string {
	at := func(us int64) string { return time.UnixMicro(us).UTC().Format(time.RFC3339Nano) }
	switch {
	case c.From == 0 && c.To == proof.EndOfTime:
		return "all time"
	case c.From == 0:
		return "before " + at(c.To)
	case c.To == proof.EndOfTime:
		return at(c.From) + " and later"
	default:
		return at(c.From) + " until before " + at(c.To)
	}
}

// between is a bracket in words.
func between(b evidence.Bracket) string {
	switch {
	case b.NotBefore == "":
		return "by " + b.NotAfter
	case b.NotAfter == "":
		return "after " + b.NotBefore
	default:
		return "after " + b.NotBefore + " and by " + b.NotAfter
	}
}

// runs lists numbers.
func runs(n evidence.Numbering) string {
	var out []string
	for _, r := range n.Missing {
		if r.First == r.Last {
			out = append(out, strconv.FormatInt(r.First, 10))
			continue
		}
		out = append(out, fmt.Sprintf("%d to %d", r.First, r.Last))
	}
	if n.Unlisted > 0 {
		out = append(out, fmt.Sprintf("%d more", n.Unlisted))
	}
	return strings.Join(out, ", ")
}

// names lists what a proof covers.
func names(list []proof.Name) string {
	var out []string
	for _, n := range list {
		out = append(out, strings.Join(n, " "))
	}
	return strings.Join(out, ", or ")
}

func (p *program) bundleText(r evidence.Report) error {
	var err error
	line := func(format string, args ...any) {
		err = errors.Join(err, say(p.out, format, args...))
	}
	line("%s: evidence of %s, made %s", r.Verdict, r.Origin, r.Made)
	line("asked: %s", r.Question.EN)
	line("ok: %d records stand in the log of %d records, root %s", r.Records, r.Size, r.Root)
	if c := r.Complete; c != nil {
		line("%s: these are all the records of %s that bear %s, as of position %d%s", r.Answer, window(c), names(c.Names), r.AsOf, map[bool]string{true: ", and none can follow"}[r.Closed])
		line("note: renames, symlinks and derived data are covered only as far as they are named here")
	} else {
		line("%s: nothing shows that these are all", r.Answer)
	}
	for _, size := range r.Since {
		line("ok: the log begins with the log of %d records; nothing was changed or dropped since", size)
	}
	if r.Withheld > 0 {
		line("note: %d parts are withheld; they provably exist", r.Withheld)
	}
	if r.Erased > 0 {
		line("note: %d parts were erased; they provably existed", r.Erased)
	}
	for _, t := range r.Times {
		line("ok: record %d was made %s", t.Position, between(t))
	}
	if w := r.Witnesses; w != nil {
		line("%s: %d of %d witnesses have cosigned the log of %d records", map[bool]string{true: "ok", false: "note"}[r.Verdict == evidence.Witnessed], w.Cosigned, w.Of, w.Size)
	}
	for _, p := range r.Producers {
		line("ok: %d records were signed in the name of %s with the key %s", p.Records, p.Party, p.Key)
	}
	for _, n := range r.Numbering {
		line("note: of the events that %s numbers as %s, up to %d, the ledger says that it lacks %s", n.Principal, n.Producer, n.Last, runs(n))
	}
	if r.Verdict == evidence.Unsigned {
		line("note: it was checked with the key inside it, so nobody is known to vouch for it: give --key")
	}
	return err
}
