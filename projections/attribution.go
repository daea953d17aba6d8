package projections

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"ledgerline/events"
)

// Attribution is what the records say about who answers for a fault in data: where
// the data came from by the lineage of the time, who kept, merged or delivered it,
// and what each of them knew, had to do and did not. It decides nothing: a decision
// is an event of its own.
type Attribution struct {
	Finding Finding `json:"finding"`
	// LineageAt is the date whose lineage was walked.
	LineageAt events.Time `json:"lineage_at"`
	// Origins are the entries that the data came from, its own first; Responsible the
	// parties that have to do with them.
	Origins     []FaultOrigin `json:"origins"`
	Responsible []Responsible `json:"responsible"`
	// Recipients have the data under an agreement, and were told of the correction or
	// not.
	Recipients []FaultRecipient `json:"recipients"`
	Complete   bool             `json:"complete"`
	LimitsHit  []string         `json:"limits_hit"`
}

// FaultOrigin is an entry that faulty data came from.
type FaultOrigin struct {
	Entry   string   `json:"entry"`
	Dataset string   `json:"dataset,omitempty"`
	Columns []string `json:"columns,omitempty"`
	// Depth is how many steps from dataset to dataset it is away.
	Depth int `json:"depth"`
	// Events are the latest records that show that the data passed on, newest first.
	Events []int64 `json:"events"`
	// Imported: one of these is from before the ledger, and so no native evidence.
	Imported bool `json:"imported,omitempty"`
}

// Responsible is a party with the facts that speak of its responsibility.
type Responsible struct {
	Party string `json:"party"`
	Name  string `json:"name,omitempty"`
	// Successor is what became of the party by mergers.
	Successor string      `json:"successor,omitempty"`
	Facts     []FaultFact `json:"facts"`
}

// The grounds of FaultFact.
const (
	GroundProvider   = "provider"   // answers for the entry
	GroundFusing     = "fusing"     // merged several sources into it
	GroundSource     = "source"     // is designated as its source
	GroundKnew       = "knew"       // was told of a fault in an entry that the data came from
	GroundAssigned   = "assigned"   // has to put it right
	GroundLate       = "late"       // missed a deadline about it
	GroundDetermined = "determined" // was found to answer for it
)

// FaultFact is one fact, and the records that show it.
type FaultFact struct {
	Ground string `json:"ground"`
	Entry  string `json:"entry,omitempty"`
	Detailed
	Events []int64 `json:"events"`
	// Imported: one of these is from before the ledger, and so no native evidence.
	Imported bool `json:"imported,omitempty"`
}

// FaultRecipient is a consumer of faulty data.
type FaultRecipient struct {
	Party     string `json:"party"`
	Name      string `json:"name,omitempty"`
	Agreement string `json:"agreement"`
	// Told and Acknowledged are when, as claimed; 0 if it did not happen.
	Told         events.Time `json:"told,omitzero"`
	Acknowledged events.Time `json:"acknowledged,omitzero"`
	// Imported: the agreement is from before the ledger, and so no native evidence.
	Imported bool `json:"imported,omitempty"`
}

// Attribute gathers what the records say about who answers for a finding, with the
// lineage as it was at a date (0: when the finding was reported). ok is false if
// there is no such finding.
func (w *View) Attribute(ctx context.Context, id string, at events.Time) (out Attribution, ok bool, err error) {
	f, ok, err := w.Finding(ctx, id, 0)
	if err != nil || !ok {
		return out, false, err
	}
	x := &attribution{w: w.whole(), out: Attribution{
		Finding: f, LineageAt: cmp.Or(at, f.Reported), Origins: []FaultOrigin{}, Responsible: []Responsible{}, Recipients: []FaultRecipient{}, LimitsHit: []string{},
	}}
	for _, step := range []func(context.Context) error{x.origins, x.parties, x.decided, x.late, x.recipients} {
		if err := step(ctx); err != nil {
			return out, false, err
		}
	}
	x.out.Complete = len(x.out.LimitsHit) == 0
	return x.out, true, w.read(func(r *reader) error {
		if err := r.markAttribution(&x.out); err != nil {
			return err
		}
		return r.keepAttribution(&x.out)
	})
}

// markAttribution marks what rests on records from before the ledger.
func (r *reader) markAttribution(a *Attribution) (err error) {
	for i := range a.Origins {
		if a.Origins[i].Imported, err = r.imported(a.Origins[i].Events...); err != nil {
			return err
		}
	}
	for _, x := range a.Responsible {
		for i := range x.Facts {
			if x.Facts[i].Imported, err = r.imported(x.Facts[i].Events...); err != nil {
				return err
			}
		}
	}
	return nil
}

// keepAttribution keeps what the reader may see.
func (r *reader) keepAttribution(a *Attribution) (err error) {
	a.Origins, err = keepSeen(r, a.Origins, func(o *FaultOrigin) (bool, error) {
		return r.seesNode(vertex{Kind: NodeEntry, Name: o.Entry})
	})
	if err != nil {
		return err
	}
	a.Responsible, err = keepSeen(r, a.Responsible, func(x *Responsible) (bool, error) { return r.sees(x.Party) })
	if err != nil {
		return err
	}
	a.Recipients, err = keepSeen(r, a.Recipients, func(x *FaultRecipient) (bool, error) {
		concerned, err := r.ofAgreement(x.Agreement, "", x.Party)
		if err != nil {
			return false, err
		}
		return r.sees(concerned...)
	})
	return err
}

// attribution gathers an Attribution.
type attribution struct {
	w   *View
	out Attribution
}

// origins walks upstream from what the finding is about.
func (x *attribution) origins(ctx context.Context) error {
	f := &x.out.Finding
	x.out.Origins = append(x.out.Origins, FaultOrigin{Entry: f.Entry, Columns: f.Items, Events: f.Events[:1]})
	nodes := []string{NodeEntry + ":" + f.Entry}
	if f.Dataset != nil {
		nodes[0] = NodeDataset + ":" + f.Dataset.Namespace + "/" + f.Dataset.Name
		columns := []string{}
		for _, item := range f.Items {
			columns = append(columns, NodeColumn+":"+f.Dataset.Namespace+"/"+f.Dataset.Name+"#"+item)
		}
		if len(columns) > 0 {
			nodes = append(columns, nodes[0])
		}
	}
	walked := false
	for i, node := range nodes {
		if f.Dataset != nil && i == len(nodes)-1 && walked {
			break // the columns told it, the whole dataset is not needed
		}
		g, err := x.w.Lineage(ctx, LineageQuery{Node: node, Direction: Up, Columns: f.Dataset != nil && i < len(nodes)-1, ValidAt: x.out.LineageAt, MaxNodes: MaxNodes})
		if unknown := (*UnknownNodeError)(nil); errors.As(err, &unknown) {
			continue // the lineage tells nothing of it
		}
		if err != nil {
			return err
		}
		walked = true
		x.out.LimitsHit = unite(x.out.LimitsHit, g.LimitsHit, cmp.Compare[string])
		if err := x.reached(&g); err != nil {
			return err
		}
	}
	return nil
}

// reached notes the entries of what a walk reached.
func (x *attribution) reached(g *Graph) error {
	return x.w.read(func(r *reader) error {
		for _, n := range g.Nodes {
			if n.Kind != NodeDataset && n.Kind != NodeColumn {
				continue
			}
			var d datasetRow
			if _, err := r.find((Dataset{n.Namespace, n.Name}).key(), &d); err != nil {
				return err
			}
			var shown []int64
			for _, e := range g.Edges {
				if e.From == n.ID {
					shown = unite(shown, e.Events, newestFirst)
				}
			}
			for _, entry := range d.Entries {
				x.origin(entry, n, shown)
			}
		}
		return nil
	})
}

func newestFirst(a, b int64) int { return cmp.Compare(b, a) }

func (x *attribution) origin(entry string, n Node, shown []int64) {
	i := slices.IndexFunc(x.out.Origins, func(o FaultOrigin) bool { return o.Entry == entry })
	if i < 0 {
		i = len(x.out.Origins)
		x.out.Origins = append(x.out.Origins, FaultOrigin{Entry: entry, Depth: n.Depth, Events: []int64{}})
	}
	o := &x.out.Origins[i]
	o.Dataset = cmp.Or(o.Dataset, n.Namespace+"/"+n.Name)
	if n.Field != "" && !slices.Contains(o.Columns, n.Field) {
		o.Columns = append(o.Columns, n.Field)
	}
	if o.Depth = min(o.Depth, n.Depth); i > 0 {
		o.Events = unite(o.Events, shown, newestFirst)
		o.Events = o.Events[:min(len(o.Events), EdgeEvents)]
	}
}

// fact notes a fact about a party.
func (x *attribution) fact(party string, f FaultFact) error {
	if party == "" {
		return nil
	}
	i := slices.IndexFunc(x.out.Responsible, func(r Responsible) bool { return r.Party == party })
	if i < 0 {
		r := Responsible{Party: party, Facts: []FaultFact{}}
		err := x.w.read(func(rd *reader) (err error) {
			r.Name, err = rd.partyName(party)
			if err != nil {
				return err
			}
			now, err := rd.successions().holder(party, 0, x.w.recorded)
			if now != party {
				r.Successor = now
			}
			return err
		})
		if err != nil {
			return err
		}
		i, x.out.Responsible = len(x.out.Responsible), append(x.out.Responsible, r)
	}
	x.out.Responsible[i].Facts = append(x.out.Responsible[i].Facts, f)
	return nil
}

// parties notes who answered for the origins, and who had been told of faults in
// them before.
func (x *attribution) parties(ctx context.Context) error {
	at := x.out.LineageAt
	for _, o := range x.out.Origins {
		e, ok, err := x.w.Entry(ctx, o.Entry, at)
		if err == nil && !ok {
			e, ok, err = x.w.Entry(ctx, o.Entry, 0)
		}
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		shown := []int64{e.Position}
		facts := []struct {
			party string
			fact  FaultFact
		}{
			{e.Provider, FaultFact{Ground: GroundProvider, Entry: o.Entry, Detailed: find(saidAnswersFor, o.Entry), Events: shown}},
			{e.FusingParty, FaultFact{Ground: GroundFusing, Entry: o.Entry, Detailed: find(saidMerged, o.Entry), Events: shown}},
		}
		for _, s := range e.Sources {
			if s.Item == "" || slices.Contains(o.Columns, s.Item) || len(o.Columns) == 0 {
				of := find(saidSource, s.Item)
				if s.Item == "" {
					of = find(saidSourceAll)
				}
				facts = append(facts, struct {
					party string
					fact  FaultFact
				}{s.Party, FaultFact{Ground: GroundSource, Entry: o.Entry, Detailed: of, Events: shown}})
			}
		}
		for _, f := range facts {
			if err := x.fact(f.party, f.fact); err != nil {
				return err
			}
		}
		if err := x.known(ctx, o.Entry, e.Provider); err != nil {
			return err
		}
	}
	return nil
}

// known notes the findings about an entry that were reported before this one.
func (x *attribution) known(ctx context.Context, entry, provider string) error {
	list, err := x.w.Findings(ctx, FindingQuery{Entry: entry, Page: Page{Limit: MaxLimit}})
	if list.Next != "" {
		x.out.LimitsHit = unite(x.out.LimitsHit, []string{LimitFindings}, cmp.Compare[string])
	}
	for _, f := range list.Findings {
		if err == nil && f.ID != x.out.Finding.ID && f.Reported < x.out.Finding.Reported {
			err = x.fact(provider, FaultFact{Ground: GroundKnew, Entry: entry, Detailed: find(saidKnew, f.ID, f.Symptom, f.By, f.Reported, f.State), Events: f.Events[:1]})
		}
	}
	return err
}

// LimitFindings: more findings are recorded of an entry than an attribution looks at.
const LimitFindings = "max_findings"

// decided notes who has to put it right, and who was found to answer for it.
func (x *attribution) decided(context.Context) error {
	f := &x.out.Finding
	if f.Assigned != "" {
		if err := x.fact(f.Assigned, FaultFact{Ground: GroundAssigned, Entry: f.Entry, Detailed: find(saidAssigned, f.Capacity), Events: f.Events}); err != nil {
			return err
		}
	}
	for _, a := range f.Accountable {
		facts := []int64{a.Position}
		for _, p := range a.Facts {
			facts = append(facts, int64(p))
		}
		if err := x.fact(a.Party, FaultFact{Ground: GroundDetermined, Entry: f.Entry, Detailed: find(saidFound, a.By, a.Ground, a.Violation), Events: facts}); err != nil {
			return err
		}
	}
	return nil
}

// late notes the deadlines about the finding that were missed.
func (x *attribution) late(ctx context.Context) error {
	return EachPage(func(p Page) (string, error) {
		list, err := x.w.Duties(ctx, DutyQuery{Case: x.out.Finding.ID, Page: p})
		for _, d := range list.Duties {
			if err == nil && (d.State == DutyLate || d.State == DutyBreached) {
				err = x.fact(d.Party, FaultFact{Ground: GroundLate, Entry: x.out.Finding.Entry, Detailed: find(saidLate, d.Pack, d.Rule, d.Due, d.State), Events: d.Events})
			}
		}
		return list.Next, err
	})
}

// recipients lists who has the data under an agreement, and whether they were told.
func (x *attribution) recipients(ctx context.Context) error {
	f := &x.out.Finding
	return EachPage(func(p Page) (string, error) {
		list, err := x.w.Agreements(ctx, AgreementQuery{Entry: f.Entry, Page: p})
		for _, a := range list.Agreements {
			if g, _ := a.grant(f.Entry); len(f.Items) > 0 && len(common(f.Items, g.Items)) == 0 {
				continue
			}
			r := FaultRecipient{Party: a.Consumer, Name: a.ConsumerName, Agreement: a.ID, Imported: a.Imported}
			for _, told := range f.Told {
				if told.Agreement == a.ID || told.Agreement == "" && told.Party == a.Consumer {
					r.Told, r.Acknowledged = told.Told, told.Acknowledged
				}
			}
			x.out.Recipients = append(x.out.Recipients, r)
		}
		return list.Next, err
	})
}

// EachPage asks for all parts of a list.
func EachPage(part func(Page) (next string, err error)) error {
	p := Page{Limit: MaxLimit}
	for {
		next, err := part(p)
		if err != nil || next == "" {
			return err
		}
		p.Cursor = next
	}
}
