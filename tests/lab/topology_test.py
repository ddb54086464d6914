#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The lab does what its scenario says, and leaves nothing behind."""

import os
import re
import signal
import statistics
import subprocess
import sys
import unittest
from pathlib import Path as File

sys.dont_write_bytecode = True
sys.path.insert(0, str(File(__file__).resolve().parent))
import scenario as scenarios  # noqa: E402
import topology  # noqa: E402

HERE = File(__file__).resolve().parent
MOROCCO = HERE / "scenarios" / "morocco.toml"
PATHEMU = File(os.environ["PATHEMU"])
TOLERANCE_MS = 0.3


def namespaces(lab_id: str) -> list[str]:
    return [name for name in topology.run("ip", "netns", "list").split() if name.startswith(f"sl{lab_id}-")]


def ping_ms(lab: topology.Lab, source: str, target: str, count: int = 40) -> list[float]:
    text = lab.exec("site", "ping", "-c", str(count), "-i", "0.02", "-W", "1", "-I", source, target,
                    check=False)
    return [float(ms) for ms in re.findall(r"time=([\d.]+) ms", text)]


class LabTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = topology.Lab(scenarios.load(MOROCCO), pathemu=PATHEMU, reflector=[])
        cls.addClassCleanup(cls.lab.down)
        cls.lab.up()
        cls.scenario = cls.lab.scenario

    def check_delay(self, path, region, source, target, family):
        times = ping_ms(self.lab, source, target)
        self.assertEqual(len(times), 40, "no loss is set")
        measured = statistics.median(times)
        count, applied = self.lab.applied(path.name, region.name, 5, family)
        self.assertGreaterEqual(count, 40)
        self.assertAlmostEqual(measured, applied / 1e6, delta=TOLERANCE_MS,
                               msg="ping against what the emulator applied")
        # The emulator itself may be late, but not early: with jitter on both sides of the delay
        # the median is the set one.
        wanted = 2 * path.reach[region.name].one_way_ns / 1e6
        self.assertGreater(applied / 1e6, wanted - 0.1)
        self.assertLess(applied / 1e6, wanted + 1)

    def test_each_path_to_each_region_has_the_delay_of_its_kilometres(self):
        for path in self.scenario.paths:
            for region in self.scenario.regions:
                with self.subTest(path=path.name, region=region.name):
                    self.check_delay(path, region, path.site_v4, region.target_v4, 4)

    def test_ipv6_has_the_same_delays(self):
        path, region = self.scenario.path("loukkos"), self.scenario.region("europe")
        self.check_delay(path, region, path.site_v6, region.target_v6, 6)

    def test_the_site_hears_every_prefix_from_every_upstream(self):
        wanted = sum(len(region.prefixes) for region in self.scenario.regions)
        for path in self.scenario.paths:
            self.assertEqual(self.lab.site.routes_from(path), wanted)

    def test_a_cut_stops_packets_but_not_bgp_and_a_repair_brings_them_back(self):
        path, region = self.scenario.path("atlas-offshore"), self.scenario.region("europe")
        self.lab.cut(path.name)
        self.addCleanup(self.lab.repair, path.name)
        self.assertEqual(ping_ms(self.lab, path.site_v4, region.target_v4, 5), [])
        self.assertEqual(len(ping_ms(self.lab, path.site_v4, path.upstream_v4, 5)), 5)
        self.assertGreater(self.lab.site.routes_from(path), 0)
        self.assertEqual(len(ping_ms(self.lab, self.scenario.path("loukkos").site_v4, region.target_v4, 5)), 5)
        self.lab.repair(path.name)
        self.assertEqual(len(ping_ms(self.lab, path.site_v4, region.target_v4, 5)), 5)

    def test_a_preference_moves_the_best_route_of_bird(self):
        prefix = self.scenario.region("europe").prefixes[0]["prefix"]
        before = self.lab.best(prefix)
        self.assertEqual(before, "atlas-offshore", "shortest AS path")
        self.lab.strait_conf.write_text(
            f'function strait_pref() {{ if proto = "loukkos" && net ~ [ {prefix} ] then bgp_local_pref = 200; }}\n')
        self.lab.birdc("configure")
        topology.wait_for("BIRD on loukkos", 5, lambda: self.lab.best(prefix) == "loukkos")

    def test_the_log_holds_what_was_applied(self):
        path, region = self.scenario.path("est-tet"), self.scenario.region("africa")
        times = ping_ms(self.lab, path.site_v4, region.target_v4, 10)
        self.lab.ask("stats")  # writes the log out
        rows = [line.split(",") for line in (self.lab.directory / "applied.csv").read_text().splitlines()]
        out = [int(row[5]) / 1e6 for row in rows
               if row[1:4] == [path.name, "out", region.within[0]] and row[6] == "sent"]
        self.assertGreaterEqual(len(out), len(times))
        self.assertAlmostEqual(statistics.median(out), path.reach[region.name].one_way_ns / 1e6, delta=0.5)


class RemovalTest(unittest.TestCase):
    def start(self, lab_id: str) -> subprocess.Popen:
        owner = subprocess.Popen(
            [sys.executable, str(HERE / "lab"), "up", "--id", lab_id, "--pathemu", str(PATHEMU)],
            stdout=subprocess.PIPE, text=True)
        self.addCleanup(topology.remove, lab_id)
        self.addCleanup(owner.stdout.close)
        self.assertIn("is up", owner.stdout.readline())
        self.assertEqual(len(namespaces(lab_id)), 9)
        return owner

    def test_nothing_is_left_when_the_owner_ends_however_it_ends(self):
        for number, how in enumerate((signal.SIGINT, signal.SIGTERM, signal.SIGKILL)):
            with self.subTest(how=how.name):
                lab_id = f"{os.getpid():x}r{number}"
                owner = self.start(lab_id)
                owner.send_signal(how)
                owner.wait(10)
                topology.wait_for("namespaces gone", 5, lambda: not namespaces(lab_id))
                topology.wait_for("state gone", 5, lambda: not (topology.STATE / lab_id).exists())
                self.assertFalse(File(f"/tmp/strait-lab-{lab_id}").exists())

    def test_two_labs_do_not_meet(self):
        owners = [self.start(f"{os.getpid():x}p{number}") for number in range(2)]
        for owner in owners:
            owner.terminate()
            owner.wait(10)


if __name__ == "__main__":
    if os.geteuid() != 0:
        print("skipped: network namespaces need root")
        sys.exit(77)
    unittest.main(verbosity=2)
