#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# bird_lab.sh FOLDER: a site (AS64500) and two upstreams (AS65001, AS65002) in namespaces of their
# own, each with a BIRD. FOLDER/ready appears when the site has everybody's routes. Everything goes
# away when standard input ends, so also when the test that holds the other end dies.
set -u
folder=$1
tag=sr$$
cleanup() {
  for pid in "$folder"/*.pid; do [ -f "$pid" ] && kill -9 "$(cat "$pid")" 2>/dev/null; done
  touch "$folder/ended"
  for n in d a b; do ip netns del "$tag$n" 2>/dev/null; done
}
trap cleanup EXIT
trap 'exit 1' INT TERM HUP

for n in d a b; do ip netns add "$tag$n" && ip -n "$tag$n" link set lo up || exit 1; done
i=1
for u in a b; do
  ip -n "${tag}d" link add "to$u" type veth peer name site netns "$tag$u" || exit 1
  ip -n "${tag}d" addr add 10.255.$i.1/30 dev to$u
  ip -n "${tag}d" addr add fd00:255:$i::1/64 dev to$u nodad
  ip -n "${tag}d" link set to$u up
  ip -n "$tag$u" addr add 10.255.$i.2/30 dev site
  ip -n "$tag$u" addr add fd00:255:$i::2/64 dev site nodad
  ip -n "$tag$u" link set site up
  i=$((i + 1))
done

# Upstream a has the longer AS paths, so that plain BGP prefers b.
upstream() {  # name, number, asn, what it prepends
  {
    echo "router id 10.255.$2.2; protocol device {}"
    echo "protocol static s4 { ipv4;"
    for n in $(seq 0 99); do
      echo "route 20.$n.0.0/16 blackhole { bgp_path.prepend(64496); $4 bgp_med = $n;" \
        "bgp_community.add((6500$2, $n)); };"
    done
    echo "route 30.0.0.0/16 blackhole { bgp_path.prepend(64496); $4 bgp_community.add((65535, 0)); };"
    echo "route 40.$2.0.0/16 blackhole { bgp_origin = ORIGIN_INCOMPLETE; };"
    echo "}"
    echo "protocol static s6 { ipv6;"
    for n in $(seq 10 59); do
      echo "route 2001:db8:$n::/48 blackhole { bgp_path.prepend(64496); $4 };"
    done
    echo "}"
    echo "template bgp up { connect delay time 1; error wait time 1, 1; }"
    echo "protocol bgp v4 from up { local 10.255.$2.2 as $3; neighbor 10.255.$2.1 as 64500;" \
      "ipv4 { import none; export all; next hop self; }; }"
    echo "protocol bgp v6 from up { local fd00:255:$2::2 as $3; neighbor fd00:255:$2::1 as 64500;" \
      "ipv6 { import none; export all; next hop self; }; }"
  } >"$folder/$1.conf"
}
upstream a 1 65001 'bgp_path.prepend(64497);'
upstream b 2 65002 ''

cat >"$folder/d.conf" <<EOF
router id 10.255.1.1; protocol device {} protocol direct { ipv4; ipv6; }
protocol static own { ipv4; route 192.0.2.0/24 blackhole; }
include "$folder/strait.conf";
filter up_in { bgp_local_pref = 100; strait_pref(); accept; }
template bgp up { local as 64500; connect delay time 1; error wait time 1, 1; }
template bgp up4 from up { ipv4 { import table; import filter up_in; export none; }; }
template bgp up6 from up { ipv6 { import table; import filter up_in; export none; }; }
protocol bgp u1 from up4 { neighbor 10.255.1.2 as 65001; }
protocol bgp u2 from up4 { neighbor 10.255.2.2 as 65002; }
protocol bgp u1v6 from up6 { neighbor fd00:255:1::2 as 65001; }
protocol bgp u2v6 from up6 { neighbor fd00:255:2::2 as 65002; }
EOF
echo 'function strait_pref() { }' >"$folder/strait.conf"
for n in d a b; do
  ip netns exec "$tag$n" bird -c "$folder/$n.conf" -s "$folder/$n.ctl" -P "$folder/$n.pid" || exit 1
done
# 4 connected + 1 static + 2 x 102 (one each is its own) and 2 x 50 routes of the upstreams.
for _ in $(seq 200); do
  birdc -s "$folder/d.ctl" show route count | grep -q 'Total: 309 of 309' && break
  sleep 0.1
done
touch "$folder/ready"
cat >/dev/null
