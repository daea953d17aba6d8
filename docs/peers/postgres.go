package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"ledgerline/cmd/ledgerline/bench"
)

// In both tables an id is unique, and hash is the hash of the row before and the
// body. In the first a trigger computes it, under a lock that lets one
// transaction at a time extend the chain: without one, two would extend the same
// row. In the second the client does.
const schema = `
DROP SCHEMA IF EXISTS ledgerline_peers CASCADE;
CREATE SCHEMA ledgerline_peers;
SET search_path = ledgerline_peers;
CREATE TABLE chained (pos bigint PRIMARY KEY, id text UNIQUE NOT NULL, body bytea NOT NULL, hash bytea NOT NULL);
CREATE TABLE copied (LIKE chained INCLUDING ALL);
CREATE FUNCTION chain() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  last record;
BEGIN
  PERFORM pg_advisory_xact_lock(8420);
  SELECT pos, hash INTO last FROM ledgerline_peers.chained ORDER BY pos DESC LIMIT 1;
  NEW.pos := coalesce(last.pos, 0) + 1;
  NEW.hash := sha256(coalesce(last.hash, ''::bytea) || NEW.body);
  RETURN NEW;
END $$;
CREATE TRIGGER chain BEFORE INSERT ON chained FOR EACH ROW EXECUTE FUNCTION chain();
`

func besidePostgres(ctx context.Context, s *bench.Session, dsn string) (err error) {
	config, err := pgxpool.ParseConfig(dsn)
	if err != nil {
		return err
	}
	config.MaxConns = 64
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return err
	}
	defer pool.Close()
	var fsync, commit string
	if err := pool.QueryRow(ctx, "SELECT current_setting('fsync'), current_setting('synchronous_commit')").Scan(&fsync, &commit); err != nil {
		return err
	}
	if fsync != "on" || commit == "off" {
		return errors.New("this PostgreSQL does not make what it acknowledges durable: set fsync and synchronous_commit on")
	}
	if _, err := pool.Exec(ctx, schema); err != nil {
		return err
	}
	defer func() {
		_, dropped := pool.Exec(context.WithoutCancel(ctx), "DROP SCHEMA ledgerline_peers CASCADE")
		err = errors.Join(err, dropped)
	}()
	return compare(ctx, s, []contest{
		{"1 writer", "trigger chain", 1, 1, 300, bench.Goal{}, trigger{pool}},
		{"64 writers", "trigger chain", 64, 1, 5_000, bench.Goal{Least: 30}, trigger{pool}},
		{"1 writer, batches of 1000", "COPY, chained", 1, 1000, 20_000, bench.Goal{Least: 2.5}, &copier{pool: pool}},
		{"4 writers, batches of 1000", "COPY, chained", 4, 1000, 40_000, bench.Goal{Least: 2.5}, &copier{pool: pool}},
	})
}

// trigger inserts rows that the server chains.
type trigger struct{ pool *pgxpool.Pool }

func (t trigger) append(ctx context.Context, rows []row) error {
	_, err := t.pool.Exec(ctx, "INSERT INTO ledgerline_peers.chained (id, body) VALUES ($1, $2)", rows[0].id, rows[0].body)
	return err
}

// copier chains rows itself and copies them, one batch after the other: a chain
// has one end.
type copier struct {
	pool *pgxpool.Pool

	mu   sync.Mutex
	hash []byte
	pos  int64
}

func (c *copier) append(ctx context.Context, rows []row) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.pos == 0 { // the table may hold what an earlier contest left
		if err := c.pool.QueryRow(ctx, "SELECT coalesce(max(pos), 0) FROM ledgerline_peers.copied").Scan(&c.pos); err != nil {
			return err
		}
	}
	hash, pos := c.hash, c.pos
	_, err := c.pool.CopyFrom(ctx, pgx.Identifier{"ledgerline_peers", "copied"}, []string{"pos", "id", "body", "hash"},
		pgx.CopyFromSlice(len(rows), func(i int) ([]any, error) {
			pos, hash = pos+1, chain(hash, rows[i].body)
			return []any{pos, rows[i].id, rows[i].body, hash}, nil
		}))
	if err == nil {
		c.hash, c.pos = hash, pos
	}
	return err
}

// chain is the hash of a row: of the hash before it and its body.
func chain(before, body []byte) []byte {
	h := sha256.New()
	h.Write(before)
	h.Write(body)
	return h.Sum(nil)
}
