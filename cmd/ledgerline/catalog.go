package main

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"ledgerline/projections"
)

func catalogCommand(p *program) *cobra.Command {
	return group("catalog", "Search and read the catalog as of any moment", catalogList(p), catalogShow(p), catalogHistory(p), catalogHooks(p), catalogSummary(p), exportCommand(p))
}

func catalogList(p *program) *cobra.Command {
	var q question
	var provider, stage, sharing, region, imported string
	c := &cobra.Command{
		Use:   "list [WORD…]",
		Short: "List catalog entries; words must occur in title, summary or items",
		Example: `  ledgerline catalog list 婚姻 --server http://127.0.0.1:8420
  ledgerline catalog list --dir led --stage published --as-of 2025-12-31`,
		Args: cobra.ArbitraryArgs,
		RunE: func(c *cobra.Command, words []string) error {
			v := url.Values{}
			set(v, "text", strings.Join(words, " "))
			set(v, "provider", provider)
			set(v, "stage", stage)
			set(v, "sharing", sharing)
			set(v, "region", region)
			set(v, "imported", imported)
			return ask(c, p, &q, "/v1/catalog/entries", v, func(list projections.EntryList) (string, error) {
				t := newTable("ID", "TITLE", "PROVIDER", "STAGE", "SHARING", "VERSION", "POSITION")
				for _, e := range list.Entries {
					t.row(marked(e.ID, e.Imported), title(e), orID(e.ProviderName, e.Provider), e.Stage, e.Sharing.Attribute, strconv.Itoa(e.Version), number(e.Position))
				}
				return list.Next, t.write(p.out, "no entries")
			})
		},
	}
	q.flags(c)
	q.validFlag(c)
	q.pageFlags(c)
	f := c.Flags()
	f.StringVar(&provider, "provider", "", "the providing party's id")
	f.StringVar(&stage, "stage", "", "drafted, department_approved, submitted, returned, published or withdrawn")
	f.StringVar(&sharing, "sharing", "", "unconditional, conditional or not_shared")
	f.StringVar(&region, "region", "", "the region code")
	f.StringVar(&imported, "imported", "", onlyImported)
	return c
}

func catalogShow(p *program) *cobra.Command {
	var q question
	c := &cobra.Command{
		Use:   "show ID",
		Short: "Show one entry with its items",
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			type result struct {
				Entry  projections.Entry   `json:"entry"`
				Failed []projections.Check `json:"failed_checks"`
			}
			return ask(c, p, &q, "/v1/catalog/entries/"+url.PathEscape(args[0]), url.Values{}, func(r result) (string, error) {
				return "", p.entry(r.Entry, r.Failed)
			})
		},
	}
	q.flags(c)
	q.validFlag(c)
	return c
}

func (p *program) entry(e projections.Entry, failed []projections.Check) error {
	about := newTable("ENTRY", e.ID)
	about.row("title", title(e))
	about.row("provider", orID(e.ProviderName, e.Provider))
	about.row("stage", e.Stage)
	about.row("sharing", strings.TrimSpace(e.Sharing.Attribute+" "+strings.Join(e.Sharing.Purposes, ",")))
	about.row("version", fmt.Sprintf("%d, in force from %s, by the record at position %d", e.Version, local(e.ValidFrom), e.Position))
	if e.Imported {
		about.row("imported", "from before the ledger: it proves that it was told so, not that it was so")
	}
	for _, r := range e.Resources {
		about.row("resource", r.Namespace+"/"+r.Name)
	}
	for _, m := range e.Marks {
		about.row("disputed", fmt.Sprintf("%s, %s since %s, by the record at position %d", strings.Join(m.Items, ","), m.Issue, local(m.Since), m.Position))
	}
	for _, k := range failed {
		about.row("check failed", strings.TrimSpace(fmt.Sprintf("%s %s", k.Column, k.Rule+k.Assertion))+fmt.Sprintf(", %s, by the record at position %d", local(k.Time), k.Position))
	}
	if err := about.write(p.out, ""); err != nil {
		return err
	}
	if _, err := fmt.Fprintln(p.out); err != nil {
		return err
	}
	items := newTable("ITEM", "NAME", "TYPE", "SHARING")
	for _, i := range e.Items {
		items.row(i.ID, i.Name, i.Type, i.Sharing)
	}
	return items.write(p.out, "no items")
}

func catalogHistory(p *program) *cobra.Command {
	var q question
	c := &cobra.Command{
		Use:   "history ID",
		Short: "List every step of an entry, with what changed",
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			type result struct {
				Versions []projections.EntryVersion `json:"versions"`
			}
			path := "/v1/catalog/entries/" + url.PathEscape(args[0]) + "/history"
			return ask(c, p, &q, path, url.Values{}, func(r result) (string, error) {
				t := newTable("POSITION", "RECORDED", "EVENT", "CHANGED")
				for _, v := range r.Versions {
					t.row(number(v.Position), local(v.Recorded), marked(v.Type, v.Imported), changes(v.Changed))
				}
				return "", t.write(p.out, "no steps")
			})
		},
	}
	q.flags(c)
	return c
}

func diffCommand(p *program) *cobra.Command {
	q := question{until: "to"}
	var from, to, validFrom, validAt string
	c := &cobra.Command{
		Use:   "diff [--from MOMENT] [--to MOMENT] [--valid-from TIME] [--valid-at TIME]",
		Short: "Say what was added, changed and withdrawn in the catalog between two moments",
		Long: `Diff compares the catalog as known at two moments, --from and --to: the latest
versions, or with --valid-at those in force at that time. With --valid-from and
--valid-at it compares what was in force at two times, as known at one moment.`,
		Example: `  ledgerline diff --from 2025-12-31 --to 2026-03-31 --server http://127.0.0.1:8420
  ledgerline diff --valid-from 2025-12-31 --valid-at 2026-03-31 --dir led`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			v := url.Values{}
			if from == "" && validFrom == "" {
				return usage("give the earlier moment: --from, or --valid-from with --valid-at")
			}
			for name, text := range map[string]string{"from": from, "to": to, "valid_from": validFrom, "valid_at": validAt} {
				m, err := moment(text)
				if err != nil {
					return usage("--%s %s: %w", strings.ReplaceAll(name, "_", "-"), text, err)
				}
				set(v, name, m)
			}
			return ask(c, p, &q, "/v1/catalog/diff", v, func(d projections.CatalogDiff) (string, error) {
				t := newTable("ENTRY", "TITLE", "CHANGE", "FIELDS")
				for _, e := range d.Entries {
					t.row(e.ID, e.Title, e.Change, changes(e.Fields))
				}
				return d.Next, t.write(p.out, fmt.Sprintf("nothing differs between positions %d and %d", d.From, d.To))
			})
		},
	}
	q.target.flags(c)
	q.pageFlags(c)
	f := c.Flags()
	f.BoolVar(&q.json, "json", false, "print the answer as the server gave it, in JSON")
	f.StringVar(&from, "from", "", "the earlier moment: a position or a time")
	f.StringVar(&to, "to", "", "the later moment (default: now)")
	f.StringVar(&validFrom, "valid-from", "", "compare what was in force at this time, with --valid-at")
	f.StringVar(&validAt, "valid-at", "", "compare what was in force at this time")
	return c
}

// changes writes differences as "field: before → after".
func changes(list []projections.FieldChange) string {
	var parts []string
	for _, c := range list {
		parts = append(parts, fmt.Sprintf("%s: %s → %s", c.Field, value(c.Before), value(c.After)))
	}
	return strings.Join(parts, "; ")
}

// value writes a JSON value as people read it.
func value(v any) string {
	switch v := v.(type) {
	case nil:
		return "(none)"
	case string:
		return v
	}
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(b)
}

func title(e projections.Entry) string { return both(e.Title, e.TitleEN) }

// both joins a name and its English form.
func both(name, english string) string {
	if english == "" {
		return name
	}
	return name + " " + english
}

// orID is the name of a party if it is known, with its id.
func orID(name, id string) string {
	if name == "" {
		return id
	}
	return name + " (" + id + ")"
}

func number(n int64) string { return strconv.FormatInt(n, 10) }

func catalogHooks(p *program) *cobra.Command {
	return listing[projections.HookRate]{
		use: "hooks", short: "Say how many entries that have to be shared can really be had, and which cannot",
		path: "/v1/catalog/hook-rate", whole: true, filters: map[string]string{"region": "the region code"},
		show: func(p *program, h projections.HookRate) (string, error) {
			t := newTable("SHAREABLE", "HOOKED", "IMPORTED", "UNHOOKED")
			t.row(strconv.Itoa(h.Shareable), strconv.Itoa(h.Hooked), strconv.Itoa(h.Imported), strings.Join(h.Unhooked, " "))
			return "", t.write(p.out, "")
		},
	}.command(p)
}

func catalogSummary(p *program) *cobra.Command {
	var q question
	var region string
	var list bool
	c := &cobra.Command{
		Use:   "summary PERIOD --region REGION",
		Short: "Say what a region had in force at the end of a period, under one root, and whether what was sealed agrees",
		Long: `Summary lists the entries of a region that were in force at the end of a period, and the
root of a Merkle tree over the list, which a competent department seals in the event
catalog.region_summary.sealed. Of the summaries that were sealed it says whether the
ledger still has that list; the exit code is 1 if it has not. --json has all that the
event needs.

PERIOD is that of a bulletin: 2025-12, 2025-Q4, a year, a day, or two days.`,
		Example: `  ledgerline catalog summary 2025-12 --region 990000 --server http://127.0.0.1:8420`,
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if region == "" {
				return usage("which region? give --region CODE")
			}
			v := url.Values{"region": {region}}
			if list {
				v.Set("list", "true")
			}
			agrees := true
			err := ask(c, p, &q, "/v1/catalog/summary/"+url.PathEscape(args[0]), v, func(s regionSummary) (string, error) {
				for _, line := range s.Lines {
					if _, err := fmt.Fprint(p.out, line); err != nil {
						return "", err
					}
				}
				t := newTable("POSITION", "SUMMARY", "BY", "ENTRIES", "IMPORTED", "ROOT", "VERDICT")
				t.row(number(s.AsOf), "now", "", strconv.Itoa(s.Entries), strconv.Itoa(s.Imported), fmt.Sprintf("%x", s.Root), "")
				for _, sealed := range s.Sealed {
					verdict := "agrees"
					if !sealed.Agrees {
						agrees, verdict = false, "differs: "+strings.Join(sealed.Differs, ", ")
					}
					t.row(number(sealed.Position), sealed.RegionSummary, sealed.By, "", "", "", verdict)
				}
				return "", t.write(p.out, "")
			})
			if err == nil && !agrees {
				return errShown
			}
			return err
		},
	}
	q.flags(c)
	f := c.Flags()
	f.StringVar(&region, "region", "", "the region code")
	f.BoolVar(&list, "list", false, "also print the lines that the root is over")
	return c
}

// regionSummary is what is shown of the answer.
type regionSummary struct {
	Entries  int      `json:"entries"`
	Imported int      `json:"imported"`
	Root     []byte   `json:"root"`
	Lines    []string `json:"lines"`
	AsOf     int64    `json:"as_of"`
	Sealed   []struct {
		Position      int64    `json:"position"`
		RegionSummary string   `json:"region_summary"`
		By            string   `json:"by"`
		Agrees        bool     `json:"agrees"`
		Differs       []string `json:"differs"`
	} `json:"sealed"`
}
