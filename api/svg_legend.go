package api

import (
	"slices"
	"strings"

	"ledgerline/projections"
)

// header writes the lines below the title: what is shown, in quiet, and in what
// way it is not everything, loudly.
func (w *svgWriter) header(lines []string) {
	y := pageMargin + titleRoom + 4
	for i, line := range lines {
		class := "q s"
		if i > 0 {
			class = "w s"
			line = "⚠ " + line
		}
		for _, part := range wrapText(plainText(line), w.width, 12) {
			w.f(`<text class="%s" x="%s" y="%s">`, class, num(pageMargin), num(y))
			w.escaped(part)
			w.s("</text>\n")
			y += lineRoom
		}
	}
}

// countLines is how many lines header will write.
func (w *svgWriter) countLines(lines []string) (n int) {
	for i, line := range lines {
		if i > 0 {
			line = "⚠ " + line
		}
		n += len(wrapText(plainText(line), w.width, 12))
	}
	return n
}

// wrapText breaks a text into lines of a width: at a space, or after a wide
// character.
func wrapText(s string, width, size float64) (lines []string) {
	width *= 0.94 // bold
	for textWidth(s, size, false) > width {
		used, cut := 0.0, 0
		for i, r := range s {
			if used += textWidth(string(r), size, false); used > width && cut > 0 {
				break
			}
			if r == ' ' || runeWidth(r) >= widthHan {
				cut = i + len(string(r))
			}
		}
		if cut == 0 || cut == len(s) {
			break
		}
		lines, s = append(lines, strings.TrimRight(s[:cut], " ")), s[cut:]
	}
	return append(lines, s)
}

// A legendItem explains a shape or a line that occurs in the picture.
type legendItem struct {
	box  string    // classes of a kind of box, the kind last, or
	line edgeClass // kind of line
	sign string
	word string
}

// legend lists what occurs, in a fixed order.
func (p *picture) legend() (items []legendItem) {
	has := func(kind string) bool {
		return slices.ContainsFunc(p.boxes, func(b *pictureBox) bool { return b.node.Kind == kind })
	}
	for _, kind := range []string{projections.NodeDataset, projections.NodeJob, projections.NodeRun, projections.NodeEntry} {
		if has(kind) {
			items = append(items, legendItem{box: kind, word: p.word(kind)})
		}
	}
	for _, b := range p.boxes {
		if b.focus {
			items = append(items, legendItem{box: "focus " + b.node.Kind, word: p.word("asked")})
		}
	}
	if slices.ContainsFunc(p.boxes, func(b *pictureBox) bool { return b.node.MixesRuns }) {
		items = append(items, legendItem{box: "mixes " + projections.NodeJob, word: p.word("mixes-legend")})
	}
	lines := make(map[edgeClass]bool)
	masked := false
	for _, a := range p.arrows {
		lines[a.class()] = true
		masked = masked || a.masked()
	}
	for _, line := range []edgeClass{edgeFlow, edgeDeclared, edgeIndirect, edgeAbout, edgeRan, edgeControl, edgeSame} {
		if lines[line] {
			items = append(items, legendItem{line: line, sign: signOf(line, false, false), word: p.word(string(line))})
		}
	}
	if masked {
		items = append(items, legendItem{line: edgeFlow, sign: signOf(edgeFlow, true, false), word: p.word("masked")})
	}
	return append(items, p.lookLegend()...)
}

// lookLegend lists what pages add.
func (p *picture) lookLegend() (items []legendItem) {
	changes, wrong, unagreed := make(map[string]bool), false, false
	for _, b := range p.boxes {
		changes[b.accent.change] = true
		wrong = wrong || len(b.accent.flags) > 0
	}
	for _, a := range p.arrows {
		changes[a.accent.change] = true
		unagreed = unagreed || len(a.accent.flags) > 0
	}
	for _, c := range []string{projections.ChangeAdded, projections.ChangeRemoved, projections.ChangeChanged} {
		if changes[c] {
			items = append(items, legendItem{line: edgeClass("flow " + c), sign: changeSigns[c], word: p.word(c)})
		}
	}
	if wrong {
		items = append(items, legendItem{box: "wrong " + projections.NodeDataset, word: p.word("alarm")})
	}
	if unagreed {
		items = append(items, legendItem{line: "flow unagreed", sign: "∅", word: p.word("unagreed")})
	}
	return items
}

const (
	legendGlyph = 42.0
	legendGap   = 22.0
)

// legendRows is how many lines the legend takes.
func (w *svgWriter) legendRows(items []legendItem) int {
	rows := 1
	w.eachItem(items, func(_ legendItem, _ float64, row int) { rows = row + 1 })
	return rows
}

// eachItem places the items in rows.
func (w *svgWriter) eachItem(items []legendItem, put func(item legendItem, x float64, row int)) {
	x, row := 0.0, 0
	if slices.ContainsFunc(w.layout.lanes, func(l lane) bool { return l.closes }) {
		items = append(slices.Clone(items), legendItem{line: "cycle", sign: signOf("", false, true), word: w.picture.word("cycle")})
	}
	for _, item := range items {
		width := legendGlyph + textWidth(item.word, quietSize, false)
		if x > 0 && x+width > w.width {
			x, row = 0, row+1
		}
		put(item, x, row)
		x += width + legendGap
	}
}

// legend draws the items from a height on.
func (w *svgWriter) legend(items []legendItem, top float64) {
	w.f(`<g transform="translate(%s %s)">`+"\n", num(pageMargin), num(top))
	w.eachItem(items, func(item legendItem, x float64, row int) {
		y := lineRoom * float64(row)
		if item.box != "" {
			w.f(`<g class="box %s">`, item.box)
			w.shape(item.box[strings.LastIndexByte(item.box, ' ')+1:], x+4, y, 28, 13)
			w.s("</g>")
		} else {
			marker := ` marker-end="url(#ll-head)"`
			if item.line == "cycle" {
				marker = ` marker-end="url(#ll-cyclehead)"`
			} else if item.line == edgeAbout || item.line == edgeSame {
				marker = ""
			}
			w.f(`<g class="edge %s"><path d="M%s %sh34"%s/>`, item.line, num(x), num(y+6.5), marker)
			if item.sign != "" {
				w.sign(item.sign, point{x + 14, y + 6.5})
			}
			w.s("</g>")
		}
		w.f(`<text class="q" x="%s" y="%s">%s</text>`+"\n", num(x+legendGlyph), num(y+10.5), item.word)
	})
	w.s("</g>\n")
}
