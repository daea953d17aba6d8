package ledger

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"

	"golang.org/x/mod/sumdb/tlog"

	"ledgerline/ledger/proof"
)

// signedHead is a checkpoint of this ledger that is known from elsewhere than the
// head that the book stores.
type signedHead struct {
	name   string
	signed []byte
	proof.Checkpoint
}

// checkHeads compares the tree with the heads known from elsewhere, the smaller
// first: the one that still fits bounds where the tail was rewritten. It returns
// the first position to read, and how many records are known to fit.
func (v *verification) checkHeads(witnessed []byte) (from, proven int64, err error) {
	var heads []signedHead
	for _, h := range []signedHead{{name: "kept checkpoint", signed: v.opts.Since}, {name: "head witness", signed: witnessed}} {
		if h.signed == nil {
			continue
		}
		if h.Checkpoint, err = proof.OpenCheckpoint(h.signed, v.l.origin, v.l.Keys()); err != nil {
			return 0, 0, fmt.Errorf("the %s is not a checkpoint of this ledger: %w", h.name, err)
		}
		heads = append(heads, h)
	}
	slices.SortStableFunc(heads, func(a, b signedHead) int { return cmp.Compare(a.Size, b.Size) })
	for i, h := range heads {
		ok, err := v.checkHead(h, heads[i+1:], proven)
		if !ok || err != nil {
			return 0, proven, err // larger ones cannot fit either, unless it is a fork
		}
		if proven = h.Size; bytes.Equal(h.signed, v.opts.Since) {
			from = proven &^ (tileWidth - 1)
		}
	}
	return from, proven, nil
}

// checkHead compares the tree with one head, the first of whose records are known
// to fit.
func (v *verification) checkHead(h signedHead, larger []signedHead, proven int64) (ok bool, err error) {
	if h.Size > v.tail.row.Size {
		v.find(Truncated, v.tail.row.Size, h.Size-1, "the %s signs %d records; %d are here", h.name, h.Size, v.tail.row.Size)
		return false, nil
	}
	if h.Size == 0 {
		return true, nil
	}
	root, err := tlog.TreeHash(h.Size, v.tiles)
	if err != nil && len(v.report.Findings) > 0 {
		return false, nil // that the tree cannot be read is said already
	}
	if err != nil {
		return false, v.unreadable(0, h.Size-1, err)
	}
	if root == h.Root || v.doubtful {
		return root == h.Root, nil
	}
	kind := TailRewritten
	if v.report.Fork = v.fork(h, root, larger); v.report.Fork != nil {
		kind = Forked
	}
	v.find(kind, proven, h.Size-1, "the %s signs root %s over %d records; they have %s", h.name, h.Root, h.Size, root)
	return false, nil
}

// fork proves that the ledger signed two histories: that of a head which does not
// fit the tree, and one of which the tree shows that it begins otherwise. It is nil
// if there is no such head: the tree of a book is nothing that anybody has signed.
func (v *verification) fork(older signedHead, root proof.Hash, larger []signedHead) *proof.Fork {
	if cosigned, size, err := v.l.cosignedUpTo(v.tail.row.Size); err == nil && size >= older.Size {
		larger = append(slices.Clip(larger), signedHead{signed: cosigned})
	}
	for _, newer := range larger {
		cp, err := proof.OpenCheckpoint(newer.signed, v.l.origin, v.l.Keys())
		if err != nil || cp.Size < older.Size || cp.Size > v.tail.row.Size {
			continue
		}
		f := proof.Fork{Older: string(older.signed), Newer: string(newer.signed), Root: root}
		if cp.Size > older.Size {
			if f.Hashes, err = tlog.ProveTree(cp.Size, older.Size, v.tiles); err != nil {
				continue
			}
		}
		if _, _, err := f.Check(v.l.origin, v.l.Keys()); err == nil {
			return &f
		}
	}
	return nil
}
