package openlineage

import (
	"bytes"
	"strconv"
	"strings"
	"time"
)

// The shapes without parts.
var (
	anything = &shape{}
	text     = &shape{kind: '"'}
	boolean  = &shape{kind: 't'}
	number   = &shape{kind: '0'}
	integer  = &shape{kind: '0', format: integerFormat}
	positive = &shape{kind: '0', format: positiveFormat}
	uri      = &shape{kind: '"', format: uriFormat}
	uuid     = &shape{kind: '"', format: uuidFormat}
	dateTime = &shape{kind: '"', format: timeFormat}
)

// enum is a string that is one of these values.
func enum(values ...string) *shape {
	return &shape{kind: '"', format: func(s []byte) (rule, detail string) {
		for _, v := range values {
			if string(s) == v {
				return "", ""
			}
		}
		return "openlineage.enum", "is not one of " + strings.Join(values, ", ")
	}}
}

func integerFormat(s []byte) (rule, detail string) {
	if bytes.ContainsAny(s, ".eE") {
		f, err := strconv.ParseFloat(string(s), 64)
		if err != nil || f != float64(int64(f)) {
			return "openlineage.integer", "is not an integer"
		}
	}
	return "", ""
}

func positiveFormat(s []byte) (rule, detail string) {
	if f, err := strconv.ParseFloat(string(s), 64); err != nil || f < 1 {
		return "openlineage.integer", "is not an integer of 1 or more"
	}
	return integerFormat(s)
}

// uriFormat admits what has a scheme and only the characters of RFC 3986.
func uriFormat(s []byte) (rule, detail string) {
	const broken = "openlineage.uri"
	scheme, _, ok := bytes.Cut(s, []byte{':'})
	if !ok || len(scheme) == 0 || !isLetter(scheme[0]) {
		return broken, "is not a URI: it has no scheme"
	}
	for _, c := range scheme {
		if !isLetter(c) && !isDigit(c) && strings.IndexByte("+-.", c) < 0 {
			return broken, "is not a URI: it has no scheme"
		}
	}
	for _, c := range s {
		if !ofURI[c] {
			return broken, "is not a URI: it has characters that must be percent-encoded"
		}
	}
	return "", ""
}

// ofURI are the characters that a URI may have.
var ofURI = func() (is [256]bool) {
	for c := byte('!'); c < 0x7f; c++ {
		is[c] = strings.IndexByte("\"<>\\^`{|}", c) < 0
	}
	return is
}()

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }
func isDigit(c byte) bool  { return '0' <= c && c <= '9' }

// uuidFormat admits the text form of RFC 9562 in any version and case.
func uuidFormat(s []byte) (rule, detail string) {
	ok := len(s) == 36
	for i := 0; ok && i < len(s); i++ {
		switch c := s[i]; i {
		case 8, 13, 18, 23:
			ok = c == '-'
		default:
			ok = isDigit(c) || 'a' <= c|0x20 && c|0x20 <= 'f'
		}
	}
	if !ok {
		return "openlineage.uuid", "is not a UUID; it is kept as it is"
	}
	return "", ""
}

func timeFormat(s []byte) (rule, detail string) {
	_, rule, detail = readTime(string(s))
	return rule, detail
}

// readTime reads a time as OpenLineage clients write it. Beside RFC 3339 it
// takes a time without a zone as UTC, a space for the T, a missing second, a
// zone without its colon, and the zone name that Java appends in brackets; each
// of these is also a broken rule. The time is zero if it cannot be read.
func readTime(s string) (t time.Time, rule, detail string) {
	const broken = "openlineage.date-time"
	for _, l := range layouts {
		if t, err := time.Parse(l.layout, l.prepare(s)); err == nil {
			t = t.UTC()
			if t.Year() < 1 || t.Year() > 9999 {
				break
			}
			switch {
			case !l.zoned:
				return t, "openlineage.time-zone", "has no time zone; it is taken as UTC"
			case !l.conformant || strings.Contains(s, ","):
				return t, broken, "is not in the form of RFC 3339"
			}
			return t, "", ""
		}
	}
	return time.Time{}, broken, "is not a date and time"
}

// layouts are tried in this order; Go's parser takes a fraction of any length
// after the second whether or not the layout has one.
var layouts = []struct {
	layout            string
	zoned, conformant bool
	prepare           func(string) string
}{
	{time.RFC3339, true, true, strings.ToUpper},
	{"2006-01-02T15:04:05", false, false, plainTime},
	{"2006-01-02T15:04:05Z0700", true, false, plainTime},
	{"2006-01-02T15:04:05Z07", true, false, plainTime},
	{"2006-01-02T15:04:05Z07:00", true, false, plainTime},
	{"2006-01-02T15:04", false, false, plainTime},
	{"2006-01-02T15:04Z07:00", true, false, plainTime},
	{"2006-01-02T15:04Z0700", true, false, plainTime},
}

// plainTime undoes what some clients do to RFC 3339: a space between date and
// time or before the zone, and Java's zone name, as in
// 2026-01-08T09:30+08:00[Asia/Shanghai].
func plainTime(s string) string {
	s, _, _ = strings.Cut(s, "[")
	date, rest, _ := strings.Cut(strings.ToUpper(s), " ")
	if rest == "" {
		return date
	}
	if !strings.Contains(date, "T") {
		date += "T"
	}
	return date + strings.ReplaceAll(rest, " ", "")
}
