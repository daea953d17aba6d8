package proof

import (
	"bytes"
	"cmp"
	"errors"
)

// A View is a body taken apart in place: what hashing a record again needs of it,
// as slices of the bytes it was read from. Reading it into a View that was used
// before allocates nothing. It accepts exactly what [ParseBody] accepts, so a
// verification that goes over millions of records misses no fault that a reader of
// one would see.
type View struct {
	ID, Type, Source       []byte
	Schema                 uint64
	SubjectKind, SubjectID []byte
	Principal, Party       []byte // Party is nil if absent
	Data                   []byte // CBOR map
	Facets                 []FacetView
	names                  [][]byte // det-CBOR of each: what its key is hashed over
}

// A FacetView is a FacetRef in place.
type FacetView struct {
	Name, MediaType, Owner []byte
	Commit                 Hash
}

// Public is [Body.Public].
func (v *View) Public() bool { return bytes.HasPrefix(v.Type, []byte("ledger.")) }

// Continued reports whether the body is of [ContinuedType].
func (v *View) Continued() bool { return string(v.Type) == ContinuedType }

// Names counts the names.
func (v *View) Names() int { return len(v.names) }

// Read takes a body apart. What the view held before is overwritten; after an
// error it holds nothing of use.
func (v *View) Read(enc []byte) error {
	*v = View{Facets: v.Facets[:0], names: v.names[:0]}
	if v.walk(enc) && (!v.Continued() || v.continues()) {
		return nil
	}
	_, err := ParseBody(enc) // says why
	return cmp.Or(err, errUnlike)
}

// errUnlike cannot happen as long as a view accepts what ParseBody does.
var errUnlike = errors.New("reading body: it can be parsed but not viewed; this is a mistake of the program")

func (v *View) walk(enc []byte) bool {
	w := walker{b: enc}
	var last, seen uint64
	for n := w.expect(cborMap); n > 0 && !w.bad; n-- {
		label := w.expect(cborUint)
		if label <= last || label > 24 || !v.field(&w, label) {
			return false
		}
		last, seen = label, seen|1<<label
	}
	return !w.bad && w.at == len(enc) && seen&requiredLabels == requiredLabels
}

// field walks over the field of one label. It reports whether the field may say
// what it does; that it is well-formed is up to the walker.
func (v *View) field(w *walker, label uint64) bool {
	switch label {
	case 1:
		v.ID = w.text()
		return len(v.ID) > 0
	case 2:
		v.Type = w.text()
		return len(v.Type) > 0
	case 3:
		v.Schema = w.uint()
		return v.Schema > 0
	case 4:
		v.Source = w.text()
		return len(v.Source) > 0
	case 5:
		pair := w.expect(cborArray) == 2
		v.SubjectKind, v.SubjectID = w.text(), w.text()
		return pair && len(v.SubjectKind) > 0 && len(v.SubjectID) > 0
	case 6:
		w.int()
	case 7, 8:
		return w.int() != 0
	case 9:
		v.Principal = w.text()
		return len(v.Principal) > 0
	case 11:
		v.Party = w.text()
		return len(v.Party) > 0
	case 13:
		pair := w.expect(cborArray) == 2
		id := w.text()
		w.uint()
		return pair && len(id) > 0
	case 16:
		w.uint()
	case 19:
		b := w.take(1)
		return len(b) == 1 && b[0] == cborTrue
	case 21:
		from := w.at
		w.skip(1)
		v.Data = w.b[from:w.at]
		return len(v.Data) > 0 && v.Data[0]&0xe0 == cborMap
	case 22:
		return v.walkFacets(w)
	case 23:
		return len(w.take(w.expect(cborBytes))) > 0
	case 24:
		return v.walkNames(w)
	default: // the optional texts
		return len(w.text()) > 0
	}
	return true
}

// walkFacets walks over the facets, which are sorted by a unique name.
func (v *View) walkFacets(w *walker) bool {
	n := w.expect(cborArray)
	some := n > 0
	for ; n > 0 && !w.bad; n-- {
		four := w.expect(cborArray) == 4
		f := FacetView{Name: w.text(), MediaType: w.text(), Owner: w.text()}
		commit := w.take(w.expect(cborBytes))
		if !four || len(f.Name) == 0 || len(commit) != HashSize {
			return false
		}
		if last := len(v.Facets) - 1; last >= 0 && bytes.Compare(v.Facets[last].Name, f.Name) >= 0 {
			return false
		}
		copy(f.Commit[:], commit)
		v.Facets = append(v.Facets, f)
	}
	return some
}

// walkNames walks over the names: each one of the known kinds and its parts.
func (v *View) walkNames(w *walker) bool {
	n := w.expect(cborArray)
	some := n > 0
	for ; n > 0 && !w.bad; n-- {
		from := w.at
		parts := w.expect(cborArray)
		if parts < 2 || !knownKind(string(w.text())) {
			return false
		}
		for ; parts > 1 && !w.bad; parts-- {
			w.text()
		}
		v.names = append(v.names, w.b[from:w.at])
	}
	return some && !w.bad && v.distinct()
}

// distinct reports whether no name is listed twice. There is one way to write a
// name, so equal names have equal bytes.
func (v *View) distinct() bool {
	if len(v.names) <= fewNames {
		for i, n := range v.names {
			for _, o := range v.names[:i] {
				if bytes.Equal(n, o) {
					return false
				}
			}
		}
		return true
	}
	seen := make(map[string]bool, len(v.names))
	for _, n := range v.names {
		if seen[string(n)] {
			return false
		}
		seen[string(n)] = true
	}
	return true
}

// continues reports whether the data of a continuation are what they have to be.
func (v *View) continues() bool {
	_, err := parseContinuation(&Body{Data: v.Data, Names: make([]Name, len(v.names))})
	return err == nil
}
