package projections

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"ledgerline/events"
)

// ExposureQuery asks who got a node, or anything made from it, within a window.
type ExposureQuery struct {
	Node     string // as ResolveNode reads it
	Columns  bool   // as in LineageQuery: only what the columns reach
	Depth    int    // as in LineageQuery
	MaxNodes int    // as in LineageQuery
	Window          // of the time that calls and deliveries claim
	// ValidAt is the date at which lineage is looked at, as in LineageQuery; 0 means
	// all that is known.
	ValidAt events.Time
}

// Exposure is who got a node or anything made from it.
type Exposure struct {
	Node string `json:"node"`
	// Reached is the number of datasets looked at, the node's own included, and
	// Entries the catalog entries that describe them, sorted.
	Reached int      `json:"reached"`
	Entries []string `json:"entries"`
	// Exposed lists who called for what, or had it delivered, under which agreement,
	// the most rows first.
	Exposed []Exposed `json:"exposed"`
	// Entitled lists who had an agreement in force at some time of the window, under
	// which no call got an answer and no delivery is recorded: data may have been
	// handed over unrecorded.
	Entitled []Entitled `json:"entitled"`
	// Gaps are the gaps that providers of the entries declared within the window: calls
	// made then may be missing.
	Gaps      []Access `json:"gaps"`
	Complete  bool     `json:"complete"`
	LimitsHit []string `json:"limits_hit"`
}

// Exposed sums up the calls of one consumer for one entry under one agreement, and
// the deliveries to it.
type Exposed struct {
	Consumer     string `json:"consumer"`
	ConsumerName string `json:"consumer_name,omitempty"`
	Provider     string `json:"provider"`
	Agreement    string `json:"agreement,omitempty"` // empty if the calls named none
	Entry        string `json:"entry"`
	// Depth is how far the data is from the node asked about; 0 is its own.
	Depth int `json:"depth"`
	// Columns are those that calls named or deliveries held, the reached ones if
	// columns were asked for. ColumnsUnknown is set if some call named none, and may have read any.
	Columns        []string `json:"columns"`
	ColumnsUnknown bool     `json:"columns_unknown,omitempty"`
	// Calls counts those that got data or an empty answer, Rows what they got,
	// Denied those that were denied or failed, Flagged
	// the records of such that broke a rule. A sealed batch counts with all its calls.
	Calls   int `json:"calls"`
	Rows    int `json:"rows"`
	Denied  int `json:"denied"`
	Flagged int `json:"flagged"`
	// Deliveries counts files and batches delivered, Delivered the rows in them. They
	// are no calls, and rows of a call that handed over a delivery are in both.
	Deliveries int `json:"deliveries"`
	Delivered  int `json:"delivered"`
	// First and Last bound the calls and deliveries in time, as claimed.
	First events.Time `json:"first"`
	Last  events.Time `json:"last"`
	// Purposes are those that the calls stated, and for deliveries those of the
	// agreement, sorted.
	Purposes []string `json:"purposes"`
	// Events are the latest records, at most ExposureEvents, newest first.
	Events []int64 `json:"events"`
	// Imported: it sums up calls and deliveries from before the ledger, which are in no
	// sum with native ones.
	Imported bool `json:"imported,omitempty"`
}

// ExposureEvents is how many records an Exposed names; /v1/shares has all.
const ExposureEvents = 20

// Entitled is a party that may have received data.
type Entitled struct {
	Agreement    string      `json:"agreement"`
	Consumer     string      `json:"consumer"`
	ConsumerName string      `json:"consumer_name,omitempty"`
	Entry        string      `json:"entry"`
	Items        []string    `json:"items"`
	TermFrom     events.Time `json:"term_from"`
	TermTo       events.Time `json:"term_to"`
	// Imported marks an agreement from before the ledger: no native evidence.
	Imported bool `json:"imported,omitempty"`
}

// LimitAccesses: more calls, or more events of sharing, were recorded than an
// exposure looks at; the oldest are left out.
const LimitAccesses = "max_accesses"

// exposureAccesses is how many calls an exposure looks at, and how many events of
// sharing.
const exposureAccesses = 200_000

// Exposure lists who got a node or anything made from it. Lineage is as known at
// the view's position and in force at ValidAt, whatever the window: a call counts
// even if it is not known whether the data had passed on by then. The error is an *UnknownNodeError if
// the node is not known.
func (w *View) Exposure(ctx context.Context, q ExposureQuery) (out Exposure, err error) {
	err = w.read(func(r *reader) error {
		t, err := r.downstream(ctx, LineageQuery{Node: q.Node, Columns: q.Columns, Depth: q.Depth, MaxNodes: q.MaxNodes, ValidAt: q.ValidAt})
		if err != nil {
			return err
		}
		x := &exposing{r: r, t: t, q: q, sums: make(map[exposedKey]*Exposed), only: make(map[string][]string)}
		if err := x.calls(ctx); err != nil {
			return err
		}
		if err := x.deliveries(ctx); err != nil {
			return err
		}
		out = Exposure{
			Node: t.node, Reached: len(t.datasets), Entries: append([]string{}, slices.Sorted(maps.Keys(t.entries))...),
			Exposed: []Exposed{}, Entitled: []Entitled{}, LimitsHit: t.limits, Complete: len(t.limits) == 0,
		}
		for _, e := range x.sums {
			if e.ConsumerName, err = r.partyName(e.Consumer); err != nil {
				return err
			}
			out.Exposed = append(out.Exposed, *e)
		}
		slices.SortFunc(out.Exposed, func(a, b Exposed) int {
			return cmp.Or(cmp.Compare(b.Rows+b.Delivered, a.Rows+a.Delivered), cmp.Compare(b.Calls, a.Calls), cmp.Compare(a.Consumer, b.Consumer), cmp.Compare(a.Entry, b.Entry), cmp.Compare(a.Agreement, b.Agreement), cmp.Compare(one(a.Imported), one(b.Imported)))
		})
		if out.Entitled, err = x.entitled(ctx, w.recorded); err != nil {
			return err
		}
		return x.keep(&out)
	})
	if err != nil {
		return out, err
	}
	out.Gaps, err = w.gapsOf(ctx, out.Entries, q.Window)
	return out, err
}

// keep keeps what the reader may see: of what was reached, of who got it, and of who was
// entitled to.
func (x *exposing) keep(out *Exposure) (err error) {
	r := x.r
	if r.sight == nil {
		return nil
	}
	for d := range x.t.datasets {
		seen, err := r.seesNode(datasetVertex(d))
		if err != nil {
			return err
		}
		if !seen {
			out.Reached--
			r.withhold(1)
		}
	}
	if out.Entries, err = keepSeen(r, out.Entries, func(id *string) (bool, error) { return r.seesNode(vertex{Kind: NodeEntry, Name: *id}) }); err != nil {
		return err
	}
	if out.Exposed, err = keepSeen(r, out.Exposed, func(e *Exposed) (bool, error) { return r.sees(e.Provider, e.Consumer) }); err != nil {
		return err
	}
	out.Entitled, err = keepSeen(r, out.Entitled, func(e *Entitled) (bool, error) {
		concerned, err := r.ofAgreement(e.Agreement, "", e.Consumer)
		if err != nil {
			return false, err
		}
		return r.sees(concerned...)
	})
	return err
}

// gapsOf lists the gaps that the providers of entries declared within a window.
func (w *View) gapsOf(ctx context.Context, entries []string, window Window) ([]Access, error) {
	gaps, providers := []Access{}, make(map[string]bool)
	w = w.whole() // who may see an entry may see its provider's gaps
	for _, id := range entries {
		e, _, err := w.Entry(ctx, id, 0)
		if err != nil {
			return nil, err
		}
		providers[e.Provider] = true
	}
	err := EachPage(func(p Page) (string, error) {
		list, err := w.Accesses(ctx, AccessQuery{Type: typeGap, From: window.From, To: window.To, Page: p})
		for _, a := range list.Accesses {
			if providers[a.Provider] {
				gaps = append(gaps, a)
			}
		}
		return list.Next, err
	})
	return gaps, err
}

type exposedKey struct {
	consumer, provider, agreement, entry string
	imported                             bool
}

// exposing gathers an exposure.
type exposing struct {
	r    *reader
	t    *reached
	q    ExposureQuery
	sums map[exposedKey]*Exposed
	only map[string][]string // items reached, by entry: see reached.items
}

// calls sums up the calls of entries and datasets reached.
func (x *exposing) calls(ctx context.Context) error {
	var lists [][]byte
	for _, e := range slices.Sorted(maps.Keys(x.t.entries)) {
		entry, _, err := x.r.entry(e, 0)
		if err != nil {
			return err
		}
		x.only[e] = x.t.items(&entry)
		lists = append(lists, accessBy("entry", e))
	}
	for _, d := range slices.SortedFunc(maps.Keys(x.t.datasets), Dataset.compare) {
		_, called, err := x.r.get(accessBy("dataset", d.Namespace, d.Name))
		if err != nil {
			return err
		}
		if called { // most datasets are never called by name
			lists = append(lists, accessBy("dataset", d.Namespace, d.Name))
		}
	}
	if len(lists) == 0 {
		return nil
	}
	seen := 0
	s := selection{groups: [][][]byte{lists}, high: x.r.at, descending: true}
	return s.walk(ctx, x.r, func(position int64) (bool, error) {
		if seen++; seen > exposureAccesses {
			x.t.limits = append(x.t.limits, LimitAccesses)
			return false, nil
		}
		a, ok, err := x.r.access(position)
		if err == nil && ok && a.overlaps(x.q.From, x.q.To) {
			x.count(&a)
		}
		return true, err
	})
}

// count adds a call, if it touched what was reached.
func (x *exposing) count(a *Access) {
	if a.Gap != nil {
		return
	}
	depth := -1
	if e := x.t.entries[a.Entry]; e != nil {
		depth = e.depth
	}
	if a.Dataset != nil {
		d := x.t.datasets[*a.Dataset]
		if d == nil && depth >= 0 && len(x.t.entries[a.Entry].datasets) > 0 {
			return // another dataset of the same entry
		}
		if d != nil {
			depth = d.depth
		}
	}
	columns := common(x.only[a.Entry], a.Columns)
	if depth < 0 || (x.t.columns && len(a.Columns) > 0 && len(columns) == 0) {
		return
	}
	k := exposedKey{a.Consumer, a.Provider, a.Agreement, a.Entry, a.Imported}
	s := x.sum(k, depth, a.Time)
	answered, refused := a.calls()
	if s.Calls, s.Denied = s.Calls+answered, s.Denied+refused; answered > 0 {
		s.Rows += a.RowCount
		s.Columns = unite(s.Columns, columns, cmp.Compare[string])
		s.ColumnsUnknown = s.ColumnsUnknown || len(a.Columns) == 0
	}
	s.Flagged += int(one(len(a.Flags) > 0))
	s.Last = max(s.Last, a.Until)
	s.Purposes = unite(s.Purposes, a.purposes(), cmp.Compare[string])
	s.note(a.Position)
}

// sum is what the calls and deliveries of a kind add up to, one at a time among
// them.
func (x *exposing) sum(k exposedKey, depth int, at events.Time) *Exposed {
	s := x.sums[k]
	if s == nil {
		s = &Exposed{
			Consumer: k.consumer, Provider: k.provider, Agreement: k.agreement, Entry: k.entry, Depth: depth, Columns: []string{},
			First: at, Last: at, Purposes: []string{}, Events: []int64{}, Imported: k.imported,
		}
		x.sums[k] = s
	}
	s.Depth, s.First, s.Last = min(s.Depth, depth), min(s.First, at), max(s.Last, at)
	return s
}

// note keeps a record among the latest.
func (e *Exposed) note(position int64) {
	e.Events = append(e.Events, position)
	slices.SortFunc(e.Events, func(a, b int64) int { return cmp.Compare(b, a) })
	e.Events = e.Events[:min(len(e.Events), ExposureEvents)]
}

// deliveries sums up what was delivered of the entries reached.
func (x *exposing) deliveries(ctx context.Context) error {
	var lists [][]byte
	for _, e := range slices.Sorted(maps.Keys(x.t.entries)) {
		lists = append(lists, shareBy("entry", e))
	}
	if len(lists) == 0 {
		return nil
	}
	seen := 0
	s := selection{groups: [][][]byte{lists}, high: x.r.at, descending: true}
	return s.walk(ctx, x.r, func(position int64) (bool, error) {
		if seen++; seen > exposureAccesses {
			x.t.limits = unite(x.t.limits, []string{LimitAccesses}, cmp.Compare[string])
			return false, nil
		}
		share, ok, err := x.r.share(position)
		if err != nil || !ok || !share.delivers() || !within(share.Time, x.q.From, x.q.To) {
			return err == nil, err
		}
		entry := share.Items[0].Entry
		columns := common(x.only[entry], share.Items[0].Items)
		if x.t.columns && len(columns) == 0 {
			return true, nil
		}
		sum := x.sum(exposedKey{share.Consumer, share.Provider, share.Agreement, entry, share.Imported}, x.t.entries[entry].depth, share.Time)
		sum.Deliveries, sum.Delivered = sum.Deliveries+1, sum.Delivered+share.Rows
		sum.Columns = unite(sum.Columns, columns, cmp.Compare[string])
		sum.Purposes = unite(sum.Purposes, share.Purposes, cmp.Compare[string])
		sum.note(position)
		return true, nil
	})
}

// entitled lists the agreements whose term meets the window and under which no
// call got an answer and nothing was delivered.
func (x *exposing) entitled(ctx context.Context, now events.Time) ([]Entitled, error) {
	out := []Entitled{}
	agreements, err := x.r.granting(ctx, x.t.entries, 0, now)
	if err != nil {
		return nil, err
	}
	for _, a := range agreements {
		if (x.q.To != 0 && a.TermFrom >= x.q.To) || (x.q.From != 0 && a.TermTo != 0 && a.TermTo <= x.q.From) {
			continue
		}
		if a.State == events.StageTerminated && x.q.From != 0 && a.Since <= x.q.From {
			continue
		}
		for _, g := range a.Grants {
			if x.t.entries[g.Entry] == nil {
				continue
			}
			called := slices.ContainsFunc(slices.Collect(maps.Values(x.sums)), func(s *Exposed) bool {
				return s.Agreement == a.ID && s.Entry == g.Entry && s.Calls+s.Deliveries > 0
			})
			if items := common(x.only[g.Entry], g.Items); !called && len(items) > 0 {
				out = append(out, Entitled{a.ID, a.Consumer, a.ConsumerName, g.Entry, items, a.TermFrom, a.TermTo, a.Imported})
			}
		}
	}
	return out, nil
}
