package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// selfSigned writes a certificate for 127.0.0.1 and its key, and returns it. The
// files bear the time at, so that one that follows another is seen to.
func selfSigned(t *testing.T, dir string, serial int64, at time.Time) *x509.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "ledger.example"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{"cert.pem": {Type: "CERTIFICATE", Bytes: der}, "key.pem": {Type: "PRIVATE KEY", Bytes: private}} {
		put(t, filepath.Join(dir, name), pem.EncodeToMemory(block), at)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

func put(t *testing.T, path string, b []byte, at time.Time) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, at, at); err != nil {
		t.Fatal(err)
	}
}

// TestCertificateReload serves HTTPS over a change of the certificate, and over one
// that is broken.
func TestCertificateReload(t *testing.T) {
	dir := t.TempDir()
	led := filepath.Join(dir, "led")
	command(t, "init", "--dir", led, "--origin", "ledger.example/tls")
	now := time.Now().Add(-time.Hour)
	first := selfSigned(t, dir, 1, now)
	s, err := startServer("", os.Environ(), "serve", "--dir", led, "--addr", "127.0.0.1:0",
		"--tls-cert", filepath.Join(dir, "cert.pem"), "--tls-key", filepath.Join(dir, "key.pem"))
	if err != nil {
		t.Fatal(err)
	}
	serial := func(trusted *x509.Certificate) int64 {
		t.Helper()
		roots := x509.NewCertPool()
		roots.AddCert(trusted)
		c := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true}}
		defer c.CloseIdleConnections()
		res, err := c.Get(s.url + "/healthz")
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		if res.StatusCode != http.StatusOK || res.ProtoMajor != 2 || res.TLS.Version < tls.VersionTLS12 {
			t.Errorf("%s over %s, TLS %x", res.Status, res.Proto, res.TLS.Version)
		}
		return res.TLS.PeerCertificates[0].SerialNumber.Int64()
	}
	if !strings.HasPrefix(s.url, "https://") || serial(first) != 1 {
		t.Errorf("serves %s", s.url)
	}
	second := selfSigned(t, dir, 2, now.Add(time.Minute))
	if got := serial(second); got != 2 {
		t.Errorf("after the change: certificate %d", got)
	}
	put(t, filepath.Join(dir, "cert.pem"), []byte("no certificate"), now.Add(2*time.Minute))
	if err := s.cmd.Process.Signal(syscall.SIGHUP); err != nil { // it lives on
		t.Fatal(err)
	}
	if got := serial(second); got != 2 {
		t.Errorf("with a broken file: certificate %d", got)
	}
	if err := s.end(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if said := s.stderr.String(); !strings.Contains(said, "the old one stays") || !strings.Contains(said, "the certificate expires soon") || strings.Contains(said, "PRIVATE") {
		t.Errorf("the log says:\n%s", said)
	}
}

// TestReadyToServiceManager: a service manager that asks for it is told when the server
// answers, and not before.
func TestReadyToServiceManager(t *testing.T) {
	dir := t.TempDir()
	led, socket := filepath.Join(dir, "led"), filepath.Join(dir, "notify")
	command(t, "init", "--dir", led, "--origin", "ledger.example/ready")
	told, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer told.Close()
	s, err := startServer("", append(os.Environ(), "NOTIFY_SOCKET="+socket), "serve", "--dir", led, "--addr", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 100)
	told.SetReadDeadline(time.Now().Add(time.Minute))
	n, err := told.Read(b)
	if got := string(b[:n]); err != nil || got != "READY=1" {
		t.Errorf("it is told %q, %v", got, err)
	}
	if res, err := http.Get(s.url + "/readyz"); err != nil || res.Body.Close() != nil || res.StatusCode != http.StatusOK {
		t.Errorf("it is ready: %v %v", res, err)
	}
	if err := s.end(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if said := s.stderr.String(); strings.Contains(said, "service manager") {
		t.Errorf("the log says:\n%s", said)
	}
}

// TestCertificateAgain: a pair that cannot be used is told of once, and again to whoever asks
// for the files to be read; that it is the same as before is no news.
func TestCertificateAgain(t *testing.T) {
	dir, at := t.TempDir(), time.Now().Add(-time.Hour)
	selfSigned(t, dir, 1, at)
	var log bytes.Buffer
	c := &certificates{tlsFiles: tlsFiles{Cert: filepath.Join(dir, "cert.pem"), Key: filepath.Join(dir, "key.pem")}, logger: slog.New(slog.NewTextHandler(&log, nil))}
	if err := c.reload(); err != nil {
		t.Fatal(err)
	}
	c.again()
	if strings.Contains(log.String(), "a new certificate") {
		t.Errorf("of the same files it says:\n%s", log.String())
	}
	put(t, c.Cert, []byte("no certificate"), at.Add(time.Minute))
	for _, step := range []struct {
		look func()
		told int
	}{{func() { c.current() }, 1}, {func() { c.current() }, 1}, {c.again, 2}} {
		step.look()
		if n := strings.Count(log.String(), "the old one stays"); n != step.told {
			t.Errorf("told %d times, want %d:\n%s", n, step.told, log.String())
		}
	}
	selfSigned(t, dir, 2, at.Add(time.Minute)) // at the very time of the file that was broken
	c.again()
	if c.current().Leaf.SerialNumber.Int64() != 2 || !strings.Contains(log.String(), "a new certificate is in use") {
		t.Errorf("the new pair is not used:\n%s", log.String())
	}
}

// TestCertificateEnds: what clients will refuse is told of in time, and not with each of
// their tries.
func TestCertificateEnds(t *testing.T) {
	now := time.Date(2026, 1, 8, 9, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		from, to time.Time
		says     string
	}{
		"good":     {now.Add(-time.Hour), now.Add(endsSoon + time.Hour), ""},
		"soon":     {now.Add(-time.Hour), now.Add(endsSoon - time.Hour), "level=WARN msg=\"the certificate expires soon"},
		"expired":  {now.Add(-2 * time.Hour), now.Add(-time.Hour), "level=ERROR msg=\"the certificate has expired"},
		"too soon": {now.Add(time.Hour), now.Add(2 * time.Hour), "level=ERROR msg=\"the certificate is not valid yet"},
	} {
		var log strings.Builder
		certs := &certificates{logger: slog.New(slog.NewTextHandler(&log, nil)), pair: &tls.Certificate{Leaf: &x509.Certificate{NotBefore: c.from, NotAfter: c.to}}}
		for _, at := range []time.Time{now, now.Add(time.Minute), now.Add(tellEvery / 2)} {
			certs.tell(at)
		}
		want := 1
		if c.says == "" {
			want = 0
		}
		if got := log.String(); strings.Count(got, "\n") != want || !strings.Contains(got, c.says) {
			t.Errorf("%s: the log says %q", name, got)
		}
	}
	if (*certificates)(nil).expires() != (time.Time{}) {
		t.Error("what is not there expires")
	}
}
