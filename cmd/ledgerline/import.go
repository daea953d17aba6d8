package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/spf13/cobra"
)

func importCommand(p *program) *cobra.Command {
	var t target
	var state, refused, importedBy string
	c := &cobra.Command{
		Use:   "import FILE|DIR…",
		Short: "Record many events: OpenLineage or CloudEvents, from files",
		Long: `Import sends the events in files to a ledger: OpenLineage events and CloudEvents, as
a JSON value, an array, or one a line; plain or gzipped. A directory stands for the
.json, .ndjson and .jsonl files below it.

Each event stands alone: one that is refused does not hold up the others; the
summary says why, and --refused keeps it. An import that was interrupted is simply
run again: events that are there already are recognised. With --state it skips
ahead to where it was.

With --imported-by the files are of the time before the ledger: first an event
ledger.import.made records the file's digest in the name of that party, then each
CloudEvent is marked as imported and names that event as its cause. What is marked so
is shown as such everywhere, and is no evidence of what it tells. The party keeps the
file, to be held against the digest.`,
		Example: `  ledgerline import events/ --server http://127.0.0.1:8420
  ledgerline import registers-2019-2024.ndjson --imported-by D01 --dir led
  ledgerline import big.ndjson.gz --dir led --state big.state --refused big.refused.ndjson`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, names []string) (err error) {
			files, total, err := importFiles(names)
			if err != nil {
				return err
			}
			im := &importer{p: p, total: total, importedBy: importedBy, bar: newProgress(p.err, "importing"), reasons: map[string]*reason{}}
			if im.state, err = loadState(state); err != nil {
				return err
			}
			if refused != "" {
				f, err := os.OpenFile(refused, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o666)
				if err != nil {
					return fmt.Errorf("opening the file for refused events: %w", err)
				}
				defer func() { err = errors.Join(err, f.Close()) }()
				im.refusedTo = f
			}
			if im.client, err = t.connect(c.Context(), p); err != nil {
				return err
			}
			defer func() { err = errors.Join(err, im.client.close()) }()
			return im.run(c.Context(), files)
		},
	}
	t.writerFlags(c)
	c.Flags().StringVar(&importedBy, "imported-by", "", "the party that tells of the time before the ledger: mark the events as imported, and record the digest of each file")
	c.Flags().StringVar(&state, "state", "", "file that remembers how far the import came")
	c.Flags().StringVar(&refused, "refused", "", "file to which refused events are added, one a line")
	return c
}

// importer sends events in chunks and keeps count of what became of them.
type importer struct {
	p      *program
	client *client
	state  *importState
	bar    *progress
	// importedBy is the party whose events of the time before the ledger these are; cause
	// is the event that tells of the file at hand.
	importedBy, cause string
	// total and before are bytes: of all files, and of those already read.
	total, before int64

	refusedTo io.Writer
	reasons   map[string]*reason
	// seen is the highest position known to be taken when a chunk was sent. Events
	// of one import are recorded in order, so a receipt at or below it is an old one.
	seen                        int64
	accepted, repeated, refused int
}

// reason counts the refusals by one rule.
type reason struct {
	count   int
	example string
}

// Bounds of a chunk. Larger ones cost memory and the time to repeat one that a
// broken connection left without an answer; smaller ones cost commits.
const (
	chunkEvents = 1000
	chunkBytes  = 4 << 20
)

func (im *importer) run(ctx context.Context, files []string) error {
	err := im.begin(ctx)
	for _, path := range files {
		if err == nil {
			err = im.file(ctx, path)
		}
	}
	im.bar.end()
	if ctx.Err() != nil {
		err = cannot("run the same command again to go on", "interrupted")
	}
	if serr := im.summary(); err == nil {
		err = serr
	}
	return err
}

// begin notes where the ledger ends, to tell new receipts from old ones.
func (im *importer) begin(ctx context.Context) error {
	now, err := im.client.standing(ctx)
	im.seen = now.Position
	return err
}

func (im *importer) file(ctx context.Context, path string) error {
	skip, err := im.state.done(path)
	if err != nil {
		return err
	}
	if im.importedBy != "" {
		if im.cause, err = im.importMade(ctx, path); err != nil {
			return err
		}
	}
	if skip > 0 {
		fmt.Fprintf(im.p.err, "%s: skipping %d events that were answered before\n", path, skip)
	}
	var chunk []item
	size, sum := 0, newItemSum()
	var end int64
	send := func() error {
		if err := im.send(ctx, path, chunk); err != nil {
			return err
		}
		chunk, size = chunk[:0], 0
		im.state.Files[path] = sum.state()
		im.bar.show(im.before+end, im.total, fmt.Sprintf("%d events", im.accepted+im.repeated+im.refused))
		return im.state.save()
	}
	for it, err := range readItems(path) {
		if err != nil {
			return errors.Join(send(), err)
		}
		end = it.end
		if it.number <= skip {
			sum.add(it)
			continue
		}
		full := len(chunk) >= chunkEvents || size+len(it.raw) > chunkBytes
		if len(chunk) > 0 && (full || chunk[0].cloud != it.cloud) {
			if err := send(); err != nil {
				return err
			}
		}
		chunk, size = append(chunk, it), size+len(it.raw)
		sum.add(it)
	}
	if err := send(); err != nil {
		return err
	}
	im.before += end
	return nil
}

// send sends the events of a chunk, which are of one kind, and notes the answers.
func (im *importer) send(ctx context.Context, path string, chunk []item) (err error) {
	var good []item
	for _, it := range chunk {
		if it.bad != nil {
			if err := im.refuse(path, it, "json.syntax", it.bad.Error()); err != nil {
				return err
			}
			continue
		}
		good = append(good, it)
	}
	if len(good) == 0 {
		return nil
	}
	if im.cause != "" {
		if good, err = im.marked(path, good); err != nil || len(good) == 0 {
			return err
		}
	}
	if good[0].cloud {
		return im.sendCloudEvents(ctx, path, good)
	}
	return im.sendOpenLineage(ctx, path, good)
}

// sendCloudEvents sends a stream of lines and reads a line of answer for each.
func (im *importer) sendCloudEvents(ctx context.Context, path string, chunk []item) error {
	var body bytes.Buffer
	for _, it := range chunk {
		if err := compactTo(&body, it.raw); err != nil {
			return err
		}
		body.WriteByte('\n')
	}
	res, err := im.client.request(ctx, http.MethodPost, "/v1/events", nil, http.Header{"Content-Type": {"application/x-ndjson"}}, &body)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	answers := jsontext.NewDecoder(res.Body)
	for _, it := range chunk {
		raw, err := answers.ReadValue()
		if err != nil {
			return fmt.Errorf("the answer broke off at event %d of %s: %w", it.number, path, err)
		}
		var a struct {
			Rule, Detail string
			Status       int
			Position     int64
		}
		if err := json.Unmarshal(raw, &a, json.MatchCaseInsensitiveNames(true)); err != nil {
			return fmt.Errorf("reading the answer to event %d of %s: %w", it.number, path, err)
		}
		switch {
		case a.Rule == "":
			im.took(a.Position)
		case a.Status >= 500:
			return cannot("run the same command again to go on", "event %d of %s: %s: %s", it.number, path, a.Rule, a.Detail)
		default:
			if err := im.refuse(path, it, a.Rule, a.Detail); err != nil {
				return err
			}
		}
	}
	return nil
}

// compactTo writes a value on one line, if it is not on one already.
func compactTo(w *bytes.Buffer, raw []byte) error {
	if bytes.IndexByte(raw, '\n') < 0 {
		w.Write(raw)
		return nil
	}
	v := jsontext.Value(bytes.Clone(raw))
	if err := v.Compact(); err != nil {
		return err
	}
	w.Write(v)
	return nil
}

// sendOpenLineage sends an array. The bytes of its elements are sent as they
// are, because they are the events' identity.
func (im *importer) sendOpenLineage(ctx context.Context, path string, chunk []item) error {
	body := []byte{'['}
	for i, it := range chunk {
		if i > 0 {
			body = append(body, ',')
		}
		body = append(body, it.raw...)
	}
	_, answer, err := im.client.post(ctx, "/api/v1/lineage/batch", http.Header{"Content-Type": {"application/json"}}, append(body, ']'))
	if err != nil {
		return err
	}
	var a struct {
		Failed []struct {
			Index     int    `json:"index"`
			Reason    string `json:"reason"`
			Retriable bool   `json:"retriable"`
		} `json:"failed_events"`
		Receipts []struct {
			Position int64 `json:"position"`
		} `json:"receipts"`
	}
	if err := json.Unmarshal(answer, &a); err != nil {
		return fmt.Errorf("reading the answer to a batch of %s: %w", path, err)
	}
	for _, r := range a.Receipts {
		im.took(r.Position)
	}
	for _, f := range a.Failed {
		if f.Index < 0 || f.Index >= len(chunk) {
			return fmt.Errorf("the answer to a batch of %s speaks of event %d, and %d were sent", path, f.Index, len(chunk))
		}
		it := chunk[f.Index]
		if f.Retriable {
			return cannot("run the same command again to go on", "event %d of %s: %s", it.number, path, f.Reason)
		}
		rule, detail, _ := bytes.Cut([]byte(f.Reason), []byte(": "))
		if err := im.refuse(path, it, string(rule), string(detail)); err != nil {
			return err
		}
	}
	return nil
}

func (im *importer) took(position int64) {
	if position <= im.seen {
		im.repeated++
		return
	}
	im.seen = position
	im.accepted++
}

func (im *importer) refuse(path string, it item, rule, detail string) error {
	im.refused++
	r := im.reasons[rule]
	if r == nil {
		r = &reason{example: fmt.Sprintf("%s event %d: %s", path, it.number, detail)}
		im.reasons[rule] = r
	}
	r.count++
	if im.refusedTo == nil || len(it.raw) == 0 {
		return nil
	}
	var line bytes.Buffer
	if it.bad != nil || compactTo(&line, it.raw) != nil {
		line.Reset()
		line.Write(bytes.ReplaceAll(it.raw, []byte("\n"), []byte(" ")))
	}
	line.WriteByte('\n')
	if _, err := im.refusedTo.Write(line.Bytes()); err != nil {
		return fmt.Errorf("keeping a refused event: %w", err)
	}
	return nil
}

// summary says what became of the events; refusals make the answer no.
func (im *importer) summary() error {
	if _, err := fmt.Fprintf(im.p.out, "%d accepted, %d repeated, %d refused\n", im.accepted, im.repeated, im.refused); err != nil {
		return err
	}
	if im.refused == 0 {
		return nil
	}
	t := newTable("REFUSED", "RULE", "FIRST")
	for _, rule := range slices.Sorted(maps.Keys(im.reasons)) {
		t.row(number(int64(im.reasons[rule].count)), rule, im.reasons[rule].example)
	}
	if err := t.write(im.p.out, ""); err != nil {
		return err
	}
	return errShown
}
