package api

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"ledgerline/events"
	"ledgerline/projections"
)

type exportQuery struct {
	reading
	validAt
	Text     string `query:"text" doc:"words that must occur, as for /v1/catalog/entries"`
	Provider string `query:"provider" doc:"the providing party's id"`
	Region   string `query:"region" doc:"the region code"`
	Stage    string `query:"stage" doc:"stage of the entry" enum:"drafted,department_approved,submitted,returned,published,withdrawn"`
	Format   string `query:"format" doc:"form of the export: DCAT 3 as JSON-LD, or one line for each item as CSV" enum:"dcat,csv" default:"dcat"`
}

// exportCatalog gives the whole catalog as of a moment: nothing is paged. Headers
// Ledgerline-* say what it speaks for.
func exportCatalog() endpoint {
	e := raw(func(s *Server, w http.ResponseWriter, r *http.Request, q exportQuery) error {
		c, err := s.ask(w, r, q.reading, "")
		if err != nil {
			return err
		}
		var entries []projections.Entry
		page := projections.Page{Limit: projections.MaxLimit}
		for err == nil {
			var list projections.EntryList
			list, err = c.view.Entries(c.ctx, projections.EntryQuery{
				Text: q.Text, Provider: q.Provider, Region: q.Region, Stage: q.Stage, ValidAt: q.ValidAt, Page: page,
			})
			entries = append(entries, list.Entries...)
			if page.Cursor = list.Next; page.Cursor == "" {
				break
			}
		}
		standing := c.standing()
		c.sayStanding()
		if err := errors.Join(err, c.close()); err != nil {
			return err
		}
		body, media := []byte(nil), "application/ld+json"
		if q.Format == "csv" {
			body, err = catalogCSV(entries, standing)
			media = "text/csv; charset=utf-8"
		} else {
			body, err = json.Marshal(catalogDCAT(entries, standing))
		}
		if err != nil {
			return err
		}
		writeBody(w, r, http.StatusOK, media, body)
		return nil
	})
	e = e.filters()
	e.answers = []content{
		{http.StatusOK, "application/ld+json", nil, "format=dcat: DCAT 3 as JSON-LD; what DCAT has no word for stands under the ledgerline namespace"},
		{http.StatusOK, "text/csv", nil, "format=csv: RFC 4180, a line for each item, with a header. Where something is withheld, a last line without an entry says so: in words under title, how much under withheld"},
	}
	return e
}

// catalogCSV writes a line for each item of each entry. A reader from whom something is
// withheld finds that in a last line of the same shape: it bears no entry, and counts in a
// column of its own, so that what reads the items is not misled.
func catalogCSV(entries []projections.Entry, at Standing) ([]byte, error) {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	rows := [][]string{{"entry", "version", "stage", "code", "title", "title_en", "provider", "sharing", "grade", "update_frequency", "region",
		"valid_from", "valid_to", "imported", "item", "item_name", "item_type", "item_length", "item_key", "item_personal", "item_sharing", "item_disputed", "position", "withheld"}}
	for _, e := range entries {
		for _, it := range e.Items {
			sharing := it.Sharing
			if sharing == "" {
				sharing = e.Sharing.Attribute
			}
			rows = append(rows, []string{e.ID, strconv.Itoa(e.Version), e.Stage, e.Code, e.Title, e.TitleEN, e.Provider, e.Sharing.Attribute, e.Grade,
				e.UpdateFrequency, e.Region, exportTime(e.ValidFrom), exportTime(e.ValidTo), strconv.FormatBool(e.Imported), it.ID, it.Name, it.Type, it.Length,
				strconv.FormatBool(it.Key), it.Personal, sharing, strings.Join(disputes(e, it.ID), " "), strconv.FormatInt(e.Position, 10), ""})
		}
	}
	if at.Withheld != nil {
		last := make([]string, len(rows[0]))
		last[slices.Index(rows[0], "title")], last[len(last)-1] = at.Says, strconv.FormatInt(*at.Withheld, 10)
		rows = append(rows, last)
	}
	if err := w.WriteAll(rows); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// disputes lists the issues that mark an item.
func disputes(e projections.Entry, item string) (issues []string) {
	for _, m := range e.Marks {
		hit := len(m.Items) == 0
		for _, i := range m.Items {
			hit = hit || i == item
		}
		if hit {
			issues = append(issues, m.Issue)
		}
	}
	return issues
}

func exportTime(t events.Time) string {
	if t == 0 {
		return ""
	}
	return t.String()
}

// The terms of DCAT 3 (W3C Recommendation 2024-08-22), DCTERMS and FOAF that the
// export uses, and the EU frequency vocabulary for how often an entry changes.
var (
	dcatContext = map[string]string{
		"dcat": "http://www.w3.org/ns/dcat#", "dct": "http://purl.org/dc/terms/", "foaf": "http://xmlns.com/foaf/0.1/",
		"xsd": "http://www.w3.org/2001/XMLSchema#", "ledgerline": "urn:ledgerline:terms:",
	}
	dcatFrequency = map[string]string{
		"realtime": "UPDATE_CONT", "daily": "DAILY", "weekly": "WEEKLY", "monthly": "MONTHLY", "quarterly": "QUARTERLY", "yearly": "ANNUAL", "other": "OTHER",
	}
)

// catalogDCAT makes a dcat:Catalog of records, datasets and distributions.
func catalogDCAT(entries []projections.Entry, at Standing) map[string]any {
	datasets, records := []any{}, []any{}
	for _, e := range entries {
		id := "urn:ledgerline:entry:" + url.PathEscape(e.ID)
		dataset := map[string]any{
			"@id": id, "@type": "dcat:Dataset", "dct:identifier": e.ID, "dct:title": titles(e), "dcat:version": strconv.Itoa(e.Version),
			"dct:publisher":    map[string]any{"@id": "urn:ledgerline:party:" + url.PathEscape(e.Provider), "@type": "foaf:Agent", "foaf:name": e.ProviderName},
			"dct:accessRights": map[string]any{"@id": "urn:ledgerline:sharing:" + e.Sharing.Attribute},
			"dct:accrualPeriodicity": map[string]any{
				"@id": "http://publications.europa.eu/resource/authority/frequency/" + dcatFrequency[e.UpdateFrequency]},
			"ledgerline:stage": e.Stage, "ledgerline:grade": e.Grade, "ledgerline:items": e.Items,
		}
		put := func(term, value string) {
			if value != "" {
				dataset[term] = value
			}
		}
		put("dct:description", e.Summary)
		put("ledgerline:code", e.Code)
		put("ledgerline:sharingReason", e.Sharing.Reason)
		put("ledgerline:sharingBasis", e.Sharing.Basis)
		put("dct:spatial", e.Region)
		if len(e.ClassPath) > 0 {
			dataset["dcat:theme"] = e.ClassPath
		}
		if e.Published > 0 && e.ValidFrom != 0 {
			dataset["dct:issued"] = map[string]any{"@type": "xsd:dateTime", "@value": e.ValidFrom.String()}
		}
		if e.Imported {
			dataset["ledgerline:imported"] = true
		}
		if len(e.DerivedFrom) > 0 {
			var from []any
			for _, d := range e.DerivedFrom {
				from = append(from, map[string]any{"@id": "urn:ledgerline:entry:" + url.PathEscape(d)})
			}
			dataset["dct:source"] = from
		}
		var distributions []any
		for _, r := range e.Resources {
			distributions = append(distributions, distribution(projections.Dataset{Namespace: r.Namespace, Name: r.Name}, r.Method))
		}
		for _, a := range e.Attached {
			distributions = append(distributions, distribution(a.Dataset, a.Method))
		}
		if distributions != nil {
			dataset["dcat:distribution"] = distributions
		}
		datasets = append(datasets, dataset)
		records = append(records, map[string]any{
			"@type": "dcat:CatalogRecord", "foaf:primaryTopic": map[string]any{"@id": id}, "ledgerline:position": e.Position,
			"dct:modified": map[string]any{"@type": "xsd:dateTime", "@value": e.Recorded.String()},
		})
	}
	catalog := map[string]any{
		"@context": dcatContext, "@type": "dcat:Catalog", "dcat:dataset": datasets, "dcat:record": records,
		"ledgerline:position": at.Position, "dct:modified": map[string]any{"@type": "xsd:dateTime", "@value": at.Time.String()},
	}
	if at.Withheld != nil {
		catalog["ledgerline:withheld"], catalog["ledgerline:says"] = *at.Withheld, at.Says
	}
	return catalog
}

func titles(e projections.Entry) []any {
	out := []any{map[string]any{"@language": "zh", "@value": e.Title}}
	if e.TitleEN != "" {
		out = append(out, map[string]any{"@language": "en", "@value": e.TitleEN})
	}
	return out
}

func distribution(d projections.Dataset, method string) map[string]any {
	return map[string]any{"@type": "dcat:Distribution", "dct:identifier": d.Namespace + "/" + d.Name, "ledgerline:method": method}
}
