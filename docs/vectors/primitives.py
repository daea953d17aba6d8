"""Ed25519 verification and AES-256-GCM sealing in plain Python, for read.py.

The standard library has neither. This code is slow and leaks its keys through
timing: good for test vectors, which hold no secrets, and for nothing else.
"""
import hashlib

# --- Ed25519 (RFC 8032 section 5.1), verification only ---------------------------

P, L = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P


def ed_point(b):
    y = int.from_bytes(b, "little") & (1 << 255) - 1
    xx = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(xx, (P + 3) // 8, P)
    if (x * x - xx) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    if y >= P or (x * x - xx) % P:
        raise ValueError("not a point of the curve")
    x = P - x if x & 1 != b[31] >> 7 else x
    return x, y, 1, x * y % P


def ed_add(p, q):
    """Adds in extended coordinates: x = X/Z, y = Y/Z, xy = T/Z."""
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % P, (p[1] + p[0]) * (q[1] + q[0]) % P
    c, d = 2 * p[3] * q[3] * D % P, 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def ed_mul(n, p):
    out = (0, 1, 1, 0)
    while n:
        if n & 1:
            out = ed_add(out, p)
        p, n = ed_add(p, p), n >> 1
    return out


B = ed_point((4 * pow(5, -1, P) % P).to_bytes(32, "little"))


def ed_verify(public, message, signature):
    s = int.from_bytes(signature[32:], "little")
    h = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % L
    p, q = ed_mul(s, B), ed_add(ed_point(signature[:32]), ed_mul(h, ed_point(public)))
    return s < L and (p[0] * q[2] - q[0] * p[2]) % P == 0 and (p[1] * q[2] - q[1] * p[2]) % P == 0


# --- AES-256-GCM (FIPS 197, NIST SP 800-38D), sealing only -----------------------

def xtime(a):
    return a << 1 ^ (0x11B if a & 0x80 else 0)


def sbox():
    box, p, q = [0x63] * 256, 1, 1
    while True:
        p ^= xtime(p)
        for shift in (1, 2, 4):
            q ^= q << shift & 0xFF
        q ^= 0x09 if q & 0x80 else 0
        x = 0
        for turn in range(5):
            x ^= (q << turn | q >> 8 - turn) & 0xFF
        box[p] = x ^ 0x63
        if p == 1:
            return box


S = sbox()


def aes256(key, block):
    w, rcon = [key[i:i + 4] for i in range(0, 32, 4)], 1
    for i in range(8, 60):
        t = w[-1]
        if i % 8 == 0:
            t = bytes([S[t[1]] ^ rcon, S[t[2]], S[t[3]], S[t[0]]])
            rcon = xtime(rcon)
        elif i % 8 == 4:
            t = bytes(S[x] for x in t)
        w.append(bytes(a ^ b for a, b in zip(w[-8], t)))
    keys = [b"".join(w[i:i + 4]) for i in range(0, 60, 4)]
    s = [a ^ b for a, b in zip(block, keys[0])]
    for n in range(1, 15):
        s = [S[s[i * 5 % 16]] for i in range(16)]
        if n < 14:
            s = [xtime(s[i]) ^ xtime(s[j]) ^ s[j] ^ s[k] ^ s[l] for i, j, k, l in
                 ((c + r, c + (r + 1) % 4, c + (r + 2) % 4, c + (r + 3) % 4) for c in (0, 4, 8, 12) for r in range(4))]
        s = [a ^ b for a, b in zip(s, keys[n])]
    return bytes(s)


def ghash(h, data):
    h, y = int.from_bytes(h, "big"), 0
    for i in range(0, len(data), 16):
        y ^= int.from_bytes(data[i:i + 16], "big")
        z, v = 0, h
        for bit in range(127, -1, -1):
            if y >> bit & 1:
                z ^= v
            v = v >> 1 ^ (0xE1 << 120 if v & 1 else 0)
        y = z
    return y.to_bytes(16, "big")


def gcm_seal(key, nonce, plain, aad):
    xor = lambda a, b: bytes(x ^ y for x, y in zip(a, b))
    pad = lambda b: b + bytes(-len(b) % 16)
    counter = lambda n: aes256(key, nonce + n.to_bytes(4, "big"))
    out = b"".join(xor(plain[i:i + 16], counter(2 + i // 16)) for i in range(0, len(plain), 16))
    lengths = (8 * len(aad)).to_bytes(8, "big") + (8 * len(out)).to_bytes(8, "big")
    return out + xor(ghash(aes256(key, bytes(16)), pad(aad) + pad(out) + lengths), counter(1))
