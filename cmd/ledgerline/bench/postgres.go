package bench

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// postgres is a server of its own in a directory of its own, asked through psql
// over a Unix socket. It is stopped with the session.
type postgres struct {
	bin, dir string
	as       *syscall.SysProcAttr // who it runs as: it refuses to be root
	server   *exec.Cmd
}

var errNoPostgres = errors.New("no postgres, initdb and psql on the PATH or beside each other")

// startPostgres starts a server; nil and errNoPostgres where there is none.
func startPostgres(ctx context.Context) (_ *postgres, err error) {
	bin, err := findPostgres()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "ledgerline-pg-") // not below s.Dir: a socket's path is short, and another user has to get there
	if err != nil {
		return nil, err
	}
	p := &postgres{bin: bin, dir: dir}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.stop())
		}
	}()
	if os.Geteuid() == 0 {
		if err := p.yield(); err != nil {
			return nil, err
		}
	}
	if _, err := p.run(ctx, "initdb", nil, "-D", filepath.Join(dir, "data"), "-A", "trust", "-U", "bench", "-N"); err != nil {
		return nil, err
	}
	p.server = p.command(context.WithoutCancel(ctx), "postgres", "-D", filepath.Join(dir, "data"), "-k", dir, "-h", "",
		"-c", "shared_buffers=1GB", "-c", "work_mem=256MB", "-c", "jit=off", "-c", "autovacuum=off")
	if err := p.server.Start(); err != nil {
		return nil, fmt.Errorf("starting postgres: %w", err)
	}
	for range 100 { // until it listens
		if _, err = p.query(ctx, "select 1"); err == nil || ctx.Err() != nil {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	if err != nil {
		return nil, fmt.Errorf("postgres does not answer: %w", err)
	}
	return p, nil
}

// findPostgres finds the directory in which postgres and initdb stand: that of the
// PATH, or where Debian keeps them.
func findPostgres() (string, error) {
	if _, err := exec.LookPath("psql"); err != nil {
		return "", errNoPostgres
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	if err != nil {
		return "", err
	}
	if path, err := exec.LookPath("postgres"); err == nil {
		if path, err = filepath.EvalSymlinks(path); err == nil {
			found = append(found, path)
		}
	}
	for _, path := range slices.Backward(found) {
		dir := filepath.Dir(path)
		if _, err := os.Stat(filepath.Join(dir, "initdb")); err == nil {
			return dir, nil
		}
	}
	return "", errNoPostgres
}

// yield makes the server's directory that of a user who is not root.
func (p *postgres) yield() error {
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err1 := strconv.Atoi(u.Uid)
		gid, err2 := strconv.Atoi(u.Gid)
		if err := errors.Join(err1, err2, os.Chown(p.dir, uid, gid)); err != nil {
			return err
		}
		p.as = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
		return nil
	}
	return fmt.Errorf("%w: postgres refuses to run as root, and there is no user postgres or nobody", errNoPostgres)
}

func (p *postgres) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	path := filepath.Join(p.bin, name)
	if _, err := os.Stat(path); err != nil {
		path = name
	}
	c := exec.CommandContext(ctx, path, args...)
	c.Dir, c.SysProcAttr = p.dir, p.as
	return c
}

func (p *postgres) run(ctx context.Context, name string, in *bytes.Buffer, args ...string) (string, error) {
	c := p.command(ctx, name, args...)
	var out, complaint bytes.Buffer
	c.Stdout, c.Stderr = &out, &complaint
	if in != nil {
		c.Stdin = in
	}
	if err := c.Run(); err != nil {
		return "", fmt.Errorf("%s: %w: %s", name, err, strings.TrimSpace(complaint.String()))
	}
	return out.String(), nil
}

// query runs statements in one psql and returns what they print.
func (p *postgres) query(ctx context.Context, sql string) (string, error) {
	return p.run(ctx, "psql", bytes.NewBufferString(sql), "-h", p.dir, "-U", "bench", "-d", "postgres", "-XAtq", "-v", "ON_ERROR_STOP=1")
}

// load fills the table with the edges of a DAG that are there now, with an index
// that holds all that the query reads.
func (p *postgres) load(ctx context.Context, d *dag) error {
	var in bytes.Buffer
	w := bufio.NewWriter(&in)
	_, _ = w.WriteString("drop table if exists edge;\ncreate table edge (src int4 not null, dst int4 not null);\ncopy edge from stdin;\n")
	for i := range d.from {
		if d.end[i] == 0 {
			_, _ = fmt.Fprintf(w, "%d\t%d\n", d.from[i], d.to[i])
		}
	}
	_, _ = w.WriteString("\\.\ncreate index on edge (dst) include (src);\nvacuum analyze edge;\n")
	_ = w.Flush() // into memory
	_, err := p.query(ctx, in.String())
	return err
}

// ancestors counts what is reached from a node, itself included. The time is the
// server's own, without starting psql: the second of two runs.
func (p *postgres) ancestors(ctx context.Context, n uint32) (time.Duration, int, error) {
	sql := fmt.Sprintf("with recursive up(n) as (select %d union select e.src from up join edge e on e.dst = up.n) select count(*) from up;\n", n)
	out, err := p.query(ctx, sql+"\\timing on\n"+sql)
	if err != nil {
		return 0, 0, err
	}
	lines := strings.Split(strings.TrimSpace(out), "\n")
	count, err := strconv.Atoi(lines[0])
	if err != nil {
		return 0, 0, fmt.Errorf("psql said %q: %w", out, err)
	}
	for _, line := range lines {
		if text, ok := strings.CutPrefix(line, "Time: "); ok {
			ms, err := strconv.ParseFloat(strings.Fields(text)[0], 64)
			return time.Duration(ms * float64(time.Millisecond)), count, err
		}
	}
	return 0, 0, fmt.Errorf("psql told no time: %q", out)
}

// stop stops the server, fast and without a trace.
func (p *postgres) stop() error {
	if p == nil {
		return nil
	}
	var err error
	if p.server != nil && p.server.Process != nil {
		if err = p.server.Process.Signal(syscall.SIGINT); err == nil {
			err = p.server.Wait()
		}
	}
	return errors.Join(err, os.RemoveAll(p.dir))
}
