package api

import (
	"slices"
	"strings"

	"ledgerline/projections"
)

// edgeClass is how a kind of line is drawn, and its key in pictureWords.
type edgeClass string

const (
	edgeFlow     edgeClass = "flow"     // solid
	edgeDeclared edgeClass = "declared" // dashed
	edgeIndirect edgeClass = "indirect" // dots
	edgeAbout    edgeClass = "about"    // fine dashes, no arrowhead
	edgeRan      edgeClass = "ran"      // fine dashes
	edgeControl  edgeClass = "control"  // long and short dashes
	edgeSame     edgeClass = "same"     // thick, no arrowhead, sign =
)

func (a pictureArrow) class() edgeClass {
	switch a.edges[0].Kind {
	case projections.EdgeResource:
		return edgeAbout
	case projections.EdgeSameAs:
		return edgeSame
	case projections.EdgeRuns:
		return edgeRan
	case projections.EdgePrecedes, projections.EdgeStarted:
		return edgeControl
	}
	declaredOnly := !slices.ContainsFunc(a.edges, func(e projections.Edge) bool { return e.Runs > 0 || !e.Declared })
	switch {
	case declaredOnly:
		return edgeDeclared
	case a.indirect():
		return edgeIndirect
	}
	return edgeFlow
}

// indirect reports whether no value goes this way: columns only decide which.
func (a pictureArrow) indirect() bool {
	for _, e := range a.edges {
		for _, t := range e.Transformations {
			if !strings.HasPrefix(t, "INDIRECT") {
				return false
			}
		}
		if len(e.Transformations) == 0 {
			return false
		}
	}
	return true
}

// masked reports whether every way of a value here hides it.
func (a pictureArrow) masked() bool {
	return !slices.ContainsFunc(a.edges, func(e projections.Edge) bool { return !e.Masking })
}

// about is what a line says of itself.
func (p *picture) about(a pictureArrow) string {
	lines := slices.Clone(a.accent.flags)
	for _, e := range a.edges {
		parts := []string{e.From + " → " + e.To, words["edge/"+e.Kind][p.language]}
		if e.Job != "" {
			parts = append(parts, p.phrase("by-job", e.Job))
		}
		if len(e.Transformations) > 0 {
			parts = append(parts, strings.Join(e.Transformations, ", "))
		}
		if e.Masking {
			parts = append(parts, p.word("masked"))
		}
		if d := e.Dependency; d != nil {
			parts = append(parts, strings.Join([]string{d.Type, d.Sequence, d.Status}, " "))
		}
		if e.Declared {
			parts = append(parts, p.word("now-declared"))
		}
		if e.Runs > 0 {
			parts = append(parts, p.phrase("seen", e.Runs, e.First, e.Last))
		} else {
			parts = append(parts, p.phrase("seen-once", e.First, e.Last))
		}
		if lines = append(lines, strings.Join(parts, " · ")); len(lines) == 5 {
			lines = append(lines, "…") // a tooltip, not a list
			break
		}
	}
	return strings.Join(lines, " ‖ ")
}

// edge draws an arrow along its lane.
func (w *svgWriter) edge(a pictureArrow, l lane) {
	p := w.picture
	kind := a.class()
	class, marker := "edge "+string(kind), ` marker-end="url(#ll-head)"`
	if l.closes {
		class, marker = class+" cycle", ` marker-end="url(#ll-cyclehead)"`
	}
	if kind == edgeAbout || kind == edgeSame {
		marker = ""
	}
	if len(a.accent.flags) > 0 {
		class += " unagreed"
	}
	first, last := a.edges[0].First, a.edges[0].Last
	for _, e := range a.edges {
		first, last = min(first, e.First), max(last, e.Last)
	}
	e := a.edges[0]
	if a.accent.href != "" { // the table of edges is for the keyboard
		w.s(`<a tabindex="-1"`)
		w.attribute("href", a.accent.href)
		w.attribute("aria-label", e.From+" → "+e.To)
		w.s(">")
	}
	w.f(`<g id="%s" class="%s%s"`, p.arrowID(a), class, a.accent.classes())
	w.attribute("data-from", e.From)
	w.attribute("data-to", e.To)
	w.f(` data-kind="%s" data-first="%d" data-last="%d"`, e.Kind, first, last)
	if l.closes {
		w.s(` data-cycle="true"`)
	}
	w.s(">")
	w.title(p.about(a))
	w.f(`<path d="%s"%s/>`, lanePath(l), marker)
	if a.accent.href != "" {
		w.f(`<path class="near" d="%s"/>`, lanePath(l))
	}
	sign := signOf(kind, a.masked(), l.closes)
	switch {
	case a.accent.change != "":
		sign = changeSigns[a.accent.change]
	case len(a.accent.flags) > 0:
		sign = "∅"
	}
	if sign != "" {
		w.sign(sign, lanePoint(l))
	}
	w.s("</g>")
	w.unlink(a.accent)
}

// arrowID is the stable id of a line.
func (p *picture) arrowID(a pictureArrow) string {
	from, to := p.boxes[a.from.box], p.boxes[a.to.box]
	return svgID("edge", from.identity, from.field(a.from.port), to.identity, to.field(a.to.port), a.edges[0].Kind)
}

// field names a port.
func (b *pictureBox) field(port int) string {
	if port == 0 || port > len(b.rows)-b.hidden {
		return ""
	}
	return b.rows[port-1].node.Field
}

// signOf is the sign on a line that dashes do not tell apart enough.
func signOf(kind edgeClass, masked, closes bool) string {
	switch {
	case closes:
		return "↺"
	case kind == edgeSame:
		return "="
	case masked:
		return "▒"
	}
	return ""
}

func (w *svgWriter) sign(sign string, at point) {
	w.f(`<g class="sign"><circle cx="%s" cy="%s" r="7.5"/><text x="%[1]s" y="%[3]s">%[4]s</text></g>`, num(at.x), num(at.y), num(at.y+4), sign)
}

// lanePath writes a lane in the path language: straight through the layers,
// curves between them.
func lanePath(l lane) string {
	var b strings.Builder
	put := func(parts ...string) { b.WriteString(strings.Join(parts, " ")) }
	first := l.points[0]
	put("M"+num(first.x), num(first.y))
	if l.points[0].x == l.points[1].x && len(l.points) == 2 { // from a box to itself
		last := l.points[1]
		out := num(first.x + loopOut*4/3)
		put("C"+out, num(first.y)+",", out, num(last.y)+",", num(last.x), num(last.y))
		return b.String()
	}
	for i := 1; i < len(l.points); i++ {
		from, to := l.points[i-1], l.points[i]
		if i%2 == 1 {
			if from.x != to.x {
				put("H" + num(to.x))
			}
			continue
		}
		middle := num((from.x + to.x) / 2)
		put("C"+middle, num(from.y)+",", middle, num(to.y)+",", num(to.x), num(to.y))
	}
	return b.String()
}

// lanePoint is a place on a lane, between two layers, for a sign.
func lanePoint(l lane) point {
	if len(l.points) == 2 {
		return point{l.points[0].x + loopOut, (l.points[0].y + l.points[1].y) / 2}
	}
	p, q := l.points[1], l.points[2]
	return point{(p.x + q.x) / 2, (p.y + q.y) / 2}
}
