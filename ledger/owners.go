package ledger

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// owners keeps the key of each facet owner in a file of its own, outside the
// book: deleting that file is what erases everything sealed for the owner, and a
// log-structured store would keep old copies.
type owners struct {
	fs  vfs.FS
	dir string

	mu    sync.Mutex           // guards what follows, and the files
	known map[string]*[32]byte // bounded by ownersKnown
	sure  bool                 // the files that are seen are durable

	// retired are the keys ([32]byte) that were put aside since the ledger was opened. The
	// sequencer asks for them, and must not wait for mu, which is held while files are synced.
	retired sync.Map
}

const ownersKnown = 4096

var errNoOwnerKey = errors.New("the owner's key is gone")

func newOwners(fs vfs.FS, dir string) *owners {
	return &owners{fs: fs, dir: fs.PathJoin(dir, "owners"), known: make(map[string]*[32]byte)}
}

// path of an owner's key. The name is hashed because an owner may be any text;
// the whole hash, because two owners must never share a key.
func (o *owners) path(owner string) string { return o.fs.PathJoin(o.dir, ownerFile(owner)) }

func ownerFile(owner string) string {
	sum := sha256.Sum256([]byte("ledgerline/owner/v1\x00" + owner))
	return hex.EncodeToString(sum[:])
}

// find returns the keys that content of the owner may be sealed under, the one in
// use first; errNoOwnerKey if there is none. Keys put aside are only looked for if
// open is told that the one in use does not fit.
func (o *owners) find(owner string, aside bool) (keys []*[32]byte, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	k, err := o.findLocked(owner)
	if err == nil {
		keys = append(keys, k)
	} else if !errors.Is(err, errNoOwnerKey) {
		return nil, err
	}
	if aside || len(keys) == 0 {
		old, err := o.keysIn(o.path(owner) + retiredSuffix)
		if err != nil {
			return nil, err
		}
		for i := range old {
			keys = append(keys, &old[i])
		}
	}
	if len(keys) == 0 {
		return nil, errNoOwnerKey
	}
	return keys, nil
}

func (o *owners) findLocked(owner string) (*[32]byte, error) {
	if k := o.known[owner]; k != nil {
		return k, nil
	}
	keys, err := o.keysIn(o.path(owner))
	switch {
	case err != nil:
		return nil, err
	case len(keys) == 0:
		return nil, errNoOwnerKey
	case len(keys) > 1:
		return nil, fmt.Errorf("the owner key file %s holds %d keys, not one", o.path(owner), len(keys))
	}
	return o.remember(owner, keys[0]), nil
}

// keysIn reads a file of keys; no file is none.
func (o *owners) keysIn(path string) ([][32]byte, error) {
	b, err := readFile(o.fs, path)
	if errors.Is(err, errNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading an owner's key: %w", err)
	}
	if len(b)%32 != 0 || len(b) == 0 {
		return nil, fmt.Errorf("the owner key file %s holds %d bytes; a key has 32", path, len(b))
	}
	keys := make([][32]byte, 0, len(b)/32)
	for k := range slices.Chunk(b, 32) {
		keys = append(keys, [32]byte(k))
	}
	return keys, nil
}

// key returns the owner's key, making a durable one if there is none yet: the
// facet sealed under it may be acknowledged right after.
func (o *owners) key(owner string) (*[32]byte, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	k, err := o.findLocked(owner)
	if err != nil && !errors.Is(err, errNoOwnerKey) {
		return nil, err
	}
	if err := o.makeSure(); err != nil {
		return nil, fmt.Errorf("keeping the directory of owner keys: %w", err)
	}
	if k != nil {
		return k, nil
	}
	var fresh [32]byte
	rand.Read(fresh[:])
	if err := writeSecretFile(o.fs, o.path(owner), fresh[:]); err != nil {
		o.sure = false
		return nil, fmt.Errorf("keeping an owner's key: %w", err)
	}
	return o.remember(owner, fresh), nil
}

// makeSure syncs the directory of keys, and the entry of it, once after opening
// and again after a failure. A key that somebody could not sync is there to read
// all the same, and a power cut would take it along with what was sealed under it.
func (o *owners) makeSure() error {
	if o.sure {
		return nil
	}
	if err := makeDir(o.fs, o.dir); err != nil {
		return err
	}
	if err := errors.Join(syncDir(o.fs, o.fs.PathDir(o.dir)), syncDir(o.fs, o.dir)); err != nil {
		return err
	}
	o.sure = true
	return nil
}

// An owner's key is destroyed in two steps. First it is retired: it opens what was
// sealed under it and seals nothing more, so that all that it seals is in the book
// and can be listed. When the erasure is recorded it is destroyed. The file of
// retired keys holds more than one if an erasure was given up in between.
const retiredSuffix = ".retired"

// retire puts the owner's key aside, if there is one. From then on [owners.key]
// makes another and [owners.isRetired] knows this one.
func (o *owners) retire(owner string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	k, err := o.findLocked(owner)
	if errors.Is(err, errNoOwnerKey) {
		return nil
	}
	if err != nil {
		return err
	}
	path := o.path(owner)
	old, err := o.keysIn(path + retiredSuffix)
	if err != nil {
		return err
	}
	var file []byte
	for _, key := range append(old, *k) {
		if !bytes.Contains(file, key[:]) { // a crash came before the removal below
			file = append(file, key[:]...)
		}
	}
	if err := writeSecretFile(o.fs, path+retiredSuffix, file); err != nil {
		return fmt.Errorf("putting an owner's key aside: %w", err)
	}
	if err := o.wipe(path); err != nil {
		return err
	}
	delete(o.known, owner)
	o.retired.Store(*k, true)
	return nil
}

// isRetired reports whether a key was put aside since the ledger was opened.
func (o *owners) isRetired(key *[32]byte) bool {
	_, retired := o.retired.Load(*key)
	return retired
}

// fingerprints names the retired keys of an owner without telling them.
func (o *owners) fingerprints(name string) ([][]byte, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	keys, err := o.keysIn(o.fs.PathJoin(o.dir, name) + retiredSuffix)
	var out [][]byte
	for i := range keys {
		out = append(out, fingerprint(&keys[i]))
	}
	return out, err
}

func fingerprint(key *[32]byte) []byte {
	sum := sha256.Sum256(append([]byte("ledgerline/owner-key/v1\x00"), key[:]...))
	return sum[:]
}

// destroy removes the retired keys of an owner whose fingerprints are given, and
// the key in use if it is one of them: somebody put back an old copy. Keys made
// since stay.
func (o *owners) destroy(name string, fingerprints [][]byte) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	gone := func(k *[32]byte) bool {
		f := fingerprint(k)
		return slices.ContainsFunc(fingerprints, func(g []byte) bool { return bytes.Equal(f, g) })
	}
	for _, path := range []string{o.fs.PathJoin(o.dir, name), o.fs.PathJoin(o.dir, name) + retiredSuffix} {
		keys, err := o.keysIn(path)
		if err != nil {
			return err
		}
		var left []byte
		for i := range keys {
			if !gone(&keys[i]) {
				left = append(left, keys[i][:]...)
			}
		}
		switch {
		case len(left) == 32*len(keys):
			continue
		case len(left) > 0:
			err = writeSecretFile(o.fs, path, left)
		default:
			err = o.wipe(path)
		}
		if err != nil {
			return fmt.Errorf("destroying an owner's key: %w", err)
		}
	}
	clear(o.known)
	return nil
}

// wipe overwrites a file and removes it, durably. Overwriting does not reach old
// blocks of every file system; it costs nothing to try.
func (o *owners) wipe(path string) error {
	info, err := o.fs.Stat(path)
	if errors.Is(err, errNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	f, err := o.fs.OpenReadWrite(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(make([]byte, info.Size()), 0)
	if err == nil {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := o.fs.Remove(path); err != nil {
		return err
	}
	return syncDir(o.fs, o.dir)
}

func (o *owners) remember(owner string, k [32]byte) *[32]byte {
	if len(o.known) >= ownersKnown {
		clear(o.known)
	}
	o.known[owner] = &k
	return &k
}
