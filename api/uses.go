package api

import (
	"net/http"
	"reflect"

	"ledgerline/events"
	"ledgerline/projections"
)

type usesQuery struct {
	reading
	validAt
	paging
	window
}

// usesRequest names the person in the body: what stands in an address is recorded with
// the question, for everybody who may read the log.
type usesRequest struct {
	Person string `json:"person"`
}

// limitBatches says that sealed batches stand for calls of which the ledger does not
// know whom they were about.
const limitBatches = "sealed-batches"

// listUses answers a person's question who used data about them: the calls that name
// that person, and the gaps in which more may be missing. It is found by the reference
// under whose key the parts of the records are sealed, whether they were erased or not.
func listUses() endpoint {
	return viewed(func(c *question, q usesQuery) (projections.AccessList, error) {
		var of usesRequest
		if err := readBody(c.r, &of); err != nil {
			return projections.AccessList{}, err
		}
		if err := checkPerson(of.Person, "/person"); err != nil {
			return projections.AccessList{}, err
		}
		return c.usesOf(of.Person, q.window, q.ValidAt, q.paging)
	}).reads(content{0, "application/json", reflect.TypeFor[usesRequest](), ""})
}

// checkPerson refuses what names no person; field is where it should stand.
func checkPerson(person, field string) error {
	if person == "" || len(person) > events.MaxID {
		return problem(http.StatusBadRequest, "field.required", "the body names no person", "send the keyed reference of the person, as it stands in data_subject of the calls").at(field)
	}
	return nil
}

// usesOf lists the calls that name a person, and says where there may be others.
func (c *question) usesOf(person string, within window, validAt events.Time, part paging) (projections.AccessList, error) {
	// What is withheld of the batches is not withheld of this answer.
	batches, err := c.view.Within(callOf(c.r).caller.scope()).Accesses(c.ctx, projections.AccessQuery{
		Type: typeBatch, From: within.From, To: within.To, ValidAt: validAt, Page: projections.Page{Limit: 1},
	})
	if err != nil {
		return projections.AccessList{}, err
	}
	if len(batches.Accesses) > 0 {
		c.hit(limitBatches)
	}
	list, err := c.view.Accesses(c.ctx, projections.AccessQuery{
		Person: person, From: within.From, To: within.To, ValidAt: validAt, Gaps: true, Page: c.page(part),
	})
	c.next(&list.Next)
	return list, err
}
