package rulepack

import (
	"embed"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// The packs and calendars that come with the program. A ledger uses none of them
// until they are published into it.

//go:embed data/*.json
var shipped embed.FS

// Packs returns the packs that come with the program, by id and version.
func Packs() []Pack { return load[Pack]("pack-") }

// Calendars returns the calendars that come with the program, by id and version.
func Calendars() []Calendar { return load[Calendar]("calendar-") }

func load[T any](prefix string) []T {
	files, err := shipped.ReadDir("data")
	if err != nil {
		panic(err) // embedded: a mistake of this package, found by its tests
	}
	var list []T
	for _, f := range files {
		if !strings.HasPrefix(f.Name(), prefix) {
			continue
		}
		b, err := shipped.ReadFile("data/" + f.Name())
		if err == nil {
			var v T
			d := json.NewDecoder(strings.NewReader(string(b)))
			d.DisallowUnknownFields()
			err = d.Decode(&v)
			list = append(list, v)
		}
		if err != nil {
			panic(fmt.Sprintf("rulepack: %s: %v", f.Name(), err))
		}
	}
	return slices.Clip(list)
}
