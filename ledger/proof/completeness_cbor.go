package proof

import (
	"bytes"
	"errors"
	"fmt"
)

// completenessFormat begins every completeness proof and says how to read it.
const completenessFormat = "ledgerline/completeness/v1"

// MaxProvenNames is the most names one completeness proof covers.
const MaxProvenNames = 1024

// Marshal returns the proof as deterministic CBOR: see docs/format.md,
// "Completeness proof".
func (p *Completeness) Marshal() []byte {
	b := appendText([]byte{cborArray | 7}, completenessFormat)
	b = appendNames(append(b, cborArray|4), p.Names)
	b = appendNames(b, p.Also)
	b = appendInt(appendInt(b, p.From), p.To)
	b = appendBytes(b, p.Checkpoint)
	b = appendHashes(append(b, cborArray|3), p.Commit.Path)
	b = appendBytes(appendBytes(b, p.Commit.Leaf), p.Commit.Body)
	b = appendHead(b, cborArray, uint64(len(p.Parts)))
	for i := range p.Parts {
		b = p.Parts[i].append(b)
	}
	b = appendHead(b, cborArray, uint64(len(p.Records)))
	for i := range p.Records {
		b = p.Records[i].append(b)
	}
	if p.Next == nil {
		return append(b, cborNull)
	}
	return appendBytes(appendHashes(append(b, cborArray|2), p.Next.Path), p.Next.Leaf)
}

func appendNames(b []byte, names []Name) []byte {
	b = appendHead(b, cborArray, uint64(len(names)))
	for _, n := range names {
		b = appendTexts(b, n...)
	}
	return b
}

func appendHashes(b []byte, hashes []Hash) []byte {
	b = appendHead(b, cborArray, uint64(len(hashes)))
	for i := range hashes {
		b = appendHash(b, &hashes[i])
	}
	return b
}

func (p *CompletePart) append(b []byte) []byte {
	b = appendHashes(append(b, cborArray|3), p.Lookup.Siblings)
	if p.Lookup.Leaf == nil {
		b = append(b, cborNull)
	} else {
		b = p.Lookup.Leaf.append(b)
	}
	if p.Range == nil {
		return append(b, cborNull)
	}
	b = appendHead(append(b, cborArray|4), cborUint, p.Range.First)
	for _, e := range []*IndexEntry{p.Range.Before, p.Range.After} {
		if e == nil {
			b = append(b, cborNull)
		} else {
			b = e.append(b)
		}
	}
	return appendHashes(b, p.Range.Hashes)
}

func (s *ShownRecord) append(b []byte) []byte {
	b = appendBytes(append(b, cborArray|3), s.Leaf)
	if s.Body == nil {
		return append(b, cborNull, cborNull)
	}
	return appendHash(appendBytes(b, s.Body), (*Hash)(s.Salt))
}

// IsCompleteness reports whether bytes begin as a completeness proof does, of this
// or another version.
func IsCompleteness(b []byte) bool {
	begin := appendText([]byte{cborArray | 7}, completenessFormat)
	return bytes.HasPrefix(b, begin[:len(begin)-1])
}

// ParseCompleteness reads a completeness proof. It accepts exactly what
// [Completeness.Marshal] can write. Nothing is proven before it is checked.
func ParseCompleteness(b []byte) (*Completeness, error) {
	r := reader{b: b}
	r.array(7, "completeness proof")
	if f := r.text("format"); r.err == nil && f != completenessFormat {
		r.fail(fmt.Errorf("format %q is not %q: a newer program is needed to check it", f, completenessFormat))
	}
	p := new(Completeness)
	r.array(4, "question")
	p.Names, p.Also = r.names("names"), r.names("further names")
	p.From, p.To = int64(r.uint("begin of the window")), int64(r.uint("end of the window"))
	p.Checkpoint = r.bytes("checkpoint")
	r.array(3, "commitment")
	p.Commit.Path = r.hashes(maxPath, "audit path")
	p.Commit.Leaf, p.Commit.Body = r.bytes("leaf"), r.bytes("body")
	for n := r.expect(cborArray, "parts"); n > 0 && r.err == nil; n-- {
		p.Parts = append(p.Parts, r.part())
	}
	for n := r.expect(cborArray, "records"); n > 0 && r.err == nil; n-- {
		p.Records = append(p.Records, r.shown())
	}
	if !r.null() {
		r.array(2, "first record not covered")
		p.Next = &ProvenLeaf{Path: r.hashes(maxPath, "audit path"), Leaf: r.bytes("leaf")}
	}
	if r.err == nil && len(p.Parts) != len(p.Names) {
		r.fail(fmt.Errorf("%d names have %d parts", len(p.Names), len(p.Parts)))
	}
	if err := r.end(); err != nil {
		return nil, fmt.Errorf("reading completeness proof: %w", err)
	}
	if err := p.Question.Validate(); err != nil {
		return nil, fmt.Errorf("reading completeness proof: %w", err)
	}
	return p, nil
}

// null reads a null if there is one.
func (r *reader) null() bool {
	if len(r.b) == 0 || r.b[0] != cborNull {
		return false
	}
	r.b = r.b[1:]
	return true
}

func (r *reader) names(what string) []Name {
	var names []Name
	n := r.expect(cborArray, what)
	if n > MaxProvenNames {
		r.fail(fmt.Errorf("%d %s are more than %d", n, what, MaxProvenNames))
	}
	for ; n > 0 && r.err == nil; n-- {
		var name Name
		for m := r.expect(cborArray, "name"); m > 0 && r.err == nil; m-- {
			name = append(name, r.text("name"))
		}
		names = append(names, name)
	}
	return names
}

func (r *reader) hashes(most uint64, what string) []Hash {
	n := r.expect(cborArray, what)
	if n > most {
		r.fail(fmt.Errorf("%s of %d hashes is longer than %d", what, n, most))
	}
	var out []Hash
	for ; n > 0 && r.err == nil; n-- {
		var h Hash
		r.hash(&h, what)
		out = append(out, h)
	}
	return out
}

func (r *reader) part() (p CompletePart) {
	r.array(3, "part")
	p.Lookup.Siblings = r.hashes(8*HashSize, "siblings")
	if !r.null() {
		r.array(3, "leaf of the index")
		p.Lookup.Leaf = new(IndexLeaf)
		r.hash(&p.Lookup.Leaf.Key, "key")
		p.Lookup.Leaf.Count = r.uint("count")
		r.hash(&p.Lookup.Leaf.Root, "root")
	}
	if r.null() {
		return p
	}
	r.array(4, "range")
	p.Range = &CompleteRange{First: r.uint("number of entries before"), Before: r.entry(), After: r.entry()}
	p.Range.Hashes = r.hashes(2*maxPath, "range")
	return p
}

func (r *reader) entry() *IndexEntry {
	if r.null() {
		return nil
	}
	r.array(3, "entry")
	e := &IndexEntry{Position: int64(r.uint("position")), Time: int64(r.uint("time"))}
	r.hash(&e.Leaf, "leaf hash")
	return e
}

func (r *reader) shown() (s ShownRecord) {
	r.array(3, "record")
	s.Leaf = r.bytes("leaf")
	if r.null() {
		if !r.null() {
			r.fail(errors.New("a record that does not show its body shows no salt"))
		}
		return s
	}
	s.Body, s.Salt = r.bytes("body"), new([32]byte)
	r.hash((*Hash)(s.Salt), "salt")
	return s
}
