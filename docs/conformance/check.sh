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
