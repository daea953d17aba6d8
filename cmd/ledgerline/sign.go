package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"ledgerline/events"
	"ledgerline/ledger"
)

func keysProducer(p *program) *cobra.Command {
	var file string
	c := &cobra.Command{
		Use:   "producer --key-file FILE",
		Short: "Make a key with which a party signs its events",
		Long: `Producer makes an Ed25519 key in PEM (PKCS #8), as "openssl genpkey -algorithm
ed25519" does, and prints its public half in base64: what party.key.registered asks
for. If the file exists it prints the public half of what is in it.

Events are signed with: ledgerline append --sign FILE`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			key, err := readProducerKey(file)
			if errors.Is(err, fs.ErrNotExist) {
				key, err = makeProducerKey(file)
			}
			if err != nil {
				return err
			}
			public, _ := key.Public().(ed25519.PublicKey) // it is one, by its contract
			_, err = fmt.Fprintln(p.out, base64.StdEncoding.EncodeToString(public))
			return err
		},
	}
	c.Flags().StringVar(&file, "key-file", "", "the file of the key")
	return required(c, "key-file")
}

func makeProducerKey(file string) (ed25519.PrivateKey, error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("writing the key: %w", err)
	}
	err = pem.Encode(f, &pem.Block{Type: "PRIVATE KEY", Bytes: der})
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return nil, fmt.Errorf("writing the key: %w", err)
	}
	return key, nil
}

func readProducerKey(file string) (ed25519.PrivateKey, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("reading the producer's key: %w", err)
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, cannot("make one with: ledgerline keys producer --key-file FILE", "reading the producer's key %s: it holds no PEM", file)
	}
	made, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("reading the producer's key %s: %w", file, err)
	}
	key, ok := made.(ed25519.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("reading the producer's key %s: it is a %T, not an Ed25519 key", file, made)
	}
	return key, nil
}

// signEvents signs an event, or each of a batch, and writes them anew.
func signEvents(body []byte, keyFile string) ([]byte, error) {
	key, err := readProducerKey(keyFile)
	if err != nil {
		return nil, err
	}
	batch := bytes.HasPrefix(bytes.TrimSpace(body), []byte("["))
	var list []events.Event
	if batch {
		list, err = events.DecodeBatch(body)
	} else {
		list = make([]events.Event, 1)
		list[0], err = events.DecodeStructured(body)
	}
	if err != nil {
		return nil, &failure{exitNo, err, ""}
	}
	out := make([][]byte, len(list))
	for i := range list {
		if err := ledger.Sign(&list[i], key); err != nil {
			return nil, &failure{exitNo, err, ""}
		}
		if out[i], err = events.EncodeStructured(list[i]); err != nil {
			return nil, err
		}
	}
	if !batch {
		return out[0], nil
	}
	return append(append([]byte("["), bytes.Join(out, []byte(","))...), ']'), nil
}
