#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Median RTT over a veth: strait's socket engine beside ping and fping, interleaved.
# Target: at most 0.6 times ping.
. "$(dirname "$0")/socket_lab.sh"

rounds=${ROUNDS:-5}
count=100
for ((round = 1; round <= rounds; round++)); do
  in_near "$strait" probe 10.9.0.2 -c "$count" -i 10ms --json | jq '.rtt_ns.p50 / 1000' >>"$work/icmp"
  in_near ping -n -c "$count" -i 0.01 10.9.0.2 | sed -n 's/.*time=\([0-9.]*\) ms/\1/p' |
    awk '{ print $1 * 1000 }' | median >>"$work/ping"
  in_near fping -C "$count" -p 10 -q 10.9.0.2 2>&1 | tr ' ' '\n' | grep -E '^[0-9]+\.[0-9]+$' |
    awk '{ print $1 * 1000 }' | median >>"$work/fping"
done
ours=$(median <"$work/icmp")
ping=$(median <"$work/ping")
fping=$(median <"$work/fping")
echo "median RTT over veth, us, $rounds interleaved rounds of $count probes at 10 ms:"
printf '  %-28s %8s   ratio to ping\n' tool median
printf '  %-28s %8.1f   %s  (target 0.60)\n' 'strait probe (kernel stamps)' "$ours" "$(ratio "$ours" "$ping")"
printf '  %-28s %8.1f   1.00\n' ping "$ping"
printf '  %-28s %8.1f   %s\n' fping "$fping" "$(ratio "$fping" "$ping")"
