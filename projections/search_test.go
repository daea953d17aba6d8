package projections

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"pgregory.net/rapid"

	"ledgerline/events"
)

// TestSearch: words are found wherever they stand, in both languages, in what the
// entry said as of the position.
func TestSearch(t *testing.T) {
	w := grown(t)
	revised := position(t, w, "catalog.entry.revised", 1)
	for _, c := range []struct {
		text string
		at   int64
		want string
	}{
		{"死亡", w.Position(), "E1"}, {"登", w.Position(), "E1"}, {"ＤＥＡＴＨ 死亡登记", w.Position(), "E1"}, {"eath reg", w.Position(), "E1"},
		{"亡死", w.Position(), ""}, {"place", w.Position(), "E1"}, {"place", revised - 1, ""}, {"殡葬", w.Position(), "E3"}, {"殡葬", revised, ""},
		{"e", w.Position(), "E1 E2 E3"}, {"e2 amount", w.Position(), "E2"}, {"死亡 burials", w.Position(), ""}, {"项 date", w.Position(), "E1 E3"}, {"a\x00", w.Position(), ""}, {"\x00", w.Position(), ""},
	} {
		list, err := viewAt(t, w.v, c.at).Entries(ctx, EntryQuery{Text: c.text, Facets: true})
		if err != nil {
			t.Fatal(err)
		}
		var ids []string
		for _, e := range list.Entries {
			ids = append(ids, e.ID)
		}
		if got := strings.Join(ids, " "); got != c.want || list.Total != len(ids) {
			t.Errorf("%q as of %d: %s (%d), want %s", c.text, c.at, got, list.Total, c.want)
		}
	}
	list, err := w.Entries(ctx, EntryQuery{Facets: true, Page: Page{Limit: 1}})
	if err != nil || list.Total != 3 || list.Facets.Provider["P2"] != 2 || list.Facets.Stage["withdrawn"] != 1 || len(list.Entries) != 1 || list.Next == "" {
		t.Errorf("facets of all: %+v %v", list, err)
	}
}

// TestSearchIsAScan: what the index finds is what reading every entry finds, at
// any position, however the positions are asked.
func TestSearchIsAScan(t *testing.T) {
	b := longScript(newBook(t))
	v := newViews(t, b.Ledger)
	build(t, v, b.Head().Size)
	words := []string{"死亡", "登记", "date", "项", "e", "E1", "report", "殡葬", "id", "phone"}
	rapid.Check(t, func(rt *rapid.T) {
		w := viewAt(t, v, rapid.Int64Range(0, v.Applied()).Draw(rt, "at"))
		q := EntryQuery{
			Text:     strings.Join(rapid.SliceOfN(rapid.SampledFrom(words), 0, 2).Draw(rt, "words"), " "),
			Provider: rapid.SampledFrom([]string{"", "P2", "P3"}).Draw(rt, "provider"), Stage: rapid.SampledFrom([]string{"", "published", "drafted"}).Draw(rt, "stage"),
			ValidAt: rapid.SampledFrom([]events.Time{0, day(2, 1), day(6, 20)}).Draw(rt, "valid"),
		}
		list, err := w.Entries(ctx, q)
		if err != nil {
			rt.Fatal(err)
		}
		var got, want []string
		for _, e := range list.Entries {
			got = append(got, e.ID)
		}
		for _, id := range []string{"E1", "E2", "E3"} {
			e, ok, err := w.Entry(ctx, id, q.ValidAt)
			if err != nil {
				rt.Fatal(err)
			}
			if ok && e.selected(q) && e.holds(strings.Fields(normalise(q.Text))) {
				want = append(want, id)
			}
		}
		if !slices.Equal(got, want) {
			rt.Fatalf("%+v as of %d: %v, want %v", q, w.Position(), got, want)
		}
	})
}

// BenchmarkSearch measures the first page of a search among 40,000 entries, with
// the facets of all that match, in Chinese and English: as of now, and as of a past
// position after which a quarter of the entries changed.
func BenchmarkSearch(b *testing.B) {
	bk := newBook(b)
	bk.add(party("P1"), party("P2"))
	subjects := [][2]string{{"户籍人口", "resident population"}, {"死亡登记", "death register"}, {"婚姻登记", "marriage register"}, {"社会保险", "social insurance"},
		{"养老待遇", "pension benefits"}, {"不动产", "real estate"}, {"车辆", "vehicles"}, {"纳税人", "taxpayers"}, {"市场主体", "market entities"}, {"居住证", "residence permits"}}
	var batch []events.Event
	say := func(data events.Data, whole bool) {
		if data != nil {
			batch = append(batch, bk.event(claim{at: day(1, 2), data: data}))
		}
		if len(batch) == 1000 || whole && len(batch) > 0 {
			if _, err := bk.Append(context.Background(), batch...); err != nil {
				b.Fatal(err)
			}
			batch = nil
		}
	}
	entry := func(i int) *events.EntryDrafted {
		d := draft(fmt.Sprintf("DS%05d", i), "P2", fmt.Sprintf("%s%s信息 %d", subjects[i%10][0], subjects[i/10%10][0], i), nil, "gmsfhm", "xm", "csrq", "gxsj")
		d.TitleEN = fmt.Sprintf("%s and %s", subjects[i%10][1], subjects[i/10%10][1])
		return d
	}
	for i := range 40_000 {
		say(entry(i), false)
	}
	say(nil, true)
	then := bk.Head().Size - 1
	for i := 0; i < 40_000; i += 4 {
		say(revise(entry(i), 1), false) // of the draft
	}
	say(nil, true)
	v := newViews(b, bk.Ledger)
	if err := v.apply(context.Background(), run{0, bk.Head().Size}); err != nil {
		b.Fatal(err)
	}
	for name, w := range map[string]*View{"now": current(b, v), "past": viewAt(b, v, then)} {
		if _, err := w.Entries(ctx, EntryQuery{}); err != nil { // reads the index
			b.Fatal(err)
		}
		for _, text := range []string{"", "死亡", "信息", "死亡 婚姻", "death", "pension estate", "DS0", "39999", "亡"} {
			b.Run(name+"/text="+text, func(b *testing.B) {
				for b.Loop() {
					if _, err := w.Entries(ctx, EntryQuery{Text: text, Facets: true, Page: Page{Limit: 20}}); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// TestSearchIsMade: at a start, and when views were built anew, the index is there
// without a question, and /readyz can tell.
func TestSearchIsMade(t *testing.T) {
	b := longScript(newBook(t))
	size := b.Head().Size
	fs := vfs.NewMem()
	for _, start := range []string{"first", "second"} {
		v, err := Open("views", b.Ledger, Options{FS: fs, CacheBytes: 8 << 20})
		if err != nil {
			t.Fatal(err)
		}
		m := &v.store.search.making
		<-m.made
		if loading, _, _ := m.progress(); loading || start == "second" && m.next.Load() != size {
			t.Errorf("%s start: the index has %d of %d records, loading %v", start, m.next.Load(), size, loading)
		}
		if start == "first" {
			build(t, v, size)
		} else if _, err := v.Rebuild(ctx, nil); err != nil {
			t.Error(err)
		} else if m := &v.store.search.making; m.next.Load() != size {
			t.Errorf("built anew: the index has %d of %d records", m.next.Load(), size)
		}
		if err := v.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestSearchLoading: while the index is made, the view of the catalog says so.
func TestSearchLoading(t *testing.T) {
	b := longScript(newBook(t))
	v := newViews(t, b.Ledger)
	build(t, v, b.Head().Size)
	m := &v.store.search.making
	whole := m.made
	m.made = make(chan struct{}) // as if it were not there yet
	m.taken.Store(3)
	m.total.Store(7)
	for _, s := range v.Status() {
		if s.Loading != (s.Name == catalogView) || s.Loading && (s.Loaded != 3 || s.Total != 7) {
			t.Errorf("status %+v", s)
		}
	}
	m.made = whole
}

// TestSearchIsFollowed: an index that was made of the rows at once says what one says
// that was made record by record, as of any position.
func TestSearchIsFollowed(t *testing.T) {
	check := func(rt *rapid.T, v *Views) {
		w := viewAt(t, v, rapid.Int64Range(0, v.Applied()).Draw(rt, "at"))
		x := &v.store.search
		x.searched = newSearched()
		if err := w.read(func(r *reader) error { return x.follow(ctx, r, int(w.at)+1) }); err != nil {
			rt.Fatal(err)
		}
		followed := x.says()
		x.searched = newSearched()
		if err := v.store.makeSearch(ctx, w.at); err != nil {
			rt.Fatal(err)
		}
		if made := x.says(); made != followed || x.next != w.at+1 {
			rt.Errorf("made up to %d of %d:\n%s\nfollowed:\n%s", x.next, w.at+1, made, followed)
		}
	}
	b := longScript(newBook(t))
	v := newViews(t, b.Ledger)
	build(t, v, b.Head().Size)
	rapid.Check(t, func(rt *rapid.T) { check(rt, v) })
	rapid.Check(t, func(rt *rapid.T) {
		b := newBook(t)
		b.add(party("P1"), party("P2"), party("P3"))
		for _, claims := range rapid.SliceOfN(rapid.Custom(randomClaims), 1, 60).Draw(rt, "claims") {
			for _, c := range claims {
				b.try(c)
			}
		}
		v := newViews(t, b.Ledger)
		build(t, v, b.Head().Size)
		check(rt, v)
	})
}

// says is what an index holds, whatever the order in which it was put there.
func (x *searched) says() (out string) {
	holding := func(text int32) (all []string) {
		for g, texts := range x.grams {
			if slices.Contains(texts, text) {
				all = append(all, fmt.Sprint(g))
			}
		}
		slices.Sort(all)
		return all
	}
	for _, n := range x.sorted {
		e := x.entries[n]
		out += fmt.Sprintln(e.id, x.byID[e.id] == n)
		for _, s := range e.steps {
			t := x.texts[s.text]
			out += fmt.Sprintln(s.position, x.values[s.stage], t.entry == n, t.text, holding(s.text))
			for _, f := range t.facets {
				out += x.values[f] + ","
			}
		}
	}
	return out
}
