package api

import (
	"encoding/json"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"ledgerline/events"
	"ledgerline/events/rulepack"
)

// TestFieldLabels holds that the labels that come with the program name every field of
// every type of event, and no others.
func TestFieldLabels(t *testing.T) {
	fields := make(map[string]bool)
	var walk func(reflect.Type)
	walk = func(of reflect.Type) {
		switch of.Kind() {
		case reflect.Pointer, reflect.Slice, reflect.Map:
			walk(of.Elem())
		case reflect.Struct:
			for f := range of.Fields() {
				if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != "" && name != "-" {
					fields[name] = true
				}
				walk(f.Type)
			}
		}
	}
	for _, typ := range events.Types() {
		walk(reflect.TypeOf(typ.NewData()))
	}
	labels := rulepack.ShippedLabels()["field"]
	for name := range fields {
		if labels[name].EN == "" {
			t.Errorf("the field %s has no label", name)
		}
	}
}

// TestLabelsOfPacks has a pack published that calls things otherwise: pages use its
// labels from then on, not before, and what it does not name is called as before.
func TestLabelsOfPacks(t *testing.T) {
	f := newFixture(t, nil)
	f.tell()
	before := f.ledger.Head().Size - 1
	pack := func(id, version, sharing string) string {
		content, err := json.Marshal(`{"id":"` + id + `","version":"` + version + `","title":{"en":"t","zh":"t"},"source":"s","labels":{
			"sharing":{"conditional":{"en":"` + sharing + `","zh":"按条件共享"}},"field":{"severity":{"en":"weight","zh":"轻重"}}}}`)
		if err != nil {
			t.Fatal(err)
		}
		return `{"pack":"` + id + `","version":"` + version + `","by":"D01","content":` + string(content) + `}`
	}
	says := func(when, page, lang, want string, not ...string) {
		t.Helper()
		body := string(f.get(withParam(page, "lang="+lang)).body)
		if !strings.Contains(body, want) {
			t.Errorf("%s: %s in %s lacks %q", when, page, lang, want)
		}
		for _, n := range not {
			if strings.Contains(body, n) {
				t.Errorf("%s: %s in %s says %q", when, page, lang, n)
			}
		}
	}
	says("with no pack", "/entries/DS02", "en", "conditional")
	f.post(ce("labels1", "reference.rulepack.published", pack("house", "1", "on terms"), "party", `"D01"`))
	f.caughtUp()
	says("with a pack", "/entries/DS02", "en", "on terms")
	says("with a pack", "/entries/DS02", "zh-CN", "按条件共享", "有条件共享")
	says("with a pack", "/events/13", "en", "weight", "severity<")
	says("with a pack, what it does not name", "/events/13", "en", "quality dimension")
	says("before it", "/entries/DS02?as_of="+strconv.FormatInt(before, 10), "zh-CN", "有条件共享", "按条件共享")
	says("before it", "/events/13?as_of="+strconv.FormatInt(before, 10), "en", "severity", "weight")
	f.post(ce("labels2", "reference.rulepack.published", pack("house", "2", "if agreed"), "party", `"D01"`))
	f.caughtUp()
	says("with its next version", "/entries/DS02", "en", "if agreed", "on terms")
}
