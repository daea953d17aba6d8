package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// traceConfig says where a server's spans go. OpenTelemetry's own environment
// variables count as well: OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_EXPORTER_OTLP_HEADERS,
// OTEL_TRACES_SAMPLER and their kin.
type traceConfig struct {
	URL   string  `toml:"url" usage:"send spans to this OTLP/HTTP endpoint, such as http://127.0.0.1:4318/v1/traces (default: OTEL_EXPORTER_OTLP_ENDPOINT, else nothing is traced)"`
	Ratio float64 `toml:"ratio" usage:"part of the requests that are traced, from 0 to 1, unless the client has decided"`
}

func (t *traceConfig) check() error {
	if !(t.Ratio >= 0 && t.Ratio <= 1) {
		return usage("--trace-ratio %v: want a number from 0 to 1", t.Ratio)
	}
	if t.URL != "" {
		return checkURL("--trace-url", t.URL)
	}
	return nil
}

// start makes a tracer; nil if nothing is to be traced. The returned function sends
// what is left.
func (t *traceConfig) start(ctx context.Context, logger *slog.Logger) (trace.Tracer, func(), error) {
	if t.URL == "" && os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT") == "" && os.Getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") == "" {
		return nil, func() {}, nil
	}
	var to []otlptracehttp.Option
	if t.URL != "" {
		to = append(to, otlptracehttp.WithEndpointURL(t.URL))
	}
	exporter, err := otlptracehttp.New(ctx, to...)
	if err != nil {
		return nil, nil, fmt.Errorf("setting up the sending of spans: %w", err)
	}
	about, err := resource.New(ctx, resource.WithTelemetrySDK(), resource.WithAttributes(
		attribute.String("service.name", "ledgerline"), attribute.String("service.version", buildVersion())), resource.WithFromEnv())
	if err != nil {
		return nil, nil, fmt.Errorf("describing this server for its spans: %w", err)
	}
	// OpenTelemetry has no other place for what goes wrong while sending.
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { logger.Warn("spans are not sent", "error", err) }))
	options := []sdktrace.TracerProviderOption{sdktrace.WithBatcher(exporter), sdktrace.WithResource(about)}
	if os.Getenv("OTEL_TRACES_SAMPLER") == "" {
		options = append(options, sdktrace.WithSampler(sdktrace.ParentBased(sdktrace.TraceIDRatioBased(t.Ratio))))
	}
	provider := sdktrace.NewTracerProvider(options...)
	return provider.Tracer("ledgerline"), func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		if err := provider.Shutdown(ctx); err != nil && !errors.Is(err, context.Canceled) {
			logger.Warn("the last spans were not sent", "error", err)
		}
	}, nil
}
