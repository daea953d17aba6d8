package projections

// The codes of forms. They are told to clients, and stay.
const (
	// What calls were found to do, by the agreement they invoked. Of calls made over a time
	// there is a form of its own.
	saidNoneInvoked      = "none-invoked"
	saidAgreementUnknown = "agreement-unknown"
	saidNotYet           = "not-yet-in-effect"
	saidNotYetOver       = "not-yet-in-effect-over"
	saidState            = "state-then"
	saidStateOver        = "state-then-over"
	saidTerm             = "outside-term"
	saidTermOver         = "outside-term-over"
	saidProvider         = "other-provider"
	saidConsumer         = "other-consumer"
	saidPurpose          = "purpose-not-granted"
	saidRegion           = "region-not-granted"
	saidEntry            = "entry-not-granted"
	saidColumns          = "columns-not-granted"
	saidUnchained        = "batch-unchained"
	saidOverlaps         = "numbers-repeated"

	// What was found beside calls.
	saidNumberRepeated   = "number-repeated"
	saidNumbersMissing   = "numbers-missing"
	saidInputNotCovered  = "input-not-covered"
	saidColumnsDiffer    = "columns-differ"
	saidDetermined       = "determined"
	saidUnfiled          = "neither-consulted-nor-filed"
	saidUnfiledConsulted = "not-filed"
	saidUnfiledUnasked   = "not-consulted"
	saidDutyMissed       = "duty-missed"
	saidDutyLate         = "duty-late"
	saidDutySetMissed    = "duty-set-missed"
	saidDutySetLate      = "duty-set-late"
	saidNoCalendar       = "no-calendar"
	saidNoDue            = "no-due-day"
	saidCollectedAgain   = "collected-again"
	saidUseNotRecorded   = "use-not-recorded"

	// What speaks of a party's responsibility for a finding.
	saidAnswersFor = "answers-for"
	saidMerged     = "merged-into"
	saidSourceAll  = "source-of-all"
	saidSource     = "source-of"
	saidKnew       = "knew"
	saidAssigned   = "assigned"
	saidFound      = "found"
	saidLate       = "late"

	// What records say, in a line.
	saidTitle        = "title"
	saidTitleVersion = "title-version"
	saidFromTo       = "from-to"
	saidAssessed     = "assessed"
	saidOutcome      = "outcome"
	saidVerdict      = "verdict"
	saidCause        = "cause"
	saidDenied       = "denied"
	saidBatch        = "batch"
	saidRead         = "read"
	saidIssue        = "issue"
	saidRunEvent     = "run-event"
	saidName         = "name"
	saidNeed         = "need"
	saidAnomaly      = "anomaly"
	saidWrong        = "noted-wrong"
	saidImport       = "import"
	saidVerified     = "verified"
	saidEntries      = "entries"
	saidCodeSet      = "code-set"
)

// forms are what can be said: English, then 简体中文. Both have the same parameters, see
// parseForm.
var forms = map[string][2]string{
	saidNoneInvoked:      {"no agreement was invoked", "调用未援引任何共享协议"},
	saidAgreementUnknown: {"no agreement {agreement:id} was known when it was recorded", "入账时尚无协议 {agreement:id}"},
	saidNotYet:           {"the agreement took effect at {since:time}; the call was made at {time:time}", "协议自 {since:time} 起生效，调用发生于 {time:time}"},
	saidNotYetOver: {
		"the agreement took effect at {since:time}; the calls were made from {time:time} to {until:time}",
		"协议自 {since:time} 起生效，调用发生于 {time:time} 至 {until:time}",
	},
	saidState: {"the agreement was {state:state} since {since:time}; the call was made at {time:time}", "协议自 {since:time} 起状态为“{state:state}”，调用发生于 {time:time}"},
	saidStateOver: {
		"the agreement was {state:state} since {since:time}; the calls were made from {time:time} to {until:time}",
		"协议自 {since:time} 起状态为“{state:state}”，调用发生于 {time:time} 至 {until:time}",
	},
	saidTerm: {"the term goes from {term_from:time} to {term_to:time}; the call was made at {time:time}", "协议期限为 {term_from:time} 至 {term_to:time}，调用发生于 {time:time}"},
	saidTermOver: {
		"the term goes from {term_from:time} to {term_to:time}; the calls were made from {time:time} to {until:time}",
		"协议期限为 {term_from:time} 至 {term_to:time}，调用发生于 {time:time} 至 {until:time}",
	},
	saidProvider:  {"the agreement is with provider {provider:id}, the call was to {called:id}", "协议的提供部门为 {provider:id}，调用的是 {called:id}"},
	saidConsumer:  {"the agreement is with consumer {consumer:id}, the call was by {caller:id}", "协议的需求部门为 {consumer:id}，调用方为 {caller:id}"},
	saidPurpose:   {"the purpose {purpose:purpose} is not among {granted:purpose}", "用途“{purpose:purpose}”不在准许的用途“{granted:purpose}”之内"},
	saidRegion:    {"the region {region:id} is not within {granted:id}", "区划 {region:id} 不在 {granted:id} 范围内"},
	saidEntry:     {"the agreement grants nothing of entry {entry:id}", "协议未授予目录条目 {entry:id} 的任何信息项"},
	saidColumns:   {"not granted: {columns:list}", "未授予的信息项：{columns:list}"},
	saidUnchained: {"the batch goes on from number {last}, but does not bear the root of the batch that ended there", "批次自编号 {last} 之后接续，但未载有前一批次的根哈希"},
	saidOverlaps:  {"some of the numbers {first} to {last} of producer {producer:id} were recorded before", "生产者 {producer:id} 的编号 {first} 至 {last} 中有一部分此前已入账"},

	saidNumberRepeated: {"number {number} of producer {producer:id} was given out before", "生产者 {producer:id} 的编号 {number} 此前已使用"},
	saidNumbersMissing: {
		"the numbers {first} to {last} of the {numbers:numbers} of producer {producer:id} were not recorded, and no gap is declared",
		"生产者 {producer:id} 的{numbers:numbers}编号 {first} 至 {last} 未入账，也未申报缺口",
	},
	saidInputNotCovered: {
		"the job {job:id} read it from {from:time} (run {run:id}) to {to:time}, covered by no ownership, mandate or agreement",
		"作业 {job:id} 自 {from:time}（运行 {run:id}）至 {to:time} 读取，没有权属、授权或协议作为依据",
	},
	saidColumnsDiffer: {
		"run {run:id} of the job {job:id}: {undeclared} columns seen and not declared, {unseen} declared and not seen",
		"作业 {job:id} 的运行 {run:id}：观察到而未声明的列 {undeclared} 个，声明而未观察到的列 {unseen} 个",
	},
	saidDetermined:       {"{event:event} names {violation:id}", "“{event:event}”的记录认定 {violation:id}"},
	saidUnfiled:          {"provision {provision:id} was changed with neither consultation nor filing", "共享服务 {provision:id} 的变更既未征求意见，也未备案"},
	saidUnfiledConsulted: {"provision {provision:id} was changed with no filing", "共享服务 {provision:id} 的变更未备案"},
	saidUnfiledUnasked:   {"provision {provision:id} was changed with no consultation", "共享服务 {provision:id} 的变更未征求意见"},
	saidDutyMissed:       {"due {due:day} by calendar {calendar:id} {calendar_version:id} and not done", "到期日 {due:day}（按日历 {calendar:id} {calendar_version:id} 计算），至今未完成"},
	saidDutyLate: {
		"due {due:day} by calendar {calendar:id} {calendar_version:id}, done {done:time}",
		"到期日 {due:day}（按日历 {calendar:id} {calendar_version:id} 计算），实际于 {done:time} 完成",
	},
	saidDutySetMissed: {"due {due:day} as ordered and not done", "限定的到期日为 {due:day}，至今未完成"},
	saidDutySetLate:   {"due {due:day} as ordered, done {done:time}", "限定的到期日为 {due:day}，实际于 {done:time} 完成"},
	saidNoCalendar:    {"no version of the calendar {calendar:id} was published before it began", "起算前未发布日历 {calendar:id} 的任何版本"},
	saidNoDue:         {"the record that opened it does not say by when", "产生该义务的记录未规定期限"},
	saidCollectedAgain: {
		"{by:id} reports that {collector:id} collects {items} items that the entry {entry:id} has",
		"{by:id} 报告 {collector:id} 重复采集目录条目 {entry:id} 已有的 {items} 个信息项",
	},
	saidUseNotRecorded: {"data was had under {agreement:id}, and no record of its use was made", "已根据协议 {agreement:id} 取得数据，但未作任何使用记录"},

	saidAnswersFor: {"answers for {entry:id}", "是目录条目 {entry:id} 的提供部门"},
	saidMerged:     {"merged several sources into {entry:id}", "将多个来源融合为目录条目 {entry:id}"},
	saidSourceAll:  {"is designated as the source of all items", "被明确为全部信息项的数源部门"},
	saidSource:     {"is designated as the source of {item:id}", "被明确为信息项 {item:id} 的数源部门"},
	saidKnew: {
		"finding {finding:id} ({symptom:symptom}) had been reported by {by:id} at {reported:time} and was {state:state}",
		"质量问题 {finding:id}（{symptom:symptom}）已由 {by:id} 于 {reported:time} 报告，状态为“{state:state}”",
	},
	saidAssigned: {"has to put it right, in the capacity {capacity:capacity}", "以{capacity:capacity}的身份负责整改"},
	saidFound:    {"{by:id} found: {ground:text} {violation:id}", "{by:id} 认定：{ground:text} {violation:id}"},
	saidLate:     {"{pack:id} {rule:id}: due {due:day}, {state:state}", "{pack:id} {rule:id}：到期日 {due:day}，{state:state}"},

	saidTitle:        {"{title:text}", "{title:text}"},
	saidTitleVersion: {"{title:text} v{version}", "{title:text} 第 {version} 版"},
	saidFromTo:       {"{from:id} → {to:id}", "{from:id} → {to:id}"},
	saidAssessed:     {"{entry:id}: {kind:kind} {result:result}", "{entry:id}：{kind:kind}，{result:result}"},
	saidOutcome:      {"{by:id}: {outcome:outcome}", "{by:id}：{outcome:outcome}"},
	saidVerdict:      {"{by:id}: {verdict:verdict}", "{by:id}：{verdict:verdict}"},
	saidCause:        {"{by:id}: {cause:cause}", "{by:id}：{cause:cause}"},
	saidDenied:       {"{consumer:id} denied {entry:id}: {reason:reason}", "{consumer:id} 调用 {entry:id} 被拒绝：{reason:reason}"},
	saidBatch:        {"{consumer:id} read {entry:id}: {calls} calls, {rows} rows", "{consumer:id} 读取 {entry:id}：{calls} 次调用，{rows} 行"},
	saidRead:         {"{consumer:id} read {entry:id}: {result:result}, {rows} rows", "{consumer:id} 读取 {entry:id}：{result:result}，{rows} 行"},
	saidIssue:        {"{entry:id}: {symptom:symptom}, {severity:severity}", "{entry:id}：{symptom:symptom}，{severity:severity}"},
	saidRunEvent:     {"{job:id} {state:run}", "{job:id} {state:run}"},
	saidName:         {"{name:id}", "{name:id}"},
	saidNeed:         {"{by:id} → {to:id}: {title:text}", "{by:id} → {to:id}：{title:text}"},
	saidAnomaly:      {"{provider:id}: {rule:id}, {severity:severity}", "{provider:id}：{rule:id}，{severity:severity}"},
	saidWrong:        {"{by:id}: the record at position {record} is wrong", "{by:id}：位置 {record} 的记录有误"},
	saidImport:       {"{by:id}: {title:text}", "{by:id}：{title:text}"},
	saidVerified:     {"{by:id}: positions {first} to {last}, {result:result}", "{by:id}：位置 {first} 至 {last}，{result:result}"},
	saidEntries:      {"{region:id}: {entries} entries", "{region:id}：{entries} 个目录条目"},
	saidCodeSet:      {"{code_set:id} {version:id}", "{code_set:id} {version:id}"},
}
