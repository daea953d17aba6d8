package api

import (
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"strconv"

	"ledgerline/events"
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
		"ledgerline:position": at.Position, "dct:modified": dcatTime(at.Time),
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
	list := func(term string, values []string) {
		if len(values) > 0 {
			dataset[term] = values
		}
	}
	put("dct:description", e.Summary)
	put("ledgerline:code", e.Code)
	put("ledgerline:codeScheme", e.CodeScheme)
	put("ledgerline:sharingReason", e.Sharing.Reason)
	put("ledgerline:sharingBasis", e.Sharing.Basis)
	put("ledgerline:sharingBasisRank", e.Sharing.BasisRank)
	put("ledgerline:sharingRange", e.Sharing.Range)
	list("ledgerline:sharingPurposes", e.Sharing.Purposes)
	put("ledgerline:sharingConditions", e.Sharing.Conditions)
	list("ledgerline:sharingMethods", e.Sharing.Methods)
	put("ledgerline:format", e.Format)
	put("ledgerline:formatDetail", e.FormatDetail)
	list("ledgerline:sourceSystems", e.SourceSystems)
	list("ledgerline:businessItems", e.BusinessItems)
	put("ledgerline:volume", e.Volume)
	put("ledgerline:contact", e.Contact)
	put("ledgerline:specification", e.Specification)
	list("ledgerline:assessments", e.Assessments)
	put("ledgerline:updateInterval", e.UpdateInterval)
	put("ledgerline:classScheme", e.ClassScheme)
	put("dct:spatial", e.Region)
	if len(e.ClassPath) > 0 {
		dataset["dcat:theme"] = e.ClassPath
	}
	if e.Published > 0 && e.ValidFrom != 0 {
		dataset["dct:issued"] = dcatTime(e.ValidFrom)
	}
	if e.Imported {
		dataset["ledgerline:imported"] = true
	}
	if e.Suspended {
		dataset["ledgerline:suspended"] = true
	}
	if e.Published > 0 {
		dataset["ledgerline:published"] = e.Published
	}
	if e.ValidTo != 0 {
		dataset["ledgerline:validTo"] = dcatTime(e.ValidTo)
	}
	if e.Open != nil {
		dataset["ledgerline:open"] = e.Open
	}
	if e.Period != nil {
		dataset["dct:temporal"] = dcatPeriod(*e.Period)
	}
	if e.FusingParty != "" {
		dataset["ledgerline:fusingParty"] = map[string]any{"@id": "urn:ledgerline:party:" + url.PathEscape(e.FusingParty)}
	}
	if len(e.Sources) > 0 {
		dataset["ledgerline:sources"] = e.Sources
	}
	if len(e.Marks) > 0 {
		dataset["ledgerline:marks"] = e.Marks
	}
	if len(e.DerivedFrom) > 0 {
		dataset["dct:source"] = dcatEntries(e.DerivedFrom)
	}
	if len(e.Related) > 0 {
		dataset["dct:relation"] = dcatEntries(e.Related)
	}
	var distributions []any
	for _, r := range e.Resources {
		distributions = append(distributions, distribution(projections.Dataset{Namespace: r.Namespace, Name: r.Name}, r.Method, r.Columns))
	}
	for _, a := range e.Attached {
		d := distribution(a.Dataset, a.Method, a.Columns)
		d["ledgerline:resource"], d["ledgerline:position"] = a.Resource, a.Position
		if a.SLA != "" {
			d["ledgerline:sla"] = a.SLA
		}
		if a.Imported {
			d["ledgerline:imported"] = true
		}
		distributions = append(distributions, d)
	}
	if distributions != nil {
		dataset["dcat:distribution"] = distributions
	}
	return dataset, map[string]any{
		"@type": "dcat:CatalogRecord", "foaf:primaryTopic": map[string]any{"@id": id}, "ledgerline:position": e.Position,
		"dct:modified": dcatTime(e.Recorded),
	}
}

func titles(e projections.Entry) []any {
	out := []any{map[string]any{"@language": "zh", "@value": e.Title}}
	if e.TitleEN != "" {
		out = append(out, map[string]any{"@language": "en", "@value": e.TitleEN})
	}
	return out
}

func distribution(d projections.Dataset, method string, columns map[string]string) map[string]any {
	out := map[string]any{"@type": "dcat:Distribution", "dct:identifier": d.Namespace + "/" + d.Name, "ledgerline:method": method}
	if len(columns) > 0 {
		out["ledgerline:columns"] = columns
	}
	return out
}

func dcatTime(t events.Time) map[string]any {
	return map[string]any{"@type": "xsd:dateTime", "@value": t.String()}
}

// dcatPeriod is the time that data is about; either end may be open.
func dcatPeriod(p events.Period) map[string]any {
	out := map[string]any{"@type": "dct:PeriodOfTime"}
	if p.From != 0 {
		out["dcat:startDate"] = dcatTime(p.From)
	}
	if p.To != 0 {
		out["dcat:endDate"] = dcatTime(p.To)
	}
	return out
}

func dcatEntries(ids []string) (out []any) {
	for _, id := range ids {
		out = append(out, map[string]any{"@id": "urn:ledgerline:entry:" + url.PathEscape(id)})
	}
	return out
}
