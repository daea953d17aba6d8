package api

import (
	"net/http"
	"strings"
)

type docsPage struct {
	page
	Routes []routeDoc
}

// routeDoc is a route as the page of documentation shows it.
type routeDoc struct {
	ID, Method, Path, Summary, Who, Example string
	Params                                  []paramDoc
	Bodies, Answers                         []contentDoc
}

type paramDoc struct {
	Name, Doc, Values string
	Required          bool
}

type contentDoc struct {
	Status     int
	Media, Doc string
}

func serveDocs(_ *Server, w http.ResponseWriter, r *http.Request, q pageQuery) error {
	p := docsPage{page: newPage(w, r, q, "title-docs")}
	for _, rt := range routes() {
		p.Routes = append(p.Routes, describe(rt))
	}
	return render(w, r, "docs.html", p)
}

func describe(rt route) routeDoc {
	d := routeDoc{
		ID: operationID(rt), Method: rt.method, Path: openPath(rt.path), Summary: rt.summary, Example: curl(rt),
		Who: rt.who.says(),
	}
	for _, p := range paramsOf(rt.query) {
		values := strings.Join(p.enum, ", ")
		if p.def != "" {
			values = strings.TrimPrefix(values+"; default "+p.def, "; ")
		}
		d.Params = append(d.Params, paramDoc{p.name, p.doc, values, p.required})
	}
	for _, c := range rt.accepts {
		d.Bodies = append(d.Bodies, contentDoc{c.status, c.media, c.doc})
	}
	for _, c := range rt.answers {
		d.Answers = append(d.Answers, contentDoc{c.status, c.media, c.doc})
	}
	return d
}

// curl writes a route's example as a command.
func curl(rt route) string {
	url := `"$LEDGER` + openPath(rt.path)
	if rt.method == http.MethodPost {
		media := "application/json"
		if len(rt.accepts) > 0 {
			media = rt.accepts[0].media
		}
		return "curl -H 'Content-Type: " + media + "' -d '" + rt.example + "' \\\n  " + url + `"`
	}
	return "curl " + url + rt.example + `"`
}
