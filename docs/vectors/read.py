#!/usr/bin/env python3
"""Re-derives every test vector of the Ledgerline format.

    python3 docs/vectors/read.py [file ...]

It follows docs/format.md, shares no code with the ledger, and needs only
Python 3.8's standard library. It shows that the text of the format suffices to
check everything, signatures and sealed facets included. It ends with status 1
at the first vector it does not agree with.
"""
import base64
import hashlib
import hmac
import json
import os
import sys
from datetime import datetime, timedelta

sys.dont_write_bytecode = True
from primitives import ed_verify, gcm_seal

HERE = os.path.dirname(os.path.abspath(__file__))
MAX = 2**63 - 1


class Refused(Exception):
    """The input is not in the format."""


def need(condition, why):
    if not condition:
        raise Refused(why)


def sha(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def mac(key, *parts):
    return hmac.new(key, b"".join(parts), hashlib.sha256).digest()


# --- deterministic CBOR (format.md, "Deterministic CBOR") ---------------------

def head(major, n):
    if n < 24:
        return bytes([major << 5 | n])
    for info, size in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if n < 1 << 8 * size:
            return bytes([major << 5 | info]) + n.to_bytes(size, "big")
    raise Refused("integer too large")


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
    v, rest = item(b, 0)
    need(not rest and encode(v) == b, "not deterministic, or something follows")
    return v


def item(b, depth):
    need(b, "ends too early")
    if b[0] in (0xF4, 0xF5, 0xF6):
        return {0xF4: False, 0xF5: True, 0xF6: None}[b[0]], b[1:]
    major, n, b = b[0] >> 5, b[0] & 31, b[1:]
    need(major not in (6, 7) and n < 28, "tag, float, other simple value or indefinite length")
    if n >= 24:
        size = 1 << n - 24
        need(len(b) >= size, "ends too early")
        n, b = int.from_bytes(b[:size], "big"), b[size:]
    if major < 2:
        need(n <= MAX, "integer beyond 64 bits with sign")
        return (n if major == 0 else -1 - n), b
    need(n <= len(b), "ends too early")
    if major == 2:
        return b[:n], b[n:]
    if major == 3:
        try:
            return b[:n].decode(), b[n:]
        except UnicodeDecodeError:
            raise Refused("text is not UTF-8")
    need(depth <= 32, "nested too deep")  # the body's own map is level 0
    out = [] if major == 4 else {}
    for _ in range(n):
        x, b = item(b, depth + 1)
        if major == 4:
            out.append(x)
            continue
        need((type(x) is str or type(x) is int and depth == 0) and x not in out, "map key")
        out[x], b = item(b, depth + 1)
    return out, b


# --- records -----------------------------------------------------------------

KINDS = ("type", "subject", "entry", "dataset", "party", "agreement", "principal")


def key(name):
    return sha(b"ledgerline/key/v1\0", encode(name))


def is_hash(x):
    return type(x) is bytes and len(x) == 32


def sorted_hashes(keys, most):
    return type(keys) is list and len(keys) <= most and all(map(is_hash, keys)) and keys == sorted(set(keys))


def read_leaf(b):
    v = decode(b)
    need(type(v) is list and len(v) == 6, "not six fields")
    version, position, prev, time, keys, body = v
    need(version == 1 and type(position) is int and position >= 0 and type(time) is int and time >= 0, "numbers")
    need(is_hash(prev) and is_hash(body) and sorted_hashes(keys, 1024), "hashes")
    return v


def leaf_hash(b):
    return sha(b"\0", b)


def texts(v, n):
    return type(v) is list and len(v) == n and all(type(x) is str and x for x in v)


def read_body(b):
    v = decode(b)
    need(type(v) is dict and all(type(k) is int and 1 <= k <= 24 for k in v), "labels")
    need(all(k in v for k in (1, 2, 3, 4, 5, 6, 9, 21)), "a label that every body has")
    for k, x in v.items():
        if k in (1, 2, 4, 9, 10, 11, 12, 14, 15, 17, 18, 20):
            need(type(x) is str and x, "text")
        elif k in (6, 7, 8):
            need(type(x) is int and (x or k == 6), "time")
        elif k in (3, 16):
            need(type(x) is int and x >= (k == 3), "number")
    need(texts(v[5], 2) and type(v[21]) is dict and all(type(k) is str for k in v[21]), "subject or data")
    if 13 in v:
        need(type(v[13]) is list and texts(v[13][:1], 1) and len(v[13]) == 2 and type(v[13][1]) is int and v[13][1] >= 0, "producer")
    need(v.get(19, True) is True and v.get(23, b"x") != b"", "imported or signature")
    for f in v.get(22, []):
        need(len(f) == 4 and all(type(x) is str for x in f[:3]) and f[0] and is_hash(f[3]), "facet")
    for n in v.get(24, []):
        need(len(n) >= 2 and n[0] in KINDS and all(type(x) is str for x in n), "name")
    facets, names = [f[0].encode() for f in v.get(22, [])], v.get(24, [])
    need(v.get(22, 1) and v.get(24, 1), "written but empty")
    need(facets == sorted(set(facets)) and all(n not in names[:i] for i, n in enumerate(names)), "repeated or unsorted")
    if v[2] == "record.continued":
        c = v[21]
        need(set(c) == {"id", "keys", "part", "source"} and not names, "continuation")
        need(texts([c["id"], c["source"]], 2) and type(c["part"]) is int and c["part"] > 0, "continuation")
        need(c["keys"] and sorted_hashes(c["keys"], 1000), "continuation")
    return v


def body_keys(v):
    names = [["type", v[2]], ["subject", *v[5]], ["principal", v[9]], *v.get(24, [])]
    if 11 in v:
        names.append(["party", v[11]])
    more = v[21]["keys"] if v[2] == "record.continued" else []
    return sorted({key(n) for n in names} | set(more))


def body_salt(secret, source, id):
    return mac(secret, b"ledgerline/salt/v1\0", encode([source, id]))


def read_facet(b):
    v = decode(b)
    need(type(v) is list and len(v) == 2 and is_hash(v[0]) and type(v[1]) is bytes, "facet")
    return v


# --- Merkle tree (RFC 6962 section 2.1) ----------------------------------------

class Tree:
    def __init__(self, hashes):
        self.hashes, self.memo = hashes, {}

    def root(self, lo, hi):
        if hi - lo < 2:
            return self.hashes[lo] if hi > lo else sha()
        if (lo, hi) not in self.memo:
            k = lo + split(hi - lo)
            self.memo[lo, hi] = sha(b"\1", self.root(lo, k), self.root(k, hi))
        return self.memo[lo, hi]

    def path(self, m, lo, hi):
        if hi - lo == 1:
            return []
        k = lo + split(hi - lo)
        return self.path(m, lo, k) + [self.root(k, hi)] if m < k else self.path(m, k, hi) + [self.root(lo, k)]

    def consistency(self, m, lo, hi, whole=True):
        if m == hi:
            return [] if whole else [self.root(lo, hi)]
        k = lo + split(hi - lo)
        if m <= k:
            return self.consistency(m, lo, k, whole) + [self.root(k, hi)]
        return self.consistency(m, k, hi, False) + [self.root(lo, k)]


def split(n):
    return 1 << (n - 1).bit_length() - 1


def root_from_path(h, at, size, path):
    """RFC 9162 section 2.1.3.2."""
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


def check_consistency(size1, root1, size2, root2, path):
    """RFC 9162 section 2.1.4.2."""
    need(size1 <= size2, "the log shrinks")
    if size1 in (0, size2):
        return need(not path and (size1 == 0 or root1 == root2), "two logs of one size")
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


# --- checkpoints ---------------------------------------------------------------

def unbase64(s):
    b = base64.b64decode(s, validate=True) if s.isascii() else b""
    need(base64.b64encode(b).decode() == s, "base64")
    return b


def public_key(vkey, origin):
    """Returns key hash and Ed25519 public key of a verifier key of a log."""
    name, _, rest = vkey.partition("+")
    hash, _, public = rest.partition("+")
    public = base64.b64decode(public)
    need(public[0] == 1 and sha(name.encode(), b"\n", public)[:4].hex() == hash and name == origin, "verifier key")
    return hash, public[1:]


def signed_by(signed, origin, vkey):
    """Returns the text of a note if the key signed it, None if not."""
    text, found, sigs = signed.rpartition("\n\n")
    need(found and sigs.endswith("\n"), "no signature")
    text += "\n"
    hash, public = public_key(vkey, origin)
    for line in sigs.splitlines():
        need(line.startswith("\u2014 "), "signature line")
        if line.startswith("\u2014 %s " % origin):
            sig = unbase64(line.split(" ")[2])
            if sig[:4].hex() == hash and len(sig) == 68 and ed_verify(public, text.encode(), sig[4:]):
                return text
    return None


def open_checkpoint(signed, origin, vkey):
    """Returns size and root."""
    text = signed_by(signed, origin, vkey)
    need(text is not None, "the log has not signed this")
    lines = text.split("\n")
    need(len(lines) == 4 and lines[0] == origin and lines[1].isdigit(), "checkpoint text")
    size, root = int(lines[1]), unbase64(lines[2])
    need(str(size) == lines[1] and size <= MAX and len(root) == 32 and (size or root == sha()), "checkpoint text")
    return size, root


def read_change(signed):
    """Returns what a change of keys does: what, old key, new key, size."""
    lines = signed.partition("\n\n")[0].split("\n")
    need(len(lines) > 4 and lines[0] == "ledgerline/key-change/v1" and lines[3] != lines[4], "change of keys")
    _, origin, what, old, new = lines[:5]
    need(what == "added" and len(lines) == 5 or what == "retired" and len(lines) == 6 and lines[5].isdigit(), "change of keys")
    size = int(lines[5]) if what == "retired" else None
    need(size is None or str(size) == lines[5] and 0 < size <= MAX, "change of keys")
    need(signed_by(signed, origin, old) and signed_by(signed, origin, new), "not both keys have signed it")
    return what, old, new, size


def keys_after(trusted, changes):
    """Returns each key that counts, and for heads of how many records at most."""
    keys, changes = {trusted: MAX}, [read_change(c) for c in changes]
    for what, old, new, size in changes:
        if keys.get(old) == MAX:
            keys.setdefault(new, MAX)
            if what == "retired":
                keys[old] = size
    for what, old, new, size in reversed(changes):
        if what == "retired" and new in keys:
            keys.setdefault(old, min(size, keys[new]))
    return keys


def read_inclusion(text):
    top, found, checkpoint = text.partition("\n\n")
    lines = top.split("\n")
    need(found and len(lines) >= 2 and lines[0] == "c2sp.org/tlog-proof@v1" and lines[1].startswith("index "), "proof text")
    at = int(lines[1][6:])
    path = [unbase64(x) for x in lines[2:]]
    need(lines[1] == "index %d" % at and all(map(is_hash, path)), "proof text")
    return at, path, checkpoint


# --- completeness index ----------------------------------------------------------

ALGORITHM, EMPTY = "ledgerline/index/v1", bytes(32)


def is_count(x, least=0):
    return type(x) is int and least <= x <= MAX


def entry_hash(position, time, leaf):
    return sha(b"\0", encode([position, time, leaf]))


def index_leaf_hash(leaf):
    return sha(b"ledgerline/index-leaf/v1\0", encode(leaf))


def index_node(left, right):
    return sha(b"ledgerline/index-node/v1\0", left, right)


def key_bit(k, i):
    return k[i // 8] >> 7 - i % 8 & 1


def index_root(leaves, depth=0):
    if len(leaves) < 2:
        return index_leaf_hash(leaves[0]) if leaves else EMPTY
    return index_node(*(index_root([x for x in leaves if key_bit(x[0], depth) == b], depth + 1) for b in (0, 1)))


def looked_up(k, root, siblings, leaf):
    """Returns the leaf of the key, None if no record bears it."""
    need(len(siblings) <= 256 and all(map(is_hash, siblings)), "siblings")
    if leaf is not None:
        need(len(leaf) == 3 and is_hash(leaf[0]) and is_count(leaf[1], 1) and is_hash(leaf[2]), "leaf of the index")
        need(all(key_bit(k, i) == key_bit(leaf[0], i) for i in range(len(siblings))), "leaf not on the path")
    h = EMPTY if leaf is None else index_leaf_hash(leaf)
    for i in reversed(range(len(siblings))):
        h = index_node(siblings[i], h) if key_bit(k, i) else index_node(h, siblings[i])
    need(h == root, "the path does not lead to the root")
    return leaf if leaf and leaf[0] == k else None


def check_range(entries, first, count, hashes, root):
    need(entries and first + len(entries) <= count, "not a range")
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

    need(over(0, count) == root and not rest, "the entries are not those of the log")


def included(path, leaf, size, root):
    v = read_leaf(leaf)
    need(len(path) <= 63 and root_from_path(leaf_hash(leaf), v[1], size, path) == root, "not included")
    return v


def read_commit(leaf, body):
    """Returns position, time, root and size of a commitment to the index."""
    v, b = read_leaf(leaf), read_body(body)
    need(sha(b"ledgerline/body/v1\0", EMPTY, body) == v[5] and body_keys(b) == v[4], "commitment's body")
    d = b[21]
    need(b[2] == "ledger.index.committed" and set(d) == {"algorithm", "root", "size"}, "not a commitment to the index")
    need(d["algorithm"] == ALGORITHM and is_hash(d["root"]) and is_count(d["size"], 1) and d["size"] <= v[1], "commitment")
    return v[1], v[3], d["root"], d["size"]


def shown_record(record, also):
    """Returns the leaf, its hash, and whether it bears the keys in also."""
    leaf, body, salt = record
    v = read_leaf(leaf)
    keys, continuation = v[4], False
    if body is not None:
        need(is_hash(salt) and sha(b"ledgerline/body/v1\0", salt, body) == v[5], "body")
        b = read_body(body)
        need(not b[2].startswith("ledger.") or salt == EMPTY, "salt of a public body")
        keys, continuation = body_keys(b), b[2] == "record.continued"
        need(keys[:1024] == v[4], "keys of the leaf")
    need(body is not None or salt is None, "salt without a body")
    missing = [k for k in also if k not in keys]
    need(not missing or body is not None or len(keys) < 1024, "nobody can tell whether it matches")
    return v, leaf_hash(leaf), not missing or continuation


def is_name(n):
    return type(n) is list and len(n) > 1 and all(type(x) is str for x in n) and n[0] in KINDS


def proven_completeness(b, v):
    """Returns commit, size, closed, positions shown and how many match."""
    p = decode(b)
    need(type(p) is list and len(p) == 7 and p[0] == "ledgerline/completeness/v1", "format")
    question, checkpoint, commitment, parts, records, next_ = p[1:]
    need(question == [one(v, x) for x in ("names", "also", "from", "to")], "another question")
    names, also, start, end = question
    need(is_count(start) and is_count(end) and start <= end and 0 < len(names) <= 1024 and len(also) <= 1024, "window or names")
    need(all(map(is_name, names + also)) and len({encode(n) for n in names + also}) == len(names + also), "names")
    size, root = open_checkpoint(checkpoint.decode(), one(v, "origin"), one(v, "vkey"))
    included(*commitment[:2], size, root)
    position, time, index, covered = read_commit(*commitment[1:])
    shown, used, after = [shown_record(r, list(map(key, also))) for r in records], set(), False
    order = [x[0][1] for x in shown]
    need(order == sorted(set(order)) and all(x < covered for x in order), "order or cover of records")
    need(all(start <= x[0][3] < end for x in shown), "record outside the window")
    need(len(parts) == len(names), "parts")
    for name, (siblings, leaf, span) in zip(names, parts):
        found = looked_up(key(name), index, siblings, leaf)
        mine = [(i, entry_hash(x[0][1], x[0][3], x[1])) for i, x in enumerate(shown) if key(name) in x[0][4]]
        used |= {i for i, _ in mine}
        need((found is None) == (span is None) and (found or not mine), "no record, or some")
        if not found:
            continue
        first, before, behind, hashes = span
        need(is_count(first) and first + len(mine) <= found[1], "more than the index counts")
        need((before is None) == (first == 0) and (behind is None) == (first + len(mine) == found[1]), "neighbours")
        need(before is None or before[1] < start, "left out before")
        need(behind is None or behind[1] >= end, "left out after")
        after |= behind is not None
        entries = [entry_hash(*before)] if before else []
        entries += [h for _, h in mine]
        entries += [entry_hash(*behind)] if behind else []
        check_range(entries, first - (before is not None), found[1], hashes, found[2])
    need(used == set(range(len(shown))), "a record that bears none of the names")
    closed = after or covered == position and time >= end
    if next_ is not None:
        x = included(*next_, size, root)
        need(not closed and x[1] == covered and x[3] >= end, "shown for nothing")
        closed = True
    return position, covered, closed, order, sum(x[2] for x in shown)


# --- the vector files ------------------------------------------------------------

def one(v, name):
    return v[name][0]


def check_key(v):
    return one(v, "key") == key(one(v, "name"))


def check_leaf(v):
    fields = [one(v, "version"), one(v, "position"), one(v, "prev"), one(v, "time"), v.get("key", []), one(v, "body")]
    leaf = one(v, "leaf")
    return encode(fields) == leaf and read_leaf(leaf) == fields and one(v, "leaf_hash") == leaf_hash(leaf)


def from_json(x):
    if isinstance(x, dict):
        return bytes.fromhex(x["hex"]) if list(x) == ["hex"] else {k: from_json(y) for k, y in x.items()}
    return [from_json(y) for y in x] if isinstance(x, list) else x


def to_json(x):
    if isinstance(x, dict):
        return {k: to_json(y) for k, y in x.items()}
    return [to_json(y) for y in x] if isinstance(x, list) else base64.b64encode(x).decode() if isinstance(x, bytes) else x


def check_body(v):
    fields = {int(k): from_json(x) for k, x in one(v, "fields").items()}
    body = one(v, "body")
    salt = bytes(32) if fields[2].startswith("ledger.") else body_salt(one(v, "secret"), fields[4], fields[1])
    return (encode(fields) == body and read_body(body) == fields and body_keys(fields) == v["key"]
            and to_json(fields[21]) == one(v, "view") and salt == one(v, "salt")
            and one(v, "commit") == sha(b"ledgerline/body/v1\0", salt, body))


def check_commit(v):
    b = v.get("bytes", [None])[0]
    return [v[name] for name in v if name not in ("salt", "secret", "bytes", "source", "id")] == [[
        sha(b"ledgerline/body/v1\0", one(v, "salt"), b) if "body_commit" in v else
        sha(b"ledgerline/facet/v1\0", one(v, "salt"), b) if "facet_commit" in v else
        mac(one(v, "secret"), b"ledgerline/openlineage-id/v1\0", b) if "openlineage_id" in v else
        mac(one(v, "secret"), b"ledgerline/owner/v1\0", b) if "owner_digest" in v else
        sha(b"ledgerline/genesis/v1\0", b) if "genesis_prev" in v else
        body_salt(one(v, "secret"), one(v, "source"), one(v, "id"))]]


def check_facet(v):
    salt, b, plain = one(v, "salt"), one(v, "bytes"), one(v, "plain")
    info = b"ledgerline/facet-key/v1\0" + encode([one(v, "source"), one(v, "id"), one(v, "name")])
    facet_key = mac(mac(bytes(32), one(v, "owner_key")), info, b"\1")  # HKDF, RFC 5869
    sealed = one(v, "nonce") + gcm_seal(facet_key, one(v, "nonce"), plain, b"ledgerline/facet/v1")
    return (plain == encode([salt, b]) and read_facet(plain) == [salt, b] and facet_key == one(v, "facet_key")
            and sealed == one(v, "sealed") and one(v, "commit") == sha(b"ledgerline/facet/v1\0", salt, b))


def check_checkpoint(v):
    return open_checkpoint(one(v, "signed"), one(v, "origin"), one(v, "vkey")) == (one(v, "size"), one(v, "root"))


def proven_inclusion(leaf, text, v):
    at, path, checkpoint = read_inclusion(text)
    size, root = open_checkpoint(checkpoint, one(v, "origin"), one(v, "vkey"))
    need(read_leaf(leaf)[1] == at and root_from_path(leaf_hash(leaf), at, size, path) == root, "not included")


def check_inclusion(v):
    proven_inclusion(one(v, "leaf"), one(v, "proof"), v)
    return one(v, "leaf_hash") == leaf_hash(one(v, "leaf"))


def proven_consistency(proof, v):
    need(set(proof) == {"from", "to", "hashes"}, "members")
    (size1, root1), (size2, root2) = (open_checkpoint(proof[x], one(v, "origin"), one(v, "vkey")) for x in ("from", "to"))
    check_consistency(size1, root1, size2, root2, [unbase64(h) for h in proof["hashes"]])
    return size1, size2, root2


def check_consistency_vector(v):
    return proven_consistency(one(v, "proof"), v) == (one(v, "from"), one(v, "to"), one(v, "root"))


def check_signature_vector(v):
    if "seed" in v:
        return one(v, "facet_salt") == mac(one(v, "seed"), b"ledgerline/facet-salt/v1\0", one(v, "name").encode())
    return signed_claim(one(v, "body")) == (one(v, "claim"), one(v, "key"))


def signed_claim(b):
    """Returns the claim in a body and the key that signed it."""
    body = read_body(b)
    need(23 in body, "unsigned")
    claim = encode({k: sha(encode(x)) if k == 21 else x for k, x in body.items() if k not in (9, 20, 23, 24)})
    s = body[23]
    head = bytes.fromhex("a20127045820")
    need(len(s) == 109 and s == encode([s[3:41], {}, None, s[45:]]) and s[3:9] == head, "COSE_Sign1")
    need(ed_verify(s[9:41], encode(["Signature1", s[3:41], b"ledgerline/claim/v1", claim]), s[45:]), "signature")
    return claim, s[9:41]


def check_key_change(v):
    keys = keys_after(one(v, "trusted"), v.get("change", []))
    for signed, accepted in zip(v["head"], v["accepted"]):
        size = int(signed.split("\n")[1])
        if accepted != any(size <= until and signed_by(signed, one(v, "origin"), k) is not None for k, until in keys.items()):
            return False
    return len(v["head"]) == len(v["accepted"]) and unbase64(v["head"][-1].split("\n")[2]) == one(v, "root")


def proven_fork(proof, v):
    need(set(proof) == {"format", "older", "newer", "root", "hashes"} and proof["format"] == "ledgerline/fork/v1", "members")
    (size1, root1), (size2, root2) = (open_checkpoint(proof[x], one(v, "origin"), one(v, "vkey")) for x in ("older", "newer"))
    prefix = unbase64(proof["root"])
    need(0 < size1 <= size2 and is_hash(prefix) and prefix != root1, "no fork")
    check_consistency(size1, prefix, size2, root2, [unbase64(h) for h in proof["hashes"]])
    return size1, size2, root2


def check_fork(v):
    return proven_fork(one(v, "proof"), v) == (one(v, "older"), one(v, "newer"), one(v, "root"))


def check_receipt(v):
    r, leaf = one(v, "receipt"), read_leaf(one(v, "leaf"))
    size, _ = open_checkpoint(r["checkpoint"], one(v, "origin"), one(v, "vkey"))
    time = (datetime(1970, 1, 1) + timedelta(microseconds=one(v, "time_us"))).isoformat(timespec="microseconds") + "Z"
    return (set(r) == {"id", "source", "position", "time", "leaf_hash", "checkpoint"} and r["position"] < size
            and r["time"] == time and leaf[3] == one(v, "time_us") and leaf[1] == r["position"]
            and r["leaf_hash"] == leaf_hash(one(v, "leaf")).hex())


def read_slot(used):
    slot = used + bytes(4096 - len(used))
    end = 36 + int.from_bytes(slot[:4], "big")
    need(44 <= end <= 4096 and sha(slot[36:end]) == slot[4:36] and not any(slot[end:]), "slot")
    return int.from_bytes(slot[36:44], "big"), slot[44:end].decode()


def check_slot(v):
    seq = one(v, "seq")
    return read_slot(one(v, "used")) == (seq, one(v, "checkpoint")) and one(v, "offset") == seq % 2 * 4096


def read_bundle(b):
    out = []
    while b:
        n = int.from_bytes(b[:2], "big") + 2
        need(2 <= len(b) >= n and len(out) < 256, "cut short or too many")
        out.append(b[2:n])
        b = b[n:]
    return out


def check_bundle(v):
    return read_bundle(one(v, "bundle")) == v["leaf"]


def check_index(v):
    if "entry" in v:
        fields = [one(v, x) for x in ("position", "time", "leaf_hash")]
        return one(v, "entry") == encode(fields) and one(v, "entry_hash") == entry_hash(*fields)
    if "entry_hash" in v:
        return one(v, "log_root") == Tree(v["entry_hash"]).root(0, len(v["entry_hash"]))
    if "index_leaf" in v:
        fields = [one(v, x) for x in ("key", "count", "root")]
        return one(v, "index_leaf") == encode(fields) and one(v, "index_leaf_hash") == index_leaf_hash(fields)
    if "of" in v:
        return (read_lookup(v) is not None) == one(v, "present")
    if "from" in v:
        check_range(v["shown_entry"], one(v, "from"), one(v, "log_count"), v.get("range_hash", []), one(v, "log_root"))
        return True
    return one(v, "index_root") == index_root([decode(x) for x in v.get("leaf", [])])


def read_lookup(v):
    leaf = decode(one(v, "shown")) if "shown" in v else None
    return looked_up(one(v, "of"), one(v, "index_root"), v.get("sibling", []), leaf)


def check_completeness(v):
    return proven_completeness(one(v, "proof"), v) == tuple(one(v, x) for x in ("commit", "size", "closed", "positions", "matches"))


def check_accumulated(v):
    prev, hashes, logs, indexes = sha(b"ledgerline/genesis/v1\0", b"\xa0"), [], {}, []
    for i in range(one(v, "records") + 1):
        if i % 64 == 0:
            indexes.append(index_root([[k, len(x), Tree(x).root(0, len(x))] for k, x in logs.items()]))
        if i == one(v, "records"):
            break
        names = [["type", "type.%d" % (i % 7)], ["subject", "entry", str(i % 97)], ["entry", str(i % 97)]]
        salt = body_salt(b"book secret", "https://producer.example", str(i))
        body = sha(b"ledgerline/body/v1\0", salt, str(i).encode())
        prev = leaf_hash(encode([1, i, prev, 1767864600000000 + i * i, sorted(map(key, names)), body]))
        hashes.append(prev)
        for k in map(key, names):
            logs.setdefault(k, []).append(entry_hash(i, 1767864600000000 + i * i, prev))
    tree, sizes = Tree(hashes), range(1, one(v, "proofs") + 1)
    return [one(v, x) for x in ("leaf_hashes", "roots", "inclusion", "consistency", "index_roots")] == [
        sha(*hashes),
        sha(*(tree.root(0, n) for n in range(len(hashes) + 1))),
        sha(*(h for n in sizes for m in range(n) for h in tree.path(m, 0, n))),
        sha(*(h for n in sizes for m in range(1, n + 1) for h in tree.consistency(m, 0, n))),
        sha(*indexes)]


# Per file: the check of a vector, and the reader that must refuse its rejects.
FILES = {
    "key.txt": (check_key, None),
    "leaf.txt": (check_leaf, lambda b, v: read_leaf(b)),
    "body.txt": (check_body, lambda b, v: read_body(b)),
    "commit.txt": (check_commit, None),
    "facet.txt": (check_facet, lambda b, v: read_facet(b)),
    "checkpoint.txt": (check_checkpoint, lambda s, v: open_checkpoint(s, one(v, "origin"), one(v, "vkey"))),
    "inclusion.txt": (check_inclusion, lambda s, v: proven_inclusion(one(v, "leaf"), s, v)),
    "consistency.txt": (check_consistency_vector, lambda p, v: proven_consistency(p, v)),
    "receipt.txt": (check_receipt, None),
    "signature.txt": (check_signature_vector, lambda b, v: signed_claim(b)),
    "keychange.txt": (check_key_change, lambda s, v: read_change(s)),
    "fork.txt": (check_fork, lambda p, v: proven_fork(p, v)),
    "slot.txt": (check_slot, lambda b, v: read_slot(b)),
    "bundle.txt": (check_bundle, lambda b, v: read_bundle(b)),
    "accumulated.txt": (check_accumulated, None),
    "index.txt": (check_index, lambda _, v: read_lookup(v)),
    "completeness.txt": (check_completeness, lambda b, v: proven_completeness(b, v)),
}


def vectors(path):
    v = {}
    with open(path, encoding="utf-8") as f:
        for number, line in enumerate(f, 1):
            line = line.rstrip("\n")
            if line.startswith("#"):
                continue
            if line:
                name, _, value = line.partition(": ")
                value = bytes.fromhex(value[2:-1]) if value.startswith("h'") else json.loads(value)
                v.setdefault(name, []).append(value)
            elif v:
                yield number, v
                v = {}
    if v:
        yield number, v


def agrees(check, refuse, v):
    if "reject" not in v:
        return check(v)
    try:
        refuse(one(v, "reject"), v)
    except Refused:
        return True
    return False


def main(paths):
    total = 0
    for path in paths or [os.path.join(HERE, name) for name in FILES]:
        check, refuse = FILES[os.path.basename(path)]
        count = 0
        for number, v in vectors(path):
            try:
                ok = agrees(check, refuse, v)
            except (Refused, ValueError) as e:
                sys.exit("%s: the vector ending at line %d is refused: %s" % (path, number, e))
            if not ok:
                sys.exit("%s: the vector ending at line %d is wrong, or not refused" % (path, number))
            count += 1
        if not count:
            sys.exit("%s holds no vectors" % path)
        total += count
    print("%d vectors agree" % total)


if __name__ == "__main__":
    main(sys.argv[1:])
