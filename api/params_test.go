package api

import (
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"testing"

	"ledgerline/events"
	"ledgerline/projections"
)

// FuzzQuery: any query string is read or refused with a problem of its own,
// and what is read is within the bounds declared.
func FuzzQuery(f *testing.F) {
	for _, seed := range []string{"", "as_of=3&limit=10", "as_of=2026-01-08T09:30:00+08:00", "limit=-1", "limit", "limit=&as_of=", "cursor=%00&text=%F0", "after=9223372036854775808", "stage=published&valid_at=2026-01-08T00:00:00Z", "a;b", "%",
		"valid_at=" + strings.Repeat("\x93", 1000)} {
		f.Add(seed)
	}
	params := paramsOf(reflect.TypeFor[entriesQuery]())
	f.Fuzz(func(t *testing.T, query string) {
		r := httptest.NewRequest("GET", "/v1/catalog/entries", nil)
		r.URL = &url.URL{Path: "/v1/catalog/entries", RawQuery: query}
		var q entriesQuery
		if err := parseQuery(r, params, &q); err != nil {
			p, ok := err.(*Problem)
			if !ok || p.Status != 400 || p.Fix == "" || len(p.Detail) > 1000 {
				t.Errorf("%q: %v", query, err)
			}
			return
		}
		if q.Limit < 1 || q.Limit > 1000 || q.After != nil && *q.After < 0 || q.AsOf.given && !q.AsOf.byTime && q.AsOf.position < 0 {
			t.Errorf("%q was read as %+v", query, q)
		}
		if q.Cursor != "" {
			if _, _, err := openCursor(r, projections.Scope{}, q.Cursor); err != nil && !strings.Contains(err.Error(), "cursor") {
				t.Errorf("%q: %v", query, err)
			}
		}
	})
}

func TestMoment(t *testing.T) {
	for text, want := range map[string]Moment{
		"0":                         {given: true},
		"42":                        {position: 42, given: true},
		"2026-01-08T01:30:00Z":      {time: events.TimeOf(testNow), given: true, byTime: true},
		"2026-01-08T09:30:00+08:00": {time: events.TimeOf(testNow), given: true, byTime: true},
		"2026-01-08T09:30:00 08:00": {time: events.TimeOf(testNow), given: true, byTime: true},
	} {
		var m Moment
		if err := m.UnmarshalText([]byte(text)); err != nil || m != want {
			t.Errorf("%q: %+v, %v", text, m, err)
		}
	}
	for _, text := range []string{"", "-1", "1.5", "now", "2026-01-08", "2026-01-08T09:30:00", "99999999999999999999"} {
		var m Moment
		if err := m.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q was read as %+v", text, m)
		}
	}
}
