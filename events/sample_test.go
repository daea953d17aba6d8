package events

import "time"

// at is a moment of the tests' year.
func at(month time.Month, day int) Time {
	return TimeOf(time.Date(2025, month, day, 9, 30, 0, 0, time.FixedZone("", 8*3600)))
}

// sampleNow is the recorded time of the samples.
var sampleNow = at(time.December, 31)

func ptr[T any](v T) *T { return &v }

// draft is a valid first draft with every field set.
func draft() EntryDrafted {
	return EntryDrafted{
		Entry: "DS02", Version: 1, Provider: "D01", Title: "户籍注销(死亡)信息", TitleEN: "Deregistration and death",
		Code: "3079900101/000002", CodeScheme: "gc-2017", ClassPath: []string{"部门", "公安"}, ClassScheme: "gc-2017", Summary: "每日更新",
		Sharing: Sharing{
			Attribute: SharingConditional, Reason: "含个人信息", Basis: "cn809:15", BasisRank: "administrative_regulation", Range: "省级部门",
			Purposes: []string{"benefit_eligibility"}, Conditions: "no copies", Methods: []string{"api", "batch"},
		},
		Items: []EntryItem{
			{ID: "gmsfhm", Name: "公民身份号码", Type: "text", Length: "18", Key: true, Personal: "sensitive",
				Nullable: true, Grade: "general-3", Sharing: SharingConditional, CodeSet: "GB 11643", Description: "身份证号"},
			{ID: "swrq", Name: "死亡日期", Type: "date"},
			{ID: "zxyy", Name: "注销原因", Type: "text", Sharing: SharingNotShared},
		},
		Format: "database", FormatDetail: "PostgreSQL 16", UpdateFrequency: "daily", UpdateInterval: "P1D", Grade: "general-2", Region: "990000",
		Resources:   []Resource{{Namespace: "postgres://pop:5432", Name: "hj.death", Method: "database", Columns: map[string]string{"gmsfhm": "id_no", "swrq": "died/on"}}},
		DerivedFrom: []string{"DS01"}, FusingParty: "D07", Related: []string{"DS08"}, Open: OpenData{true, "aggregated"},
		SourceSystems: []string{"hj"}, BusinessItems: []string{"户籍注销"}, Period: Period{at(1, 1), at(12, 31)}, Volume: "4.1 million rows",
		Contact: "数据处", Specification: "gc-2017", Note: "the cause was asked for",
	}
}

func revision(version int) *EntryRevised {
	r := EntryRevised(draft())
	r.Version, r.ChangedPaths = version, []string{"/items/2"}
	return &r
}

func agreement() *AgreementActivated {
	return &AgreementActivated{
		Agreement: "A02", Request: "R02", Provider: "D01", Consumer: "D03",
		Grants:   []Grant{{Entry: "DS02", EntryVersion: 1, Items: []string{"gmsfhm", "swrq"}, Masking: map[string]string{"gmsfhm": "last4"}}},
		Purposes: []string{"benefit_eligibility"}, Scope: Scope{Region: "990000", Population: "pensioners", Filters: []string{"zxyy='1'"}},
		Method: "api", ValidFrom: at(9, 1), ValidTo: at(12, 30), ReviewDate: at(11, 1), Onward: OnwardListed, OnwardTo: []string{"X1"},
		Disposal: "erase", LegalBasis: []LegalBasis{{Instrument: "cn809", Article: "21", Kind: "OfficialAuthorityOfController"}}, ApprovedBy: "9c01", Contract: "c1",
	}
}

func lineage() *OpenLineageReceived {
	// Made anew each time: the tests change one place and must not change others.
	direct := func() []Transformation { return []Transformation{{Type: "DIRECT", Subtype: "IDENTITY", Masking: true}} }
	in := func() []ColumnInput {
		return []ColumnInput{{Namespace: "pg", Name: "hj.death", Field: "swrq", Transformations: direct(), Job: true, Run: "r9"}}
	}
	renamed := Lifecycle{"RENAME", DatasetRef{"pg", "pop.old"}}
	out := func() LineageOutput {
		return LineageOutput{
			Namespace: "pg", Name: "pop.main", Fields: []LineageField{{Name: "swrq", Type: "date"}}, Symlinks: []DatasetRef{{"hive", "pop.main"}},
			Lifecycle: renamed, Deleted: []string{"schema"}, Rows: ptr(int64(7)),
			ColumnLineage: []ColumnLineage{{Field: "swrq", Inputs: in()}},
			DatasetLineage: []ColumnInput{
				{Namespace: "pg", Name: "hj.burial", Field: "gmsfhm", Transformations: direct(), Job: true, Run: "r9"},
				{Namespace: "pg", Name: "hj.burial"},
			},
		}
	}
	return &OpenLineageReceived{
		Kind: OpenLineageRun, EventType: "COMPLETE", EventTime: at(10, 1), Run: "0198f0a2-0000-7000-8000-000000000001",
		Job: JobRef{"pop", "merge_death"}, Dataset: out(),
		Parent: RunParent{Run: "r1", Job: JobRef{"pop", "daily"}, RootRun: "r0", RootJob: JobRef{"pop", "root"}},
		Dependencies: []JobDependency{{Downstream: true, Job: JobRef{"pop", "after"}, Run: "r2", Type: "IMPLICIT",
			Sequence: "FINISH_TO_START", Status: "EXECUTE_EVERY_TIME"}},
		Inputs: []LineageInput{{Namespace: "pg", Name: "hj.death", Fields: []LineageField{{Name: "swrq", Type: "date"}}, Symlinks: []DatasetRef{{"hive", "hj.death"}},
			Lifecycle: renamed, Deleted: []string{"symlinks"}, Rows: ptr(int64(7))}},
		LineageFrom: LineageFromColumns, JobLineage: []JobLineage{{Job: JobRef{"pop", "notify"}, Run: "r8", Inputs: in()}},
		JobDeleted: []string{"jobType"}, CompleteSnapshot: true,
		Outputs: []LineageOutput{out()}, InputsKnown: true, OutputsKnown: true, ProcessingType: "BATCH",
		NominalTime: NominalTime{at(9, 30), at(10, 1)}, SchemaURL: "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
		Checks:   []LineageCheck{{DatasetRef{"pg", "pop.main"}, "not_null", "dead have a date", "swrq", CheckFailed, "error"}},
		Producer: "https://example.org/etl", Verdict: Verdict{true, []Finding{{"/run/runId", "openlineage.uuid", "not a UUID"}}}, Digest: "00ff",
	}
}

// sampleEvent is a valid event of the type with every attribute set.
func sampleEvent(name string) Event {
	return Event{
		ID: "e-1", Source: "https://gat.example/audit", Type: name, Schema: 1,
		Time: at(12, 1), EffectiveFrom: at(12, 2), EffectiveTo: at(12, 3), Principal: "token-7",
		Actor: "9c01", Party: "D01", OnBehalfOf: "D07", Producer: &ProducerSeq{"p", 7}, Correlation: "case-1", Causation: "e-0",
		ExpectedVersion: ptr(uint64(3)), Grade: "general-1", Retention: "access-3y", Imported: true,
		Trace: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", Signature: []byte{0x84, 1}, FacetSalt: make([]byte, 32),
		Data: samples()[name],
	}
}
