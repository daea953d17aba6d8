package events

import (
	"slices"
	"testing"

	"ledgerline/events/rulepack"
)

// TestCodeLabels holds that every value of a code list has a label that comes with the
// program, and that its labels are for values there are.
func TestCodeLabels(t *testing.T) {
	lists := map[string][]string{
		"action": correctionActions, "approver_role": approverRoles, "basis_rank": basisRanks, "capacity": capacities, "cause": disposalCauses, "confidence": edgeConfidence, "data_status": dataStatuses,
		"format": formats, "frequency": frequencies, "grade": grades, "ground": refusalGrounds, "item": itemTypes,
		"kind":  slices.Concat(partyKinds, rightsKinds, incidentKinds, assessmentKinds, openLineageKinds),
		"level": partyLevels, "method": slices.Concat(methods, disposalMethods), "onward": onwardRules,
		"outcome":  slices.Concat(outcomes, requestOutcomes, recheckOutcomes, disputeOutcomes, rightsOutcomes),
		"personal": personalKinds, "reason": deniedReasons, "result": slices.Concat(accessResults, []string{AccessDenied}, assessmentResults),
		"role": partyRoles, "severity": severity, "sharing": sharingAttributes, "submission_kind": submissionKinds, "symptom": symptoms,
		"trigger": updateTriggers, "verdict": verdicts,
	}
	for _, kind := range rulepack.LabelKinds() {
		switch kind {
		case "field": // held in package api
			continue
		case "basis", "cause", "dimension", "legal", "masking", "purpose": // open lists, or open where some event has them: packs and their users name the values
			continue
		}
		if len(lists[kind]) == 0 {
			t.Errorf("labels of the kind %s are for no code list", kind)
		}
		for value := range rulepack.ShippedLabels()[kind] {
			if !slices.Contains(lists[kind], value) {
				t.Errorf("%s/%s has a label, but is not a value", kind, value)
			}
		}
	}
	for kind, list := range lists {
		for _, value := range list {
			if _, ok := rulepack.ShippedLabels().Of(kind, value); !ok {
				t.Errorf("%s/%s has no label", kind, value)
			}
		}
	}
}
