package api

import (
	"crypto/rand"
	"testing"

	"github.com/chromedp/chromedp"
	"golang.org/x/mod/sumdb/note"
)

// TestRotatedProofInBrowser has the browser check a record of a ledger whose key was
// changed: with the first key and with the last, with a change that lacks a signature,
// with one left out, and in both languages.
func TestRotatedProofInBrowser(t *testing.T) {
	ctx := browser(t)
	f := newFixture(t, nil)
	f.tell()
	first := f.ledger.VerifierKey()
	if _, err := f.ledger.AddKey(t.Context()); err != nil {
		t.Fatal(err)
	}
	last := f.ledger.VerifierKey()
	if _, err := f.ledger.RetireKey(t.Context()); err != nil {
		t.Fatal(err)
	}
	complaints := attend(t, ctx)
	check := chromedp.Click("#proof button")
	const changes = `[...document.querySelectorAll("[data-change] output")].map((e) => e.textContent)`
	for lang, at := range map[string]int{"en": 0, "zh-CN": 1} {
		said := func(names ...string) string {
			js := ""
			for i, name := range names {
				js += ` && ` + changes + `[` + string(rune('0'+i)) + `] == "` + proofTexts[name][at] + `"`
			}
			return js
		}
		for _, c := range []struct{ what, key, spoil, verdict, step, says string }{
			{"the first key", first, ``, "proven", "", said("followed-added", "followed-retired")},
			{"the last key", last, ``, "proven", "", said("followed-not", "followed-back")},
			{"no key", "", ``, "server-key", "", said("followed-not", "followed-back")},
			{"a change left out", first, `document.querySelectorAll("[data-change]").forEach((e) => e.remove())`, "unfollowed", "signature", ``},
			{"a change that the old key did not sign", first, `const note = document.querySelector("[data-change] pre"); note.textContent = note.textContent.replace(/\u2014 .*\n/, "")`, "refused", "keys", ``},
			{"a change that was made to say something else", first, `const note = document.querySelectorAll("[data-change] pre")[1]; note.textContent = note.textContent.replace(/\n([0-9]+)\n\n/, "\n1$1\n\n")`, "refused", "keys", ``},
			{"a key of another log", strangerKey(t), ``, "unfollowed", "keys", ``},
			{"a key that is misspelt", first[:len(first)-6] + "AAAAAA", ``, "unfinished", "keys", ``},
		} {
			what := lang + ": " + c.what
			for _, act := range []chromedp.Action[chromedp.Void]{
				chromedp.Navigate(f.http.URL + "/events/9?lang=" + lang), emptied("#vkey"),
			} {
				if err := chromedp.Do(ctx, act); err != nil {
					t.Fatalf("%s: %v", what, err)
				}
			}
			if c.key != "" {
				if err := chromedp.Do(ctx, chromedp.SendKeys("#vkey", c.key)); err != nil {
					t.Fatalf("%s: %v", what, err)
				}
			}
			if _, err := chromedp.Run(ctx, chromedp.Evaluate[bool](`{`+c.spoil+`; true}`)); err != nil {
				t.Fatalf("%s: %v", what, err)
			}
			if err := chromedp.Do(ctx, check); err != nil {
				t.Fatalf("%s: %v", what, err)
			}
			holds := `document.querySelectorAll("[data-step][data-holds=yes]").length == 5`
			if c.step != "" {
				holds = `document.querySelector("[data-step][data-holds=no]").dataset.step == "` + c.step + `"`
			}
			awaitPage(t, ctx, what, "/events/9", `!document.querySelector("[data-verdict=`+c.verdict+`]").hidden && document.querySelectorAll("[data-verdict]:not([hidden])").length == 1 && `+holds+c.says)
		}
	}
	if heard := complaints(); len(heard) > 0 {
		t.Errorf("the browser complains: %q", heard)
	}
}

// strangerKey is the verifier key of another log.
func strangerKey(t *testing.T) string {
	t.Helper()
	_, vkey, err := note.GenerateKey(rand.Reader, "other.example/log")
	if err != nil {
		t.Fatal(err)
	}
	return vkey
}
