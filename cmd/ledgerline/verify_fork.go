package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"

	"golang.org/x/mod/sumdb/tlog"

	"ledgerline/ledger"
	"ledgerline/ledger/proof"
)

// forked says that a log has two histories. It is an error: nothing that such a log
// signs is worth anything without outsiders.
func forked(older, newer proof.Checkpoint) error {
	return fmt.Errorf("FORK: %s has signed two histories: its %d records with the root %s do not begin with its %d records with the root %s", older.Origin, newer.Size, newer.Root, older.Size, older.Root)
}

// forkOfServer proves that what a server signs does not begin with what was kept; nil
// if that is not so, or the server does not show what it signs. The hashes are the
// server's own: they follow from what it signs, or are refused.
func forkOfServer(ctx context.Context, cl *client, keys *proof.Keys, kept, signed string, from, to proof.Checkpoint) *proof.Fork {
	f := proof.Fork{Older: kept, Newer: signed, Root: to.Root}
	if from.Size < to.Size {
		var err error
		r := tlog.TileHashReader(tlog.Tree{N: to.Size, Hash: to.Root}, &serverTiles{ctx, cl})
		if f.Root, err = tlog.TreeHash(from.Size, r); err != nil {
			return nil
		}
		if f.Hashes, err = tlog.ProveTree(to.Size, from.Size, r); err != nil {
			return nil
		}
	}
	if _, _, err := f.Check(keys.Name(), keys); err != nil {
		return nil
	}
	return &f
}

// serverTiles reads hash tiles of a server, as x/mod/sumdb/tlog asks for them.
type serverTiles struct {
	ctx context.Context
	cl  *client
}

func (s *serverTiles) Height() int { return 8 }

func (s *serverTiles) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	out := make([][]byte, len(tiles))
	for i, t := range tiles {
		var err error
		if out[i], err = s.cl.getText(s.ctx, tilePath(number(int64(t.L)), t.N, t.W), url.Values{}); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (s *serverTiles) SaveTiles([]tlog.Tile, [][]byte) {}

// report prints what verifying a ledger found, and writes the proof of a fork.
func (v *verification) report(p *program, r *ledger.Report) error {
	var err error
	switch {
	case r.Fork != nil && v.fork != "":
		err = v.writeFork(p, *r.Fork)
	case r.Fork != nil && !v.json:
		_, err = fmt.Fprintln(p.err, "two heads that it signed are of two histories: --fork FILE writes the proof that shows it to everybody")
	}
	if err != nil {
		return errors.Join(err, p.report(r, v.json))
	}
	return p.report(r, v.json)
}

// writeFork writes the proof of a fork to the file that --fork names.
func (v *verification) writeFork(p *program, f proof.Fork) error {
	b, err := f.MarshalJSON()
	if err != nil {
		return err
	}
	if err := os.WriteFile(v.fork, append(b, '\n'), 0o666); err != nil {
		return fmt.Errorf("writing the proof of the fork: %w", err)
	}
	_, err = fmt.Fprintf(p.err, "the proof of the fork is in %s: show it to everybody who relies on this ledger\n", v.fork)
	return err
}
