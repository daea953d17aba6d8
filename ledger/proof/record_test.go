package proof

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"strings"
	"testing"
)

func sha(b []byte) Hash { return sha256.Sum256(b) }

func TestCheckRecord(t *testing.T) {
	body, err := fullBody().Marshal()
	if err != nil {
		t.Fatal(err)
	}
	salt := BodySalt([]byte("secret"), fullBody().Source, fullBody().ID)
	l := Leaf{Version: 1, Position: 5, Keys: fullBody().Keys(), Body: CommitBody(&salt, body)}
	if err := CheckRecord(l.Append(nil), body, &salt); err != nil {
		t.Fatal(err)
	}
	mutations(body, func(m []byte) {
		if CheckRecord(l.Append(nil), m, &salt) == nil {
			t.Fatalf("another body was accepted: %x", m)
		}
	})
	other := salt
	other[0]++
	if CheckRecord(l.Append(nil), body, &other) == nil {
		t.Error("another salt was accepted")
	}
	less := l
	less.Keys = l.Keys[1:]
	if CheckRecord(less.Append(nil), body, &salt) == nil {
		t.Error("a leaf without one of the keys was accepted")
	}

	public, err := leastBody().Marshal()
	if err != nil {
		t.Fatal(err)
	}
	l = Leaf{Version: 1, Keys: leastBody().Keys(), Body: CommitBody(&[32]byte{}, public)}
	if err := CheckRecord(l.Append(nil), public, new([32]byte)); err != nil {
		t.Error(err)
	}
	l.Body = CommitBody(&salt, public)
	if CheckRecord(l.Append(nil), public, &salt) == nil {
		t.Error("a salted ledger event was accepted")
	}
}

func TestFacet(t *testing.T) {
	owner, salt := [32]byte{1}, [32]byte{2}
	for _, n := range []int{0, 1, 23, 24, 255, 256, 70000} {
		b := bytes.Repeat([]byte{'x'}, n)
		plain := EncodeFacet(&salt, b)
		if want, err := encMode.Marshal([]any{salt, b}); err != nil || !bytes.Equal(plain, want) {
			t.Fatalf("%d bytes: not what the library writes: %v", n, err)
		}
		if s, got, err := DecodeFacet(plain); err != nil || s != salt || !bytes.Equal(got, b) {
			t.Fatalf("%d bytes: %v", n, err)
		}
		sealed, err := SealFacet(&owner, "src", "id", "name", &salt, b, strings.NewReader("twelve bytes"))
		if err != nil {
			t.Fatal(err)
		}
		if s, got, err := OpenFacet(&owner, "src", "id", "name", sealed); err != nil || s != salt || !bytes.Equal(got, b) {
			t.Fatalf("%d bytes: %v", n, err)
		}
	}
}

func TestFacetMutations(t *testing.T) {
	owner, salt := [32]byte{1}, [32]byte{2}
	want := CommitFacet(&salt, []byte("free text"))
	mutations(EncodeFacet(&salt, []byte("free text")), func(m []byte) {
		if s, b, err := DecodeFacet(m); err == nil && CommitFacet(&s, b) == want {
			t.Fatalf("%x has the same commitment", m)
		}
	})
	sealed, err := SealFacet(&owner, "src", "id", "name", &salt, []byte("free text"), strings.NewReader("twelve bytes"))
	if err != nil {
		t.Fatal(err)
	}
	mutations(sealed, func(m []byte) {
		if _, b, err := OpenFacet(&owner, "src", "id", "name", m); err == nil {
			t.Fatalf("%x opened as %q", m, b)
		}
	})
	other := [32]byte{9}
	for what, open := range map[string]func() ([32]byte, []byte, error){
		"owner":  func() ([32]byte, []byte, error) { return OpenFacet(&other, "src", "id", "name", sealed) },
		"source": func() ([32]byte, []byte, error) { return OpenFacet(&owner, "sr", "cid", "name", sealed) },
		"id":     func() ([32]byte, []byte, error) { return OpenFacet(&owner, "src", "i", "name", sealed) },
		"facet":  func() ([32]byte, []byte, error) { return OpenFacet(&owner, "src", "id", "remark", sealed) },
	} {
		if _, _, err := open(); !errors.Is(err, errSealed) {
			t.Errorf("under another %s: %v", what, err)
		}
	}
	if _, err := SealFacet(&owner, "src", "id", "name", &salt, nil, strings.NewReader("short")); err == nil {
		t.Error("sealed with half a nonce")
	}
}

func TestSlots(t *testing.T) {
	old, err := EncodeSlot(41, []byte("old head\n"))
	if err != nil {
		t.Fatal(err)
	}
	head, err := EncodeSlot(42, []byte("new head\n"))
	if err != nil {
		t.Fatal(err)
	}
	if len(head) != SlotSize || SlotOffset(41) != SlotSize || SlotOffset(42) != 0 {
		t.Fatalf("slot of %d bytes at %d", len(head), SlotOffset(42))
	}
	for _, file := range [][]byte{append(bytes.Clone(head), old...), append(bytes.Clone(old), head...)} {
		if seq, c, ok := DecodeSlots(file); !ok || seq != 42 || string(c) != "new head\n" {
			t.Errorf("got %d %q %v", seq, c, ok)
		}
	}
	for name, file := range map[string][]byte{"empty": nil, "zero": make([]byte, 2*SlotSize), "short": head[:SlotSize-1]} {
		if _, _, ok := DecodeSlots(file); ok {
			t.Errorf("%s file: a slot was read", name)
		}
	}
	// Any one spoilt byte of the newer slot, padding included, leaves the older.
	file := append(bytes.Clone(head), old...)
	for i := range SlotSize {
		for _, x := range []byte{1, 0x80, 0xff} {
			file[i] ^= x
			if seq, c, ok := DecodeSlots(file); !ok || seq != 41 || string(c) != "old head\n" {
				t.Fatalf("byte %d: got %d %q %v", i, seq, c, ok)
			}
			file[i] ^= x
		}
	}
	if _, err := EncodeSlot(1, make([]byte, SlotSize-slotHead)); err != nil {
		t.Error(err)
	}
	if _, err := EncodeSlot(1, make([]byte, SlotSize-slotHead+1)); err == nil {
		t.Error("an oversize checkpoint was accepted")
	}
}

func TestBundle(t *testing.T) {
	l := newTestLog(t, BundleWidth)
	var bundle []byte
	for i, leaf := range l.leaves {
		got, err := SplitBundle(bundle)
		if err != nil || len(got) != i {
			t.Fatalf("%d entries of %d: %v", len(got), i, err)
		}
		bundle = AppendEntry(bundle, leaf)
	}
	got, err := SplitBundle(bundle)
	if err != nil || len(got) != BundleWidth {
		t.Fatal(len(got), err)
	}
	for i := range got {
		if !bytes.Equal(got[i], l.leaves[i]) {
			t.Fatalf("entry %d differs", i)
		}
	}
	if _, err := SplitBundle(AppendEntry(bundle, nil)); err == nil {
		t.Error("257 entries were accepted")
	}
	if _, err := SplitBundle(bundle[:len(bundle)-1]); err == nil {
		t.Error("a cut bundle was accepted")
	}
	if _, err := SplitBundle(append(bytes.Clone(got[0][:0:0]), 0)); err == nil {
		t.Error("half a length was accepted")
	}
}
