package api

import (
	"net"
	"net/http"
	"time"

	"ledgerline/ledger"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// metrics are what this server tells Prometheus. They have a registry of their
// own, so that several servers can live in one process.
type metrics struct {
	handler  http.Handler
	requests *prometheus.CounterVec   // by method, route, status
	seconds  *prometheus.HistogramVec // by route
	open     prometheus.Gauge         // connections
	inFlight prometheus.Gauge
	problems *prometheus.CounterVec // by rule
	refusals *prometheus.CounterVec // by rule
	appended prometheus.Counter
	repeated prometheus.Counter
	ordering prometheus.Histogram
	syncing  prometheus.Histogram
}

// appendBuckets begin below what one synced write of a fast disk takes.
var appendBuckets = []float64{.0001, .0002, .0005, .001, .002, .005, .01, .02, .05, .1, .5, 2, 10}

func newMetrics(s *Server) *metrics {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "ledgerline_http_requests_total", Help: "Requests answered."}, []string{"method", "route", "status"}),
		seconds:  prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "ledgerline_http_request_duration_seconds", Help: "Time to answer.", Buckets: []float64{.0005, .001, .005, .02, .1, .5, 2, 10}}, []string{"route"}),
		open:     prometheus.NewGauge(prometheus.GaugeOpts{Name: "ledgerline_http_connections", Help: "Connections that are open."}),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{Name: "ledgerline_http_requests_in_flight", Help: "Requests that are being answered."}),
		problems: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "ledgerline_http_problems_total", Help: "Requests answered with a problem, by the rule that was broken."}, []string{"rule"}),
		refusals: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "ledgerline_refusals_total", Help: "Events not admitted, by the rule that refused them."}, []string{"rule"}),
		appended: prometheus.NewCounter(prometheus.CounterOpts{Name: "ledgerline_appended_total", Help: "Events recorded through this server."}),
		repeated: prometheus.NewCounter(prometheus.CounterOpts{Name: "ledgerline_repeated_total", Help: "Events that were there already and got their old receipt."}),
		ordering: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "ledgerline_append_order_duration_seconds", Help: "Time from an append until its events have their places: waiting and checking.", Buckets: appendBuckets}),
		syncing:  prometheus.NewHistogram(prometheus.HistogramOpts{Name: "ledgerline_append_sync_duration_seconds", Help: "Time from there until they are durable.", Buckets: appendBuckets}),
	}
	build := prometheus.NewGauge(prometheus.GaugeOpts{Name: "ledgerline_build_info", Help: "1, with the version of the program.", ConstLabels: prometheus.Labels{"version": s.o.Version}})
	build.Set(1)
	registry := prometheus.NewRegistry()
	registry.MustRegister(build, m.requests, m.seconds, m.problems, m.refusals, m.appended, m.repeated, m.open, m.inFlight, m.ordering, m.syncing,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), &standingCollector{s})
	m.handler = promhttp.HandlerFor(registry, promhttp.HandlerOpts{})
	return m
}

// connection counts those that are open.
func (m *metrics) connection(_ net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		m.open.Inc()
	case http.StateClosed, http.StateHijacked:
		m.open.Dec()
	}
}

// methodLabel is a method as a label: clients may make up any number of methods, and
// each would be kept for good. The word for those is OpenTelemetry's.
func methodLabel(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodConnect, http.MethodOptions, http.MethodTrace:
		return method
	}
	return "_OTHER"
}

// timeAppend notes how long an append that succeeded took to be ordered and to be
// durable.
func (m *metrics) timeAppend(began time.Time, receipts []ledger.Receipt) {
	if len(receipts) == 0 || receipts[0].Ordered.IsZero() { // nothing came of it, or a benchmark has no book
		return
	}
	ordered := receipts[0].Ordered
	m.ordering.Observe(ordered.Sub(began).Seconds())
	m.syncing.Observe(time.Since(ordered).Seconds())
}

func serveMetrics(s *Server, w http.ResponseWriter, r *http.Request, _ none) error {
	s.metrics.handler.ServeHTTP(w, r)
	return nil
}

// standingCollector reports where the book and the views are when asked.
type standingCollector struct{ s *Server }

var (
	durableSize   = prometheus.NewDesc("ledgerline_durable_size", "Records that are durable.", nil, nil)
	publishedSize = prometheus.NewDesc("ledgerline_published_size", "Records under the published checkpoint.", nil, nil)
	recordedTime  = prometheus.NewDesc("ledgerline_last_recorded_timestamp_seconds", "When the last durable record was recorded.", nil, nil)
	followers     = prometheus.NewDesc("ledgerline_followers", "Clients that follow the events.", nil, nil)
	viewApplied   = prometheus.NewDesc("ledgerline_view_applied_position", "Last position a view has applied.", []string{"view"}, nil)
	viewLag       = prometheus.NewDesc("ledgerline_view_lag_positions", "Positions by which a view is behind the book.", []string{"view"}, nil)
	viewLagTime   = prometheus.NewDesc("ledgerline_view_lag_seconds", "Recorded time by which a view is behind the book.", []string{"view"}, nil)
	anchoredSize  = prometheus.NewDesc("ledgerline_anchored_size", "Records under the last head that an authority timestamped.", nil, nil)
	anchoredTime  = prometheus.NewDesc("ledgerline_anchored_timestamp_seconds", "The authority's time of that head.", nil, nil)
	anchorFails   = prometheus.NewDesc("ledgerline_anchor_failures", "Timestamps that failed since the last success.", nil, nil)
	cosignedSize  = prometheus.NewDesc("ledgerline_cosigned_size", "Records under the last head whose cosignatures met the witness policy.", nil, nil)
	witnessSize   = prometheus.NewDesc("ledgerline_witness_size", "Records under the last head that a witness cosigned.", []string{"witness"}, nil)
	witnessFails  = prometheus.NewDesc("ledgerline_witness_failures", "Cosignatures that failed since the witness's last one.", []string{"witness"}, nil)
	patrolAt      = prometheus.NewDesc("ledgerline_patrol_position", "Next record that the patrol verifies in its pass.", nil, nil)
	patrolSize    = prometheus.NewDesc("ledgerline_patrol_size", "Records of the patrol's pass.", nil, nil)
	patrolEnded   = prometheus.NewDesc("ledgerline_patrol_last_pass_timestamp_seconds", "When the patrol's last complete pass ended; 0 if there was none.", nil, nil)
	patrolDamage  = prometheus.NewDesc("ledgerline_patrol_findings", "What the patrol found to be not as it was acknowledged.", nil, nil)
	relayAt       = prometheus.NewDesc("ledgerline_relay_position", "Next record that a relay sends out.", []string{"relay"}, nil)
	relayLag      = prometheus.NewDesc("ledgerline_relay_lag_positions", "Records that a relay has yet to send out.", []string{"relay"}, nil)
	relayed       = prometheus.NewDesc("ledgerline_relay_events_total", "Events that went through a relay since the start.", []string{"relay"}, nil)
	relayRefused  = prometheus.NewDesc("ledgerline_relay_refused_total", "Messages that a relay brought to the dead letters since the start.", []string{"relay"}, nil)
	relayFailures = prometheus.NewDesc("ledgerline_relay_failures", "Tries of a relay that failed since the last that did not.", []string{"relay"}, nil)
	relayRunning  = prometheus.NewDesc("ledgerline_relay_running", "0 if a relay has stopped for good.", []string{"relay"}, nil)
	indexLag      = prometheus.NewDesc("ledgerline_index_lag_positions", "Records that no commitment of the completeness index covers; absent while there is none.", nil, nil)
	storeMemory   = prometheus.NewDesc("ledgerline_store_memory_bytes", "What the storage engine keeps of a store in memory: blocks it read (cache), and rows that no table has yet (memtables).", []string{"store", "what"}, nil)
	certExpires   = prometheus.NewDesc("ledgerline_certificate_expiry_timestamp_seconds", "When the certificate expires that the server is reached with; absent without one.", nil, nil)
	viewHealthy   = prometheus.NewDesc("ledgerline_view_healthy", "0 if an error has stopped the view.", []string{"view"}, nil)
)

// Describe implements prometheus.Collector.
func (c *standingCollector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{durableSize, publishedSize, recordedTime, followers, anchoredSize, anchoredTime, anchorFails, cosignedSize, witnessSize, witnessFails, patrolAt, patrolSize, patrolEnded, patrolDamage, viewApplied, viewLag, viewLagTime, relayAt, relayLag, relayed, relayRefused, relayFailures, relayRunning, indexLag, storeMemory, certExpires, viewHealthy} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (c *standingCollector) Collect(ch chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	head := c.s.o.Ledger.Head()
	gauge(durableSize, float64(head.Size))
	gauge(publishedSize, float64(c.s.publishedSize()))
	gauge(recordedTime, float64(head.Time)/1e6)
	if index := c.s.indexAnswer(); index != nil {
		gauge(indexLag, float64(index.Lag))
	}
	gauge(followers, float64(c.s.followers.open()))
	if c.s.o.CertificateExpires != nil {
		if at := c.s.o.CertificateExpires(); !at.IsZero() {
			gauge(certExpires, float64(at.Unix()))
		}
	}
	out := c.s.outsiders()
	if out.Cosigned != nil {
		gauge(cosignedSize, float64(out.Cosigned.Size))
	}
	for _, w := range out.Witnesses {
		gauge(witnessSize, float64(w.Size), w.Name)
		gauge(witnessFails, float64(w.Failures), w.Name)
	}
	if a := out.Authority; a != nil {
		gauge(anchoredSize, float64(a.Size))
		gauge(anchoredTime, float64(a.Time)/1e6)
		gauge(anchorFails, float64(a.Failures))
	}
	patrol := c.s.o.Ledger.PatrolStatus()
	gauge(patrolAt, float64(patrol.Position))
	gauge(patrolSize, float64(patrol.Size))
	gauge(patrolEnded, float64(patrol.LastEnded)/1e6)
	gauge(patrolDamage, float64(len(patrol.Findings)))
	for _, r := range c.s.o.Relays() {
		if r.Kind != "ingest" {
			gauge(relayAt, float64(r.Position), r.Name)
			gauge(relayLag, float64(r.Lag), r.Name)
		}
		ch <- prometheus.MustNewConstMetric(relayed, prometheus.CounterValue, float64(r.Relayed), r.Name)
		ch <- prometheus.MustNewConstMetric(relayRefused, prometheus.CounterValue, float64(r.Refused), r.Name)
		gauge(relayFailures, float64(r.Failures), r.Name)
		running := 1.0
		if r.Stopped {
			running = 0
		}
		gauge(relayRunning, running, r.Name)
	}
	for store, m := range c.s.memory() {
		gauge(storeMemory, float64(m.Cache), store, "cache")
		gauge(storeMemory, float64(m.Memtables), store, "memtables")
	}
	for _, v := range c.s.o.Views.Status() {
		gauge(viewApplied, float64(v.Applied), v.Name)
		gauge(viewLag, float64(v.Lag), v.Name)
		gauge(viewLagTime, v.LagSeconds, v.Name)
		healthy := 1.0
		if v.Err != "" {
			healthy = 0
		}
		gauge(viewHealthy, healthy, v.Name)
	}
}

// memory is what the storage engine holds of each store; of one that is closed, nothing.
func (s *Server) memory() map[string]ledger.Memory {
	stores := make(map[string]ledger.Memory)
	if book, index, err := s.o.Ledger.Memory(); err == nil {
		stores["book"], stores["index"] = book, index
	}
	if view, err := s.o.Views.At(-1); err == nil { // of any moment: the rows of all are in one store
		stores["views"] = view.Memory()
		view.Close()
	}
	return stores
}
