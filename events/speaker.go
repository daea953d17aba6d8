package events

import "reflect"

// Speakers are the bodies of which one speaks in an event with such data: who
// decides, reports or asks. It is the field by; types without one say which of their
// fields stands for it. A few name nobody.
func (t Type) Speakers(d Data) []string {
	if t.by >= 0 {
		return []string{reflect.ValueOf(d).Elem().Field(t.by).String()}
	}
	if s, ok := d.(speaking); ok {
		return s.speakers()
	}
	return nil
}

// speaking is implemented by data without a field by.
type speaking interface{ speakers() []string }

// byField is the number of the field by of a struct, -1 if it has none.
func byField(t reflect.Type) int {
	if f, ok := t.FieldByName("By"); ok && f.Type.Kind() == reflect.String && len(f.Index) == 1 {
		return f.Index[0]
	}
	return -1
}

// A call is logged by the body whose data was read, or by who ran it for that body.
func (e *AccessRecorded) speakers() []string { return []string{e.Provider, e.Operator} }
func (e *CallDenied) speakers() []string     { return []string{e.Provider, e.Operator} }
func (e *BatchSealed) speakers() []string    { return []string{e.Provider} }

func (e *EntryDrafted) speakers() []string { return []string{e.Provider} }
func (e *EntryRevised) speakers() []string { return []string{e.Provider} }

func (e *PartyRegistered) speakers() []string       { return []string{e.Party} }
func (e *PartyRenamed) speakers() []string          { return []string{e.Party} }
func (e *PartyMerged) speakers() []string           { return []string{e.Party} }
func (e *PartyDissolved) speakers() []string        { return []string{e.Party} }
func (e *PartyKeyRegistered) speakers() []string    { return []string{e.Party} }
func (e *PartyKeyRotated) speakers() []string       { return []string{e.Party} }
func (e *PartyKeyCompromised) speakers() []string   { return []string{e.Party} }
func (e *PartySigningRequired) speakers() []string  { return []string{e.Party} }
func (e *RoleAssigned) speakers() []string          { return []string{e.Party} }
func (e *RoleRevoked) speakers() []string           { return []string{e.Party} }
func (e *SharingBodyDesignated) speakers() []string { return []string{e.Party} }

func (e *QualityRulePublished) speakers() []string { return []string{e.Owner} }
func (e *AgreementActivated) speakers() []string   { return []string{e.Provider} }
func (e *RequestSubmitted) speakers() []string     { return []string{e.Consumer} }
func (e *ReturnFlowDelivered) speakers() []string  { return []string{e.From} }
