package api

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"ledgerline/events"
	"ledgerline/ledger"
	"ledgerline/projections"
)

// A phrase is what is said to somebody whose request is refused: a form, as fmt has
// it, and what stands in it. Programs are told it in English; pages say it in their
// language, by the form: see chinesePhrases.
type phrase struct {
	form   string
	values []any
}

// sentence is what a problem can be told in: a constant text, or a phrase.
type sentence interface{ string | phrase }

func sayf(form string, values ...any) phrase { return phrase{form, values} }

func phraseOf[S sentence](s S) phrase {
	if p, ok := any(s).(phrase); ok {
		return p
	}
	return phrase{form: any(s).(string)}
}

// Error says it in English.
func (p phrase) Error() string {
	if len(p.values) == 0 {
		return p.form
	}
	return fmt.Sprintf(p.form, p.values...)
}

// in says it in a language. known is false if a part of it is known in English only:
// then all of it is English.
func (p phrase) in(language int) (text string, known bool) {
	if language == 0 || p.form == "" {
		return p.Error(), true
	}
	form, known := chinesePhrases[p.form]
	if !known {
		if form, known = chineseDocs[p.form]; !known {
			return p.Error(), false
		}
	}
	if len(p.values) == 0 {
		return form, true
	}
	values := make([]any, len(p.values))
	for i, v := range p.values {
		switch v := v.(type) {
		case error:
			values[i], _ = saidOf(v).in(language) // what a library says stays as it is
		case events.Time:
			values[i] = writtenTime(v.Std(), language)
		case time.Duration:
			values[i] = chineseDuration(v)
		default:
			values[i] = v
		}
	}
	return fmt.Sprintf(form, values...), true
}

// chineseDuration is a duration as people write it, without units at its end of which there
// are none: 1 分, and not 1 分 0 秒.
func chineseDuration(d time.Duration) string {
	text := d.String()
	for _, none := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(text, none) {
			text = text[:len(text)-len("0s")]
		}
	}
	return strings.TrimRight(strings.NewReplacer("h", " 小时 ", "ms", " 毫秒", "m", " 分 ", "µs", " 微秒", "s", " 秒").Replace(text), " ")
}

// docText is what the description of a parameter says.
func docText(doc string) phrase { return phrase{form: doc} }

// saidOf is an error as a phrase.
func saidOf(err error) phrase {
	var (
		said       phrase
		question   *projections.QueryError
		position   *ledger.PositionError
		future     *ledger.FutureError
		clock      *ledger.ClockError
		proofSize  *ledger.ProofSizeError
		notApplied *projections.NotAppliedError
		loading    *projections.LoadingError
		unknown    *projections.UnknownNodeError
		cost       *projections.CostError
		field      *projections.FieldError
	)
	switch {
	case errors.As(err, &said):
		return said
	case errors.As(err, &position):
		return sayf("there is no record at position %d; the last is %d", position.Position, position.Head)
	case errors.As(err, &future):
		return sayf("%s is in the future (it is %s): what will be known then is not known now", future.Asked, future.Now)
	case errors.As(err, &notApplied):
		return sayf("the views have applied position %d, not yet %d; wait for it or ask as of %d", notApplied.Applied, notApplied.Position, notApplied.Applied)
	case errors.As(err, &loading):
		return sayf("the %v is being loaded: %d of %d so far; ask again in a moment", docText(loading.What), loading.Loaded, loading.Total)
	case errors.As(err, &cost):
		return sayf("the question looked at %d rows and nodes without coming to its end; it may look at %d", cost.Cost, cost.Limit)
	case errors.As(err, &field):
		return sayf("you are kept from the field %s, and ask by it", field.Field)
	case errors.As(err, &proofSize):
		return sayf("%d records belong to the answer; a proof shows at most %d", proofSize.Records, proofSize.Limit)
	case errors.As(err, &clock):
		form := "the clock says %s, ahead of the last record of %s by more than %s; nothing is recorded until the clock is right or an operator confirms it (serve --confirm-clock REASON)"
		if clock.Clock < clock.Last {
			form = "the clock says %s, behind the last record of %s by more than %s; nothing is recorded until the clock is right or an operator confirms it (serve --confirm-clock REASON)"
		}
		return sayf(form, clock.Clock, clock.Last, clock.Bound)
	case errors.As(err, &unknown):
		switch {
		case unknown.Ambiguous:
			return sayf("%q can be read as several known nodes; use one of %q", unknown.Node, unknown.Near)
		case len(unknown.Near) > 0:
			return sayf("nothing known is called %q; near to it: %q", unknown.Node, unknown.Near)
		}
		return sayf("nothing known is called %q", unknown.Node)
	case errors.As(err, &question):
		return phrase{form: question.Reason}
	}
	return phrase{form: err.Error()}
}
