package api

import (
	"strconv"
	"strings"
	"time"

	"ledgerline/events"
	"ledgerline/projections"
)

// How pages say sentences of the views, and write dates: in the page's language.

// A spoken is a part of a sentence: words, or a name that somebody gave.
type spoken struct {
	Text string
	Name bool
}

// Say is a sentence of the views in the page's language, with the words of the
// vocabulary for its codes.
func (p page) Say(w projections.Wording) (parts []spoken) {
	for _, piece := range w.Pieces(p.language) {
		text, name := piece.Text, false
		switch piece.Kind {
		case "", "number", "text":
		case "time":
			var t events.Time
			if t.UnmarshalText([]byte(text)) == nil {
				text = writtenTime(t.Std(), p.language)
			}
		case "day":
			text = p.Date(text)
		case "id":
			name = true
		case "list":
			for i, one := range strings.Split(text, ", ") {
				if i > 0 {
					parts = append(parts, spoken{p.texts("comma"), false})
				}
				parts = append(parts, spoken{one, true})
			}
			continue
		default:
			words := strings.Split(text, ", ")
			for i, one := range words {
				words[i] = p.Word(piece.Kind, one)
			}
			text = strings.Join(words, p.texts("comma"))
		}
		parts = append(parts, spoken{text, name})
	}
	return parts
}

// A told sentence, and whether it is in the page's language; else it is English.
type toldSentence struct {
	Text  string
	Known bool
}

// Sentence is what a problem says, in the page's language.
func (p page) Sentence(said phrase) toldSentence {
	text, known := said.in(p.language)
	return toldSentence{text, known}
}

// Words are the words of several values, in a line.
func (p page) Words(kind string, values []string) string {
	words := make([]string, len(values))
	for i, v := range values {
		words[i] = p.Word(kind, v)
	}
	return strings.Join(words, p.texts("comma"))
}

// Article names an article of a law: 第二十条.
func (p page) Article(number string) string {
	n, err := strconv.Atoi(number)
	switch {
	case p.language == 0:
		return p.texts("article") + " " + number
	case err != nil || n < 1 || n > 999:
		return "第 " + number + " 条"
	}
	return "第" + chineseNumber(n) + "条"
}

// chineseNumber writes 1 to 999 in characters, as laws number their articles.
func chineseNumber(n int) string {
	digits := []string{"零", "一", "二", "三", "四", "五", "六", "七", "八", "九"}
	switch {
	case n < 10:
		return digits[n]
	case n < 20:
		return strings.TrimSuffix("十"+digits[n-10], "零")
	case n < 100:
		return strings.TrimSuffix(digits[n/10]+"十"+digits[n%10], "零")
	case n%100 == 0:
		return digits[n/100] + "百"
	case n%100 < 10:
		return digits[n/100] + "百零" + digits[n%100]
	case n%100 < 20:
		return digits[n/100] + "百一" + chineseNumber(n%100)
	}
	return digits[n/100] + "百" + chineseNumber(n%100)
}

// Date is a day, written 2026-03-04, as the page's language writes it.
func (p page) Date(day string) string {
	t, err := time.Parse(time.DateOnly, day)
	if err != nil {
		return day
	}
	return writtenDate(t, p.language)
}

func writtenDate(t time.Time, language int) string {
	return t.UTC().Format([2]string{time.DateOnly, "2006年1月2日"}[language])
}

func writtenTime(t time.Time, language int) string {
	return writtenDate(t, language) + t.UTC().Format(" 15:04:05")
}

// chineseDates write what layout.html writes for English.
const chineseDates = `{{define "time"}}<time datetime="{{.}}">{{(.Std).Format "2006年1月2日 15:04:05"}}</time>{{end}}` +
	`{{define "day"}}<time datetime="{{.}}">{{(.Std).Format "2006年1月2日 15:04"}}</time>{{end}}` +
	`{{define "date"}}<time datetime="{{.}}">{{(.Std).Format "2006年1月2日"}}</time>{{end}}`
