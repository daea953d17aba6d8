package proof

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"testing"
)

type oddData struct {
	Text     string            `json:"text"`
	Lengthy  string            `json:"a much longer name than any other here"`
	Flag     bool              `json:"flag,omitzero"`
	Off      bool              `json:"off"`
	Int      int               `json:"i"`
	Big      int64             `json:"big,omitzero"`
	Unsigned uint64            `json:"u"`
	Pointer  *int              `json:"p"`
	Absent   *int64            `json:"absent,omitzero"`
	List     []string          `json:"list"`
	Empty    []string          `json:"empty"`
	Lists    [][]int           `json:"lists,omitzero"`
	Bytes    []byte            `json:"bytes"`
	Digests  [][]byte          `json:"digests,omitzero"`
	Map      map[string]string `json:"map"`
	Counts   map[string]int64  `json:"counts,omitzero"`
	Inner    oddInner          `json:"inner"`
	Maybe    *oddInner         `json:"maybe,omitzero"`
	Inners   []oddInner        `json:"inners,omitzero"`
	None     struct{}          `json:"none"`
}

type oddInner struct {
	A string `json:"a,omitzero"`
	B int    `json:"b,omitzero"`
}

// MarshalData writes what the CBOR library writes for the same struct.
func TestMarshalDataEqualsLibrary(t *testing.T) {
	seven := -7
	for _, data := range []any{
		&oddData{},
		&oddData{
			Text: "道路", Lengthy: strings.Repeat("x", 300), Flag: true, Off: true, Int: -1 << 63, Big: 1<<63 - 1, Unsigned: 1<<63 - 1, Pointer: &seven,
			List: []string{"", "b", "a"}, Empty: []string{}, Lists: [][]int{nil, {}, {1, -24, -25, 256, 65536, 1 << 32}}, Bytes: []byte{1}, Digests: [][]byte{nil, {}, {2}},
			Map: map[string]string{"b": "1", "aa": "2", "": "3", "a": "4", strings.Repeat("k", 24): "5"}, Counts: map[string]int64{"z": 1, "yy": -1},
			Inner: oddInner{"x", 1}, Maybe: &oddInner{}, Inners: []oddInner{{}, {"y", 2}},
		},
	} {
		b := leastBody()
		enc, err := b.MarshalData(data)
		if err != nil {
			t.Fatal(err)
		}
		want := leastBody()
		if want.Data, err = encMode.Marshal(data); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(b.Data, want.Data) {
			t.Errorf("got  %x\nwant %x", b.Data, want.Data)
		}
		wantEnc, err := want.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(enc, wantEnc) {
			t.Errorf("the body is\n%x, with its data encoded before\n%x", enc, wantEnc)
		}
	}
}

func TestMarshalDataRefuses(t *testing.T) {
	type recursive struct {
		Next []recursive `json:"next"`
	}
	for name, data := range map[string]any{
		"nil":               nil,
		"no pointer":        oddInner{},
		"nil pointer":       (*oddInner)(nil),
		"a pointer to text": new(string),
		"a float": &struct {
			F float64 `json:"f"`
		}{},
		"an interface": &struct {
			F any `json:"f"`
		}{},
		"a small integer": &struct {
			F int8 `json:"f"`
		}{},
		"keys of integers": &struct {
			F map[int]string `json:"f"`
		}{},
		"an array": &struct {
			F [2]string `json:"f"`
		}{},
		"no tag": &struct{ F string }{},
		"another option": &struct {
			F string `json:"f,omitempty"`
		}{},
		"an embedded type": &struct {
			oddInner `json:"f"`
		}{},
		"an endless type": &recursive{},
		"invalid text":    &oddInner{A: "\xff"},
		"a large number": &struct {
			F uint64 `json:"f"`
		}{1 << 63},
		"an invalid key": &struct {
			F map[string]string `json:"f"`
		}{map[string]string{"\xff": ""}},
	} {
		if enc, err := leastBody().MarshalData(data); err == nil {
			t.Errorf("%s is encoded: %x", name, enc)
		}
	}
}

// A map of 24 and more fields has a longer head, and can be read.
func TestMarshalDataWithManyFields(t *testing.T) {
	type many struct {
		A int `json:"a"`
		B int `json:"b"`
		C int `json:"c"`
		D int `json:"d"`
		E int `json:"e"`
		F int `json:"f"`
		G int `json:"g"`
		H int `json:"h"`
		I int `json:"i"`
		J int `json:"j"`
		K int `json:"k"`
		L int `json:"l"`
		M int `json:"m"`
		N int `json:"n"`
		O int `json:"o"`
		P int `json:"p"`
		Q int `json:"q"`
		R int `json:"r"`
		S int `json:"s"`
		T int `json:"t"`
		U int `json:"u"`
		V int `json:"v"`
		W int `json:"w"`
		X int `json:"x"`
		Y int `json:"y,omitzero"`
		Z int `json:"z,omitzero"`
	}
	for _, data := range []*many{{}, {Y: 1}, {X: 1, Y: 2, Z: 3}} {
		b := leastBody()
		enc, err := b.MarshalData(data)
		if err != nil {
			t.Fatal(err)
		}
		want, err := encMode.Marshal(data)
		if err != nil {
			t.Fatal(err)
		}
		read, err := ParseBody(enc)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(b.Data, want) || !bytes.Equal(read.Data, want) {
			t.Errorf("got %x, read %x\nwant %x", b.Data, read.Data, want)
		}
	}
}

// Remembered keys and salts are those computed anew, whoever asks in between.
func TestRememberedHashes(t *testing.T) {
	cache, secret := NewKeyCache(), []byte("a secret of some length, 32 bytes")
	salter := NewSalter(secret)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for i := range 20_000 {
				part := fmt.Sprint(i % 300)
				for _, name := range []Name{
					{KindEntry, part}, {KindParty, part}, {KindDataset, part, "x"}, {KindDataset, "x", part}, {KindDataset, part + "x", ""},
					{KindDataset, part, strings.Repeat("long", 100)},
				} {
					if got := cache.Key(name[0], name[1:]...); got != name.Key() {
						t.Errorf("the cache has another key for %q", name)
					}
				}
				if i%10 == 0 && salter.BodySalt(part, "id") != mac(secret, appendTexts([]byte(saltDomain), part, "id")) {
					t.Errorf("the salter has another salt for %q", part)
				}
			}
		})
	}
	wg.Wait()
	full := fullBody()
	full.Names = append(full.Names, Name{KindParty, full.Party})
	for range 2 {
		if got, want := full.KeysFrom(cache), full.Keys(); len(got) != len(want) || !bytes.Equal(got[0][:], want[0][:]) {
			t.Errorf("got keys %v, want %v", got, want)
		}
	}
}
