#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# `strait capture` in processor time: 1,000,000 packets of 1,000 flows beside a loop that only counts them, and beside
# tcptrace and tshark where they are there; TCP, QUIC, STAMP, DNS and ICMP together; 10^5 to 10^7 packets; 10^6 flows at
# once. As root also live on a veth: the highest rate without a drop, beside tcpdump writing to /dev/null. Prints one JSON
# object a line. ROUNDS, LARGEST (packets) and RATES (a second) change what is done.
set -euo pipefail
cd "$(dirname "$0")/.."
build=$(realpath "${BUILD:-build/release}")
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
  "$bench" mix 1000000 1000 | "$bench" meter-all | sed 's/^{/{"what":"all-kinds",/'
  part million-flows meter 12000000 1000000
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

# Live: the rates go up until both have dropped something.
[ "$(id -u)" = 0 ] && command -v tcpdump >/dev/null || exit 0
space=strait-passive-$$
ip netns add "$space"
trap 'ip netns del "$space"; rm -rf "$work"' EXIT
# In subshells only.
within() { exec ip netns exec "$space" timeout --foreground -s KILL 60 "$@"; }
ip -n "$space" link add out type veth peer in
for name in out in; do ip -n "$space" link set "$name" up; done
# ended PROCESS: ends it once it had time to read, and waits.
ended() {
  sleep 1
  kill -TERM "$1"
  wait "$1" || true
}
# flooded RATE: what two senders, each with half of it, could really send in 3 s: one alone has no processor left.
flooded() {
  local half=$(($1 / 2))
  (within "$bench" flood out "$half" 3) >"$work/sent" &
  local other=$!
  (within "$bench" flood out "$half" 3) >"$work/also"
  wait "$other"
  jq -sc '{sent: (map(.sent) | add), rate: (map(.rate) | add | round)}' "$work/sent" "$work/also"
}
for rate in ${RATES:-100000 300000 600000 1000000 2000000}; do
  within "$build/strait" capture -i in --json --top 1 >"$work/live" 2>"$work/said" &
  until grep -q capturing "$work/said"; do sleep 0.1; done
  reader=$!
  sent=$(flooded "$rate")
  ended "$reader"
  printf '{"what":"live-strait","asked":%d,"flood":%s,"found":%s}\n' "$rate" "$sent" \
    "$(tail -n 1 "$work/live" | sed -E 's/.*"files":\[(\{[^{]*"dropped":[0-9]+).*/\1}/')"
  within tcpdump -i in -s 192 -w /dev/null 2>"$work/said" &
  until grep -q listening "$work/said"; do sleep 0.1; done
  reader=$!
  sent=$(flooded "$rate")
  ended "$reader"
  printf '{"what":"live-tcpdump","asked":%d,"flood":%s,"captured":%d,"dropped":%d}\n' "$rate" "$sent" \
    "$(awk '/captured/ { print $1 }' "$work/said")" "$(awk '/dropped by kernel/ { print $1 }' "$work/said")"
done
