package main

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// progress shows how far a long task is: a bar that is drawn over itself on a
// terminal, a plain line every few seconds elsewhere.
type progress struct {
	w        io.Writer
	terminal bool
	what     string // "importing"
	every    time.Duration
	began    time.Time
	drawn    time.Time
	width    int // of the bar last drawn, to wipe it
}

func newProgress(w io.Writer, what string) *progress {
	p := &progress{w: w, terminal: isTerminal(w), what: what, began: time.Now()}
	p.drawn, p.every = p.began, 5*time.Second
	if p.terminal {
		p.every = 100 * time.Millisecond
	}
	return p
}

// show reports done of total units; note is a short remark, such as a count.
func (p *progress) show(done, total int64, note string) {
	if now := time.Now(); now.Sub(p.drawn) >= p.every {
		p.drawn = now
		p.draw(done, total, note)
	}
}

func (p *progress) draw(done, total int64, note string) {
	part := 1.0
	if total > 0 {
		part = min(1, float64(done)/float64(total))
	}
	if !p.terminal {
		fmt.Fprintf(p.w, "%s: %3.0f %%, %s\n", p.what, 100*part, note)
		return
	}
	const cells = 24
	full := int(part * cells)
	line := fmt.Sprintf("%s [%s%s] %3.0f %%  %s%s", p.what, strings.Repeat("#", full), strings.Repeat(".", cells-full), 100*part, note, p.remaining(part))
	fmt.Fprintf(p.w, "\r%s%s", line, strings.Repeat(" ", max(0, p.width-displayWidth(line))))
	p.width = displayWidth(line)
}

// remaining guesses the time left once there is something to guess from.
func (p *progress) remaining(part float64) string {
	spent := time.Since(p.began)
	if part < 0.02 || part >= 1 || spent < 2*time.Second {
		return ""
	}
	left := time.Duration(float64(spent) * (1 - part) / part)
	return fmt.Sprintf("  %s left", left.Round(time.Second))
}

// end wipes the bar, so that what is printed next stands alone.
func (p *progress) end() {
	if p.width > 0 {
		fmt.Fprintf(p.w, "\r%s\r", strings.Repeat(" ", p.width))
		p.width = 0
	}
}
