package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// item is one event of an import, as it stands in its file.
type item struct {
	raw    []byte // the event's own bytes, without what surrounds them
	number int    // place in the file, from 1
	end    int64  // bytes of the file read so far
	cloud  bool   // a CloudEvent; else OpenLineage
	// bad says why raw is not an event at all.
	bad error
}

// isCloudEvent tells the two kinds of events apart: a CloudEvent must have
// specversion, and OpenLineage has no such member.
func isCloudEvent(raw []byte) bool {
	d := jsontext.NewDecoder(bytes.NewReader(raw))
	if t, err := d.ReadToken(); err != nil || t.Kind() != '{' {
		return false
	}
	for d.PeekKind() == '"' {
		name, err := d.ReadToken()
		if err != nil || name.String() == "specversion" {
			return err == nil
		}
		if err := d.SkipValue(); err != nil {
			return false
		}
	}
	return false
}

// importFiles lists the files that names stand for: themselves, and the event
// files below directories, in order.
func importFiles(names []string) (files []string, total int64, err error) {
	for _, name := range names {
		err := filepath.WalkDir(name, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || path != name && !isEventFile(path) {
				return err
			}
			info, err := os.Stat(path)
			if err != nil {
				return err
			}
			files, total = append(files, path), total+info.Size()
			return nil
		})
		if err != nil {
			return nil, 0, fmt.Errorf("looking for events: %w", err)
		}
	}
	if len(files) == 0 {
		return nil, 0, fmt.Errorf("no .json, .ndjson or .jsonl files, plain or .gz, in %s", strings.Join(names, ", "))
	}
	return files, total, nil
}

func isEventFile(path string) bool {
	return slices.Contains([]string{".json", ".ndjson", ".jsonl"}, filepath.Ext(strings.TrimSuffix(path, ".gz")))
}

// readItems returns the events of a file: a JSON value, an array, values one
// after another, or lines of which each stands alone. The error ends the file.
func readItems(path string) iter.Seq2[item, error] {
	return func(yield func(item, error) bool) {
		f, err := os.Open(path)
		if err != nil {
			yield(item{}, err)
			return
		}
		defer f.Close() // read only: there is nothing to lose
		counted := &countingReader{r: f}
		var in io.Reader = counted
		if strings.HasSuffix(path, ".gz") {
			if in, err = gzip.NewReader(in); err != nil {
				yield(item{}, fmt.Errorf("reading %s: %w", path, err))
				return
			}
		}
		r := &itemReader{in: bufio.NewReaderSize(in, 64<<10), counted: counted, yield: yield}
		if err := r.read(path); err != nil && !errors.Is(err, errStopped) {
			yield(item{}, fmt.Errorf("reading %s after event %d: %w", path, r.number, err))
		}
	}
}

type countingReader struct {
	r io.Reader
	n int64
}

func (c *countingReader) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	c.n += int64(n)
	return n, err
}

type itemReader struct {
	in      *bufio.Reader
	counted *countingReader
	yield   func(item, error) bool
	number  int
}

// errStopped ends the reading when nobody wants more.
var errStopped = errors.New("stopped")

func (r *itemReader) give(raw []byte, bad error) error {
	r.number++
	it := item{raw: raw, number: r.number, end: r.counted.n, bad: bad}
	it.cloud = bad == nil && isCloudEvent(raw)
	if !r.yield(it, nil) {
		return errStopped
	}
	return nil
}

// read finds out from the first line which form the file has.
func (r *itemReader) read(path string) error {
	name := strings.TrimSuffix(path, ".gz")
	if ext := filepath.Ext(name); ext == ".ndjson" || ext == ".jsonl" {
		return r.lines(nil)
	}
	first, err := r.in.ReadBytes('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if text := bytes.TrimSpace(first); len(text) > 0 && text[0] == '{' && jsontext.Value(text).IsValid() {
		return r.lines(first)
	}
	return r.values(io.MultiReader(bytes.NewReader(first), r.in))
}

// lines reads one event a line. A line that is not JSON spoils only itself.
func (r *itemReader) lines(first []byte) error {
	for line := first; ; line = nil {
		var err error
		if line == nil {
			line, err = r.in.ReadBytes('\n')
		}
		if raw := bytes.TrimSpace(line); len(raw) > 0 {
			var bad error
			if !jsontext.Value(raw).IsValid() {
				bad = errors.New("the line is not one JSON value")
			}
			if err := r.give(raw, bad); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// values reads JSON values one after another; the elements of an array count as
// values. Where it is not JSON the file ends.
func (r *itemReader) values(in io.Reader) error {
	d := jsontext.NewDecoder(in, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)) // the ledger judges that
	for {
		if k := d.PeekKind(); k == '[' || k == ']' {
			if _, err := d.ReadToken(); err != nil {
				return r.syntax(err)
			}
			if d.StackDepth() > 1 {
				return r.give(nil, errors.New("an array in an array is no event, and what follows it in the file is not read"))
			}
			continue
		}
		raw, err := d.ReadValue()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return r.syntax(err)
		}
		if err := r.give(bytes.Clone(raw), nil); err != nil {
			return err
		}
	}
}

// syntax gives what is not JSON as an event that cannot be read; other errors
// are errors of reading.
func (r *itemReader) syntax(err error) error {
	var bad *jsontext.SyntacticError
	if errors.As(err, &bad) || errors.Is(err, io.ErrUnexpectedEOF) {
		return r.give(nil, fmt.Errorf("%w; what follows in the file is not read", err))
	}
	return err
}
