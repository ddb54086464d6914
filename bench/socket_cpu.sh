#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# CPU per probe at 1,000 targets: strait's socket engine beside fping, interleaved. The far kernel's
# echo runs in the sender's system call, so both figures include it. Target: at most 0.5 times fping.
. "$(dirname "$0")/socket_lab.sh"

rounds=${ROUNDS:-3}
targets=${TARGETS:-1000}
count=60
addresses "$targets" >"$work/targets"
for ((round = 1; round <= rounds; round++)); do
  cpu=$(cpu_seconds "$work/ours" "$strait" probe $(cat "$work/targets") -c "$count" -i 20ms --realtime --json)
  jq -s 'map(.sent) | add' "$work/ours" >"$work/sent"
  cat "$work/sent" >>"$work/ours.sent"
  awk -v cpu="$cpu" '{ print cpu * 1e6 / $1 }' "$work/sent" >>"$work/ours.cpu"
  jq -s 'map(.lost) | add' "$work/ours" >>"$work/ours.lost"
  cpu_seconds "$work/fping" fping -q -c "$count" -p 20 -i 0 -f "$work/targets" >>"$work/fping.cpu"
done
sent=$(median <"$work/ours.sent")
ours=$(median <"$work/ours.cpu")
fping=$(median <"$work/fping.cpu" | awk -v n=$((targets * count)) '{ print $1 * 1e6 / n }')
echo "CPU per probe, us, $targets targets, $rounds interleaved rounds of $count probes each at 20 ms:"
printf '  strait probe  %6.1f   ratio to fping %s  (target 0.50)   sent %s, lost %s\n' "$ours" \
  "$(ratio "$ours" "$fping")" "$sent" "$(paste -sd, "$work/ours.lost")"
printf '  fping         %6.1f\n' "$fping"
