package proof

import (
	"bytes"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
)

// This file writes the data of a body from a Go struct. Only who keeps a book
// needs it: what it writes is checked by what reads it, as all data is.

// A dataEncoder writes one value.
type dataEncoder func(w *bodyWriter, v reflect.Value)

// dataEncoders are those of the structs seen so far, by type.
var dataEncoders sync.Map

// encoderOf returns the encoder of a type of data, made when it is first asked
// for.
func encoderOf(t reflect.Type) (dataEncoder, error) {
	if e, ok := dataEncoders.Load(t); ok {
		return e.(dataEncoder), nil
	}
	e, err := newEncoder(t, 1)
	if err != nil {
		return nil, err
	}
	dataEncoders.Store(t, e)
	return e, nil
}

// newEncoder makes the encoder of a type at a depth of nesting. Structs become
// maps by the names in their json tags; of the tags' options there is omitzero.
// What has no place in the format has no encoder, nor have types that could be
// nested too deep.
func newEncoder(t reflect.Type, depth int) (dataEncoder, error) {
	if depth > MaxDepth {
		return nil, fmt.Errorf("%s is nested deeper than %d levels", t, MaxDepth)
	}
	switch t.Kind() {
	case reflect.String:
		return func(w *bodyWriter, v reflect.Value) { w.string(v.String()) }, nil
	case reflect.Bool:
		return encodeBool, nil
	case reflect.Int, reflect.Int64:
		return func(w *bodyWriter, v reflect.Value) { w.b = appendInt(w.b, v.Int()) }, nil
	case reflect.Uint, reflect.Uint64:
		return func(w *bodyWriter, v reflect.Value) { w.uint(v.Uint()) }, nil
	case reflect.Struct:
		return newStructEncoder(t, depth)
	case reflect.Pointer:
		elem, err := newEncoder(t.Elem(), depth)
		return orNull(func(w *bodyWriter, v reflect.Value) { elem(w, v.Elem()) }), err
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return orNull(func(w *bodyWriter, v reflect.Value) { w.b = appendBytes(w.b, v.Bytes()) }), nil
		}
		elem, err := newEncoder(t.Elem(), depth+1)
		return orNull(func(w *bodyWriter, v reflect.Value) {
			w.array(v.Len())
			for i := range v.Len() {
				elem(w, v.Index(i))
			}
		}), err
	case reflect.Map:
		if t.Key().Kind() == reflect.String {
			return newMapEncoder(t, depth)
		}
	}
	return nil, fmt.Errorf("%s has no form in the data of a body", t)
}

func encodeBool(w *bodyWriter, v reflect.Value) {
	if v.Bool() {
		w.b = append(w.b, cborTrue)
	} else {
		w.b = append(w.b, cborFalse)
	}
}

// orNull writes nil as null.
func orNull(e dataEncoder) dataEncoder {
	return func(w *bodyWriter, v reflect.Value) {
		if v.IsNil() {
			w.b = append(w.b, cborNull)
		} else {
			e(w, v)
		}
	}
}

// A dataField is a field of a struct, and its key as it is written.
type dataField struct {
	index    int
	key      []byte
	omitZero bool
	encode   dataEncoder
}

func newStructEncoder(t reflect.Type, depth int) (dataEncoder, error) {
	var fields []dataField
	for i := range t.NumField() {
		f := t.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous || !f.IsExported() || name == "" || name == "-" || options != "" && options != "omitzero" {
			return nil, fmt.Errorf("field %s of %s needs a json tag with a name and no option but omitzero", f.Name, t)
		}
		encode, err := newEncoder(f.Type, depth+1)
		if err != nil {
			return nil, err
		}
		fields = append(fields, dataField{i, appendText(nil, name), options != "", encode})
	}
	slices.SortFunc(fields, func(a, b dataField) int { return bytes.Compare(a.key, b.key) })
	return func(w *bodyWriter, v reflect.Value) {
		// The head says how many fields follow, which is known when they are written.
		// Nearly always it takes one byte.
		head, n := len(w.b), 0
		w.b = append(w.b, cborMap)
		for i := range fields {
			f := &fields[i]
			fv := v.Field(f.index)
			if f.omitZero && fv.IsZero() {
				continue
			}
			n++
			w.b = append(w.b, f.key...)
			f.encode(w, fv)
		}
		w.head(head, uint64(n))
	}, nil
}

// head puts the number of its fields into the head of a map, for which one byte
// was left.
func (w *bodyWriter) head(at int, fields uint64) {
	if fields < 24 {
		w.b[at] |= byte(fields)
		return
	}
	var buf [9]byte
	w.b = slices.Replace(w.b, at, at+1, appendHead(buf[:0], cborMap, fields)...)
}

func newMapEncoder(t reflect.Type, depth int) (dataEncoder, error) {
	elem, err := newEncoder(t.Elem(), depth+1)
	return orNull(func(w *bodyWriter, v reflect.Value) {
		keys := v.MapKeys()
		// As they are written: the shorter one first.
		slices.SortFunc(keys, func(a, b reflect.Value) int {
			if n := a.Len() - b.Len(); n != 0 {
				return n
			}
			return strings.Compare(a.String(), b.String())
		})
		w.b = appendHead(w.b, cborMap, uint64(len(keys)))
		for _, k := range keys {
			w.string(k.String())
			elem(w, v.MapIndex(k))
		}
	}), err
}
