package main

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"ledgerline/ledger/proof"
)

// pieces is what the files given to verify hold. They are told apart by what
// is in them, not by their names.
type pieces struct {
	receipts     []proof.Receipt
	records      []rawRecord
	inclusions   []proof.Inclusion
	consistences []proof.Consistency
	checkpoints  [][]byte
	complete     []*proof.Completeness
	keyChanges   [][]byte
	forks        []proof.Fork
	calls        []proof.SealedCall
}

// rawRecord is a record as GET /v1/records/{position} gives it.
type rawRecord struct {
	Position int64  `json:"position"`
	Leaf     []byte `json:"leaf"`
	Body     []byte `json:"body"`
	Salt     []byte `json:"salt"`
	Facets   []struct {
		Name     string `json:"name"`
		ErasedBy int64  `json:"erased_by"`
	} `json:"facets"`
}

// files checks evidence offline.
func (v *verification) files(p *program, names []string) error {
	keys, err := v.keys()
	if err != nil {
		return err
	}
	if len(names) == 1 && strings.HasSuffix(names[0], ".zip") {
		return v.bundle(p, names[0], keys)
	}
	if keys == nil {
		return usage("checking files needs the ledger's verifier key: --key KEY or --key FILE")
	}
	var e pieces
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			return fmt.Errorf("reading evidence: %w", err)
		}
		if err := e.add(b); err != nil {
			return fmt.Errorf("reading evidence %s: %w", name, err)
		}
	}
	lines, err := e.check(keys)
	if v.fork != "" && len(e.checkpoints) == 2 { // they may be a fork by themselves
		f := proof.Fork{Older: string(e.checkpoints[0]), Newer: string(e.checkpoints[1])}
		if newer, nerr := proof.OpenCheckpoint(e.checkpoints[1], keys.Name(), keys); nerr == nil {
			f.Root = newer.Root
		}
		if _, _, nerr := f.Check(keys.Name(), keys); nerr == nil {
			err = errors.Join(err, v.writeFork(p, f))
		}
	}
	for _, line := range lines {
		if err := say(p.out, "%s", line); err != nil {
			return err
		}
	}
	if err != nil {
		return &failure{exitNo, err, ""}
	}
	return nil
}

// add reads one file.
func (e *pieces) add(b []byte) error {
	switch trimmed := bytes.TrimSpace(b); {
	case bytes.HasPrefix(b, []byte("c2sp.org/tlog-proof@")):
		inclusion, err := proof.ParseInclusion(b)
		if err != nil {
			return err
		}
		e.inclusions = append(e.inclusions, inclusion)
		return nil
	case proof.IsKeyChange(b):
		_, err := proof.OpenKeyChange(b)
		e.keyChanges = append(e.keyChanges, b)
		return err
	case proof.IsCompleteness(b):
		complete, err := proof.ParseCompleteness(b)
		e.complete = append(e.complete, complete)
		return err
	case len(trimmed) > 0 && (trimmed[0] == '{' || trimmed[0] == '['):
		return e.addJSON(trimmed)
	case bytes.Contains(b, []byte("\n\n\u2014 ")): // a signed note
		e.checkpoints = append(e.checkpoints, b)
		return nil
	}
	return errors.New("it is neither a receipt, a record, a proof nor a checkpoint")
}

func (e *pieces) addJSON(b []byte) error {
	var members map[string]jsontext.Value
	if b[0] == '[' {
		var list []jsontext.Value
		if err := json.Unmarshal(b, &list); err != nil {
			return err
		}
		for _, v := range list {
			if err := e.addJSON(v); err != nil {
				return err
			}
		}
		return nil
	}
	if err := json.Unmarshal(b, &members); err != nil {
		return err
	}
	has := func(name string) bool { _, ok := members[name]; return ok }
	switch {
	case has("receipts"): // the answer to an append
		return e.addJSON(members["receipts"])
	case has("leaf") && has("body"):
		var r rawRecord
		if err := json.Unmarshal(b, &r); err != nil {
			return err
		}
		if len(r.Salt) != 32 {
			return fmt.Errorf("the salt has %d bytes, not 32", len(r.Salt))
		}
		e.records = append(e.records, r)
	case has("leaf_hash") && has("source"):
		delete(members, "repeated") // what the server adds about this request
		b, err := json.Marshal(members)
		if err != nil {
			return err
		}
		r, err := proof.ParseReceipt(b)
		if err != nil {
			return err
		}
		e.receipts = append(e.receipts, r)
	case has("not_covered") && has("proof"): // a completeness proof for reading
		var raw []byte
		if err := json.Unmarshal(members["proof"], &raw); err != nil {
			return err
		}
		return e.add(raw)
	case has("number") && has("path"):
		var c proof.SealedCall
		if err := c.UnmarshalJSON(b); err != nil {
			return err
		}
		e.calls = append(e.calls, c)
	case has("older") && has("newer"):
		var f proof.Fork
		if err := f.UnmarshalJSON(b); err != nil {
			return err
		}
		e.forks = append(e.forks, f)
	case has("from") && has("to") && has("hashes"):
		var c proof.Consistency
		if err := c.UnmarshalJSON(b); err != nil {
			return err
		}
		e.consistences = append(e.consistences, c)
	default:
		return errors.New("it is neither a receipt, a record, a proof nor a checkpoint")
	}
	return nil
}

// check checks all there is and returns a line for each thing that holds. The
// error is the first that does not.
func (e *pieces) check(keys *proof.Keys) (lines []string, err error) {
	origin := keys.Name()
	ok := func(format string, args ...any) { lines = append(lines, "ok: "+fmt.Sprintf(format, args...)) }
	if keys, err = keys.Change(e.keyChanges...); err != nil {
		return nil, err
	}
	for _, signed := range e.keyChanges {
		lines = append(lines, describeKeyChange(signed, keys))
	}

	leaves := map[int64]proof.Hash{} // what the receipts and records say stands where
	note := func(position int64, hash proof.Hash) error {
		if known, twice := leaves[position]; twice && known != hash {
			return fmt.Errorf("position %d: the receipt and the record are of different events", position)
		}
		leaves[position] = hash
		return nil
	}
	for _, r := range e.receipts {
		c, err := r.Check(origin, keys)
		if err == nil {
			err = note(r.Position, r.LeafHash)
		}
		if err != nil {
			return lines, fmt.Errorf("receipt of %s: %w", r.ID, err)
		}
		ok("receipt of %s: %s signed that it holds %d records, this one at position %d", r.ID, origin, c.Size, r.Position)
	}
	for _, r := range e.records {
		line, hash, err := r.check()
		if err == nil {
			err = note(r.Position, hash)
		}
		if err != nil {
			return lines, err
		}
		ok("%s", line)
	}
	proven := map[int64]bool{}
	for _, p := range e.inclusions {
		hash, known := leaves[p.Position]
		if !known {
			return lines, fmt.Errorf("the proof is for position %d: give the receipt or the record of that position too", p.Position)
		}
		c, err := p.Check(hash, origin, keys)
		if err != nil {
			return lines, err
		}
		proven[p.Position] = true
		ok("position %d is in the log of %d records that %s signed, root %s", p.Position, c.Size, origin, c.Root)
	}
	for _, position := range slices.Sorted(maps.Keys(leaves)) {
		if len(e.inclusions) > 0 && !proven[position] {
			return lines, fmt.Errorf("no proof shows position %d", position)
		}
	}
	for _, c := range e.calls {
		line, err := e.sealed(c, proven)
		if err != nil {
			return lines, err
		}
		ok("%s", line)
	}
	for _, c := range e.consistences {
		from, to, err := c.Check(origin, keys)
		if err != nil {
			return lines, err
		}
		ok("the log of %d records begins with the log of %d; nothing was changed or dropped between", to.Size, from.Size)
	}
	if len(e.forks) > 0 { // one is enough
		older, newer, err := e.forks[0].Check(origin, keys)
		if err != nil {
			return lines, err
		}
		return lines, forked(older, newer)
	}
	heads := map[int64]proof.Checkpoint{}
	for _, b := range e.checkpoints {
		c, err := proof.OpenCheckpoint(b, origin, keys)
		if err != nil {
			return lines, err
		}
		if other, known := heads[c.Size]; known && other.Root != c.Root {
			return lines, forked(other, c)
		}
		heads[c.Size] = c
		ok("checkpoint: %s signed %d records, root %s", origin, c.Size, c.Root)
	}
	for _, p := range e.complete {
		c, err := p.Check(p.Question, origin, keys)
		if err != nil {
			return lines, err
		}
		lines = append(lines, describeComplete(c)...)
	}
	return append(append(lines, e.erased()...), e.open()...), nil
}

// sealed checks a call of a batch against the record that seals it, which was checked
// before.
func (e *pieces) sealed(c proof.SealedCall, proven map[int64]bool) (line string, err error) {
	i := slices.IndexFunc(e.records, func(r rawRecord) bool { return r.Position == c.Position })
	if i < 0 || !proven[c.Position] {
		return "", fmt.Errorf("call %d is of the batch sealed at position %d: give the record of that position and its proof too", c.Number, c.Position)
	}
	body, err := proof.ParseBody(e.records[i].Body)
	if err != nil {
		return "", err
	}
	batch, ok := body.Seals()
	if !ok {
		return "", fmt.Errorf("call %d: the record at position %d seals no batch", c.Number, c.Position)
	}
	if err := c.Check(batch); err != nil {
		return "", fmt.Errorf("call %d: %w", c.Number, err)
	}
	return fmt.Sprintf("call %d is one of the calls %d to %d that record %d seals; its record has %d bytes", c.Number, batch.First, batch.Last, c.Position, len(c.Record)), nil
}

// erased says what the records show to have been erased, and what they only claim.
// They were checked before, so their bodies can be read.
func (e *pieces) erased() (lines []string) {
	type erasure struct {
		by int64
		proof.ErasedFacet
	}
	var known []erasure
	bodies := make([]*proof.Body, len(e.records))
	for i, r := range e.records {
		body, err := proof.ParseBody(r.Body)
		if err != nil {
			continue
		}
		bodies[i] = body
		facets, _ := body.Erases()
		for _, f := range facets {
			known = append(known, erasure{r.Position, f})
		}
	}
	for i, r := range e.records {
		if bodies[i] == nil {
			continue
		}
		for _, ref := range bodies[i].Facets {
			at := slices.IndexFunc(known, func(k erasure) bool { return k.Erased(r.Position, ref) })
			if at >= 0 {
				lines = append(lines, fmt.Sprintf("ok: facet %q of record %d was erased by record %d; it provably existed, with the commitment %s", ref.Name, r.Position, known[at].by, ref.Commit))
				continue
			}
			for _, f := range r.Facets {
				if f.Name == ref.Name && f.ErasedBy > 0 {
					lines = append(lines, fmt.Sprintf("note: facet %q of record %d is said to be erased by record %d; give that record too: ledgerline prove %d", ref.Name, r.Position, f.ErasedBy, f.ErasedBy))
				}
			}
		}
	}
	return lines
}

// open says what the evidence does not show, so that nobody takes it for more.
func (e *pieces) open() (lines []string) {
	if len(e.inclusions) == 0 && len(e.receipts) > 0 {
		lines = append(lines, "note: a receipt is the operator's signed promise; that the event is in the log takes a proof: ledgerline prove")
	}
	if len(e.inclusions) == 0 && len(e.receipts) == 0 && len(e.records) > 0 {
		lines = append(lines, "note: nothing signed shows these records; that they are in the log takes a proof: ledgerline prove")
	}
	return lines
}

// check checks a record against itself and describes it.
func (r *rawRecord) check() (line string, hash proof.Hash, err error) {
	if err := proof.CheckRecord(r.Leaf, r.Body, (*[32]byte)(r.Salt)); err != nil {
		return "", hash, err
	}
	leaf, err := proof.ParseLeaf(r.Leaf)
	if err != nil {
		return "", hash, err
	}
	body, err := proof.ParseBody(r.Body)
	if err != nil {
		return "", hash, err
	}
	if leaf.Position != uint64(r.Position) {
		return "", hash, fmt.Errorf("the record says it is at position %d, its file says %d", leaf.Position, r.Position)
	}
	signed := ""
	if len(body.Signature) > 0 {
		by, err := proof.CheckSignature(r.Body)
		if err != nil {
			return "", hash, fmt.Errorf("record %d: %w", leaf.Position, err)
		}
		signed = fmt.Sprintf("; signed in the name of %s with the key %s", body.Party, base64.StdEncoding.EncodeToString(by))
	}
	recorded := time.UnixMicro(int64(leaf.Time)).UTC().Format(time.RFC3339Nano)
	line = fmt.Sprintf("record %d: %s of %s, id %s, recorded %s; the body is what the leaf commits to%s", leaf.Position, body.Type, body.Source, body.ID, recorded, signed)
	return line, proof.LeafHash(r.Leaf), nil
}
