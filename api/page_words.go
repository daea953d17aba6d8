package api

import "maps"

// words are what the states, rules and types of the program mean to people, as
// kind/value: English, then 简体中文. What fields and codes are called is said by
// rule packs.
var words = func() map[string][2]string {
	all := make(map[string][2]string)
	for _, part := range []map[string][2]string{valueWords, eventWords} {
		maps.Copy(all, part)
	}
	return all
}()

var valueWords = map[string][2]string{
	"state/open": {"open", "进行中"}, "state/met": {"met", "按期完成"}, "state/late": {"late", "逾期完成"}, "state/breached": {"breached", "逾期未完成"}, "state/undetermined": {"undetermined", "无法确定"},
	"touched/catalog": {"catalog", "目录"}, "touched/share": {"sharing", "共享"}, "touched/access": {"access", "访问"}, "touched/quality": {"quality", "质量"}, "touched/lineage": {"lineage", "血缘"},
	"truth/true": {"yes", "是"}, "truth/false": {"no", "否"},
	"order/asc": {"oldest first", "最早在前"}, "order/desc": {"newest first", "最新在前"},

	"stage/drafted":             {"draft", "草稿"},
	"stage/department_approved": {"approved by its department", "部门已审批"},
	"stage/submitted":           {"submitted", "已提交"},
	"stage/returned":            {"returned", "已退回"},
	"stage/published":           {"published", "已发布"},
	"stage/withdrawn":           {"withdrawn", "已撤销"},

	"state/performed":  {"performed", "已处置"},
	"state/active":     {"active", "生效"},
	"state/suspended":  {"suspended", "暂停"},
	"state/terminated": {"terminated", "终止"},
	"state/expired":    {"expired", "到期"},
	"state/fulfilled":  {"fulfilled", "目的实现"},

	"state/submitted":            {"submitted", "已提交"},
	"state/received":             {"received", "已受理"},
	"state/supplement_requested": {"to be supplemented", "待补充材料"},
	"state/supplemented":         {"supplemented", "已补充材料"},
	"state/granted":              {"granted", "同意"},
	"state/partially_granted":    {"granted in part", "部分同意"},
	"state/refused":              {"refused", "不同意"},
	"state/withdrawn":            {"withdrawn", "撤回"},

	"state/accepted":  {"accepted", "已受理"},
	"state/rejected":  {"rejected", "不予受理"},
	"state/assigned":  {"assigned", "已分派"},
	"state/confirmed": {"confirmed", "属实"},
	"state/unfounded": {"unfounded", "不属实"},
	"state/rectified": {"put right", "已整改"},
	"state/rechecked": {"checked again", "已复核"},

	"state/registered": {"registered", "已登记"},
	"role/registrar":   {"registrar", "登记员"},
	"role/reviewer":    {"reviewer", "审核员"},
	"role/provider":    {"provider", "提供部门"},
	"role/consumer":    {"consumer", "需求部门"},
	"role/operator":    {"operator", "运行方"},
	"role/ingest":      {"ingest", "采集程序"},
	"role/admin":       {"admin", "管理员"},
	"state/merged":     {"merged", "已合并"},
	"state/dissolved":  {"dissolved", "已撤销"},

	"state/reported": {"reported", "已报告"},
	"state/closed":   {"closed", "已关闭"},

	"rule/access.no-agreement":         {"no agreement", "无协议"},
	"rule/access.agreement-not-active": {"agreement not active", "协议未生效"},
	"rule/access.outside-term":         {"outside the term", "超出期限"},
	"rule/access.entry-not-granted":    {"entry not granted", "条目未授予"},
	"rule/access.column-not-granted":   {"column not granted", "列未授予"},
	"rule/access.purpose-not-granted":  {"purpose not granted", "用途未授予"},
	"rule/access.consumer-mismatch":    {"another consumer", "需求部门不符"},
	"rule/access.provider-mismatch":    {"another provider", "提供部门不符"},
	"rule/access.region-not-granted":   {"region not granted", "区域未授予"},
	"rule/access.batch-overlaps":       {"numbers recorded before", "编号重复"},
	"rule/access.batch-unchained":      {"does not go on from the batch before", "与前一批次不衔接"},

	"rule/lineage.input-not-covered": {"input without authority", "输入没有依据"},
	"rule/lineage.columns-differ":    {"columns differ from what was declared", "列与声明不符"},
	"rule/provision.changed-unfiled": {"provision changed without consultation or filing", "变更提供未征求意见或未备案"},
	"rule/oversight.determined":      {"found by oversight", "监督认定"},
	"rule/producer.sequence-gap":     {"numbers are missing", "编号缺失"},
	"rule/producer.number-repeated":  {"a number was used twice", "编号重复使用"},

	"damage/record-missing":  {"a record is missing", "记录缺失"},
	"damage/record-edited":   {"a record was edited", "记录被改动"},
	"damage/tile-edited":     {"a tile was edited", "瓦片被改动"},
	"damage/payload-swapped": {"kept content is not what was committed to", "附属内容与承诺不符"},
	"damage/payload-missing": {"kept content or its key is missing", "附属内容或其密钥缺失"},
	"damage/payload-kept":    {"content is there that was erased", "已删除的内容仍存在"},
	"damage/tail-rewritten":  {"the end was rewritten", "末尾被改写"},
	"damage/truncated":       {"records at the end are missing", "末尾记录缺失"},
	"damage/relinked":        {"a record does not follow the one before it", "记录未与前一条衔接"},
	"damage/fork":            {"two heads are of two histories", "链头分属两份账本"},
	"damage/unreadable":      {"the storage cannot be read", "存储无法读取"},
	"damage/derived-row":     {"a derived row does not follow from the records", "派生数据与记录不符"},
	"damage/wrong-key":       {"signed by another key", "由其他密钥签名"},

	"limit/limit":              {"the answer has more parts", "还有后续部分"},
	"limit/max_findings":       {"more findings were recorded than are looked at", "质量问题多于查看上限"},
	"limit/max_outputs":        {"the node has more outputs than are looked at", "输出多于查看上限"},
	"limit/max_accesses":       {"more calls were recorded than are looked at", "调用多于查看上限"},
	"limit/depth":              {"there is more beyond the depth asked for", "超出所查询步数的部分未列出"},
	"limit/max_nodes":          {"there are more nodes than are looked at", "节点多于查看上限"},
	"limit/columns_unknown":    {"what columns went through some job is not known", "部分作业的列级去向不明"},
	"limit/dropped":            {"datasets that were dropped are left out", "已删除的数据集未列出"},
	"limit/max_paths":          {"there are more paths than are returned", "路径多于返回上限"},
	"limit/max_length":         {"there are longer paths", "还有更长的路径"},
	"limit/max_work":           {"the search was given up", "搜索已中止"},
	"limit/compared_bulletins": {"more bulletins were issued than are compared", "已发布的通报多于比较上限"},
	"limit/erased":             {"a part was erased", "部分内容已删除"},
	"limit/picture":            {"the picture does not show all", "图中未画出全部"},

	"numbers/events": {"events", "事件"}, "numbers/calls": {"calls", "调用"},
	"run/START": {"started", "开始"}, "run/RUNNING": {"running", "运行中"}, "run/COMPLETE": {"completed", "完成"}, "run/ABORT": {"aborted", "中止"},
	"run/FAIL": {"failed", "失败"}, "run/OTHER": {"other", "其他"},

	"access/access.batch.sealed": {"sealed batch", "封存批次"},
	"access/access.gap.declared": {"declared gap", "申报缺口"},

	"outcome/skip":  {"skipped", "跳过"},
	"state/settled": {"settled", "已达成一致"}, "state/failed": {"not settled", "未达成一致"},

	"direction/both": {"both ways", "双向"},
	"direction/up":   {"where it came from", "来源"},
	"direction/down": {"where it went", "去向"},

	"node/dataset": {"dataset", "数据集"}, "node/job": {"job", "作业"}, "node/run": {"run", "运行"}, "node/entry": {"catalog entry", "目录条目"},
	"change/added": {"added", "新增"}, "change/removed": {"removed", "移除"}, "change/changed": {"changed", "变更"}, "change/withdrawn": {"withdrawn", "撤销"},

	"edge/reads":    {"is read by", "被读取"},
	"edge/writes":   {"writes", "写入"},
	"edge/derives":  {"becomes", "生成"},
	"edge/feeds":    {"feeds", "供给"},
	"edge/precedes": {"comes before", "先于"},
	"edge/started":  {"started", "启动"},
	"edge/runs":     {"has the run", "的运行"},
	"edge/resource": {"describes", "描述"},
	"edge/same_as":  {"is also called", "又名"},
	"edge/part_of":  {"is a column of", "属于"},

	"event/catalog.entry.drafted":      {"drafted", "起草"},
	"event/catalog.entry.revised":      {"revised", "修订"},
	"event/catalog.entry.submitted":    {"submitted", "提交"},
	"event/catalog.entry.returned":     {"returned", "退回"},
	"event/catalog.entry.published":    {"published", "发布"},
	"event/catalog.entry.withdrawn":    {"withdrawn", "撤销"},
	"event/share.agreement.activated":  {"activated", "生效"},
	"event/share.agreement.suspended":  {"suspended", "暂停"},
	"event/share.agreement.resumed":    {"resumed", "恢复"},
	"event/share.agreement.terminated": {"terminated", "终止"},
	"event/quality.issue.reported":     {"reported", "报告"},
	"event/quality.issue.closed":       {"closed", "关闭"},

	"event/catalog.entry.assessed":            {"assessed", "评估"},
	"event/catalog.entry.department_approved": {"approved by its department", "部门审批"},
	"event/catalog.entry.suspended":           {"suspended", "暂停共享"},
	"event/catalog.entry.resumed":             {"resumed", "恢复共享"},
	"event/catalog.source.designated":         {"source designated", "明确数源部门"},
	"event/catalog.source.relieved":           {"source relieved", "解除数源部门"},
	"event/share.agreement.amended":           {"amended", "变更"},
	"event/share.agreement.expired":           {"expired", "到期"},
	"event/share.agreement.fulfilled":         {"fulfilled", "目的实现"},
}
