#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A full table of three upstreams (1,000,000 IPv4 and 200,000 IPv6 prefixes) read into the RIB, beside
# a bare walk over its records and bgpdump, in turns; packed files beside their unpackers; updates;
# look-ups; regions. Prints one JSON object a line. V4, V6, PEERS, ROUNDS change what is done.
set -euo pipefail
cd "$(dirname "$0")/.."
rib=$PWD/${BUILD:-build/release}/bench_rib
[ -x "$rib" ] || { echo "rib.sh: build the target bench_rib first" >&2; exit 1; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
v4=${V4:-1000000} v6=${V6:-200000} peers=${PEERS:-3} rounds=${ROUNDS:-5}

"$rib" make "$work/full.mrt" "$v4" "$v6" "$peers"
"$rib" make-updates "$work/updates.mrt" 2000000
gzip -6 -k "$work/full.mrt"
zstd -q -k "$work/full.mrt"
bzip2 -k "$work/full.mrt"

# timed NAME COMMAND...: wall and processor time of a command whose output does not matter.
timed() {
  local name=$1 start=$EPOCHREALTIME
  shift
  local TIMEFORMAT='%U %S' cpu
  cpu=$({ time "$@" >/dev/null 2>&1; } 2>&1 | awk '{ print $1 + $2 }')
  awk -v name="$name" -v cpu="$cpu" -v start="$start" -v end="$EPOCHREALTIME" \
    'BEGIN { printf "{\"what\":\"%s\",\"cpu_s\":%.3f,\"wall_s\":%.3f}\n", name, cpu, end - start }'
}

for ((round = 1; round <= rounds; round++)); do
  timed read "$rib" read "$work/full.mrt"
  "$rib" walk "$work/full.mrt"
  timed read-gzip "$rib" read "$work/full.mrt.gz"
  timed gzip-alone gzip -dc "$work/full.mrt.gz"
  timed read-bzip2 "$rib" read "$work/full.mrt.bz2"
  timed bzip2-alone bzip2 -dc "$work/full.mrt.bz2"
  timed read-zstd "$rib" read "$work/full.mrt.zst"
  timed zstd-alone zstd -q -dc "$work/full.mrt.zst"
  timed updates "$rib" read "$work/updates.mrt"
done
"$rib" read "$work/full.mrt"
"$rib" read "$work/updates.mrt"
"$rib" lookup "$work/full.mrt"
"$rib" classify "$work/full.mrt"
if command -v bgpdump >/dev/null; then
  timed bgpdump-m bgpdump -m "$work/full.mrt"
else
  echo '{"what":"bgpdump-m","absent":true}'
fi
