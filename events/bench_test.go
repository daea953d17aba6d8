package events

import (
	"bytes"
	"fmt"
	"testing"
)

// BenchmarkDecodeBatch reads a thousand calls for data at once.
func BenchmarkDecodeBatch(b *testing.B) {
	event := func(i int) string {
		return fmt.Sprintf(`{"specversion":"1.0","id":"e-%012d","source":"https://exchange.example/platform","type":"access.call.recorded",`+
			`"time":"2026-03-01T08:00:00.004Z","data":{"call":"call-%012d","provider":"P001","consumer":"P002","agreement":"A0001","agreement_version":1,`+
			`"purpose":"benefit_eligibility","entry":"DS0001","entry_version":1,"method":"api","columns":["gmsfhm","xm"],"row_count":1,"result":"ok"}}`, i, i)
	}
	var batch bytes.Buffer
	for i := range 1000 {
		batch.WriteString(event(i) + ",")
	}
	whole := append([]byte("["), append(batch.Bytes()[:batch.Len()-1], ']')...)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := DecodeBatch(whole); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1000, "ns/event")
}
