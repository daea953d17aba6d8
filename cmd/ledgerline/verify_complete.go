package main

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"ledgerline/ledger/proof"
)

// describeComplete says what a completeness proof shows, and what it does not.
func describeComplete(c *proof.Complete) (lines []string) {
	say := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	begin, end := "the beginning", "no end"
	if c.From > 0 {
		begin = micros(c.From)
	}
	if c.To != proof.EndOfTime {
		end = micros(c.To)
	}
	say("ok: %d records bear %s and were recorded from %s to %s: none was left out among the first %d of %s, by the commitment at position %d",
		len(c.Records), nameList(c.Names, " or "), begin, end, c.Size, c.Checkpoint.Origin, c.Commit)
	if len(c.Also) > 0 {
		say("ok: %d of them bear %s as well", c.Matches, nameList(c.Also, " and "))
	}
	for _, r := range c.Records {
		switch {
		case !r.Matches:
			continue
		case r.Body == nil:
			say("  %d, recorded %s: withheld", r.Leaf.Position, micros(r.Leaf.Time))
		default:
			say("  %d, recorded %s: %s of %s, id %s", r.Leaf.Position, micros(r.Leaf.Time), r.Body.Type, r.Body.Source, r.Body.ID)
			if cont, ok := r.Body.Continuation(); ok {
				say("    it carries names of the record at position %d", int64(r.Leaf.Position)-int64(cont.Part))
			}
		}
	}
	if c.Withheld > 0 {
		say("note: complete for what you may see: %d records are withheld", c.Withheld)
	}
	if !c.Closed {
		say("note: the window is still open: records after position %d may fall into it", c.Size-1)
	}
	say("note: covered are these names only, not other names of the same thing, nor data derived from it")
	say("note: that the commitment is right is for everybody to check who holds the log: ledgerline verify --server URL --checkpoint FILE")
	return lines
}

func micros(t int64) string { return time.UnixMicro(t).UTC().Format(time.RFC3339Nano) }

func nameList(names []proof.Name, and string) string {
	texts := make([]string, len(names))
	for i, n := range names {
		texts[i] = n[0] + " " + strings.Join(n[1:], "/")
	}
	return strings.Join(texts, and)
}

// indexAudit makes the completeness index from the leaves of a server and compares
// every commitment to it.
type indexAudit struct {
	index   proof.Index
	waiting []indexedLeaf // not in the index yet: the next commitment may be over fewer
	last    int64         // how many records the last commitment is over
	commits int64
}

type indexedLeaf struct {
	leaf proof.Leaf
	hash proof.Hash
}

var commitKey = proof.Key(proof.KindType, proof.IndexCommittedType)

// mostWaiting bounds the leaves kept for a commitment over fewer records than
// there were. The ledger commits within seconds.
const mostWaiting = 1 << 20

// add takes in the next leaf of the log. The finding is what is wrong with the
// commitment it makes; body fetches that.
func (x *indexAudit) add(ctx context.Context, cl *client, raw []byte, leaf proof.Leaf) (wrong string, err error) {
	if slices.Contains(leaf.Keys, commitKey) {
		body, err := cl.getText(ctx, fmt.Sprint("/log/body/", leaf.Position), url.Values{})
		if err != nil {
			return "", fmt.Errorf("fetching the commitment at position %d: %w", leaf.Position, err)
		}
		wrong = x.commitment(raw, body)
	}
	x.waiting = append(x.waiting, indexedLeaf{leaf, proof.LeafHash(raw)})
	if len(x.waiting) > mostWaiting {
		return wrong, x.advance(x.index.Size() + mostWaiting/2)
	}
	return wrong, nil
}

func (x *indexAudit) commitment(leaf, body []byte) (wrong string) {
	c, err := proof.CheckIndexCommit(leaf, body)
	switch {
	case err != nil:
		return err.Error()
	case c.Size <= x.last:
		return fmt.Sprintf("it commits to an index over %d records, and an earlier one was over %d", c.Size, x.last)
	case c.Size < x.index.Size():
		return fmt.Sprintf("it commits to an index over %d records, too late to be checked", c.Size)
	}
	x.last, x.commits = c.Size, x.commits+1
	if err := x.advance(c.Size); err != nil {
		return err.Error()
	}
	if root := x.index.Root(); root != c.Root {
		return fmt.Sprintf("it commits to the index root %s; the first %d records give %s", c.Root, c.Size, root)
	}
	return ""
}

// advance brings leaves into the index until it is over size records.
func (x *indexAudit) advance(size int64) error {
	n := size - x.index.Size()
	for i := range x.waiting[:n] {
		if err := x.index.Add(&x.waiting[i].leaf, x.waiting[i].hash); err != nil {
			return err
		}
	}
	x.waiting = slices.Delete(x.waiting, 0, int(n))
	return nil
}
