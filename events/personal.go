package events

import "strings"

// Personal data stays out of what is hashed and kept for ever (rule I-03): texts
// are refused that hold what has the shape of a resident identity number, a
// mobile telephone number or a bank card number. Erasable fields may hold them.
// The shapes are strict, with check digits where there are any, so that codes and
// times do not look like them.

// personalShape names the shape that a text holds, or returns "".
func personalShape(s string) string {
	for i := 0; i < len(s); {
		if !isWord(s[i]) {
			i++
			continue
		}
		from, digits := i, 0
		for ; i < len(s) && isWord(s[i]); i++ {
			if s[i] >= '0' && s[i] <= '9' {
				digits++
			}
		}
		if digits < 11 || i-from > 19 || digits < i-from-1 {
			continue
		}
		w := s[from:i]
		if from > 0 && s[from-1] == '+' {
			w = strings.TrimPrefix(w, "86") // of a telephone number as it is dialled from abroad
		} else if len(w) == len("008613800138000") {
			w = strings.TrimPrefix(w, "0086")
		}
		if shape := shapeOf(w, digits-(i-from-len(w))); shape != "" {
			return shape
		}
	}
	return ""
}

func isWord(b byte) bool {
	return b >= '0' && b <= '9' || b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b == '_'
}

// shapeOf looks at one word, of which all characters or all but one are digits.
func shapeOf(w string, digits int) string {
	switch {
	case len(w) == 11 && digits == 11 && w[0] == '1' && w[1] >= '3':
		return "a mobile telephone number"
	case len(w) == 18 && isResidentID(w):
		return "a resident identity number"
	case len(w) >= 16 && digits == len(w) && w[:2] == "62" && isLuhn(w):
		return "a bank card number"
	}
	return ""
}

// isResidentID checks the form of GB 11643-1999: region, date of birth, sequence,
// and a check character by ISO 7064 MOD 11-2.
func isResidentID(w string) bool {
	sum, weight := 0, 1 // of positions from the right: 2^i mod 11
	for i := 17; i >= 0; i-- {
		v := int(w[i] - '0')
		if i == 17 && (w[i] == 'X' || w[i] == 'x') {
			v = 10
		} else if w[i] < '0' || w[i] > '9' {
			return false
		}
		sum, weight = sum+v*weight, weight*2%11
	}
	month, day := w[10:12], w[12:14]
	return sum%11 == 1 && (w[6:8] == "19" || w[6:8] == "20") && month >= "01" && month <= "12" && day >= "01" && day <= "31"
}

// isLuhn checks the check digit of ISO/IEC 7812.
func isLuhn(w string) bool {
	sum := 0
	for i := range len(w) {
		v := int(w[len(w)-1-i] - '0')
		if i%2 == 1 {
			if v *= 2; v > 9 {
				v -= 9
			}
		}
		sum += v
	}
	return sum%10 == 0
}
