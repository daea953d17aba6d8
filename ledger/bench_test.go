package ledger

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"golang.org/x/mod/sumdb/tlog"

	"ledgerline/events"
	"ledgerline/ledger/proof"
)

// diskLog creates a ledger on disk.
func diskLog(b *testing.B) *Ledger {
	b.Helper()
	l, err := Create(b.TempDir(), Options{Origin: "ledger.example/bench", Index: IndexOptions{Off: true}})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := l.Close(); err != nil {
			b.Error(err)
		}
	})
	return l
}

const (
	benchSubjects = 50  // that events of the benchmark are about
	benchBody     = 323 // bytes of a body
)

// benchEvent is a call as a platform records it, without personal facets.
func benchEvent(n int64) events.Event {
	return event(fmt.Sprintf("call-%012d", n), "access.call.recorded", &events.AccessRecorded{
		Call: fmt.Sprintf("call-%012d", n), Provider: fmt.Sprintf("P%03d", n%benchSubjects), Consumer: "P777", Agreement: "A02", AgreementVersion: 1,
		Purpose: "benefit_eligibility", Entry: "DS02", EntryVersion: 1, Method: "api", Columns: []string{"gmsfhm", "swrq"},
		RowCount: 1, Result: events.AccessOK,
	})
}

// BenchmarkAppend appends single events by a number of writers at once, and
// batches, to a ledger and to a bare Pebble store with the same options that is
// given as many rows of as many bytes. The two take turns, so that the ratios mean
// something on a machine that others use: -benchtime 5x is five rounds, of which
// the medians are told. ns/op is per round of both.
func BenchmarkAppend(b *testing.B) {
	for _, c := range []struct{ writers, batch, events int }{
		{1, 1, 500}, {64, 1, 10_000}, {256, 1, 20_000}, {1024, 1, 20_000},
		{1, 100, 20_000}, {4, 100, 20_000}, {1, 1000, 40_000}, {4, 1000, 40_000},
	} {
		b.Run(fmt.Sprintf("writers=%d/batch=%d", c.writers, c.batch), func(b *testing.B) {
			l, raw := diskLog(b), openRaw(b)
			var next int64
			var got [2][]run
			for b.Loop() {
				evs := make([]events.Event, c.events)
				for i := range evs {
					next++
					evs[i] = benchEvent(next)
				}
				receipts := make([][]Receipt, c.events/c.batch)
				got[0] = append(got[0], drive(b, c.writers, c.batch, evs, func(i int, evs []events.Event) (err error) {
					receipts[i], err = l.Append(ctx, evs...)
					return err
				}))
				commits := int64(len(receipts))
				shared := sharedRows(receipts)
				got[1] = append(got[1], drive(b, c.writers, c.batch, evs, func(i int, evs []events.Event) error {
					return raw.append(evs, int(shared*int64(i+1)/commits-shared*int64(i)/commits))
				}))
			}
			reportRuns(b, got[0], got[1])
		})
	}
}

// sharedRows counts the rows that a ledger wrote once for many events: for each
// group commit, which a checkpoint of its own betrays, a state of every subject,
// the head, and the leaf hashes.
func sharedRows(receipts [][]Receipt) (rows int64) {
	type change struct {
		checkpoint string
		subject    int64
	}
	seen := make(map[change]bool)
	count := func(c change, n int64) {
		if !seen[c] {
			seen[c] = true
			rows += n
		}
	}
	for _, rs := range receipts {
		for _, r := range rs {
			var n int64
			fmt.Sscanf(r.ID, "call-%d", &n)
			count(change{r.Checkpoint, -1}, 2)
			count(change{r.Checkpoint, n % benchSubjects}, 1)
		}
	}
	return rows
}

// A run is what one round of appending took.
type run struct{ perSecond, p50, p99, cpu float64 } // cpu: processor seconds for each event

// drive has a number of writers commit events, a batch at a time.
func drive(b *testing.B, writers, batch int, evs []events.Event, commit func(i int, evs []events.Event) error) run {
	b.Helper()
	took := make([]float64, len(evs)/batch)
	var next atomic.Int64
	var wg sync.WaitGroup
	start := startSpending()
	for range writers {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(took); i = int(next.Add(1)) - 1 {
				from := time.Now()
				if err := commit(i, evs[i*batch:(i+1)*batch]); err != nil {
					b.Error(err)
					return
				}
				took[i] = time.Since(from).Seconds()
			}
		})
	}
	wg.Wait()
	spent := start.spent()
	r := run{perSecond: float64(len(evs)) / spent.wall, cpu: spent.cpu / float64(len(evs))}
	slices.Sort(took)
	r.p50, r.p99 = took[len(took)/2], took[len(took)*99/100]
	return r
}

// reportRuns reports medians, and the medians of the ratios of each round.
func reportRuns(b *testing.B, ledger, raw []run) {
	median := func(of func(l, r run) float64) float64 {
		vs := make([]float64, len(ledger))
		for i := range vs {
			vs[i] = of(ledger[i], raw[i])
		}
		slices.Sort(vs)
		return vs[len(vs)/2]
	}
	b.ReportMetric(median(func(l, _ run) float64 { return l.perSecond }), "events/s")
	b.ReportMetric(median(func(_, r run) float64 { return r.perSecond }), "raw-events/s")
	b.ReportMetric(median(func(l, r run) float64 { return l.perSecond / r.perSecond }), "of-raw")
	b.ReportMetric(median(func(l, r run) float64 { return l.p50 / r.p50 }), "p50-of-raw")
	b.ReportMetric(median(func(l, r run) float64 { return l.p99 / r.p99 }), "p99-of-raw")
	b.ReportMetric(median(func(l, _ run) float64 { return 1e6 * l.cpu }), "cpu-µs/event")
	b.ReportMetric(median(func(l, r run) float64 { return l.cpu / r.cpu }), "cpu-of-raw")
}

// raw is a bare Pebble store. It is given the rows that events leave in the book,
// of the same sizes and under keys that lie as far apart, and asks nothing, hashes
// nothing and encodes nothing.
type raw struct {
	db       *pebble.DB
	next     atomic.Int64
	body     [benchBody]byte
	subjects [benchSubjects]proof.Hash
}

func openRaw(b *testing.B) *raw {
	b.Helper()
	dir := b.TempDir()
	db, err := openBook(Options{}.withDefaults(dir), dir, bookOptions{create: true})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := db.Close(); err != nil {
			b.Error(err)
		}
	})
	r := &raw{db: db}
	for i := range r.subjects {
		r.subjects[i] = randomHash()
	}
	return r
}

// append commits for each event a record, its share of the leaf hashes included, an
// identity and a version, and for all of them a number of rows that the ledger
// writes once a commit.
func (r *raw) append(evs []events.Event, shared int) error {
	batch := r.db.NewBatch()
	defer batch.Close()
	var err error
	var record [benchBody + proof.HashSize]byte
	copy(record[:], r.body[:])
	for range evs {
		n := r.next.Add(1)
		err = errors.Join(err,
			setRecord(batch, n, n, record[:]),
			setVersion(batch, r.subjects[n%benchSubjects], uint64(n/benchSubjects), n),
			setID(batch, randomHash(), n))
	}
	for i := range shared {
		err = errors.Join(err, batch.Set(stateKey(r.subjects[i%benchSubjects]), []byte{0x82, 0x19, 0, 0, 0xf6}, nil))
	}
	return errors.Join(err, batch.Commit(pebble.Sync))
}

func randomHash() (h [32]byte) {
	for i := range 4 {
		binary.BigEndian.PutUint64(h[8*i:], rand.Uint64())
	}
	return h
}

// appendBatches appends at least n events.
func appendBatches(b *testing.B, l *Ledger, size, n int) (sent int64) {
	b.Helper()
	for int(sent) < n {
		batch := make([]events.Event, size)
		for i := range batch {
			batch[i] = benchEvent(l.Head().Size + int64(i))
		}
		if _, err := l.Append(ctx, batch...); err != nil {
			b.Fatal(err)
		}
		sent += int64(size)
	}
	return sent
}

const benchSize = 50_000

// BenchmarkVerify verifies a store on disk, and in turn hashes the same bytes from
// memory on as many processors. There are two baselines. "hashing" is body, leaf
// and a node of the tree for each record: what a tree over bytes costs. "needed" is
// all that the format makes a verifier hash: beside these the salt of the body, the
// keys of the leaf and the identity. The third workload is the mixed one with
// commitments to the completeness index, which a verification makes anew. cpu- ratios are of processor time, which does
// not depend on who else uses the machine. ns/op is per run of all three.
func BenchmarkVerify(all *testing.B) {
	const size = 100_000
	for _, workload := range []string{"access", "mixed", "indexed"} {
		var dir string
		var records []hashed
		for _, workers := range []int{1, runtime.GOMAXPROCS(0)} {
			all.Run(fmt.Sprintf("%s/workers=%d", workload, workers), func(b *testing.B) {
				if records == nil {
					dir, records = verifyBook(b, all.TempDir(), workload, size)
				}
				var rounds []verifyRound
				for b.Loop() {
					r := verifyRound{hashing: hashAll(records, workers, false), needed: hashAll(records, workers, true)}
					start := startSpending()
					report, err := Verify(ctx, dir, VerifyOptions{Workers: workers})
					if err != nil || !report.OK() || report.Checked < size {
						b.Fatal(report, err)
					}
					r.took = start.spent()
					rounds = append(rounds, r)
				}
				reportVerify(b, rounds, float64(len(records)))
			})
		}
	}
}

type verifyRound struct{ took, hashing, needed spending }

func reportVerify(b *testing.B, rounds []verifyRound, n float64) {
	report := func(unit string, of func(r verifyRound) float64) {
		vs := make([]float64, len(rounds))
		for i, r := range rounds {
			vs[i] = of(r)
		}
		slices.Sort(vs)
		b.ReportMetric(vs[len(vs)/2], unit)
	}
	report("events/s", func(r verifyRound) float64 { return n / r.took.wall })
	report("of-hashing", func(r verifyRound) float64 { return r.hashing.wall / r.took.wall })
	report("of-needed", func(r verifyRound) float64 { return r.needed.wall / r.took.wall })
	report("cpu-µs/event", func(r verifyRound) float64 { return 1e6 * r.took.cpu / n })
	report("cpu-of-hashing", func(r verifyRound) float64 { return r.hashing.cpu / r.took.cpu })
	report("cpu-of-needed", func(r verifyRound) float64 { return r.needed.cpu / r.took.cpu })
}

// spending is wall-clock and processor time, in seconds.
type spending struct{ wall, cpu float64 }

func startSpending() spending { return spending{float64(time.Now().UnixNano()) / 1e9, cpuSeconds()} }

func (s spending) spent() spending {
	now := startSpending()
	return spending{now.wall - s.wall, now.cpu - s.cpu}
}

// cpuSeconds is the processor time that this process has used.
func cpuSeconds() float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err) // only for arguments that are not these
	}
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
}

// hashed is the input of every hash that a record has.
type hashed struct {
	record Record
	salt   []byte
	id     []byte
	keys   [][]byte
}

// verifyBook makes a closed store and what it takes to hash it from memory.
func verifyBook(b *testing.B, dir, workload string, n int) (string, []hashed) {
	b.Helper()
	var records []hashed
	l, err := Create(dir, Options{Origin: "ledger.example/bench", Index: IndexOptions{Off: workload != "indexed"}})
	if err != nil {
		b.Fatal(err)
	}
	if workload != "access" {
		m := newMix()
		if _, err := l.Append(ctx, m.setup()...); err != nil {
			b.Fatal(err)
		}
		fillMixed(b, l, m, n)
	} else {
		appendBatches(b, l, 1000, n)
	}
	for i := range l.Head().Size {
		r, err := l.Record(i)
		if err != nil {
			b.Fatal(err)
		}
		body, err := proof.ParseBody(r.Body)
		if err != nil {
			b.Fatal(err)
		}
		h := hashed{record: r, salt: []byte("ledgerline/salt/v1\x00\x82" + body.Source + body.ID), id: []byte("12345678" + body.Source + body.ID)}
		names := append([]proof.Name{{proof.KindType, body.Type}, {proof.KindSubject, body.Subject[0], body.Subject[1]}, {proof.KindPrincipal, body.Principal}}, body.Names...)
		for _, n := range names {
			h.keys = append(h.keys, must(encMode.Marshal(append([]string{"ledgerline/key/v1"}, n...))))
		}
		records = append(records, h)
	}
	if err := l.Close(); err != nil {
		b.Fatal(err)
	}
	return dir, records
}

// hashAll hashes all records from memory.
func hashAll(records []hashed, workers int, needed bool) spending {
	start := startSpending()
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			var node, sum proof.Hash
			mac := hmac.New(sha256.New, make([]byte, 32))
			for i := w; i < len(records); i += workers {
				h := &records[i]
				proof.CommitBody(&h.record.Salt, h.record.Body)
				node = tlog.NodeHash(node, proof.LeafHash(h.record.Leaf))
				if !needed {
					continue
				}
				mac.Reset()
				mac.Write(h.salt)
				mac.Sum(sum[:0])
				sha256.Sum256(h.id)
				for _, k := range h.keys {
					sha256.Sum256(k)
				}
			}
		})
	}
	wg.Wait()
	return start.spent()
}

// BenchmarkInclusion proves records all over a book, and all over one ten times as
// large. In "cold" the tile that has the record's leaf hash is not in memory, as in
// a book that is larger than what is kept. cpu-µs/op includes what else goes on in
// the ledger.
func BenchmarkInclusion(all *testing.B) {
	for _, size := range []int64{benchSize, 10 * benchSize} {
		l := diskLog(all)
		appendBatches(all, l, 1000, int(size))
		for _, cold := range []bool{false, true} {
			all.Run(fmt.Sprintf("records=%d/cold=%v", size, cold), func(b *testing.B) {
				for at := int64(0); at < size; at += tileWidth {
					if _, err := l.ProveInclusion(at, 0); err != nil {
						b.Fatal(err)
					}
				}
				start, at := startSpending(), int64(0)
				for b.Loop() {
					at = (at + 7919) % size
					if cold {
						l.tiles.mu.Lock()
						delete(l.tiles.newer, tileAt{0, at / tileWidth})
						delete(l.tiles.older, tileAt{0, at / tileWidth})
						l.tiles.mu.Unlock()
					}
					if _, err := l.ProveInclusion(at, 0); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(1e6*start.spent().cpu/float64(b.N), "cpu-µs/op")
			})
		}
	}
}

// BenchmarkScan reads runs of events. ns/op is per event.
func BenchmarkScan(b *testing.B) {
	l := diskLog(b)
	appendBatches(b, l, 1000, benchSize)
	b.ResetTimer()
	n := 0
	for n < b.N {
		for e, err := range l.Scan(ctx, 0, min(benchSize, int64(b.N-n))) {
			if err != nil || strings.HasPrefix(e.Event.ID, "x") {
				b.Fatal(e, err)
			}
			n++
		}
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "events/s")
}
