package ledger

import (
	"bytes"
	"errors"
	"io"
	"os"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// writeFileAtomic puts data at path so that after a crash either the old file or
// the whole new one is there: write beside, sync, rename, sync the directory.
func writeFileAtomic(fs vfs.FS, path string, data []byte) error {
	f, err := fs.Create(path+".new", vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	return replaceFile(fs, f, path, data)
}

// writeSecretFile is writeFileAtomic for what only the ledger's user may read, from
// the first byte on.
func writeSecretFile(fs vfs.FS, path string, data []byte) error {
	if !onDisk(fs) { // a vfs.FS knows no permissions
		return writeFileAtomic(fs, path, data)
	}
	tmp := path + ".new"
	if err := os.Remove(tmp); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	made, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if err := made.Close(); err != nil {
		return err
	}
	f, err := fs.OpenReadWrite(tmp, vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	return replaceFile(fs, f, path, data)
}

// onDisk reports whether paths are those of the operating system.
func onDisk(fs vfs.FS) bool { return vfs.Root(fs) == vfs.Default }

// replaceFile writes a fresh file beside path and puts it in its place.
func replaceFile(fs vfs.FS, f vfs.File, path string, data []byte) error {
	tmp := path + ".new"
	_, err := f.Write(bytes.Clone(data)) // a vfs.File may scribble on what it wrote
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

// ReplaceFile puts text at a path of the disk, whose directory it makes if there is
// none, so that after a crash either the old file or the whole new one is there.
func ReplaceFile(path string, text []byte) error {
	if err := makeDir(vfs.Default, vfs.Default.PathDir(path)); err != nil {
		return err
	}
	return writeFileAtomic(vfs.Default, path, text)
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

// readableByOthers reports whether somebody else than this user may read a file on
// disk: it lets them, and so does the directory it lies in.
func readableByOthers(fs vfs.FS, path string) bool {
	if !onDisk(fs) {
		return false
	}
	info, err := os.Stat(path)
	around, derr := os.Stat(fs.PathDir(path))
	return err == nil && derr == nil && info.Mode().Perm()&0o044 != 0 && around.Mode().Perm()&0o011 != 0
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
