package projections

import (
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
			a.flag(RuleNoAgreement, -1, saidNoneInvoked)
		}
		return err
	}
	was, err := b.agreementAt(a.Agreement, a.Time)
	if err != nil {
		return err
	}
	if was == nil {
		a.flag(RuleNoAgreement, -1, saidAgreementUnknown, a.Agreement)
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
func (a *Access) flag(rule string, shown int64, code string, values ...any) {
	if slices.ContainsFunc(a.Flags, func(f Flag) bool { return f.Rule == rule }) {
		return
	}
	f := Flag{Rule: rule, Detailed: find(code, values...), Events: []int64{a.Position}}
	if shown >= 0 {
		f.Events = []int64{shown, a.Position}
	}
	a.Flags = append(a.Flags, f)
}

// holdTo flags what an agreement's state does not allow. Of calls made over a time,
// it is the state from the moment at on.
func (a *Access) holdTo(was *Agreement, at events.Time) {
	over := a.Until != 0
	flag := func(rule, one, many string, values ...any) {
		if over {
			one, values = many, append(values, a.Time, a.Until)
		} else {
			values = append(values, a.Time)
		}
		a.flag(rule, was.Position, one, values...)
	}
	switch {
	case !within(at, was.Since, was.Until):
		flag(RuleAgreementNotActive, saidNotYet, saidNotYetOver, was.Since)
	case was.State != events.StageActive:
		flag(RuleAgreementNotActive, saidState, saidStateOver, was.State, was.Since)
	}
	if !within(a.Time, was.TermFrom, was.TermTo) || was.TermTo != 0 && a.Until > was.TermTo {
		flag(RuleOutsideTerm, saidTerm, saidTermOver, was.TermFrom, was.TermTo)
	}
	if a.Provider != was.Provider {
		a.flag(RuleProviderMismatch, was.Position, saidProvider, was.Provider, a.Provider)
	}
	if a.Consumer != was.Consumer {
		a.flag(RuleConsumerMismatch, was.Position, saidConsumer, was.Consumer, a.Consumer)
	}
	if extra := beyond(a.purposes(), was.Purposes); len(extra) > 0 {
		a.flag(RulePurposeNotGranted, was.Position, saidPurpose, extra, was.Purposes)
	}
	for _, region := range a.regions() {
		if !covers(was.Scope.Region, region) {
			a.flag(RuleRegionNotGranted, was.Position, saidRegion, region, was.Scope.Region)
		}
	}
	grant, ok := was.grant(a.Entry)
	if !ok {
		a.flag(RuleEntryNotGranted, was.Position, saidEntry, a.Entry)
		return
	}
	if extra := beyond(a.Columns, grant.Items); len(extra) > 0 {
		a.flag(RuleColumnNotGranted, was.Position, saidColumns, extra)
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
