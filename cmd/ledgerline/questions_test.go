package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// questionsAreAnswered puts the questions of docs/questions.md to the demo, over HTTP
// and by command, and holds the document to what is answered.
func questionsAreAnswered(t told) {
	citizen := fmt.Sprintf("%x", sha256.Sum256([]byte("person/A06/DS01/3")))
	leaked := "sha256:" + fmt.Sprintf("%x", sha256.Sum256([]byte("credential/X2")))
	var b bytes.Buffer
	b.WriteString(questionsHead)
	for i, q := range theQuestions {
		fmt.Fprintf(&b, "\n## %d. %s\n\n%s asks. %s\n", i+1, q.text, q.asker, q.answer)
		for _, a := range q.ways {
			for word, is := range map[string]string{"CREDENTIAL": leaked, "PERSON": citizen} {
				a.path, a.command = strings.ReplaceAll(a.path, word, is), strings.ReplaceAll(a.command, word, is)
			}
			t.Run(a.path, func(inner *testing.T) { b.WriteString(told{inner, t.url, t.book}.pose(a)) })
		}
	}
	path := filepath.Join(moduleRoot(t.T), "docs", "questions.md")
	if *update {
		if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	held, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(held, b.Bytes()) {
		t.Errorf("docs/questions.md is not what the demo answers (%v): go test ./cmd/ledgerline -run TestDemo -update", err)
	}
}

// pose asks over HTTP and by command, and writes both and the answer.
func (t told) pose(a way) string {
	t.Helper()
	var out strings.Builder
	path, data, posted := strings.Cut(a.path, " ")
	with := ""
	if posted {
		with = " -H 'Content-Type: application/json' -d '" + data + "'"
	}
	fmt.Fprintf(&out, "\n```\ncurl -s \"$LEDGERLINE_SERVER%s\"%s\nledgerline %s\n```\n", path, with, a.command)
	ask := func() (*http.Response, error) { return http.Get(t.url + path) }
	if posted {
		ask = func() (*http.Response, error) {
			return http.Post(t.url+path, "application/json", strings.NewReader(data))
		}
	}
	r, err := ask()
	if err != nil {
		t.Fatal(err)
	}
	var body bytes.Buffer
	_, err = body.ReadFrom(r.Body)
	if err != nil || r.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s %v\n%s", a.path, r.Status, err, body.Bytes())
	}
	var said map[string]any
	if err := json.Unmarshal(body.Bytes(), &said); err != nil {
		t.Fatal(err)
	}
	var stdout, stderr bytes.Buffer
	words := commandWords(a.command)
	if code := run(context.Background(), append(words, "--server", t.url, "--json"), strings.NewReader(""), &stdout, &stderr); code != 0 {
		t.Fatalf("ledgerline %s: exit %d\n%s", a.command, code, stderr.Bytes())
	}
	var told map[string]any
	if err := json.Unmarshal(stdout.Bytes(), &told); err != nil {
		t.Fatalf("ledgerline %s: %v", a.command, err)
	}
	for _, m := range []map[string]any{said, told} {
		delete(m, "ledger") // limits and cursors belong to each
	}
	if a, b := fmt.Sprint(said), fmt.Sprint(told); a != b {
		t.Errorf("the command answers\n%.2000s\nand the call\n%.2000s", b, a)
	}
	out.WriteString(shown(t.T, said, a.show))
	return out.String()
}

// commandWords splits a command as a shell would, with single quotes.
func commandWords(s string) (words []string) {
	for i, part := range strings.Split(s, "'") {
		if i%2 == 1 {
			words = append(words, part)
		} else {
			words = append(words, strings.Fields(part)...)
		}
	}
	return words
}

// shown writes some members of the rows of an answer, "rows: a b.c", as a table.
func shown(t *testing.T, answer map[string]any, show string) string {
	path, names, _ := strings.Cut(show, ": ")
	rows := []any{answer} // of an answer that is one thing
	if path != "" {
		rows, _ = member(answer, path).([]any)
	}
	columns := strings.Fields(names)
	lines := [][]string{columns}
	for _, row := range rows {
		var line []string
		for _, c := range columns {
			line = append(line, plain(member(row, c)))
		}
		lines = append(lines, line)
	}
	if len(rows) == 0 {
		t.Errorf("nothing is answered to show %q", show)
	}
	widths := make([]int, len(columns))
	for _, line := range lines {
		for i, cell := range line {
			widths[i] = max(widths[i], displayWidth(cell))
		}
	}
	var b strings.Builder
	b.WriteString("\n```\n")
	const most = 9
	for n, line := range lines {
		if n == most && len(lines) > most+1 {
			fmt.Fprintf(&b, "… and %d more\n", len(lines)-most)
			break
		}
		text := ""
		for i, cell := range line {
			text += cell + strings.Repeat(" ", widths[i]-displayWidth(cell)+2)
		}
		b.WriteString(strings.TrimRight(text, " ") + "\n")
	}
	b.WriteString("```\n")
	return b.String()
}

// member follows a path of names into what was answered; of a list it takes that of
// every element.
func member(v any, path string) any {
	for name := range strings.SplitSeq(path, ".") {
		switch at := v.(type) {
		case map[string]any:
			v = at[name]
		case []any:
			var all []any
			for _, e := range at {
				all = append(all, member(e, name))
			}
			v = all
		}
	}
	return v
}

// plain writes a value as people read it.
func plain(v any) string {
	switch v := v.(type) {
	case nil:
		return "-"
	case string:
		return v
	case float64:
		return fmt.Sprint(int64(v))
	case []any:
		var parts []string
		for _, e := range v {
			parts = append(parts, plain(e))
		}
		return strings.Join(parts, " ")
	case map[string]any:
		var parts []string
		for _, k := range slices.Sorted(maps.Keys(v)) {
			parts = append(parts, k+"="+plain(v[k]))
		}
		return strings.Join(parts, " ")
	}
	return fmt.Sprint(v)
}

const questionsHead = `# Twenty-five questions

Each with the HTTP call, the command, and the answer of the demo, cut to what
matters. A test puts them all, checks that call and command answer the same, and
holds this document to it (` + "`go test ./cmd/ledgerline -run TestDemo -update`" + ` writes it).

Every answer also bears ` + "`ledger`" + `: the position and the time it speaks for, and whether
it is complete. ` + "`as_of`" + ` asks what was known, ` + "`valid_at`" + ` what was in force. To try it:

` + "```" + `
ledgerline demo
export LEDGERLINE_SERVER=http://127.0.0.1:8420
` + "```" + `
`
