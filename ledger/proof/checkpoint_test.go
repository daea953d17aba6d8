package proof

import (
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"
)

func TestCheckpointRoundTrip(t *testing.T) {
	l := newTestLog(t, 3)
	for size := range 4 {
		want := l.checkpoint(size)
		got, err := OpenCheckpoint(l.signed(size), testOrigin, l.verifier)
		if err != nil || got != want {
			t.Errorf("size %d: got %+v, %v", size, got, err)
		}
	}
}

func TestCheckpointWithWitness(t *testing.T) {
	l := newTestLog(t, 3)
	ws, wv := testKey(t, "witness.example/w1", 9)
	signed, err := l.checkpoint(3).Sign(l.signer, ws)
	if err != nil {
		t.Fatal(err)
	}
	for name, v := range map[string]note.Verifiers{
		"log key known":   l.verifier,
		"both keys known": note.VerifierList(verifierOf(t), wv),
	} {
		if _, err := OpenCheckpoint(signed, testOrigin, v); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := OpenCheckpoint(signed, testOrigin, note.VerifierList(wv)); err == nil {
		t.Error("a witness's signature was taken for the log's")
	}
}

func verifierOf(t testing.TB) note.Verifier {
	_, v := testKey(t, testOrigin, 7)
	return v
}

// What a log's own key has signed is still refused if it is not a checkpoint
// of this log in its one text form.
func TestCheckpointRefuses(t *testing.T) {
	l := newTestLog(t, 3)
	text := l.checkpoint(3).Text()
	lines := strings.SplitAfter(text, "\n")
	root := strings.TrimSuffix(lines[2], "\n")
	empty := Checkpoint{Origin: testOrigin, Root: emptyRoot}.Text()
	for name, bad := range map[string]string{
		"other origin":      strings.Replace(text, testOrigin, "ledger.example/other", 1),
		"extension line":    text + "more\n",
		"missing root":      lines[0] + lines[1],
		"leading zero":      lines[0] + "03\n" + lines[2],
		"plus sign":         lines[0] + "+3\n" + lines[2],
		"negative size":     lines[0] + "-3\n" + lines[2],
		"size above int64":  lines[0] + "9223372036854775808\n" + lines[2],
		"short root":        lines[0] + lines[1] + root[4:] + "\n",
		"stray base64 bits": lines[0] + lines[1] + root[:42] + string(root[42]+1) + "=\n",
		"carriage return":   lines[0] + lines[1] + root + "\r\n",
		"empty, other root": strings.Replace(empty, strings.Split(empty, "\n")[2], root, 1),
	} {
		if bad == text {
			t.Fatalf("%s: nothing changed", name)
		}
		signed, err := note.Sign(&note.Note{Text: bad}, l.signer)
		if err != nil {
			t.Fatal(err)
		}
		if c, err := OpenCheckpoint(signed, testOrigin, l.verifier); err == nil {
			t.Errorf("%s: read as %+v", name, c)
		}
	}
	other, _ := testKey(t, testOrigin, 8)
	signed, err := l.checkpoint(3).Sign(other)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := OpenCheckpoint(signed, testOrigin, l.verifier); err == nil {
		t.Error("an unknown key of the same name was accepted")
	}
}

func TestSignRefuses(t *testing.T) {
	s, _ := testKey(t, "someone.else", 7)
	c := Checkpoint{Origin: testOrigin}
	if _, err := c.Sign(s); err == nil {
		t.Error("signed with a key of another name")
	}
	if _, err := c.Sign(); err == nil {
		t.Error("signed by nobody")
	}
}
