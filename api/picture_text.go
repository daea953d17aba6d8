package api

import (
	"strings"
	"unicode"
)

// The width of text is estimated: which font the reader has is not known. The
// figures are for 12 px. Those for ASCII, on the average 6.7 px in the names of
// datasets, lean to the wide fonts in common use: a text that is narrower than
// thought leaves a gap, one that is wider runs over its box.
const (
	widthHan   = 12.0
	widthEmoji = 16.5
	widthOther = 10.0 // of scripts not listed
	boldFactor = 1.08
)

// asciiTenths are the widths of U+0020 to U+007E in tenths of a pixel.
var asciiTenths = [...]float64{
	36, 46, 52, 96, 73, 108, 89, 31, 44, 44, 57, 96, 36, 41, 36, 38,
	73, 73, 73, 73, 73, 73, 73, 73, 73, 73, 38, 38, 96, 96, 96, 61,
	114, 78, 78, 80, 88, 72, 66, 88, 86, 34, 34, 75, 64, 98, 85, 90,
	69, 90, 79, 72, 70, 83, 78, 113, 78, 70, 78, 44, 38, 44, 96, 57,
	57, 70, 72, 63, 72, 70, 40, 72, 72, 32, 32, 66, 32, 111, 72, 70,
	72, 72, 47, 59, 45, 72, 67, 93, 67, 67, 60, 73, 38, 73, 96,
}

// wideRanges are the blocks whose characters are as wide as they are high
// (Unicode Standard Annex 11, classes W and F).
var wideRanges = &unicode.RangeTable{
	R16: []unicode.Range16{
		{Lo: 0x1100, Hi: 0x115f, Stride: 1}, {Lo: 0x2e80, Hi: 0x303e, Stride: 1}, {Lo: 0x3041, Hi: 0xa4cf, Stride: 1},
		{Lo: 0xa960, Hi: 0xa97c, Stride: 1}, {Lo: 0xac00, Hi: 0xd7a3, Stride: 1}, {Lo: 0xf900, Hi: 0xfaff, Stride: 1},
		{Lo: 0xfe30, Hi: 0xfe6f, Stride: 1}, {Lo: 0xff01, Hi: 0xff60, Stride: 1}, {Lo: 0xffe0, Hi: 0xffe6, Stride: 1},
	},
	R32: []unicode.Range32{{Lo: 0x1f000, Hi: 0x1faff, Stride: 1}, {Lo: 0x20000, Hi: 0x3fffd, Stride: 1}},
}

func runeWidth(r rune) float64 {
	switch {
	case r >= ' ' && r <= '~':
		return asciiTenths[r-' '] / 10
	case unicode.Is(wideRanges, r):
		if r >= 0x1f000 && r < 0x20000 {
			return widthEmoji
		}
		return widthHan
	case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf):
		return 0
	case unicode.In(r, unicode.Latin, unicode.Greek, unicode.Cyrillic):
		return 7.6
	}
	return widthOther
}

// textWidth estimates how wide a text is in pixels.
func textWidth(s string, size float64, bold bool) (w float64) {
	for _, r := range s {
		w += runeWidth(r)
	}
	if w *= size / 12; bold {
		w *= boldFactor
	}
	return w
}

// fitText shortens a text to a width in pixels, with an ellipsis in its middle:
// names tell as much by their ends as by their beginnings.
func fitText(s string, width, size float64, bold bool) string {
	// What is longer than this does not fit, whatever it is; looking no further
	// keeps very long names cheap.
	const most = 512
	const rounding = 1e-6 // a box is made as wide as its widest text
	if len(s) <= most && textWidth(s, size, bold) <= width+rounding {
		return s
	}
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most/2], "") + strings.ToValidUTF8(s[len(s)-most/2:], "")
	}
	runes := []rune(s)
	room := width - textWidth("…", size, bold)
	head, tail := 0, len(runes)
	for fromHead := true; head < tail; fromHead = !fromHead {
		next := runes[head]
		if !fromHead {
			next = runes[tail-1]
		}
		if room -= textWidth(string(next), size, bold); room < 0 {
			break
		}
		if fromHead {
			head++
		} else {
			tail--
		}
	}
	for tail < len(runes) && unicode.In(runes[tail], unicode.Mn, unicode.Me, unicode.Cf) {
		tail++ // a mark needs its letter
	}
	return string(runes[:head]) + "…" + string(runes[tail:])
}

// plainText makes a text of the data fit to be drawn and to stand in XML 1.0:
// what XML has no way to hold becomes U+FFFD, and so do the marks that change the
// direction of writing, with which one name could be made to look like another.
func plainText(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t' || r == '\n' || r == '\r' || r == '\u2028' || r == '\u2029':
			return ' '
		case r < ' ' || r >= 0x7f && r < 0xa0 || r == 0xfffe || r == 0xffff,
			r == '\u061c' || r == '\u200e' || r == '\u200f' || r >= '\u202a' && r <= '\u202e' || r >= '\u2066' && r <= '\u2069':
			return unicode.ReplacementChar
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
}
