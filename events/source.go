package events

import "slices"

var sourceTypes = []Type{
	act[SourceDesignated, Entry]("catalog.source.designated"),
	act[SourceRelieved, Entry]("catalog.source.relieved"),
}

// SourceState is a party designated as the one source of an item; of all items
// if Item is empty.
type SourceState struct {
	Item  string `json:"item,omitzero"`
	Party string `json:"party"`
}

// SourceDesignated makes a party the one source of items of an entry, which it
// then keeps complete and right for everybody.
type SourceDesignated struct {
	Entry string `json:"entry"`
	// Items are those it is the source of; none means all.
	Items []string `json:"items,omitzero"`
	Party string   `json:"party"`
	// By is the competent department.
	By    string `json:"by"`
	Basis string `json:"basis"`
}

// SourceRelieved ends a designation, item by item.
type SourceRelieved SourceDesignated

func (e *SourceDesignated) Subject() Subject { return entrySubject(e.Entry) }
func (e *SourceRelieved) Subject() Subject   { return entrySubject(e.Entry) }

func (e *SourceDesignated) names() []Name { return append(parties(e.Party, e.By), entryName(e.Entry)) }
func (e *SourceRelieved) names() []Name   { return (*SourceDesignated)(e).names() }

func (e *SourceDesignated) needs() []Subject { return partySubjects(e.Party, e.By) }
func (e *SourceRelieved) needs() []Subject   { return partySubjects(e.By) }

func (e *SourceDesignated) validate(c checker) {
	c.required("entry", e.Entry, MaxID)
	c.distinct("items", e.Items, MaxID)
	c.required("party", e.Party, MaxID)
	c.required("by", e.By, MaxID)
	c.required("basis", e.Basis, MaxName)
}

func (e *SourceRelieved) validate(c checker) { (*SourceDesignated)(e).validate(c) }

// check holds to rule I-07: an item has one source at most.
func (e *SourceDesignated) check(s States) error {
	now := stateOf[Entry](s, e.Subject())
	if now.Stage == "" {
		return illegal("entry.drafted-first", e.Subject(), now.stage(), "no such entry was drafted", "send catalog.entry.drafted with version 1")
	}
	for _, have := range now.Sources {
		if have.Item == "" || len(e.Items) == 0 || slices.Contains(e.Items, have.Item) {
			return fault("entry.one-source", "items", e.Subject(), now.stage(), have.Party+" is already the source of "+have.what(),
				"relieve it first (catalog.source.relieved)")
		}
	}
	v, _ := now.version(now.Version)
	if extra := missing(e.Items, v.Items); len(extra) > 0 {
		return fault("entry.source-items", "items", e.Subject(), now.stage(), quote(extra[0])+" is not an item of the entry", "choose among %s", list(v.Items))
	}
	if err := registered(s, "/data/party", e.Party); err != nil {
		return err
	}
	return authority(s, "by", e.By, "")
}

func (s SourceState) what() string {
	if s.Item == "" {
		return "all items"
	}
	return quote(s.Item)
}

func (e *SourceRelieved) check(s States) error {
	now := stateOf[Entry](s, e.Subject())
	for _, want := range e.states() {
		if !slices.Contains(now.Sources, want) {
			return fault("entry.source-held", "items", e.Subject(), now.stage(), quote(e.Party)+" is not designated for "+want.what(), "relieve what was designated, in the same terms")
		}
	}
	return authority(s, "by", e.By, "")
}

func (e *SourceDesignated) states() []SourceState {
	if len(e.Items) == 0 {
		return []SourceState{{"", e.Party}}
	}
	var out []SourceState
	for _, item := range e.Items {
		out = append(out, SourceState{item, e.Party})
	}
	return out
}

func (e *SourceRelieved) states() []SourceState { return (*SourceDesignated)(e).states() }

func (e *SourceDesignated) apply(s *Entry) {
	s.Sources = append(slices.Clone(s.Sources), e.states()...)
}

func (e *SourceRelieved) apply(s *Entry) {
	s.Sources = slices.DeleteFunc(slices.Clone(s.Sources), func(have SourceState) bool { return slices.Contains(e.states(), have) })
}

// missing lists what is wanted and not had.
func missing(want, have []string) []string {
	return slices.DeleteFunc(slices.Clone(want), func(w string) bool { return slices.Contains(have, w) })
}
