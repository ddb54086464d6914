#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`strait routes rib` of the dumps that BIRD, FRR, GoBGP and OpenBGPD write: route by route what the daemons themselves
show, IPv4 and IPv6, the same best routes, and the lines of `bgpdump -m`. One ExaBGP plays three upstreams, two of them of
one AS, for all four at once."""

import ipaddress
import json
import os
import random
import re
import sys
import time
import unittest
from pathlib import Path

from router_lab import BGPD, RouterLab, missing, run

STRAIT = str(Path(os.environ.get("STRAIT", "build/dev/strait")).resolve())
ROUTERS = {"bird": 1, "frr": 2, "gobgp": 3, "openbgpd": 4}  # the last number of their addresses
UPSTREAMS = {11: 65001, 12: 65002, 13: 65001}
PREFIXES = {4: [f"20.{n // 200}.{n % 200}.0/24" for n in range(60)] + ["21.0.0.0/8", "22.128.0.0/9", "23.1.2.3/32"],
            6: [f"2001:db8:{n:x}::/48" for n in range(40)] + ["2400::/12", "2a00:1::1/128"]}
ORIGINS = ("igp", "egp", "incomplete")


def address(last: int, family: int) -> str:
    return f"10.255.1.{last}" if family == 4 else f"fd00:255:1::{last}"


def route(prefix: str, last: int, dice: random.Random) -> str:
    """A line of ExaBGP's configuration: few values, so that each step of the decision decides somewhere."""
    family = 6 if ":" in prefix else 4
    path = [UPSTREAMS[last], *(dice.choice((64496, 64511, 4200000001)) for _ in range(dice.randint(0, 2)))]
    sets = f" ( {dice.randint(64497, 64499)} 64510 )" if dice.random() < 0.1 and last != 12 else ""
    line = (f"route {prefix} next-hop {address(last, family)} origin {dice.choice(ORIGINS)} "
            f"as-path [ {' '.join(map(str, path))}{sets} ]")
    if dice.random() < 0.6:
        line += f" med {dice.choice((0, 5, 4294967295))}"
    if dice.random() < 0.5:
        line += f" community [ 65001:{dice.randint(0, 3)} 64496:65535 ]"
    if dice.random() < 0.3:
        line += f" large-community [ 4200000001:{dice.randint(0, 3)}:4294967295 ]"
    if dice.random() < 0.2:
        line += f" extended-community [ target:65001:{dice.randint(1, 9)} ]"
    if dice.random() < 0.2:
        line += " atomic-aggregate aggregator ( 64496:192.0.2.1 )"
    return line + ";"


def exabgp_configuration() -> str:
    lines = []
    for last, asn in UPSTREAMS.items():
        dice = random.Random(last)
        routes = {family: [route(prefix, last, dice) for prefix in PREFIXES[family] if dice.random() < 0.9]
                  for family in PREFIXES}
        for family, own in routes.items():
            for router in ROUTERS.values():
                lines += [f"neighbor {address(router, family)} {{ router-id 10.255.1.{last};",
                          f" local-address {address(last, family)}; local-as {asn}; peer-as 64500;",
                          f" family {{ ipv{family} unicast; }} static {{", *(f"  {line}" for line in own), " } }"]
    return "\n".join(lines) + "\n"


def neighbors(family: int):
    """(address, AS) of the upstreams."""
    return [(address(last, family), asn) for last, asn in UPSTREAMS.items()]


def bird_configuration(folder: Path) -> str:
    lines = ["router id 10.255.1.1; protocol device {}"]
    for family in PREFIXES:
        for peer, asn in neighbors(family):
            lines.append(f"protocol bgp {{ local {address(1, family)} as 64500; neighbor {peer} as {asn}; strict bind yes;"
                         f" passive yes; deterministic med yes; ipv{family} {{ import all; export none; }}; }}")
    return "\n".join(lines) + "\n"


def frr_configuration(folder: Path) -> str:
    lines = [f"log file {folder}/bgpd.log critical", f"dump bgp routes-mrt {folder}/table.mrt 3",
             f"dump bgp all {folder}/updates.mrt", "router bgp 64500", " bgp router-id 10.255.1.2",
             " bgp bestpath compare-routerid", " bgp deterministic-med",
             " no bgp ebgp-requires-policy", " no bgp default ipv4-unicast", " no bgp network import-check"]
    for family in PREFIXES:
        lines += [f" neighbor {peer} {what}" for peer, asn in neighbors(family) for what in (f"remote-as {asn}", "passive")]
    for family in PREFIXES:
        lines += [f" address-family ipv{family} unicast", *(f"  neighbor {peer} activate" for peer, _ in neighbors(family)),
                  " exit-address-family"]
    return "\n".join(lines) + "\n"


def gobgp_configuration(folder: Path) -> str:
    text = ('[global.config]\n as = 64500\n router-id = "10.255.1.3"\n'
            f' local-address-list = ["{address(3, 4)}", "{address(3, 6)}"]\n')
    text += "[global.route-selection-options.config]\n external-compare-router-id = true\n"
    # Less than a minute it does not take.
    text += (f'[[mrt-dump]]\n [mrt-dump.config]\n  dump-type = "table"\n  file-name = "{folder}/table.mrt"\n'
             '  dump-interval = 60\n')
    for family in PREFIXES:
        for peer, asn in neighbors(family):
            text += (f'[[neighbors]]\n [neighbors.config]\n  neighbor-address = "{peer}"\n  peer-as = {asn}\n'
                     f' [neighbors.transport.config]\n  passive-mode = true\n'
                     f' [[neighbors.afi-safis]]\n  [neighbors.afi-safis.config]\n   afi-safi-name = "ipv{family}-unicast"\n')
    return text


def openbgpd_configuration(folder: Path) -> str:
    lines = ["AS 64500", "router-id 10.255.1.4", f'socket "{folder}/bgpd.sock"', "fib-update no",
             f'dump table-v2 "{folder}/table.mrt" 3', f'dump updates in "{folder}/updates.mrt"',
             *(f"listen on {address(4, family)}" for family in PREFIXES)]
    for family in PREFIXES:
        for peer, asn in neighbors(family):
            lines.append(f"neighbor {peer} {{\n remote-as {asn}\n passive\n announce IPv{family} unicast\n"
                         f" announce IPv{10 - family} none\n}}")
    return "\n".join([*lines, "allow from any", "deny to any"]) + "\n"


# A route as it is compared.

def path_of(text: str) -> tuple:
    found = re.findall(r"[{(]([^})]*)[})]|(\d+)", text)
    return tuple(int(number) if number else frozenset(re.findall(r"\d+", inner)) for inner, number in found)


def entry(path: str, origin: str, next_hop: str, *, local_pref=None, med=None, communities=(), large=(), extended=(),
          atomic=False, aggregator=None) -> dict:
    return {"path": path_of(path), "origin": origin.lower(), "next_hop": str(ipaddress.ip_address(next_hop)),
            "local_pref": local_pref, "med": med, "communities": sorted(communities), "large": sorted(large),
            "extended": sorted(extended), "atomic": atomic, "aggregator": aggregator}


def target(text: str) -> str:
    """The octets of a route target such as 65001:7, in hexadecimal (RFC 4360 section 4)."""
    asn, number = map(int, text.split(":"))
    return f"0002{asn:04x}{number:08x}"


def bird_route(text: str) -> dict:
    said = dict(re.findall(r"BGP\.(\w+): ?(.*)", text))
    lists = {name: [inner.replace(", ", ":").replace(",", ":") for inner in re.findall(r"\(([^)]*)\)", said.get(name, ""))]
             for name in ("community", "large_community", "ext_community")}
    by = re.match(r"(\S+) AS(\d+)", said.get("aggregator", ""))
    return entry(said["as_path"], said["origin"], said["next_hop"].split()[0], local_pref=int(said["local_pref"]),
                 med=int(said["med"]) if "med" in said else None, communities=lists["community"],
                 large=lists["large_community"],
                 extended=[target(each.removeprefix("rt:")) for each in lists["ext_community"]], atomic="atomic_aggr" in said,
                 aggregator=(int(by[2]), by[1]) if by else None)


def frr_route(said: dict) -> dict:
    by = (said["aggregatorAs"], said["aggregatorId"]) if "aggregatorAs" in said else None
    extended = said.get("extendedCommunity", {}).get("string", "").split()
    return entry(said["aspath"]["string"], said["origin"], said["nexthops"][0]["ip"], local_pref=said.get("locPrf"),
                 med=said.get("metric"), communities=said.get("community", {}).get("list", []),
                 large=said.get("largeCommunity", {}).get("list", []),
                 extended=[target(each.removeprefix("RT:")) for each in extended],
                 atomic=said.get("atomicAggregate", False), aggregator=by)


def gobgp_route(attributes: dict) -> dict:
    segments = attributes[2]["as_paths"]
    path = " ".join((f"{{{each['asns']}}}" if each["segment_type"] == 1 else str(each["asns"])) for each in segments)
    by = attributes.get(7)
    next_hop = attributes.get(3) or attributes[14]
    return entry(path, ORIGINS[attributes[1]["value"]], next_hop["nexthop"],
                 local_pref=attributes.get(5, {}).get("value"), med=attributes.get(4, {}).get("metric"),
                 communities=[f"{each >> 16}:{each & 65535}" for each in attributes.get(8, {}).get("communities", [])],
                 large=["{ASN}:{LocalData1}:{LocalData2}".format(**each) for each in attributes.get(32, {}).get("value", [])],
                 extended=[target(each["value"]) for each in attributes.get(16, {}).get("value", [])], atomic=6 in attributes,
                 aggregator=(by["as"], by["address"]) if by else None)


def openbgpd_route(said: dict) -> dict:
    more = {each["type"]: each for each in said.get("attributes", [])}
    by = more.get("Aggregator")
    return entry(said["aspath"], said["origin"], said["exit_nexthop"], local_pref=said["localpref"], med=said["metric"],
                 communities=said.get("communities", []), large=said.get("large_communities", []),
                 extended=[target(each.removeprefix("rt ")) for each in said.get("extended_communities", [])],
                 atomic="Atomic Aggregate" in more, aggregator=(by["AS"], by["router_id"]) if by else None)


def our_route(said: dict) -> dict:
    by = said["aggregator"]
    return entry(said["as_path"], said["origin"], said["next_hop"], local_pref=said["local_pref"], med=said["med"],
                 communities=said["communities"], large=said["large_communities"], extended=said["extended_communities"],
                 atomic=said["atomic_aggregate"], aggregator=(by["asn"], by["address"]) if by else None)


def same(said: dict) -> dict:
    return said


def without_zero_med(said: dict) -> dict:
    return said | {"med": said["med"] or None}


# FRR 8.4 leaves extended communities out of its tables. OpenBGPD 7.7 shows 0 where there is no MED, and leaves out a MED of 0.
TABLES = {"frr": lambda said: said | {"extended": []}, "openbgpd": without_zero_med}
UPDATES = {"openbgpd": without_zero_med}

Table = dict  # (prefix, peer): (route, whether it is the best one)


class Dumps(RouterLab):
    routers = tuple(ROUTERS.values())
    upstreams = tuple(UPSTREAMS)

    def setUp(self):
        super().setUp()
        (self.directory / "exabgp.conf").write_text(exabgp_configuration())
        self.folder = {name: self.directory / name for name in ROUTERS}
        for name, folder in self.folder.items():
            folder.mkdir()
            (folder / "bgpd.conf").write_text(globals()[f"{name}_configuration"](folder))
        self.start("bird", self.router, "bird", "-f", "-c", f"{self.folder['bird']}/bgpd.conf", "-s",
                   f"{self.folder['bird']}/bird.ctl")
        self.start_frr(self.folder["frr"], *(word for family in PREFIXES for word in ("-l", address(2, family))))
        self.start("gobgpd", self.router, "gobgpd", "-f", f"{self.folder['gobgp']}/bgpd.conf", "--pprof-disable")
        os.chmod(self.folder["openbgpd"] / "bgpd.conf", 0o600)
        Path("/run/openbgpd").mkdir(exist_ok=True)  # where it locks itself up
        self.start("openbgpd", self.router, "/usr/sbin/bgpd", "-d", "-f", f"{self.folder['openbgpd']}/bgpd.conf")
        self.start("exabgp", self.outside, "exabgp", f"{self.directory}/exabgp.conf", **{
            "exabgp.daemon.user": "root", "exabgp.tcp.bind": "", "exabgp.log.level": "WARNING"})

    # What the daemons show.

    def bird_shows(self) -> Table:
        found = {}
        for block in re.split(r"\n(?=\S)", self.birdc("show route all")):
            prefix = block.split()[0]
            for text in re.split(r"\n(?=\s+unicast)", block):
                if head := re.search(r"unicast \[\S+ \S+\] (\*?)", text):
                    found[prefix, re.search(r"BGP.next_hop: (\S+)", text)[1]] = bird_route(text), head[1] == "*"
        return found

    def birdc(self, words: str) -> str:
        return run("birdc", "-r" if words.startswith("show") else "-v", "-s", f"{self.folder['bird']}/bird.ctl", words)

    def frr_shows(self) -> Table:
        words = [word for family, prefixes in PREFIXES.items() for prefix in prefixes
                 for word in ("-c", f"show bgp ipv{family} unicast {prefix} json")]
        text = self.inside("vtysh", "--vty_socket", str(self.folder["frr"]), *words, check=False)
        found, decoder, at = {}, json.JSONDecoder(), 0
        while (at := text.find("{", at)) >= 0:
            shown, at = decoder.raw_decode(text, at)
            for each in shown.get("paths", []):
                found[shown["prefix"], each["peer"]["peerId"]] = frr_route(each), "overall" in each.get("bestpath", {})
        return found

    def gobgp_shows(self) -> Table:
        found = {}
        for family in PREFIXES:
            text = self.inside("gobgp", "global", "rib", "-a", f"ipv{family}", "-j", check=False)
            for prefix, routes in (json.loads(text) if text.startswith("{") else {}).items():
                for each in routes:
                    attributes = {attribute["type"]: attribute for attribute in each["attrs"]}
                    found[prefix, each["neighbor-ip"]] = gobgp_route(attributes), each["best"]
        return found

    def openbgpd_shows(self) -> Table:
        text = self.inside("bgpctl", "-s", f"{self.folder['openbgpd']}/bgpd.sock", "-j", "show", "rib", "detail", check=False)
        shown = json.loads(text).get("rib", []) if text.startswith("{") else []
        return {(each["prefix"], each["neighbor"]["remote_addr"]): (openbgpd_route(each), each.get("best", False))
                for each in shown}

    # What their files hold.

    def ours(self, file: Path) -> Table:
        lines = run(STRAIT, "routes", "rib", "show", "--json", "--site-asn", "64500", str(file), check=False).splitlines()
        said = [json.loads(line) for line in lines]
        return {(each["prefix"], each["peer"]): (our_route(each), each["best"]) for each in said}

    def compare(self, file: Path, shows, but=same):
        """Waits until the file holds the routes that the daemon shows, each as `but` makes it."""
        def differences():
            theirs = {key: but(route) for key, (route, _) in shows().items()}
            ours = {key: but(route) for key, (route, _) in self.ours(file).items()} if file.exists() else {}
            keys = sorted(theirs.keys() | ours.keys())
            return [(key, ours.get(key), theirs.get(key)) for key in keys if ours.get(key) != theirs.get(key)] or (
                [] if ours else ["no routes"])
        end = time.monotonic() + 30
        while (found := differences()) and time.monotonic() < end:
            time.sleep(1)
        self.assertEqual(found[:3], [], f"{file.name}: key, here, there; {len(found)} differ")

    def compare_best(self, file: Path, shows):
        def best(table: Table):
            return {prefix: peer for (prefix, peer), (_, is_best) in table.items() if is_best}
        theirs, ours = best(shows()), best(self.ours(file))
        self.assertEqual({prefix: (ours.get(prefix), peer) for prefix, peer in theirs.items() if ours.get(prefix) != peer}, {})
        self.assertEqual(len(theirs), sum(map(len, PREFIXES.values())))

    def compare_lines(self, file: Path):
        theirs = run("bgpdump", "-m", str(file))
        self.assertEqual(run(STRAIT, "routes", "rib", "export", str(file)), theirs)
        self.assertGreater(theirs.count("\n"), 200)

    def test_everything(self):
        announced = sum(line.startswith("  route") for line in exabgp_configuration().splitlines()) // len(ROUTERS)
        for name in ROUTERS:
            self.wait_for(f"all routes in {name}", 60, lambda name=name: len(getattr(self, f"{name}_shows")()) == announced)
        self.birdc(f"mrt dump table \"master?\" to \"{self.folder['bird']}/table.mrt\"")
        self.wait_for("GoBGP's dump", 90, lambda: (self.folder["gobgp"] / "table.mrt").stat().st_size > 0)
        for name, folder in self.folder.items():
            shows = getattr(self, f"{name}_shows")
            for check in (lambda: self.compare(folder / "table.mrt", shows, TABLES.get(name, same)),
                          lambda: self.compare_best(folder / "table.mrt", shows),
                          lambda: self.compare_lines(folder / "table.mrt")):
                with self.subTest(f"{name}, table"):
                    check()
            if (folder / "updates.mrt").exists():
                with self.subTest(f"{name}, updates"):
                    # As the upstreams sent them.
                    self.compare(folder / "updates.mrt", shows,
                                 lambda route, but=UPDATES.get(name, same): but(route) | {"local_pref": None})
                    self.compare_lines(folder / "updates.mrt")


LACKING = missing("ip", "birdc", BGPD, "vtysh", "gobgpd", "gobgp", "bgpctl", "exabgp", "bgpdump")

if __name__ == "__main__":
    if os.geteuid() != 0 or LACKING:
        print(f"skipped: needs root and the daemons; missing: {LACKING}")
        sys.exit(77)
    unittest.main(argv=[sys.argv[0], "-v"])
