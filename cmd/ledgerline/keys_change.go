package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"

	"github.com/go-json-experiment/json"
	"github.com/spf13/cobra"

	"ledgerline/api"
	"ledgerline/ledger"
	"ledgerline/ledger/proof"
)

func keysRotate(p *program) *cobra.Command {
	return keyChangeCommand(p, "/keys/rotate", (*ledger.Ledger).AddKey, &cobra.Command{
		Use:   "rotate --dir DIR",
		Short: "Add a new signing key: from now on both keys sign",
		Long: `Rotate makes a new signing key beside the old one and records it, signed by both.
From then on every head is signed by both keys, so that whoever knows the old one
can still check, until "ledgerline keys retire" ends that. A server may have the
directory open.

It prints the change, a note that both keys signed. Give it to everybody who checks
with the old key: ledgerline verify takes it among its files, and bundles carry it.`,
		Example: `  ledgerline keys rotate --dir led > change.note
  ledgerline keys retire --dir led > retired.note     # when witnesses and auditors know the new key`,
	})
}

func keysRetire(p *program) *cobra.Command {
	return keyChangeCommand(p, "/keys/retire", (*ledger.Ledger).RetireKey, &cobra.Command{
		Use:   "retire --dir DIR",
		Short: "Retire the old signing key after a rotation, and destroy it",
		Long: `Retire records, signed by both keys, that the old key counts no more, and puts the
new key in its place. What the old key signed before can still be checked; what it
signs afterwards is refused by everybody who has the change that this prints.`,
	})
}

// keyChangeCommand is a command that has the signing key changed, by the server that
// has the directory open, or by itself.
func keyChangeCommand(p *program, path string, change func(*ledger.Ledger, context.Context) (string, error), c *cobra.Command) *cobra.Command {
	var dir string
	var at places
	c.Args = cobra.NoArgs
	c.RunE = func(c *cobra.Command, _ []string) error {
		logger, err := p.logger(slog.LevelWarn)
		if err != nil {
			return err
		}
		text, err := askKeyChange(c.Context(), dir, path)
		if errors.Is(err, errNoServer) {
			text, err = changeKey(c.Context(), dir, ledger.Options{Logger: logger, HeadFile: at.head, KeyFile: at.key}, change)
		}
		if errors.Is(err, ledger.ErrKeyChange) {
			return no("", "%w", err)
		}
		if err != nil {
			return err
		}
		_, err = fmt.Fprint(p.out, text)
		return err
	}
	c.Flags().StringVar(&dir, "dir", "", "the ledger's directory")
	at.flags(c)
	return required(c, "dir")
}

// changeKey opens the ledger for as long as it takes.
func changeKey(ctx context.Context, dir string, o ledger.Options, change func(*ledger.Ledger, context.Context) (string, error)) (string, error) {
	l, err := ledger.Open(dir, o)
	if err != nil {
		return "", openError(dir, err)
	}
	text, err := change(l, ctx)
	return text, errors.Join(err, l.Close())
}

// askKeyChange lets the server that has dir open change its key.
func askKeyChange(ctx context.Context, dir, path string) (string, error) {
	c, done, err := askControl(ctx, dir)
	if err != nil {
		return "", err
	}
	defer done()
	res, err := c.request(ctx, http.MethodPost, path, nil, nil, nil)
	if err != nil {
		return "", fmt.Errorf("asking the server that has %s open: %w", dir, err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	return string(b), err
}

// answerKeyChange changes the key of a served ledger.
func (s *store) answerKeyChange(change func(*ledger.Ledger, context.Context) (string, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		text, err := change(s.book, r.Context())
		switch {
		case errors.Is(err, ledger.ErrKeyChange): // an answer, as without a server: no
			w.WriteHeader(http.StatusConflict)
			if err := json.MarshalWrite(w, api.Problem{Status: http.StatusConflict, Rule: "keys.change", Detail: err.Error()}); err != nil {
				panic(http.ErrAbortHandler) // the asker is gone
			}
			return
		case err != nil:
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		fmt.Fprint(w, text) // an error here means that the asker is gone
	}
}

// describeKeyChange says what a change does that was read before.
func describeKeyChange(signed []byte, keys *proof.Keys) string {
	c, err := proof.OpenKeyChange(signed)
	switch {
	case err != nil:
		return "note: " + err.Error()
	case !keys.Has(c.Old) || !keys.Has(c.New):
		return fmt.Sprintf("note: a change of keys of %s says nothing about the key given", c.Origin)
	case c.What == proof.KeyAdded:
		return fmt.Sprintf("ok: the key %s signs for %s as well", c.New, c.Origin)
	default:
		return fmt.Sprintf("ok: the key %s counts for heads of at most %d records, and %s goes on", c.Old, c.Size, c.New)
	}
}
