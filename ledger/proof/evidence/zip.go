package evidence

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"strings"
)

// A bundle is a ZIP in one form only: files sorted by name, stored without
// compression, dated 1980-01-01, without comments, extra fields or flags. A
// checker takes it apart and refuses it unless packing what it found gives the
// same bytes again. So no two bundles hold the same files, nothing hides between
// them, nothing unpacks to more than was read, and no name leaves the directory it
// is unpacked to.

// A file of a bundle.
type file struct {
	name string
	data []byte
}

const (
	localMagic   = 0x04034b50 // APPNOTE.TXT 4.3.7
	centralMagic = 0x02014b50 // APPNOTE.TXT 4.3.12
	endMagic     = 0x06054b50 // APPNOTE.TXT 4.3.16
	zipVersion   = 10         // "file is a plain file, stored"
	zipDate      = 1<<5 | 1   // 1980-01-01
	localSize    = 30
	centralSize  = 46
	endSize      = 22

	maxFiles = 65_534    // 65,535 would mean ZIP64
	maxZip   = 1<<32 - 2 // bytes, likewise
)

var errZip = errors.New("it is not a ZIP in the one form that bundles have")

// pack writes files, which must be sorted by name, as a ZIP.
func pack(files []file) ([]byte, error) {
	size := endSize
	for i, f := range files {
		if !goodName(f.name) || i > 0 && files[i-1].name >= f.name {
			return nil, fmt.Errorf("packing evidence: file name %q is out of order or not allowed", f.name)
		}
		size += localSize + centralSize + 2*len(f.name) + len(f.data)
	}
	if len(files) > maxFiles || size > maxZip {
		return nil, fmt.Errorf("packing evidence: %d files of %d bytes in all are more than a ZIP holds: ask for less", len(files), size)
	}
	out := make([]byte, 0, size)
	central := make([]byte, 0, len(files)*(centralSize+32))
	for _, f := range files {
		offset := uint32(len(out))
		common := zipCommon(f)
		out = binary.LittleEndian.AppendUint32(out, localMagic)
		out = append(append(out, common...), f.name...)
		out = append(out, f.data...)

		central = binary.LittleEndian.AppendUint32(central, centralMagic)
		central = binary.LittleEndian.AppendUint16(central, zipVersion) // made by
		central = append(central, common...)
		central = append(central, make([]byte, 2+2+2+4)...) // comment, disk, attributes
		central = binary.LittleEndian.AppendUint32(central, offset)
		central = append(central, f.name...)
	}
	end := binary.LittleEndian.AppendUint32(nil, endMagic)
	end = append(end, 0, 0, 0, 0) // disks
	end = binary.LittleEndian.AppendUint16(end, uint16(len(files)))
	end = binary.LittleEndian.AppendUint16(end, uint16(len(files)))
	end = binary.LittleEndian.AppendUint32(end, uint32(len(central)))
	end = binary.LittleEndian.AppendUint32(end, uint32(len(out)))
	end = append(end, 0, 0) // comment
	return append(append(out, central...), end...), nil
}

// zipCommon is what the local and the central header of a file share, from
// "version needed" to "extra field length".
func zipCommon(f file) []byte {
	b := binary.LittleEndian.AppendUint16(nil, zipVersion)
	b = append(b, 0, 0, 0, 0, 0, 0) // flags, stored, time
	b = binary.LittleEndian.AppendUint16(b, zipDate)
	b = binary.LittleEndian.AppendUint32(b, crc32.ChecksumIEEE(f.data))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(f.data)))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(f.data)))
	b = binary.LittleEndian.AppendUint16(b, uint16(len(f.name)))
	return append(b, 0, 0)
}

// unpack reads what pack writes and refuses everything else. The data of the
// files points into b.
func unpack(b []byte) ([]file, error) {
	var files []file
	for rest := b; len(rest) >= localSize && binary.LittleEndian.Uint32(rest) == localMagic; {
		size := int64(binary.LittleEndian.Uint32(rest[18:]))
		name := int64(binary.LittleEndian.Uint16(rest[26:]))
		if localSize+name+size > int64(len(rest)) {
			return nil, errZip
		}
		files = append(files, file{string(rest[localSize : localSize+name]), rest[localSize+name : localSize+name+size]})
		rest = rest[localSize+name+size:]
	}
	again, err := pack(files)
	if err != nil || !bytes.Equal(again, b) {
		return nil, errZip
	}
	return files, nil
}

// goodName reports whether a name is a relative path that every system unpacks
// to the same place: ASCII letters, digits, dot, dash, underscore, and
// slashes between parts that do not begin with a dot.
func goodName(name string) bool {
	if name == "" || len(name) > 128 {
		return false
	}
	for part := range strings.SplitSeq(name, "/") {
		if part == "" || part[0] == '.' {
			return false
		}
		for _, c := range []byte(part) {
			if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '.' || c == '-' || c == '_') {
				return false
			}
		}
	}
	return true
}
