package notary

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/transparency-dev/formats/witness"
	"golang.org/x/mod/sumdb/note"

	"ledgerline/events"
	"ledgerline/ledger"
)

// A Policy says which witnesses are asked, and whose cosignatures are enough. Its
// text form is that of C2SP tlog-policy: lines "witness NAME VKEY URL", "group NAME
// N MEMBER…" and "quorum NAME".
type Policy struct {
	group     witness.Group
	witnesses []policyWitness
	text      []byte
}

type policyWitness struct {
	url string // where checkpoints are added
	key note.Verifier
}

// ParsePolicy reads a policy.
func ParsePolicy(text []byte) (*Policy, error) {
	group, err := witness.ParsePolicy(text)
	if err != nil {
		return nil, fmt.Errorf("reading the witness policy: %w", err)
	}
	p := &Policy{group: group, text: slices.Clone(text)}
	for at, key := range group.Endpoints() {
		u, err := url.Parse(at)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			return nil, fmt.Errorf("reading the witness policy: %s: the address %q is not a URL", key.Name(), at)
		}
		p.witnesses = append(p.witnesses, policyWitness{at, key})
	}
	if len(p.witnesses) == 0 {
		return nil, errors.New("reading the witness policy: its quorum names no witness")
	}
	slices.SortFunc(p.witnesses, func(a, b policyWitness) int { return strings.Compare(a.key.Name(), b.key.Name()) })
	return p, nil
}

// Text is the policy as it was read; nil for no policy.
func (p *Policy) Text() []byte {
	if p == nil {
		return nil
	}
	return p.text
}

// Satisfied reports whether a checkpoint bears the cosignatures the policy asks for.
func (p *Policy) Satisfied(checkpoint []byte) bool { return p.group.Satisfied(checkpoint) }

// WitnessStatus says how one witness is doing.
type WitnessStatus struct {
	Name string `json:"name"`
	URL  string `json:"url"`
	// Size is that of the last head it cosigned, or said to know; 0 before the first.
	Size int64 `json:"size"`
	// Ahead is set if it knows a larger log than this one: records were lost here, or
	// an old copy was restored.
	Ahead bool `json:"ahead,omitzero"`
	// Failures counts those since the last success; Error is the last of them.
	Failures int    `json:"failures"`
	Error    string `json:"error,omitzero"`
}

// CosignedStatus is the newest head whose cosignatures met the policy.
type CosignedStatus struct {
	Size int64       `json:"size"`
	Time events.Time `json:"time"` // by this machine's clock
}

// An aheadError says that a witness has cosigned more records than there are here.
type aheadError struct{ theirs, ours int64 }

func (e *aheadError) Error() string {
	return fmt.Sprintf("the witness has cosigned %d records, and here are %d: records were lost, or an old copy was restored; do not append before it is known what happened", e.theirs, e.ours)
}

// cosigning publishes heads with the cosignatures of the witnesses, as the log grows.
func (n *Notary) cosigning(ctx context.Context) {
	head := ledger.Head{}
	for {
		next, err := n.o.Ledger.Next(ctx, head)
		if err != nil {
			return
		}
		head = next
		if _, err := n.CosignNow(ctx); err != nil && ctx.Err() == nil {
			n.o.Logger.Warn("a head was published without enough cosignatures; appends go on", "error", err)
		}
		if !sleep(ctx, n.o.CosignEvery) {
			return
		}
	}
}

// CosignNow asks all witnesses to cosign the durable head, and publishes it with the
// cosignatures that came within the timeout. The error says which did not if the
// policy is not met.
func (n *Notary) CosignNow(ctx context.Context) (checkpoint []byte, err error) {
	head := n.o.Ledger.Head()
	asked, cancel := context.WithTimeout(ctx, n.o.Timeout)
	defer cancel()
	lines := make([][]byte, len(n.o.Policy.witnesses))
	errs := make([]error, len(lines))
	var wg sync.WaitGroup
	for i := range lines {
		wg.Go(func() { lines[i], errs[i] = n.cosign(asked, i, head) })
	}
	wg.Wait()
	checkpoint = slices.Clone(head.Checkpoint)
	for i, line := range lines {
		checkpoint = append(checkpoint, line...)
		n.note(i, head, errs[i])
	}
	if len(checkpoint) > len(head.Checkpoint) {
		if err := n.o.Ledger.KeepCosigned(head, checkpoint); err != nil {
			return nil, err
		}
	}
	if err := n.o.Ledger.Publish(head, checkpoint); err != nil {
		return nil, err
	}
	if !n.o.Policy.Satisfied(checkpoint) {
		return checkpoint, fmt.Errorf("the cosignatures of %d records do not meet the policy: %w", head.Size, errors.Join(errs...))
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.status.Cosigned = &CosignedStatus{head.Size, events.TimeOf(n.o.Now())}
	return checkpoint, nil
}

// note keeps what became of asking one witness.
func (n *Notary) note(i int, head ledger.Head, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	s := &n.status.Witnesses[i]
	if err == nil {
		s.Size, s.Ahead, s.Failures, s.Error = head.Size, false, 0, ""
		return
	}
	s.Failures++
	s.Error = err.Error()
	if ahead := (*aheadError)(nil); errors.As(err, &ahead) {
		s.Size, s.Ahead = ahead.theirs, true
		n.o.Logger.Error("a witness knows more records than the book holds", "witness", s.Name, "error", err)
	}
}

// cosign asks one witness for its cosignature of a head, as C2SP tlog-witness says,
// and returns the signature line after checking it.
func (n *Notary) cosign(ctx context.Context, i int, head ledger.Head) ([]byte, error) {
	w := n.o.Policy.witnesses[i]
	n.mu.Lock()
	old := n.status.Witnesses[i].Size
	n.mu.Unlock()
	for range 3 { // it may have seen another size meanwhile, from another instance of us
		if old > head.Size {
			return nil, fmt.Errorf("%s: %w", w.key.Name(), &aheadError{old, head.Size})
		}
		body, err := n.addCheckpoint(old, head)
		if err != nil {
			return nil, err
		}
		answer, known, err := n.ask(ctx, w.url, body)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", w.key.Name(), err)
		}
		if answer == nil {
			old = known
			continue
		}
		line, err := cosignature(head.Checkpoint, answer, w.key)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", w.key.Name(), err)
		}
		return line, nil
	}
	return nil, fmt.Errorf("%s: it changes its mind about how much it has seen", w.key.Name())
}

// addCheckpoint is the body of a request to a witness that has seen old records.
func (n *Notary) addCheckpoint(old int64, head ledger.Head) ([]byte, error) {
	var b bytes.Buffer
	fmt.Fprintf(&b, "old %d\n", old)
	if old > 0 && old < head.Size {
		p, err := n.o.Ledger.ProveConsistency(old, head.Size)
		if err != nil {
			return nil, err
		}
		for _, h := range p.Hashes {
			fmt.Fprintln(&b, base64.StdEncoding.EncodeToString(h[:]))
		}
	}
	b.WriteByte('\n')
	b.Write(head.Checkpoint)
	return b.Bytes(), nil
}

// maxAnswer bounds the answer of a witness: some signature lines.
const maxAnswer = 64 << 10

// ask sends a request to a witness. If the witness has seen another size than the
// request said, the answer is nil, and known is that size.
func (n *Notary) ask(ctx context.Context, url string, body []byte) (answer []byte, known int64, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return nil, 0, err
	}
	res, err := n.o.Client.Do(req)
	if err != nil {
		return nil, 0, err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	if err != nil {
		return nil, 0, err
	}
	switch {
	case len(b) > maxAnswer:
		return nil, 0, fmt.Errorf("its answer is longer than %d bytes", maxAnswer)
	case res.StatusCode == http.StatusOK && len(b) > 0:
		return b, 0, nil
	case res.StatusCode == http.StatusConflict && res.Header.Get("Content-Type") == "text/x.tlog.size":
		text, whole := strings.CutSuffix(string(b), "\n")
		size, err := strconv.ParseInt(text, 10, 64)
		if err != nil || !whole || size < 0 || strconv.FormatInt(size, 10) != text {
			return nil, 0, fmt.Errorf("it has seen another size, and does not say which: %q", b)
		}
		return nil, size, nil
	}
	return nil, 0, fmt.Errorf("it answered %s: %s", res.Status, bytes.TrimSpace(b[:min(len(b), 200)]))
}

// cosignature finds and checks the line of a witness in its answer, which may hold
// others, such as of keys that are to come.
func cosignature(checkpoint, answer []byte, key note.Verifier) ([]byte, error) {
	n, err := note.Open(append(slices.Clone(checkpoint), answer...), note.VerifierList(key))
	if err != nil {
		return nil, fmt.Errorf("its cosignature: %w", err)
	}
	for _, s := range n.Sigs {
		if s.Name == key.Name() && s.Hash == key.KeyHash() {
			return fmt.Appendf(nil, "\u2014 %s %s\n", s.Name, s.Base64), nil
		}
	}
	return nil, errors.New("its answer holds no cosignature of its key")
}

// seen reads from the newest cosigned checkpoint what each witness has seen, so that
// after a restart it is not asked about the whole log again.
func (n *Notary) seen() error {
	signed, size, err := n.o.Ledger.Cosigned()
	if err != nil || signed == nil {
		return err
	}
	for i, w := range n.o.Policy.witnesses {
		if _, err := note.Open(signed, note.VerifierList(w.key)); err == nil {
			n.status.Witnesses[i].Size = size
		}
	}
	return nil
}

// defaultCosignEvery is how often heads are cosigned at most.
const defaultCosignEvery = 2 * time.Second
