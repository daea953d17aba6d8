package api

import (
	"encoding/csv"
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

// TestCatalogExport: the catalog as of a moment, whole, in both forms.
func TestCatalogExport(t *testing.T) {
	f := newFixture(t, nil)
	f.tell()
	for _, c := range []struct{ query, stage string }{{"", "published"}, {"&as_of=3", "drafted"}} {
		r := f.get("/v1/catalog/export?format=dcat" + c.query)
		var catalog struct {
			Context map[string]string `json:"@context"`
			Type    string            `json:"@type"`
			Dataset []struct {
				ID    string `json:"@id"`
				Stage string `json:"ledgerline:stage"`
				Title []struct {
					Language string `json:"@language"`
					Value    string `json:"@value"`
				} `json:"dct:title"`
				Distribution []struct {
					ID string `json:"dct:identifier"`
				} `json:"dcat:distribution"`
			} `json:"dcat:dataset"`
			Record []json.RawMessage `json:"dcat:record"`
		}
		if err := json.Unmarshal(r.body, &catalog); err != nil {
			t.Fatal(err)
		}
		d := catalog.Dataset
		if r.header.Get("Content-Type") != "application/ld+json" || catalog.Type != "dcat:Catalog" || catalog.Context["dcat"] == "" || len(catalog.Record) != 1 ||
			len(d) != 1 || d[0].ID != "urn:ledgerline:entry:DS02" || d[0].Stage != c.stage || len(d[0].Title) != 2 || d[0].Distribution[0].ID != "postgres://pop:5432/hj.death" {
			t.Errorf("%q: %v %+v", c.query, r.header, catalog)
		}
	}
	r := f.get("/v1/catalog/export?format=csv")
	rows, err := csv.NewReader(strings.NewReader(string(r.body))).ReadAll()
	if err != nil || len(rows) != 3 || rows[0][0] != "entry" || rows[1][14] != "gmsfhm" || rows[2][14] != "swrq" || rows[1][20] != "conditional" {
		t.Errorf("as CSV: %v %v", rows, err)
	}
	if r.header.Get("Ledgerline-Position") == "" {
		t.Error("the export does not say what it speaks for")
	}
	if r := f.get("/v1/catalog/export?format=csv&as_of=1"); strings.Count(string(r.body), "\n") != 1 {
		t.Errorf("before there were entries: %s", r.body)
	}
}

// TestCatalogExportSaysWhatIsWithheld: in the file itself, where it is kept without the
// headers it came with.
func TestCatalogExportSaysWhatIsWithheld(t *testing.T) {
	f, all, bound := scopedFixture(t)
	read := func(who string) [][]string {
		r := f.get("/v1/catalog/export?format=csv", "Authorization", "Bearer "+who)
		rows, err := csv.NewReader(strings.NewReader(string(r.body))).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		return rows
	}
	whole, mine := read(all), read(bound)
	column := slices.Index(whole[0], "withheld")
	if len(whole) != 5 || whole[4][0] != "HIDDENe" && whole[4][0] != "DS02" || whole[4][column] != "" {
		t.Errorf("who sees all: %q", whole)
	}
	if last := mine[len(mine)-1]; len(mine) != 4 || last[0] != "" || last[column] != "1" || last[4] != "complete for what you may see, 1 withheld" || mine[1][column] != "" {
		t.Errorf("who may see a part: %q", mine)
	}
}
