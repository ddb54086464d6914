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

    def probe(self, *words: str) -> dict:
        done = subprocess.run(
            self.lab.command("site", str(STRAIT), "probe", "--json", "-c", str(COUNT), "-i", "10ms", *words),
            capture_output=True, text=True, check=False, timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout.splitlines()[-1])

    def check(self, report: dict, path, region, family: int = 4):
        self.assertEqual(report["sent"], COUNT)
        self.assertEqual(report["received"], COUNT, "no loss is set")
        count, applied = self.lab.applied(path.name, region.name, 4, family)
        self.assertGreaterEqual(count, COUNT)
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

    def test_icmp_needs_no_reflector(self):
        path, region = self.scenario.path("loukkos"), self.scenario.region("europe")
        self.check(self.probe(region.target_v4, "-I", path.name, "--source", path.site_v4), path, region)


if __name__ == "__main__":
    if os.geteuid() != 0:
        print("skipped: network namespaces need root")
        sys.exit(77)
    unittest.main(verbosity=2)
