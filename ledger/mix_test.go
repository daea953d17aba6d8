package ledger

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"ledgerline/events"
)

// A mix makes events of several kinds, the same ones from the same seed: of 20, 10
// calls for data, 4 events of lineage runs, 3 drafts of catalog entries and 3 quality
// issues. Ids and runs are random UUIDs, as producers draw them,
// which no compression makes smaller.
type mix struct {
	rng *rand.Rand
	n   int
	at  events.Time
}

func newMix() *mix { return &mix{rng: rand.New(rand.NewPCG(1, 2)), at: 1_772_352_000_000_000} }

const mixParties, mixEntries, mixAgreements, mixJobs = 50, 300, 300, 400

var mixColumns = []string{"gmsfhm", "xm", "swrq", "djjg", "zxrq", "lxdh", "zz", "ly"}

func (m *mix) uuid() string {
	a, b := m.rng.Uint64(), m.rng.Uint64()
	return fmt.Sprintf("%08x-%04x-4%03x-%04x-%012x", uint32(a), uint16(a>>32), uint16(a>>48)&0xfff, uint16(b)&0x3fff|0x8000, b>>16)
}

func (m *mix) event(typ string, data events.Data) events.Event {
	m.n++
	m.at += events.Time(1000 + m.rng.IntN(10_000))
	return events.Event{ID: m.uuid(), Source: "https://exchange.example/platform", Type: typ, Schema: 1, Time: m.at, Principal: "platform", Data: data}
}

func mixParty(i int) string     { return fmt.Sprintf("P%03d", i%mixParties) }
func mixEntry(i int) string     { return fmt.Sprintf("DS%04d", i%mixEntries) }
func mixAgreement(i int) string { return fmt.Sprintf("A%04d", i%mixAgreements) }

// setup are the parties, entries and agreements that the other events speak of.
func (m *mix) setup() (out []events.Event) {
	for i := range mixParties {
		out = append(out, m.event("party.body.registered", &events.PartyRegistered{Party: mixParty(i), Name: "Body " + mixParty(i), Kind: "department", Region: "990000", Level: "provincial"}))
	}
	for i := range mixEntries {
		out = append(out, m.event("catalog.entry.drafted", m.draft(mixEntry(i), i)))
	}
	return out
}

func (m *mix) draft(id string, i int) *events.EntryDrafted {
	d := &events.EntryDrafted{
		Entry: id, Version: 1, Provider: mixParty(i), Title: "死亡登记信息 " + id, UpdateFrequency: "daily", Grade: "general-2", Region: "990000",
		Sharing:   events.Sharing{Attribute: events.SharingConditional, Range: "departments", Purposes: []string{"benefit_eligibility"}},
		Resources: []events.Resource{{Namespace: "postgres://exchange:5432", Name: fmt.Sprintf("public.t%04d", i), Method: "api"}},
	}
	for _, c := range mixColumns[:1+i%2] {
		d.Items = append(d.Items, events.EntryItem{ID: c, Name: "数据项 " + c, Type: "text"})
	}
	return d
}

// next makes n events.
func (m *mix) next(n int) []events.Event {
	out := make([]events.Event, n)
	for i := range out {
		switch k := m.n % 20; {
		case k < 10:
			out[i] = m.access()
		case k < 14:
			out[i] = m.lineage()
		case k < 17:
			out[i] = m.event("catalog.entry.drafted", m.draft(fmt.Sprintf("NEW%09d", m.n), mixEntries+m.n))
		default:
			j := m.rng.IntN(mixAgreements)
			out[i] = m.event("quality.issue.reported", &events.QualityIssueReported{
				Issue: fmt.Sprintf("Q%09d", m.n), By: mixParty(j + 1), Agreement: mixAgreement(j), Entry: mixEntry(j), Items: mixColumns[1:2],
				Dimension: "GB36344:0302", Symptom: "missing", Severity: "minor", Count: 1 + m.rng.IntN(100), Description: "no date of birth in some rows",
			})
		}
	}
	return out
}

func (m *mix) access() events.Event {
	i := m.rng.IntN(mixAgreements)
	return m.event("access.call.recorded", &events.AccessRecorded{
		Call: fmt.Sprintf("call-%012d", m.n), Provider: mixParty(i), Consumer: mixParty(i + 1), Agreement: mixAgreement(i), AgreementVersion: 1,
		Purpose: "benefit_eligibility", Entry: mixEntry(i), EntryVersion: 1, Method: "api", Columns: mixColumns[:1+m.rng.IntN(3)],
		RowCount: 1 + m.rng.IntN(20), Result: events.AccessOK,
	})
}

func (m *mix) lineage() events.Event {
	job := m.rng.IntN(mixJobs)
	d := &events.OpenLineageReceived{
		Kind: events.OpenLineageRun, EventType: "COMPLETE", EventTime: m.at, Run: m.uuid(),
		Job: events.JobRef{Namespace: "airflow", Name: fmt.Sprintf("job%04d", job)}, Verdict: events.Verdict{Conformant: true},
		Digest: fmt.Sprintf("%016x%016x%016x%016x", m.rng.Uint64(), m.rng.Uint64(), m.rng.Uint64(), m.rng.Uint64()),
	}
	for i := range 1 + job%2 {
		d.Inputs = append(d.Inputs, events.LineageInput{Namespace: "postgres://exchange:5432", Name: fmt.Sprintf("public.t%04d", max(job-7*i, 0)%mixEntries)})
	}
	d.Outputs = []events.LineageOutput{{Namespace: "postgres://exchange:5432", Name: fmt.Sprintf("public.t%04d", (job+1)%mixEntries)}}
	return m.event("lineage.openlineage.received", d)
}

// jsonBytes is the mean size of events in the JSON form of CloudEvents.
func jsonBytes(t testing.TB, evs []events.Event) float64 {
	t.Helper()
	total := 0
	for _, ev := range evs {
		ev.Facets = slices.Clone(ev.Facets)
		b, err := events.EncodeStructured(ev)
		if err != nil {
			t.Fatal(err)
		}
		total += len(b)
	}
	return float64(total) / float64(len(evs))
}

// fillMixed appends until there are n records. The next batch is made while one is
// being recorded.
func fillMixed(b *testing.B, l *Ledger, m *mix, n int) {
	b.Helper()
	batches := make(chan []events.Event, 2)
	left := (n - int(l.Head().Size) + 999) / 1000
	go func() {
		defer close(batches)
		for range left {
			batches <- m.next(1000)
		}
	}()
	for batch := range batches {
		if _, err := l.Append(ctx, batch...); err != nil {
			b.Error(err)
		}
	}
}
