package api

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"syscall"
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

// BenchmarkScope is one agreement asked for by callers who may see everything and who
// may see a part, whole over HTTP's handlers: what differs is what the scope adds. The
// processor's time is told, which a busy machine does not stretch.
func BenchmarkScope(b *testing.B) {
	tokens, bearer := principals(b)
	who := map[string]string{"all": bearer[RoleAuditor]}
	for name, p := range map[string]Principal{
		"parties": {ReadParties: []string{"D01"}}, "regions": {ReadRegions: []string{"990000"}}, "outside": {ReadRegions: []string{"11"}},
		"fields": {Withhold: []string{"actor", "approved_by"}},
	} {
		p.Name, p.Roles = name, []Role{RoleAuditor}
		who[name] = mint(b, tokens, p, time.Time{})
	}
	f := newFixture(b, func(o *Options) { o.Tokens, o.Limits.Rate = tokens, 1e9 })
	f.tell()
	for _, name := range []string{"all", "parties", "regions", "outside", "fields", "session"} {
		b.Run(name, func(b *testing.B) {
			r := httptest.NewRequest(http.MethodGet, "http://127.0.0.1/v1/agreements/A02", nil)
			want := http.StatusOK
			switch name {
			case "session":
				held, err := f.server.signIn(withCaller(r), who["parties"])
				if err != nil {
					b.Fatal(err)
				}
				r.AddCookie(&http.Cookie{Name: "ledgerline", Value: f.server.sessions.begin(held)})
			case "outside":
				want = http.StatusNotFound
				fallthrough
			default:
				r.Header.Set("Authorization", "Bearer "+who[name])
			}
			before := processorTime(b)
			for b.Loop() {
				w := httptest.NewRecorder()
				f.server.ServeHTTP(w, r)
				if w.Code != want {
					b.Fatal(w.Code, w.Body)
				}
			}
			b.ReportMetric(float64(processorTime(b)-before)/float64(b.N), "cpu-ns/op")
		})
	}
}

// withCaller is a request as the first middleware hands it on.
func withCaller(r *http.Request) (out *http.Request) {
	withCall(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { out = r })).ServeHTTP(httptest.NewRecorder(), r)
	return out
}

// processorTime is what this process has used of it.
func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
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
