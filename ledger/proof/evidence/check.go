package evidence

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"ledgerline/ledger/proof"
)

// Verdict says who vouches for a bundle, the weakest first.
type Verdict string

// The verdicts. Each includes what the one before it says.
const (
	// Refused: something in it is not what it claims to be.
	Refused Verdict = "REFUSED"
	// Unsigned: it holds together, but nobody is known to vouch for it. The key it
	// was checked with came out of the bundle.
	Unsigned Verdict = "UNSIGNED"
	// Signed: the log, known by the checker's own key, signed the checkpoint and
	// the manifest.
	Signed Verdict = "SIGNED"
	// Timestamped: an authority that the checker trusts has timestamped a head that
	// covers every record shown.
	Timestamped Verdict = "TIMESTAMPED"
	// Witnessed: witnesses that the checker's policy asks for have cosigned a head that
	// covers every record shown, and the commitment to the index if the bundle rests on
	// one, each with its own time. Nobody can be shown another history with them.
	Witnessed Verdict = "WITNESSED"
)

// Completeness says whether a bundle holds all that answers its question.
type Completeness string

// The kinds of answers. What a bundle is complete for, and as of when, stands
// beside it.
const (
	// Whole: nothing was left out of what bears the names in the window.
	Whole Completeness = "COMPLETE"
	// WholeButWithheld: the same, but parts of it are withheld or erased.
	WholeButWithheld Completeness = "COMPLETE FOR WHAT YOU MAY SEE"
	// Partial: nothing shows that this is all.
	Partial Completeness = "PARTIAL"
)

// A Report is what checking a bundle found. Its JSON is the same, byte for byte,
// from this package and from verify.py.
type Report struct {
	Verdict Verdict `json:"verdict"`
	// Refusal is set if the verdict is Refused.
	Refusal *Refusal `json:"refusal,omitzero"`
	// Answer says whether this is all; Complete what it is all of, AsOf the last
	// position that was taken into account. Closed: nothing recorded later can
	// change that.
	Answer   Completeness `json:"answer,omitzero"`
	Complete *Complete    `json:"complete,omitzero"`
	AsOf     int64        `json:"as_of,omitzero"`
	Closed   bool         `json:"closed,omitzero"`
	Origin   string       `json:"origin,omitzero"`
	Question Question     `json:"question,omitzero"`
	Size     int64        `json:"size,omitzero"`
	// Root is that of the tree at the checkpoint, in base64.
	Root string `json:"root,omitzero"`
	Made string `json:"made,omitzero"`
	// Records, Withheld and Erased count records shown, their bodies and facets
	// withheld, and their facets erased.
	Records  int `json:"records"`
	Withheld int `json:"withheld"`
	Erased   int `json:"erased"`
	// Since are the earlier sizes the log is shown to have grown from.
	Since []int64 `json:"since,omitempty"`
	// Times are of the records around which the checker trusts a timestamp.
	Times []Bracket `json:"times,omitempty"`
	// Witnesses are set if the checker has a policy and the bundle a cosigned head.
	Witnesses *Witnesses `json:"witnesses,omitzero"`
	// Producers are the keys under which records were signed by those who sent them.
	Producers []ProducerKey `json:"producers,omitempty"`
	// Numbering are the producers of which numbers are missing, by the operator's word.
	Numbering []Numbering `json:"numbering,omitempty"`
}

// A ProducerKey is a key that signed records, in base64, and how many. That it is one
// of the party in whose name it speaks, the party says, or the records of its keys.
type ProducerKey struct {
	Party   string `json:"party"`
	Key     string `json:"key"`
	Records int    `json:"records"`
}

// A Refusal names the part of a bundle that is not what it claims to be.
type Refusal struct {
	// Part is zip, manifest, files, signature, checkpoint, record, proof, payload,
	// consistency, completeness, time or witness.
	Part string `json:"part"`
	File string `json:"file,omitzero"`
	why  error
}

func (r *Refusal) Error() string {
	if r.File == "" {
		return fmt.Sprintf("evidence refused: %s: %v", r.Part, r.why)
	}
	return fmt.Sprintf("evidence refused: %s: %s: %v", r.Part, r.File, r.why)
}

func (r *Refusal) Unwrap() error { return r.why }

// Trust is what a checker has from elsewhere than the bundle.
type Trust struct {
	// Keys are the log's. Without them the bundle's own key is used, and the verdict
	// is Unsigned at best.
	Keys *proof.Keys
	// Roots are certificates in which the chain of a timestamping authority has to end.
	// Without them timestamps are not counted.
	Roots *x509.CertPool
	// Policy says whose cosignatures are enough. Without it none are counted.
	Policy *Policy
}

// Check checks a bundle. The error is the *Refusal that stands in the report.
func Check(b []byte, by Trust) (Report, error) {
	c := checker{keys: by.Keys, trust: by, report: Report{Verdict: Unsigned}}
	if by.Keys != nil {
		c.report.Verdict = Signed
	}
	if err := c.check(b); err != nil {
		return Report{Verdict: Refused, Refusal: err}, err
	}
	return c.report, nil
}

type checker struct {
	keys       *proof.Keys // the log's, after the changes that are shown
	trust      Trust
	commit     int64 // position of the commitment to the index that is rested on; -1: none
	files      map[string][]byte
	manifest   *Manifest
	checkpoint proof.Checkpoint
	report     Report
	leaves     map[int64]proof.Hash // of the records shown
}

func refuse(part, name string, why error) *Refusal { return &Refusal{part, name, why} }

// check goes from the outside to the inside: the file, what it says it holds, who
// signed that, and then each piece of evidence by itself.
func (c *checker) check(b []byte) *Refusal {
	files, err := unpack(b)
	if err != nil {
		return refuse("zip", "", err)
	}
	c.files = make(map[string][]byte, len(files))
	for _, f := range files {
		c.files[f.name] = f.data
	}
	if c.manifest, err = parseManifest(c.files[nameManifest]); err != nil {
		return refuse("manifest", nameManifest, err)
	}
	for _, step := range []func() *Refusal{c.checkFiles, c.checkSignature, c.checkCheckpoint, c.checkRecords, c.checkConsistency, c.checkComplete, c.checkAnchors, c.checkWitnessed} {
		if r := step(); r != nil {
			return r
		}
	}
	m := c.manifest
	c.report.Origin, c.report.Question, c.report.Made = m.Origin, m.Question, m.Made
	c.report.Size, c.report.Root = c.checkpoint.Size, c.checkpoint.Root.String()
	for _, n := range m.Numbering {
		if len(n.Missing) > 0 || n.Unlisted > 0 {
			c.report.Numbering = append(c.report.Numbering, n)
		}
	}
	c.report.Records, c.report.Since = len(m.Records), m.Consistency
	return nil
}

// checkFiles holds that the files are exactly those listed, and those that the
// manifest's other lists call for.
func (c *checker) checkFiles() *Refusal {
	m := c.manifest
	last := ""
	for _, f := range m.Files {
		data, ok := c.files[f.Name]
		sum := sha256.Sum256(data)
		if !ok || f.Name <= last || f.Name == nameManifest || f.Name == nameNote || f.Size != int64(len(data)) || f.SHA256 != hex.EncodeToString(sum[:]) {
			return refuse("files", f.Name, errors.New("it is missing, changed, or listed out of order"))
		}
		last = f.Name
	}
	if len(c.files) != len(m.Files)+2 {
		return refuse("files", "", errors.New("there are files that the manifest does not list, or it is not signed"))
	}
	called := m.calledFor()
	for _, name := range called {
		if _, ok := c.files[name]; !ok {
			return refuse("files", name, errors.New("the manifest calls for it"))
		}
	}
	for _, f := range m.Files {
		if _, ok := slices.BinarySearch(called, f.Name); !ok && f.Name != nameAnswer {
			return refuse("files", f.Name, errors.New("nothing in the manifest calls for it"))
		}
	}
	return nil
}

// calledFor lists, sorted, the files that a bundle with this manifest has. The
// answer is the one file it may have beside them.
func (m *Manifest) calledFor() []string {
	names := []string{nameReadme, nameSummary, nameManifest, nameNote, nameCheckpoint, nameKey, nameVerifier}
	for _, r := range m.Records {
		names = append(names, nameRecord(r.Position), nameView(r.Position), nameProof(r.Position))
		for i, state := range r.Facets {
			if state == Shown {
				names = append(names, namePayload(r.Position, i))
			}
		}
	}
	for _, size := range m.Consistency {
		names = append(names, nameGrown(size))
	}
	for n := range m.KeyChanges {
		names = append(names, nameKeyChange(n+1))
	}
	for _, at := range m.Anchors {
		for _, suffix := range anchorFiles {
			names = append(names, nameAnchor(at, suffix))
		}
	}
	if m.Witnessed > 0 {
		names = append(names, nameWitnessed(m.Witnessed), namePolicy)
	}
	if m.Complete != nil {
		names = append(names, nameComplete)
	}
	slices.Sort(names)
	return names
}

// checkSignature holds that the log signed the manifest.
func (c *checker) checkSignature() *Refusal {
	if c.keys == nil {
		text, _ := strings.CutSuffix(string(c.files[nameKey]), "\n")
		keys, err := proof.NewKeys(text)
		if err != nil {
			return refuse("signature", nameKey, err)
		}
		c.keys = keys
	}
	var changes [][]byte
	last := proof.KeyChange{What: proof.KeyRetired}
	for n := range c.manifest.KeyChanges {
		name := nameKeyChange(n + 1)
		change, err := proof.OpenKeyChange(c.files[name])
		if err == nil && !follows(&last, &change) {
			err = errors.New("it does not follow the change before")
		}
		if err != nil {
			return refuse("signature", name, err)
		}
		last = change
		changes = append(changes, c.files[name])
	}
	var err error
	if c.keys, err = c.keys.Change(changes...); err != nil {
		return refuse("signature", nameKeyChange(1), err) // each was read before
	}
	text, err := proof.OpenNote(c.files[nameNote], c.manifest.Origin, c.keys)
	if err == nil && text != noteText(c.manifest.Origin, c.files[nameManifest]) {
		err = errors.New("it signs something else")
	}
	if err != nil {
		return refuse("signature", nameNote, err)
	}
	return nil
}

// follows reports whether a change of keys can come next: the new key of the last one
// is the old key of the next, and is added before the old one is retired.
func follows(last, next *proof.KeyChange) bool {
	if next.What == proof.KeyRetired {
		return last.What == proof.KeyAdded && last.Old == next.Old && last.New == next.New
	}
	return last.What == proof.KeyRetired && (last.New == "" || last.New == next.Old)
}

func (c *checker) checkCheckpoint() *Refusal {
	var err error
	c.checkpoint, err = proof.OpenCheckpoint(c.files[nameCheckpoint], c.manifest.Origin, c.keys)
	if err == nil && c.checkpoint.Size != c.manifest.Size {
		err = fmt.Errorf("it is of %d records, the manifest of %d", c.checkpoint.Size, c.manifest.Size)
	}
	if err != nil {
		return refuse("checkpoint", nameCheckpoint, err)
	}
	return nil
}

func (c *checker) checkRecords() *Refusal {
	c.leaves = make(map[int64]proof.Hash, len(c.manifest.Records))
	for _, r := range c.manifest.Records {
		leaf, body, err := c.checkRecord(r)
		if err != nil {
			return refuse("record", nameRecord(r.Position), err)
		}
		c.leaves[r.Position] = proof.LeafHash(leaf)
		if err := c.checkProof(nameProof(r.Position), r.Position, leaf); err != nil {
			return refuse("proof", nameProof(r.Position), err)
		}
		if i, err := c.checkFacets(r, body); err != nil {
			return refuse("payload", namePayload(r.Position, i), err)
		}
	}
	return nil
}

// checkRecord checks a record against itself, and its view against it.
func (c *checker) checkRecord(r RecordEntry) (leaf []byte, body *proof.Body, err error) {
	leaf, content, salt, err := proof.DecodeRecord(c.files[nameRecord(r.Position)])
	if err != nil {
		return nil, nil, err
	}
	l, err := proof.ParseLeaf(leaf)
	if err != nil {
		return nil, nil, err
	}
	if l.Position != uint64(r.Position) {
		return nil, nil, fmt.Errorf("it says it is record %d", l.Position)
	}
	if shown := content != nil; shown != (r.Body == Shown) {
		return nil, nil, errors.New("the manifest says otherwise about its body")
	}
	if r.Body == Shown {
		if err := proof.CheckRecord(leaf, content, &salt); err != nil {
			return nil, nil, err
		}
		if body, err = proof.ParseBody(content); err != nil {
			return nil, nil, err
		}
		if err := cmp.Or(c.checkNumber(body), c.checkProducer(content, body)); err != nil {
			return nil, nil, err
		}
		if len(r.Facets) != len(body.Facets) {
			return nil, nil, fmt.Errorf("it has %d facets, the manifest speaks of %d", len(body.Facets), len(r.Facets))
		}
	} else {
		c.report.Withheld++
	}
	view, err := viewOf(leaf, &l, body)
	if err != nil {
		return nil, nil, err
	}
	if !bytes.Equal(view, c.files[nameView(r.Position)]) {
		return nil, nil, errors.New("its view says something else")
	}
	return leaf, body, nil
}

// checkProof holds that the record stands in the log of the bundle's checkpoint.
func (c *checker) checkProof(name string, position int64, leaf []byte) error {
	p, err := proof.ParseInclusion(c.files[name])
	if err != nil {
		return err
	}
	if p.Position != position || !bytes.Equal(p.Checkpoint, c.files[nameCheckpoint]) {
		return errors.New("it is of another record, or under another checkpoint")
	}
	return p.CheckRoot(proof.LeafHash(leaf), c.checkpoint)
}

// checkFacets holds that facets shown are those the body commits to. The index
// is that of the facet at fault.
func (c *checker) checkFacets(r RecordEntry, body *proof.Body) (int, error) {
	for i, state := range r.Facets {
		switch state {
		case Withheld:
			c.report.Withheld++
		case Erased:
			c.report.Erased++
		default:
			salt, b, err := proof.DecodeFacet(c.files[namePayload(r.Position, i)])
			if err == nil && proof.CommitFacet(&salt, b) != body.Facets[i].Commit {
				err = errors.New("it is not what the record commits to")
			}
			if err != nil {
				return i, err
			}
		}
	}
	return 0, nil
}

// checkConsistency holds that the log only grew from the earlier sizes.
func (c *checker) checkConsistency() *Refusal {
	for _, size := range c.manifest.Consistency {
		if _, err := c.grownFrom(nameGrown(size), size, proof.Consistency.Check); err != nil {
			return refuse("consistency", nameGrown(size), err)
		}
	}
	return nil
}

// grownFrom holds that a consistency proof leads from a head of some size to the
// bundle's, and returns that head as it was signed.
func (c *checker) grownFrom(name string, size int64, check func(proof.Consistency, string, note.Verifiers) (_, _ proof.Checkpoint, _ error)) (from string, err error) {
	var g proof.Consistency
	if err := g.UnmarshalJSON(c.files[name]); err != nil {
		return "", err
	}
	if g.To != string(c.files[nameCheckpoint]) {
		return "", errors.New("it leads to another checkpoint")
	}
	head, _, err := check(g, c.manifest.Origin, c.keys)
	if err == nil && head.Size != size {
		err = fmt.Errorf("it begins at %d records", head.Size)
	}
	return g.From, err
}

// checkComplete holds that every record that answers the question is shown.
func (c *checker) checkComplete() *Refusal {
	c.report.Answer, c.commit = Partial, -1
	asked := c.manifest.Complete
	if asked == nil {
		return nil
	}
	shown, err := c.complete(asked)
	if err != nil {
		return refuse("completeness", nameComplete, err)
	}
	c.report.Answer = Whole
	if c.report.Withheld+c.report.Erased > 0 {
		c.report.Answer = WholeButWithheld
	}
	c.commit = shown.Commit
	c.report.Complete, c.report.AsOf, c.report.Closed = asked, shown.Size-1, shown.Closed
	return nil
}

func (c *checker) complete(asked *Complete) (*proof.Complete, error) {
	p, err := proof.ParseCompleteness(c.files[nameComplete])
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(p.Checkpoint, c.files[nameCheckpoint]) {
		return nil, errors.New("it is under another checkpoint")
	}
	shown, err := p.Check(asked.question(), c.manifest.Origin, c.keys)
	if err != nil {
		return nil, err
	}
	for _, r := range shown.Records {
		if r.Matches && c.leaves[int64(r.Leaf.Position)] != r.Hash {
			return nil, fmt.Errorf("record %d belongs to the answer and is not shown", r.Leaf.Position)
		}
	}
	return shown, nil
}
