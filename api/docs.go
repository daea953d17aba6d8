package api

import "net/http"

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
	Name, Doc, Default string
	Values             []string
	Required           bool
}

type contentDoc struct {
	Status     int
	Media, Doc string
}

func serveDocs(_ *Server, w http.ResponseWriter, r *http.Request, q pageQuery) error {
	p := docsPage{page: newPage(w, r, q, "title-docs")}
	for _, rt := range routes() {
		p.Routes = append(p.Routes, p.describe(rt))
	}
	return render(w, r, "docs.html", p)
}

// says is a description in the page's language.
func (p page) says(doc phrase) string {
	text, _ := doc.in(p.language)
	return text
}

func (p page) describe(rt route) routeDoc {
	d := routeDoc{
		ID: operationID(rt), Method: rt.method, Path: openPath(rt.path), Summary: p.says(docText(rt.summary)), Example: curl(rt),
		Who: p.says(rt.who.says(p.roles)),
	}
	for _, of := range paramsOf(rt.query) {
		d.Params = append(d.Params, paramDoc{of.name, p.says(docText(of.doc)), of.def, of.enum, of.required})
	}
	for _, c := range rt.accepts {
		d.Bodies = append(d.Bodies, contentDoc{c.status, c.media, p.says(docText(c.doc))})
	}
	for _, c := range rt.answers {
		d.Answers = append(d.Answers, contentDoc{c.status, c.media, p.says(docText(c.doc))})
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
