package api

import (
	"context"
	"os"
	"os/exec"
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
// there.
func browser(t *testing.T) context.Context {
	t.Helper()
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
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	return ctx
}

// TestPagesInBrowser opens every page in a real browser, in both languages, light
// and dark, on a wide screen and a telephone: nothing may be refused by the
// page's own policy, and nothing may stick out sideways.
func TestPagesInBrowser(t *testing.T) {
	ctx := browser(t)
	f := newFixture(t, nil)
	f.tell()

	var mu sync.Mutex // guards complaints: events come from chromedp's goroutine
	var complaints []string
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
				complaints = append(complaints, ev.Entry.Text+" "+ev.Entry.URL)
			}
		case *runtime.EventExceptionThrown:
			complaints = append(complaints, ev.ExceptionDetails.Text)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range []string{"/", "/docs", "/events/0", "/events/9"} {
		for _, lang := range []string{"en", "zh-CN"} {
			for _, scheme := range []string{"light", "dark"} {
				for _, width := range []int64{1280, 390} {
					look(t, ctx, f.http.URL+page+"?lang="+lang, lang, scheme, width)
				}
			}
		}
	}
	mu.Lock()
	defer mu.Unlock()
	for _, c := range complaints {
		t.Errorf("the browser complains: %s", c)
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
	type seen struct {
		Lang, Heading, Ground string
		Width                 int64
	}
	got, err := chromedp.Run(ctx, chromedp.Evaluate[seen](`({
		Lang: document.documentElement.lang,
		Heading: document.querySelector("main h1").innerText,
		Ground: getComputedStyle(document.body).backgroundColor,
		Width: document.documentElement.scrollWidth})`))
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
}
