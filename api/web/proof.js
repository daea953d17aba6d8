// Checks in the browser that a record is in the log, with nothing taken on trust
// but the verifier key: what docs/format.md says under Leaf, Body, Tree,
// Checkpoint and Inclusion proof, by the browser's own SHA-256 and Ed25519.
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

function need(holds, why) {
  if (!holds) throw new Error(why);
}

// decode reads one item of deterministic CBOR that fills the bytes. Integers
// become BigInt, maps become Map.
function decode(bytes) {
  let at = 0;
  const take = (n) => {
    need(at + n <= bytes.length, "CBOR ends too early");
    at += n;
    return bytes.subarray(at - n, at);
  };
  const item = (depth) => {
    const first = take(1)[0];
    if (first === 0xf4 || first === 0xf5) return first === 0xf5;
    if (first === 0xf6) return null;
    const major = first >> 5;
    const info = first & 31;
    need(major < 6 && info < 28 && depth < 40, "CBOR of a kind that records do not have");
    let n = BigInt(info);
    if (info >= 24) n = take(1 << (info - 24)).reduce((sum, b) => (sum << 8n) | BigInt(b), 0n);
    if (major === 0) return n;
    if (major === 1) return -1n - n;
    need(n <= BigInt(bytes.length), "CBOR ends too early");
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
  need(at === bytes.length, "something follows the CBOR");
  return value;
}

// climb follows an audit path from a leaf hash to the root (RFC 9162 §2.1.3.2).
async function climb(hash, position, size, path) {
  const node = (l, r) => sha256([1], l, r);
  let at = BigInt(position);
  let last = BigInt(size) - 1n;
  need(at <= last, "the position is beyond the log");
  for (const p of path) {
    need(last > 0n, "the proof has too many hashes");
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
  need(last === 0n, "the proof has too few hashes");
  return hash;
}

// open checks the signature of a checkpoint and returns what it says.
async function open(note, key) {
  const [name, id, encoded] = key.split(/\+(.*?)\+(.*)/s);
  need(name && encoded, "this is not a verifier key");
  const typed = base64(encoded);
  need(typed.length === 33 && typed[0] === 1, "this is not an Ed25519 verifier key");
  need(hex((await sha256(utf8(name + "\n"), typed)).subarray(0, 4)) === id, "the verifier key is misspelt");
  const split = note.lastIndexOf("\n\n");
  const text = note.slice(0, split + 1);
  const prefix = "\u2014 " + name + " ";
  const signatures = note.slice(split + 2).split("\n").filter((l) => l.startsWith(prefix)).map((l) => base64(l.slice(prefix.length)));
  const mine = signatures.find((s) => hex(s.subarray(0, 4)) === id);
  need(mine, "the log has not signed with this key");
  const pub = await crypto.subtle.importKey("raw", typed.subarray(1), "Ed25519", false, ["verify"]);
  need(await crypto.subtle.verify("Ed25519", pub, mine.subarray(4), utf8(text)), "the signature does not fit");
  const [origin, size, root, end] = text.split("\n");
  need(origin === name && /^[1-9][0-9]*$/.test(size) && end === "", "the checkpoint is not in its form");
  return { origin, size, root: base64(root) };
}

async function fetchJSON(path) {
  const r = await fetch(path, { headers: { Accept: "application/json" } });
  need(r.ok, path + ": " + r.status);
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
    need(version === 1n && position === BigInt(found.position), "the leaf is of another record");
    need(same(await sha256(utf8("ledgerline/body/v1\0"), base64(r.salt), body), commitment), "the content is not what the record commits to");
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
  async signature(found) {
    const c = await open(found.checkpoint, found.key);
    need(same(c.root, found.root), "the proof leads to another root than the one signed");
    return c.origin + " · " + c.size;
  },
};

async function run() {
  const typed = panel.querySelector("input").value.trim();
  const found = { position: panel.dataset.position, key: typed || panel.dataset.key };
  for (const e of panel.querySelectorAll("[data-verdict]")) e.hidden = true;
  for (const e of panel.querySelectorAll("output")) e.textContent = "";
  for (const e of panel.querySelectorAll("[data-step]")) e.removeAttribute("data-holds");
  let verdict = typed ? "proven" : "server-key";
  for (const [name, step] of Object.entries(steps)) {
    const row = panel.querySelector('[data-step="' + name + '"]');
    try {
      row.querySelector("output").textContent = await step(found);
      row.dataset.holds = "yes";
    } catch (e) {
      row.querySelector("output").textContent = e.message;
      row.dataset.holds = "no";
      verdict = "refused";
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
