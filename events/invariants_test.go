package events

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The invariants of the domain, and what holds each. Those held here have a test
// of their name below.
var invariants = []struct{ id, sentence, heldBy string }{
	{"I-01", "The versions of a subject have no gaps; a stale write is refused.", "ledger: admission, rule subject.version"},
	{"I-02", "Recorded time and position never go back; an event may be late, and at most five minutes early.", "events: rule event.time-future; ledger: the sequencer"},
	{"I-03", "Nothing is graded secret, and no personal number stands where it could not be erased.", "events: closed list of grades, rule event.personal"},
	{"I-04", "A submission needs both assessments and the department head's approval of the same version.", "events"},
	{"I-05", "What is not shared says why and on what basis; what is conditional says for whom and for what.", "events"},
	{"I-06", "Only the competent department of the region, on that day, publishes or returns.", "events"},
	{"I-07", "An item has one active source at most.", "events"},
	{"I-08", "A request is against a published version, and not for what is not shared.", "events"},
	{"I-09", "Request and answer each bear the head of the sharing body of the right side, valid that day.", "events"},
	{"I-10", "A supplement is asked once; afterwards there is only the answer.", "events"},
	{"I-11", "Not to grant needs reasons; to extend needs consent and notice, before the answer is due, within the limit.", "events: reasons, consent, notice, once; the rule pack: before it is due, within the limit"},
	{"I-12", "What an agreement grants was granted to the request, and is in the catalog's version.", "events"},
	{"I-13", "A call is in order only if the agreement was active when it was made, for the columns and the purpose.", "projections: flags of accesses, single and sealed"},
	{"I-14", "A call out of scope is recorded and flagged, never dropped.", "events: accesses are facts; projections: flags"},
	{"I-15", "Scope, purpose and recipients grow only with the provider's consent.", "events"},
	{"I-16", "A provider ends or changes only after consultation and filing.", "events: the end; projections: a change is a fact, and is flagged"},
	{"I-17", "To terminate for breach needs a suspension and a rectification that came to nothing.", "events"},
	{"I-18", "Expiry, fulfilment and termination open a duty to dispose.", "events: what may be opened when; projections/scheduler opens it"},
	{"I-19", "While an agreement is suspended, calls are denied and no disposal is due.", "events: disposal; projections: flags of accesses"},
	{"I-20", "A correction is answered by the party assigned, and checked again by another.", "events"},
	{"I-21", "The rungs of a dispute are taken in order.", "events"},
	{"I-22", "An event is never deleted; its erasable parts may be, which leaves digest and reason.", "ledger"},
	{"I-23", "Nothing expires before its class and every hold allow.", "projections/scheduler: the class; ledger: holds"},
	{"I-24", "Inputs of lineage refer to versions that exist; a cycle is across runs only.", "projections: lineage"},
	{"I-25", "A deadline names its rule and calendar; a later calendar does not rewrite it.", "projections: duties, by the rule pack"},
	{"I-26", "The same source and id again is the same result and no second record.", "ledger: admission"},
	{"I-27", "An act that the state forbids is refused with a code, the state and what would be accepted.", "events"},
	{"I-28", "Sealed batches of a producer neither overlap nor leave a gap that is not declared.", "projections: numbers that are missing or there twice, and batches that do not go on from each other, are violations"},
	{"I-29", "Who administers the ledger does not audit it.", "events"},
	{"I-30", "Every input of a run is covered by ownership, mandate or an agreement, or is flagged.", "projections: inputs that are not covered are violations"},
	{"I-31", "History from before the ledger is marked as imported and never taken for native proof.", "events: the attribute; views and pages show it"},
}

// TestInvariantsDocument keeps docs/invariants.md in step, and holds each invariant to
// having a test of its name in the packages that the table says hold it.
func TestInvariantsDocument(t *testing.T) {
	packages := []string{"events", "ledger", "projections", "projections/scheduler"}
	tested := map[string][]string{}
	for _, pkg := range packages {
		files, err := filepath.Glob(filepath.Join("..", filepath.FromSlash(pkg), "*_test.go"))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s has no tests: %v", pkg, err)
		}
		for _, name := range files {
			file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range file.Decls {
				f, ok := d.(*ast.FuncDecl)
				if !ok {
					continue
				}
				if m := regexp.MustCompile(`^TestInvariant_I(\d\d)`).FindStringSubmatch(f.Name.Name); m != nil {
					tested["I-"+m[1]] = append(tested["I-"+m[1]], pkg)
				}
			}
		}
	}
	var b strings.Builder
	b.WriteString("# The invariants, and what holds them\n\n<!-- made by: go test ./events -run TestInvariantsDocument -update -->\n\n" +
		"Structural rules refuse. Legal rules refuse an act, and flag a reported fact: a ledger that refuses to record an unlawful act hides it.\n" +
		"Each has a test of its name, such as TestInvariant_I01, in the package named last.\n\n" +
		"| | invariant | held by | tested in |\n|---|---|---|---|\n")
	for _, i := range invariants {
		if len(tested[i.id]) == 0 {
			t.Errorf("%s has no test of its name", i.id)
		}
		for _, pkg := range tested[i.id] {
			if !strings.Contains(i.heldBy, pkg) {
				t.Errorf("%s is tested in %s, and held by %q", i.id, pkg, i.heldBy)
			}
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", i.id, i.sentence, i.heldBy, strings.Join(tested[i.id], ", "))
	}
	golden(t, filepath.Join("..", "docs", "invariants.md"), b.String())
}

// violates expects a step to be refused by a rule, after a history.
func violates(t *testing.T, rule string, s step, history ...step) {
	t.Helper()
	err := run(t, history).admit(s)
	if r, ok := errors.AsType[*Refusal](err); !ok || r.Rule != rule {
		t.Errorf("%s after %s: %v, want a refusal by %s", s.name, namesOf(history), err, rule)
	}
}

// keeps expects a step to be admitted after a history.
func keeps(t *testing.T, s step, history ...step) {
	t.Helper()
	if err := run(t, history).admit(s); err != nil {
		t.Errorf("%s after %s: %v", s.name, namesOf(history), err)
	}
}

// An event may be late, and at most five minutes early.
func TestInvariant_I02(t *testing.T) {
	e := sampleEvent("access.call.recorded")
	e.EffectiveFrom, e.EffectiveTo = 0, 0
	for early, rule := range map[Time]string{MaxFuture: "", MaxFuture + 1: "event.time-future", -1 << 50: ""} {
		e.Time = sampleNow + early
		refused(t, e.Validate(sampleNow), rule, map[string]string{"event.time-future": "/time"}[rule])
	}
}

// Nothing is graded secret, and no personal number stands where it could not be
// erased.
func TestInvariant_I03(t *testing.T) {
	e := sampleEvent("party.body.registered")
	e.Grade = "secret"
	refused(t, e.Validate(sampleNow), "field.enum", "/grade")
	for text, bad := range map[string]bool{
		"11010519491231002X": true, "id 11010519491231002X, given": true, "110105194912310021": false, "110105194913310025": false,
		"13800138000": true, "tel:13800138000": true, "12800138000": false, "+8613800138000": true, "008613800138000": true, "+8612800138000": false, "8613800138000": false, "x13800138000": false, "138001380001": false, "13800138000_1": false,
		"6222021234567890128": true, "6222021234567890123": false, "20251103093012123": false, "3079900101/000002": false,
		"11990000MB0A000186": false, "0198f0a2-0000-7000-8000-000000000001": false,
	} {
		e := sampleEvent("party.body.registered")
		e.Data.(*PartyRegistered).Name = text
		rule, field := "", ""
		if bad {
			rule, field = "event.personal", "/data/name"
		}
		refused(t, e.Validate(sampleNow), rule, field)
		free := sampleEvent("quality.issue.reported") // erasable
		free.Data.(*QualityIssueReported).Description = text
		refused(t, free.Validate(sampleNow), "", "")
	}
}

// A submission needs both assessments and the department head's approval of the
// same version.
func TestInvariant_I04(t *testing.T) {
	violates(t, "entry.assessed", approve(1), drafted, assess(1, AssessSecrecy, "passed"))
	violates(t, "entry.assessed", approve(1), drafted, assess(1, AssessSecrecy, "passed"), assess(1, AssessPersonal, "passed"), assess(1, AssessPersonal, "failed"))
	violates(t, "entry.submittable", submit(1, "first"), drafted, assess(1, AssessSecrecy, "passed"), assess(1, AssessPersonal, "passed"))
	violates(t, "entry.submittable", submit(1, "first"), then([]step{drafted}, append(approved(1), revise(1))...)...) // it reads otherwise now
	keeps(t, submit(1, "first"), then([]step{drafted}, approved(1)...)...)
}

// What is not shared says why and on what basis; what is conditional says for
// whom and for what.
func TestInvariant_I05(t *testing.T) {
	for _, c := range []struct {
		sharing Sharing
		field   string
	}{
		{Sharing{Attribute: SharingNotShared, Basis: "law"}, "/data/sharing/reason"},
		{Sharing{Attribute: SharingNotShared, Reason: "secret"}, "/data/sharing/basis"},
		{Sharing{Attribute: SharingConditional, Purposes: []string{"x"}}, "/data/sharing/range"},
		{Sharing{Attribute: SharingConditional, Range: "x"}, "/data/sharing/purposes"},
	} {
		e := sampleEvent("catalog.entry.drafted")
		e.Data.(*EntryDrafted).Sharing = c.sharing
		refused(t, e.Validate(sampleNow), "field.required", c.field)
	}
	// The basis is an instrument of the rank that the law asks for, of an entry and of an
	// item that is withheld.
	withheld := Sharing{Attribute: SharingNotShared, Reason: "secret", Basis: "notice 3/2024"}
	rankless := changed(drafted, "without a rank", func(e *EntryDrafted) { e.Sharing = withheld })
	violates(t, "entry.not-shared-basis", rankless)
	ranked := changed(rankless, "with a rank", func(e *EntryDrafted) { e.Sharing.BasisRank = "law" })
	keeps(t, ranked)
	old := rankless
	old.imported = true
	keeps(t, old)
	item := changed(drafted, "an item without a basis", func(e *EntryDrafted) { e.Sharing.Basis = "" })
	violates(t, "entry.not-shared-basis", item)
	keeps(t, changed(item, "and none withheld", func(e *EntryDrafted) { e.Items = e.Items[:2] }))
	violates(t, "entry.not-shared-basis", changed(revise(2), "without a rank", func(e *EntryRevised) { e.Sharing = withheld }), inForce...)
	wrong := sampleEvent("catalog.entry.drafted")
	wrong.Data.(*EntryDrafted).Sharing.BasisRank = "ministry_notice"
	refused(t, wrong.Validate(sampleNow), "field.enum", "/data/sharing/basis_rank")
}

// Only the competent department of the region, on that day, publishes or returns.
func TestInvariant_I06(t *testing.T) {
	before := then([]step{drafted}, approved(1)...)
	submitted := then(before, submit(1, "first"))
	violates(t, "party.competent", changed(submit(1, "first"), "to D03", func(e *EntrySubmitted) { e.To = "D03" }), before...)
	elsewhere := step{typ: "party.body.registered", data: &PartyRegistered{Party: "C01", Name: "x", Kind: "authority", Region: "990100", Level: "city"}}
	violates(t, "party.competent", changed(submit(1, "first"), "to C01", func(e *EntrySubmitted) { e.To = "C01" }), then(before, elsewhere)...)
	role := step{typ: "party.role.assigned", data: &RoleAssigned{Party: "X1", Role: RoleAuthority, Scope: "990000"}}
	toX1 := changed(submit(1, "first"), "to X1", func(e *EntrySubmitted) { e.To = "X1" })
	byX1 := changed(publish(1), "by X1", func(e *EntryPublished) { e.By = "X1" })
	keeps(t, byX1, then(before, role, toX1)...)
	revoked := step{typ: "party.role.revoked", data: &RoleRevoked{Party: "X1", Role: RoleAuthority, Scope: "990000"}}
	violates(t, "party.competent", byX1, then(before, role, toX1, revoked)...)
	violates(t, "entry.competent", changed(publish(1), "by D01", func(e *EntryPublished) { e.By = "D01" }), submitted...)
	keeps(t, giveBack(1), submitted...)
}

// An item has one active source at most.
func TestInvariant_I07(t *testing.T) {
	designate := func(party string, items ...string) step {
		return step{name: "designated", typ: "catalog.source.designated", data: &SourceDesignated{Entry: "DS02", Items: items, Party: party, By: "D07", Basis: "x"}}
	}
	relieve := step{name: "relieved", typ: "catalog.source.relieved", data: &SourceRelieved{Entry: "DS02", Items: []string{"swrq"}, Party: "D01", By: "D07", Basis: "x"}}
	violates(t, "entry.one-source", designate("D03", "swrq"), drafted, designate("D01", "swrq"))
	violates(t, "entry.one-source", designate("D03"), drafted, designate("D01", "swrq"))
	violates(t, "entry.one-source", designate("D03", "swrq"), drafted, designate("D01"))
	keeps(t, designate("D03", "gmsfhm"), drafted, designate("D01", "swrq"))
	keeps(t, designate("D03", "swrq"), drafted, designate("D01", "swrq"), relieve)
}

// TestRevisedByItsProvider: an entry is its provider's, whoever else revises it.
func TestRevisedByItsProvider(t *testing.T) {
	byD03 := changed(revise(2), "by D03", func(e *EntryRevised) { e.Provider = "D03" })
	source := func(items ...string) step {
		return step{name: "D03 is the source", typ: "catalog.source.designated", data: &SourceDesignated{Entry: "DS02", Items: items, Party: "D03", By: "D07", Basis: "x"}}
	}
	violates(t, "entry.provider", byD03, inForce...)
	violates(t, "entry.provider", byD03, then(inForce, source("swrq"))...)
	keeps(t, byD03, then(inForce, source())...)
	keeps(t, byD03, then(inForce, step{name: "merged", typ: "party.body.merged", data: &PartyMerged{Party: "D01", Into: "D03", Basis: "x"}})...)
	byD03.imported = true
	keeps(t, byD03, inForce...)
}

// TestGrantedByItsProvider: nobody grants what is another's without having been asked for it.
func TestGrantedByItsProvider(t *testing.T) {
	bare := changed(activated, "by D07", func(a *AgreementActivated) {
		a.Request, a.Provider, a.Grants = "", "D07", []Grant{{Entry: "DS02", EntryVersion: 1, Items: []string{"swrq"}}}
	})
	source := func(items ...string) step {
		return step{name: "D07 is the source", typ: "catalog.source.designated", data: &SourceDesignated{Entry: "DS02", Items: items, Party: "D07", By: "D07", Basis: "x"}}
	}
	violates(t, "agreement.provider", bare, inForce...)
	violates(t, "agreement.provider", bare, then(inForce, source("gmsfhm"))...)
	keeps(t, bare, then(inForce, source("swrq"))...)
	keeps(t, bare, then(inForce, source())...)
	keeps(t, bare, then(inForce, step{name: "merged", typ: "party.body.merged", data: &PartyMerged{Party: "D01", Into: "D07", Basis: "x"}})...)
	more := changed(of("share.agreement.amended"), "more", func(e *AgreementAmended) {
		e.By, e.Grants = "D07", []Grant{{Entry: "DS02", EntryVersion: 1, Items: []string{"swrq", "gmsfhm"}}}
	})
	violates(t, "agreement.provider", more, then(inForce, source("swrq"), bare)...)
	keeps(t, more, then(inForce, source("swrq"), source("gmsfhm"), bare)...)
	bare.imported = true
	keeps(t, bare, inForce...)
}

// A request is against a published version, and not for what is not shared.
func TestInvariant_I08(t *testing.T) {
	submitted := of("share.request.submitted")
	violates(t, "request.entry-published", submitted, drafted)
	violates(t, "request.entry-published", changed(submitted, "v2", func(e *RequestSubmitted) { e.Asks = []Ask{{"DS02", 2, []string{"swrq"}}} }), then(inForce, revise(2))...)
	violates(t, "request.not-shared", changed(submitted, "zxyy", func(e *RequestSubmitted) { e.Asks = []Ask{{"DS02", 1, []string{"zxyy"}}} }), inForce...)
	violates(t, "request.entry-suspended", submitted, then(inForce, of("catalog.entry.suspended"))...)
	keeps(t, submitted, inForce...)
}

// Request and answer each bear the head of the sharing body of the right side,
// valid that day.
func TestInvariant_I09(t *testing.T) {
	submitted := of("share.request.submitted")
	violates(t, "party.sharing-head", changed(submitted, "by the other side", func(e *RequestSubmitted) { e.ApprovedBy = "head-D01" }), inForce...)
	violates(t, "party.sharing-head", changed(answer(StageGranted), "by the other side", func(e *RequestAnswered) { e.ApprovedBy = "head-D03" }), received...)
	later := step{name: "a new head", typ: "party.sharing_body.designated", data: &SharingBodyDesignated{Party: "D03", Unit: "sharing", Head: "new", From: at(11, 1)}}
	violates(t, "party.sharing-head", submitted, then(inForce, later)...)
	early := submitted
	early.at = at(10, 31)
	keeps(t, early, then(inForce, later)...)
	old := submitted
	old.imported = true
	keeps(t, changed(old, "imported", func(e *RequestSubmitted) { e.ApprovedBy = "unknown" }), inForce...)
}

// A supplement is asked once; afterwards there is only the answer.
func TestInvariant_I10(t *testing.T) {
	once := then(received, of("share.request.supplement_requested"), of("share.request.supplemented"))
	violates(t, "request.stage", of("share.request.supplement_requested"), once...)
	keeps(t, answer(StageGranted), once...)
}

// Not to grant needs reasons; to extend needs consent and notice, and is done once.
func TestInvariant_I11(t *testing.T) {
	for _, outcome := range []string{StageRefused, StagePartlyGranted} {
		violates(t, "field.required", changed(answer(outcome), "without reasons", func(e *RequestAnswered) { e.Reasons = nil }), received...)
		violates(t, "field.required", changed(answer(outcome), "without a ground", func(e *RequestAnswered) { e.Ground = "" }), received...)
	}
	extended := of("share.request.extended")
	violates(t, "field.required", changed(extended, "without consent", func(e *RequestExtended) { e.Consent = "" }), received...)
	violates(t, "field.required", changed(extended, "without notice", func(e *RequestExtended) { e.ConsumerNotified = 0 }), received...)
	violates(t, "party.competent", changed(extended, "with D03's leave", func(e *RequestExtended) { e.Authority = "D03" }), received...)
	violates(t, "request.extended-once", extended, then(received, extended)...)
	keeps(t, extended, received...)
}

// What an agreement grants was granted to the request, and is in the catalog's
// version.
func TestInvariant_I12(t *testing.T) {
	violates(t, "request.items-asked", changed(answer(StagePartlyGranted), "beyond", func(e *RequestAnswered) {
		e.Grants = []Grant{{Entry: "DS02", EntryVersion: 1, Items: []string{"zxyy"}}}
	}), received...)
	violates(t, "agreement.items-granted", activated, then(received, answer(StagePartlyGranted))...)
	violates(t, "agreement.request-granted", activated, received...)
	violates(t, "agreement.items-in-entry", changed(activated, "lxdh", func(a *AgreementActivated) {
		a.Request, a.Grants = "", []Grant{{Entry: "DS02", EntryVersion: 1, Items: []string{"lxdh"}}}
	}), granted...)
	keeps(t, activated, granted...)
}

// A call out of scope is recorded: accesses are facts.
func TestInvariant_I14(t *testing.T) {
	for _, name := range []string{"access.call.recorded", "access.call.denied", "access.batch.sealed", "access.gap.declared"} {
		if typ, ok := Lookup(name); !ok || !typ.Fact {
			t.Errorf("%s is no reported fact", name)
		}
		keeps(t, of(name)) // without agreement, entry or party
	}
}

// Scope, purpose and recipients grow only with the provider's consent.
func TestInvariant_I15(t *testing.T) {
	same := of("share.agreement.amended")
	same.data.(*AgreementAmended).Consent = ""
	keeps(t, same, active...)
	for name, change := range map[string]func(*AgreementAmended){
		"purpose":   func(e *AgreementAmended) { e.Purposes = []string{"statistics"} },
		"scope":     func(e *AgreementAmended) { e.Scope.Region = "" },
		"term":      func(e *AgreementAmended) { e.ValidTo++ },
		"recipient": func(e *AgreementAmended) { e.OnwardTo = []string{"D07"} },
		"unmasked": func(e *AgreementAmended) {
			e.Grants = []Grant{{Entry: "DS02", EntryVersion: 1, Items: []string{"gmsfhm"}}}
		},
	} {
		grown := changed(same, name, change)
		violates(t, "agreement.provider-consent", grown, active...)
		keeps(t, changed(grown, "with consent", func(e *AgreementAmended) { e.Consent = "C-1" }), active...)
		keeps(t, changed(grown, "by the provider", func(e *AgreementAmended) { e.By = "D01" }), active...)
	}
}

// A provider ends an agreement only after consultation and filing.
func TestInvariant_I16(t *testing.T) {
	by := changed(ended, "by the provider", func(e *AgreementTerminated) { e.By = "D01" })
	violates(t, "agreement.consult-ref", by, active...)
	violates(t, "agreement.filing-ref", changed(by, "consulted", func(e *AgreementTerminated) { e.ConsultRef = "K-1" }), active...)
	keeps(t, changed(by, "consulted and filed", func(e *AgreementTerminated) { e.ConsultRef, e.FilingRef = "K-1", "B-1" }), active...)
	// Calling it fulfilled changes nothing about that.
	reached := changed(of("share.agreement.fulfilled"), "by the provider", func(e *AgreementFulfilled) { e.By, e.ConsultRef, e.FilingRef = "D01", "", "" })
	violates(t, "agreement.consult-ref", reached, active...)
	violates(t, "agreement.filing-ref", changed(reached, "consulted", func(e *AgreementFulfilled) { e.ConsultRef = "K-1" }), active...)
	keeps(t, changed(reached, "consulted and filed", func(e *AgreementFulfilled) { e.ConsultRef, e.FilingRef = "K-1", "B-1" }), active...)
	keeps(t, changed(reached, "by the consumer", func(e *AgreementFulfilled) { e.By = "D03" }), active...)
}

// To terminate for breach needs a suspension and a rectification that came to
// nothing.
func TestInvariant_I17(t *testing.T) {
	breach := changed(ended, "for breach", func(e *AgreementTerminated) { e.By, e.Cause, e.Rectification = "D01", CauseBreach, "T1" })
	ordered, rejected := of("oversight.rectification.ordered"), of("oversight.rectification.rejected")
	pending := changed(ordered, "for later", func(e *RectificationOrdered) { e.Due = sampleNow + 1 })
	violates(t, "field.required", changed(breach, "without order", func(e *AgreementTerminated) { e.Rectification = "" }), active...)
	violates(t, "agreement.breach-suspended", breach, then(active, ordered, rejected)...)
	violates(t, "agreement.breach-rectification", breach, then(active, suspended)...)
	violates(t, "agreement.breach-rectification", breach, then(active, suspended, pending)...)
	violates(t, "agreement.breach-rectification", breach, then(active, suspended, ordered, of("oversight.rectification.reported"), of("oversight.rectification.accepted"))...)
	keeps(t, breach, then(active, suspended, ordered, rejected)...)
	keeps(t, breach, then(active, suspended, ordered)...) // due, and nothing was reported
}

// Expiry, fulfilment and termination open a duty to dispose.
func TestInvariant_I18(t *testing.T) {
	for cause, end := range map[string]step{StageTerminated: ended, StageExpired: expired, StageFulfilled: of("share.agreement.fulfilled")} {
		open := changed(of("disposal.duty.opened"), cause, func(e *DisposalOpened) { e.Cause = cause })
		violates(t, "disposal.cause", open, active...)
		keeps(t, open, then(active, end)...)
	}
	keeps(t, changed(of("disposal.duty.opened"), "not needed", func(e *DisposalOpened) { e.Cause = CauseNotNeeded }), active...)
}

// While an agreement is suspended no disposal is due.
func TestInvariant_I19(t *testing.T) {
	for _, cause := range disposalCauses {
		violates(t, "disposal.cause", changed(of("disposal.duty.opened"), cause, func(e *DisposalOpened) { e.Cause = cause }), then(active, suspended)...)
	}
}

// A correction is answered by the party assigned, and checked again by another.
func TestInvariant_I20(t *testing.T) {
	working := []step{reported, of("quality.issue.accepted"), of("quality.issue.assigned"), of("correction.request.received")}
	confirmed := of("correction.request.answered")
	violates(t, "issue.assigned", changed(confirmed, "by D03", func(e *CorrectionAnswered) { e.By = "D03" }), working...)
	keeps(t, confirmed, working...)
	rectified := then(working, confirmed, of("quality.issue.rectified"))
	violates(t, "issue.four-eyes", changed(of("quality.issue.rechecked"), "by D01", func(e *QualityIssueRechecked) { e.By = "D01" }), rectified...)
	keeps(t, of("quality.issue.rechecked"), rectified...)
}

// The rungs of a dispute are taken in order.
func TestInvariant_I21(t *testing.T) {
	rungs := all("dispute.raised", "dispute.negotiated", "dispute.escalated", "dispute.coordinated", "dispute.referred_to_government", "dispute.decided")
	rungs[3] = changed(rungs[3], "failed", func(e *DisputeCoordinated) { e.Outcome = "failed" })
	for i := range rungs {
		for j, s := range rungs {
			if i == j {
				keeps(t, s, rungs[:i]...)
			} else {
				violates(t, "dispute.stage", s, rungs[:i]...)
			}
		}
	}
}

// An act that the state forbids is refused with a code, the state and what would
// be accepted; TestRules holds every refusal to it.
func TestInvariant_I27(t *testing.T) {
	err := run(t, received).admit(of("share.request.supplemented"))
	r, ok := errors.AsType[*Refusal](err)
	if !ok || r.Rule != "request.stage" || r.State != StageReceived || !strings.Contains(r.Fix, "share.request.answered") {
		t.Errorf("%+v", r)
	}
}

// Who administers the ledger does not audit it.
func TestInvariant_I29(t *testing.T) {
	assign := func(role string) step {
		return step{name: role, typ: "party.role.assigned", data: &RoleAssigned{Party: "X1", Role: role}}
	}
	violates(t, "party.roles-apart", assign(RoleAuditor), assign(RoleAdministrator))
	violates(t, "party.roles-apart", assign(RoleAdministrator), assign(RoleAuditor))
	keeps(t, assign(RoleAuditor), assign(RoleOperator))
}

// History from before the ledger is marked as imported, whatever way it comes in
// and goes out.
func TestInvariant_I31(t *testing.T) {
	e := sampleEvent("share.agreement.activated")
	b, err := EncodeStructured(e)
	if err != nil {
		t.Fatal(err)
	}
	back, err := DecodeStructured(b)
	if err != nil || !back.Imported || back.Time != e.Time {
		t.Errorf("imported %v, time %s (%v)", back.Imported, back.Time, err)
	}
}
