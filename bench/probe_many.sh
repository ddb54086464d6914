#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# `strait probe` with 10,000 targets beside fping, in turns: CPU per probe and the loss that each
# reports, where one target in DEAD (default 100) never answers. Target: at most 0.5 times fping's
# CPU, and the same loss.
# The far kernel's echo runs in the sender's system call, so both figures include it.
. "$(dirname "$0")/socket_lab.sh"

rounds=${ROUNDS:-3}
targets=${TARGETS:-10000}
count=${COUNT:-6} # fping has 65,536 sequence numbers, of all targets together
dead=${DEAD:-100}
interval=1000 # ms between the probes to a target
addresses "$targets" >"$work/targets"
awk -v dead="$dead" 'NR % dead == 0 { print "route add blackhole " $1 "/32 table local" }' "$work/targets" |
  ip -n "$far" -batch -

# figures NAME SENT LOST CPU
figures() { echo "$2 $3 $4" >>"$work/$1.figures"; }
for ((round = 1; round <= rounds; round++)); do
  cpu=$(cpu_seconds "$work/out" "${realtime[@]}" "$strait" probe -q -f "$work/targets" -c "$count" -i "${interval}ms" \
    -t 1s "${ours_realtime[@]}" --json)
  figures strait "$(jq -s 'map(.sent) | add' "$work/out")" "$(jq -s 'map(.lost) | add' "$work/out")" "$cpu"
  missed=$((${missed:-0} + $(jq -s 'map(.missed) | add' "$work/out")))
  cpu=$(cpu_seconds "$work/out" "${realtime[@]}" fping -q -c "$count" -p "$interval" -t 1000 -i 0 -f "$work/targets")
  read -r sent lost < <(awk '{ split($5, n, "/"); sent += n[1]; lost += n[1] - n[2] } END { print sent + 0, lost + 0 }' \
    "$work/out.err")
  figures fping "$sent" "$lost" "$cpu"
done

echo "$targets targets, $rounds rounds in turns of $count probes each, one in $dead targets dead, $scheduling:"
summary() { # NAME: sent, loss with its 95 % Wilson interval, CPU per probe
  awk -v name="$1" '{ n += $1; k += $2; cpu += $3 }
    END {
      if (n == 0) { print name, "sent nothing"; exit 1 }
      z = 1.96; p = k / n; d = 1 + z * z / n
      m = (p + z * z / (2 * n)) / d; h = z * sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / d
      printf "  %-7s %8d sent  loss %.3f %% [%.3f %%, %.3f %%]  %6.2f us CPU per probe\n",
             name, n, 100 * p, 100 * (m - h), 100 * (m + h), cpu * 1e6 / n
    }' "$work/$1.figures"
}
summary strait
summary fping
echo "  slots that strait missed: $missed"
per_probe() { awk '{ n += $1; cpu += $3 } END { print cpu / n }' "$work/$1.figures"; }
echo "  CPU, strait to fping: $(ratio "$(per_probe strait)" "$(per_probe fping)") (target 0.50)"
