package projections

import (
	"ledgerline/events"
	"ledgerline/events/rulepack"
)

// What events say and rows repeat. contentRow is a version of a catalog entry.

type contentRow events.EntryDrafted

func (d *contentRow) code(c *coder) {
	c.text(&d.Entry)
	integer(c, &d.Version)
	c.texts(&d.Provider, &d.Title, &d.TitleEN, &d.Code, &d.CodeScheme)
	textList(c, &d.ClassPath)
	c.texts(&d.ClassScheme, &d.Summary)
	codeSharing(&d.Sharing, c)
	list(c, &d.Items, codeItem)
	c.texts(&d.Format, &d.FormatDetail, &d.UpdateFrequency, &d.UpdateInterval, &d.Grade, &d.Region)
	list(c, &d.Resources, codeResource)
	textList(c, &d.DerivedFrom)
	c.text(&d.FusingParty)
	textList(c, &d.Related)
	c.bool(&d.Open.Open)
	c.text(&d.Open.Conditions)
	textList(c, &d.SourceSystems)
	textList(c, &d.BusinessItems)
	codePeriod(&d.Period, c)
	c.texts(&d.Volume, &d.Contact, &d.Specification)
	textList(c, &d.ChangedPaths)
	c.text(&d.Note) // a facet: it stands beside the record, and is empty here
}

func codeSharing(s *events.Sharing, c *coder) {
	c.texts(&s.Attribute, &s.Reason, &s.Basis, &s.BasisRank, &s.Range)
	textList(c, &s.Purposes)
	c.text(&s.Conditions)
	textList(c, &s.Methods)
}

func codeItem(i *events.EntryItem, c *coder) {
	c.texts(&i.ID, &i.Name, &i.Type, &i.Length)
	c.bools(&i.Key, &i.Nullable)
	c.texts(&i.Personal, &i.Sharing, &i.Grade, &i.CodeSet, &i.Description)
}

func codeResource(r *events.Resource, c *coder) {
	c.texts(&r.Namespace, &r.Name, &r.Method)
	textMap(c, &r.Columns)
}

func codePeriod(p *events.Period, c *coder) {
	integer(c, &p.From)
	integer(c, &p.To)
}

func codeSource(s *events.SourceState, c *coder) { c.texts(&s.Item, &s.Party) }

func codeRole(r *events.RoleState, c *coder) { c.texts(&r.Role, &r.Scope) }

func codeOffice(o *events.SharingOffice, c *coder) {
	c.texts(&o.Unit, &o.Head)
	integer(c, &o.From)
	integer(c, &o.To)
}

func codeGrant(g *events.Grant, c *coder) {
	c.text(&g.Entry)
	integer(c, &g.EntryVersion)
	textList(c, &g.Items)
	textMap(c, &g.Masking)
}

func codeAsk(a *events.Ask, c *coder) {
	c.text(&a.Entry)
	integer(c, &a.EntryVersion)
	textList(c, &a.Items)
}

func codeScope(s *events.Scope, c *coder) {
	c.texts(&s.Region, &s.Population)
	textList(c, &s.Filters)
}

func codeBasis(b *events.LegalBasis, c *coder) { c.texts(&b.Instrument, &b.Article, &b.Kind) }

func codeOrigin(o *events.Origin, c *coder) {
	c.texts(&o.Entry, &o.Item)
	codeJob(&o.Job, c)
	c.texts(&o.Run, &o.Party)
}

func codeRecipient(r *events.Recipient, c *coder) {
	c.texts(&r.Party, &r.Agreement)
	integer(c, &r.Told)
	integer(c, &r.Acknowledged)
}

func codeJob(j *events.JobRef, c *coder) { c.texts(&j.Namespace, &j.Name) }

func codeParent(p *events.RunParent, c *coder) {
	c.text(&p.Run)
	codeJob(&p.Job, c)
	c.text(&p.RootRun)
	codeJob(&p.RootJob, c)
}

func codeDependency(d *events.JobDependency, c *coder) {
	c.bool(&d.Downstream)
	codeJob(&d.Job, c)
	c.texts(&d.Run, &d.Type, &d.Sequence, &d.Status)
}

func codeField(f *events.LineageField, c *coder) { c.texts(&f.Name, &f.Type) }

func codeText(t *rulepack.Text, c *coder) { c.texts(&t.EN, &t.ZH) }
