package events

// KindAccess is the subject of access logs. There is one per provider: calls
// are counted in the log of the party whose data was read, so that the subject
// version says how many calls the ledger knows of, and the loss of one shows as
// a gap in the provider's own numbering (Event.Producer). A subject per call
// would count nothing, and one per agreement would leave out the calls that had
// none. The subject has no state, so that many calls may be recorded at once.
const KindAccess = "access"

// The results of a call, as views show them.
const (
	AccessOK     = "ok"
	AccessEmpty  = "empty"
	AccessDenied = "denied"
	AccessError  = "error"
)

var (
	accessResults = []string{AccessOK, AccessEmpty, AccessError}
	deniedReasons = []string{"no_agreement", "not_active", "suspended", "expired", "column_not_granted",
		"purpose_mismatch", "region_out_of_scope", "identity", "rate"}
)

var accessTypes = []Type{
	fact[AccessRecorded]("access.call.recorded"),
	fact[CallDenied]("access.call.denied"),
}

// AccessRecorded is one call for data that got an answer: data, none, or an
// error. A call that broke a rule is recorded like any other; a view flags it.
// A call that was denied is access.call.denied.
type AccessRecorded struct {
	// Call is the provider's id of the call.
	Call     string `json:"call"`
	Provider string `json:"provider"`
	Consumer string `json:"consumer"`
	// Operator is the platform or contractor that ran the call for another.
	Operator string `json:"operator,omitzero"`
	// System is the consumer's application that called.
	System string `json:"system,omitzero"`
	// Agreement is what the call invoked; empty if it invoked none. The version
	// counts its amendments, from 1.
	Agreement        string `json:"agreement,omitzero"`
	AgreementVersion int    `json:"agreement_version,omitzero"`
	// RequestNo is the number of the business case.
	RequestNo string `json:"request_no,omitzero"`
	Purpose   string `json:"purpose"`
	// Entry is the catalog entry read, as it was catalogued in EntryVersion.
	Entry        string `json:"entry"`
	EntryVersion int    `json:"entry_version,omitzero"`
	// Dataset is the physical dataset read.
	Dataset DatasetRef `json:"dataset,omitzero"`
	// Method is api, batch, file, database or verify_only.
	Method string `json:"method"`
	// Columns are the ids of the items returned.
	Columns  []string `json:"columns,omitzero"`
	RowCount int      `json:"row_count"`
	// SubjectCount is the number of distinct persons in the answer; nil if not
	// counted.
	SubjectCount *int   `json:"subject_count,omitzero"`
	Masking      string `json:"masking,omitzero"`
	// Region is the area of the rows returned, where the call was for one.
	Region string `json:"region,omitzero"`
	// Result is ok, empty or error, Reason a code of the error.
	Result string `json:"result"`
	Reason string `json:"reason,omitzero"`
	// Started and Ended bound the call; the event's time is when it was made.
	Started Time `json:"started,omitzero"`
	Ended   Time `json:"ended,omitzero"`
	// Credential is the fingerprint of the certificate or key used.
	Credential string `json:"credential,omitzero"`
	AuthMethod string `json:"auth_method,omitzero"`
	// RequestDigest and ResponseDigest are salted digests kept by the provider to
	// prove content later without storing it.
	RequestDigest  string `json:"request_digest,omitzero"`
	ResponseDigest string `json:"response_digest,omitzero"`
	// Bytes is the size of the answer.
	Bytes int `json:"bytes,omitzero"`
	// DataSubject is the keyed reference of the person asked about. It is kept as
	// a facet sealed under that person's key and nowhere else in the data.
	DataSubject string `json:"data_subject,omitzero"`
	// Query is the query as sent; free text, kept as a facet. With a DataSubject
	// it is sealed under the same key, since it most likely names the person.
	Query string `json:"query,omitzero"`
}

// CallDenied is one call that got no data because it was not allowed. Denied
// calls are always recorded one by one.
type CallDenied struct {
	// Call is the provider's id of the call.
	Call     string `json:"call"`
	Provider string `json:"provider"`
	Consumer string `json:"consumer"`
	// Operator is the platform or contractor that ran the call for another.
	Operator string `json:"operator,omitzero"`
	// System is the consumer's application that called.
	System string `json:"system,omitzero"`
	// Agreement is what the call invoked; empty if it invoked none. The version
	// counts its amendments, from 1.
	Agreement        string `json:"agreement,omitzero"`
	AgreementVersion int    `json:"agreement_version,omitzero"`
	RequestNo        string `json:"request_no,omitzero"`
	Purpose          string `json:"purpose"`
	// Entry, Dataset, Columns and Region are what was asked for.
	Entry        string     `json:"entry"`
	EntryVersion int        `json:"entry_version,omitzero"`
	Dataset      DatasetRef `json:"dataset,omitzero"`
	// Method is api, batch, file, database or verify_only.
	Method  string   `json:"method"`
	Columns []string `json:"columns,omitzero"`
	Region  string   `json:"region,omitzero"`
	// Reason is no_agreement, not_active, suspended, expired, column_not_granted,
	// purpose_mismatch, region_out_of_scope, identity or rate.
	Reason string `json:"reason"`
	// Credential is the fingerprint of the certificate or key used.
	Credential string `json:"credential,omitzero"`
	AuthMethod string `json:"auth_method,omitzero"`
	// RequestDigest is a salted digest kept by the provider to prove what was asked.
	RequestDigest string `json:"request_digest,omitzero"`
	// DataSubject is the keyed reference of the person asked about. It is kept as
	// a facet sealed under that person's key and nowhere else in the data.
	DataSubject string `json:"data_subject,omitzero"`
	// Query is the query as sent; free text, kept as a facet. With a DataSubject
	// it is sealed under the same key, since it most likely names the person.
	Query string `json:"query,omitzero"`
}

func (e *AccessRecorded) Subject() Subject { return Subject{KindAccess, e.Provider} }

func (e *CallDenied) Subject() Subject { return Subject{KindAccess, e.Provider} }

func (e *AccessRecorded) names() []Name {
	return accessNames(parties(e.Provider, e.Consumer, e.Operator), e.Agreement, e.Entry, e.Dataset)
}

func (e *CallDenied) names() []Name {
	return accessNames(parties(e.Provider, e.Consumer, e.Operator), e.Agreement, e.Entry, e.Dataset)
}

func accessNames(out []Name, agreement, entry string, dataset DatasetRef) []Name {
	if agreement != "" {
		out = append(out, agreementName(agreement))
	}
	if entry != "" {
		out = append(out, entryName(entry))
	}
	if dataset != (DatasetRef{}) {
		out = append(out, datasetName(dataset.Namespace, dataset.Name))
	}
	return out
}

func (e *AccessRecorded) facets() []facetField {
	return []facetField{
		{"data_subject", e.DataSubject, &e.DataSubject},
		{"query", e.DataSubject, &e.Query},
	}
}

func (e *CallDenied) facets() []facetField {
	return []facetField{
		{"data_subject", e.DataSubject, &e.DataSubject},
		{"query", e.DataSubject, &e.Query},
	}
}

func (e *CallDenied) validate(c checker) {
	c.call(e.Call, e.Provider, e.Consumer, e.Operator, e.System, e.Agreement, e.AgreementVersion)
	c.text("request_no", e.RequestNo, MaxID)
	c.required("purpose", e.Purpose, MaxCode)
	c.required("entry", e.Entry, MaxID)
	c.atLeast("entry_version", e.EntryVersion, 0)
	c.dataset("dataset", e.Dataset)
	c.oneOf("method", e.Method, methods)
	c.distinct("columns", e.Columns, MaxID)
	c.text("region", e.Region, MaxCode)
	c.oneOf("reason", e.Reason, deniedReasons)
	c.text("credential", e.Credential, MaxCode)
	c.text("auth_method", e.AuthMethod, MaxCode)
	c.text("request_digest", e.RequestDigest, MaxCode)
	c.text("data_subject", e.DataSubject, MaxID)
	c.text("query", e.Query, MaxFacet)
}

// call holds what answered and denied calls have in common.
func (c checker) call(id, provider, consumer, operator, system, agreement string, version int) {
	c.required("call", id, MaxID)
	c.required("provider", provider, MaxID)
	c.required("consumer", consumer, MaxID)
	c.text("operator", operator, MaxID)
	c.text("system", system, MaxID)
	c.text("agreement", agreement, MaxID)
	c.atLeast("agreement_version", version, 0)
}

func (e *AccessRecorded) validate(c checker) {
	c.call(e.Call, e.Provider, e.Consumer, e.Operator, e.System, e.Agreement, e.AgreementVersion)
	c.text("request_no", e.RequestNo, MaxID)
	c.required("purpose", e.Purpose, MaxCode)
	c.required("entry", e.Entry, MaxID)
	c.atLeast("entry_version", e.EntryVersion, 0)
	c.dataset("dataset", e.Dataset)
	c.oneOf("method", e.Method, methods)
	c.distinct("columns", e.Columns, MaxID)
	c.text("region", e.Region, MaxCode)
	c.atLeast("row_count", e.RowCount, 0)
	if e.SubjectCount != nil {
		c.atLeast("subject_count", *e.SubjectCount, 0)
	}
	c.text("masking", e.Masking, MaxCode)
	if e.Result == AccessDenied {
		c.refuse("access.denied-type", "result", "a denied call is an event type of its own", "send access.call.denied")
	}
	c.oneOf("result", e.Result, accessResults)
	c.text("reason", e.Reason, MaxCode)
	c.optionalTime("started", e.Started)
	c.optionalTime("ended", e.Ended)
	if e.Ended != 0 && e.Ended < e.Started {
		c.refuse("field.interval", "ended", "the call ended before it started", "correct the times")
	}
	c.text("credential", e.Credential, MaxCode)
	c.text("auth_method", e.AuthMethod, MaxCode)
	c.text("request_digest", e.RequestDigest, MaxCode)
	c.text("response_digest", e.ResponseDigest, MaxCode)
	c.atLeast("bytes", e.Bytes, 0)
	c.text("data_subject", e.DataSubject, MaxID)
	c.text("query", e.Query, MaxFacet)
}
