package demo

import (
	"fmt"
	"slices"
	"strings"

	"ledgerline/events"
)

// The catalog: 26 entries of nine departments. Item names are the pinyin initials
// that such catalogs really use (gmsfhm = 公民身份号码); shapes follow the public
// data element standards of the provinces.

// entry is one catalog entry as its department drafts it.
type entry struct {
	id, code       string
	provider       string // party id
	title, titleEN string
	abstract       string
	table          table
	sharing        string
	frequency      string
	grade          string // important, or empty: see entry.level
	// ranges and purposes bound the use of what is shared on conditions.
	ranges, purposes []string
	// reason and basis say why, and by which law, something is not shared.
	reason, basis, rank string
	// overrides gives single items another sharing attribute than the entry's.
	overrides map[string]string
	// hooked marks an entry whose table is attached to it later, not named by it.
	hooked bool
	// service marks data that exists only as the answer of a service.
	service bool
	// fused marks data made from the data of others; the provider answers for
	// the fusion, not for its sources.
	fused bool
	items []item
}

// item is one column: id, type (C text, N number, D date, T time, I integer,
// L yes or no), marks (* key, ! personal, !! sensitive personal), and its name in
// both languages. The Chinese name ends with the code set, in brackets.
type item struct{ id, typ, marks, title, titleEN string }

// table is where the data is: an OpenLineage dataset, named by the convention of
// its store (https://openlineage.io/docs/spec/naming).
type table struct{ namespace, name string }

const (
	unconditional = events.SharingUnconditional
	conditional   = events.SharingConditional
	notShared     = events.SharingNotShared

	realtime = "realtime"
	daily    = "daily"
	weekly   = "weekly"
	monthly  = "monthly"
	yearly   = "yearly"

	important = "important"
)

// The purposes for which data is asked and granted.
const (
	purposeService     = "service_handling"
	purposeSupervision = "supervision"
	purposeAid         = "social_assistance"
	purposeBenefit     = "benefit_eligibility"
	purposeCredit      = "credit"
	purposeStatistics  = "statistics"
	purposeTax         = "tax_administration"
	purposeReturn      = "return_flow"
)

// entries is the whole catalog in its first published form.
var entries = slices.Concat(peopleEntries, marketEntries, socialEntries)

func entryOf(id string) entry { return find(entries, id, func(e entry) string { return e.id }) }

// certificatesFirstDraft is DS06 as the health commission first submitted it:
// the cause of death was not marked as sensitive, and the entry came back.
func certificatesFirstDraft() entry {
	e := entryOf("DS06")
	e.items = slices.Clone(e.items)
	e.items[icdItem].marks = ""
	return e
}

// icdItem is the place of the cause of death in DS06.
const icdItem = 4

// itemIDs lists the items of an entry in order.
func (e entry) itemIDs() []string {
	ids := make([]string, len(e.items))
	for i, it := range e.items {
		ids[i] = it.id
	}
	return ids
}

// level grades an entry by what it holds (GB/T 43697-2024 and its annex).
func (e entry) level() string {
	sensitive, personal := false, false
	for _, it := range e.items {
		sensitive = sensitive || it.personal() == "sensitive"
		personal = personal || it.personal() == "personal"
	}
	switch {
	case e.grade != "":
		return e.grade
	case sensitive:
		return "general-4"
	case personal:
		return "general-3"
	}
	return "general-2"
}

func (it item) personal() string {
	switch strings.Count(it.marks, "!") {
	case 0:
		return "none"
	case 1:
		return "personal"
	}
	return "sensitive"
}

// draft is the content of an entry's version, as its department sends it.
func (e entry) draft(version int) events.EntryDrafted {
	d := events.EntryDrafted{
		Entry: e.id, Version: version, Provider: e.provider, Title: e.title, TitleEN: e.titleEN,
		Code: e.code, CodeScheme: guide, ClassPath: e.classPath(), ClassScheme: guide, Summary: e.abstract,
		Sharing: events.Sharing{
			Attribute: e.sharing, Reason: e.reason, Basis: e.basis, BasisRank: e.rank,
			Range: strings.Join(e.ranges, "; "), Purposes: e.purposes, Conditions: e.conditions(), Methods: []string{"api", "batch"},
		},
		UpdateFrequency: e.frequency, Grade: e.level(), Region: partyOf(e.provider).region,
		Resources:     []events.Resource{{Namespace: e.table.namespace, Name: e.table.name, Method: e.method()}},
		SourceSystems: sourceSystems[e.id], Open: openTo[e.id], Contact: partyOf(e.provider).name + " 政务数据共享工作机构",
		Specification: "云泽省政务数据目录编制规范 2025",
	}
	switch {
	case e.id == "DS12" || e.id == "DS21": // nobody has said yet in what format they come
	case e.service:
		d.Format = "service_interface"
	default:
		d.Format = "database"
	}
	if e.hooked {
		d.Resources = nil
	}
	if e.sharing == notShared {
		d.Sharing.Methods = nil
	} else if e.service {
		d.Sharing.Methods = []string{e.method()}
	}
	if e.fused {
		d.DerivedFrom, d.FusingParty = sourcesOf(e.id), e.provider
	}
	for _, it := range e.items {
		name, codes, _ := strings.Cut(it.title, "（")
		d.Items = append(d.Items, events.EntryItem{
			ID: it.id, Name: name, Type: it.kind(), Length: strings.TrimLeft(it.typ, "CNDTIL"),
			Key: strings.Contains(it.marks, "*"), Personal: it.personal(), Sharing: e.overrides[it.id],
			CodeSet: strings.TrimSuffix(codes, "）"), Description: it.titleEN,
		})
	}
	return d
}

// guide is the national guide to catalogs of government information, whose codes and
// classes the province uses.
const guide = "政务信息资源目录编制指南 2017"

// conditions are what is asked of those who want what is shared on conditions.
func (e entry) conditions() string {
	switch {
	case e.sharing != conditional:
		return ""
	case e.level() == "general-4" || e.level() == important:
		return "仅限协议所列用途，最小必要，不得转供 For the purposes of the agreement only, no more than is needed, not to be passed on"
	}
	return "仅限协议所列用途 For the purposes of the agreement only"
}

// sourceSystems are the business systems that data comes from, where the department
// says so.
var sourceSystems = map[string][]string{
	"DS01": {"人口管理信息系统"}, "DS02": {"人口管理信息系统"}, "DS03": {"居住证管理系统"}, "DS06": {"死亡医学证明签发系统"}, "DS08": {"殡葬管理信息系统"},
	"DS11": {"市场主体登记系统"}, "DS16": {"养老保险待遇发放系统"}, "DS18": {"金税登记系统"}, "DS23": {"人口基础库"}, "DS24": {"法人基础库"},
}

// openTo are the entries that the public may have, too.
var openTo = map[string]events.OpenData{
	"DS11": {Open: true, Conditions: "国家企业信用信息公示系统，逐户查询 One company at a time, in the public register of companies"},
	"DS12": {Open: true, Conditions: "企业选择公示的内容 What the company chose to publish"},
	"DS14": {Open: true},
}

// method is how the data is mostly delivered.
func (e entry) method() string {
	switch {
	case e.service:
		return "verify_only"
	case e.frequency == daily:
		return "api"
	}
	return "batch"
}

// classPath is the class that the first digit of the code stands for.
func (e entry) classPath() []string {
	if strings.HasPrefix(e.code, "1") {
		return []string{"基础信息资源 basic", e.title}
	}
	return []string{"部门信息资源 departmental", partyOf(e.provider).name}
}

func (it item) kind() string {
	kinds := map[byte]string{'C': "text", 'N': "number", 'D': "date", 'T': "datetime", 'I': "integer", 'L': "boolean"}
	k, ok := kinds[it.typ[0]]
	if !ok {
		panic(fmt.Sprintf("demo: item %s has no type %q", it.id, it.typ))
	}
	return k
}

// sourcesOf lists the entries that the jobs writing an entry read, each once, in
// the order of the catalog.
func sourcesOf(id string) []string {
	var sources []string
	for _, j := range jobs {
		for _, v := range j.versions {
			if v.output == id {
				sources = append(sources, v.inputs()...)
			}
		}
	}
	slices.Sort(sources)
	return slices.Compact(sources)
}
