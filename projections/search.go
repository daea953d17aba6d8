package projections

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"ledgerline/events"
)

// searchIndex is what a store's catalog entries say, in memory, for search: every
// text that an entry ever had, the characters and pairs of characters in it, and
// at which positions which text and stage were the entry's. So any past moment is
// searched like the present one. Chinese is not cut into words: a pair of
// characters is looked up wherever it stands, in any language.
//
// It is made from the rows in the background (search_make.go), and then follows them
// (search_follow.go). It holds about 1.5 KiB for each version of an entry.
type searchIndex struct {
	mu sync.RWMutex
	searched
	found  atomic.Pointer[foundList]
	making searchMaking
}

// searched is what an index holds.
type searched struct {
	next    int64 // the first position not looked at yet
	byID    map[string]int32
	entries []searchedEntry
	sorted  []int32 // entries in the order of their ids
	texts   []searchedText
	grams   map[gram][]int32 // the texts that hold it, ascending
	values  []string         // of facets
	codes   map[string]int32 // places in values
}

func newSearched() searched {
	return searched{byID: make(map[string]int32), grams: make(map[gram][]int32), codes: make(map[string]int32)}
}

// A gram is a character, or two that stand together.
type gram [2]rune

type searchedEntry struct {
	id    string
	steps []searchedStep
}

// searchedStep is where an entry stood from a position on.
type searchedStep struct {
	position              int64
	text, stage, imported int32
}

type searchedText struct {
	entry int32
	text  string
	// facets are provider, sharing, region, grade and update frequency, as codes.
	facets [5]int32
}

// Facets count the entries that match, by what they are.
type Facets struct {
	Provider        map[string]int `json:"provider"`
	Sharing         map[string]int `json:"sharing"`
	Region          map[string]int `json:"region"`
	Grade           map[string]int `json:"grade"`
	UpdateFrequency map[string]int `json:"update_frequency"`
	Stage           map[string]int `json:"stage"`
	// Imported counts by true: from before the ledger, and so no native evidence, and
	// false.
	Imported map[string]int `json:"imported"`
}

func newFacets() *Facets {
	return &Facets{map[string]int{}, map[string]int{}, map[string]int{}, map[string]int{}, map[string]int{}, map[string]int{}, map[string]int{}}
}

func (f *Facets) add(e *Entry) {
	f.Provider[e.Provider]++
	f.Sharing[e.Sharing.Attribute]++
	if e.Region != "" {
		f.Region[e.Region]++
	}
	f.Grade[e.Grade]++
	f.UpdateFrequency[e.UpdateFrequency]++
	f.Stage[e.Stage]++
	f.Imported[strconv.FormatBool(e.Imported)]++
}

// stepTypes is how the types of the events begin that move an entry, sourceTypes of those
// that say of one that is known who keeps it.
const (
	stepTypes   = "catalog.entry."
	sourceTypes = "catalog.source."
)

// stepLists are the posting lists of the events that move an entry.
var stepLists = func() (lists [][]byte) {
	for _, t := range events.Types() {
		if strings.HasPrefix(t.Name, stepTypes) || strings.HasPrefix(t.Name, sourceTypes) {
			lists = append(lists, eventBy(name{kind: events.NameType, first: t.Name}))
		}
	}
	return lists
}()

// add reads one event of an entry.
func (x *searched) add(r *reader, position int64) error {
	e, ok, err := r.event(position)
	if err != nil || !ok {
		return err
	}
	id := e.Subject.ID
	row, ok, err := r.getAt(stepKey(id), position)
	if err != nil || !ok || row.position != position {
		return err
	}
	var s entryStep
	if err := row.decode(&s); err != nil {
		return err
	}
	n, known := x.byID[id]
	if !known && !strings.HasPrefix(s.Type, stepTypes) {
		return nil
	}
	step := searchedStep{position: position, stage: x.code(s.Stage), imported: x.code(strconv.FormatBool(s.Imported))}
	if known {
		steps := x.entries[n].steps
		step.text = steps[len(steps)-1].text
	} else {
		n = int32(len(x.entries))
		x.byID[id], x.entries = n, append(x.entries, searchedEntry{id: id})
		i, _ := slices.BinarySearchFunc(x.sorted, id, func(e int32, id string) int { return strings.Compare(x.entries[e].id, id) })
		x.sorted = slices.Insert(x.sorted, i, n)
	}
	if !known || s.Type == typeRevised {
		row, ok, err := r.getAt(contentKey(id, s.Version), position)
		if err != nil {
			return err
		}
		var d contentRow
		if ok {
			if err := row.decode(&d); err != nil {
				return err
			}
		}
		step.text = x.addText(n, id, (*events.EntryDrafted)(&d))
	}
	x.entries[n].add(step)
	return nil
}

// add appends a step, if it changes anything that is searched.
func (e *searchedEntry) add(s searchedStep) {
	if n := len(e.steps); n == 0 || e.steps[n-1].text != s.text || e.steps[n-1].stage != s.stage || e.steps[n-1].imported != s.imported {
		e.steps = append(e.steps, s)
	}
}

const typeRevised = "catalog.entry.revised"

// code is the place of a facet's value.
func (x *searched) code(value string) int32 {
	c, ok := x.codes[value]
	if !ok {
		c = int32(len(x.values))
		x.codes[value], x.values = c, append(x.values, value)
	}
	return c
}

func (x *searched) addText(entry int32, id string, d *events.EntryDrafted) int32 {
	n := int32(len(x.texts))
	text := searchable(id, d.Code, d.Title, d.TitleEN, d.Summary, d.Items)
	x.texts = append(x.texts, searchedText{entry, text, [5]int32{
		x.code(d.Provider), x.code(d.Sharing.Attribute), x.code(d.Region), x.code(d.Grade), x.code(d.UpdateFrequency)}})
	eachGram(text, func(g gram) {
		if list := x.grams[g]; len(list) == 0 || list[len(list)-1] != n {
			x.grams[g] = append(list, n)
		}
	})
	return n
}

// searchable is the text of an entry that words are looked for in.
func searchable(id, code, title, titleEN, summary string, items []events.EntryItem) string {
	text := []string{id, code, title, titleEN, summary}
	for _, it := range items {
		text = append(text, it.ID, it.Name, it.Description)
	}
	return normalise(strings.Join(text, "\n"))
}

// eachGram calls f for each character of a text and each pair of neighbours.
func eachGram(text string, f func(gram)) {
	var last rune
	for _, c := range text {
		if c == '\n' || c == ' ' {
			last = 0
			continue
		}
		f(gram{c})
		if last != 0 {
			f(gram{last, c})
		}
		last = c
	}
}

// at is where the entry stood as of a position; false before it was drafted.
func (e *searchedEntry) at(position int64) (searchedStep, bool) {
	i, found := slices.BinarySearchFunc(e.steps, position, func(s searchedStep, p int64) int { return cmp.Compare(s.position, p) })
	if !found {
		i--
	}
	if i < 0 {
		return searchedStep{}, false
	}
	return e.steps[i], true
}

// holding lists the texts that hold a word, ascending.
func (x *searched) holding(word string) []int32 {
	var lists [][]int32
	single := len([]rune(word)) == 1
	eachGram(word, func(g gram) {
		if single || g[1] != 0 {
			lists = append(lists, x.grams[g])
		}
	})
	switch {
	case len(lists) == 0:
		return nil // zero bytes: no text has any
	case single:
		return lists[0]
	}
	// The texts with the rarest pair are read: that is cheaper than looking each up among
	// those with the other pairs, which in English are nearly all.
	rarest := slices.MinFunc(lists, func(a, b []int32) int { return len(a) - len(b) })
	if len(lists) == 1 {
		return rarest
	}
	var out []int32
	for _, n := range rarest {
		if strings.Contains(x.texts[n].text, word) {
			out = append(out, n)
		}
	}
	return out
}

// A wanted word is looked for in an entry's text, or in its provider's name: the
// parties are those that bear it as of the view.
type wanted struct {
	word    string
	parties map[string]bool
}

// wantedOf looks the words up among the names of parties.
func (r *reader) wantedOf(ctx context.Context, words []string) ([]wanted, error) {
	var out []wanted
	for _, word := range words {
		out = append(out, wanted{word, map[string]bool{}})
	}
	if len(words) == 0 {
		return nil, nil
	}
	err := r.each(ctx, entityKey(tParty), nil, func(row row) (bool, error) {
		var p Party
		if err := row.decode(&p); err != nil {
			return false, err
		}
		name := normalise(p.Name)
		for _, w := range out {
			if strings.Contains(name, w.word) {
				w.parties[p.ID] = true
			}
		}
		return true, nil
	})
	return out, err
}

// holdingAll lists the texts that answer all words, ascending.
func (x *searched) holdingAll(words []wanted) (out []int32) {
	for i, w := range words {
		list := x.holding(w.word)
		if len(w.parties) > 0 {
			var union []int32
			for n := range x.texts {
				if _, in := slices.BinarySearch(list, int32(n)); in || w.parties[x.values[x.texts[n].facets[0]]] {
					union = append(union, int32(n))
				}
			}
			list = union
		}
		if i == 0 {
			out = list
			continue
		}
		var both []int32
		for _, n := range out {
			if _, in := slices.BinarySearch(list, n); in {
				both = append(both, n)
			}
		}
		out = both
	}
	return out
}

// foundList is what matching found last.
type foundList struct {
	position int64
	query    EntryQuery // without a page
	ids      []string
	// withheld are the ids of those that the reader may not see. For a date in force there
	// are none: whose version is in force is read afterwards.
	withheld []string
}

// list is matching, which it asks once for the pages of a list that follow on each
// other. What readers with a scope find is not kept: it is theirs.
func (x *searchIndex) list(r *reader, q EntryQuery, words []wanted, facets *Facets) (*foundList, error) {
	if facets != nil || r.sight != nil {
		return x.matching(r, q, words, facets)
	}
	q.Page = Page{}
	if f := x.found.Load(); f != nil && f.position == r.at && f.query == q {
		return f, nil
	}
	f, err := x.matching(r, q, words, nil)
	if err == nil {
		x.found.Store(f)
	}
	return f, err
}

// matching lists the ids of the entries that match as of a position, in order, and
// counts what they are if facets is not nil. For a date in force it is those of
// which any version known then answers: which is in force is read afterwards.
func (x *searchIndex) matching(r *reader, q EntryQuery, words []wanted, facets *Facets) (*foundList, error) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	position, out := r.at, &foundList{position: r.at, query: q}
	ids := &out.ids
	var answering []bool // texts; nil: all
	if len(words) > 0 {
		answering = make([]bool, len(x.texts))
		for _, n := range x.holdingAll(words) {
			answering[n] = true
		}
	}
	conditions := [7]int32{}
	for i, value := range [7]string{q.Provider, q.Sharing, q.Region, q.Grade, q.UpdateFrequency, q.Stage, q.Imported} {
		if conditions[i] = -1; value != "" {
			code, known := x.codes[value]
			if !known {
				return out, nil
			}
			conditions[i] = code
		}
	}
	var counts [7][]int
	for i := range counts {
		counts[i] = make([]int, len(x.values))
	}
	for _, n := range x.sorted {
		e := &x.entries[n]
		s, ok := e.at(position)
		if !ok {
			continue
		}
		answers := func(s searchedStep) bool { return answering == nil || answering[s.text] }
		selected := func(s searchedStep) bool {
			for i, c := range x.texts[s.text].facets {
				if conditions[i] >= 0 && conditions[i] != c {
					return false
				}
			}
			return true
		}
		if q.ValidAt != 0 {
			// Whose version is in force, and so whether words may be looked for in it, is
			// known when it is read.
			if slices.ContainsFunc(e.steps, func(s searchedStep) bool {
				return s.position <= position && selected(s) && (r.sight != nil || answers(s))
			}) {
				*ids = append(*ids, e.id)
			}
			continue
		}
		if !selected(s) || conditions[5] >= 0 && conditions[5] != s.stage || conditions[6] >= 0 && conditions[6] != s.imported {
			continue
		}
		t := &x.texts[s.text]
		codes := [7]int32{t.facets[0], t.facets[1], t.facets[2], t.facets[3], t.facets[4], s.stage, s.imported}
		seen, err := r.sees(x.values[t.facets[0]])
		if err != nil {
			return out, err
		}
		if !seen { // words are not looked for in what may not be seen
			out.withheld = append(out.withheld, e.id)
			continue
		}
		if !answers(s) {
			continue
		}
		*ids = append(*ids, e.id)
		for i, c := range codes {
			counts[i][c]++
		}
	}
	if facets != nil && q.ValidAt == 0 {
		for i, m := range []map[string]int{facets.Provider, facets.Sharing, facets.Region, facets.Grade, facets.UpdateFrequency, facets.Stage, facets.Imported} {
			for c, n := range counts[i] {
				if n > 0 && x.values[c] != "" {
					m[x.values[c]] = n
				}
			}
		}
	}
	return out, nil
}
