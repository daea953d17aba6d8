package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"ledgerline/api"
)

func tokenCommand(p *program) *cobra.Command {
	return group("token", "Grant and take back access to a server", tokenCreate(p), tokenList(p), tokenRevoke(p))
}

func tokenCreate(p *program) *cobra.Command {
	var dir, principal string
	var roleNames []string
	var lasts time.Duration
	c := &cobra.Command{
		Use:   "create --dir DIR --principal NAME --role ROLE",
		Short: "Make a bearer token; it is shown once",
		Long: `Create makes a bearer token and prints it. The directory keeps only its hash: a
token that is lost is replaced, not recovered. A running server knows it at once.

The principal is the name under which the ledger records what is written with the
token. Roles: read, write, admin (which includes the others).`,
		Example: `  ledgerline token create --dir led --principal exchange-platform --role write > token`,
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			var roles []api.Role
			for _, name := range roleNames {
				r, err := api.ParseRole(name)
				if err != nil {
					return usage("--role: %w", err)
				}
				roles = append(roles, r)
			}
			if err := needLedger(dir); err != nil {
				return err
			}
			now := time.Now()
			var expires time.Time
			if lasts > 0 {
				expires = now.Add(lasts)
			}
			text, token, err := api.NewToken(principal, roles, now, expires)
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
	f.StringVar(&principal, "principal", "", "who writes with the token")
	f.StringSliceVar(&roleNames, "role", nil, "what the token allows: read, write or admin; may be repeated")
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
			t := newTable("ID", "PRINCIPAL", "ROLES", "CREATED", "EXPIRES")
			for _, tok := range list {
				var roles []string
				for _, r := range tok.Roles {
					roles = append(roles, string(r))
				}
				expires := "never"
				if !tok.Expires.IsZero() {
					expires = tok.Expires.Format(time.RFC3339)
				}
				t.row(tok.ID, tok.Principal, strings.Join(roles, ","), tok.Created.Format(time.RFC3339), expires)
			}
			return t.write(p.out, "no tokens")
		},
	}
	c.Flags().StringVar(&dir, "dir", "", "the ledger's directory")
	return required(c, "dir")
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

// onlyToken makes a file with one token, which may write as the principal.
func onlyToken(file, principal string) (text string, tokens *api.Tokens, err error) {
	if tokens, err = api.LoadTokens(file); err != nil {
		return "", nil, err
	}
	text, token, err := api.NewToken(principal, []api.Role{api.RoleRead, api.RoleWrite}, time.Now(), time.Time{})
	if err != nil {
		return "", nil, err
	}
	return text, tokens, tokens.Add(token)
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
