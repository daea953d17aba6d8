package events

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// Every text in the data of every type is held to UTF-8, no NUL and a length,
// and the refusal points at it.
func TestEveryTextIsChecked(t *testing.T) {
	bads := []string{"a\x00b", "a\xffb", strings.Repeat("x", MaxFacet+1)}
	for _, typ := range Types() {
		data := reflect.ValueOf(samples()[typ.Name]).Elem()
		var paths []string
		eachText(data, "/data", func(path string, _ func(string)) { paths = append(paths, path) })
		for i, path := range paths {
			for _, bad := range bads {
				e := sampleEvent(typ.Name)
				n := 0
				eachText(reflect.ValueOf(e.Data).Elem(), "/data", func(_ string, set func(string)) {
					if n == i {
						set(bad)
					}
					n++
				})
				r, ok := errors.AsType[*Refusal](e.Validate(sampleNow))
				if !ok {
					t.Errorf("%s: %.5q is accepted at %s", typ.Name, bad, path)
				} else if r.Field != path && !strings.Contains(path, "{key}") {
					t.Errorf("%s: %.5q at %s is refused at %s", typ.Name, bad, path, r.Field)
				}
			}
		}
	}
}

// eachText calls f for every string in v, map keys included.
func eachText(v reflect.Value, path string, f func(path string, set func(string))) {
	switch v.Kind() {
	case reflect.String:
		f(path, v.SetString)
	case reflect.Pointer:
		eachText(v.Elem(), path, f)
	case reflect.Struct:
		for i := range v.NumField() {
			eachText(v.Field(i), path+"/"+jsonName(v.Type().Field(i)), f)
		}
	case reflect.Slice:
		for i := range v.Len() {
			eachText(v.Index(i), fmt.Sprintf("%s/%d", path, i), f)
		}
	case reflect.Map:
		keys := v.MapKeys()
		slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
		for _, k := range keys {
			f(path+"/{key}", func(s string) {
				v.SetMapIndex(reflect.ValueOf(s), v.MapIndex(k))
				v.SetMapIndex(k, reflect.Value{})
			})
			if v.Type().Elem().Kind() == reflect.String {
				f(path+"/"+k.String(), func(s string) { v.SetMapIndex(k, reflect.ValueOf(s)) })
			}
		}
	}
}

func TestDurations(t *testing.T) {
	for _, s := range []string{"P1D", "P2W", "P1Y6M", "PT6H", "P1DT12H30M5S", "P10D"} {
		if !isDuration(s) {
			t.Errorf("%s is no duration", s)
		}
	}
	for _, s := range []string{"", "P", "T1H", "PT", "P1DT", "1D", "P1", "PD", "P1H", "PT1D", "P1D2Y", "P1D1D", "P-1D", "P1.5D", "p1d", "P1D ", "P1Dä"} {
		if isDuration(s) {
			t.Errorf("%q is taken for a duration", s)
		}
	}
}

// Facts and acts are refused for one wrong field each.
func TestValidateData(t *testing.T) {
	entry := func(change func(*EntryDrafted)) Data { d := draft(); change(&d); return &d }
	grant := func(change func(*AgreementActivated)) Data { a := agreement(); change(a); return a }
	call := func(change func(*AccessRecorded)) Data {
		a := samples()["access.call.recorded"].(*AccessRecorded)
		change(a)
		return a
	}
	denied := func(change func(*CallDenied)) Data {
		a := samples()["access.call.denied"].(*CallDenied)
		change(a)
		return a
	}
	batch := func(change func(*BatchSealed)) Data {
		b := samples()["access.batch.sealed"].(*BatchSealed)
		change(b)
		return b
	}
	use := func(change func(*UsageRecorded)) Data {
		u := samples()["usage.record.made"].(*UsageRecorded)
		change(u)
		return u
	}
	for _, tt := range []struct {
		typ         string
		data        Data
		rule, field string
	}{
		{"party.body.registered", &PartyRegistered{Party: "D01", Name: "x", USCC: "11990000MB0A000187", Kind: "department", Region: "1", Level: "city"}, "party.uscc", "/data/uscc"},
		{"party.body.registered", &PartyRegistered{Party: "D01", Name: "x", USCC: "11990000MBOA000186", Kind: "department", Region: "1", Level: "city"}, "party.uscc", "/data/uscc"},
		{"catalog.entry.drafted", entry(func(e *EntryDrafted) { e.Version = 2 }), "entry.version-first", "/data/version"},
		{"catalog.entry.drafted", entry(func(e *EntryDrafted) { e.ChangedPaths = []string{"/x"} }), "entry.changed-paths", "/data/changed_paths"},
		{"catalog.entry.drafted", entry(func(e *EntryDrafted) { e.Items = nil }), "field.required", "/data/items"},
		{"catalog.entry.drafted", entry(func(e *EntryDrafted) { e.Items[1].ID = "gmsfhm" }), "entry.item-unique", "/data/items/1/id"},
		{"catalog.entry.drafted", entry(func(e *EntryDrafted) { e.Items[1].Type = "" }), "field.required", "/data/items/1/type"},
		{"catalog.entry.drafted", entry(func(e *EntryDrafted) { e.Sharing = Sharing{Attribute: SharingNotShared, Reason: "secret"} }), "field.required", "/data/sharing/basis"},
		{"catalog.entry.drafted", entry(func(e *EntryDrafted) { e.Sharing = Sharing{Attribute: SharingNotShared, Basis: "law"} }), "field.required", "/data/sharing/reason"},
		{"catalog.entry.drafted", entry(func(e *EntryDrafted) { e.Sharing.Range = "" }), "field.required", "/data/sharing/range"},
		{"catalog.entry.drafted", entry(func(e *EntryDrafted) { e.Sharing.Purposes = nil }), "field.required", "/data/sharing/purposes"},
		{"catalog.entry.drafted", entry(func(e *EntryDrafted) { e.Resources[0].Columns = map[string]string{"a/b~": "c"} }), "entry.column-item", "/data/resources/0/columns/a~1b~0"},
		{"catalog.entry.drafted", entry(func(e *EntryDrafted) { e.UpdateInterval = "10 days" }), "field.duration", "/data/update_interval"},
		{"catalog.entry.revised", revision(0), "field.range", "/data/version"},
		{"catalog.entry.returned", &EntryReturned{Entry: "DS02", Version: 1, By: "D07"}, "field.required", "/data/reasons"},
		{"share.agreement.activated", grant(func(a *AgreementActivated) { a.ValidTo = a.ValidFrom }), "field.interval", "/data/valid_to"},
		{"share.agreement.activated", grant(func(a *AgreementActivated) { a.OnwardTo = nil }), "agreement.onward-to", "/data/onward_to"},
		{"share.agreement.activated", grant(func(a *AgreementActivated) { a.Onward = OnwardForbidden }), "agreement.onward-to", "/data/onward_to"},
		{"share.agreement.activated", grant(func(a *AgreementActivated) { a.LegalBasis = nil }), "field.required", "/data/legal_basis"},
		{"share.agreement.activated", grant(func(a *AgreementActivated) { a.Grants = append(a.Grants, a.Grants[0]) }), "agreement.grant-unique", "/data/grants/1/entry"},
		{"share.agreement.activated", grant(func(a *AgreementActivated) { a.Grants[0].Items = []string{"a", "a"} }), "field.unique", "/data/grants/0/items/1"},
		{"share.agreement.activated", grant(func(a *AgreementActivated) { a.Grants[0].Masking = map[string]string{"x": "y"} }), "agreement.masking-item", "/data/grants/0/masking/x"},
		{"access.call.recorded", call(func(a *AccessRecorded) { a.RowCount = -1 }), "field.range", "/data/row_count"},
		{"access.call.recorded", call(func(a *AccessRecorded) { a.SubjectCount = ptr(-1) }), "field.range", "/data/subject_count"},
		{"access.call.recorded", call(func(a *AccessRecorded) { a.Result = AccessDenied }), "access.denied-type", "/data/result"},
		{"access.call.denied", denied(func(a *CallDenied) { a.Reason = "" }), "field.required", "/data/reason"},
		{"access.call.denied", denied(func(a *CallDenied) { a.Reason = "lapsed" }), "field.enum", "/data/reason"},
		{"access.batch.sealed", batch(func(b *BatchSealed) { b.CountOK = 8 }), "access.batch-count", "/data/count_ok"},
		{"access.batch.sealed", batch(func(b *BatchSealed) { b.First = 21 }), "field.interval", "/data/last"},
		{"access.batch.sealed", batch(func(b *BatchSealed) { b.Root = b.Root[1:] }), "field.length", "/data/root"},
		{"access.call.recorded", call(func(a *AccessRecorded) { a.Ended = a.Started - 1 }), "field.interval", "/data/ended"},
		{"access.call.recorded", call(func(a *AccessRecorded) { a.Dataset.Name = "" }), "field.required", "/data/dataset/name"},
		{"access.call.denied", denied(func(a *CallDenied) { a.AgreementVersion = -1 }), "field.range", "/data/agreement_version"},
		{"usage.record.made", use(func(u *UsageRecorded) { u.DataStatus = "good" }), "field.enum", "/data/data_status"},
		{"usage.record.made", use(func(u *UsageRecorded) { u.Issues = []string{"Q1", "Q1"} }), "field.unique", "/data/issues/1"},
		{"lineage.openlineage.received", &OpenLineageReceived{Kind: OpenLineageJob, EventTime: 1, Digest: "0"}, "field.required", "/data/job/name"},
		{"record.continued", &RecordContinued{Source: "s", ID: "i", Part: 1, Keys: [][]byte{{1}}}, "field.length", "/data/keys/0"},
		{"record.continued", &RecordContinued{Source: "s", ID: "i", Part: math.MaxUint64, Keys: [][]byte{{1}}}, "field.range", "/data/part"},
		{"party.body.registered", &RecordContinued{}, "event.data", "/data"},
		{"party.body.registered", (*PartyRegistered)(nil), "event.data", "/data"},
		{"party.body.registered", nil, "field.required", "/data"},
	} {
		e := sampleEvent(tt.typ)
		e.Data = tt.data
		refused(t, e.Validate(sampleNow), tt.rule, tt.field)
	}
}

// The attributes of an event are refused for one wrong value each.
func TestValidateAttributes(t *testing.T) {
	for _, tt := range []struct {
		change      func(*Event)
		rule, field string
	}{
		{func(e *Event) { e.ID = "" }, "field.required", "/id"},
		{func(e *Event) { e.ID = strings.Repeat("x", MaxID+1) }, "field.length", "/id"},
		{func(e *Event) { e.Source = "a b" }, "field.text", "/source"},
		{func(e *Event) { e.Type = "party.body.registred" }, "type.unknown", "/type"},
		{func(e *Event) { e.Schema = 2 }, "event.schema", "/dataschema"},
		{func(e *Event) { e.Time = 0 }, "field.required", "/time"},
		{func(e *Event) { e.Time = math.MinInt64 }, "field.time", "/time"},
		{func(e *Event) { e.Time = sampleNow + MaxFuture + 1; e.EffectiveTo = 0 }, "event.time-future", "/time"},
		{func(e *Event) { e.EffectiveTo = e.EffectiveFrom }, "field.interval", "/effectiveto"},
		{func(e *Event) { e.EffectiveFrom, e.EffectiveTo = 0, e.Time }, "field.interval", "/effectiveto"},
		{func(e *Event) { e.Actor = "\x00" }, "field.text", "/actor"},
		{func(e *Event) { e.Producer.ID = "" }, "field.required", "/producerid"},
		{func(e *Event) { e.Producer.Seq = 0 }, "field.range", "/producerseq"},
		{func(e *Event) { *e.ExpectedVersion = 1 << 63 }, "field.range", "/expectedversion"},
		{func(e *Event) { e.Grade = "secret" }, "field.enum", "/grade"},
		{func(e *Event) { e.Trace = "00-xx" }, "field.traceparent", "/traceparent"},
		{func(e *Event) { e.Facets = []Facet{{Name: "b"}, {Name: "a"}} }, "facet.order", "/facets/1/name"},
		{func(e *Event) { e.Facets = []Facet{{Name: "a", Bytes: make([]byte, MaxFacet+1)}} }, "facet.size", "/facets/0"},
	} {
		e := sampleEvent("party.body.registered")
		tt.change(&e)
		refused(t, e.Validate(sampleNow), tt.rule, tt.field)
	}
	e := sampleEvent("party.body.registered")
	e.Time, e.EffectiveTo = sampleNow+MaxFuture, 0
	if err := e.Validate(sampleNow); err != nil {
		t.Errorf("5 minutes ahead is refused: %v", err)
	}
}

func refused(t *testing.T, err error, rule, field string) *Refusal {
	t.Helper()
	if rule == "" {
		if err != nil {
			t.Errorf("refused: %v", err)
		}
		return nil
	}
	r, ok := errors.AsType[*Refusal](err)
	if !ok {
		t.Errorf("want a refusal by %s at %s, got %v", rule, field, err)
		return &Refusal{}
	}
	if r.Rule != rule || r.Field != field || r.Detail == "" || r.Fix == "" {
		t.Errorf("want a refusal by %s at %s with detail and fix, got %+v", rule, field, r)
	}
	return r
}

func TestUSCC(t *testing.T) {
	for _, code := range []string{"11990000MB0A000186", "11990000MB0A00034U", "11990000MB0A00042N", "11990100MB0B000191", "12990000MB0C0001X9"} {
		if !isUSCC(code) {
			t.Errorf("%s is refused", code)
		}
		if isUSCC(code[:17]+"0") || isUSCC(code[:17]) || isUSCC("21"+code[2:]) {
			t.Errorf("a damaged %s is accepted", code)
		}
	}
}

func TestNearest(t *testing.T) {
	for word, want := range map[string]string{
		"conditonal": SharingConditional, "notShared": SharingNotShared, "Unconditional": SharingUnconditional,
		"open": "", "": "", "x": "",
	} {
		if got := nearest(word, sharingAttributes); got != want {
			t.Errorf("nearest(%q) = %q, want %q", word, got, want)
		}
	}
}
