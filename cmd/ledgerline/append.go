package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/spf13/cobra"

	"ledgerline/events"
	"ledgerline/ledger/proof"
)

func appendCommand(p *program) *cobra.Command {
	var t target
	var expect int64
	var asJSON bool
	var sign string
	c := &cobra.Command{
		Use:   "append [FILE]",
		Short: "Record an event, or a batch that is recorded whole or not at all",
		Long: `Append records what a file, or standard input, holds: one CloudEvent, or an array
of them, which is recorded whole or not at all. It prints the receipts. Sending
the same again is harmless: the old receipt comes back.

For many events that stand each on their own, see: ledgerline import.`,
		Example: `  ledgerline append event.json --server http://127.0.0.1:8420
  ledgerline append --dir led --json < event.json > receipt.json`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			body, err := p.readInput(args)
			if err != nil {
				return err
			}
			if sign != "" {
				if body, err = signEvents(body, sign); err != nil {
					return err
				}
			}
			header := http.Header{"Content-Type": {events.MediaTypeStructured}}
			if bytes.HasPrefix(bytes.TrimSpace(body), []byte("[")) {
				header.Set("Content-Type", events.MediaTypeBatch)
			}
			if expect >= 0 {
				header.Set("If-Match", strconv.Quote(strconv.FormatInt(expect, 10)))
			}
			cl, err := t.connect(c.Context(), p)
			if err != nil {
				return err
			}
			status, answer, err := cl.post(c.Context(), "/v1/events", header, body)
			if err := errors.Join(err, cl.close()); err != nil {
				return err
			}
			if asJSON {
				return p.printJSON(answer)
			}
			return p.receipts(answer, status == http.StatusOK)
		},
	}
	t.writerFlags(c)
	c.Flags().Int64Var(&expect, "expect-version", -1, "refuse unless this is the present version of the event's subject")
	c.Flags().StringVar(&sign, "sign", "", "sign the events with this key of the party they name; see: ledgerline keys producer")
	c.Flags().BoolVar(&asJSON, "json", false, "print the receipts as the server gave them, in JSON: keep them")
	return c
}

// readInput reads the file that args name, or standard input.
func (p *program) readInput(args []string) ([]byte, error) {
	if len(args) == 0 || args[0] == "-" {
		b, err := io.ReadAll(p.in)
		if err != nil {
			return nil, fmt.Errorf("reading standard input: %w", err)
		}
		return b, nil
	}
	b, err := os.ReadFile(args[0])
	if err != nil {
		return nil, fmt.Errorf("reading the events: %w", err)
	}
	return b, nil
}

// receipts prints the receipts of a single event or of a batch.
func (p *program) receipts(answer jsontext.Value, repeated bool) error {
	var batch struct {
		Receipts []proof.Receipt `json:"receipts"`
	}
	if err := json.Unmarshal(answer, &batch); err != nil {
		return fmt.Errorf("reading the receipts: %w", err)
	}
	if batch.Receipts == nil {
		r, err := proof.ParseReceipt(answer)
		if err != nil {
			return err
		}
		batch.Receipts = []proof.Receipt{r}
	}
	t := newTable("POSITION", "RECORDED", "ID", "LEAF HASH")
	for _, r := range batch.Receipts {
		t.row(number(r.Position), local(events.Time(r.Time)), r.ID, fmt.Sprintf("%x", r.LeafHash[:]))
	}
	if err := t.write(p.out, "nothing was recorded"); err != nil {
		return err
	}
	if repeated {
		fmt.Fprintln(p.err, "all of it was there already: these are the old receipts")
	}
	return nil
}
