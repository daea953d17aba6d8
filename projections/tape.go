package projections

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"sync"

	"ledgerline/events"
	"ledgerline/ledger"
)

// Bulletins count things by the thousand and calls by the million. What they ask of
// each is written down a second time, on tapes: an entry of one width for each change
// of a thing, which is read one after the other and without taking rows apart.
//
//	key    tTape ‖ name ‖ ^(first position of the chunk), see packed.go
//	value  (offset(2) ‖ state(2) ‖ thing(4) ‖ names(4) ‖ time(8)…)…
//
// The last entry of a thing says how it stands, and all of them together are the
// records about it. Names stand for a list of texts, such as provider and consumer;
// they are numbered in the order in which the book brings them up.

// A tape is of things of one kind.
type tape struct {
	key   []byte
	times int
}

func tapeOf(name string, times int) tape { return tape{entityKey(tTape, name), times} }

// What a tape's times and names are, and the bits of its states.
var (
	// tapeCalls: made; agreement, provider, consumer. It has no things.
	tapeCalls = tapeOf("call", 1)
	// tapeOthers holds those of tapeCalls that no block counts: see call_blocks.go.
	tapeOthers = tapeOf("call/other", 1)
	// tapeFlags: made, and in the place of a time one more than the position of the record
	// that shows it beside the call, or 0; agreement, provider, consumer, entry. The state
	// is the number of the rule that was broken. It has no things.
	tapeFlags = tapeOf("call/flag", 2)
	// tapeUncovered: the first time; party, entry.
	tapeUncovered = tapeOf("uncovered", 1)
	// tapeShares: when; agreement, provider, consumer, request. It has no things, and
	// holds what bulletins ask for only.
	tapeShares = tapeOf("share", 1)
	// tapeRequests: answered, received; provider, consumer, request.
	tapeRequests = tapeOf("request", 2)
	// tapeFindings: reported, when it came to stand so, closed; by, provider, assigned,
	// entry, dimension, items.
	tapeFindings = tapeOf("finding", 3)
	// tapeMeasures: measured, and in the place of times how many rows conformed, of how
	// many; dimension, provider, by.
	tapeMeasures = tapeOf("measure", 3)
	// tapeDuties: before, done; pack, its version, rule, violation, party, title in
	// English and Chinese.
	tapeDuties = tapeOf("duty", 2)
	// tapeAgreements: since, until, term from, term to; agreement, provider, consumer.
	tapeAgreements = tapeOf("agreement", 4)
	// tapeEntries: from, to; entry, provider, sharing attribute, region. It holds
	// publications and withdrawals.
	tapeEntries = tapeOf("entry", 2)
	// tapeResources: attached, detached or refreshed, and when the next refresh is
	// expected; entry.
	tapeResources = tapeOf("resource", 2)
)

const (
	callAnswered = 1 << iota
	callRefused
	callBatch // how many calls it is stands in the row

	shareAccepted  = 1
	shareWritten   = 2
	shareDelivered = 3
	shareEnded     = 4
	shareAvailable = 5

	requestRefused    = 1
	requestBased      = 2 // the answer names a basis
	findingConfirmed  = 1 // wholly or partly
	findingFixed      = 2
	findingOver       = 4 // closed or rejected
	dutyUndetermined  = 1
	agreementActive   = 1
	agreementEnded    = 2
	entryPublished    = 1
	entryResources    = 2 // it names some itself
	entryComplete     = 4 // see nineItems
	resourceAttached  = 1
	resourceRefreshed = 2 // the entry tells of a refresh

	entryFrequency = 3 // from this bit on stands the number of its update frequency
)

// frequencies are those after which a refresh can be expected, by number.
var frequencies = []string{"", "daily", "weekly", "monthly", "quarterly", "yearly"}

// tapeTimes is the most times an entry has.
const tapeTimes = 4

// taped is an entry of a tape.
type taped struct {
	position     int64
	times        [tapeTimes]events.Time
	thing, names uint32
	state        uint16
	// imported: what it tells is from before the ledger, or rests on that, as its row has
	// it. It is a bit of the stored state.
	imported bool
}

const tapeImported = 1 << 15

const tapedHead = 12

func (t tape) width() int { return tapedHead + 8*t.times }

// tape adds an entry at the batch's position.
func (b *batch) tape(t tape, e taped) {
	chunk := chunkOf(b.at)
	b.key = binary.BigEndian.AppendUint64(append(append(b.key[:0], t.key...), 0, 0), ^uint64(chunk))
	row := b.packedRow(b.key)
	v := binary.BigEndian.AppendUint16(row.value, uint16(b.at-chunk))
	state := e.state
	if e.imported {
		state |= tapeImported
	}
	v = binary.BigEndian.AppendUint16(v, state)
	v = binary.BigEndian.AppendUint32(v, e.thing)
	v = binary.BigEndian.AppendUint32(v, e.names)
	for _, at := range e.times[:t.times] {
		v = binary.BigEndian.AppendUint64(v, uint64(at))
	}
	row.value = v
	b.size += t.width()
}

// read takes an entry of a chunk apart.
func (t tape) read(base int64, b []byte, e *taped) {
	e.position = base + int64(binary.BigEndian.Uint16(b))
	e.state, e.thing, e.names = binary.BigEndian.Uint16(b[2:]), binary.BigEndian.Uint32(b[4:]), binary.BigEndian.Uint32(b[8:])
	e.imported = e.state&tapeImported != 0
	e.state &^= tapeImported
	for i := range t.times {
		e.times[i] = events.Time(binary.BigEndian.Uint64(b[tapedHead+8*i:]))
	}
}

// tape visits the entries with positions in [low, high] that the reader may see, the
// oldest or the latest first. The entry is good until the next.
func (r *reader) tape(t tape, low, high int64, descending bool, visit func(*taped) error) (err error) {
	low, high = max(low, 0), min(high, r.at)
	if low > high {
		return nil
	}
	p, err := r.postings(t.key, low, high, descending)
	if err != nil {
		return err
	}
	defer func() { err = firstError(err, p.close()) }()
	var e taped
	width := t.width()
	for {
		row, ok, err := p.chunkRow()
		if err != nil || !ok {
			return err
		}
		if len(row.body) == 0 || len(row.body)%width != 0 || row.position != chunkOf(row.position) {
			return badPacked(row)
		}
		n := len(row.body) / width
		for i := range n {
			if descending {
				i = n - 1 - i
			}
			t.read(row.position, row.body[i*width:(i+1)*width], &e)
			if e.position < low || e.position > high {
				continue
			}
			if err := visit(&e); err != nil {
				return err
			}
		}
	}
}

// names numbers a list of texts.
func (b *batch) namesOf(texts ...string) (uint32, error) {
	return b.number(b.look(tNames, texts...), tNamesOf, func(uint32) coded { return (*textsRow)(&texts) })
}

// keptNames are the lists of texts that have numbers, in memory: the list of number n at
// n-1. A number stands for the same for ever.
type keptNames struct {
	mu   sync.Mutex
	list [][]string
}

// names returns all that were numbered.
func (r *reader) names(s *store) (_ [][]string, err error) {
	k := &s.names
	k.mu.Lock()
	defer k.mu.Unlock()
	it, err := r.table(tNamesOf)
	if err != nil {
		return nil, err
	}
	defer func() { err = firstError(err, it.Close()) }()
	for valid := it.SeekGE(before(numberKey(tNamesOf, uint32(len(k.list))+1))); valid; valid = it.Next() {
		entity, position, err := splitVersion(it.Key())
		if err != nil {
			return nil, err
		}
		body, _, err := splitValue(it)
		if err != nil {
			return nil, err
		}
		var texts textsRow
		if err := (row{entity, position, body}).decode(&texts); err != nil {
			return nil, err
		}
		if len(entity) != 5 || binary.BigEndian.Uint32(entity[1:]) != uint32(len(k.list))+1 {
			return nil, damagedBy(fmt.Errorf("%x is not the number after %d", entity, len(k.list)))
		}
		k.list = append(k.list, texts)
	}
	return k.list, it.Error()
}

// textsOf are the texts that a number stands for.
func textsOf(names [][]string, n uint32) ([]string, error) {
	if n == 0 || int(n) > len(names) {
		return nil, damagedBy(fmt.Errorf("nothing has the number %d", n))
	}
	return names[n-1], nil
}

func badTape(e *taped) error {
	return damagedBy(fmt.Errorf("a tape speaks of what is not at %d", e.position))
}

// nth is how many things of a kind there are, which is the number of the newest.
func (b *batch) nth(counter string) (uint32, error) {
	n, err := b.counted(counter)
	if err == nil && (n <= 0 || n > math.MaxInt32) {
		err = fmt.Errorf("views: %d is no number of %s", n, counter)
	}
	return uint32(n), err
}

// tapable are rows that go on a tape.
type tapable interface {
	// onTape is the tape, the entry, and the texts that its names stand for; false if the
	// row is none that bulletins count.
	onTape() (t tape, e taped, names []string, ok bool)
}

func (a *Access) onTape() (tape, taped, []string, bool) {
	e := taped{times: [tapeTimes]events.Time{a.Time}, imported: a.Imported}
	answered, refused := a.calls()
	if answered > 0 {
		e.state |= callAnswered
	}
	if refused > 0 {
		e.state |= callRefused
	}
	if a.Batch != nil {
		e.state |= callBatch
	}
	return tapeCalls, e, []string{a.Agreement, a.Provider, a.Consumer}, true
}

func (s *Share) onTape() (tape, taped, []string, bool) {
	e := taped{times: [tapeTimes]events.Time{s.Time}, imported: s.Imported}
	switch {
	case s.Type == "disposal.accepted":
		e.state = shareAccepted
	case s.Type == "usage.record.made":
		e.state = shareWritten
	case s.Type == "share.provision.made_available":
		e.state = shareAvailable
	case s.delivers():
		e.state = shareDelivered
	case s.State == events.StageTerminated || s.State == events.StageExpired || s.State == events.StageFulfilled:
		e.state = shareEnded
	}
	return tapeShares, e, []string{s.Agreement, s.Provider, s.Consumer, s.Request}, e.state != 0
}

func (q *Request) onTape() (tape, taped, []string, bool) {
	e := taped{thing: q.Number, times: [tapeTimes]events.Time{q.Answered, q.Received}, imported: q.Imported}
	if q.State == events.StageRefused {
		e.state = requestRefused
	}
	if q.Basis != "" {
		e.state |= requestBased
	}
	return tapeRequests, e, []string{q.Provider, q.Consumer, q.ID}, true
}

func (f *Finding) onTape() (tape, taped, []string, bool) {
	e := taped{thing: f.Number, times: [tapeTimes]events.Time{f.Reported, f.Since, f.Closed}, imported: f.Imported}
	if f.Verdict == events.VerdictConfirmed || f.Verdict == events.VerdictPartly {
		e.state |= findingConfirmed
	}
	if f.Outcome == events.OutcomeFixed {
		e.state |= findingFixed
	}
	if f.State == events.StageClosed || f.State == events.StageRejected {
		e.state |= findingOver
	}
	return tapeFindings, e, append(append(f.concerns(), f.Entry, f.Dimension), f.Items...), true
}

func (k *Check) onTape() (tape, taped, []string, bool) {
	e := taped{thing: k.Number, times: [tapeTimes]events.Time{k.Time, events.Time(k.Conforming), events.Time(k.Measured)}, imported: k.Imported}
	return tapeMeasures, e, []string{k.Dimension, k.Provider, k.By}, k.Number != 0
}

func (d *Duty) onTape() (tape, taped, []string, bool) {
	e := taped{thing: d.Number, times: [tapeTimes]events.Time{d.Before, d.Done}, imported: d.Imported}
	if d.Undetermined != "" {
		e.state = dutyUndetermined
	}
	return tapeDuties, e, []string{d.Pack, d.PackVersion, d.Rule, d.Violation, d.Party, d.Title.EN, d.Title.ZH}, true
}

func (a *Agreement) onTape() (tape, taped, []string, bool) {
	e := taped{thing: a.Number, times: [tapeTimes]events.Time{a.Since, a.Until, a.TermFrom, a.TermTo}, imported: a.Imported}
	switch {
	case a.State == events.StageActive:
		e.state = agreementActive
	case a.ended():
		e.state = agreementEnded
	}
	return tapeAgreements, e, []string{a.ID, a.Provider, a.Consumer}, true
}

func (u *uncoveredInput) onTape() (tape, taped, []string, bool) {
	return tapeUncovered, taped{thing: u.Number, times: [tapeTimes]events.Time{u.FirstTime}, imported: u.Imported}, []string{u.Party, u.Entry}, true
}

func (a *Attachment) onTape() (tape, taped, []string, bool) {
	e := taped{thing: a.Number, times: [tapeTimes]events.Time{a.Since, a.ExpectedBy}, imported: a.Imported}
	if a.State == events.StageAttached {
		e.state = resourceAttached
	}
	if a.Refresh {
		e.state |= resourceRefreshed
		e.times[0] = a.Refreshed
	}
	return tapeResources, e, []string{a.Entry}, true
}

// applyBulletins writes on tapes what the other projections put for the record.
func applyBulletins(b *batch, e *ledger.Entry) error {
	for _, row := range b.counts {
		t, entry, texts, ok := row.onTape()
		if !ok {
			continue
		}
		var err error
		if entry.names, err = b.namesOf(texts...); err != nil {
			return err
		}
		if a, ok := row.(*Access); ok {
			if err := tapeCall(b, a, entry); err != nil {
				return err
			}
		}
		b.tape(t, entry)
	}
	var err error
	switch d := e.Event.Data.(type) {
	case *events.EntryPublished:
		err = tapeEntry(b, d.Entry)
	case *events.EntryWithdrawn:
		err = tapeEntry(b, d.Entry)
	}
	return firstError(err, b.endBlock())
}

// tapeCall counts a call or batch in the open block, or writes it on the tape of the
// others, and writes what rules it broke.
func tapeCall(b *batch, a *Access, e taped) error {
	if e.counted() {
		o, err := b.block()
		if err != nil {
			return err
		}
		answered, refused := a.calls()
		o.add(&e, answered, refused)
	} else {
		b.tape(tapeOthers, e)
	}
	if len(a.Flags) == 0 {
		return nil
	}
	names, err := b.namesOf(a.Agreement, a.Provider, a.Consumer, a.Entry)
	if err != nil {
		return err
	}
	for _, f := range a.Flags {
		flag := taped{state: uint16(slices.Index(rulesOfAccess, f.Rule) + 1), names: names, times: [tapeTimes]events.Time{a.Time}, imported: e.imported}
		if len(f.Events) == 2 {
			flag.times[1] = events.Time(f.Events[0] + 1)
		}
		b.tape(tapeFlags, flag)
	}
	return nil
}

// tapeEntry writes on its tape what of an entry is in force.
func tapeEntry(b *batch, id string) error {
	s, err := recall[entryStep](b, stepKey(id))
	if err != nil || s == nil {
		return err
	}
	content, err := b.content(id, s.Published)
	if err != nil {
		return err
	}
	e := taped{thing: s.Number, times: [tapeTimes]events.Time{s.From, s.To}, imported: s.Imported}
	if s.Published != 0 {
		e.state |= entryPublished
	}
	if len(content.Resources) > 0 {
		e.state |= entryResources
	}
	if nineItems(content) {
		e.state |= entryComplete
	}
	e.state |= uint16(max(0, slices.Index(frequencies, content.UpdateFrequency))) << entryFrequency
	if e.names, err = b.namesOf(id, content.Provider, content.Sharing.Attribute, content.Region); err == nil {
		b.tape(tapeEntries, e)
	}
	return err
}
