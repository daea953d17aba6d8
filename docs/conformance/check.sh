#!/usr/bin/env bash
# Runs other people's checkers against a running ledger.
#   docs/conformance/check.sh http://127.0.0.1:8420 led.vkey
set -euo pipefail
url=${1:?usage: check.sh URL VKEY-FILE}
vkey=$(realpath "${2:?usage: check.sh URL VKEY-FILE}")
cd "$(dirname "$0")"

# Tessera's fsck v1.0.4 exits 0 when it finds a fault, and with few workers it
# hangs on one: so many workers, a timeout, and its own words decide.
out=$(timeout 120 go tool fsck --storage_url="${url%/}/log/" --public_key="$vkey" --ui=false --N=16 \
	--bearer_token="${LEDGERLINE_TOKEN:-}" 2>&1) || true
if ! grep -q "Successfully fsck'd" <<<"$out"; then
	printf '%s\n' "$out"
	echo "Tessera's fsck does not accept $url/log/"
	exit 1
fi
echo "ok: Tessera's fsck v1.0.4 accepts $url/log/"

# Tessera's migration tool copies the log and derives its root anew.
clone=$(mktemp -d)
trap 'rm -rf "$clone"' EXIT
out=$(timeout 120 go tool posix --source_url="${url%/}/log/" --storage_dir="$clone/log" 2>&1) || true
if ! grep -q 'Migration successful' <<<"$out"; then
	printf '%s\n' "$out" | tail -20
	echo "Tessera's migrate/posix cannot mirror $url/log/"
	exit 1
fi
echo "ok: Tessera's migrate/posix v1.0.4 mirrors $url/log/ and gets the same root"

# Its load tool reads as fast as it may for some seconds and checks all it gets. It
# ends with status 1 when its time is up; what it says before that counts.
out=$(timeout 60 go tool hammer --log_url="${url%/}/log/" --log_public_key="$(cat "$vkey")" --max_runtime=8s --show_ui=false \
	--num_writers=0 --max_write_ops=0 --max_read_ops=200 --bearer_token="${LEDGERLINE_TOKEN:-}" 2>&1) || true
if grep -qiE 'verif|inconsisten|proof|panic|failed to (get|fetch|read)' <<<"$out"; then
	printf '%s\n' "$out" | tail -20
	echo "Tessera's hammer found fault with $url/log/"
	exit 1
fi
echo "ok: Tessera's hammer v1.0.4 reads $url/log/ under load"

# Torchwood's client reads all entries by the tiles, and verifies proofs: those that
# it makes itself and those of the ledger.
if ! out=$(timeout 120 go run ./torchwood "$url" "$vkey" 2>&1); then
	printf '%s\n' "$out" | tail -20
	echo "torchwood's client does not accept $url/log/"
	exit 1
fi
echo "ok: torchwood's client v0.9.0 reads $url/log/: $out"
