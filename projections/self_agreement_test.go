package projections

import (
	"testing"

	"ledgerline/events"
)

// TestAgreementWithItself: an agreement whose provider is its consumer, such as one
// between offices that one party is registered for, is one agreement of that party.
func TestAgreementWithItself(t *testing.T) {
	b := sharing(t)
	from := cst(t, "2025-09-02", 0)
	activated := claim{at: from, data: &events.AgreementActivated{
		Agreement: "A0", Provider: "P2", Consumer: "P2", Grants: []events.Grant{{Entry: "C", EntryVersion: 1, Items: []string{"id"}}}, Purposes: []string{"statistics"},
		Method: "api", ValidFrom: from, ValidTo: cst(t, "2026-09-01", 0), Onward: events.OnwardForbidden, LegalBasis: []events.LegalBasis{{Instrument: "cn809", Article: "21"}},
	}}
	b.add(activated)
	v := newViews(t, b.Ledger)
	v.bulkLength = 1 // written as a table, which holds no key twice
	build(t, v, b.Head().Size)
	list, err := viewAt(t, v, b.Head().Size-1).Agreements(ctx, AgreementQuery{Party: "P2"})
	if err != nil || len(list.Agreements) != 1 {
		t.Errorf("%+v, %v", list.Agreements, err)
	}
}
