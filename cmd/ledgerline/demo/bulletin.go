package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"ledgerline/events"
)

// bulletin is an order to issue the bulletin of a period, or to seal a summary at its
// end: what it says is what the ledger gives when the step is recorded, so the event is
// made while loading.
type bulletin struct {
	ID     string `json:"id"`
	By     string `json:"by"`
	Period string `json:"period"`
	Region string `json:"region"`
}

// bulletinSteps: the data bureau issues the province's bulletin for December, and seals
// what the province then had in its catalog.
func bulletinSteps() []Step {
	return []Step{
		{on("2026-01-05 10:00"), KindBulletin, encode(bulletin{"BL-2025-12", "D07", "2025-12", province}),
			"the data bureau issues the bulletin for December 2025"},
		{on("2026-01-05 10:20"), KindSummary, encode(bulletin{"RS-2025-12", "D07", "2025-12", province}),
			"the data bureau seals the catalog of the province as of the end of 2025"},
	}
}

// about tells whether an order was carried out already, and where the ledger stands.
func (p poster) about(ctx context.Context, id string) (known bool, position string, err error) {
	var found struct {
		Rows []json.RawMessage `json:"rows"`
	}
	if err := p.get(ctx, "/v1/events?"+url.Values{"source": {catalogSource}, "id": {id}}.Encode(), &found); err != nil || len(found.Rows) > 0 {
		return len(found.Rows) > 0, "", err
	}
	var status struct {
		Ledger struct {
			Position int64 `json:"position"`
		} `json:"ledger"`
	}
	err = p.get(ctx, "/v1/status", &status)
	return false, strconv.FormatInt(status.Ledger.Position, 10), err
}

// issue has the ledger compute the figures of the order in a step, and records them
// as issued; an order that was carried out already is left as it is.
func (p poster) issue(ctx context.Context, step Step) error {
	var order bulletin
	if err := json.Unmarshal(step.Body, &order); err != nil {
		return err
	}
	known, position, err := p.about(ctx, order.ID)
	if err != nil || known {
		return err
	}
	var computed struct {
		Bulletin struct {
			From        events.Time `json:"from"`
			To          events.Time `json:"to"`
			MetricSet   string      `json:"metric_set"`
			ViewVersion uint64      `json:"view_version"`
		} `json:"bulletin"`
		Values map[string]int64 `json:"values"`
		AsOf   uint64           `json:"as_of"`
		Head   []byte           `json:"head"`
	}
	query := url.Values{"region": {order.Region}, "as_of": {position}}
	if err := p.get(ctx, "/v1/bulletins/"+order.Period+"?"+query.Encode(), &computed); err != nil {
		return err
	}
	return p.post(ctx, []Step{recordAt(step.At, events.Event{
		ID: order.ID, Source: catalogSource, Type: "oversight.bulletin.issued", Time: events.TimeOf(step.At), Party: order.By, Actor: actor(order.By, "dept_head"),
		Data: &events.BulletinIssued{
			Bulletin: order.ID, By: order.By, Period: events.Period{From: computed.Bulletin.From, To: computed.Bulletin.To}, Region: order.Region,
			MetricSet: computed.Bulletin.MetricSet, Values: computed.Values, AsOf: computed.AsOf, Head: computed.Head, ViewVersion: computed.Bulletin.ViewVersion,
		},
	}, step.Note)})
}

// seal has the ledger list what the region of the order in a step had in force at the end
// of the period, and records the list as sealed.
func (p poster) seal(ctx context.Context, step Step) error {
	var order bulletin
	if err := json.Unmarshal(step.Body, &order); err != nil {
		return err
	}
	known, position, err := p.about(ctx, order.ID)
	if err != nil || known {
		return err
	}
	var computed struct {
		Period  events.Period    `json:"period"`
		Entries int              `json:"entries"`
		Counts  map[string]int64 `json:"counts"`
		Root    []byte           `json:"root"`
		AsOf    uint64           `json:"as_of"`
		Head    []byte           `json:"head"`
	}
	query := url.Values{"region": {order.Region}, "as_of": {position}}
	if err := p.get(ctx, "/v1/catalog/summary/"+order.Period+"?"+query.Encode(), &computed); err != nil {
		return err
	}
	return p.post(ctx, []Step{recordAt(step.At, events.Event{
		ID: order.ID, Source: catalogSource, Type: "catalog.region_summary.sealed", Time: events.TimeOf(step.At), Party: order.By, Actor: actor(order.By, "dept_head"),
		Data: &events.RegionSummarySealed{
			RegionSummary: order.ID, By: order.By, Region: order.Region, Period: computed.Period, Entries: computed.Entries, Counts: computed.Counts,
			Root: computed.Root, AsOf: computed.AsOf, Head: computed.Head,
		},
	}, step.Note)})
}

// get asks the ledger, and reads its answer into a value.
func (p poster) get(ctx context.Context, path string, into any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.baseURL+path, nil)
	if err != nil {
		return err
	}
	answer, err := p.do(req)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(answer, into); err != nil {
		return fmt.Errorf("GET %s: reading the answer: %w", path, err)
	}
	return nil
}
