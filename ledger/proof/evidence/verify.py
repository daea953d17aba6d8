#!/usr/bin/env python3
"""Checks an evidence bundle of a Ledgerline ledger, offline.

    python3 verify.py BUNDLE.zip --key KEY [--timestamp-ca FILE] [--witness-policy FILE]

KEY is the verifier key, or a file that holds it. It needs Python 3.8 and nothing
else, but openssl to check timestamps with the certificates (PEM) of an authority that
you trust. A policy is a C2SP tlog-policy of witnesses that you trust, with Ed25519
keys. What is checked is said in docs/format.md. It prints a report as JSON and ends with status 0 if everything in the bundle is what it
claims to be, 1 if not, 2 if it could not check, 3 if it was called wrongly.
"""
import base64
import binascii
import hashlib
import json
import os
import re
import ssl
import struct
import subprocess
import sys
import tempfile
import zlib
from datetime import datetime, timedelta

MAX = 2**63 - 1
FORMAT = "ledgerline/evidence/v1"


class Refused(Exception):
    """The bundle is not what it claims to be."""


class Fault(Exception):
    """A piece of it is not."""


def need(condition, why="not what it should be"):
    if not condition:
        raise Fault(why)


def sha(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


# --- the ZIP, in its one form --------------------------------------------------

def good_name(name):
    return len(name) <= 128 and re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*", name)


def pack(files):
    out, central = [], []
    offset = 0
    last = ""
    for name, data in files:
        need(good_name(name) and name > last)
        last = name
        common = struct.pack("<HHHHHLLLHH", 10, 0, 0, 0, 33, zlib.crc32(data), len(data), len(data), len(name), 0)
        out += [struct.pack("<L", 0x04034B50), common, name.encode(), data]
        central += [struct.pack("<LH", 0x02014B50, 10), common, bytes(10), struct.pack("<L", offset), name.encode()]
        offset += 30 + len(name) + len(data)
    central = b"".join(central)
    need(len(files) < 65535 and offset + len(central) + 22 < 2**32 - 1)
    end = struct.pack("<LHHHHLLH", 0x06054B50, 0, 0, len(files), len(files), len(central), offset, 0)
    return b"".join(out) + central + end


def unpack(b):
    files, at = [], 0
    while len(b) - at >= 30 and b[at:at + 4] == b"PK\3\4":
        size, = struct.unpack_from("<L", b, at + 18)
        name, = struct.unpack_from("<H", b, at + 26)
        need(at + 30 + name + size <= len(b))
        files.append((b[at + 30:at + 30 + name].decode("ascii"), b[at + 30 + name:at + 30 + name + size]))
        at += 30 + name + size
    need(pack(files) == b)
    return dict(files)


# --- JSON and times, in their one form -------------------------------------------

def to_json(v):
    text = json.dumps(v, ensure_ascii=False, separators=(",", ":"))
    return text.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029").encode()


def time_view(us):
    if not -62135596800000000 <= us < 253402300800000000:
        return us
    return (datetime(1970, 1, 1) + timedelta(microseconds=us)).isoformat(timespec="microseconds") + "Z"


def is_time(s):
    try:
        return datetime.strptime(s, "%Y-%m-%dT%H:%M:%S.%fZ").isoformat(timespec="microseconds") + "Z" == s
    except ValueError:
        return False


def shape(v, like):
    """Whether v has the members and types of like, whose one element stands for all of a list."""
    if isinstance(like, dict):
        return type(v) is dict and list(v) == list(like) and all(shape(v[k], x) for k, x in like.items())
    if isinstance(like, list):
        return type(v) is list and all(shape(x, like[0]) for x in v)
    return type(v) is type(like) and (type(v) is not int or -MAX - 1 <= v <= MAX)


COMPLETE = {"names": [[""]], "also": [[""]], "from": 0, "to": 0}
MANIFEST = {
    "format": "", "origin": "", "made": "", "question": {"kind": "", "en": "", "zh": ""}, "complete": COMPLETE, "size": 0,
    "records": [{"position": 0, "body": "", "facets": [""]}], "consistency": [0],
    "key_changes": 0, "anchors": [0], "witnessed": 0,
    "numbering": [{"principal": "", "producer": "", "last": 0, "missing": [{"first": 0, "last": 0}], "unlisted": 0}],
    "files": [{"name": "", "size": 0, "sha256": ""}],
}


OPTIONAL = ("key_changes", "anchors", "witnessed", "numbering")  # left out if zero or empty


def read_manifest(b):
    m = json.loads(b.decode())
    need(type(m) is dict and "complete" in m and all(m[k] for k in OPTIONAL if k in m))
    like = {k: x for k, x in MANIFEST.items() if k in m or k not in OPTIONAL}
    if m["complete"] is None:
        like["complete"] = None
    need(shape(m, like) and to_json(m) == b and m["format"] == FORMAT and is_time(m["made"]))
    need(0 <= m.get("key_changes", 0) <= 999 and 0 <= m.get("witnessed", 0) <= m["size"])
    numbering = m.get("numbering", [])
    order = [(n["principal"].encode(), n["producer"].encode()) for n in numbering]
    need(order == sorted(set(order)) and all(n["unlisted"] >= 0 for n in numbering))
    for n in numbering:
        last = 0
        for run in n["missing"]:
            need(last < run["first"] <= run["last"] < n["last"])
            last = run["last"]
    last = -1
    for at in m.get("anchors", []):
        need(last < at < m["size"])
        last = at
    last = -1
    for r in m["records"]:
        need(last < r["position"] < m["size"])
        need(r["body"] == "shown" or r["body"] == "withheld" and not r["facets"])
        need(all(state in ("shown", "withheld", "erased") for state in r["facets"]))
        last = r["position"]
    last = 0
    for size in m["consistency"]:
        need(last < size <= m["size"])
        last = size
    return m


# --- deterministic CBOR ------------------------------------------------------------

def head(major, n):
    if n < 24:
        return bytes([major << 5 | n])
    for info, size in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if n < 1 << 8 * size:
            return bytes([major << 5 | info]) + n.to_bytes(size, "big")
    raise Fault("integer too large")


def encode(v):
    if v is False or v is True or v is None:
        return {False: b"\xf4", True: b"\xf5", None: b"\xf6"}[v]
    if isinstance(v, int):
        return head(0, v) if v >= 0 else head(1, -1 - v)
    if isinstance(v, bytes):
        return head(2, len(v)) + v
    if isinstance(v, str):
        return head(3, len(v.encode())) + v.encode()
    if isinstance(v, list):
        return head(4, len(v)) + b"".join(map(encode, v))
    pairs = sorted((encode(k), encode(x)) for k, x in v.items())
    return head(5, len(pairs)) + b"".join(k + x for k, x in pairs)


def decode(b):
    v, end = item(b, 0, 0)
    need(end == len(b) and encode(v) == b, "CBOR")
    return v


def item(b, at, depth):
    need(at < len(b), "CBOR ends too early")
    first = b[at]
    at += 1
    if first in (0xF4, 0xF5, 0xF6):
        return {0xF4: False, 0xF5: True, 0xF6: None}[first], at
    major, n = first >> 5, first & 31
    need(major not in (6, 7) and n < 28, "CBOR of a kind not allowed")
    if n >= 24:
        size = 1 << n - 24
        need(at + size <= len(b), "CBOR ends too early")
        n, at = int.from_bytes(b[at:at + size], "big"), at + size
    if major < 2:
        need(n <= MAX, "CBOR integer")
        return (n if major == 0 else -1 - n), at
    if major < 4:
        need(at + n <= len(b), "CBOR ends too early")
        return (b[at:at + n] if major == 2 else b[at:at + n].decode()), at + n
    need(depth <= 32 and n <= len(b), "CBOR nested too deep, or ends too early")
    out = [] if major == 4 else {}
    for _ in range(n):
        x, at = item(b, at, depth + 1)
        if major == 4:
            out.append(x)
            continue
        need((type(x) is str or type(x) is int and depth == 0) and x not in out, "CBOR map key")
        out[x], at = item(b, at, depth + 1)
    return out, at


# --- records: format.md, "Leaf", "Body", "Keys", "Facets" ------------------------------

KINDS = ("type", "subject", "entry", "dataset", "party", "agreement", "principal")
LABELS = {
    1: "id", 2: "type", 3: "schema", 4: "source", 5: "subject", 6: "time", 7: "effective_from", 8: "effective_to",
    9: "principal", 10: "actor", 11: "party", 12: "on_behalf_of", 13: "producer", 14: "correlation", 15: "causation",
    16: "expected_version", 17: "grade", 18: "retention", 19: "imported", 20: "trace", 21: "data", 22: "facets",
    23: "signature", 24: "names",
}


def is_hash(x):
    return type(x) is bytes and len(x) == 32


def sorted_hashes(keys, most):
    return type(keys) is list and len(keys) <= most and all(map(is_hash, keys)) and keys == sorted(set(keys))


def texts(v, n):
    return type(v) is list and len(v) == n and all(type(x) is str and x for x in v)


def number(x, least):
    return type(x) is int and x >= least


def read_leaf(b):
    v = decode(b)
    need(type(v) is list and len(v) == 6, "leaf")
    version, position, prev, time, keys, body = v
    need(type(version) is int and version == 1 and number(position, 0) and number(time, 0), "leaf")
    need(is_hash(prev) and is_hash(body) and sorted_hashes(keys, 1024), "leaf")
    return v


def read_body(b):
    v = decode(b)
    need(type(v) is dict and all(type(k) is int and k in LABELS for k in v), "labels of the body")
    need(all(k in v for k in (1, 2, 3, 4, 5, 6, 9, 21)), "a label that every body has")
    for k, x in v.items():
        if k in (1, 2, 4, 9, 10, 11, 12, 14, 15, 17, 18, 20):
            need(type(x) is str and x, "text of the body")
        elif k in (6, 7, 8):
            need(type(x) is int and (x or k == 6), "time of the body")
        elif k in (3, 16):
            need(number(x, int(k == 3)), "number of the body")
    need(texts(v[5], 2) and type(v[21]) is dict and all(type(k) is str for k in v[21]), "subject or data")
    if 13 in v:
        need(type(v[13]) is list and len(v[13]) == 2 and texts(v[13][:1], 1) and number(v[13][1], 0), "producer")
    need(v.get(19, True) is True and type(v.get(23, b"x")) is bytes and v.get(23) != b"", "imported or signature")
    facets, names = v.get(22, []), v.get(24, [])
    need(type(facets) is list and type(names) is list and v.get(22, 1) and v.get(24, 1), "facets or names")
    for f in facets:
        need(type(f) is list and len(f) == 4 and all(type(x) is str for x in f[:3]) and f[0] and is_hash(f[3]), "facet")
    for n in names:
        need(type(n) is list and len(n) >= 2 and n[0] in KINDS and all(type(x) is str for x in n), "name")
    sorted_names = [f[0].encode() for f in facets]
    need(sorted_names == sorted(set(sorted_names)) and len({tuple(n) for n in names}) == len(names), "facets or names")
    if v[2] == "record.continued":
        c = v[21]
        need(set(c) == {"id", "keys", "part", "source"} and not names and texts([c["id"], c["source"]], 2), "continuation")
        need(number(c["part"], 1) and c["keys"] and sorted_hashes(c["keys"], 1000), "continuation")
    return v


def body_keys(v):
    names = [["type", v[2]], ["subject", *v[5]], ["principal", v[9]], *v.get(24, [])]
    if 11 in v:
        names.append(["party", v[11]])
    more = v[21]["keys"] if v[2] == "record.continued" else []
    return sorted({sha(b"ledgerline/key/v1\0", encode(n)) for n in names} | set(more))


def plain(x):
    if isinstance(x, dict):
        return {k: plain(y) for k, y in sorted(x.items(), key=lambda p: encode(p[0]))}
    return [plain(y) for y in x] if isinstance(x, list) else base64.b64encode(x).decode() if isinstance(x, bytes) else x


def view(leaf, leaf_bytes, body):
    seen = None
    if body is not None:
        seen = {}
        for label in LABELS:
            if label in body:
                x = body[label]
                if label in (6, 7, 8):
                    x = time_view(x)
                elif label == 22:
                    x = [dict(zip(("name", "media_type", "owner", "commit"), f[:3] + [f[3].hex()])) for f in x]
                elif label in (21, 23):
                    x = plain(x)
                seen[LABELS[label]] = x
    return to_json({
        "position": leaf[1], "time": time_view(leaf[3]), "leaf_hash": sha(b"\0", leaf_bytes).hex(),
        "prev": leaf[2].hex(), "keys": [k.hex() for k in leaf[4]], "body": seen,
    })


# --- Merkle tree (RFC 9162 sections 2.1.3.2 and 2.1.4.2) ---------------------------------

def root_from_path(h, at, size, path):
    need(0 <= at < size, "position beyond the log")
    last = size - 1
    for p in path:
        need(last, "too many hashes")
        if at & 1 or at == last:
            h = sha(b"\1", p, h)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            h = sha(b"\1", h, p)
        at, last = at >> 1, last >> 1
    need(last == 0, "too few hashes")
    return h


def check_growth(size1, root1, size2, root2, path):
    need(size1 <= size2, "the log shrinks")
    if size1 == size2:
        return need(not path and root1 == root2, "two logs of one size")
    need(size1 > 0, "it begins with nothing")
    if size1 & (size1 - 1) == 0:
        path = [root1] + path
    need(path, "too few hashes")
    at, last = size1 - 1, size2 - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    a = b = path[0]
    for p in path[1:]:
        need(last, "too many hashes")
        if at & 1 or at == last:
            a, b = sha(b"\1", p, a), sha(b"\1", p, b)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            b = sha(b"\1", b, p)
        at, last = at >> 1, last >> 1
    need(last == 0 and (a, b) == (root1, root2), "roots")


# --- completeness: format.md, "Completeness index", "Completeness proof" ------------------

EMPTY = bytes(32)


def split(n):
    return 1 << (n - 1).bit_length() - 1


def key_bit(k, i):
    return k[i // 8] >> 7 - i % 8 & 1


def is_name(n):
    return type(n) is list and len(n) > 1 and all(type(x) is str for x in n) and n[0] in KINDS


def key_of(name):
    return sha(b"ledgerline/key/v1\0", encode(name))


def entry_hash(position, time, leaf):
    need(number(position, 0) and number(time, 0) and is_hash(leaf), "entry of the index")
    return sha(b"\0", encode([position, time, leaf]))


def looked_up(k, root, siblings, leaf):
    """Returns the leaf of the key in the index, None if no record bears it."""
    need(type(siblings) is list and len(siblings) <= 256 and all(map(is_hash, siblings)), "siblings")
    h = EMPTY
    if leaf is not None:
        need(type(leaf) is list and len(leaf) == 3 and is_hash(leaf[0]) and number(leaf[1], 1) and is_hash(leaf[2]), "leaf of the index")
        need(all(key_bit(k, i) == key_bit(leaf[0], i) for i in range(len(siblings))), "leaf not on the path")
        h = sha(b"ledgerline/index-leaf/v1\0", encode(leaf))
    for i in reversed(range(len(siblings))):
        pair = (siblings[i], h) if key_bit(k, i) else (h, siblings[i])
        h = sha(b"ledgerline/index-node/v1\0", *pair)
    need(h == root, "the path does not lead to the root of the index")
    return leaf if leaf and leaf[0] == k else None


def check_range(entries, first, count, hashes, root):
    need(entries and first + len(entries) <= count and type(hashes) is list and all(map(is_hash, hashes)), "not a range")
    rest = list(hashes)

    def over(lo, hi):
        if hi <= first or lo >= first + len(entries):
            need(rest, "too few hashes")
            return rest.pop(0)
        if hi - lo == 1:
            return entries[lo - first]
        k = lo + split(hi - lo)
        left = over(lo, k)
        return sha(b"\1", left, over(k, hi))

    need(over(0, count) == root and not rest, "the entries are not those of the key's log")


def included(path, leaf, size, root):
    v = read_leaf(leaf)
    need(type(path) is list and len(path) <= 63 and all(map(is_hash, path)), "audit path")
    need(root_from_path(sha(b"\0", leaf), v[1], size, path) == root, "not included")
    return v


def shown_record(record, also):
    """Returns leaf, hash, and whether it bears the keys in also."""
    leaf, body, salt = record
    v, missing, continuation = read_leaf(leaf), None, False
    keys = v[4]
    if body is not None:
        need(is_hash(salt) and sha(b"ledgerline/body/v1\0", salt, body) == v[5], "body")
        b = read_body(body)
        need(not b[2].startswith("ledger.") or salt == EMPTY, "salt of a public body")
        keys, continuation = body_keys(b), b[2] == "record.continued"
        need(keys[:1024] == v[4], "keys of the leaf")
    need(body is not None or salt is None, "salt without a body")
    missing = [k for k in also if k not in keys]
    need(not missing or body is not None or len(keys) < 1024, "nobody can tell whether it matches")
    return v, sha(b"\0", leaf), not missing or continuation


def check_complete(stored, asked, bundled, under, size, root):
    """Checks that every record that answers the question is in the bundle. Returns the cover, whether it is closed, and the commitment's position."""
    p = decode(stored)
    need(type(p) is list and len(p) == 7 and p[0] == "ledgerline/completeness/v1", "format")
    question, checkpoint, commitment, parts, records, beyond = p[1:]
    names, also, start, end = asked["names"], asked["also"], asked["from"], asked["to"]
    need(checkpoint == under and question == [names, also, start, end], "another question or checkpoint")
    need(0 <= start <= end and 0 < len(names) <= 1024 and len(also) <= 1024, "window or names")
    need(all(map(is_name, names + also)) and len({encode(n) for n in names + also}) == len(names + also), "names")
    path, leaf, body = commitment
    commit, b = included(path, leaf, size, root), read_body(body)
    d = b[21]
    need(sha(b"ledgerline/body/v1\0", EMPTY, body) == commit[5] and body_keys(b) == commit[4], "commitment")
    need(b[2] == "ledger.index.committed" and set(d) == {"algorithm", "root", "size"}, "commitment")
    need(d["algorithm"] == "ledgerline/index/v1" and is_hash(d["root"]) and number(d["size"], 1) and d["size"] <= commit[1], "commitment")
    index, covered = d["root"], d["size"]
    need(type(parts) is list and len(parts) == len(names) and type(records) is list, "parts")
    shown, used, after = [shown_record(r, list(map(key_of, also))) for r in records], set(), False
    order = [x[0][1] for x in shown]
    need(order == sorted(set(order)) and all(x < covered for x in order), "order or cover of records")
    need(all(start <= x[0][3] < end for x in shown), "record outside the window")
    for name, (siblings, leaf, span) in zip(names, parts):
        k = key_of(name)
        found = looked_up(k, index, siblings, leaf)
        mine = [(i, entry_hash(x[0][1], x[0][3], x[1])) for i, x in enumerate(shown) if k in x[0][4]]
        used |= {i for i, _ in mine}
        need((found is None) == (span is None) and (found or not mine), "no record, or some")
        if not found:
            continue
        first, before, behind, hashes = span
        need(number(first, 0) and first + len(mine) <= found[1], "more than the index counts")
        need((before is None) == (first == 0) and (behind is None) == (first + len(mine) == found[1]), "neighbours")
        need(before is None or before[1] < start, "left out before")
        need(behind is None or behind[1] >= end, "left out after")
        after |= behind is not None
        entries = [entry_hash(*before)] if before else []
        entries += [h for _, h in mine]
        entries += [entry_hash(*behind)] if behind else []
        check_range(entries, first - (before is not None), found[1], hashes, found[2])
    need(used == set(range(len(shown))), "a record that bears none of the names")
    closed = after or covered == commit[1] and commit[3] >= end
    if beyond is not None:
        x = included(*beyond, size, root)
        need(not closed and x[1] == covered and x[3] >= end, "shown for nothing")
        closed = True
    need(all(bundled.get(x[0][1]) == x[1] for x in shown if x[2]), "a record belongs to the answer and is not shown")
    return covered, closed, commit[1]


# --- Ed25519 (RFC 8032 section 5.1) and signed notes (c2sp.org/signed-note) -------------------

P, L = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P


def point(b):
    y = (int.from_bytes(b, "little") & (1 << 255) - 1) % P
    xx = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(xx, (P + 3) // 8, P)
    if (x * x - xx) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    need((x * x - xx) % P == 0, "not a point of the curve")
    x = P - x if x & 1 != b[31] >> 7 else x
    return x, y, 1, x * y % P


def add(p, q):
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % P, (p[1] + p[0]) * (q[1] + q[0]) % P
    c, d = 2 * p[3] * q[3] * D % P, 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def times(n, p):
    out = (0, 1, 1, 0)
    while n:
        if n & 1:
            out = add(out, p)
        p, n = add(p, p), n >> 1
    return out


def ed25519(public, message, signature):
    s = int.from_bytes(signature[32:], "little")
    if s >= L:
        return False
    h = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % L
    base = point((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))
    x, y, _, t = point(public)
    r = add(times(s, base), times(h, (P - x, y, 1, P - t)))
    z = pow(r[2], P - 2, P)
    return (r[1] * z % P | (r[0] * z % P & 1) << 255).to_bytes(32, "little") == signature[:32]


def unbase64(s):
    b = base64.b64decode(s, validate=True) if s.isascii() else b""
    need(base64.b64encode(b).decode() == s, "base64")
    return b


def lenient_base64(s):
    need(len(s) % 4 == 0 and re.fullmatch("[A-Za-z0-9+/]*={0,2}", s), "base64")
    return base64.b64decode(s)


def open_note(note):
    """Returns the text of a signed note, and name, key hash, signature and base64 of each line below it."""
    text, found, sigs = note.decode().rpartition("\n\n")
    need(found and sigs.endswith("\n") and all(c >= " " or c == "\n" for c in note.decode()), "no signature")
    lines, out = sigs.split("\n")[:-1], []
    need(len(lines) <= 100, "signature lines")
    for line in lines:
        parts = line.split(" ")
        need(len(parts) == 3 and parts[0] == "\u2014" and parts[1] and "+" not in parts[1], "signature line")
        sig = lenient_base64(parts[2])
        need(len(sig) > 4 and not any(map(str.isspace, parts[1])), "signature line")
        out.append((parts[1], sig[:4].hex(), sig[4:], parts[2]))
    return text + "\n", out


class Key:
    """A verifier key, NAME+HASH+BASE64."""

    def __init__(self, text, until=MAX):
        self.text, self.until = text, until  # it counts for heads of at most so many records
        self.name, _, rest = text.partition("+")
        self.hash, _, public = rest.partition("+")
        key = lenient_base64(public)
        need(self.name and not any(map(str.isspace, self.name)) and len(key) == 33 and key[0] == 1, "verifier key")
        need(sha(self.name.encode(), b"\n", key)[:4].hex() == self.hash, "verifier key")
        self.public = key[1:]


def signed_by(keys, note):
    """Returns the text of a note, and the keys that signed it; a wrong signature of one of keys is a fault."""
    text, sigs = open_note(note)
    signed, seen = [], set()
    for name, key_hash, sig, form in sigs:
        for k in keys:
            if (k.name, k.hash) == (name, key_hash) and (name, key_hash) not in seen:
                need(len(sig) == 64 and ed25519(k.public, text.encode(), sig), "signature")
                signed.append((k, form))
                seen.add((name, key_hash))
    need(signed, "none of the keys has signed this")
    return text, [k for k, form in signed if base64.b64encode(base64.b64decode(form)).decode() == form]


class Keys:
    """The keys of a log, over all changes: format.md, "Change of keys"."""

    def __init__(self, text):
        self.known = [Key(text)]
        self.name = self.known[0].name

    def find(self, text):
        return next((k for k in self.known if k.text == text), None)

    def change(self, changes):
        for what, old, new, size in changes:
            k = self.find(old)
            if k and k.until == MAX:
                if not self.find(new):
                    self.known.append(Key(new))
                if what == "retired":
                    k.until = size
        for what, old, new, size in reversed(changes):
            by = self.find(new)
            if what == "retired" and by and not self.find(old):
                self.known.append(Key(old, min(size, by.until)))

    def opened(self, note, origin, size=MAX):
        """Returns the text of a note that a key of the log has signed that counts for a head of some size."""
        text, signers = signed_by([k for k in self.known if size <= k.until], note)
        need(any(k.name == origin for k in signers), "the log has not signed this")
        return text

    def checkpoint(self, note, origin):
        """Returns size and root."""
        stated = note.split(b"\n", 2)
        stated = int(stated[1]) if len(stated) == 3 and re.fullmatch(b"[0-9]{1,19}", stated[1]) else 0
        return read_checkpoint(self.opened(note, origin, min(stated, MAX)), origin)


def read_checkpoint(text, origin):
    lines = text.split("\n")
    need(len(lines) == 4 and lines[0] == origin and re.fullmatch("[0-9]{1,19}", lines[1]), "checkpoint")
    size, root = int(lines[1]), unbase64(lines[2])
    need(str(size) == lines[1] and size <= MAX and len(root) == 32 and (size or root == sha()), "checkpoint")
    return size, root


def read_change(note):
    """Returns what a change of keys does; both keys have to have signed it."""
    lines = note.decode().partition("\n\n")[0].split("\n")
    need(len(lines) >= 5 and lines[0] == "ledgerline/key-change/v1", "change of keys")
    origin, what, old, new = lines[1:5]
    size = 0
    if what == "retired" and len(lines) == 6:
        size = int(lines[5])
    need(what in ("added", "retired") and old != new, "change of keys")
    need(what == "added" or len(lines) == 6 and lines[5] == str(size) and 0 < size <= MAX, "change of keys")
    both = [Key(old), Key(new)]
    text, signers = signed_by(both, note)
    need(all(k.name == origin for k in both) and len(signers) == 2, "not both keys have signed it")
    end = "%d\n" % size if what == "retired" else ""
    need(text == "\n".join(["ledgerline/key-change/v1", origin, what, old, new, end]), "change of keys")
    return what, old, new, size


# --- what others attest: producers (COSE_Sign1), authorities (RFC 3161), witnesses (c2sp.org/tlog-cosignature) -----

def producer_key(body):
    """Returns the public key that signed the claim in a body."""
    signature = decode(body[23])
    need(type(signature) is list and len(signature) == 4 and signature[1:3] == [{}, None], "COSE_Sign1")
    protected, sig = signature[0], signature[3]
    need(type(protected) is bytes and len(protected) == 38 and protected[:6] == bytes.fromhex("a20127045820"), "COSE_Sign1")
    need(type(sig) is bytes and len(sig) == 64, "COSE_Sign1")
    claim = {k: sha(encode(x)) if k == 21 else x for k, x in body.items() if k not in (9, 20, 23, 24)}
    signed = encode(["Signature1", protected, b"ledgerline/claim/v1", encode(claim)])
    need(ed25519(protected[6:], signed, sig), "the producer's signature does not fit")
    return protected[6:]


MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def timestamp(response, head, ca):
    """Returns the time in a token over a head, None if openssl does not accept it."""
    with tempfile.TemporaryDirectory() as d:
        for name, b in (("tsr", response), ("head", head)):
            with open(d + "/" + name, "wb") as f:
                f.write(b)

        def openssl(*args):
            return subprocess.run(("openssl", "ts") + args, cwd=d, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)

        text = openssl("-reply", "-in", "tsr", "-text").stdout.decode(errors="replace")
        m = re.search(r"^Time stamp: (\w{3}) +(\d+) (\d\d):(\d\d):(\d\d)(\.\d+)? (\d{4}) GMT", text, re.M)
        if not m or m[1] not in MONTHS:
            return None
        micros = int(((m[6] or ".") + "000000")[1:7])
        at = datetime(int(m[7]), MONTHS.index(m[1]) + 1, int(m[2]), int(m[3]), int(m[4]), int(m[5]), micros)
        seconds = (at - datetime(1970, 1, 1)) // timedelta(seconds=1)
        done = openssl("-verify", "-data", "head", "-in", "tsr", "-CAfile", ca, "-attime", str(seconds))
        return at if done.returncode == 0 else None


KEYWORDS = ("witness", "group", "any", "all", "none", "quorum", "log")
URL = "https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*/?"


class Policy:
    """Whose cosignatures are enough: a C2SP tlog-policy."""

    def __init__(self, text):
        need(len(text.encode()) <= 65535, "policy too long")
        parts, quorum = {}, None
        for line in text.split("\n"):
            line = line.partition("#")[0]
            need(all(" " <= c <= "~" or c in "\t\r" for c in line), "a character that is not of ASCII")
            words = line.split()
            if not words or words[0] == "log":
                continue
            need(words[0] == "quorum" or len(words) > 1 and words[1] not in parts and words[1] not in KEYWORDS, "name in the policy")
            if words[0] == "witness" and len(words) == 4:
                name, _, rest = words[2].partition("+")
                key_hash, _, rest = rest.partition("+")
                key = lenient_base64(rest)
                need(name and len(key_hash) == 8 and base64.b64encode(key).decode() == rest, "key of a witness")
                need(len(key) == 33 and key[0] in (1, 4), "a witness with a key that is not of Ed25519: leave it out")
                need(re.fullmatch(URL, words[3]), "URL of a witness")
                parts[words[1]] = (name, sha(name.encode(), b"\n\4", key[1:])[:4].hex(), key[1:], words[3].rstrip("/"))
            elif words[0] == "group" and len(words) > 2:
                members = [parts.get(name) for name in words[3:]]
                need(re.fullmatch("any|all|[0-9]{1,2}", words[2]), "number of a group")
                n = {"any": 1, "all": len(members)}.get(words[2])
                n = int(words[2]) if n is None else n
                need(all(members) and 0 <= n <= len(members), "group of the policy")
                parts[words[1]] = (n, members)
            else:
                need(words[0] == "quorum" and len(words) == 2, "line of the policy")
                quorum = words[1]
        need(quorum in parts, "quorum of the policy")
        self.quorum = parts[quorum]
        self.witnesses = self.all(self.quorum)
        need(self.witnesses, "its quorum names no witness")

    def all(self, part):
        if len(part) == 4:
            return {part[3]: part}
        return {url: w for member in part[1] for url, w in self.all(member).items()}

    def satisfied(self, part, cosigned):
        if len(part) == 4:
            return cosigned(part)
        return sum(self.satisfied(member, cosigned) for member in part[1]) >= part[0]

    def count(self, note):
        """Returns how many witnesses have cosigned a checkpoint, and whether these are enough."""
        text, sigs = open_note(note)

        def cosigned(witness):
            name, key_hash, public, _ = witness
            sig = next((s for n, h, s, _ in sigs if (n, h) == (name, key_hash)), b"")
            if len(sig) != 72:
                return False
            message = "cosignature/v1\ntime %d\n%s" % (int.from_bytes(sig[:8], "big"), text)
            try:
                return ed25519(public, message.encode(), sig[8:])
            except Fault:
                return False

        k = sum(map(cosigned, self.witnesses.values()))
        return k, k > 0 and self.satisfied(self.quorum, cosigned)


# --- the bundle -------------------------------------------------------------------------------

def guarded(part, name, check):
    """Runs a check; whatever goes wrong in it refuses the bundle, naming the part."""
    try:
        return check()
    except (Fault, ValueError, binascii.Error, UnicodeError, KeyError, IndexError, TypeError, RecursionError, OverflowError) as e:
        raise Refused(part, name, str(e))


def check_files(m, files):
    called = {"README.txt", "summary.html", "manifest.json", "manifest.note", "checkpoint", "keys/ledger.vkey", "verify.py"}
    last = ""
    for f in m["files"]:
        name, data = f["name"], files.get(f["name"])
        if not (data is not None and name > last and name not in ("manifest.json", "manifest.note")
                and f["size"] == len(data) and f["sha256"] == sha(data).hex()):
            raise Refused("files", name, "it is missing, changed, or listed out of order")
        last = name
    if len(files) != len(m["files"]) + 2:
        raise Refused("files", "", "there are files that the manifest does not list, or it is not signed")
    for r in m["records"]:
        at = "%019d" % r["position"]
        called |= {"records/%s.cbor" % at, "records/%s.json" % at, "proofs/%s.tlog-proof" % at}
        called |= {"payload/%s/%03d" % (at, i) for i, state in enumerate(r["facets"]) if state == "shown"}
    called |= {"consistency/%019d.json" % size for size in m["consistency"]}
    called |= {"keys/%03d.note" % (n + 1) for n in range(m.get("key_changes", 0))}
    called |= {"time/%019d.%s" % (at, x) for at in m.get("anchors", []) for x in ("cbor", "tlog-proof", "json", "head", "tsr")}
    if m.get("witnessed"):
        called |= {"witness/%019d.json" % m["witnessed"], "policy"}
    if m["complete"]:
        called.add("index/completeness.cbor")
    for name in sorted(called):
        if name not in files:
            raise Refused("files", name, "the manifest calls for it")
    for f in m["files"]:
        if f["name"] not in called and f["name"] != "answer.json":
            raise Refused("files", f["name"], "nothing in the manifest calls for it")


def read_record(stored, position):
    """Returns leaf and body as read, and the bytes of the leaf; the body is None if it is withheld."""
    v = decode(stored)
    need(type(v) is list and len(v) == 3 and type(v[0]) is bytes, "record")
    leaf_bytes, body_bytes, salt = v
    need((body_bytes is None and salt is None) or (type(body_bytes) is bytes and is_hash(salt)), "record")
    leaf, body = read_leaf(leaf_bytes), None
    need(leaf[1] == position, "another record")
    if body_bytes is not None:
        need(sha(b"ledgerline/body/v1\0", salt, body_bytes) == leaf[5], "the body is not what the leaf commits to")
        body = read_body(body_bytes)
        need(not body[2].startswith("ledger.") or salt == bytes(32), "a public body has the zero salt")
        need(leaf[4] == body_keys(body)[:1024], "the leaf's keys are not those of the body")
    return leaf, body, leaf_bytes


def check_record(entry, stored, shown, producers, numbering):
    leaf, body, leaf_bytes = read_record(stored, entry["position"])
    need((body is not None) == (entry["body"] == "shown"), "record")
    if body is not None:
        for n in numbering if 13 in body and 19 not in body else []:
            if [n["principal"], n["producer"]] == [body[9], body[13][0]]:
                missing = any(run["first"] <= body[13][1] <= run["last"] for run in n["missing"])
                need(body[13][1] <= max(0, n["last"]) and not missing, "it is said to be missing")
        if 23 in body:
            by = (body.get(11, ""), base64.b64encode(producer_key(body)).decode())
            producers[by] = producers.get(by, 0) + 1
        need(len(entry["facets"]) == len(body.get(22, [])), "facets")
    need(view(leaf, leaf_bytes, body) == shown, "its view says something else")
    return leaf_bytes, body


def check_proof(position, leaf, text, checkpoint, size, root):
    top, found, under = text.partition(b"\n\n")
    lines = top.decode().split("\n")
    need(found and len(lines) >= 2 and lines[0] == "c2sp.org/tlog-proof@v1" and len(lines) <= 65, "proof")
    path = [unbase64(x) for x in lines[2:]]
    need(lines[1] == "index %d" % position and all(map(is_hash, path)) and under == checkpoint, "proof")
    need(root_from_path(sha(b"\0", leaf), position, size, path) == root, "the record is not in the log")


def check_facet(stored, ref):
    v = decode(stored)
    need(type(v) is list and len(v) == 2 and is_hash(v[0]) and type(v[1]) is bytes, "facet")
    need(sha(b"ledgerline/facet/v1\0", v[0], v[1]) == ref[3], "it is not what the record commits to")


def read_growth(b, checkpoint):
    """Returns the earlier head of a consistency proof, and its hashes."""
    pairs = json.loads(b.decode(), object_pairs_hook=list)
    g = dict(pairs)
    need(len(pairs) == 3 and set(g) == {"from", "to", "hashes"}, "members")
    need(type(g["from"]) is str and type(g["to"]) is str and type(g["hashes"]) is list, "members")
    need(all(type(h) is str for h in g["hashes"]) and len(g["hashes"]) <= 64, "members")
    need(g["to"].encode() == checkpoint, "it leads to another checkpoint")
    path = [unbase64(h) for h in g["hashes"]]
    need(all(map(is_hash, path)), "hashes")
    return g["from"].encode(), path


def check_consistency(b, keys, origin, earlier, checkpoint, size, root):
    head, path = read_growth(b, checkpoint)
    size1, root1 = keys.checkpoint(head, origin)
    check_growth(size1, root1, size, root, path)
    need(size1 == earlier, "it begins at another size")


def check_past(b, origin, earlier, checkpoint, size, root):
    """Returns a head of the log's past, as it was signed. The log's signature on it does not matter."""
    head, path = read_growth(b, checkpoint)
    size1, root1 = read_checkpoint(open_note(head)[0], origin)
    check_growth(size1, root1, size, root, path)
    need(size1 == earlier, "it begins at another size")
    return head


def check_anchors(m, files, checkpoint, size, root, ca):
    """Returns position, size and time of each anchor whose token ca makes trusted."""
    trusted, last = [], 0
    for at in m.get("anchors", []):
        name = {x: "time/%019d.%s" % (at, x) for x in ("cbor", "tlog-proof", "json", "head", "tsr")}
        leaf, body, leaf_bytes = guarded("time", name["cbor"], lambda: read_record(files[name["cbor"]], at))
        d = body[21] if body is not None else {}
        over, head, response = d.get("size"), d.get("checkpoint"), d.get("response")
        if not (body and body[2] == "ledger.head.anchored" and body[3] == 1 and number(over, 1) and over <= at
                and type(head) is str and head and type(response) is bytes and response):
            raise Refused("time", name["cbor"], "it is no anchor of an earlier head")
        proof = files[name["tlog-proof"]]
        guarded("time", name["tlog-proof"], lambda: check_proof(at, leaf_bytes, proof, checkpoint, size, root))
        begins = guarded("time", name["json"], lambda: check_past(files[name["json"]], m["origin"], over, checkpoint, size, root))
        for x, fits in (("json", begins == head.encode()), ("head", files[name["head"]] == head.encode()), ("tsr", files[name["tsr"]] == response)):
            if not fits:
                raise Refused("time", name[x], "it is not what the record holds")
        if over < last:
            raise Refused("time", name["cbor"], "it is over an earlier head than the anchor before")
        last = over
        when = timestamp(response, head.encode(), ca) if ca else None
        if when:
            trusted.append((at, over, when.isoformat(timespec="microseconds") + "Z"))
    return trusted


def bracket(trusted, position):
    b = {"position": position}
    before = [when for at, _, when in trusted if at < position]
    after = [when for _, over, when in trusted if over > position]
    if before:
        b["not_before"] = before[-1]
    if after:
        b["not_after"] = after[0]
    return b


def check(b, key_text=None, ca=None, policy=None):
    """Returns the report on a bundle."""
    try:
        return check_all(b, key_text, ca, policy)
    except Refused as r:
        part, name, _ = r.args
        refusal = {"part": part, "file": name} if name else {"part": part}
        return {"verdict": "REFUSED", "refusal": refusal, "records": 0, "withheld": 0, "erased": 0}


def check_all(b, key_text, ca, policy):
    files = guarded("zip", "", lambda: unpack(b))
    m = guarded("manifest", "manifest.json", lambda: read_manifest(files["manifest.json"]))
    check_files(m, files)
    if key_text is None:
        inside = files["keys/ledger.vkey"]
        keys = guarded("signature", "keys/ledger.vkey", lambda: Keys((inside[:-1] if inside[-1:] == b"\n" else inside).decode()))
    else:
        keys = Keys(key_text)
    changes, origin = [], m["origin"]
    for n in range(m.get("key_changes", 0)):
        name = "keys/%03d.note" % (n + 1)
        changes.append(guarded("signature", name, lambda: read_change(files[name])))
        what, old, new, _ = changes[-1]
        if changes[:-1]:
            fits = changes[-2][:3] == ("added", old, new) if what == "retired" else changes[-2][0] == "retired" and changes[-2][2] == old
        else:
            fits = what == "added"
        if not fits:
            raise Refused("signature", name, "it does not follow the change before")
    keys.change(changes)
    text = guarded("signature", "manifest.note", lambda: keys.opened(files["manifest.note"], origin))
    if text != "%s\n%s\n%s\n" % (FORMAT, origin, sha(files["manifest.json"]).hex()):
        raise Refused("signature", "manifest.note", "it signs something else")
    checkpoint = files["checkpoint"]
    size, root = guarded("checkpoint", "checkpoint", lambda: keys.checkpoint(checkpoint, origin))
    if size != m["size"]:
        raise Refused("checkpoint", "checkpoint", "it is of another size")
    withheld = erased = 0
    bundled, producers = {}, {}
    for r in m["records"]:
        at = "%019d" % r["position"]
        name = "records/%s.cbor" % at
        leaf, body = guarded("record", name, lambda: check_record(r, files[name], files["records/%s.json" % at], producers, m.get("numbering", [])))
        bundled[r["position"]] = sha(b"\0", leaf)
        proof = "proofs/%s.tlog-proof" % at
        guarded("proof", proof, lambda: check_proof(r["position"], leaf, files[proof], checkpoint, size, root))
        withheld += (body is None) + r["facets"].count("withheld")
        erased += r["facets"].count("erased")
        for i, state in enumerate(r["facets"]):
            if state == "shown":
                payload = "payload/%s/%03d" % (at, i)
                guarded("payload", payload, lambda: check_facet(files[payload], body[22][i]))
    for earlier in m["consistency"]:
        name = "consistency/%019d.json" % earlier
        guarded("consistency", name, lambda: check_consistency(files[name], keys, origin, earlier, checkpoint, size, root))
    report, commit = {"verdict": "UNSIGNED" if key_text is None else "SIGNED", "answer": "PARTIAL"}, -1
    if m["complete"]:
        name = "index/completeness.cbor"
        covered, closed, commit = guarded("completeness", name, lambda: check_complete(files[name], m["complete"], bundled, checkpoint, size, root))
        report["answer"] = "COMPLETE FOR WHAT YOU MAY SEE" if withheld + erased else "COMPLETE"
        report["complete"] = m["complete"]
        if covered > 1:
            report["as_of"] = covered - 1
        if closed:
            report["closed"] = True
    report.update({
        "origin": m["origin"], "question": m["question"],
        "size": size, "root": base64.b64encode(root).decode(), "made": m["made"],
        "records": len(m["records"]), "withheld": withheld, "erased": erased,
    })
    if m["consistency"]:
        report["since"] = m["consistency"]
    positions = [r["position"] for r in m["records"]]
    trusted = check_anchors(m, files, checkpoint, size, root, ca)
    times = [bracket(trusted, at) for at in positions]
    if trusted and any(len(b) > 1 for b in times):
        report["times"] = [b for b in times if len(b) > 1]
    if key_text is not None and positions and trusted and all("not_after" in b for b in times):
        report["verdict"] = "TIMESTAMPED"
    if m.get("witnessed"):
        w = m["witnessed"]
        name = "witness/%019d.json" % w
        head = guarded("witness", name, lambda: check_past(files[name], origin, w, checkpoint, size, root))
        if policy:
            k, enough = policy.count(head)
            report["witnesses"] = {"cosigned": k, "of": len(policy.witnesses), "size": w}
            if key_text is not None and enough and (positions or commit >= 0) and max(positions + [commit]) < w:
                report["verdict"] = "WITNESSED"
    if producers:
        report["producers"] = [{"party": party, "key": key, "records": n} for (party, key), n in producers.items()]
    gaps = [n for n in m.get("numbering", []) if n["missing"] or n["unlisted"]]
    if gaps:
        report["numbering"] = gaps
    return report


def main(args):
    given = dict(zip(args[1::2], args[2::2]))
    if len(args) % 2 == 0 or not set(given) <= {"--key", "--timestamp-ca", "--witness-policy"}:
        print(__doc__, file=sys.stderr)
        return 3
    key, ca, policy = given.get("--key"), given.get("--timestamp-ca"), None
    try:
        if key is not None:
            try:
                with open(key, "rb") as f:
                    key = f.read().decode(errors="replace")
            except OSError:
                if "+" not in key:
                    raise
            key = key.strip()
        if ca:
            open(ca).close()
    except (OSError, ValueError) as e:
        print("cannot check: %s" % e, file=sys.stderr)
        return 2
    try:
        if key is not None:
            Keys(key)
        if "--witness-policy" in given:
            with open(given["--witness-policy"], "rb") as f:
                policy = Policy(f.read().decode())
        if ca:
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(ca)
    except (OSError, Fault, ValueError) as e:
        print("called wrongly: %s" % e, file=sys.stderr)
        return 3
    try:
        need(os.path.getsize(args[0]) <= 1 << 30, "more bytes than a bundle can have")
        with open(args[0], "rb") as f:
            report = check(f.read(), key, ca and os.path.abspath(ca), policy)
    except (OSError, Fault, ValueError) as e:
        print("cannot check: %s" % e, file=sys.stderr)
        return 2
    sys.stdout.buffer.write(to_json(report) + b"\n")
    return int(report["verdict"] == "REFUSED")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
