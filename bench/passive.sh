#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# `strait capture` in processor time: 1,000,000 packets of 1,000 flows beside a loop that only counts them, and beside
# tcptrace and tshark where they are there; 10^5 to 10^7 packets; 10^6 flows at once. Prints one JSON object a line.
# ROUNDS and LARGEST (packets) change what is done.
set -euo pipefail
cd "$(dirname "$0")/.."
build=$PWD/${BUILD:-build/release}
bench=$build/bench_passive
[ -x "$bench" ] && [ -x "$build/strait" ] || { echo "passive.sh: build the targets bench_passive and strait" >&2; exit 1; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
rounds=${ROUNDS:-5} largest=${LARGEST:-10000000}
"$bench" make 1000000 1000 >"$work/million.pcap"

# timed NAME COMMAND...: processor time of a command whose output does not matter.
timed() {
  local name=$1
  shift
  local TIMEFORMAT='%U %S' cpu
  cpu=$({ time "$@" >/dev/null 2>&1; } 2>&1 | awk '{ print $1 + $2 }')
  printf '{"what":"%s","cpu_s":%.3f}\n' "$name" "$cpu"
}
# part NAME WORD PACKETS FLOWS
part() { "$bench" make "$3" "$4" | "$bench" "$2" | sed "s/^{/{\"what\":\"$1\",/"; }

for ((round = 1; round <= rounds; round++)); do
  part count count 1000000 1000
  part meter meter 1000000 1000
  part all-methods meter-all 1000000 1000
  part million-flows meter 4000000 1000000
  timed strait-capture "$build/strait" capture "$work/million.pcap"
done
for ((packets = 100000; packets <= largest; packets *= 10)); do part "packets-$packets" meter "$packets" 1000; done
for peer in 'tcptrace -n -r -l' 'tshark -q -z conv,tcp -r'; do
  if command -v "${peer%% *}" >/dev/null; then
    # shellcheck disable=SC2086
    timed "${peer%% *}" $peer "$work/million.pcap"
  else
    printf '{"what":"%s","absent":true}\n' "${peer%% *}"
  fi
done
