package events

import "strings"

// nearest returns the known word that was most likely meant by a mistyped one,
// or "" if none is close.
func nearest(word string, known []string) string {
	if len(word) > 64 {
		return "" // no slip of the pen, and dear to compare
	}
	best, bestDistance := "", len(word)/3+2
	for _, k := range known {
		if fold(k) == fold(word) {
			return k
		}
		if d := distance(word, k, bestDistance); d < bestDistance {
			best, bestDistance = k, d
		}
	}
	return best
}

// fold drops what is most often written differently: case and separators.
func fold(s string) string {
	return strings.ToLower(strings.NewReplacer("_", "", "-", "", ".", "", " ", "").Replace(s))
}

// distance is the number of bytes to insert, delete or replace to turn a into b
// (Levenshtein). It gives up with max+1 where the lengths alone differ by more.
func distance(a, b string, max int) int {
	if len(a)-len(b) > max || len(b)-len(a) > max {
		return max + 1
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, diagonal+1, row[j]+1)
		}
	}
	return row[len(b)]
}
