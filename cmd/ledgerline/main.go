// Command ledgerline keeps an event-sourced ledger of data lineage and data
// sharing, serves it over HTTP, and checks what such a ledger claims.
//
// Each file holds one group of commands; what they do belongs to the packages
// below. Every query is an HTTP request, to a server (--server) or to the same
// handler inside this process over an opened directory (--dir), so there is one
// way to answer a question.
//
// Exit codes: 0 done, or the answer is yes; 1 the answer is no (tampered,
// refused, differs, not there); 2 it could not be done; 3 it was asked wrongly.
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// The first signal asks for a clean stop; then the default action is back,
	// so that a second one ends the process at once.
	context.AfterFunc(ctx, stop)
	boundHeap()
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// run is the program: it executes one command line and returns the exit code.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	p := &program{in: stdin, out: stdout, err: stderr}
	root := newRoot(p)
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	return p.exit(root.ExecuteContext(ctx))
}

// commands is the table of subcommands, in the groups in which help shows them.
var commands = []struct {
	group string
	make  []func(*program) *cobra.Command
}{
	{"Begin:", []func(*program) *cobra.Command{demoCommand, initCommand, serveCommand, tokenCommand, keysCommand}},
	{"Record:", []func(*program) *cobra.Command{appendCommand, importCommand}},
	{"Ask, as of any moment:", []func(*program) *cobra.Command{eventsCommand, catalogCommand, diffCommand, lineageCommand, pathCommand, traceCommand, differencesCommand, looseCommand, exposureCommand, dutiesCommand, violationsCommand, dueCommand, bulletinCommand, agreementsCommand, requestsCommand, sharesCommand, accessesCommand, usesCommand, findingsCommand, checksCommand, attributionCommand, partiesCommand, producersCommand, disposalsCommand}},
	{"Check:", []func(*program) *cobra.Command{proveCommand, evidenceCommand, verifyCommand}},
	{"Keep:", []func(*program) *cobra.Command{exportCommand, eraseCommand, holdCommand, backupCommand, restoreCommand, rebuildCommand, doctorCommand}},
	{"Other:", []func(*program) *cobra.Command{benchCommand, versionCommand}},
}

func newRoot(p *program) *cobra.Command {
	root := &cobra.Command{
		Use:   "ledgerline",
		Short: "A tamper-evident ledger of data lineage and data sharing",
		Long: `Ledgerline records who shared what data with whom, when and on what basis, in a
hash-chained, signed ledger; answers catalog, sharing and lineage questions as of
any past moment; and proves its answers to people who do not trust it.`,
		Example: `  ledgerline demo                                   # look around in a loaded ledger
  ledgerline init --dir led --origin ledger.example/yunze
  ledgerline serve --dir led
  ledgerline verify --dir led                       # is it what it was?`,
		Version:       buildVersion(),
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetVersionTemplate("{{.Version}}\n")
	p.logFlags(root)
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		p.command = commandName(c)
		return usage("%w", err)
	})
	for _, g := range commands {
		root.AddGroup(&cobra.Group{ID: g.group, Title: g.group})
		for _, make := range g.make {
			c := make(p)
			c.GroupID = g.group
			root.AddCommand(c)
		}
	}
	root.SetHelpCommandGroupID("Other:")
	root.SetCompletionCommandGroupID("Other:")
	p.markStart(root)
	return root
}
