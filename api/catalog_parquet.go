package api

import (
	"cmp"
	"encoding/hex"
	"io"
	"maps"
	"slices"
	"strconv"

	"ledgerline/projections"

	"github.com/parquet-go/parquet-go"
)

// catalogParquet writes a row for each entry, with its items in it. Each run of entries
// is a row group, so that no more than one is in memory.
type catalogParquet struct {
	w *parquet.GenericWriter[parquetEntry]
	// says is what the file speaks for, in the metadata of its footer.
	says map[string]string
}

func newCatalogParquet(w io.Writer, at exportOf) (catalogFile, error) {
	says := map[string]string{
		"ledgerline.origin":       at.origin,
		"ledgerline.position":     strconv.FormatInt(at.Position, 10),
		"ledgerline.head":         hex.EncodeToString(at.head),
		"ledgerline.as_of":        exportTime(at.Time),
		"ledgerline.valid_at":     exportTime(at.validAt),
		"ledgerline.complete":     strconv.FormatBool(at.Complete),
		"ledgerline.view":         catalogView,
		"ledgerline.view_version": strconv.FormatUint(at.viewVersion, 10),
	}
	if at.Withheld != nil {
		says["ledgerline.withheld"] = strconv.FormatInt(*at.Withheld, 10)
		says["ledgerline.says"] = at.Says
	}
	return &catalogParquet{parquet.NewGenericWriter[parquetEntry](w, parquet.Compression(&parquet.Zstd)), says}, nil
}

func (x *catalogParquet) write(entries []projections.Entry) error {
	rows := make([]parquetEntry, len(entries))
	for i := range entries {
		rows[i] = parquetRow(&entries[i])
	}
	if _, err := x.w.Write(rows); err != nil {
		return err
	}
	return x.w.Flush()
}

func (x *catalogParquet) end() error {
	for _, key := range slices.Sorted(maps.Keys(x.says)) {
		x.w.SetKeyValueMetadata(key, x.says[key])
	}
	return x.w.Close()
}

// parquetEntry is the row of an entry. What the entry does not say is null. Times are
// microseconds since 1970 in UTC.
type parquetEntry struct {
	Entry           string              `parquet:"entry"`
	Version         int32               `parquet:"version"`
	Published       int32               `parquet:"published"`
	Stage           string              `parquet:"stage,dict"`
	Suspended       bool                `parquet:"suspended"`
	Code            string              `parquet:"code,optional"`
	CodeScheme      string              `parquet:"code_scheme,optional,dict"`
	ClassPath       []string            `parquet:"class_path,list"`
	ClassScheme     string              `parquet:"class_scheme,optional,dict"`
	Title           string              `parquet:"title"`
	TitleEN         string              `parquet:"title_en,optional"`
	Summary         string              `parquet:"summary,optional"`
	Provider        string              `parquet:"provider,dict"`
	ProviderName    string              `parquet:"provider_name,optional,dict"`
	Sharing         parquetSharing      `parquet:"sharing"`
	Grade           string              `parquet:"grade,dict"`
	UpdateFrequency string              `parquet:"update_frequency,dict"`
	UpdateInterval  string              `parquet:"update_interval,optional,dict"`
	Region          string              `parquet:"region,optional,dict"`
	Format          string              `parquet:"format,optional,dict"`
	FormatDetail    string              `parquet:"format_detail,optional"`
	Items           []parquetItem       `parquet:"items,list"`
	Resources       []parquetResource   `parquet:"resources,list"`
	DerivedFrom     []string            `parquet:"derived_from,list"`
	FusingParty     string              `parquet:"fusing_party,optional,dict"`
	Related         []string            `parquet:"related,list"`
	Open            bool                `parquet:"open"`
	OpenConditions  string              `parquet:"open_conditions,optional"`
	SourceSystems   []string            `parquet:"source_systems,list"`
	BusinessItems   []string            `parquet:"business_items,list"`
	PeriodFrom      int64               `parquet:"period_from,optional,timestamp(microsecond)"`
	PeriodTo        int64               `parquet:"period_to,optional,timestamp(microsecond)"`
	Volume          string              `parquet:"volume,optional"`
	Contact         string              `parquet:"contact,optional"`
	Specification   string              `parquet:"specification,optional,dict"`
	Assessments     []string            `parquet:"assessments,list"`
	Sources         []parquetSource     `parquet:"sources,list"`
	Attached        []parquetAttachment `parquet:"attached,list"`
	Marks           []parquetMark       `parquet:"marks,list"`
	ValidFrom       int64               `parquet:"valid_from,optional,timestamp(microsecond)"`
	ValidTo         int64               `parquet:"valid_to,optional,timestamp(microsecond)"`
	Recorded        int64               `parquet:"recorded,timestamp(microsecond)"`
	Position        int64               `parquet:"position"`
	Imported        bool                `parquet:"imported"`
}

type parquetSharing struct {
	Attribute  string   `parquet:"attribute,dict"`
	Reason     string   `parquet:"reason,optional"`
	Basis      string   `parquet:"basis,optional"`
	BasisRank  string   `parquet:"basis_rank,optional,dict"`
	Range      string   `parquet:"range,optional"`
	Purposes   []string `parquet:"purposes,list"`
	Conditions string   `parquet:"conditions,optional"`
	Methods    []string `parquet:"methods,list"`
}

type parquetItem struct {
	Item        string   `parquet:"item"`
	Name        string   `parquet:"name"`
	Type        string   `parquet:"type,dict"`
	Length      string   `parquet:"length,optional"`
	Key         bool     `parquet:"key"`
	Nullable    bool     `parquet:"nullable"`
	Personal    string   `parquet:"personal,optional,dict"`
	Sharing     string   `parquet:"sharing,dict"` // the entry's, unless the item has one of its own
	Grade       string   `parquet:"grade,dict"`   // likewise
	CodeSet     string   `parquet:"code_set,optional"`
	Description string   `parquet:"description,optional"`
	Disputed    []string `parquet:"disputed,list"` // by these issues
}

type parquetResource struct {
	Namespace string            `parquet:"namespace"`
	Name      string            `parquet:"name"`
	Method    string            `parquet:"method,dict"`
	Columns   map[string]string `parquet:"columns"` // of items, where their names differ
}

type parquetAttachment struct {
	Resource  string            `parquet:"resource"`
	Namespace string            `parquet:"namespace"`
	Name      string            `parquet:"name"`
	Method    string            `parquet:"method,dict"`
	Columns   map[string]string `parquet:"columns"`
	SLA       string            `parquet:"sla,optional"`
	Position  int64             `parquet:"position"`
	Imported  bool              `parquet:"imported"`
}

type parquetSource struct {
	Party string `parquet:"party,dict"`
	Item  string `parquet:"item,optional"` // null: of all
}

type parquetMark struct {
	Issue     string   `parquet:"issue"`
	Items     []string `parquet:"items,list"` // none: the entry
	Scope     string   `parquet:"scope,optional"`
	VisibleTo []string `parquet:"visible_to,list"` // none: everybody
	By        string   `parquet:"by,dict"`
	Since     int64    `parquet:"since,timestamp(microsecond)"`
	Position  int64    `parquet:"position"`
	Imported  bool     `parquet:"imported"`
}

// parquetRow is an entry as its row.
func parquetRow(e *projections.Entry) parquetEntry {
	row := parquetEntry{
		Entry: e.ID, Version: int32(e.Version), Published: int32(e.Published), Stage: e.Stage, Suspended: e.Suspended,
		Code: e.Code, CodeScheme: e.CodeScheme, ClassPath: e.ClassPath, ClassScheme: e.ClassScheme, Title: e.Title, TitleEN: e.TitleEN, Summary: e.Summary,
		Provider: e.Provider, ProviderName: e.ProviderName, Sharing: parquetSharing(e.Sharing), Grade: e.Grade, UpdateFrequency: e.UpdateFrequency,
		UpdateInterval: e.UpdateInterval, Region: e.Region, Format: e.Format, FormatDetail: e.FormatDetail, DerivedFrom: e.DerivedFrom, FusingParty: e.FusingParty, Related: e.Related,
		SourceSystems: e.SourceSystems, BusinessItems: e.BusinessItems, Volume: e.Volume, Contact: e.Contact, Specification: e.Specification,
		Assessments: e.Assessments, ValidFrom: int64(e.ValidFrom), ValidTo: int64(e.ValidTo), Recorded: int64(e.Recorded), Position: e.Position, Imported: e.Imported,
	}
	if e.Open != nil {
		row.Open, row.OpenConditions = e.Open.Open, e.Open.Conditions
	}
	if e.Period != nil {
		row.PeriodFrom, row.PeriodTo = int64(e.Period.From), int64(e.Period.To)
	}
	for _, it := range e.Items {
		row.Items = append(row.Items, parquetItem{
			Item: it.ID, Name: it.Name, Type: it.Type, Length: it.Length, Key: it.Key, Nullable: it.Nullable, Personal: it.Personal,
			Sharing: cmp.Or(it.Sharing, e.Sharing.Attribute), Grade: cmp.Or(it.Grade, e.Grade), CodeSet: it.CodeSet, Description: it.Description,
			Disputed: disputes(*e, it.ID),
		})
	}
	for _, r := range e.Resources {
		row.Resources = append(row.Resources, parquetResource(r))
	}
	for _, s := range e.Sources {
		row.Sources = append(row.Sources, parquetSource{s.Party, s.Item})
	}
	for _, a := range e.Attached {
		row.Attached = append(row.Attached, parquetAttachment{a.Resource, a.Dataset.Namespace, a.Dataset.Name, a.Method, a.Columns, a.SLA, a.Position, a.Imported})
	}
	for _, m := range e.Marks {
		row.Marks = append(row.Marks, parquetMark{m.Issue, m.Items, m.Scope, m.VisibleTo, m.By, int64(m.Since), m.Position, m.Imported})
	}
	return row
}
