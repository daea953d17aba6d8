package api

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"ledgerline/projections"
)

// svgStyle is the style sheet inside every picture. Kinds of boxes differ by
// shape and kinds of lines by dashes and signs, so that colour only helps. Text
// has a contrast of 4.5:1 or better, in both themes.
const svgStyle = `svg{color-scheme:light dark}
text{font-family:"Segoe UI","Noto Sans","Noto Sans CJK SC","PingFang SC","Microsoft YaHei","Hiragino Sans GB","WenQuanYi Micro Hei",system-ui,sans-serif;font-size:11px;fill:#1a1d21}
.ground{fill:#fdfdfb}.t{font-size:16px;font-weight:650}.n{font-size:12.5px;font-weight:600}.q{fill:#565c64}.w{fill:#8c3a00;font-weight:600}.s{font-size:12px}
.box>.shape{stroke-width:1.2}.dataset>.shape{fill:#eef4fb;stroke:#33658f}.job>.shape{fill:#f8f1e0;stroke:#8a6414}.run>.shape{fill:#eaf4e6;stroke:#44722e}.entry>.shape{fill:#f5edf9;stroke:#7a4a93}
.focus>.shape{stroke-width:3}.rule{stroke:#33658f;stroke-opacity:.35}.this{font-weight:700;text-decoration:underline}
.icon{fill:none;stroke:#33658f;stroke-width:1.3}.job .icon{stroke:#8a6414}.run .icon{stroke:#44722e}.entry .icon{stroke:#7a4a93}
.edge path{fill:none;stroke:#66717c;stroke-width:1.4}.head{fill:#66717c}.declared path{stroke-dasharray:7 4}.indirect path{stroke-dasharray:1.5 3.5;stroke-linecap:round}.about path,.ran path{stroke-dasharray:3 3;stroke-width:1.1}
.control path{stroke-dasharray:11 3 3 3}.dropped>.shape{stroke-dasharray:5 3}.mixes>.shape{stroke-dasharray:9 3}.gone{text-decoration:line-through}
.same path{stroke-width:3.4;stroke-opacity:.55}.cycle path{stroke:#a3161c;stroke-dasharray:9 3 2 3}.cyclehead{fill:#a3161c}.edge:hover path{stroke-width:3.2;stroke-opacity:1}
.edge .near{stroke:#66717c;stroke-opacity:0;stroke-width:14;pointer-events:stroke}.alarm{fill:#a3161c;font-weight:600}.wrong>.shape{stroke:#a3161c;stroke-width:2.2}.unagreed path{stroke:#a3161c;stroke-width:2.2}
.added>.shape{stroke:#1d6b34;stroke-width:2.6}.removed>.shape{stroke:#a3161c;stroke-width:2.6;stroke-dasharray:6 4}.changed>.shape{stroke:#8c3a00;stroke-width:2.6}
.edge.added path{stroke:#1d6b34;stroke-width:2.4}.edge.removed path{stroke:#a3161c;stroke-width:2.4;stroke-dasharray:6 4}.edge.changed path{stroke:#8c3a00;stroke-width:2.4}
.dim{opacity:.22}.edge.lit path{stroke:#0b57a4;stroke-width:2.8}.lit>.shape{stroke:#0b57a4;stroke-width:2.2}.hit>.shape{stroke:#0b57a4;stroke-width:3.4}.chosen>.shape{stroke-width:3.4}.edge.chosen path{stroke-width:3.4}
.sign circle,.sign rect{fill:#fdfdfb;stroke:#66717c}.sign text{text-anchor:middle}.cycle .sign circle{stroke:#a3161c}.cycle .sign text{fill:#a3161c}
@media (prefers-color-scheme:dark){text{fill:#e8eaec}.ground{fill:#14171a}.q{fill:#a7aeb6}.w{fill:#f5b26b}
.dataset>.shape{fill:#18293b;stroke:#7fb2e0}.job>.shape{fill:#322910;stroke:#d9b25f}.run>.shape{fill:#1b2d18;stroke:#93c77c}.entry>.shape{fill:#2e2137;stroke:#c79be0}
.rule{stroke:#7fb2e0}.icon{stroke:#7fb2e0}.job .icon{stroke:#d9b25f}.run .icon{stroke:#93c77c}.entry .icon{stroke:#c79be0}
.edge path{stroke:#98a3ad}.head{fill:#98a3ad}.alarm{fill:#ff9a94}.wrong>.shape{stroke:#ff9a94}.unagreed path{stroke:#ff9a94}
.added>.shape,.edge.added path{stroke:#8ad39d}.removed>.shape,.edge.removed path{stroke:#ff9a94}.changed>.shape,.edge.changed path{stroke:#f5b26b}
.edge.lit path,.lit>.shape,.hit>.shape{stroke:#86bdf5}
.cycle path{stroke:#ff9a94}.cyclehead{fill:#ff9a94}
.sign circle,.sign rect{fill:#14171a;stroke:#98a3ad}.cycle .sign circle{stroke:#ff9a94}.cycle .sign text{fill:#ff9a94}}`

// svgPolicy is the Content-Security-Policy of a picture that is opened by itself.
// It allows the one style sheet above, known by its hash, and nothing else: were
// a name of the data ever to break out of its text, neither a script nor a style
// nor a request of its making would be let through. (In an <img> browsers run no
// script and load nothing anyway.)
var svgPolicy = func() string {
	sum := sha256.Sum256([]byte(svgStyle))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
}()

// Measures of the page around the layout.
const (
	pageMargin = 24.0
	titleRoom  = 30.0
	lineRoom   = 18.0
	leastPage  = 560.0
)

// svg draws a picture, as an SVG 1.1 document that stands by itself.
func (p *picture) svg(st Standing) []byte {
	l := p.arrangement.solve(layoutWork)
	w := svgWriter{picture: p, layout: l, width: max(l.w, leastPage)}
	header := append([]string{p.summary(st)}, p.notices(st)...)
	top := pageMargin + titleRoom + lineRoom*float64(w.countLines(header)) + 14
	legend := p.legend()
	rows := w.legendRows(legend)
	height := top + l.h + 26 + lineRoom*float64(rows) + pageMargin
	w.open(st, w.width+2*pageMargin, height)
	w.f(`<text class="t" x="%s" y="%s">`, num(pageMargin), num(pageMargin+14))
	w.escaped(fitText(plainText(p.phrase("title", p.name())), w.width, 16, true))
	w.s("</text>\n")
	w.header(header)
	w.f(`<g transform="translate(%s %s)">`+"\n", num(pageMargin), num(top))
	w.parts()
	w.s("</g>\n")
	w.legend(legend, top+l.h+26)
	w.s("</svg>\n")
	return w.Bytes()
}

// canvas draws a picture for a page that has the style sheet and says around it
// what it shows. The legend is a picture of its own.
func (p *picture) canvas() (graph, legend []byte) {
	l := p.arrangement.solve(layoutWork)
	w := svgWriter{picture: p, layout: l, width: l.w}
	w.f(`<svg class="graph" xmlns="http://www.w3.org/2000/svg" width="%s" height="%s" viewBox="-12 -12 %[1]s %[2]s" role="group"`, num(l.w+24), num(l.h+24))
	w.attribute("aria-label", p.phrase("title", p.name()))
	w.f(` data-shown="%d" data-total="%d">`+"\n", len(p.boxes), p.total)
	w.s(svgDefs)
	w.parts()
	w.s("</svg>\n")
	k := svgWriter{picture: p, layout: l, width: 1100}
	items := p.legend()
	height := lineRoom * float64(k.legendRows(items))
	k.f(`<svg class="legend" xmlns="http://www.w3.org/2000/svg" width="%s" height="%s" viewBox="0 0 %[1]s %[2]s" role="img"`, num(k.width+2*pageMargin), num(height+4))
	k.attribute("aria-label", p.word("legend"))
	k.s(">\n")
	k.legend(items, 2)
	k.s("</svg>\n")
	return w.Bytes(), k.Bytes()
}

// parts draws the lines and the boxes.
func (w *svgWriter) parts() {
	for i, a := range w.picture.arrows {
		w.edge(a, w.layout.lanes[i])
	}
	for i, b := range w.picture.boxes {
		w.box(b, w.layout.boxes[i])
	}
}

// An svgWriter writes elements. Text of the data goes through escaped or
// attribute and through nothing else.
type svgWriter struct {
	bytes.Buffer
	picture *picture
	layout  layout
	width   float64 // of what is inside the margins
}

func (w *svgWriter) s(s string) { w.WriteString(s) }

// f writes markup; its arguments are numbers and our own words.
func (w *svgWriter) f(format string, a ...any) { fmt.Fprintf(&w.Buffer, format, a...) }

var svgEscaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "'", "&#39;")

// escaped writes any text whatever as the content of an element.
func (w *svgWriter) escaped(s string) { w.s(svgEscaper.Replace(plainText(s))) }

// attribute writes an attribute with any value whatever.
func (w *svgWriter) attribute(name, value string) {
	w.f(` %s="`, name)
	w.escaped(value)
	w.s(`"`)
}

func (w *svgWriter) title(s string) {
	w.s("<title>")
	w.escaped(s)
	w.s("</title>")
}

// num writes a length to a tenth of a pixel.
func num(v float64) string {
	return strings.TrimSuffix(strconv.FormatFloat(v+0, 'f', 1, 64), ".0")
}

// svgID is a stable id: the same thing has it in every picture.
func svgID(parts ...string) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q", parts))
	return "ll-" + hex.EncodeToString(sum[:8])
}

func (w *svgWriter) open(st Standing, width, height float64) {
	p := w.picture
	w.f(`<svg xmlns="http://www.w3.org/2000/svg" width="%s" height="%s" viewBox="0 0 %[1]s %[2]s" role="img" lang="%s"`, num(width), num(height), languages[p.language])
	name, summary := p.phrase("title", p.name()), p.summary(st)
	w.attribute("aria-label", name+": "+summary)
	w.s(` aria-describedby="ll-about"`)
	w.attribute("data-node", p.graph.Node)
	w.f(` data-position="%d" data-checkpoint-size="%d" data-complete="%t" data-shown="%d" data-total="%d" data-crossings="%d">`+"\n",
		st.Position, st.CheckpointSize, st.Complete, len(p.boxes), p.total, w.layout.crossings)
	w.title(name)
	w.s(`<desc id="ll-about">`)
	w.escaped(strings.Join(append([]string{summary + ".", p.word("reading")}, p.notices(st)...), " "))
	w.s("</desc>\n<style>" + svgStyle + "</style>\n" + svgDefs + `<rect class="ground" width="100%" height="100%"/>` + "\n")
}

// svgDefs are the arrowheads and the icons of the kinds of boxes.
const svgDefs = `<defs>
<marker id="ll-head" viewBox="0 0 8 8" refX="7.5" refY="4" markerWidth="8" markerHeight="8" markerUnits="userSpaceOnUse" orient="auto"><path class="head" d="M0 0.6 8 4 0 7.4z"/></marker>
<marker id="ll-cyclehead" viewBox="0 0 8 8" refX="7.5" refY="4" markerWidth="9" markerHeight="9" markerUnits="userSpaceOnUse" orient="auto"><path class="cyclehead" d="M0 0.6 8 4 0 7.4z"/></marker>
<path id="ll-dataset" d="M1 3.2a5.5 2.2 0 0 1 11 0v7a5.5 2.2 0 0 1-11 0zM1 3.2a5.5 2.2 0 0 0 11 0M1 6.7a5.5 2.2 0 0 0 11 0"/>
<path id="ll-job" d="M2 1.2 7.2 6.5 2 11.8M7 1.2 12.2 6.5 7 11.8"/>
<path id="ll-run" d="M2.5 1.2 11.5 6.5 2.5 11.8z"/>
<path id="ll-entry" d="M2 1h6.5l3 3v8.2h-9.5zM4.2 5.8h5M4.2 8.6h5"/>
</defs>
`

// shape is the outline of a kind of box.
func (w *svgWriter) shape(kind string, x, y, width, height float64) {
	switch kind {
	case projections.NodeJob: // a hexagon
		const cut = 9.0
		w.f(`<path class="shape" d="M%s %sh%sl%s %sl-%[4]s %[5]sh-%[3]sl-%[4]s -%[5]sz"/>`, num(x+cut), num(y), num(width-2*cut), num(cut), num(height/2))
	case projections.NodeRun: // round ends
		w.f(`<rect class="shape" x="%s" y="%s" width="%s" height="%s" rx="%s"/>`, num(x), num(y), num(width), num(height), num(min(22, height/2)))
	case projections.NodeEntry: // a sheet with a folded corner
		const fold = 12.0
		w.f(`<path class="shape" d="M%s %sh%sl%s %[4]sv%[5]sh-%[6]sz"/>`, num(x), num(y), num(width-fold), num(fold), num(height-fold), num(width))
	default:
		w.f(`<rect class="shape" x="%s" y="%s" width="%s" height="%s" rx="3"/>`, num(x), num(y), num(width), num(height))
	}
}

// box draws a box with its text.
func (w *svgWriter) box(b *pictureBox, at point) {
	p, n := w.picture, b.node
	class := "box " + n.Kind
	if b.focus {
		class += " focus"
	}
	if n.Dropped {
		class += " dropped"
	}
	if n.MixesRuns {
		class += " mixes"
	}
	if len(b.accent.flags) > 0 {
		class += " wrong"
	}
	w.link(b.accent)
	w.f(`<g id="%s" class="%s%s"`, svgID(b.identity), class, b.accent.classes())
	w.attribute("data-node", b.id)
	w.f(` data-first="%d" data-depth="%d">`, n.First, b.depth)
	about := []string{b.id}
	for _, e := range b.entries {
		about = append(about, e.id+" "+e.title)
	}
	if n.Title != "" {
		about = append(about, n.Title)
	}
	if n.State != "" {
		about = append(about, n.State)
	}
	about = append(about, p.phrase("first", n.First))
	if n.MixesRuns {
		about = append(about, p.word("mixes-means"))
	}
	w.title(strings.Join(about, " · "))
	w.shape(n.Kind, at.x, at.y, b.w, b.h)
	w.f(`<use class="icon" href="#ll-%s" x="%s" y="%s"/>`, n.Kind, num(at.x+b.pad()-2), num(at.y+headTop+1.5))
	y := at.y + headTop + 12
	for i, line := range b.lines {
		w.f(`<text class="%s" x="%s" y="%s">`, line.class, num(at.x+b.pad()+iconFor(i)), num(y))
		w.escaped(line.text)
		w.s("</text>")
		y += nextLine
	}
	w.rows(b, at)
	w.s("</g>")
	w.unlink(b.accent)
}

// classes are those of the style sheet for an accent.
func (l accent) classes() (class string) {
	for _, c := range []struct {
		name string
		so   bool
	}{{l.change, l.change != ""}, {"chosen", l.selected}, {"lit", l.lit}, {"dim", l.dim}, {"hit", l.hit}} {
		if c.so {
			class += " " + c.name
		}
	}
	return class
}

// link makes a link of what follows, until unlink.
func (w *svgWriter) link(l accent) {
	if l.href != "" {
		w.s("<a")
		w.attribute("href", l.href)
		w.s(">")
	}
}

func (w *svgWriter) unlink(l accent) {
	if l.href != "" {
		w.s("</a>")
	}
	w.s("\n")
}

// label names a box to those who do not see it.
func (b *pictureBox) label() string {
	label := b.id
	if b.node.Title != "" {
		label = b.node.Title + " · " + label
	}
	for _, e := range b.entries {
		label = e.title + " · " + label
	}
	for _, f := range b.accent.flags {
		label += " · " + f
	}
	return label
}

// rows draws the columns of a dataset.
func (w *svgWriter) rows(b *pictureBox, at point) {
	texts := w.picture.rowTexts(b)
	if len(texts) == 0 {
		return
	}
	y := at.y + b.rowTop()
	w.f(`<path class="rule" d="M%s %sh%s"/>`, num(at.x), num(y-1), num(b.w))
	for i, text := range texts {
		baseline := y + rowHeight*(float64(i)+0.5) + 4
		if i >= len(b.rows)-b.hidden { // how many are not listed
			w.f(`<text class="q" x="%s" y="%s">%s</text>`, num(at.x+boxPad), num(baseline), text)
			continue
		}
		row := b.rows[i]
		w.f(`<g id="%s" class="column"`, svgID(b.identity, row.node.Field))
		w.attribute("data-node", row.node.ID)
		w.f(` data-first="%d">`, row.node.First)
		w.title(row.node.ID + " · " + w.picture.phrase("first", row.node.First))
		class := ""
		switch {
		case row.focus:
			class = ` class="this"`
		case row.node.Removed:
			class = ` class="gone"`
		}
		w.f(`<text%s x="%s" y="%s">`, class, num(at.x+boxPad), num(baseline))
		w.escaped(fitText(text, b.w-2*boxPad, quietSize, row.focus))
		w.s("</text></g>")
	}
}
