package api

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"net/http"

	"ledgerline/events"
	"ledgerline/ledger/proof"
	"ledgerline/projections"
)

type regionSummaryQuery struct {
	reading
	Region string `query:"region,required" doc:"the region code: entries that bear it, and no part of it or area around it"`
	List   bool   `query:"list" doc:"also give the lines that the root is over"`
}

// regionSummary is what a region has in its catalog at the end of a period, with what it
// takes to seal it as catalog.region_summary.sealed: entries, counts, root, as_of, head.
type regionSummary struct {
	Region string        `json:"region"`
	Period events.Period `json:"period"`
	Zone   string        `json:"zone"`
	// ValidAt is the moment the list is of: the end of the period, or when the position
	// was recorded if that is before.
	ValidAt events.Time `json:"valid_at"`
	// Entries is how many were in force then; Counts how many of each sharing attribute.
	Entries int              `json:"entries"`
	Counts  map[string]int64 `json:"counts"`
	// Imported is how many of Entries are in force by what was told about the time before
	// the ledger, which is no native evidence.
	Imported int `json:"imported"`
	// Root is the root of a Merkle tree (RFC 6962) over the lines, in the order of the
	// entries' ids; without any it is the hash of nothing.
	Root []byte `json:"root"`
	// Lines are what the tree is over, if they were asked for.
	Lines []string `json:"lines,omitempty"`
	// AsOf is the position that this speaks for, Head the hash of its record.
	AsOf int64  `json:"as_of"`
	Head []byte `json:"head"`
	// Sealed are the summaries of the period that were sealed, held against the list as of
	// the position that each speaks for; the latest first.
	Sealed []sealedSummary `json:"sealed"`
}

// sealedSummary is a summary as it was sealed, and whether the ledger agrees.
type sealedSummary struct {
	Position      int64  `json:"position"`
	RegionSummary string `json:"region_summary"`
	By            string `json:"by"`
	AsOf          uint64 `json:"as_of"`
	Agrees        bool   `json:"agrees"`
	// Differs names what is not as the ledger has it: root, entries, counts, head, as_of.
	Differs []string `json:"differs"`
	// Imported marks what was sealed before the ledger: no native evidence.
	Imported bool `json:"imported,omitzero"`
}

// getRegionSummary is refused to callers with a scope: a root over a part of the list
// would be another one.
func getRegionSummary() endpoint {
	e := viewed(func(c *question, q regionSummaryQuery) (regionSummary, error) {
		text, err := pathValue(c.r, "period")
		if err != nil {
			return regionSummary{}, err
		}
		return c.regionSummary(text, q)
	})
	e.scoping = scopeRefused
	return e
}

func (c *question) regionSummary(text string, q regionSummaryQuery) (regionSummary, error) {
	zone, err := c.view.Zone()
	if err != nil {
		return regionSummary{}, err
	}
	from, to, err := parsePeriod(text, zone)
	if err != nil {
		return regionSummary{}, err
	}
	at := c.view.Position()
	if at < 0 {
		return regionSummary{}, problem(http.StatusNotFound, "region_summary.empty", "the ledger has no records, and no catalog", "ask when it has")
	}
	out, err := c.summed(c.view, q.Region, events.TimeOf(to))
	if err != nil {
		return out, err
	}
	out.Period, out.Zone, out.AsOf = events.Period{From: events.TimeOf(from), To: events.TimeOf(to)}, zone.String(), at
	if !q.List {
		out.Lines = nil
	}
	head, err := c.s.o.Ledger.LeafHash(at)
	if err != nil {
		return out, err
	}
	out.Head = head[:]
	out.Sealed, err = c.sealed(out.Region, out.Period)
	return out, err
}

// summed lists what was in force in a region before a moment.
func (c *question) summed(view *projections.View, region string, end events.Time) (regionSummary, error) {
	out := regionSummary{Region: region, ValidAt: min(end-1, view.Recorded()), Counts: map[string]int64{}, Lines: []string{}}
	page := projections.Page{Limit: projections.MaxLimit}
	for {
		list, err := view.Entries(c.ctx, projections.EntryQuery{Region: region, ValidAt: out.ValidAt, Page: page})
		if err != nil {
			return out, err
		}
		for _, e := range list.Entries {
			leaf, err := c.s.o.Ledger.LeafHash(e.Position)
			if err != nil {
				return out, err
			}
			out.Lines = append(out.Lines, fmt.Sprintf("%s\t%d\t%d\t%x\n", e.ID, e.Version, e.Position, leaf[:]))
			out.Counts[e.Sharing.Attribute]++
			if e.Imported {
				out.Imported++
			}
		}
		if page.Cursor = list.Next; page.Cursor == "" {
			break
		}
	}
	out.Entries = len(out.Lines)
	root := proof.Hash(sha256.Sum256(nil))
	if out.Entries > 0 {
		leaves := make([][]byte, len(out.Lines))
		for i, line := range out.Lines {
			leaves[i] = []byte(line)
		}
		var err error
		if root, err = proof.BatchRoot(leaves); err != nil {
			return out, err
		}
	}
	out.Root = root[:]
	return out, nil
}

// sealed finds the summaries of a region and period that were sealed, and makes the list
// of each again.
func (c *question) sealed(region string, period events.Period) ([]sealedSummary, error) {
	out := []sealedSummary{}
	page := projections.Page{Limit: projections.MaxLimit}
	for {
		list, err := c.view.Timeline(c.ctx, projections.TimelineQuery{TypePrefix: "catalog.region_summary.sealed", Descending: true, Page: page})
		if err != nil {
			return nil, err
		}
		for _, row := range list.Rows {
			e, err := c.s.o.Ledger.Get(c.ctx, row.Position)
			if err != nil {
				return nil, err
			}
			d, ok := e.Event.Data.(*events.RegionSummarySealed)
			if !ok || d.Region != region || d.Period != period {
				continue
			}
			if len(out) == comparedBulletins {
				c.hit("compared_summaries")
				return out, nil
			}
			differs, err := c.resum(d)
			if err != nil {
				return nil, err
			}
			out = append(out, sealedSummary{row.Position, d.RegionSummary, d.By, d.AsOf, len(differs) == 0, differs, row.Imported})
		}
		if page.Cursor = list.Next; page.Cursor == "" {
			return out, nil
		}
	}
}

// resum names what of a sealed summary is not as the ledger has it.
func (c *question) resum(d *events.RegionSummarySealed) (differs []string, err error) {
	at := int64(d.AsOf)
	if at > c.view.Position() {
		return []string{"as_of"}, nil
	}
	then, err := c.s.viewAt(c.ctx, at)
	if err != nil {
		return nil, err
	}
	sum, err := c.summed(then, d.Region, d.Period.To)
	if err := errors.Join(err, then.Close()); err != nil {
		return nil, err
	}
	head, err := c.s.o.Ledger.LeafHash(at)
	if err != nil {
		return nil, err
	}
	differs = []string{}
	for _, is := range []struct {
		name string
		so   bool
	}{
		{"root", bytes.Equal(sum.Root, d.Root)}, {"entries", sum.Entries == d.Entries}, {"counts", maps.Equal(sum.Counts, d.Counts)}, {"head", bytes.Equal(head[:], d.Head)},
	} {
		if !is.so {
			differs = append(differs, is.name)
		}
	}
	return differs, nil
}
