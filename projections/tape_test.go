package projections

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"ledgerline/events"
)

// TestTapesAreTheRows: as of any position the tapes say of every thing what its row says.
func TestTapesAreTheRows(t *testing.T) {
	b := longScript(newBook(t))
	v := newBlockedViews(t, b.Ledger)
	build(t, v, b.Head().Size)
	rapid.Check(t, func(rt *rapid.T) {
		w := viewAt(t, v, rapid.Int64Range(0, v.Applied()).Draw(rt, "at"))
		tapesAreTheRows(rt, w, rapid.SampledFrom([]events.Time{day(2, 1), day(4, 1), day(6, 20), w.Recorded()}).Draw(rt, "on"))
	})
}

// TestTapesAreTheRowsRandom is TestTapesAreTheRows for random histories.
func TestTapesAreTheRowsRandom(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		b := newBook(t)
		b.add(party("P1"), party("P2"), party("P3"))
		for _, claims := range rapid.SliceOfN(rapid.Custom(randomClaims), 1, 60).Draw(rt, "claims") {
			for _, c := range claims {
				b.try(c)
			}
		}
		v := newBlockedViews(t, b.Ledger)
		build(t, v, b.Head().Size)
		tapesAreTheRows(rt, viewAt(t, v, rapid.Int64Range(0, v.Applied()).Draw(rt, "at")), day(6, 1))
	})
}

func tapesAreTheRows(t *rapid.T, w *View, on events.Time) {
	err := w.read(func(r *reader) error {
		names, err := r.names(w.store)
		if err != nil {
			return err
		}
		compareThings(t, r, names, tapeRequests, tRequest, func(q *Request) []int64 { return q.Events })
		compareThings(t, r, names, tapeFindings, tFinding, func(f *Finding) []int64 { return f.Events })
		compareThings(t, r, names, tapeDuties, tDuty, func(d *Duty) []int64 { return d.Events })
		compareThings(t, r, names, tapeAgreements, tAgreement, func(*Agreement) []int64 { return nil })
		compareThings(t, r, names, tapeMeasures, tCheck, func(*Check) []int64 { return nil })
		compareThings(t, r, names, tapeUncovered, tUncovered, func(u *uncoveredInput) []int64 { return nil })
		compareThings(t, r, names, tapeResources, tResource, func(*Attachment) []int64 { return nil })
		compareOnce(t, r, names, tapeCalls, accessKey, new(Access))
		compareOnce(t, r, names, tapeShares, shareKey, new(Share))
		compareCalls(t, r, names, w.store.blockWidth)

		list, err := w.Entries(ctx, EntryQuery{ValidAt: on, Page: Page{Limit: MaxLimit}})
		if err != nil {
			return err
		}
		want := map[string]entryInForce{}
		for _, e := range list.Entries {
			is := entryInForce{
				id: e.ID, provider: e.Provider, sharing: e.Sharing.Attribute, region: e.Region, from: e.ValidFrom, position: e.Position,
				hooked: len(e.Resources) > 0, complete: saysNine(e), imported: e.Imported,
			}
			for _, a := range e.Attached {
				if is.hooked = is.hooked || !a.Imported; a.Imported {
					is.toldHooked = max(is.toldHooked, a.Position)
				}
			}
			want[e.ID] = is
		}
		err = r.inForce(names, on, func(e *entryInForce) error {
			if *e != want[e.id] {
				t.Errorf("in force on %s is %+v, the row says %+v", on, *e, want[e.id])
			}
			delete(want, e.id)
			return nil
		})
		if len(want) > 0 {
			t.Errorf("no tape has %v", want)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// compareCalls compares what stands besides of calls with their rows: the others, the
// rules that were broken, and the blocks.
func compareCalls(t *rapid.T, r *reader, names [][]string, width int64) {
	var others, flags []string
	blocks := map[int64]map[string][3]int64{}
	err := r.history(accessKey, r.at, func(row row) (bool, error) {
		var a Access
		err := row.decode(&a)
		answered, refused := a.calls()
		if answered == 0 || a.Imported {
			others = append(others, fmt.Sprint(row.position, a.Time, a.Agreement, a.Provider, a.Consumer, answered > 0, refused > 0, a.Imported))
		} else {
			end, of := row.position|(width-1), a.Agreement+" "+a.Provider+" "+a.Consumer
			if blocks[end] == nil {
				blocks[end] = map[string][3]int64{}
			}
			c := blocks[end][of]
			blocks[end][of] = [3]int64{c[0] + 1, c[1] + int64(answered), c[2] + int64(refused)}
		}
		for _, f := range slices.Backward(a.Flags) {
			flags = append(flags, fmt.Sprint(row.position, f.Rule, f.Events, a.Time, a.Agreement, a.Provider, a.Consumer, a.Entry, a.Imported))
		}
		return true, err
	})
	if err != nil {
		t.Fatal(err)
	}
	same := func(what string, of tape, want []string, text func(e *taped, names []string) string) {
		var got []string
		if err := r.tape(of, 0, r.at, true, func(e *taped) error {
			texts, err := textsOf(names, e.names)
			if err == nil {
				got = append(got, text(e, texts))
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: the tape says\n%q\nthe rows\n%q", what, got, want)
		}
	}
	same("others", tapeOthers, others, func(e *taped, n []string) string {
		return fmt.Sprint(e.position, e.times[0], n[0], n[1], n[2], e.state&callAnswered != 0, e.state&callRefused != 0, e.imported)
	})
	same("flags", tapeFlags, flags, func(e *taped, n []string) string {
		shown := []int64{e.position}
		if e.times[1] != 0 {
			shown = []int64{int64(e.times[1] - 1), e.position}
		}
		rule, err := e.rule()
		if err != nil {
			t.Error(err)
		}
		return fmt.Sprint(e.position, rule, shown, e.times[0], n[0], n[1], n[2], n[3], e.imported)
	})
	for end := width - 1; end <= r.at; end += width {
		row, ok, err := r.getAt(callBlocks, end)
		if err != nil || !ok || row.position != end {
			t.Errorf("there is no block that ends at %d: %v", end, err)
			continue
		}
		var l callBlock
		if err := row.decode(&l); err != nil {
			t.Error(err)
		}
		got := map[string][3]int64{}
		for _, c := range l.Cells {
			n, err := textsOf(names, c.Names)
			if err != nil {
				t.Fatal(err)
			}
			got[n[0]+" "+n[1]+" "+n[2]] = [3]int64{c.Records, c.Answered, c.Refused}
		}
		if want := blocks[end]; len(got) != len(want) || fmt.Sprint(got) != fmt.Sprint(want) && len(want) > 0 {
			t.Errorf("the block that ends at %d says %v, the rows %v", end, got, want)
		}
	}
}

// saysNine is nineItems of an entry as it is listed.
func saysNine(e Entry) bool {
	return nineItems(&events.EntryDrafted{
		Title: e.Title, Items: e.Items, Provider: e.Provider, Format: e.Format, UpdateFrequency: e.UpdateFrequency, Sharing: e.Sharing, ClassPath: e.ClassPath, Grade: e.Grade,
	})
}

// entryText is what an entry says, with the texts in the place of their number.
func entryText(t *rapid.T, names [][]string, e taped) string {
	texts, err := textsOf(names, e.names)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(e.position, e.state, e.thing, texts, e.times)
}

// rowText is what is to be said of a row.
func rowText(row tapable, position int64) (string, bool) {
	_, e, texts, ok := row.onTape()
	return fmt.Sprint(position, e.state, e.thing, texts, e.times), ok
}

// compareThings compares the last entries of a tape of things with the rows of a table, and the
// records about each with those that the row names.
func compareThings[T any, P interface {
	rowOf[T]
	tapable
}](t *rapid.T, r *reader, names [][]string, of tape, rows table, records func(P) []int64) {
	list, err := r.things(of, true, nil)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	err = r.each(ctx, entityKey(rows), nil, func(row row) (bool, error) {
		v := P(new(T))
		if err := row.decode(v); err != nil {
			return false, err
		}
		_, e, _, ok := v.onTape()
		if !ok {
			return true, nil
		}
		want, _ := rowText(v, row.position)
		if n++; e.thing == 0 || int(e.thing) > len(list.last) {
			t.Errorf("%s has number %d, of %d", row.entity, e.thing, len(list.last))
			return true, nil
		}
		if got := entryText(t, names, list.last[e.thing-1]); got != want {
			t.Errorf("the tape says %s, the row %s", got, want)
		}
		if want := records(v); want != nil && !slices.Equal(list.records(int(e.thing-1)), want) {
			t.Errorf("%s: the tape has the records %v, the row %v", row.entity, list.records(int(e.thing-1)), want)
		}
		return true, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if n != len(list.last) {
		t.Errorf("%d things on the tape %s, %d rows", len(list.last), of.key, n)
	}
}

// compareOnce compares a tape with the rows of an entity, one for each position.
func compareOnce(t *rapid.T, r *reader, names [][]string, of tape, entity []byte, into interface {
	coded
	tapable
}) {
	var got, want []string
	if err := r.tape(of, 0, r.at, true, func(e *taped) error { got = append(got, entryText(t, names, *e)); return nil }); err != nil {
		t.Fatal(err)
	}
	err := r.history(entity, r.at, func(row row) (bool, error) {
		err := row.decode(into)
		if text, ok := rowText(into, row.position); ok {
			want = append(want, text)
		}
		return true, err
	})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got, want) {
		t.Errorf("the tape %s says\n%v\nthe rows\n%v", of.key, got, want)
	}
}
