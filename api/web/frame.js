// What every page has beside its HTML: suggestions below a search field, and
// forms that answer while one types. Without it all of them work by sending.

// swap fetches a page of this server, or from elsewhere the parts of it, and replaces
// parts of this one by those of the same id. It resolves to false if a later call
// overtook it. What is to be made ready of the new parts is, before one of them gets
// the focus.
let latest = 0;
export async function swap(url, ids, { push = false, from = url, ready } = {}) {
  const mine = ++latest;
  const r = await fetch(from, { headers: { Accept: "text/html" } });
  const text = await r.text();
  if (mine !== latest) return false;
  const page = new DOMParser().parseFromString(text, "text/html");
  if (ids.some((id) => !page.getElementById(id) || !document.getElementById(id))) {
    location.assign(url);
    return false;
  }
  const back = focusIn(ids);
  for (const id of ids) {
    const [old, fresh] = [document.getElementById(id), page.getElementById(id)];
    if (old.ariaLive) old.replaceChildren(...fresh.childNodes); // a region that stays is read out
    else old.replaceWith(fresh);
  }
  ready?.();
  back();
  const moment = page.querySelector(".moment");
  if (moment) document.querySelector(".moment")?.replaceWith(moment);
  const fresh = page.querySelectorAll("header a[href]"); // the moment goes on
  document.querySelectorAll("header a[href]").forEach((a, i) => fresh[i] && (a.href = fresh[i].getAttribute("href")));
  document.title = page.title;
  history[push ? "pushState" : "replaceState"](null, "", url);
  const as_of = asked("as_of");
  for (const form of document.querySelectorAll(".find, .filters")) { // so it does in what is sent next
    form.querySelector("input[type=hidden][name=as_of]")?.remove();
    if (!as_of) continue;
    const kept = document.createElement("input");
    [kept.type, kept.name, kept.value] = ["hidden", "as_of", as_of];
    form.prepend(kept);
  }
  return true;
}

// asked is a parameter of this page's address.
const asked = (name) => new URLSearchParams(location.search).get(name);

// focusIn notes where the focus is within parts that are about to be drawn anew, and
// returns what puts it there again: on the same thing, or else on the part.
function focusIn(ids) {
  const at = document.activeElement;
  const part = ids.map((id) => document.getElementById(id)).find((p) => p.contains(at));
  if (!part) return () => {};
  const stops = (p) => [p, ...p.querySelectorAll("a[href], button, input, select, summary, [tabindex]")];
  const name = at.id || at.querySelector("[id]")?.id;
  const place = stops(part).indexOf(at);
  return () => {
    if (at.isConnected) return;
    const now = document.getElementById(part.id);
    const same = name && document.getElementById(name);
    const to = same ? same.closest("a, button, input, select, summary, [tabindex]") : stops(now)[place];
    (to ?? now).focus({ preventScroll: true });
  };
}

// later calls f once it was not asked to for a moment.
export function later(f, ms = 140) {
  let timer;
  return (...a) => {
    clearTimeout(timer);
    timer = setTimeout(() => f(...a), ms);
  };
}

// address is what a form would ask for.
export function address(form) {
  const q = new URLSearchParams();
  for (const [name, value] of new FormData(form)) if (value !== "") q.append(name, value);
  const s = q.toString();
  return form.getAttribute("action") + (s ? "?" + s : "");
}

for (const form of document.querySelectorAll("form[data-live]")) {
  const go = later(() => swap(address(form), [form.dataset.live]));
  form.addEventListener("input", go);
}

// suggest makes a search field a combobox over the answers of a list of the API.
function suggest(input) {
  const list = document.createElement("ul");
  list.id = input.id + "-list";
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", input.labels[0]?.textContent ?? "");
  list.className = "suggest";
  list.hidden = true;
  input.after(list);
  for (const [k, v] of [["role", "combobox"], ["aria-expanded", "false"], ["aria-controls", list.id], ["aria-autocomplete", "list"]]) input.setAttribute(k, v);
  let at = -1;
  const close = () => {
    list.hidden = true;
    at = -1;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
  };
  const mark = (i) => {
    at = i;
    [...list.children].forEach((li, n) => li.setAttribute("aria-selected", n === i));
    if (list.children[i]) input.setAttribute("aria-activedescendant", list.children[i].id);
  };
  const choose = (e) => {
    if (input.dataset.fill) {
      input.value = input.dataset.fill + e.id;
      close();
      input.form.submit();
      return;
    }
    const q = new URLSearchParams();
    for (const name of ["as_of", "lang"]) if (asked(name)) q.set(name, asked(name));
    location.assign(input.dataset.go + encodeURIComponent(e.id) + (q.size ? "?" + q : ""));
  };
  let calls = 0;
  const ask = later(async () => {
    const text = input.value.trim();
    if (!text || /^(dataset|column|job|run|entry):/.test(text)) return close();
    const mine = ++calls;
    const q = new URLSearchParams({ text, limit: "8" });
    if (/^(\d+|\d{4}-.*Z)$/.test(asked("as_of") ?? "")) q.set("as_of", asked("as_of"));
    const r = await fetch(input.dataset.suggest + "?" + q, { headers: { Accept: "application/json" } });
    if (!r.ok || mine !== calls) return;
    const { entries } = await r.json();
    list.replaceChildren(...entries.map((e, i) => {
      const li = document.createElement("li");
      li.id = list.id + i;
      li.setAttribute("role", "option");
      li.setAttribute("aria-selected", "false");
      const name = document.createElement("span");
      name.textContent = e.title || e.id;
      const rest = document.createElement("span");
      rest.className = "small";
      rest.textContent = [e.id, e.title_en, e.provider_name].filter(Boolean).join(" · ");
      li.append(name, rest);
      li.addEventListener("mousedown", (ev) => {
        ev.preventDefault();
        choose(e);
      });
      return li;
    }));
    list.entries = entries;
    if (entries.length === 0) {
      const li = document.createElement("li");
      li.setAttribute("role", "option");
      li.setAttribute("aria-disabled", "true");
      li.className = "small";
      li.textContent = input.dataset.none;
      list.append(li);
    }
    at = -1;
    list.hidden = false;
    input.setAttribute("aria-expanded", "true");
  });
  input.addEventListener("input", ask);
  input.addEventListener("blur", close);
  input.form.addEventListener("submit", (ev) => { // Enter with a suggestion marked
    if (list.hidden || at < 0) return;
    ev.preventDefault();
    choose(list.entries[at]);
  });
  input.addEventListener("keydown", (ev) => {
    if (list.hidden) return;
    const n = list.entries.length;
    if (ev.key === "ArrowDown" && n) mark((at + 1) % n);
    else if (ev.key === "ArrowUp" && n) mark((at + n - 1 + (at < 0 ? 1 : 0)) % n);
    else if (ev.key === "Escape") close();
    else return;
    ev.preventDefault();
  });
}

for (const input of document.querySelectorAll("input[data-suggest]")) suggest(input);

// Escape closes what was opened to choose a moment.
document.addEventListener("keydown", (ev) => {
  const opened = ev.key === "Escape" && ev.target.closest?.(".moment details[open]");
  if (!opened) return;
  opened.open = false;
  opened.querySelector("summary").focus();
});
