package api

import (
	"errors"
	"io"

	"ledgerline/events"
	"ledgerline/ledger/proof"
	"ledgerline/projections"
)

// joinClose closes c and adds what that gave to err.
func joinClose(err error, c io.Closer) error { return errors.Join(err, c.Close()) }

type imported struct {
	Imported string `query:"imported" doc:"true: only what is from before the ledger, which is no native evidence; false: only the rest. Default: both" enum:"true,false"`
}

// wanted is nil for both.
func (i imported) wanted() *bool {
	if i.Imported == "" {
		return nil
	}
	only := i.Imported == "true"
	return &only
}

type window struct {
	From events.Time `query:"from" doc:"from this RFC 3339 time on, itself included"`
	To   events.Time `query:"to" doc:"up to this RFC 3339 time, itself excluded"`
}

type agreementsQuery struct {
	reading
	validAt
	paging
	proving
	imported
	Party    string `query:"party" doc:"the provider's or the consumer's id"`
	Provider string `query:"provider" doc:"the providing party's id"`
	Consumer string `query:"consumer" doc:"the consuming party's id"`
	Entry    string `query:"entry" doc:"id of a catalog entry that is shared"`
	Column   string `query:"column" doc:"id of an item that is shared"`
	Dataset  string `query:"dataset" doc:"a dataset that an entry shared describes, as {namespace}/{name}"`
	Purpose  string `query:"purpose" doc:"a purpose it is for"`
	Request  string `query:"request" doc:"id of the request that it came of"`
	State    string `query:"state" doc:"state of the agreement" enum:"active,suspended,terminated,expired,fulfilled"`
}

func listAgreements(c *question, q agreementsQuery) (projections.AgreementList, error) {
	dataset, err := c.dataset(q.Dataset)
	if err != nil {
		return projections.AgreementList{}, err
	}
	list, err := c.view.Agreements(c.ctx, projections.AgreementQuery{
		Party: q.Party, Provider: q.Provider, Consumer: q.Consumer, Entry: q.Entry, Column: q.Column, State: q.State, Dataset: dataset, Purpose: q.Purpose, Request: q.Request, Imported: q.wanted(),
		ValidAt: q.ValidAt, Page: c.page(q.paging),
	})
	if err == nil && q.Proof != "" {
		err = c.proveAgreements(q, list)
	}
	c.next(&list.Next)
	return list, err
}

// proveAgreements proves all records by which agreements like those asked for came
// about, and all that happened to those in the list.
func (c *question) proveAgreements(q agreementsQuery, list projections.AgreementList) error {
	if q.Dataset != "" {
		return unprovable("dataset", "which entries describe a dataset is worked out from the catalog, and not proven", "ask for the entries, one at a time")
	}
	cl := claim{names: someNames(proof.KindParty, q.Party, proof.KindParty, q.Provider, proof.KindParty, q.Consumer, proof.KindEntry, q.Entry)}
	if len(cl.names) == 0 {
		cl.names = typeNames(typesAgreement)
	} else {
		cl.names = cl.names[:1]
	}
	for _, a := range list.Agreements {
		cl.names = append(cl.names, proof.Name{proof.KindAgreement, a.ID})
	}
	return c.prove(cl)
}

type agreementAnswer struct {
	SubjectVersion uint64                `json:"subject_version"`
	Agreement      projections.Agreement `json:"agreement"`
}

type agreementQuery struct {
	reading
	validAt
}

func getAgreement(c *question, q agreementQuery) (agreementAnswer, error) {
	id, err := pathValue(c.r, "id")
	if err != nil {
		return agreementAnswer{}, err
	}
	agreement, ok, err := c.view.Agreement(c.ctx, id, q.ValidAt)
	if err != nil {
		return agreementAnswer{}, err
	}
	if !ok {
		return agreementAnswer{}, notFound("agreement", id, c.view.Position())
	}
	version, err := c.subjectVersion(events.Subject{Kind: events.KindAgreement, ID: id})
	return agreementAnswer{version, agreement}, err
}

type sharesQuery struct {
	reading
	validAt
	paging
	window
	proving
	imported
	Provider string `query:"provider" doc:"the providing party's id"`
	Consumer string `query:"consumer" doc:"the consuming party's id"`
	Entry    string `query:"entry" doc:"id of the catalog entry shared"`
	Dataset  string `query:"dataset" doc:"a dataset that the entry shared describes, as {namespace}/{name}"`
	Column   string `query:"column" doc:"id of the item shared"`
	Purpose  string `query:"purpose" doc:"the purpose it was for"`
}

func listShares(c *question, q sharesQuery) (projections.ShareList, error) {
	dataset, err := c.dataset(q.Dataset)
	if err != nil {
		return projections.ShareList{}, err
	}
	list, err := c.view.Shares(c.ctx, projections.ShareQuery{
		Provider: q.Provider, Consumer: q.Consumer, Entry: q.Entry, Column: q.Column, Purpose: q.Purpose, Dataset: dataset, Imported: q.wanted(),
		From: q.From, To: q.To, ValidAt: q.ValidAt, Page: c.page(q.paging),
	})
	if err == nil && q.Proof != "" {
		err = c.proveShares(q, list)
	}
	c.next(&list.Next)
	return list, err
}

// proveShares proves all records that bear the entry or a party asked for, and all
// that happened to the agreements in the list.
func (c *question) proveShares(q sharesQuery, list projections.ShareList) error {
	if q.Dataset != "" {
		return unprovable("dataset", "which entries describe a dataset is worked out from the catalog, and not proven", "ask for the entries, one at a time")
	}
	cl := claim{names: someNames(proof.KindEntry, q.Entry, proof.KindParty, q.Provider, proof.KindParty, q.Consumer)}
	if len(cl.names) == 0 {
		cl.names = typeNames(typesShare, typesAccess)
	} else {
		cl.names = cl.names[:1]
	}
	for _, s := range list.Shares {
		cl.rows = append(cl.rows, s.Position)
		if s.Agreement != "" {
			cl.names = append(cl.names, proof.Name{proof.KindAgreement, s.Agreement})
		}
	}
	return c.prove(cl)
}

type accessesQuery struct {
	reading
	validAt
	paging
	window
	proving
	imported
	Provider   string `query:"provider" doc:"the providing party's id"`
	Consumer   string `query:"consumer" doc:"the consuming party's id"`
	Agreement  string `query:"agreement" doc:"id of the agreement the call names"`
	Entry      string `query:"entry" doc:"id of the catalog entry accessed"`
	Dataset    string `query:"dataset" doc:"the dataset accessed, as {namespace}/{name}"`
	Column     string `query:"column" doc:"a column accessed"`
	Purpose    string `query:"purpose" doc:"the purpose the call was for"`
	Credential string `query:"credential" doc:"digest of the credential that the call was made with"`
	System     string `query:"system" doc:"the consumer's application that called, as the calls name it; sealed batches name none"`
	Actor      string `query:"actor" doc:"pseudonymous key of the person who the event says called"`
	Result     string `query:"result" doc:"what the producer reported, such as ok or denied"`
	Type       string `query:"type" doc:"only single calls, denied calls, sealed batches or declared gaps. Default: all" enum:"access.call.recorded,access.call.denied,access.batch.sealed,access.gap.declared"`
	Flagged    bool   `query:"flagged" doc:"only what broke a rule"`
}

func listAccesses(c *question, q accessesQuery) (projections.AccessList, error) {
	query, err := c.accessQuery(q)
	if err != nil {
		return projections.AccessList{}, err
	}
	query.Page = c.page(q.paging)
	list, err := c.view.Accesses(c.ctx, query)
	if err == nil && q.Proof != "" {
		err = c.prove(q.claim(query.Dataset, list))
	}
	c.next(&list.Next)
	return list, err
}

// accessQuery is what a request asks of the views, from the first row on.
func (c *question) accessQuery(q accessesQuery) (projections.AccessQuery, error) {
	dataset, err := c.dataset(q.Dataset)
	return projections.AccessQuery{
		Provider: q.Provider, Consumer: q.Consumer, Agreement: q.Agreement, Entry: q.Entry, Column: q.Column, Credential: q.Credential, System: q.System, Actor: q.Actor, Result: q.Result, Type: q.Type,
		Dataset: dataset, FlaggedOnly: q.Flagged, Purpose: q.Purpose, Imported: q.wanted(), From: q.From, To: q.To, ValidAt: q.ValidAt, Gaps: true,
	}, err
}

// claim is what a list of accesses says about the book.
func (q *accessesQuery) claim(dataset projections.Dataset, list projections.AccessList) claim {
	names := someNames(proof.KindAgreement, q.Agreement, proof.KindEntry, q.Entry, proof.KindParty, q.Provider, proof.KindParty, q.Consumer)
	if dataset != (projections.Dataset{}) {
		names = append(names, proof.Name{proof.KindDataset, dataset.Namespace, dataset.Name})
	}
	cl := claim{names: typeNames(typesCall, typeBatch, typeGap)}
	// A party may also be the other side or an operator: roles are no names. And what
	// bears a name need not be a call.
	selected := len(names) > 0 || q.Purpose != "" || q.Imported != "" || q.Column != "" || q.Credential != "" || q.System != "" || q.Actor != "" || q.Result != "" || q.Type != "" || q.Flagged || q.From != 0 || q.To != 0 || q.ValidAt != 0
	if len(names) > 0 {
		cl.names, cl.also = names[:1], names[1:]
	}
	cl.whole = list.Next == "" && q.Cursor == "" && !selected
	for _, a := range list.Accesses {
		cl.rows = append(cl.rows, a.Position)
		if a.Gap != nil && len(names) > 0 { // it bears none of the names asked for
			cl.names = distinctNames(append(cl.names, typeNames(typeGap)...))
		}
	}
	return cl
}

type producersQuery struct {
	reading
	paging
	Party string `query:"party" doc:"id of the party that answers for the producer"`
	Gaps  bool   `query:"gaps" doc:"only producers that miss numbers, declared or not"`
}

func listProducers(c *question, q producersQuery) (projections.ProducerList, error) {
	list, err := c.view.Producers(c.ctx, projections.ProducerQuery{Party: q.Party, Gaps: q.Gaps, Page: c.page(q.paging)})
	c.next(&list.Next)
	return list, err
}

// dataset finds a dataset by its text form. It is resolved against what is
// known, because namespaces and names may both hold slashes.
func (c *question) dataset(text string) (projections.Dataset, error) {
	if text == "" {
		return projections.Dataset{}, nil
	}
	node, err := c.view.ResolveNode(c.ctx, projections.NodeDataset+":"+text)
	if err != nil {
		return projections.Dataset{}, problemOf(err).at("dataset")
	}
	return projections.Dataset{Namespace: node.Namespace, Name: node.Name}, nil
}

type findingsQuery struct {
	reading
	validAt
	paging
	State    string `query:"state" doc:"state of the issue" enum:"reported,accepted,rejected,assigned,confirmed,unfounded,rectified,rechecked,closed"`
	Open     bool   `query:"open" doc:"only issues that are neither closed nor rejected"`
	Entry    string `query:"entry" doc:"id of the catalog entry concerned"`
	Party    string `query:"party" doc:"id of the party that reported it, answers for the entry or was assigned it"`
	Severity string `query:"severity" doc:"severity as reported"`
}

func listFindings(c *question, q findingsQuery) (projections.FindingList, error) {
	list, err := c.view.Findings(c.ctx, projections.FindingQuery{
		State: q.State, Entry: q.Entry, Party: q.Party, Severity: q.Severity, Open: q.Open, ValidAt: q.ValidAt, Page: c.page(q.paging),
	})
	c.next(&list.Next)
	return list, err
}

type findingAnswer struct {
	SubjectVersion uint64              `json:"subject_version"`
	Finding        projections.Finding `json:"finding"`
	// FailedChecks are what failed of the run that it names.
	FailedChecks []projections.Check `json:"failed_checks,omitempty"`
}

func getFinding(c *question, q entryQuery) (findingAnswer, error) {
	id, err := pathValue(c.r, "id")
	if err != nil {
		return findingAnswer{}, err
	}
	finding, ok, err := c.view.Finding(c.ctx, id, q.ValidAt)
	if err != nil {
		return findingAnswer{}, err
	}
	if !ok {
		return findingAnswer{}, notFound("finding", id, c.view.Position())
	}
	answer := findingAnswer{Finding: finding}
	if finding.Run != "" {
		if answer.FailedChecks, err = c.failed(projections.CheckQuery{Run: finding.Run}); err != nil {
			return findingAnswer{}, err
		}
	}
	answer.SubjectVersion, err = c.subjectVersion(events.Subject{Kind: events.KindIssue, ID: id})
	return answer, err
}

type attributionQuery struct {
	reading
	validAt
}

// attributionAnswer leaves out what Standing says as well.
type attributionAnswer struct {
	LineageAt   events.Time                  `json:"lineage_at"`
	Finding     projections.Finding          `json:"finding"`
	Origins     []projections.FaultOrigin    `json:"origins"`
	Responsible []projections.Responsible    `json:"responsible"`
	Recipients  []projections.FaultRecipient `json:"recipients"`
}

func getAttribution(c *question, q attributionQuery) (attributionAnswer, error) {
	id, err := pathValue(c.r, "id")
	if err != nil {
		return attributionAnswer{}, err
	}
	a, ok, err := c.view.Attribute(c.ctx, id, q.ValidAt)
	if err != nil {
		return attributionAnswer{}, err
	}
	if !ok {
		return attributionAnswer{}, notFound("finding", id, c.view.Position())
	}
	c.hit(a.LimitsHit...)
	return attributionAnswer{a.LineageAt, a.Finding, a.Origins, a.Responsible, a.Recipients}, nil
}
