package events

import (
	"encoding/hex"
	"strconv"
)

// What people say about the ledger's records, as against what the ledger says about
// itself: that one is wrong, that a stretch of them was verified, what file records of
// earlier times were taken from. All are reported facts, and change nothing else: a record
// is never edited.

// KindCorrection is the subject of notes that a record is wrong, by its position,
// KindVerification of a verification that somebody made, and KindImport of a file of
// events from before the ledger.
const (
	KindCorrection   = "correction"
	KindVerification = "verification"
	KindImport       = "import"
)

var noteTypes = []Type{
	fact[CorrectionNoted]("ledger.correction.noted"),
	fact[VerificationCompleted]("ledger.verification.completed"),
	fact[ImportMade]("ledger.import.made"),
}

// CorrectionNoted says that a record does not tell what was so. The record stays, and is
// shown with the note from then on. What follows from what was right is another event
// of its own.
type CorrectionNoted struct {
	By string `json:"by"`
	// Record is the position of the record that is wrong, Pointer the field of its event
	// as a JSON pointer, such as /data/rows; empty stands for the whole.
	Record  uint64 `json:"record"`
	Pointer string `json:"pointer,omitzero"`
	// Right is what should stand there; Description says why. Both are free text, kept
	// as facets.
	Right       string `json:"right,omitzero"`
	Description string `json:"description,omitzero"`
}

// VerificationCompleted says that somebody verified a stretch of the ledger by means of
// their own, and what came out.
type VerificationCompleted struct {
	Verification string `json:"verification"`
	By           string `json:"by"`
	// First and Last bound the positions that were verified.
	First uint64 `json:"first"`
	Last  uint64 `json:"last"`
	// Size and Root are of the checkpoint that it was held against, if it was.
	Size uint64 `json:"size,omitzero"`
	Root []byte `json:"root,omitzero"`
	// Result is passed or failed.
	Result string `json:"result"`
	// Tool is the program that did it, with its version.
	Tool        string `json:"tool"`
	ToolVersion string `json:"tool_version"`
	// Description is what was found; free text, kept as a facet.
	Description string `json:"description,omitzero"`
}

// ImportMade says what file the events are from that a party told the ledger about the
// time before it. Each of them is marked as imported and names this event as its cause
// (causationid), so that it can be held against the file, which stays with its keeper.
type ImportMade struct {
	By string `json:"by"`
	// Title says what it is, such as the system it was taken from.
	Title string `json:"title"`
	// Digest is the SHA-256 of the file, 32 bytes, and Bytes its length.
	Digest []byte `json:"digest"`
	Bytes  int    `json:"bytes"`
}

// CorrectionSubject is the subject of all notes that the record at a position is wrong,
// so that they are found, and proven to be all there are, by it.
func CorrectionSubject(position uint64) Subject {
	return Subject{KindCorrection, strconv.FormatUint(position, 10)}
}

func (e *CorrectionNoted) Subject() Subject       { return CorrectionSubject(e.Record) }
func (e *VerificationCompleted) Subject() Subject { return Subject{KindVerification, e.Verification} }

func (e *ImportMade) Subject() Subject { return Subject{KindImport, hex.EncodeToString(e.Digest)} }

func (e *ImportMade) names() []Name            { return parties(e.By) }
func (e *CorrectionNoted) names() []Name       { return parties(e.By) }
func (e *VerificationCompleted) names() []Name { return parties(e.By) }

func (e *CorrectionNoted) facets() []facetField {
	return []facetField{{"description", "", &e.Description}, {"right", "", &e.Right}}
}
func (e *VerificationCompleted) facets() []facetField {
	return []facetField{{"description", "", &e.Description}}
}

func (e *CorrectionNoted) validate(c checker) {
	c.required("by", e.By, MaxID)
	c.seq("record", e.Record, 0)
	c.text("pointer", e.Pointer, MaxName)
	c.text("right", e.Right, MaxText)
	c.requiredFacet("description", e.Description != "")
	c.text("description", e.Description, MaxText)
}

func (e *VerificationCompleted) validate(c checker) {
	c.required("verification", e.Verification, MaxID)
	c.required("by", e.By, MaxID)
	c.seq("first", e.First, 0)
	c.seq("last", e.Last, e.First)
	if e.Root != nil {
		c.hash("root", e.Root)
		c.seq("size", e.Size, 1)
	}
	c.oneOf("result", e.Result, assessmentResults)
	c.required("tool", e.Tool, MaxName)
	c.required("tool_version", e.ToolVersion, MaxCode)
	c.text("description", e.Description, MaxText)
}

func (e *ImportMade) validate(c checker) {
	c.required("by", e.By, MaxID)
	c.required("title", e.Title, MaxName)
	c.hash("digest", e.Digest)
	c.atLeast("bytes", e.Bytes, 1)
}
