package api

import (
	"context"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// browser starts a real Chromium, or skips where there is none. In CI it must be
// there, for the plain run.
func browser(t *testing.T) context.Context {
	t.Helper()
	if testing.Short() {
		t.Skip("a browser looks at the pages in the plain run only")
	}
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if p, err := exec.LookPath(name); err == nil {
			path = p
			break
		}
	}
	if path == "" {
		if os.Getenv("CI") != "" {
			t.Fatal("no Chromium on the PATH: CI has to install it")
		}
		t.Skip("no Chromium on the PATH: the pages are not looked at in a real browser")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true))
	ctx, cancel := context.WithTimeout(context.Background(), 8*time.Minute)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	return ctx
}

// attend collects what the browser complains of.
func attend(t *testing.T, ctx context.Context) (complaints func() []string) {
	t.Helper()
	var mu sync.Mutex // guards heard: events come from chromedp's goroutine
	var heard []string
	enable := func(ctx context.Context, tab *chromedp.Target) (chromedp.Void, error) {
		_, err := cdp.Call(ctx, tab, cdplog.Enable, cdp.Empty{})
		return chromedp.Void{}, err
	}
	if err := chromedp.Do(ctx, enable); err != nil {
		t.Fatalf("starting Chromium: %v", err)
	}
	err := chromedp.Listen(ctx, func(ev any) {
		mu.Lock()
		defer mu.Unlock()
		switch ev := ev.(type) {
		case *cdplog.EventEntryAdded:
			if !strings.HasSuffix(ev.Entry.URL, "/favicon.ico") {
				heard = append(heard, ev.Entry.Text+" "+ev.Entry.URL)
			}
		case *runtime.EventExceptionThrown:
			heard = append(heard, ev.ExceptionDetails.Text)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return func() []string {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(heard)
	}
}

// TestPagesInBrowser opens every page in a real browser, in both languages, light
// and dark, on a wide screen and a telephone: nothing may be refused by the
// page's own policy, and nothing may stick out sideways.
func TestPagesInBrowser(t *testing.T) {
	ctx := browser(t)
	f := newFixture(t, nil)
	f.tell()
	f.answered()
	complaints := attend(t, ctx)
	for _, page := range allPages {
		for _, lang := range []string{"en", "zh-CN"} {
			for _, screen := range []struct {
				scheme string
				width  int64
			}{{"light", 1280}, {"dark", 390}} {
				look(t, ctx, f.http.URL+withParam(page, "lang="+lang), lang, screen.scheme, screen.width)
			}
		}
	}
	for _, c := range complaints() {
		t.Errorf("the browser complains: %s", c)
	}
}

// TestSearchToLineage does with the keyboard and by following links what the
// pages are for: look for an entry, read it, see its lineage, and see all of it
// again as it was.
func TestSearchToLineage(t *testing.T) {
	ctx := browser(t)
	f := newFixture(t, nil)
	f.tell()
	complaints := attend(t, ctx)
	step := func(what, path, js string, actions ...func(context.Context) error) {
		t.Helper()
		for _, act := range actions {
			if err := act(ctx); err != nil {
				t.Fatalf("%s: %v", what, err)
			}
		}
		awaitPage(t, ctx, what, path, js)
	}
	do := func(action chromedp.Action[chromedp.Void]) func(context.Context) error {
		return func(ctx context.Context) error { return chromedp.Do(ctx, action) }
	}
	drawn := `document.querySelectorAll(".canvas.live .box").length > 1 && document.querySelectorAll("table.edges tbody tr").length > 1`
	past := `document.querySelector(".past")`

	step("the start page", "/", `document.querySelector("#text")`, do(chromedp.Navigate(f.http.URL+"/?lang=zh-CN")))
	step("searching in Chinese", "/catalog", `document.querySelectorAll("tbody tr").length == 1 && document.documentElement.lang == "zh-CN"`,
		do(chromedp.SendKeys("#text", "死亡\r")), do(chromedp.WaitVisible("select#stage")))
	step("opening the entry", "/entries/DS02", `document.querySelector("tr.flagged strong") && document.querySelector(".steps-list ins")`,
		do(chromedp.Click("tbody th a")), do(chromedp.WaitVisible("#items")))
	step("exploring its lineage", "/lineage", drawn, do(chromedp.Click(`section[aria-labelledby="lineage"] > p a`)), do(chromedp.WaitVisible("#graph")))
	step("drawing it between columns", "/lineage", drawn+` && location.search.includes("columns=true")`,
		do(chromedp.Click("#columns")), do(chromedp.Click("main .filters button")))
	step("the same as of earlier", "/lineage", past+` && !document.querySelector("main").textContent.includes("merge")`,
		do(chromedp.Click(".moment summary")), do(chromedp.SendKeys("#as_of", "8\r")), do(chromedp.WaitVisible(".past")))
	step("the catalog as of then", "/catalog", past+` && document.querySelector("tbody tr td:nth-child(4)").innerText == "已提交"`,
		do(chromedp.Click(`header nav a[href^="/catalog"]`)), do(chromedp.WaitVisible("#stage")))
	step("back to now", "/catalog", `!`+past+` && document.querySelector("tbody tr td:nth-child(4)").innerText == "已发布"`,
		do(chromedp.Click(".past p a:nth-of-type(2)")), do(chromedp.WaitVisible(".moment:not(.past)")))
	for _, c := range complaints() {
		t.Errorf("the browser complains: %s", c)
	}
}

// TestInvestigate goes from a suspicion to the evidence: who got what was made from
// an entry, under which agreement, and the record behind it.
func TestInvestigate(t *testing.T) {
	ctx := browser(t)
	f := newFixture(t, nil)
	f.tell()
	complaints := attend(t, ctx)
	step := func(what, path, js string, actions ...chromedp.Action[chromedp.Void]) {
		t.Helper()
		for _, act := range actions {
			if err := chromedp.Do(ctx, act); err != nil {
				t.Fatalf("%s: %v", what, err)
			}
		}
		awaitPage(t, ctx, what, path, js)
	}
	step("the page", "/investigate", `document.querySelector("#node")`, chromedp.Navigate(f.http.URL+"/investigate?lang=en"))
	step("naming an entry", "/investigate", `document.querySelectorAll("section[aria-labelledby=got] tbody tr").length == 1 && document.querySelector("#touched")`,
		chromedp.SendKeys("#node", "entry:DS02"), chromedp.SendKeys("#from", "2026-01-01T00:00:00Z"), chromedp.Click("main .filters button"))
	step("a bundle for each agreement", "/investigate", `document.querySelectorAll("form.evidence input[name=agreement]").length == 1`)
	step("the call that broke a rule", "/events/12", `document.querySelector("pre").textContent.includes("swrq")`,
		chromedp.Click("section[aria-labelledby=got] tbody td:last-child a"))
	for _, c := range complaints() {
		t.Errorf("the browser complains: %s", c)
	}
}

// TestProofInBrowser has the browser itself check a record: with the server's own
// key, with the key typed in, with another ledger's, and against a server that
// hands out a record of another position.
func TestProofInBrowser(t *testing.T) {
	ctx := browser(t)
	f := newFixture(t, nil)
	f.tell()
	complaints := attend(t, ctx)
	run := func(what, js string, actions ...chromedp.Action[chromedp.Void]) {
		t.Helper()
		for _, act := range actions {
			if err := chromedp.Do(ctx, act); err != nil {
				t.Fatalf("%s: %v", what, err)
			}
		}
		awaitPage(t, ctx, what, "/events/9", js)
	}
	verdict := func(name string) string {
		return `!document.querySelector('[data-verdict="` + name + `"]').hidden && document.querySelectorAll("[data-verdict]:not([hidden])").length == 1`
	}
	check := chromedp.Click("#proof button")
	run("opening the record", `!document.querySelector("#proof").hidden`, chromedp.Navigate(f.http.URL+"/events/9?lang=en"))
	run("with the server's key", verdict("server-key")+` && document.querySelectorAll('[data-holds="yes"]').length == 5`, check)
	run("with a key of one's own", verdict("proven"), chromedp.SendKeys("#vkey", f.ledger.VerifierKey()), check)
	run("the key is remembered", `document.querySelector("#vkey").value == "`+f.ledger.VerifierKey()+`"`, chromedp.Navigate(f.http.URL+"/events/9"))
	other := newFixture(t, nil)
	run("with another ledger's key", verdict("unfollowed")+` && document.querySelector('[data-holds="no"]').dataset.step == "signature"`,
		emptied("#vkey"), chromedp.SendKeys("#vkey", other.ledger.VerifierKey()), check)
	if heard := complaints(); len(heard) > 0 {
		t.Errorf("the browser complains: %q", heard)
	}
	// From here on the answers are not those of the server.
	lie := func(js string) chromedp.Action[chromedp.Void] {
		return func(ctx context.Context, tab *chromedp.Target) (chromedp.Void, error) {
			_, err := chromedp.Evaluate[bool](`{const ask = window.fetch; window.fetch = async (path, o) => { `+js+` }; true}`)(ctx, tab)
			return chromedp.Void{}, err
		}
	}
	for _, c := range []struct{ what, verdict, step, js string }{
		{"a record of another position", "refused", "body", `return ask(path.startsWith("/v1/records/") ? "/v1/records/8" : path, o)`},
		{"content that was changed", "refused", "body", `const r = await ask(path, o); if (!path.startsWith("/v1/records/")) return r; const v = await r.json(); v.body = v.body.slice(0, -4) + "AAAA"; return new Response(JSON.stringify(v))`},
		{"a proof of another position", "refused", "signature", `return ask(path.replace("position=9", "position=8"), o)`},
		{"an unsigned checkpoint", "unfollowed", "signature", `const r = await ask(path, o); if (!path.startsWith("/v1/proofs/")) return r; const v = await r.json(); v.checkpoint = v.checkpoint.replace(/\u2014 .*/, ""); return new Response(JSON.stringify(v))`},
	} {
		run(c.what, verdict(c.verdict)+` && document.querySelector('[data-holds="no"]').dataset.step == "`+c.step+`"`,
			chromedp.Navigate(f.http.URL+"/events/9"), lie(c.js), check)
	}
}

// emptied takes out what stands in a field.
func emptied(selector string) chromedp.Action[chromedp.Void] {
	return func(ctx context.Context, tab *chromedp.Target) (chromedp.Void, error) {
		_, err := chromedp.Evaluate[string](`document.querySelector("`+selector+`").value = ""`)(ctx, tab)
		return chromedp.Void{}, err
	}
}

// awaitPage waits until the browser is at path and js holds there. A click that
// opens a page returns before the page is there, and what is still on the screen
// may look like what is waited for: so the address is part of the condition, and
// a question that a navigation cut off is asked again.
func awaitPage(t *testing.T, ctx context.Context, what, path, js string) {
	t.Helper()
	type seen struct {
		Path, Query string
		OK          bool
	}
	ask := chromedp.Evaluate[seen](`({Path: location.pathname, Query: location.search, OK: document.readyState == "complete" && !!(` + js + `)})`)
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
		got, err := chromedp.Run(ctx, ask)
		if err == nil && got.Path == path && got.OK {
			return
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			t.Fatalf("%s: %+v %v; wanted %s with %s", what, got, err, path, js)
		}
	}
}

func look(t *testing.T, ctx context.Context, url, lang, scheme string, width int64) {
	t.Helper()
	media := func(ctx context.Context, tab *chromedp.Target) (chromedp.Void, error) {
		_, err := cdp.Call(ctx, tab, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
		})
		return chromedp.Void{}, err
	}
	if err := chromedp.Do(ctx, chromedp.EmulateViewport(width, 900), media, chromedp.Navigate(url)); err != nil {
		t.Fatalf("%s: %v", url, err)
	}
	path, _, _ := strings.Cut(strings.TrimPrefix(url, "http://"+strings.SplitN(strings.TrimPrefix(url, "http://"), "/", 2)[0]), "?")
	awaitPage(t, ctx, url, path, `window.frames2 = (window.frames2 ?? 0) + 1, window.frames2 > 2`)
	type seen struct {
		Lang, Heading, Ground string
		Width                 int64
		Shift                 float64
	}
	got, err := chromedp.Run(ctx, chromedp.Evaluate[seen](`({
		Lang: document.documentElement.lang,
		Heading: document.querySelector("main h1").innerText,
		Ground: getComputedStyle(document.body).backgroundColor,
		Width: document.documentElement.scrollWidth,
		Shift: (() => {
			const seen = new PerformanceObserver(() => {});
			seen.observe({type: "layout-shift", buffered: true});
			return seen.takeRecords().reduce((sum, e) => sum + e.value, 0);
		})()})`))
	if err != nil {
		t.Fatalf("%s: %v", url, err)
	}
	dark := got.Ground == "rgb(20, 23, 26)"
	if got.Lang != lang || got.Heading == "" || dark != (scheme == "dark") {
		t.Errorf("%s, %s, %d px: %+v", url, scheme, width, got)
	}
	if got.Width > width {
		t.Errorf("%s at %d px is %d px wide", url, width, got.Width)
	}
	if got.Shift > 0.01 {
		t.Errorf("%s at %d px shifts by %.3f while it loads", url, width, got.Shift)
	}
}
