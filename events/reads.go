package events

// theReads is the subject of what was read and taken out: its versions count that.
var theReads = Subject{KindLedger, "reads"}

var readTypes = []Type{
	reserved(fact[ReadRecorded]("ledger.read.recorded")),
	reserved(fact[ExportMade]("ledger.export.made")),
}

// ReadRecorded says that a principal read sensitive history: who touched whose data,
// or content that stands beside the records. It is durable before the answer leaves.
type ReadRecorded struct {
	// Route is the class of question, such as GET /v1/accesses. Question is the path
	// and the parameters as they were asked; it is public and names no person.
	Route    string `json:"route"`
	Question string `json:"question"`
	// Position is the last record there was when it was answered.
	Position int64 `json:"position"`
	// Bytes is the size of the answer; 0 of one that goes on while it is read.
	Bytes int `json:"bytes"`
}

// ExportMade says that a principal took a file out: a bundle, or the catalog.
type ExportMade struct {
	// Route, Question and Position are those of ReadRecorded. The parameters of a bundle
	// are those that its question comes to.
	Route    string `json:"route"`
	Question string `json:"question"`
	Position int64  `json:"position"`
	Bytes    int    `json:"bytes"`
	// Digest is the SHA-256 of the file, 32 bytes: whoever has it can show that it came
	// from here.
	Digest []byte `json:"digest"`
	// Recipient is who is to have the file and Purpose what for, as the principal says.
	// Both are public and name no person.
	Recipient string `json:"recipient,omitzero"`
	Purpose   string `json:"purpose,omitzero"`
}

// Subject is what was read and taken out.
func (e *ReadRecorded) Subject() Subject { return theReads }

// Subject is what was read and taken out.
func (e *ExportMade) Subject() Subject { return theReads }

func (e *ReadRecorded) names() []Name { return nil }
func (e *ExportMade) names() []Name   { return nil }

func (e *ReadRecorded) validate(c checker) { c.reading(e.Route, e.Question, e.Position, e.Bytes) }

func (e *ExportMade) validate(c checker) {
	c.reading(e.Route, e.Question, e.Position, e.Bytes)
	if len(e.Digest) != 32 {
		c.refuse("field.length", "digest", "a SHA-256 digest has 32 bytes", "send the digest of the file")
	}
	c.text("recipient", e.Recipient, MaxName)
	c.text("purpose", e.Purpose, MaxName)
}

func (c checker) reading(route, question string, position int64, bytes int) {
	c.required("route", route, MaxCode)
	c.required("question", question, MaxName)
	if position < 0 {
		c.refuse("field.range", "position", "the position is negative", "send the position of a record")
	}
	c.atLeast("bytes", bytes, 0)
}
