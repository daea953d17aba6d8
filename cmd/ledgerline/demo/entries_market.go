package demo

// What the market regulator, the tax office and the civil affairs department
// know about organisations, and the tax office about income.

const (
	marketDB = "mysql://db.scjgj.yunze.example:3306"
	taxDB    = "db2://db.swj.yunze.example:50000"
	orgCode  = "统一社会信用代码"
	orgCodeE = "unified social credit code"
)

var marketEntries = []entry{
	{
		id: "DS10", code: "3079900401/000004", provider: "D04",
		title: "社会组织法人登记信息", titleEN: "Social organisations",
		abstract: "社会团体、基金会、社会服务机构法人登记。Registered associations, foundations and social service bodies.",
		table:    table{civilDB, "shzz.shzzfr"},
		sharing:  unconditional, frequency: weekly,
		items: []item{
			{"tyshxydm", "C18", "*", orgCode, orgCodeE},
			{"mc", "C200", "", "名称", "name"},
			{"fddbr", "C50", "!", "法定代表人", "legal representative"},
			{"zczj", "N14.2", "", "注册资金", "registered funds"},
			{"clrq", "D", "", "成立日期", "date of foundation"},
			{"ywfw", "C500", "", "业务范围", "scope of activity"},
			{"zt", "C1", "", "状态", "state"},
		},
	},
	{
		id: "DS11", code: "3079900201/000001", provider: "D02",
		title: "市场主体登记信息", titleEN: "Market entities",
		abstract: "企业、个体工商户、农民专业合作社登记信息；法定代表人身份号码按有条件共享管理。" +
			"Registered companies, traders and farmers' cooperatives; the legal representative's identity number is shared on conditions only.",
		table:   table{marketDB, "scztk.scztdjxx"},
		sharing: unconditional, frequency: daily,
		overrides: map[string]string{"fddbr_sfzh": conditional},
		items: []item{
			{"tyshxydm", "C18", "*", orgCode, orgCodeE},
			{"mc", "C200", "", "名称", "name"},
			{"fddbr", "C50", "!", "法定代表人", "legal representative"},
			{"fddbr_sfzh", "C18", "!!", "法定代表人身份号码", "legal representative's identity number"},
			{"zczb", "N16.2", "", "注册资本", "registered capital"},
			{"clrq", "D", "", "成立日期", "date of foundation"},
			{"jyfw", "C2000", "", "经营范围", "scope of business"},
			{"hydm", "C4", "", "行业代码（GB/T 4754）", "industry code"},
			{"djjg_qh", "C6", "", "登记机关行政区划（GB/T 2260）", "region of the registry"},
			{"djzt", "C2", "", "登记状态", "state"},
			{"hzrq", "D", "", "核准日期", "date of approval"},
		},
	},
	{
		id: "DS12", code: "3079900201/000002", provider: "D02",
		title: "企业年度报告信息", titleEN: "Annual reports",
		abstract: "企业年度报告公示信息。Annual reports filed by companies.",
		table:    table{marketDB, "scztk.qyndbg"},
		sharing:  conditional, frequency: yearly,
		ranges: []string{"省级政务部门 provincial departments"}, purposes: []string{purposeSupervision, purposeStatistics},
		items: []item{
			{"tyshxydm", "C18", "*", orgCode, orgCodeE},
			{"nd", "C4", "*", "年度", "year"},
			{"cyrs", "I", "", "从业人数", "persons employed"},
			{"zcze", "N16.2", "", "资产总额", "total assets"},
			{"gsrq", "D", "", "公示日期", "date of publication"},
			{"sfgs", "L", "", "是否公示", "published"},
		},
	},
	{
		id: "DS13", code: "3079900501/000004", provider: "D05",
		title: "个人所得税纳税明细", titleEN: "Personal income tax in detail",
		abstract: "自然人所得与已纳税额明细。不予共享；核验需求由 DS20 满足。Income and tax paid, person by person. Not shared: DS20 answers the same need with less data.",
		table:    table{taxDB, "JSZG.SS.GRSDSMX"},
		sharing:  notShared, frequency: monthly, grade: important,
		reason: "纳税人涉税信息依法保密 Taxpayers' affairs are confidential by law",
		basis:  "中华人民共和国税收征收管理法 第八条", rank: "law",
		items: []item{
			{"gmsfhm", "C18", "*!!", idNumber, idNumberE},
			{"ssq", "C6", "*", "税款所属期", "tax period"},
			{"sre", "N14.2", "!!", "收入额", "income"},
			{"nse", "N14.2", "!!", "纳税额", "tax paid"},
		},
	},
	{
		id: "DS14", code: "3079900201/000004", provider: "D02",
		title: "经营异常名录信息", titleEN: "List of abnormal operations",
		abstract: "列入、移出经营异常名录的市场主体。Market entities entered on, and removed from, the list of abnormal operations.",
		table:    table{marketDB, "scztk.jyycml"},
		sharing:  unconditional, frequency: daily,
		items: []item{
			{"tyshxydm", "C18", "*", orgCode, orgCodeE},
			{"lryy", "C4", "", "列入原因", "reason of entry"},
			{"lrrq", "D", "", "列入日期", "date of entry"},
			{"ycrq", "D", "", "移出日期", "date of removal"},
			{"zcjd_qh", "C6", "", "作出决定机关行政区划（GB/T 2260）", "region of the deciding body"},
		},
	},
	{
		id: "DS26", code: "3079900801/000001", provider: "D08",
		title: "组织机构代码信息", titleEN: "Organisation codes of nine digits",
		abstract: "统一社会信用代码启用前的九位组织机构代码；数据并入 DS11 后停止共享。The codes used before the unified social credit code; withdrawn once DS11 answered for them.",
		table:    table{marketDB, "scztk.zzjgdm"},
		sharing:  unconditional, frequency: weekly,
		items: []item{
			{"zzjgdm", "C9", "*", "组织机构代码（GB 11714）", "organisation code"},
			{"mc", "C200", "", "机构名称", "name"},
			{"tyshxydm", "C18", "", orgCode, orgCodeE},
			{"zfrq", "D", "", "作废日期", "date of annulment"},
		},
	},
	{
		id: "DS18", code: "3079900501/000001", provider: "D05",
		title: "纳税人登记信息", titleEN: "Taxpayer registration",
		abstract: "单位纳税人登记信息与状态。Registered taxpayers and their state.",
		table:    table{taxDB, "JSZG.DJ.NSRDJXX"},
		sharing:  conditional, frequency: daily,
		ranges: []string{"市场监管、人社部门 market regulation and social security"}, purposes: []string{purposeSupervision, purposeCredit},
		items: []item{
			{"nsrsbh", "C20", "*", "纳税人识别号", "taxpayer number"},
			{"tyshxydm", "C18", "", orgCode, orgCodeE},
			{"swjg", "C11", "", "主管税务机关", "tax office in charge"},
			{"nsrzt", "C2", "", "纳税人状态", "state of the taxpayer"},
			{"djrq", "D", "", "登记日期", "date of registration"},
		},
	},
	{
		id: "DS19", code: "3079900501/000002", provider: "D05",
		title: "欠税公告信息", titleEN: "Published tax arrears",
		abstract: "税务机关依法公告的欠税信息。Arrears published by the tax authority.",
		table:    table{taxDB, "JSZG.FB.QSGG"}, hooked: true,
		sharing: unconditional, frequency: monthly,
		items: []item{
			{"nsrsbh", "C20", "*", "纳税人识别号", "taxpayer number"},
			{"qssz", "C10", "", "欠税税种", "kind of tax"},
			{"qsje", "N16.2", "", "欠税余额", "amount"},
			{"ggrq", "D", "", "公告日期", "date of publication"},
		},
	},
	{
		id: "DS20", code: "3079900501/000003", provider: "D05",
		title: "个人所得税收入核验", titleEN: "Income check (yes or no)",
		abstract: "仅返回收入是否高于核对标准，不返回金额。Says only whether an income is above the line, never the amount.",
		table:    table{taxDB, "JSZG.FW.GRSRHY"},
		sharing:  conditional, frequency: realtime, grade: important, service: true,
		ranges: []string{"民政部门 civil affairs"}, purposes: []string{purposeAid},
		items: []item{
			{"gmsfhm", "C18", "*!!", idNumber, idNumberE},
			{"hynd", "C4", "*", "核验年度", "year checked"},
			{"xejg", "C1", "", "限额结果", "above or below the line"},
		},
	},
}
