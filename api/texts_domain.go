package api

// domainTexts are those of the pages of catalog, sharing, quality, duties and
// violations, beside what these have in common.
var domainTexts = map[string][2]string{
	"total":         {"Entries that match:", "符合条件的条目："},
	"facets-narrow": {"Narrow the list", "缩小范围"},
	"disputed":      {"Disputed", "有争议"},
	"disputed-now":  {"its items are marked as disputed", "相关信息项已标记为有争议"},

	"evidence-entry": {"A file that shows all that was recorded about this entry, and that nothing was left out, to somebody who does not trust this server.", "一个文件，可向不信任本服务器的人证明与本条目有关的全部记录，且没有遗漏。"},

	"requests":      {"Requests", "共享申请"},
	"requests-lead": {"Who asked whom for what, and what came of it, for the entry and parties chosen above, in all states.", "谁向谁申请了什么、结果如何。按上方所选条目与部门列出，不限状态。"},
	"request":       {"Request", "申请"},
	"asked-for":     {"Asked for (items)", "申请内容（信息项数）"},
	"submitted-at":  {"Submitted, as claimed", "声称的提交时间"},
	"answered-at":   {"Answered, as claimed", "声称的答复时间"},
	"no-requests":   {"As of this position, no request of these parties or for this entry was recorded.", "截至该位置，没有这些部门或该条目的共享申请。"},

	"assigned-to":  {"Assigned to", "已分派给"},
	"correction":   {"Request to correct answered, as claimed", "声称的更正答复时间"},
	"rectified-by": {"Put right by", "整改方"},
	"rechecked-by": {"Checked again by", "复核方"},
	"origins":      {"Where it may come from", "可能的源头"},
	"accountable":  {"Found to answer for it", "认定的责任方"},

	"duties-track": {"The line runs from the day it is counted from to the due day (the bar); red is what it took longer. Each has its own scale.", "横线自起算日起，竖线为到期日，红色为超期部分，各行比例不同。"},

	"violation-ended": {"done after all", "事后完成"},
	"violation-open":  {"still not done", "仍未完成"},
	"violation-done":  {"happened", "已发生"},
}
