package projections

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"ledgerline/events"
	"ledgerline/ledger"
)

// Entry is a catalog entry as of a position: the latest version known, or the
// version in force at the date asked for.
type Entry struct {
	ID string `json:"id"`
	// Stage is about the latest version: drafted, department_approved, submitted,
	// returned, published or withdrawn. Of a version in force it is published.
	Stage string `json:"stage"`
	// Suspended tells that the version in force is not to be shared for now.
	Suspended bool `json:"suspended,omitempty"`
	// Version is the number of the version shown, Published that of the version
	// in force; 0 if none is.
	Version   int `json:"version"`
	Published int `json:"published"`

	Provider string `json:"provider"`
	// ProviderName is the provider's name as of the view's position, if known.
	ProviderName    string             `json:"provider_name,omitempty"`
	Title           string             `json:"title"`
	TitleEN         string             `json:"title_en,omitempty"`
	Code            string             `json:"code,omitempty"`
	CodeScheme      string             `json:"code_scheme,omitempty"`
	ClassPath       []string           `json:"class_path,omitempty"`
	ClassScheme     string             `json:"class_scheme,omitempty"`
	Summary         string             `json:"summary,omitempty"`
	Sharing         events.Sharing     `json:"sharing"`
	Items           []events.EntryItem `json:"items"`
	UpdateFrequency string             `json:"update_frequency"`
	UpdateInterval  string             `json:"update_interval,omitempty"`
	Grade           string             `json:"grade"`
	Region          string             `json:"region,omitempty"`
	Resources       []events.Resource  `json:"resources,omitempty"`
	DerivedFrom     []string           `json:"derived_from,omitempty"`
	FusingParty     string             `json:"fusing_party,omitempty"`
	Format          string             `json:"format,omitempty"`
	FormatDetail    string             `json:"format_detail,omitempty"`
	Related         []string           `json:"related,omitempty"`
	Open            *events.OpenData   `json:"open,omitempty"`
	SourceSystems   []string           `json:"source_systems,omitempty"`
	BusinessItems   []string           `json:"business_items,omitempty"`
	Period          *events.Period     `json:"period,omitempty"`
	Volume          string             `json:"volume,omitempty"`
	Contact         string             `json:"contact,omitempty"`
	Specification   string             `json:"specification,omitempty"`

	// Assessments are those the latest version passed, Sources the parties that keep
	// items for everybody.
	Assessments []string             `json:"assessments,omitempty"`
	Sources     []events.SourceState `json:"sources,omitempty"`
	// Attached are the resources hooked to the entry beside those it names itself,
	// and Marks the items that are disputed now. They speak for the view's position,
	// whatever date was asked for.
	Attached []Attachment `json:"attached,omitempty"`
	Marks    []Mark       `json:"marks,omitempty"`

	// ValidFrom and ValidTo bound when what is shown holds, [from, to); a zero
	// ValidTo is without end as far as is known.
	ValidFrom events.Time `json:"valid_from"`
	ValidTo   events.Time `json:"valid_to,omitzero"`
	// Position is the record that brought this about, Recorded its time.
	Position int64       `json:"position"`
	Recorded events.Time `json:"recorded"`
	// Imported marks what is known from before the ledger: no native evidence.
	Imported bool `json:"imported,omitempty"`
}

// EntryQuery selects entries; empty fields select everything.
type EntryQuery struct {
	// Text is matched against id, code, titles, summary, items and the provider's
	// name, ignoring case
	// and the width of characters; every word of it must occur.
	Text                                                     string
	Provider, Stage, Sharing, Region, Grade, UpdateFrequency string
	// Imported is true for what is from before the ledger, false for the rest; empty for
	// both.
	Imported string
	// Facets asks for the counts of all that match.
	Facets bool
	// ValidAt selects the versions in force then; 0 the latest known.
	ValidAt events.Time
	Page
}

// EntryList is one part of a list of entries, ordered by id.
type EntryList struct {
	Entries []Entry `json:"entries"`
	Next    string  `json:"next,omitempty"`
	// Total is how many match, on this part and the others. For a date in force it is
	// counted with the facets only, since each entry has to be read.
	Total  int     `json:"total,omitempty"`
	Facets *Facets `json:"facets,omitempty"`
}

// An entryStep is a row per event of an entry, under its id: where the entry
// stands afterwards. What a version says is a row of its own, under the id and
// the number of the version, so that it is stored once.
type entryStep struct {
	Type       string      `json:"type"`
	Recorded   events.Time `json:"recorded"`
	From       events.Time `json:"from"` // when it takes effect
	To         events.Time `json:"to"`
	Stage      string      `json:"stage"`
	Version    int         `json:"version"`
	Published  int         `json:"published"`
	Submission string      `json:"submission"`

	Suspended   bool                 `json:"suspended,omitempty"`
	Assessments []string             `json:"assessments,omitempty"`
	Sources     []events.SourceState `json:"sources,omitempty"`
	// Imported: a record of Version is from before the ledger; PublishedImported: one
	// of Published was, up to its publication.
	Imported          bool `json:"imported,omitempty"`
	PublishedImported bool `json:"published_imported,omitempty"`
	// Number counts entries, in the order in which the book brings them up.
	Number uint32 `json:"-"`
}

func (s *entryStep) code(c *coder) {
	c.text(&s.Type)
	integer(c, &s.Recorded)
	integer(c, &s.From)
	integer(c, &s.To)
	c.text(&s.Stage)
	integer(c, &s.Version)
	integer(c, &s.Published)
	c.text(&s.Submission)
	c.bool(&s.Suspended)
	textList(c, &s.Assessments)
	list(c, &s.Sources, codeSource)
	c.bools(&s.Imported, &s.PublishedImported)
	integer(c, &s.Number)
}

func stepKey(id string) []byte { return entityKey(tEntry, id) }

func contentKey(id string, version int) []byte { return entityKey(tContent, id, strconv.Itoa(version)) }

// applyCatalog folds the events of entries.
func applyCatalog(b *batch, e *ledger.Entry) error {
	if err := applyResources(b, e); err != nil {
		return err
	}
	switch d := e.Event.Data.(type) {
	case *events.EntryDrafted:
		return applyDraft(b, e, d)
	case *events.EntryRevised:
		return applyDraft(b, e, (*events.EntryDrafted)(d))
	case *events.EntryAssessed:
		return applyStep(b, e, d.Entry, func(s *entryStep) {
			s.Assessments = slices.DeleteFunc(slices.Clone(s.Assessments), func(kind string) bool { return kind == d.Kind })
			if d.Result == "passed" {
				s.Assessments = append(s.Assessments, d.Kind)
			}
		})
	case *events.EntryDepartmentApproved:
		return applyStep(b, e, d.Entry, func(s *entryStep) { s.Stage = events.StageApproved })
	case *events.EntrySuspended:
		return applyStep(b, e, d.Entry, func(s *entryStep) { s.Suspended = true })
	case *events.EntryResumed:
		return applyStep(b, e, d.Entry, func(s *entryStep) { s.Suspended = false })
	case *events.SourceDesignated:
		return applyStep(b, e, d.Entry, func(s *entryStep) { s.Sources = append(slices.Clone(s.Sources), designations(d)...) })
	case *events.SourceRelieved:
		return applyStep(b, e, d.Entry, func(s *entryStep) {
			ended := designations((*events.SourceDesignated)(d))
			s.Sources = slices.DeleteFunc(slices.Clone(s.Sources), func(have events.SourceState) bool { return slices.Contains(ended, have) })
		})
	case *events.EntrySubmitted:
		return applyStep(b, e, d.Entry, func(s *entryStep) {
			s.Stage, s.Submission = events.StageSubmitted, d.SubmissionKind
		})
	case *events.EntryReturned:
		return applyStep(b, e, d.Entry, func(s *entryStep) {
			if s.Stage = events.StageReturned; s.Submission == events.SubmissionWithdrawal {
				s.Stage = events.StagePublished
			}
			s.Submission = ""
		})
	case *events.EntryPublished:
		return applyPublished(b, e, d)
	case *events.EntryWithdrawn:
		return applyStep(b, e, d.Entry, func(s *entryStep) {
			s.Stage, s.Published, s.Submission, s.Suspended = events.StageWithdrawn, 0, "", false
		})
	}
	return nil
}

func applyDraft(b *batch, e *ledger.Entry, d *events.EntryDrafted) error {
	before, _, err := draw[entryStep](b, stepKey(d.Entry))
	if err != nil {
		return err
	}
	old, err := b.content(d.Entry, before.Version)
	if err != nil {
		return err
	}
	published, err := b.content(d.Entry, before.Published)
	if err != nil {
		return err
	}
	b.put(contentKey(d.Entry, d.Version), (*contentRow)(d))
	if err := linkResources(b, d.Entry, slices.Concat(old.Resources, published.Resources), slices.Concat(d.Resources, published.Resources)); err != nil {
		return err
	}
	return applyStep(b, e, d.Entry, func(s *entryStep) {
		s.Stage, s.Version, s.Submission, s.Assessments = events.StageDrafted, d.Version, "", nil
	})
}

// designations lists what a designation says, item by item; no item stands for all.
func designations(d *events.SourceDesignated) []events.SourceState {
	if len(d.Items) == 0 {
		return []events.SourceState{{Party: d.Party}}
	}
	var out []events.SourceState
	for _, item := range d.Items {
		out = append(out, events.SourceState{Item: item, Party: d.Party})
	}
	return out
}

func applyPublished(b *batch, e *ledger.Entry, d *events.EntryPublished) error {
	before, _, err := draw[entryStep](b, stepKey(d.Entry))
	if err != nil {
		return err
	}
	old, err := b.content(d.Entry, before.Published)
	if err != nil {
		return err
	}
	now, err := b.content(d.Entry, d.Version)
	if err != nil {
		return err
	}
	if err := linkResources(b, d.Entry, old.Resources, now.Resources); err != nil {
		return err
	}
	return applyStep(b, e, d.Entry, func(s *entryStep) {
		s.Stage, s.Published, s.Submission = events.StagePublished, d.Version, ""
	})
}

// applyStep writes the entry's next step and keeps the counters of stages.
func applyStep(b *batch, e *ledger.Entry, id string, change func(*entryStep)) error {
	s, known, err := draw[entryStep](b, stepKey(id))
	if err != nil {
		return err
	}
	if !known {
		if err = b.count("entries", 1); err == nil {
			s.Number, err = b.nth("entries")
		}
	} else {
		err = b.count("entries/"+s.Stage, -1)
	}
	if err != nil {
		return err
	}
	change(&s)
	s.Type, s.Recorded, s.From, s.To = e.Event.Type, e.Recorded, effective(e), e.Event.EffectiveTo
	switch e.Event.Data.(type) {
	case *events.EntryDrafted, *events.EntryRevised: // says all anew
		s.Imported = e.Event.Imported
	default:
		s.Imported = s.Imported || e.Event.Imported
	}
	if e.Event.Type == typePublished {
		s.PublishedImported = s.Imported
	}
	if err := b.count("entries/"+s.Stage, 1); err != nil {
		return err
	}
	b.put(stepKey(id), &s)
	return nil
}

// effective is when an event takes effect.
func effective(e *ledger.Entry) events.Time {
	if e.Event.EffectiveFrom != 0 {
		return e.Event.EffectiveFrom
	}
	return e.Event.Time
}

// linkResources notes at each dataset which entries describe it, in their latest
// version or the one in force.
func linkResources(b *batch, entry string, before, now []events.Resource) error {
	keep := make(map[Dataset]bool)
	for _, r := range now {
		d := Dataset{r.Namespace, r.Name}
		if keep[d] {
			continue
		}
		keep[d] = true
		if err := updateDataset(b, d, func(row *datasetRow) bool {
			i, found := slices.BinarySearch(row.Entries, entry)
			if !found {
				row.Entries = slices.Insert(row.Entries, i, entry)
			}
			return !found
		}); err != nil {
			return err
		}
	}
	for _, r := range before {
		d := Dataset{r.Namespace, r.Name}
		if keep[d] {
			continue
		}
		if err := updateDataset(b, d, func(row *datasetRow) bool {
			i, found := slices.BinarySearch(row.Entries, entry)
			if found {
				row.Entries = slices.Delete(row.Entries, i, i+1)
			}
			return found
		}); err != nil {
			return err
		}
	}
	return nil
}

// normalise makes texts comparable: lower case, and the full-width forms of
// ASCII that Chinese text mixes in as plain ASCII.
func normalise(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= '！' && r <= '～':
			r -= '！' - '!'
		case r == '　':
			r = ' '
		}
		return unicode.ToLower(r)
	}, s)
}

// Entry returns one entry: the version in force at validAt, or the latest known
// if validAt is 0. The bool is false if there is none.
func (w *View) Entry(ctx context.Context, id string, validAt events.Time) (e Entry, ok bool, err error) {
	err = w.read(func(r *reader) error {
		if e, ok, err = r.entry(id, validAt); err == nil && ok {
			ok, err = r.sees(e.Provider)
		}
		return err
	})
	return e, ok, err
}

// entry reads an entry as of the reader's position.
func (r *reader) entry(id string, validAt events.Time) (Entry, bool, error) {
	f := force{at: validAt}
	if validAt == 0 {
		row, ok, err := r.get(stepKey(id))
		if err == nil && ok {
			_, err = f.look(row)
		}
		if err != nil {
			return Entry{}, false, err
		}
	} else if err := r.history(stepKey(id), r.at, f.look); err != nil {
		return Entry{}, false, err
	}
	s, version, ok := f.step()
	if !ok {
		return Entry{}, false, nil
	}
	e, err := r.entryOf(id, s, version, f.position)
	if err != nil {
		return Entry{}, false, err
	}
	f.end(&e)
	return e, true, nil
}

// force finds which step of an entry counts: the latest, or, for a date that is not
// 0, of the publications and withdrawals that had taken effect by then the one
// recorded last.
type force struct {
	at       events.Time
	decided  entryStep
	position int64
	found    bool
	until    events.Time // the nearest later change recorded after the one that decides
	// suspended and sources are by the last step that had taken effect and says so.
	suspended, said bool
	sources         *[]events.SourceState
}

// look takes in the steps, the latest first, until it returns false.
func (f *force) look(row row) (more bool, err error) {
	var s entryStep
	if err := row.decode(&s); err != nil {
		return false, err
	}
	if f.at == 0 {
		f.decided, f.position, f.found = s, row.position, true
		return false, nil
	}
	effective := within(f.at, s.From, s.To)
	if !f.said && effective && (s.Type == typeSuspended || s.Type == typeResumed) {
		f.suspended, f.said = s.Suspended, true
	}
	if f.sources == nil && effective {
		f.sources = &s.Sources
	}
	if s.Type != typePublished && s.Type != typeWithdrawn {
		return true, nil
	}
	if s.From > f.at && (f.until == 0 || s.From < f.until) {
		f.until = s.From
	}
	if effective {
		f.decided, f.position, f.found = s, row.position, true
	}
	return !effective, nil
}

// step is the step that counts, as of the date, and the version it is about; false
// if there is none.
func (f *force) step() (s entryStep, version int, ok bool) {
	s = f.decided
	if f.at == 0 {
		return s, s.Version, f.found
	}
	if !f.found || s.Published == 0 {
		return s, 0, false
	}
	s.Stage, s.Sources = events.StagePublished, *f.sources
	if f.said {
		s.Suspended = f.suspended
	}
	return s, s.Published, true
}

// end moves the end of what is in force to where the next change sets in.
func (f *force) end(e *Entry) {
	if f.until != 0 && (e.ValidTo == 0 || f.until < e.ValidTo) {
		e.ValidTo = f.until
	}
}

const (
	typePublished = "catalog.entry.published"
	typeWithdrawn = "catalog.entry.withdrawn"
	typeSuspended = "catalog.entry.suspended"
	typeResumed   = "catalog.entry.resumed"
)

// entryOf makes an entry from a step and what the version said at the step's
// position.
func (r *reader) entryOf(id string, s entryStep, version int, position int64) (Entry, error) {
	row, ok, err := r.getAt(contentKey(id, version), position)
	if err != nil {
		return Entry{}, err
	}
	var d contentRow
	if ok {
		if err := row.decode(&d); err != nil {
			return Entry{}, err
		}
	}
	e := entryWith(id, &s, (*events.EntryDrafted)(&d), version, position)
	if e.ProviderName, err = r.partyName(d.Provider); err != nil {
		return Entry{}, err
	}
	if e.Attached, err = r.attachments(id); err != nil {
		return Entry{}, err
	}
	e.Marks, err = r.marks(id)
	return e, err
}

// entryWith makes an entry of a step and what a version says.
func entryWith(id string, s *entryStep, d *events.EntryDrafted, version int, position int64) Entry {
	e := Entry{
		ID: id, Stage: s.Stage, Version: version, Published: s.Published,
		Provider: d.Provider, Title: d.Title, TitleEN: d.TitleEN, Code: d.Code, CodeScheme: d.CodeScheme,
		ClassPath: d.ClassPath, ClassScheme: d.ClassScheme, UpdateInterval: d.UpdateInterval, Summary: d.Summary, Sharing: d.Sharing, Items: d.Items, UpdateFrequency: d.UpdateFrequency,
		Grade: d.Grade, Region: d.Region, Resources: d.Resources, DerivedFrom: d.DerivedFrom, FusingParty: d.FusingParty,
		Format: d.Format, FormatDetail: d.FormatDetail, Related: d.Related, SourceSystems: d.SourceSystems, BusinessItems: d.BusinessItems,
		Volume: d.Volume, Contact: d.Contact, Specification: d.Specification,
		Suspended: s.Suspended, Assessments: s.Assessments, Sources: s.Sources, Imported: s.Imported,
		ValidFrom: s.From, ValidTo: s.To, Position: position, Recorded: s.Recorded,
	}
	if version != s.Version {
		e.Imported = s.PublishedImported
	}
	if d.Open != (events.OpenData{}) {
		e.Open = &d.Open
	}
	if d.Period != (events.Period{}) {
		e.Period = &d.Period
	}
	return e
}

// latestContent reads what the latest version of an entry says, draft or not;
// zero if the entry is not known. The caller leaves it as it is.
func (b *batch) latestContent(id string) (*events.EntryDrafted, error) {
	step, err := recall[entryStep](b, b.look(tEntry, id))
	if err != nil || step == nil {
		return new(events.EntryDrafted), err
	}
	return b.content(id, step.Version)
}

// content reads what a version of an entry says; zero if there is none.
func (b *batch) content(id string, version int) (*events.EntryDrafted, error) {
	d, err := recall[contentRow](b, b.look(tContent, id, strconv.Itoa(version)))
	if d == nil {
		d = new(contentRow)
	}
	return (*events.EntryDrafted)(d), err
}
