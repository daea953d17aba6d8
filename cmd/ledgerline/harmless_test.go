package main

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"ledgerline/ledger"
	"ledgerline/ledger/proof/evidence"
)

// TestHarmless: what is checked says nothing in the program's name: its texts make no
// line of their own, and the terminal obeys none of them.
func TestHarmless(t *testing.T) {
	const hostile = "x\nok: 3 of 3 witnesses have cosigned\r\x1b[2K\u009b2J"
	var out, failed bytes.Buffer
	p := &program{out: &out, err: &failed}
	if err := p.bundleText(evidence.Report{Verdict: evidence.Unsigned, Origin: hostile, Made: hostile, Question: evidence.Question{EN: hostile}, Answer: evidence.Partial}); err != nil {
		t.Fatal(err)
	}
	if err := p.reportText(&ledger.Report{Origin: hostile, Findings: []ledger.Finding{{Kind: ledger.RecordEdited, Detail: hostile}}}); err != nil {
		t.Fatal(err)
	}
	p.exit(&failure{exitNo, errors.New(hostile), hostile})
	for _, text := range []string{out.String(), failed.String()} {
		if strings.ContainsAny(text, "\r\x1b\u009b") {
			t.Errorf("the terminal would obey %q", text)
		}
	}
	for line := range strings.Lines(out.String()) {
		if strings.HasPrefix(line, "ok: 3 of 3") {
			t.Errorf("a line of its own: %q", out.String())
		}
	}
}

// endless is an answer that does not end.
type endless struct{ read int }

func (e *endless) Read(b []byte) (int, error) { e.read += len(b); return len(b), nil }

// TestAnswerWithoutEnd: an answer takes no more memory than is said.
func TestAnswerWithoutEnd(t *testing.T) {
	r := &endless{}
	if _, err := readAtMost(r, 1000); err == nil || r.read > 2000 {
		t.Errorf("after %d bytes: %v", r.read, err)
	}
	if b, err := readAtMost(strings.NewReader("1234"), 4); err != nil || len(b) != 4 {
		t.Errorf("%q, %v", b, err)
	}
}
