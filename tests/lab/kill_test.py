#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`strait run` killed with -9 at random moments: nothing half-written, at most one window lost."""

import contextlib
import os
import random
import sys
import time
import unittest
from pathlib import Path as File

sys.dont_write_bytecode = True
sys.path.insert(0, str(File(__file__).resolve().parent))
import topology  # noqa: E402
from e2e_test import STRAIT, make_lab  # noqa: E402
from service import Pace, Service, measured_families  # noqa: E402
from story import Story  # noqa: E402

SEED = int(os.environ.get("SEED", random.SystemRandom().randrange(1_000_000)))
ROUNDS = 6


class Killed(unittest.TestCase):
    def setUp(self):
        self.lab = self.enterContext(make_lab())
        self.plain = Story(self.lab, Service(self.lab, STRAIT, "socket")).best_routes()
        self.service = self.enterContext(Service(self.lab, STRAIT, "socket", Pace(window_s=1)))
        self.story = Story(self.lab, self.service)

    def windows(self) -> dict[int, int]:
        """Session -> end of its newest stored window, ns."""
        with contextlib.closing(self.service.store()) as store:
            self.assertEqual(store.execute("PRAGMA integrity_check").fetchone(), ("ok",))
            return dict(store.execute(
                "SELECT session, max(start_ns + length_ns) FROM windows GROUP BY session").fetchall())

    def check_include_file(self) -> str:
        """BIRD takes the file, and it is whole."""
        text = self.lab.strait_conf.read_text()
        topology.run("bird", "-p", "-c", str(self.lab.directory / "bird-site.conf"))
        self.assertTrue(text.endswith("}\n"), text)
        return text

    def check_routes(self) -> None:
        """BIRD has the plan or none of it; never a part."""
        routes = self.story.best_routes()
        for region, path in self.story.wanted().items():
            with self.subTest(region=region):
                planned = {prefix: path for prefix in routes[region]}
                self.assertIn(routes[region], (planned, self.plain[region]))

    def test_kill_at_random_moments(self):
        randomly = random.Random(SEED)
        print(f"SEED={SEED}", file=sys.stderr)
        self.service.wait_ready()
        self.story.verdicts(self.story.wanted())
        self.story.routes(self.story.wanted())
        for number in range(ROUNDS):
            with self.subTest(round=number):
                time.sleep(randomly.uniform(0, 3))
                self.service.kill()
                killed = time.time_ns()
                self.check_include_file()
                self.check_routes()
                self.check_windows(killed)
                self.service.start()
                self.service.wait_ready()

    def check_windows(self, killed: int) -> None:
        window = self.service.pace.window_s * 1_000_000_000
        # A window closes when its last probe has been answered or given up, is handed over at most
        # 200 ms later, and is then stored.
        closing = (self.service.pace.timeout_ms + 700) * 1_000_000
        newest = self.windows()
        scenario = self.story.scenario
        targets = len(scenario.regions) * len(measured_families(self.service.engine))
        self.assertEqual(len(newest), len(scenario.paths) * targets)
        for session, end in newest.items():
            with self.subTest(session=session):
                self.assertGreater(end, killed - window - closing, "more than the open window is lost")


if __name__ == "__main__":
    if os.geteuid() != 0:
        print("skipped: network namespaces need root")
        sys.exit(77)
    unittest.main(verbosity=2)
