package demo

import "ledgerline/events"

// party is a body of the fictional province. GB/T 2260 knows no region 99; the
// social credit codes have correct check characters and belong to nobody.
type party struct {
	id, name, nameEN string
	uscc             string
	kind             string
	region, level    string
	line             string // the level a vertically managed agency reports to
	parent           string // the body it works for
}

const (
	province = "990000" // 云泽省 Yunze
	city     = "990100" // 明川市 Mingchuan
)

var parties = []party{
	{id: "D07", name: "云泽省数据局", nameEN: "Yunze Provincial Data Bureau", uscc: "11990000MB0A000779", kind: "authority", region: province, level: "provincial"},
	{id: "D01", name: "云泽省公安厅", nameEN: "Yunze Department of Public Security", uscc: "11990000MB0A000186", kind: "department", region: province, level: "provincial"},
	{id: "D02", name: "云泽省市场监督管理局", nameEN: "Yunze Administration for Market Regulation", uscc: "11990000MB0A000261", kind: "department", region: province, level: "provincial"},
	{id: "D03", name: "云泽省人力资源和社会保障厅", nameEN: "Yunze Department of Human Resources and Social Security", uscc: "11990000MB0A00034U", kind: "department", region: province, level: "provincial"},
	{id: "D04", name: "云泽省民政厅", nameEN: "Yunze Department of Civil Affairs", uscc: "11990000MB0A00042N", kind: "department", region: province, level: "provincial"},
	{id: "D05", name: "国家税务总局云泽省税务局", nameEN: "Yunze Tax Service, State Taxation Administration", uscc: "11990000MB0A00050H", kind: "department", region: province, level: "provincial", line: "national"},
	{id: "D06", name: "云泽省卫生健康委员会", nameEN: "Yunze Health Commission", uscc: "11990000MB0A00069E", kind: "department", region: province, level: "provincial"},
	{id: "C01", name: "明川市数据局", nameEN: "Mingchuan Data Bureau", uscc: "11990100MB0B000191", kind: "authority", region: city, level: "city"},
	{id: "C02", name: "明川市民政局", nameEN: "Mingchuan Civil Affairs Bureau", uscc: "11990100MB0B00027U", kind: "department", region: city, level: "city"},
	{id: "C03", name: "明川市自然资源和规划局", nameEN: "Mingchuan Bureau of Natural Resources and Planning", uscc: "11990100MB0B00035N", kind: "department", region: city, level: "city"},
	// The codes of nine digits were given out by the supervision of quality and
	// technology, until it became part of market regulation.
	{id: "D08", name: "云泽省质量技术监督局", nameEN: "Yunze Bureau of Quality and Technical Supervision", uscc: "11990000MB0A000854", kind: "department", region: province, level: "provincial"},
	{id: "X1", name: "云泽省大数据中心", nameEN: "Yunze Big Data Centre", uscc: "12990000MB0C0001X9", kind: "platform", region: province, level: "provincial", parent: "D07"},
	{id: "X2", name: "云泽智源数据服务有限公司", nameEN: "Yunze Zhiyuan Data Services Ltd", uscc: "91990000MA0X20002Q", kind: "contractor", region: province, level: "provincial", parent: "D03"},
}

func partyOf(id string) party { return find(parties, id, func(p party) string { return p.id }) }

// roles are held on a mandate, without requests: who collects into the two basic
// libraries, who leads the collection of what goes into them, who is competent for
// a region, who runs the platform and the jobs.
var roles = []struct{ party, role, scope string }{
	{"D07", events.RoleAuthority, province},
	{"C01", events.RoleAuthority, city},
	{"D07", events.RoleCollector, "DS23"},
	{"D07", events.RoleCollector, "DS24"},
	{"D01", events.RoleSource, "DS01"},
	{"D02", events.RoleSource, "DS11"},
	{"D03", events.RoleSource, "DS15"},
	{"D04", events.RoleSource, "DS07"},
	{"D05", events.RoleSource, "DS18"},
	{"D06", events.RoleSource, "DS05"},
	{"X1", events.RoleOperator, "云泽省政务数据共享平台"},
	{"D02", events.RoleOperator, jobNamespace["D02"]},
	{"D03", events.RoleOperator, jobNamespace["D03"]},
	{"D07", events.RoleOperator, jobNamespace["D07"]},
	{"C02", events.RoleOperator, jobNamespace["C02"]},
}

// partySteps registers every body, designates the sharing bodies of the departments
// with their heads, and assigns the roles. Later one body becomes part of another.
func partySteps() []Step {
	at := on("2025-08-01 09:00")
	var steps []Step
	for _, p := range parties {
		steps = append(steps, recordAt(at, events.Event{
			ID: "party-" + p.id, Source: catalogSource, Type: "party.body.registered", Time: events.TimeOf(at),
			Party: "D07", Actor: actor("D07", "registrar"),
			Data: &events.PartyRegistered{
				Party: p.id, Name: p.name, NameEN: p.nameEN, USCC: p.uscc, Kind: p.kind,
				Region: p.region, Level: p.level, LineAuthority: p.line, Parent: p.parent,
			},
		}, p.nameEN+" is registered"))
		if p.kind != "department" && p.kind != "authority" {
			continue
		}
		steps = append(steps, recordAt(at, events.Event{
			ID: "sharing-body-" + p.id, Source: catalogSource, Type: "party.sharing_body.designated", Time: events.TimeOf(at),
			Party: p.id, Actor: actor(p.id, "dept_head"),
			Data: &events.SharingBodyDesignated{
				Party: p.id, Unit: "政务数据共享工作机构", Head: actor(p.id, "sharing_body_head"), From: events.TimeOf(day("2025-08-01")),
			},
		}, p.nameEN+" designates its sharing body"))
	}
	for _, r := range roles {
		steps = append(steps, recordAt(at, events.Event{
			ID: "role-" + r.party + "-" + r.role + "-" + r.scope, Source: catalogSource, Type: "party.role.assigned", Time: events.TimeOf(at),
			Party: "D07", Actor: actor("D07", "registrar"),
			Data: &events.RoleAssigned{Party: r.party, Role: r.role, Scope: r.scope, Basis: "云政发〔2025〕3号 关于公共数据归集的规定"},
		}, r.party+" is "+r.role+" "+r.scope))
	}
	merged := on("2025-10-09 09:00")
	return append(steps, recordAt(merged, events.Event{
		ID: "party-D08-merged", Source: catalogSource, Type: "party.body.merged", Time: events.TimeOf(merged), Party: "D07", Actor: actor("D07", "registrar"),
		Data: &events.PartyMerged{Party: "D08", Into: "D02", Basis: "云泽省机构改革方案"},
	}, "D08 becomes part of D02, with its entry"))
}

// actor is the pseudonymous key of the person who holds a role in a body. The
// key behind such a hash stays with the body; in a story there is nothing to
// hide, so it is a hash of the role.
func actor(party, role string) string {
	return digest("actor/" + party + "/" + role)
}
