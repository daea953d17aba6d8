package api

import (
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"ledgerline/events"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
)

// TestTraces: a request is a span of its client's trace, with the append below it,
// cut into ordering and making durable, and linked to the trace that the event
// itself names.
func TestTraces(t *testing.T) {
	spans := tracetest.NewInMemoryExporter()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans))
	var log buffer
	f := newFixture(t, func(o *Options) {
		o.Tracer, o.Logger = provider.Tracer("test"), slog.New(slog.NewTextHandler(&log, nil))
	})
	const client, producer = "4bf92f3577b34da6a3ce929d0e0e4736", "0af7651916cd43dd8448eb211c80319c"
	event := strings.Replace(registered("D01"), `"specversion":"1.0"`, `"specversion":"1.0","traceparent":"00-`+producer+`-b7ad6b7169203331-01"`, 1)
	f.post(event, "traceparent", "00-"+client+"-00f067aa0ba902b7-01", "X-Request-Id", "mine-2")
	f.get("/v1/nothing")

	got := map[string]tracetest.SpanStub{}
	for _, s := range spans.GetSpans() {
		got[s.Name] = s
	}
	request, whole := got["POST /v1/events"], got["append"]
	if request.SpanContext.TraceID().String() != client || whole.Parent.SpanID() != request.SpanContext.SpanID() {
		t.Fatalf("the append is not below the request of the client's trace: %+v", got)
	}
	if len(whole.Links) != 1 || whole.Links[0].SpanContext.TraceID().String() != producer {
		t.Errorf("the append has links %+v, want one to the trace in the event", whole.Links)
	}
	order, sync := got["sequencer: order"], got["sequencer: sync"]
	if order.Parent.SpanID() != whole.SpanContext.SpanID() || sync.StartTime.Before(order.StartTime) || !sync.StartTime.Equal(order.EndTime) || sync.EndTime.After(whole.EndTime) {
		t.Errorf("ordering %v to %v, making durable %v to %v, within %v to %v", order.StartTime, order.EndTime, sync.StartTime, sync.EndTime, whole.StartTime, whole.EndTime)
	}
	if _, ok := got["GET none"]; !ok {
		t.Error("a request for nothing has no span")
	}
	if !strings.Contains(log.String(), "request=mine-2") || !strings.Contains(log.String(), "trace="+client) {
		t.Errorf("the log does not join request and trace: %s", log.String())
	}
}

// TestUntraced: without a tracer nothing is noted of a trace, and answers are the
// same.
func TestUntraced(t *testing.T) {
	var log buffer
	f := newFixture(t, func(o *Options) { o.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
	f.post(registered("D01"), "traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
	if strings.Contains(log.String(), "trace=") {
		t.Error("the log speaks of a trace that nobody makes")
	}
}

// TestMetricNames holds the metrics to Prometheus's conventions.
func TestMetricNames(t *testing.T) {
	f := newFixture(t, nil)
	f.tell()
	problems, err := promlint.New(strings.NewReader(string(f.get("/metrics").body))).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		if strings.HasPrefix(p.Metric, "ledgerline_") {
			t.Errorf("%s: %s", p.Metric, p.Text)
		}
	}
}

// TestProfiles: profiles are for administrators.
func TestProfiles(t *testing.T) {
	f := newFixture(t, nil)
	if r := f.get("/debug/pprof/goroutine?debug=1"); r.status != 200 || !strings.Contains(string(r.body), "goroutine profile") {
		t.Errorf("%d: %.100s", r.status, r.body)
	}
	if r := f.get("/debug/pprof/cmdline"); r.status != 404 {
		t.Errorf("the command line is shown: %d", r.status)
	}
	f = newFixture(t, func(o *Options) { o.Dev, o.PublicReads = false, true })
	if r := f.get("/debug/pprof/"); r.status != 401 {
		t.Errorf("anybody may read profiles: %d", r.status)
	}
}

// TestUntracedIsFree: what a server without a tracer does for tracing costs no
// memory; BenchmarkTracing says what it costs in time.
func TestUntracedIsFree(t *testing.T) {
	s := &Server{}
	r := httptest.NewRequest("GET", "/", nil)
	batch := make([]events.Event, 1)
	if n := testing.AllocsPerRun(100, func() {
		_, span := s.beginSpan(r)
		s.traceAppend(r.Context(), time.Time{}, batch, nil, nil)
		endSpan(span, r, "/", 200)
	}); n != 0 {
		t.Errorf("%v allocations for nothing", n)
	}
}

// BenchmarkTracing answers the cheapest request without a tracer, with one that
// takes none of the traces, and with one that takes all; and, by itself, what the first
// does for tracing.
func BenchmarkTracing(b *testing.B) {
	b.Run("off, by itself", func(b *testing.B) {
		s, r := &Server{}, httptest.NewRequest("GET", "/", nil)
		batch := make([]events.Event, 1)
		for b.Loop() {
			_, span := s.beginSpan(r)
			s.traceAppend(r.Context(), time.Time{}, batch, nil, nil)
			endSpan(span, r, "/", 200)
		}
	})
	none := sdktrace.NewTracerProvider(sdktrace.WithSampler(sdktrace.NeverSample()))
	all := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(sdktrace.NewSimpleSpanProcessor(tracetest.NewNoopExporter())))
	for name, tracer := range map[string]trace.Tracer{"off": nil, "none": none.Tracer("test"), "all": all.Tracer("test")} {
		b.Run(name, func(b *testing.B) {
			f := newIdleFixture(b, func(o *Options) { o.Tracer = tracer })
			r := httptest.NewRequest("GET", "/healthz", nil)
			for b.Loop() {
				f.server.ServeHTTP(httptest.NewRecorder(), r)
			}
		})
	}
}
