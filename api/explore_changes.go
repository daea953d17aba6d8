package api

import (
	"slices"
	"strings"

	"ledgerline/projections"
)

// What of a node or an edge differs between two moments, in words.

// nodeChanges says what of a node changed; nothing for one that came or went.
func (p page) nodeChanges(before, after *projections.Node) (how []string) {
	if before == nil || after == nil {
		return nil
	}
	how = append(how, either(before.Dropped, after.Dropped, p.texts("change-dropped"), p.texts("change-back"))...)
	how = append(how, either(before.Removed, after.Removed, p.texts("change-column-gone"), p.texts("change-column-back"))...)
	if after.Title != before.Title {
		how = append(how, p.texts("title")+": "+fromTo(before.Title, after.Title))
	}
	if after.State != before.State {
		how = append(how, p.texts("state")+": "+fromTo(before.State, after.State))
	}
	if text := differing(before.Entries, after.Entries); text != "" {
		how = append(how, p.texts("entries")+": "+text)
	}
	if text := differing(fieldNames(before), fieldNames(after)); text != "" {
		how = append(how, p.texts("change-columns")+": "+text)
	}
	return how
}

// edgeChanges says what of an edge changed; nothing for one that came or went.
func (p page) edgeChanges(before, after *projections.Edge) (how []string) {
	if before == nil || after == nil {
		return nil
	}
	how = append(how, either(before.Declared, after.Declared, p.texts("change-declared"), p.texts("change-undeclared"))...)
	how = append(how, either(before.Masking, after.Masking, p.texts("change-masked"), p.texts("change-unmasked"))...)
	if text := differing(before.Transformations, after.Transformations); text != "" {
		how = append(how, p.texts("change-transforms")+": "+text)
	}
	return how
}

// either is what is said where something became so, or ceased to be.
func either(before, after bool, became, ceased string) []string {
	switch {
	case after && !before:
		return []string{became}
	case before && !after:
		return []string{ceased}
	}
	return nil
}

// fieldNames are the columns of a node, each with its type.
func fieldNames(n *projections.Node) (names []string) {
	for _, f := range n.Fields {
		names = append(names, strings.TrimSpace(f.Name+" "+f.Type))
	}
	return names
}

// differing lists what came and what went.
func differing(before, after []string) string {
	var parts []string
	for _, name := range after {
		if !slices.Contains(before, name) {
			parts = append(parts, "+ "+name)
		}
	}
	for _, name := range before {
		if !slices.Contains(after, name) {
			parts = append(parts, "− "+name)
		}
	}
	return strings.Join(parts, ", ")
}

func fromTo(before, after string) string {
	if before == "" {
		before = "–"
	}
	if after == "" {
		after = "–"
	}
	return before + " → " + after
}
