package rulepack

import (
	"embed"
	"strings"
)

// The packs and calendars that come with the program. A ledger uses none of them
// until they are published into it.

//go:embed data/*.json
var shipped embed.FS

// Packs returns the packs that come with the program, by id and version, as the
// text in which they are published.
func Packs() []string { return load("pack-") }

// Calendars returns the calendars that come with the program, likewise.
func Calendars() []string { return load("calendar-") }

func load(prefix string) []string {
	files, err := shipped.ReadDir("data")
	if err != nil {
		panic(err) // embedded: a mistake of this package, found by its tests
	}
	var list []string
	for _, f := range files {
		if !strings.HasPrefix(f.Name(), prefix) {
			continue
		}
		b, err := shipped.ReadFile("data/" + f.Name())
		if err != nil {
			panic(err)
		}
		list = append(list, string(b))
	}
	return list
}
