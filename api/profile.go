package api

import (
	"net/http"
	"net/http/pprof"

	"github.com/go-chi/chi/v5"
)

// profileQuery holds what net/http/pprof reads from a request of its own.
type profileQuery struct {
	Seconds int `query:"seconds" doc:"how long to watch: profile, trace, and differences of the others" min:"0" max:"300"`
	Debug   int `query:"debug" doc:"above 0: as text" min:"0" max:"2"`
	GC      int `query:"gc" doc:"of heap: 1 collects garbage first" min:"0" max:"1"`
}

// profiles serves Go's profiles of the running process below /debug/pprof/. They
// show what the program does and with how much memory; they hold no content of
// events.
func profiles() endpoint {
	return raw(func(_ *Server, w http.ResponseWriter, r *http.Request, _ profileQuery) error {
		switch name := chi.URLParam(r, "*"); name {
		case "":
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			pprof.Index(w, r)
		case "cmdline", "symbol":
			return problem(http.StatusNotFound, "route.unknown", "there is no profile of that name", "see /debug/pprof/ for those there are")
		case "profile":
			pprof.Profile(w, r)
		case "trace":
			pprof.Trace(w, r)
		default:
			pprof.Handler(name).ServeHTTP(w, r)
		}
		return nil
	}, text("application/octet-stream")).streams() // it takes as long as it is asked to
}
