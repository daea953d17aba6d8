package projections

import (
	"context"
	"slices"

	"ledgerline/events"
	"ledgerline/ledger"
)

// Mark says that data is disputed: whoever uses it should know.
type Mark struct {
	Issue string `json:"issue"`
	By    string `json:"by"`
	Entry string `json:"entry"`
	// Items are the columns disputed; none means the entry.
	Items []string `json:"items,omitempty"`
	Scope string   `json:"scope,omitempty"`
	// VisibleTo are the parties that it is for; none means everybody.
	VisibleTo []string    `json:"visible_to,omitempty"`
	Since     events.Time `json:"since"`
	Position  int64       `json:"position"`
	// Imported marks what is known from before the ledger: no native evidence.
	Imported bool `json:"imported,omitempty"`
}

func (m *Mark) code(c *coder) {
	c.texts(&m.Issue, &m.By, &m.Entry)
	textList(c, &m.Items)
	c.text(&m.Scope)
	textList(c, &m.VisibleTo)
	integer(c, &m.Since)
	integer(c, &m.Position)
	c.bool(&m.Imported)
}

// markKey holds a row per entry and issue.
func markKey(entry, issue string) []byte { return entityKey(tMark, entry, issue) }

// mark keeps a mark under its entry. A later mark of the same issue on the entry
// takes its place.
func mark(b *batch, e *ledger.Entry, d *events.QualityIssueMarked) error {
	b.put(markKey(d.Entry, d.Issue), &Mark{
		Issue: d.Issue, By: d.By, Entry: d.Entry, Items: d.Items, Scope: d.Scope, VisibleTo: d.VisibleTo, Since: effective(e), Position: e.Position, Imported: e.Event.Imported,
	})
	entries, err := recall[textsRow](b, entityKey(tMark, "", d.Issue))
	if err != nil {
		return err
	}
	if entries == nil {
		entries = new(textsRow)
	}
	if slices.Contains(*entries, d.Entry) {
		return nil
	}
	all := append(slices.Clone(*entries), d.Entry)
	b.put(entityKey(tMark, "", d.Issue), &all)
	return nil
}

// unmark takes all marks of an issue away. Under no entry at all, a row says which
// entries an issue marks.
func unmark(b *batch, issue string) error {
	entries, err := recall[textsRow](b, entityKey(tMark, "", issue))
	if err != nil || entries == nil {
		return err
	}
	for _, entry := range *entries {
		b.remove(markKey(entry, issue))
	}
	b.remove(entityKey(tMark, "", issue))
	return nil
}

// marks reads the marks on an entry as of the reader's position.
func (r *reader) marks(entry string) (out []Mark, err error) {
	err = r.each(context.Background(), entityKey(tMark, entry), nil, func(row row) (bool, error) {
		var m Mark
		err := row.decode(&m)
		out = append(out, m)
		return true, err
	})
	return out, err
}
