#!/usr/bin/env bash
# Has a ledger of its own attested by other people's programs: cosigned by
# omniwitness and litewitness, timestamped by openssl, and refused where it should be.
#   docs/conformance/attest.sh LEDGERLINE
set -euo pipefail
ledgerline=$(realpath "${1:?usage: attest.sh LEDGERLINE}")
here=$(realpath "$(dirname "$0")")
work=$(mktemp -d)
pids=()
trap 'kill "${pids[@]}" 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$work"' EXIT
cd "$work"
say() { printf 'ok: %s\n' "$*"; }
fail() {
	printf '%s\n' "$*"
	for f in *.log; do printf -- '--- %s\n' "$f"; tail -20 "$f"; done
	exit 1
}
# until_true COMMAND…: waits for it, a minute at most.
until_true() {
	for _ in $(seq 300); do
		"$@" >/dev/null 2>&1 && return
		sleep 0.2
	done
	fail "never came true: $*"
}
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
# witness VKEY: its key for the policy, which is one for cosignatures (type 4).
cosigner() {
	python3 - "$1" <<'PY'
import base64, hashlib, sys
name, _, key = sys.argv[1].strip().split("+", 2)
raw = base64.b64decode(key)
raw = b"\x04" + raw[1:]
print("%s+%s+%s" % (name, hashlib.sha256(name.encode() + b"\n" + raw).hexdigest()[:8], base64.b64encode(raw).decode()))
PY
}

origin=ledger.example/attested
"$ledgerline" init --dir led --origin $origin >led.vkey

# omniwitness, of transparency-dev.
omni=$(free_port)
go -C "$here" tool generate_keys -origin omni.example/w -out_priv "$work/omni.sec" -out_pub "$work/omni.pub"
cat >logs.yaml <<YAML
Logs:
  - Origin: $origin
    URL: http://127.0.0.1:1/
    PublicKey: $(cat led.vkey)
    Feeder: none
YAML
go -C "$here" tool omniwitness --listen "127.0.0.1:$omni" --metrics_listen "" --db_file "$work/omni.db" \
	--private_key_path "$work/omni.sec" --additional_logs "$work/logs.yaml" --logtostderr >omni.log 2>&1 &
pids+=($!)

# litewitness, of torchwood.
lite=$(free_port)
GOBIN=$work go install filippo.io/torchwood/cmd/litewitness@v0.9.0
ssh-keygen -q -t ed25519 -N "" -f lite.key
SSH_AUTH_SOCK=$work/agent.sock
ssh-agent -D -a "$SSH_AUTH_SOCK" >agent.log 2>&1 &
pids+=($!)
export SSH_AUTH_SOCK
until_true ssh-add lite.key
fingerprint=$(ssh-keygen -lf lite.key.pub | cut -d' ' -f2)
# Its tables, as its own first start makes them, with our log in them.
python3 - "$origin" led.vkey <<'PY'
import base64, hashlib, sqlite3, sys
db = sqlite3.connect("lite.db")
db.execute("CREATE TABLE log (origin TEXT PRIMARY KEY, tree_size INTEGER NOT NULL, tree_hash TEXT NOT NULL)")
db.execute("CREATE TABLE key (origin TEXT NOT NULL, key TEXT NOT NULL, FOREIGN KEY(origin) REFERENCES log(origin))")
db.execute("INSERT INTO log VALUES (?, 0, ?)", (sys.argv[1], base64.b64encode(hashlib.sha256(b"").digest()).decode()))
db.execute("INSERT INTO key VALUES (?, ?)", (sys.argv[1], open(sys.argv[2]).read().strip()))
db.commit()
PY
./litewitness -db lite.db -name lite.example/w -ssh-agent "$SSH_AUTH_SOCK" -key "$fingerprint" -listen "127.0.0.1:$lite" >lite.log 2>&1 &
pids+=($!)
until_true grep -q 'vkey=' lite.log

# openssl, as a timestamping authority.
python3 "$here/tsa.py" "$work/tsa" >tsa.url 2>tsa.log &
pids+=($!)
until_true test -s tsa.url

cat >policy <<POLICY
witness omni $(cosigner "$(cat omni.pub)") http://127.0.0.1:$omni/
witness lite $(cosigner "$(sed -n 's/.*vkey=//p' lite.log | head -1)") http://127.0.0.1:$lite/
group both 2 omni lite
quorum both
POLICY

serve() { # DIR: sets url and server
	: >"$1.out"
	"$ledgerline" serve --dir "$1" --addr 127.0.0.1:0 --dev --witness-policy policy \
		--timestamp-url "$(cat tsa.url)" --timestamp-ca tsa/ca.pem --timestamp-every 1s >"$1.out" 2>"$1.log" &
	server=$!
	pids+=($server)
	until_true grep -q '^listening' "$1.out"
	url=$(sed -n 's/^listening on //p' "$1.out")
}
stop() { kill -INT "$server"; wait "$server" || true; }
append() { # N…
	for n in "$@"; do
		printf '{"specversion":"1.0","id":"p%s","source":"https://example.org/registry","type":"party.body.registered","time":"2026-01-08T09:30:00+08:00","data":{"party":"p%s","name":"P","kind":"authority","region":"990000","level":"provincial"}}' "$n" "$n" |
			"$ledgerline" append --server "$url" >/dev/null
	done
}
# cosigned N: the published checkpoint is of at least N records, and both have cosigned it.
cosigned() {
	curl -sSf "$url/log/checkpoint" >published
	[[ $(sed -n 2p published) -ge $1 ]] && grep -q '^— omni.example/w ' published && grep -q '^— lite.example/w ' published
}

serve led
append 1 2 3
until_true cosigned 4
say "omniwitness and litewitness cosign the first head"
append 4 5 6 7
until_true cosigned 8
say "and later ones, by consistency proofs"
"$ledgerline" verify published --key led.vkey >/dev/null
anchored() { "$ledgerline" prove 3 --server "$url" --out p3 >/dev/null && test -s p3.tsr; }
until_true anchored
openssl ts -verify -data p3.anchor -in p3.tsr -CAfile tsa/ca.pem 2>&1 | grep -q '^Verification: OK'
"$ledgerline" verify p3.tlog-proof p3.record p3.anchor --key led.vkey >/dev/null
say "openssl ts accepts the timestamp over the head that proves a record"
"$ledgerline" evidence 3 --server "$url" --out p3.zip >/dev/null
"$ledgerline" verify p3.zip --key led.vkey --timestamp-ca tsa/ca.pem --witness-policy policy >verdict
grep -q '^WITNESSED: ' verdict && grep -q '^ok: record 3 was made by ' verdict && grep -q '^ok: 2 of 2 witnesses' verdict || fail "the bundle is not WITNESSED: $(cat verdict)"
python3 "$here/../../ledger/proof/evidence/verify.py" p3.zip --key led.vkey --timestamp-ca tsa/ca.pem >verdict
grep -q '"verdict":"TIMESTAMPED"' verdict || fail "verify.py: $(cat verdict)"
python3 "$here/../../ledger/proof/evidence/verify.py" p3.zip --key led.vkey --witness-policy policy >verdict
grep -q '"verdict":"WITNESSED".*"witnesses":{"cosigned":2,"of":2,' verdict || fail "verify.py: $(cat verdict)"
python3 -m zipfile -e p3.zip p3.unpacked
for tsr in p3.unpacked/time/*.tsr; do
	openssl ts -verify -data "${tsr%.tsr}.head" -in "$tsr" -CAfile tsa/ca.pem 2>&1 | grep -q '^Verification: OK'
done
say "an evidence bundle is TIMESTAMPED and WITNESSED, to both verifiers, and openssl accepts what is in it"
cp p3.anchor other
printf x >>other
if openssl ts -verify -data other -in p3.tsr -CAfile tsa/ca.pem >/dev/null 2>&1; then fail "openssl ts accepts it over something else"; fi
stop

serve led
append 8
until_true cosigned 9
say "after a restart they go on from where they were"
stop
"$ledgerline" verify --dir led --key led.vkey >/dev/null

# A second history under the same key: neither may cosign it.
"$ledgerline" init --dir fork --origin $origin --key-file led/keys/ledger.key >/dev/null
cp led/keys/ledger.key fork.key
mkdir -p fork/keys
cp fork.key fork/keys/ledger.key
serve fork
append $(seq 101 140)
refused() { curl -sSf "$url/v1/status" | python3 -c 'import json, sys; w = json.load(sys.stdin)["outsiders"]["witnesses"]; sys.exit(not all(x["failures"] > 0 for x in w))'; }
until_true refused
curl -sSf "$url/log/checkpoint" >forked
if grep -q '^— omni.example/w \|^— lite.example/w ' forked; then fail "a fork was cosigned"; fi
say "neither cosigns a fork"
stop
