package api

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"ledgerline/events"
)

// BenchmarkAuthorize is what knowing the caller adds to a request: the token among
// 1,000, its principal, the rate, and whether it may use the route.
func BenchmarkAuthorize(b *testing.B) {
	tokens, bearer := principals(b)
	list, err := tokens.List()
	if err != nil {
		b.Fatal(err)
	}
	for i := range 1000 {
		_, tok, err := NewToken(Principal{Name: fmt.Sprint("p", i), Roles: []Role{RoleIngest}}, testNow, time.Time{})
		if err != nil {
			b.Fatal(err)
		}
		list = append(list, tok)
	}
	if err := tokens.write(list); err != nil {
		b.Fatal(err)
	}
	f := newFixture(b, func(o *Options) { o.Dev, o.Tokens, o.Limits.Rate = false, tokens, 1e9 })
	r := httptest.NewRequest(http.MethodGet, "/v1/status", nil)
	r.Header.Set("Authorization", "Bearer "+bearer[RoleAuditor])
	withCall(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		for b.Loop() {
			if err = f.server.authorize(r, readers); err != nil {
				b.Fatal(err)
			}
		}
	})).ServeHTTP(httptest.NewRecorder(), r)
}

// BenchmarkAdmit is what the rules of who may append add to each event.
func BenchmarkAdmit(b *testing.B) {
	e, err := events.DecodeStructured([]byte(ce("i", "quality.issue.reported", `{"issue":"Q1","by":"D03","entry":"DS1","items":["x"],"dimension":"GB36344:0302","symptom":"missing","severity":"major","description":"no date"}`, "party", `"D03"`)))
	if err != nil {
		b.Fatal(err)
	}
	p := Principal{Name: "d03", Roles: []Role{RoleProvider}, Parties: []string{"D03"}}
	batch := []events.Event{e}
	for b.Loop() {
		if err := p.admit(batch, nil); err != nil {
			b.Fatal(err)
		}
	}
}
