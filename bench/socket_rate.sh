#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# How fast can strait's socket engine probe before anything is lost? 100 targets, a second per rate.
# Nothing is lost on this veth, so every loss is false; what the engine cannot send it must call
# missed. Under SCHED_FIFO unless REALTIME=0. Target: no false loss at the highest rate.
. "$(dirname "$0")/socket_lab.sh"

targets=100
addresses "$targets" >"$work/targets"
printf '%10s %10s %8s %8s %10s %8s  %s\n' wanted/s sent/s lost late missed '% missed' 'at our end'
for rate in ${RATES:-5000 10000 20000 40000 60000 80000 100000}; do
  interval=$((1000000000 * targets / rate))
  count=$((rate / targets))
  in_near "$strait" probe $(cat "$work/targets") -c "$count" -i "${interval}ns" --timeout 1s "${ours_realtime[@]}" --json \
    >"$work/out" 2>"$work/err" || true
  jq -rs --arg rate "$rate" '[$rate, (map(.sent) | add), (map(.lost) | add), (map(.late) | add),
    (map(.missed) | add), 100 * (map(.missed) | add) / (map(.sent + .missed) | add)] | @tsv' "$work/out" |
    while read -r wanted sent lost late missed share; do
      printf '%10s %10s %8s %8s %10s %8.2f  %s\n' "$wanted" "$sent" "$lost" "$late" "$missed" "$share" \
        "$(tr '\n' ' ' <"$work/err")"
    done
done
