#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Packets per CPU-second of the socket engine's STAMP reflector beside a loop of recvmmsg and
# sendmmsg that only sends back what comes, in turns under the same load (`strait probe` over a
# veth): unauthenticated, stateful and authenticated. The loop makes no stamps, no checks, no reply.
. "$(dirname "$0")/socket_lab.sh"

rounds=${ROUNDS:-5}
interval=${INTERVAL:-20us}
duration=${DURATION:-2s}
port=862
key=$work/key
(umask 077 && head -c 32 /dev/urandom | od -An -tx1 | tr -d ' \n' | sed 's/^/hex:/' >"$key")

# measured NAME PROBE_WORDS... -- COMMAND...: the load against COMMAND; adds "packets CPU-seconds".
measured() {
  local name=$1 probe=()
  shift
  while [ "$1" != -- ]; do probe+=("$1"); shift; done
  shift
  "${@}" >"$work/out" 2>"$work/err" &
  local pid=$!
  sleep 0.5
  in_near "$strait" probe 10.9.0.2 -q --protocol stamp -p "$port" -i "$interval" -d "$duration" -t 200ms "${probe[@]}" \
    --json >"$work/probe" 2>>"$work/probe.err" || true
  local cpu
  cpu=$(cat /proc/$pid/task/*/schedstat | awk '{ ns += $1 } END { print ns / 1e9 }')
  kill -TERM $pid
  wait $pid || true
  jq -r --arg cpu "$cpu" '"\(.reflected) \($cpu)"' "$work/out" >>"$work/$name.figures"
}
reflect=(ip netns exec "$far" "$strait" reflect "10.9.0.2:$port" --allow 10.9.0.0/24 --source-rate 0/s --total-rate 0/s --json)
bare=(ip netns exec "$far" "$floor" reflect 10.9.0.2 "$port")
for ((round = 1; round <= rounds; round++)); do
  measured bare-44 -- "${bare[@]}"
  measured plain -- "${reflect[@]}"
  measured stateful -- "${reflect[@]}" --stateful
  measured bare-112 --key "$key" -- "${bare[@]}"
  measured authenticated --key "$key" -- "${reflect[@]}" --key "$key"
done

rate() { awk '$2 > 0 { print $1 / $2 }' "$work/$1.figures" | median; }
echo "packets per CPU-second, median of $rounds rounds in turns, a probe each $interval for $duration:"
show() { # NAME TEXT BARE
  printf '  %-34s %8.0f   ratio to its loop %s   packets a round: %s\n' "$2" "$(rate "$1")" \
    "$(ratio "$(rate "$1")" "$(rate "$3")")" "$(awk '{ printf "%s%d", (NR > 1 ? " " : ""), $1 }' "$work/$1.figures")"
}
show bare-44 'bare loop, 44 octets' bare-44
show plain 'reflector, unauthenticated' bare-44
show stateful 'reflector, stateful' bare-44
show bare-112 'bare loop, 112 octets' bare-112
show authenticated 'reflector, authenticated' bare-112
