package api

import (
	"bytes"
	"strings"
	"unicode"
)

// plainElements are those of our pages within which no element can mark a language, or
// nothing is read as text.
var plainElements = []string{"title", "option", "textarea", "script", "style", "svg"}

// markChinese marks what is Chinese in an English page, so that it is read out and
// drawn as such. It is what somebody recorded: the page's own words are English.
func markChinese(page []byte) []byte {
	if !bytes.ContainsFunc(page, isChinese) {
		return page
	}
	out := make([]byte, 0, len(page)+len(page)/8)
	for len(page) > 0 {
		end := bytes.IndexByte(page, '<')
		if end < 0 {
			end = len(page)
		}
		out = appendMarked(out, page[:end])
		page = page[end:]
		end = skipTag(page)
		out, page = append(out, page[:end]...), page[end:]
	}
	return out
}

// skipTag is the length of the tag that a text begins with, and of the element if it is
// one of plainElements.
func skipTag(text []byte) int {
	end := bytes.IndexByte(text, '>') + 1 // in attributes it is escaped
	if end == 0 {
		return len(text)
	}
	for _, name := range plainElements {
		if bytes.HasPrefix(text[1:], []byte(name)) && strings.IndexByte(" >\n", text[1+len(name)]) >= 0 {
			if close := bytes.Index(text, []byte("</"+name+">")); close >= 0 {
				return close
			}
		}
	}
	return end
}

// appendMarked appends a text, marked from the first to the last Chinese letter.
func appendMarked(out, text []byte) []byte {
	first := bytes.IndexFunc(text, isChinese)
	if first < 0 {
		return append(out, text...)
	}
	last := bytes.LastIndexFunc(text, isChinese)
	last += len(string([]rune(string(text[last:]))[:1]))
	out = append(append(out, text[:first]...), `<span lang="zh">`...)
	out = append(append(out, text[first:last]...), "</span>"...)
	return append(out, text[last:]...)
}

// isChinese tells whether a character is a Chinese letter or sign.
func isChinese(r rune) bool {
	return unicode.Is(unicode.Han, r) || r >= 0x3000 && r <= 0x303f || r >= 0xff00 && r <= 0xffef
}
