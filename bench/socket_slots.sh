#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Missed slots at an interval of 100 us to one target: strait's socket engine beside irtt and a loop
# that only sleeps, interleaved and all under SCHED_FIFO (REALTIME=0: none). What the loop misses is
# this machine's own. Target: at most 1 % missed.
. "$(dirname "$0")/socket_lab.sh"

rounds=${ROUNDS:-5}
slots=20000
in_far irtt server -b 10.9.0.2 -i 10us >"$work/server" 2>&1 &
in_far "$strait" reflect 10.9.0.2 --allow 10.9.0.0/24 --source-rate 0/s >"$work/reflect" 2>&1 &
sleep 1
for ((round = 1; round <= rounds; round++)); do
  in_near "$strait" probe 10.9.0.2 "${ours_realtime[@]}" -c "$slots" -i 100us --json >"$work/icmp" 2>>"$work/err" || true
  jq '100 * .missed / (.missed + .sent)' "$work/icmp" >>"$work/icmp.missed"
  in_near "$strait" probe 10.9.0.2 "${ours_realtime[@]}" --protocol stamp -c "$slots" -i 100us --json >"$work/stamp" 2>>"$work/err" || true
  jq '100 * .missed / (.missed + .sent)' "$work/stamp" >>"$work/stamp.missed"
  jq '.lost' "$work/icmp" "$work/stamp" >>"$work/lost"
  in_near "${realtime[@]}" irtt client -Q -i 100us -d 2s -o "$work/irtt.json" 10.9.0.2 >/dev/null 2>>"$work/err" || true
  gunzip -c "$work/irtt.json" 2>/dev/null >"$work/irtt" || cp "$work/irtt.json" "$work/irtt"
  jq --argjson slots "$slots" '100 * (1 - .stats.packets_sent / $slots)' "$work/irtt" >>"$work/irtt.missed"
  rm -f "$work/irtt.json"
  in_near "${realtime[@]}" "$floor" tick "$slots" 100 >>"$work/loop.missed"
done
echo "missed slots at 100 us, %, median (all) of $rounds interleaved rounds of $slots, $scheduling:"
for tool in icmp stamp irtt loop; do
  case $tool in
    icmp | stamp) name="strait $tool" ;;
    loop) name='sleeping loop' ;;
    *) name=$tool ;;
  esac
  printf '  %-14s %6.2f  (%s)\n' "$name" "$(median <"$work/$tool.missed")" \
    "$(awk '{ printf "%s%.2f", (NR > 1 ? ", " : ""), $1 }' "$work/$tool.missed")"
done
echo "  target for strait: 1.00; lost by strait: $(paste -sd, "$work/lost")"
