#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""strait simulate as its user meets it: no privilege, no network."""

import json
import os
import re
import subprocess
import tempfile
import unittest
from pathlib import Path

STRAIT = os.environ.get("STRAIT", "build/dev/strait")
ROOT = Path(__file__).resolve().parents[2]
SHIPPED = sorted(file.stem for file in (ROOT / "data/scenarios").glob("*.toml"))


def simulate(*words: str, status: int = 0) -> str:
    run = subprocess.run([STRAIT, "simulate", *words], capture_output=True, text=True, timeout=100)
    assert run.returncode == status, f"{words}: exit {run.returncode}: {run.stderr}"
    return run.stderr if status else run.stdout


class Simulate(unittest.TestCase):
    def test_every_scenario_is_listed_and_plays(self):
        self.assertEqual([line.split()[0] for line in simulate().splitlines()], SHIPPED)
        self.assertGreater(len(SHIPPED), 9)
        for name in SHIPPED:
            with self.subTest(name):
                story = simulate(name, "--to", "2h", "--no-verdicts")
                self.assertIn("Source: ", story)
                self.assertIn("True mean round trips", story)

    def test_each_incident_of_the_catalogue_plays_and_names_its_row(self):
        rows = [line.split(",")[0] for line in (ROOT / "data/incidents.csv").read_text().splitlines()[1:]]
        named = set()
        for name in SHIPPED:
            source = re.search(r'^source = "(.*)"', (ROOT / f"data/scenarios/{name}.toml").read_text(), re.M)[1]
            if row := re.match(r"data/incidents.csv, ([\w-]+)", source):
                self.assertIn(row[1], rows, name)
                named.add(row[1])
        self.assertEqual(named, set(rows))

    def test_means_are_compared_where_plain_bgp_lived(self):
        story = simulate("strait-anchor-2009", "--to", "50h")
        cells = re.search(r"^  europe +([\d.]+) ms +\d+ +\d+ +([\d.]+) ms +(\d+) +([\d.]+) ms ", story, re.M)
        ours, plain, dead, meanwhile = (float(cell) for cell in cells.groups())
        self.assertEqual(dead, 50 * 60 - (38 * 60 + 20))
        self.assertGreater(ours, plain + 1)  # with the hours in which plain BGP had nothing
        self.assertAlmostEqual(meanwhile, plain, delta=0.05)

    def test_the_same_seed_gives_the_same_bytes_and_another_one_others(self):
        words = ["strait-anchor-2009", "--to", "90m", "--json"]
        first = simulate(*words)
        self.assertEqual(first, simulate(*words))
        self.assertNotEqual(first, simulate(*words, "--seed", "1"))

    def test_a_cut_is_left_within_three_windows(self):
        lines = [json.loads(line) for line in simulate("strait-anchor-2009", "--to", "39h", "--json").splitlines()]
        cut = next(line for line in lines if line["type"] == "truth" and line["kind"] == "cut")
        left = next(line for line in lines if line["type"] == "verdict" and line["at"] > cut["from"])
        self.assertEqual(cut["paths"], ["est-tet"])
        self.assertEqual((left["previous"], left["path"], left["ruling"]), (None, "atlas-offshore", "prefer"))
        self.assertLessEqual(left["at"], "2009-12-19T14:23:00Z")
        windows = [line for line in lines if line["type"] == "window"]
        self.assertEqual(len(windows), 39 * 60 * 4)

    def test_the_store_can_be_analyzed_and_is_not_written_twice(self):
        with tempfile.TemporaryDirectory() as folder:
            store, truth = f"{folder}/s.db", f"{folder}/truth.json"
            simulate("year", "--to", "30m", "--store", store)
            simulate("atlas-offshore-2012", "--to", "30m", "--no-verdicts", "--truth", truth)
            run = subprocess.run([STRAIT, "analyze", "--store", store, "--since", "3650d", "--json"],
                                 capture_output=True, text=True)
            evidence = [json.loads(line) for line in run.stdout.splitlines()]
            self.assertEqual({(line["class"], line["path"]) for line in evidence},
                             {(region, path) for region in ("africa", "europe", "middle-east")
                              for path in ("atlas-offshore", "est-tet", "loukkos", "mtwa-north")})
            self.assertEqual({line["samples"] + line["loss"]["lost"] for line in evidence}, {1800})
            self.assertEqual([json.loads(line)["paths"] for line in Path(truth).read_text().splitlines()], [["loukkos"]])
            self.assertIn("is there already", simulate("year", "--store", store, status=2))

    def test_a_cut_in_the_store_is_found_as_what_it_was(self):
        with tempfile.TemporaryDirectory() as folder:
            store = f"{folder}/s.db"
            simulate("strait-anchor-2009", "--to", "39h", "--no-verdicts", "--store", store)
            words = [STRAIT, "analyze", "--store", store, "--since", "9000d", "--changes"]
            run = subprocess.run([*words, "--json"], capture_output=True, text=True, check=True)
            outages = [line for line in map(json.loads, run.stdout.splitlines()) if line["kind"] == "outage"]
            self.assertEqual([(line["paths"], line["from"], line["to"]) for line in outages],
                             [(["est-tet"], "2009-12-19T14:20:00Z", None)])
            self.assertEqual({change["target"] for change in outages[0]["changes"]}, {"paris", "madrid"})
            text = subprocess.run(words, capture_output=True, text=True, check=True).stdout
            self.assertRegex(text, r"2009-12-19T14:20:00Z +lasts +outage +100\.0 % \[99\.\d, 100\.0\] lost +est-tet +2")
            none = subprocess.run([*words, "--target", "rome"], capture_output=True, text=True)
            self.assertEqual((none.returncode, none.stdout), (1, ""))

    def test_a_past_moment_is_explained_in_the_same_octets_each_time(self):
        with tempfile.TemporaryDirectory() as folder:
            simulate("strait-anchor-2009", "--to", "39h", "--store", f"{folder}/s.db")
            paths = "".join(f'[[path]]\nname = "{name}"\n' for name in ("est-tet", "atlas-offshore"))
            targets = "".join(f'[[target]]\nname = "{name}"\naddress = "127.0.0.1"\nregion = "europe"\n'
                              for name in ("paris", "madrid"))
            file = Path(folder) / "s.toml"
            file.write_text(paths + targets + '[probe]\nwindow = "1m"\n'
                            f'[exporters]\nlisten = []\nstore = "{folder}/s.db"\n')

            def explain(at: str) -> str:
                return subprocess.run([STRAIT, "routes", "explain", "europe", "-c", str(file), "--json", "--at", at],
                                      capture_output=True, text=True, check=True).stdout

            cut = explain("2009-12-19T14:30:00Z")
            self.assertEqual(cut, explain("2009-12-19T14:30:00Z"))
            lines = {line["type"]: line for line in map(json.loads, cut.splitlines())}
            self.assertEqual(lines["verdict"]["path"], "atlas-offshore")
            self.assertEqual(len(lines["explanation"]["evidence_hash"]), 64)
            self.assertTrue(any("est-tet is not eligible while" in sentence
                                for sentence in lines["explanation"]["would_change"]["europe"]))
            before = {line["type"]: line for line in map(json.loads, explain("2009-12-19T14:10:00Z").splitlines())}
            self.assertNotEqual(before["verdict"]["path"], "atlas-offshore")
            self.assertNotEqual(before["explanation"]["evidence_hash"], lines["explanation"]["evidence_hash"])
            bad = subprocess.run([STRAIT, "routes", "explain", "--at", "noon"], capture_output=True, text=True)
            self.assertEqual(bad.returncode, 2)
            self.assertIn("want a time such as", bad.stderr)

    def test_what_cannot_be_played_is_told(self):
        self.assertIn("did you mean 'year'?", simulate("yeer", status=2))
        self.assertIn("No such file", simulate("./nowhere.toml", status=2))
        self.assertIn("--to: '0s': want a time above 0", simulate("year", "--to", "0s", status=2))
        with tempfile.TemporaryDirectory() as folder:
            text = (ROOT / "data/scenarios/strait-anchor-2009.toml").read_text()
            file = Path(folder) / "x.toml"
            file.write_text(text.replace('est-tet = "28.1ms"', 'est-tet = "8ms"'))
            self.assertIn("8.000 ms over est-tet is below 10.81 ms, the floor", simulate(str(file), status=2))
            file.write_text(text.replace("peak_hour = 21", "peak_hour = 25"))
            self.assertRegex(simulate(str(file), status=2), r"x.toml:\d+:\d+: error: peak_hour is 25: want 0 to 24")


if __name__ == "__main__":
    unittest.main()
