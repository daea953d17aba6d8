package demo

import "slices"

// The jobs that use the data of others: flags, matches and household checks.
// Whether each may read what it reads is a question to the ledger (see Tour).

var useJobs = []job{
	{
		id: "J09", name: "ent.flag_abnormal", owner: "D02", dialect: "mysql",
		title: "经营异常名录生成 Enters companies on the list of abnormal operations",
		versions: []jobVersion{{
			output: "DS14",
			columns: []column{
				{"tyshxydm", []source{same("DS11.tyshxydm")}},
				{"lryy", []source{made("DS12.sfgs", "not published in time"), made("DS11.djzt", "in operation")}},
				{"lrrq", []source{made("DS12.gsrq", "day after the term")}},
			},
			keys: []source{join("DS12.tyshxydm"), filter("DS12.nd", "the last year")},
			sql: `INSERT INTO jyycml (tyshxydm, lryy, lrrq, zcjd_qh)
SELECT m.tyshxydm, '0101', CURRENT_DATE, m.djjg_qh FROM scztdjxx m LEFT JOIN qyndbg r ON r.tyshxydm = m.tyshxydm AND r.nd = :year
WHERE m.djzt = '01' AND NOT coalesce(r.sfgs, FALSE)`,
		}},
	},
	{
		// The second half of J09 runs at the data bureau. As one job with two
		// outputs it would seem to make the library from the annual reports.
		id: "J09b", name: "ent.load_abnormal", owner: "D07", dialect: "postgres",
		title: "经营异常标识入库 Marks organisations that are on the list",
		versions: []jobVersion{{
			output:  "DS24",
			columns: []column{{"ycbs", []source{made("DS14.lrrq", "entered"), made("DS14.ycrq", "and not removed")}}},
			keys:    []source{join("DS14.tyshxydm")},
			sql: `UPDATE frk.frjbxx f SET ycbs = EXISTS (
  SELECT 1 FROM ods.jyycml a WHERE a.tyshxydm = f.tyshxydm AND a.lrrq IS NOT NULL AND a.ycrq IS NULL)`,
		}},
	},
	{
		id: "J10", name: "si.match_death", owner: "D03", dialect: "oracle",
		title: "死亡与养老待遇比对 Matches deaths with pensions paid",
		versions: []jobVersion{{
			output: "DS25",
			columns: append(copies("DS16", "gmsfhm", "ffyf", "ffje"),
				copies("DS23", "swrq", "swly")...),
			keys: []source{
				join("DS16.gmsfhm"), join("DS23.gmsfhm"),
				filter("DS23.shzt", "dead"), filter("DS16.ffyf", "paid after the month of death"), filter("DS23.swrq", "paid after the month of death"),
			},
			sql: `INSERT INTO JCGL.SWLQYD (YDBH, GMSFHM, SWRQ, SWLY, FFYF, FFJE, HCZT)
SELECT YDBH_SEQ.NEXTVAL, f.GMSFHM, p.SWRQ, p.SWLY, f.FFYF, f.FFJE, '0' FROM DYFF.YLDYFF f JOIN GX.RKJBXX p ON p.GMSFHM = f.GMSFHM
WHERE p.SHZT = '2' AND f.FFYF > TO_CHAR(p.SWRQ, 'YYYYMM')`,
		}},
	},
	{
		id: "J11", name: "aid.household_check", owner: "C02", dialect: "mysql",
		title:    "家庭经济状况核对 Checks the means of a household",
		versions: []jobVersion{householdCheckV1, householdCheckV2, householdCheckV3},
	},
	{
		id: "J12", name: "aid.roll_up", owner: "C02", dialect: "mysql",
		title: "低保对象汇总上报 Reports recipients to the province",
		versions: []jobVersion{{
			output: "DS09",
			columns: []column{
				{"hzsfzh", []source{same("DS22.sqr_sfzh")}},
				{"bzje", []source{made("DS22.hdjl", "the conclusion decides the rate; amounts come from the city's payroll, outside this system")}},
				{"bzqy", []source{made("DS22.hdjl", "first month after the conclusion")}},
			},
			keys: []source{filter("DS22.hdjl", "entitled")},
			sql: `INSERT INTO shjz.dbdx (bzzh, hzsfzh, bzje, bzqy)
SELECT concat('990100', r.bgbh), r.sqr_sfzh, p.amount, p.first_month FROM hdbg r JOIN payroll p ON p.bgbh = r.bgbh WHERE r.hdjl = '01'`,
		}},
	},
}

// householdCheckV1 reads what the old blanket agreement A00 gives.
var householdCheckV1 = jobVersion{
	output: "DS22",
	columns: []column{
		{"sr_jg", []source{
			made("DS15.jfjs", "threshold"), made("DS16.ffje", "threshold"), made("DS17.lqje", "threshold"),
		}},
		{"cc_jg", []source{total("DS11.fddbr_sfzh", "companies represented, count over the limit")}},
		{"jtcy_hash", []source{
			masked(made("DS01.hh", "keyed hash")), masked(made("DS01.yhzgx", "keyed hash")),
		}},
	},
	keys: []source{join("DS01.gmsfhm"), join("DS15.gmsfhm"), join("DS16.gmsfhm"), join("DS17.gmsfhm")},
	sql: `REPLACE INTO hdbg (bgbh, sqr_sfzh, jtcy_hash, sr_jg, cc_jg, hdjl, hdrq)
SELECT a.bgbh, a.sqr_sfzh, hmac(group_concat(h.hh, h.yhzgx)), income_over_line(i.jfjs, p.ffje, u.lqje), count(m.fddbr_sfzh) > 0, NULL, now()
FROM applications a JOIN hkjbxx h ON h.gmsfhm = a.sqr_sfzh LEFT JOIN cbdj i ON i.gmsfhm = h.gmsfhm
LEFT JOIN yldyff p ON p.gmsfhm = h.gmsfhm LEFT JOIN syjff u ON u.gmsfhm = h.gmsfhm LEFT JOIN scztdjxx m ON m.fddbr_sfzh = h.gmsfhm GROUP BY a.bgbh`,
}

// householdCheckV2 adds cars (A04), real estate (A05) and marriages (A10), once
// each of them had been granted and delivered.
var householdCheckV2 = jobVersion{
	from:   day("2025-12-11"),
	output: "DS22",
	columns: []column{
		householdCheckV1.columns[0],
		{"cc_jg", []source{
			total("DS04.hphm", "cars, count over the limit"), total("DS21.bdcdyh", "homes, count over the limit"),
			total("DS11.fddbr_sfzh", "companies represented, count over the limit"),
		}},
		{"jtcy_hash", append(slices.Clone(householdCheckV1.columns[2].from),
			masked(made("DS07.nfsfzh", "keyed hash")), masked(made("DS07.wfsfzh", "keyed hash")))},
	},
	keys: append(slices.Clone(householdCheckV1.keys), join("DS04.syr_sfzh"), join("DS21.qlr_sfzh")),
	sql: householdCheckV1.sql + `
-- v2: LEFT JOIN jdcdjxx c ON c.syr_sfzh = h.gmsfhm LEFT JOIN bdcdjxx r ON r.qlr_sfzh = h.gmsfhm LEFT JOIN hydjxx w ON h.gmsfhm IN (w.nfsfzh, w.wfsfzh)`,
}

// householdCheckV3 also asks the tax office whether an income is above the line.
// Nobody had granted that: A00 does not list DS20 and no other agreement does.
var householdCheckV3 = jobVersion{
	from:   day("2026-01-12"),
	output: "DS22",
	columns: []column{
		{"sr_jg", append(slices.Clone(householdCheckV2.columns[0].from), made("DS20.xejg", "threshold"))},
		householdCheckV2.columns[1], householdCheckV2.columns[2],
	},
	keys: append(slices.Clone(householdCheckV2.keys), join("DS20.gmsfhm")),
	sql: householdCheckV2.sql + `
-- v3: LEFT JOIN LATERAL income_check(h.gmsfhm, year(now())) t`,
}

// jobs lists every job that reads and writes data.
var jobs = slices.Concat(libraryJobs, useJobs)
