package rulepack

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func counter(t testing.TB, id, version string) *Counter {
	t.Helper()
	for _, text := range Calendars() {
		n, err := ParseCalendar([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if c := n.Calendar(); c.ID == id && c.Version == version {
			return n
		}
	}
	t.Fatalf("no calendar %s %s is shipped", id, version)
	return nil
}

func at(t testing.TB, n *Counter, day string) time.Time {
	t.Helper()
	d, err := ParseDate(day)
	if err != nil {
		t.Fatal(err)
	}
	return d.Start(n.zone).Add(15 * time.Hour)
}

// TestShipped holds that everything that comes with the program is sound, and
// that every pack's calendar comes too.
func TestShipped(t *testing.T) {
	calendars := make(map[string]bool)
	for _, text := range Calendars() {
		n, err := ParseCalendar([]byte(text))
		if err != nil {
			t.Fatalf("%v in %.60s", err, text)
		}
		calendars[n.Calendar().ID] = true
	}
	packs := Packs()
	if len(packs) < 2 {
		t.Errorf("%d packs are shipped: one legal order proves nothing about the form", len(packs))
	}
	for _, text := range packs {
		p, err := ParsePack([]byte(text))
		if err != nil {
			t.Fatalf("%v in %.60s", err, text)
		}
		if p.Calendar != "" && !calendars[p.Calendar] {
			t.Errorf("pack %s %s is counted by calendar %s, which is not shipped", p.ID, p.Version, p.Calendar)
		}
	}
}

// TestWorkingDayVectors are deadlines worked out by hand from the notices of the
// State Council. A Monday-to-Friday calendar, and one that leaves the make-up days
// out, get most of them wrong.
func TestWorkingDayVectors(t *testing.T) {
	for _, v := range []struct {
		start string
		days  int
		due   string
	}{
		{"2025-09-26", 10, "2025-10-16"}, // Sunday 09-28 and Saturday 10-11 are working days
		{"2025-09-26", 1, "2025-09-28"},
		{"2025-09-30", 1, "2025-10-09"},
		{"2026-02-13", 1, "2026-02-14"},
		{"2026-02-12", 10, "2026-03-04"},
		{"2025-12-31", 2, "2026-01-05"},
		{"2026-04-30", 10, "2026-05-18"},
		{"2025-10-05", 10, "2025-10-21"}, // begins on a holiday
		{"2025-12-22", 10, "2026-01-06"},
		{"2025-08-18", 10, "2025-09-01"},
		{"2025-09-22", 10, "2025-10-11"},
		{"2025-10-20", 20, "2025-11-17"},
	} {
		n := counter(t, "cn", "2026")
		got, err := n.Due(at(t, n, v.start), Period{WorkingDays: v.days})
		if err != nil {
			t.Fatal(err)
		}
		if got.Day.String() != v.due || got.Provisional || got.CalendarVersion != "2026" {
			t.Errorf("%s + %d working days: %+v, want %s", v.start, v.days, got, v.due)
		}
		if want := (got.Day + 1).Start(n.zone); !got.Before.Equal(want) {
			t.Errorf("%s + %d: missed at %s, want %s", v.start, v.days, got.Before, want)
		}
		if used := n.WorkingDays(at(t, n, v.start), at(t, n, v.due)); used != v.days {
			t.Errorf("%s to %s: %d working days, want %d", v.start, v.due, used, v.days)
		}
	}
}

func TestPeriods(t *testing.T) {
	cn, weekdays := counter(t, "cn", "2026"), counter(t, "weekdays", "1")
	for _, v := range []struct {
		n     *Counter
		start string
		p     Period
		due   string
	}{
		{weekdays, "2026-01-31", Period{Months: 1}, "2026-03-02"}, // 28 February is a Saturday
		{weekdays, "2026-03-31", Period{Months: 1}, "2026-04-30"},
		{weekdays, "2024-02-29", Period{Years: 1}, "2025-02-28"},
		{weekdays, "2026-01-01", Period{Days: 60}, "2026-03-02"},
		{weekdays, "2026-01-02", Period{Hours: 72}, "2026-01-05"},
		{weekdays, "2026-01-03", Period{Hours: 24}, "2026-01-04"}, // hours do not wait for Monday
		{cn, "2026-01-17", Period{Days: 28}, "2026-02-14"},        // a Saturday that is worked
		{cn, "2026-01-20", Period{Days: 28}, "2026-02-24"},        // in the Spring Festival
	} {
		got, err := v.n.Due(at(t, v.n, v.start), v.p)
		if err != nil || got.Day.String() != v.due {
			t.Errorf("%s + %+v: %s %v, want %s", v.start, v.p, got.Day, err, v.due)
		}
	}
}

// TestDayOfZone holds that a day is that of the calendar, not of the clock that
// wrote the time.
func TestDayOfZone(t *testing.T) {
	n := counter(t, "cn", "2026")
	evening := time.Date(2026, 3, 2, 17, 0, 0, 0, time.UTC) // already 3 March in China
	got, err := n.Due(evening, Period{WorkingDays: 1})
	if err != nil || got.Day.String() != "2026-03-04" || !got.Before.Equal(time.Date(2026, 3, 4, 16, 0, 0, 0, time.UTC)) {
		t.Errorf("%+v %v", got, err)
	}
}

// TestBeyondCoverage holds that counting past the last known holiday says so.
func TestBeyondCoverage(t *testing.T) {
	n := counter(t, "cn", "2025")
	sure, err1 := n.Due(at(t, n, "2025-12-29"), Period{WorkingDays: 2})
	guess, err2 := n.Due(at(t, n, "2025-12-29"), Period{WorkingDays: 3})
	if err1 != nil || err2 != nil || sure.Provisional || !guess.Provisional {
		t.Errorf("%+v %v, %+v %v", sure, err1, guess, err2)
	}
}

// TestDueLaws holds for every start and length: the due day is a working day, the
// right number of working days lies between, and a later start is never due
// earlier.
func TestDueLaws(t *testing.T) {
	n := counter(t, "cn", "2026")
	base := at(t, n, "2025-01-01").Unix()
	rapid.Check(t, func(t *rapid.T) {
		start := time.Unix(base+rapid.Int64Range(0, 640*secondsPerDay).Draw(t, "start"), 0)
		days := rapid.IntRange(1, 60).Draw(t, "days")
		due, err := n.Due(start, Period{WorkingDays: days})
		if err != nil {
			t.Fatal(err)
		}
		if !n.Working(due.Day) || n.WorkingDays(start, due.Before.Add(-time.Nanosecond)) != days {
			t.Fatalf("%s + %d: %s", start, days, due.Day)
		}
		later, err := n.Due(start.Add(time.Duration(rapid.Int64Range(0, 1e15).Draw(t, "later"))), Period{WorkingDays: days})
		if err != nil || later.Day < due.Day {
			t.Fatalf("%s + %d: %s, but a later start is due %s %v", start, days, due.Day, later.Day, err)
		}
	})
}

func TestRefused(t *testing.T) {
	sound := counter(t, "cn", "2026").Calendar()
	for name, c := range map[string]struct {
		change func(*Calendar)
		names  string
	}{
		"no version":            {func(c *Calendar) { c.Version = "" }, "version"},
		"zone of the machine":   {func(c *Calendar) { c.Zone = "Local" }, "zone"},
		"unknown zone":          {func(c *Calendar) { c.Zone = "Asia/Beijing" }, "zone"},
		"ends before it begins": {func(c *Calendar) { c.To = c.From - 1 }, "to"},
		"work on a weekday":     {func(c *Calendar) { c.Work = []Date{dateOf(2026, 3, 2)} }, "work/0"},
		"work on a holiday":     {func(c *Calendar) { c.Work = []Date{dateOf(2026, 2, 15)} }, "work/0"},
		"a year of rest":        {func(c *Calendar) { c.Rest = []Holiday{{"x", c.From, c.To}} }, "rest/0"},
		"rest beyond the end":   {func(c *Calendar) { c.Rest = []Holiday{{"x", c.To, c.To + 1}} }, "rest/0"},
	} {
		bad := sound
		c.change(&bad)
		if _, err := bad.Compile(); err == nil || !strings.Contains(err.Error(), c.names) {
			t.Errorf("calendar, %s: %v, want an error naming %s", name, err, c.names)
		}
	}
	for name, c := range map[string]struct {
		change func(*Pack)
		names  string
	}{
		"no calendar":        {func(p *Pack) { p.Calendar = "" }, "calendar"},
		"code twice":         {func(p *Pack) { p.Violations = append(p.Violations, p.Violations[0]) }, "violations/"},
		"rule twice":         {func(p *Pack) { p.Deadlines = append(p.Deadlines, p.Deadlines[0]) }, "deadlines/"},
		"unknown violation":  {func(p *Pack) { p.Deadlines[0].Violation = "99.9" }, "violation"},
		"unknown duty":       {func(p *Pack) { p.Deadlines[0].Duty = "nobody" }, "duty"},
		"nothing stops it":   {func(p *Pack) { p.Deadlines[0].Stops = nil }, "stops"},
		"two lengths":        {func(p *Pack) { p.Deadlines[0].Length.Days = 3 }, "length"},
		"no length":          {func(p *Pack) { p.Deadlines[0].Length = Period{} }, "length"},
		"endless":            {func(p *Pack) { p.Deadlines[0].Length = Period{WorkingDays: maxPeriod + 1} }, "length"},
		"no case":            {func(p *Pack) { p.Deadlines[0].Starts.Case = "" }, "case"},
		"nobody's":           {func(p *Pack) { p.Deadlines[0].Party = "" }, "party"},
		"due twice":          {func(p *Pack) { p.Deadlines[0].DueField = "due" }, "due_field"},
		"kept for no time":   {func(p *Pack) { p.Retention[0].Keep = Period{} }, "keep"},
		"label of nothing":   {func(p *Pack) { p.Labels = Labels{"colour": {"red": {"red", "红"}}} }, "labels/colour"},
		"one language":       {func(p *Pack) { p.Labels = Labels{"field": {"by": {EN: "by"}}} }, "labels/field/by/zh"},
		"label of two lines": {func(p *Pack) { p.Labels = Labels{"field": {"by": {"b\ny", "由"}}} }, "labels/field/by/en"},
		"endless label":      {func(p *Pack) { p.Labels = Labels{"field": {"by": {"by", strings.Repeat("由", maxLabel+1)}}} }, "labels/field/by/zh"},
		"label for no value": {func(p *Pack) { p.Labels = Labels{"field": {"": {"by", "由"}}} }, "labels/field/"},
	} {
		bad, err := ParsePack([]byte(Packs()[0]))
		if err != nil {
			t.Fatal(err)
		}
		c.change(bad)
		if err := bad.Check(); err == nil || !strings.Contains(err.Error(), c.names) {
			t.Errorf("pack, %s: %v, want an error naming %s", name, err, c.names)
		}
	}
}

// TestLabelsNamedOnce holds that a pack has one label for a value, whoever reads it.
func TestLabelsNamedOnce(t *testing.T) {
	for _, twice := range []string{
		`{"field":{"by":{"en":"by","zh":"由"},"by":{"en":"of","zh":"的"}}}`, `{"field":{},"field":{}}`, `{"field":{"by":{"en":"by","zh":"由","en":"of"}}}`,
		`{"field":{"by":{"en":"by","zh":"由","fr":"par"}}}`,
	} {
		if p, err := ParsePack([]byte(`{"id":"x","version":"1","labels":` + twice + `}`)); err == nil {
			t.Errorf("%s was read as %v", twice, p.Labels)
		}
	}
	p, err := ParsePack([]byte(`{"id":"x","version":"1","labels":{"field":{"by":{"en":"by whom","zh":"由谁"}}}}`))
	if err != nil {
		t.Fatal(err)
	}
	if got, ok := p.Labels.Of("field", "by"); !ok || got != (Text{"by whom", "由谁"}) {
		t.Errorf("%+v %v", got, ok)
	}
	if _, ok := p.Labels.Of("sharing", "by"); ok {
		t.Error("a label of another kind was found")
	}
	for _, kind := range LabelKinds() {
		if len(ShippedLabels()[kind]) == 0 {
			t.Errorf("no label of a %s is shipped", kind)
		}
	}
}

// FuzzParse holds that what is read as a pack or a calendar can be counted with.
func FuzzParse(f *testing.F) {
	for _, text := range append(Packs(), Calendars()...) {
		f.Add([]byte(text))
	}
	start := time.Date(2026, 2, 12, 9, 0, 0, 0, time.UTC)
	f.Add([]byte(`{"id":"x","version":"1","labels":{"field":{"by":{"en":"by","zh":"由"}}}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if p, err := ParsePack(b); err == nil {
			if err := p.Check(); err != nil {
				t.Fatal(err)
			}
		}
		if n, err := ParseCalendar(b); err == nil {
			if due, err := n.Due(start, Period{WorkingDays: 20}); err != nil || !due.Before.After(start) {
				t.Fatalf("%+v %v", due, err)
			}
		}
	})
}
