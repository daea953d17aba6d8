package main

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/mod/sumdb/note"
)

func keysCommand(p *program) *cobra.Command {
	return group("keys", "Show, make and change signing keys", keysShow(p), keysGenerate(p), keysRotate(p), keysRetire(p), keysProducer(p))
}

func keysShow(p *program) *cobra.Command {
	var dir string
	var at places
	c := &cobra.Command{
		Use:   "show --dir DIR",
		Short: "Print the verifier key, the public half of the signing key",
		Long: `Show prints the verifier key that belongs to the signing key in the directory: what
everybody needs who is to check the ledger. A server may be running. Between keys
rotate and keys retire the new key is in DIR/keys/ledger.key.next: --key-file names it.`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			file := at.key
			if file == "" {
				file = filepath.Join(dir, "keys", "ledger.key")
			}
			b, err := os.ReadFile(file)
			if errors.Is(err, fs.ErrNotExist) {
				return cannot("name the key with --key-file, or the right directory with --dir", "reading the signing key: %w", err)
			}
			if err != nil {
				return fmt.Errorf("reading the signing key: %w", err)
			}
			vkey, err := verifierKey(strings.TrimSpace(string(b)))
			if err != nil {
				return fmt.Errorf("reading the signing key %s: %w", file, err)
			}
			_, err = fmt.Fprintln(p.out, vkey)
			return err
		},
	}
	c.Flags().StringVar(&dir, "dir", ".", "the ledger's directory")
	c.Flags().StringVar(&at.key, "key-file", "", "the signing key (default DIR/keys/ledger.key)")
	return c
}

func keysGenerate(p *program) *cobra.Command {
	var origin, file string
	c := &cobra.Command{
		Use:   "generate --origin NAME --key-file FILE",
		Short: "Make a signing key before the ledger, for init --key-file",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			skey, vkey, err := note.GenerateKey(rand.Reader, origin)
			if err != nil {
				return fmt.Errorf("making a key for %q: %w", origin, err)
			}
			f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
			if errors.Is(err, fs.ErrExist) {
				return cannot("name another file: a key is never overwritten", "writing the key: %w", err)
			}
			if err != nil {
				return fmt.Errorf("writing the key: %w", err)
			}
			_, err = fmt.Fprintln(f, skey)
			if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
				return fmt.Errorf("writing the key: %w", err)
			}
			_, err = fmt.Fprintln(p.out, vkey)
			return err
		},
	}
	c.Flags().StringVar(&origin, "origin", "", "the name of the ledger in its checkpoints")
	c.Flags().StringVar(&file, "key-file", "", "the file to make")
	return required(c, "origin", "key-file")
}

// verifierKey derives the verifier key of a note signing key, whose form is
// PRIVATE+KEY+name+hash+base64(algorithm ‖ Ed25519 seed).
func verifierKey(skey string) (string, error) {
	signer, err := note.NewSigner(skey)
	if err != nil {
		return "", err
	}
	parts := strings.SplitN(skey, "+", 5) // base64 may hold a plus too
	raw, err := base64.StdEncoding.DecodeString(parts[len(parts)-1])
	if err != nil || len(raw) != 1+ed25519.SeedSize {
		return "", errors.New("it is not an Ed25519 note key")
	}
	public, ok := ed25519.NewKeyFromSeed(raw[1:]).Public().(ed25519.PublicKey)
	if !ok {
		return "", errors.New("it has no Ed25519 public key")
	}
	return note.NewEd25519VerifierKey(signer.Name(), public)
}
