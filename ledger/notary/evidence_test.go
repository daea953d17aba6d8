package notary

import (
	"testing"

	"ledgerline/ledger/proof"
	"ledgerline/ledger/proof/evidence"
)

// TestEvidence: a bundle carries what outsiders attest of its records, also over a
// change of the log's key.
func TestEvidence(t *testing.T) {
	openssl(t)
	a, l := newAuthority(t), newLedger(t)
	w1, w2 := newWitness(t, "north.example", l), newWitness(t, "south.example", l)
	p := policy(t, 2, w1, w2)
	n := newNotary(t, Options{Ledger: l, Authority: &Authority{URL: a.url, Roots: a.roots()}, Policy: p})
	trusted, err := evidence.ParsePolicy(n.Policy().Text())
	if err != nil {
		t.Fatal(err)
	}
	first := l.VerifierKey()
	attested := func() {
		t.Helper()
		if _, err := n.AnchorNow(ctx); err != nil {
			t.Fatal(err)
		}
		if _, err := n.CosignNow(ctx); err != nil {
			t.Fatal(err)
		}
	}
	check := func(key string, want evidence.Verdict, positions ...int64) evidence.Report {
		t.Helper()
		size := l.Head().Size
		records, err := l.EvidenceOf(ctx, size, positions, func(string) bool { return false })
		if err != nil {
			t.Fatal(err)
		}
		b, err := l.SignEvidence(size, evidence.Bundle{Records: records, Policy: n.Policy().Text()})
		if err != nil {
			t.Fatal(err)
		}
		keys, err := proof.NewKeys(key)
		if err != nil {
			t.Fatal(err)
		}
		r, err := evidence.Check(b, evidence.Trust{Keys: keys, Roots: a.roots(), Policy: trusted})
		if err != nil || r.Verdict != want {
			t.Fatalf("%+v, %v; want %s", r, err, want)
		}
		return r
	}
	one := register(t, l)
	check(first, evidence.Signed, one)
	attested()
	two := register(t, l)
	r := check(first, evidence.Signed, one, two) // nobody else has seen the second
	if len(r.Times) != 2 || r.Times[0].NotAfter == "" || r.Times[1].NotBefore == "" || r.Times[1].NotAfter != "" {
		t.Errorf("the times are %+v", r.Times)
	}
	check(first, evidence.Witnessed, one)
	attested()
	r = check(first, evidence.Witnessed, one, two)
	if *r.Witnesses != (evidence.Witnesses{Cosigned: 2, Of: 2, Size: r.Witnesses.Size}) {
		t.Errorf("the witnesses are %+v", r.Witnesses)
	}
	for _, change := range []func() error{
		func() error { _, err := l.AddKey(ctx); return err },
		func() error { _, err := l.RetireKey(ctx); return err },
	} {
		if err := change(); err != nil {
			t.Fatal(err)
		}
		w1.log, w2.log = logKey(t, l), logKey(t, l)
		three := register(t, l)
		attested()
		for _, key := range []string{first, l.VerifierKey()} {
			check(key, evidence.Witnessed, one, two, three)
		}
	}
}
