package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/spf13/cobra"

	"ledgerline/api"
	"ledgerline/events"
)

// question is what every query command can be told.
type question struct {
	target  target
	asOf    string
	validAt string
	json    bool
	limit   int
	cursor  string
	// until names the parameter that makes an answer about the present wait for
	// the views; empty means after.
	until string
}

func (q *question) flags(c *cobra.Command) {
	q.target.flags(c)
	f := c.Flags()
	f.StringVar(&q.asOf, "as-of", "", "answer with what the ledger knew then: a position, or a time such as 2026-01-08T09:30:00+08:00 or 2026-01-08")
	f.BoolVar(&q.json, "json", false, "print the answer as the server gave it, in JSON")
}

func (q *question) validFlag(c *cobra.Command) {
	c.Flags().StringVar(&q.validAt, "valid-at", "", "what was in force at this time")
}

func (q *question) pageFlags(c *cobra.Command) {
	c.Flags().IntVar(&q.limit, "limit", 100, "most rows to print")
	c.Flags().StringVar(&q.cursor, "cursor", "", "go on where an earlier answer ended")
}

// values turns the flags into query parameters.
func (q *question) values() (url.Values, error) {
	v := url.Values{}
	for name, text := range map[string]string{"as_of": q.asOf, "valid_at": q.validAt} {
		m, err := moment(text)
		if err != nil {
			return nil, usage("--%s %s: %w", strings.ReplaceAll(name, "_", "-"), text, err)
		}
		set(v, name, m)
	}
	if q.limit > 0 {
		v.Set("limit", strconv.Itoa(q.limit))
	}
	set(v, "cursor", q.cursor)
	return v, nil
}

// set sets a parameter that was given.
func set(v url.Values, name, value string) {
	if value != "" {
		v.Set(name, value)
	}
}

// moment reads a moment as people type it. A date is its first instant in the
// zone of this machine; the API wants the zone said.
func moment(s string) (string, error) {
	if s == "" {
		return "", nil
	}
	if _, err := strconv.ParseUint(s, 10, 63); err == nil {
		return s, nil
	}
	for _, layout := range []string{time.DateOnly, "2006-01-02 15:04", "2006-01-02T15:04", time.DateTime, "2006-01-02T15:04:05"} {
		if t, err := time.ParseInLocation(layout, s, time.Local); err == nil {
			return t.Format(time.RFC3339), nil
		}
	}
	if _, err := time.Parse(time.RFC3339, s); err != nil {
		return "", errors.New("want a position, or a time such as 2026-01-08T09:30:00+08:00, 2026-01-08T09:30 or 2026-01-08")
	}
	return s, nil
}

// answered is the form of every answer.
type answered[R any] struct {
	Ledger api.Standing `json:"ledger"`
	Result R            `json:",embed"`
}

// ask puts a question and prints the answer: as JSON, or with show, which
// returns the cursor of the next part, if any.
func ask[R any](c *cobra.Command, p *program, q *question, path string, values url.Values, show func(R) (next string, err error)) error {
	general, err := q.values()
	if err != nil {
		return err
	}
	for name := range general {
		values.Set(name, general.Get(name))
	}
	cl, err := q.target.connect(c.Context(), p)
	if err != nil {
		return err
	}
	body, err := cl.ask(c.Context(), path, cmp.Or(q.until, "after"), values)
	if err := errors.Join(err, cl.close()); err != nil {
		return err
	}
	if q.json {
		return p.printJSON(body)
	}
	var a answered[R]
	if err := json.Unmarshal(body, &a); err != nil {
		return fmt.Errorf("reading the answer of %s: %w; is the server of another version?", path, err)
	}
	next, err := show(a.Result)
	if err != nil {
		return err
	}
	p.standing(a.Ledger, next)
	return nil
}

// ask gets the answer to a question.
func (c *client) ask(ctx context.Context, path, until string, values url.Values) (jsontext.Value, error) {
	if err := c.wait(ctx, until, values); err != nil {
		return nil, err
	}
	return c.get(ctx, path, values)
}

// wait makes a question about the present wait until the views hold all that was
// recorded before it was asked: who appends and then asks finds the event. The
// parameter until says so to the server.
func (c *client) wait(ctx context.Context, until string, values url.Values) error {
	if values.Has("as_of") || values.Has("cursor") || values.Has(until) {
		return nil
	}
	now, err := c.standing(ctx)
	if err != nil {
		return err
	}
	values.Set(until, number(now.Position))
	return nil
}

// standing asks where the ledger stands.
func (c *client) standing(ctx context.Context) (api.Standing, error) {
	body, err := c.get(ctx, "/v1/status", nil)
	if err != nil {
		return api.Standing{}, err
	}
	var status struct {
		Ledger api.Standing `json:"ledger"`
	}
	if err := json.Unmarshal(body, &status); err != nil {
		return api.Standing{}, fmt.Errorf("reading the server's status: %w", err)
	}
	return status.Ledger, nil
}

// standing says below an answer what it speaks for, and whether it is all.
func (p *program) standing(s api.Standing, next string) {
	when := ""
	if s.Time != 0 {
		when = ", recorded " + local(s.Time)
	}
	fmt.Fprintf(p.err, "as of position %d%s\n", s.Position, when)
	if s.Withheld != nil {
		fmt.Fprintln(p.err, s.Says)
	}
	switch {
	case next != "":
		fmt.Fprintf(p.err, "there is more: go on with --cursor %s\n", next)
	case !s.Complete:
		fmt.Fprintf(p.err, "not complete: cut by %s\n", strings.Join(s.LimitsHit, ", "))
	}
}

// local shows a time to people, in the zone of this machine.
func local(t events.Time) string {
	if t == 0 {
		return ""
	}
	return t.Std().Local().Format("2006-01-02 15:04:05 -07:00")
}
