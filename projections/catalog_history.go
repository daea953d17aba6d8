package projections

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"

	"ledgerline/events"
)

// EntryVersion is one step in the life of an entry.
type EntryVersion struct {
	// Position, Recorded and Type are those of the event that made the step.
	Position int64       `json:"position"`
	Recorded events.Time `json:"recorded"`
	Type     string      `json:"type"`
	// Imported marks a step from before the ledger: no native evidence.
	Imported bool `json:"imported,omitempty"`
	// Changed lists what differs from the step before, field by field; nothing
	// for the first step.
	Changed []FieldChange `json:"changed"`
	Entry   Entry         `json:"entry"`
}

// FieldChange is a difference in one field. Before and After are JSON values;
// nil means absent.
type FieldChange struct {
	// Field is the path of the field, such as "sharing/attribute", or for an item
	// "items/swrq/type".
	Field  string `json:"field"`
	Before any    `json:"before,omitzero"`
	After  any    `json:"after,omitzero"`
}

// EntryDiff is what happened to one entry between two moments.
type EntryDiff struct {
	ID    string `json:"id"`
	Title string `json:"title"`
	// Change is added, changed or withdrawn.
	Change string        `json:"change"`
	Fields []FieldChange `json:"fields,omitempty"` // unless it was added
	Entry  Entry         `json:"entry"`            // as of the later moment; of one no longer in force, as of the earlier
}

// The kinds of EntryDiff.Change.
const (
	ChangeAdded     = "added"
	ChangeChanged   = "changed"
	ChangeWithdrawn = "withdrawn"
)

// CatalogDiff is one part of the difference between two moments, ordered by id.
type CatalogDiff struct {
	From int64 `json:"from"` // position of the earlier view
	To   int64 `json:"to"`
	// ValidFrom and ValidAt are the dates of which what was in force is compared; 0 if
	// the latest versions known are.
	ValidFrom events.Time `json:"valid_from,omitzero"`
	ValidAt   events.Time `json:"valid_at,omitzero"`
	Entries   []EntryDiff `json:"entries"`
	Next      string      `json:"next,omitempty"`
}

// EntryHistory returns every step of an entry known as of the view, oldest
// first; nil if the entry is not known.
func (w *View) EntryHistory(ctx context.Context, id string) (steps []EntryVersion, err error) {
	err = w.read(func(r *reader) error {
		if seen, err := r.seesNode(vertex{Kind: NodeEntry, Name: id}); err != nil || !seen {
			return err
		}
		return r.history(stepKey(id), r.at, func(row row) (bool, error) {
			if err := ctx.Err(); err != nil {
				return false, err
			}
			var s entryStep
			if err := row.decode(&s); err != nil {
				return false, err
			}
			e, err := r.entryOf(id, s, s.Version, row.position)
			if err != nil {
				return false, err
			}
			imported, err := r.imported(row.position)
			steps = append(steps, EntryVersion{Position: row.position, Recorded: s.Recorded, Type: s.Type, Imported: imported, Changed: []FieldChange{}, Entry: e})
			return true, err
		})
	})
	if err != nil {
		return nil, err
	}
	slices.Reverse(steps)
	for i := 1; i < len(steps); i++ {
		if steps[i].Changed, err = changes(steps[i-1].Entry, steps[i].Entry); err != nil {
			return nil, err
		}
	}
	return steps, nil
}

// CatalogDiff says what differs between the earlier view and w. Without dates it
// compares the latest versions known; else those in force at validFrom as the earlier
// view knows them with those in force at validAt as w does. A validFrom of 0 is
// validAt. So two dates can be compared by what is known at one moment, and one date by
// what was known at two.
func (w *View) CatalogDiff(ctx context.Context, from *View, validFrom, validAt events.Time, p Page) (CatalogDiff, error) {
	if from.at > w.at {
		return CatalogDiff{}, fmt.Errorf("a difference needs the earlier position first: %d is after %d", from.at, w.at)
	}
	if validFrom != 0 && validAt == 0 {
		return CatalogDiff{}, &QueryError{"valid_at", "valid_from compares two dates: give the later one as valid_at"}
	}
	if validFrom == 0 {
		validFrom = validAt
	}
	diff := CatalogDiff{From: from.at, To: w.at, ValidFrom: validFrom, ValidAt: validAt, Entries: []EntryDiff{}}
	var err error
	diff.Next, err = w.pageOfEntities(ctx, entityKey(tEntry), p, func(r *reader, id string, row row) (bool, error) {
		if row.position <= from.at && validFrom == validAt {
			return false, nil // no event since
		}
		d := EntryDiff{ID: id}
		after, is, err := r.entry(id, validAt)
		if err != nil {
			return false, err
		}
		before, was, err := from.whole().Entry(ctx, id, validFrom)
		if err != nil || !was && !is {
			return false, err
		}
		provider := after.Provider
		if !is {
			provider = before.Provider
		}
		if ok, err := r.shows(provider); err != nil || !ok {
			return false, err
		}
		switch d.Entry = after; {
		case !was:
			d.Change = ChangeAdded
		case !is:
			d.Change, d.Entry = ChangeWithdrawn, before
		case validAt == 0 && after.Stage == events.StageWithdrawn && before.Stage != events.StageWithdrawn:
			d.Change = ChangeWithdrawn
		default:
			d.Change = ChangeChanged
		}
		if was && is {
			if d.Fields, err = changes(before, after); err != nil {
				return false, err
			}
			if validAt != 0 { // how long a version holds follows from the others
				d.Fields = slices.DeleteFunc(d.Fields, func(c FieldChange) bool { return c.Field == "valid_to" })
				if len(d.Fields) == 0 {
					return false, nil
				}
			}
		}
		d.Title = d.Entry.Title
		diff.Entries = append(diff.Entries, d)
		return true, nil
	})
	return diff, err
}

// changes compares two entries field by field, leaving out what every step
// changes.
func changes(before, after Entry) ([]FieldChange, error) {
	trees := make([]map[string]any, 2)
	for i, e := range []Entry{before, after} {
		e.Position, e.Recorded, e.ProviderName = 0, 0, ""
		e.Attached, e.Marks = nil, nil // of the view's position, not of the step
		b, err := json.Marshal(e)
		if err != nil {
			return nil, fmt.Errorf("entry %s as JSON: %w", e.ID, err)
		}
		if err := json.Unmarshal(b, &trees[i]); err != nil {
			return nil, fmt.Errorf("entry %s from JSON: %w", e.ID, err)
		}
	}
	out := []FieldChange{}
	compare("", trees[0], trees[1], &out)
	slices.SortFunc(out, func(a, b FieldChange) int { return cmp.Compare(a.Field, b.Field) })
	return out, nil
}

// compare descends into objects, and into lists whose elements have ids, and
// notes the values that differ.
func compare(path string, before, after any, out *[]FieldChange) {
	b, isObject := fields(before)
	a, stillObject := fields(after)
	if !isObject || !stillObject {
		if !reflect.DeepEqual(before, after) {
			*out = append(*out, FieldChange{path, before, after})
		}
		return
	}
	if path != "" {
		path += "/"
	}
	for name, v := range b {
		compare(path+name, v, a[name], out)
	}
	for name, v := range a {
		if _, ok := b[name]; !ok {
			compare(path+name, nil, v, out)
		}
	}
}

// fields reads a JSON value as named parts: an object's members, or a list's
// elements by their id.
func fields(v any) (map[string]any, bool) {
	if m, ok := v.(map[string]any); ok {
		return m, true
	}
	list, ok := v.([]any)
	if !ok || len(list) == 0 {
		return nil, false
	}
	m := make(map[string]any, len(list))
	for _, el := range list {
		object, ok := el.(map[string]any)
		if !ok {
			return nil, false
		}
		id, ok := object["id"].(string)
		if !ok {
			namespace, _ := object["namespace"].(string)
			name, _ := object["name"].(string)
			if id = namespace + "/" + name; id == "/" {
				return nil, false
			}
		}
		m[id] = object
	}
	return m, true
}
