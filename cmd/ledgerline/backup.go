package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"ledgerline/ledger"
)

func backupCommand(p *program) *cobra.Command {
	var dir, to string
	var at places
	c := &cobra.Command{
		Use:   "backup --dir DIR --to BACKUP",
		Short: "Copy a ledger's book",
		Long: `Backup copies the book, as of one durable head, into a new directory. A server may
have it open: then that server makes the copy and goes on serving. The signing
key, owner keys, tokens and head witness are not part of it: docs/operating.md
says where each belongs. On the file system of the book the copy shares files with
it, and their fate: copy it to another disk.`,
		Example: `  ledgerline backup --dir led --to /backup/led-2026-01-08`,
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			logger, err := p.logger(slog.LevelWarn)
			if err != nil {
				return err
			}
			m, err := askBackup(c.Context(), dir, to)
			if errors.Is(err, errNoServer) {
				m, err = backup(c.Context(), dir, to, ledger.Options{Logger: logger, HeadFile: at.head, KeyFile: at.key})
			}
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(p.out, "backed up %d records of %s into %s\n", m.Size, m.Origin, to)
			return err
		},
	}
	f := c.Flags()
	f.StringVar(&dir, "dir", "", "the ledger's directory")
	f.StringVar(&to, "to", "", "the directory to make")
	at.flags(c)
	return required(c, "dir", "to")
}

// backup opens the ledger for as long as it takes.
func backup(ctx context.Context, dir, to string, o ledger.Options) (ledger.Manifest, error) {
	l, err := ledger.Open(dir, o)
	if err != nil {
		return ledger.Manifest{}, openError(dir, err)
	}
	m, err := l.Backup(ctx, to)
	return m, errors.Join(err, l.Close())
}

func restoreCommand(p *program) *cobra.Command {
	var dir, from string
	var at places
	c := &cobra.Command{
		Use:   "restore --from BACKUP --dir DIR",
		Short: "Bring back a ledger from a backup",
		Long: `Restore puts the book of a backup into a directory that has none. If the head
witness there remembers more than the backup holds, it refuses: to go on from an
old state would make two histories under one name. What can be done then is in
docs/operating.md.`,
		Example: `  ledgerline restore --from /backup/led-2026-01-08 --dir led`,
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			m, err := ledger.Restore(c.Context(), from, dir, ledger.RestoreOptions{HeadFile: at.head})
			var damage *ledger.DamageError
			if errors.As(err, &damage) {
				return &failure{exitNo, err, ""}
			}
			if err != nil {
				return err
			}
			if _, err = fmt.Fprintf(p.out, "restored %d records of %s into %s\n", m.Size, m.Origin, dir); err != nil {
				return err
			}
			fmt.Fprintln(p.err, "next: ledgerline verify --dir "+dir)
			return nil
		},
	}
	f := c.Flags()
	f.StringVar(&from, "from", "", "the backup")
	f.StringVar(&dir, "dir", "", "the ledger's directory")
	f.StringVar(&at.head, "head-file", "", "the head witness to hold the backup against (default DIR/head)")
	return required(c, "from", "dir")
}

func rebuildCommand(p *program) *cobra.Command {
	var dir string
	var o storeOptions
	c := &cobra.Command{
		Use:   "rebuild --dir DIR",
		Short: "Build the views anew from the book",
		Long: `Rebuild makes all views anew from the book. A server may have it open: then that
server builds them beside those that it goes on answering from, and puts them in
their place at once; an interrupt changes nothing. Without a server the views are
thrown away first, and an interrupted rebuild goes on at the next start.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			logger, err := p.logger(slog.LevelWarn)
			if err != nil {
				return err
			}
			bar := newProgress(p.err, "rebuilding")
			r, err := askRebuild(c.Context(), dir, func(done, total int64) { bar.show(done, total, fmt.Sprintf("%d of %d records", done, total)) })
			bar.end()
			if err == nil {
				_, err = fmt.Fprintf(p.out, "rebuilt the views of the server from %d records; answers waited %s for the new ones\n", r.Records, r.Swap.Round(time.Microsecond))
				return err
			}
			if !errors.Is(err, errNoServer) {
				return fmt.Errorf("rebuilding the views of %s: %w", dir, err)
			}
			// The book is opened first: it locks the directory, so that no running
			// server loses its views.
			book, err := ledger.Open(dir, ledger.Options{Logger: logger, HeadFile: o.head, KeyFile: o.key})
			if err != nil {
				return openError(dir, err)
			}
			if err := os.RemoveAll(filepath.Join(dir, "views")); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return errors.Join(err, book.Close())
			}
			s, err := follow(c.Context(), dir, book, logger, nil)
			if err != nil {
				return errors.Join(err, book.Close())
			}
			if err := errors.Join(s.showCatchUp(c.Context(), p), s.Close()); err != nil {
				return err
			}
			_, err = fmt.Fprintf(p.out, "rebuilt the views of %s from %d records\n", book.Origin(), book.Head().Size)
			return err
		},
	}
	c.Flags().StringVar(&dir, "dir", "", "the ledger's directory")
	o.places.flags(c)
	return required(c, "dir")
}
