package relay

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"ledgerline/events"
)

// webhook carries committed events to a URL.
func (rs *Relays) webhook(ctx context.Context, r *relay, router *message.Router, w Webhook) error {
	to := &poster{secrets: w.SecretFile, now: time.Now, client: &http.Client{
		Timeout: 20 * time.Second, // Standard Webhooks: 15 to 30 s
		// The signature is for the receiver, not for whom it points to.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	return rs.follow(ctx, r, router, w.Outgoing, to, func(string) string { return w.URL })
}

// poster is a Watermill publisher that posts messages as Standard Webhooks
// (https://www.standardwebhooks.com) says: webhook-id is the UUID of the message, the
// same whenever it is sent again; webhook-signature is by every secret.
type poster struct {
	client  *http.Client
	secrets string // the file
	now     func() time.Time
}

// Publish implements message.Publisher; the topic is the URL. A message was taken
// if the answer is 2xx. 410 says that nobody wants more, and is a *stopError.
func (p *poster) Publish(topic string, messages ...*message.Message) error {
	for _, m := range messages {
		if err := p.post(topic, m); err != nil {
			return err
		}
	}
	return nil
}

func (p *poster) post(to string, m *message.Message) (err error) {
	secrets, err := readSecrets(p.secrets)
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(m.Context(), http.MethodPost, to, bytes.NewReader(m.Payload))
	if err != nil {
		return withoutURL("its address", err)
	}
	at := strconv.FormatInt(p.now().Unix(), 10)
	r.Header.Set("Content-Type", events.MediaTypeStructured)
	r.Header.Set("User-Agent", "ledgerline")
	r.Header.Set("webhook-id", m.UUID)
	r.Header.Set("webhook-timestamp", at)
	r.Header.Set("webhook-signature", signatures(secrets, m.UUID, at, m.Payload))
	if t := m.Metadata.Get("traceparent"); t != "" {
		r.Header.Set("traceparent", t)
	}
	res, err := p.client.Do(r)
	if err != nil {
		return withoutURL(r.URL.Host, err)
	}
	defer func() { err = errors.Join(err, res.Body.Close()) }()
	if _, err := io.CopyN(io.Discard, res.Body, 64<<10); err != nil && err != io.EOF {
		return fmt.Errorf("reading the answer of %s: %w", r.URL.Host, err)
	}
	switch {
	case res.StatusCode/100 == 2:
		return nil
	case res.StatusCode == http.StatusGone:
		return &stopError{fmt.Errorf("%s answers 410: nobody wants its messages any more; remove the webhook, or set the receiver right", r.URL.Host)}
	}
	return fmt.Errorf("%s answers %s; it has to take every message with 2xx", r.URL.Host, res.Status)
}

// withoutURL is an error of the HTTP client that names the host alone: the rest of the
// address of a webhook is often a secret, and the error is logged and shown.
func withoutURL(host string, err error) error {
	if asked := (*url.Error)(nil); errors.As(err, &asked) {
		return fmt.Errorf("%s: %w", host, asked.Err)
	}
	return err
}

// Close implements message.Publisher.
func (p *poster) Close() error {
	p.client.CloseIdleConnections()
	return nil
}

// signatures signs "id.timestamp.body" with HMAC-SHA256 under each secret.
func signatures(secrets [][]byte, id, at string, body []byte) string {
	list := make([]string, len(secrets))
	for i, secret := range secrets {
		mac := hmac.New(sha256.New, secret)
		mac.Write([]byte(id + "." + at + "."))
		mac.Write(body)
		list[i] = "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	}
	return strings.Join(list, " ")
}

// readSecrets reads the secrets of a webhook. The error shows none of them.
func readSecrets(file string) ([][]byte, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("secret-file: %w; make one with: echo whsec_$(openssl rand -base64 32)", err)
	}
	var secrets [][]byte
	for i, line := range strings.Split(string(text), "\n") {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		encoded, ok := strings.CutPrefix(line, "whsec_")
		secret, err := base64.StdEncoding.DecodeString(encoded)
		if !ok || err != nil || len(secret) < 24 || len(secret) > 64 {
			return nil, fmt.Errorf("secret-file %s, line %d: want whsec_ and base64 of 24 to 64 bytes", file, i+1)
		}
		secrets = append(secrets, secret)
	}
	if len(secrets) == 0 {
		return nil, fmt.Errorf("secret-file %s holds no secret", file)
	}
	return secrets, nil
}
