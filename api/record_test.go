package api

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"ledgerline/events"
)

// TestRecord: what comes from a broker is recorded under the principal of the relay's
// token, and held to what that may append.
func TestRecord(t *testing.T) {
	tokens, err := LoadTokens(filepath.Join(t.TempDir(), "tokens.json"))
	if err != nil {
		t.Fatal(err)
	}
	text := mint(t, tokens, Principal{Name: "bus", Roles: []Role{RoleRegistrar}}, time.Time{})
	f := newFixture(t, func(o *Options) { o.Tokens, o.Dev = tokens, false })
	event := func(s string) []events.Event {
		e, err := events.DecodeStructured([]byte(s))
		if err != nil {
			t.Fatal(err)
		}
		return []events.Event{e}
	}
	ctx := context.Background()
	if _, err := f.server.Record(ctx, text, event(registered("D01"))); err != nil {
		t.Fatal(err)
	}
	if e, err := f.ledger.Get(ctx, 1); err != nil || e.Event.Principal != "bus" {
		t.Errorf("recorded under %q, %v", e.Event.Principal, err)
	}
	var refusal *events.Refusal
	call := ce("a1", "quality.issue.reported", `{"issue":"Q","by":"D01","entry":"E","dimension":"d","symptom":"wrong","severity":"minor","description":"x"}`)
	if _, err := f.server.Record(ctx, text, event(call)); !errors.As(err, &refusal) || refusal.Rule != "auth.event-type" {
		t.Errorf("an event that the token may not append: %v", err)
	}
	// A token that was taken back is no fault of the event, which can wait for a new one.
	if _, err := f.server.Record(ctx, "llt_unknown", event(registered("D02"))); err == nil || errors.As(err, &refusal) {
		t.Errorf("a token that does not work: %v", err)
	}
}
