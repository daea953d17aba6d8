package main

// posed is one of the questions of docs/questions.md.
type posed struct {
	asker, text string
	answer      string // in words
	ways        []way
}

// way is a way to ask, over HTTP and by command, and what of the answer to show: the
// rows, and their members.
type way struct{ path, command, show string }

const known = "2026-03-31T00:00:00Z" // as of the end of the story

var theQuestions = []posed{
	{"A discipline inspector", "Who could read the identity numbers of DS01 on 3 November 2025, under which agreement, approved by whom?",
		"Two agreements were in force that grant the item. What the data bureau collects into its libraries rests on its mandate (question 24 shows roles).", []way{
			{"/v1/agreements?entry=DS01&column=gmsfhm&valid_at=2025-11-03T04:00:00Z&as_of=" + known,
				"agreements --entry DS01 --column gmsfhm --valid-at 2025-11-03T04:00:00Z --as-of " + known, "agreements: id provider consumer in_force purposes imported approved_by"},
		}},
	{"An auditor", "Every delivery of death records to social security, with first availability, and days late?",
		"First to be had on 14 October (UTC+8), by law on 25 September at the latest. Deliveries follow, newest first.", []way{
			{"/v1/duties?case=R-A02&rule=DL-03&as_of=" + known, "duties --case R-A02 --rule DL-03 --as-of " + known, "duties: rule case party due done state calendar calendar_version violation"},
			{"/v1/shares?entry=DS02&consumer=D03&as_of=" + known, "shares --entry DS02 --consumer D03 --as-of " + known, "shares: time type agreement state rows"},
		}},
	{"An auditor", "Was the answer to request R-A06 lawful: the right approver, in time, the extension consented to?",
		"Yes. The approver is the head of D01's sharing body (question 24 lists them), the data bureau consented to ten more working days before the first term ended, and the answer came within the second.", []way{
			{"/v1/requests?entry=DS01&as_of=" + known, "requests --entry DS01 --as-of " + known, "requests: id received answered state extended extended_by consent answer_approver"},
			{"/v1/duties?case=R-A06&as_of=" + known, "duties --case R-A06 --as-of " + known, "duties: rule due extended done state"},
		}},
	{"A competent department", "The catalog of region 990000 in force on 31 December 2025, as known that day, and what has changed since?",
		"DS03 was at version 1 then, and its second version a draft nobody knew of. The list of what was in force still has the root that the data bureau sealed on 5 January.", []way{
			{"/v1/catalog/entries?region=990000&stage=published&valid_at=2025-12-31T15:59:59Z&as_of=2025-12-31T15:59:59Z",
				"catalog list --region 990000 --stage published --valid-at 2025-12-31T15:59:59Z --as-of 2025-12-31T15:59:59Z", "entries: id version stage provider valid_from title_en"},
			{"/v1/catalog/diff?from=2025-12-31T15:59:59Z&to=" + known, "diff --from 2025-12-31T15:59:59Z --to " + known, "entries: id change fields.field"},
			{"/v1/catalog/summary/2025-12?region=990000&as_of=" + known, "catalog summary 2025-12 --region 990000 --as-of " + known, "sealed: region_summary by position agrees differs"},
		}},
	{"A competent department", "Which entries have to be brought up to date, due by when, and which are overdue?",
		"On 31 March 2026 one was overdue and one due within three working days. The clock runs from the change, whenever it was recorded.", []way{
			{"/v1/duties?rule=DL-05&valid_at=2026-03-31T04:00:00Z", "duties --rule DL-05 --valid-at 2026-03-31T04:00:00Z", "duties: case entry trigger instrument from party due done state"},
		}},
	{"The head of a department (D01)", "What did we approve in the last quarter of 2025, and which of our obligations are red?",
		"Three answers, and two duties done late.", []way{
			{"/v1/events?party=D01&type=share.request.answered&from=2025-09-30T16:00:00Z&to=2025-12-31T16:00:00Z",
				"events --party D01 --type share.request.answered --from 2025-09-30T16:00:00Z --to 2025-12-31T16:00:00Z", "rows: time subject.id summary"},
			{"/v1/duties?party=D01&state=late&as_of=" + known, "duties --party D01 --state late --as-of " + known, "duties: rule case due done violation"},
		}},
	{"A provider (D07)", "Who holds copies of our column gmsfhm, direct and derived, now?",
		"Two consumers under agreements, and what D03 made of it. Agreements that ended and were disposed of would not be in force.", []way{
			{"/v1/lineage/impact?node=column:postgres://jck.sjj.yunze.example:5432/jck.rkk.rkjbxx%23gmsfhm&columns=true&as_of=" + known,
				"lineage 'column:postgres://jck.sjj.yunze.example:5432/jck.rkk.rkjbxx#gmsfhm' --impact --columns --as-of " + known, "entries: id provider depth holders.agreement holders.consumer holders.in_force"},
		}},
	{"A provider (D07)", "Which of our consumers used columns or purposes that were not granted?",
		"D04 got telephone numbers once; D03 called after a suspension.", []way{
			{"/v1/accesses?provider=D07&flagged=true&as_of=" + known, "accesses --provider D07 --flagged true --as-of " + known, "accesses: time consumer agreement columns flags.rule"},
		}},
	{"A consumer", "Which columns that I use are marked disputed, since when, by whom?",
		"Marks stand at the entry; these are of DS01, which D06 uses under A06. Q05 tells what is wrong. Checks that failed are no marks: a run or measurement reports them, and a party decides what to do.", []way{
			{"/v1/catalog/entries/DS01?as_of=" + known, "catalog show DS01 --as-of " + known, "entry.marks: issue items scope since by"},
			{"/v1/findings?entry=DS01&open=true&as_of=" + known, "findings --entry DS01 --open true --as-of " + known, "findings: id by items symptom severity count reported assigned"},
			{"/v1/checks?entry=DS01&outcome=fail&as_of=" + known, "checks --entry DS01 --outcome fail --as-of " + known, "checks: on.item rule assertion time by run position"},
		}},
	{"A consumer (C03)", "How do we prove that we disposed of DS11 after agreement A14 ended?",
		"By the records of the duty, its performance and its acceptance; `ledgerline evidence --agreement A14` makes a bundle of them that is checked offline.", []way{
			{"/v1/events?agreement=A14&type=disposal.&as_of=" + known, "events --agreement A14 --type disposal. --as-of " + known, "rows: time type party summary"},
		}},
	{"An investigator", "A pension was paid to a dead person: where did the date of death come from, run by run?",
		"From DS02 (police) and DS08 (crematoria), by the run of the night of 3 December. DS06 (hospitals) was no source before 30 March.", []way{
			{"/v1/lineage/trace?node=column:postgres://jck.sjj.yunze.example:5432/jck.rkk.rkjbxx%23swrq&on=2025-12-03T04:00:00Z&as_of=" + known,
				"trace 'column:postgres://jck.sjj.yunze.example:5432/jck.rkk.rkjbxx#swrq' --on 2025-12-03T04:00:00Z --as-of " + known, "steps: depth begun job read"},
		}},
	{"An investigator", "A wrong value was put right in DS02 on 19 December 2025: which tables were made anew since?",
		"By the 21st the population library (DS23) was. DS25 was not: it held the old value until its run of the 22nd.", []way{
			{"/v1/lineage?node=entry:DS02&direction=down&view=observed&from=2025-12-19T09:00:00Z&to=2025-12-21T00:00:00Z&depth=5",
				"lineage entry:DS02 --direction down --view observed --from 2025-12-19T09:00:00Z --to 2025-12-21T00:00:00Z --depth 5", "nodes: kind depth entries id"},
			{"/v1/lineage?node=entry:DS02&direction=down&depth=5&as_of=" + known, "lineage entry:DS02 --direction down --depth 5 --as-of " + known, "nodes: kind depth entries id"},
		}},
	{"An investigator", "How did the date of death get from DS02 to DS25?",
		"One path of values; others decide which rows there are. `view=observed` with `since` and `until` asks between two dates.", []way{
			{"/v1/lineage/path?from=column:oracle://db.gat.yunze.example:1521/RKGL.HKGL.SWZXXX%23swrq&to=column:oracle://db.rst.yunze.example:1521/SHBX.JCGL.SWLQYD%23swrq&columns=true&view=observed&since=2025-12-01T00:00:00Z&until=2026-01-31T00:00:00Z",
				"path 'column:oracle://db.gat.yunze.example:1521/RKGL.HKGL.SWZXXX#swrq' 'column:oracle://db.rst.yunze.example:1521/SHBX.JCGL.SWLQYD#swrq' --columns --view observed --from 2025-12-01T00:00:00Z --to 2026-01-31T00:00:00Z", "paths: nodes"},
		}},
	{"An incident responder", "A credential leaked: which calls, rows and columns between 14 January 2026 21:00 and 16 January?",
		"One call took 182,406 names and telephone numbers; the next was denied.", []way{
			{"/v1/accesses?credential=CREDENTIAL&from=2026-01-14T13:00:00Z&to=2026-01-16T00:00:00Z", "accesses --credential CREDENTIAL --from 2026-01-14T13:00:00Z --to 2026-01-16T00:00:00Z",
				"accesses: time consumer operator agreement entry columns row_count result reason"},
		}},
	{"An incident responder", "Whom do we have to tell if DS23 leaked, and when did each get it last?",
		"Everybody who holds the entry or what was made from it; `/v1/parties` names the heads of their sharing bodies.", []way{
			{"/v1/lineage/impact?node=entry:DS23&as_of=" + known, "lineage entry:DS23 --impact --as-of " + known, "entries: id provider depth holders.consumer holders.agreement holders.last_access.time"},
			{"/v1/parties?kind=department&as_of=" + known, "parties --kind department --as-of " + known, "parties: id region sharing_bodies.head"},
		}},
	{"The data bureau", "The bulletin for December 2025: the figures, the records behind each, and does it compute again?",
		"Each figure lists its records. The bulletin that was issued on 5 January still agrees with the ledger.", []way{
			{"/v1/bulletins/2025-12?region=990000&as_of=" + known, "bulletin 2025-12 --region 990000 --as-of " + known, "bulletin.figures: id value count of"},
			{"/v1/bulletins/2025-12?region=990000", "bulletin 2025-12 --region 990000", "issued: bulletin by agrees differs"},
		}},
	{"A department that disputes it (D05)", "Which records made our share of answers in time what it is?",
		"Of one answer due in November, none was in time: the request, and the answer four days late.", []way{
			{"/v1/bulletins/2025-11?party=D05&as_of=" + known, "bulletin 2025-11 --party D05 --as-of " + known, "bulletin.figures: id value count of"},
			{"/v1/duties?party=D05&rule=DL-02&as_of=" + known, "duties --party D05 --rule DL-02 --as-of " + known, "duties: case from due done state"},
		}},
	{"The data bureau", "Which entries are published and shareable, and cannot be had?",
		"DS19, since its table was taken down on 20 February.", []way{
			{"/v1/events?entry=DS19&type=catalog.resource.detached&as_of=" + known, "events --entry DS19 --type catalog.resource.detached --as-of " + known, "rows: time type summary"},
			{"/v1/catalog/hook-rate?as_of=" + known, "catalog hooks --as-of " + known, ": shareable hooked unhooked"},
		}},
	{"A legal office", "What was refused, in full or in part, on which ground and basis?",
		"One request was refused (and granted after a dispute), one was granted in part.", []way{
			{"/v1/requests?state=refused&valid_at=2025-10-01T00:00:00Z&as_of=" + known, "requests --state refused --valid-at 2025-10-01T00:00:00Z --as-of " + known, "requests: id provider consumer ground basis dispute answered"},
			{"/v1/requests?state=partially_granted&as_of=" + known, "requests --state partially_granted --as-of " + known, "requests: id provider consumer ground basis answered"},
		}},
	{"A citizen, by the portal", "Which bodies used data about me last year, and why?",
		"The calls that name the person, found by the keyed reference that the portal makes. Calls in sealed batches name nobody: the answer then says that it is not complete. What is deferred by law (`rights.request.answered`) is for the portal to leave out.", []way{
			{"/v1/events?type=rights.request.&as_of=" + known, "events --type rights.request. --as-of " + known, "rows: time type subject.id party"},
			{"/v1/uses?from=2025-01-01T00:00:00Z&to=2026-01-01T00:00:00Z&as_of=" + known + ` {"person":"PERSON"}`,
				"uses PERSON --from 2025-01-01T00:00:00Z --to 2026-01-01T00:00:00Z --as-of " + known, "accesses: time type provider consumer agreement purpose columns"},
		}},
	{"A court", "Everything about case A11, to be checked offline?",
		"`ledgerline evidence --agreement A11 --out a11.zip`, then `ledgerline verify a11.zip --key yunze.vkey` without this server. What the bundle holds:", []way{
			{"/v1/events?agreement=A11&type=share.&as_of=" + known, "events --agreement A11 --type share. --as-of " + known, "rows: time type party"},
		}},
	{"An internal controller", "Has anything been changed or removed between two records?",
		"`ledgerline verify --server $LEDGERLINE_SERVER --checkpoint kept` proves that the log goes on from a checkpoint that was kept, `ledgerline verify --dir` reads all of it. What the ledger recorded about itself:", []way{
			{"/v1/events?type=ledger.clock.", "events --type ledger.clock.", "rows: type summary"},
		}},
	{"A chief information officer", "Where do two departments collect the same item although it is shared?",
		"C03 still asks for what D02 shares as DS11.", []way{
			{"/v1/events?type=usage.duplicate_collection.&as_of=" + known, "events --type usage.duplicate_collection. --as-of " + known, "rows: time type subject.id party summary"},
		}},
	{"The successor of a merged department (D02)", "What passed to us when D08 became part of us?",
		"One entry, no agreement. Who holds which role stands at the parties.", []way{
			{"/v1/parties?as_of=" + known, "parties --as-of " + known, "parties: id state successor predecessors roles.role"},
			{"/v1/catalog/entries?provider=D08&valid_at=2025-10-09T02:00:00Z&as_of=" + known, "catalog list --provider D08 --valid-at 2025-10-09T02:00:00Z --as-of " + known, "entries: id version stage provider title_en"},
		}},
	{"A privacy officer", "Which assessments and provisions are there for DS23, which holds sensitive items?",
		"Both assessments of each version; none is published without.", []way{
			{"/v1/events?entry=DS23&type=catalog.entry.assessed&as_of=" + known, "events --entry DS23 --type catalog.entry.assessed --as-of " + known, "rows: time type party summary"},
			{"/v1/shares?entry=DS23&purpose=social_assistance&to=2025-12-02T00:00:00Z&as_of=" + known, "shares --entry DS23 --purpose social_assistance --to 2025-12-02T00:00:00Z --as-of " + known, "shares: time type agreement consumer state"},
		}},
}
