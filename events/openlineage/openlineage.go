// Package openlineage reads OpenLineage events into lineage facts: leniently,
// with a conformance verdict.
//
// Clients of many versions and habits send OpenLineage, and a ledger that refuses
// what it could have understood loses evidence. So Read refuses only what names
// no run, job or dataset or tells no time. All else is kept, read as well as it
// can be, and every departure from the specification (core 2-0-2 and the
// standard facets) is a finding of the event's verdict. A caller that wants
// conforming events alone refuses by Strict.
//
// The facts are what lineage needs and nothing else: free text, SQL, owners and
// unknown facets stay in the raw body, which the caller keeps.
//
// Time and memory are linear in the body, whatever it holds. The limits:
//
//   - a body of 32 MiB (events.MaxFacet), nested 10,000 deep;
//   - 10,000 events in a batch;
//   - 1,000,000 described array elements in one event;
//   - names of 4,096 bytes (events.MaxName), the dotted paths of nested columns
//     included, and 8 MiB of such paths in one event;
//   - 64 findings in one verdict.
//
// A body beyond the first three is refused. What is beyond the others is left out
// of the facts or the verdict with a finding that says so.
package openlineage

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/go-json-experiment/json/jsontext"

	"ledgerline/events"
)

const (
	maxBytes    = events.MaxFacet
	maxBatch    = 10_000
	maxItems    = 1_000_000
	maxPaths    = 8 << 20
	maxFindings = 64
	maxPointer  = 1024
)

// The kinds of event, as schemaURL names them.
const (
	runEvent     = "RunEvent"
	jobEvent     = "JobEvent"
	datasetEvent = "DatasetEvent"
)

// Read reads one RunEvent, JobEvent or DatasetEvent: its shape decides which.
// The time is the event's own, as claimed. The digest of the result is left to
// the caller, who has the key.
//
// The error is an *events.Refusal: openlineage.json (not a JSON object in
// UTF-8), openlineage.duplicate (a member name stands twice), openlineage.identity
// (no run, job or dataset is named), openlineage.event-time (no readable time) or
// openlineage.limit.
func Read(raw []byte) (*events.OpenLineageReceived, events.Time, error) {
	if len(raw) > maxBytes {
		return nil, 0, tooLarge("", fmt.Sprintf("the event is %d bytes long", len(raw)), fmt.Sprintf("send at most %d bytes", maxBytes))
	}
	kind, err := classify(raw)
	if err != nil {
		return nil, 0, err
	}
	var v verdict
	if err := check(raw, eventShapes[kind], &v); err != nil {
		return nil, 0, err
	}
	facts, err := (&reader{verdict: &v}).event(kind, decode(raw))
	if err != nil {
		return nil, 0, err
	}
	facts.Verdict = v.result()
	return facts, facts.EventTime, nil
}

// Split cuts the body of a batch, a JSON array, into its elements. They share
// the body's memory and are not looked into: each is for Read to accept or
// refuse, so that one bad event does not take the others with it.
func Split(raw []byte) ([][]byte, error) {
	// Reading with every check off still needs the text to be JSON, or it could
	// not be cut.
	dec := jsontext.NewDecoder(bytes.NewBuffer(raw), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	if k := dec.PeekKind(); k != '[' && k != 0 {
		return nil, malformed("openlineage.batch", "", "a batch is an array, and this is "+kindName(k),
			"send a JSON array of events, or one event to the endpoint for one")
	}
	if _, err := dec.ReadToken(); err != nil {
		return nil, unreadable(err)
	}
	var parts [][]byte
	for dec.PeekKind() != ']' {
		v, err := dec.ReadValue()
		if err != nil {
			return nil, unreadable(err)
		}
		if len(parts) == maxBatch {
			return nil, tooLarge("", "the batch holds too many events", fmt.Sprintf("send at most %d at once", maxBatch))
		}
		end := int(dec.InputOffset())
		parts = append(parts, raw[end-len(v):end:end])
	}
	if _, err := dec.ReadToken(); err != nil {
		return nil, unreadable(err)
	}
	if err := atEnd(dec); err != nil {
		return nil, err
	}
	return parts, nil
}

// Strict refuses an event whose verdict has findings, be it only that something
// was beyond a limit, and names the first.
func Strict(v events.Verdict) error {
	if len(v.Findings) == 0 {
		return nil
	}
	f := v.Findings[0]
	detail := f.Detail
	if n := len(v.Findings) - 1; n > 0 {
		detail = fmt.Sprintf("%s (and %d more findings)", detail, n)
	}
	return malformed(f.Rule, f.Pointer, detail, "send what OpenLineage 2-0-2 specifies; this ledger is set to refuse anything else")
}

// classify reads the whole text once, strictly, and decides by its top members
// what kind of event it is. A member that is null counts as absent here, as
// serializers write it for what is not there.
func classify(raw []byte) (kind string, err error) {
	dec := jsontext.NewDecoder(bytes.NewBuffer(raw))
	if k := dec.PeekKind(); k != '{' && k != 0 {
		return "", malformed("openlineage.json", "", "an event is an object, and this is "+kindName(k), "send one OpenLineage event as a JSON object")
	}
	if _, err := dec.ReadToken(); err != nil {
		return "", unreadable(err)
	}
	has := make(map[string]bool)
	for dec.PeekKind() != '}' {
		tok, err := dec.ReadToken()
		if err != nil {
			return "", unreadable(err)
		}
		switch name := tok.String(); name {
		case "run", "job", "dataset":
			has[name] = dec.PeekKind() != 'n'
		}
		if err := dec.SkipValue(); err != nil {
			return "", unreadable(err)
		}
	}
	if _, err := dec.ReadToken(); err != nil {
		return "", unreadable(err)
	}
	if err := atEnd(dec); err != nil {
		return "", err
	}
	switch {
	case has["run"] && has["job"]:
		return runEvent, nil
	case has["dataset"]:
		return datasetEvent, nil
	case has["job"]:
		return jobEvent, nil
	}
	return "", malformed("openlineage.identity", "", "the event names no run with its job, no job and no dataset",
		"send a RunEvent (run and job), a JobEvent (job) or a DatasetEvent (dataset)")
}

// unreadable says where and why a text is not JSON as RFC 7493 has it. The
// decoder's own message is kept only where it quotes nothing long.
func unreadable(err error) error {
	var syntax *jsontext.SyntacticError
	if !errors.As(err, &syntax) {
		return malformed("openlineage.json", "", "the text ends before the event does: "+err.Error(), "send a whole JSON object")
	}
	at := shorten(syntax.JSONPointer)
	if errors.Is(syntax.Err, jsontext.ErrDuplicateName) {
		return malformed("openlineage.duplicate", at, "the same member name stands twice in one object",
			"send each name once: readers differ in which of the two they take")
	}
	return malformed("openlineage.json", at, fmt.Sprintf("at byte %d: %v", syntax.ByteOffset, syntax.Err), "send JSON in UTF-8 (RFC 8259)")
}

// atEnd refuses a text that goes on after its value.
func atEnd(dec *jsontext.Decoder) error {
	if rest := bytes.TrimLeft(dec.UnreadBuffer(), " \t\r\n"); len(rest) > 0 {
		return malformed("openlineage.json", "", fmt.Sprintf("there are %d more bytes after the end of the value", len(rest)), "send one JSON value")
	}
	return nil
}

func malformed(rule, field, detail, fix string) error {
	return &events.Refusal{Rule: rule, Class: events.Malformed, Field: field, Detail: detail, Fix: fix}
}

func tooLarge(field, detail, fix string) error {
	return &events.Refusal{Rule: "openlineage.limit", Class: events.TooLarge, Field: field, Detail: detail, Fix: fix}
}
