package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"ledgerline/api"
)

// benchOpenLineage: clients post OpenLineage events over HTTP, as their libraries
// do: one in a request, on connections that stay open. What is told is how many a
// second become visible in every view, and how long after its acknowledgement
// each does; clients and server share the machine.
func benchOpenLineage(ctx context.Context, s *Session) (err error) {
	w := NewWorkload()
	dir, err := s.MakeDir()
	if err != nil {
		return err
	}
	l, err := w.Book(ctx, s, dir)
	if err != nil {
		return err
	}
	defer func() { err = firstError(err, l.Close()) }()
	v, stop, err := s.running(ctx, l, filepath.Join(dir, "views"))
	if err != nil {
		return err
	}
	defer func() { err = firstError(err, stop()) }()
	h, err := api.New(api.Options{Ledger: l, Views: v, Dev: true, Logger: s.Logger, Limits: api.Limits{ViewLag: -1, ProcessorWait: -1, ConcurrentWrites: 1024}})
	if err != nil {
		return err
	}
	srv, err := listen(h)
	if err != nil {
		return err
	}
	defer func() { err = firstError(err, srv.close()) }()
	if err := v.Wait(ctx, l.Head().Size-1); err != nil {
		return err
	}
	bodies, size := openLineageBodies(s.Events(60_000))
	s.tell("OpenLineage over HTTP", "event", "bytes", float64(size), Goal{})
	var mu sync.Mutex
	var lags []float64
	var waits sync.WaitGroup
	var failed error
	start, spent := time.Now(), processor()
	if err := srv.postLineage(ctx, bodies, func(turn context.Context, position int64) error {
		acked := time.Now()
		waits.Go(func() {
			err := v.Wait(ctx, position)
			mu.Lock()
			defer mu.Unlock()
			lags = append(lags, time.Since(acked).Seconds())
			failed = firstError(failed, err)
		})
		return v.Wait(turn, position-lineageWindow)
	}); err != nil {
		return err
	}
	waits.Wait()
	if failed != nil {
		return failed
	}
	slices.Sort(lags)
	s.tell("OpenLineage over HTTP", "until visible", "events/s", float64(len(bodies))/time.Since(start).Seconds(), Goal{Least: 3000})
	s.tell("OpenLineage over HTTP", "lag p50", "s", lags[len(lags)/2], Goal{})
	s.tell("OpenLineage over HTTP", "lag p99", "s", lags[len(lags)*99/100], Goal{Most: 0.2})
	s.tellProcessor("OpenLineage over HTTP", spent, float64(len(bodies)))
	return nil
}

// lineageWindow is how many events may be acknowledged and not yet visible: what
// 3,000 a second and a lag of 0.2 s come to.
const lineageWindow = 600

// lineageClients is how many jobs tell of themselves at the same time.
const lineageClients = 64

// postLineage has clients send bodies, and tells acked the position of each.
func (s *server) postLineage(ctx context.Context, bodies [][]byte, acked func(ctx context.Context, position int64) error) error {
	transport := &http.Transport{MaxIdleConnsPerHost: lineageClients, MaxConnsPerHost: lineageClients}
	defer transport.CloseIdleConnections()
	client := http.Client{Transport: transport}
	url := strings.TrimSuffix(s.url, "/v1/events") + "/api/v1/lineage"
	_, err := Drive(ctx, lineageClients, 1, bodies, func(ctx context.Context, body [][]byte) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body[0]))
		if err != nil {
			return err
		}
		req.Header.Set("Content-Type", "application/json")
		resp, err := client.Do(req)
		if err != nil {
			return err
		}
		answer, err := io.ReadAll(resp.Body)
		if err := firstError(err, resp.Body.Close()); err != nil {
			return err
		}
		if resp.StatusCode != http.StatusCreated {
			return fmt.Errorf("POST %s: %s: %.300s", url, resp.Status, answer)
		}
		var receipt struct{ Position int64 }
		if err := json.Unmarshal(answer, &receipt); err != nil {
			return err
		}
		return acked(ctx, receipt.Position)
	})
	return err
}

// openLineageBodies are n events as schedulers and Spark send them, and their mean
// size: the start and the end of each of n/2 runs of 400 jobs, that read two or
// three datasets of twenty columns and write one, with the statement, a parent and
// the columns that went from one to the other.
func openLineageBodies(n int) (bodies [][]byte, size int) {
	const base = `"_producer":"https://github.com/OpenLineage/OpenLineage/tree/1.40.0/integration/spark","_schemaURL":"https://openlineage.io/spec/facets/`
	var b strings.Builder
	for i := range n {
		run, job := i/2, i/2%jobs
		state, at := "START", time.Date(2026, 3, 1, 8, 0, 0, i*1_000_000, time.UTC)
		if i%2 == 1 {
			state = "COMPLETE"
		}
		b.Reset()
		fmt.Fprintf(&b, `{"eventType":%q,"eventTime":%q,"producer":"https://github.com/OpenLineage/OpenLineage/tree/1.40.0/integration/spark","schemaURL":"https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",`,
			state, at.Format(time.RFC3339Nano))
		fmt.Fprintf(&b, `"run":{"runId":"01890a5d-ac96-774b-bcce-%012x","facets":{"parent":{%s1-1-0/ParentRunFacet.json","run":{"runId":"01890a5d-ac96-774b-bccf-%012x"},"job":{"namespace":"airflow","name":"dag%02d"}},`+
			`"processing_engine":{%s1-1-1/ProcessingEngineRunFacet.json","version":"3.5.1","name":"spark","openlineageAdapterVersion":"1.40.0"}}},`, run, base, run/jobs, job%20, base)
		fmt.Fprintf(&b, `"job":{"namespace":"airflow","name":"dag%02d.task%04d","facets":{"jobType":{%s2-0-3/JobTypeJobFacet.json","processingType":"BATCH","integration":"SPARK","jobType":"SQL_JOB"},`+
			`"sql":{%s1-1-0/SQLJobFacet.json","query":"INSERT INTO warehouse.t%04d SELECT %s FROM a JOIN b ON a.id = b.id WHERE a.deleted = false"}}},"inputs":[`, job%20, job, base, base, job+1, strings.Repeat("coalesce(a.c, b.c) AS c, ", 20))
		inputs := 2 + job%2
		for in := range inputs {
			if in > 0 {
				b.WriteByte(',')
			}
			fmt.Fprintf(&b, `{"namespace":"postgres://exchange:5432","name":%q,"facets":{"schema":{%s1-1-1/SchemaDatasetFacet.json","fields":[`, dataset(max(job-in*7, 0)), base)
			for c := range 20 {
				if c > 0 {
					b.WriteByte(',')
				}
				fmt.Fprintf(&b, `{"name":"column_%02d","type":"varchar"}`, c)
			}
			fmt.Fprintf(&b, `]},"dataSource":{%s1-0-1/DatasourceDatasetFacet.json","name":"exchange","uri":"postgres://exchange:5432"}}}`, base)
		}
		fmt.Fprintf(&b, `],"outputs":[{"namespace":"postgres://exchange:5432","name":%q,"facets":{"columnLineage":{%s1-2-0/ColumnLineageDatasetFacet.json","fields":{`, dataset(job+1), base)
		for c := range 10 {
			if c > 0 {
				b.WriteByte(',')
			}
			fmt.Fprintf(&b, `"column_%02d":{"inputFields":[{"namespace":"postgres://exchange:5432","name":%q,"field":"column_%02d","transformations":[{"type":"DIRECT","subtype":"IDENTITY"}]}]}`, c, dataset(max(job-c%inputs*7, 0)), c)
		}
		b.WriteString(`}}}}]}`)
		bodies = append(bodies, []byte(b.String()))
		size += b.Len()
	}
	return bodies, size / max(1, n)
}
