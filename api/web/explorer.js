// Moving about in the picture of the lineage page. The server draws it, and all
// that it shows follows from the address; this asks for it anew without loading
// the page again, and pans and zooms. Where one has gone is kept after the #.

import { swap, later } from "/frame.js";

const parts = ["scene", "details", "about", "time", "files"];
const $ = (id) => document.getElementById(id);
const svg = () => $("scene").querySelector("svg.graph");

let view = null; // the part of the picture that is shown: x, y, w, h
const most = 2.5; // pixels of the screen to one of the picture
const least = 0.08;

const whole = () => svg().getAttribute("data-whole").split(" ").map(Number);
let measured = null; // asked of the browser once, since it lays the page out to answer
const room = () => (measured ??= { w: $("scene").clientWidth || 1, h: $("scene").clientHeight || 1 });
const scale = () => room().w / view.w;

function show(x, y, s) {
  const { w, h } = room();
  s = Math.min(most, Math.max(least, s));
  view = { x, y, w: w / s, h: h / s };
  frame ||= requestAnimationFrame(draw);
  remember();
}

// draw shows the view, however often it moved since the last frame.
let frame = 0;
function draw() {
  frame = 0;
  svg().setAttribute("viewBox", [view.x, view.y, view.w, view.h].map((n) => Math.round(n * 100) / 100).join(" "));
}

const remember = later(() => {
  const hash = "#view=" + [view.x, view.y].map(Math.round).join(",") + "," + scale().toFixed(3);
  if (location.hash !== hash) history.replaceState(null, "", location.pathname + location.search + hash);
}, 300);

function fit() {
  const [x, y, w, h] = whole();
  const r = room();
  const s = Math.min(1, r.w / w, r.h / h);
  show(x - (r.w / s - w) / 2, y - (r.h / s - h) / 2, s);
}

// zoom keeps a point of the screen, by default the middle, where it is.
function zoom(by, px = room().w / 2, py = room().h / 2) {
  const s = scale();
  const to = Math.min(most, Math.max(least, s * by));
  show(view.x + px / s - px / to, view.y + py / s - py / to, to);
}

const boxOf = (code) => code && svg().querySelector("#ll-" + CSS.escape(code));

// bring moves a box to the middle, unless it is in sight.
function bring(box, always) {
  const b = box.getBBox();
  const s = scale();
  const inside = b.x > view.x && b.y > view.y && b.x + b.width < view.x + view.w && b.y + b.height < view.y + view.h;
  if (always || !inside) show(b.x + b.width / 2 - view.w / 2, b.y + b.height / 2 - view.h / 2, s);
}

// reveal shows a box so large that it can be read.
function reveal(box) {
  if (!box) return;
  const b = box.getBBox();
  const to = Math.max(scale(), 0.6);
  const { w, h } = room();
  show(b.x + b.width / 2 - w / to / 2, b.y + b.height / 2 - h / to / 2, to);
}

// anchor is the box that stays where it is when the picture is drawn anew.
const anchor = () => boxOf(new URLSearchParams(location.search).get("select")) ?? svg().querySelector(".focus");

function begin() {
  const g = svg();
  measured = null;
  g.setAttribute("data-whole", g.getAttribute("viewBox"));
  g.removeAttribute("width");
  g.removeAttribute("height");
  $("scene").classList.add("live");
}

function first() {
  begin();
  const kept = /^#view=(-?\d+),(-?\d+),([\d.]+)$/.exec(location.hash);
  if (kept) return show(+kept[1], +kept[2], +kept[3]);
  view = { x: 0, y: 0, w: 1, h: 1 };
  fit();
  if (scale() < 0.45) {
    show(view.x, view.y, 0.75);
    const focus = anchor();
    if (focus) bring(focus, true);
  }
}

// partOf is where what changes between states of the page is to be had by itself.
const partOf = (url, rows) => url.replace("/lineage?", "/lineage/part?") + (rows ? "&table=true" : "");

// The rows of a long table of edges come when it is opened.
document.addEventListener("toggle", async (ev) => {
  if (ev.target.id !== "edge-rows" || !ev.target.open || ev.target.dataset.spare === undefined) return;
  const url = location.pathname + location.search;
  if (await swap(url + location.hash, ["edge-rows"], { from: partOf(url, true) })) $("edge-rows").open = true;
}, true);

// go asks for another state of the page.
let here = location.pathname + location.search; // what is shown
async function go(url, push = true) {
  const old = anchor();
  const id = old?.id;
  const was = old?.getBBox();
  const s = scale();
  const at = was && { x: (was.x - view.x) * s, y: (was.y - view.y) * s };
  $("scene").setAttribute("aria-busy", "true");
  const rows = $("edge-rows")?.open && $("edge-rows").querySelector("table.edges") !== null;
  if (!(await swap(url, parts.filter($), { push, from: partOf(url, rows), ready }))) return;
  if (rows && $("edge-rows")) $("edge-rows").open = true;
  here = location.pathname + location.search;
  begin();
  const box = id && $(id);
  if (box && at) {
    const b = box.getBBox();
    show(b.x - at.x / s, b.y - at.y / s, s);
  } else fit();
}

// to is the address of this page with some parameters set.
function to(set) {
  const q = new URLSearchParams(location.search);
  for (const [name, value] of Object.entries(set)) value ? q.set(name, value) : q.delete(name);
  return location.pathname + "?" + q;
}

const own = (form) => Object.fromEntries([...form.elements].filter((e) => e.name && e.type !== "hidden").map((e) => [e.name, e.value]));

document.addEventListener("submit", async (ev) => {
  if (!ev.target.matches("form[data-set]")) return;
  ev.preventDefault();
  await go(to(own(ev.target)));
  if (ev.target.dataset.live === "find") reveal(svg().querySelector(".hit"));
});

document.addEventListener("click", async (ev) => {
  const a = ev.target.closest?.("a");
  const href = a && (a.getAttribute("href") ?? "");
  if (!a || href.startsWith("#") || ev.ctrlKey || ev.metaKey || ev.shiftKey || !a.closest(".explorer, #about")) return;
  const url = new URL(href, location.href);
  const node = new URLSearchParams(location.search).get("node");
  if (url.pathname !== "/lineage" || url.searchParams.get("node") !== node) return;
  ev.preventDefault();
  if (moved) return;
  const found = a.closest("#about"); // replaced by then
  await go(url.pathname + url.search);
  if (found) reveal(boxOf(url.searchParams.get("select")));
});

const find = later(async (input) => {
  await go(to({ find: input.value }), false);
  const hit = svg().querySelector(".hit");
  if (hit) scale() < 0.3 ? reveal(hit) : bring(hit, false);
}, 180);
document.addEventListener("input", (ev) => {
  if (ev.target.id === "within") find(ev.target);
});

// The slider stands for the list of moments beside it.
const slide = later((i) => go(to({ as_of: $("moments").options[i].value })), 120);
function say(range) {
  const text = $("moments").options[range.value].textContent;
  range.setAttribute("aria-valuetext", text);
}
document.addEventListener("input", (ev) => {
  if (ev.target.id !== "moment") return;
  say(ev.target);
  $("moments").selectedIndex = ev.target.value;
  slide(ev.target.value);
});

function ready() {
  for (const b of document.querySelectorAll("[data-zoom], [data-png], #moment")) b.disabled = false;
  if ($("moment")) say($("moment"));
}

document.addEventListener("click", (ev) => {
  const b = ev.target.closest?.("button");
  if (b?.dataset.zoom) ({ in: () => zoom(1.3), out: () => zoom(1 / 1.3), fit })[b.dataset.zoom]();
  if (b?.dataset.png !== undefined) png(b);
});

// Dragging. A click that ends a drag opens nothing.
let drag = null;
let moved = false;
document.addEventListener("pointerdown", (ev) => {
  moved = false;
  if (ev.button === 0 && ev.target.closest?.("#scene")) drag = { x: ev.clientX, y: ev.clientY, from: { ...view } };
});
document.addEventListener("pointermove", (ev) => {
  if (!drag) return;
  const dx = ev.clientX - drag.x;
  const dy = ev.clientY - drag.y;
  if (!moved && Math.hypot(dx, dy) < 5) return;
  moved = true;
  const s = scale();
  show(drag.from.x - dx / s, drag.from.y - dy / s, s);
});
for (const end of ["pointerup", "pointercancel"]) document.addEventListener(end, () => (drag = null));
document.addEventListener("dragstart", (ev) => ev.target.closest?.("#scene") && ev.preventDefault());

document.addEventListener("wheel", (ev) => {
  if (!ev.ctrlKey || !ev.target.closest?.("#scene")) return;
  ev.preventDefault();
  const r = $("scene").getBoundingClientRect();
  zoom(Math.exp(-ev.deltaY / 300), ev.clientX - r.left, ev.clientY - r.top);
}, { passive: false });

document.addEventListener("keydown", (ev) => {
  if (!ev.target.closest?.("#scene") || ev.ctrlKey || ev.metaKey || ev.altKey) return;
  const step = 60 / scale();
  const by = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] }[ev.key];
  if (by) show(view.x + by[0], view.y + by[1], scale());
  else if (ev.key === "+" || ev.key === "=") zoom(1.3);
  else if (ev.key === "-") zoom(1 / 1.3);
  else if (ev.key === "0") fit();
  else if (ev.key === "Escape" && location.search.includes("select=")) go(to({ select: "", mark: "", to: "" }));
  else return;
  ev.preventDefault();
});
document.addEventListener("focusin", (ev) => {
  const box = ev.target.closest?.("#scene a")?.querySelector(".box");
  if (box && ev.target.matches(":focus-visible")) bring(box, false);
});
addEventListener("popstate", () => {
  const url = location.pathname + location.search;
  if (url !== here) go(url, false); // not for a place within the page
});
addEventListener("resize", later(() => {
  const s = scale();
  measured = null;
  show(view.x, view.y, s);
}));

// png draws the picture as the server makes it, with its legend.
async function png(button) {
  button.disabled = true;
  const r = await fetch($("files").querySelector("a").getAttribute("href"));
  const url = URL.createObjectURL(new Blob([await r.text()], { type: "image/svg+xml" }));
  const image = new Image();
  image.src = url;
  await image.decode();
  const canvas = document.createElement("canvas");
  const grow = Math.min(2, 8000 / image.width, 8000 / image.height);
  canvas.width = image.width * grow;
  canvas.height = image.height * grow;
  canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
  URL.revokeObjectURL(url);
  const blob = await new Promise((done) => canvas.toBlob(done, "image/png"));
  const a = document.createElement("a");
  a.href = URL.createObjectURL(blob);
  a.download = "lineage.png";
  a.click();
  button.dataset.size = blob.size;
  setTimeout(() => URL.revokeObjectURL(a.href), 10000);
  button.disabled = false;
}

if (svg()) {
  first();
  ready();
}
