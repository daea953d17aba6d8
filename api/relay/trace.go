package relay

import (
	"context"

	"github.com/ThreeDotsLabs/watermill/message"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"ledgerline/projections"
)

// span begins the span of a message that goes out or comes in, as part of the trace
// that the message names, and lets the message name it. It is nil if nothing is
// traced.
func (rs *Relays) span(ctx context.Context, r *relay, kind trace.SpanKind, msg *message.Message, position int64) trace.Span {
	if rs.o.Tracer == nil {
		return nil
	}
	carrier := propagation.MapCarrier(msg.Metadata)
	ctx = propagation.TraceContext{}.Extract(ctx, carrier)
	ctx, span := rs.o.Tracer.Start(ctx, "relay "+r.name, trace.WithSpanKind(kind))
	if position >= 0 {
		span.SetAttributes(attribute.Int64("ledgerline.position", position))
	}
	propagation.TraceContext{}.Inject(ctx, carrier)
	msg.SetContext(ctx)
	return span
}

func endSpan(span trace.Span, err error) {
	if span == nil {
		return
	}
	if err != nil {
		span.RecordError(err)
	}
	span.End()
}

// Spans makes a span of each run of records that views apply; nil if nothing is
// traced.
func Spans(tracer trace.Tracer) message.HandlerMiddleware {
	if tracer == nil {
		return nil
	}
	return func(next message.HandlerFunc) message.HandlerFunc {
		return func(msg *message.Message) ([]*message.Message, error) {
			from, to, err := projections.RunOf(msg)
			if err != nil {
				return nil, err
			}
			ctx, span := tracer.Start(msg.Context(), "views: apply", trace.WithAttributes(
				attribute.Int64("ledgerline.position.first", from), attribute.Int64("ledgerline.position.last", to-1)))
			msg.SetContext(ctx)
			out, err := next(msg)
			endSpan(span, err)
			return out, err
		}
	}
}
