package proof

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"reflect"
	"unicode/utf8"
)

// requiredLabels are the labels every body has, as bits.
const requiredLabels = 1<<1 | 1<<2 | 1<<3 | 1<<4 | 1<<5 | 1<<6 | 1<<9 | 1<<21

// Marshal returns the body's deterministic CBOR: the bytes to store, commit to
// and never encode again. It fails if the body breaks a rule of the format.
func (b *Body) Marshal() ([]byte, error) {
	if err := checkDeterministic(b.Data); err != nil {
		return nil, fmt.Errorf("encoding body: %w", err)
	}
	return b.marshal(func(w *bodyWriter) { w.b = append(w.b, b.Data...) })
}

// MarshalData is Marshal with Data made from a pointer to a struct, which becomes
// a map by the names in its json tags, less the zero fields tagged omitzero.
func (b *Body) MarshalData(data any) ([]byte, error) {
	v := reflect.ValueOf(data)
	if v.Kind() != reflect.Pointer || v.IsNil() || v.Type().Elem().Kind() != reflect.Struct {
		return nil, fmt.Errorf("encoding body: the data is a %T, not a pointer to a struct", data)
	}
	v = v.Elem()
	encode, err := encoderOf(v.Type())
	if err != nil {
		return nil, fmt.Errorf("encoding body: %w", err)
	}
	var from, to int
	enc, err := b.marshal(func(w *bodyWriter) {
		from = len(w.b)
		encode(w, v)
		to = len(w.b)
		b.Data = w.b[from:to:to]
	})
	return enc, err
}

func (b *Body) marshal(data func(*bodyWriter)) ([]byte, error) {
	w := bodyWriter{b: make([]byte, 2, 512+len(b.Data)+96*(len(b.Facets)+len(b.Names)))}
	b.write(&w, data)
	if err := cmp.Or(b.check(), w.err); err != nil {
		return nil, fmt.Errorf("encoding body: %w", err)
	}
	// The head is written last, when the number of fields is known; with all 24
	// it takes two bytes.
	head := appendHead(make([]byte, 0, 2), cborMap, uint64(w.fields))
	enc := w.b[2-len(head):]
	copy(enc, head)
	return enc, nil
}

// ParseBody reads a body. It accepts exactly the byte strings that
// [Body.Marshal] can write, and so those with one way to say what they say.
func ParseBody(enc []byte) (*Body, error) {
	b, err := parseBody(enc)
	if err != nil {
		return nil, fmt.Errorf("reading body: %w", err)
	}
	return b, nil
}

func parseBody(enc []byte) (*Body, error) {
	b := new(Body)
	r := reader{b: enc}
	var last, seen uint64
	for n := r.expect(cborMap, "body"); n > 0 && r.err == nil; n-- {
		label := r.uint("label")
		if label <= last || label > 24 {
			r.fail(fmt.Errorf("label %d is unknown, repeated or out of order", label))
			break
		}
		b.read(&r, label)
		last, seen = label, seen|1<<label
	}
	if err := r.end(); err != nil {
		return nil, err
	}
	if seen&requiredLabels != requiredLabels {
		return nil, errors.New("a field that every body has is missing")
	}
	if err := b.check(); err != nil {
		return nil, err
	}
	return b, nil
}

// read reads the field of one label.
func (b *Body) read(r *reader, label uint64) {
	switch label {
	case 1:
		b.ID = r.text("id")
	case 2:
		b.Type = r.text("type")
	case 3:
		b.Schema = r.uint("schema")
	case 4:
		b.Source = r.text("source")
	case 5:
		r.array(2, "subject")
		b.Subject = [2]string{r.text("subject kind"), r.text("subject id")}
	case 6:
		b.Time = r.int("time")
	case 9:
		b.Principal = r.text("principal")
	case 13:
		r.array(2, "producer")
		b.Producer = &Producer{ID: r.text("producer id"), Seq: r.uint("producer sequence")}
	case 16:
		v := r.uint("expected version")
		b.ExpectedVersion = &v
	case 19:
		b.Imported = len(r.b) > 0 && r.b[0] == cborTrue
		r.present(b.Imported, "imported")
		r.take(1)
	case 21:
		from := r.b
		r.skip(1)
		b.Data = bytes.Clone(from[:len(from)-len(r.b)])
	case 22:
		b.readFacets(r)
	case 23:
		b.Signature = bytes.Clone(r.bytes("signature"))
		r.present(len(b.Signature) > 0, "signature")
	case 24:
		b.readNames(r)
	default:
		b.readOptional(r, label)
	}
}

// readOptional reads the optional integers and strings. Written, they are not
// zero or empty: that is said by leaving them out.
func (b *Body) readOptional(r *reader, label uint64) {
	optionalInt := func(v *int64, what string) {
		*v = r.int(what)
		r.present(*v != 0, what)
	}
	optionalText := func(v *string, what string) {
		*v = r.text(what)
		r.present(*v != "", what)
	}
	switch label {
	case 7:
		optionalInt(&b.EffectiveFrom, "effective from")
	case 8:
		optionalInt(&b.EffectiveTo, "effective to")
	case 10:
		optionalText(&b.Actor, "actor")
	case 11:
		optionalText(&b.Party, "party")
	case 12:
		optionalText(&b.OnBehalfOf, "on behalf of")
	case 14:
		optionalText(&b.Correlation, "correlation")
	case 15:
		optionalText(&b.Causation, "causation")
	case 17:
		optionalText(&b.Grade, "grade")
	case 18:
		optionalText(&b.Retention, "retention")
	case 20:
		optionalText(&b.Trace, "trace")
	}
}

func (b *Body) readFacets(r *reader) {
	n := r.expect(cborArray, "facets")
	r.present(n > 0, "facets")
	for ; n > 0 && r.err == nil; n-- {
		r.array(4, "facet")
		f := FacetRef{Name: r.text("facet name"), MediaType: r.text("facet media type"), Owner: r.text("facet owner")}
		r.hash(&f.Commit, "facet commitment")
		b.Facets = append(b.Facets, f)
	}
}

func (b *Body) readNames(r *reader) {
	n := r.expect(cborArray, "names")
	r.present(n > 0, "names")
	b.Names = make([]Name, 0, min(n, fewNames))
	for ; n > 0 && r.err == nil; n-- {
		parts := r.expect(cborArray, "name")
		name := make(Name, 0, min(parts, 3)) // a kind and a dataset's two parts
		for ; parts > 0 && r.err == nil; parts-- {
			name = append(name, r.text("part of a name"))
		}
		b.Names = append(b.Names, name)
	}
}

// array reads the head of an array of n elements.
func (r *reader) array(n uint64, what string) {
	if got := r.expect(cborArray, what); r.err == nil && got != n {
		r.fail(fmt.Errorf("%s has %d elements instead of %d", what, got, n))
	}
}

// present fails unless an optional field that is written says something.
func (r *reader) present(says bool, what string) {
	if r.err == nil && !says {
		r.fail(fmt.Errorf("%s is written but empty; an absent field is left out", what))
	}
}

// A bodyWriter writes the fields of a body and counts them. The first value
// that no reader would accept sticks as err.
type bodyWriter struct {
	b      []byte
	fields int
	err    error
}

// label starts a field. Labels must be given in ascending order.
func (w *bodyWriter) label(n uint64) {
	w.b = appendHead(w.b, cborUint, n)
	w.fields++
}

func (w *bodyWriter) string(s string) {
	if w.err == nil && !utf8.ValidString(s) {
		w.err = fmt.Errorf("text %q is not valid UTF-8", s)
	}
	w.b = appendText(w.b, s)
}

func (w *bodyWriter) uint(n uint64) {
	if w.err == nil && n > maxInt {
		w.err = fmt.Errorf("number %d is above 2^63-1", n)
	}
	w.b = appendHead(w.b, cborUint, n)
}

func (w *bodyWriter) array(n int) { w.b = appendHead(w.b, cborArray, uint64(n)) }

func (w *bodyWriter) text(label uint64, s string) {
	w.label(label)
	w.string(s)
}

func (w *bodyWriter) optionalText(label uint64, s string) {
	if s != "" {
		w.text(label, s)
	}
}

func (w *bodyWriter) int(label uint64, n int64) {
	w.label(label)
	w.b = appendInt(w.b, n)
}

func (w *bodyWriter) optionalInt(label uint64, n int64) {
	if n != 0 {
		w.int(label, n)
	}
}

// write writes the fields; data writes the value of label 21.
func (b *Body) write(w *bodyWriter, data func(*bodyWriter)) {
	w.text(1, b.ID)
	w.text(2, b.Type)
	w.label(3)
	w.uint(b.Schema)
	w.text(4, b.Source)
	w.label(5)
	w.array(2)
	w.string(b.Subject[0])
	w.string(b.Subject[1])
	w.int(6, b.Time)
	w.optionalInt(7, b.EffectiveFrom)
	w.optionalInt(8, b.EffectiveTo)
	w.text(9, b.Principal)
	w.optionalText(10, b.Actor)
	w.optionalText(11, b.Party)
	w.optionalText(12, b.OnBehalfOf)
	if b.Producer != nil {
		w.label(13)
		w.array(2)
		w.string(b.Producer.ID)
		w.uint(b.Producer.Seq)
	}
	w.optionalText(14, b.Correlation)
	w.optionalText(15, b.Causation)
	if b.ExpectedVersion != nil {
		w.label(16)
		w.uint(*b.ExpectedVersion)
	}
	w.optionalText(17, b.Grade)
	w.optionalText(18, b.Retention)
	if b.Imported {
		w.label(19)
		w.b = append(w.b, cborTrue)
	}
	w.optionalText(20, b.Trace)
	w.label(21)
	data(w)
	b.writeLists(w)
}

func (b *Body) writeLists(w *bodyWriter) {
	if len(b.Facets) > 0 {
		w.label(22)
		w.array(len(b.Facets))
		for i := range b.Facets {
			f := &b.Facets[i]
			w.array(4)
			w.string(f.Name)
			w.string(f.MediaType)
			w.string(f.Owner)
			w.b = appendHash(w.b, &f.Commit)
		}
	}
	if len(b.Signature) > 0 {
		w.label(23)
		w.b = appendBytes(w.b, b.Signature)
	}
	if len(b.Names) > 0 {
		w.label(24)
		w.array(len(b.Names))
		for _, n := range b.Names {
			w.array(len(n))
			for _, part := range n {
				w.string(part)
			}
		}
	}
}
