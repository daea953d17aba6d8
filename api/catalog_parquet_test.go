package api

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"

	"ledgerline/events"
	"ledgerline/projections"
)

// TestCatalogParquet: the file is read back with the library, and says what it speaks for.
func TestCatalogParquet(t *testing.T) {
	f := newFixture(t, nil)
	f.tell()
	r := f.get("/v1/catalog/export?format=parquet")
	if got := r.header.Get("Content-Type"); got != "application/vnd.apache.parquet" {
		t.Errorf("Content-Type %q", got)
	}
	position := r.header.Get("Ledgerline-Position")
	if got := r.header.Get("Content-Disposition"); got != `attachment; filename="catalog-`+position+`.parquet"` {
		t.Errorf("Content-Disposition %q", got)
	}
	file, err := parquet.OpenFile(bytes.NewReader(r.body), int64(len(r.body)))
	if err != nil {
		t.Fatal(err)
	}
	head, err := f.ledger.LeafHash(f.ledger.Head().Size - 1)
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{
		"origin": f.ledger.Origin(), "position": position, "head": hex.EncodeToString(head[:]), "complete": "true", "valid_at": "", "view": "catalog",
		"as_of": f.ledger.Head().Time.String(),
	} {
		if got, ok := file.Lookup("ledgerline." + key); !ok || got != want {
			t.Errorf("ledgerline.%s is %q, want %q", key, got, want)
		}
	}
	if v, _ := file.Lookup("ledgerline.view_version"); v == "" || v == "0" {
		t.Errorf("view version %q", v)
	}
	if _, ok := file.Lookup("ledgerline.withheld"); ok {
		t.Error("it says how much is withheld from somebody who may see everything")
	}
	rows, err := parquet.Read[parquetEntry](bytes.NewReader(r.body), int64(len(r.body)))
	if err != nil || len(rows) != 1 {
		t.Fatalf("%d rows: %v", len(rows), err)
	}
	e := rows[0]
	if e.Entry != "DS02" || e.Stage != "published" || e.Title == "" || e.Code != "" && e.CodeScheme == "" || len(e.Items) != 2 || e.Items[1].Item != "swrq" ||
		e.Items[0].Sharing != "conditional" || len(e.Sharing.Purposes) == 0 || len(e.Resources) != 1 || e.Resources[0].Namespace != "postgres://pop:5432" {
		t.Errorf("the row is %+v", e)
	}
	var shown struct {
		Entry struct {
			ValidFrom events.Time `json:"valid_from"`
			Recorded  events.Time `json:"recorded"`
			Position  int64       `json:"position"`
		} `json:"entry"`
	}
	f.get("/v1/catalog/entries/DS02").into(t, &shown)
	if events.Time(e.ValidFrom) != shown.Entry.ValidFrom || events.Time(e.Recorded) != shown.Entry.Recorded || e.Position != shown.Entry.Position || e.ValidTo != 0 {
		t.Errorf("times and position %d %d %d, want those of %+v", e.ValidFrom, e.Recorded, e.Position, shown.Entry)
	}
	// A time is one to other readers too, and what the entry does not say is null.
	text := file.Schema().String()
	for _, want := range []string{"required int64 recorded (TIMESTAMP(isAdjustedToUTC=true,unit=MICROS))", "optional binary title_en (STRING)", "required group items (LIST)"} {
		if !strings.Contains(text, want) {
			t.Errorf("the schema does not have %q:\n%s", want, text)
		}
	}
	// The same question has the same bytes, before the entry there are no rows, and a
	// date is asked for like anywhere.
	if again := f.get("/v1/catalog/export?format=parquet&as_of=" + position); !bytes.Equal(again.body, r.body) {
		t.Error("asked again, the file differs")
	}
	before := f.get("/v1/catalog/export?format=parquet&as_of=1")
	if rows, err := parquet.Read[parquetEntry](bytes.NewReader(before.body), int64(len(before.body))); err != nil || len(rows) != 0 {
		t.Errorf("before there were entries: %d rows, %v", len(rows), err)
	}
	day := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC).Format(time.RFC3339)
	old := f.get("/v1/catalog/export?format=parquet&valid_at=" + day)
	past, err := parquet.OpenFile(bytes.NewReader(old.body), int64(len(old.body)))
	if err != nil || past.NumRows() != 0 {
		t.Fatalf("in force in 2000: %v", err)
	}
	if at, _ := past.Lookup("ledgerline.valid_at"); at != "2000-01-01T00:00:00Z" {
		t.Errorf("valid_at %q", at)
	}
}

// TestCatalogParquetRowGroups: each run of entries is a row group of its own, so that no
// more than one is in memory.
func TestCatalogParquetRowGroups(t *testing.T) {
	var b bytes.Buffer
	x, err := newCatalogParquet(&b, exportOf{})
	if err != nil {
		t.Fatal(err)
	}
	for run := range 3 {
		if err := x.write(runOfEntries(run, 2000)); err != nil {
			t.Fatal(err)
		}
		if run == 1 && b.Len() < 10_000 {
			t.Errorf("after two runs %d bytes have left", b.Len())
		}
	}
	if err := x.end(); err != nil {
		t.Fatal(err)
	}
	file, err := parquet.OpenFile(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil || len(file.RowGroups()) != 3 || file.NumRows() != 6000 {
		t.Fatalf("%d row groups, %d rows: %v", len(file.RowGroups()), file.NumRows(), err)
	}
}

// runOfEntries makes entries that differ.
func runOfEntries(run, n int) (list []projections.Entry) {
	for i := range n {
		id := fmt.Sprintf("E%d-%d", run, i)
		items := []events.EntryItem{{ID: "a", Name: "项目 " + id, Type: "text"}, {ID: "b", Name: "b", Type: "date", Sharing: events.SharingConditional}}
		list = append(list, projections.Entry{ID: id, Title: "目录 " + id, Provider: "D01", Items: items, Sharing: events.Sharing{Attribute: events.SharingUnconditional}})
	}
	return list
}

// TestExportIsRecorded: what leaves is what was recorded, in every form; and so is a file
// that is longer than what is held back of it.
func TestExportIsRecorded(t *testing.T) {
	tokens, bearer := principals(t)
	f := newFixture(t, func(o *Options) { o.Dev, o.Tokens = false, tokens })
	add := func(id, typ string, data events.Data) {
		t.Helper()
		if _, err := f.ledger.Append(t.Context(), events.Event{ID: id, Source: "/tests", Type: typ, Schema: 1, Time: 1, Principal: "p", Data: data}); err != nil {
			t.Fatal(err)
		}
	}
	add("D01", "party.body.registered", &events.PartyRegistered{Party: "D01", Name: "一局", Kind: "department", Region: "990000", Level: "provincial"})
	for i, e := range runOfEntries(0, 300) {
		for range 8 {
			e.Items = append(e.Items, events.EntryItem{ID: fmt.Sprint("i", len(e.Items)), Name: "信息项", Type: "text"})
		}
		add(fmt.Sprint(i), "catalog.entry.drafted", &events.EntryDrafted{
			Entry: e.ID, Version: 1, Provider: "D01", Title: e.Title, Items: e.Items, Sharing: e.Sharing, UpdateFrequency: "daily", Grade: "general-1",
		})
	}
	f.caughtUp()
	for format := range catalogForms {
		r := f.get("/v1/catalog/export?format="+format, "Authorization", "Bearer "+bearer[RoleAuditor])
		e, err := f.ledger.Get(t.Context(), f.ledger.Head().Size-1)
		if err != nil {
			t.Fatal(err)
		}
		made, ok := e.Event.Data.(*events.ExportMade)
		sum := sha256.Sum256(r.body)
		if r.status != http.StatusOK || !ok || made.Bytes != len(r.body) || !bytes.Equal(made.Digest, sum[:]) {
			t.Errorf("%s: %d, %d bytes left with digest %x; recorded is %+v", format, r.status, len(r.body), sum, e.Event.Data)
		}
		if format != "parquet" && len(r.body) < 2*downloadBuffer {
			t.Errorf("%s: %d bytes are all held back, and tell nothing of what is sent before", format, len(r.body))
		}
	}
}

// TestDownloadBreaksOff: a file that fails after its beginning has left does not look
// whole; before, it is a problem like any.
func TestDownloadBreaksOff(t *testing.T) {
	f := newFixture(t, nil)
	fails := errors.New("the disk is gone")
	for name, size := range map[string]int{"held back": 10, "begun": downloadBuffer + 1} {
		w := httptest.NewRecorder()
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r = r.WithContext(context.WithValue(r.Context(), callKey{}, &call{}))
		broken := func() (broken bool, err error) {
			defer func() { broken = recover() == http.ErrAbortHandler }()
			c := &question{s: f.server, w: w, r: r, ctx: r.Context()}
			return false, c.download("text/csv", "x.csv", func(to io.Writer) error {
				if _, err := to.Write(make([]byte, size)); err != nil {
					return err
				}
				return fails
			})
		}
		switch cut, err := broken(); name {
		case "held back":
			if cut || !errors.Is(err, fails) || w.Header().Get("Content-Type") != "" {
				t.Errorf("%s: cut %v, %v, %v", name, cut, err, w.Header())
			}
		default:
			if !cut || !errors.Is(callOf(r).err, fails) {
				t.Errorf("%s: cut %v, %v", name, cut, callOf(r).err)
			}
		}
	}
}
