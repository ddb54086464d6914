#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`strait routes bmp` beside real routers: FRR's bgpd with its bmp module, and GoBGP, each between two upstreams that
one BIRD plays. What the station's files hold must be what the router itself shows, before and behind its policy, also
after flaps, a change of policy and a connection that was cut off.

BMP_PREFIXES=50000 makes it a hundred thousand routes and prints what the station took for them."""

import ipaddress
import json
import os
import shutil
import sys
import unittest
from pathlib import Path

from router_lab import BGPD, RouterLab, missing, run

STRAIT = str(Path(os.environ.get("STRAIT", "build/dev/strait")).resolve())
PREFIXES = int(os.environ.get("BMP_PREFIXES", "500"))  # of IPv4, from each upstream
PATIENCE = max(1, PREFIXES // 5000)  # times what a small table takes
PORT = 11019
PEERS = {"10.255.1.2": 65001, "10.255.1.3": 65002, "fd00:255:1::2": 65001, "fd00:255:1::3": 65002}


def prefixes(last: int) -> list[str]:
    """What upstream `last` (2 or 3) announces: most of it both do."""
    v4 = [str(ipaddress.ip_network((0x14000000 + 256 * n, 24))) for n in range(PREFIXES)]
    v6 = [f"2001:db8:{n:x}::/48" for n in range(50)]
    return [*v4, f"40.{last}.0.0/16", *v6]


def bird_configuration(last: int) -> str:
    """Of one upstream. (One BIRD has no two sessions with the same neighbour.)"""
    lines = [f"router id 10.255.1.{last}; protocol device {{}}"]
    more = "bgp_path.prepend(64497);" if last == 2 else ""
    for family in (4, 6):
        lines += [f"ipv{family} table t{last}{family};",
                  f"protocol static s{last}{family} {{ ipv{family} {{ table t{last}{family}; }};"]
        for n, prefix in enumerate(p for p in prefixes(last) if (":" in p) == (family == 6)):
            lines.append(f"route {prefix} blackhole {{ bgp_path.prepend({64496 - n % 7}); {more} "
                         f"bgp_community.add((6500{last - 1}, {n % 13})); }};")
        own, router = (f"10.255.1.{last}", "10.255.1.1") if family == 4 else (f"fd00:255:1::{last}", "fd00:255:1::1")
        lines += ["}", f"protocol bgp b{last}{family} {{ local {own} as {64999 + last}; neighbor {router} as 64500;"
                  " strict bind yes; connect delay time 1; error wait time 1, 1;"
                  # Only an export filter's MED leaves the AS.
                  f" ipv{family} {{ table t{last}{family}; import none; next hop self; export filter {{ "
                  f"if (6500{last - 1}, 3) ~ bgp_community then {{ bgp_med = 3; }} accept; }}; }}; }}"]
    return "\n".join(lines) + "\n"


FRR = """hostname strait-frr
log file {run}/bgpd.log critical
router bgp 64500
 bgp router-id 10.255.1.1
 no bgp ebgp-requires-policy
 no bgp default ipv4-unicast
 no bgp network import-check
{neighbors}
 address-family ipv4 unicast
{v4}
 exit-address-family
 address-family ipv6 unicast
{v6}
 exit-address-family
 bmp targets station
  bmp stats interval 1000
  bmp monitor ipv4 unicast pre-policy
  bmp monitor ipv4 unicast post-policy
  bmp monitor ipv6 unicast pre-policy
  bmp monitor ipv6 unicast post-policy
  bmp connect 127.0.0.1 port {port} min-retry 100 max-retry 500
route-map IN permit 10
 set local-preference 150
route-map OTHER permit 10
 match ip address prefix-list FORTY
 set local-preference 77
ip prefix-list FORTY seq 5 permit 40.0.0.0/8 le 16
"""

GOBGP = """[global.config]
  as = 64500
  router-id = "10.255.1.1"
  local-address-list = ["10.255.1.1", "fd00:255:1::1"]
{neighbors}
[[bmp-servers]]
  [bmp-servers.config]
    address = "127.0.0.1"
    port = {port}
    route-monitoring-policy = "all"
"""


def frr_configuration(directory: Path) -> str:
    def of(family: int) -> str:
        mine = [peer for peer in PEERS if (":" in peer) == (family == 6)]
        return "\n".join(f"  neighbor {peer} activate\n  neighbor {peer} soft-reconfiguration inbound\n"
                         f"  neighbor {peer} route-map IN in" for peer in mine)
    neighbors = "\n".join(f" neighbor {peer} remote-as {asn}\n neighbor {peer} passive" for peer, asn in PEERS.items())
    return FRR.format(run=directory, neighbors=neighbors, v4=of(4), v6=of(6), port=PORT)


def gobgp_configuration() -> str:
    def of(peer: str, asn: int) -> str:
        family = "ipv6-unicast" if ":" in peer else "ipv4-unicast"
        return (f'[[neighbors]]\n  [neighbors.config]\n    neighbor-address = "{peer}"\n    peer-as = {asn}\n'
                f'  [neighbors.timers.config]\n    connect-retry = 1\n'
                f'  [[neighbors.afi-safis]]\n    [neighbors.afi-safis.config]\n      afi-safi-name = "{family}"\n')
    return GOBGP.format(neighbors="".join(of(peer, asn) for peer, asn in PEERS.items()), port=PORT)


class Routers(RouterLab):
    def setUp(self):
        super().setUp()
        for last in self.upstreams:
            (self.directory / f"bird{last}.conf").write_text(bird_configuration(last))
            self.start(f"bird{last}", self.outside, "bird", "-f", "-c", f"{self.directory}/bird{last}.conf", "-s",
                       f"{self.directory}/bird{last}.ctl")

    # The station.

    def start_station(self):
        self.start("station", self.router, STRAIT, "routes", "bmp", "--listen", f"127.0.0.1:{PORT}", "--directory",
                   str(self.directory), "--every", f"{300 * PATIENCE}ms")

    def wait_for(self, what: str, seconds: float, probe):
        return super().wait_for(what, seconds * PATIENCE, probe)

    def tell_cost(self):
        """What the station took for the first hundred thousand routes."""
        if "BMP_PREFIXES" not in os.environ:
            return
        proc = Path(f"/proc/{self.processes['station'].pid}")
        spent = sum(int(word) for word in (proc / "stat").read_text().rsplit(") ", 1)[1].split()[11:13])
        peak = next(line.split()[1] for line in (proc / "status").read_text().splitlines() if line.startswith("VmHWM"))
        print(f"{2 * (PREFIXES + 51)} routes before and as many behind the policy: station {spent / os.sysconf('SC_CLK_TCK'):g} s "
              f"of CPU, files included, {int(peak) // 1024} MiB at most", file=sys.stderr)

    def heard(self, table: str) -> set[tuple]:
        """(prefix, peer, path, MED, local-pref) of each route in the station's newest file."""
        file = self.directory / f"127.0.0.1.{table}.mrt"
        if not file.exists():
            return set()
        lines = run(STRAIT, "routes", "rib", "export", "--format", "json", str(file)).splitlines()
        routes = [json.loads(line) for line in lines]
        return {(route["prefix"], route["peer"], route["as_path"], route["med"], route["local_pref"]) for route in routes}

    def compare(self, table: str, shown, seconds: float = 30):
        """Waits until the station's routes are those that the router shows."""
        def same():
            theirs = shown()
            return theirs and self.heard(table) == theirs
        try:
            self.wait_for(f"{table} as the router has it", seconds, same)
        except AssertionError as error:
            ours, theirs = self.heard(table), shown()
            raise AssertionError(f"{error}\nonly here: {sorted(ours - theirs, key=str)[:5]} of {len(ours)}\nonly there: "
                                 f"{sorted(theirs - ours, key=str)[:5]} of {len(theirs)}") from None

    def birdc(self, words: str):
        """To the first upstream."""
        run("birdc", "-s", f"{self.directory}/bird2.ctl", *words.split())

    def flap(self, shown_before, shown_behind):
        """An upstream goes away and comes back; some of its routes change."""
        self.birdc("disable b24")
        self.wait_for("that the routes went", 30, lambda: not any(peer == "10.255.1.2" for _, peer, *_ in shown_before()))
        self.compare("pre-policy", shown_before)
        self.compare("post-policy", shown_behind)
        changed = bird_configuration(2).replace("bgp_med = 3;", "bgp_med = 33;")
        (self.directory / "bird2.conf").write_text(changed)
        self.birdc("configure")
        self.birdc("enable b24")
        self.wait_for("that the routes came back", 60, lambda: any(
            peer == "10.255.1.2" and med == 33 for _, peer, _, med, _ in shown_before()))
        self.compare("pre-policy", shown_before)
        self.compare("post-policy", shown_behind)

    # FRR.

    def vtysh(self, *commands: str) -> str:
        words = [word for command in commands for word in ("-c", command)]
        return self.inside("vtysh", "--vty_socket", str(self.directory), *words, check=False)

    def frr_shows(self, what: str) -> set[tuple]:
        found = set()
        for peer in PEERS:
            family = "ipv6" if ":" in peer else "ipv4"
            text = self.vtysh(f"show bgp {family} unicast neighbors {peer} {what} json")
            shown = json.loads(text) if text.startswith("{") else {}  # else it is not ready yet
            for prefix, routes in shown.get("receivedRoutes", shown.get("routes", {})).items():
                route = routes[0] if isinstance(routes, list) else routes
                # FRR 8.4 writes what it heard as if it told it to that external peer: without LOCAL_PREF.
                found.add((prefix, peer, route["path"], route.get("metric"), None))
        return found

    @unittest.skipUnless(Path(BGPD).exists() and shutil.which("vtysh"), "no FRR here")
    def test_frr(self):
        (self.directory / "bgpd.conf").write_text(frr_configuration(self.directory))
        self.start_station()
        self.start_frr(self.directory, "-M", "bmp")
        before = lambda: self.frr_shows("received-routes")
        behind = lambda: self.frr_shows("routes")
        self.wait_for("all routes in FRR", 60, lambda: len(before()) == 2 * (PREFIXES + 51))
        self.compare("pre-policy", before)
        self.compare("post-policy", behind)
        self.tell_cost()
        self.flap(before, behind)
        # Another policy: all but one prefix are refused.
        self.vtysh("configure terminal", "router bgp 64500", "address-family ipv4 unicast",
                   "neighbor 10.255.1.3 route-map OTHER in")
        self.wait_for("the other policy", 30, lambda: sum(peer == "10.255.1.3" for _, peer, *_ in behind()) == 1)
        self.compare("pre-policy", before)
        self.compare("post-policy", behind)
        # The station dies, and FRR tells everything to the next one.
        self.stop("station")
        for file in self.directory.glob("*.mrt"):
            file.unlink()
        self.start_station()
        self.compare("pre-policy", before)
        self.compare("post-policy", behind)

    # GoBGP.

    def gobgp_shows(self, what: str) -> set[tuple]:
        found = set()
        for peer in PEERS:
            family = "ipv6" if ":" in peer else "ipv4"
            text = self.inside("gobgp", "neighbor", peer, what, "-a", family, "-j", check=False)
            shown = json.loads(text) if text.startswith("{") else {}  # else it is not ready yet
            for prefix, routes in shown.items():
                for route in routes if isinstance(routes, list) else []:
                    attributes = {each["type"]: each for each in route["attrs"]}
                    path = " ".join(str(asn) for segment in attributes[2]["as_paths"] for asn in segment["asns"])
                    found.add((prefix, peer, path, attributes.get(4, {}).get("metric"), attributes.get(5, {}).get("value")))
        return found

    @unittest.skipUnless(shutil.which("gobgpd") and shutil.which("gobgp"), "no GoBGP here")
    def test_gobgp(self):
        (self.directory / "gobgpd.toml").write_text(gobgp_configuration())
        self.start_station()
        self.start("gobgpd", self.router, "gobgpd", "-f", f"{self.directory}/gobgpd.toml", "--pprof-disable")
        shown = lambda: self.gobgp_shows("adj-in")
        self.wait_for("all routes in GoBGP", 60, lambda: len(shown()) == 2 * (PREFIXES + 51))
        self.compare("pre-policy", shown)
        self.compare("post-policy", shown)  # there is no policy
        self.tell_cost()
        self.flap(shown, shown)
        self.stop("station")
        for file in self.directory.glob("*.mrt"):
            file.unlink()
        self.start_station()
        # GoBGP sees that the old connection is dead when it has something to tell.
        self.birdc("disable b24")
        self.wait_for("that the routes went", 30, lambda: not any(peer == "10.255.1.2" for _, peer, *_ in shown()))
        self.birdc("enable b24")
        self.compare("pre-policy", shown, 120)
        self.compare("post-policy", shown)


if __name__ == "__main__":
    if os.geteuid() != 0 or missing("ip", "bird"):
        print(f"skipped: needs root, ip and bird; missing: {missing('ip', 'bird')}")
        sys.exit(77)
    unittest.main(argv=[sys.argv[0], "-v"])
