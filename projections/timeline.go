package projections

import (
	"context"
	"slices"
	"sort"
	"strings"

	"ledgerline/events"
	"ledgerline/ledger"
)

// TimelineRow is one record in short.
type TimelineRow struct {
	Position  int64          `json:"position"`
	Recorded  events.Time    `json:"recorded"`
	Time      events.Time    `json:"time"` // when it happened, as claimed
	Type      string         `json:"type"`
	Subject   events.Subject `json:"subject"`
	Source    string         `json:"source"`
	ID        string         `json:"id"`
	Party     string         `json:"party,omitempty"`
	Actor     string         `json:"actor,omitempty"`
	Principal string         `json:"principal"`
	// Imported marks a record about the time before the ledger: no native evidence.
	Imported bool `json:"imported,omitempty"`
	// Summary is a line for people; no program should read it. Said is what it is made
	// of.
	Summary string  `json:"summary,omitempty" row:"-"`
	Said    Wording `json:"-"`
	// Concerns are the parties that decide who may see the record: see Scope. Sorted.
	Concerns []string `json:"-"`
}

func (r *TimelineRow) code(c *coder) {
	integer(c, &r.Position)
	integer(c, &r.Recorded)
	integer(c, &r.Time)
	c.texts(&r.Type, &r.Subject.Kind, &r.Subject.ID, &r.Source, &r.ID, &r.Party, &r.Actor, &r.Principal)
	c.bool(&r.Imported)
	r.Said.code(c)
	r.Summary = r.Said.String()
	textList(c, &r.Concerns)
}

// TimelineQuery selects records; empty fields select everything, and the
// conditions given must all hold.
type TimelineQuery struct {
	// TypePrefix is a type or the beginning of one, such as "catalog.".
	TypePrefix                         string
	Subject                            events.Subject
	Party, Entry, Agreement, Principal string
	// Actor is the pseudonymous key of the person the event says acted.
	Actor string
	// Retention is the class that the event says its content is kept under.
	Retention string
	Dataset   Dataset
	From, To  events.Time // recorded, [From, To)
	// Imported selects records about the time before the ledger, or if false the
	// others; nil takes both.
	Imported *bool
	// Text selects records whose type, subject, id or summary contains all of its
	// words. It is looked for in every record that the other conditions select.
	Text string
	// After selects records after this position; nil from the first.
	After *int64
	// Descending lists the last recorded first.
	Descending bool
	// Gaps also lists declared gaps, where they were recorded, in which calls of the
	// agreement or entry asked for may be missing. It adds nothing to other questions.
	Gaps bool
	Page
}

// Timeline is one part of a list of records in order of position.
type Timeline struct {
	Rows []TimelineRow `json:"rows"`
	Next string        `json:"next,omitempty"`
}

// eventKey holds a row per record, by position; eventBy the posting lists.
var eventKey = entityKey(tEvent)

func eventBy(n name) []byte {
	if n.pair() {
		return entityKey(tEventBy, n.kind, n.first, n.second)
	}
	return entityKey(tEventBy, n.kind, n.first)
}

// applyTimeline notes every record under all it can be found by. It is applied
// last: what follows from a record's names is read from the other views' rows.
func applyTimeline(b *batch, e *ledger.Entry) error {
	if err := b.nameRecord(e); err != nil {
		return err
	}
	for _, n := range b.names.list {
		if n.pair() {
			b.mark(tEventBy, n.kind, n.first, n.second)
		} else {
			b.mark(tEventBy, n.kind, n.first)
		}
	}
	if err := b.count("events/"+e.Event.Type, 1); err != nil {
		return err
	}
	if e.Event.Imported {
		if err := b.count("imported", 1); err != nil {
			return err
		}
	}
	summary, err := b.summary(e)
	if err != nil {
		return err
	}
	concerns, err := b.concerned(e)
	if err != nil {
		return err
	}
	b.putOnce(eventKey, &TimelineRow{
		Position: e.Position, Recorded: e.Recorded, Time: e.Event.Time, Type: e.Event.Type, Subject: e.Event.Data.Subject(),
		Source: e.Event.Source, ID: e.Event.ID, Party: e.Event.Party, Actor: e.Event.Actor, Principal: e.Event.Principal, Imported: e.Event.Imported, Summary: summary.String(), Said: summary, Concerns: concerns,
	})
	return nil
}

// summary is a line for people about a record. It holds no free text.
func (b *batch) summary(e *ledger.Entry) (Wording, error) {
	titled := func(entry string, version int) (Wording, error) {
		d, err := b.latestContent(entry)
		if err != nil || version == 0 {
			return say(saidTitle, d.Title), err
		}
		return say(saidTitleVersion, d.Title, version), nil
	}
	switch d := e.Event.Data.(type) {
	case *events.PartyRegistered:
		return say(saidTitle, d.Name), nil
	case *events.EntryDrafted:
		return titled(d.Entry, d.Version)
	case *events.EntryRevised:
		return titled(d.Entry, d.Version)
	case *events.EntryAssessed:
		return say(saidAssessed, d.Entry, d.Kind, d.Result), nil
	case *events.EntryDepartmentApproved:
		return titled(d.Entry, d.Version)
	case *events.EntrySubmitted:
		return titled(d.Entry, d.Version)
	case *events.EntryReturned:
		return titled(d.Entry, d.Version)
	case *events.EntryPublished:
		return titled(d.Entry, d.Version)
	case *events.EntrySuspended:
		return titled(d.Entry, 0)
	case *events.EntryResumed:
		return titled(d.Entry, 0)
	case *events.EntryWithdrawn:
		return titled(d.Entry, 0)
	case *events.RequestSubmitted:
		return say(saidFromTo, d.Consumer, d.Provider), nil
	case *events.RequestAnswered:
		return say(saidOutcome, d.By, d.Outcome), nil
	case *events.CallDenied:
		return say(saidDenied, d.Consumer, d.Entry, d.Reason), nil
	case *events.BatchSealed:
		return say(saidBatch, d.Consumer, d.Entry, d.CountOK+d.CountDenied, d.Rows), nil
	case *events.CorrectionAnswered:
		return say(saidVerdict, d.By, d.Verdict), nil
	case *events.QualityIssueAssigned:
		return say(saidFromTo, d.By, d.To), nil
	case *events.QualityIssueEscalated:
		return say(saidFromTo, d.By, d.To), nil
	case *events.NeedAnnounced:
		return say(saidNeed, d.By, d.To, d.Title), nil
	case *events.AnomalyFlagged:
		return say(saidAnomaly, d.Provider, d.Rule, d.Severity), nil
	case *events.CorrectionNoted:
		return say(saidWrong, d.By, d.Record), nil
	case *events.ImportMade:
		return say(saidImport, d.By, d.Title), nil
	case *events.VerificationCompleted:
		return say(saidVerified, d.By, d.First, d.Last, d.Result), nil
	case *events.RegionSummarySealed:
		return say(saidEntries, d.Region, d.Entries), nil
	case *events.CodeSetPublished:
		return say(saidCodeSet, d.CodeSet, d.Version), nil
	case *events.AgreementActivated:
		return say(saidFromTo, d.Provider, d.Consumer), nil
	case *events.AgreementSuspended:
		return say(saidCause, d.By, d.Cause), nil
	case *events.AgreementResumed:
		if d.Cause == "" {
			return say(saidName, d.By), nil
		}
		return say(saidCause, d.By, d.Cause), nil
	case *events.AgreementTerminated:
		return say(saidCause, d.By, d.Cause), nil
	case *events.AccessRecorded:
		return say(saidRead, d.Consumer, d.Entry, d.Result, d.RowCount), nil
	case *events.QualityIssueReported:
		return say(saidIssue, d.Entry, d.Symptom, d.Severity), nil
	case *events.QualityIssueClosed:
		return say(saidOutcome, d.By, d.Outcome), nil
	case *events.OpenLineageReceived:
		job := d.Job.Namespace + "/" + d.Job.Name
		switch {
		case d.Kind == events.OpenLineageRun && d.EventType != "":
			return say(saidRunEvent, job, d.EventType), nil
		case d.Kind == events.OpenLineageRun || d.Kind == events.OpenLineageJob:
			return say(saidName, job), nil
		}
		return say(saidName, d.Dataset.Namespace+"/"+d.Dataset.Name), nil
	}
	return Wording{}, nil
}

// Timeline lists records by what they are about: the names in the event, and
// those that follow from it as of its position, such as the parties of the
// agreement that an access invokes.
func (w *View) Timeline(ctx context.Context, q TimelineQuery) (Timeline, error) {
	list := Timeline{Rows: []TimelineRow{}}
	if err := w.mayAskBy("actor", q.Actor); err != nil {
		return list, err
	}
	s, err := w.timelineSelection(q)
	if err != nil || s.low > s.high {
		return list, err
	}
	words := strings.Fields(normalise(q.Text))
	if q.Gaps = q.Gaps && q.TypePrefix == "" && (q.Agreement != "" || q.Entry != ""); q.Gaps {
		for i, g := range s.groups {
			s.groups[i] = append(g, eventBy(name{kind: events.NameType, first: typeGap}))
		}
	}
	providers, err := w.providersOf(AccessQuery{Agreement: q.Agreement, Entry: q.Entry})
	if err != nil {
		return list, err
	}
	list.Next, err = w.pageOfPositions(ctx, s, q.Page, func(r *reader, position int64) (bool, error) {
		row, ok, err := r.event(position)
		if err != nil || !ok || q.Imported != nil && *q.Imported != row.Imported {
			return false, err
		}
		if q.Gaps && row.Type == typeGap {
			a, _, err := r.access(position)
			if err != nil || providers != nil && !slices.Contains(providers, a.Provider) {
				return false, err
			}
		}
		if ok, err = r.seesRecord(&row); err != nil || !ok {
			r.withhold(1)
			return false, err
		}
		if ok = row.contains(words); ok {
			row.blank(r)
			list.Rows = append(list.Rows, row)
		}
		return ok, err
	})
	return list, err
}

// contains tells whether the row's text holds all words.
func (row *TimelineRow) contains(words []string) bool {
	if len(words) == 0 {
		return true
	}
	text := normalise(row.Type + "\n" + row.Subject.String() + "\n" + row.ID + "\n" + row.Summary)
	return !slices.ContainsFunc(words, func(word string) bool { return !strings.Contains(text, word) })
}

func (w *View) timelineSelection(q TimelineQuery) (s selection, err error) {
	s = selection{high: w.at, descending: q.Descending}
	if q.After != nil {
		s.low = *q.After + 1
	}
	if q.From != 0 {
		before, err := w.positionBefore(q.From)
		if err != nil {
			return s, err
		}
		s.low = max(s.low, before+1)
	}
	if q.To != 0 {
		before, err := w.positionBefore(q.To)
		if err != nil {
			return s, err
		}
		s.high = min(s.high, before)
	}
	add := func(n name) { s.groups = append(s.groups, group(eventBy(n))) }
	if q.Subject != (events.Subject{}) {
		add(name{events.NameSubject, q.Subject.Kind, q.Subject.ID})
	}
	if q.Agreement != "" {
		add(name{kind: events.NameAgreement, first: q.Agreement})
	}
	if q.Dataset != (Dataset{}) {
		add(name{events.NameDataset, q.Dataset.Namespace, q.Dataset.Name})
	}
	if q.Entry != "" {
		add(name{kind: events.NameEntry, first: q.Entry})
	}
	if q.Party != "" {
		add(name{kind: events.NameParty, first: q.Party})
	}
	if q.Actor != "" {
		add(name{kind: nameActor, first: q.Actor})
	}
	if q.Retention != "" {
		add(name{kind: nameRetention, first: q.Retention})
	}
	if q.TypePrefix != "" {
		var types [][]byte
		for _, t := range events.Types() {
			if strings.HasPrefix(t.Name, q.TypePrefix) {
				types = append(types, eventBy(name{kind: events.NameType, first: t.Name}))
			}
		}
		s.groups = append(s.groups, types)
	}
	if q.Principal != "" {
		add(name{kind: events.NamePrincipal, first: q.Principal})
	}
	if q.Imported != nil && *q.Imported {
		s.groups = append(s.groups, group(importedList))
	}
	return s, nil
}

// positionBefore is the last position recorded before a time, as far as the view
// goes; -1 if there is none. Recorded time never goes back.
func (w *View) positionBefore(t events.Time) (position int64, err error) {
	err = w.read(func(r *reader) error {
		n := sort.Search(int(w.at+1), func(i int) bool {
			row, _, searching := r.event(int64(i))
			if err == nil {
				err = searching
			}
			return row.Recorded >= t
		})
		position = int64(n) - 1
		return err
	})
	return position, err
}

// event reads the row of a position; false if there is none.
func (r *reader) event(position int64) (e TimelineRow, ok bool, err error) {
	row, ok, err := r.getAt(eventKey, position)
	if err != nil || !ok || row.position != position {
		return TimelineRow{}, false, err
	}
	err = row.decode(&e)
	return e, err == nil, err
}
