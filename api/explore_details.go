package api

import (
	"slices"
	"strings"

	"ledgerline/events"
	"ledgerline/projections"
)

// details tell about the box or line that is selected.
type details struct {
	// Of a box.
	Code, ID, Kind, State                  string
	Title                                  string
	Node                                   projections.Node
	Entries                                []catalogTitleLink
	Fields                                 []string
	Flags                                  []string
	Holders                                []projections.Agreement
	HoldersCut                             bool
	Opened, Opens, Expanded, Shut, IsFocus bool
	LeftOut                                int
	Records                                projections.Timeline
	// Of a line.
	Edges []projections.Edge
	Times map[int64]events.Time
}

type catalogTitleLink struct{ ID, Title string }

// IsEdge tells whether a line is selected.
func (d details) IsEdge() bool { return len(d.Edges) > 0 }

// How much the details show of what there may be more of.
const (
	detailRecords = 8
	detailHolders = 12
	detailFields  = 60
)

// detail looks up what there is to tell about what is selected.
func (c *question) detail(d *lineagePage, pic *picture, flags map[string][]string) error {
	if d.Query.Select == "" {
		return nil
	}
	for _, b := range pic.boxes {
		if codeOf(b.identity) == d.Query.Select {
			return c.detailBox(d, b, flags)
		}
	}
	for _, a := range pic.arrows {
		if strings.TrimPrefix(pic.arrowID(a), "ll-") == d.Query.Select {
			return c.detailArrow(d, a)
		}
	}
	return nil // it is not there as of this moment
}

func (c *question) detailBox(d *lineagePage, b *pictureBox, flags map[string][]string) error {
	code := codeOf(b.identity)
	x := &details{
		Code: code, ID: b.id, Kind: b.node.Kind, State: b.node.State, Title: b.node.Title, Node: b.node, IsFocus: b.focus,
		Opens:  b.node.Kind == projections.NodeDataset && !d.Query.Columns && d.Query.Compare == "",
		Opened: slices.Contains(boxCodes(d.Query.Open), code), Expanded: slices.Contains(boxCodes(d.Query.More), code), Shut: slices.Contains(boxCodes(d.Query.Less), code),
		LeftOut: b.leftOut[0] + b.leftOut[1],
	}
	d.Details = x
	if x.Title == "" && len(b.entries) > 0 {
		x.Title = b.entries[0].title
	}
	if x.Title == "" {
		x.Title = b.node.Name
	}
	for _, e := range b.entries {
		x.Entries = append(x.Entries, catalogTitleLink{e.id, e.title})
		x.Flags = append(x.Flags, flags[e.id]...)
		list, err := c.view.Agreements(c.ctx, projections.AgreementQuery{Entry: e.id, Page: projections.Page{Limit: detailHolders}})
		if err != nil {
			return err
		}
		x.Holders = append(x.Holders, list.Agreements...)
		x.HoldersCut = x.HoldersCut || list.Next != ""
	}
	records := projections.TimelineQuery{Descending: true, Page: projections.Page{Limit: detailRecords}}
	switch b.node.Kind {
	case projections.NodeEntry:
		x.Entries = []catalogTitleLink{{b.node.Name, b.node.Title}}
		records.Entry = b.node.Name
	case projections.NodeDataset:
		records.Dataset = projections.Dataset{Namespace: b.node.Namespace, Name: b.node.Name}
		full, err := c.view.ResolveNode(c.ctx, datasetText(b.node.Namespace, b.node.Name))
		if err != nil {
			return err
		}
		for _, f := range full.Fields[:min(len(full.Fields), detailFields)] {
			x.Fields = append(x.Fields, f.Name)
		}
	case projections.NodeJob:
		records.Subject = events.Subject{Kind: events.KindJob, ID: b.node.Namespace + "/" + b.node.Name}
	default:
		records.Subject = events.Subject{Kind: events.KindRun, ID: b.node.Name}
	}
	var err error
	x.Records, err = c.view.Timeline(c.ctx, records)
	return err
}

func (c *question) detailArrow(d *lineagePage, a pictureArrow) error {
	x := &details{Edges: a.edges, Times: make(map[int64]events.Time), Flags: a.accent.flags}
	for _, e := range a.edges {
		for _, at := range slices.Concat([]int64{e.First, e.Last}, e.Events) {
			if _, known := x.Times[at]; known {
				continue
			}
			recorded, err := c.recordedAt(at)
			if err != nil {
				return err
			}
			x.Times[at] = recorded
		}
	}
	d.Details = x
	return nil
}
