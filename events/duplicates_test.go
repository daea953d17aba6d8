package events

import (
	"errors"
	"strings"
	"testing"
)

// TestNamesGivenTwice: a name that is given twice is refused wherever it stands, by
// itself and in a batch, and the refusal says where.
func TestNamesGivenTwice(t *testing.T) {
	const good = `{"specversion":"1.0","id":"1","source":"https://x.example/","type":"party.body.registered","time":"2026-03-01T08:00:00Z",` +
		`"data":{"party":"P1","name":"n","kind":"department","region":"990000","level":"provincial"}}`
	if _, err := DecodeStructured([]byte(good)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ old, new, field string }{
		{`"id":"1"`, `"id":"1","id":"1"`, "/id"},
		{`"id":"1"`, `"id":"1","i\u0064":"2"`, "/id"},
		{`"id":"1"`, `"id":"1","actor":null,"actor":"a"`, "/actor"},
		{`"id":"1"`, `"id":"1","actor":null,"actor":null`, "/actor"},
		{`"data":{`, `"data":null,"data":{`, "/data"},
		{`"data":{`, `"data":{},"data":{`, "/data"},
		{`"party":"P1"`, `"party":"P1","party":"P1"`, "/data/party"},
		{`"party":"P1"`, `"party":"P1","p\u0061rty":"P2"`, "/data/party"},
	} {
		bad := strings.Replace(good, c.old, c.new, 1)
		_, err := DecodeStructured([]byte(bad))
		r, ok := errors.AsType[*Refusal](err)
		if !ok || r.Rule != "field.duplicate" || r.Field != c.field {
			t.Errorf("%s: %v, want field.duplicate at %s", bad, err, c.field)
		}
		_, err = DecodeBatch([]byte("[" + good + ", " + bad + "]"))
		r, ok = errors.AsType[*Refusal](err)
		if !ok || r.Rule != "field.duplicate" || r.Field != c.field || r.Index != 1 {
			t.Errorf("second of a batch: %+v, want field.duplicate at %s of 1", err, c.field)
		}
	}
	for _, bad := range []string{`[` + good + `,{"id":]`, `[` + good + `,{"id":"\ud800"}]`, `[` + good + ` ` + good + `]`} {
		_, err := DecodeBatch([]byte(bad))
		if r, ok := errors.AsType[*Refusal](err); !ok || strings.HasPrefix(r.Field, "/1") {
			t.Errorf("%s: %v: the field is within the event", bad, err)
		}
	}
}
