package api

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// TestAccessible has axe-core look at every page in a real browser, in both
// languages, light on a wide screen and dark on a telephone: it may find nothing
// serious or critical. AXE names its axe.min.js, which .ci/run installs.
func TestAccessible(t *testing.T) {
	if testing.Short() {
		t.Skip("a browser looks at the pages in the plain run only")
	}
	file := os.Getenv("AXE")
	if file == "" {
		if os.Getenv("CI") != "" {
			t.Fatal("AXE is not set: CI has to install axe-core")
		}
		t.Skip("AXE is not set: npm install axe-core, and name its axe.min.js to have the pages looked at")
	}
	axe, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	ctx := browser(t)
	f := newFixture(t, nil)
	f.tell()
	f.answered()
	for _, page := range allPages {
		for _, look := range []struct {
			lang, scheme string
			width        int64
		}{{"en", "light", 1280}, {"zh-CN", "dark", 390}} {
			media := func(ctx context.Context, tab *chromedp.Target) (chromedp.Void, error) {
				_, err := cdp.Call(ctx, tab, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
					Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: look.scheme}},
				})
				return chromedp.Void{}, err
			}
			at := withParam(page, "lang="+look.lang)
			if err := chromedp.Do(ctx, chromedp.EmulateViewport(look.width, 900), media, chromedp.Navigate(f.http.URL+at)); err != nil {
				t.Fatalf("%s: %v", at, err)
			}
			if _, err := chromedp.Run(ctx, chromedp.Evaluate[bool](string(axe)+`;
				window.found = undefined;
				axe.run(document, {resultTypes: ["violations"]}).then((r) => { window.found = JSON.stringify(r.violations); }, (e) => { window.found = "failed: " + e; });
				true`)); err != nil {
				t.Fatalf("%s: %v", at, err)
			}
			path, _, _ := strings.Cut(page, "?")
			awaitPage(t, ctx, "axe on "+at, path, `window.found !== undefined`)
			found, err := chromedp.Run(ctx, chromedp.Evaluate[string](`window.found`))
			if err != nil {
				t.Fatalf("%s: %v", at, err)
			}
			for _, v := range serious(t, found) {
				t.Errorf("%s, %s, %d px: %s", at, look.scheme, look.width, v)
			}
		}
	}
}

// serious lists what axe found that keeps people out.
func serious(t *testing.T, found string) (list []string) {
	t.Helper()
	var violations []struct {
		ID, Impact, Help string
		Nodes            []struct{ HTML string }
	}
	if err := json.Unmarshal([]byte(found), &violations); err != nil {
		t.Fatalf("axe: %.300s: %v", found, err)
	}
	for _, v := range violations {
		if v.Impact == "serious" || v.Impact == "critical" {
			list = append(list, fmt.Sprintf("%s (%s): %s: %.300s", v.ID, v.Impact, v.Help, v.Nodes[0].HTML))
		}
	}
	return list
}
