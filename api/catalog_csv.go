package api

import (
	"cmp"
	"encoding/csv"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"ledgerline/events"
	"ledgerline/projections"
)

// catalogCSV writes a line for each item of each entry. A reader from whom something is
// withheld finds that in a last line of the same shape: it bears no entry, and counts in a
// column of its own, so that what reads the items is not misled.
type catalogCSV struct {
	w  *csv.Writer
	at exportOf
}

// A catalogColumn is a column of the CSV, and what it says of an item.
type catalogColumn struct {
	name string
	cell func(*projections.Entry, *events.EntryItem) string
}

// catalogColumns keep their places; new ones stand at the end. Lists are parted by
// semicolons, and by spaces where they are of ids.
var catalogColumns = []catalogColumn{
	{"entry", ofEntry(func(e *projections.Entry) string { return e.ID })},
	{"version", ofEntry(func(e *projections.Entry) string { return strconv.Itoa(e.Version) })},
	{"stage", ofEntry(func(e *projections.Entry) string { return e.Stage })},
	{"code", ofEntry(func(e *projections.Entry) string { return e.Code })},
	{"title", ofEntry(func(e *projections.Entry) string { return e.Title })},
	{"title_en", ofEntry(func(e *projections.Entry) string { return e.TitleEN })},
	{"provider", ofEntry(func(e *projections.Entry) string { return e.Provider })},
	{"sharing", ofEntry(func(e *projections.Entry) string { return e.Sharing.Attribute })},
	{"grade", ofEntry(func(e *projections.Entry) string { return e.Grade })},
	{"update_frequency", ofEntry(func(e *projections.Entry) string { return e.UpdateFrequency })},
	{"region", ofEntry(func(e *projections.Entry) string { return e.Region })},
	{"valid_from", ofEntry(func(e *projections.Entry) string { return exportTime(e.ValidFrom) })},
	{"valid_to", ofEntry(func(e *projections.Entry) string { return exportTime(e.ValidTo) })},
	{"imported", ofEntry(func(e *projections.Entry) string { return strconv.FormatBool(e.Imported) })},
	{"item", ofItem(func(it *events.EntryItem) string { return it.ID })},
	{"item_name", ofItem(func(it *events.EntryItem) string { return it.Name })},
	{"item_type", ofItem(func(it *events.EntryItem) string { return it.Type })},
	{"item_length", ofItem(func(it *events.EntryItem) string { return it.Length })},
	{"item_key", ofItem(func(it *events.EntryItem) string { return strconv.FormatBool(it.Key) })},
	{"item_personal", ofItem(func(it *events.EntryItem) string { return it.Personal })},
	{"item_sharing", func(e *projections.Entry, it *events.EntryItem) string {
		return cmp.Or(it.Sharing, e.Sharing.Attribute)
	}},
	{"item_disputed", func(e *projections.Entry, it *events.EntryItem) string { return strings.Join(disputes(*e, it.ID), " ") }},
	{"position", ofEntry(func(e *projections.Entry) string { return strconv.FormatInt(e.Position, 10) })},
	{"withheld", ofEntry(func(*projections.Entry) string { return "" })},

	{"published", ofEntry(func(e *projections.Entry) string { return strconv.Itoa(e.Published) })},
	{"suspended", ofEntry(func(e *projections.Entry) string { return strconv.FormatBool(e.Suspended) })},
	{"code_scheme", ofEntry(func(e *projections.Entry) string { return e.CodeScheme })},
	{"class_path", ofEntry(func(e *projections.Entry) string { return listed(e.ClassPath) })},
	{"class_scheme", ofEntry(func(e *projections.Entry) string { return e.ClassScheme })},
	{"summary", ofEntry(func(e *projections.Entry) string { return e.Summary })},
	{"provider_name", ofEntry(func(e *projections.Entry) string { return e.ProviderName })},
	{"sharing_reason", ofEntry(func(e *projections.Entry) string { return e.Sharing.Reason })},
	{"sharing_basis", ofEntry(func(e *projections.Entry) string { return e.Sharing.Basis })},
	{"sharing_basis_rank", ofEntry(func(e *projections.Entry) string { return e.Sharing.BasisRank })},
	{"sharing_range", ofEntry(func(e *projections.Entry) string { return e.Sharing.Range })},
	{"sharing_purposes", ofEntry(func(e *projections.Entry) string { return listed(e.Sharing.Purposes) })},
	{"sharing_conditions", ofEntry(func(e *projections.Entry) string { return e.Sharing.Conditions })},
	{"sharing_methods", ofEntry(func(e *projections.Entry) string { return listed(e.Sharing.Methods) })},
	{"update_interval", ofEntry(func(e *projections.Entry) string { return e.UpdateInterval })},
	{"format", ofEntry(func(e *projections.Entry) string { return e.Format })},
	{"format_detail", ofEntry(func(e *projections.Entry) string { return e.FormatDetail })},
	{"resources", ofEntry(resourcesCell)},
	{"attached", ofEntry(attachedCell)},
	{"derived_from", ofEntry(func(e *projections.Entry) string { return strings.Join(e.DerivedFrom, " ") })},
	{"fusing_party", ofEntry(func(e *projections.Entry) string { return e.FusingParty })},
	{"related", ofEntry(func(e *projections.Entry) string { return strings.Join(e.Related, " ") })},
	{"open", ofEntry(func(e *projections.Entry) string { return strconv.FormatBool(e.Open != nil && e.Open.Open) })},
	{"open_conditions", ofEntry(func(e *projections.Entry) string { return openOf(e).Conditions })},
	{"source_systems", ofEntry(func(e *projections.Entry) string { return listed(e.SourceSystems) })},
	{"business_items", ofEntry(func(e *projections.Entry) string { return listed(e.BusinessItems) })},
	{"period_from", ofEntry(func(e *projections.Entry) string { return exportTime(periodOf(e).From) })},
	{"period_to", ofEntry(func(e *projections.Entry) string { return exportTime(periodOf(e).To) })},
	{"volume", ofEntry(func(e *projections.Entry) string { return e.Volume })},
	{"contact", ofEntry(func(e *projections.Entry) string { return e.Contact })},
	{"specification", ofEntry(func(e *projections.Entry) string { return e.Specification })},
	{"assessments", ofEntry(func(e *projections.Entry) string { return listed(e.Assessments) })},
	{"recorded", ofEntry(func(e *projections.Entry) string { return exportTime(e.Recorded) })},
	{"item_nullable", ofItem(func(it *events.EntryItem) string { return strconv.FormatBool(it.Nullable) })},
	{"item_grade", func(e *projections.Entry, it *events.EntryItem) string { return cmp.Or(it.Grade, e.Grade) }},
	{"item_code_set", ofItem(func(it *events.EntryItem) string { return it.CodeSet })},
	{"item_description", ofItem(func(it *events.EntryItem) string { return it.Description })},
	{"item_columns", columnsCell},
	{"item_sources", sourcesCell},
}

func ofEntry(cell func(*projections.Entry) string) func(*projections.Entry, *events.EntryItem) string {
	return func(e *projections.Entry, _ *events.EntryItem) string { return cell(e) }
}

func ofItem(cell func(*events.EntryItem) string) func(*projections.Entry, *events.EntryItem) string {
	return func(_ *projections.Entry, it *events.EntryItem) string { return cell(it) }
}

func listed(list []string) string { return strings.Join(list, "; ") }

func openOf(e *projections.Entry) (o events.OpenData) {
	if e.Open != nil {
		o = *e.Open
	}
	return o
}

func periodOf(e *projections.Entry) (p events.Period) {
	if e.Period != nil {
		p = *e.Period
	}
	return p
}

func resourcesCell(e *projections.Entry) string {
	var out []string
	for _, r := range e.Resources {
		out = append(out, r.Namespace+"/"+r.Name+" "+r.Method)
	}
	return listed(out)
}

func attachedCell(e *projections.Entry) string {
	var out []string
	for _, a := range e.Attached {
		text := a.Resource + " " + a.Dataset.Namespace + "/" + a.Dataset.Name + " " + a.Method
		if a.SLA != "" {
			text += " (" + a.SLA + ")"
		}
		out = append(out, text)
	}
	return listed(out)
}

// columnsCell names the columns of datasets that hold an item under another name.
func columnsCell(e *projections.Entry, it *events.EntryItem) string {
	var out []string
	for _, r := range e.Resources {
		if column := r.Columns[it.ID]; column != "" {
			out = append(out, r.Namespace+"/"+r.Name+"#"+column)
		}
	}
	for _, a := range e.Attached {
		if column := a.Columns[it.ID]; column != "" {
			out = append(out, a.Dataset.Namespace+"/"+a.Dataset.Name+"#"+column)
		}
	}
	return listed(out)
}

// sourcesCell are the parties designated to keep an item for everybody.
func sourcesCell(e *projections.Entry, it *events.EntryItem) string {
	var out []string
	for _, s := range e.Sources {
		if s.Item == "" || s.Item == it.ID {
			out = append(out, s.Party)
		}
	}
	return strings.Join(out, " ")
}

func newCatalogCSV(w io.Writer, at exportOf) (catalogFile, error) {
	x := &catalogCSV{csv.NewWriter(w), at}
	head := make([]string, len(catalogColumns))
	for i, c := range catalogColumns {
		head[i] = c.name
	}
	return x, x.w.Write(head)
}

func (x *catalogCSV) write(entries []projections.Entry) error {
	line := make([]string, len(catalogColumns))
	for i := range entries {
		e := &entries[i]
		for j := range e.Items {
			for k, c := range catalogColumns {
				line[k] = noFormula(c.cell(e, &e.Items[j]))
			}
			if err := x.w.Write(line); err != nil {
				return err
			}
		}
	}
	return nil
}

func (x *catalogCSV) end() error {
	if x.at.Withheld != nil {
		last := make([]string, len(catalogColumns))
		column := func(name string) int {
			return slices.IndexFunc(catalogColumns, func(c catalogColumn) bool { return c.name == name })
		}
		last[column("title")], last[column("withheld")] = x.at.Says, strconv.FormatInt(*x.at.Withheld, 10)
		if err := x.w.Write(last); err != nil {
			return err
		}
	}
	x.w.Flush()
	return x.w.Error()
}

// formula is where a spreadsheet may take text for a formula: at the beginning of a cell,
// and where it may see another cell begin, if it parts lines by something else than commas
// or heeds no quotes; with the wide forms that some take for the same.
var formula = regexp.MustCompile(`(^|[;,|"\t\r\n])([\s\x{3000}]*)([=+\-@＝＋－＠])`)

// noFormula puts an apostrophe before what a spreadsheet would compute: those who fill in a
// catalog run nothing on the machines of those who read it.
func noFormula(text string) string {
	if !strings.ContainsAny(text, "=+-@＝＋－＠") {
		return text
	}
	return formula.ReplaceAllString(text, "$1$2'$3")
}
