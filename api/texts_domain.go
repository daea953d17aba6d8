package api

// domainTexts are those of the pages of catalog, sharing, quality, duties and
// violations, beside what these have in common.
var domainTexts = map[string][2]string{
	"touched-kind":             {"Records of kind", "记录类别"},
	"touched-party":            {"that name the party", "涉及部门"},
	"nothing-touched-filtered": {"No record of this kind and party about it was made in that time.", "该时间内没有符合类别与部门的相关记录。"},
	"the-case":                 {"Case", "案卷"},
	"title-case":               {"Case · Ledgerline", "案卷 · Ledgerline"},
	"case-lead":                {"Records collected by an investigation. Nothing of a case is kept on this server: its address holds all of it, to be kept and passed on.", "调查中收集的记录。本服务器不保存案卷，网址即为全部内容，可自行保存和转交。"},
	"case-title":               {"Name of the case", "案卷名称"},
	"case-position":            {"Add a record, by position", "按位置添加记录"},
	"case-change":              {"Change", "更改"},
	"case-how":                 {"Tick what matters and collect it into a case.", "勾选重要记录，收入案卷。"},
	"case-take":                {"Take", "选取"},
	"case-add":                 {"Collect into a case", "收入案卷"},
	"case-drop":                {"Take out", "移出"},
	"case-more":                {"Go on investigating with this case", "带着本案卷继续调查"},
	"case-empty":               {"Nothing was collected yet: tick records on the investigation page, or add one by its position.", "尚未收集记录：请在调查页勾选，或按位置添加。"},
	"case-evidence":            {"One file that shows these records to somebody who does not trust this server. It does not show that there are no others.", "一个文件，可向不信任本服务器的人证明上述记录。它不能证明没有其他记录。"},
	"case-complete":            {"For what the records are about there are files that hold everything recorded, with the proof that nothing was left out:", "对于这些记录所涉及的对象，以下文件包含其全部记录，并证明没有遗漏："},
	"only-open":                {"only those that are open", "仅看未结"},
	"today":                    {"Recorded on", "当日入账"},
	"today-catalog":            {"In the catalog, since that day began:", "自当日零时起目录的变化："},
	"today-catalog-none":       {"Nothing changed in the catalog since that day began.", "自当日零时起目录没有变化。"},
	"due-next":                 {"Duties due", "待履行的时限义务"},
	"due-missed":               {"missed:", "已逾期未完成："},
	"due-none":                 {"As of this position no duty is open.", "截至该位置，没有待履行的义务。"},
	"issues-open":              {"Open quality issues", "未结质量问题"},
	"issues-none":              {"As of this position no reported issue is open.", "截至该位置，没有未结的质量问题。"},
	"broken-none":              {"Up to this position no reported call broke a rule.", "截至该位置，没有违规的已报告调用。"},
	"violations-all":           {"All violations, missed duties included", "全部违规，包括逾期的义务"},

	"total":         {"Entries that match:", "符合条件的条目："},
	"facets-narrow": {"Narrow the list", "缩小范围"},
	"disputed":      {"Disputed", "有争议"},
	"check-failed":  {"Check failed", "检查未通过"},
	"disputed-now":  {"its items are marked as disputed", "相关信息项已标记为有争议"},

	"evidence-entry": {"A file that shows all that was recorded about this entry, and that nothing was left out, to somebody who does not trust this server.", "一个文件，可向不信任本服务器的人证明与本条目有关的全部记录，且没有遗漏。"},

	"requests":      {"Requests", "共享申请"},
	"requests-lead": {"Who asked whom for what, and what came of it, for the entry and parties chosen above, in all states.", "谁向谁申请了什么、结果如何。按上方所选条目与部门列出，不限状态。"},
	"request":       {"Request", "申请"},
	"asked-for":     {"Asked for (items)", "申请内容（信息项数）"},
	"submitted-at":  {"Submitted, as claimed", "提交时间（自报）"},
	"answered-at":   {"Answered, as claimed", "答复时间（自报）"},
	"no-requests":   {"As of this position, no request of these parties or for this entry was recorded.", "截至该位置，没有这些部门或该条目的共享申请。"},

	"assigned-to":  {"Assigned to", "已分派给"},
	"correction":   {"Request to correct answered, as claimed", "校核答复时间（自报）"},
	"rectified-by": {"Put right by", "整改方"},
	"rechecked-by": {"Checked again by", "复核方"},
	"origins":      {"Where it may come from", "可能的源头"},
	"accountable":  {"Found to answer for it", "认定的责任方"},

	"duties-track": {"The line runs from the day it is counted from to the due day (the bar); red is what it took longer. Each has its own scale.", "横线自起算日起，竖线为到期日，红色为超期部分，各行比例不同。"},

	"violation-ended": {"done after all", "事后完成"},
	"violation-open":  {"still not done", "仍未完成"},
	"violation-done":  {"happened", "已发生"},
}
