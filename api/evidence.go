package api

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"ledgerline/events"
	"ledgerline/ledger"
	"ledgerline/ledger/proof"
	"ledgerline/ledger/proof/evidence"
	"ledgerline/projections"

	"github.com/go-json-experiment/json"
)

// maxEvidenceRecords bounds a bundle: what it proves has to be packed in memory.
const maxEvidenceRecords = 10_000

func postEvidence() endpoint {
	e := raw(func(s *Server, w http.ResponseWriter, r *http.Request, _ none) error {
		q, err := readEvidenceRequest(r)
		if err != nil {
			return err
		}
		return s.sendEvidence(w, r, q)
	})
	e = e.filters()
	e.answers = []content{bundleAnswer}
	return e.reads(content{0, "application/json", reflect.TypeFor[evidenceRequest](), "what is to be shown"})
}

var bundleAnswer = content{http.StatusOK, "application/zip", nil, "the bundle; headers Ledgerline-* say as of when and whether that is all"}

// formEvidence gives the same bundle to a form of a page.
func formEvidence() endpoint {
	e := raw(func(s *Server, w http.ResponseWriter, r *http.Request, _ none) error {
		q, err := readEvidenceForm(r)
		if err != nil {
			return err
		}
		return s.sendEvidence(w, r, q)
	}, bundleAnswer).filters()
	return e.reads(content{0, "application/x-www-form-urlencoded", nil, "one of position, positions, entry, issue, request, agreement, lineage, catalog; and as_of"})
}

// sendEvidence answers with a bundle.
func (s *Server) sendEvidence(w http.ResponseWriter, r *http.Request, q evidenceRequest) error {
	c, err := s.ask(w, r, reading{AsOf: q.AsOf}, "")
	if err != nil {
		return err
	}
	callOf(r).export = exportSaid{q.parameters(c.view.Position()), handedOn{q.Recipient, q.Purpose}}
	b, err := c.evidence(q)
	c.sayStanding()
	if err := joinClose(err, c.view); err != nil {
		return err
	}
	w.Header().Set("Content-Disposition", fmt.Sprintf("attachment; filename=evidence-%d.zip", c.view.Position()))
	writeBody(w, r, http.StatusOK, "application/zip", b)
	return nil
}

// exhibit is what a bundle is made of: the question with what the ledger answered,
// the records, and the names of which it holds all that was recorded within
// [from, to).
type exhibit struct {
	bundle    evidence.Bundle
	positions []int64
	names     []proof.Name
	from, to  events.Time
}

// evidence answers a request with a packed bundle, under the durable head.
func (c *question) evidence(q evidenceRequest) ([]byte, error) {
	x := exhibit{to: c.view.Recorded() + 1} // what was recorded later was not known
	if err := c.exhibit(q, &x); err != nil {
		return nil, err
	}
	l := c.s.o.Ledger
	size := l.Head().Size
	if len(x.names) > 0 && (q.Complete == nil || *q.Complete) {
		var err error
		if size, err = c.complete(&x); err != nil {
			return nil, err
		}
	}
	slices.Sort(x.positions)
	x.positions = slices.Compact(x.positions)
	if len(x.positions) > maxEvidenceRecords {
		return nil, tooMuchEvidence()
	}
	withhold := func(facet string) bool { return slices.Contains(q.Withhold, facet) || keptFrom(c.r, facet) }
	var err error
	if x.bundle.Records, err = l.EvidenceOf(c.ctx, size, x.positions, withhold); err != nil {
		return nil, err
	}
	if err := c.withholdRecords(&x); err != nil {
		return nil, err
	}
	if x.bundle.Consistency, err = c.grownSince(q.Since, size); err != nil {
		return nil, err
	}
	if x.bundle.Numbering, err = c.numbering(x.bundle.Records); err != nil {
		return nil, err
	}
	if n := c.s.o.Notary; n != nil {
		x.bundle.Policy = n.Policy().Text()
	}
	return l.SignEvidence(size, x.bundle)
}

// withholdRecords leaves what records say out of a bundle for somebody who may not see
// them. That they are there is shown, so that the bundle says itself what it lacks.
func (c *question) withholdRecords(x *exhibit) error {
	if !c.view.Scoped() {
		return nil
	}
	hidden, err := c.s.unseenBodies(c.r, x.positions...)
	if err != nil {
		return err
	}
	withheld := c.view.Withheld() + int64(len(hidden))
	for i, at := range x.positions {
		r := &x.bundle.Records[i]
		if hidden[at] {
			*r = evidence.Record{Leaf: r.Leaf, Proof: r.Proof}
			continue
		}
		for _, f := range r.Facets {
			if f.State == evidence.Withheld {
				withheld++
			}
		}
	}
	scope := sayScope(callOf(c.r).caller.scope())
	x.bundle.Question.EN += fmt.Sprintf(" Complete for what may be seen of %s, %d withheld.", scope, withheld)
	x.bundle.Question.ZH += fmt.Sprintf("在可见范围（%s）内完整，另有 %d 项未予出示。", scope, withheld)
	return nil
}

// complete proves that an exhibit holds all there is, adds what the views did not
// list, and returns the size of the log that the proof is under.
func (c *question) complete(x *exhibit) (size int64, err error) {
	l := c.s.o.Ledger
	q := proof.Question{Names: x.names, From: int64(x.from), To: max(int64(x.from), int64(x.to))}
	// The first commitment over the window is one that witnesses have had the longest
	// to see.
	last, err := l.PositionAt(c.ctx, min(events.Time(q.To-1), c.view.Recorded()))
	if err != nil {
		return 0, err
	}
	commit, err := c.s.coverAt(c.ctx, last)
	if err != nil {
		return 0, c.notProvable(err)
	}
	p, checked, err := l.ProveCompleteness(c.ctx, q, commit)
	if err != nil {
		return 0, c.notProvable(err)
	}
	if checked, err = c.s.withholdFrom(c.r, p, checked); err != nil {
		return 0, err
	}
	for _, r := range checked.Records {
		x.positions = append(x.positions, int64(r.Leaf.Position))
	}
	x.bundle.Completeness = p
	return checked.Checkpoint.Size, nil
}

// numbering says which numbers of the producers whose records are shown are missing.
func (c *question) numbering(records []evidence.Record) (out []evidence.Numbering, err error) {
	type numbered struct{ principal, producer string }
	shown := make(map[numbered]bool)
	for _, r := range records {
		if r.Body == nil { // withheld
			continue
		}
		body, err := proof.ParseBody(r.Body)
		if err != nil {
			return nil, err
		}
		if body.Producer != nil && !body.Imported {
			shown[numbered{body.Principal, body.Producer.ID}] = true
		}
	}
	all, err := c.s.viewAt(c.ctx, c.view.Position()) // whose records are shown may be seen
	if err != nil {
		return nil, err
	}
	defer func() { err = joinClose(err, all) }()
	q := projections.ProducerQuery{Page: projections.Page{Limit: projections.MaxLimit}}
	for len(shown) > len(out) {
		list, err := all.Producers(c.ctx, q)
		if err != nil {
			return nil, err
		}
		for _, p := range list.Producers {
			if p.Numbers != projections.NumbersEvents || !shown[numbered{p.Owner, p.ID}] {
				continue
			}
			n := evidence.Numbering{Principal: p.Owner, Producer: p.ID, Last: int64(p.Last), Missing: []evidence.Run{}, Unlisted: int64(p.Unlisted)}
			for _, m := range p.Missing {
				n.Missing = append(n.Missing, evidence.Run{First: int64(m.First), Last: int64(m.Last)})
			}
			out = append(out, n)
		}
		if q.Page.Cursor = list.Next; list.Next == "" {
			break
		}
	}
	slices.SortFunc(out, func(a, b evidence.Numbering) int {
		return cmp.Or(cmp.Compare(a.Principal, b.Principal), cmp.Compare(a.Producer, b.Producer))
	})
	return out, nil
}

func (c *question) notProvable(err error) error {
	if tooMany := (*ledger.ProofSizeError)(nil); errors.As(err, &tooMany) {
		return problem(http.StatusBadRequest, "limit.evidence-records", saidOf(tooMany), "ask for a shorter window, or in parts")
	}
	if errors.Is(err, ledger.ErrNoIndex) {
		return problem(http.StatusServiceUnavailable, "index.unavailable", sayf("that nothing was left out cannot be proven now: %v", err), `ask again later, or with "complete": false`).after(time.Second).because(err)
	}
	return err
}

func tooMuchEvidence() *Problem {
	return problem(http.StatusBadRequest, "limit.evidence-records", sayf("more than %d records would be in the bundle", maxEvidenceRecords), "ask for a shorter window, less depth, or in parts")
}

// grownSince proves that the log grew from checkpoints that somebody kept.
func (c *question) grownSince(since []string, size int64) ([]proof.Consistency, error) {
	l := c.s.o.Ledger
	keys := l.Keys()
	bySize := make(map[int64]proof.Consistency)
	for i, text := range since {
		field := "/since/" + strconv.Itoa(i)
		kept, err := proof.OpenCheckpoint([]byte(text), l.Origin(), keys)
		if err != nil {
			return nil, problem(http.StatusBadRequest, "evidence.checkpoint", saidOf(err), "send the signed checkpoint as it was kept, all lines of it").at(field)
		}
		if kept.Size > size {
			return nil, problem(http.StatusConflict, "evidence.checkpoint", sayf("the checkpoint is of %d records, and the log holds %d", kept.Size, size), "keep it: a log that was larger before has lost records").at(field)
		}
		g, err := l.ProveConsistency(kept.Size, size)
		if err != nil {
			return nil, err
		}
		g.From = text
		if _, _, err := g.Check(l.Origin(), keys); err != nil {
			return nil, problem(http.StatusConflict, "evidence.fork", sayf("the log does not begin with that of the checkpoint: %v", err), "keep the checkpoint: it shows that there were two logs").at(field)
		}
		bySize[kept.Size] = g
	}
	var out []proof.Consistency
	for _, n := range slices.Sorted(maps.Keys(bySize)) {
		out = append(out, bySize[n])
	}
	return out, nil
}

// exhibit finds what answers a question.
func (c *question) exhibit(q evidenceRequest, x *exhibit) error {
	switch {
	case q.Events != nil:
		x.bundle.Question = evidence.Question{Kind: "events", EN: fmt.Sprintf("These %d records.", len(q.Events.Positions)), ZH: fmt.Sprintf("以下 %d 条记录。", len(q.Events.Positions))}
		x.positions = slices.Clone(q.Events.Positions)
		if err := c.checkPositions(q.Events.Positions); err != nil {
			return err
		}
		hidden, err := c.s.hiddenFrom(c.r, q.Events.Positions...)
		for i, at := range q.Events.Positions {
			if err == nil && hidden[at] {
				err = outsideScope(c.r, at).at("/events/positions/" + strconv.Itoa(i))
			}
		}
		return err
	case q.Subject != nil:
		return c.exhibitSubject(*q.Subject, x)
	case q.Share != nil:
		return c.exhibitShare(*q.Share, x)
	case q.Lineage != nil:
		return c.exhibitLineage(*q.Lineage, x)
	default:
		return c.exhibitCatalog(x)
	}
}

func (c *question) checkPositions(positions []int64) error {
	if len(positions) == 0 {
		return problem(http.StatusBadRequest, "evidence.question", "no position is given", "list at least one").at("/events/positions")
	}
	for i, p := range positions {
		if p < 0 || p > c.view.Position() {
			return problem(http.StatusNotFound, "position.unknown", sayf("there is no position %d as of %d", p, c.view.Position()), sayf("ask for a position from 0 to %d", c.view.Position())).at("/events/positions/" + strconv.Itoa(i))
		}
	}
	return nil
}

func (c *question) exhibitSubject(q evidenceSubject, x *exhibit) (err error) {
	if q.Kind == "" || q.ID == "" {
		return problem(http.StatusBadRequest, "evidence.question", "a subject has a kind and an id", `write it as {"kind":"entry","id":"DS03"}`).at("/subject")
	}
	en, zh := "", ""
	if q.From != 0 || q.To != 0 {
		from, to := "the beginning", "now"
		zhFrom, zhTo := "账本起始", "现在"
		if q.From != 0 {
			from, zhFrom = q.From.String(), q.From.String()
		}
		if q.To != 0 {
			to, zhTo = q.To.String(), q.To.String()
		}
		en, zh = fmt.Sprintf(" and recorded from %s until before %s", from, to), fmt.Sprintf("在 %s 至 %s 期间", zhFrom, zhTo)
	}
	x.bundle.Question = evidence.Question{Kind: "subject",
		EN: fmt.Sprintf("Everything about %s %s%s, as known at position %d.", q.Kind, q.ID, en, c.view.Position()),
		ZH: fmt.Sprintf("截至位置 %d，%s记录的关于 %s %s 的全部事项。", c.view.Position(), zh, q.Kind, q.ID)}
	x.names = []proof.Name{{proof.KindSubject, q.Kind, q.ID}}
	if x.from = q.From; q.To != 0 {
		x.to = min(x.to, q.To)
	}
	x.positions, err = c.timelinePositions(projections.TimelineQuery{Subject: events.Subject{Kind: q.Kind, ID: q.ID}, From: q.From, To: q.To})
	return err
}

func (c *question) exhibitShare(q evidenceShare, x *exhibit) error {
	at := c.view.Position()
	x.bundle.Question = evidence.Question{Kind: "share",
		EN: fmt.Sprintf("Everything recorded about agreement %s, what was shared and used under it, as known at position %d.", q.Agreement, at),
		ZH: fmt.Sprintf("截至位置 %[2]d，与共享协议 %[1]s 及其项下共享、使用有关的全部记录。", q.Agreement, at)}
	agreement, ok, err := c.view.Agreement(c.ctx, q.Agreement, 0)
	if err == nil && !ok {
		err = notFound("agreement", q.Agreement, at).at("/share/agreement")
	}
	if err != nil {
		return err
	}
	if x.bundle.Answer, err = c.answerText(agreementAnswer{Agreement: agreement}); err != nil {
		return err
	}
	x.names = []proof.Name{{proof.KindAgreement, q.Agreement}, {proof.KindSubject, events.KindAgreement, q.Agreement}}
	x.positions, err = c.timelinePositions(projections.TimelineQuery{Agreement: q.Agreement})
	return err
}

// timelinePositions lists all records of a timeline, or refuses: a bundle that
// stopped somewhere would look whole.
func (c *question) timelinePositions(q projections.TimelineQuery) ([]int64, error) {
	var out []int64
	for {
		q.Page.Limit = projections.MaxLimit
		list, err := c.view.Unshown().Timeline(c.ctx, q)
		if err != nil {
			return nil, err
		}
		for _, row := range list.Rows {
			out = append(out, row.Position)
		}
		if list.Next == "" {
			return out, nil
		}
		if len(out) > maxEvidenceRecords {
			return nil, tooMuchEvidence()
		}
		q.Page.Cursor = list.Next
	}
}

func (c *question) exhibitLineage(q evidenceLineage, x *exhibit) error {
	query := projections.LineageQuery{Node: q.Node, Direction: q.Direction, Depth: q.Depth, Columns: q.Columns}
	if query.Direction == "" {
		query.Direction = projections.Both
	}
	if query.Depth == 0 {
		query.Depth = 20
	}
	graph, err := c.view.Lineage(c.ctx, query)
	if err != nil {
		if unknown := (*projections.UnknownNodeError)(nil); errors.As(err, &unknown) {
			return problemOf(err).at("/lineage/node")
		}
		return err
	}
	c.hit(graph.LimitsHit...)
	x.bundle.Question = evidence.Question{Kind: "lineage",
		EN: fmt.Sprintf("The lineage of %s, %s, to a depth of %d, as known at position %d: %d edges, with the records that show them.", graph.Node, graph.Direction, query.Depth, c.view.Position(), len(graph.Edges)),
		ZH: fmt.Sprintf("截至位置 %d，%s 的血缘关系（方向 %s，深度 %d）：共 %d 条边及其依据的记录。", c.view.Position(), graph.Node, graph.Direction, query.Depth, len(graph.Edges))}
	if x.bundle.Answer, err = c.answerText(graph); err != nil {
		return err
	}
	for _, e := range graph.Edges {
		x.positions = append(x.positions, e.Events...)
		x.positions = append(x.positions, e.First, e.Last)
		if len(x.positions) > 4*maxEvidenceRecords {
			slices.Sort(x.positions)
			if x.positions = slices.Compact(x.positions); len(x.positions) > maxEvidenceRecords {
				return tooMuchEvidence()
			}
		}
	}
	return nil
}

// exhibitCatalog lists every record about every entry: what the catalog is made
// of. An entry's own records are few.
func (c *question) exhibitCatalog(x *exhibit) (err error) {
	x.bundle.Question = evidence.Question{Kind: "catalog",
		EN: fmt.Sprintf("The catalog as known at position %d, with every record about its entries.", c.view.Position()),
		ZH: fmt.Sprintf("截至位置 %d 的数据目录，及有关各目录条目的全部记录。", c.view.Position())}
	var all []projections.Entry
	page := projections.Page{Limit: projections.MaxLimit}
	for {
		list, err := c.view.Entries(c.ctx, projections.EntryQuery{Page: page})
		if err != nil {
			return err
		}
		all = append(all, list.Entries...)
		if page.Cursor = list.Next; page.Cursor == "" {
			break
		}
	}
	for _, e := range all {
		more, err := c.timelinePositions(projections.TimelineQuery{Subject: events.Subject{Kind: events.KindEntry, ID: e.ID}})
		if err != nil {
			return err
		}
		if x.positions = append(x.positions, more...); len(x.positions) > maxEvidenceRecords {
			return tooMuchEvidence()
		}
	}
	for _, t := range events.Types() { // every type an entry can be the subject of
		if strings.HasPrefix(t.Name, "catalog.entry.") {
			x.names = append(x.names, proof.Name{proof.KindType, t.Name})
		}
	}
	x.bundle.Answer, err = c.answerText(projections.EntryList{Entries: all})
	return err
}

// answerText is an answer as it is put into a bundle.
func (c *question) answerText(result any) ([]byte, error) {
	return json.Marshal(struct {
		Ledger Standing `json:"ledger"`
		Result any      `json:"answer"`
	}{c.standing(), result}, json.FormatNilSliceAsNull(false), json.Deterministic(true))
}
