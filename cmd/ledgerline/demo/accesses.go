package demo

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"ledgerline/events"
)

// call is one call for data, as the gateway logs it.
type call struct {
	at                 time.Time
	recorded           time.Time // zero: a moment later
	consumer, operator string
	agreement          string
	entry              string
	columns            []string
	purpose            string
	method             string
	rows               int
	result, reason     string
	credential         string // whose; empty: the consumer's
	person             string // who is asked about, if one person is
	note               string
}

// usage is regular use under an agreement: every so many days, from its delivery
// until a day.
type usage struct {
	agreement, entry string
	from, to         string
	days             int
	rows             int
	single           bool // one person at a time
	without          string
}

// usages begin on the day of delivery. What C02 reads under A00, A04, A05 and
// A10, and D03 for its match, follows their runs: see jobCalls.
var usages = []usage{
	{agreement: "A01", entry: "DS11", from: "2025-08-20 09:00", to: "2026-03-31 00:00", days: 7, rows: 18_000},
	{agreement: "A02", entry: "DS02", from: "2025-10-14 06:00", to: "2026-03-31 00:00", days: 7, rows: 2_600},
	{agreement: "A03", entry: "DS08", from: "2025-09-19 06:00", to: "2026-03-31 00:00", days: 7, rows: 1_900},
	{agreement: "A06", entry: "DS01", from: "2025-11-21 10:00", to: "2026-03-31 00:00", days: 5, rows: 1, single: true},
	{agreement: "A07", entry: "DS24", from: "2025-10-30 04:00", to: "2026-03-31 00:00", days: 30, rows: 210_000},
	{agreement: "A08", entry: "DS18", from: "2025-12-03 05:00", to: "2026-03-31 00:00", days: 30, rows: 96_000},
	{agreement: "A08", entry: "DS19", from: "2025-12-03 05:30", to: "2026-02-20 00:00", days: 30, rows: 1_400},
	{agreement: "A09", entry: "DS23", from: "2025-12-01 08:00", to: "2026-03-31 00:00", days: 28, rows: 41_000},
	{agreement: "A11", entry: "DS23", from: "2025-12-19 09:00", to: "2026-01-14 00:00", days: 3, rows: 1, single: true},
	{agreement: "A11", entry: "DS23", from: "2026-02-09 14:00", to: "2026-03-31 00:00", days: 4, rows: 1, single: true, without: "lxdh"},
	{agreement: "A12", entry: "DS03", from: "2026-01-08 13:00", to: "2026-03-31 00:00", days: 6, rows: 1, single: true},
	{agreement: "A13", entry: "DS15", from: "2026-01-21 07:00", to: "2026-03-31 00:00", days: 14, rows: 52_000},
	{agreement: "A14", entry: "DS11", from: "2026-01-20 10:00", to: "2026-03-10 00:00", days: 7, rows: 320},
	{agreement: "A15", entry: "DS06", from: "2026-03-27 10:00", to: "2026-03-31 00:00", days: 2, rows: 12},
}

// accessSteps tells every call that the gateway logged, in the gateway's own
// gapless numbering.
func accessSteps() []Step {
	calls := slices.Concat(regularCalls(), jobCalls(), notableCalls)
	for i := range calls {
		if calls[i].recorded.IsZero() {
			lag := time.Second + time.Duration(draw(8_000, calls[i].id()))*time.Millisecond
			calls[i].recorded = calls[i].at.Add(lag)
		}
	}
	slices.SortStableFunc(calls, func(a, b call) int {
		return cmp.Or(a.recorded.Compare(b.recorded), strings.Compare(a.id(), b.id()))
	})
	steps := make([]Step, len(calls))
	for i, c := range calls {
		e := c.event()
		e.Producer = &events.ProducerSeq{ID: "gateway-1", Seq: uint64(i + 1)}
		note := cmp.Or(c.note, fmt.Sprintf("%s reads %s", c.consumer, c.entry))
		steps[i] = recordAt(c.recorded, e, note)
	}
	return steps
}

// regularCalls makes the calls of the usages.
func regularCalls() []call {
	var calls []call
	for _, u := range usages {
		calls = append(calls, u.calls()...)
	}
	return calls
}

// calls makes the calls of a usage.
func (u usage) calls() []call {
	var calls []call
	a := agreementOf(u.agreement)
	columns := except(a.itemsOf(u.entry), u.without)
	for i, d := range every(on(u.from), on(u.to), u.days) {
		seed := fmt.Sprintf("%s/%s/%d", u.agreement, u.entry, i)
		c := call{
			at:       d.Add(time.Duration(draw(7_200_000, "at", seed)) * time.Millisecond),
			consumer: a.consumer, agreement: a.id, entry: u.entry, columns: columns,
			purpose: a.purpose, method: a.method, rows: u.rows, result: events.AccessOK,
		}
		if u.single {
			c.person = digest("person/" + seed)
		} else {
			c.rows = u.rows - u.rows/10 + int(draw(uint64(u.rows/5)+1, "rows", seed))
		}
		calls = append(calls, c)
	}
	return calls
}

// jobCalls makes the calls behind the runs that read under agreements: each input
// of a household check (J11) and of the match with deaths (J10) that belongs to
// another department is one call. Where nobody granted the input there is no
// agreement to name, and the gateway logs the call without one.
func jobCalls() []call {
	var calls []call
	for _, r := range runs() {
		if r.job.id != "J10" && r.job.id != "J11" {
			continue
		}
		v := r.job.version(r.start)
		for i, id := range v.inputs() {
			e := entryOf(id)
			if e.provider == r.job.owner {
				continue
			}
			c := call{
				at:       r.start.Add(time.Duration(i+1) * 11 * time.Second),
				consumer: r.job.owner, agreement: covering(r.job.owner, id, r.start), entry: id, columns: v.columnsOf(id),
				purpose: purposeAid, method: "batch", rows: 300 + int(draw(200, r.id(), id)), result: events.AccessOK,
			}
			if r.job.id == "J10" {
				c.purpose, c.rows = purposeBenefit, 61_000+int(draw(2_000, r.id()))
			}
			if e.service {
				c.method = "verify_only"
			}
			calls = append(calls, c)
		}
	}
	return calls
}

// columnsOf lists the columns a version reads of an entry, in the entry's order.
func (v jobVersion) columnsOf(entry string) []string {
	read := map[string]bool{}
	for _, c := range v.columns {
		for _, s := range c.from {
			read[s.ref] = true
		}
	}
	for _, s := range v.keys {
		read[s.ref] = true
	}
	return slices.DeleteFunc(entryOf(entry).itemIDs(), func(item string) bool { return !read[entry+"."+item] })
}

// notableCalls are those an investigation looks for.
var notableCalls = []call{
	{
		at: on("2025-12-18 15:12"), consumer: "C02", entry: "DS13", purpose: purposeAid, method: "api",
		result: events.AccessDenied, reason: "no_agreement", note: "C02 asks for tax details, which are not shared, and is denied",
	},
	{
		at: on("2026-01-14 21:40"), consumer: "D03", operator: "X2", agreement: "A11", entry: "DS23", columns: []string{"xm", "lxdh"},
		purpose: purposeBenefit, method: "api", rows: 182_406, result: events.AccessOK, credential: "X2",
		note: "D03's contractor takes 182,406 names and telephone numbers",
	},
	{
		at: on("2026-01-15 02:10"), consumer: "D03", operator: "X2", agreement: "A11", entry: "DS23", columns: []string{"xm", "lxdh"},
		purpose: purposeBenefit, method: "api", result: events.AccessDenied, reason: "rate", credential: "X2",
		note: "the contractor tries again and meets the limit of the night",
	},
	{
		// The gateway learned of the suspension with its next refresh.
		at: on("2026-01-16 18:07"), consumer: "D03", agreement: "A11", entry: "DS23", columns: []string{"gmsfhm", "shzt", "swrq"},
		purpose: purposeBenefit, method: "api", rows: 1, result: events.AccessOK, person: digest("person/after-suspension"),
		note: "D03 reads seven minutes after A11 was suspended",
	},
	{
		at: on("2026-01-17 09:30"), consumer: "D03", agreement: "A11", entry: "DS23", columns: []string{"gmsfhm", "shzt"},
		purpose: purposeBenefit, method: "api", result: events.AccessDenied, reason: "suspended", note: "D03 is denied: A11 is suspended",
	},
	{
		at: on("2026-01-19 10:02"), consumer: "D03", agreement: "A11", entry: "DS23", columns: []string{"gmsfhm", "shzt"},
		purpose: purposeBenefit, method: "api", result: events.AccessDenied, reason: "suspended", note: "D03 is denied: A11 is suspended",
	},
	{
		at: on("2026-02-03 16:21"), consumer: "D04", agreement: "A09", entry: "DS23", columns: []string{"gmsfhm", "shzt", "lxdh"},
		purpose: purposeAid, method: "api", rows: 214, result: events.AccessOK, note: "D04 gets telephone numbers that A09 does not grant",
	},
	{
		at: on("2026-02-04 09:05"), consumer: "D04", agreement: "A09", entry: "DS23", columns: []string{"gmsfhm", "lxdh"},
		purpose: purposeAid, method: "api", result: events.AccessDenied, reason: "column_not_granted", note: "D04 is denied: the gateway was corrected overnight",
	},
	{
		at: on("2026-02-20 11:48"), consumer: "D05", agreement: "A12", entry: "DS03", columns: []string{"jzdz", "jzd_qh"},
		purpose: purposeSupervision, method: "api", rows: 36, result: events.AccessOK, note: "D05 reads under A12 for a purpose it was not granted for",
	},
	{
		at: on("2026-03-12 10:15"), consumer: "C03", agreement: "A14", entry: "DS11", columns: []string{"tyshxydm", "djzt"},
		purpose: purposeService, method: "api", result: events.AccessDenied, reason: "not_active", note: "C03 is denied: A14 has ended",
	},
	{
		// The gateway's log was cut off from the ledger for a day.
		at: on("2025-11-05 14:03"), recorded: on("2025-11-06 09:00"), consumer: "D05", agreement: "A01", entry: "DS11", columns: []string{"tyshxydm", "djzt"},
		purpose: purposeTax, method: "api", rows: 41, result: events.AccessOK, note: "D05's call of yesterday is recorded late",
	},
	{
		at: on("2025-11-05 15:37"), recorded: on("2025-11-06 09:00"), consumer: "D05", agreement: "A01", entry: "DS11", columns: []string{"tyshxydm", "djzt"},
		purpose: purposeTax, method: "api", rows: 17, result: events.AccessOK, note: "D05's call of yesterday is recorded late",
	},
	{
		at: on("2025-11-05 16:20"), recorded: on("2025-11-06 09:00"), consumer: "D03", agreement: "A03", entry: "DS08", columns: []string{"gmsfhm", "swrq"},
		purpose: purposeBenefit, method: "batch", rows: 1_912, result: events.AccessOK, note: "D03's call of yesterday is recorded late",
	},
}

// id is the gateway's number of the call.
func (c call) id() string {
	return "GW" + c.at.Format("20060102150405.000") + "-" + c.consumer + "-" + c.entry
}

// callers are the applications that departments call from, as they are known to the
// gateway.
var callers = map[string]string{
	"D02": "信用监管平台", "D03": "养老待遇资格认证系统", "D04": "低保复核系统", "D05": "税源管理系统", "D06": "出生一件事平台",
	"C01": "城市数据平台", "C02": "居民家庭经济状况核对系统", "C03": "用地审批系统",
}

// system is the application that called. The contractor did not call from the one that
// looks after pensions.
func (c call) system() string {
	if c.operator == "X2" {
		return "承包商运维终端"
	}
	return callers[c.consumer]
}

// event is the call as the ledger is told of it: never with what was returned,
// and with the person only in a sealed facet.
func (c call) event() events.Event {
	e := entryOf(c.entry)
	d := &events.AccessRecorded{
		Call: c.id(), Provider: e.provider, Consumer: c.consumer, Operator: cmp.Or(c.operator, "X1"), System: c.system(),
		Agreement: c.agreement, Purpose: c.purpose, Entry: c.entry, EntryVersion: versionAt(c.entry, c.at),
		Dataset: events.DatasetRef{Namespace: e.table.namespace, Name: e.table.name},
		Method:  c.method, Columns: c.columns, RowCount: c.rows, Result: c.result, Reason: c.reason,
		Started: events.TimeOf(c.at), Ended: events.TimeOf(c.at.Add(time.Duration(120+c.rows/40) * time.Millisecond)),
		Credential: "sha256:" + digest("credential/"+cmp.Or(c.credential, c.consumer)), AuthMethod: "client_certificate",
		RequestDigest: digest("request/" + c.id()), Bytes: c.rows * len(c.columns) * 18,
	}
	if c.agreement != "" {
		d.RequestNo, d.AgreementVersion = "R-"+c.agreement, 1
	}
	if c.rows > 0 {
		d.ResponseDigest = digest("response/" + c.id())
	}
	if c.agreement == "A12" {
		d.Masking = "keyed_hash"
	}
	if c.person != "" {
		one := 1
		d.SubjectCount, d.DataSubject = &one, c.person
		d.Query = fmt.Sprintf("按人查询，业务受理号 %s Query for one person, case number %s", c.at.Format("ML20060102-150405"), c.at.Format("ML20060102-150405"))
	}
	told := events.Event{
		ID: c.id(), Source: gatewaySource, Type: "access.call.recorded", Time: events.TimeOf(c.at),
		Party: e.provider, Actor: actor(c.consumer, "consumer_operator"), Data: d,
	}
	if c.result == events.AccessDenied {
		told.Type = "access.call.denied"
		told.Data = &events.CallDenied{
			Call: d.Call, Provider: d.Provider, Consumer: d.Consumer, Operator: d.Operator, System: d.System, Agreement: d.Agreement, AgreementVersion: d.AgreementVersion, RequestNo: d.RequestNo,
			Purpose: d.Purpose, Entry: d.Entry, EntryVersion: d.EntryVersion, Dataset: d.Dataset, Method: d.Method, Columns: d.Columns,
			Reason: d.Reason, Credential: d.Credential, AuthMethod: d.AuthMethod, RequestDigest: d.RequestDigest,
		}
	}
	if c.operator != "" {
		told.Actor, told.OnBehalfOf = actor(c.operator, "contractor"), c.consumer
	}
	return told
}

// digest stands for a keyed hash that the gateway made: of a person, a
// credential or a message. In a story it is the hash of a name.
func digest(of string) string {
	sum := sha256.Sum256([]byte(of))
	return hex.EncodeToString(sum[:])
}
