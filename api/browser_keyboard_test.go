package api

import (
	"context"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// stopsOfPage lists, in a page, all that the keyboard stops at, in order.
const stopsOfPage = `[...document.querySelectorAll("a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex]")].filter((e) => e.tabIndex >= 0 && !e.disabled && e.checkVisibility())`

// walked looks at every stop of a page, forwards and backwards, the way the keyboard comes
// to it: it can be reached, is in sight, nothing lies over it, and it is plain where one is.
const walked = `(() => {
	const stops = ` + stopsOfPage + `, bad = [];
	const say = (what, e) => bad.push(what + ": " + e.outerHTML.slice(0, 140));
	if (document.activeElement !== document.querySelector(".skip")) say("the first stop is not the link past the frame", document.activeElement);
	for (const e of [...stops, ...stops.toReversed()]) {
		e.focus();
		if (e.tabIndex > 0) say("out of order", e);
		if (document.activeElement !== e) { say("not reached", e); continue; }
		const style = getComputedStyle(e), shape = e.closest("svg") && e.querySelector(".shape, .bar");
		if (!(style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2) && !(shape && parseFloat(getComputedStyle(shape).strokeWidth) >= 1.5)) say("not to be seen", e);
		const r = e.getBoundingClientRect();
		if (r.bottom <= 0 || r.top >= innerHeight || r.right <= 0 || r.left >= innerWidth) say("out of sight", e);
		const over = document.elementFromPoint(Math.max(0, r.left) + 1, Math.max(0, r.top) + 1)?.closest(".past");
		if (over && !over.contains(e)) say("under the line of the moment", e);
	}
	return {Stops: stops.length, Bad: [...new Set(bad)].slice(0, 5)};
})()`

// TestKeyboard goes through every page without a mouse.
func TestKeyboard(t *testing.T) {
	ctx := browser(t)
	f := newFixture(t, nil)
	f.tell()
	f.answered()
	do := func(what string, actions ...chromedp.Action[chromedp.Void]) {
		t.Helper()
		for _, act := range actions {
			if err := chromedp.Do(ctx, act); err != nil {
				t.Fatalf("%s: %v", what, err)
			}
		}
	}
	type seen struct {
		Stops int
		Bad   []string
	}
	do("the screen", chromedp.EmulateViewport(1280, 900))
	for _, page := range append(allPages, "/requests/R03?as_of=40", "/nothing-here") {
		do(page, chromedp.Navigate(f.http.URL+page))
		path, _, _ := strings.Cut(page, "?")
		awaitPage(t, ctx, page, path, `!document.querySelector(".explorer .canvas:not(.live)")`) // scripts draw pictures anew
		do(page, chromedp.KeyEvent(kb.Tab))
		got, err := chromedp.Run(ctx, chromedp.Evaluate[seen](walked))
		if err != nil {
			t.Fatalf("%s: %v", page, err)
		}
		for _, bad := range got.Bad {
			t.Errorf("%s: %s", page, bad)
		}
		if got.Stops < 15 {
			t.Errorf("%s has %d stops", page, got.Stops)
		}
	}
	// The Tab key itself goes through them in that order, and the first stop leads past
	// the frame.
	for _, page := range []string{"/", "/requests/R03", "/uses?consumer=D03", "/lineage?node=entry:DS02"} {
		do(page, chromedp.Navigate(f.http.URL+page))
		for last := -1; last < 30; {
			do(page, chromedp.KeyEvent(kb.Tab))
			date := `document.activeElement.type == "date" ? 1000 : 0` // which has stops of its own: year, month, day
			at := number(t, ctx, stopsOfPage+`.indexOf(document.activeElement) + (`+date+`)`)
			if at%1000 != last+1 && !(at >= 1000 && at%1000 == last) {
				t.Fatalf("%s: Tab comes from stop %d to %d", page, last, at%1000)
			}
			last = at % 1000
		}
		do(page, chromedp.Navigate(f.http.URL+page), chromedp.KeyEvent(kb.Tab), chromedp.KeyEvent(kb.Enter), chromedp.KeyEvent(kb.Tab))
		if number(t, ctx, `document.querySelector("main").contains(document.activeElement) ? 1 : 0`) != 1 {
			t.Errorf("%s: the link past the frame leads elsewhere", page)
		}
	}
}

// TestExplorerByKeyboard moves about in a picture by keys alone: wherever the page is drawn
// anew, the focus stays with what it was on.
func TestExplorerByKeyboard(t *testing.T) {
	ctx := browser(t)
	f := newFixture(t, nil)
	f.tell()
	complaints := attend(t, ctx)
	if err := chromedp.Do(ctx, chromedp.Navigate(f.http.URL+"/lineage?node=dataset:hive/pop.main&lang=en")); err != nil {
		t.Fatal(err)
	}
	awaitPage(t, ctx, "the picture", "/lineage", `document.querySelector(".canvas.live .box")`)
	const view = `document.querySelector("#scene svg").getAttribute("viewBox")`
	on := func(selector string) string {
		return `document.querySelector("` + selector + `").focus(); window.before = ` + view
	}
	for _, step := range []struct{ what, prepare, key, holds string }{
		{"past the picture", on(".explorer > .skip"), kb.Enter, `document.activeElement.id == "details"`},
		{"a box", on("#scene a:has(.job)"), kb.Enter, `location.search.includes("select=") && document.querySelector("#details h4") && document.activeElement.querySelector(".job.chosen")`},
		{"moving it", on("#scene"), kb.ArrowRight, view + ` != window.before`},
		{"nearer", on("#scene"), "+", view + ` != window.before`},
		{"what lies upstream", on("#details a[href*='mark=up']"), kb.Enter, `document.querySelector("#scene .box.lit") && document.activeElement.closest("#details") && document.activeElement.getAttribute("aria-current") == "true"`},
		{"its neighbours", on("#details a[href*='more=']"), kb.Enter, `location.search.includes("more=") && document.activeElement.closest("#details") && document.activeElement.matches(".button")`},
		{"Escape", on("#scene a:has(.job)"), kb.Escape, `!location.search.includes("select=") && document.activeElement.querySelector(".job")`},
		{"an earlier moment", on("#moment"), kb.Home, `document.querySelector(".past") && document.activeElement.id == "moment" && document.querySelector(".find [name=as_of]").value == new URLSearchParams(location.search).get("as_of")`},
		{"back to now", on("#moment"), kb.End, `!document.querySelector(".past") && document.activeElement.id == "moment" && !document.querySelector(".find [name=as_of]")`},
		{"the moments", on(".moment summary"), kb.Enter, `document.querySelector(".moment details").open`},
		{"closing them", on("#as_of"), kb.Escape, `!document.querySelector(".moment details").open && document.activeElement.matches(".moment summary")`},
		{"words", on("#find"), "D", `document.querySelector("#find").getAttribute("aria-expanded") == "true"`},
		{"closing what was suggested", ``, kb.Escape, `document.querySelector("#find").getAttribute("aria-expanded") == "false" && document.activeElement.id == "find"`},
	} {
		if _, err := chromedp.Run(ctx, chromedp.Evaluate[bool](`{`+step.prepare+`; true}`)); err != nil {
			t.Fatalf("%s: %v", step.what, err)
		}
		if err := chromedp.Do(ctx, chromedp.KeyEvent(step.key)); err != nil {
			t.Fatalf("%s: %v", step.what, err)
		}
		awaitPage(t, ctx, step.what, "/lineage", step.holds)
	}
	for _, c := range complaints() {
		if !strings.Contains(c, "favicon") {
			t.Errorf("the browser complains: %s", c)
		}
	}
}

// number evaluates what is one.
func number(t *testing.T, ctx context.Context, js string) int {
	t.Helper()
	n, err := chromedp.Run(ctx, chromedp.Evaluate[int](js))
	if err != nil {
		t.Fatalf("%s: %v", js, err)
	}
	return n
}
