package api

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"ledgerline/ledger"
	"ledgerline/ledger/proof"

	"github.com/go-chi/chi/v5"
)

// The log as C2SP tlog-tiles has it (c2sp.org/tlog-tiles), so that the mirrors,
// auditors and witnesses of others work against it unmodified.

// checkpoint serves the published checkpoint.
func checkpoint() endpoint {
	return raw(func(s *Server, w http.ResponseWriter, r *http.Request, _ none) error {
		w.Header().Set("Cache-Control", "no-cache")
		writeBody(w, r, http.StatusOK, "text/plain; charset=utf-8", s.o.Ledger.PublishedCheckpoint())
		return nil
	}, content{http.StatusOK, "text/plain", nil, "a C2SP checkpoint (signed note)"})
}

func hashTile() endpoint {
	return tile("hashes of 32 bytes each", func(s *Server, path string) ([]byte, error) {
		levelText, rest, _ := strings.Cut(path, "/")
		level, err := strconv.Atoi(levelText)
		n, width, ok := parseTilePath(rest)
		// The largest tree, of 2^63 records, has eight levels of tiles.
		if err != nil || !ok || level < 0 || level > 7 || strconv.Itoa(level) != levelText {
			return nil, badTilePath()
		}
		return s.o.Ledger.Tile(level, n, width)
	})
}

func entryTile() endpoint {
	return tile("leaves, each after its length in two bytes", func(s *Server, path string) ([]byte, error) {
		n, width, ok := parseTilePath(path)
		if !ok {
			return nil, badTilePath()
		}
		return s.o.Ledger.EntryTile(n, width)
	})
}

func badTilePath() error {
	return problem(http.StatusNotFound, "tile.path", "the path names no tile", "see c2sp.org/tlog-tiles: <L>/<N>[.p/<W>] with N in groups of three digits, such as 0/x001/234")
}

// tile makes an endpoint of a function from the rest of the path to bytes that
// never change: a tile, full or partial, is determined by the records under it.
func tile(doc string, bytesOf func(s *Server, path string) ([]byte, error)) endpoint {
	return raw(func(s *Server, w http.ResponseWriter, r *http.Request, _ none) error {
		b, err := bytesOf(s, chi.URLParam(r, "*"))
		if errors.Is(err, ledger.ErrNoTile) {
			return problem(http.StatusNotFound, "tile.unpublished", "the published checkpoint does not cover this tile", "see /log/checkpoint for the size of the tree")
		}
		if err != nil {
			return err
		}
		who := "private"
		if s.o.PublicLog {
			who = "public"
		}
		keepForGood(w, who)
		writeBody(w, r, http.StatusOK, "application/octet-stream", b)
		return nil
	}, content{http.StatusOK, "application/octet-stream", nil, doc})
}

// keepForGood lets caches keep what never changes: private ones, or public ones too. What
// is not for everybody a browser must not give to whoever comes next.
func keepForGood(w http.ResponseWriter, who string) {
	w.Header().Set("Cache-Control", who+", max-age=31536000, immutable")
	if who == "private" {
		w.Header().Add("Vary", "Authorization, Cookie")
	}
}

// parseTilePath reads <N>[.p/<W>], N being in groups of three digits with an x
// before all but the last. Only the one way to write it is accepted.
func parseTilePath(path string) (n int64, width int, ok bool) {
	width = proof.BundleWidth
	number, w, partial := strings.Cut(path, ".p/")
	if partial {
		v, err := strconv.Atoi(w)
		if err != nil || v < 1 || v >= proof.BundleWidth || strconv.Itoa(v) != w {
			return 0, 0, false
		}
		width = v
	}
	groups := strings.Split(number, "/")
	if len(groups) > 6 { // 10^18 tiles are more than 2^63 records need
		return 0, 0, false
	}
	for i, g := range groups {
		if i < len(groups)-1 {
			var found bool
			if g, found = strings.CutPrefix(g, "x"); !found {
				return 0, 0, false
			}
		}
		v, err := strconv.ParseUint(g, 10, 16)
		if err != nil || len(g) != 3 {
			return 0, 0, false
		}
		n = n*1000 + int64(v)
	}
	return n, width, tileNumber(n) == number
}

// tileNumber writes N as a path: 1234067 is x001/x234/067.
func tileNumber(n int64) string {
	s := fmt.Sprintf("%03d", n%1000)
	for n >= 1000 {
		n /= 1000
		s = fmt.Sprintf("x%03d/%s", n%1000, s)
	}
	return s
}
