package ledger

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"ledgerline/events"
	"ledgerline/ledger/proof"
)

// DIR/erasures remembers every erasure outside the book: a backup made before one
// does not know of it, and an owner's key that comes back from a copy is known by
// its fingerprint. It is read when the ledger is opened, and what it says is done
// again. One line of JSON each; it holds no content and no key.
type rememberedErasure struct {
	Source    string                `json:"source"`
	ID        string                `json:"id"`
	Principal string                `json:"principal"`
	Time      events.Time           `json:"time"`
	Erased    *events.PayloadErased `json:"erased"`
	// Owner is the file name of the destroyed key under owners/, Keys the
	// fingerprints of what was destroyed there.
	Owner string   `json:"owner,omitempty"`
	Keys  [][]byte `json:"keys,omitempty"`
}

func (l *Ledger) erasureFile() string { return l.opts.FS.PathJoin(l.dir, "erasures") }

var errNoErasure = errors.New("it names nothing that was erased")

// readErasures reads the remembered erasures, and up to where the file is whole: a
// line without an end was being written when the machine stopped.
func (l *Ledger) readErasures() (list []rememberedErasure, end int64, err error) {
	b, err := readFile(l.opts.FS, l.erasureFile())
	if errors.Is(err, errNotExist) {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, fmt.Errorf("reading the erasures: %w", err)
	}
	for line := range bytes.Lines(b) {
		if line[len(line)-1] != '\n' {
			break
		}
		var e rememberedErasure
		d := json.NewDecoder(bytes.NewReader(line))
		d.DisallowUnknownFields() // what a newer program says beside it is not to be left undone
		if err := d.Decode(&e); err != nil || e.Erased == nil {
			return nil, 0, fmt.Errorf("reading the erasures: the line after byte %d of %s is not one that this program knows: restore that file, it is what keeps erased content erased, or use the program that wrote it (%w)", end, l.erasureFile(), cmp.Or(err, errNoErasure))
		}
		list = append(list, e)
		end += int64(len(line))
	}
	return list, end, nil
}

// rememberErasure adds a line after the last whole one, durably.
func (l *Ledger) rememberErasure(e rememberedErasure, end int64) error {
	line, err := json.Marshal(e)
	if err != nil {
		return err
	}
	line = append(line, '\n')
	fs := l.opts.FS
	if end == 0 {
		return writeFileAtomic(fs, l.erasureFile(), line)
	}
	f, err := fs.OpenReadWrite(l.erasureFile(), vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(line, end)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// finishErasures completes the erasures that are recorded: it remembers them,
// destroys the owners' keys and makes the storage forget the rows. Each step may be
// done twice. The caller holds l.erasing, or nobody else is there yet.
func (l *Ledger) finishErasures(ctx context.Context) error {
	unfinished, err := l.unfinishedErasures()
	if err != nil || len(unfinished) == 0 {
		return err
	}
	var gone []facetRow
	for _, u := range unfinished {
		entry, err := l.Get(ctx, u.position)
		if err != nil {
			return err
		}
		data, ok := entry.Event.Data.(*events.PayloadErased)
		if !ok {
			return fmt.Errorf("the record at position %d is noted as an unfinished erasure and is none", u.position)
		}
		if err := l.forgetOwner(entry.Event, data, u.owner); err != nil {
			return err
		}
		rows, err := l.facetRows(data)
		if err != nil {
			return err
		}
		gone = append(gone, rows...)
	}
	if err := l.scrub(ctx, gone); err != nil {
		return err
	}
	for _, u := range unfinished {
		if err := l.removeRow(unfinishedKey(u.position)); err != nil {
			return err
		}
	}
	return nil
}

type unfinishedErasure struct {
	position int64
	owner    string
}

// unfinishedErasures reads what is noted up to the durable head.
func (l *Ledger) unfinishedErasures() (list []unfinishedErasure, err error) {
	if err := l.uses.begin(); err != nil {
		return nil, err
	}
	defer l.uses.end()
	it, err := l.db.NewIter(&pebble.IterOptions{LowerBound: unfinishedKey(0), UpperBound: unfinishedKey(l.head.Load().Size)})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	for it.First(); it.Valid(); it.Next() {
		position := int64(binary.BigEndian.Uint64(it.Key()[len(it.Key())-8:]))
		list = append(list, unfinishedErasure{position, string(it.Value())})
	}
	return list, it.Error()
}

// forgetOwner remembers an erasure and destroys the key that went with it.
func (l *Ledger) forgetOwner(ev events.Event, data *events.PayloadErased, owner string) error {
	known, end, err := l.readErasures()
	if err != nil {
		return err
	}
	e := rememberedErasure{Source: ev.Source, ID: ev.ID, Principal: ev.Principal, Time: ev.Time, Erased: data, Owner: owner}
	if owner != "" {
		if e.Keys, err = l.owners.fingerprints(owner); err != nil {
			return err
		}
	}
	i := slices.IndexFunc(known, func(k rememberedErasure) bool { return k.Source == e.Source && k.ID == e.ID })
	if i < 0 {
		if err := l.rememberErasure(e, end); err != nil {
			return fmt.Errorf("remembering an erasure: %w", err)
		}
	} else {
		e.Keys = append(e.Keys, known[i].Keys...)
	}
	if owner == "" {
		return nil
	}
	return l.owners.destroy(owner, e.Keys)
}

// facetRows finds the rows of what an erasure names.
func (l *Ledger) facetRows(data *events.PayloadErased) (rows []facetRow, err error) {
	for _, f := range data.Facets {
		_, body, err := l.readBody(f.Position)
		if err != nil {
			return nil, err
		}
		for i, ref := range body.Facets {
			if ref.Name == f.Name {
				rows = append(rows, facetRow{f.Position, i})
			}
		}
	}
	return rows, nil
}

func (l *Ledger) removeRow(key []byte) error {
	if err := l.uses.begin(); err != nil {
		return err
	}
	defer l.uses.end()
	return l.db.Delete(key, pebble.Sync)
}

// repeatErasures does again what a restored backup does not know of. A key that was
// destroyed is destroyed again; content that is back is erased by a new record,
// since the one that erased it is lost.
func (l *Ledger) repeatErasures(ctx context.Context) error {
	remembered, _, err := l.readErasures()
	if err != nil {
		return err
	}
	for _, e := range remembered {
		if e.Owner != "" {
			if err := l.owners.destroy(e.Owner, e.Keys); err != nil {
				return err
			}
		}
		_, found, err := l.Find(e.Source, e.ID)
		if err != nil {
			return err
		}
		if found {
			continue
		}
		if err := l.repeatErasure(ctx, e); err != nil {
			return fmt.Errorf("repeating the erasure %q of %s, which the book does not know: %w", e.ID, e.Principal, err)
		}
	}
	return l.finishErasures(ctx)
}

// repeatErasure erases what of an earlier erasure is in the book again.
func (l *Ledger) repeatErasure(ctx context.Context, e rememberedErasure) error {
	data := *e.Erased
	data.Facets = nil
	var back []target
	for _, f := range e.Erased.Facets {
		t, ok, err := l.back(f)
		if err != nil {
			return err
		}
		if ok {
			back = append(back, t)
			data.Facets = append(data.Facets, f)
		}
	}
	if len(back) == 0 {
		return nil
	}
	l.opts.Logger.Warn("content that was erased is back with a restored book, and is erased again", "id", e.ID, "facets", len(back))
	data.Reason = strings.TrimSpace("repeated after a restore: " + data.Reason)
	ev := l.act(e.Principal, proof.ErasureType, e.ID, &data)
	ev.Time = e.Time
	req, err := l.prepare([]events.Event{ev})
	if err != nil {
		return err
	}
	req.drafts[0].erases = &erasing{targets: back, owner: e.Owner}
	_, err = l.submit(ctx, req)
	return err
}

// back reports whether an erased facet is stored: at that position, with that
// commitment, in the book as it is now.
func (l *Ledger) back(f events.ErasedFacet) (t target, ok bool, err error) {
	if l.durable(f.Position) != nil {
		return t, false, nil // beyond what was restored
	}
	_, body, err := l.readBody(f.Position)
	if err != nil {
		return t, false, err
	}
	i := slices.IndexFunc(body.Facets, func(ref proof.FacetRef) bool {
		return ref.Name == f.Name && bytes.Equal(ref.Commit[:], f.Commitment)
	})
	if i < 0 {
		return t, false, nil
	}
	stored, err := l.getRow(facetKey(f.Position, i))
	return target{f.Position, i, body.Facets[i], body}, stored != nil, err
}
