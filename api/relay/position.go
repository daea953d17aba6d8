package relay

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"ledgerline/ledger"
	"ledgerline/ledger/proof"
)

// position is how far a relay has come, kept in a file. It names the last record
// that went out by its hash, so that a relay does not go on in another book.
type position struct {
	file   string
	ledger *ledger.Ledger
	next   int64 // the next record to go out
}

// positionFormat is the version of what the file holds. A program refuses a newer one.
const positionFormat = 1

// kept is what the file holds.
type kept struct {
	// Format is 0 in files older than it.
	Format int   `json:"format"`
	Next   int64 `json:"next"`
	// Leaf is the leaf hash of the record before Next; absent for 0.
	Leaf *proof.Hash `json:"leaf,omitempty"`
}

// openPosition reads where a relay goes on, or begins one that is new. The error is
// a *stopError if the file does not speak of this book.
func openPosition(file string, l *ledger.Ledger, begin func() int64) (*position, error) {
	p := &position{file: file, ledger: l}
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		p.next = begin()
		return p, p.save(p.next)
	}
	var k kept
	if err == nil {
		err = json.Unmarshal(text, &k)
	}
	if err != nil {
		return nil, &stopError{fmt.Errorf("reading the position: %w; if the file is beyond help, delete it: the relay begins again, and receivers know by their ids what they have had", err)}
	}
	if k.Format > positionFormat {
		return nil, &stopError{fmt.Errorf("%s has format %d, and this program knows none above %d: use the program that wrote it, or a newer one; or delete the file, and the relay begins again", file, k.Format, positionFormat)}
	}
	foreign := func(what string) error {
		return &stopError{fmt.Errorf("%s tells of position %d, %s: what went out is not what the book holds; find out which book this is, then delete the file to begin again", file, k.Next-1, what)}
	}
	if size := l.Head().Size; k.Next < 0 || k.Next > size {
		return nil, foreign(fmt.Sprintf("and the book ends at %d", size-1))
	}
	if k.Next > 0 {
		hash, err := l.LeafHash(k.Next - 1)
		if err != nil {
			return nil, err
		}
		if k.Leaf == nil || *k.Leaf != hash {
			return nil, foreign("where the book has another record")
		}
	}
	p.next = k.Next
	return p, nil
}

// save keeps next, durably: after a crash the file tells the old position or the
// new one.
func (p *position) save(next int64) error {
	k := kept{Format: positionFormat, Next: next}
	if next > 0 {
		hash, err := p.ledger.LeafHash(next - 1)
		if err != nil {
			return err
		}
		k.Leaf = &hash
	}
	text, err := json.Marshal(k)
	if err != nil {
		return err
	}
	if err := ledger.ReplaceFile(p.file, append(text, '\n')); err != nil {
		return fmt.Errorf("keeping the position: %w", err)
	}
	p.next = next
	return nil
}
