package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// Load posts the story to the ledger served at baseURL: events to /v1/events and
// OpenLineage events to /api/v1/lineage, one after the other. Before each it
// calls setClock, if not nil, with the time at which the step is to be recorded;
// steps of a kind that are recorded at the same time are posted as one batch.
// progress, if not nil, is told how many steps of how many are done.
//
// A load that was broken off can be run again: the ledger knows the events it has
// and records none twice. Then the clock is set back to times it has passed,
// which setClock must be prepared for; a ledger's clock itself never goes back.
func Load(ctx context.Context, client *http.Client, baseURL, token string, setClock func(time.Time), progress func(done, total int)) error {
	steps := Story()
	p := poster{client, strings.TrimSuffix(baseURL, "/"), token}
	for done := 0; done < len(steps); {
		n := together(steps[done:])
		if setClock != nil {
			setClock(steps[done].At)
		}
		send := func() error { return p.post(ctx, steps[done:done+n]) }
		switch steps[done].Kind {
		case KindBulletin:
			n, send = 1, func() error { return p.issue(ctx, steps[done]) }
		case KindSummary:
			n, send = 1, func() error { return p.seal(ctx, steps[done]) }
		}
		if err := send(); err != nil {
			return fmt.Errorf("loading step %d of %d (%s): %w", done+1, len(steps), steps[done].Note, err)
		}
		done += n
		if progress != nil {
			progress(done, len(steps))
		}
	}
	return nil
}

// together is how many of the next steps can be posted as one batch.
func together(steps []Step) int {
	n := 1
	for n < len(steps) && steps[n].Kind == steps[0].Kind && steps[n].At.Equal(steps[0].At) {
		n++
	}
	return n
}

// poster is a client of one ledger.
type poster struct {
	client         *http.Client
	baseURL, token string
}

// post sends one step, or several events as a batch.
func (p poster) post(ctx context.Context, steps []Step) error {
	path, media, body := "/v1/events", "application/cloudevents+json", steps[0].Body
	if steps[0].Kind == KindOpenLineage {
		path, media = "/api/v1/lineage", "application/json"
	}
	batch := len(steps) > 1
	if batch {
		bodies := make([][]byte, len(steps))
		for i, s := range steps {
			bodies[i] = s.Body
		}
		body = fmt.Appendf(nil, "[%s]", bytes.Join(bodies, []byte(",")))
		if steps[0].Kind == KindOpenLineage {
			path += "/batch"
		} else {
			media = "application/cloudevents-batch+json"
		}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.baseURL+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", media)
	answer, err := p.do(req)
	if err == nil && batch && steps[0].Kind == KindOpenLineage {
		err = wholeBatch(path, answer)
	}
	return err
}

// do sends a request and returns what was answered if all went well.
func (p poster) do(req *http.Request) ([]byte, error) {
	if p.token != "" {
		req.Header.Set("Authorization", "Bearer "+p.token)
	}
	what := req.Method + " " + req.URL.Path
	resp, err := p.client.Do(req)
	if err != nil {
		return nil, err
	}
	// Read to the end, so that the connection can be used again.
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 8<<20))
	if closeErr := resp.Body.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return nil, fmt.Errorf("%s: reading the answer: %w", what, err)
	}
	if resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusCreated {
		return nil, fmt.Errorf("%s: %s: %s", what, resp.Status, bytes.TrimSpace(answer))
	}
	return answer, nil
}

// wholeBatch reads what became of a batch of OpenLineage events, which succeeds
// even where single ones are refused.
func wholeBatch(path string, answer []byte) error {
	var a struct {
		Failed []struct {
			Index  int    `json:"index"`
			Reason string `json:"reason"`
		} `json:"failed_events"`
	}
	if err := json.Unmarshal(answer, &a); err != nil {
		return fmt.Errorf("POST %s: reading the answer: %w", path, err)
	}
	if len(a.Failed) > 0 {
		return fmt.Errorf("POST %s: %d events were refused, the first at %d: %s", path, len(a.Failed), a.Failed[0].Index, a.Failed[0].Reason)
	}
	return nil
}
