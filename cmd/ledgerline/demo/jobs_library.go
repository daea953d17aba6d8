package demo

import "slices"

// The jobs that collect into the two basic libraries. The data bureau runs them
// under its mandate to collect (归集), not under agreements. A join with the key
// of the library itself is not listed: it would make each library its own source.

var libraryJobs = []job{
	{
		id: "J01", name: "pop.load_household", owner: "D07", parent: true, dialect: "postgres",
		title: "户籍人口入库 Loads the household register",
		versions: []jobVersion{{
			output: "DS23",
			columns: append(copies("DS01", "gmsfhm", "xm", "xb", "csrq"),
				column{"gxsj", []source{same("DS01.gxsj")}}),
			sql: `INSERT INTO rkk.rkjbxx (gmsfhm, xm, xb, csrq, gxsj)
SELECT gmsfhm, xm, xb, csrq, gxsj FROM ods.hkjbxx WHERE gxsj >= :watermark
ON CONFLICT (gmsfhm) DO UPDATE SET xm = excluded.xm, xb = excluded.xb, csrq = excluded.csrq, gxsj = excluded.gxsj`,
		}},
	},
	{
		id: "J02", name: "pop.merge_marriage", owner: "D07", parent: true, dialect: "postgres",
		title: "婚姻状况融合：取最近一次登记，缺失时取户籍登记 Marital status: the latest registration wins, else the household register",
		versions: []jobVersion{{
			output: "DS23",
			columns: []column{
				{"hyzk", []source{
					made("DS07.djlx", "kind of the latest registration"),
					made("DS07.djrq", "latest registration wins"),
					made("DS01.hyzk", "fallback when never registered"),
				}},
			},
			keys: []source{join("DS07.nfsfzh"), join("DS07.wfsfzh"), join("DS01.gmsfhm")},
			sql: `UPDATE rkk.rkjbxx p SET hyzk = coalesce(m.hyzk, h.hyzk)
FROM ods.hkjbxx h LEFT JOIN LATERAL (
  SELECT CASE djlx WHEN '1' THEN '2' WHEN '2' THEN '4' END AS hyzk FROM ods.hydjxx
  WHERE h.gmsfhm IN (nfsfzh, wfsfzh) ORDER BY djrq DESC LIMIT 1) m ON true
WHERE p.gmsfhm = h.gmsfhm`,
		}},
	},
	{
		id: "J03", name: "pop.merge_birth", owner: "D07", parent: true, dialect: "postgres",
		title: "出生日期补全 Fills missing dates of birth from birth certificates",
		versions: []jobVersion{{
			output:  "DS23",
			columns: []column{{"csrq", []source{made("DS05.cssj", "date part, where the household register has none")}}},
			keys:    []source{join("DS05.mqsfzh")},
			sql: `UPDATE rkk.rkjbxx p SET csrq = b.cssj::date
FROM ods.csyxzm b JOIN rkk.hh_cy m ON m.gmsfhm = b.mqsfzh JOIN rkk.hh_cy c ON c.hh = m.hh AND c.xm = b.xsexm
WHERE p.csrq IS NULL AND p.gmsfhm = c.gmsfhm`,
		}},
	},
	{
		id: "J04", name: "pop.merge_death", owner: "D07", parent: true, dialect: "postgres",
		title:    "死亡信息融合：按来源优先级取值 Death: the first source that knows wins, in order of priority",
		versions: []jobVersion{mergeDeathV1, mergeDeathV2},
	},
	{
		id: "J05", name: "pop.merge_residence", owner: "D07", parent: true, dialect: "postgres",
		title: "居住地融合 Residence, from valid permits",
		versions: []jobVersion{{
			output:  "DS23",
			columns: []column{{"jzd_qh", []source{same("DS03.jzd_qh")}}},
			keys:    []source{join("DS03.gmsfhm"), filter("DS03.zt", "valid permits only")},
			sql: `UPDATE rkk.rkjbxx p SET jzd_qh = r.jzd_qh
FROM ods.jzzxx r WHERE p.gmsfhm = r.gmsfhm AND r.zt = '1'`,
		}},
	},
	{
		id: "J06", name: "ent.load_market", owner: "D07", dialect: "postgres",
		title: "市场主体入库 Loads market entities",
		versions: []jobVersion{{
			output:  "DS24",
			columns: copies("DS11", "tyshxydm", "mc", "fddbr", "clrq", "djzt"),
			sql: `INSERT INTO frk.frjbxx (tyshxydm, mc, fddbr, clrq, djzt, frlx)
SELECT tyshxydm, mc, fddbr, clrq, djzt, '01' FROM ods.scztdjxx
ON CONFLICT (tyshxydm) DO UPDATE SET mc = excluded.mc, fddbr = excluded.fddbr, clrq = excluded.clrq, djzt = excluded.djzt`,
		}},
	},
	{
		id: "J07", name: "ent.load_social_org", owner: "D07", dialect: "postgres",
		title: "社会组织入库 Loads social organisations",
		versions: []jobVersion{{
			output: "DS24",
			columns: append(copies("DS10", "tyshxydm", "mc", "fddbr", "clrq"),
				column{"djzt", []source{made("DS10.zt", "mapped to the states of market entities")}}),
			sql: `INSERT INTO frk.frjbxx (tyshxydm, mc, fddbr, clrq, djzt, frlx)
SELECT tyshxydm, mc, fddbr, clrq, CASE zt WHEN '1' THEN '01' ELSE '09' END, '03' FROM ods.shzzfr
ON CONFLICT (tyshxydm) DO UPDATE SET mc = excluded.mc, fddbr = excluded.fddbr, djzt = excluded.djzt`,
		}},
	},
	{
		id: "J08", name: "ent.merge_tax_insured", owner: "D07", dialect: "postgres",
		title: "纳税与参保信息融合 State of the taxpayer, and how many people it insures",
		versions: []jobVersion{{
			output: "DS24",
			columns: []column{
				{"nsrzt", []source{same("DS18.nsrzt")}},
				{"cbrs", []source{masked(total("DS15.gmsfhm", "count of persons"))}},
			},
			keys: []source{join("DS18.tyshxydm"), groupBy("DS15.cbdw"), filter("DS15.cbzt", "insured now")},
			sql: `UPDATE frk.frjbxx f SET nsrzt = t.nsrzt, cbrs = i.n
FROM ods.nsrdjxx t LEFT JOIN (
  SELECT cbdw, count(DISTINCT gmsfhm) AS n FROM ods.cbdjxx WHERE cbzt = '1' GROUP BY cbdw) i ON i.cbdw = t.tyshxydm
WHERE f.tyshxydm = t.tyshxydm`,
		}},
	},
}

// mergeDeathV1 knows two sources of a death.
var mergeDeathV1 = jobVersion{
	output: "DS23",
	columns: []column{
		{"shzt", []source{made("DS02.swrq", "priority 1"), made("DS08.swrq", "priority 2")}},
		{"swrq", []source{made("DS02.swrq", "coalesce, priority 1"), made("DS08.swrq", "coalesce, priority 2")}},
		{"swly", []source{made("DS02.swrq", "which source won"), made("DS08.swrq", "which source won")}},
	},
	keys: []source{join("DS02.gmsfhm"), join("DS08.gmsfhm")},
	sql: `UPDATE rkk.rkjbxx p SET shzt = '2', swrq = coalesce(d.swrq, c.swrq),
  swly = CASE WHEN d.swrq IS NOT NULL THEN 'DS02' ELSE 'DS08' END
FROM ods.swzxxx d FULL JOIN ods.hhxx c ON c.gmsfhm = d.gmsfhm
WHERE p.gmsfhm = coalesce(d.gmsfhm, c.gmsfhm)`,
}

// mergeDeathV2 adds the certificates of death as a third source: nobody had
// asked for them before agreement A15.
var mergeDeathV2 = jobVersion{
	from:   day("2026-03-30"),
	output: "DS23",
	columns: []column{
		{"shzt", append(slices.Clone(mergeDeathV1.columns[0].from), made("DS06.swsj", "priority 3"))},
		{"swrq", append(slices.Clone(mergeDeathV1.columns[1].from), made("DS06.swsj", "coalesce, priority 3, date part"))},
		{"swly", append(slices.Clone(mergeDeathV1.columns[2].from), made("DS06.swsj", "which source won"))},
	},
	keys: append(slices.Clone(mergeDeathV1.keys), join("DS06.gmsfhm")),
	sql: `UPDATE rkk.rkjbxx p SET shzt = '2', swrq = coalesce(d.swrq, c.swrq, m.swsj::date),
  swly = CASE WHEN d.swrq IS NOT NULL THEN 'DS02' WHEN c.swrq IS NOT NULL THEN 'DS08' ELSE 'DS06' END
FROM ods.swzxxx d FULL JOIN ods.hhxx c ON c.gmsfhm = d.gmsfhm FULL JOIN ods.swyxzm m ON m.gmsfhm = coalesce(d.gmsfhm, c.gmsfhm)
WHERE p.gmsfhm = coalesce(d.gmsfhm, c.gmsfhm, m.gmsfhm)`,
}
