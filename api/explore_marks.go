package api

import (
	"fmt"
	"slices"
	"strings"

	"ledgerline/projections"
)

// What the picture of the lineage page says beside the graph: what is wrong at a
// box, what changed, and which ways are lit.

// flaggedCalls bounds how many calls that broke a rule are counted for a box.
const flaggedCalls = 100

// openIssues bounds how many open issues are looked at.
const openIssues = projections.MaxLimit

// entryFlags looks up what is wrong with catalog entries, by id.
func (c *question) entryFlags(p *page, entries []string) (map[string][]string, error) {
	flags := make(map[string][]string)
	issues, err := c.view.Findings(c.ctx, projections.FindingQuery{Open: true, Page: projections.Page{Limit: openIssues}})
	if err != nil {
		return nil, err
	}
	open := make(map[string]int)
	for _, f := range issues.Findings {
		open[f.Entry]++
	}
	for _, id := range entries {
		if n := open[id]; n > 0 {
			flags[id] = append(flags[id], fmt.Sprintf(p.texts("flag-issues"), n))
		}
		calls, err := c.view.Accesses(c.ctx, projections.AccessQuery{Entry: id, FlaggedOnly: true, Page: projections.Page{Limit: flaggedCalls}})
		if err != nil {
			return nil, err
		}
		if n := len(calls.Accesses); n > 0 {
			more := ""
			if calls.Next != "" {
				more = "+"
			}
			flags[id] = append(flags[id], fmt.Sprintf(p.texts("flag-calls"), n, more))
		}
	}
	return flags, nil
}

// unagreed finds the reads of a picture that no agreement covers: a job reads a
// dataset that one party provides, and makes of it one that another provides, to
// which no agreement known by then gives the first, and whose catalog entry does not
// say that it is derived from it. It returns the edges' keys with what is missing.
func (c *question) unagreed(p *page, g projections.Graph) (map[string]string, error) {
	entries := make(map[string]projections.Entry)
	described := make(map[string][]string)
	for _, n := range g.Nodes {
		for _, id := range n.Entries {
			described[n.ID] = append(described[n.ID], id)
			if _, known := entries[id]; known {
				continue
			}
			e, ok, err := c.view.Entry(c.ctx, id, 0)
			if err != nil {
				return nil, err
			}
			if ok {
				entries[id] = e
			}
		}
	}
	makes := make(map[string][]string) // what jobs make, by job
	for _, e := range g.Edges {
		if e.Kind == projections.EdgeWrites {
			makes[e.From] = append(makes[e.From], described[e.To]...)
		}
	}
	agreed := make(map[string]bool) // "entry party"
	missing := make(map[string]string)
	for _, e := range g.Edges {
		if e.Kind != projections.EdgeReads {
			continue
		}
		for _, from := range described[e.From] {
			for _, to := range makes[e.To] {
				source, made := entries[from], entries[to]
				if source.Provider == made.Provider || slices.Contains(made.DerivedFrom, from) {
					continue
				}
				key := from + " " + made.Provider
				ok, known := agreed[key]
				if !known {
					list, err := c.view.Agreements(c.ctx, projections.AgreementQuery{Entry: from, Consumer: made.Provider, Page: projections.Page{Limit: 1}})
					if err != nil {
						return nil, err
					}
					ok = len(list.Agreements) > 0
					agreed[key] = ok
				}
				if !ok {
					missing[edgeKey(e)] = fmt.Sprintf(p.texts("flag-unagreed"), from, made.Provider)
				}
			}
		}
	}
	return missing, nil
}

// light finds what is lit in a picture: all boxes upstream or downstream of one,
// or all ways from one to another, in either direction.
func (p *picture) light(mark string, from, to *pictureBox) (boxes map[*pictureBox]bool, arrows map[int]bool) {
	if from == nil || mark == "" || mark == "path" && to == nil {
		return nil, nil
	}
	down, up := p.reach(from, false), p.reach(from, true)
	switch mark {
	case "up":
		boxes = up
	case "down":
		boxes = down
	default:
		boxes = common(down, p.reach(to, true))
		if len(boxes) == 0 {
			boxes = common(up, p.reach(to, false))
		}
		if len(boxes) == 0 { // nothing would be left to see
			return nil, nil
		}
	}
	arrows = make(map[int]bool)
	for i, a := range p.arrows {
		if boxes[p.boxes[a.from.box]] && boxes[p.boxes[a.to.box]] {
			arrows[i] = true
		}
	}
	return boxes, arrows
}

// reach follows the arrows from a box, or against them.
func (p *picture) reach(from *pictureBox, up bool) map[*pictureBox]bool {
	next := make(map[*pictureBox][]*pictureBox)
	for _, a := range p.arrows {
		x, y := p.boxes[a.from.box], p.boxes[a.to.box]
		if up {
			x, y = y, x
		}
		next[x] = append(next[x], y)
	}
	reached := map[*pictureBox]bool{from: true}
	for todo := []*pictureBox{from}; len(todo) > 0; todo = todo[1:] {
		for _, b := range next[todo[0]] {
			if !reached[b] {
				reached[b] = true
				todo = append(todo, b)
			}
		}
	}
	return reached
}

func common(a, b map[*pictureBox]bool) map[*pictureBox]bool {
	out := make(map[*pictureBox]bool)
	for box := range a {
		if b[box] {
			out[box] = true
		}
	}
	return out
}

// matches tells whether a box has all the words in its texts.
func (b *pictureBox) matches(words string) bool {
	text := b.id
	for _, e := range b.entries {
		text += " " + e.id + " " + e.title
	}
	for _, r := range b.rows {
		text += " " + r.node.Field
	}
	text = strings.ToLower(text + " " + b.node.Title)
	for _, w := range strings.Fields(strings.ToLower(words)) {
		if !strings.Contains(text, w) {
			return false
		}
	}
	return true
}
