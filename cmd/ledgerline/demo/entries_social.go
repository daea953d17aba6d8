package demo

// What social security and the city know, and what is made of it all: the two
// basic libraries, the household check and the list of suspected payments.

const (
	socialDB  = "oracle://db.rst.yunze.example:1521"
	landDB    = "postgres://db.zrzy.mingchuan.example:5432"
	cityAidDB = "mysql://db.mzj.mingchuan.example:3306"
	libraryDB = "postgres://jck.sjj.yunze.example:5432"
)

var socialEntries = []entry{
	{
		id: "DS15", code: "3079900301/000001", provider: "D03",
		title: "社会保险参保登记信息", titleEN: "Insured persons",
		abstract: "各险种参保登记与缴费基数。Persons insured, by kind of insurance, with the base of contribution.",
		table:    table{socialDB, "SHBX.CBGL.CBDJXX"},
		sharing:  conditional, frequency: daily, grade: important,
		ranges: []string{"民政、市场监管、税务部门 civil affairs, market regulation and tax"}, purposes: []string{purposeAid, purposeSupervision},
		items: []item{
			{"grbh", "C20", "*", "个人编号", "personal number"},
			{"gmsfhm", "C18", "!!", idNumber, idNumberE},
			{"xz", "C3", "", "险种", "kind of insurance"},
			{"cbdw", "C18", "", "参保单位", "employer's code"},
			{"cbzt", "C1", "", "参保状态", "state"},
			{"cbrq", "D", "", "参保日期", "insured since"},
			{"jfjs", "N12.2", "!!", "缴费基数", "base of contribution"},
		},
	},
	{
		id: "DS16", code: "3079900301/000002", provider: "D03",
		title: "养老待遇发放信息", titleEN: "Pension payments",
		abstract: "养老待遇逐月发放记录，每月1日发放。Pensions paid, month by month, on the 1st.",
		table:    table{socialDB, "SHBX.DYFF.YLDYFF"},
		sharing:  conditional, frequency: monthly, grade: important,
		ranges: []string{"民政部门 civil affairs"}, purposes: []string{purposeAid},
		items: []item{
			{"grbh", "C20", "*", "个人编号", "personal number"},
			{"gmsfhm", "C18", "!!", idNumber, idNumberE},
			{"ffyf", "C6", "*", "发放年月", "month paid"},
			{"ffje", "N12.2", "!!", "发放金额", "amount"},
			{"ffzt", "C1", "", "发放状态", "state"},
			{"zhlx", "C2", "", "账户类型", "kind of account"},
		},
	},
	{
		id: "DS17", code: "3079900301/000003", provider: "D03",
		title: "失业登记与失业保险金信息", titleEN: "Unemployment",
		abstract: "失业登记与失业保险金领取。Registered unemployment and benefits drawn.",
		table:    table{socialDB, "SHBX.SYBX.SYJFF"},
		sharing:  conditional, frequency: daily,
		ranges: []string{"民政部门 civil affairs"}, purposes: []string{purposeAid},
		items: []item{
			{"gmsfhm", "C18", "*!!", idNumber, idNumberE},
			{"sydjrq", "D", "", "失业登记日期", "registered on"},
			{"sylqqs", "D", "", "领取起始日期", "benefit from"},
			{"sylqzz", "D", "", "领取终止日期", "benefit until"},
			{"lqje", "N12.2", "!!", "领取金额", "amount"},
		},
	},
	{
		id: "DS21", code: "3079901C03/000001", provider: "C03",
		title: "不动产登记信息", titleEN: "Real estate",
		abstract: "明川市不动产权利登记。Rights in land and buildings of the city of Mingchuan.",
		table:    table{landDB, "bdcdj.public.bdcdjxx"},
		sharing:  conditional, frequency: daily,
		ranges: []string{"民政、税务部门 civil affairs and tax"}, purposes: []string{purposeAid, purposeTax},
		items: []item{
			{"bdcdyh", "C28", "*", "不动产单元号", "real estate unit"},
			{"qlr_sfzh", "C18", "!!", "权利人身份号码", "owner's identity number"},
			{"zl", "C200", "!", "坐落", "location"},
			{"mj", "N12.2", "", "面积", "area in square metres"},
			{"yt", "C4", "", "用途", "use"},
			{"djsj", "T", "", "登记时间", "registered at"},
			{"zt", "C1", "", "状态", "state"},
		},
	},
	{
		id: "DS22", code: "3079901C02/000001", provider: "C02", fused: true,
		title: "社会救助家庭经济状况核对报告", titleEN: "Household checks for social assistance",
		abstract: "汇集多部门数据形成的家庭经济状况核对报告，仅含结论。Reports on the means of households, made from the data of several departments; conclusions only.",
		table:    table{cityAidDB, "jzhd.hdbg"},
		sharing:  conditional, frequency: realtime, grade: important,
		ranges: []string{"省民政厅 provincial civil affairs"}, purposes: []string{purposeAid},
		items: []item{
			{"bgbh", "C30", "*", "报告编号", "report number"},
			{"sqr_sfzh", "C18", "!!", "申请人身份号码", "applicant's identity number"},
			{"jtcy_hash", "C64", "", "家庭成员带密钥摘要", "members of the household, as keyed hashes"},
			{"sr_jg", "C1", "!!", "收入核对结果", "income above the line"},
			{"cc_jg", "C1", "!!", "财产核对结果", "property above the line"},
			{"hdjl", "C2", "", "核对结论", "conclusion"},
			{"hdrq", "T", "", "核对时间", "checked at"},
		},
	},
	{
		id: "DS23", code: "1019900000/000001", provider: "D07", fused: true,
		title: "省人口基础库主题表", titleEN: "Population library",
		abstract: "由公安、民政、卫生健康等部门数据融合形成的人口基础库。The basic library of persons, fused from the data of police, civil affairs and health.",
		table:    table{libraryDB, "jck.rkk.rkjbxx"},
		sharing:  conditional, frequency: daily, grade: important,
		ranges: []string{"全省各级政务部门 departments of all levels in the province"}, purposes: []string{purposeService, purposeAid, purposeBenefit},
		items: []item{
			{"gmsfhm", "C18", "*!!", idNumber, idNumberE},
			{"xm", "C50", "!", "姓名", "name"},
			{"xb", "C1", "!", "性别（GB/T 2261.1）", "sex"},
			{"csrq", "D", "!", "出生日期", "date of birth"},
			{"hyzk", "C1", "!", "婚姻状况（GB/T 2261.2）", "marital status"},
			{"shzt", "C1", "", "生存状态（1 生存 2 死亡 9 未知）", "alive, dead or unknown"},
			{"swrq", "D", "!", "死亡日期", "date of death"},
			{"swly", "C4", "", "死亡信息来源", "source of the date of death"},
			{"jzd_qh", "C6", "", "居住地行政区划（GB/T 2260）", "region of residence"},
			{"lxdh", "C20", "!", "联系电话", "telephone number"},
			{"gxsj", "T", "", "更新时间", "updated at"},
		},
	},
	{
		id: "DS24", code: "1029900000/000001", provider: "D07", fused: true,
		title: "省法人基础库主题表", titleEN: "Legal-person library",
		abstract: "由市场监管、民政、税务、人社等部门数据融合形成的法人基础库。The basic library of organisations, fused from the data of four departments.",
		table:    table{libraryDB, "jck.frk.frjbxx"},
		sharing:  unconditional, frequency: daily,
		items: []item{
			{"tyshxydm", "C18", "*", orgCode, orgCodeE},
			{"mc", "C200", "", "名称", "name"},
			{"frlx", "C2", "", "法人类型", "kind of organisation"},
			{"fddbr", "C50", "!", "法定代表人", "legal representative"},
			{"clrq", "D", "", "成立日期", "date of foundation"},
			{"djzt", "C2", "", "登记状态", "state of registration"},
			{"nsrzt", "C2", "", "纳税人状态", "state of the taxpayer"},
			{"cbrs", "I", "", "参保人数", "persons insured"},
			{"ycbs", "L", "", "经营异常标识", "on the list of abnormal operations"},
			{"gxsj", "T", "", "更新时间", "updated at"},
		},
	},
	{
		id: "DS25", code: "3079900301/000009", provider: "D03", fused: true,
		title: "死亡领取养老待遇疑点信息", titleEN: "Suspected payments after death",
		abstract: "死亡信息与养老待遇发放比对产生的疑点。Pension payments that appear to have been made after the death of the person.",
		table:    table{socialDB, "SHBX.JCGL.SWLQYD"},
		sharing:  conditional, frequency: monthly, grade: important,
		ranges: []string{"省级政务部门 provincial departments"}, purposes: []string{purposeBenefit, purposeSupervision},
		items: []item{
			{"ydbh", "C30", "*", "疑点编号", "case number"},
			{"gmsfhm", "C18", "!!", idNumber, idNumberE},
			{"swrq", "D", "!", "死亡日期", "date of death"},
			{"swly", "C4", "", "死亡信息来源", "source of the date of death"},
			{"ffyf", "C6", "", "发放年月", "month paid"},
			{"ffje", "N12.2", "!!", "发放金额", "amount"},
			{"hczt", "C1", "", "核查状态", "state of the inquiry"},
		},
	},
}
