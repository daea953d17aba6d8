package evidence

import (
	"testing"

	"golang.org/x/mod/sumdb/note"

	"ledgerline/ledger/proof"
)

// rotated is a bundle of the story, made after the key was changed. The log's own key
// is the first.
func rotated(t testing.TB) (l *log, b *Bundle, next *log) {
	t.Helper()
	l, _ = story(t, 1)
	next = newLog(t, 7)
	change := func(c proof.KeyChange) string {
		c.Origin, c.Old, c.New = origin, l.vkey, next.vkey
		signed, err := c.Sign(l.signer, next.signer)
		if err != nil {
			t.Fatal(err)
		}
		return string(signed)
	}
	changes := []string{change(proof.KeyChange{What: proof.KeyAdded}), change(proof.KeyChange{What: proof.KeyRetired, Size: 5})}
	grown := l.grown(4, 9) // a checkpoint of before
	old := l.signer
	l.signer = next.signer
	_, b = story(t, 7)
	grown.To = string(b.Checkpoint)
	b.Consistency[0], b.VerifierKey, b.KeyChanges = grown, next.vkey, changes
	l.signer = old
	return l, b, next
}

// TestKeyChanges: a bundle of after a change of keys is checked by whoever has the old
// key or the new one, and what a retired key signs is refused.
func TestKeyChanges(t *testing.T) {
	l, bundle, next := rotated(t)
	s := newSecond(t)
	b := bundle.mustPack(t, next.signer)
	other := newLog(t, 9)
	for what, c := range map[string]struct {
		by   *log
		want Verdict
	}{"the old key": {l, Signed}, "the new key": {next, Signed}, "another key": {other, Refused}} {
		if r := both(t, c.by, s, what, b, true); r.Verdict != c.want {
			t.Errorf("with %s: %+v", what, r)
		}
	}
	if r := both(t, l, s, "no key", b, false); r.Verdict != Unsigned {
		t.Errorf("without a key: %+v", r)
	}
	again := func(signers ...note.Signer) []byte { return bundle.mustPack(t, signers...) }
	if r := both(t, next, s, "both keys", again(l.signer, next.signer), true); r.Verdict != Signed {
		t.Errorf("signed by both: %+v", r)
	}
	for what, bad := range map[string][]byte{
		"signed by the retired key": again(l.signer),
		"one change shown as two": change(t, next, b, true, func(m *Manifest, f map[string][]byte) {
			f[nameKeyChange(2)] = f[nameKeyChange(1)]
		}),
		"a change left out": change(t, next, b, true, func(m *Manifest, f map[string][]byte) {
			m.KeyChanges = 1
			delete(f, nameKeyChange(2))
			f[nameGrown(4)], _ = proof.Consistency{From: string(l.checkpoint(4)), To: string(f[nameCheckpoint]), Hashes: l.grown(4, 9).Hashes}.MarshalJSON()
		}),
		"an edited change": change(t, next, b, true, func(_ *Manifest, f map[string][]byte) {
			f[nameKeyChange(2)] = append(f[nameKeyChange(2)][:0:0], f[nameKeyChange(2)]...)
			f[nameKeyChange(2)][len(f[nameKeyChange(2)])-9] ^= 1
		}),
		"no changes": change(t, next, b, true, func(m *Manifest, f map[string][]byte) {
			m.KeyChanges = 0
			delete(f, nameKeyChange(1))
			delete(f, nameKeyChange(2))
		}),
		"fewer than none": change(t, next, b, true, func(m *Manifest, f map[string][]byte) { m.KeyChanges = -1 }),
		"an old head of after the retirement": change(t, next, b, true, func(m *Manifest, f map[string][]byte) {
			m.Consistency[0] = 6
			delete(f, nameGrown(4))
			g := l.grown(6, 9)
			g.To = string(f[nameCheckpoint])
			f[nameGrown(6)], _ = g.MarshalJSON()
		}),
	} {
		for _, by := range []*log{l, next} {
			r := both(t, by, s, what, bad, true)
			// Who only knows the old key has to be told that it is retired; who leaves it
			// out cannot use it with those who know the new one.
			if lied := what == "one change shown as two" || what == "a change left out"; lied && by == l {
				continue
			}
			if r.Verdict != Refused {
				t.Errorf("%s: %+v", what, r)
			}
		}
	}
}
