package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/spf13/cobra"

	"ledgerline/events"
	"ledgerline/ledger/proof"
)

// asked is the JSON body of an act upon the ledger.
type asked map[string]any

// put adds a member unless it says nothing.
func (a asked) put(name, value string) {
	if value != "" {
		a[name] = value
	}
}

// ask sends a body and reads the answer.
func (t *target) ask(c *cobra.Command, p *program, path string, body asked, answer any) (repeated bool, err error) {
	b, err := json.Marshal(body)
	if err != nil {
		return false, err
	}
	cl, err := t.connect(c.Context(), p)
	if err != nil {
		return false, err
	}
	status, got, err := cl.post(c.Context(), path, http.Header{"Content-Type": {"application/json"}}, b)
	if err := errors.Join(err, cl.close()); err != nil {
		return false, err
	}
	return status == http.StatusOK, json.Unmarshal(got, answer)
}

func eraseCommand(p *program) *cobra.Command {
	var t target
	var id, owner, ground, reason string
	var facets []string
	c := &cobra.Command{
		Use:   "erase --owner OWNER | --facet POSITION/NAME --ground GROUND",
		Short: "Erase content; that it existed stays proven",
		Long: `Erase destroys content for good: all that is sealed for an owner, and the owner's
key with it, or single facets of records. It records who erased what and on what
ground, and returns when the bytes are gone from the files of the book. No hash
changes: every proof, receipt and checkpoint stays valid.

What a hold is in force on is not erased: see ledgerline hold. Copies are not
reached: how backups follow is in docs/operating.md.

Asking again with the same --id is harmless, and completes what was interrupted.`,
		Example: `  ledgerline erase --owner person-9f3a --ground PIPL:47 --server http://127.0.0.1:8420
  ledgerline erase --facet 17/query --ground "order 2026-4" --dir led`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if (owner == "") == (len(facets) == 0) {
				return usage("what is to be erased? give --owner, or --facet once or more")
			}
			if id == "" {
				id = rand.Text()
			}
			body := asked{"id": id}
			body.put("owner", owner)
			body.put("ground", ground)
			body.put("reason", reason)
			var list []asked
			for _, f := range facets {
				position, name, ok := strings.Cut(f, "/")
				n, err := strconv.ParseInt(position, 10, 64)
				if !ok || err != nil || name == "" {
					return usage("--facet %s: want a position and the name of a facet, such as 17/query", f)
				}
				list = append(list, asked{"position": n, "name": name})
			}
			if list != nil {
				body["facets"] = list
			}
			var done struct {
				Facets   int             `json:"facets"`
				Receipts []proof.Receipt `json:"receipts"`
			}
			repeated, err := t.ask(c, p, "/v1/erasures", body, &done)
			if err != nil {
				return err
			}
			if repeated {
				fmt.Fprintln(p.err, "it was erased before: this is the old receipt")
			}
			_, err = fmt.Fprintf(p.out, "erased %d facets, recorded at %s, id %s\n", done.Facets,
				span(done.Receipts[0].Position, done.Receipts[len(done.Receipts)-1].Position), id)
			return err
		},
	}
	t.writerFlags(c)
	f := c.Flags()
	f.StringVar(&owner, "owner", "", "erase all content of this owner, and its key")
	f.StringArrayVar(&facets, "facet", nil, "erase this facet, as POSITION/NAME; may be repeated")
	f.StringVar(&ground, "ground", "", "the legal ground; it is public for ever and names no person")
	f.StringVar(&reason, "reason", "", "more about it; public as well")
	f.StringVar(&id, "id", "", "what makes asking again harmless (default: drawn, and printed)")
	return required(c, "ground")
}

func holdCommand(p *program) *cobra.Command {
	return group("hold", "Keep content from being erased", holdPlace(p), holdRelease(p), holdList(p))
}

func holdPlace(p *program) *cobra.Command {
	var t target
	var ground, reason string
	var records []int64
	var names, owners []string
	c := &cobra.Command{
		Use:   "place HOLD --ground GROUND",
		Short: "Refuse erasures of some content until the hold is released",
		Long: `Place records a hold, such as a court's or an auditor's. What it is on is said by
positions of records, by names whose records are held, those to come included
(party/ID, entry/ID, agreement/ID, subject/KIND/ID, dataset/NAMESPACE/NAME), or by
owners, of whom the record will hold only a keyed digest.`,
		Example: `  ledgerline hold place case-12 --ground "court order 12" --owner person-9f3a --server http://127.0.0.1:8420`,
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			body := asked{"hold": args[0]}
			body.put("ground", ground)
			body.put("reason", reason)
			if len(records) > 0 {
				body["records"] = records
			}
			if len(owners) > 0 {
				body["owners"] = owners
			}
			var list []events.HeldName
			for _, n := range names {
				name, err := heldName(n)
				if err != nil {
					return err
				}
				list = append(list, name)
			}
			if list != nil {
				body["names"] = list
			}
			return t.decide(c, p, "/v1/holds", body, "the hold "+args[0]+" is in force")
		},
	}
	t.writerFlags(c)
	f := c.Flags()
	f.StringVar(&ground, "ground", "", "the legal ground; it is public for ever and names no person")
	f.StringVar(&reason, "reason", "", "more about it; public as well")
	f.Int64SliceVar(&records, "record", nil, "hold the content of the record at this position; may be repeated")
	f.StringArrayVar(&names, "name", nil, "hold the content of all records found by this name, as KIND/ID; may be repeated")
	f.StringArrayVar(&owners, "owner", nil, "hold all content of this owner; may be repeated")
	return required(c, "ground")
}

// heldName reads KIND/PART or KIND/PART/PART; a dataset's namespace may hold
// slashes, its name may not.
func heldName(s string) (events.HeldName, error) {
	kind, rest, ok := strings.Cut(s, "/")
	n := events.HeldName{Kind: kind, Parts: []string{rest}}
	at := -1
	switch kind {
	case events.NameSubject:
		at = strings.Index(rest, "/")
	case events.NameDataset:
		at = strings.LastIndex(rest, "/")
	default:
		at = len(rest)
	}
	if !ok || rest == "" || at < 0 {
		return n, usage("--name %s: want KIND/ID, such as entry/DS03, subject/agreement/A02 or dataset/pg/hj.death", s)
	}
	if at < len(rest) {
		n.Parts = []string{rest[:at], rest[at+1:]}
	}
	return n, nil
}

// decide has the ledger record an act whose answer is a receipt.
func (t *target) decide(c *cobra.Command, p *program, path string, body asked, done string) error {
	var receipt proof.Receipt
	if _, err := t.ask(c, p, path, body, &receipt); err != nil {
		return err
	}
	_, err := fmt.Fprintf(p.out, "%s, recorded at position %d\n", done, receipt.Position)
	return err
}

func holdRelease(p *program) *cobra.Command {
	var t target
	var ground, reason string
	c := &cobra.Command{
		Use:   "release HOLD --ground GROUND",
		Short: "End a hold",
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			body := asked{}
			body.put("ground", ground)
			body.put("reason", reason)
			return t.decide(c, p, "/v1/holds/"+url.PathEscape(args[0])+"/release", body, "the hold "+args[0]+" is released")
		},
	}
	t.writerFlags(c)
	c.Flags().StringVar(&ground, "ground", "", "why it is over; it is public for ever and names no person")
	c.Flags().StringVar(&reason, "reason", "", "more about it; public as well")
	return required(c, "ground")
}

func holdList(p *program) *cobra.Command {
	var t target
	c := &cobra.Command{
		Use:   "list",
		Short: "List the holds in force",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) (err error) {
			cl, err := t.connect(c.Context(), p)
			if err != nil {
				return err
			}
			got, err := cl.get(c.Context(), "/v1/holds", nil)
			if err := errors.Join(err, cl.close()); err != nil {
				return err
			}
			var list struct {
				Holds []struct {
					Hold, Ground string
					Records      []int64
					Names        []events.HeldName
					Owners       [][]byte
				} `json:"holds"`
			}
			if err := json.Unmarshal(got, &list, json.MatchCaseInsensitiveNames(true)); err != nil {
				return err
			}
			table := newTable("HOLD", "GROUND", "ON")
			for _, h := range list.Holds {
				var on []string
				for _, r := range h.Records {
					on = append(on, "record "+number(r))
				}
				for _, n := range h.Names {
					on = append(on, n.String())
				}
				if n := len(h.Owners); n > 0 {
					on = append(on, fmt.Sprintf("%d owners", n))
				}
				table.row(h.Hold, h.Ground, strings.Join(on, ", "))
			}
			return table.write(p.out, "no hold is in force")
		},
	}
	t.flags(c)
	return c
}
