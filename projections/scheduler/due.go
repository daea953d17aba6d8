package scheduler

import (
	"context"
	"fmt"
	"time"

	"ledgerline/events"
	"ledgerline/ledger"
	"ledgerline/projections"
)

// Due is something that has fallen due, as it will be recorded.
type Due struct {
	// ID follows from what it is about, so that it is recorded once.
	ID   string
	Type string
	// Time is when it fell due.
	Time events.Time
	Data events.Data
}

// A finder looks for what is due in one view.
type finder struct {
	book *ledger.Ledger
	view *projections.View
	now  events.Time
	due  []Due
}

// find lists what has fallen due by now and is not recorded yet.
func find(ctx context.Context, book *ledger.Ledger, view *projections.View, now events.Time) ([]Due, error) {
	f := &finder{book: book, view: view, now: now}
	for _, look := range []func(context.Context) error{f.agreements, f.leftEntries, f.metDuties, f.retention} {
		if err := look(ctx); err != nil {
			return nil, err
		}
	}
	return f.due, nil
}

// add notes what is due, unless it is recorded already.
func (f *finder) add(d Due) error {
	done, err := f.book.FellDue(d.ID)
	if err == nil && !done {
		f.due = append(f.due, d)
	}
	return err
}

// agreements finds those whose term has ended, and those that ended and left no
// duty to dispose of the data.
func (f *finder) agreements(ctx context.Context) error {
	disposed := make(map[string]bool)
	err := projections.EachPage(func(p projections.Page) (string, error) {
		list, err := f.view.Disposals(ctx, projections.DisposalQuery{Page: p})
		for _, d := range list.Disposals {
			disposed[d.Agreement] = disposed[d.Agreement] || d.Cause != events.CauseNotNeeded
		}
		return list.Next, err
	})
	if err != nil {
		return err
	}
	return projections.EachPage(func(p projections.Page) (string, error) {
		list, err := f.view.Agreements(ctx, projections.AgreementQuery{Page: p})
		for _, a := range list.Agreements {
			if err == nil {
				err = f.agreement(ctx, &a, disposed[a.ID])
			}
		}
		return list.Next, err
	})
}

func (f *finder) agreement(ctx context.Context, a *projections.Agreement, disposed bool) error {
	by, err := f.successor(ctx, a.Provider)
	if err != nil {
		return err
	}
	switch a.State {
	case events.StageActive, events.StageSuspended:
		if a.TermTo == 0 || a.TermTo > f.now {
			return nil
		}
		return f.add(Due{"expired/" + a.ID, "share.agreement.expired", a.TermTo, &events.AgreementExpired{Agreement: a.ID, By: by}})
	case events.StageExpired, events.StageFulfilled, events.StageTerminated:
		if disposed || a.Since > f.now {
			return nil
		}
		if before, err := f.view.Imported(a.Position); err != nil || before { // what ended before the ledger is not its business
			return err
		}
		return f.add(Due{"disposal/" + a.ID, "disposal.duty.opened", a.Since, &events.DisposalOpened{
			Disposal: a.ID, Agreement: a.ID, By: by, Provider: a.Provider, Consumer: a.Consumer, Cause: a.State, Method: events.DisposalMethod(a.Disposal),
		}})
	}
	return nil
}

// successor is what became of a party by mergers.
func (f *finder) successor(ctx context.Context, id string) (string, error) {
	for range 16 { // as the rules follow it, see package events
		p, ok, err := f.view.Party(ctx, id, 0)
		if err != nil || !ok || p.Successor == "" {
			return id, err
		}
		id = p.Successor
	}
	return id, nil
}

// retention finds classes of records that were kept for as long as a rule pack asks.
// It is told once a month, for all that was recorded up to the beginning of the
// month less that time.
func (f *finder) retention(ctx context.Context) error {
	classes, err := f.view.Retentions(f.now)
	if err != nil {
		return err
	}
	month := f.now.Std().AddDate(0, 0, 1-f.now.Std().Day()).Truncate(24 * time.Hour)
	for _, r := range classes {
		before := events.TimeOf(r.Keep.Ago(month))
		from, err := f.told(ctx, r.Class, r.Pack)
		if err != nil {
			return err
		}
		if from >= before {
			continue
		}
		kept, err := f.view.Timeline(ctx, projections.TimelineQuery{Retention: r.Class, From: from, To: before, Page: projections.Page{Limit: 1}})
		if err != nil {
			return err
		}
		if len(kept.Rows) == 0 {
			continue
		}
		id := fmt.Sprintf("retention/%s/%s/%s", r.Pack, r.Class, month.Format("2006-01"))
		err = f.add(Due{id, "ledger.retention.ended", events.TimeOf(month), &events.RetentionEnded{Class: r.Class, Pack: r.Pack, Version: r.PackVersion, Before: before}})
		if err != nil {
			return err
		}
	}
	return nil
}

// told is up to when the end of a class's time was told; 0 if it never was.
func (f *finder) told(ctx context.Context, class, pack string) (before events.Time, err error) {
	q := projections.TimelineQuery{Subject: events.RetentionSubject(class), Page: projections.Page{Limit: projections.MaxLimit}}
	err = projections.EachPage(func(p projections.Page) (string, error) {
		q.Page = p
		list, err := f.view.Timeline(ctx, q)
		for _, row := range list.Rows {
			if err != nil {
				break
			}
			var e ledger.Entry
			e, err = f.book.Get(ctx, row.Position)
			if d, ok := e.Event.Data.(*events.RetentionEnded); ok && err == nil && d.Pack == pack {
				before = max(before, d.Before)
			}
		}
		return list.Next, err
	})
	return before, err
}
