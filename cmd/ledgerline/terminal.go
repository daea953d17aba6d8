package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"unicode"

	"github.com/spf13/cobra"
	"golang.org/x/text/width"

	"ledgerline/ledger"
)

// The rules of this program's manners:
//
//   - Standard output holds the answer and nothing else; whatever reads it next
//     needs no filter. Progress, hints, logs and errors go to standard error.
//   - An error says what was being done, what went wrong, and on a line of its
//     own, after "fix:", what to do next. No capitals, no final full stop.
//   - A table is for people and is never cut to fit; --json is for programs and
//     is what the API answered.
//   - Nothing moves on a standard error that is not a terminal.

// program is one run: where it reads and writes.
type program struct {
	in       io.Reader
	out, err io.Writer

	logFormat, logLevel string
	// started is set once a command begins; an error before that is a mistake in
	// the command line.
	started bool
	// command is the name of the command that ran, for its error message.
	command string
}

// The exit codes.
const (
	exitNo     = 1 // the answer is no: tampered, refused, differs, not there
	exitCannot = 2 // it could not be done
	exitUsage  = 3 // it was asked wrongly
	// exitStorage: a store cannot go on; the process may be started again when the disk
	// has been seen to.
	exitStorage = ledger.ExitStorage
)

// failure is an error that knows its exit code and its way out. Any other error
// means that something could not be done.
type failure struct {
	code int
	err  error
	fix  string
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

// no reports that the question was answered, and the answer is no.
func no(fix, format string, args ...any) error {
	return &failure{exitNo, fmt.Errorf(format, args...), fix}
}

// cannot reports that something could not be done, and what to do about it.
func cannot(fix, format string, args ...any) error {
	return &failure{exitCannot, fmt.Errorf(format, args...), fix}
}

// usage reports a mistake in the command line.
func usage(format string, args ...any) error {
	return &failure{exitUsage, fmt.Errorf(format, args...), ""}
}

// errShown ends a command with exitNo when all there is to say has been said.
var errShown = errors.New("the answer is no")

// exit prints the error of a run and returns its exit code.
func (p *program) exit(err error) int {
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errShown):
		return exitNo
	}
	f := &failure{code: exitCannot, err: err}
	if !errors.As(err, &f) && !p.started {
		f = &failure{code: exitUsage, err: err}
	}
	if f.code == exitUsage && f.fix == "" {
		f = &failure{code: exitUsage, err: err, fix: strings.TrimSpace("ledgerline help " + p.command)}
	}
	prefix := strings.TrimSpace("ledgerline " + p.command)
	fmt.Fprintf(p.err, "%s: %s\n", prefix, harmless(err.Error()))
	if f.fix != "" {
		fmt.Fprintf(p.err, "fix: %s\n", harmless(f.fix))
	}
	return f.code
}

// markStart makes every command below c note that its own work begins.
func (p *program) markStart(c *cobra.Command) {
	for _, sub := range c.Commands() {
		p.markStart(sub)
	}
	if c.Args != nil {
		check := c.Args
		c.Args = func(c *cobra.Command, args []string) error {
			p.command = commandName(c)
			return check(c, args)
		}
	}
	if c.RunE != nil {
		work := c.RunE
		c.RunE = func(c *cobra.Command, args []string) error {
			p.command, p.started = commandName(c), true
			return work(c, args)
		}
	}
}

// commandName is what stands after the program's name: "token create".
func commandName(c *cobra.Command) string {
	return strings.TrimPrefix(strings.TrimPrefix(c.CommandPath(), c.Root().Name()), " ")
}

// group makes a command that only holds others.
func group(use, short string, subs ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{Use: use, Short: short, Args: cobra.NoArgs, RunE: func(c *cobra.Command, _ []string) error {
		var names []string
		for _, s := range subs {
			names = append(names, s.Name())
		}
		return usage("%s needs one of: %s", c.Name(), strings.Join(names, ", "))
	}}
	c.AddCommand(subs...)
	return c
}

func (p *program) logFlags(root *cobra.Command) {
	f := root.PersistentFlags()
	f.StringVar(&p.logFormat, "log-format", "text", "form of the log on standard error: text or json")
	f.StringVar(&p.logLevel, "log-level", "", "least level to log: debug, info, warn or error (default: info for serve, else warn)")
}

// logger makes the log that the flags ask for, on standard error.
func (p *program) logger(standard slog.Level) (*slog.Logger, error) {
	o := &slog.HandlerOptions{Level: standard}
	if p.logLevel != "" {
		var l slog.Level
		if err := l.UnmarshalText([]byte(p.logLevel)); err != nil {
			return nil, usage("--log-level %s: want debug, info, warn or error", p.logLevel)
		}
		o.Level = l
	}
	switch p.logFormat {
	case "text":
		return slog.New(slog.NewTextHandler(p.err, o)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(p.err, o)), nil
	}
	return nil, usage("--log-format %s: want text or json", p.logFormat)
}

// isTerminal reports whether w is a device that a person may be looking at.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// table prints rows under a heading in columns wide enough for their cells.
type table struct {
	head []string
	rows [][]string
}

func newTable(head ...string) *table { return &table{head: head} }

func (t *table) row(cells ...string) { t.rows = append(t.rows, cells) }

// write prints the table; none is what is printed instead of an empty one.
func (t *table) write(w io.Writer, none string) error {
	if len(t.rows) == 0 {
		_, err := fmt.Fprintln(w, none)
		return err
	}
	widths := make([]int, len(t.head))
	all := append([][]string{t.head}, t.rows...)
	for _, row := range all {
		for i, cell := range row {
			widths[i] = max(widths[i], displayWidth(oneLine(cell)))
		}
	}
	var b strings.Builder
	for _, row := range all {
		var line strings.Builder
		for i, cell := range row {
			cell = oneLine(cell)
			line.WriteString(cell)
			line.WriteString(strings.Repeat(" ", widths[i]-displayWidth(cell)+2))
		}
		b.WriteString(strings.TrimRight(line.String(), " "))
		b.WriteByte('\n')
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// oneLine keeps a cell from breaking the table, and the terminal from obeying
// what an event says: control characters are shown, not sent.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return ' '
		case r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0:
			return '\uFFFD'
		}
		return r
	}, s)
}

// say prints a line to people. What it says may come from whoever made what is checked:
// none of it becomes a line of its own, or moves the terminal's cursor.
func say(w io.Writer, format string, args ...any) error {
	_, err := fmt.Fprintln(w, oneLine(fmt.Sprintf(format, args...)))
	return err
}

// harmless is a text of several lines without what a terminal obeys.
func harmless(s string) string {
	lines := strings.Split(s, "\n")
	for i, line := range lines {
		lines[i] = oneLine(line)
	}
	return strings.Join(lines, "\n")
}

// displayWidth is the number of terminal columns of s: two for the wide
// characters of East Asian scripts, none for combining marks.
func displayWidth(s string) (n int) {
	for _, r := range s {
		switch {
		case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf):
		case width.LookupRune(r).Kind() == width.EastAsianWide, width.LookupRune(r).Kind() == width.EastAsianFullwidth:
			n += 2
		default:
			n++
		}
	}
	return n
}
