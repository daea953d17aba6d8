package main

import (
	"errors"
	"io"
	"runtime/debug"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// bom is a CycloneDX 1.5 bill of materials: what this program was built from, as the
// linker recorded it.
type bom struct {
	Format     string      `json:"bomFormat"`
	Spec       string      `json:"specVersion"`
	Version    int         `json:"version"`
	Metadata   bomMetadata `json:"metadata"`
	Components []component `json:"components"`
}

type bomMetadata struct {
	Component component `json:"component"`
}

type component struct {
	Type    string `json:"type"`
	Name    string `json:"name"`
	Version string `json:"version"`
	PURL    string `json:"purl,omitzero"`
}

// writeBOM prints the bill of materials of the running program.
func writeBOM(w io.Writer) error {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return errors.New("this program was built without module information")
	}
	b := bom{Format: "CycloneDX", Spec: "1.5", Version: 1, Metadata: bomMetadata{component{"application", "ledgerline", info.Main.Version, ""}}}
	add := func(name, version string) {
		b.Components = append(b.Components, component{"library", name, version, "pkg:golang/" + name + "@" + version})
	}
	add("stdlib", info.GoVersion)
	for _, m := range info.Deps {
		if m.Replace != nil {
			m = m.Replace
		}
		add(m.Path, m.Version)
	}
	return json.MarshalWrite(w, b, jsontext.Multiline(true))
}
