package openlineage

import (
	"fmt"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"ledgerline/events"
)

// A verdict collects findings, at most maxFindings of them; cut counts the rest.
// Details never quote the event: they are stored where nothing is ever erased.
type verdict struct {
	findings []events.Finding
	cut      int
}

// room tells whether the verdict takes another finding, and counts it if not. It
// is asked first, because a pointer costs as much to make as the text is deep.
func (v *verdict) room() bool {
	if len(v.findings) == maxFindings {
		v.cut++
		return false
	}
	return true
}

func (v *verdict) add(at jsontext.Pointer, rule, detail string) {
	v.findings = append(v.findings, events.Finding{Pointer: shorten(at), Rule: rule, Detail: detail})
}

// limit is the rule of findings that tell what the facts leave out. The event
// itself may conform all the same.
const limit = "openlineage.limit"

func (v *verdict) result() events.Verdict {
	out := events.Verdict{Conformant: v.cut == 0, Findings: v.findings}
	for _, f := range v.findings {
		out.Conformant = out.Conformant && f.Rule == limit
	}
	if v.cut > 0 {
		out.Findings = append(out.Findings, events.Finding{Rule: "openlineage.findings",
			Detail: fmt.Sprintf("there are %d more findings; a verdict lists %d", v.cut, maxFindings)})
	}
	return out
}

// shorten returns the pointer itself or, where it is too long to keep or holds a
// NUL, a pointer to the nearest value around it that is not.
func shorten(p jsontext.Pointer) string {
	if i := strings.IndexByte(string(p), 0); i >= 0 {
		p = p[:i].Parent()
	}
	if len(p) > maxPointer {
		p = p[:maxPointer+1].Parent()
	}
	return string(p)
}

// check finds where a text, known to be JSON in which no name stands twice, departs
// from a shape.
func check(raw []byte, s *shape, v *verdict) error {
	return (&checker{cursor: cursor{text: raw}, verdict: v}).value(s)
}
