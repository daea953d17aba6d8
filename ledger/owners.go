package ledger

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// owners keeps the key of each facet owner in a file of its own, outside the
// book: deleting that file is what erases everything sealed for the owner, and a
// log-structured store would keep old copies.
type owners struct {
	fs  vfs.FS
	dir string

	mu    sync.Mutex
	known map[string]*[32]byte // bounded by ownersKnown
}

const ownersKnown = 4096

var errNoOwnerKey = errors.New("the owner's key is gone")

func newOwners(fs vfs.FS, dir string) *owners {
	return &owners{fs: fs, dir: fs.PathJoin(dir, "owners"), known: make(map[string]*[32]byte)}
}

// path of an owner's key. The name is hashed because an owner may be any text;
// the whole hash, because two owners must never share a key.
func (o *owners) path(owner string) string {
	sum := sha256.Sum256([]byte("ledgerline/owner/v1\x00" + owner))
	return o.fs.PathJoin(o.dir, hex.EncodeToString(sum[:]))
}

// find returns the owner's key, or errNoOwnerKey.
func (o *owners) find(owner string) (*[32]byte, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.findLocked(owner)
}

func (o *owners) findLocked(owner string) (*[32]byte, error) {
	if k := o.known[owner]; k != nil {
		return k, nil
	}
	b, err := readFile(o.fs, o.path(owner))
	if errors.Is(err, errNotExist) {
		return nil, errNoOwnerKey
	}
	if err != nil {
		return nil, fmt.Errorf("reading an owner's key: %w", err)
	}
	if len(b) != 32 {
		return nil, fmt.Errorf("the owner key file %s holds %d bytes, not 32", o.path(owner), len(b))
	}
	return o.remember(owner, [32]byte(b)), nil
}

// key returns the owner's key, making a durable one if there is none yet: the
// facet sealed under it may be acknowledged right after.
func (o *owners) key(owner string) (*[32]byte, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	k, err := o.findLocked(owner)
	if !errors.Is(err, errNoOwnerKey) {
		return k, err
	}
	var fresh [32]byte
	rand.Read(fresh[:])
	if err := makeDir(o.fs, o.dir); err != nil {
		return nil, fmt.Errorf("making the directory of owner keys: %w", err)
	}
	if err := writeFileAtomic(o.fs, o.path(owner), fresh[:]); err != nil {
		return nil, fmt.Errorf("keeping an owner's key: %w", err)
	}
	return o.remember(owner, fresh), nil
}

func (o *owners) remember(owner string, k [32]byte) *[32]byte {
	if len(o.known) >= ownersKnown {
		clear(o.known)
	}
	o.known[owner] = &k
	return &k
}

// writeFileAtomic puts data at path so that after a crash either the old file or
// the whole new one is there: write beside, sync, rename, sync the directory.
func writeFileAtomic(fs vfs.FS, path string, data []byte) error {
	tmp := path + ".new"
	f, err := fs.Create(tmp, vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	_, err = f.Write(bytes.Clone(data)) // a vfs.File may scribble on what it wrote
	if err == nil {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := fs.Rename(tmp, path); err != nil {
		return err
	}
	return syncDir(fs, fs.PathDir(path))
}

// makeDir makes a directory, and those it lies in, durably: a power cut takes a
// new directory along with all that was synced in it, unless the one it lies in
// is synced too.
func makeDir(fs vfs.FS, path string) error {
	if _, err := fs.Stat(path); err == nil {
		return nil
	}
	parent := fs.PathDir(path)
	if parent != path {
		if err := makeDir(fs, parent); err != nil {
			return err
		}
	}
	if err := fs.MkdirAll(path, 0o700); err != nil {
		return err
	}
	return syncDir(fs, parent)
}

func syncDir(fs vfs.FS, path string) error {
	d, err := fs.OpenDir(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func readFile(fs vfs.FS, path string) ([]byte, error) {
	f, err := fs.Open(path)
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(f)
	return b, errors.Join(err, f.Close())
}
