package api

import (
	"context"
	"net/http"
	"time"

	"ledgerline/events"
	"ledgerline/ledger"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// Spans are made only with Options.Tracer: without one, a request costs a
// comparison with nil. They bear routes, statuses and positions, and never what was
// asked or recorded.

// beginSpan begins the span of a request, as part of the trace that its client
// began (W3C Trace Context), and puts it into the request's context. The span is
// nil if requests are not traced.
func (s *Server) beginSpan(r *http.Request) (*http.Request, trace.Span) {
	if s.o.Tracer == nil {
		return r, nil
	}
	ctx := propagation.TraceContext{}.Extract(r.Context(), propagation.HeaderCarrier(r.Header))
	c := callOf(r)
	ctx, span := s.o.Tracer.Start(ctx, methodLabel(r.Method), trace.WithSpanKind(trace.SpanKindServer), trace.WithAttributes(
		attribute.String("http.request.method", methodLabel(r.Method)), attribute.String("ledgerline.request", c.id)))
	if sc := span.SpanContext(); sc.HasTraceID() {
		c.trace = sc.TraceID().String()
	}
	return r.WithContext(ctx), span
}

// endSpan ends the span of a request with what became of it.
func endSpan(span trace.Span, r *http.Request, route string, status int) {
	if span == nil {
		return
	}
	c := callOf(r)
	span.SetName(methodLabel(r.Method) + " " + route)
	span.SetAttributes(attribute.String("http.route", route), attribute.Int("http.response.status_code", status))
	if c.rule != "" {
		span.SetAttributes(attribute.String("ledgerline.rule", c.rule))
	}
	if status >= http.StatusInternalServerError {
		span.SetStatus(codes.Error, c.rule)
	}
	span.End()
}

// traceAppend tells of an append that began at began: how long its events waited
// for their places, and how long these took to become durable. Events that bear a
// traceparent of their own are linked to.
func (s *Server) traceAppend(ctx context.Context, began time.Time, batch []events.Event, receipts []ledger.Receipt, err error) {
	if s.o.Tracer == nil {
		return
	}
	ctx, span := s.o.Tracer.Start(ctx, "append", trace.WithTimestamp(began), trace.WithLinks(traceLinks(batch)...), trace.WithAttributes(attribute.Int("ledgerline.events", len(batch))))
	defer span.End()
	if err != nil {
		span.SetStatus(codes.Error, problemOf(err).Rule)
		return
	}
	if len(receipts) == 0 {
		return
	}
	first, last := receipts[0], receipts[len(receipts)-1]
	span.SetAttributes(attribute.Int64("ledgerline.position.first", first.Position), attribute.Int64("ledgerline.position.last", last.Position))
	_, order := s.o.Tracer.Start(ctx, "sequencer: order", trace.WithTimestamp(began))
	order.End(trace.WithTimestamp(first.Ordered))
	_, sync := s.o.Tracer.Start(ctx, "sequencer: sync", trace.WithTimestamp(first.Ordered))
	sync.End()
}

// maxLinks bounds the links of one span.
const maxLinks = 128

// traceLinks finds the traces that events say they belong to.
func traceLinks(batch []events.Event) (links []trace.Link) {
	for _, e := range batch {
		if e.Trace == "" || len(links) == maxLinks {
			continue
		}
		ctx := propagation.TraceContext{}.Extract(context.Background(), propagation.MapCarrier{"traceparent": e.Trace})
		if sc := trace.SpanContextFromContext(ctx); sc.IsValid() {
			links = append(links, trace.Link{SpanContext: sc})
		}
	}
	return links
}
