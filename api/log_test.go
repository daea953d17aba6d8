package api

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"ledgerline/ledger/proof"

	"golang.org/x/mod/sumdb/tlog"
)

// fetched is the log as a client of another make sees it: it knows tiles and
// checkpoints, not this ledger.
type fetched struct{ f *fixture }

func (c fetched) Height() int { return 8 }

func (c fetched) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var out [][]byte
	for _, t := range tiles {
		path := fmt.Sprintf("/log/tile/%d/%s", t.L, tileNumber(t.N))
		if t.W < 256 {
			path += fmt.Sprintf(".p/%d", t.W)
		}
		r := c.f.get(path)
		if r.status != 200 || r.header.Get("Content-Type") != "application/octet-stream" || r.header.Get("Cache-Control") != "private, max-age=31536000, immutable" || r.header.Get("Vary") != "Authorization, Cookie" {
			return nil, fmt.Errorf("%s: %d %v", path, r.status, r.header)
		}
		out = append(out, r.body)
	}
	return out, nil
}

func (c fetched) SaveTiles([]tlog.Tile, [][]byte) {}

// TestLog reads the whole log as C2SP says and rebuilds the root from it.
func TestLog(t *testing.T) {
	f := newFixture(t, nil)
	var body strings.Builder
	for i := range 600 {
		fmt.Fprintln(&body, registered(fmt.Sprint("P", i)))
	}
	f.stream(body.String())
	var signed reply
	var c proof.Checkpoint
	for c.Size != f.ledger.Head().Size { // it moves once a second
		signed = f.get("/log/checkpoint")
		var err error
		if c, err = proof.OpenCheckpoint(signed.body, "ledger.example/test", f.ledger.Keys()); err != nil {
			t.Fatal(err)
		}
	}
	if signed.header.Get("Content-Type") != "text/plain; charset=utf-8" || signed.header.Get("Cache-Control") != "no-cache" {
		t.Errorf("the checkpoint has headers %v", signed.header)
	}
	tree := tlog.Tree{N: c.Size, Hash: c.Root}
	hashes, err := tlog.TileHashReader(tree, fetched{f}).ReadHashes(indexes(c.Size))
	if err != nil {
		t.Fatal(err) // it checks every tile against the root
	}
	for n := int64(0); n*256 < c.Size; n++ {
		width := min(256, c.Size-n*256)
		path := "/log/tile/entries/" + tileNumber(n)
		if width < 256 {
			path += fmt.Sprintf(".p/%d", width)
		}
		leaves, err := proof.SplitBundle(f.get(path).body)
		if err != nil || int64(len(leaves)) != width {
			t.Fatalf("%s: %d leaves, %v", path, len(leaves), err)
		}
		for i, leaf := range leaves {
			position := n*256 + int64(i)
			l, err := proof.ParseLeaf(leaf)
			if err != nil || int64(l.Position) != position || proof.LeafHash(leaf) != hashes[position] {
				t.Fatalf("position %d: %v", position, err)
			}
			if position > 0 && l.Prev != hashes[position-1] {
				t.Fatalf("position %d does not follow the one before", position)
			}
		}
	}
	f.compareTiles(c.Size)
}

// indexes are where tlog keeps the hashes of the leaves.
func indexes(size int64) []int64 {
	var out []int64
	for i := range size {
		out = append(out, tlog.StoredHashIndex(0, i))
	}
	return out
}

// compareTiles holds what is served to what the ledger gives, byte for byte, and
// to the bounds of the tree.
func (f *fixture) compareTiles(size int64) {
	for _, c := range []struct {
		path  string
		bytes func() ([]byte, error)
	}{
		{"0/000", func() ([]byte, error) { return f.ledger.Tile(0, 0, 256) }},
		{"0/000.p/7", func() ([]byte, error) { return f.ledger.Tile(0, 0, 7) }},
		{"1/000.p/2", func() ([]byte, error) { return f.ledger.Tile(1, 0, 2) }},
		{"entries/001", func() ([]byte, error) { return f.ledger.EntryTile(1, 256) }},
		{"entries/002.p/9", func() ([]byte, error) { return f.ledger.EntryTile(2, 9) }},
	} {
		want, err := c.bytes()
		if err != nil {
			f.t.Fatal(err)
		}
		if got := f.get("/log/tile/" + c.path); !bytes.Equal(got.body, want) {
			f.t.Errorf("%s: %d %d bytes, want %d", c.path, got.status, len(got.body), len(want))
		}
	}
	for _, path := range []string{
		"0/002", fmt.Sprintf("0/002.p/%d", size-512+1), "0/003.p/1", "1/000", "2/000.p/1", "entries/002", "entries/003.p/1", // beyond the tree
		"0/0", "0/0000", "0/x000/000", "0/000.p/0", "0/000.p/256", "0/000.p/01", "0/000.p/", "0/", "8/000", "-1/000", "+0/000", "0/000/", "0/001/000", "0/x000000",
		"entries/", "entries/abc", "entries/-01", "0/x001/x234/067/1", strings.Repeat("0/", 300),
	} {
		if got := f.get("/log/tile/" + path); got.status != 404 {
			f.t.Errorf("%s: %d, want 404", path, got.status)
		}
	}
}

func TestTileNumber(t *testing.T) {
	for n, want := range map[int64]string{0: "000", 7: "007", 999: "999", 1000: "x001/000", 1234067: "x001/x234/067"} {
		if got := tileNumber(n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
		if got, width, ok := parseTilePath(want + ".p/255"); !ok || got != n || width != 255 {
			t.Errorf("%s: %d, %d, %v", want, got, width, ok)
		}
	}
}

// TestRootInStatus: status and checkpoint agree.
func TestRootInStatus(t *testing.T) {
	f := newFixture(t, nil)
	f.tell()
	root := f.ledger.Head().Root
	if r := f.get("/v1/status"); !strings.Contains(string(r.body), base64.StdEncoding.EncodeToString(root[:])) {
		t.Errorf("the root is not in %s", r.body)
	}
}
