package api

import (
	"errors"

	"ledgerline/projections"
)

type differencesPageQuery struct {
	momentQuery
	differencesQuery
}

type differencesPage struct {
	*page
	List  projections.DifferenceList
	Query differencesPageQuery
	// Unknown is set if the node asked for names nothing, or several things, then.
	Unknown *projections.UnknownNodeError
}

func showDifferences(c *question, q differencesPageQuery, p *page) (any, error) {
	d := differencesPage{page: p, Query: q}
	var err error
	if d.List, err = listDifferences(c, q.differencesQuery); err != nil && !errors.As(err, &d.Unknown) {
		return nil, err
	}
	return d, c.twin(p, "/v1/lineage/differences")
}

// Filtered tells whether less than everything is asked for.
func (d differencesPage) Filtered() bool { return d.Query.Node != "" || d.Query.Namespace != "" }

// Sides are what only one side tells of a difference, with the records behind it.
func (d differencesPage) Sides(f projections.Difference) []differenceSide {
	var out []differenceSide
	for _, s := range []differenceSide{{true, f.DeclaredOnly, f.Declared}, {false, f.ObservedOnly, f.Observed}} {
		if len(s.Pairs) > 0 {
			out = append(out, s)
		}
	}
	return out
}

// differenceSide is a row of the table: what was only declared, or only observed.
type differenceSide struct {
	Declared bool // and not observed; else the other way round
	Pairs    []projections.ColumnPair
	Records  []int64
}
