package projections

import (
	"bytes"
	"cmp"
	"context"
	"slices"

	"ledgerline/events"
	"ledgerline/ledger"
)

// A producer that numbers what it sends without gaps shows what is lost before the
// ledger. Two things are numbered: the events themselves (producerid, producerseq),
// and the calls that sealed batches stand for.

// The things that are numbered.
const (
	NumbersEvents = "events"
	NumbersCalls  = "calls"
)

// RuleSequenceGap is broken by a producer whose numbers are missing, with no gap
// declared; RuleNumberRepeated by one that gives a number out twice.
const (
	RuleSequenceGap    = "producer.sequence-gap"
	RuleNumberRepeated = "producer.number-repeated"
)

// Producer is how far one numbers, and what is missing.
type Producer struct {
	ID string `json:"id"`
	// Numbers is events or calls.
	Numbers string `json:"numbers"`
	// Owner keeps the numbers of producers of the same id apart: who authenticated for
	// events, the provider for calls.
	Owner string `json:"owner"`
	// Party answers for it: the party that its events name, or the provider.
	Party string `json:"party,omitempty"`
	// Last is the highest number so far.
	Last uint64 `json:"last"`
	// Missing are the runs of numbers that were not recorded, ascending, and Unlisted
	// how many numbers are missing besides, of runs beyond MissingRuns.
	Missing  []Missing `json:"missing"`
	Unlisted uint64    `json:"unlisted,omitempty"`
}

// MissingRuns is how many runs of missing numbers are listed for a producer.
const MissingRuns = 1000

// Missing is a run of numbers that were not recorded.
type Missing struct {
	First uint64 `json:"first"`
	Last  uint64 `json:"last"`
	// Position is the record that showed it, Time its time as claimed.
	Position int64       `json:"position"`
	Time     events.Time `json:"time"`
	// Declared is the record that declares the gap; 0 if none does.
	Declared int64 `json:"declared,omitempty"`
}

// sequence is the row of a producer. Events that follow on each other are nearly
// all there are, and are only counted: Last is as of when the row was written, and
// Counted what the counter stood at.
type sequence struct {
	Producer Producer
	Counted  int64
	Root     []byte // of the last batch
}

func (s *sequence) code(c *coder) {
	s.Producer.code(c)
	integer(c, &s.Counted)
	c.bytes(&s.Root)
}

func (p *Producer) code(c *coder) {
	c.texts(&p.ID, &p.Numbers, &p.Owner, &p.Party)
	integer(c, &p.Last)
	list(c, &p.Missing, (*Missing).code)
	integer(c, &p.Unlisted)
}

func (m *Missing) code(c *coder) {
	integer(c, &m.First)
	integer(c, &m.Last)
	integer(c, &m.Position)
	integer(c, &m.Time)
	integer(c, &m.Declared)
}

// ProducerQuery selects producers; empty fields select everything.
type ProducerQuery struct {
	Party string
	// Gaps selects those that miss numbers, declared or not.
	Gaps bool
	Page
}

// ProducerList is one part of a list of producers, ordered by what they number,
// owner and id.
type ProducerList struct {
	Producers []Producer `json:"producers"`
	Next      string     `json:"next,omitempty"`
}

func sequenceKey(numbers, owner, id string) []byte {
	return entityKey(tProducer, producerName(numbers, owner, id))
}

// producerName is a producer's name as one part of a key and as a cursor.
func producerName(numbers, owner, id string) string {
	return string(entityKey(0, numbers, owner, id)[1:])
}

// countedName is the counter of a producer's events.
func countedName(owner, id string) string {
	return "numbered/" + producerName(NumbersEvents, owner, id)
}

// applyProducers follows the numbers of events.
func applyProducers(b *batch, e *ledger.Entry) error {
	p := e.Event.Producer
	if p == nil || e.Event.Imported { // how it was numbered where it comes from says nothing here
		return nil
	}
	owner, name := e.Event.Principal, countedName(e.Event.Principal, p.ID)
	seen, err := b.counted(name)
	if err != nil {
		return err
	}
	k := sequenceKey(NumbersEvents, owner, p.ID)
	n, err := recall[sequence](b, k)
	if err != nil {
		return err
	}
	if n != nil && p.Seq == n.last(seen)+1 {
		return b.count(name, 1)
	}
	next := sequence{Producer: Producer{ID: p.ID, Numbers: NumbersEvents, Owner: owner, Party: e.Event.Party}, Counted: seen}
	if n != nil {
		next.Producer = n.Producer
		next.Producer.Last = n.last(seen)
	}
	if repeated := next.Producer.take(p.Seq, p.Seq, e); repeated {
		b.putOnce(violationKey(e.Position, RuleNumberRepeated), &Violation{
			Rule: RuleNumberRepeated, Party: next.Producer.Party, Time: e.Event.Time, Events: []int64{e.Position},
			Detailed: find(saidNumberRepeated, p.Seq, p.ID),
		})
		return nil
	}
	b.put(k, &next)
	return nil
}

// last is the highest number when the counter stands at seen.
func (n *sequence) last(seen int64) uint64 { return n.Producer.Last + uint64(seen-n.Counted) }

// follow keeps up with the numbers of calls: a batch takes some, a gap declares some
// missing.
func (b *batch) follow(a *Access, e *ledger.Entry) error {
	switch {
	case e.Event.Imported:
		return nil
	case a.Batch != nil:
		return b.takeBatch(a, e)
	case a.Gap != nil && a.Gap.First != 0:
		return b.declare(a, e)
	}
	return nil
}

func (b *batch) takeBatch(a *Access, e *ledger.Entry) error {
	k := sequenceKey(NumbersCalls, a.Provider, a.Batch.Producer)
	n, err := recall[sequence](b, k)
	if err != nil {
		return err
	}
	next := sequence{Producer: Producer{ID: a.Batch.Producer, Numbers: NumbersCalls, Owner: a.Provider, Party: a.Provider}}
	if n != nil {
		next = *n
	}
	previous := e.Event.Data.(*events.BatchSealed).Previous
	if a.Batch.First == next.Producer.Last+1 && !bytes.Equal(previous, next.Root) {
		a.flag(RuleBatchUnchained, -1, saidUnchained, next.Producer.Last)
	}
	if a.Batch.Last > next.Producer.Last {
		next.Root = a.Batch.Root
	}
	if repeated := next.Producer.take(a.Batch.First, a.Batch.Last, e); repeated {
		a.flag(RuleBatchOverlaps, -1, saidOverlaps, a.Batch.First, a.Batch.Last, a.Batch.Producer)
	}
	b.put(k, &next)
	return nil
}

// declare notes a declared gap in what the producer numbers: its calls, its events,
// or both.
func (b *batch) declare(a *Access, e *ledger.Entry) error {
	calls, owner := sequenceKey(NumbersCalls, a.Provider, a.Gap.Producer), e.Event.Principal
	n, err := recall[sequence](b, sequenceKey(NumbersEvents, owner, a.Gap.Producer))
	if err != nil {
		return err
	}
	if n != nil {
		seen, err := b.counted(countedName(owner, a.Gap.Producer))
		if err != nil {
			return err
		}
		next := sequence{Producer: n.Producer, Counted: seen}
		next.Producer.Last = n.last(seen)
		next.Producer.declare(a.Gap.First, a.Gap.Last, e)
		b.put(sequenceKey(NumbersEvents, owner, a.Gap.Producer), &next)
	}
	c, err := recall[sequence](b, calls)
	if err != nil || n != nil && c == nil {
		return err
	}
	next := sequence{Producer: Producer{ID: a.Gap.Producer, Numbers: NumbersCalls, Owner: a.Provider, Party: a.Provider}}
	if c != nil {
		next = *c
	}
	next.Producer.declare(a.Gap.First, a.Gap.Last, e)
	b.put(calls, &next)
	return nil
}

// take notes that the numbers first to last were recorded, and tells whether some
// of them were recorded before.
func (p *Producer) take(first, last uint64, e *ledger.Entry) (repeated bool) {
	were := uint64(0) // missing until now
	var left []Missing
	for _, m := range p.Missing {
		if m.Last < first || m.First > last {
			left = append(left, m)
			continue
		}
		were += min(m.Last, last) - max(m.First, first) + 1
		left = append(left, m.outside(first, last)...)
	}
	p.keep(left)
	if old := min(last, p.Last); old >= first && old-first+1 > were {
		repeated = p.Unlisted == 0 // else it may be one of those
	}
	if first > p.Last+1 {
		p.miss(Missing{First: p.Last + 1, Last: first - 1, Position: e.Position, Time: e.Event.Time})
	}
	p.Last = max(p.Last, last)
	return repeated
}

// declare notes that the numbers first to last are declared missing. Those that
// were recorded stay so.
func (p *Producer) declare(first, last uint64, e *ledger.Entry) {
	var left []Missing
	for _, m := range p.Missing {
		if m.Last < first || m.First > last || m.Declared != 0 {
			left = append(left, m)
			continue
		}
		left = append(left, m.outside(first, last)...)
		m.First, m.Last, m.Declared = max(m.First, first), min(m.Last, last), e.Position
		left = append(left, m)
	}
	slices.SortFunc(left, func(a, b Missing) int { return cmp.Compare(a.First, b.First) })
	p.keep(left)
	if last <= p.Last {
		return
	}
	if first > p.Last+1 {
		p.miss(Missing{First: p.Last + 1, Last: first - 1, Position: e.Position, Time: e.Event.Time})
	}
	p.miss(Missing{First: max(first, p.Last+1), Last: last, Position: e.Position, Time: e.Event.Time, Declared: e.Position})
	p.Last = last
}

// keep lists what became of the runs of missing numbers. A number taken out of the middle
// makes two of one: those that are then too many are counted.
func (p *Producer) keep(runs []Missing) {
	p.Missing = runs[:min(len(runs), MissingRuns)]
	for _, m := range runs[len(p.Missing):] {
		p.Unlisted += m.Last - m.First + 1
	}
}

// miss adds a run behind all others.
func (p *Producer) miss(m Missing) {
	if len(p.Missing) >= MissingRuns {
		p.Unlisted += m.Last - m.First + 1
		return
	}
	p.Missing = append(p.Missing[:len(p.Missing):len(p.Missing)], m)
}

// outside is what a run has before first and after last.
func (m Missing) outside(first, last uint64) (out []Missing) {
	if m.First < first {
		before := m
		before.Last = first - 1
		out = append(out, before)
	}
	if m.Last > last {
		after := m
		after.First = last + 1
		out = append(out, after)
	}
	return out
}

// Producers lists who numbers what it sends, how far, and what is missing.
func (w *View) Producers(ctx context.Context, q ProducerQuery) (ProducerList, error) {
	list := ProducerList{Producers: []Producer{}}
	var err error
	list.Next, err = w.pageOfEntities(ctx, entityKey(tProducer), q.Page, func(r *reader, _ string, row row) (bool, error) {
		p, err := r.producer(row)
		if err != nil || !matches(q.Party, p.Party) || q.Gaps && len(p.Missing) == 0 && p.Unlisted == 0 {
			return false, err
		}
		if ok, err := r.shows(p.Party); err != nil || !ok {
			return false, err
		}
		list.Producers = append(list.Producers, p)
		return true, nil
	})
	return list, err
}

func (r *reader) producer(row row) (Producer, error) {
	var n sequence
	if err := row.decode(&n); err != nil {
		return Producer{}, err
	}
	if p := n.Producer; p.Numbers == NumbersEvents {
		count, ok, err := r.get(entityKey(tCount, countedName(p.Owner, p.ID)))
		if err != nil {
			return p, err
		}
		if ok {
			seen, err := counted(count, r.at)
			if err != nil {
				return p, err
			}
			n.Producer.Last = n.last(seen)
		}
	}
	if n.Producer.Missing == nil {
		n.Producer.Missing = []Missing{}
	}
	return n.Producer, nil
}

// violations are the runs of missing numbers that nobody declared.
func (p *Producer) violations() (out []Violation) {
	for _, m := range p.Missing {
		if m.Declared == 0 {
			out = append(out, Violation{
				Rule: RuleSequenceGap, Party: p.Party, Time: m.Time, Events: []int64{m.Position},
				Detailed: find(saidNumbersMissing, m.First, m.Last, p.Numbers, p.ID),
			})
		}
	}
	return out
}
