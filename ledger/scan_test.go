package ledger

import (
	"context"
	"errors"
	"reflect"
	"runtime"
	"testing"

	"github.com/cockroachdb/pebble/v2"
)

// TestScanAhead: a range that is decoded on several processors gives what one
// gives, however it is cut, and ends as early as it is told to.
func TestScanAhead(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(4))
	tl := newTestLog(t, Options{})
	tl.append(party(1), party(2))
	tl.fill("x", 5*scanPiece)
	size := tl.Head().Size
	for _, r := range [][2]int64{{0, size}, {0, scanPiece + 1}, {7, 7 + 2*scanPiece}, {size - scanPiece - 1, size + 9}, {-3, 3}} {
		next := max(r[0], 0)
		for e, err := range tl.Scan(ctx, r[0], r[1]) {
			if err != nil {
				t.Fatal(err)
			}
			want, err := tl.Get(ctx, next)
			if err != nil {
				t.Fatal(err)
			}
			for i := range want.Event.Facets {
				want.Event.Facets[i].Bytes, want.Event.Facets[i].Erased = nil, false
			}
			if e.Position != next || !reflect.DeepEqual(e, want) {
				t.Fatalf("scan from %d to %d, position %d: %+v, want %+v", r[0], r[1], next, e, want)
			}
			next++
		}
		if next != min(r[1], size) {
			t.Errorf("scan from %d to %d ended at %d", r[0], r[1], next)
		}
	}
	for range tl.Scan(ctx, 0, size) { // left at once
		break
	}
	c, cancel := context.WithCancel(ctx)
	defer cancel()
	seen := int64(0)
	var last error
	for _, err := range tl.Scan(c, 0, size) {
		if last = err; err == nil {
			seen++
			cancel()
		}
	}
	if seen == size && last == nil {
		t.Log("all was read before the end was noticed")
	} else if !errors.Is(last, context.Canceled) {
		t.Errorf("a scan whose context ended: %v after %d of %d", last, seen, size)
	}
}

// TestScanAheadDamage: all before a damaged record is given, then where the damage is.
func TestScanAheadDamage(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(4))
	for name, spoil := range map[string]func(db *pebble.DB, at int64) error{
		"missing": func(db *pebble.DB, at int64) error { return db.Delete(recordKey(at), pebble.Sync) },
		"garbage": func(db *pebble.DB, at int64) error { return db.Set(recordKey(at), []byte{1, 2, 3}, pebble.Sync) },
	} {
		for _, at := range []int64{0, scanPiece, 2*scanPiece + 5} {
			tl := newTestLog(t, Options{})
			tl.append(party(1), party(2))
			tl.fill("x", 4*scanPiece)
			size := tl.Head().Size
			if err := spoil(tl.db, at); err != nil {
				t.Fatal(err)
			}
			next := int64(0)
			var failed error
			for e, err := range tl.Scan(ctx, 0, size) {
				if failed = err; err == nil && e.Position != next {
					t.Fatalf("%s: position %d in the place of %d", name, e.Position, next)
				}
				if err == nil {
					next++
				}
			}
			if d := asDamage(t, failed); next != at || d.LastProvable != at-1 {
				t.Errorf("%s at %d: %d events came, then %v", name, at, next, failed)
			}
		}
	}
}
