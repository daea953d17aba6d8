package api

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"ledgerline/events"
	"ledgerline/ledger"
	"ledgerline/ledger/proof"
	"ledgerline/projections"

	"github.com/go-json-experiment/json"
)

type completenessQuery struct {
	window
	Key    string `query:"key,required" doc:"what to prove all records of: type:{type}, entry:{id}, party:{id}, agreement:{id}, principal:{name}, subject:{kind}/{id} or dataset:{namespace}/{name}, with its symlinks and renames; or exactly the names in a JSON array, such as [\"dataset\",\"warehouse\",\"orders\"], or in an array of such"`
	Also   string `query:"also" doc:"a further name, or several as a JSON array of arrays, that matching records bear too; the bodies of others are not shown"`
	AsOf   Moment `query:"as_of" doc:"only records that the ledger knew then: a position, or an RFC 3339 time. The proof rests on the first commitment to the index that covers them, so it stays the same. Default: all, by the newest commitment"`
	Commit *int64 `query:"commit" doc:"prove as of the commitment to the index that is recorded at this position, instead of as_of: what it covers and nothing later" min:"1"`
	Format string `query:"format" doc:"form of the proof. Default: json, or cbor if Accept asks for it" enum:"json,cbor"`
}

// completenessJSON is a completeness proof for reading. What is checked is Proof.
type completenessJSON struct {
	Names []proof.Name `json:"names"`
	Also  []proof.Name `json:"also"`
	From  events.Time  `json:"from,omitzero"`
	To    events.Time  `json:"to,omitzero"`
	// Commit is the position of the commitment to the index that the proof rests
	// on, Size the number of records it covers.
	Commit int64 `json:"commit"`
	Size   int64 `json:"size"`
	// Closed says that nothing recorded later can fall into the window.
	Closed  bool `json:"closed"`
	Matches int  `json:"matches"`
	// Withheld counts the matching records whose content the caller may not see: that they
	// are there is proven, what they say is not shown.
	Withheld int             `json:"withheld,omitzero"`
	Records  []completeEntry `json:"records"`
	// NotCovered says what the proof does not show.
	NotCovered string `json:"not_covered"`
	Proof      []byte `json:"proof"`
}

// completeEntry is a record that bears one of the names.
type completeEntry struct {
	Position int64       `json:"position"`
	Recorded events.Time `json:"recorded"`
	LeafHash string      `json:"leaf_hash"`
	Matches  bool        `json:"matches"`
	Type     string      `json:"type,omitzero"`
	Source   string      `json:"source,omitzero"`
	ID       string      `json:"id,omitzero"`
}

// notCovered is said with every proof of completeness.
const notCovered = "records that bear other names only; data that was derived from what these names stand for; what was never sent to the ledger"

const mediaCBOR = "application/cbor"

func proveCompleteness() endpoint {
	e := raw(func(s *Server, w http.ResponseWriter, r *http.Request, q completenessQuery) error {
		asked, commit, err := s.completenessQuestion(r.Context(), callOf(r).caller.scope(), q)
		if err != nil {
			return err
		}
		p, shown, err := s.o.Ledger.ProveCompleteness(r.Context(), asked, commit)
		if err == nil {
			shown, err = s.withholdFrom(r, p, shown)
		}
		if err != nil {
			return err
		}
		if q.Format == "cbor" || q.Format == "" && strings.Contains(r.Header.Get("Accept"), mediaCBOR) {
			writeBody(w, r, http.StatusOK, mediaCBOR, p.Marshal())
			return nil
		}
		return writeJSON(w, r, http.StatusOK, viewCompleteness(p, shown))
	})
	e = e.filters()
	e.answers = []content{
		ok[completenessJSON](http.StatusOK, "what the proof shows, and the proof"),
		{http.StatusOK, mediaCBOR, nil, "the proof alone, to be checked offline: see docs/format.md"},
	}
	return e
}

// withholdFrom leaves the bodies of records that the caller may not see out of a proof,
// which shows then that they are there, and not what they say.
func (s *Server) withholdFrom(r *http.Request, p *proof.Completeness, shown *proof.Complete) (*proof.Complete, error) {
	positions := make([]int64, len(shown.Records))
	for i := range shown.Records {
		positions[i] = int64(shown.Records[i].Leaf.Position)
	}
	hidden, err := s.unseenBodies(r, positions...)
	if err != nil || len(hidden) == 0 {
		return shown, err
	}
	for i, at := range positions {
		if hidden[at] {
			p.Records[i].Body, p.Records[i].Salt = nil, nil
		}
	}
	shown, err = p.Check(p.Question, s.o.Ledger.Origin(), s.o.Ledger.Keys())
	if err != nil { // a record of so many names that only its body tells whether it matches
		return nil, problem(http.StatusForbidden, "scope.proof", sayf("the proof needs the content of some of %d records that you may not see", len(hidden)), "leave also out, or use the token of somebody who may read everything").because(err)
	}
	return shown, nil
}

func viewCompleteness(p *proof.Completeness, c *proof.Complete) completenessJSON {
	out := completenessJSON{
		Names: c.Names, Also: c.Also, From: events.Time(c.From), Commit: c.Commit, Size: c.Size, Closed: c.Closed,
		Matches: c.Matches, Withheld: c.Withheld, NotCovered: notCovered, Proof: p.Marshal(),
	}
	if c.To != proof.EndOfTime {
		out.To = events.Time(c.To)
	}
	for _, r := range c.Records {
		e := completeEntry{Position: int64(r.Leaf.Position), Recorded: events.Time(r.Leaf.Time), LeafHash: hexHash(r.Hash), Matches: r.Matches}
		if r.Body != nil {
			e.Type, e.Source, e.ID = r.Body.Type, r.Body.Source, r.Body.ID
		}
		out.Records = append(out.Records, e)
	}
	return out
}

// completenessQuestion reads the question out of the query, and says which
// commitment is to answer it.
func (s *Server) completenessQuestion(ctx context.Context, scope projections.Scope, q completenessQuery) (asked proof.Question, commit int64, err error) {
	asked = proof.Question{From: int64(q.From), To: proof.EndOfTime}
	if q.To != 0 {
		asked.To = int64(q.To)
	}
	at := int64(0)
	if q.AsOf.given {
		if q.Commit != nil {
			return asked, 0, problem(http.StatusBadRequest, "query.contradiction", "as_of and commit both say as of when", "leave one of them out").at("commit")
		}
		if at, err = s.resolve(ctx, q.AsOf, "as_of"); err != nil {
			return asked, 0, err
		}
		e, err := s.o.Ledger.Get(ctx, at)
		if err != nil {
			return asked, 0, err
		}
		asked.To = min(asked.To, int64(e.Recorded)+1)
	}
	if asked.From < 0 || asked.To < asked.From {
		return asked, 0, problem(http.StatusBadRequest, "query.value", "the window ends before it begins", "give from before to, both after 1970").at("from")
	}
	if asked.Names, err = s.names(ctx, scope, q.Key, "key"); err != nil {
		return asked, 0, err
	}
	if q.Also != "" {
		if asked.Also, err = s.names(ctx, scope, q.Also, "also"); err != nil {
			return asked, 0, err
		}
		if len(asked.Also) > 1 && !strings.HasPrefix(q.Also, "[") {
			asked.Also = asked.Also[:1] // a match bears each of them, and one name is meant
		}
	}
	if err := asked.Validate(); err != nil {
		return asked, 0, problem(http.StatusBadRequest, "query.value", saidOf(err), "give each name once").at("key")
	}
	switch {
	case q.Commit != nil:
		commit = *q.Commit
		if _, err := s.o.Ledger.IndexState(); errors.Is(err, ledger.ErrNoIndex) { // it may be being taken up
			return asked, commit, s.commitIndex(ctx)
		}
	case q.AsOf.given:
		commit, err = s.coverAt(ctx, at)
	default:
		err = s.cover(ctx, asked.To)
	}
	return asked, commit, err
}

// names reads one name or several.
func (s *Server) names(ctx context.Context, scope projections.Scope, text, field string) ([]proof.Name, error) {
	if strings.HasPrefix(text, "[") {
		return exactNames(text, field)
	}
	kind, rest, found := strings.Cut(text, ":")
	if !found || rest == "" {
		return nil, badName(sayf("%q names nothing", clip(text)), field)
	}
	switch kind {
	case proof.KindType, proof.KindEntry, proof.KindParty, proof.KindAgreement, proof.KindPrincipal:
		return []proof.Name{{kind, rest}}, nil
	case proof.KindSubject:
		sub, ok := events.ParseSubject(rest)
		if !ok {
			return nil, badName("the subject has no kind", field)
		}
		return []proof.Name{{kind, sub.Kind, sub.ID}}, nil
	case proof.KindDataset:
		return s.datasetNames(ctx, scope, rest, field)
	}
	return nil, badName(sayf("there is no kind of name called %q", clip(kind)), field)
}

// exactNames reads names as JSON: an array of a kind and its parts, or an array of
// such arrays.
func exactNames(text, field string) ([]proof.Name, error) {
	var one proof.Name
	if err := json.Unmarshal([]byte(text), &one); err == nil {
		return []proof.Name{one}, nil
	}
	var names []proof.Name
	if err := json.Unmarshal([]byte(text), &names); err != nil || len(names) > proof.MaxProvenNames {
		return nil, badName("it is neither a name nor an array of names, a thousand at most", field)
	}
	return names, nil
}

// datasetNames finds a dataset by its text form, among those known, and its other
// names.
func (s *Server) datasetNames(ctx context.Context, scope projections.Scope, text, field string) (names []proof.Name, err error) {
	view, err := s.viewAt(ctx, s.o.Views.Applied())
	if err != nil {
		return nil, err
	}
	defer func() { err = joinClose(err, view) }()
	view = view.Within(scope)
	node, err := view.ResolveNode(ctx, projections.NodeDataset+":"+text)
	if err != nil {
		return nil, problemOf(err).at(field)
	}
	ds := projections.Dataset{Namespace: node.Namespace, Name: node.Name}
	others, err := view.OtherNames(ctx, ds)
	if err != nil {
		return nil, err
	}
	for _, d := range append([]projections.Dataset{ds}, others...) {
		names = append(names, proof.Name{proof.KindDataset, d.Namespace, d.Name})
	}
	return names, nil
}

func badName[S sentence](detail S, field string) *Problem {
	return problem(http.StatusBadRequest, "query.value", detail, `write a name as {kind}:{id}, such as entry:DS02, or as a JSON array, such as ["dataset","warehouse","orders"]`).at(field)
}

// cover makes sure that everything recorded before a time, as far as it is durable
// now, is covered by a commitment to the index.
func (s *Server) cover(ctx context.Context, to int64) error {
	if state, err := s.o.Ledger.IndexState(); err == nil {
		last, err := s.o.Ledger.Get(ctx, state.Size-1)
		if err != nil {
			return err
		}
		if int64(last.Recorded) >= to-1 {
			return nil
		}
	}
	return s.commitIndex(ctx)
}

func (s *Server) commitIndex(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, s.o.Limits.Wait)
	defer cancel()
	return s.o.Ledger.CommitIndex(ctx)
}

// coverAt finds the first commitment to the index that covers a record, which is
// what is known as of it, or has one made. If there is none to make, as only records
// of the ledger about itself came since the last, it is the newest that there is: 0.
func (s *Server) coverAt(ctx context.Context, position int64) (commit int64, err error) {
	commit, err = s.o.Ledger.IndexCommitOver(position)
	if err == nil || !errors.Is(err, ledger.ErrNoCommitment) && !errors.Is(err, ledger.ErrNoIndex) {
		return commit, err
	}
	if err := s.commitIndex(ctx); err != nil {
		return 0, err
	}
	commit, err = s.o.Ledger.IndexCommitOver(position)
	if errors.Is(err, ledger.ErrNoCommitment) {
		return 0, nil
	}
	return commit, err
}

// publicBody serves the bodies of the ledger's own events, so that who holds the
// leaves can audit the index.
func publicBody() endpoint {
	return raw(func(s *Server, w http.ResponseWriter, r *http.Request, _ none) error {
		position, err := pathPosition(r)
		if err != nil {
			return err
		}
		rec, err := s.o.Ledger.Record(position)
		if err != nil {
			return err
		}
		body, err := proof.ParseBody(rec.Body)
		if err == nil {
			err = s.showRecord(r, position)
		}
		if err == nil {
			err = s.showBody(r, position)
		}
		if err != nil {
			return err
		}
		if !body.Public() {
			return problem(http.StatusNotFound, "body.private", sayf("the record at position %d is not one of the ledger about itself", position), "see /v1/records for others, if you may")
		}
		keepForGood(w, "private")
		writeBody(w, r, http.StatusOK, mediaCBOR, rec.Body)
		return nil
	}, content{http.StatusOK, mediaCBOR, nil, "the body, byte for byte; its salt is zero"}).filters()
}
