package api

import (
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"strconv"

	"ledgerline/projections"
)

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

// catalogDCAT writes a dcat:Catalog of datasets with their distributions, then of the
// records about them.
type catalogDCAT struct {
	w       io.Writer
	records []any // one for each entry: three short members
}

func newCatalogDCAT(w io.Writer, at exportOf) (catalogFile, error) {
	head := map[string]any{
		"@context": dcatContext, "@type": "dcat:Catalog",
		"ledgerline:position": at.Position, "dct:modified": map[string]any{"@type": "xsd:dateTime", "@value": at.Time.String()},
	}
	if at.Withheld != nil {
		head["ledgerline:withheld"], head["ledgerline:says"] = *at.Withheld, at.Says
	}
	text, err := json.Marshal(head)
	if err == nil {
		_, err = fmt.Fprintf(w, "%s,\n\"dcat:dataset\":[", text[:len(text)-1]) // the object goes on
	}
	return &catalogDCAT{w: w, records: []any{}}, err
}

func (x *catalogDCAT) write(entries []projections.Entry) error {
	for _, e := range entries {
		dataset, record := dcatEntry(e)
		text, err := json.Marshal(dataset)
		if err != nil {
			return err
		}
		between := "\n"
		if len(x.records) > 0 {
			between = ",\n"
		}
		if _, err := fmt.Fprintf(x.w, "%s%s", between, text); err != nil {
			return err
		}
		x.records = append(x.records, record)
	}
	return nil
}

func (x *catalogDCAT) end() error {
	text, err := json.Marshal(x.records)
	if err == nil {
		_, err = fmt.Fprintf(x.w, "],\n\"dcat:record\":%s}\n", text)
	}
	return err
}

// dcatEntry is an entry as a dcat:Dataset and the dcat:CatalogRecord about it.
func dcatEntry(e projections.Entry) (dataset, record map[string]any) {
	id := "urn:ledgerline:entry:" + url.PathEscape(e.ID)
	dataset = map[string]any{
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
	put("ledgerline:sharingBasisRank", e.Sharing.BasisRank)
	put("ledgerline:sharingConditions", e.Sharing.Conditions)
	put("ledgerline:updateInterval", e.UpdateInterval)
	put("ledgerline:classScheme", e.ClassScheme)
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
	return dataset, map[string]any{
		"@type": "dcat:CatalogRecord", "foaf:primaryTopic": map[string]any{"@id": id}, "ledgerline:position": e.Position,
		"dct:modified": map[string]any{"@type": "xsd:dateTime", "@value": e.Recorded.String()},
	}
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
