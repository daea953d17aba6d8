package evidence

import (
	"bytes"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	fnote "github.com/transparency-dev/formats/note"
)

var seedFlag = flag.Uint64("seed", 0, "replay the random cases of this seed; 0 draws a fresh one")

func seeded(t testing.TB) *rand.Rand {
	seed := *seedFlag
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("replay with: go test ./ledger/proof/evidence -run '^%s$' -seed %d", t.Name(), seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// specimen is a bundle, with what its checkers have from elsewhere.
type specimen struct {
	*log
	name string
	b    []byte
	by   Trust
	has  outside
}

// specimens are bundles of every kind: plain, with withheld and erased parts and
// missing numbers; complete; attested by outsiders; over a change of keys.
func specimens(t *testing.T) []specimen {
	plain, bundle := story(t, 1)
	complete, windowed := window(t)
	a := newAttested(t)
	policy, err := ParsePolicy(a.policy)
	if err != nil {
		t.Fatal(err)
	}
	old, changed, next := rotated(t)
	return []specimen{
		{plain, "plain", bundle.mustPack(t, plain.signer), Trust{Keys: plain.keys}, outside{Key: &plain.vkey}},
		{complete, "complete", windowed.mustPack(t, complete.signer), Trust{Keys: complete.keys}, outside{Key: &complete.vkey}},
		{a.log, "attested", a.bundle.mustPack(t, a.signer), Trust{Keys: a.keys, Roots: a.tsa.roots(), Policy: policy}, outside{Key: &a.vkey, CA: a.tsa.file, Policy: string(a.policy)}},
		{next, "rotated", changed.mustPack(t, next.signer), Trust{Keys: old.keys}, outside{Key: &old.vkey}},
	}
}

var numberIn = regexp.MustCompile(`[0-9]+`)

// mutate changes a file as chance has it: bytes, a piece, a number, or lines.
func mutate(rng *rand.Rand, b []byte) []byte {
	b = bytes.Clone(b)
	if len(b) == 0 {
		return []byte{byte(rng.Uint32())}
	}
	from, to := rng.IntN(len(b)), rng.IntN(len(b))
	if from > to {
		from, to = to, from
	}
	switch rng.IntN(7) {
	case 0:
		for range 1 + rng.IntN(4) {
			b[rng.IntN(len(b))] ^= 1 << rng.IntN(8)
		}
	case 1:
		b = slices.Delete(b, from, min(to, from+1+rng.IntN(40)))
	case 2: // a piece twice
		b = slices.Insert(b, from, bytes.Clone(b[from:min(to, from+1+rng.IntN(40))])...)
	case 3: // a piece over another
		copy(b[from:], bytes.Clone(b[to:min(len(b), to+33)]))
	case 4:
		if at := numberIn.FindAllIndex(b, -1); len(at) > 0 {
			n := at[rng.IntN(len(at))]
			value, err := strconv.ParseUint(string(b[n[0]:n[1]]), 10, 64)
			if err == nil {
				b = slices.Replace(b, n[0], n[1], []byte(fmt.Sprint([]uint64{value + 1, value - 1, 0, 1 << 63, value * 10}[rng.IntN(5)]))...)
			}
		}
	case 5:
		lines := bytes.SplitAfter(b, []byte("\n"))
		i, j := rng.IntN(len(lines)), rng.IntN(len(lines))
		lines[i], lines[j] = lines[j], lines[i]
		b = bytes.Join(lines, nil)
	default:
		b = append(b, b[from:to]...)
	}
	return b
}

// mutant changes some files of a bundle, and has an operator sign it again or not.
func (s *specimen) mutant(t *testing.T, rng *rand.Rand, others []specimen) []byte {
	resign := rng.IntN(3) > 0
	return change(t, s.log, s.b, resign, func(m *Manifest, files map[string][]byte) {
		names := slices.Sorted(maps.Keys(files))
		pick := func() string { return names[rng.IntN(len(names))] }
		for range 1 + rng.IntN(2) {
			switch name := pick(); rng.IntN(6) {
			case 0:
				delete(files, name)
			case 1:
				other := pick()
				files[name], files[other] = files[other], files[name]
			case 2:
				theirs, err := unpack(others[rng.IntN(len(others))].b)
				if err != nil {
					t.Fatal(err)
				}
				files[name] = theirs[rng.IntN(len(theirs))].data
			default:
				files[name] = mutate(rng, files[name])
			}
		}
		if !resign {
			return
		}
		// A dishonest operator's manifest says what he likes.
		switch n := len(m.Records); rng.IntN(6) {
		case 0:
			m.Size += int64(rng.IntN(5)) - 2
		case 1:
			if n > 0 {
				m.Records = slices.Delete(m.Records, rng.IntN(n), n)
			}
		case 2:
			if n > 0 {
				r := &m.Records[rng.IntN(n)]
				r.Body, r.Facets = Withheld, []string{}
			}
		case 3:
			if m.Complete != nil {
				m.Complete.From, m.Complete.To = m.Complete.From+int64(rng.IntN(3))-1, m.Complete.To-int64(rng.IntN(3))
			}
		case 4:
			m.Consistency = append(m.Consistency, int64(rng.IntN(20)))
		default:
			if n > 0 {
				m.Records[rng.IntN(n)].Position += int64(rng.IntN(3)) - 1
			}
		}
	})
}

// TestMutants: whatever becomes of a bundle, both verifiers say the same of it.
func TestMutants(t *testing.T) {
	rng := seeded(t)
	tries := 150
	if testing.Short() {
		tries = 25
	}
	if *long {
		tries = 10_000
	}
	all := specimens(t)
	py := newSecond(t)
	verdicts := map[string]int{}
	for _, s := range all {
		if r := agreed(t, py, s.name, s.b, s.by, s.has); r.Verdict == Refused {
			t.Fatalf("%s: %+v", s.name, r)
		}
		for i := range tries {
			var bad []byte
			if rng.IntN(4) == 0 {
				bad = mutate(rng, s.b)
			} else {
				bad = s.mutant(t, rng, all)
			}
			r := agreed(t, py, fmt.Sprint(s.name, " mutant ", i), bad, s.by, s.has)
			verdicts[string(r.Verdict)]++
			if t.Failed() {
				return
			}
		}
	}
	t.Logf("verdicts on mutants: %v", verdicts)
}

// TestMutantPolicies: what one verifier takes for a policy, the other does, and reads
// alike.
func TestMutantPolicies(t *testing.T) {
	rng := seeded(t)
	a := newAttested(t)
	py := newSecond(t)
	b := a.bundle.mustPack(t, a.signer)
	_, mldsa, err := fnote.GenerateMLDSAKey("pq.example")
	if err != nil {
		t.Fatal(err)
	}
	text := string(a.policy)
	tried := []string{
		text + "# 见证\n", strings.ReplaceAll(text, "\n", "\r\n"), text + "\x85", text + "witness pq " + mldsa + " https://pq.example/\n",
		strings.Replace(text, "https://north.example", "http://north.example:8080/a/../b", 1), strings.Replace(text, "two 2", "two ٢", 1),
		strings.Replace(text, "two 2", "two +2", 1), strings.Replace(text, "two 2", "two 100", 1), strings.ReplaceAll(text, "two", "all"),
		strings.Replace(text, "https:", "ftp:", 1), text + strings.Repeat("#", 65_536), text + "quorum north.example\n", text + "log x\n", text + "\xff",
	}
	tries := 300
	if *long {
		tries = 20_000
	}
	for range tries {
		tried = append(tried, string(mutate(rng, []byte(text))))
	}
	taken := 0
	for _, text := range tried {
		if text == "" || strings.ContainsRune(text, '\uFFFD') || !bytes.Equal([]byte(text), bytes.ToValidUTF8([]byte(text), nil)) {
			if _, err := ParsePolicy([]byte(text)); err == nil && strings.ToValidUTF8(text, "") != text {
				t.Errorf("%q is taken", text)
			}
			continue // JSON cannot carry it to verify.py
		}
		p, err := ParsePolicy([]byte(text))
		if err != nil {
			if theirs := py.check(b, outside{Key: &a.vkey, Policy: text}); theirs != "called wrongly" {
				t.Fatalf("%q is refused here, %v, and verify.py says %s", text, err, theirs)
			}
			continue
		}
		taken++
		if agreed(t, py, fmt.Sprintf("%q", text), b, Trust{Keys: a.keys, Policy: p}, outside{Key: &a.vkey, Policy: text}); t.Failed() {
			return
		}
	}
	if taken == 0 || taken == len(tried) {
		t.Errorf("%d of %d mutants are policies", taken, len(tried))
	}
	if _, err := ParsePolicy([]byte(strings.Replace(text, "quorum", "witness pq "+mldsa+" https://pq.example/\nquorum", 1))); err == nil || !strings.Contains(err.Error(), "not of Ed25519") {
		t.Errorf("an ML-DSA witness: %v", err)
	}
}
