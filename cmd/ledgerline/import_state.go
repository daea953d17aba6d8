package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io/fs"
	"os"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"ledgerline/ledger"
)

// importState remembers how far an import came, so that the next run can skip
// ahead. It only saves time: events that are sent again are recognised by their
// ids.
type importState struct {
	path  string
	Files map[string]fileState `json:"files"`
}

// fileState says that the first Events events of a file, whose bytes have the
// digest, were answered. A file that begins otherwise now is read anew.
type fileState struct {
	Events int    `json:"events"`
	SHA256 string `json:"sha256"`
}

// loadState reads the state; a missing file is an import that has not begun.
func loadState(path string) (*importState, error) {
	s := &importState{path: path, Files: map[string]fileState{}}
	if path == "" {
		return s, nil
	}
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err == nil {
		err = json.Unmarshal(b, s, json.RejectUnknownMembers(true))
	}
	if err != nil {
		return nil, cannot("remove the file to begin anew: what is there already is recognised", "reading the state of the import from %s: %w", path, err)
	}
	return s, nil
}

// save writes the state in one step, so that a crash leaves the old or the new.
func (s *importState) save() error {
	if s.path == "" {
		return nil
	}
	b, err := json.Marshal(s, json.Deterministic(true), jsontext.WithIndent("  "))
	if err == nil {
		err = ledger.ReplaceFile(s.path, append(b, '\n'))
	}
	if err != nil {
		return fmt.Errorf("writing the state of the import: %w", err)
	}
	return nil
}

// done tells how many events of a file can be skipped: those that were answered,
// if they are still the ones that stand there.
func (s *importState) done(path string) (int, error) {
	known := s.Files[path]
	if known.Events == 0 {
		return 0, nil
	}
	sum := newItemSum()
	for it, err := range readItems(path) {
		if err != nil {
			return 0, err
		}
		sum.add(it)
		if it.number == known.Events {
			break
		}
	}
	if sum.state() != known {
		return 0, nil
	}
	return known.Events, nil
}

// itemSum digests the events of a file as they go by.
type itemSum struct {
	h      hash.Hash
	events int
}

func newItemSum() *itemSum { return &itemSum{h: sha256.New()} }

func (s *itemSum) add(it item) {
	s.events++
	s.h.Write(it.raw)
	s.h.Write([]byte{'\n'})
}

func (s *itemSum) state() fileState {
	return fileState{Events: s.events, SHA256: hex.EncodeToString(s.h.Sum(nil))}
}
