#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What `strait routes rib` prints of MRT files. Needs no privilege and no network."""

import gzip
import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

STRAIT = os.environ.get("STRAIT", "build/dev/strait")
GOLDEN = Path(__file__).resolve().parents[1] / "routes/golden"


def record(kind: int, subtype: int, body: bytes) -> bytes:
    return b"".join(number.to_bytes(size, "big") for number, size in ((1700000000, 4), (kind, 2), (subtype, 2),
                                                                      (len(body), 4))) + body


def attributes(*asns: int, med: int | None = None) -> bytes:
    path = bytes([2, len(asns)]) + b"".join(asn.to_bytes(4, "big") for asn in asns)
    octets = bytes([0x40, 1, 1, 0, 0x40, 2, len(path)]) + path + bytes([0x40, 3, 4, 192, 0, 2, 1])
    return octets + (b"" if med is None else bytes([0x80, 4, 4]) + med.to_bytes(4, "big"))


def peers() -> bytes:
    table = bytes([10, 0, 0, 1, 0, 0, 0, 2])
    for last in (1, 2):
        table += bytes([2, 10, 0, 0, last, 192, 0, 2, last]) + (65000 + last).to_bytes(4, "big")
    return record(13, 1, table)


def rib(prefix: bytes, *entries: tuple[int, bytes]) -> bytes:
    body = bytes(4) + prefix + len(entries).to_bytes(2, "big")
    for peer, octets in entries:
        body += peer.to_bytes(2, "big") + bytes(4) + len(octets).to_bytes(2, "big") + octets
    return record(13, 2, body)


TEN = bytes([8, 10])
INSIDE = bytes([16, 10, 1])
FIRST = peers() + rib(TEN, (0, attributes(65001, 64496)), (1, attributes(65002, 7, 64496))) + rib(
    INSIDE, (0, attributes(65001, 64497)))
SECOND = peers() + rib(TEN, (0, attributes(65001, 64496, med=5)), (1, attributes(65002, 7, 64496))) + rib(
    bytes([8, 11]), (1, attributes(65002)))

FROM_1 = "from 192.0.2.1 AS65001, path 65001 64496, igp, next hop 192.0.2.1"
FROM_2 = "from 192.0.2.2 AS65002, path 65002 7 64496, igp, next hop 192.0.2.1"
INSIDE_1 = "10.1.0.0/16 from 192.0.2.1 AS65001, path 65001 64497, igp, next hop 192.0.2.1\n"


class Rib(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.strait = str(Path(STRAIT).resolve())
        cls.room = Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        broken = bytearray(FIRST)
        broken[len(peers()) + 11] = 200  # the length of the first table record
        for name, octets in {"first.mrt": FIRST, "second.mrt": SECOND, "broken.mrt": bytes(broken),
                             "first.mrt.gz": gzip.compress(FIRST)}.items():
            (cls.room / name).write_bytes(octets)

    def rib(self, words: str, **how):
        done = subprocess.run([self.strait, "routes", "rib", *words.split()], cwd=self.room, capture_output=True,
                              check=False, timeout=20, **how)
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    def test_the_routes_of_each_prefix_with_the_best_one_marked(self):
        text = f"* 10.0.0.0/8 {FROM_1}\n  10.0.0.0/8 {FROM_2}\n* {INSIDE_1}"
        for words in ("show first.mrt", "show first.mrt.gz"):
            self.assertEqual(self.rib(words), (0, text, ""))
        self.assertEqual(self.rib("show -", input=FIRST), (0, text, ""))

    def test_filters(self):
        for words, lines in (("--peer 192.0.2.2", [f"  10.0.0.0/8 {FROM_2}\n"]),
                             ("--peer AS65002", [f"  10.0.0.0/8 {FROM_2}\n"]),
                             ("--origin 64497", ["* " + INSIDE_1]),
                             ("--prefix 10.0.0.0/8 --as-path _7_", [f"  10.0.0.0/8 {FROM_2}\n"]),
                             ("--prefix 10.0.0.0/15", []),
                             ("--prefix 10.0.0.0/15 --or-longer", ["* " + INSIDE_1]),
                             ("--community 1:2", [])):
            with self.subTest(words):
                self.assertEqual(self.rib(f"show {words} first.mrt"), (0, "".join(lines), ""))

    def test_the_longest_match_and_the_rung_that_decided(self):
        self.assertEqual(self.rib("lookup 10.1.2.3 first.mrt"), (0, f"* {INSIDE_1}  the only route\n", ""))
        self.assertEqual(self.rib("lookup 10.2.0.0/16 first.mrt"), (0, (
            f"* 10.0.0.0/8 {FROM_1}\n  10.0.0.0/8 {FROM_2}\n"
            "  192.0.2.1 over 192.0.2.2 by as-path-length\n"), ""))
        self.assertEqual(self.rib("lookup 11.0.0.1 first.mrt"), (2, "", "strait: rib: no prefix covers 11.0.0.1/32\n"))

    def test_differences_make_the_exit_status_1(self):
        self.assertEqual(self.rib("diff first.mrt first.mrt.gz"), (0, "", ""))
        self.assertEqual(self.rib("diff first.mrt second.mrt"), (1, (
            f"before 10.0.0.0/8 {FROM_1}\nafter 10.0.0.0/8 {FROM_1}, MED 5\n"
            f"removed {INSIDE_1}"
            "added 11.0.0.0/8 from 192.0.2.2 AS65002, path 65002, igp, next hop 192.0.2.1\n"), ""))

    def test_a_summary(self):
        status, text, errors = self.rib("summary first.mrt")
        self.assertEqual((status, errors), (0, ""))
        self.assertEqual(text, (
            "taken 2023-11-14T22:13:20Z, 3 records, 3 routes read, 0 withdrawn\n"
            "2 prefixes: 2 IPv4, 0 IPv6; 3 different sets of attributes; 0 routes that are not BGP's\n"
            "peer          AS  IPv4  IPv6  only here\n"
            "192.0.2.1  65001     2     0          1\n"
            "192.0.2.2  65002     1     0          0\n"))

    def test_json(self):
        status, text, errors = self.rib("show --json first.mrt")
        self.assertEqual((status, errors), (0, ""))
        routes = [json.loads(line) for line in text.splitlines()]
        self.assertEqual([(route["type"], route["peer"], route["best"]) for route in routes],
                         [("route", "192.0.2.1", True), ("route", "192.0.2.2", False), ("route", "192.0.2.1", True)])
        self.assertEqual(routes[1]["as_path"], "65002 7 64496")
        for words in ("lookup --json 10.0.0.1 first.mrt", "summary --json first.mrt", "export --format json first.mrt"):
            status, text, errors = self.rib(words)
            self.assertEqual((status, errors), (0, ""))
            for line in text.splitlines():
                self.assertEqual(json.loads(line)["strait"], 1)
        self.assertEqual(json.loads(self.rib("summary --json first.mrt")[1])["peers"][0]["only_here"], 1)
        changes = [json.loads(line)["change"] for line in self.rib("diff --json first.mrt second.mrt")[1].splitlines()]
        self.assertEqual(changes, ["before", "after", "removed", "added"])

    def test_what_could_not_be_read_is_told(self):
        status, text, errors = self.rib("show broken.mrt")
        self.assertEqual((status, text), (1, f"* {INSIDE_1}"))
        self.assertRegex(errors, r"^rib: \d records or routes could not be read; first at octet 46: [^\n]+\n$")

    def test_the_lines_of_bgpdump(self):
        (self.room / "golden.mrt").write_bytes((GOLDEN / "bgpdump.mrt").read_bytes())
        self.assertEqual(self.rib("export golden.mrt"), (
            0, (GOLDEN / "bgpdump.txt").read_text(), "rib: golden.mrt: 1 times: record type 13 subtype 3\n"))


if __name__ == "__main__":
    unittest.main(verbosity=1, argv=sys.argv)
