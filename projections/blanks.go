package projections

import (
	"fmt"
	"slices"
	"sync/atomic"
)

// blanks are the fields that a reader is kept from, with how often one was left out.
type blanks struct {
	fields   []string
	withheld atomic.Int64
}

// FieldError is returned for a question that selects by a field which its reader is kept
// from: the answer would tell what it holds.
type FieldError struct{ Field string }

func (e *FieldError) Error() string {
	return fmt.Sprintf("the reader is kept from the field %s, and asks by it", e.Field)
}

// mayAskBy refuses a question that selects by a field that its reader is kept from; a
// value that is empty selects nothing.
func (w *View) mayAskBy(field, value string) error {
	if value != "" && w.blanks != nil && slices.Contains(w.blanks.fields, field) {
		return &FieldError{field}
	}
	return nil
}

// Unshown is the view for what is read and not shown: it leaves out the same rows, and no
// fields, which would be counted.
func (w *View) Unshown() *View {
	all := *w
	all.blanks = nil
	return &all
}

// LeavesOut tells whether the reader is kept from a field that belongs to its answer, and
// counts it.
func (w *View) LeavesOut(field string) bool {
	if w.blanks == nil || !slices.Contains(w.blanks.fields, field) {
		return false
	}
	w.blanks.withheld.Add(1)
	return true
}

// blank empties values of a field that the reader is kept from, and counts them.
func (r *reader) blank(field string, values ...*string) {
	if r.blanks == nil || !slices.Contains(r.blanks.fields, field) {
		return
	}
	for _, v := range values {
		if *v != "" {
			*v = ""
			r.blanks.withheld.Add(1)
		}
	}
}

// The fields of rows, under the names that they have in events.

func (row *TimelineRow) blank(r *reader) { r.blank("actor", &row.Actor) }

func (a *Access) blank(r *reader) {
	r.blank("credential", &a.Credential)
	r.blank("request_no", &a.RequestNo)
}

func (a *Agreement) blank(r *reader) { r.blank("approved_by", &a.ApprovedBy) }

func (req *Request) blank(r *reader) {
	r.blank("approved_by", &req.RequestApprover, &req.AnswerApprover)
	r.blank("case_no", &req.CaseNo)
}

func (d *Disposal) blank(r *reader) {
	r.blank("evidence", &d.Evidence)
	r.blank("witness", &d.Witness)
}

func (p *Party) blank(r *reader) {
	if r.blanks == nil {
		return
	}
	p.SharingBodies = slices.Clone(p.SharingBodies)
	for i := range p.SharingBodies {
		r.blank("head", &p.SharingBodies[i].Head)
	}
}
