// Checks in the browser that a record is in the log, with nothing taken on trust
// but the verifier key: what docs/format.md says under Leaf, Body, Tree,
// Checkpoint, Change of keys and
// Inclusion proof, by the browser's own SHA-256 and Ed25519.
// The words stand in the page; this only says which of them hold.

const panel = document.getElementById("proof");
const stored = "ledgerline-verifier-key";

const utf8 = (s) => new TextEncoder().encode(s);
const base64 = (s) => Uint8Array.from(atob(s), (c) => c.charCodeAt(0));
const hex = (b) => Array.from(b, (x) => x.toString(16).padStart(2, "0")).join("");
const sha256 = async (...parts) => new Uint8Array(await crypto.subtle.digest("SHA-256", join(parts)));
const same = (a, b) => hex(a) === hex(b);

function join(parts) {
  const out = new Uint8Array(parts.reduce((n, p) => n + p.length, 0));
  let at = 0;
  for (const p of parts) {
    out.set(p, at);
    at += p.length;
  }
  return out;
}

// A Refused says which of the page's reasons it is, and what it is about.
class Refused extends Error {
  constructor(why, about = "") {
    super(why);
    this.about = about;
  }
}

function need(holds, why, about) {
  if (!holds) throw new Refused(why, about);
}

// word is a text that the page has ready.
const word = (name) => document.querySelector('#proof-words [data-word="' + name + '"]')?.textContent ?? name;

// decode reads one item of deterministic CBOR that fills the bytes. Integers
// become BigInt, maps become Map.
function decode(bytes) {
  let at = 0;
  const take = (n) => {
    need(at + n <= bytes.length, "form");
    at += n;
    return bytes.subarray(at - n, at);
  };
  const item = (depth) => {
    const first = take(1)[0];
    if (first === 0xf4 || first === 0xf5) return first === 0xf5;
    if (first === 0xf6) return null;
    const major = first >> 5;
    const info = first & 31;
    need(major < 6 && info < 28 && depth < 40, "form");
    let n = BigInt(info);
    if (info >= 24) n = take(1 << (info - 24)).reduce((sum, b) => (sum << 8n) | BigInt(b), 0n);
    if (major === 0) return n;
    if (major === 1) return -1n - n;
    need(n <= BigInt(bytes.length), "form");
    const length = Number(n);
    if (major === 2) return take(length);
    if (major === 3) return new TextDecoder("utf-8", { fatal: true }).decode(take(length));
    if (major === 4) return Array.from({ length }, () => item(depth + 1));
    const map = new Map();
    for (let i = 0; i < length; i++) {
      const key = item(depth + 1);
      map.set(key, item(depth + 1));
    }
    return map;
  };
  const value = item(0);
  need(at === bytes.length, "form");
  return value;
}

// climb follows an audit path from a leaf hash to the root (RFC 9162 §2.1.3.2).
async function climb(hash, position, size, path) {
  const node = (l, r) => sha256([1], l, r);
  let at = BigInt(position);
  let last = BigInt(size) - 1n;
  need(at <= last, "length");
  for (const p of path) {
    need(last > 0n, "length");
    if (at & 1n || at === last) {
      hash = await node(p, hash);
      while (!(at & 1n) && at > 0n) {
        at >>= 1n;
        last >>= 1n;
      }
    } else {
      hash = await node(hash, p);
    }
    at >>= 1n;
    last >>= 1n;
  }
  need(last === 0n, "length");
  return hash;
}

// verifier reads a verifier key, name+id+base64.
async function verifier(key) {
  const [name, id, encoded] = key.split(/\+(.*?)\+(.*)/s);
  need(name && /^[A-Za-z0-9+/]{44}$/.test(encoded), "key", key);
  const typed = base64(encoded);
  need(typed.length === 33 && typed[0] === 1, "key", key);
  need(hex((await sha256(utf8(name + "\n"), typed)).subarray(0, 4)) === id, "key", key);
  const pub = await crypto.subtle.importKey("raw", typed.subarray(1), "Ed25519", false, ["verify"]);
  const verify = (signature, text) => crypto.subtle.verify("Ed25519", pub, signature, utf8(text));
  return { key, name, id, verify, until: Infinity };
}

// signed splits a note into its text and those signatures that bear a name.
function signed(note, name) {
  const split = note.lastIndexOf("\n\n");
  const prefix = "\u2014 " + name + " ";
  const lines = note.slice(split + 2).split("\n").filter((l) => l.startsWith(prefix)).map((l) => base64(l.slice(prefix.length)));
  return { text: note.slice(0, split + 1), signatures: lines.map((s) => ({ id: hex(s.subarray(0, 4)), bytes: s.subarray(4) })) };
}

// open checks a checkpoint by the keys that count for its size, and returns what
// it says.
async function open(note, keys) {
  const { text, signatures } = signed(note, keys[0].name);
  const [origin, size, root, end] = text.split("\n");
  need(origin === keys[0].name && /^[1-9][0-9]*$/.test(size) && end === "", "checkpoint");
  const by = [];
  for (const s of signatures) {
    const k = keys.find((k) => k.id === s.id && BigInt(size) <= (k.until === Infinity ? BigInt(size) : k.until));
    if (!k) continue;
    need(await k.verify(s.bytes, text), "signature", k.id);
    by.push(k.id);
  }
  need(by.length > 0, "unsigned", signatures.map((s) => s.id).join(", "));
  return { origin, size, root: base64(root), by };
}

// openChange checks that both keys named in a change of keys have signed it.
async function openChange(note, origin) {
  const { text, signatures } = signed(note, origin);
  const [form, of, what, old, next, ...rest] = text.split("\n");
  const size = what === "retired" ? rest.shift() : "0";
  need(form === "ledgerline/key-change/v1" && of === origin && old !== next && rest.length === 1 && rest[0] === "", "change");
  need(what === "added" || what === "retired" && /^[1-9][0-9]*$/.test(size), "change");
  for (const key of [old, next]) {
    const k = await verifier(key);
    const mine = signatures.find((s) => s.id === k.id);
    need(k.name === origin && mine && (await k.verify(mine.bytes, text)), "change-unsigned", k.id);
  }
  return { what, old, next, size: BigInt(size) };
}

// follow goes from a key along the changes, in their order: on from an old key to
// the one that it signed for, and back from a new key only as far as it says that
// the old one counts. tell is told of each change what became of it.
async function follow(key, changes, tell) {
  const keys = [await verifier(key)];
  need(keys[0].name === (await verifier(panel.dataset.key)).name, "stranger", keys[0].name);
  const find = (key) => keys.find((k) => k.key === key);
  const all = [];
  for (const [i, note] of changes.entries()) {
    const c = await openChange(note, keys[0].name);
    all.push(c);
    const old = find(c.old);
    if (!old || old.until !== Infinity) continue;
    if (!find(c.next)) keys.push(await verifier(c.next));
    if (c.what === "retired") old.until = c.size;
    tell(i, c.what === "retired" ? "followed-retired" : "followed-added");
  }
  for (const [i, c] of [...all.entries()].reverse()) {
    const by = find(c.next);
    if (c.what !== "retired" || !by || find(c.old)) continue;
    keys.push({ ...(await verifier(c.old)), until: by.until === Infinity || c.size < by.until ? c.size : by.until });
    tell(i, "followed-back");
  }
  return keys;
}

async function fetchJSON(path) {
  const r = await fetch(path, { headers: { Accept: "application/json" } });
  need(r.ok, "fetch", path + ": " + r.status);
  return r.json();
}

// The steps, in the order of the page's list. Each adds to found what the next
// ones need, and returns what to show beside it.
const steps = {
  async body(found) {
    const r = await fetchJSON("/v1/records/" + found.position);
    found.leafBytes = base64(r.leaf);
    const body = base64(r.body);
    found.leaf = decode(found.leafBytes);
    const [version, position, , , , commitment] = found.leaf;
    need(version === 1n && position === BigInt(found.position), "other");
    need(same(await sha256(utf8("ledgerline/body/v1\0"), base64(r.salt), body), commitment), "content");
    const said = decode(body);
    return said.get(2n) + " · " + said.get(4n) + " · " + said.get(1n);
  },
  async leaf(found) {
    found.hash = await sha256([0], found.leafBytes);
    const time = Number(found.leaf[3] / 1000n);
    return hex(found.hash) + " · " + new Date(time).toISOString();
  },
  async path(found) {
    const p = await fetchJSON("/v1/proofs/inclusion?format=json&position=" + found.position);
    found.checkpoint = p.checkpoint;
    const [, size] = p.checkpoint.split("\n");
    found.root = await climb(found.hash, found.position, size, p.hashes.map(base64));
    return p.hashes.length + " \u2192 " + hex(found.root);
  },
  async keys(found) {
    const list = [...panel.querySelectorAll("[data-change]")];
    for (const li of list) li.querySelector("output").textContent = word("followed-not");
    found.keys = await follow(found.key, list.map((li) => li.querySelector("pre").textContent), (i, how) => {
      list[i].querySelector("output").textContent = word(how);
      list[i].dataset.holds = "yes";
    });
    return found.keys.map((k) => k.id).join(", ");
  },
  async signature(found) {
    const c = await open(found.checkpoint, found.keys);
    need(same(c.root, found.root), "root");
    return c.origin + " · " + c.size + " · " + c.by.join(", ");
  },
};

async function run() {
  const typed = panel.querySelector("input").value.trim();
  const found = { position: panel.dataset.position, key: typed || panel.dataset.key };
  for (const e of panel.querySelectorAll("[data-verdict]")) e.hidden = true;
  for (const e of panel.querySelectorAll("output")) e.textContent = "";
  for (const e of panel.querySelectorAll("[data-holds]")) e.removeAttribute("data-holds");
  let verdict = typed ? "proven" : "server-key";
  for (const [name, step] of Object.entries(steps)) {
    const row = panel.querySelector('[data-step="' + name + '"]');
    try {
      const says = await step(found);
      row.querySelector(":scope > output").textContent = says;
      row.dataset.holds = "yes";
    } catch (e) {
      row.querySelector(":scope > output").textContent = e instanceof Refused ? word("why-" + e.message) + " " + e.about : word("why-form") + " " + e.message;
      row.dataset.holds = "no";
      verdict = typed && ["unsigned", "stranger"].includes(e.message) ? "unfollowed" : ["fetch", "key"].includes(e.message) ? "unfinished" : "refused";
      break;
    }
  }
  if (verdict === "proven") localStorage.setItem(stored, typed);
  panel.querySelector('[data-verdict="' + verdict + '"]').hidden = false;
}

if (panel) {
  if (globalThis.crypto?.subtle) {
    panel.querySelector("input").value = localStorage.getItem(stored) ?? "";
    panel.querySelector("button").disabled = false;
    panel.querySelector("button").addEventListener("click", run);
  } else {
    panel.querySelector('[data-verdict="insecure"]').hidden = false;
  }
}
