#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# CPU per probe at 1,000 targets: strait's socket engine beside fping and a bare loop, interleaved
# and all under SCHED_FIFO (REALTIME=0: none). Target: at most 0.5 times fping.
# The far kernel's echo runs in the sender's system call, so all figures include it. ECHO_APART=1
# has it run on the second processor (RPS) and the tools on the first, which is nearer to a real
# card: then the figures are those of sending and receiving alone.
. "$(dirname "$0")/socket_lab.sh"

rounds=${ROUNDS:-5}
targets=${TARGETS:-1000}
count=${COUNT:-60} # fping has sequence numbers for 65 of 1,000 targets in 10 s
addresses "$targets" >"$work/targets"
with=()
if [ "${ECHO_APART:-0}" = 1 ]; then
  with=(taskset 1)
  in_far sh -c 'echo 2 >/sys/class/net/v0/queues/rx-0/rps_cpus'
fi
# per_probe NAME SENT CPU: adds to the figures of NAME.
per_probe() { awk -v n="$2" -v cpu="$3" 'BEGIN { if (n > 0) print cpu * 1e6 / n }' >>"$work/$1.cpu"; }
for ((round = 1; round <= rounds; round++)); do
  cpu=$(cpu_seconds "$work/out" "${with[@]}" "$strait" probe $(cat "$work/targets") -c "$count" \
    -i 20ms "${ours_realtime[@]}" --json)
  per_probe strait "$(jq -s 'map(.sent) | add' "$work/out")" "$cpu"
  jq -rs '[(map(.sent) | add), (map(.lost) | add), (map(.missed) | add)] | map(tostring) | join("/")' \
    "$work/out" >>"$work/counts"
  cpu=$(cpu_seconds "$work/out" "${with[@]}" "${realtime[@]}" fping -q -c "$count" -p 20 -i 0 -f "$work/targets")
  per_probe fping "$(awk '{ split($5, n, "/"); sent += n[1] } END { print sent }' "$work/out.err")" "$cpu"
  for stamps in "" stamps; do
    cpu=$(cpu_seconds "$work/out" "${with[@]}" "${realtime[@]}" "$floor" echo "$work/targets" "$count" 20000 $stamps)
    per_probe "floor$stamps" "$(jq .sent "$work/out")" "$cpu"
  done
done
fping=$(median <"$work/fping.cpu")
echo "CPU per probe, us, $targets targets, $rounds interleaved rounds of $count probes each at 20 ms," \
  "$scheduling:"
show() { # NAME TEXT
  local us
  us=$(median <"$work/$1.cpu")
  printf '  %-28s %6.2f   ratio to fping %s   %s\n' "$2" "$us" "$(ratio "$us" "$fping")" "${3:-}"
}
show strait 'strait probe' "(target 0.50)  sent/lost/missed $(paste -sd' ' "$work/counts")"
show fping fping
show floor 'bare loop, no stamps'
show floorstamps 'bare loop, stamps as strait'
