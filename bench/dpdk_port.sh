#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# strait's DPDK engine and dpdk-testpmd on the same ports, in turn, several times each: a veth between
# two namespaces of the script's own, 86-octet frames, the measured program on CPU 0, its far end on
# CPU 1. Needs root, two CPUs, dpdk-testpmd (package dpdk-dev) and a release build. Says packets per
# second and per CPU-second (user and system of the whole process), medians, and the ratio to testpmd's;
# sets no threshold, because figures are those of the machine and of what else runs on it.
#   dpdk_port.sh [seconds [rounds [drivers [cases]]]]     drivers: net_af_packet net_af_xdp
# Cases:
#   txonly     testpmd txonly; our transport sending STAMP probes; into a testpmd rxonly. Packets are the
#              kernel's count on the near interface, for both
#   rxonly     testpmd rxonly; our transport receiving frames of its own (each parsed, all checksums, matched
#              with its flow) and foreign ones; from a testpmd txonly. Both spin, and the far end is the
#              slower one: so besides packets per CPU-second the cycles per packet of calls that found some
#   reflector  testpmd macswap, which only swaps two addresses; our STAMP reflector, which checks, stamps and
#              rewrites headers and checksums; load: our transport
#   return     there and back through a testpmd macswap: testpmd flowgen; our transport, whose source and
#              destination addresses and ports are equal, because macswap turns only MAC addresses around.
#              The same for our prober, with all that it does for a STAMP probe
set -eu
program=$(dirname "$0")/../build/release/bench_dpdk_port
length=${1:-3}
rounds=${2:-5}
drivers=${3:-net_af_packet net_af_xdp}
cases=${4:-txonly rxonly reflector return}
fail() { echo "dpdk_port.sh: $2" >&2; exit "$1"; }
[ "$(id -u)" = 0 ] || fail 3 "needs root, for network namespaces"
[ -x "$program" ] || fail 2 "build it first: cmake --build --preset release"
command -v dpdk-testpmd >/dev/null || fail 2 "no dpdk-testpmd: install dpdk-dev"
[ "$(nproc)" -ge 2 ] || fail 2 "needs two CPUs"
near=strait_port_a_$$
far=strait_port_b_$$
room=$(mktemp -d)
declare -A supervisor pid input
finish() {
  for name in "${!supervisor[@]}"; do
    kill -KILL "${pid[$name]}" "${supervisor[$name]}" 2>/dev/null || true
  done
  ip netns del "$near" 2>/dev/null || true
  ip netns del "$far" 2>/dev/null || true
  rm -rf "$room"
}
trap finish EXIT
trap 'exit 130' INT TERM
ip netns add "$near"
ip netns add "$far"
ip link add va netns "$near" type veth peer name vb netns "$far"
for end in "$near va" "$far vb"; do
  read -r space link <<<"$end"
  ip netns exec "$space" sysctl -qw net.ipv6.conf.all.disable_ipv6=1
  ip -n "$space" link set "$link" up
done
near_mac=$(ip -n "$near" -br link show va | awk '{print $3}')
far_mac=$(ip -n "$far" -br link show vb | awk '{print $3}')

start() { # name, namespace, CPU, what to wait for, command...
  local name=$1 space=$2 cpu=$3 sign=$4
  shift 4
  rm -f "$room/$name.in"
  mkfifo "$room/$name.in"
  timeout -s KILL $((length + 40)) ip netns exec "$space" taskset -c "$cpu" "$@" \
    <"$room/$name.in" >"$room/$name.out" 2>"$room/$name.err" &
  supervisor[$name]=$!
  exec {fd}>"$room/$name.in"
  input[$name]=$fd
  for _ in $(seq 200); do
    pid[$name]=$(pgrep -P "${supervisor[$name]}" || true)
    [ -n "${pid[$name]}" ] && grep -q "$sign" "$room/$name.out" && return
    kill -0 "${supervisor[$name]}" 2>/dev/null || break
    sleep 0.05
  done
  tail -n 5 "$room/$name.out" "$room/$name.err" >&2
  fail 4 "$name did not start"
}
end() { # name
  fd=${input[$1]}
  exec {fd}>&-
  kill -KILL "${pid[$1]}" 2>/dev/null || true
  wait "${supervisor[$1]}" 2>/dev/null || true
  unset "supervisor[$1]" "pid[$1]" "input[$1]"
}
testpmd() { # name, namespace, CPU, interface, mode, options...
  local name=$1 space=$2 cpu=$3 link=$4 mode=$5
  shift 5
  # It would keep its answers back until it has some kB of them.
  start "$name" "$space" "$cpu" 'testpmd>' stdbuf -oL dpdk-testpmd --no-pci --no-telemetry --no-shconf --no-huge \
    -m 512 --log-level=3 --lcores "0@$cpu,1@$cpu" --vdev="${driver}0,iface=$link" -- -i \
    --forward-mode="$mode" --total-num-mbufs=16384 --record-core-cycles "$@"
  echo start >&"${input[$name]}"
}
ours() { # name, namespace, CPU, interface, role, own address, peer address, peer MAC
  start "$1" "$2" "$3" ready "$program" "$5" "${driver}0,iface=$4" "$3" "$6" "$7" "$8"
}
answer() { # name, question, pattern: the next line of its output that has the pattern
  local before
  before=$(grep -c "$3" "$room/$1.out" || true)
  echo "$2" >&"${input[$1]}"
  for _ in $(seq 400); do
    [ "$(grep -c "$3" "$room/$1.out" || true)" -gt "$before" ] && break
    sleep 0.005
  done
  grep "$3" "$room/$1.out" | tail -n 1
}
# Packets so far, as `what` says: of the interface, or as the program has it.
packets() { # name, program, what
  case $3 in
    link) ip netns exec "$near" cat /sys/class/net/va/statistics/tx_packets ;;
    *) if [ "$2" = testpmd ]; then
         answer "$1" "show port stats 0" RX-packets | sed 's/.*RX-packets: *\([0-9]*\).*/\1/'
       else
         answer "$1" "" '^sent' | sed "s/.*$3 \([0-9]*\).*/\1/"
       fi ;;
  esac
}
cycles() { # name, program: per packet, of calls that found some; since the start
  if [ "$2" = testpmd ]; then
    answer "$1" "show fwd stats all" "CPU cycles/packet" | sed 's/.*cycles\/packet=\([0-9]*\).*/\1/'
  else
    answer "$1" "" '^sent' | awk '$6 > 0 && $8 > 0 {printf "%.0f\n", $8 / $6}'
  fi
}
cpu_ticks() { awk '{print $14 + $15}' "/proc/${pid[$1]}/stat"; }
now() { date +%s%N; }
measure() { # case, row, name, program, what; appends "pps pps-per-CPU cycles" to the row's file
  sleep 1
  local p0 c0 t0 p1 c1 t1 busy
  p0=$(packets "$3" "$4" "$5"); c0=$(cpu_ticks "$3"); t0=$(now)
  sleep "$length"
  p1=$(packets "$3" "$4" "$5"); c1=$(cpu_ticks "$3"); t1=$(now)
  busy=-
  case $1 in rxonly | reflector) busy=$(cycles "$3" "$4") ;; esac
  awk -v p="$((p1 - p0))" -v c="$((c1 - c0))" -v hz="$(getconf CLK_TCK)" -v t="$((t1 - t0))" -v busy="$busy" \
    'BEGIN{printf "%.0f %.0f %s\n", p / t * 1e9, (c > 0 ? p / c * hz : 0), (busy == "" ? "-" : busy)}' \
    >>"$room/$driver.$1.$2"
}

case_txonly() {
  testpmd far "$far" 1 vb rxonly
  testpmd near "$near" 0 va txonly --txpkts=86 --eth-peer=0,"$far_mac"
  measure txonly testpmd near testpmd link; end near
  ours near "$near" 0 va transmit 10.77.0.1 10.77.0.2 "$far_mac"
  measure txonly transport near ours link; end near
  end far
}
case_rxonly() {
  testpmd far "$far" 1 vb txonly --txpkts=86 --eth-peer=0,"$near_mac" --tx-ip=10.77.0.2,10.77.0.1 --tx-udp=9,9
  testpmd near "$near" 0 va rxonly
  measure rxonly testpmd near testpmd received; end near
  ours near "$near" 0 va receive 10.77.0.1 10.77.0.2 "$far_mac"
  measure rxonly own near ours own; end near
  ours near "$near" 0 va receive 10.77.0.9 10.77.0.2 "$far_mac"
  measure rxonly foreign near ours received; end near
  end far
}
case_reflector() {
  ours far "$far" 1 vb transmit 10.77.0.2 10.77.0.1 "$near_mac"
  testpmd near "$near" 0 va macswap
  measure reflector testpmd near testpmd link; end near
  ours near "$near" 0 va reflect 10.77.0.1 10.77.0.2 "$far_mac"
  measure reflector stamp near ours link; end near
  end far
}
case_return() {
  testpmd far "$far" 1 vb macswap
  testpmd near "$near" 0 va flowgen --txpkts=86 --eth-peer=0,"$far_mac"
  measure return testpmd near testpmd received; end near
  ours near "$near" 0 va turn 10.77.0.1 10.77.0.1 "$far_mac"
  measure return transport near ours own; end near
  ours near "$near" 0 va probe 10.77.0.1 10.77.0.1 "$far_mac"
  measure return prober near ours own; end near
  end far
}
median() { sort -g | awk '{v[NR] = $1} END{print NR ? v[int((NR + 1) / 2)] : "-"}'; }
rows() { case $1 in
  txonly) echo testpmd transport ;; rxonly) echo testpmd own foreign ;; reflector) echo testpmd stamp ;;
  return) echo testpmd transport prober ;; esac; }

echo "86-octet frames, $rounds rounds of $length s; CPUs: $(nproc), load: $(cut -d' ' -f1-3 /proc/loadavg)"
for _ in $(seq "$rounds"); do
  for driver in $drivers; do
    for case in $cases; do "case_$case"; done
  done
done
printf '%-15s %-10s %-10s %12s %18s %16s %18s\n' device case program 'packets/s' 'per CPU-second' 'cycles/packet' \
  'to testpmd (each)'
for driver in $drivers; do
  for case in $cases; do
    base=
    for row in $(rows "$case"); do
      file=$room/$driver.$case.$row
      figures="$(awk '{print $1}' "$file" | median) $(awk '{print $2}' "$file" | median) $(
        awk '{print $3}' "$file" | median)"
      base=${base:-$figures}
      echo "$driver $case $row $figures $base" | awk '{
        printf "%-15s %-10s %-10s %12s %18s %16s %9.2f %.2f\n", $1, $2, $3, $4, $5, $6,
          ($7 > 0 ? $4 / $7 : 0), ($8 > 0 ? $5 / $8 : 0)}'
    done
  done
done
echo "load after: $(cut -d' ' -f1-3 /proc/loadavg)"
