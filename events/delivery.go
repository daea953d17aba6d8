package events

// KindDelivery is the subject of a delivery of a batch or file.
const KindDelivery = "delivery"

// Deliveries are reported facts, return flow among them.
var deliveryTypes = []Type{
	fact[DeliveryCompleted]("share.delivery.completed"),
	fact[DeliveryAcknowledged]("share.delivery.acknowledged"),
	fact[ReturnFlowDelivered]("share.return_flow.delivered"),
}

// DeliveryCompleted says that a provider delivered a batch or file.
type DeliveryCompleted struct {
	Delivery  string `json:"delivery"`
	Agreement string `json:"agreement"`
	By        string `json:"by"`
	// Provision is what it was delivered through.
	Provision string `json:"provision,omitzero"`
	// Entry and Items say what was delivered.
	Entry        string   `json:"entry"`
	EntryVersion int      `json:"entry_version,omitzero"`
	Items        []string `json:"items"`
	// Period is what the data is about.
	Period Period `json:"period"`
	Rows   int    `json:"rows"`
	// Digest is of the content, Manifest the root of a tree over its parts.
	Digest   string `json:"digest"`
	Manifest string `json:"manifest,omitzero"`
	Masking  string `json:"masking,omitzero"`
}

// DeliveryAcknowledged says what the consumer got.
type DeliveryAcknowledged struct {
	Delivery  string `json:"delivery"`
	Agreement string `json:"agreement"`
	By        string `json:"by"`
	Rows      int    `json:"rows"`
	Digest    string `json:"digest"`
	// Mismatch says what differs from what was sent; free text, kept as a facet.
	Mismatch string `json:"mismatch,omitzero"`
}

// ReturnFlowDelivered says that an upper body gave back to a lower one the rows of
// its region that the upper body's systems hold.
type ReturnFlowDelivered struct {
	Delivery string `json:"delivery"`
	From     string `json:"from"`
	To       string `json:"to"`
	// Agreement is what it rests on, if on one.
	Agreement    string   `json:"agreement,omitzero"`
	Entry        string   `json:"entry"`
	EntryVersion int      `json:"entry_version,omitzero"`
	Items        []string `json:"items"`
	// Region is the filter of the rows.
	Region string `json:"region"`
	Period Period `json:"period"`
	Rows   int    `json:"rows"`
	Digest string `json:"digest"`
	// Complete states that these are all rows of the region.
	Complete bool `json:"complete,omitzero"`
}

func (e *DeliveryCompleted) Subject() Subject    { return Subject{KindDelivery, e.Delivery} }
func (e *DeliveryAcknowledged) Subject() Subject { return Subject{KindDelivery, e.Delivery} }
func (e *ReturnFlowDelivered) Subject() Subject  { return Subject{KindDelivery, e.Delivery} }

func (e *DeliveryCompleted) names() []Name {
	return append(parties(e.By), agreementName(e.Agreement), entryName(e.Entry))
}
func (e *DeliveryAcknowledged) names() []Name {
	return append(parties(e.By), agreementName(e.Agreement))
}
func (e *ReturnFlowDelivered) names() []Name {
	out := append(parties(e.From, e.To), entryName(e.Entry))
	if e.Agreement != "" {
		out = append(out, agreementName(e.Agreement))
	}
	return out
}

func (e *DeliveryAcknowledged) facets() []facetField {
	return []facetField{{"mismatch", "", &e.Mismatch}}
}

func (e *DeliveryCompleted) validate(c checker) {
	c.under("delivery", e.Delivery, e.Agreement, e.By)
	c.text("provision", e.Provision, MaxID)
	c.delivered(e.Entry, e.EntryVersion, e.Items, e.Period, e.Rows, e.Digest)
	c.text("manifest", e.Manifest, MaxCode)
	c.text("masking", e.Masking, MaxCode)
}

func (c checker) delivered(entry string, version int, items []string, period Period, rows int, digest string) {
	c.required("entry", entry, MaxID)
	c.atLeast("entry_version", version, 0)
	c.some("items", len(items))
	c.distinct("items", items, MaxID)
	c.span("period", period)
	c.atLeast("rows", rows, 0)
	c.required("digest", digest, MaxCode)
}

func (e *DeliveryAcknowledged) validate(c checker) {
	c.under("delivery", e.Delivery, e.Agreement, e.By)
	c.atLeast("rows", e.Rows, 0)
	c.required("digest", e.Digest, MaxCode)
	c.text("mismatch", e.Mismatch, MaxText)
}

func (e *ReturnFlowDelivered) validate(c checker) {
	c.required("delivery", e.Delivery, MaxID)
	c.required("from", e.From, MaxID)
	c.required("to", e.To, MaxID)
	c.text("agreement", e.Agreement, MaxID)
	c.delivered(e.Entry, e.EntryVersion, e.Items, e.Period, e.Rows, e.Digest)
	c.required("region", e.Region, MaxCode)
}
