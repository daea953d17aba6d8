package api

import (
	"context"
	"fmt"
	"strings"

	"ledgerline/projections"
)

// catalogTitles are the catalog entries that datasets are resources of, with
// their titles, by the identity of the dataset's box.
type catalogTitles map[string][]catalogTitle

type catalogTitle struct{ id, title string }

func (t catalogTitles) of(b *pictureBox) []catalogTitle { return t[b.identity] }

// titlesOf looks up the entries of the datasets that may be drawn. A graph of
// columns need not hold the datasets themselves.
func titlesOf(ctx context.Context, view *projections.View, g projections.Graph) (catalogTitles, error) {
	datasets := make(map[string]*projections.Node) // by identity; nil: columns only
	var nearest []projections.Node                 // one of each dataset
	for i, n := range g.Nodes {                    // nearest first
		if n.Kind != projections.NodeDataset && n.Kind != projections.NodeColumn {
			continue
		}
		identity := boxIdentity(n)
		if _, seen := datasets[identity]; !seen && len(nearest) < maxBoxes {
			nearest = append(nearest, n)
			datasets[identity] = nil
		}
		if n.Kind == projections.NodeDataset {
			datasets[identity] = &g.Nodes[i]
		}
	}
	out, titles := make(catalogTitles), make(map[string]string)
	for _, n := range nearest {
		identity := boxIdentity(n)
		if known := datasets[identity]; known != nil {
			n = *known
		} else {
			var err error
			if n, err = view.ResolveNode(ctx, datasetText(n.Namespace, n.Name)); err != nil {
				return nil, fmt.Errorf("looking up the dataset of a column: %w", err)
			}
		}
		for _, id := range n.Entries {
			title, ok := titles[id]
			if !ok {
				e, _, err := view.Entry(ctx, id, 0)
				if err != nil {
					return nil, fmt.Errorf("looking up the title of entry %s: %w", id, err)
				}
				title = e.Title
				titles[id] = title
			}
			out[identity] = append(out[identity], catalogTitle{id, title})
		}
	}
	return out, nil
}

// datasetText names a dataset in the form that can be read in one way only.
func datasetText(namespace, name string) string {
	exact := strings.NewReplacer("%", "%25", "/", "%2F", "#", "%23")
	return projections.NodeDataset + ":" + exact.Replace(namespace) + "/" + exact.Replace(name)
}

// A pictureLine is a line of text in a box, already of the right length.
type pictureLine struct {
	text  string
	class string // of the style sheet
	size  float64
	bold  bool
}

// Measures of boxes, in pixels.
const (
	leastWidth, mostWidth = 120.0, 268.0
	boxPad                = 10.0
	iconRoom              = 19.0
	headTop, headBottom   = 8.0, 8.0
	firstLine, nextLine   = 16.0, 15.0
	rowHeight             = 18.0
	rowsBottom            = 4.0
	nameSize, quietSize   = 12.5, 11.0
)

// text lists what stands in a box, the most telling first.
func (p *picture) text(b *pictureBox) []pictureLine {
	head := func(s string) pictureLine { return pictureLine{plainText(s), "n", nameSize, true} }
	quiet := func(s string) pictureLine { return pictureLine{plainText(s), "q", quietSize, false} }
	var lines []pictureLine
	switch n := b.node; {
	case n.Kind == projections.NodeRun:
		lines = []pictureLine{head(strings.TrimRight(p.word("run")+" "+n.State, " ")), quiet(n.Name)}
	case n.Kind == projections.NodeEntry:
		lines = []pictureLine{head(n.Title), quiet(p.word("entry") + " " + n.Name)}
		if n.Title == "" {
			lines = []pictureLine{head(n.Name), quiet(p.word("entry"))}
		}
	case len(b.entries) > 0 && b.entries[0].title != "":
		title := b.entries[0].title
		if more := len(b.entries) - 1; more > 0 {
			title = fmt.Sprintf("%s +%d", title, more)
		}
		lines = []pictureLine{head(title), quiet(b.entries[0].id + " · " + n.Name), quiet(n.Namespace)}
	default:
		lines = []pictureLine{head(n.Name), quiet(n.Namespace)}
	}
	for _, said := range []struct {
		so   bool
		word string
	}{{b.node.Dropped, "dropped"}, {b.node.Origin, "origin"}, {b.node.MixesRuns, "mixes"}} {
		if said.so {
			lines = append(lines, pictureLine{p.word(said.word), "w", quietSize, true})
		}
	}
	if c := b.accent.change; c != "" {
		lines = append(lines, pictureLine{changeSigns[c] + " " + p.word(c), "w", quietSize, true})
	}
	for _, f := range b.accent.flags {
		lines = append(lines, pictureLine{"⚑ " + f, "alarm", quietSize, true})
	}
	leftOut := ""
	switch before, after := b.leftOut[0], b.leftOut[1]; {
	case before > 0 && after > 0:
		leftOut = p.phrase("left-out", before, after)
	case before > 0:
		leftOut = p.phrase("before-out", before)
	case after > 0:
		leftOut = p.phrase("after-out", after)
	default:
		return lines
	}
	return append(lines, pictureLine{leftOut, "w", quietSize, true})
}

// measure sets text and size of the boxes. Boxes of one kind are equally wide.
func (p *picture) measure() {
	widest := make(map[string]float64)
	for _, b := range p.boxes {
		b.lines = p.text(b)
		b.h = headTop + headBottom + firstLine + nextLine*float64(len(b.lines)-1)
		if n := len(p.rowTexts(b)); n > 0 {
			b.h += rowHeight*float64(n) + rowsBottom
		}
		w := widest[b.node.Kind]
		for i, l := range b.lines {
			w = max(w, textWidth(l.text, l.size, l.bold)+2*b.pad()+iconFor(i))
		}
		for _, row := range p.rowTexts(b) {
			w = max(w, textWidth(row, quietSize, false)+2*boxPad+iconRoom)
		}
		widest[b.node.Kind] = w
	}
	for _, b := range p.boxes {
		b.w = min(max(widest[b.node.Kind], leastWidth), mostWidth)
		for i, l := range b.lines {
			b.lines[i].text = fitText(l.text, b.w-2*b.pad()-iconFor(i), l.size, l.bold)
		}
	}
}

// pad is how far text keeps from the sides.
func (b *pictureBox) pad() float64 {
	if b.node.Kind == projections.NodeJob || b.node.Kind == projections.NodeRun { // which are pointed, or round
		return boxPad + 5
	}
	return boxPad
}

// iconFor is the room that the icon takes from a line.
func iconFor(line int) float64 {
	if line == 0 {
		return iconRoom
	}
	return 0
}

// rowTexts are the columns listed in a box, and how many are not.
func (p *picture) rowTexts(b *pictureBox) []string {
	var rows []string
	for _, row := range b.rows[:len(b.rows)-b.hidden] {
		rows = append(rows, plainText(row.node.Field))
	}
	if b.hidden > 0 {
		rows = append(rows, p.phrase("more-columns", b.hidden))
	}
	return rows
}

// rowTop is how far the first column is below the top of its box.
func (b *pictureBox) rowTop() float64 {
	return headTop + headBottom + firstLine + nextLine*float64(len(b.lines)-1)
}

// diagram is what the layout needs to know.
func (p *picture) diagram() diagram {
	p.measure()
	var d diagram
	for _, b := range p.boxes {
		ports := []float64{b.rowTop() / 2}
		for i := range p.rowTexts(b) {
			ports = append(ports, b.rowTop()+rowHeight*(float64(i)+0.5))
		}
		d.boxes = append(d.boxes, box{b.w, b.h, ports})
	}
	for _, a := range p.arrows {
		d.arrows = append(d.arrows, a.arrow)
	}
	return d
}
