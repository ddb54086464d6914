#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Median round trip over a veth: strait's DPDK engine (net_af_packet, busy and adaptive) and ping in
# turn, several times each, in namespaces of its own. Needs root and a release build. Says the ratios;
# sets no threshold, because they are those of the machine and of what else runs on it.
# There are two pings: at 5/s it sleeps between its probes, as it does when people use it; at 100/s
# and more it spins (iputils: intervals up to 10 ms), and the reply comes inside its own system call.
# dpdk_rtt.sh [probes per second [seconds [rounds]]]
set -eu
program=$(dirname "$0")/../build/release/bench_dpdk_rtt
rate=${1:-1000}
length=${2:-3}
rounds=${3:-3}
[ "$(id -u)" = 0 ] || { echo "dpdk_rtt.sh: needs root, for network namespaces" >&2; exit 3; }
[ -x "$program" ] || { echo "dpdk_rtt.sh: build it first: cmake --build --preset release" >&2; exit 2; }
near=strait_rtt_a_$$
far=strait_rtt_b_$$
reflector=
finish() {
  [ -z "$reflector" ] || kill "$reflector" 2>/dev/null || true
  ip netns del "$near" 2>/dev/null || true
  ip netns del "$far" 2>/dev/null || true
}
trap finish EXIT
ip netns add "$near"
ip netns add "$far"
ip link add va netns "$near" type veth peer name vb netns "$far"
for end in "$near va 10.77.0.1" "$far vb 10.77.0.2"; do
  read -r space link address <<<"$end"
  ip netns exec "$space" sysctl -qw net.ipv6.conf.all.disable_ipv6=1
  ip -n "$space" addr add "$address/24" dev "$link"
  ip -n "$space" link set "$link" up
done
sleep 1

ping_p50() { # interval, count
  ip netns exec "$near" timeout -s KILL 30 ping -c "$2" -i "$1" 10.77.0.2 |
    sed -n 's/.*time=\([0-9.]*\) ms/\1/p' | sort -n | awk '{v[NR]=$1*1000} END{print v[int((NR+1)/2)]}'
}
dpdk() { # how often to look: busy or adaptive
  # The far end is always busy: what is measured is the prober's own share.
  ip netns exec "$far" timeout -s KILL 60 "$program" reflector net_af_packet0,iface=vb 10.77.0.12 \
    busy "$((length + 3))" &
  reflector=$!
  sleep 1
  ip netns exec "$near" timeout -s KILL 60 "$program" prober net_af_packet0,iface=va 10.77.0.11 \
    10.77.0.12 "$1" "$rate" "$length"
  wait "$reflector" || true
  reflector=
}
echo "veth, $rate probes/s, $length s each; CPUs: $(nproc), load: $(cut -d' ' -f1 /proc/loadavg)"
for round in $(seq "$rounds"); do
  sleeping=$(ping_p50 0.2 30)
  spinning=$(ping_p50 0.01 300)
  echo "round $round: ping             p50_us=$sleeping sleeping, $spinning spinning"
  for poll in busy adaptive; do
    line=$(dpdk "$poll")
    median=$(sed 's/.*p50_us=\([0-9.]*\).*/\1/' <<<"$line")
    ratios=$(awk -v a="$median" -v b="$sleeping" -v c="$spinning" 'BEGIN{printf "%.2f, %.2f", a / b, a / c}')
    printf 'round %s: dpdk %-9s   %s ratios=%s\n' "$round" "$poll" "$line" "$ratios"
  done
done
