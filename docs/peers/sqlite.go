package main

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"

	_ "modernc.org/sqlite"

	"ledgerline/cmd/ledgerline/bench"
)

func besideSQLite(ctx context.Context, s *bench.Session) (err error) {
	dir, err := s.MakeDir()
	if err != nil {
		return err
	}
	// FULL syncs the log at each commit; without it an acknowledged row can be lost.
	db, err := sql.Open("sqlite", filepath.Join(dir, "events.db")+"?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	db.SetMaxOpenConns(1) // it has one writer
	if _, err := db.ExecContext(ctx, "CREATE TABLE events (pos INTEGER PRIMARY KEY, id TEXT UNIQUE NOT NULL, body BLOB NOT NULL, hash BLOB NOT NULL)"); err != nil {
		return err
	}
	p := &sqlite{db: db}
	return compare(ctx, s, []contest{
		{"1 writer", "SQLite", 1, 1, 300, bench.Goal{Least: 1}, p},
		{"1 writer, batches of 1000", "SQLite", 1, 1000, 20_000, bench.Goal{Least: 2.5}, p},
	})
}

// sqlite inserts rows that it chained, a transaction for each batch. It is for one
// writer.
type sqlite struct {
	db   *sql.DB
	hash []byte
}

func (p *sqlite) append(ctx context.Context, rows []row) (err error) {
	tx, err := p.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, tx.Rollback())
		}
	}()
	insert, err := tx.PrepareContext(ctx, "INSERT INTO events (id, body, hash) VALUES (?, ?, ?)")
	if err != nil {
		return err
	}
	hash := p.hash
	for _, r := range rows {
		hash = chain(hash, r.body)
		if _, err := insert.ExecContext(ctx, r.id, r.body, hash); err != nil {
			return err
		}
	}
	if err := errors.Join(insert.Close(), tx.Commit()); err != nil {
		return err
	}
	p.hash = hash
	return nil
}
