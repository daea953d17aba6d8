package api

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
)

// downloadBuffer is how much of a file is held back, so that what goes wrong until then
// is still answered with a problem.
const downloadBuffer = 64 << 10

// download answers with a file that is made while it is sent, so that it is never in
// memory whole. If what the caller gets is recorded the file is made twice: for its
// digest, which is durable before the first byte leaves, and to be sent. So make has to
// make the same bytes each time.
func (c *question) download(media, name string, make func(io.Writer) error) error {
	to := &download{c: c, media: media, name: name, made: sha256.New()}
	var recorded []byte
	if record := callOf(c.r).record; record != nil {
		first := &counted{Hash: sha256.New()}
		if err := make(first); err != nil {
			return err
		}
		recorded = first.Sum(nil)
		if err := record(taken{first.n, recorded}); err != nil {
			return err
		}
	}
	held := bufio.NewWriterSize(to, downloadBuffer)
	err := make(held)
	if err == nil {
		err = held.Flush()
	}
	if err == nil && recorded != nil && !bytes.Equal(to.made.Sum(nil), recorded) {
		err = errors.New("it is not the file whose digest was recorded")
	}
	if err != nil && to.begun { // a file half sent must not look whole
		callOf(c.r).err = fmt.Errorf("sending %s: %w", name, err)
		panic(http.ErrAbortHandler)
	}
	return err
}

// counted hashes and counts what it is given.
type counted struct {
	hash.Hash
	n int
}

func (c *counted) Write(b []byte) (int, error) {
	c.n += len(b)
	return c.Hash.Write(b)
}

// download is the body of such an answer.
type download struct {
	c           *question
	media, name string
	begun       bool
	made        hash.Hash // of what was sent
}

func (d *download) Write(b []byte) (int, error) {
	if !d.begun {
		d.begun = true
		h := d.c.w.Header()
		h.Set("Content-Type", d.media)
		h.Set("Cache-Control", "private, no-cache")
		h.Set("Content-Disposition", `attachment; filename="`+d.name+`"`)
		d.c.w.WriteHeader(http.StatusOK)
	}
	d.made.Write(b)
	if d.c.r.Method == http.MethodHead {
		return len(b), nil
	}
	return d.c.w.Write(b)
}
