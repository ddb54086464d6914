#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`strait probe` and `strait reflect` over the lab's paths, against the delays that were applied."""

import json
import os
import subprocess
import sys
import unittest
from pathlib import Path as File

sys.dont_write_bytecode = True
sys.path.insert(0, str(File(__file__).resolve().parent))
from e2e_test import STRAIT, make_lab  # noqa: E402
from story import median_tolerance_ms  # noqa: E402
from topology import REFLECTOR_PORT  # noqa: E402

COUNT = 200


class OneShot(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(make_lab())
        cls.scenario = cls.lab.scenario

    def probe(self, *words: str, count: int = COUNT) -> dict:
        done = subprocess.run(
            self.lab.command("site", str(STRAIT), "probe", "--json", "-c", str(count), "-i", "10ms", *words),
            capture_output=True, text=True, check=False, timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout.splitlines()[-1])

    def check(self, report: dict, path, region, family: int = 4):
        # A busy machine misses a slot, and says so.
        self.assertEqual(report["sent"] + report["missed"], COUNT)
        self.assertGreaterEqual(report["sent"], COUNT * 95 // 100)
        self.assertEqual(report["received"], report["sent"], "no loss is set")
        count, applied = self.lab.applied(path.name, region.name, 4, family)
        self.assertGreaterEqual(count, report["sent"])
        print(f"{path.name} to {region.name}: p50 {report['rtt_ns']['p50'] / 1e6:.3f} ms, "
              f"applied {applied / 1e6:.3f} ms", file=sys.stderr)
        self.assertAlmostEqual(report["rtt_ns"]["p50"] / 1e6, applied / 1e6,
                               delta=median_tolerance_ms(region.name, applied / 1e6))
        self.assertGreater(report["rtt_ns"]["min"], 2 * path.floor_ns)

    def stamp(self, target: str, *words: str) -> dict:
        return self.probe(target, "--protocol", "stamp", "-p", str(REFLECTOR_PORT), *words)

    def test_stamp_by_the_socket_engine(self):
        region = self.scenario.region("europe")
        for path in self.scenario.paths:
            with self.subTest(path=path.name):
                pins = ("-I", path.name, "--source", path.site_v4, "--mark", str(path.table))
                self.check(self.stamp(region.target_v4, *pins), path, region)

    def test_stamp_by_the_socket_engine_over_ipv6(self):
        path, region = self.scenario.path("mtwa-north"), self.scenario.region("africa")
        pins = ("-I", path.name, "--source", path.site_v6)
        self.check(self.stamp(region.target_v6, *pins), path, region, family=6)

    def test_stamp_by_the_dpdk_engine(self):
        region = self.scenario.region("europe")
        for path in self.scenario.paths:
            with self.subTest(path=path.name):
                pins = ("--engine", "dpdk", "-I", f"net_af_packet0,iface={path.name}",
                        "--source", path.bypass_v4, "--next-hop", path.upstream_v4)
                self.check(self.stamp(region.target_v4, *pins), path, region)

    def test_flows_over_an_ecmp_pair_are_two_members(self):
        # The kernel hashes ports: about half of the flows leave by the other path, 3 ms farther. All
        # come back by the first one, to whose link their source belongs; it is not an interface's
        # first address, for which newer kernels prefer that interface.
        near, far = self.scenario.paths[:2]
        region = self.scenario.region("europe")
        prefix = next(within for within in region.within if "." in within)
        one_way = near.reach[region.name].one_way_ns
        for path, delay in ((near, one_way), (far, one_way + 3_000_000)):
            self.addCleanup(self.lab.ask, f"set {path.name} out {prefix} "
                            f"delay={path.reach[region.name].one_way_ns}ns jitter={path.jitter}")
            self.lab.ask(f"set {path.name} out {prefix} delay={delay}ns jitter=0ns")
        self.lab.exec("site", "sysctl", "-q", "-w", "net.ipv4.fib_multipath_hash_policy=1")
        source = near.site_v4.rsplit(".", 1)[0] + ".77"
        hops = " ".join(f"nexthop via {path.upstream_v4} dev {path.name}" for path in (near, far))
        for what, undo in ((f"address add {source}/24 dev {near.name}", f"address del {source}/24 dev {near.name}"),
                           (f"rule add from {source} lookup 99", f"rule del from {source}"),
                           (f"route add {region.target_v4} table 99 {hops}",
                            f"route del {region.target_v4} table 99")):
            self.lab.exec("site", "ip", *what.split())
            self.addCleanup(self.lab.exec, "site", "ip", *undo.split())

        report = self.probe(region.target_v4, "--protocol", "stamp", "-p", str(REFLECTOR_PORT),
                            "--source", source, "--flows", "16", count=480)
        self.assertEqual(report["received"], report["sent"])
        self.assertGreaterEqual(report["sent"], 450)
        self.assertEqual(report["unplaced"], [])
        first, second = report["members"]
        self.assertEqual(sorted(first["flows"] + second["flows"]), list(range(16)))
        self.assertAlmostEqual((second["min_ns"] - first["min_ns"]) / 1e6, 3, delta=0.3)

    def test_icmp_needs_no_reflector(self):
        path, region = self.scenario.path("loukkos"), self.scenario.region("europe")
        self.check(self.probe(region.target_v4, "-I", path.name, "--source", path.site_v4), path, region)


if __name__ == "__main__":
    if os.geteuid() != 0:
        print("skipped: network namespaces need root")
        sys.exit(77)
    unittest.main(verbosity=2)
