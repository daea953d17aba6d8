package api

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// A Token is what the server keeps about a bearer token: enough to recognise
// it, not enough to use it.
type Token struct {
	ID        string   `json:"id"`
	Principal string   `json:"principal"`
	SHA256    string   `json:"sha256"` // of the token's text, hex
	Roles     []Role   `json:"roles"`
	Parties   []string `json:"parties,omitzero"`
	Regions   []string `json:"regions,omitzero"`
	// ReadParties, ReadRegions and Withhold are those of Principal.
	ReadParties []string  `json:"read_parties,omitzero"`
	ReadRegions []string  `json:"read_regions,omitzero"`
	Withhold    []string  `json:"withhold,omitzero"`
	Created     time.Time `json:"created"`
	// Expires is when the token stops working; zero means never.
	Expires time.Time `json:"expires,omitzero"`
}

// principal is whom the token stands for.
func (t Token) principal() Principal {
	return Principal{
		Name: t.Principal, Roles: t.Roles, Parties: t.Parties, Regions: t.Regions, ReadParties: t.ReadParties, ReadRegions: t.ReadRegions,
		Withhold: t.Withhold,
	}
}

const tokenPrefix = "llt_"

// oidcPrefix begins the names of principals that an identity provider vouches for,
// so that no token can stand for one of them.
const oidcPrefix = "oidc:"

// NewToken mints a token for a principal. The text is shown once and kept by
// its holder alone; the Token is what goes into the file.
//
// The text is "llt_" + id + "_" + base64url(32 random bytes + CRC-32). The
// prefix lets scanners find a leaked token, the checksum lets them, and us, tell
// a token from a typing error.
func NewToken(p Principal, created, expires time.Time) (text string, t Token, err error) {
	if err := p.check(); err != nil {
		return "", Token{}, err
	}
	if strings.HasPrefix(p.Name, oidcPrefix) {
		return "", Token{}, fmt.Errorf("names that begin with %s are those of an identity provider", oidcPrefix)
	}
	var random [8 + 32]byte
	rand.Read(random[:]) // never fails
	id := hex.EncodeToString(random[:8])
	text = tokenText(id, random[8:])
	sum := sha256.Sum256([]byte(text))
	return text, Token{
		ID: id, Principal: p.Name, SHA256: hex.EncodeToString(sum[:]),
		Roles: slices.Clone(p.Roles), Parties: slices.Clone(p.Parties), Regions: slices.Clone(p.Regions),
		ReadParties: slices.Clone(p.ReadParties), ReadRegions: slices.Clone(p.ReadRegions), Withhold: slices.Clone(p.Withhold),
		Created: created.UTC().Truncate(time.Second), Expires: expires.UTC().Truncate(time.Second),
	}, nil
}

func tokenText(id string, secret []byte) string {
	crc := crc32.ChecksumIEEE(append([]byte(tokenPrefix+id+"_"), secret...))
	return tokenPrefix + id + "_" + base64.RawURLEncoding.EncodeToString(binary.BigEndian.AppendUint32(slices.Clone(secret), crc))
}

// tokenID returns the id inside a token's text, if the text is well formed.
func tokenID(text string) (id string, ok bool) {
	rest, ok := strings.CutPrefix(text, tokenPrefix)
	if !ok {
		return "", false
	}
	id, encoded, ok := strings.Cut(rest, "_")
	raw, err := base64.RawURLEncoding.Strict().DecodeString(encoded)
	if !ok || err != nil || len(raw) != 32+4 {
		return "", false
	}
	return id, tokenText(id, raw[:32]) == text
}

// Tokens is a file of tokens, read again whenever it changes, so that a token
// granted or revoked on the command line counts at once.
type Tokens struct {
	path string

	mu   sync.Mutex
	seen fs.FileInfo // the file the list was read from; nil: there was none
	list []Token
}

// LoadTokens opens a file of tokens, a JSON list. A missing file is an empty
// list. A file that others than its owner can open is refused.
func LoadTokens(path string) (*Tokens, error) {
	t := &Tokens{path: path}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t, t.reload()
}

// reload reads the file if it is not the one already read. On an error nothing
// is valid: an unreadable list must not keep a revoked token alive.
func (t *Tokens) reload() error {
	info, err := os.Stat(t.path)
	if errors.Is(err, fs.ErrNotExist) {
		t.seen, t.list = nil, nil
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading the tokens: %w", err)
	}
	if t.seen != nil && os.SameFile(info, t.seen) && info.ModTime().Equal(t.seen.ModTime()) && info.Size() == t.seen.Size() && info.Mode() == t.seen.Mode() {
		return nil
	}
	t.seen, t.list = nil, nil
	if info.Mode().Perm()&0o077 != 0 {
		return fmt.Errorf("reading the tokens: %s can be opened by others (mode %o); run: chmod 600 %s", t.path, info.Mode().Perm(), t.path)
	}
	b, err := os.ReadFile(t.path)
	if err != nil {
		return fmt.Errorf("reading the tokens: %w", err)
	}
	var list []Token
	if err := json.Unmarshal(b, &list, json.RejectUnknownMembers(true)); err != nil {
		return fmt.Errorf("reading the tokens in %s: %w", t.path, err)
	}
	if err := checkTokens(list); err != nil {
		return fmt.Errorf("reading the tokens in %s: %w", t.path, err)
	}
	t.seen, t.list = info, list
	return nil
}

// checkTokens refuses a list that grants what nobody may hold.
func checkTokens(list []Token) error {
	held := map[string]Principal{} // by name, over all tokens
	for i, tok := range list {
		if sum, err := hex.DecodeString(tok.SHA256); err != nil || len(sum) != sha256.Size || tok.ID == "" || tok.Principal == "" {
			return fmt.Errorf("entry %d lacks an id, a principal or a SHA-256", i)
		}
		if err := tok.principal().check(); err != nil {
			return fmt.Errorf("token %s of %s: %w", tok.ID, tok.Principal, err)
		}
		all := held[tok.Principal]
		all.Roles = append(all.Roles, tok.Roles...)
		if held[tok.Principal] = all; all.has([]Role{RoleAdmin}) && all.has([]Role{RoleAuditor}) {
			return fmt.Errorf("the tokens of %s: %w", tok.Principal, errApart)
		}
	}
	return nil
}

// Reload reads the file, whether it has changed, as every Check looks, or not: whether it
// can still be opened is not seen from outside.
func (t *Tokens) Reload() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.seen = nil
	return t.reload()
}

// errBadToken is all a caller learns about a token that does not work.
var errBadToken = errors.New("the token is not known, or has expired or been revoked")

// Check returns the token whose text this is, if it is valid at the time.
func (t *Tokens) Check(text string, now time.Time) (Token, error) {
	id, ok := tokenID(text)
	if !ok {
		return Token{}, errBadToken
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.reload(); err != nil {
		return Token{}, err
	}
	i := slices.IndexFunc(t.list, func(x Token) bool { return x.ID == id })
	if i < 0 {
		return Token{}, errBadToken
	}
	tok := t.list[i]
	sum := sha256.Sum256([]byte(text))
	if subtle.ConstantTimeCompare([]byte(hex.EncodeToString(sum[:])), []byte(tok.SHA256)) != 1 {
		return Token{}, errBadToken
	}
	if !tok.Expires.IsZero() && !now.Before(tok.Expires) {
		return Token{}, errBadToken
	}
	return tok, nil
}

// Still returns the token of the same id and secret as it is now, if it is still there and
// valid at the time.
func (t *Tokens) Still(old Token, now time.Time) (Token, bool, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.reload(); err != nil {
		return Token{}, false, err
	}
	i := slices.IndexFunc(t.list, func(x Token) bool { return x.ID == old.ID && x.SHA256 == old.SHA256 && x.Principal == old.Principal })
	if i < 0 || !t.list[i].Expires.IsZero() && !now.Before(t.list[i].Expires) {
		return Token{}, false, nil
	}
	return t.list[i], true, nil
}

// List returns the tokens in the order in which they were added.
func (t *Tokens) List() ([]Token, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.reload(); err != nil {
		return nil, err
	}
	return slices.Clone(t.list), nil
}

// Add writes a further token into the file.
func (t *Tokens) Add(tok Token) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.reload(); err != nil {
		return err
	}
	return t.write(append(slices.Clone(t.list), tok))
}

// Revoke removes a token from the file; false if it was not there.
func (t *Tokens) Revoke(id string) (bool, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.reload(); err != nil {
		return false, err
	}
	kept := slices.DeleteFunc(slices.Clone(t.list), func(x Token) bool { return x.ID == id })
	if len(kept) == len(t.list) {
		return false, nil
	}
	return true, t.write(kept)
}

// write replaces the file in one step: a reader sees the old list or the new.
func (t *Tokens) write(list []Token) error {
	if err := checkTokens(list); err != nil {
		return fmt.Errorf("writing the tokens: %w", err)
	}
	b, err := json.Marshal(list, jsontext.WithIndent("  "))
	if err != nil {
		return fmt.Errorf("writing the tokens: %w", err)
	}
	dir := filepath.Dir(t.path)
	temp, err := writeTemp(dir, append(b, '\n'))
	if err != nil {
		return fmt.Errorf("writing the tokens: %w", err)
	}
	if err := os.Rename(temp, t.path); err != nil {
		return fmt.Errorf("writing the tokens: %w", errors.Join(err, os.Remove(temp)))
	}
	if err := syncDir(dir); err != nil {
		return fmt.Errorf("writing the tokens: %w", err)
	}
	return t.reload()
}

// writeTemp writes a synced file that only its owner can open.
func writeTemp(dir string, b []byte) (name string, err error) {
	f, err := os.CreateTemp(dir, ".tokens-*")
	if err != nil {
		return "", err
	}
	_, err = f.Write(b)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return "", errors.Join(err, os.Remove(f.Name()))
	}
	return f.Name(), nil
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
