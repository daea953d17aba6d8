package api

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// TestLargePictureInBrowser uses a picture of as many boxes as one can have: it says what
// it leaves out, a box that is looked for is brought so near that it can be read, however often it is
// moved the picture is laid out once a frame, and Escape leaves what was chosen.
func TestLargePictureInBrowser(t *testing.T) {
	ctx := browser(t)
	f := newFixture(t, nil)
	var runs []string
	for i := range 180 {
		run := fmt.Sprintf(`{"eventType":"COMPLETE","eventTime":"2026-01-08T01:00:00Z","run":{"runId":"00000000-0000-4000-8000-%012d"},"job":{"namespace":"flow","name":"job%d"},
			"inputs":[{"namespace":"pg","name":"hub"}],"outputs":[{"namespace":"pg","name":"out%d"}],"producer":"https://example.org/p","schemaURL":"https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"}`, i, i, i)
		runs = append(runs, run)
	}
	if r := f.do(http.MethodPost, "/api/v1/lineage/batch", "["+strings.Join(runs, ",")+"]"); r.status != http.StatusOK {
		t.Fatalf("%d %s", r.status, r.body)
	}
	f.caughtUp()
	complaints := attend(t, ctx)
	if err := chromedp.Do(ctx, chromedp.Navigate(f.http.URL+"/lineage?node=dataset:pg/hub&lang=en")); err != nil {
		t.Fatal(err)
	}
	awaitPage(t, ctx, "the picture", "/lineage", `document.querySelector(".canvas.live .box")`)
	const shown = `(() => { const v = document.querySelector("#scene svg").viewBox.baseVal; return document.querySelector("#scene").clientWidth / v.width; })()`
	for _, step := range []struct{ what, do, holds string }{
		{"all that fits", `document.querySelector("[data-zoom=fit]").click()`, `document.querySelectorAll("#scene .box").length == 300 && document.querySelector("#about .limit") && document.querySelector("#about .small").textContent.includes("300 / 361") && ` + shown + ` < 0.3`},
		{"moving often", `window.drawn = 0; new MutationObserver((l) => (window.drawn += l.length)).observe(document.querySelector("#scene svg"), {attributeFilter: ["viewBox"]});
			for (let i = 0; i < 40; i++) document.querySelector("#scene").dispatchEvent(new KeyboardEvent("keydown", {key: "ArrowRight", bubbles: true}))`, `window.drawn == 1`},
		{"looking for a box", `const i = document.querySelector("#within"); i.value = "out17"; i.dispatchEvent(new Event("input", {bubbles: true}))`, `document.querySelector("#scene .hit") && ` + shown + ` > 0.5`},
		{"choosing it", `document.querySelector("#about [role=status] a").click()`, `document.querySelector("#details h3").textContent.includes("out17")`},
		{"the way to the hub", `document.querySelector('#details a[href*="mark=path"]').click()`, `document.querySelectorAll("#scene .box.lit").length >= 2 && document.querySelector("#scene .box.dim")`},
		{"Escape", `document.querySelector("#scene").dispatchEvent(new KeyboardEvent("keydown", {key: "Escape", bubbles: true}))`, `!location.search.includes("select=") && !document.querySelector("#scene .box.dim")`},
		{"Escape from the moments", `const d = document.querySelector(".moment details"); d.open = true; d.querySelector("input:not([type=hidden])").dispatchEvent(new KeyboardEvent("keydown", {key: "Escape", bubbles: true}))`,
			`!document.querySelector(".moment details").open && document.activeElement.matches(".moment summary")`},
	} {
		if _, err := chromedp.Run(ctx, chromedp.Evaluate[bool](`{`+step.do+`; true}`)); err != nil {
			t.Fatalf("%s: %v", step.what, err)
		}
		awaitPage(t, ctx, step.what, "/lineage", step.holds)
	}
	if heard := complaints(); len(heard) > 0 {
		t.Errorf("the browser complains: %q", heard)
	}
}
