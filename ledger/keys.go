package ledger

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"
	"golang.org/x/mod/sumdb/note"

	"ledgerline/events"
	"ledgerline/ledger/proof"
)

// The signing key is changed in two steps, both recorded as events that the old and
// the new key signed (docs/format.md, "Change of keys"). From the first, heads are
// signed by both keys, so that whoever knows one of them can go on; from the second,
// by the new one alone.
//
// The new key is durable beside the old one, in KeyFile.next, before anything is
// recorded; it takes the place of the old one after the second event is durable. A
// ledger that was interrupted in between is opened with what is in force by its
// records, and tidies up.

// signing is who signs heads, and whose signatures count, from one record on.
type signing struct {
	signers []note.Signer
	vkeys   []string // of the signers; the last is the newest
	keys    *proof.Keys
	changes []string // signed notes, from the first key on
}

// sign signs in the name of the log.
func (s *signing) sign(c proof.Checkpoint) ([]byte, error) { return c.Sign(s.signers...) }

// newest is the key that stays.
func (s *signing) newest() string { return s.vkeys[len(s.vkeys)-1] }

// after is who signs after a further change; the signers are those of both keys.
func (s *signing) after(change []byte, c proof.KeyChange, signers map[string]note.Signer) (*signing, error) {
	keys, err := s.keys.Change(change)
	if err != nil {
		return nil, err
	}
	next := &signing{keys: keys, changes: append(slices.Clone(s.changes), string(change))}
	next.vkeys = []string{c.Old, c.New}
	if c.What == proof.KeyRetired {
		next.vkeys = []string{c.New}
	}
	return next, next.arm(signers)
}

// arm sets the signers that are in force.
func (s *signing) arm(have map[string]note.Signer) error {
	s.signers = nil
	for _, vkey := range s.vkeys {
		signer, ok := have[vkey]
		if !ok {
			return &missingKeyError{vkey}
		}
		s.signers = append(s.signers, signer)
	}
	return nil
}

// missingKeyError: the private half of a key in force is not there.
type missingKeyError struct{ vkey string }

func (e *missingKeyError) Error() string { return "the ledger's key " + e.vkey + " is not there" }

// readSigning says who signs after the first size records, from what these say.
// The signers are not set.
func (l *Ledger) readSigning(first string, size int64) (*signing, error) {
	keys, err := proof.NewKeys(first)
	if err != nil {
		return nil, err
	}
	s := &signing{keys: keys, vkeys: []string{first}}
	for version := uint64(1); ; version++ {
		e, ok, err := l.version(subjectHash(events.KeysSubject()), version, size)
		if err != nil || !ok {
			return s, err
		}
		data, _ := e.Event.Data.(*events.KeyChanged)
		c := proof.KeyChange{}
		if data != nil {
			c, err = proof.OpenKeyChange([]byte(data.Note))
		}
		if err == nil {
			s.keys, err = s.keys.Change([]byte(data.Note))
		}
		if err != nil || data == nil || !slices.Contains(s.vkeys, c.Old) {
			return nil, &DamageError{What: fmt.Sprintf("the change of keys at position %d is none of this ledger", e.Position), LastProvable: e.Position - 1, Fix: verifyFix, Err: err}
		}
		s.changes = append(s.changes, data.Note)
		if s.vkeys = []string{c.Old, c.New}; c.What == proof.KeyRetired {
			s.vkeys = []string{c.New}
		}
	}
}

// Keys are the keys whose signatures count for the ledger's checkpoints.
func (l *Ledger) Keys() *proof.Keys { return l.signing.Load().keys }

// VerifierKey is the newest key, in the text form of x/mod/sumdb/note: what an
// auditor has to obtain from a source of their own.
func (l *Ledger) VerifierKey() string { return l.signing.Load().newest() }

// KeyChanges are the changes of the signing key, from the first key on, as signed
// notes: see [proof.Keys.Change].
func (l *Ledger) KeyChanges() []string { return slices.Clone(l.signing.Load().changes) }

// ErrKeyChange: the change of keys that was asked for does not come next.
var ErrKeyChange = errors.New("the change of keys does not come next")

// AddKey makes a new signing key and records it, signed by both keys. From then on
// heads are signed by both, until [Ledger.RetireKey]. The change is returned.
func (l *Ledger) AddKey(ctx context.Context) (change string, err error) {
	return l.changeKey(ctx, func(s *signing) (proof.KeyChange, map[string]note.Signer, error) {
		if len(s.vkeys) > 1 {
			return proof.KeyChange{}, nil, fmt.Errorf("%w: a key was added already; retire the old one first (ledgerline keys retire)", ErrKeyChange)
		}
		if err := makeKey(l.opts.FS, nextKeyFile(l.opts), l.origin); err != nil {
			return proof.KeyChange{}, nil, err
		}
		have, err := readKeys(l.opts)
		next, _, rerr := readKeyFile(l.opts.FS, nextKeyFile(l.opts))
		return proof.KeyChange{Origin: l.origin, What: proof.KeyAdded, Old: s.vkeys[0], New: next}, have, errors.Join(err, rerr)
	})
}

// RetireKey records that the old key counts no more, signed by both, and destroys its
// private half. The change is returned.
func (l *Ledger) RetireKey(ctx context.Context) (change string, err error) {
	change, err = l.changeKey(ctx, func(s *signing) (proof.KeyChange, map[string]note.Signer, error) {
		if len(s.vkeys) == 1 {
			return proof.KeyChange{}, nil, fmt.Errorf("%w: no key was added; add one first (ledgerline keys rotate)", ErrKeyChange)
		}
		have, err := readKeys(l.opts)
		return proof.KeyChange{Origin: l.origin, What: proof.KeyRetired, Old: s.vkeys[0], New: s.vkeys[1], Size: l.Head().Size}, have, err
	})
	if err != nil {
		return "", err
	}
	l.changingKey.Lock()
	defer l.changingKey.Unlock()
	return change, l.tidyKeys(l.signing.Load())
}

// changeKey records the change that next says, and signs accordingly from that record
// on.
func (l *Ledger) changeKey(ctx context.Context, next func(*signing) (proof.KeyChange, map[string]note.Signer, error)) (string, error) {
	l.changingKey.Lock()
	defer l.changingKey.Unlock()
	before := l.signing.Load()
	c, have, err := next(before)
	if err != nil {
		return "", fmt.Errorf("changing the signing key: %w", err)
	}
	signers := signing{vkeys: []string{c.Old, c.New}}
	if err := signers.arm(have); err != nil {
		return "", fmt.Errorf("changing the signing key: %w", err)
	}
	change, err := c.Sign(signers.signers[0], signers.signers[1])
	if err != nil {
		return "", err
	}
	after, err := before.after(change, c, have)
	if err != nil {
		return "", err
	}
	ev := l.own(&events.KeyChanged{Key: c.New, Note: string(change)}, "ledger.key.added", fmt.Sprintf("key-added-%d", len(after.changes)))
	if c.What == proof.KeyRetired {
		ev = l.own(&events.KeyChanged{Key: c.Old, Note: string(change)}, "ledger.key.retired", fmt.Sprintf("key-retired-%d", len(after.changes)))
	}
	if err := ev.Validate(events.TimeOf(l.opts.Now())); err != nil {
		return "", err
	}
	req, err := l.prepare([]events.Event{ev})
	if err != nil {
		return "", err
	}
	req.drafts[0].signing = after
	_, err = l.submit(ctx, req)
	return string(change), err
}

// tidyKeys puts the key that is in force alone in the place of the one that is
// retired. Done before, it does nothing.
func (l *Ledger) tidyKeys(s *signing) error {
	if len(s.vkeys) > 1 {
		return nil
	}
	held, _, err := readKeyFile(l.opts.FS, l.opts.KeyFile)
	if err == nil && held == s.vkeys[0] {
		return nil
	}
	if err := l.opts.FS.Rename(nextKeyFile(l.opts), l.opts.KeyFile); err != nil {
		return fmt.Errorf("putting the new signing key in the place of the old: %w", err)
	}
	return syncDir(l.opts.FS, l.opts.FS.PathDir(l.opts.KeyFile))
}

// nextKeyFile is where a new key waits until the old one is retired.
func nextKeyFile(o Options) string { return o.KeyFile + ".next" }

// makeKey writes a new signing key to a file, durably, unless it is there.
func makeKey(fs vfs.FS, file, origin string) error {
	if _, err := fs.Stat(file); err == nil {
		return syncDir(fs, fs.PathDir(file)) // an earlier attempt may have failed to
	}
	skey, _, err := note.GenerateKey(rand.Reader, origin)
	if err != nil {
		return err
	}
	if err := makeDir(fs, fs.PathDir(file)); err != nil {
		return err
	}
	return writeSecretFile(fs, file, []byte(skey+"\n"))
}

// createKey reads the signing key of a new ledger, or makes one if there is none.
func createKey(o Options) (*signing, error) {
	if err := makeKey(o.FS, o.KeyFile, o.Origin); err != nil {
		return nil, err
	}
	vkey, signer, err := readKeyFile(o.FS, o.KeyFile)
	if err != nil {
		return nil, err
	}
	keys, err := proof.NewKeys(vkey)
	return &signing{signers: []note.Signer{signer}, vkeys: []string{vkey}, keys: keys}, err
}

// readKeys reads the signing keys that are there, by verifier key.
func readKeys(o Options) (map[string]note.Signer, error) {
	have := make(map[string]note.Signer)
	vkey, signer, err := readKeyFile(o.FS, o.KeyFile)
	if err != nil {
		return nil, fmt.Errorf("%w; put the ledger's key there, or name it with --key-file", err)
	}
	have[vkey] = signer
	vkey, signer, err = readKeyFile(o.FS, nextKeyFile(o))
	if errors.Is(err, errNotExist) {
		return have, nil
	}
	have[vkey] = signer
	return have, err
}

func readKeyFile(fs vfs.FS, file string) (vkey string, signer note.Signer, err error) {
	b, err := readFile(fs, file)
	if err != nil {
		return "", nil, fmt.Errorf("reading the signing key: %w", err)
	}
	if signer, vkey, err = parseKey(b); err != nil {
		return "", nil, fmt.Errorf("reading the signing key %s: %w", file, err)
	}
	return vkey, signer, nil
}

// armed reads the signing keys and refuses to go on without those that are in force.
func (l *Ledger) armed(s *signing) error {
	have, err := readKeys(l.opts)
	if err != nil {
		return err
	}
	for _, file := range []string{l.opts.KeyFile, nextKeyFile(l.opts)} {
		if readableByOthers(l.opts.FS, file) {
			l.opts.Logger.Warn("others than the ledger's user may read its signing key, and sign a second history", "file", file, "fix", "chmod go= "+file)
		}
	}
	missing := (*missingKeyError)(nil)
	if err := s.arm(have); errors.As(err, &missing) {
		var there []string
		for vkey := range have {
			there = append(there, vkey)
		}
		slices.Sort(there)
		return fmt.Errorf("the signing key %s is %s, but the ledger's is %s", l.opts.KeyFile, strings.Join(there, " and "), missing.vkey)
	}
	return nil
}

// parseKey reads a note signing key and derives its verifier key. The private
// form is PRIVATE+KEY+name+hash+base64(algorithm ‖ Ed25519 seed).
func parseKey(b []byte) (note.Signer, string, error) {
	skey := strings.TrimSpace(string(b))
	signer, err := note.NewSigner(skey)
	if err != nil {
		return nil, "", err
	}
	raw, err := base64.StdEncoding.DecodeString(strings.SplitN(skey, "+", 5)[4])
	if err != nil || len(raw) != 1+ed25519.SeedSize {
		return nil, "", errors.New("not an Ed25519 note key")
	}
	pub := ed25519.NewKeyFromSeed(raw[1:]).Public().(ed25519.PublicKey)
	vkey, err := note.NewEd25519VerifierKey(signer.Name(), pub)
	return signer, vkey, err
}
