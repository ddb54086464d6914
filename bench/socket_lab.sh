# SPDX-License-Identifier: Apache-2.0
# Sourced by bench/socket_*.sh: two namespaces joined by a veth, removed on every exit. The far one
# answers for all of 10.7.0.0/16.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
strait=${STRAIT:-$root/build/release/strait}
floor=${FLOOR:-$root/build/release/bench_socket_floor}
near=stbn$$
far=stbf$$
work=$(mktemp -d)

if [ "$(id -u)" -ne 0 ]; then
  echo "${0##*/}: network namespaces need root" >&2
  exit 3
fi
if [ ! -x "$strait" ]; then
  echo "${0##*/}: no $strait: build it, or name another in STRAIT=" >&2
  exit 2
fi

# What each side runs with, so that none has a priority that the other lacks. REALTIME=0: neither.
realtime=(chrt -f 1)
ours_realtime=(--realtime)
scheduling='all under SCHED_FIFO'
if [ "${REALTIME:-1}" = 0 ]; then
  realtime=()
  ours_realtime=()
  scheduling='none real-time'
fi

leave() {
  local job
  for job in $(jobs -p); do kill "$job" 2>/dev/null || true; done
  ip netns delete "$near" 2>/dev/null || true
  ip netns delete "$far" 2>/dev/null || true
  rm -rf "$work"
}
trap leave EXIT

ip netns add "$near"
ip netns add "$far"
ip -n "$near" link add v0 type veth peer name v0 netns "$far"
ip -n "$near" address add 10.9.0.1/24 dev v0
ip -n "$far" address add 10.9.0.2/24 dev v0
for space in "$near" "$far"; do
  ip -n "$space" link set lo up
  ip -n "$space" link set v0 up
done
ip -n "$far" route add local 10.7.0.0/16 dev lo
ip -n "$near" route add 10.7.0.0/16 via 10.9.0.2
ip netns exec "$far" sysctl -qw net.ipv4.icmp_ratelimit=0 net.ipv4.icmp_msgs_per_sec=1000000 \
  net.ipv4.icmp_msgs_burst=1000000

in_near() { timeout -s KILL 60 ip netns exec "$near" "$@"; }
in_far() { timeout -s KILL 120 ip netns exec "$far" "$@"; }

# median: the middle of the numbers on standard input.
median() { sort -g | awk '{ v[NR] = $1 } END { print NR ? v[int((NR + 1) / 2)] : "none" }'; }
ratio() { awk -v a="$1" -v b="$2" 'BEGIN { if (b > 0) printf "%.2f", a / b; else print "none" }'; }

# addresses N: the first N of 10.7.0.0/16, one a line.
addresses() { awk -v n="$1" 'BEGIN { for (i = 1; i <= n; i++) printf "10.7.%d.%d\n", i / 250, i % 250 + 1 }'; }

# cpu_seconds FILE COMMAND...: user and system seconds of COMMAND; its output goes to FILE.
cpu_seconds() {
  local out=$1
  shift
  local TIMEFORMAT='%U %S'
  { time in_near "$@" >"$out" 2>"$out.err" || true; } 2>&1 | awk '{ print $1 + $2 }'
}
