#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Plans beside a real BIRD: what comes back, and what an eBGP neighbour of the site hears of a plan: nothing. The site's
BIRD has two upstreams and a customer, who gets the whole table; the plan comes by strait's include file, or by an
injector: ExaBGP or GoBGP.
Each protection is switched off in turn, so that another one has to hold; without any the leak is seen, so that this test
could see one."""

import ipaddress
import os
import re
import subprocess
import sys
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
from aftermath_test import PLAIN, ROOT, SCENARIO, now  # noqa: E402
from router_lab import RouterLab, missing  # noqa: E402

STRAIT = str(Path(os.environ.get("STRAIT", "build/dev/strait")).resolve())
BOTH = [f"20.{n}.0.0/16" for n in range(1, 6)]  # what both upstreams announce
NO_EXPORT, MARK = "65535:65281", "64500:911"

SITE = """
router id 10.255.1.1; protocol device {{}} protocol direct {{ ipv4; }}
include "{directory}/strait.conf";
filter up_in {{ bgp_local_pref = 100; strait_pref(); accept; }}
filter from_injector {{ {import_guard} accept; }}
filter to_customer {{ if source != RTS_BGP then reject; {export_guard} accept; }}
template bgp peer {{ local 10.255.1.1 as 64500; strict bind yes; connect delay time 1; error wait time 1, 1; }}
protocol bgp u1 from peer {{ neighbor 10.255.1.2 as 65001; ipv4 {{ import table; import filter up_in; export none; }}; }}
protocol bgp u2 from peer {{ neighbor 10.255.1.3 as 65002; ipv4 {{ import table; import filter up_in; export none; }}; }}
protocol bgp customer from peer {{ neighbor 10.255.1.4 as 65003; ipv4 {{ import none; export filter to_customer; next hop self; }}; }}
protocol bgp injector from peer {{ neighbor 10.255.1.5 as 64500; passive;
  ipv4 {{ import table; import filter from_injector; export none; }}; }}
"""
IMPORT_GUARD = "if ! ((64500, 911) ~ bgp_community) then reject;"
EXPORT_GUARD = "if (64500, 911) ~ bgp_community then reject;"

NEIGHBOR = """
router id 10.255.1.{last}; protocol device {{}}
protocol static table_of_it {{ ipv4; {routes} }}
protocol bgp site {{ local 10.255.1.{last} as {asn}; neighbor 10.255.1.1 as 64500; strict bind yes;
  connect delay time 1; error wait time 1, 1; ipv4 {{ import all; export {export}; next hop self; }}; }}
"""

CONFIGURATION = """
[site]
name = "here"
asn = 64500
place = "casablanca"
data = "{root}/data"
[[path]]
name = "atlas"
segments = ["cas-asilah", "atlas-offshore"]
upstream_asn = 65001
neighbor_v4 = "10.255.1.2"
protocol = "u1"
source_v4 = "127.0.0.1"
[[path]]
name = "tetouan"
segments = ["cas-tetouan", "est-tet", "estepona-mad"]
upstream_asn = 65002
neighbor_v4 = "10.255.1.3"
protocol = "u2"
source_v4 = "127.0.0.1"
[[region]]
name = "europe"
prefixes = ["20.0.0.0/8"]
[[target]]
name = "target"
address = "127.0.0.1"
region = "europe"
place = "madrid"
[analyzer]
freshness = "1h"
[exporters]
store = "{directory}/strait.db"
[routes]
rib = "birdc:{directory}/site.ctl"
accept = ["bogon-asn", "private-asn"]
[routes.bird]
include = "{directory}/strait.conf"
socket = "{directory}/site.ctl"
journal = "{directory}/journal"
[routes.injector]
router = "10.255.1.1"
local_address = "10.255.1.5"
community = "64500:911"
"""


class Leaks(RouterLab):
    routers = (1, 5)
    upstreams = (2, 3, 4)

    def setUp(self):
        super().setUp()
        way = "bgp_path.prepend(64496);"
        for last, asn, more, export in ((2, 65001, "bgp_path.prepend(64497);", "all"), (3, 65002, "", "all"),
                                        (4, 65003, "", "none")):
            routes = "" if last == 4 else " ".join(f"route {prefix} blackhole {{ {way} {more} }};" for prefix in BOTH)
            self.start_bird(f"bird{last}", self.outside,
                            NEIGHBOR.format(last=last, asn=asn, routes=routes, export=export))
        (self.directory / "strait.conf").write_text(PLAIN)
        self.write_site()
        self.start_bird("site", self.router)
        self.file = self.directory / "strait.toml"
        self.file.write_text(CONFIGURATION.format(root=ROOT, directory=self.directory))
        scenario = self.directory / "scenario.toml"
        scenario.write_text(SCENARIO.format(start=now(-40 * 60)[:-3] + "00Z", other="45ms"))
        subprocess.run([STRAIT, "simulate", str(scenario), "--store", str(self.directory / "strait.db")], check=True,
                       capture_output=True, timeout=60)
        self.wait_for("plain BGP, and all of it at the customer", 30,
                      lambda: self.best() == ["u2"] * 5 and self.customer() == set(BOTH)
                      and self.birdc("site", "show", "route").count("[u1 ") == 5)

    def write_site(self, import_guard: str = IMPORT_GUARD, export_guard: str = EXPORT_GUARD):
        (self.directory / "site.conf").write_text(
            SITE.format(directory=self.directory, import_guard=import_guard, export_guard=export_guard))

    def start_bird(self, name: str, namespace: str, text: str | None = None):
        if text is not None:
            (self.directory / f"{name}.conf").write_text(text)
        self.start(name, namespace, "bird", "-f", "-c", f"{self.directory}/{name}.conf", "-s", f"{self.directory}/{name}.ctl")

    def birdc(self, name: str, *words: str) -> str:
        return self.inside("birdc", "-s", f"{self.directory}/{name}.ctl", *words, check=False)

    def best(self) -> list[str]:
        """By whom the site goes to each prefix."""
        text = self.birdc("site", "show", "route", "primary")
        found = dict(re.findall(r"^(\S+/\d+)\s+unicast \[(\w+) ", text, re.M))
        return [found.get(prefix, "nobody") for prefix in BOTH]

    def customer(self) -> set[str]:
        return set(re.findall(r"^(\S+/\d+)\s", self.birdc("bird4", "show", "route"), re.M))

    def leaks(self, injected: bool) -> list[str]:
        """What the customer has and should not: longer prefixes, marks, and what is injected."""
        heard = self.customer()
        wrong = [str(prefix) for prefix in map(ipaddress.ip_network, heard) if prefix.prefixlen > 16]
        wrong += re.findall(r"\(64500,\s*\d+\)|\(65535,\s*65281\)", self.birdc("bird4", "show", "route", "all"))
        return wrong + (sorted(heard & set(BOTH)) if injected else [])

    def strait(self, *words: str, check: bool = True) -> str:
        return self.inside(STRAIT, "routes", words[0], "-c", str(self.file), *words[1:], check=check)

    def inject(self, text: str):
        file = self.directory / "injected"
        file.write_text(text)
        if "for GoBGP as the injector" in text:
            own = self.directory / "injector.toml"
            own.write_text("".join(line[3:] + "\n" for line in text.splitlines() if line.startswith("#| ")))
            self.start("injector", self.router, "gobgpd", "-p", "-f", str(own), "--pprof-disable")
            self.wait_for("the API of gobgpd", 20,
                          lambda: self.inside("gobgp", "global", check=False).startswith("AS: "))
            self.inside("sh", "-e", str(file))
            return
        self.start("injector", self.router, "exabgp", str(file), **{"exabgp.daemon.user": "root", "exabgp.tcp.bind": "",
                                                                    "exabgp.log.destination": f"{self.directory}/exabgp.log"})

    def end_injection(self):
        self.stop("injector")  # by kill -9
        self.wait_for("plain BGP again", 20, lambda: self.best() == ["u2"] * 5 and self.customer() == set(BOTH))

    def refused(self) -> bool:
        """The site's router has heard all five routes of the injector and taken none."""
        counted = re.search(r"Import updates:\s+(\d+)\s+\d+\s+(\d+)", self.birdc("site", "show", "protocols", "all", "injector"))
        return bool(counted) and int(counted[1]) >= 5 and counted[1] == counted[2]

    def test_what_the_include_file_prefers_reaches_the_customer_as_the_upstreams_sent_it(self):
        self.strait("apply")
        self.wait_for("the preference", 10, lambda: self.best() == ["u1"] * 5)
        self.wait_for("the whole table at the customer", 10, lambda: self.customer() == set(BOTH))
        self.assertEqual(self.leaks(injected=False), [])
        self.strait("apply", "--withdraw")
        self.wait_for("plain BGP", 10, lambda: self.best() == ["u2"] * 5)
        self.assertEqual(self.leaks(injected=False), [])

    def test_a_rollback_follows_what_the_upstream_offers_now(self):
        self.assertIn("confirmed: 5 of 5 prefixes", self.strait("apply"))
        self.strait("apply", "--withdraw")
        self.wait_for("plain BGP", 10, lambda: self.best() == ["u2"] * 5)
        self.assertIn("confirmed: 5 of 5 prefixes", self.strait("rollback"))
        self.assertEqual(self.best(), ["u1"] * 5)
        # Of an apply that was killed the old file is back before preferences are taken back.
        (self.directory / "strait.conf.previous").write_text((self.directory / "strait.conf").read_text())
        self.strait("apply", "--withdraw")
        self.assertIn('"step":"recovered"', (self.directory / "journal").read_text())
        self.wait_for("plain BGP", 10, lambda: self.best() == ["u2"] * 5)
        self.birdc("bird2", "disable", "table_of_it")
        self.wait_for("nothing from the upstream", 10, lambda: "[u1 " not in self.birdc("site", "show", "route"))
        said = self.strait("rollback", check=False)
        self.assertIn("guard rib-from-upstream: class europe: 5 prefixes from atlas left out", said)
        self.assertIn("refused: guard old-plan: ", said)
        self.assertEqual(self.best(), ["u2"] * 5)

    def test_nothing_that_exabgp_injects_reaches_the_customer_whichever_protection_is_missing(self):
        plan = self.strait("render", "--dialect", "exabgp")
        self.assertEqual(len(re.findall(r"^    route 20\.\d\.0\.0/16 ", plan, re.M)), 5, plan)
        hostile = plan.replace("    route 20.1.0.0/16", "    route 20.1.128.0/17 next-hop 10.255.1.2 origin igp as-path [ 65001 ] "
                               f"local-preference 200 community [ {NO_EXPORT} {MARK} ];\n    route 20.1.0.0/16")
        self.nothing_leaks(plan, hostile, without_export=plan.replace(f"{NO_EXPORT} ", ""),
                           without_mark=plan.replace(f" {MARK}", ""))

    def test_nothing_that_gobgp_injects_reaches_the_customer_whichever_protection_is_missing(self):
        plan = self.strait("render", "--dialect", "gobgp-injector")
        self.assertEqual(len(re.findall(r"^gobgp global rib add -a ipv4 20\.\d\.0\.0/16 ", plan, re.M)), 5, plan)
        hostile = plan + ("gobgp global rib add -a ipv4 20.1.128.0/17 origin igp aspath 65001 nexthop 10.255.1.2 "
                          f"local-pref 200 community {NO_EXPORT},{MARK}\n")
        self.nothing_leaks(plan, hostile, without_export=plan.replace(f"{NO_EXPORT},", ""),
                           without_mark=plan.replace(f",{MARK}", ""))

    def test_what_the_timer_starts_takes_back_a_plan_that_nobody_renews(self):
        unit = (ROOT / "packaging" / "strait-expire.service").read_text()
        command = re.search(r"^ExecStart=(.*)$", unit, re.M)[1].replace("/etc/strait/strait.toml", str(self.file)).split()
        self.assertIn(str(self.file), command)

        def started() -> str:
            return self.inside("env", f"PATH={Path(STRAIT).parent}:{os.environ['PATH']}", *command)

        self.assertEqual(started(), "plain BGP: nothing is preferred\n")
        text = self.file.read_text()
        self.file.write_text(text.replace("[analyzer]", '[analyzer]\nplan_expiry = "10s"'))
        self.assertIn("confirmed: 5 of 5 prefixes", self.strait("apply"))
        self.assertRegex(started(), "^in force until .* unless it is renewed\n$")
        self.assertEqual(self.best(), ["u1"] * 5)
        said = self.wait_for("the plan taken back", 30, lambda: (text := started()).startswith("expired at ") and text)
        self.assertRegex(said, "^expired at .*, and nobody renewed it; confirmed: ")
        self.assertEqual(self.best(), ["u2"] * 5)
        self.assertEqual(self.customer(), set(BOTH))

    def nothing_leaks(self, plan: str, hostile: str, without_export: str, without_mark: str):
        self.assertNotIn(plan, (hostile, without_export, without_mark))
        everything = ("import_guard", "export_guard")
        rows = (  # what is missing, what is injected, the guards that are there, whether it is taken, whether it leaks
            ("nothing", plan, everything, True, False),
            ("nothing, killed and started anew", plan, everything, True, False),
            ("the export filter", plan, ("import_guard",), True, False),
            ("NO_EXPORT", without_export, everything, True, False),
            ("the mark", without_mark, everything, False, False),
            ("the mark and the import filter", without_mark, ("export_guard",), True, False),
            ("nothing, and the plan is hostile", hostile, everything, True, False),
            ("NO_EXPORT and the export filter", without_export, ("import_guard",), True, True),
        )
        for missing_one, text, guards, taken, leaks in rows:
            with self.subTest(missing_one):
                self.write_site(**{name: "" for name in everything if name not in guards})
                self.birdc("site", "configure")
                self.inject(text)
                if taken:
                    self.wait_for("the injected routes", 20, lambda: self.best() == ["injector"] * 5)
                else:
                    self.wait_for("the injected routes refused", 20, self.refused)
                    self.assertEqual(self.best(), ["u2"] * 5)
                if text == hostile:
                    self.assertIn("20.1.128.0/17", self.birdc("site", "show", "route"))
                if leaks:
                    self.wait_for("the leak", 10, lambda: self.leaks(injected=True))
                elif taken:
                    self.wait_for("nothing of it at the customer", 5, lambda: not self.leaks(injected=True))
                self.assertEqual(bool(self.leaks(injected=taken)), leaks)
                self.end_injection()


if __name__ == "__main__":
    if os.geteuid() != 0 or (gone := missing("ip", "bird", "birdc", "exabgp", "gobgp", "gobgpd")):
        print(f"skipped: needs root and {' '.join(gone) if os.geteuid() == 0 else 'network namespaces'}")
        sys.exit(77)
    unittest.main(verbosity=2)
