package api

import (
	"context"
	"strconv"
	"strings"
	"testing"

	"ledgerline/projections"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// TestMainTasks does what the pages are for, from one to the next, in both
// languages: search, read an entry, see its lineage as of earlier, compare,
// investigate, collect, take the evidence, and check a record in the browser.
func TestMainTasks(t *testing.T) {
	ctx := browser(t)
	f := newFixture(t, nil)
	f.tell()
	f.answered()
	complaints := attend(t, ctx)
	var calls struct {
		Accesses []projections.Access `json:"accesses"`
	}
	f.get("/v1/accesses?actor=official-7c").into(t, &calls)
	called := strconv.FormatInt(calls.Accesses[0].Position, 10)
	for lang, says := range map[string][2]string{"en": {"drafted", texts["proof-server-key"][0]}, "zh-CN": {"起草", texts["proof-server-key"][1]}} {
		step := func(what, path, js string, actions ...func(context.Context) error) {
			t.Helper()
			for _, act := range actions {
				if err := act(ctx); err != nil {
					t.Fatalf("%s: %s: %v", lang, what, err)
				}
			}
			awaitPage(t, ctx, lang+": "+what, path, js)
		}
		do := func(action chromedp.Action[chromedp.Void]) func(context.Context) error {
			return func(ctx context.Context) error { return chromedp.Do(ctx, action) }
		}
		run := func(js string) func(context.Context) error {
			return func(ctx context.Context) error {
				_, err := chromedp.Run(ctx, chromedp.Evaluate[bool](`{`+js+`; true}`))
				return err
			}
		}
		press := func(selector string) func(context.Context) error {
			return run(`document.querySelector(` + "`" + selector + "`" + `).dispatchEvent(new MouseEvent("click", {bubbles: true, cancelable: true}))`)
		}

		step("the start page", "/", `document.querySelectorAll(".card").length == 5`, do(chromedp.Navigate(f.http.URL+"/?lang="+lang)))
		step("suggestions while typing", "/", `document.querySelectorAll("#text-list [role=option]").length == 1 && document.querySelector("#text").getAttribute("aria-expanded") == "true"`,
			do(chromedp.SendKeys("#text", "死亡")))
		step("choosing one by keyboard", "/entries/DS02", `document.querySelector(".strip .now") && document.querySelector(".plot .flag") && document.documentElement.lang == "`+lang+`"`,
			do(chromedp.SendKeys("#text", kb.ArrowDown+kb.Enter)))
		step("its lineage", "/lineage", `document.querySelectorAll(".canvas.live .box").length > 2 && document.querySelector(".wrong")`, press(`section[aria-labelledby="lineage"] > p a`))
		step("a box", "/lineage", `location.search.includes("select=") && document.querySelector("#details h4")`, press(`#scene .job`))
		step("what lies downstream of it", "/lineage", `document.querySelectorAll("#scene .box.lit").length > 0 && document.querySelector("#scene .box.dim")`, press(`#details a[href*="mark=down"]`))
		step("a line", "/lineage", `document.querySelector("#details .told a[href*='/events/']")`, press(`#scene .edge.flow`))
		step("zooming, kept in the address", "/lineage", `location.hash.startsWith("#view=")`, press(`[data-zoom="in"]`))
		step("finding within", "/lineage", `document.querySelector("#scene .hit") && location.search.includes("find=merge") && document.activeElement.id == "within"`, do(chromedp.SendKeys("#within", "merge")))
		step("the rows of the edges", "/lineage", `document.querySelectorAll("#edge-rows table.edges tbody tr").length > 1`, run(`document.querySelector("#edge-rows").open = true`))
		step("as a PNG", "/lineage", `document.querySelector("[data-png]").dataset.size > 2000`, press(`[data-png]`))
		step("as of earlier, by the slider", "/lineage", `document.querySelector(".past") && !document.querySelector("#about").textContent.includes("etl/merge") && location.search.includes("as_of=")`,
			run(`const r = document.querySelector("#moment"); r.value = 0; r.dispatchEvent(new Event("input", {bubbles: true}))`))
		step("back to now", "/lineage", `!document.querySelector(".past") && !location.search.includes("as_of=")`,
			run(`const r = document.querySelector("#moment"); r.value = r.max; r.dispatchEvent(new Event("input", {bubbles: true}))`))
		step("compared", "/lineage", `document.querySelectorAll("#scene .box.added").length > 0 && document.querySelectorAll("section[aria-labelledby=changes] tbody tr").length > 1`,
			run(`const s = document.querySelector("#compare"); s.selectedIndex = 1; s.form.requestSubmit()`))
		step("the browser's way back", "/lineage", `!location.search.includes("compare=") && !document.querySelector("#scene .box.added")`, run(`history.back()`))
		step("to investigate it", "/investigate", `document.querySelector(".plot .bar") && document.querySelector("#got")`,
			do(chromedp.Navigate(f.http.URL+"/investigate?node=entry:DS02&from=2026-01-01T00:00:00Z&lang="+lang)))
		step("collecting two records", "/case", `document.querySelectorAll("tbody tr").length == 2 && document.documentElement.lang == "`+lang+`"`,
			run(`for (const at of [12, 5]) document.querySelector('input[name=add][value="' + at + '"]').checked = true; document.querySelector('form[action="/case"] button').click()`))
		step("the bundle", "/case", `window.bundle == "PK 200"`,
			run(`const form = document.querySelector('form[action="/evidence"]'); window.bundle = ""; fetch("/evidence", {method: "POST", body: new URLSearchParams(new FormData(form))}).then(async (r) => { window.bundle = (await r.text()).slice(0, 2) + " " + r.status; })`))
		step("a record of it", "/events/5", `document.querySelector(".readable dd") && document.querySelector("h1").innerText.includes("5")`, press(`tbody th a`))
		step("checked in the browser", "/events/5", `document.querySelectorAll('[data-holds="yes"]').length == 5 && [...document.querySelectorAll("[data-verdict]:not([hidden])")].map((e) => e.innerText).join() == "`+says[1]+`"`,
			press(`#proof button`))
		step("who asked for the entry", "/requests/R03", `document.querySelector(".strip .now") && document.querySelectorAll("section[aria-labelledby=deadlines] tbody tr").length > 0 && document.documentElement.lang == "`+lang+`"`,
			do(chromedp.Navigate(f.http.URL+"/entries/DS02?lang="+lang)), press(`section[aria-labelledby=requests] a[href*="/requests/R03"]`))
		step("as it was in force", "/requests/R03", `location.search.includes("valid_at=") && document.querySelector(".moment strong")`, press(`section[aria-labelledby=history] tbody tr:last-child a[href*="valid_at"]`))
		step("the agreement that came of it", "/agreements/A03", `document.querySelector('.facts a[href*="/requests/R03"]')`, press(`section[aria-labelledby=agreements] th a`))
		step("its use, summed up", "/uses", `document.querySelectorAll("section[aria-labelledby=had] tbody tr").length == 1 && location.search.includes("agreement=A03")`, press(`section[aria-labelledby=accesses] > p a`))
		step("who used data about one person", "/uses", `location.search == "" && document.querySelectorAll("section[aria-labelledby=had] tbody tr").length == 1 && document.querySelector("[role=status]").innerText.length > 20`,
			do(chromedp.SendKeys("#person", "person-9f3a\r")))
		step("a call about them", "/events/"+called, `document.querySelector('.facts a[href*="/uses?"]')`, press(`section[aria-labelledby=calls-made] tbody th a`))
		step("what that official read", "/uses", `location.search.includes("actor=official-7c") && document.querySelectorAll("section[aria-labelledby=made] tbody tr").length == 1`, press(`.facts a[href*="/uses?"]`))
		step("what changed in the catalog", "/catalog/changes", `document.querySelector("ol.steps-list ins")`, do(chromedp.Navigate(f.http.URL+"/catalog/changes?from=3&lang="+lang)))
		step("its entry's history", "/entries/DS02", `document.querySelector(".strip").innerText.length > 0 && document.querySelector("ol.steps-list").innerText.includes("`+says[0]+`")`,
			do(chromedp.Navigate(f.http.URL+"/entries/DS02?lang="+lang)))
	}
	for _, c := range complaints() {
		if !strings.Contains(c, "favicon") {
			t.Errorf("the browser complains: %s", c)
		}
	}
}

// scriptBytes is the most JavaScript that the pages may have in all.
const scriptBytes = 60 << 10

// TestScriptsAreSmall: all scripts together stay small, none loads anything from
// elsewhere, and none writes markup or styles that the policy would have to allow.
func TestScriptsAreSmall(t *testing.T) {
	files, err := web.ReadDir("web")
	if err != nil {
		t.Fatal(err)
	}
	total := 0
	for _, file := range files {
		if !strings.HasSuffix(file.Name(), ".js") {
			continue
		}
		b, err := web.ReadFile("web/" + file.Name())
		if err != nil {
			t.Fatal(err)
		}
		total += len(b)
		for _, never := range []string{"http://", "https://", "innerHTML", "eval(", "document.write", "insertAdjacentHTML"} {
			if strings.Contains(string(b), never) {
				t.Errorf("%s holds %s", file.Name(), never)
			}
		}
	}
	if total == 0 || total > scriptBytes {
		t.Errorf("%d bytes of scripts; %d are allowed", total, scriptBytes)
	}
}
