package main

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/spf13/cobra"

	"ledgerline/projections"
)

func usesCommand(p *program) *cobra.Command {
	var q question
	var from, to, file string
	c := &cobra.Command{
		Use:   "uses [PERSON]",
		Short: "List who used data about one person, and why",
		Long: `Uses lists the calls that name a person, by the keyed reference under which the calls
were recorded, and the declared gaps in which more may be missing. Sealed batches stand for
calls of which the ledger does not know whom they were about; where there are any, the
answer says that it is not complete. The reference is sent in the body of the request: that
the question was asked is recorded, about whom is not.`,
		Example: `  ledgerline uses --person-file reference --from 2025-01-01 --to 2026-01-01 --server http://127.0.0.1:8420`,
		Args:    cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			person := strings.Join(args, "")
			if file != "" {
				b, err := os.ReadFile(file)
				if err != nil {
					return fmt.Errorf("reading the person's reference: %w", err)
				}
				person += strings.TrimSpace(string(b))
			}
			if person == "" || file != "" && len(args) > 0 {
				return usage("give the person's keyed reference, or --person-file")
			}
			v, err := q.values()
			if err != nil {
				return err
			}
			for name, text := range map[string]string{"from": from, "to": to} {
				m, err := moment(text)
				if err != nil {
					return usage("--%s %s: %w", name, text, err)
				}
				set(v, name, m)
			}
			return q.uses(c, p, v, person)
		},
	}
	q.flags(c)
	q.validFlag(c)
	q.pageFlags(c)
	f := c.Flags()
	f.StringVar(&file, "person-file", "", "file with the reference, so that it stands in no history of commands")
	f.StringVar(&from, "from", "", "made at this time or later")
	f.StringVar(&to, "to", "", "made before this time")
	return c
}

func (q *question) uses(c *cobra.Command, p *program, v url.Values, person string) error {
	body, err := json.Marshal(map[string]string{"person": person})
	if err != nil {
		return err
	}
	cl, err := q.target.connect(c.Context(), p)
	if err != nil {
		return err
	}
	err = cl.wait(c.Context(), "after", v)
	var answer []byte
	if err == nil {
		answer, err = cl.question(c.Context(), "/v1/uses", v, body)
	}
	if err := errors.Join(err, cl.close()); err != nil {
		return err
	}
	if q.json {
		return p.printJSON(answer)
	}
	var a answered[projections.AccessList]
	if err := json.Unmarshal(answer, &a); err != nil {
		return fmt.Errorf("reading the answer of /v1/uses: %w; is the server of another version?", err)
	}
	if err := p.accesses(a.Result); err != nil {
		return err
	}
	p.standing(a.Ledger, a.Result.Next)
	return nil
}
