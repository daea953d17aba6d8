package ledger

import (
	"context"

	"ledgerline/events"
)

// Now is the ledger's time: the clock's, or that of the last record if the clock is
// behind it. The error is a *ClockError if the clock is too far ahead to be
// believed.
func (l *Ledger) Now() (events.Time, error) {
	now, last := events.TimeOf(l.opts.Now()), l.Head().Time
	if ahead := l.opts.Limits.ClockAhead; now.Std().Sub(last.Std()) > ahead {
		return 0, &ClockError{Clock: now, Last: last, Bound: ahead}
	}
	return max(now, last), nil
}

// FallDue records what follows from the records and the passing of time alone, at
// the time at which it fell due. The id has to follow from them as well: whoever
// finds it due, and whenever, records the same event, and it is recorded once.
func (l *Ledger) FallDue(ctx context.Context, typ, id string, at events.Time, data events.Data) (Receipt, error) {
	ev := l.own(data, typ, id)
	ev.Source, ev.Time = l.dueSource(), at
	if err := ev.Validate(events.TimeOf(l.opts.Now())); err != nil {
		return Receipt{}, err
	}
	receipts, err := l.append(ctx, []events.Event{ev})
	if err != nil {
		return Receipt{}, err
	}
	return receipts[0], nil
}

// FellDue reports whether that was recorded.
func (l *Ledger) FellDue(id string) (bool, error) {
	_, ok, err := l.Find(l.dueSource(), id)
	return ok, err
}

func (l *Ledger) dueSource() string { return ownSources + l.origin + "/due" }
