#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A region of two countries, of which one is nearer by another path than plain BGP takes: what strait routes says of the
region, of its parts and of the prefixes, at each grain. The evidence is simulated, up to this minute."""

import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
from aftermath_test import CONFIGURATION, ROOT, SCENARIO, now  # noqa: E402
from rib_test import attributes, peers, rib  # noqa: E402

STRAIT = os.environ.get("STRAIT", "build/dev/strait")
FRANCE = bytes([24, 198, 51, 100])
SPAIN = bytes([24, 203, 0, 113])

TARGETS = """
[[target]]
name = "paris"
region = "europe"
{paris}
[[target]]
name = "madrid"
region = "europe"
{madrid}
"""
ADDRESSES = {"paris": 'address = "198.51.100.10"\nplace = "paris"', "madrid": 'address = "203.0.113.10"\nplace = "madrid"'}
TRIPS = {"paris": '[target.rtt]\natlas = "33ms"\ntetouan = "45ms"', "madrid": '[target.rtt]\natlas = "45ms"\ntetouan = "27ms"'}


class Grain(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.directory = Path(folder.name)
        (self.directory / "where.csv").write_text("prefix,country_iso2\n198.51.100.0/24,FR\n203.0.113.0/24,ES\n")
        # Both upstreams have both, and the way by tetouan is shorter.
        routes = ((0, attributes(65001, 64499, 64496)), (1, attributes(65002, 64496)))
        (self.directory / "rib.mrt").write_bytes(peers() + rib(FRANCE, *routes) + rib(SPAIN, *routes))
        scenario = SCENARIO.format(start=now(-40 * 60)[:-3] + "00Z", other="").partition("[[target]]")[0]
        (self.directory / "scenario.toml").write_text(scenario + TARGETS.format(**TRIPS))
        self.run_it("simulate", str(self.directory / "scenario.toml"), "--store", f"{self.directory}/strait.db")

    def run_it(self, *words: str) -> str:
        done = subprocess.run([STRAIT, *words], capture_output=True, text=True, check=False, timeout=100)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    def routes(self, grain: str, *words: str, more: str = "") -> str:
        text = CONFIGURATION.format(root=ROOT, directory=self.directory)
        head, _, rest = text.partition("[[target]]")
        tail = rest[rest.index("[analyzer]"):].replace("[analyzer]\n", f'[analyzer]\ngrain = "{grain}"\n{more}')
        tail = tail.replace("[routes]\n", f'[routes]\nregistrations = ["{self.directory}/where.csv"]\n')
        file = self.directory / "strait.toml"
        file.write_text(head.replace('prefixes = ["198.51.100.0/24"]', "") + TARGETS.format(**ADDRESSES) + tail)
        return self.run_it("routes", words[0], "-c", str(file), *words[1:])

    def verdicts(self, grain: str, more: str = "") -> dict[str, dict]:
        lines = map(json.loads, self.routes(grain, "recommend", "--json", more=more).splitlines())
        return {line["class"]: line for line in lines if line["type"] == "verdict"}

    def preferred(self, grain: str, more: str = "") -> list[str]:
        text = self.routes(grain, "render", "--dialect", "bird", more=more)
        return [word for word in ("198.51.100.0/24", "203.0.113.0/24") if word in text]

    def test_a_country_goes_its_own_way_where_the_grain_allows_it(self):
        self.assertEqual(list(self.verdicts("region")), ["europe"])
        self.assertEqual(self.preferred("region"), [])
        found = self.verdicts("country")
        self.assertIsNone(found["europe"]["path"])  # tetouan, by plain BGP
        france = found["europe:FR"]
        self.assertEqual((france["ruling"], france["path"], france["whole"]), ("prefer", "atlas", "europe"))
        self.assertNotIn("europe:ES", found)
        self.assertEqual(self.preferred("country"), ["198.51.100.0/24"])

    def test_in_one_country_and_one_as_only_prefixes_can_differ(self):
        (self.directory / "where.csv").write_text("prefix,country_iso2\n198.51.100.0/24,FR\n203.0.113.0/24,FR\n")
        self.assertEqual(list(self.verdicts("origin")), ["europe"])
        found = self.verdicts("prefix")
        part = next(name for name in found if name != "europe")
        self.assertTrue(part.startswith("europe:") and part.endswith(":198.51.100.0/24"), part)
        self.assertEqual(self.preferred("prefix"), ["198.51.100.0/24"])

    def test_what_a_part_gains_and_what_is_covered_is_said(self):
        why = self.routes("country", "explain", "europe:FR")
        self.assertRegex(why, r"gain 1[12]\.\d+ ms \[1\d\.\d+ ms, 1\d\.\d+ ms\]")
        self.assertIn("europe:FR", self.routes("country", "recommend"))
        self.assertIn("of its 2 prefixes 2 (100.0 %) lie in measured parts, 1 (50.0 %) in split ones", self.routes("country", "diff"))

    def test_without_room_for_a_part_it_goes_by_its_region_and_the_guard_says_so(self):
        text = self.routes("country", "diff", more="max_parts = 0\n")
        self.assertIn("part-budget", text)
        self.assertNotIn("198.51.100.0/24", text)


if __name__ == "__main__":
    unittest.main(verbosity=2)
