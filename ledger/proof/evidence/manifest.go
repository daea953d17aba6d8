package evidence

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"ledgerline/ledger/proof"
)

// Format is the version of the bundle's form.
const Format = "ledgerline/evidence/v1"

// A Manifest says what a bundle is about and what is in it. Its note signs it, so
// that the operator answers for every file, the words and views included.
type Manifest struct {
	Format string `json:"format"`
	Origin string `json:"origin"`
	// Made is when, by the ledger's clock, in RFC 3339 with six digits, UTC.
	Made string `json:"made"`
	// Question is what was asked.
	Question Question `json:"question"`
	// Complete is what the bundle shows to be complete; null if nothing.
	Complete *Complete `json:"complete"`
	// Size is the number of records of the log at the bundle's checkpoint.
	Size int64 `json:"size"`
	// Records are those that are shown, by position.
	Records []RecordEntry `json:"records"`
	// Consistency are the earlier sizes from which the log is shown to have grown.
	Consistency []int64 `json:"consistency"`
	// KeyChanges counts the changes of the log's key that are shown.
	KeyChanges int64 `json:"key_changes,omitzero"`
	// Anchors are the positions of the timestamps shown.
	Anchors []int64 `json:"anchors,omitempty"`
	// Witnessed is the size of the cosigned head that is shown; 0 if none is.
	Witnessed int64 `json:"witnessed,omitzero"`
	// Numbering says of producers that number their events, and of which records are
	// shown, which numbers the ledger does not hold. It is the operator's word.
	Numbering []Numbering `json:"numbering,omitempty"`
	// Files are all files but the manifest and its note, sorted by name.
	Files []FileEntry `json:"files"`
}

// Question is what a bundle answers, in words.
type Question struct {
	// Kind is events, subject, share, lineage or catalog.
	Kind string `json:"kind"`
	EN   string `json:"en"`
	ZH   string `json:"zh"`
}

// Complete says which names and which window of recorded time a bundle is
// complete for: see [proof.Question].
type Complete struct {
	Names []proof.Name `json:"names"`
	Also  []proof.Name `json:"also"`
	// From and To are in microseconds since 1970; To is 2^63-1 for no end.
	From int64 `json:"from"`
	To   int64 `json:"to"`
}

func (c *Complete) question() proof.Question {
	return proof.Question{Names: c.Names, Also: c.Also, From: c.From, To: c.To}
}

// RecordEntry says what of a record is in the bundle.
type RecordEntry struct {
	Position int64 `json:"position"`
	// Body is shown or withheld.
	Body string `json:"body"`
	// Facets has one state for each facet of a body shown: shown, erased or
	// withheld.
	Facets []string `json:"facets"`
}

// Numbering is what the ledger holds of the events that a producer numbers without
// gaps: all from 1 to Last but those missing, as known where the answer was made.
type Numbering struct {
	Principal string `json:"principal"` // who authenticated
	Producer  string `json:"producer"`
	Last      int64  `json:"last"`
	Missing   []Run  `json:"missing"`
	// Unlisted counts further missing numbers, of which the runs are not listed.
	Unlisted int64 `json:"unlisted"`
}

// Run is First to Last, both included.
type Run struct {
	First int64 `json:"first"`
	Last  int64 `json:"last"`
}

// FileEntry is a file with its SHA-256 in lower-case hex.
type FileEntry struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

// The states of a body or a facet.
const (
	Shown    = "shown"
	Withheld = "withheld"
	Erased   = "erased"
)

// encodeJSON writes JSON in the one form of bundles: as encoding/json does,
// without HTML escapes and without the newline.
func encodeJSON(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// parseManifest reads a manifest. Writing it again must give the same bytes: so
// two readers cannot see two things in it.
func parseManifest(b []byte) (*Manifest, error) {
	var m Manifest
	if err := json.Unmarshal(b, &m); err != nil {
		return nil, err
	}
	again, err := encodeJSON(&m)
	if err != nil || !bytes.Equal(again, b) {
		return nil, errors.New("it is not in its one form")
	}
	if m.Format != Format {
		return nil, fmt.Errorf("its format is %q, not %s", m.Format, Format)
	}
	if m.Records == nil || m.Consistency == nil || m.Files == nil || m.Complete != nil && (m.Complete.Names == nil || m.Complete.Also == nil) {
		return nil, errors.New("a list is missing")
	}
	if t, err := time.Parse(timeLayout, m.Made); err != nil || t.Format(timeLayout) != m.Made {
		return nil, fmt.Errorf("it was made %q, which is no time", m.Made)
	}
	return &m, m.checkLists()
}

// timeLayout is RFC 3339 in UTC with all six digits of a microsecond.
const timeLayout = "2006-01-02T15:04:05.000000Z"

func (m *Manifest) checkLists() error {
	last := int64(-1)
	for _, r := range m.Records {
		if r.Position <= last || r.Position >= m.Size || r.Facets == nil {
			return fmt.Errorf("record %d is out of order or beyond the checkpoint", r.Position)
		}
		if last = r.Position; r.Body != Shown && (r.Body != Withheld || len(r.Facets) > 0) {
			return fmt.Errorf("record %d: its body is %q", r.Position, r.Body)
		}
		for _, state := range r.Facets {
			if state != Shown && state != Withheld && state != Erased {
				return fmt.Errorf("record %d: a facet is %q", r.Position, state)
			}
		}
	}
	last = -1
	for _, at := range m.Anchors {
		if at <= last || at >= m.Size {
			return fmt.Errorf("the anchor at position %d is out of order or beyond the checkpoint", at)
		}
		last = at
	}
	for i, n := range m.Numbering {
		if i > 0 && cmp.Or(cmp.Compare(m.Numbering[i-1].Principal, n.Principal), cmp.Compare(m.Numbering[i-1].Producer, n.Producer)) >= 0 || n.Missing == nil || n.Unlisted < 0 {
			return fmt.Errorf("the numbering of producer %q is out of order or incomplete", n.Producer)
		}
		last := int64(0)
		for _, run := range n.Missing {
			if run.First <= last || run.Last < run.First || run.Last >= n.Last {
				return fmt.Errorf("the missing numbers of producer %q are out of order", n.Producer)
			}
			last = run.Last
		}
	}
	if m.Witnessed < 0 || m.Witnessed > m.Size {
		return fmt.Errorf("the cosigned head of %d records is beyond the checkpoint", m.Witnessed)
	}
	if m.KeyChanges < 0 || m.KeyChanges > maxKeyChanges {
		return fmt.Errorf("it shows %d changes of keys", m.KeyChanges)
	}
	last = 0
	for _, size := range m.Consistency {
		if size <= last || size > m.Size {
			return fmt.Errorf("the earlier size %d is out of order or beyond the checkpoint", size)
		}
		last = size
	}
	return nil
}

// maxKeyChanges is what three digits count.
const maxKeyChanges = 999

// noteText is what the manifest's note signs. It can be no checkpoint: that
// begins with the origin.
func noteText(origin string, manifest []byte) string {
	sum := sha256.Sum256(manifest)
	return Format + "\n" + origin + "\n" + hex.EncodeToString(sum[:]) + "\n"
}

// What there is of each anchor: its record and the proof of it, the proof that its
// head is one of the log's past, and that head and the answer of the authority, as
// openssl ts reads them.
var anchorFiles = []string{"cbor", "tlog-proof", "json", "head", "tsr"}

// Names of the files of a bundle.
const (
	nameReadme     = "README.txt"
	nameSummary    = "summary.html"
	nameManifest   = "manifest.json"
	nameNote       = "manifest.note"
	nameCheckpoint = "checkpoint"
	nameKey        = "keys/ledger.vkey"
	nameAnswer     = "answer.json"
	nameVerifier   = "verify.py"
	nameComplete   = "index/completeness.cbor"
	namePolicy     = "policy"
)

func nameRecord(position int64) string { return fmt.Sprintf("records/%019d.cbor", position) }
func nameView(position int64) string   { return fmt.Sprintf("records/%019d.json", position) }
func nameProof(position int64) string  { return fmt.Sprintf("proofs/%019d.tlog-proof", position) }
func nameAnchor(position int64, suffix string) string {
	return fmt.Sprintf("time/%019d.%s", position, suffix)
}
func nameWitnessed(size int64) string { return fmt.Sprintf("witness/%019d.json", size) }
func nameKeyChange(n int64) string    { return fmt.Sprintf("keys/%03d.note", n) }
func nameGrown(size int64) string     { return fmt.Sprintf("consistency/%019d.json", size) }
func namePayload(position int64, facet int) string {
	return fmt.Sprintf("payload/%019d/%03d", position, facet)
}
