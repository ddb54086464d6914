#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# daemon_lab.sh FOLDER frr|gobgp|openbgpd: a site (AS64500) with that daemon, two upstreams (AS65001,
# AS65002) and a customer (AS65003), who gets the whole table, in namespaces of their own; all but the
# site run BIRD. FOLDER/ready appears when the site has everybody's routes. Then each line of the
# standard input is a question or an order, answered by a line in FOLDER/answer.N, N counting from 1:
#   best PREFIX   the address of the neighbour whose route the site uses
#   via PREFIX    the next hop of that route; FRR only
#   load FILE     give the site's daemon the strait part FILE
#   stop          kill the site's daemon by kill -9; "again" starts it as it was started first
#   overrule      the operator's own policy sets local-pref 100 behind what strait's part says
#   inject FILE   start an ExaBGP, or the GoBGP that FILE is for, beside the site's daemon and let it inject FILE;
#                 "inject -" kills it by kill -9
#   speak FILE    only start it, for whoever tells it more: run/exabgp.conf is ExaBGP's file, the API of GoBGP is
#                 run/injector.sock; "speak again" kills it and starts it anew
#   heard         how many routes FRR has from a speaker, once their session is up
#   leaks         how many of the routes that the customer has bear the injector's mark or are
#                 longer than any that the upstreams announce
#   customer      how many routes the customer has
# Everything goes away when standard input ends, so also when the test that holds the other end dies.
set -u
folder=$1
daemon=$2
tag=sd$$
run=$folder/run
PATH=$PATH:/usr/sbin
mkdir -p "$run" && chmod 755 "$folder" "$run"
cleanup() {
  for n in d a b c; do
    ip netns pids "$tag$n" 2>/dev/null | xargs -r kill -9 2>/dev/null
    ip netns del "$tag$n" 2>/dev/null
  done
  touch "$folder/ended"
}
trap cleanup EXIT
trap 'exit 1' INT TERM HUP
site() { ip netns exec "${tag}d" "$@"; }

for n in d a b c; do ip netns add "$tag$n" && ip -n "$tag$n" link set lo up || exit 1; done
ip -n "${tag}d" addr add 10.255.9.1/32 dev lo
ip -n "${tag}d" addr add fd00:255:9::1/128 dev lo nodad
ip -n "${tag}d" addr add fd00:255:9::2/128 dev lo nodad
i=1
for u in a b c; do
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
upstream() {  # name, number, asn, what it prepends, what it exports
  {
    echo "router id 10.255.$2.2; protocol device {}"
    if [ "$5" = all ]; then
      echo "protocol static s4 { ipv4;"
      for n in $(seq 0 9); do
        echo "route 20.$n.0.0/16 blackhole { bgp_path.prepend(64496); $4 bgp_community.add((6500$2, $n)); };"
      done
      echo "route 20.1.128.0/17 blackhole { bgp_path.prepend(64496); $4 };"
      echo "route 30.0.0.0/16 blackhole { bgp_path.prepend(64496); $4 bgp_community.add((65535, 0)); };"
      echo "route 31.0.0.0/16 blackhole { bgp_path.prepend(64496); $4 bgp_community.add((65535, 666)); };"
      echo "}"
      echo "protocol static s6 { ipv6;"
      for n in $(seq 10 19); do
        echo "route 2001:db8:$n::/48 blackhole { bgp_path.prepend(64496); $4 };"
      done
      echo "route 2001:db8:10:8000::/49 blackhole { bgp_path.prepend(64496); $4 };"
      echo "}"
    fi
    echo "template bgp up { connect delay time 1; error wait time 1, 1; }"
    echo "protocol bgp v4 from up { local 10.255.$2.2 as $3; neighbor 10.255.$2.1 as 64500;" \
      "ipv4 { import all; export $5; next hop self; }; }"
    echo "protocol bgp v6 from up { local fd00:255:$2::2 as $3; neighbor fd00:255:$2::1 as 64500;" \
      "ipv6 { import all; export $5; next hop self; }; }"
  } >"$folder/$1.conf"
}
upstream a 1 65001 'bgp_path.prepend(64497);' all
upstream b 2 65002 '' all
upstream c 3 65003 '' none

frr_start() {
  {
    echo "router bgp 64500"
    echo " bgp router-id 10.255.9.1"
    echo " no bgp default ipv4-unicast"
    for n in 1 2 3; do
      echo " neighbor 10.255.$n.2 remote-as 6500$n"
      echo " neighbor 10.255.$n.2 timers connect 2"
      echo " neighbor fd00:255:$n::2 remote-as 6500$n"
      echo " neighbor fd00:255:$n::2 timers connect 2"
    done
    echo " neighbor fd00:255:9::2 remote-as 64500"
    echo " neighbor fd00:255:9::2 update-source fd00:255:9::1"
    echo " neighbor fd00:255:9::2 passive"
    for family in ipv4 ipv6; do
      echo " address-family $family unicast"
      for n in 1 2 3; do
        peer=10.255.$n.2
        [ $family = ipv6 ] && peer=fd00:255:$n::2
        echo "  neighbor $peer activate"
        echo "  neighbor $peer soft-reconfiguration inbound"
        echo "  neighbor $peer route-map UP$n-IN in"
        if [ $n = 3 ]; then
          echo "  neighbor $peer route-map TO-CUSTOMER out"
        else
          echo "  neighbor $peer route-map NOTHING out"
        fi
      done
      echo "  neighbor fd00:255:9::2 activate"
      echo "  neighbor fd00:255:9::2 route-map FROM-INJECTOR in"
      echo "  neighbor fd00:255:9::2 route-map NOTHING out"
      echo " exit-address-family"
    done
    echo "exit"
    for n in 1 2; do
      echo "route-map UP$n-IN permit 10"
      echo " set local-preference 100"
      echo " call STRAIT-u$n"
    done
    echo "route-map UP3-IN deny 10"
    echo "route-map NOTHING deny 10"
    echo "bgp community-list standard INJECTED permit 64500:911"
    echo "route-map FROM-INJECTOR permit 10"
    echo " match community INJECTED"
    echo "route-map TO-CUSTOMER deny 10"
    echo " match community INJECTED"
    echo "route-map TO-CUSTOMER permit 20"
  } >"$run/bgpd.conf"
  chown -R frr:frr "$run"
  site /usr/lib/frr/zebra -d -u frr -g frr --vty_socket "$run" -z "$run/zserv.api" -i "$run/zebra.pid" -f /dev/null &&
    frr_again
}
frr_again() {
  site /usr/lib/frr/bgpd -d -u frr -g frr --vty_socket "$run" -z "$run/zserv.api" -i "$run/bgpd.pid" -f "$run/bgpd.conf"
}
frr_stop() { kill -9 "$(cat "$run/bgpd.pid")"; }
frr_overrule() {
  vtysh --vty_socket "$run" -c 'configure terminal' -c 'route-map UP1-IN permit 10' -c 'on-match next' \
    -c 'route-map UP1-IN permit 20' -c 'set local-preference 100'
}
frr_family() { # of a prefix
  [[ $1 = *:* ]] && echo ipv6 || echo ipv4
}
frr_best() {
  vtysh --vty_socket "$run" -c "show bgp $(frr_family "$1") unicast $1 json" 2>/dev/null |
    jq -r '[.paths[]? | select(.bestpath.overall) | .peer.peerId] | first // "none"'
}
frr_via() {
  vtysh --vty_socket "$run" -c "show bgp $(frr_family "$1") unicast $1 json" 2>/dev/null |
    jq -r '[.paths[]? | select(.bestpath.overall) | .nexthops[] | select(.scope != "link-local") | .ip] | first // "none"'
}
frr_offers() {
  vtysh --vty_socket "$run" -c "show bgp $(frr_family "$1") unicast $1 json" 2>/dev/null | jq -r '.paths[]?.peer.peerId'
}
frr_load() {
  vtysh --vty_socket "$run" -f "$1" >"$folder/load.log" 2>&1 || return 1
  [ -s "$folder/load.log" ] && return 1
  vtysh --vty_socket "$run" -c 'clear bgp ipv4 unicast * soft in' -c 'clear bgp ipv6 unicast * soft in'
}

gobgp_base() {
  cat <<EOF
[global.config]
  as = 64500
  router-id = "10.255.9.1"
[global.apply-policy.config]
  import-policy-list = ["strait"]
  default-import-policy = "accept-route"
  export-policy-list = ["to-customer"]
  default-export-policy = "reject-route"
[[defined-sets.neighbor-sets]]
  neighbor-set-name = "customer"
  neighbor-info-list = ["10.255.3.2/32", "fd00:255:3::2/128"]
[[policy-definitions]]
  name = "to-customer"
  [[policy-definitions.statements]]
    [policy-definitions.statements.conditions.match-neighbor-set]
      neighbor-set = "customer"
    [policy-definitions.statements.actions]
      route-disposition = "accept-route"
EOF
  for n in 1 2 3; do
    for peer in 10.255.$n.2 fd00:255:$n::2; do
      family=ipv4-unicast
      [[ $peer = *:* ]] && family=ipv6-unicast
      cat <<EOF
[[neighbors]]
  [neighbors.config]
    neighbor-address = "$peer"
    peer-as = 6500$n
  [neighbors.timers.config]
    connect-retry = 2
  [[neighbors.afi-safis]]
    [neighbors.afi-safis.config]
      afi-safi-name = "$family"
EOF
    done
  done
}
gobgp_start() {
  gobgp_base >"$run/base.toml"
  { gobgp_base; printf '[[policy-definitions]]\n  name = "strait"\n'; } >"$run/gobgpd.toml"
  gobgp_again
}
gobgp_stop() { kill -9 "$(cat "$run/gobgpd.pid")"; }
gobgp_overrule() {
  sed -i 's/import-policy-list = \["strait"\]/import-policy-list = ["strait", "mine"]/' "$run/base.toml"
  printf '[[policy-definitions]]\n  name = "mine"\n  [[policy-definitions.statements]]\n    [policy-definitions.statements.actions.bgp-actions]\n      set-local-pref = 100\n' >>"$run/base.toml"
}
gobgp_again() {
  rm -f "$run/gobgp.sock"
  ip netns exec "${tag}d" gobgpd -p -f "$run/gobgpd.toml" --api-hosts "unix://$run/gobgp.sock" --pprof-disable >"$folder/gobgpd.log" 2>&1 &
  echo $! >"$run/gobgpd.pid"
}
gobgp_best() {
  family=ipv4
  [[ $1 = *:* ]] && family=ipv6
  gobgp --target "unix://$run/gobgp.sock" -j global rib -a $family "$1" 2>/dev/null |
    jq -r --arg p "$1" '.[$p] // [.[]?][0] // [] | [.[] | select(.best)] | first | ."neighbor-ip" // "none"' 2>/dev/null
}
gobgp_offers() {
  family=ipv4
  [[ $1 = *:* ]] && family=ipv6
  gobgp --target "unix://$run/gobgp.sock" -j global rib -a $family "$1" 2>/dev/null |
    jq -r --arg p "$1" '.[$p] // [.[]?][0] // [] | .[] | ."neighbor-ip"' 2>/dev/null
}
gobgp_load() {
  { gobgp_base; cat "$1"; } >"$run/new.toml" && site gobgpd -d -f "$run/new.toml" >/dev/null 2>&1 || return 1
  mv "$run/new.toml" "$run/gobgpd.toml" && kill -HUP "$(cat "$run/gobgpd.pid")"
}

openbgpd_start() {
  mkdir -p /run/openbgpd # where it locks itself up
  : >"$run/strait.conf"
  {
    echo "AS 64500"
    echo "router-id 10.255.9.1"
    echo "socket \"$run/bgpd.sock\""
    echo "fib-update no"
    for n in 1 2 3; do
      for peer in 10.255.$n.2 fd00:255:$n::2; do
        family=IPv4
        other=IPv6
        [[ $peer = *:* ]] && family=IPv6 other=IPv4
        printf 'neighbor %s {\n remote-as 6500%s\n announce %s unicast\n announce %s none\n}\n' \
          "$peer" "$n" "$family" "$other"
      done
    done
    echo "deny from any"
    echo "deny to any"
    for n in 1 2; do
      echo "allow from 10.255.$n.2"
      echo "allow from fd00:255:$n::2"
    done
    echo "allow to 10.255.3.2"
    echo "allow to fd00:255:3::2"
    echo "include \"$run/strait.conf\""
  } >"$run/bgpd.conf"
  chmod 600 "$run"/*.conf
  openbgpd_again
}
openbgpd_again() {
  ip netns exec "${tag}d" /usr/sbin/bgpd -d -f "$run/bgpd.conf" >>"$folder/openbgpd.log" 2>&1 &
  echo $! >"$run/openbgpd.pid"
}
openbgpd_stop() { kill -9 "$(cat "$run/openbgpd.pid")"; }
openbgpd_overrule() { echo 'match from any set localpref 100' >>"$run/bgpd.conf"; }
openbgpd_best() {
  site bgpctl -s "$run/bgpd.sock" -j show rib best "$1" 2>/dev/null |
    jq -r --arg p "$1" '[.rib[]? | select(.prefix == $p) | .neighbor.remote_addr] | first // "none"'
}
openbgpd_offers() {
  site bgpctl -s "$run/bgpd.sock" -j show rib "$1" 2>/dev/null |
    jq -r --arg p "$1" '.rib[]? | select(.prefix == $p) | .neighbor.remote_addr'
}
openbgpd_load() {
  cp "$1" "$run/strait.conf" && site /usr/sbin/bgpd -n -f "$run/bgpd.conf" >"$folder/load.log" 2>&1 &&
    site bgpctl -s "$run/bgpd.sock" reload >/dev/null
}

injector_stop() {
  [ -f "$run/injector.pid" ] && kill -9 "$(cat "$run/injector.pid")" 2>/dev/null
  rm -f "$run/injector.pid" "$run/injector.sock"
}
injector_start() {
  if [ "$(cat "$run/speaker")" = gobgp ]; then
    ip netns exec "${tag}d" gobgpd -p -f "$run/injector.toml" --pprof-disable \
      --api-hosts "127.0.0.1:50051,unix://$run/injector.sock" >"$folder/injector.log" 2>&1 &
    echo $! >"$run/injector.pid"
    for _ in $(seq 100); do gobgp --target "unix://$run/injector.sock" global >/dev/null 2>&1 && break; sleep 0.1; done
  else
    ip netns exec "${tag}d" env exabgp.daemon.user=root exabgp.tcp.bind= exabgp.log.destination="$folder/injector.log" \
      exabgp "$run/exabgp.conf" >/dev/null 2>&1 &
    echo $! >"$run/injector.pid"
  fi
}
speak() {
  injector_stop
  if [ "$1" != again ]; then
    if grep -q 'for GoBGP as the injector' "$1"; then
      echo gobgp >"$run/speaker"
      sed -n 's/^#| //p' "$1" >"$run/injector.toml"
    else
      exabgp --validate "$1" >"$folder/injector.log" 2>&1 || return 1
      echo exabgp >"$run/speaker"
      cp "$1" "$run/exabgp.conf"
    fi
  fi
  injector_start
}
inject() {
  [ "$1" = - ] && { injector_stop; return 0; }
  speak "$1" || return 1
  [ "$(cat "$run/speaker")" = exabgp ] || site sh -e "$1" >"$folder/injector.log" 2>&1
}
heard() {
  for _ in $(seq 150); do
    [ "$(summary '. | select(.state == "Established") | 1' | wc -l)" = 2 ] && break
    sleep 0.1
  done
  sleep 1 # for what may still come
  summary .pfxRcd | awk '{ total += $1 } END { print NR == 2 ? total : "no session" }'
}
summary() {
  vtysh --vty_socket "$run" -c 'show bgp summary json' | jq ".[].peers[\"fd00:255:9::2\"]? | select(. != null) | $1"
}
leaks() {
  birdc -s "$folder/c.ctl" 'show route all' | awk '
    /^[0-9a-f.:]+\/[0-9]+ / { split($1, part, "/"); longest = $1 ~ /:/ ? 49 : 17; if (part[2] > longest) bad++ }
    /\(64500,911\)/ { bad++ }
    END { print bad + 0 }'
}

for n in a b c; do
  ip netns exec "$tag$n" bird -c "$folder/$n.conf" -s "$folder/$n.ctl" -P "$folder/$n.pid" || exit 1
done
# The last that each upstream sends, of either family.
await_routes() {
  for _ in $(seq 300); do
    [ "$("${daemon}_offers" 31.0.0.0/16 | sort | xargs)" = "10.255.1.2 10.255.2.2" ] &&
      [ "$("${daemon}_offers" 2001:db8:19::/48 | sort | xargs)" = "fd00:255:1::2 fd00:255:2::2" ] && break
    sleep 0.1
  done
}
"${daemon}_start" || exit 1
await_routes
touch "$folder/ready"
count=0
while read -r order word; do
  count=$((count + 1))
  case $order in
    best) "${daemon}_best" "$word" ;;
    via) "${daemon}_via" "$word" ;;
    load) "${daemon}_load" "$word" >/dev/null && echo loaded || echo "refused: $(head -c 300 "$folder/load.log" | tr '\n' ' ')" ;;
    inject) inject "$word" && echo injecting || echo "refused: $(tail -n 3 "$folder/injector.log" | tr '\n' ' ')" ;;
    speak) speak "$word" && echo speaking || echo "refused: $(tail -n 3 "$folder/injector.log" | tr '\n' ' ')" ;;
    stop) "${daemon}_stop" && echo stopped ;;
    again) "${daemon}_again" && await_routes && echo running ;;
    overrule) "${daemon}_overrule" >/dev/null && echo overruled ;;
    heard) heard ;;
    leaks) leaks ;;
    customer) birdc -s "$folder/c.ctl" 'show route' | grep -c ' unicast ' ;;
    *) echo "no order '$order'" ;;
  esac >"$folder/.answer" 2>"$folder/error.log"
  mv "$folder/.answer" "$folder/answer.$count"
done
