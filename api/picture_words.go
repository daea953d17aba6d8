package api

import (
	"fmt"
	"strings"

	"ledgerline/projections"
)

// pictureWords are the picture's own words, in the order of languages.
var pictureWords = map[string][2]string{
	"dataset": {"dataset", "数据集"}, "datasets": {"datasets", "个数据集"},
	"job": {"job", "作业"}, "jobs": {"jobs", "个作业"},
	"run": {"run", "运行"}, "runs": {"runs", "次运行"},
	"entry": {"catalog entry", "目录条目"}, "entries": {"catalog entries", "个目录条目"},
	"asked":    {"asked for", "所查询的节点"},
	"title":    {"Lineage of %s", "%s 的血缘"},
	"up":       {"where it came from", "来源"},
	"down":     {"where it went", "去向"},
	"both":     {"where it came from and where it went", "来源与去向"},
	"as-of":    {"as of position %d", "截至位置 %d"},
	"recorded": {", recorded %s", "，入账时间 %s"},
	"shown":    {"%d boxes", "共 %d 个图框"},
	"reading":  {"Data flows from left to right.", "数据自左向右流动。"},

	"added":    {"added", "新增"},
	"removed":  {"removed", "移除"},
	"changed":  {"changed", "变更"},
	"unagreed": {"no agreement known for this flow", "该数据流未见协议"},
	"legend":   {"What the signs mean", "图例"},
	"alarm":    {"something is wrong here", "此处存在问题"},
	"dropped":  {"dropped", "已删除"},
	"origin":   {"origin: said to have nothing upstream", "源头：声明无上游"},
	"mixes":    {"mixes several runs", "混合多次运行"},
	"mixes-means": {"The runs of this job did not all read and write the same, and do not tell what came from what: a way through it may be of no single run.",
		"该作业的各次运行读写不尽相同，且未说明由何生成：经过它的路径可能不属于任何一次运行。"},
	"mixes-legend": {"job that mixes what several runs read and wrote", "混合多次运行读写内容的作业"},
	"left-out":     {"not drawn: %d before, %d after", "未画出：上游 %d，下游 %d"},
	"before-out":   {"not drawn: %d before", "未画出：上游 %d"},
	"after-out":    {"not drawn: %d after", "未画出：下游 %d"},
	"more-columns": {"… %d more columns", "…… 另有 %d 列"},
	"cut": {"Showing %d of %d boxes: those nearest to the node asked for. Ask for less depth, or for a node further on, to see the others.",
		"共 %[2]d 个图框，仅画出离所查询节点最近的 %[1]d 个。如需查看其余部分，请减小深度或改查更远的节点。"},
	"withheld":                        {"Complete for what you may see; %d withheld.", "在您的可见范围内完整；另有 %d 项未予显示。"},
	"limit." + projections.LimitDepth: {"There is more beyond the depth asked for.", "超出所查询深度的部分未列出。"},
	"limit." + projections.LimitNodes: {"There are more nodes than max_nodes allows.", "节点数超过 max_nodes，部分未列出。"},
	"limit." + projections.LimitColumns: {"Some job on the way reported datasets but not columns, so that what columns went through it is not known.",
		"途中有作业只报告了数据集而未报告列，列经过该作业的情况不明。"},
	"limit." + projections.LimitDropped: {"Datasets that were dropped, and what lies behind them, are left out.", "已删除的数据集及其后的部分未列出。"},
	"limit":                             {"The answer is cut: %s.", "结果不完整：%s。"},

	"flow":         {"data flow, seen in runs", "运行中观察到的数据流"},
	"declared":     {"declared, not seen in a run", "仅有声明，未在运行中观察到"},
	"indirect":     {"influence only (filter, join …)", "仅间接影响（过滤、关联等）"},
	"masked":       {"values are masked", "值已脱敏"},
	"cycle":        {"closes a cycle", "构成环路"},
	"same":         {"another name of the same", "同一对象的另一名称"},
	"about":        {"entry describes dataset", "目录条目描述数据集"},
	"ran":          {"run of a job", "作业的运行"},
	"control":      {"starts, or starts before", "启动，或先于其启动"},
	"by-job":       {"by %s", "作业：%s"},
	"seen":         {"seen in %d runs, positions %d to %d", "%d 次运行中观察到，位置 %d 至 %d"},
	"seen-once":    {"seen at positions %d to %d", "见于位置 %d 至 %d"},
	"now-declared": {"declared", "有声明"},
	"first":        {"first mentioned at position %d", "首次出现于位置 %d"},
}

// changeSigns tell changes apart without colour.
var changeSigns = map[string]string{projections.ChangeAdded: "＋", projections.ChangeRemoved: "－", projections.ChangeChanged: "±"}

func (p *picture) word(key string) string { return pictureWords[key][p.language] }

func (p *picture) phrase(key string, values ...any) string {
	return fmt.Sprintf(p.word(key), values...)
}

// name is the node asked for, with its title if it has one.
func (p *picture) name() string {
	for _, b := range p.boxes {
		if !b.focus || b.node.Kind == projections.NodeColumn {
			continue
		}
		switch {
		case b.node.Title != "":
			return b.node.Title + " (" + p.graph.Node + ")"
		case len(b.entries) > 0 && b.entries[0].title != "":
			return b.entries[0].title + " (" + p.graph.Node + ")"
		}
	}
	return p.graph.Node
}

// summary says what the picture shows, in a sentence.
func (p *picture) summary(st Standing) string {
	count := make(map[string]int)
	for _, b := range p.boxes {
		count[b.node.Kind]++
	}
	parts := []string{p.word(string(p.graph.Direction)), p.phrase("as-of", st.Position)}
	if st.Time != 0 {
		at := st.Time.String()
		if p.language > 0 {
			at = writtenTime(st.Time.Std(), p.language)
		}
		parts[1] += p.phrase("recorded", at)
	}
	for _, kind := range []struct{ kind, one, many string }{
		{projections.NodeDataset, "dataset", "datasets"}, {projections.NodeJob, "job", "jobs"},
		{projections.NodeRun, "run", "runs"}, {projections.NodeEntry, "entry", "entries"},
	} {
		switch n := count[kind.kind]; {
		case n == 1 && p.language == 0:
			parts = append(parts, "1 "+p.word(kind.one))
		case n > 0:
			parts = append(parts, fmt.Sprintf("%d %s", n, p.word(kind.many)))
		}
	}
	return strings.Join(parts, " · ")
}

// notices say in what way the picture is not the whole answer.
func (p *picture) notices(st Standing) (out []string) {
	if len(p.boxes) < p.total {
		out = append(out, p.phrase("cut", len(p.boxes), p.total))
	}
	if st.Withheld != nil {
		out = append(out, p.phrase("withheld", *st.Withheld))
	}
	for _, limit := range st.LimitsHit {
		if limit == limitPicture {
			continue // said above
		}
		if _, ok := pictureWords["limit."+limit]; ok {
			out = append(out, p.word("limit."+limit))
		} else {
			out = append(out, p.phrase("limit", limit))
		}
	}
	return out
}

// limitPicture is the limit hit if a picture does not show all of the graph.
const limitPicture = "picture"
