// Package events holds the words of the ledger: the event types, the subjects
// they are about, and the rules that admit them.
//
// An event type is a struct with its rule beside it, and that is the whole
// domain model:
//
//	func (e AgreementActivated) Subject() Subject     // what it is about
//	func (e AgreementActivated) names() []Name        // what else it can be found by
//	func (e AgreementActivated) validate(c checker)   // is it well formed? needs no state
//	func (e AgreementActivated) needs() []Subject     // other subjects whose state its rule reads
//	func (e AgreementActivated) check(s States) error // may it happen? asked once, of new events only
//	func (e AgreementActivated) apply(a *Agreement)   // it happened: a fold that never fails
//
// The client sends the event itself; there are no command types. There are two
// kinds of admission. An act (publish, activate, suspend) is refused when it is
// illegal in the current state. A reported fact (an access, a run, a quality
// issue) is always admitted when it is well formed, and a projection flags the
// rule it breaks: a ledger that refuses to record an unlawful act hides it.
//
// Erasable fields (free text, references to persons) are listed by facets() and
// kept beside the data: see Event.Split.
//
// check may become stricter over the years. apply must accept all history, uses
// no clock and no randomness, and never writes into a slice or map it finds in
// the state: it assigns a new one, so that a shallow copy of a state is a copy.
//
// The package does no I/O.
package events
