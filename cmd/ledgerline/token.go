package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"ledgerline/api"
)

func tokenCommand(p *program) *cobra.Command {
	return group("token", "Grant and take back access to a server", tokenCreate(p), tokenList(p), tokenRevoke(p))
}

func tokenCreate(p *program) *cobra.Command {
	var dir string
	var who api.Principal
	var roles []string
	var lasts time.Duration
	c := &cobra.Command{
		Use:   "create --dir DIR --principal NAME --role ROLE",
		Short: "Make a bearer token; it is shown once",
		Long: `Create makes a bearer token and prints it. The directory keeps only its hash: a
token that is lost is replaced, not recovered. A running server knows it at once.

The principal is the name under which the ledger records what is written with the
token. Its roles say what it may ask and which events it may append; docs/roles.md
lists them. Bound to parties it speaks for these alone; bound to regions, only for
parties there. With --read-party or --read-region it reads only what concerns one
of these parties, or a party in one of these regions, and each answer says how much
is withheld; without, all that its roles may read. --withhold keeps it from fields
of what it reads, such as actor; docs/roles.md lists them. No principal holds both
admin and auditor.`,
		Example: `  ledgerline token create --dir led --principal exchange-platform --role operator > token
  ledgerline token create --dir led --principal d03 --role provider,consumer --party D03 > token`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			for _, name := range roles {
				r, err := api.ParseRole(name)
				if err != nil {
					return usage("--role: %w", err)
				}
				who.Roles = append(who.Roles, r)
			}
			if err := needLedger(dir); err != nil {
				return err
			}
			now := time.Now()
			var expires time.Time
			if lasts > 0 {
				expires = now.Add(lasts)
			}
			text, token, err := api.NewToken(who, now, expires)
			if err != nil {
				return usage("%w", err)
			}
			tokens, err := api.LoadTokens(tokensFile(dir))
			if err != nil {
				return err
			}
			if err := tokens.Add(token); err != nil {
				return err
			}
			_, err = fmt.Fprintln(p.out, text)
			return err
		},
	}
	f := c.Flags()
	f.StringVar(&dir, "dir", "", "the ledger's directory")
	f.StringVar(&who.Name, "principal", "", "who writes with the token")
	f.StringSliceVar(&roles, "role", nil, "registrar, reviewer, provider, consumer, operator, ingest, auditor or admin; may be repeated")
	f.StringSliceVar(&who.Parties, "party", nil, "the party it speaks for; may be repeated; needed for provider and consumer")
	f.StringSliceVar(&who.Regions, "region", nil, "code of the region its parties are in, such as 3301; may be repeated")
	f.StringSliceVar(&who.ReadParties, "read-party", nil, "a party that it may read about; may be repeated (default: all)")
	f.StringSliceVar(&who.ReadRegions, "read-region", nil, "code of a region whose parties it may read about, such as 3301; may be repeated (default: all)")
	f.StringSliceVar(&who.Withhold, "withhold", nil, "a field that it is kept from, such as actor; may be repeated (default: none)")
	f.DurationVar(&lasts, "expires", 0, "how long the token works, such as 720h (default: until revoked)")
	return required(c, "dir", "principal", "role")
}

func tokenList(p *program) *cobra.Command {
	var dir string
	c := &cobra.Command{
		Use:   "list --dir DIR",
		Short: "List the tokens, without their secrets",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if err := needLedger(dir); err != nil {
				return err
			}
			tokens, err := api.LoadTokens(tokensFile(dir))
			if err != nil {
				return err
			}
			list, err := tokens.List()
			if err != nil {
				return err
			}
			t := newTable("ID", "PRINCIPAL", "ROLES", "PARTIES", "REGIONS", "READS", "CREATED", "EXPIRES")
			for _, tok := range list {
				var roles []string
				for _, r := range tok.Roles {
					roles = append(roles, string(r))
				}
				expires := "never"
				if !tok.Expires.IsZero() {
					expires = tok.Expires.Format(time.RFC3339)
				}
				t.row(tok.ID, tok.Principal, strings.Join(roles, ","), orDash(tok.Parties), orDash(tok.Regions), reads(tok), tok.Created.Format(time.RFC3339), expires)
			}
			return t.write(p.out, "no tokens")
		},
	}
	c.Flags().StringVar(&dir, "dir", "", "the ledger's directory")
	return required(c, "dir")
}

// reads is what a token may read about, and with a minus sign what fields it is kept from.
func reads(t api.Token) string {
	about := "all"
	if list := slices.Concat(t.ReadParties, t.ReadRegions); len(list) > 0 {
		about = strings.Join(list, ",")
	}
	for _, field := range t.Withhold {
		about += ",-" + field
	}
	return about
}

func tokenRevoke(p *program) *cobra.Command {
	var dir, principal string
	c := &cobra.Command{
		Use:   "revoke --dir DIR [ID…]",
		Short: "Take tokens back; a running server knows at once",
		Args:  cobra.ArbitraryArgs,
		RunE: func(_ *cobra.Command, ids []string) error {
			if (len(ids) == 0) == (principal == "") {
				return usage("name tokens by their ids, or all of one --principal")
			}
			if err := needLedger(dir); err != nil {
				return err
			}
			tokens, err := api.LoadTokens(tokensFile(dir))
			if err != nil {
				return err
			}
			if principal != "" {
				if ids, err = tokensOf(tokens, principal); err != nil {
					return err
				}
			}
			for _, id := range ids {
				found, err := tokens.Revoke(id)
				if err != nil {
					return err
				}
				if !found {
					return no("see: ledgerline token list --dir "+dir, "there is no token %s", id)
				}
			}
			_, err = fmt.Fprintf(p.err, "revoked %d tokens\n", len(ids))
			return err
		},
	}
	c.Flags().StringVar(&dir, "dir", "", "the ledger's directory")
	c.Flags().StringVar(&principal, "principal", "", "take back all tokens of this principal")
	return required(c, "dir")
}

// tokensOf lists the ids of a principal's tokens.
func tokensOf(tokens *api.Tokens, principal string) (ids []string, err error) {
	list, err := tokens.List()
	if err != nil {
		return nil, err
	}
	for _, t := range list {
		if t.Principal == principal {
			ids = append(ids, t.ID)
		}
	}
	if len(ids) == 0 {
		return nil, no("see: ledgerline token list", "there is no token of %s", principal)
	}
	return ids, nil
}

// orDash shows a list in a cell.
func orDash(list []string) string {
	if len(list) == 0 {
		return "-"
	}
	return strings.Join(list, ",")
}

// needLedger refuses a directory without a ledger, so that a misspelt one is
// not quietly made.
func needLedger(dir string) error {
	there, err := holdsLedger(dir)
	if err != nil {
		return err
	}
	if !there {
		return cannot(fmt.Sprintf("create one with: ledgerline init --dir %s --origin NAME", dir), "there is no ledger in %s", dir)
	}
	return nil
}
