package api

import (
	"net/http"
	"strconv"

	"ledgerline/events"
	"ledgerline/projections"
)

type validAt struct {
	ValidAt events.Time `query:"valid_at" doc:"what was in force at this RFC 3339 time. Default: the latest known"`
}

type entriesQuery struct {
	reading
	validAt
	paging
	Text     string `query:"text" doc:"words that must occur in id, titles, summary or items; Chinese or English"`
	Provider string `query:"provider" doc:"the providing party's id"`
	Stage    string `query:"stage" doc:"stage of the entry" enum:"drafted,department_approved,submitted,returned,published,withdrawn"`
	Sharing  string `query:"sharing" doc:"sharing attribute" enum:"unconditional,conditional,not_shared"`
	Region   string `query:"region" doc:"the region code"`
	Grade    string `query:"grade" doc:"the grade of the data" enum:"core,important,general-1,general-2,general-3,general-4"`
	Update   string `query:"update_frequency" doc:"how often it is brought up to date" enum:"realtime,daily,weekly,monthly,quarterly,yearly,other"`
	Facets   bool   `query:"facets" doc:"also count what all that match are: by provider, stage, sharing, region, grade, update frequency, and whether they are from before the ledger"`
	imported
}

func listEntries(c *question, q entriesQuery) (projections.EntryList, error) {
	list, err := c.view.Entries(c.ctx, projections.EntryQuery{
		Text: q.Text, Provider: q.Provider, Stage: q.Stage, Sharing: q.Sharing, Region: q.Region,
		Grade: q.Grade, UpdateFrequency: q.Update, Imported: q.Imported, Facets: q.Facets, ValidAt: q.ValidAt, Page: c.page(q.paging),
	})
	c.next(&list.Next)
	return list, err
}

type entryQuery struct {
	reading
	validAt
}

// entryAnswer is one entry. Version is its subject's, for If-Match; it is also
// the ETag.
type entryAnswer struct {
	SubjectVersion uint64            `json:"subject_version"`
	Entry          projections.Entry `json:"entry"`
	// FailedChecks are the tests of its data that failed when they were made last.
	FailedChecks []projections.Check `json:"failed_checks,omitempty"`
}

func getEntry(c *question, q entryQuery) (entryAnswer, error) {
	id, err := pathValue(c.r, "id")
	if err != nil {
		return entryAnswer{}, err
	}
	entry, ok, err := c.view.Entry(c.ctx, id, q.ValidAt)
	if err != nil {
		return entryAnswer{}, err
	}
	if !ok {
		return entryAnswer{}, notFound("entry", id, c.view.Position())
	}
	failed, err := c.failed(projections.CheckQuery{Entry: id, ValidAt: q.ValidAt})
	if err != nil {
		return entryAnswer{}, err
	}
	version, err := c.subjectVersion(events.Subject{Kind: events.KindEntry, ID: id})
	return entryAnswer{version, entry, failed}, err
}

// failed lists the checks that failed, as many as one part of a list has.
func (c *question) failed(q projections.CheckQuery) ([]projections.Check, error) {
	q.Outcome, q.Limit = events.CheckFailed, projections.MaxLimit
	list, err := c.view.Checks(c.ctx, q)
	if list.Next != "" {
		c.hit(limitChecks)
	}
	return list.Checks, err
}

// limitChecks says that more checks failed than an answer about something else
// lists; GET /v1/checks lists them all.
const limitChecks = "checks"

type checksQuery struct {
	reading
	validAt
	paging
	Entry    string `query:"entry" doc:"id of a catalog entry: what was tested of it and of the datasets that it describes"`
	Dataset  string `query:"dataset" doc:"the dataset tested, as {namespace}/{name}"`
	Column   string `query:"column" doc:"a column or an item"`
	Outcome  string `query:"outcome" doc:"what came out" enum:"pass,fail,skip"`
	Severity string `query:"severity" doc:"severity as sent, such as error or warn"`
	Run      string `query:"run" doc:"id of a run or measurement: all that it found. Default: of each check the newest outcome"`
}

func listChecks(c *question, q checksQuery) (projections.CheckList, error) {
	dataset, err := c.dataset(q.Dataset)
	if err != nil {
		return projections.CheckList{}, err
	}
	list, err := c.view.Checks(c.ctx, projections.CheckQuery{
		Entry: q.Entry, Dataset: dataset, Column: q.Column, Outcome: q.Outcome, Severity: q.Severity, Run: q.Run, ValidAt: q.ValidAt, Page: c.page(q.paging),
	})
	c.next(&list.Next)
	return list, err
}

// subjectVersion counts a subject's events as of the question's position and
// sends it as the ETag, so that a client can append with If-Match only if
// nothing came in between. The book's own count would be too new: it may cover
// events that this answer does not.
func (c *question) subjectVersion(sub events.Subject) (uint64, error) {
	var version uint64
	for e, err := range c.s.o.Ledger.Subject(c.ctx, sub) {
		if err != nil {
			return 0, err
		}
		if e.Position > c.view.Position() {
			break
		}
		version++
	}
	c.w.Header().Set("ETag", strconv.Quote(strconv.FormatUint(version, 10)))
	return version, nil
}

type historyAnswer struct {
	ID       string                     `json:"id"`
	Versions []projections.EntryVersion `json:"versions"`
}

func getEntryHistory(c *question, _ reading) (historyAnswer, error) {
	id, err := pathValue(c.r, "id")
	if err != nil {
		return historyAnswer{}, err
	}
	versions, err := c.view.EntryHistory(c.ctx, id)
	if err == nil && len(versions) == 0 {
		err = notFound("entry", id, c.view.Position())
	}
	return historyAnswer{id, versions}, err
}

type diffQuery struct {
	paging
	From      Moment      `query:"from" doc:"the earlier moment: a position, or an RFC 3339 time. Needed unless valid_from is given; then the default is to"`
	To        Moment      `query:"to" doc:"the later moment. Default: all the views have applied"`
	ValidAt   events.Time `query:"valid_at" doc:"compare what was in force at this RFC 3339 time, at both moments. Default: the latest versions known"`
	ValidFrom events.Time `query:"valid_from" doc:"in the place of valid_at at the earlier moment: so two dates are compared by what is known at one moment"`
}

// when makes the later moment the one the answer speaks for.
func (q diffQuery) when() reading { return reading{AsOf: q.To} }

func diffCatalog(c *question, q diffQuery) (projections.CatalogDiff, error) {
	at, err := c.view.Position(), error(nil)
	switch {
	case q.From.given:
		at, err = c.s.resolve(c.ctx, q.From, "from")
	case q.ValidFrom == 0:
		err = problem(http.StatusBadRequest, "query.required", "the parameter from is missing", "give from, or valid_from and valid_at to compare two dates").at("from")
	}
	if err != nil {
		return projections.CatalogDiff{}, err
	}
	if at > c.view.Position() {
		return projections.CatalogDiff{}, problem(http.StatusBadRequest, "diff.order", sayf("from is position %d, after to, which is %d", at, c.view.Position()), "give the earlier moment as from").at("from")
	}
	earlier, err := c.s.viewAt(c.ctx, at)
	if err != nil {
		return projections.CatalogDiff{}, err
	}
	diff, err := c.view.CatalogDiff(c.ctx, earlier, q.ValidFrom, q.ValidAt, c.page(q.paging))
	c.next(&diff.Next)
	return diff, joinClose(err, earlier)
}

type partiesQuery struct {
	reading
	validAt
	paging
	Kind   string `query:"kind" doc:"kind of body" enum:"department,authorised_org,authority,platform,contractor,auditor"`
	Region string `query:"region" doc:"the region code"`
	Level  string `query:"level" doc:"level of the body" enum:"national,provincial,city,district,township,village"`
	Role   string `query:"role" doc:"a role it holds" enum:"authority_for,source_dept_for,collector_for,operator_of,ledger_administrator,auditor"`
	State  string `query:"state" doc:"state of the body" enum:"registered,merged,dissolved"`
}

func listParties(c *question, q partiesQuery) (projections.PartyList, error) {
	list, err := c.view.Parties(c.ctx, projections.PartyQuery{
		Kind: q.Kind, Region: q.Region, Level: q.Level, Role: q.Role, State: q.State, ValidAt: q.ValidAt, Page: c.page(q.paging),
	})
	c.next(&list.Next)
	return list, err
}

type partyAnswer struct {
	SubjectVersion uint64            `json:"subject_version"`
	Party          projections.Party `json:"party"`
}

func getParty(c *question, q entryQuery) (partyAnswer, error) {
	id, err := pathValue(c.r, "id")
	if err != nil {
		return partyAnswer{}, err
	}
	party, ok, err := c.view.Party(c.ctx, id, q.ValidAt)
	if err != nil {
		return partyAnswer{}, err
	}
	if !ok {
		return partyAnswer{}, notFound("party", id, c.view.Position())
	}
	version, err := c.subjectVersion(events.Subject{Kind: events.KindParty, ID: id})
	return partyAnswer{version, party}, err
}

type partyHistoryAnswer struct {
	ID     string              `json:"id"`
	States []projections.Party `json:"states"`
}

func getPartyHistory(c *question, _ reading) (partyHistoryAnswer, error) {
	id, err := pathValue(c.r, "id")
	if err != nil {
		return partyHistoryAnswer{}, err
	}
	states, err := c.view.PartyHistory(c.ctx, id)
	if err == nil && len(states) == 0 {
		err = notFound("party", id, c.view.Position())
	}
	return partyHistoryAnswer{id, states}, err
}

type hookRateQuery struct {
	reading
	Region string `query:"region" doc:"the region code of the entries. Default: all"`
}

func getHookRate(c *question, q hookRateQuery) (projections.HookRate, error) {
	return c.view.HookRate(c.ctx, q.Region)
}
