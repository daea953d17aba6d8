package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"ledgerline/ledger"
)

func initCommand(p *program) *cobra.Command {
	var dir, origin, predecessor string
	var at places
	c := &cobra.Command{
		Use:   "init --dir DIR --origin NAME",
		Short: "Create a ledger",
		Long: `Init creates a ledger: its book with the genesis record, its signing key, and its
head witness. The origin names the ledger in every checkpoint, for ever: use a
URL without scheme that you control, such as ledger.example/yunze.

It prints the verifier key. Give that to everybody who is to check the ledger,
by a way that does not lead through this machine: all proofs rest on it.`,
		Example: `  ledgerline init --dir led --origin ledger.example/yunze
  ledgerline init --dir led2 --origin ledger.example/yunze-2 --predecessor last.checkpoint`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			o := ledger.Options{Origin: origin, HeadFile: at.head, KeyFile: at.key}
			if predecessor != "" {
				b, err := os.ReadFile(predecessor)
				if err != nil {
					return fmt.Errorf("reading the predecessor's checkpoint: %w", err)
				}
				o.Predecessor = b
			}
			l, err := ledger.Create(dir, o)
			if errors.Is(err, ledger.ErrExists) {
				return &failure{exitNo, err, "name another directory, or serve this one: ledgerline serve --dir " + dir}
			}
			if err != nil {
				return err
			}
			key := l.VerifierKey()
			if err := l.Close(); err != nil {
				return err
			}
			if _, err := fmt.Fprintln(p.out, key); err != nil {
				return err
			}
			fmt.Fprintf(p.err, "created the ledger %s in %s; the line above is its verifier key\n", origin, dir)
			fmt.Fprintf(p.err, "next: ledgerline token create --dir %s --principal NAME --role operator, then: ledgerline serve --dir %[1]s\n", filepath.Clean(dir))
			return nil
		},
	}
	f := c.Flags()
	f.StringVar(&dir, "dir", "", "the directory to make")
	f.StringVar(&origin, "origin", "", "the name of the ledger in its checkpoints")
	f.StringVar(&predecessor, "predecessor", "", "file with the last provable signed checkpoint of the ledger that this one succeeds")
	at.flags(c)
	return required(c, "dir", "origin")
}
