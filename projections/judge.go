package projections

import (
	"fmt"
	"slices"
	"strings"

	"ledgerline/events"
)

// judge holds calls that got an answer to the agreement they invoked, as it stood
// when they were made according to all that was recorded before. (A suspension
// recorded later, but effective earlier, does not change the flag: it shows in the
// agreement's own history.)
func (b *batch) judge(a *Access) error {
	if answered, _ := a.calls(); answered == 0 {
		return nil
	}
	if a.Agreement == "" {
		free, err := b.unconditional(a)
		if err == nil && !free && a.Provider != a.Consumer {
			a.flag(RuleNoAgreement, -1, "no agreement was invoked")
		}
		return err
	}
	was, err := b.agreementAt(a.Agreement, a.Time)
	if err != nil {
		return err
	}
	if was == nil {
		a.flag(RuleNoAgreement, -1, "no agreement %q was known when it was recorded", a.Agreement)
		return nil
	}
	a.holdTo(was, a.Time)
	k := entityKey(tAgreement, a.Agreement)
	newest, err := recall[Agreement](b, k)
	if err != nil || newest.Until == 0 && newest.Since <= a.Time || a.Until == 0 {
		return err // nothing took effect meanwhile
	}
	return history(b, k, func(state *Agreement) bool {
		if state.Since > a.Time && state.Since < a.Until {
			a.holdTo(state, state.Since)
		}
		return true
	})
}

// flag notes that a rule is broken, once, and the record that shows it; -1 for
// none but the access itself.
func (a *Access) flag(rule string, shown int64, detail string, args ...any) {
	if slices.ContainsFunc(a.Flags, func(f Flag) bool { return f.Rule == rule }) {
		return
	}
	f := Flag{Rule: rule, Detail: fmt.Sprintf(detail, args...), Events: []int64{a.Position}}
	if shown >= 0 {
		f.Events = []int64{shown, a.Position}
	}
	a.Flags = append(a.Flags, f)
}

// holdTo flags what an agreement's state does not allow. Of calls made over a time,
// it is the state from the moment at on.
func (a *Access) holdTo(was *Agreement, at events.Time) {
	made := "the call was made at " + a.Time.String()
	if a.Until != 0 {
		made = fmt.Sprintf("the calls were made from %s to %s", a.Time, a.Until)
	}
	switch {
	case !within(at, was.Since, was.Until):
		a.flag(RuleAgreementNotActive, was.Position, "the agreement took effect at %s; %s", was.Since, made)
	case was.State != events.StageActive:
		a.flag(RuleAgreementNotActive, was.Position, "the agreement was %s since %s; %s", was.State, was.Since, made)
	}
	if !within(a.Time, was.TermFrom, was.TermTo) || was.TermTo != 0 && a.Until > was.TermTo {
		a.flag(RuleOutsideTerm, was.Position, "the term goes from %s to %s; %s", was.TermFrom, was.TermTo, made)
	}
	if a.Provider != was.Provider {
		a.flag(RuleProviderMismatch, was.Position, "the agreement is with provider %q, the call was to %q", was.Provider, a.Provider)
	}
	if a.Consumer != was.Consumer {
		a.flag(RuleConsumerMismatch, was.Position, "the agreement is with consumer %q, the call was by %q", was.Consumer, a.Consumer)
	}
	if extra := beyond(a.purposes(), was.Purposes); len(extra) > 0 {
		a.flag(RulePurposeNotGranted, was.Position, "the purpose %q is not among %q", strings.Join(extra, ", "), was.Purposes)
	}
	for _, region := range a.regions() {
		if !covers(was.Scope.Region, region) {
			a.flag(RuleRegionNotGranted, was.Position, "the region %q is not within %q", region, was.Scope.Region)
		}
	}
	grant, ok := was.grant(a.Entry)
	if !ok {
		a.flag(RuleEntryNotGranted, was.Position, "the agreement grants nothing of entry %q", a.Entry)
		return
	}
	if extra := beyond(a.Columns, grant.Items); len(extra) > 0 {
		a.flag(RuleColumnNotGranted, was.Position, "not granted: %s", strings.Join(extra, ", "))
	}
}

// regions are those that the calls named.
func (a *Access) regions() []string {
	switch {
	case a.Batch != nil:
		return a.Batch.Regions
	case a.Region != "":
		return []string{a.Region}
	}
	return nil
}

// agreementAt reads an agreement's state at a time: of the states that had taken
// effect by then, the one recorded last. If none had, it is the first state of
// all; nil if the agreement is not known.
func (b *batch) agreementAt(id string, at events.Time) (*Agreement, error) {
	k := entityKey(tAgreement, id)
	state, err := recall[Agreement](b, k)
	if err != nil || state == nil || within(at, state.Since, state.Until) {
		return state, err
	}
	err = history(b, k, func(a *Agreement) bool {
		state = a
		return !within(at, state.Since, state.Until)
	})
	return state, err
}

// covers reports whether a region lies in another, by the codes of GB/T 2260: of
// six digits, 990000 is a province, 990100 a city of it, 990102 a district of that;
// longer codes go on from there. An empty region is everywhere; of codes of another
// kind each is a region by itself.
func covers(granted, region string) bool {
	if granted == "" || granted == region {
		return true
	}
	if len(granted) < 6 || len(region) < len(granted) {
		return false
	}
	whole := granted[:6]
	for _, end := range []string{"0000", "00"} {
		if strings.HasSuffix(whole, end) {
			return len(granted) == 6 && strings.HasPrefix(region, strings.TrimSuffix(whole, end))
		}
	}
	return strings.HasPrefix(region, granted)
}

// beyond lists what is asked for but not granted.
func beyond(asked, granted []string) []string {
	return slices.DeleteFunc(slices.Clone(asked), func(c string) bool { return slices.Contains(granted, c) })
}

// unconditional reports whether what was called for is shared without condition,
// so that no agreement is needed: the entry in the version in force now, and each
// column read.
func (b *batch) unconditional(a *Access) (bool, error) {
	step, err := recall[entryStep](b, stepKey(a.Entry))
	if err != nil || step == nil || step.Published == 0 {
		return false, err
	}
	d, err := b.content(a.Entry, step.Published)
	if err != nil {
		return false, err
	}
	if d.Sharing.Attribute != events.SharingUnconditional {
		return false, nil
	}
	return !slices.ContainsFunc(d.Items, func(it events.EntryItem) bool {
		own := it.Sharing != "" && it.Sharing != events.SharingUnconditional
		return own && (len(a.Columns) == 0 || slices.Contains(a.Columns, it.ID))
	}), nil
}
