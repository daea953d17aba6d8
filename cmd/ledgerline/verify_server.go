package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/spf13/cobra"
	"golang.org/x/mod/sumdb/tlog"

	"ledgerline/ledger"
	"ledgerline/ledger/proof"
)

// server checks a running server against a checkpoint kept from earlier. It
// reads the whole log: every entry is hashed, compared with the hash tile and
// chained to the one before, and the roots at both sizes are derived from them.
func (v *verification) server(c *cobra.Command, p *program) (err error) {
	kept, err := os.ReadFile(v.checkpoint)
	if err != nil {
		return fmt.Errorf("reading the kept checkpoint: %w", err)
	}
	cl, err := v.target.connect(c.Context(), p)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, cl.close()) }()
	keys, err := v.serverKeys(c.Context(), p, cl)
	if err != nil {
		return err
	}
	from, err := proof.OpenCheckpoint(kept, keys.Name(), keys)
	if err != nil {
		return &failure{exitNo, fmt.Errorf("%s: %w", v.checkpoint, err), "is it a checkpoint of this ledger, and is the key the right one?"}
	}
	signed, err := cl.getText(c.Context(), "/log/checkpoint", nil)
	if err != nil {
		return err
	}
	to, err := proof.OpenCheckpoint(signed, keys.Name(), keys)
	if err != nil {
		return &failure{exitNo, fmt.Errorf("the server's checkpoint: %w", err), ""}
	}
	report, auditErr := auditLog(c.Context(), cl, from, to, newProgress(p.err, "verifying"))
	if from.Size > 0 && from.Size <= to.Size && (auditErr != nil || len(report.Findings) > 0) {
		report.Fork = forkOfServer(c.Context(), cl, keys, string(kept), string(signed), from, to)
	}
	switch {
	case report.Fork != nil: // whatever else the server shows, or does not
		forked := ledger.Finding{Kind: ledger.Forked, From: 0, To: from.Size - 1,
			Detail: fmt.Sprintf("the server signs %d records that do not begin with the %d it signed before: they begin with the root %s, not %s", to.Size, from.Size, report.Fork.Root, from.Root)}
		report.Findings = append([]ledger.Finding{forked}, report.Findings...)
		report.LastProvable = -1
	case auditErr != nil:
		return auditErr
	}
	if len(report.Findings) > 0 && !v.json {
		switch {
		case report.Fork != nil:
		case to.Size < from.Size:
			fmt.Fprintf(p.err, "keep both checkpoints. The first shows that %s signed %d records: it owes them to everybody who asks. Whether the %d of now are their beginning, nobody can tell without the rest; when it signs as many again, verify --fork proves the fork, if it is one\n%s\n%s", to.Origin, from.Size, to.Size, kept, signed)
		default:
			fmt.Fprintf(p.err, "keep both checkpoints\n%s\n%s", kept, signed)
		}
	}
	return v.report(p, report)
}

// serverKeys are --key, or the key that the server itself states, after the changes
// that the server tells. A change shows by itself who signed it.
func (v *verification) serverKeys(ctx context.Context, p *program, cl *client) (*proof.Keys, error) {
	keys, err := v.keys()
	if err != nil {
		return nil, err
	}
	body, err := cl.get(ctx, "/v1/status", nil)
	if err != nil {
		return nil, err
	}
	var status struct {
		VerifierKey string   `json:"verifier_key"`
		KeyChanges  []string `json:"key_changes"`
	}
	if err := json.Unmarshal(body, &status); err != nil {
		return nil, fmt.Errorf("reading the server's status: %w", err)
	}
	changes := make([][]byte, len(status.KeyChanges))
	for i, text := range status.KeyChanges {
		changes[i] = []byte(text)
	}
	if keys == nil {
		fmt.Fprintf(p.err, "the key is the server's own word, %s: give --key to rely on nobody's\n", status.VerifierKey)
		first := status.VerifierKey
		if len(changes) > 0 {
			c, err := proof.OpenKeyChange(changes[0])
			if err != nil {
				return nil, err
			}
			first = c.Old
		}
		if keys, err = proof.NewKeys(first); err != nil {
			return nil, err
		}
	}
	return keys.Change(changes...)
}

// auditLog derives the log at both checkpoints from what the server serves.
func auditLog(ctx context.Context, cl *client, from, to proof.Checkpoint, bar *progress) (*ledger.Report, error) {
	defer bar.end()
	a := &audit{report: &ledger.Report{Origin: to.Origin, Size: to.Size, Root: to.Root.String(), LastProvable: to.Size - 1}}
	if to.Size < from.Size { // a rollback
		a.find(ledger.Truncated, to.Size, from.Size-1, "the server signed %d records before, and %d now", from.Size, to.Size)
		return a.report, nil
	}
	// Fetching ahead hides the distance to the server; the checks stay in order.
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for b := range fetchBundles(ctx, cl, to.Size) {
		b := <-b
		if b.err != nil {
			return a.report, b.err
		}
		if err := a.bundle(ctx, cl, b, from); err != nil {
			return a.report, err
		}
		bar.show(a.tree.size, to.Size, fmt.Sprintf("%d of %d records", a.tree.size, to.Size))
	}
	if root := a.tree.root(); root != to.Root && len(a.report.Findings) == 0 {
		a.find(ledger.TailRewritten, from.Size, to.Size-1, "its records give the root %s, but the server signs %s", root, to.Root)
	}
	a.report.Checked, a.report.IndexCommits = a.tree.size, a.index.commits
	return a.report, nil
}

// audit is the state of an audit: the tree so far, and its last leaf.
type audit struct {
	report *ledger.Report
	tree   treeBuilder
	index  indexAudit
	last   proof.Hash
	time   int64
}

func (a *audit) find(kind string, from, to int64, format string, args ...any) {
	a.report.Findings = append(a.report.Findings, ledger.Finding{Kind: kind, From: from, To: to, Detail: fmt.Sprintf(format, args...)})
	a.report.LastProvable = min(a.report.LastProvable, from-1)
}

// bundle checks up to 256 entries against the tile of their hashes and the entry
// before them.
func (a *audit) bundle(ctx context.Context, cl *client, b bundle, from proof.Checkpoint) error {
	leaves, err := proof.SplitBundle(b.entries)
	if err != nil || len(leaves) != b.width || len(b.hashes) != b.width*proof.HashSize {
		return fmt.Errorf("the bundle of the entries from %d on is not %d entries and hashes", a.tree.size, b.width)
	}
	for i, leaf := range leaves {
		position := a.tree.size
		stated := proof.Hash(b.hashes[i*proof.HashSize:])
		hash := proof.LeafHash(leaf)
		l, err := proof.ParseLeaf(leaf)
		switch {
		case hash != stated:
			a.find(ledger.RecordEdited, position, position, "the entry hashes to %s, the tile says %s", hash, stated)
		case err != nil:
			a.find(ledger.Unreadable, position, position, "%v", err)
		case l.Position != uint64(position) || position > 0 && (l.Prev != a.last || l.Time <= a.time):
			a.find(ledger.Relinked, position, position, "the entry does not follow the one before it")
		}
		if len(a.report.Findings) == 0 { // the index follows from the records, if they are right
			wrong, err := a.index.add(ctx, cl, leaf, l)
			if err != nil {
				return err
			}
			if wrong != "" {
				a.find(ledger.IndexWrong, position, position, "%s", wrong)
			}
		}
		a.last, a.time = stated, l.Time
		a.tree.add(stated)
		if a.tree.size == from.Size && a.tree.root() != from.Root {
			a.find(ledger.TailRewritten, 0, from.Size-1, "the first %d records are not those of the kept checkpoint: they give the root %s, not %s", from.Size, a.tree.root(), from.Root)
		}
	}
	return nil
}

// A treeBuilder derives the root of a growing RFC 6962 tree: it keeps the roots
// of the full subtrees at its right edge, the largest first.
type treeBuilder struct {
	size int64
	edge []proof.Hash
}

func (t *treeBuilder) add(leaf proof.Hash) {
	for n := t.size; n&1 == 1; n >>= 1 {
		last := len(t.edge) - 1
		leaf = tlog.NodeHash(t.edge[last], leaf)
		t.edge = t.edge[:last]
	}
	t.edge = append(t.edge, leaf)
	t.size++
}

func (t *treeBuilder) root() proof.Hash {
	if t.size == 0 {
		root, err := tlog.TreeHash(0, nil)
		if err != nil {
			panic(err) // the empty tree needs no hashes
		}
		return root
	}
	root := t.edge[len(t.edge)-1]
	for i := len(t.edge) - 2; i >= 0; i-- {
		root = tlog.NodeHash(t.edge[i], root)
	}
	return root
}

// bundle is an entry bundle and the tile of its leaf hashes.
type bundle struct {
	width           int
	entries, hashes []byte
	err             error
}

// fetchBundles fetches all bundles of a log, some at a time, and hands them over
// in order. It stops when ctx ends.
func fetchBundles(ctx context.Context, cl *client, size int64) <-chan chan bundle {
	const ahead = 8
	queue := make(chan chan bundle, ahead)
	go func() {
		defer close(queue)
		for n := int64(0); n*proof.BundleWidth < size; n++ {
			width := int(min(proof.BundleWidth, size-n*proof.BundleWidth))
			one := make(chan bundle, 1)
			select {
			case queue <- one:
			case <-ctx.Done():
				return
			}
			go func() { one <- fetchBundle(ctx, cl, n, width) }()
		}
	}()
	return queue
}

func fetchBundle(ctx context.Context, cl *client, n int64, width int) bundle {
	b := bundle{width: width}
	var err1, err2 error
	b.entries, err1 = cl.getText(ctx, tilePath("entries", n, width), url.Values{})
	b.hashes, err2 = cl.getText(ctx, tilePath("0", n, width), url.Values{})
	b.err = errors.Join(err1, err2)
	return b
}

// tilePath is the path of a tile as C2SP tlog-tiles has it: as that of x/mod,
// without the height, which is always 8.
func tilePath(level string, n int64, width int) string {
	path := tlog.Tile{H: 8, L: 0, N: n, W: width}.Path()
	return "/log/tile/" + level + strings.TrimPrefix(path, "tile/8/0")
}
