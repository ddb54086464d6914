#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# One polling thread and two of them, in turn, several times; medians and the ratio. Needs two CPUs and a
# release build, no privilege.
#   dpdk_threads.sh [seconds [rounds [sessions [crossed]]]]
set -eu
program=$(dirname "$0")/../build/release/bench_dpdk_threads
seconds=${1:-2} rounds=${2:-5} sessions=${3:-1000} crossed=${4:-}
[ -x "$program" ] || { echo "dpdk_threads.sh: build it first: cmake --build --preset release" >&2; exit 2; }
results=$(mktemp)
trap 'rm -f "$results"' EXIT
for _ in $(seq "$rounds"); do
  timeout -s KILL 60 "$program" 1 "$seconds" "$sessions" >>"$results"
  timeout -s KILL 60 "$program" 2 "$seconds" "$sessions" $crossed >>"$results"
done
cat "$results"
median() { sort -g | awk '{v[NR] = $1} END{print v[int((NR + 1) / 2)]}'; }
of() { awk -v n="$1" -v f="$2" '$2 == n {print $f}' "$results" | median; }
awk -v a="$(of 1 8)" -v b="$(of 2 8)" -v c="$(of 1 16)" -v d="$(of 2 16)" \
  'BEGIN{printf "median: %.2f M/s with one thread, %.2f M/s with two: %.2f times; the bare loop %.2f times\n",
         a / 1e6, b / 1e6, b / a, d / c}'
