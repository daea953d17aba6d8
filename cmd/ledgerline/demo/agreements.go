package demo

import (
	"fmt"
	"strings"
	"time"

	"ledgerline/events"
)

// agreement is a grant, and its story in words.
type agreement struct {
	id                 string // A00-D01 … A15
	provider, consumer string
	grants             []grant
	purpose            string
	method             string
	// granted is when the provider agreed; the agreement is active from then on.
	granted string
	// asked is when the request was made, provided when the data could first be had.
	asked, provided string
	// region and filter bound the rows.
	region, filter string
	story          string
}

// grant is what is granted of an entry: the items, separated by spaces, and how
// some are masked.
type grant struct {
	entry   string
	items   string
	masking map[string]string
}

const blanket = "part of A00, the blanket agreement for household checks from before the ledger; the tax office (DS20) is no party to it"

// agreements in the order of their ids. "Due" is what the working-day calendar
// makes of the law's terms, with its moved weekends; late ones say so.
var agreements = []agreement{
	{
		id: "A00-D01", provider: "D01", consumer: "C02", purpose: purposeAid, method: "database", granted: "2023-05-15 10:00", region: city,
		grants: []grant{{entry: "DS01", items: "gmsfhm xm hh yhzgx hyzk"}},
		story:  blanket,
	},
	{
		id: "A00-D02", provider: "D02", consumer: "C02", purpose: purposeAid, method: "database", granted: "2023-05-15 10:00", region: city,
		grants: []grant{{entry: "DS11", items: "tyshxydm mc fddbr_sfzh djzt"}},
		story:  blanket,
	},
	{
		id: "A00-D03", provider: "D03", consumer: "C02", purpose: purposeAid, method: "database", granted: "2023-05-15 10:00", region: city,
		grants: []grant{
			{entry: "DS15", items: "gmsfhm cbzt jfjs"},
			{entry: "DS16", items: "gmsfhm ffyf ffje"},
			{entry: "DS17", items: "gmsfhm sylqqs sylqzz lqje"},
		},
		story: blanket,
	},
	{
		id: "A01", provider: "D02", consumer: "D05", purpose: purposeTax, method: "api", granted: "2025-08-12 11:20", asked: "2025-08-11 09:20", provided: "2025-08-20 08:30",
		grants: []grant{{entry: "DS11", items: "tyshxydm mc fddbr zczb clrq jyfw hydm djjg_qh djzt hzrq"}},
		story:  "asked 08-11, due 08-12; delivered 08-20: clean",
	},
	{
		id: "A02", provider: "D01", consumer: "D03", purpose: purposeBenefit, method: "batch", granted: "2025-08-28 16:10", asked: "2025-08-18 09:20", provided: "2025-10-14 05:30",
		grants: []grant{{entry: "DS02", items: "gmsfhm xm zxyy swrq zxrq"}},
		story:  "asked 08-18, due 09-01; delivery due 09-25, done 10-14, late: a pension was paid in between",
	},
	{
		id: "A03", provider: "D04", consumer: "D03", purpose: purposeBenefit, method: "batch", granted: "2025-09-02 15:05", asked: "2025-08-20 09:20", provided: "2025-09-19 05:30",
		grants: []grant{{entry: "DS08", items: "gmsfhm xm swrq hhrq"}},
		story:  "asked 08-20, due 09-03; delivered 09-19: clean",
	},
	{
		id: "A04", provider: "D01", consumer: "C02", purpose: purposeAid, method: "api", granted: "2025-10-20 14:30", asked: "2025-09-01 09:20", provided: "2025-11-12 06:00", region: city,
		grants: []grant{{entry: "DS04", items: "hphm hpzl syr_sfzh cllx zt"}},
		story:  "asked 09-01, refused 09-12 as beyond the stated duty; disputed 09-15, settled by the data bureau; delivered 11-12",
	},
	{
		id: "A05", provider: "C03", consumer: "C02", purpose: purposeAid, method: "api", granted: "2025-10-10 09:40", asked: "2025-09-22 09:20", provided: "2025-10-27 06:00", region: city,
		grants: []grant{{entry: "DS21", items: "bdcdyh qlr_sfzh mj yt zt"}},
		story:  "asked 09-22, due 10-11, a Saturday on which people work; delivered 10-27",
	},
	{
		id: "A06", provider: "D01", consumer: "D06", purpose: purposeService, method: "api", granted: "2025-10-28 09:12", asked: "2025-09-26 09:20", provided: "2025-11-21 09:30",
		grants: []grant{{entry: "DS01", items: "gmsfhm xm xb csrq hjd_qh"}},
		story:  "newborns registered at the hospital; asked 09-26, due 10-16, lawfully extended to 10-30; delivered 11-21",
	},
	{
		id: "A07", provider: "D07", consumer: "C01", purpose: purposeReturn, method: "batch", granted: "2025-10-14 10:05", asked: "2025-10-13 09:20", provided: "2025-10-30 03:30", region: city, filter: "djjg_qh LIKE '9901%'",
		grants: []grant{{entry: "DS24", items: "tyshxydm mc frlx fddbr clrq djzt nsrzt cbrs ycbs gxsj"}},
		story:  "return flow of the city's rows; asked 10-13, due 10-14; delivered 10-30",
	},
	{
		id: "A08", provider: "D05", consumer: "D02", purpose: purposeCredit, method: "batch", granted: "2025-11-07 17:02", asked: "2025-10-20 09:20", provided: "2025-12-03 04:30",
		grants: []grant{
			{entry: "DS18", items: "nsrsbh tyshxydm nsrzt djrq"},
			{entry: "DS19", items: "nsrsbh qssz qsje ggrq"},
		},
		story: "asked 10-20, due 11-03, answered four days late without extension; delivered 12-03",
	},
	{
		id: "A09", provider: "D07", consumer: "D04", purpose: purposeAid, method: "api", granted: "2025-11-14 11:00", asked: "2025-11-03 09:20", provided: "2025-12-01 07:30",
		grants: []grant{{entry: "DS23", items: "gmsfhm hyzk shzt"}},
		story:  "three columns to review recipients; asked 11-03, due 11-17; delivered 12-01",
	},
	{
		id: "A10", provider: "D04", consumer: "C02", purpose: purposeAid, method: "api", granted: "2025-11-20 15:45", asked: "2025-11-10 09:20", provided: "2025-12-10 06:00", region: city,
		grants: []grant{{entry: "DS07", items: "nfsfzh wfsfzh djlx djrq zt"}},
		story:  "asked 11-10, supplement asked 11-12 and given 11-14; due 11-24, or 11-28 if that restarts the clock; delivered 12-10",
	},
	{
		id: "A11", provider: "D07", consumer: "D03", purpose: purposeBenefit, method: "api", granted: "2025-12-05 10:30", asked: "2025-11-24 09:20", provided: "2025-12-19 08:30",
		grants: []grant{{entry: "DS23", items: "gmsfhm xm shzt swrq swly lxdh"}},
		story:  "asked 11-24, due 12-08; delivered 12-19; leaked on 2026-01-14, suspended on the 16th, resumed on 02-09 without telephone numbers",
	},
	{
		id: "A12", provider: "D01", consumer: "D05", purpose: purposeTax, method: "api", granted: "2025-12-12 14:15", asked: "2025-12-01 09:20", provided: "2026-01-08 12:30",
		grants: []grant{{entry: "DS03", items: "gmsfhm jzdz jzd_qh zt", masking: map[string]string{"gmsfhm": "keyed_hash"}}},
		story:  "granted in part: identity numbers masked; asked 12-01, due 12-15; delivered 01-08",
	},
	{
		id: "A13", provider: "D03", consumer: "D02", purpose: purposeSupervision, method: "batch", granted: "2025-12-26 16:20", asked: "2025-12-15 09:20", provided: "2026-01-21 06:30",
		filter: "count(*) GROUP BY cbdw, cbzt",
		grants: []grant{{entry: "DS15", items: "cbdw cbzt", masking: map[string]string{"cbzt": "aggregate_only"}}},
		story:  "head counts only; asked 12-15, due 12-29; delivered 01-21; interface changed 03-02 without notice",
	},
	{
		id: "A14", provider: "D02", consumer: "C03", purpose: purposeService, method: "api", granted: "2026-01-13 11:10", asked: "2026-01-12 09:20", provided: "2026-01-20 09:30",
		grants: []grant{{entry: "DS11", items: "tyshxydm mc clrq djzt"}},
		story:  "asked 01-12, due 01-13; delivered 01-20; ended 03-10, its purpose fulfilled",
	},
	{
		id: "A15", provider: "D06", consumer: "C02", purpose: purposeAid, method: "api", granted: "2026-03-05 16:40", asked: "2026-02-12 09:20", provided: "2026-03-27 09:30", region: city,
		grants: []grant{{entry: "DS06", items: "gmsfhm swsj"}},
		story:  "funeral aid; asked 02-12, due 03-04 by the calendar of moved weekends, answered 03-05: one day late; delivered 03-27",
	},
}

func agreementOf(id string) agreement {
	return find(agreements, id, func(a agreement) string { return a.id })
}

// agreementSteps activates every agreement, and tells what became of A11 and A14.
func agreementSteps() []Step {
	var steps []Step
	for _, a := range agreements {
		if a.old() {
			// Signed in 2023. The ledger hears of it once the entries it grants are
			// published, as something from before its time.
			imported := a.activated()
			imported.Imported = true
			steps = append(steps, recordAt(on("2025-08-12 09:00"), imported, a.id+" is imported: "+a.story))
			continue
		}
		steps = append(steps, record(a.activated(), a.id+" is activated: "+a.story))
	}
	return append(steps, leakSteps()...)
}

// leakSteps: D03's contractor exported names and telephone numbers under A11. The
// data bureau suspended it two days later, and let it go on without the numbers.
// A14 simply ended: its purpose was fulfilled.
func leakSteps() []Step {
	a11, a14 := agreementOf("A11"), agreementOf("A14")
	return []Step{
		record(a11.event(on("2026-01-16 18:00"), "suspended", "D07", &events.AgreementSuspended{
			Agreement: "A11", By: "D07", Cause: "onward_provision", Finding: "incident-2026-0115",
		}), "A11 is suspended: its data was passed on"),
		record(a11.event(on("2026-02-09 09:00"), "resumed", "D07", &events.AgreementResumed{
			Agreement: "A11", By: "D07", Cause: "rectification_accepted",
			ItemsRemoved: []events.ItemRef{{Entry: "DS23", Item: "lxdh"}},
		}), "A11 is resumed without telephone numbers"),
		record(a14.event(on("2026-03-10 15:20"), "fulfilled", "C03", &events.AgreementFulfilled{
			Agreement: "A14", By: "C03", Cause: "purpose_reached",
		}), "A14 ends: its purpose is fulfilled"),
	}
}

func (a agreement) event(at time.Time, verb, party string, data events.Data) events.Event {
	return events.Event{
		ID: a.id + "-" + verb, Source: catalogSource, Type: "share.agreement." + verb, Time: events.TimeOf(at),
		Party: party, Actor: actor(party, "sharing_body_head"), Correlation: "case-" + a.id, Data: data,
	}
}

// request is the id of the request that the agreement answers; those from before
// the ledger have none in it.
func (a agreement) request() string {
	if a.old() {
		return ""
	}
	return "R-" + a.id
}

// old tells the agreements from before the ledger.
func (a agreement) old() bool { return strings.HasPrefix(a.id, "A00") }

// activated is the grant: for twelve months (the imported ones for three years),
// to be reviewed at half the term.
func (a agreement) activated() events.Event {
	from := on(a.granted)
	years, review := 1, from.AddDate(0, 6, 0)
	basis := events.LegalBasis{Instrument: "政务数据共享条例（国务院令第809号）", Article: "21", Kind: "OfficialAuthorityOfController"}
	if a.old() {
		years, review = 3, from.AddDate(1, 6, 0)
		basis = events.LegalBasis{Instrument: "社会救助暂行办法（国务院令第649号）", Article: "58", Kind: "LegalObligation"}
	}
	d := &events.AgreementActivated{
		Agreement: a.id, Request: a.request(), Provider: a.provider, Consumer: a.consumer,
		Purposes: []string{a.purpose}, Method: a.method,
		Scope:     events.Scope{Region: a.region},
		ValidFrom: events.TimeOf(from), ValidTo: events.TimeOf(from.AddDate(years, 0, 0)), ReviewDate: events.TimeOf(review),
		Onward: events.OnwardForbidden, Disposal: "erase", ApprovedBy: actor(a.provider, "sharing_body_head"),
		LegalBasis: []events.LegalBasis{basis}, Contract: "sha256:" + digest("contract/"+a.id),
	}
	if a.filter != "" {
		d.Scope.Filters = []string{a.filter}
	}
	for _, g := range a.grants {
		d.Grants = append(d.Grants, events.Grant{
			Entry: g.entry, EntryVersion: 1, Items: strings.Fields(g.items), Masking: g.masking,
		})
	}
	return a.event(from, "activated", a.provider, d)
}

// covering finds the agreement under which a party may have an entry, among
// those granted by a time; empty if there is none.
func covering(consumer, entry string, at time.Time) string {
	for _, a := range agreements {
		if a.consumer != consumer || on(a.granted).After(at) {
			continue
		}
		for _, g := range a.grants {
			if g.entry == entry {
				return a.id
			}
		}
	}
	return ""
}

// itemsOf lists the items of an entry under an agreement when it began.
func (a agreement) itemsOf(entry string) []string {
	for _, g := range a.grants {
		if g.entry == entry {
			return strings.Fields(g.items)
		}
	}
	panic(fmt.Sprintf("demo: %s does not grant %s", a.id, entry))
}
