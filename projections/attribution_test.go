package projections

import (
	"fmt"
	"slices"
	"testing"

	"ledgerline/events"
)

// faulty is a book with a fault in what P3 makes of data of P2: reported, assigned,
// corrected late, decided on, and told to one of two recipients.
func faulty(t *testing.T) *book {
	b := newBook(t)
	b.add(party("P1"), party("P2"), party("P3"), party("P4"), party("P5"))
	b.add(law(t, day(1, 1), "cn 2026", "cn-809-2025 2")...)
	described := func(name string) []events.Resource {
		return []events.Resource{{Namespace: "pg", Name: name, Method: "database"}}
	}
	for _, d := range []*events.EntryDrafted{
		draft("E1", "P2", "t", described("raw"), "id", "date"), draft("E2", "P3", "t", described("report"), "id", "day"), draft("E3", "P4", "t", described("late"), "id"),
	} {
		b.add(claim{at: day(1, 2), data: d})
		b.add(inForce(d.Entry, d.Provider)...)
	}
	granted := func(id, consumer string) claim {
		a := activate(id, "E2", "id", "day")
		a.Provider, a.Consumer = "P3", consumer
		return claim{at: day(2, 1), data: a}
	}
	only := granted("A3", "P5") // has nothing of what is wrong
	only.data.(*events.AgreementActivated).Grants[0].Items = []string{"id"}
	b.add(granted("A1", "P4"), granted("A2", "P5"), only,
		claim{at: day(1, 5), data: &events.SourceDesignated{Entry: "E1", Items: []string{"date"}, Party: "P2", By: "P1", Basis: "b"}},
		claim{at: day(1, 5), data: &events.SourceDesignated{Entry: "E1", Items: []string{"id"}, Party: "P5", By: "P1", Basis: "b"}},
		olRun("r1", "make", "COMPLETE", day(2, 2), inputs(olInput("raw", "id", "date")), outputs(olOutput("report", "raw", "id", "id", "date", "day"))),
		claim{at: day(2, 3), data: &events.QualityIssueReported{Issue: "Q0", By: "P3", Entry: "E1", Items: []string{"date"}, Dimension: "d", Symptom: "missing", Severity: "minor", Description: "x"}},
		claim{at: day(2, 10), data: &events.QualityIssueReported{Issue: "Q1", By: "P4", Agreement: "A1", Entry: "E2", Items: []string{"day"},
			Dataset: events.DatasetRef{Namespace: "pg", Name: "report"}, Dimension: "d", Symptom: "wrong", Severity: "major", Description: "x"}},
		olRun("r2", "make", "COMPLETE", day(2, 20), inputs(olInput("late", "id")), outputs(olOutput("report", "late", "id", "day"))), // only since then
		claim{at: day(2, 11), data: &events.QualityIssueAccepted{Issue: "Q1", By: "P1"}},
		claim{at: day(2, 11), data: &events.QualityIssueAssigned{Issue: "Q1", By: "P1", To: "P2", Capacity: "source"}},
		claim{at: day(2, 11), data: &events.CorrectionReceived{Issue: "Q1", By: "P2", From: "P4"}},
		claim{at: day(4, 1), data: &events.CorrectionAnswered{Issue: "Q1", By: "P2", Verdict: events.VerdictConfirmed, Action: "fixed"}},
		claim{at: day(4, 2), data: &events.CorrectionPropagated{Issue: "Q1", By: "P3", Recipients: []events.Recipient{{Party: "P4", Agreement: "A1", Told: day(4, 2)}}}},
		claim{at: day(4, 3), data: &events.AccountabilityDetermined{Issue: "Q1", By: "P1", Party: "P2", Ground: "kept wrong", Facts: []uint64{3}}},
		claim{at: day(4, 4), data: &events.PartyMerged{Party: "P2", Into: "P1", Basis: "b"}},
	)
	return b
}

// TestAttribution: a fault is followed to where it came from by the lineage of its
// time, and each fact about a party is shown by records.
func TestAttribution(t *testing.T) {
	w := latestView(t, faulty(t))
	a, ok, err := w.Attribute(ctx, "Q1", 0)
	if err != nil || !ok || !a.Complete || a.LineageAt != day(2, 10) {
		t.Fatalf("%+v %v %v", a, ok, err)
	}
	var origins, facts, recipients []string
	for _, o := range a.Origins {
		origins = append(origins, fmt.Sprint(o.Entry, " ", o.Depth, " ", o.Dataset, " ", o.Columns))
		if len(o.Events) == 0 {
			t.Errorf("no record shows %+v", o)
		}
	}
	equal(t, "origins", origins, []string{"E2 0 pg/report [day]", "E1 1 pg/raw [date]"})
	for _, r := range a.Responsible {
		for _, f := range r.Facts {
			facts = append(facts, r.Party+" "+f.Ground+" "+f.Entry)
			for _, at := range f.Events {
				if _, ok, err := w.record(at); err != nil || !ok {
					t.Errorf("%+v is shown by no record: %v", f, err)
				}
			}
			if len(f.Events) == 0 {
				t.Errorf("no record shows %+v", f)
			}
		}
		if want := map[string]string{"P2": "P1"}[r.Party]; r.Successor != want {
			t.Errorf("%s became %q, want %q", r.Party, r.Successor, want)
		}
	}
	slices.Sort(facts)
	equal(t, "facts", facts, []string{
		"P2 assigned E2", "P2 determined E2", "P2 knew E1", "P2 late E2", "P2 provider E1", "P2 source E1", "P3 provider E2",
	})
	for _, r := range a.Recipients {
		recipients = append(recipients, fmt.Sprint(r.Party, " ", r.Agreement, " ", r.Told != 0))
	}
	equal(t, "recipients", recipients, []string{"P4 A1 true", "P5 A2 false"})

	later, _, err := w.Attribute(ctx, "Q1", day(3, 1))
	if err != nil || len(later.Origins) != 3 {
		t.Errorf("by the lineage of March: %+v %v", later.Origins, err)
	}
	whole, _, err := w.Attribute(ctx, "Q0", 0) // about an entry, without a dataset
	if err != nil || len(whole.Origins) != 1 || whole.Origins[0].Entry != "E1" {
		t.Errorf("of an entry: %+v %v", whole.Origins, err)
	}
	if _, ok, err := w.Attribute(ctx, "Q9", 0); ok || err != nil {
		t.Errorf("of nothing: %v %v", ok, err)
	}
}

// record reads the row of a record.
func (w *View) record(position int64) (row TimelineRow, ok bool, err error) {
	err = w.read(func(r *reader) error {
		row, ok, err = r.event(position)
		return err
	})
	return row, ok, err
}
