package evidence

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/mod/sumdb/note"

	"ledgerline/ledger/proof"
)

// A Bundle is what goes into an evidence bundle.
type Bundle struct {
	Origin   string
	Made     time.Time
	Question Question
	// Checkpoint is the signed head that all proofs lead to.
	Checkpoint []byte
	// VerifierKey is the log's, for convenience: a checker should have it from
	// elsewhere.
	VerifierKey string
	// KeyChanges are the changes of that key, from the first key on: notes that the old
	// and the new key signed, so that who knows an older key can check as well.
	KeyChanges []string
	// Records are those to show, by position.
	Records []Record
	// Consistency shows that the log of earlier checkpoints grew to this one.
	Consistency []proof.Consistency
	// Numbering is of the producers whose records are shown, by principal and producer.
	Numbering []Numbering
	// Anchors are timestamps over heads of the log, by position.
	Anchors []Anchor
	// Witnessed shows that the log of a head with cosignatures grew to this one; nil if
	// there is none. Policy says whose these are, for convenience: a checker has its own.
	Witnessed *proof.Consistency
	Policy    []byte
	// Completeness shows that nothing was left out; nil if that is not shown. It is
	// under Checkpoint, and the records that match are among Records.
	Completeness *proof.Completeness
	// Answer is what the ledger answered, as JSON; nil if the records are the
	// answer. Nothing proves it but the signature of the manifest.
	Answer []byte
}

// A Record is the evidence of one position.
type Record struct {
	Leaf []byte
	// Body is nil if it is withheld. Salt belongs to it.
	Body []byte
	Salt [32]byte
	// Facets has one element for each facet of the body.
	Facets []Facet
	Proof  proof.Inclusion
}

// An Anchor is a record that holds a timestamp over an earlier head.
type Anchor struct {
	Record Record // without facets
	// Grown shows that the log of that head grew to that of the bundle.
	Grown proof.Consistency
}

// A Facet of a record. Plain is its plain form, [salt, bytes], if it is Shown.
type Facet struct {
	State string
	Plain []byte
}

// Under puts all proofs under one checkpoint of the same head: one of them may have
// been made before a cosignature came.
func (b *Bundle) Under(checkpoint []byte) {
	b.Checkpoint = checkpoint
	for i := range b.Records {
		b.Records[i].Proof.Checkpoint = checkpoint
	}
	for i := range b.Anchors {
		b.Anchors[i].Record.Proof.Checkpoint, b.Anchors[i].Grown.To = checkpoint, string(checkpoint)
	}
	for i := range b.Consistency {
		b.Consistency[i].To = string(checkpoint)
	}
	if b.Witnessed != nil {
		b.Witnessed.To = string(checkpoint)
	}
	if b.Completeness != nil {
		b.Completeness.Checkpoint = checkpoint
	}
}

//go:embed verify.py
var verifier []byte

// Pack writes the bundle, signed by the keys of the log that are in force.
func (b *Bundle) Pack(signers ...note.Signer) ([]byte, error) {
	c, err := sizeOf(b.Checkpoint)
	if err != nil {
		return nil, fmt.Errorf("packing evidence: %w", err)
	}
	m := Manifest{
		Format: Format, Origin: b.Origin, Made: b.Made.UTC().Format(timeLayout), Question: b.Question,
		Size: c, Records: []RecordEntry{}, Consistency: []int64{}, Files: []FileEntry{},
	}
	files := []file{{nameCheckpoint, b.Checkpoint}, {nameKey, []byte(b.VerifierKey + "\n")}, {nameVerifier, verifier}}
	m.Numbering = b.Numbering
	m.KeyChanges = int64(len(b.KeyChanges))
	for i, change := range b.KeyChanges {
		files = append(files, file{nameKeyChange(int64(i) + 1), []byte(change)})
	}
	if b.Answer != nil {
		files = append(files, file{nameAnswer, b.Answer})
	}
	if p := b.Completeness; p != nil {
		m.Complete = &Complete{Names: p.Names, Also: append([]proof.Name{}, p.Also...), From: p.From, To: p.To}
		files = append(files, file{nameComplete, p.Marshal()})
	}
	var rows []row
	for i := range b.Records {
		entry, more, shown, err := b.record(&b.Records[i])
		if err != nil {
			return nil, fmt.Errorf("packing evidence: %w", err)
		}
		m.Records, files, rows = append(m.Records, entry), append(files, more...), append(rows, shown)
	}
	for _, part := range []func(*Manifest) ([]file, error){b.grown, b.outsiders} {
		more, err := part(&m)
		if err != nil {
			return nil, fmt.Errorf("packing evidence: %w", err)
		}
		files = append(files, more...)
	}
	if err := m.checkLists(); err != nil {
		return nil, fmt.Errorf("packing evidence: %w", err)
	}
	words, err := b.words(&m, rows)
	if err != nil {
		return nil, fmt.Errorf("packing evidence: %w", err)
	}
	return seal(&m, append(files, words...), signers...)
}

// grown packs the proofs from earlier checkpoints.
func (b *Bundle) grown(m *Manifest) (files []file, err error) {
	for _, g := range b.Consistency {
		size, err := sizeOf([]byte(g.From))
		if err != nil {
			return nil, err
		}
		text, err := g.MarshalJSON()
		if err != nil {
			return nil, err
		}
		m.Consistency, files = append(m.Consistency, size), append(files, file{nameGrown(size), text})
	}
	return files, nil
}

// outsiders packs what others attest.
func (b *Bundle) outsiders(m *Manifest) (files []file, err error) {
	for i := range b.Anchors {
		a := &b.Anchors[i]
		body, err := proof.ParseBody(a.Record.Body)
		if err != nil {
			return nil, err
		}
		head, ok := body.Anchors()
		if !ok {
			return nil, fmt.Errorf("record %d is no anchor", a.Record.Proof.Position)
		}
		grown, err := a.Grown.MarshalJSON()
		if err != nil {
			return nil, err
		}
		at := a.Record.Proof.Position
		m.Anchors = append(m.Anchors, at)
		for i, data := range [][]byte{proof.EncodeRecord(a.Record.Leaf, a.Record.Body, &a.Record.Salt), a.Record.Proof.Marshal(), grown, []byte(head.Checkpoint), head.Response} {
			files = append(files, file{nameAnchor(at, anchorFiles[i]), data})
		}
	}
	if b.Witnessed == nil {
		return files, nil
	}
	if m.Witnessed, err = sizeOf([]byte(b.Witnessed.From)); err != nil {
		return nil, err
	}
	grown, err := b.Witnessed.MarshalJSON()
	return append(files, file{nameWitnessed(m.Witnessed), grown}, file{namePolicy, b.Policy}), err
}

// seal lists the files in the manifest, signs it, and packs all of it.
func seal(m *Manifest, files []file, signers ...note.Signer) ([]byte, error) {
	sortFiles(files)
	for _, f := range files {
		sum := sha256.Sum256(f.data)
		m.Files = append(m.Files, FileEntry{f.name, int64(len(f.data)), hex.EncodeToString(sum[:])})
	}
	manifest, err := encodeJSON(m)
	if err != nil {
		return nil, fmt.Errorf("packing evidence: %w", err)
	}
	signed, err := note.Sign(&note.Note{Text: noteText(m.Origin, manifest)}, signers...)
	if err != nil {
		return nil, fmt.Errorf("signing the manifest of evidence: %w", err)
	}
	files = append(files, file{nameManifest, manifest}, file{nameNote, signed})
	sortFiles(files)
	return pack(files)
}

func sortFiles(files []file) {
	slices.SortFunc(files, func(a, b file) int { return cmp.Compare(a.name, b.name) })
}

// record returns what a record adds to the bundle.
func (b *Bundle) record(r *Record) (entry RecordEntry, files []file, shown row, err error) {
	leaf, err := proof.ParseLeaf(r.Leaf)
	if err != nil {
		return entry, nil, shown, err
	}
	at := int64(leaf.Position)
	if !bytes.Equal(r.Proof.Checkpoint, b.Checkpoint) || r.Proof.Position != at {
		return entry, nil, shown, fmt.Errorf("record %d: its proof is of another place or another checkpoint", at)
	}
	entry = RecordEntry{Position: at, Body: Withheld, Facets: []string{}}
	var body *proof.Body
	if r.Body != nil {
		if body, err = proof.ParseBody(r.Body); err != nil {
			return entry, nil, shown, err
		}
		if len(body.Facets) != len(r.Facets) {
			return entry, nil, shown, fmt.Errorf("record %d has %d facets, not %d", at, len(body.Facets), len(r.Facets))
		}
		entry.Body = Shown
		for i, f := range r.Facets {
			entry.Facets = append(entry.Facets, f.State)
			if f.State == Shown {
				files = append(files, file{namePayload(at, i), f.Plain})
			}
		}
	}
	view, err := viewOf(r.Leaf, &leaf, body)
	if err != nil {
		return entry, nil, shown, err
	}
	stored := proof.EncodeRecord(r.Leaf, r.Body, &r.Salt)
	files = append(files, file{nameRecord(at), stored}, file{nameView(at), view}, file{nameProof(at), r.Proof.Marshal()})
	return entry, files, rowOf(&leaf, body, entry.Facets), nil
}

// sizeOf reads the size out of a checkpoint, whose second line it is.
func sizeOf(checkpoint []byte) (int64, error) {
	lines := bytes.SplitN(checkpoint, []byte("\n"), 3)
	var size int64
	if len(lines) < 3 {
		return 0, errors.New("it has no checkpoint")
	}
	if _, err := fmt.Sscan(string(lines[1]), &size); err != nil {
		return 0, fmt.Errorf("reading the size of the checkpoint: %w", err)
	}
	return size, nil
}
