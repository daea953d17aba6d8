package proof

import (
	"bytes"
	"encoding/hex"
	"os"
	"strings"
	"testing"
)

// The worked examples of docs/format.md are what this package writes.
func TestFormatExamples(t *testing.T) {
	text, err := os.ReadFile("../../docs/format.md")
	if err != nil {
		t.Fatal(err)
	}
	key := Key(KindType, "catalog.entry.published")
	l := newTestLog(t, 2)
	begin := Completeness{Question: Question{Names: []Name{{KindEntry, "E1"}}, From: 1767864600000000, To: EndOfTime}}
	for after, want := range map[string][]byte{
		"Position 1 of a log":           l.leaves[1],
		"The first bytes of a proof":    begin.Marshal()[:60],
		"The body of a genesis":         must(leastBody().Marshal()),
		"`[\"type\", \"catalog.entry.p": append(append([]byte(keyDomain), must(encMode.Marshal([]string{"type", "catalog.entry.published"}))...), key[:]...),
	} {
		_, block, found := strings.Cut(string(text), after)
		_, block, _ = strings.Cut(block, "```\n")
		block, _, _ = strings.Cut(block, "```")
		var got []byte
		for line := range strings.Lines(block) {
			digits, _, _ := strings.Cut(strings.TrimSpace(line), "   ")
			b, err := hex.DecodeString(strings.ReplaceAll(digits, " ", ""))
			if err != nil {
				t.Errorf("%s: %v in %q", after, err, line)
			}
			got = append(got, b...)
		}
		if !found || !bytes.Equal(got, want) {
			t.Errorf("example after %q:\n got %x\nwant %x", after, got, want)
		}
	}
	signed := string(must(Checkpoint{Origin: testOrigin, Root: emptyRoot}.Sign(l.signer)))
	for _, want := range []string{signed, vectorKey(t)} {
		if !strings.Contains(string(text), want) {
			t.Errorf("docs/format.md does not contain\n%s", want)
		}
	}
}
