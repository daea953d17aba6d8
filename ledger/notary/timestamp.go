package notary

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"fmt"
	"io"
	"math/big"
	"mime"
	"net/http"
	"time"

	"github.com/digitorus/timestamp"

	"ledgerline/events"
	"ledgerline/ledger/proof/evidence"
)

// An Authority is an RFC 3161 timestamping authority, spoken to over HTTP (RFC
// 3161 section 3.4).
type Authority struct {
	URL string
	// Roots are the certificates its chain has to end in; nil checks the signature
	// of the token and leaves the chain to those who check it later.
	Roots *x509.CertPool
}

// maxNonce bounds the nonces: 64 bits, which all authorities take.
var maxNonce = new(big.Int).Lsh(big.NewInt(1), 64)

// Stamp has data timestamped. It returns the response as the authority sent it, and
// the time in it, after checking that it is about this data and this request.
func (a *Authority) Stamp(ctx context.Context, c *http.Client, data []byte) (response []byte, at time.Time, err error) {
	nonce, err := rand.Int(rand.Reader, maxNonce)
	if err != nil {
		return nil, at, err
	}
	digest := sha256.Sum256(data)
	request, err := (&timestamp.Request{HashAlgorithm: crypto.SHA256, HashedMessage: digest[:], Certificates: true, Nonce: nonce}).Marshal()
	if err != nil {
		return nil, at, fmt.Errorf("asking for a timestamp: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, a.URL, bytes.NewReader(request))
	if err != nil {
		return nil, at, fmt.Errorf("asking for a timestamp: %w", err)
	}
	req.Header.Set("Content-Type", "application/timestamp-query")
	res, err := c.Do(req)
	if err != nil {
		return nil, at, fmt.Errorf("asking for a timestamp: %w", err)
	}
	defer res.Body.Close()
	response, err = io.ReadAll(io.LimitReader(res.Body, events.MaxTimestamp+1))
	switch media, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type")); {
	case err != nil:
		return nil, at, fmt.Errorf("reading a timestamp of %s: %w", a.URL, err)
	case res.StatusCode != http.StatusOK:
		return nil, at, fmt.Errorf("%s answered %s", a.URL, res.Status)
	case media != "application/timestamp-reply":
		return nil, at, fmt.Errorf("%s answered with %q, not with a timestamp", a.URL, media)
	case len(response) > events.MaxTimestamp:
		return nil, at, fmt.Errorf("the timestamp of %s is longer than %d bytes", a.URL, events.MaxTimestamp)
	}
	token, err := evidence.CheckTimestamp(response, data, a.Roots)
	if err != nil {
		return nil, at, fmt.Errorf("the timestamp of %s: %w", a.URL, err)
	}
	if token.Nonce == nil || token.Nonce.Cmp(nonce) != 0 {
		return nil, at, fmt.Errorf("the timestamp of %s answers another request", a.URL)
	}
	return response, token.Time, nil
}
