package projections

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"ledgerline/events"
	"ledgerline/ledger"
)

// Whether a run may read what it reads is held to what was known when it was
// recorded: to the catalog (whose data it is), to roles (who collects by mandate)
// and to agreements. Who runs the job is the party with the role operator_of for the
// job's namespace. If none has it, it is told by what the job makes: the party that
// answers for the entry of an output, or else the party that the event names.

// RuleInputNotCovered is broken by a run that reads an entry of another party
// without a mandate or an agreement.
const RuleInputNotCovered = "lineage.input-not-covered"

// uncoveredInput is a row per party, job and entry that the job read without
// authority, and for what is from before the ledger another: the first time and the
// last.
type uncoveredInput struct {
	Party     string
	Job       events.JobRef
	Entry     string
	First     int64 // positions
	Last      int64
	FirstTime events.Time
	LastTime  events.Time
	FirstRun  string
	// Imported: what is from before the ledger has rows of its own.
	Imported bool
	// Number counts these rows, in the order in which the book brings them up.
	Number uint32
}

func (u *uncoveredInput) code(c *coder) {
	c.texts(&u.Party, &u.Entry, &u.FirstRun)
	codeJob(&u.Job, c)
	integer(c, &u.First)
	integer(c, &u.Last)
	integer(c, &u.FirstTime)
	integer(c, &u.LastTime)
	c.bool(&u.Imported)
	integer(c, &u.Number)
}

// grantedKey holds the agreements that ever granted a consumer something of an
// entry.
func grantedKey(consumer, entry string) []byte { return entityKey(tGranted, consumer, entry) }

// noteGranted keeps which agreements grant an entry to a consumer.
func noteGranted(b *batch, a *Agreement) error {
	for _, g := range a.Grants {
		k := grantedKey(a.Consumer, g.Entry)
		ids, err := recall[textsRow](b, k)
		if err != nil {
			return err
		}
		if ids == nil {
			ids = &textsRow{}
		}
		if slices.Contains(*ids, a.ID) {
			continue
		}
		next := textsRow(append(slices.Clone(*ids), a.ID))
		b.put(k, &next)
	}
	return nil
}

// applyCoverage judges the inputs of a run, as far as its events tell them by now.
func applyCoverage(b *batch, e *ledger.Entry) error {
	d, ok := e.Event.Data.(*events.OpenLineageReceived)
	if !ok || d.Kind != events.OpenLineageRun || len(d.Inputs)+len(d.Outputs) == 0 {
		return nil
	}
	run, err := recall[runRow](b, entityKey(tRun, d.Run))
	if err != nil || run == nil {
		return err
	}
	read, err := b.entriesOf(run.Flow.Inputs)
	if err != nil || len(read) == 0 {
		return err
	}
	made, err := b.entriesOf(run.Flow.Outputs)
	if err != nil {
		return err
	}
	owners, err := b.ownersOf(run.Job, made)
	if err != nil {
		return err
	}
	if len(owners) == 0 && e.Event.Party != "" {
		owners = []string{e.Event.Party}
	}
	for _, owner := range owners {
		for _, entries := range read {
			covered, err := b.covered(owner, entries, made, d.EventTime)
			if err != nil {
				return err
			}
			if !covered {
				if err := b.noteUncovered(e, d, run.Job, owner, entries[0]); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// entriesOf lists the entries that describe each of some datasets, without those
// that no entry describes.
func (b *batch) entriesOf(datasets []Dataset) (out [][]string, err error) {
	for _, set := range datasets {
		d, err := recall[datasetRow](b, set.key())
		if err != nil {
			return nil, err
		}
		if d != nil && len(d.Entries) > 0 {
			out = append(out, d.Entries)
		}
	}
	return out, nil
}

// ownersOf lists who runs a job that makes what the entries describe, each once.
func (b *batch) ownersOf(job events.JobRef, made [][]string) (out []string, err error) {
	operators, err := recall[textsRow](b, holdersKey(events.RoleOperator, job.Namespace))
	if err != nil {
		return nil, err
	}
	if operators != nil && len(*operators) > 0 {
		return *operators, nil
	}
	for _, list := range made {
		for _, id := range list {
			d, err := b.latestContent(id)
			if err != nil {
				return nil, err
			}
			if owner := cmp.Or(d.FusingParty, d.Provider); owner != "" && !slices.Contains(out, owner) {
				out = append(out, owner)
			}
		}
	}
	return out, nil
}

// covered tells whether a party may read a dataset that the entries describe, to
// make what the entries in made describe: it is its own, its mandate covers it, it
// is shared without condition, or an agreement in force then grants it. What a party
// had, its successor has.
func (b *batch) covered(party string, entries []string, made [][]string, at events.Time) (bool, error) {
	p, err := recall[Party](b, entityKey(tParty, party))
	if err != nil {
		return false, err
	}
	names := []string{party}
	if p != nil {
		names = append(names, p.Predecessors...)
		for _, r := range p.Roles {
			if r.Role == events.RoleCollector && (r.Scope == "" || slices.ContainsFunc(made, func(list []string) bool { return slices.Contains(list, r.Scope) })) {
				return true, nil
			}
		}
	}
	for _, entry := range entries {
		d, err := b.latestContent(entry)
		if err != nil {
			return false, err
		}
		if slices.Contains(names, d.Provider) || slices.Contains(names, d.FusingParty) {
			return true, nil
		}
		if free, err := b.unconditional(&Access{Entry: entry}); err != nil || free {
			return free, err
		}
		for _, name := range names {
			if granted, err := b.granted(name, entry, at); err != nil || granted {
				return granted, err
			}
		}
	}
	return false, nil
}

// granted tells whether an agreement in force at a time grants a consumer something
// of an entry.
func (b *batch) granted(consumer, entry string, at events.Time) (bool, error) {
	ids, err := recall[textsRow](b, grantedKey(consumer, entry))
	if err != nil || ids == nil {
		return false, err
	}
	for _, id := range *ids {
		a, err := b.agreementAt(id, at)
		if err != nil {
			return false, err
		}
		if _, ok := a.grant(entry); ok && a.State == events.StageActive && within(at, a.Since, a.Until) && within(at, a.TermFrom, a.TermTo) {
			return true, nil
		}
	}
	return false, nil
}

func (b *batch) noteUncovered(e *ledger.Entry, d *events.OpenLineageReceived, job events.JobRef, party, entry string) error {
	k := entityKey(tUncovered, party, job.Namespace, job.Name, entry, fmt.Sprint(e.Event.Imported))
	u, known, err := draw[uncoveredInput](b, k)
	if err != nil {
		return err
	}
	if !known {
		u = uncoveredInput{Party: party, Job: job, Entry: entry, First: e.Position, FirstTime: d.EventTime, FirstRun: d.Run, LastTime: d.EventTime, Imported: e.Event.Imported}
		if err := b.count("uncovered", 1); err != nil {
			return err
		}
		if u.Number, err = b.nth("uncovered"); err != nil {
			return err
		}
	}
	if u.Last = e.Position; d.EventTime < u.FirstTime {
		u.FirstTime, u.FirstRun = d.EventTime, d.Run
	}
	u.LastTime = max(u.LastTime, d.EventTime)
	b.put(k, &u)
	return nil
}

// uncovered visits the inputs that runs read without authority, of those first read at
// times that count. How each was read is left to detail: a list shows few of them.
func (r *reader) uncovered(names [][]string, counts func(events.Time) bool, found func(Violation)) error {
	list, err := r.things(tapeUncovered, false, nil)
	if err != nil {
		return err
	}
	defer list.release()
	for n := range list.last {
		u := &list.last[n]
		if !counts(u.times[0]) {
			continue
		}
		of, err := textsOf(names, u.names)
		if err != nil {
			return err
		}
		at := []int64{list.first[n]}
		if u.position != at[0] {
			at = append(at, u.position)
		}
		found(Violation{Rule: RuleInputNotCovered, Party: of[0], Entry: of[1], Time: u.times[0], Events: at})
	}
	return nil
}

// uncoveredBy lists the rows of a party.
func (r *reader) uncoveredBy(ctx context.Context, party string) (out []uncoveredInput, err error) {
	err = r.each(ctx, entityKey(tUncovered, party), nil, func(row row) (bool, error) {
		var u uncoveredInput
		err := row.decode(&u)
		out = append(out, u)
		return true, err
	})
	return out, err
}

// detailed says how an input was read.
func (u *uncoveredInput) detailed() Detailed {
	return find(saidInputNotCovered, u.Job.Namespace+"/"+u.Job.Name, u.FirstTime, u.FirstRun, u.LastTime)
}
