package ledger

import (
	"bytes"
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"ledgerline/events"
	"ledgerline/ledger/proof"
)

// The data of every type of event is written as the CBOR library writes it, and
// read back as it was.
func TestDataEncodingEqualsLibrary(t *testing.T) {
	for _, typ := range events.Types() {
		t.Run(typ.Name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				data := typ.NewData()
				draw(t, reflect.ValueOf(data).Elem())
				body := proof.Body{ID: "1", Type: typ.Name, Schema: 1, Source: "/s", Subject: [2]string{"k", "i"}, Principal: "p"}
				if typ.Name == proof.ContinuedType {
					c := data.(*events.RecordContinued)
					c.Source, c.ID, c.Part, c.Keys = "/s", "1", c.Part&0xff+1, [][]byte{make([]byte, 32)}
				}
				if _, err := body.MarshalData(data); err != nil {
					t.Fatalf("%+v: %v", data, err)
				}
				want, err := encMode.Marshal(data)
				if err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(body.Data, want) {
					t.Fatalf("%+v\ngot  %x\nwant %x", data, body.Data, want)
				}
			})
		})
	}
}

// draw fills a value of any type that data has.
func draw(t *rapid.T, v reflect.Value) {
	if rapid.Float64Range(0, 1).Draw(t, "zero") < 0.3 {
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(rapid.String().Draw(t, "text"))
	case reflect.Bool:
		v.SetBool(rapid.Bool().Draw(t, "bool"))
	case reflect.Int, reflect.Int64:
		v.SetInt(rapid.Int64().Draw(t, "int"))
	case reflect.Uint, reflect.Uint64, reflect.Uint8:
		v.SetUint(rapid.Uint64Range(0, 1<<(v.Type().Bits()-1)-1).Draw(t, "uint"))
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		draw(t, v.Elem())
	case reflect.Struct:
		for i := range v.NumField() {
			draw(t, v.Field(i))
		}
	case reflect.Slice:
		n := rapid.IntRange(0, 3).Draw(t, "length")
		v.Set(reflect.MakeSlice(v.Type(), n, n))
		for i := range n {
			draw(t, v.Index(i))
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		for range rapid.IntRange(0, 4).Draw(t, "size") {
			k, e := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
			draw(t, k)
			draw(t, e)
			v.SetMapIndex(k, e)
		}
	default:
		t.Fatalf("no values of %s can be drawn", v.Type())
	}
}
