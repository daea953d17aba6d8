// Package proof is all that is needed to check what a ledger says: the bytes of
// its records, their hashes and commitments, checkpoints, receipts and proofs.
// It reads no database and opens no connection, so that an auditor can build it
// alone. The ledger itself writes with the same functions. The normative text
// is docs/format.md; docs/vectors holds test vectors, and a reader of them in
// Python that shares nothing with this package.
//
// # What a record is made of
//
// Each record has three parts, apart because they are seen by different people
// for different times:
//
//	facets   what may have to be erased: personal fields, free text, raw bodies
//	body     the event without its facets, and a commitment to each of them
//	leaf     position, time, keys, and a commitment to the body
//
// Anyone may hold leaves. A leaf says that something stands at a position, when
// the ledger recorded it, and under which [Key] hashes it can be found, but not
// what it is. The body is shown to whoever may see it, with its salt: then
// [CheckRecord] tells that it is the one the leaf commits to. A [Body] in turn
// commits to its facets. Erasing a facet destroys its bytes and its salt; the
// commitment remains, so no hash changes, every proof made before still holds,
// and it stays provable that the facet existed. The salts keep the holder of a
// commitment from guessing what it commits to. Bodies of the ledger's own events
// ([Body.Public]) have a zero salt, since they are public.
//
// # Why the past cannot change
//
// Leaves are hashed into one Merkle tree, that of RFC 6962 with SHA-256. Each
// leaf also holds the hash of the leaf before it. This chain lies in the hashed
// bytes and is no second thing to trust: the leaf hashes on the tree's lowest
// level are the chain's links, so a leaf can be checked against its neighbours
// alone, a fault is found at its exact place, and chain and tree cannot disagree
// unnoticed.
//
// A [Checkpoint] is the size and the root of the tree, signed by the log. It
// determines every leaf of the log and so every body and every facet. Two proofs
// lead to it:
//
//   - An [Inclusion] shows that a leaf stands at a position of the log that a
//     checkpoint describes.
//   - A [Consistency] shows that the log of a later checkpoint begins with that
//     of an earlier one: nothing in it was changed, dropped or moved.
//
// A third shows that nothing was left out:
//
//   - A [Completeness] shows that certain records, and no others, bear a name and
//     were recorded within a window. It leads to the root of an index of keys
//     that the log itself has recorded ([IndexCommit]).
//
// A [Receipt] is the answer to an append. It holds the leaf's hash and a
// checkpoint that covers it, signed once the record is durable. If the operator
// cannot later give an inclusion proof for it, or gives a log that is not
// consistent with its checkpoint, the receipt convicts him.
//
// # What must be trusted
//
// The proofs rest on SHA-256, on Ed25519, on the verifier key being the log's,
// and on the origin, which names the log, being the one expected; both are the
// checker's own to bring, and every check takes them as arguments. A signature
// by a key that does not bear the log's name never counts as the log's.
//
// Not proven by this package alone:
//
//   - That there is no second log. An operator can show two people two logs with
//     the same key. They notice as soon as they compare checkpoints, which is
//     what witnesses do for everyone: two signed checkpoints of one size with
//     different roots, or without a consistency proof, are the proof of the fork.
//   - That the recorded time is right. It is the ledger's clock, and it only
//     moves forward.
//   - That an event is true, or that its source reported everything. A producer
//     that numbers its events ([Producer]) makes a loss visible.
//   - That the log's commitments to its index are right, on which a
//     [Completeness] rests. Keys are in the leaf so that anybody who holds the
//     leaves can make the [Index] again and compare: one root that differs
//     convicts the operator.
//
// # How the bytes are read
//
// Leaves, bodies and facets are deterministic CBOR (RFC 8949 §4.2.1) without
// tags and floats. Every reader here accepts exactly what the writer beside it
// can write, so that nothing can be said in two ways, and refuses the rest. What
// is hashed are the bytes as stored; no check encodes anything again.
//
// To check a record from outside:
//
//	p, err := proof.ParseInclusion(text)            // GET /v1/proofs/inclusion
//	leaf, checkpoint, err := p.CheckLeaf(entry, origin, verifiers)
//	err = proof.CheckRecord(entry, body, &salt)     // if the body may be seen
//	b, err := proof.ParseBody(body)
//	salt, text, err := proof.DecodeFacet(stored)    // if the facet is not erased
//	same := proof.CommitFacet(&salt, text) == b.Facets[i].Commit
package proof
