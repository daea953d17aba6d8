package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"slices"
	"sync"
	"syscall"
	"time"
)

// tlsFiles say how a server that others can reach is protected.
type tlsFiles struct {
	Cert string `toml:"cert" usage:"certificate chain (PEM) to serve HTTPS with; read again when the file changes"`
	Key  string `toml:"key" usage:"private key (PEM) of the certificate"`
}

// checkExposure refuses to let other machines reach a server in the clear, or one
// that lets everybody do everything.
func (c *config) checkExposure() error {
	at, err := net.ResolveTCPAddr("tcp", c.Addr)
	if err != nil {
		return usage("--addr %s: %w", c.Addr, err)
	}
	switch {
	case at.IP.IsLoopback():
		return nil
	case c.Dev:
		return cannot("leave out --dev and make tokens: ledgerline token create", "other machines can reach %s, and --dev lets everybody write", c.Addr)
	case c.TLS.Cert == "" && !c.BehindProxy:
		return cannot("give --tls-cert and --tls-key, or --behind-proxy if a proxy ends TLS in front of it, or listen on 127.0.0.1",
			"other machines can reach %s, and tokens would go there in the clear", c.Addr)
	}
	return nil
}

// certificates serves the key pair of two files, and the new one when they change.
type certificates struct {
	tlsFiles
	logger *slog.Logger

	mu    sync.Mutex
	pair  *tls.Certificate
	tried [2]time.Time // when the files were written that were read last
	told  time.Time    // when it was told last that the certificate ends
}

// certificates reads the pair; nil if there is none.
func (c *config) certificates(logger *slog.Logger) (*certificates, error) {
	if c.TLS == (tlsFiles{}) {
		return nil, nil
	}
	if c.TLS.Cert == "" || c.TLS.Key == "" {
		return nil, usage("--tls-cert and --tls-key are given together")
	}
	certs := &certificates{tlsFiles: c.TLS, logger: logger}
	if err := certs.reload(); err != nil {
		return nil, cannot("give a certificate chain and its private key, both in PEM", "reading the certificate: %w", err)
	}
	return certs, nil
}

// reload reads the files if they are not those already read.
func (c *certificates) reload() error {
	var written [2]time.Time
	for i, file := range []string{c.Cert, c.Key} {
		info, err := os.Stat(file)
		if err != nil {
			return err
		}
		written[i] = info.ModTime()
	}
	if written == c.tried {
		return nil
	}
	c.tried = written
	pair, err := tls.LoadX509KeyPair(c.Cert, c.Key)
	if err != nil {
		return err
	}
	if c.pair != nil && !slices.EqualFunc(c.pair.Certificate, pair.Certificate, bytes.Equal) {
		c.logger.Info("a new certificate is in use", "file", c.Cert)
	}
	c.pair, c.told = &pair, time.Time{}
	c.tell(time.Now())
	return nil
}

// A certificate that ends is told of this long before, and this often.
const (
	endsSoon  = 14 * 24 * time.Hour
	tellEvery = time.Hour
)

// tell logs that clients refuse the certificate, or will soon. It is served all the same:
// without it nobody could ask at all.
func (c *certificates) tell(now time.Time) {
	leaf := c.pair.Leaf
	if leaf == nil || now.Sub(c.told) < tellEvery {
		return
	}
	const fix = "put a new one in its place: it is read when the file changes"
	switch {
	case now.After(leaf.NotAfter):
		c.logger.Error("the certificate has expired, and clients refuse it; "+fix, "file", c.Cert, "expired", leaf.NotAfter)
	case now.Before(leaf.NotBefore):
		c.logger.Error("the certificate is not valid yet, and clients refuse it; see whether the clock is right", "file", c.Cert, "valid", leaf.NotBefore)
	case leaf.NotAfter.Sub(now) < endsSoon:
		c.logger.Warn("the certificate expires soon; "+fix, "file", c.Cert, "expires", leaf.NotAfter)
	default:
		return
	}
	c.told = now
}

// expires is when the certificate does; zero if there is none.
func (c *certificates) expires() time.Time {
	if c == nil {
		return time.Time{}
	}
	if pair := c.current(); pair != nil && pair.Leaf != nil {
		return pair.Leaf.NotAfter
	}
	return time.Time{}
}

// current is the pair to use now. One that cannot be read does not replace one that
// works: the files are written one after the other.
func (c *certificates) current() *tls.Certificate {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.reload(); err != nil {
		c.logger.Error("the new certificate cannot be used; the old one stays", "error", err)
	}
	if c.pair != nil {
		c.tell(time.Now())
	}
	return c.pair
}

// again reads the files whether they changed or not: who asks for it is told what is still
// wrong with them.
func (c *certificates) again() {
	c.mu.Lock()
	c.tried = [2]time.Time{}
	c.mu.Unlock()
	c.current()
}

// tls is the configuration of a server; nil if there is no certificate.
func (c *certificates) tls() *tls.Config {
	if c == nil {
		return nil
	}
	get := func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
		if pair := c.current(); pair != nil {
			return pair, nil
		}
		return nil, errors.New("there is no certificate")
	}
	return &tls.Config{GetCertificate: get, MinVersion: tls.VersionTLS12}
}

// onHangup looks after changed files when the process is told to (SIGHUP), until ctx
// ends. They are looked after whenever they are needed, so that this only tells at
// once what is wrong with them.
func onHangup(ctx context.Context, reload func()) {
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	go func() {
		defer signal.Stop(hup)
		for {
			select {
			case <-hup:
				reload()
			case <-ctx.Done():
				return
			}
		}
	}()
}
