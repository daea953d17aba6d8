package api

import (
	"strconv"
	"strings"
	"testing"
)

// TestSealedBatches: batches and gaps stand among the calls, judged as these are,
// and what a producer's numbers miss is told until it is declared.
func TestSealedBatches(t *testing.T) {
	f := newFixture(t, nil)
	f.tell()
	event := func(id, typ, data string) string {
		return `{"specversion":"1.0","id":"` + id + `","source":"urn:test","type":"` + typ + `","time":"2026-01-07T00:02:00Z","data":` + data + `}`
	}
	const period = `"period":{"from":"2026-01-07T00:00:00Z","to":"2026-01-07T00:01:00Z"}`
	const root = `"root":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="`
	f.post(event("b1", "access.batch.sealed", `{"batch":"B1","provider":"D01","producer":"g1","consumer":"D03","agreement":"A02","entry":"DS02",`+period+
		`,"purposes":["benefit_eligibility"],"columns":["gmsfhm","xm"],"count_ok":3,"count_denied":1,"rows":9,"first":11,"last":14,`+root+`}`))
	rc := f.post(event("g1", "access.gap.declared", `{"gap":"G1","provider":"D01","producer":"g1","by":"D01",`+period+`,"first":1,"last":4,"cause":"outage"}`))
	after := "after=" + strconv.FormatInt(rc.Position, 10)
	for path, says := range map[string][]string{
		"/v1/accesses?type=access.batch.sealed&" + after:                  {`"calls":3,"denied":1`, `"rule":"access.column-not-granted"`, `"until":"2026-01-07T00:01:00Z"`},
		"/v1/accesses?flagged=true&agreement=A02&" + after:                {`access.batch.sealed`},
		"/v1/accesses?type=access.gap.declared&" + after:                  {`"cause":"outage"`, `"first":1,"last":4`},
		"/v1/accesses?from=2026-01-07T00:00:30Z&" + after:                 {`"B1"`, `"G1"`},
		"/v1/producers?gaps=true&" + after:                                {`"numbers":"calls"`, `"last":14`, `"declared":` + strconv.FormatInt(rc.Position, 10), `{"first":5,"last":10,`},
		"/v1/violations?rule=producer.sequence-gap&" + after:              {`the numbers 5 to 10 of the calls of producer g1`, `"party":"D01"`},
		"/accesses?" + after:                                              {"sealed batch", "declared gap", "11–14", "bar other"},
		"/v1/shares?consumer=D03&column=xm&" + after:                      {`access.batch.sealed`},
		"/v1/exposure?node=entry:DS02&from=2026-01-07T00:00:00Z&" + after: {`"calls":5,"rows":11,"denied":1`},
	} {
		r := f.get(path)
		for _, s := range says {
			if r.status != 200 || !strings.Contains(string(r.body), s) {
				t.Errorf("%s: %d, no %s in %s", path, r.status, s, r.body)
			}
		}
	}
}
