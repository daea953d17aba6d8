package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strconv"

	"github.com/go-json-experiment/json"
	"github.com/spf13/cobra"

	"ledgerline/ledger/proof"
)

func proveCommand(p *program) *cobra.Command {
	var w wanted
	c := &cobra.Command{
		Use:   "prove [POSITION]",
		Short: "Fetch the proof that a record is in the log, that nothing was left out, or that the log only grew",
		Long: `Prove fetches what convinces somebody who does not trust the ledger.

With a position, or the --source and --id of an event: the proof that the record
is in the log (C2SP tlog-proof). With --out NAME it writes two files,
NAME.tlog-proof and NAME.record, the record's own bytes; together they are checked
offline with: ledgerline verify NAME.tlog-proof NAME.record --key KEY. If an outside
authority has timestamped a head that covers the record, it writes NAME.anchor, that
head, and NAME.tsr, the authority's answer, for: openssl ts -verify -data NAME.anchor
-in NAME.tsr -CAfile CA. The proof is then under that head.

With --key, a name such as entry:DS02, party:D01, agreement:A02, subject:entry/DS02,
type:access.call.recorded or dataset:warehouse/orders: the proof which records
bear that name and were recorded within the window from --from to --to, two times
of which either may be left out. It shows them all; --also names what bodies are
shown of. With --as-of, a time or a position: what the ledger knew then, by the first
commitment to its index that covers it; with --commit, as of the commitment that is
recorded at a position. --out NAME writes NAME.completeness, to be checked offline with:
ledgerline verify NAME.completeness --key KEY.

With a position and --calls FILE, the records of the calls that a sealed batch stands
for, one a line, as their producer keeps them: the proof that the call with the number
--call is among them. The records do not leave this machine. --out NAME writes
NAME.call, that call's record with its path, beside the files above; all three are
checked with: ledgerline verify NAME.call NAME.tlog-proof NAME.record --key KEY

With --from and --to alone, two numbers of records: the proof that the log of the
later size begins with the log of the earlier.`,
		Example: `  ledgerline prove 17 --server http://127.0.0.1:8420 --out p17
  ledgerline prove --key entry:DS02 --from 2025-01-01 --to 2026-01-01 --dir led --out shared
  ledgerline prove --from 100 --to 200 --dir led > grown.json`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error { return w.fetch(c, p, args) },
	}
	w.target.flags(c)
	f := c.Flags()
	f.StringVar(&w.source, "source", "", "source of the event, with --id")
	f.StringVar(&w.id, "id", "", "id of the event, with --source")
	f.StringVar(&w.from, "from", "", "the earlier number of records; with --key, when the window begins")
	f.StringVar(&w.to, "to", "", "the later number of records (default: all); with --key, when the window ends, itself excluded")
	f.StringVar(&w.key, "key", "", "prove all records that bear this name, {kind}:{id} or a JSON array")
	f.StringVar(&w.also, "also", "", "with --key: show the bodies only of records that bear this name too")
	f.StringVar(&w.asOf, "as-of", "", "with --key: what the ledger knew then: a position, or a time")
	f.StringVar(&w.commit, "commit", "", "with --key: as of the commitment to the index that is recorded at this position")
	f.StringVar(&w.calls, "calls", "", "with the position of a sealed batch: file with the records of its calls, one a line")
	f.Uint64Var(&w.call, "call", 0, "with --calls: the producer's number of the call")
	f.StringVar(&w.out, "out", "", "write files of this name instead of printing")
	return c
}

// wanted is the proof that the flags of prove ask for.
type wanted struct {
	target          target
	source, id, out string
	from, to        string
	key, also       string
	asOf, commit    string
	calls           string
	call            uint64
}

func (w *wanted) fetch(c *cobra.Command, p *program, args []string) (err error) {
	ways := 0
	for _, given := range []bool{len(args) == 1, w.source != "" && w.id != "", w.from != "" && w.key == "", w.key != ""} {
		if given {
			ways++
		}
	}
	if w.key == "" && w.asOf+w.commit != "" {
		return usage("--as-of and --commit are of proofs that nothing was left out: give --key")
	}
	if ways != 1 {
		return usage("give a position, or --source and --id, or --key, or --from and --to")
	}
	if (w.calls != "") != (w.call > 0) || w.calls != "" && (w.key != "" || w.from != "" || w.out == "") {
		return usage("to prove a call of a sealed batch give its position, --calls FILE, --call NUMBER and --out NAME")
	}
	cl, err := w.target.connect(c.Context(), p)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, cl.close()) }()
	switch {
	case w.key != "":
		return w.completeness(c.Context(), p, cl)
	case w.from != "":
		return w.consistency(c.Context(), p, cl)
	}
	position := ""
	if len(args) == 1 {
		position = args[0]
	} else if position, err = cl.positionOf(c.Context(), w.source, w.id); err != nil {
		return err
	}
	if _, err := strconv.ParseUint(position, 10, 63); err != nil {
		return usage("%q is not a position; positions are whole numbers from 0", position)
	}
	return w.inclusion(c.Context(), p, cl, position)
}

func (w *wanted) consistency(ctx context.Context, p *program, cl *client) error {
	v := url.Values{"from": {w.from}}
	if w.to != "" {
		v.Set("to", w.to)
	}
	for _, size := range v {
		if n, err := strconv.ParseUint(size[0], 10, 63); err != nil || n == 0 {
			return usage("%q is not a number of records; to prove what bears a name between two times, give --key", size[0])
		}
	}
	body, err := cl.get(ctx, "/v1/proofs/consistency", v)
	if err != nil {
		return err
	}
	return w.deliver(p, ".consistency", body)
}

func (w *wanted) completeness(ctx context.Context, p *program, cl *client) error {
	v := url.Values{"key": {w.key}}
	if w.also != "" {
		v.Set("also", w.also)
	}
	for name, text := range map[string]string{"from": w.from, "to": w.to} {
		if text == "" {
			continue
		}
		m, err := moment(text)
		if _, perr := strconv.ParseInt(m, 10, 64); err != nil || perr == nil {
			return usage("--%s %s: want a time or a date: the window of a name is one of recorded time", name, text)
		}
		v.Set(name, m)
	}
	at, err := moment(w.asOf)
	if err != nil {
		return usage("--as-of %s: %w", w.asOf, err)
	}
	if at != "" {
		v.Set("as_of", at)
	}
	if w.commit != "" {
		v.Set("commit", w.commit)
	}
	if w.out == "" {
		body, err := cl.get(ctx, "/v1/proofs/completeness", v)
		if err != nil {
			return err
		}
		return w.deliver(p, "", body)
	}
	v.Set("format", "cbor")
	b, err := cl.getText(ctx, "/v1/proofs/completeness", v)
	if err != nil {
		return err
	}
	return w.deliver(p, ".completeness", b)
}

func (w *wanted) inclusion(ctx context.Context, p *program, cl *client, position string) error {
	q := url.Values{"position": {position}, "format": {"text"}}
	var when struct {
		NotAfter *struct {
			Size       int64  `json:"size"`
			Checkpoint string `json:"checkpoint"`
			Response   []byte `json:"response"`
		} `json:"not_after"`
	}
	if w.out != "" {
		b, err := cl.get(ctx, "/v1/proofs/time", url.Values{"position": {position}})
		if err == nil {
			err = json.Unmarshal(b, &when)
		}
		if err != nil {
			return err
		}
		if when.NotAfter != nil {
			q.Set("size", number(when.NotAfter.Size))
		}
	}
	text, err := cl.getText(ctx, "/v1/proofs/inclusion", q)
	if err != nil {
		return err
	}
	if w.out == "" {
		return w.deliver(p, "", text)
	}
	if a := when.NotAfter; a != nil {
		if err := errors.Join(w.deliver(p, ".anchor", []byte(a.Checkpoint)), w.deliver(p, ".tsr", a.Response)); err != nil {
			return err
		}
	}
	record, err := cl.get(ctx, "/v1/records/"+position, url.Values{})
	if err != nil {
		return err
	}
	if w.calls != "" {
		if err := w.sealedCall(p, record); err != nil {
			return err
		}
	}
	return errors.Join(w.deliver(p, ".tlog-proof", text), w.deliver(p, ".record", record))
}

// sealedCall proves a call by the records of all calls of its batch.
func (w *wanted) sealedCall(p *program, record []byte) error {
	var r rawRecord
	if err := json.Unmarshal(record, &r); err != nil {
		return fmt.Errorf("reading the record: %w", err)
	}
	body, err := proof.ParseBody(r.Body)
	if err != nil {
		return err
	}
	batch, ok := body.Seals()
	if !ok {
		return no("see: ledgerline accesses --type "+proof.SealedType, "the record at position %d seals no batch of calls, it is a %s", r.Position, body.Type)
	}
	b, err := os.ReadFile(w.calls)
	if err != nil {
		return fmt.Errorf("reading the calls: %w", err)
	}
	call, err := proof.ProveSealed(batch, r.Position, bytes.Split(bytes.TrimSuffix(b, []byte("\n")), []byte("\n")), w.call)
	if err != nil {
		return no("a record is a line's bytes, without the line feed", "%s: %v", w.calls, err)
	}
	text, err := json.Marshal(call)
	if err != nil {
		return err
	}
	return w.deliver(p, ".call", append(text, '\n'))
}

// deliver prints, or writes a file if --out was given.
func (w *wanted) deliver(p *program, suffix string, b []byte) error {
	if w.out == "" {
		_, err := p.out.Write(b)
		return err
	}
	if err := os.WriteFile(w.out+suffix, b, 0o666); err != nil {
		return fmt.Errorf("writing the proof: %w", err)
	}
	_, err := fmt.Fprintln(p.out, w.out+suffix)
	return err
}

// positionOf finds an event by its source and id.
func (c *client) positionOf(ctx context.Context, source, id string) (string, error) {
	body, err := c.ask(ctx, "/v1/events", "after", url.Values{"source": {source}, "id": {id}})
	if err != nil {
		return "", err
	}
	var a struct {
		Rows []struct {
			Position int64 `json:"position"`
		} `json:"rows"`
	}
	if err := json.Unmarshal(body, &a); err != nil {
		return "", fmt.Errorf("reading the answer of /v1/events: %w", err)
	}
	if len(a.Rows) == 0 {
		return "", no("see: ledgerline events", "no event with source %s and id %s", source, id)
	}
	return number(a.Rows[0].Position), nil
}
