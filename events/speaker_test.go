package events

import (
	"slices"
	"testing"
)

// TestSpeakers: of every type that is sent it is known who speaks, save of those
// that name nobody.
func TestSpeakers(t *testing.T) {
	nobody := []string{"catalog.resource.refreshed", "lineage.observed_difference.recorded"}
	for _, typ := range Types() {
		if !sent(typ) {
			continue
		}
		d := typ.NewData()
		_, says := d.(speaking)
		if says && typ.by >= 0 {
			t.Errorf("%s says twice who speaks", typ.Name)
		}
		if known := says || typ.by >= 0; known == slices.Contains(nobody, typ.Name) {
			t.Errorf("%s: who speaks is known: %v", typ.Name, known)
		}
	}
	deaths, _ := Lookup("share.agreement.suspended")
	if got := deaths.Speakers(&AgreementSuspended{By: "D03"}); !slices.Equal(got, []string{"D03"}) {
		t.Errorf("the field by: %v", got)
	}
	call, _ := Lookup("access.call.recorded")
	if got := call.Speakers(&AccessRecorded{Provider: "D03", Consumer: "D09", Operator: "P1"}); !slices.Equal(got, []string{"D03", "P1"}) {
		t.Errorf("a call: %v", got)
	}
}
