package events

import "fmt"

// KindQualityRule is the subject of a rule that data is measured by, and
// KindQualityRun of one measurement.
const (
	KindQualityRule = "quality_rule"
	KindQualityRun  = "quality_run"
)

var qualityTypes = []Type{
	act[QualityRulePublished, QualityRule]("quality.rule.published"),
	fact[QualityRunCompleted]("quality.run.completed"),
}

// QualityRule is the state of a quality rule: its newest version.
type QualityRule struct {
	Version int `json:"version,omitzero"`
}

// QualityRulePublished is a version of a rule, whole.
type QualityRulePublished struct {
	Rule string `json:"rule"`
	// Version counts from 1.
	Version int    `json:"version"`
	Owner   string `json:"owner"`
	// Dimension is the code of a quality dimension, with its scheme, such as
	// GB36344:0302.
	Dimension string `json:"dimension"`
	// Expression is the rule as a machine reads it.
	Expression string `json:"expression"`
	// Entry and Items are what it is for.
	Entry string   `json:"entry"`
	Items []string `json:"items,omitzero"`
	// Threshold is the share of conforming rows that is enough, in millionths.
	Threshold int `json:"threshold"`
	// Severity is blocking, major or minor.
	Severity string `json:"severity"`
}

// QualityRunCompleted is a measurement: how many rows conformed to each rule.
type QualityRunCompleted struct {
	Run   string `json:"run"`
	By    string `json:"by"`
	Entry string `json:"entry"`
	// EntryVersion and Dataset say what was measured.
	EntryVersion int        `json:"entry_version,omitzero"`
	Dataset      DatasetRef `json:"dataset,omitzero"`
	// LineageRun is the OpenLineage run whose output it was, Batch the batch that holds it.
	LineageRun string          `json:"lineage_run,omitzero"`
	Batch      string          `json:"batch,omitzero"`
	Results    []QualityResult `json:"results"`
	Engine     string          `json:"engine,omitzero"`
}

// QualityResult is what one rule found: Conforming of Measured rows.
type QualityResult struct {
	Rule        string `json:"rule"`
	RuleVersion int    `json:"rule_version,omitzero"`
	Item        string `json:"item,omitzero"`
	Conforming  int    `json:"conforming"`
	Measured    int    `json:"measured"`
	Pass        bool   `json:"pass"`
}

func (e *QualityRulePublished) Subject() Subject { return Subject{KindQualityRule, e.Rule} }
func (e *QualityRunCompleted) Subject() Subject  { return Subject{KindQualityRun, e.Run} }

func (e *QualityRulePublished) names() []Name { return append(parties(e.Owner), entryName(e.Entry)) }
func (e *QualityRunCompleted) names() []Name {
	return accessNames(parties(e.By), "", e.Entry, e.Dataset)
}

func (e *QualityRulePublished) needs() []Subject { return partySubjects(e.Owner) }

func (e *QualityRulePublished) validate(c checker) {
	c.required("rule", e.Rule, MaxID)
	c.atLeast("version", e.Version, 1)
	c.required("owner", e.Owner, MaxID)
	c.required("dimension", e.Dimension, MaxCode)
	c.required("expression", e.Expression, MaxText)
	c.required("entry", e.Entry, MaxID)
	c.distinct("items", e.Items, MaxID)
	c.atLeast("threshold", e.Threshold, 0)
	if e.Threshold > 1_000_000 {
		c.refuse("field.range", "threshold", fmt.Sprintf("%d is more than all rows", e.Threshold), "send millionths, at most 1000000")
	}
	c.oneOf("severity", e.Severity, severity)
}

func (e *QualityRunCompleted) validate(c checker) {
	c.required("run", e.Run, MaxID)
	c.required("by", e.By, MaxID)
	c.required("entry", e.Entry, MaxID)
	c.atLeast("entry_version", e.EntryVersion, 0)
	c.dataset("dataset", e.Dataset)
	c.text("lineage_run", e.LineageRun, MaxID)
	c.text("batch", e.Batch, MaxID)
	c.some("results", len(e.Results))
	for i, r := range e.Results {
		at := c.at("results", i)
		at.required("rule", r.Rule, MaxID)
		at.atLeast("rule_version", r.RuleVersion, 0)
		at.text("item", r.Item, MaxID)
		at.atLeast("conforming", r.Conforming, 0)
		at.atLeast("measured", r.Measured, r.Conforming)
	}
	c.text("engine", e.Engine, MaxName)
}

func (e *QualityRulePublished) check(s States) error {
	now := stateOf[QualityRule](s, e.Subject())
	if e.Version != now.Version+1 {
		return fault("quality_rule.version-next", "version", e.Subject(), fmt.Sprintf("version %d", now.Version), fmt.Sprintf("the rule now cannot have version %d", e.Version), "send version %d", now.Version+1)
	}
	return registered(s, "/data/owner", e.Owner)
}

func (e *QualityRulePublished) apply(r *QualityRule) { r.Version = e.Version }
