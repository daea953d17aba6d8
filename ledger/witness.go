package ledger

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"ledgerline/ledger/proof"
)

var errNotExist = fs.ErrNotExist

// witness keeps the last durable head in a file of its own, outside Pebble and
// outside what backups copy. Pebble opens without an error after it lost a synced
// tail, and an old backup opens as well: only something that remembers the head
// can tell.
//
// Each head is written as soon as it is durable, so a killed process loses at
// most the head being written; it is synced within witnessDelay, so a power cut
// loses at most the heads of that time. Losing them only narrows what the witness
// can notice; it never makes Open refuse a sound book.
type witness struct {
	file   vfs.File
	logger *slog.Logger

	mu   sync.Mutex // guards what follows
	next []byte     // newest head not written yet
	wake *sync.Cond
	stop bool
	err  error

	seq  uint64 // owned by the goroutine in run
	done chan struct{}
}

// witnessDelay is how long a head may stay unsynced.
const witnessDelay = 10 * time.Millisecond

// readWitness returns the signed checkpoint a witness file holds; nil if the file
// does not exist.
func readWitness(fsys vfs.FS, path string) (checkpoint []byte, seq uint64, err error) {
	b, err := readFile(fsys, path)
	if errors.Is(err, errNotExist) {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, fmt.Errorf("reading the head witness %s: %w", path, err)
	}
	seq, checkpoint, ok := proof.DecodeSlots(b)
	if !ok {
		return nil, 0, fmt.Errorf("the head witness %s holds no valid head: if a newer program wrote it, use that one; else put its copy back. Without it the book opens, and nobody notices if it lacks what was recorded last", path)
	}
	return checkpoint, seq, nil
}

// createWitness writes a new witness file with a first head in both slots, durably.
func createWitness(fsys vfs.FS, path string, checkpoint []byte) error {
	slot, err := proof.EncodeSlot(1, checkpoint)
	if err != nil {
		return err
	}
	return writeFileAtomic(fsys, path, append(slot, slot...))
}

func openWitness(fsys vfs.FS, path string, seq uint64, logger *slog.Logger) (*witness, error) {
	f, err := fsys.OpenReadWrite(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		return nil, fmt.Errorf("opening the head witness %s: %w", path, err)
	}
	w := &witness{file: f, logger: logger, seq: seq, done: make(chan struct{})}
	w.wake = sync.NewCond(&w.mu)
	go w.run()
	return w, nil
}

// remember hands over a durable head. It never blocks: only the newest counts.
func (w *witness) remember(checkpoint []byte) {
	w.mu.Lock()
	w.next = checkpoint
	w.mu.Unlock()
	w.wake.Signal()
}

// run writes heads as they come and syncs when none has come for witnessDelay or
// the oldest unsynced one is that old.
func (w *witness) run() {
	defer close(w.done)
	var dirty time.Time // when the oldest unsynced head was written
	for {
		head, stop := w.take(&dirty)
		if head != nil {
			w.write(head)
			if dirty.IsZero() {
				dirty = time.Now()
			}
		}
		if !dirty.IsZero() && (stop || time.Since(dirty) >= witnessDelay) {
			w.fail(w.file.Sync())
			dirty = time.Time{}
		}
		if stop && head == nil {
			return
		}
	}
}

// take waits for a head, for the time to sync, or for the end.
func (w *witness) take(dirty *time.Time) (head []byte, stop bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !dirty.IsZero() && w.next == nil && !w.stop {
		timer := time.AfterFunc(time.Until(dirty.Add(witnessDelay)), func() {
			w.mu.Lock() // not before Wait below has begun, or the signal is lost
			defer w.mu.Unlock()
			w.wake.Signal()
		})
		defer timer.Stop()
		w.wake.Wait()
	}
	for dirty.IsZero() && w.next == nil && !w.stop {
		w.wake.Wait()
	}
	head, w.next = w.next, nil
	return head, w.stop
}

// write puts the head into the slot that does not hold the last one, so that a
// torn write leaves the last one readable.
func (w *witness) write(checkpoint []byte) {
	slot, err := proof.EncodeSlot(w.seq+1, checkpoint)
	if err == nil {
		_, err = w.file.WriteAt(slot, proof.SlotOffset(w.seq+1))
	}
	w.fail(err)
	if err == nil {
		w.seq++
	}
}

// fail remembers the first error: a witness that cannot be written must not fall
// silent, or a later rollback would go unnoticed.
func (w *witness) fail(err error) {
	if err == nil {
		return
	}
	w.mu.Lock()
	first := w.err == nil
	if first {
		w.err = err
	}
	w.mu.Unlock()
	if first {
		w.logger.Error("cannot write the head witness; appends stop until it can be", "error", err)
	}
}

func (w *witness) failed() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.err
}

func (w *witness) close() error {
	w.mu.Lock()
	w.stop = true
	w.mu.Unlock()
	w.wake.Signal()
	<-w.done
	return errors.Join(w.failed(), w.file.Close())
}
