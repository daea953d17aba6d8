package evidence

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"testing"
	"time"

	"github.com/digitorus/pkcs7"
	"github.com/digitorus/timestamp"
)

// TestForgedTimestamp: a token that somebody else signed counts for nothing, whatever
// certificates of the authority lie beside it.
func TestForgedTimestamp(t *testing.T) {
	a := newAuthority(t)
	data, at := []byte("head"), time.Date(2026, 1, 8, 9, 30, 0, 0, time.UTC)
	if _, err := CheckTimestamp(a.stamp(data, at), data, a.roots()); err != nil {
		t.Fatal(err)
	}
	for name, usages := range map[string][]x509.ExtKeyUsage{"no purpose": nil, "for timestamping": {x509.ExtKeyUsageTimeStamping}} {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		c := &x509.Certificate{
			SerialNumber: big.NewInt(7), Subject: pkix.Name{CommonName: "forger"}, ExtKeyUsage: usages,
			NotBefore: time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC), NotAfter: time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC),
		}
		der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
		if err != nil {
			t.Fatal(err)
		}
		forger, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		for _, first := range []bool{false, true} {
			forged := forge(t, a.cert, forger, key, data, at, first)
			if _, err := CheckTimestamp(forged, data, nil); (err == nil) != (usages != nil) {
				t.Errorf("%s: without roots: %v", name, err)
			}
			if _, err := CheckTimestamp(forged, data, a.roots()); err == nil {
				t.Errorf("%s: it is taken for one of the authority, whose certificate comes first: %v", name, first)
			}
		}
	}
}

// forge makes a token that forger signed, with the authority's certificate in it: first,
// or behind the forger's.
func forge(t *testing.T, authority, forger *x509.Certificate, key crypto.Signer, data []byte, at time.Time, first bool) []byte {
	t.Helper()
	sum := sha256.Sum256(data)
	own, err := (&timestamp.Timestamp{
		HashAlgorithm: crypto.SHA256, HashedMessage: sum[:], Time: at, Policy: asn1.ObjectIdentifier{1, 2, 3, 4, 1}, SerialNumber: big.NewInt(1), AddTSACertificate: true,
	}).CreateResponseWithOpts(forger, key, crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	token, err := timestamp.ParseResponse(own)
	if err != nil {
		t.Fatal(err)
	}
	p7, err := pkcs7.Parse(token.RawToken)
	if err != nil {
		t.Fatal(err)
	}
	sd, err := pkcs7.NewSignedData(p7.Content)
	if err != nil {
		t.Fatal(err)
	}
	sd.SetDigestAlgorithm(pkcs7.OIDDigestAlgorithmSHA256)
	sd.SetContentType(asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 1, 4})
	sd.GetSignedData().Version = 3
	if first {
		sd.AddCertificate(authority)
	}
	if err := sd.AddSigner(forger, key, pkcs7.SignerInfoConfig{}); err != nil {
		t.Fatal(err)
	}
	if !first {
		sd.AddCertificate(authority)
	}
	signed, err := sd.Finish()
	if err != nil {
		t.Fatal(err)
	}
	response, err := asn1.Marshal(struct {
		Status struct{ Status int }
		Token  asn1.RawValue
	}{Token: asn1.RawValue{FullBytes: signed}})
	if err != nil {
		t.Fatal(err)
	}
	return response
}
