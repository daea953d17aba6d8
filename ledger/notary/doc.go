// Package notary has the heads of a ledger attested by others: by a timestamping
// authority (RFC 3161), so that outsiders show when, and by witnesses (C2SP
// tlog-witness), so that outsiders show that there is one log and no fork of it.
//
// Nothing here is on the way of an append. When an authority or a witness does not
// answer, the ledger goes on, and Status says since when it is without them.
package notary
