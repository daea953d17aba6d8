package api

import (
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"ledgerline/events"
	"ledgerline/projections"
)

// The page of the lineage graph: a picture to look around in, and tables that say
// the same to those who do not see it. All of its state is in its address.

// pageEdges is how many edges a page lists; the JSON answer has them all.
const pageEdges = 500

// offeredMoments is how many moments of change a page offers, the latest.
const offeredMoments = 200

type lineagePageQuery struct {
	momentQuery
	Node      string                `query:"node" doc:"where to begin, named as for /v1/lineage"`
	Direction projections.Direction `query:"direction" doc:"where to go" enum:"up,down,both" default:"both"`
	Depth     int                   `query:"depth" doc:"how many steps from dataset to dataset" default:"3" min:"1" max:"999"`
	Columns   bool                  `query:"columns" doc:"edges between columns instead of datasets"`
	Open      string                `query:"open" doc:"boxes whose columns are listed: codes joined by dots"`
	More      string                `query:"more" doc:"boxes whose neighbours are shown as well: codes joined by dots"`
	Less      string                `query:"less" doc:"boxes beyond which nothing is shown: codes joined by dots"`
	Compare   string                `query:"compare" doc:"an earlier moment, as as_of: show what changed since"`
	Select    string                `query:"select" doc:"the box or line that is told about, by its code"`
	Mark      string                `query:"mark" doc:"light up what is upstream or downstream of the selected box, or all ways between it and another" enum:"up,down,path"`
	To        string                `query:"to" doc:"mark=path: the other box, by its code. Default: the node asked for"`
	Find      string                `query:"find" doc:"words: boxes that have all of them stand out"`
}

// chosen are the parameters that say how the page looks, not what it shows.
var chosenParams = []string{"open", "more", "less", "select", "mark", "to", "find"}

type lineagePage struct {
	*page
	Query lineagePageQuery
	// Directions are those to choose from.
	Directions []projections.Direction
	Lineage    lineagePart
	// Unknown is set if the node asked for names nothing, or several things, then.
	Unknown *projections.UnknownNodeError
	Entries []projections.Entry // to begin with, if no node is asked for
	More    bool                // there are more entries than that
	// Canvas and Legend are pictures.
	Canvas, Legend template.HTML
	Shown, Total   int
	Hits           []boxLink
	Lit            int
	Moments        []momentLink
	MomentsCut     bool
	Current        int // of Moments: the last that is not after the page's
	Before         string
	Changes        []changeLine
	Details        *details
	Resolved       string
}

type boxLink struct{ Name, Href string }

// momentLink is a moment at which the graph changed.
type momentLink struct {
	Position int64
	Recorded events.Time
	Href     string
}

// changeLine is a node or edge that came, went or changed.
type changeLine struct {
	Change, What, Kind string
	How                []string // what of it changed
}

// lineagePart is a graph as pages show it.
type lineagePart struct {
	Graph  projections.Graph
	Titles map[string]string // of entries, by node
	Rows   []lineageRow
	Mixing []string // jobs that mix what several runs read and wrote
	Depth  int
	// Columns tells whether columns were asked for.
	Columns bool
	// Spare tells that the rows are not written, and have to be asked for.
	Spare bool
}

// fewRows is up to how many rows the table of edges is open at first.
const fewRows = 12

// Few tells whether the table is open at first.
func (l lineagePart) Few() bool { return len(l.Rows) <= fewRows }

// lineageRow is an edge of the table, with what pages add.
type lineageRow struct {
	projections.Edge
	Change, Missing, Href string
}

// Cut tells whether edges are left out of the table.
func (l lineagePart) Cut() bool { return len(l.Rows) < len(l.Graph.Edges) }

func partOf(graph projections.Graph, depth int, columns bool) lineagePart {
	l := lineagePart{Graph: graph, Titles: make(map[string]string), Depth: depth, Columns: columns}
	for _, n := range graph.Nodes {
		if n.Title != "" {
			l.Titles[n.ID] = n.Title
		}
		if n.MixesRuns {
			l.Mixing = append(l.Mixing, n.ID)
		}
	}
	for _, e := range graph.Edges[:min(len(graph.Edges), pageEdges)] {
		l.Rows = append(l.Rows, lineageRow{Edge: e})
	}
	return l
}

func showLineage(c *question, q lineagePageQuery, p *page) (any, error) {
	d := &lineagePage{page: p, Query: q, Directions: []projections.Direction{projections.Both, projections.Up, projections.Down}}
	if q.Node == "" {
		list, err := c.view.Entries(c.ctx, projections.EntryQuery{Page: projections.Page{Limit: offeredEntries}})
		if err != nil {
			return nil, err
		}
		d.Entries, d.More = list.Entries, list.Next != ""
		p.JSON, err = p.Data("/v1/catalog/entries", "limit", offeredEntries)
		return d, err
	}
	p.Title = q.Node + " · Ledgerline"
	pic, err := c.scenePicture(d)
	if errors.As(err, &d.Unknown) { // the form stays, so that the name can be put right
		if p.JSON, err = p.Data("/v1/lineage", "node", q.Node); err != nil {
			return d, err
		}
		return d, c.offerMoments(d)
	}
	if err != nil {
		return nil, err
	}
	c.hit(d.Lineage.Graph.LimitsHit...)
	if len(pic.boxes) < pic.total {
		c.hit(limitPicture)
	}
	d.hang(pic)
	if err := c.offerMoments(d); err != nil {
		return nil, err
	}
	p.JSON, err = p.lineageData(d.Lineage, "json")
	if q.Compare != "" && err == nil {
		p.JSON, err = p.compareData(q)
	}
	return d, err
}

// hang puts a picture on a page.
func (d *lineagePage) hang(pic *picture) {
	canvas, legend := pic.canvas()
	// Both come from svgWriter, which escapes whatever is not its own.
	d.Canvas, d.Legend = template.HTML(canvas), template.HTML(legend)
}

type lineagePartQuery struct {
	lineagePageQuery
	Table bool `query:"table" doc:"with the rows of the table of edges, also where there are many"`
}

// showLineagePart is what the script of the lineage page exchanges when one moves on: the
// page without its frame, and without rows that nobody looks at.
func showLineagePart(c *question, q lineagePartQuery, p *page) (any, error) {
	p.path = "/lineage"
	p.query.Del("table")
	data, err := showLineage(c, q.lineagePageQuery, p)
	if d, ok := data.(*lineagePage); ok {
		d.Lineage.Spare = !q.Table && !d.Lineage.Few()
	}
	return data, err
}

// around is the graph about an entry as the lineage page draws it, for the entry's page.
func (c *question) around(p *page, entry string) (*lineagePage, error) {
	own := *p
	own.query = url.Values{}
	d := &lineagePage{page: &own, Query: lineagePageQuery{Node: projections.NodeEntry + ":" + entry, Direction: projections.Both, Depth: entryDepth}}
	own.carry(own.query)
	own.query.Set("node", d.Query.Node)
	own.query.Set("depth", strconv.Itoa(entryDepth))
	pic, err := c.scenePicture(d)
	if err != nil {
		return nil, err
	}
	d.hang(pic)
	return d, nil
}

// servePicture answers with the picture of the page as a document that stands by
// itself.
func servePicture() endpoint {
	e := endpoint{query: reflect.TypeFor[lineagePageQuery](), answers: []content{{http.StatusOK, "image/svg+xml", nil, "the picture of the page with the same address; it says what it leaves out"}}}
	params := paramsOf(e.query)
	e.serve = func(s *Server, w http.ResponseWriter, r *http.Request) error {
		var q lineagePageQuery
		if err := parseQuery(r, params, &q); err != nil {
			return err
		}
		p := newPage(w, r, q.pageQuery, "title-lineage")
		c, err := s.askForPage(w, r, q.momentQuery, "", &p)
		if err != nil {
			return err
		}
		d := &lineagePage{page: &p, Query: q}
		pic, err := c.scenePicture(d)
		if err := errors.Join(err, c.close()); err != nil {
			return err
		}
		c.hit(d.Lineage.Graph.LimitsHit...)
		if len(pic.boxes) < pic.total {
			c.hit(limitPicture)
		}
		for _, b := range pic.boxes {
			b.accent.href = ""
		}
		for i := range pic.arrows {
			pic.arrows[i].accent.href = ""
		}
		w.Header().Set("Content-Security-Policy", svgPolicy)
		w.Header().Set("Content-Disposition", fmt.Sprintf(`inline; filename="lineage-%d.svg"`, c.view.Position()))
		writeBody(w, r, http.StatusOK, "image/svg+xml", pic.svg(c.standing()))
		return nil
	}
	return e
}

// scenePicture makes the picture of a page, and fills the page with what stands
// around it.
func (c *question) scenePicture(d *lineagePage) (*picture, error) {
	q := d.Query
	s, err := c.explore(q)
	if err != nil {
		return nil, err
	}
	d.Resolved = s.graph.Node
	titles, err := titlesOf(c.ctx, c.view, s.graph)
	if err != nil {
		return nil, err
	}
	missing, err := c.unagreed(d.page, s.graph)
	if err != nil {
		return nil, err
	}
	pic := &picture{graph: s.graph, language: d.language}
	var drawn, beyond []*pictureBox
	var entries []string
	for _, b := range boxesOf(s.graph, titles) {
		if !s.draws(b) {
			beyond = append(beyond, b)
			continue
		}
		drawn = append(drawn, b)
		for _, e := range b.entries {
			if !slices.Contains(entries, e.id) {
				entries = append(entries, e.id)
			}
		}
	}
	flags, err := c.entryFlags(d.page, entries)
	if err != nil {
		return nil, err
	}
	for _, b := range drawn {
		for _, e := range b.entries {
			b.accent.flags = append(b.accent.flags, flags[e.id]...)
		}
		b.accent.change = s.boxChange(b)
		b.accent.hit = q.Find != "" && b.matches(q.Find)
	}
	pic.draw(drawn, beyond)
	d.Shown, d.Total = len(pic.boxes), pic.total
	d.dress(pic, s, missing)
	d.tell(pic, s, missing)
	return pic, c.detail(d, pic, flags)
}

// draws tells whether a box has something that is shown.
func (s *scene) draws(b *pictureBox) bool {
	if b.known && s.shown[b.id] {
		return true
	}
	return slices.ContainsFunc(b.rows, func(r pictureRow) bool { return s.shown[r.node.ID] })
}

// boxChange is what became of a box, or of its columns.
func (s *scene) boxChange(b *pictureBox) string {
	if c := s.change[b.id]; c != "" && b.known {
		return c
	}
	changes := make(map[string]bool)
	for _, r := range b.rows {
		changes[s.change[r.node.ID]] = true
	}
	delete(changes, "")
	switch {
	case len(changes) == 0:
		return ""
	case len(changes) == 1 && !b.known && changes[projections.ChangeAdded]:
		return projections.ChangeAdded
	case len(changes) == 1 && !b.known && changes[projections.ChangeRemoved]:
		return projections.ChangeRemoved
	}
	return projections.ChangeChanged
}

// dress gives boxes and lines their links, changes and lights.
func (d *lineagePage) dress(pic *picture, s *scene, missing map[string]string) {
	var from, to *pictureBox
	for _, b := range pic.boxes {
		switch code := codeOf(b.identity); {
		case code == d.Query.Select:
			from, b.accent.selected = b, true
		case code == d.Query.To:
			to = b
		}
	}
	if to == nil && d.Query.To == "" {
		for _, b := range pic.boxes {
			if b.focus {
				to = b
			}
		}
	}
	lit, lines := pic.light(d.Query.Mark, from, to)
	d.Lit = len(lit)
	for _, b := range pic.boxes {
		b.accent.lit, b.accent.dim = lit[b], lit != nil && !lit[b]
		b.accent.href = d.Set("select", codeOf(b.identity)) + "#details"
		if b.accent.hit {
			d.Hits = append(d.Hits, boxLink{b.label(), b.accent.href})
		}
	}
	for i := range pic.arrows {
		a := &pic.arrows[i]
		a.accent.lit, a.accent.dim = lines[i], lit != nil && !lines[i]
		code := strings.TrimPrefix(pic.arrowID(*a), "ll-")
		a.accent.selected = code == d.Query.Select
		a.accent.href = d.Set("select", code) + "#details"
		for _, e := range a.edges {
			if change := s.change[edgeKey(e)]; change != "" {
				a.accent.change = change
			}
			if text := missing[edgeKey(e)]; text != "" {
				a.accent.flags = append(a.accent.flags, text)
			}
		}
	}
}

// tell fills the tables of the page.
func (d *lineagePage) tell(pic *picture, s *scene, missing map[string]string) {
	g := s.graph
	beyond := false
	for _, b := range pic.boxes {
		beyond = beyond || b.leftOut != [2]int{}
	}
	limits := slices.DeleteFunc(slices.Clone(g.LimitsHit), func(l string) bool { return l == projections.LimitDepth })
	if beyond || s.diff != nil && slices.Contains(g.LimitsHit, projections.LimitDepth) {
		limits = append(limits, projections.LimitDepth)
	}
	href := make(map[string]string)
	for _, a := range pic.arrows {
		for _, e := range a.edges {
			href[edgeKey(e)] = a.accent.href
		}
	}
	g.Edges = slices.DeleteFunc(slices.Clone(g.Edges), func(e projections.Edge) bool { return !s.shown[e.From] || !s.shown[e.To] })
	g.Nodes = slices.DeleteFunc(slices.Clone(g.Nodes), func(n projections.Node) bool { return !s.shown[n.ID] })
	g.LimitsHit = limits
	pic.graph.LimitsHit = limits
	d.Lineage = partOf(g, d.Query.Depth, d.Query.Columns)
	for i := range d.Lineage.Rows {
		r := &d.Lineage.Rows[i]
		r.Change, r.Missing, r.Href = s.change[edgeKey(r.Edge)], missing[edgeKey(r.Edge)], href[edgeKey(r.Edge)]
	}
	if s.diff == nil {
		return
	}
	for _, n := range s.diff.Nodes {
		d.Changes = append(d.Changes, changeLine{n.Change, n.ID, "", d.nodeChanges(n.Before, n.After)})
	}
	for _, e := range s.diff.Edges {
		edge := e.After
		if edge == nil {
			edge = e.Before
		}
		d.Changes = append(d.Changes, changeLine{e.Change, edge.From + " → " + edge.To, edge.Kind, d.edgeChanges(e.Before, e.After)})
	}
	d.Before = strconv.FormatInt(s.diff.From, 10)
}

// offerMoments lists when the graph changed.
func (c *question) offerMoments(d *lineagePage) error {
	list, err := c.moments(d.Query)
	if err != nil {
		return err
	}
	if d.MomentsCut = len(list) > offeredMoments; d.MomentsCut {
		list = list[len(list)-offeredMoments:]
	}
	d.Current = -1
	for i, position := range list {
		recorded, err := c.recordedAt(position)
		if err != nil {
			return err
		}
		d.Moments = append(d.Moments, momentLink{position, recorded, d.Set("as_of", strconv.FormatInt(position, 10))})
		if position <= c.view.Position() {
			d.Current = i
		}
	}
	return nil
}

// BeforeOdd tells whether it is compared with a moment at which nothing changed.
func (d *lineagePage) BeforeOdd() bool {
	return d.Before != "" && !slices.ContainsFunc(d.Moments, func(m momentLink) bool { return strconv.FormatInt(m.Position, 10) == d.Before })
}

// Set is the page with some parameters changed; an empty value takes one away.
func (d *lineagePage) Set(pairs ...string) string {
	values := d.without()
	for i := 0; i+1 < len(pairs); i += 2 {
		if values.Del(pairs[i]); pairs[i+1] != "" {
			values.Set(pairs[i], pairs[i+1])
		}
	}
	return withQuery("/lineage", values)
}

// Toggled is the page with a box added to a list of boxes, or taken away.
func (d *lineagePage) Toggled(param, code string) string {
	list := map[string]string{"open": d.Query.Open, "more": d.Query.More, "less": d.Query.Less}[param]
	boxes := boxCodes(list)
	if i := slices.Index(boxes, code); i >= 0 {
		boxes = slices.Delete(boxes, i, i+1)
	} else {
		boxes = append(boxes, code)
	}
	return d.Set(param, strings.Join(boxes, "."))
}

// Plain is the page as it looks at first.
func (d *lineagePage) Plain() string {
	return withQuery("/lineage", d.without(chosenParams...))
}

// File is the picture of the page as a document of its own.
func (d *lineagePage) File() string {
	values := d.without()
	values.Set("lang", d.Lang)
	if d.Standing != nil {
		values.Set("as_of", strconv.FormatInt(d.Standing.Position, 10))
	}
	return withQuery("/lineage/picture", values)
}

// Hidden are the fields that a form of the page hands on, without those it has.
func (d *lineagePage) Hidden(names ...string) []field { return fieldsOf(d.without(names...)) }

// Picture is where a graph is to be had as a picture in the page's language.
func (p page) Picture(l lineagePart) (string, error) { return p.lineageData(l, "svg") }

func (p page) lineageData(l lineagePart, format string) (string, error) {
	pairs := []any{"node", l.Graph.Node, "direction", string(l.Graph.Direction), "depth", l.Depth, "columns", l.Columns, "format", format}
	if format == "svg" {
		pairs = append(pairs, "lang", p.Lang)
	}
	return p.Data("/v1/lineage", pairs...)
}

// compareData is the JSON answer that says the same.
func (p page) compareData(q lineagePageQuery) (string, error) {
	moment, err := momentQuery{AsOf: q.Compare}.moment()
	if err != nil {
		return "", err
	}
	from := strconv.FormatInt(moment.position, 10)
	if moment.byTime {
		from = moment.time.String()
	}
	values, err := valuesOf([]any{"node", q.Node, "direction", string(q.Direction), "depth", q.Depth, "columns", q.Columns, "from", from, "to", p.Standing.Position})
	return withQuery("/v1/lineage/diff", values), err
}

// Limits says, in words, why a graph is not the whole answer.
func (p page) Limits(l lineagePart) []string {
	var list []string
	for _, limit := range l.Graph.LimitsHit {
		if words, ok := pictureWords["limit."+limit]; ok {
			list = append(list, words[p.language])
		} else {
			list = append(list, fmt.Sprintf(pictureWords["limit"][p.language], limit))
		}
	}
	return list
}

// PictureWord is a word of pictures, in the page's language.
func (p page) PictureWord(key string) string { return pictureWords[key][p.language] }

// NodeHref is the page of an entry, or else the graph around the node.
func (p page) NodeHref(node string) (string, error) {
	if id, ok := strings.CutPrefix(node, projections.NodeEntry+":"); ok {
		return p.Href("/entries/" + url.PathEscape(id))
	}
	return p.Href("/lineage", "node", node)
}
