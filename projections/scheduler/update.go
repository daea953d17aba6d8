package scheduler

import (
	"context"
	"fmt"

	"ledgerline/events"
	"ledgerline/projections"
)

// leftEntries finds what merged and dissolved parties left behind in the catalog: who
// answers for the entries has changed, and the entries have to say so. That a law
// changed, and which entries it bears on, no record says in a form that could be
// followed: such duties are opened by those who know.
func (f *finder) leftEntries(ctx context.Context) error {
	for _, state := range []string{events.StageMerged, events.StageDissolved} {
		var gone []projections.Party
		err := projections.EachPage(func(p projections.Page) (string, error) {
			list, err := f.view.Parties(ctx, projections.PartyQuery{State: state, Page: p})
			gone = append(gone, list.Parties...)
			return list.Next, err
		})
		for _, party := range gone {
			if err != nil || party.Since > f.now {
				continue
			}
			var before bool
			if before, err = f.view.Imported(party.Position); err == nil && !before {
				err = f.left(ctx, &party)
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// left finds the entries of a party that is gone. The duty is raised by its successor,
// and where it has none by the competent department of its region.
func (f *finder) left(ctx context.Context, gone *projections.Party) error {
	by, basis := "", fmt.Sprintf("%s was dissolved (position %d)", gone.ID, gone.Position)
	var err error
	if gone.State == events.StageMerged {
		basis = fmt.Sprintf("%s was merged into %s (position %d)", gone.ID, gone.Successor, gone.Position)
		by, err = f.successor(ctx, gone.ID)
	} else {
		by, err = f.competent(ctx, gone.Region)
	}
	if err != nil || by == "" {
		return err
	}
	return projections.EachPage(func(p projections.Page) (string, error) {
		list, err := f.view.Entries(ctx, projections.EntryQuery{Provider: gone.ID, Page: p})
		for _, e := range list.Entries {
			if err == nil && e.Stage != events.StageWithdrawn && e.Published > 0 {
				id := "update/" + e.ID + "/" + gone.ID
				err = f.add(Due{id, "catalog.update_duty.opened", gone.Since, &events.UpdateDutyOpened{
					Duty: id, Entry: e.ID, Trigger: "duty_change", TriggerDate: gone.Since, By: by, Basis: basis,
				}})
			}
		}
		return list.Next, err
	})
}

// competent is the competent department of a region: of several the first by id; empty
// if none is registered.
func (f *finder) competent(ctx context.Context, region string) (by string, err error) {
	err = projections.EachPage(func(p projections.Page) (string, error) {
		list, err := f.view.Parties(ctx, projections.PartyQuery{State: events.StageRegistered, Page: p})
		for _, party := range list.Parties {
			is := party.Kind == "authority" && party.Region == region
			for _, r := range party.Roles {
				is = is || r.Role == events.RoleAuthority && r.Scope == region
			}
			if is && by == "" {
				by = party.ID
			}
		}
		if by != "" {
			return "", err
		}
		return list.Next, err
	})
	return by, err
}

// metDuties finds open duties to bring an entry up to date since which a version of it
// came into force: that version meets them. A version that came before the duty does
// not, nor does a withdrawal.
func (f *finder) metDuties(ctx context.Context) error {
	type duty struct {
		id       string
		position int64
	}
	var open []duty
	closed := make(map[string]bool)
	err := projections.EachPage(func(p projections.Page) (string, error) {
		list, err := f.view.Timeline(ctx, projections.TimelineQuery{TypePrefix: "catalog.update_duty.", Page: p})
		for _, row := range list.Rows {
			switch row.Type {
			case "catalog.update_duty.opened":
				open = append(open, duty{row.Subject.ID, row.Position})
			case "catalog.update_duty.closed":
				closed[row.Subject.ID] = true
			}
		}
		return list.Next, err
	})
	for _, d := range open {
		if err == nil && !closed[d.id] {
			err = f.met(ctx, d.id, d.position)
		}
	}
	return err
}

func (f *finder) met(ctx context.Context, duty string, opened int64) error {
	e, err := f.book.Get(ctx, opened)
	if err != nil {
		return err
	}
	d, ok := e.Event.Data.(*events.UpdateDutyOpened)
	if !ok {
		return nil
	}
	published, err := f.view.Timeline(ctx, projections.TimelineQuery{Entry: d.Entry, TypePrefix: "catalog.entry.published", After: &opened, Page: projections.Page{Limit: 1}})
	if err != nil || len(published.Rows) == 0 {
		return err
	}
	e, err = f.book.Get(ctx, published.Rows[0].Position)
	if err != nil {
		return err
	}
	by, ok := e.Event.Data.(*events.EntryPublished)
	if !ok {
		return nil
	}
	return f.add(Due{"met/" + duty, "catalog.update_duty.closed", e.Event.Time, &events.UpdateDutyClosed{Duty: duty, Entry: d.Entry, ByVersion: by.Version, By: by.By}})
}
