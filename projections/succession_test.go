package projections

import (
	"fmt"
	"testing"

	"ledgerline/events"
)

// TestDutiesPassToTheSuccessor: what a merged party had not done when it was merged,
// its successor has to do from then on; what was missed before stays its own.
func TestDutiesPassToTheSuccessor(t *testing.T) {
	b := sharing(t)
	b.add(party("P4"), party("P5"))
	b.add(law(t, cst(t, "2025-08-01", 0), "cn 2025", "cn-809-2025 2")...)
	ask := func(id, received string) {
		b.add(claim{at: cst(t, received, 8), data: &events.RequestSubmitted{
			Request: id, Provider: "P2", Consumer: "P3", Asks: []events.Ask{{Entry: "C", EntryVersion: 1, Items: []string{"id"}}},
			Purposes: []string{"benefit_eligibility"}, LegalBasis: []events.LegalBasis{{Instrument: "cn809", Article: "20"}}, Scenario: "s", Necessity: "n",
			Method: "api", Term: events.Period{From: cst(t, received, 0), To: cst(t, "2027-01-01", 0)}, ApprovedBy: "head-P3",
		}}, claim{at: cst(t, received, 9), data: &events.RequestReceived{Request: id, By: "P2"}})
	}
	ask("missed", "2025-08-11") // due 2025-08-25
	ask("done", "2025-09-15")
	b.add(claim{at: cst(t, "2025-09-18", 9), data: &events.RequestAnswered{Request: "done", By: "P2", Outcome: events.StageRefused, Ground: "not_in_duty", Reasons: []string{"x"}, ApprovedBy: "head-P2"}})
	ask("open", "2025-09-15") // due 2025-09-29
	merged := cst(t, "2025-09-22", 0)
	b.add(claim{at: merged, effective: merged, data: &events.PartyMerged{Party: "P2", Into: "P4", Basis: "b"}},
		claim{at: cst(t, "2025-10-01", 0), data: &events.PartyMerged{Party: "P4", Into: "P5", Basis: "b"}})
	w := latestView(t, b)
	for _, c := range []struct {
		at   string
		want map[string]string // party and state, by case
	}{
		{"2025-09-20", map[string]string{"missed": "P2 breached", "done": "P2 met", "open": "P2 open"}},
		{"2025-09-23", map[string]string{"missed": "P4 was P2 breached", "done": "P2 met", "open": "P4 was P2 open"}},
		{"2025-10-05", map[string]string{"missed": "P5 was P2 breached", "done": "P2 met", "open": "P5 was P2 breached"}},
	} {
		list, err := w.Duties(ctx, DutyQuery{ValidAt: cst(t, c.at, 9), Rule: "DL-02"})
		if err != nil || len(list.Duties) != len(c.want) {
			t.Fatalf("%s: %+v %v", c.at, list, err)
		}
		for _, d := range list.Duties {
			who := d.Party
			if d.Was != "" {
				who += " was " + d.Was
			}
			if got := who + " " + d.State; got != c.want[d.Case] {
				t.Errorf("%s on %s: %s, want %s", d.Case, c.at, got, c.want[d.Case])
			}
		}
	}
	for party, want := range map[string]int{"P2": 1, "P4": 0, "P5": 2} {
		if list, err := w.Duties(ctx, DutyQuery{Party: party}); err != nil || len(list.Duties) != want {
			t.Errorf("of %s: %+v, want %d %v", party, list.Duties, want, err)
		}
	}
	list, err := w.Violations(ctx, ViolationQuery{})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, v := range list.Violations {
		got[v.Duty[:len("cn-809-2025/DL-02/")+4]] = v.Party
	}
	if want := map[string]string{"cn-809-2025/DL-02/miss": "P2", "cn-809-2025/DL-02/open": "P4"}; fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("violations of %v, want %v", got, want)
	}
}
