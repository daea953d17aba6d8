package main

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

func TestTableWidths(t *testing.T) {
	tab := newTable("ID", "NAME", "END")
	tab.row("1", "婚姻登记信息", "x")
	tab.row("22", "marriage", "x")
	tab.row("3", "ｆｕｌｌ", "x")
	tab.row("4", "e\u0301te\u0301", "x") // combining accents
	tab.row("5", "two\nlines\x1b[31m", "x")
	var out bytes.Buffer
	if err := tab.write(&out, "nothing"); err != nil {
		t.Fatal(err)
	}
	want := "" +
		"ID  NAME            END\n" +
		"1   婚姻登记信息    x\n" +
		"22  marriage        x\n" +
		"3   ｆｕｌｌ        x\n" +
		"4   e\u0301te\u0301             x\n" +
		"5   two lines\uFFFD[31m  x\n"
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", &out, want)
	}
	column := displayWidth("1   婚姻登记信息    ")
	for line := range strings.Lines(out.String()) {
		if at := strings.LastIndexAny(line, "xE"); at >= 0 && displayWidth(line[:at]) != column {
			t.Errorf("the last column of %q begins at %d, not %d", line, displayWidth(line[:at]), column)
		}
	}
}

func TestEmptyTableSaysSo(t *testing.T) {
	var out bytes.Buffer
	if err := newTable("ID").write(&out, "nothing"); err != nil || out.String() != "nothing\n" {
		t.Errorf("got %q, %v", out.String(), err)
	}
}

// On a terminal the bar is drawn over itself and wiped; elsewhere nothing moves.
func TestProgress(t *testing.T) {
	var out bytes.Buffer
	bar := &progress{w: &out, terminal: true, what: "importing", began: time.Now()}
	bar.show(1, 4, "10 events")
	bar.show(4, 4, "9 events")
	bar.end()
	frames := strings.Split(out.String(), "\r")
	if len(frames) != 5 || frames[1] != "importing [######..................]  25 %  10 events" || strings.TrimSpace(frames[3]) != "" {
		t.Errorf("got %q", frames)
	}
	if displayWidth(frames[2]) < displayWidth(frames[1]) {
		t.Errorf("%q does not cover %q", frames[2], frames[1])
	}

	out.Reset()
	plain := &progress{w: &out, what: "importing"}
	plain.show(1, 4, "10 events")
	plain.end()
	if out.String() != "importing:  25 %, 10 events\n" {
		t.Errorf("got %q", out.String())
	}
}

func TestMoments(t *testing.T) {
	for _, s := range []string{"", "17", "2026-01-08", "2026-01-08T09:30", "2026-01-08 09:30", "2026-01-08T09:30:00Z", "2026-01-08T09:30:00+08:00"} {
		if _, err := moment(s); err != nil {
			t.Errorf("%q: %v", s, err)
		}
	}
	for _, s := range []string{"yesterday", "-1", "2026-13-01", "08.01.2026"} {
		if got, err := moment(s); err == nil {
			t.Errorf("%q was read as %q", s, got)
		}
	}
}
