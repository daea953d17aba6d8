package api

import (
	"net/http"
	"reflect"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// openAPI describes the routes as an OpenAPI 3.1 document. The one that is
// served, and kept in openapi.json, is made from the table of routes.
func openAPI(table []route) object {
	s := newSchemas()
	problemRef := s.of(reflect.TypeFor[Problem]())
	paths := object{}
	for _, rt := range table {
		path := openPath(rt.path)
		item, ok := paths[path].(object)
		if !ok {
			item = object{}
			paths[path] = item
		}
		item[strings.ToLower(rt.method)] = s.operation(rt, problemRef)
	}
	return object{
		"openapi": "3.1.0",
		"info": object{
			"title":   "Ledgerline",
			"version": "1",
			"summary": "An event-sourced data lineage and audit ledger",
			"description": "Every question about the views takes as_of (a position, or an RFC 3339 time: what the ledger knew then) and after (wait for a position: read your own write). " +
				"Every answer carries in its member ledger the position it speaks for and whether it is complete. Errors are problem+json (RFC 9457) with a stable type, the rule that was broken and a fix.",
			"license": object{"name": "Apache-2.0", "identifier": "Apache-2.0"},
		},
		"servers": []any{object{"url": "/"}},
		"paths":   paths,
		"components": object{
			"schemas":         s.components,
			"securitySchemes": object{"token": object{"type": "http", "scheme": "bearer", "description": "a token made by: ledgerline token"}},
		},
	}
}

// openPath writes a router's path as OpenAPI does: the rest of a path, which may
// hold slashes there and only there, is a parameter too.
func openPath(path string) string { return strings.ReplaceAll(path, "*", "{path}") }

func (s *schemas) operation(rt route, problemRef object) object {
	op := object{
		"operationId": operationID(rt),
		"summary":     rt.summary,
		"responses":   s.responses(rt, problemRef),
		"security":    []any{object{"token": []string{}}},
	}
	if rt.who.public {
		op["security"] = []any{}
	}
	if params := s.parameters(rt); len(params) > 0 {
		op["parameters"] = params
	}
	if len(rt.accepts) > 0 {
		content := object{}
		for _, c := range rt.accepts {
			content[c.media] = s.media(c)
		}
		op["requestBody"] = object{"required": true, "content": content}
	}
	return op
}

// operationID is the method and the words of the path: getV1EventsPosition.
func operationID(rt route) string {
	var b strings.Builder
	b.WriteString(strings.ToLower(rt.method))
	words := strings.FieldsFunc(openPath(rt.path), func(r rune) bool { return strings.ContainsRune("/{}.", r) })
	for _, w := range words {
		b.WriteString(strings.ToUpper(w[:1]) + w[1:])
	}
	if len(words) == 0 {
		b.WriteString("Start")
	}
	return b.String()
}

func (s *schemas) media(c content) object {
	o := object{}
	if c.schema != nil {
		o["schema"] = s.of(c.schema)
	}
	return o
}

func (s *schemas) responses(rt route, problemRef object) object {
	out := object{
		"default": object{"description": "why not, and what to do", "content": object{"application/problem+json": object{"schema": problemRef}}},
	}
	for _, c := range rt.answers {
		code := strconv.Itoa(c.status)
		have, ok := out[code].(object)
		if !ok {
			have = object{"description": http.StatusText(c.status), "content": object{}}
			out[code] = have
		}
		if c.doc != "" {
			if have["description"] == http.StatusText(c.status) {
				have["description"] = c.doc
			} else {
				have["description"] = have["description"].(string) + "; " + c.doc
			}
		}
		contents := have["content"].(object)
		m := s.media(c)
		if before, ok := contents[c.media].(object); ok { // one event or a batch
			m = object{"schema": object{"anyOf": []any{before["schema"], m["schema"]}}}
		}
		contents[c.media] = m
	}
	return out
}

func (s *schemas) parameters(rt route) []any {
	var list []any
	for _, name := range pathParams(rt.path) {
		schema := object{"type": "string"}
		if name == "position" {
			schema = object{"type": "integer", "minimum": 0}
		}
		list = append(list, object{"name": name, "in": "path", "required": true, "schema": schema})
	}
	for _, p := range paramsOf(rt.query) {
		t := p.typ
		if t.Kind() == reflect.Pointer {
			t = t.Elem()
		}
		schema := object{}
		for k, v := range s.of(t) {
			schema[k] = v
		}
		if len(p.enum) > 0 {
			schema["enum"] = p.enum
		}
		if p.min != nil {
			schema["minimum"] = *p.min
		}
		if p.max != nil {
			schema["maximum"] = *p.max
		}
		if p.def != "" {
			schema["default"] = p.defaultValue()
		}
		list = append(list, object{"name": p.name, "in": "query", "required": p.required, "description": p.doc, "schema": schema})
	}
	return list
}

// defaultValue is the default in the parameter's own JSON type.
func (p param) defaultValue() any {
	if n, err := strconv.ParseInt(p.def, 10, 64); err == nil && p.typ.Kind() != reflect.String {
		return n
	}
	return p.def
}

// pathParams lists the parameters in a router's path.
func pathParams(path string) []string {
	var names []string
	for _, part := range strings.Split(openPath(path), "/") {
		if name, ok := strings.CutPrefix(part, "{"); ok {
			names = append(names, strings.TrimSuffix(name, "}"))
		}
	}
	return names
}

// openAPIDocument is the description as it is served and kept.
func openAPIDocument() ([]byte, error) {
	b, err := json.Marshal(openAPI(routes()), json.Deterministic(true), jsontext.WithIndent("  "))
	return append(b, '\n'), err
}

func serveOpenAPI(_ *Server, w http.ResponseWriter, r *http.Request, _ none) error {
	b, err := openAPIDocument()
	if err != nil {
		return err
	}
	writeBody(w, r, http.StatusOK, "application/json", b)
	return nil
}
