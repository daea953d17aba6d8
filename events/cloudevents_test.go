package events

import (
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// sent tells whether producers may send the type as a CloudEvent.
func sent(t Type) bool { return !t.Reserved && !t.Derived }

// decoded is the sample event as decoding should give it.
func decoded(t *testing.T, name string) Event {
	t.Helper()
	e := sampleEvent(name)
	e.Principal = "" // the ledger's knowledge, never sent
	if err := e.Split(); err != nil {
		t.Fatal(err)
	}
	return e
}

// binary returns the sample in the binary mode of the HTTP binding.
func binary(t *testing.T, structured []byte) (http.Header, []byte) {
	t.Helper()
	var members map[string]jsontext.Value
	if err := json.Unmarshal(structured, &members); err != nil {
		t.Fatal(err)
	}
	h := http.Header{"User-Agent": {"test"}}
	for name, v := range members {
		var text string
		if v.Kind() == '"' {
			if err := json.Unmarshal(v, &text); err != nil {
				t.Fatal(err)
			}
		} else {
			text = string(v)
		}
		switch name {
		case "data":
		case "datacontenttype":
			h.Set("Content-Type", text)
		default:
			h.Set("ce-"+name, percent(text))
		}
	}
	return h, members["data"]
}

// percent encodes as section 3.1.3.2 of the CloudEvents HTTP binding says.
func percent(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c > '~' || c == '"' || c == '%' {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// Structured, binary and batched, an event of each type is the same event.
func TestModesAgree(t *testing.T) {
	var batch []string
	var want []Event
	for _, typ := range Types() {
		structured, err := EncodeStructured(decoded(t, typ.Name))
		if err != nil {
			t.Fatal(err)
		}
		if !sent(typ) {
			_, err := DecodeStructured(structured)
			if r, ok := errors.AsType[*Refusal](err); !ok || r.Class != Forbidden || r.Field != "/type" {
				t.Errorf("%s is taken from outside: %v", typ.Name, err)
			}
			continue
		}
		want = append(want, decoded(t, typ.Name))
		batch = append(batch, string(structured))
		got, err := DecodeStructured(structured)
		if err != nil {
			t.Fatalf("%s: %v\n%s", typ.Name, err, structured)
		}
		if !reflect.DeepEqual(got, want[len(want)-1]) {
			t.Errorf("%s: structured mode gives %+v, want %+v", typ.Name, got, want[len(want)-1])
		}
		h, body := binary(t, structured)
		if got, err = DecodeBinary(h, body); err != nil {
			t.Fatalf("%s: %v", typ.Name, err)
		}
		if !reflect.DeepEqual(got, want[len(want)-1]) {
			t.Errorf("%s: binary mode gives %+v, want %+v", typ.Name, got, want[len(want)-1])
		}
	}
	got, err := DecodeBatch([]byte("[" + strings.Join(batch, ",") + "]"))
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Error("the batch is not its events")
	}
	if got, err := DecodeBatch([]byte(" [ ] ")); err != nil || len(got) != 0 {
		t.Errorf("an empty batch: %v, %v", got, err)
	}
}

// What another client would send: a minimum, and other spellings of the same.
func TestDecodeForms(t *testing.T) {
	const data = `"data":{"party":"D01","name":"省公安厅","kind":"department","region":"990000","level":"provincial"}`
	const head = `"specversion":"1.0","id":"1","source":"/gat","type":"party.body.registered","time":"2025-09-01T08:00:00+08:00"`
	plain, err := DecodeStructured([]byte(`{` + head + `,` + data + `}`))
	if err != nil {
		t.Fatal(err)
	}
	if plain.Schema != 1 || plain.Time.String() != "2025-09-01T00:00:00Z" || plain.Data.(*PartyRegistered).Name != "省公安厅" || plain.Producer != nil {
		t.Errorf("decoded %+v", plain)
	}
	for _, form := range []string{
		`{` + data + `,` + head + `}`, // data first
		"\n {" + head + `,"subject":"party/D01","dataschema":"urn:ledgerline:party.body.registered:1","datacontenttype":"application/json; charset=UTF-8",` + data + "}\n",
		`{` + head + `,"actor":null,"imported":false,` + data + `}`, // null and false are absent
		strings.Replace(`{`+head+`,`+data+`}`, `省公安厅`, `\u7701\u516c\u5b89\u5385`, 1),
		strings.Replace(`{`+head+`,`+data+`}`, `"name":`, `"uscc":null,"name":`, 1),
	} {
		got, err := DecodeStructured([]byte(form))
		if err != nil || !reflect.DeepEqual(got, plain) {
			t.Errorf("%s\ngives %+v, %v", form, got, err)
		}
	}
	for _, number := range []string{`7`, `"7"`} {
		got, err := DecodeStructured([]byte(`{` + head + `,"producerid":"p","producerseq":` + number + `,"expectedversion":` + number + `,` + data + `}`))
		if err != nil || got.Producer.Seq != 7 || *got.ExpectedVersion != 7 {
			t.Errorf("number %s: %+v, %v", number, got, err)
		}
	}
	h := http.Header{"Ce-Specversion": {"1.0"}, "Ce-Id": {`"1"`}, "Ce-Source": {`"/g\at"`}, "Ce-Type": {"party.body.registered"},
		"Ce-Time": {"2025-09-01T00:00:00Z"}, "Content-Type": {"application/json"}, "Ce-Actor": {"Euro%20%E2%82%AC"}}
	got, err := DecodeBinary(h, []byte(data[len(`"data":`):]))
	if err != nil || got.Source != "/gat" || got.ID != "1" || got.Actor != "Euro €" {
		t.Errorf("quoted headers: %+v, %v", got, err)
	}
}

func TestEncodeNamesWhatIsErased(t *testing.T) {
	e := decoded(t, "access.call.recorded")
	e.Facets[0].Erased, e.Facets[0].Bytes = true, nil
	before := fmt.Sprintf("%+v", e)
	b, err := EncodeStructured(e)
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Erased string `json:"erased"`
		Data   map[string]any
	}
	if err := json.Unmarshal(b, &got, json.MatchCaseInsensitiveNames(true)); err != nil {
		t.Fatal(err)
	}
	if _, there := got.Data["data_subject"]; there || got.Erased != "data_subject" || got.Data["query"] != "gmsfhm = ?" {
		t.Errorf("encoded %s", b)
	}
	if after := fmt.Sprintf("%+v", e); after != before {
		t.Error("encoding changed the event")
	}
	big := decoded(t, "party.body.registered")
	big.Producer.Seq, big.ExpectedVersion = 1<<40, ptr(uint64(1<<31-1))
	if b, err = EncodeStructured(big); err != nil || !strings.Contains(string(b), `"producerseq":"1099511627776"`) || !strings.Contains(string(b), `"expectedversion":2147483647`) {
		t.Errorf("numbers over 32 bits: %s, %v", b, err)
	}
}

// The refusals, as a text: each bad event with the rule, field and fix that the
// producer is told.
func TestRefusals(t *testing.T) {
	good := func(typ string) string {
		b, err := EncodeStructured(decoded(t, typ))
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	party, entry, call := good("party.body.registered"), good("catalog.entry.drafted"), good("access.call.recorded")
	grant, returned := good("share.agreement.activated"), good("catalog.entry.returned")
	edit := func(event, from, to string) string {
		if !strings.Contains(event, from) {
			t.Fatalf("%q is not in %s", from, event)
		}
		return strings.Replace(event, from, to, 1)
	}
	cases := []struct{ name, event string }{
		{"nothing", ""},
		{"not JSON", "<xml/>"},
		{"an array", "[]"},
		{"cut short", party[:len(party)-20]},
		{"two events", party + party},
		{"trailing text", party + "x"},
		{"no specversion", edit(party, `"specversion":"1.0",`, ``)},
		{"specversion 0.3", edit(party, `"1.0"`, `"0.3"`)},
		{"no id", edit(party, `"id":"e-1",`, ``)},
		{"empty id", edit(party, `"id":"e-1"`, `"id":""`)},
		{"id a number", edit(party, `"id":"e-1"`, `"id":1`)},
		{"id over long", edit(party, `"id":"e-1"`, `"id":"`+strings.Repeat("x", 257)+`"`)},
		{"no time", edit(party, `"time":"2025-12-01T01:30:00Z",`, ``)},
		{"time without zone", edit(party, `2025-12-01T01:30:00Z`, `2025-12-01T01:30:00`)},
		{"no type", edit(party, `"type":"party.body.registered",`, ``)},
		{"type mistyped", edit(party, `"type":"party.body.registered"`, `"type":"party.body.registred"`)},
		{"type unheard of", edit(party, `"type":"party.body.registered"`, `"type":"com.example.thing"`)},
		{"type of the ledger", edit(party, `"type":"party.body.registered"`, `"type":"ledger.genesis"`)},
		{"OpenLineage as CloudEvent", edit(party, `"type":"party.body.registered"`, `"type":"lineage.openlineage.received"`)},
		{"attribute in another case", edit(party, `"onbehalfof"`, `"onBehalfOf"`)},
		{"attribute unknown", edit(party, `"actor"`, `"colour"`)},
		{"principal claimed", edit(party, `"actor"`, `"principal"`)},
		{"attribute twice", edit(party, `"actor":"9c01"`, `"actor":"9c01","actor":"9c02"`)},
		{"attribute an object", edit(party, `"actor":"9c01"`, `"actor":{}`)},
		{"wrong subject", edit(party, `"subject":"party/D01"`, `"subject":"party/D02"`)},
		{"wrong dataschema", edit(party, `registered:1"`, `registered:2"`)},
		{"wrong datacontenttype", edit(party, `"application/json"`, `"text/xml"`)},
		{"imported a word", edit(party, `"imported":true`, `"imported":"yes"`)},
		{"producerseq a fraction", edit(party, `"producerseq":7`, `"producerseq":7.5`)},
		{"producerseq too large", edit(party, `"producerseq":7`, `"producerseq":9223372036854775808`)},
		{"expectedversion negative", edit(party, `"expectedversion":3`, `"expectedversion":-1`)},
		{"grade unknown", edit(party, `"grade":"general-1"`, `"grade":"secret"`)},
		{"no data", party[:strings.Index(party, `,"data":`)] + `}`},
		{"data null", party[:strings.Index(party, `,"data":`)] + `,"data":null}`},
		{"data a list", party[:strings.Index(party, `,"data":`)] + `,"data":[]}`},
		{"data in base64", party[:strings.Index(party, `,"data":`)] + `,"data_base64":"e30="}`},
		{"data field missing", edit(party, `"region":"990000",`, ``)},
		{"data field empty", edit(party, `"region":"990000"`, `"region":""`)},
		{"data field unknown", edit(party, `"line_authority"`, `"lineAuthority"`)},
		{"data field in another case", edit(party, `"name_en"`, `"NAME_EN"`)},
		{"data field twice", edit(party, `"region":"990000"`, `"region":"990000","region":"990100"`)},
		{"data field a number", edit(party, `"region":"990000"`, `"region":990000`)},
		{"enum mistyped", edit(party, `"kind":"department"`, `"kind":"Department"`)},
		{"enum unheard of", edit(party, `"level":"provincial"`, `"level":"galactic"`)},
		{"NUL", edit(party, `"Public Security"`, `"Public\u0000Security"`)},
		{"invalid UTF-8", edit(party, `"Public Security"`, "\"Public\xffSecurity\"")},
		{"lone surrogate", edit(party, `"Public Security"`, `"\ud800"`)},
		{"wrong check character", edit(party, `11990000MB0A000186`, `11990000MB0A000187`)},
		{"nested field unknown", edit(entry, `"personal"`, `"personel"`)},
		{"nested enum", edit(entry, `"type":"date"`, `"type":"dat"`)},
		{"nested duplicate", edit(entry, `"type":"date"`, `"type":"date","type":"text"`)},
		{"version a fraction", edit(entry, `"version":1,`, `"version":1.5,`)},
		{"version an exponent", edit(entry, `"version":1,`, `"version":1e0,`)},
		{"count beyond int64", edit(call, `"row_count":1`, `"row_count":9223372036854775808`)},
		{"time in data without zone", edit(call, `"started":"2025-10-01T01:30:00Z"`, `"started":"2025-10-01"`)},
		{"column listed twice", edit(call, `["gmsfhm"]`, `["gmsfhm","gmsfhm"]`)},
		{"facet field missing", edit(returned, `"reasons":["no code set","类目有误"],`, ``)},
		{"facet field empty", edit(returned, `["no code set","类目有误"]`, `[]`)},
		{"grants of the wrong kind", edit(grant, `"grants":[{`, `"grants":["x",{`)},
		{"map value of the wrong kind", edit(grant, `"masking":{"gmsfhm":"last4"}`, `"masking":{"gmsfhm":4}`)},
		{"term reversed", edit(grant, `"valid_to":"2025-12-30`, `"valid_to":"2024-12-30`)},
	}
	var out strings.Builder
	for _, c := range cases {
		e, err := DecodeStructured([]byte(c.event))
		r, ok := errors.AsType[*Refusal](err)
		if !ok {
			t.Errorf("%s: decoded as %+v, %v", c.name, e, err)
			continue
		}
		if r.Rule == "" || r.Detail == "" || r.Fix == "" {
			t.Errorf("%s: the refusal says too little: %+v", c.name, r)
		}
		fmt.Fprintf(&out, "%s\n\trule  %s\n\tfield %s\n\tsays  %s\n\tfix   %s\n", c.name, r.Rule, r.Field, r.Detail, r.Fix)
		_, err = DecodeBatch([]byte("[" + party + "," + c.event + "]"))
		if b, ok := errors.AsType[*Refusal](err); !ok {
			t.Errorf("%s: taken in a batch", c.name)
		} else if b.Index != 1 && c.name != "nothing" && c.name != "two events" && c.name != "trailing text" {
			t.Errorf("%s: in a batch the refusal has the index %d: %+v", c.name, b.Index, b)
		} else if b.Field != r.Field && b.Index == 1 && c.name != "nothing" && c.name != "not JSON" && c.name != "cut short" {
			t.Errorf("%s: in a batch the refusal is at %s, alone at %s", c.name, b.Field, r.Field)
		}
	}
	golden(t, "testdata/refusals.txt", out.String())
}

func TestDecodeBatchRefuses(t *testing.T) {
	b, err := EncodeStructured(decoded(t, "party.body.registered"))
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"", "{}", "[" + string(b), "[" + string(b) + "]x", "[" + string(b) + "][]", "[1]", "[" + string(b) + ",]"} {
		if got, err := DecodeBatch([]byte(bad)); err == nil {
			t.Errorf("%.60s: decoded as %d events", bad, len(got))
		} else if _, ok := errors.AsType[*Refusal](err); !ok {
			t.Errorf("%.60s: %v is not a refusal", bad, err)
		}
	}
}

func TestDecodeBinaryRefuses(t *testing.T) {
	b, err := EncodeStructured(decoded(t, "party.body.registered"))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		header, rule, field string
		values              []string
	}{
		{"Ce-Colour", "attribute.unknown", "/colour", []string{"red"}},
		{"Ce-Data", "attribute.unknown", "/data", []string{"{}"}},
		{"Ce-Datacontenttype", "attribute.unknown", "/datacontenttype", []string{"application/json"}},
		{"Ce-Actor", "attribute.duplicate", "/actor", []string{"a", "b"}},
		{"ce-actor", "attribute.duplicate", "/actor", []string{"9c01"}}, // beside Ce-Actor
		{"Ce-Actor", "attribute.encoding", "/actor", []string{"%4"}},
		{"Ce-Actor", "attribute.encoding", "/actor", []string{"%zz"}},
		{"Ce-Actor", "field.text", "/actor", []string{"%FF"}},
		{"Ce-Actor", "field.text", "/actor", []string{"%00"}},
		{"Ce-Actor", "field.required", "/actor", []string{""}},
		{"Ce-Specversion", "attribute.specversion", "/specversion", []string{"2.0"}},
		{"Content-Type", "attribute.datacontenttype", "/datacontenttype", []string{"application/json; charset=gbk"}},
	} {
		h, body := binary(t, b)
		h[tt.header] = tt.values
		_, err := DecodeBinary(h, body)
		refused(t, err, tt.rule, tt.field)
	}
	h, _ := binary(t, b)
	_, err = DecodeBinary(h, []byte(`{"party":1}`))
	refused(t, err, "field.type", "/data/party")
	_, err = DecodeBinary(h, nil)
	refused(t, err, "field.required", "/data")
	_, err = DecodeBinary(h, []byte(`{"party":"a"`))
	refused(t, err, "event.json", "/data")
}

// fuzzSeeds are the encoded samples and the kinds of damage the tables try.
func fuzzSeeds(f *testing.F) [][]byte {
	f.Helper()
	var seeds [][]byte
	for _, typ := range Types() {
		e := sampleEvent(typ.Name)
		b, err := EncodeStructured(e)
		if err != nil {
			f.Fatal(err)
		}
		seeds = append(seeds, b, b[:len(b)/2], []byte(strings.ReplaceAll(string(b), `:"`, `:null,"x":"`)))
	}
	return seeds
}

// survives checks what holds for all that decodes: it is split, valid, and the
// same after being written and read again.
func survives(t *testing.T, e Event, err error) {
	if err != nil {
		if r, ok := errors.AsType[*Refusal](err); !ok || r.Rule == "" || r.Detail == "" || r.Fix == "" {
			t.Errorf("refused with too little: %v", err)
		}
		return
	}
	if err := e.Validate(0); err != nil {
		t.Errorf("decoded, but not valid: %v", err)
	}
	typ, _ := Lookup(e.Type)
	if !sent(typ) {
		t.Errorf("%s was taken from outside", e.Type)
	}
	if typ.Stateful() {
		totalOn(t, typ, typ.NewState(), e.Data)
	}
	b, err := EncodeStructured(e)
	if err != nil {
		t.Fatalf("decoded, but cannot be encoded: %v", err)
	}
	again, err := DecodeStructured(b)
	if err != nil {
		t.Fatalf("encoded as %s, which is refused: %v", b, err)
	}
	if b2, err := EncodeStructured(again); err != nil || string(b2) != string(b) {
		t.Errorf("encoded as\n%s\nthen as\n%s (%v)", b, b2, err)
	}
}

func FuzzDecodeStructured(f *testing.F) {
	for _, b := range fuzzSeeds(f) {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := DecodeStructured(b)
		survives(t, e, err)
	})
}

func FuzzDecodeBatch(f *testing.F) {
	for _, b := range fuzzSeeds(f) {
		f.Add([]byte("[" + string(b) + "," + string(b) + "]"))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		batch, err := DecodeBatch(b)
		if err != nil {
			survives(t, Event{}, err)
		}
		for _, e := range batch {
			survives(t, e, nil)
		}
	})
}

func FuzzDecodeBinary(f *testing.F) {
	for _, typ := range Types() {
		b, err := json.Marshal(samples()[typ.Name])
		if err != nil {
			f.Fatal(err)
		}
		f.Add(typ.Name, "2025-12-01T01:30:00Z", "a%20b", "7", "application/json", b)
	}
	f.Add("party.body.registered", "", `"q\"uoted"`, "%zz", "", []byte("{}"))
	f.Fuzz(func(t *testing.T, typ, time, actor, seq, contentType string, body []byte) {
		e, err := DecodeBinary(map[string][]string{
			"Ce-Specversion": {"1.0"}, "Ce-Id": {"1"}, "Ce-Source": {"/s"}, "Ce-Type": {typ}, "Ce-Time": {time},
			"Ce-Actor": {actor}, "Ce-Producerid": {"p"}, "Ce-Producerseq": {seq}, "Content-Type": {contentType},
		}, body)
		survives(t, e, err)
	})
}

func BenchmarkDecodeStructured(b *testing.B) {
	for _, name := range []string{"access.call.recorded", "catalog.entry.drafted"} {
		text, err := EncodeStructured(sampleEvent(name))
		if err != nil {
			b.Fatal(err)
		}
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := DecodeStructured(text); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
