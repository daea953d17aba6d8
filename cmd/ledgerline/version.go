package main

import (
	"fmt"
	"runtime/debug"

	"github.com/spf13/cobra"
)

func versionCommand(p *program) *cobra.Command {
	var sbom bool
	c := &cobra.Command{
		Use:   "version",
		Short: "Say which build this is, and what it was built from",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if sbom {
				return writeBOM(p.out)
			}
			_, err := fmt.Fprintln(p.out, buildVersion())
			return err
		},
	}
	c.Flags().BoolVar(&sbom, "sbom", false, "print the modules it was built from, as CycloneDX JSON")
	return c
}

// buildVersion describes the running build from what the linker recorded; it
// works for go run, go install and go build alike.
func buildVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "ledgerline (built without module information)"
	}
	s := "ledgerline " + info.Main.Version
	for _, kv := range info.Settings {
		switch {
		case kv.Key == "vcs.revision":
			s += " " + kv.Value
		case kv.Key == "vcs.time":
			s += " " + kv.Value
		case kv.Key == "vcs.modified" && kv.Value == "true":
			s += " with local changes"
		}
	}
	return s + " " + info.GoVersion
}
