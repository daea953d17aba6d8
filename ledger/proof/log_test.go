package proof

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"strconv"
	"testing"

	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/merkle/testonly"
	"golang.org/x/mod/sumdb/note"
)

const testOrigin = "ledger.example/province"

func testPrivate(seed byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, ed25519.SeedSize))
}

// testKey returns the note signer and verifier of a fixed Ed25519 key.
func testKey(t testing.TB, name string, seed byte) (note.Signer, note.Verifier) {
	t.Helper()
	priv := testPrivate(seed)
	vkey, err := note.NewEd25519VerifierKey(name, priv.Public().(ed25519.PublicKey))
	if err != nil {
		t.Fatal(err)
	}
	v, err := note.NewVerifier(vkey)
	if err != nil {
		t.Fatal(err)
	}
	secret := base64.StdEncoding.EncodeToString(append([]byte{1}, priv.Seed()...))
	s, err := note.NewSigner(fmt.Sprintf("PRIVATE+KEY+%s+%08x+%s", name, v.KeyHash(), secret))
	if err != nil {
		t.Fatal(err)
	}
	return s, v
}

// A testLog is a log whose tree the other Merkle library keeps.
type testLog struct {
	t        testing.TB
	leaves   [][]byte
	tree     *testonly.Tree
	signer   note.Signer
	verifier note.Verifiers
}

func newTestLog(t testing.TB, size int) *testLog {
	s, v := testKey(t, testOrigin, 7)
	l := &testLog{t: t, tree: testonly.New(rfc6962.DefaultHasher), signer: s, verifier: note.VerifierList(v)}
	prev := GenesisPrev([]byte{0xa0})
	for i := range size {
		leaf := accumulatedLeaf(i, prev)
		enc := leaf.Append(nil)
		prev = LeafHash(enc)
		l.leaves = append(l.leaves, enc)
		l.tree.AppendData(enc)
	}
	return l
}

// accumulatedLeaf is leaf i of the log that the accumulated vector folds. Its
// rule stands in docs/vectors/accumulated.txt.
func accumulatedLeaf(i int, prev Hash) Leaf {
	id := strconv.Itoa(i)
	salt := BodySalt([]byte("book secret"), "https://producer.example", id)
	return Leaf{
		Version: LeafVersion, Position: uint64(i), Prev: prev, Time: 1767864600000000 + int64(i)*int64(i),
		Keys: sortKeys([]Hash{
			Key(KindType, "type."+strconv.Itoa(i%7)),
			Key(KindSubject, "entry", strconv.Itoa(i%97)),
			Key(KindEntry, strconv.Itoa(i%97)),
		}),
		Body: CommitBody(&salt, []byte(id)),
	}
}

func (l *testLog) checkpoint(size int) Checkpoint {
	return Checkpoint{Origin: testOrigin, Size: int64(size), Root: Hash(l.tree.HashAt(uint64(size)))}
}

func (l *testLog) signed(size int) []byte {
	l.t.Helper()
	b, err := l.checkpoint(size).Sign(l.signer)
	if err != nil {
		l.t.Fatal(err)
	}
	return b
}

func (l *testLog) inclusion(position, size int) Inclusion {
	l.t.Helper()
	path, err := l.tree.InclusionProof(uint64(position), uint64(size))
	if err != nil {
		l.t.Fatal(err)
	}
	return Inclusion{Position: int64(position), Hashes: hashes(path), Checkpoint: l.signed(size)}
}

func (l *testLog) consistency(from, to int) Consistency {
	l.t.Helper()
	path, err := l.tree.ConsistencyProof(uint64(from), uint64(to))
	if err != nil {
		l.t.Fatal(err)
	}
	return Consistency{From: string(l.signed(from)), To: string(l.signed(to)), Hashes: hashes(path)}
}

func hashes(in [][]byte) []Hash {
	var out []Hash
	for _, h := range in {
		out = append(out, Hash(h))
	}
	return out
}
