package api

import (
	"net/http"

	"ledgerline/events"
	"ledgerline/projections"
	"ledgerline/projections/scheduler"
)

type dutiesQuery struct {
	reading
	validAt
	paging
	Party string `query:"party" doc:"id of the party that has to act"`
	Rule  string `query:"rule" doc:"id of the rule, such as DL-02"`
	Case  string `query:"case" doc:"what the duty is about, such as the id of a request"`
	Entry string `query:"entry" doc:"id of the catalog entry that the duty is about, such as one to bring up to date"`
	State string `query:"state" doc:"state of the duty when it is asked about" enum:"open,met,late,breached,undetermined"`
	imported
}

func listDuties(c *question, q dutiesQuery) (projections.DutyList, error) {
	list, err := c.view.Duties(c.ctx, projections.DutyQuery{
		Party: q.Party, Rule: q.Rule, Case: q.Case, State: q.State, Entry: q.Entry, ValidAt: q.ValidAt, Imported: q.wanted(), Page: c.page(q.paging),
	})
	c.next(&list.Next)
	return list, err
}

type violationsQuery struct {
	reading
	paging
	window
	Party     string `query:"party" doc:"id of the party that broke the rule"`
	Code      string `query:"code" doc:"code of the violation in its rule pack, such as 39.4"`
	Rule      string `query:"rule" doc:"what was found: a deadline's id, or a rule such as access.no-agreement"`
	Agreement string `query:"agreement" doc:"id of the agreement concerned"`
	Entry     string `query:"entry" doc:"id of the catalog entry concerned"`
	imported
}

func listViolations(c *question, q violationsQuery) (projections.ViolationList, error) {
	list, err := c.view.Violations(c.ctx, projections.ViolationQuery{
		Party: q.Party, Code: q.Code, Rule: q.Rule, Agreement: q.Agreement, Entry: q.Entry, From: q.From, To: q.To, Imported: q.wanted(), Page: c.page(q.paging),
	})
	c.next(&list.Next)
	c.hit(list.LimitsHit...)
	return list, err
}

type disposalsQuery struct {
	reading
	validAt
	paging
	Party     string `query:"party" doc:"id of the provider or the consumer"`
	Agreement string `query:"agreement" doc:"id of the agreement under which the data was had"`
	State     string `query:"state" doc:"what became of the duty" enum:"open,performed,accepted,rejected"`
}

func listDisposals(c *question, q disposalsQuery) (projections.DisposalList, error) {
	list, err := c.view.Disposals(c.ctx, projections.DisposalQuery{
		Party: q.Party, Agreement: q.Agreement, State: q.State, ValidAt: q.ValidAt, Page: c.page(q.paging),
	})
	c.next(&list.Next)
	return list, err
}

// dueAnswer lists what has fallen due by itself.
type dueAnswer struct {
	Due []dueJSON `json:"due"`
}

type dueJSON struct {
	ID      string         `json:"id"`
	Type    string         `json:"type"`
	Subject events.Subject `json:"subject"`
	// Time is when it fell due.
	Time events.Time `json:"time"`
	// Position is where it is recorded; absent if it is not yet.
	Position *int64 `json:"position,omitzero"`
}

func dueJSONOf(d scheduler.Due) dueJSON {
	return dueJSON{ID: d.ID, Type: d.Type, Subject: d.Data.Subject(), Time: d.Time}
}

func listDue(s *Server, r *http.Request, _ none) (dueAnswer, error) {
	due, err := s.due.Due(r.Context())
	a := dueAnswer{Due: []dueJSON{}}
	for _, d := range due {
		a.Due = append(a.Due, dueJSONOf(d))
	}
	return a, err
}

// postDue records what has fallen due. Doing it again changes nothing.
func postDue() endpoint {
	return act(func(s *Server, r *http.Request, _ none) (dueAnswer, bool, error) {
		done, err := s.due.Pass(r.Context())
		a := dueAnswer{Due: []dueJSON{}}
		for _, d := range done {
			recorded := dueJSONOf(d.Due)
			recorded.Position = &d.Position
			a.Due = append(a.Due, recorded)
		}
		return a, len(done) == 0, err
	})
}
