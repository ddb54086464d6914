#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What `strait routes rib` prints of MRT files. Needs no privilege and no network."""

import gzip
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
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
INSIDE_1 = "10.1.0.0/16 from 192.0.2.1 AS65001, path 65001 64497, igp, next hop 192.0.2.1"
# All of the example's prefixes and AS numbers are private or documentation's.
WRONG = "; bogon-prefix bogon-asn private-asn\n"
VRPS = {"metadata": {"buildtime": "2023-11-14T20:00:00Z"}, "roas": [
    {"asn": 64496, "prefix": "10.0.0.0/8", "maxLength": 8, "ta": "x", "expires": 1700009999},
    {"asn": "AS64497", "prefix": "10.0.0.0/8", "maxLength": 15, "ta": "x"},
    {"asn": 1, "prefix": "11.0.0.0/8", "maxLength": 8, "ta": "x", "expires": 1699999999}]}


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
        text = f"* 10.0.0.0/8 {FROM_1}{WRONG}  10.0.0.0/8 {FROM_2}{WRONG}* {INSIDE_1}{WRONG}"
        for words in ("show first.mrt", "show first.mrt.gz"):
            self.assertEqual(self.rib(words), (0, text, ""))
        self.assertEqual(self.rib("show -", input=FIRST), (0, text, ""))

    def test_filters(self):
        for words, lines in (("--peer 192.0.2.2", [f"  10.0.0.0/8 {FROM_2}{WRONG}"]),
                             ("--peer AS65002", [f"  10.0.0.0/8 {FROM_2}{WRONG}"]),
                             ("--origin 64497", ["* " + INSIDE_1 + WRONG]),
                             ("--prefix 10.0.0.0/8 --as-path _7_", [f"  10.0.0.0/8 {FROM_2}{WRONG}"]),
                             ("--prefix 10.0.0.0/15", []),
                             ("--prefix 10.0.0.0/15 --or-longer", ["* " + INSIDE_1 + WRONG]),
                             ("--community 1:2", [])):
            with self.subTest(words):
                self.assertEqual(self.rib(f"show {words} first.mrt"), (0, "".join(lines), ""))

    def test_expressions_over_a_path_of_fifteen_thousand_numbers(self):
        path = bytes([2, 255]) + 255 * bytes([0, 0, 0, 7])
        octets = bytes([0x40, 1, 1, 0, 0x50, 2]) + (60 * len(path)).to_bytes(2, "big") + 60 * path
        (self.room / "long.mrt").write_bytes(peers() + rib(TEN, (0, octets + bytes([0x40, 3, 4, 192, 0, 2, 1]))))
        for expression, lines in (("(.|x)*zz", 0), ("^(7_)*7$", 1), ("(7.*)*1", 0), ("^.*_7$", 1)):
            with self.subTest(expression):
                status, text, errors = self.rib(f"show --as-path {expression} long.mrt")
                self.assertEqual((status, text.count("\n"), errors), (0, lines, ""))

    def test_the_longest_match_and_the_rung_that_decided(self):
        self.assertEqual(self.rib("lookup 10.1.2.3 first.mrt"), (0, f"* {INSIDE_1}{WRONG}  the only route\n", ""))
        self.assertEqual(self.rib("lookup 10.2.0.0/16 first.mrt"), (0, (
            f"* 10.0.0.0/8 {FROM_1}{WRONG}  10.0.0.0/8 {FROM_2}{WRONG}"
            "  192.0.2.1 over 192.0.2.2 by as-path-length\n"), ""))
        self.assertEqual(self.rib("lookup --decision ignore-as-path-length 10.2.0.0/16 first.mrt")[1].splitlines()[-1],
                         "  192.0.2.1 over 192.0.2.2 by router-id, if the interior costs are equal (a dump does not say)")
        oldest = "--decision ignore-as-path-length --decision keep-oldest"
        self.assertEqual(self.rib(f"lookup {oldest} 10.2.0.0/16 first.mrt"), (0, (
            f"  10.0.0.0/8 {FROM_1}{WRONG}  10.0.0.0/8 {FROM_2}{WRONG}"
            "  the oldest of several that are equal up to there, which a dump does not tell\n"), ""))
        self.assertNotIn("* 10.0", self.rib(f"show {oldest} first.mrt")[1])
        decision = json.loads(self.rib(f"lookup {oldest} --json 10.2.0.0/16 first.mrt")[1].splitlines()[-1])
        self.assertEqual((decision["best"], decision["rung"]), (None, "oldest"))
        self.assertEqual(self.rib("lookup 11.0.0.1 first.mrt"), (2, "", "strait: rib: no prefix covers 11.0.0.1/32\n"))

    def test_differences_make_the_exit_status_1(self):
        self.assertEqual(self.rib("diff first.mrt first.mrt.gz"), (0, "", ""))
        self.assertEqual(self.rib("diff first.mrt second.mrt"), (1, (
            f"before 10.0.0.0/8 {FROM_1}\nafter 10.0.0.0/8 {FROM_1}, MED 5\n"
            f"removed {INSIDE_1}\n"
            "added 11.0.0.0/8 from 192.0.2.2 AS65002, path 65002, igp, next hop 192.0.2.1\n"), ""))

    def test_a_summary(self):
        status, text, errors = self.rib("summary first.mrt")
        self.assertEqual((status, errors), (0, ""))
        self.assertEqual(text, (
            "taken 2023-11-14T22:13:20Z, 3 records, 3 routes read, 0 withdrawn\n"
            "2 prefixes: 2 IPv4, 0 IPv6; 3 different sets of attributes; 0 routes that are not BGP's\n"
            "peer          AS    BGP ID  IPv4  IPv6  only here\n"
            "192.0.2.1  65001  10.0.0.1     2     0          1\n"
            "192.0.2.2  65002  10.0.0.2     1     0          0\n"
            "bogon-asn: 3 routes\nbogon-prefix: 3 routes\nprivate-asn: 3 routes\n"))

    def test_regions_by_where_prefixes_are_registered(self):
        (self.room / "delegated").write_text(
            "2|afrinic|20231114|3|00000000|20231113|0\nafrinic|*|ipv4|*|3|summary\n"
            "afrinic|MA|ipv4|10.0.0.0|65536|20000101|allocated\nafrinic|EU|ipv4|10.1.0.0|65536|20000101|allocated\n"
            "afrinic|MA|ipv4|11.0.0.0|16777216|20000101|allocated\n")
        given = "--registrations delegated"
        self.assertEqual(self.rib(f"show {given} --region none --prefix 10.1.0.0/16 first.mrt"), (
            0, f"* {INSIDE_1}; region none{WRONG}", ""))
        self.assertEqual(self.rib(f"show {given} --region africa first.mrt"), (0, "", ""))
        self.assertIn("; region africa; ", self.rib(f"show {given} --region africa second.mrt")[1])
        self.assertEqual(self.rib(f"lookup {given} 11.0.0.1 second.mrt")[1].splitlines()[-1],
                         "  region africa: registered in MA (afrinic, file of 2023-11-13)")
        found = [json.loads(line) for line in self.rib(f"lookup {given} --json 10.2.0.1 first.mrt")[1].splitlines()]
        self.assertEqual([line["type"] for line in found], ["route", "route", "decision", "region"])
        self.assertEqual((found[-1]["region"], found[-1]["reason"]),
                         ("none", "not registered as a whole in any one country"))
        self.assertIn("region none: 2 prefixes\nno region, not registered as a whole in any one country: 1 prefixes\n"
                      "no region, registered in EU (afrinic, file of 2023-11-13): 1 prefixes\n",
                      self.rib(f"summary {given} first.mrt")[1])
        changes = self.rib(f"diff {given} --region africa first.mrt second.mrt")[1].splitlines()
        self.assertEqual([line.split(" from ")[0] for line in changes], ["added 11.0.0.0/8"])
        lines = self.rib(f"export --format json {given} --region none second.mrt")[1].splitlines()
        self.assertEqual([json.loads(line)["prefix"] for line in lines], ["10.0.0.0/8"] * 2)
        summary = json.loads(self.rib(f"summary {given} --json second.mrt")[1])
        self.assertEqual(summary["regions"], {"africa": 1, "none": 1})

    def test_registrations_that_cannot_be_used(self):
        (self.room / "short").write_text("2|afrinic|20231114|3|0|20231113|0\nafrinic|*|ipv4|*|2|summary\n")
        (self.room / "wrong.csv").write_text("prefix,country_iso2\n10.0.0.0/8,Morocco\n")
        self.assertEqual(self.rib("lookup --registrations short 10.0.0.1 first.mrt")[::2], (1, (
            "rib: 1 lines or records could not be read; first short:2: 0 ipv4 records, but the summary promises 2\n")))
        for words, status, error in (
                ("show --region africa first.mrt", 2, "--region: wants --config or --registrations"),
                ("show --registrations none first.mrt", 2, "none"),
                ("show --registrations wrong.csv first.mrt", 2, "wrong.csv: row 1: country_iso2 'Morocco': want two"),
                ("show --registrations short --region asia first.mrt", 2, "want one of africa, europe, middle-east, none"),
                ("show --config none.toml first.mrt", 2, "none.toml")):
            with self.subTest(words):
                done = self.rib(words)
                self.assertEqual(done[:2], (status, ""))
                self.assertIn(error, done[2])

    def test_rpki_states_of_routes_and_the_vrps_behind_them(self):
        (self.room / "vrps.json").write_text(json.dumps(VRPS))
        (self.room / "vrps.json.gz").write_bytes(gzip.compress(json.dumps(VRPS).encode()))
        expired = "rib: vrps.json: 1 VRPs had expired by 2023-11-14T22:13:20Z: not used\n"
        text = (f"* 10.0.0.0/8 {FROM_1}; rpki valid{WRONG}  10.0.0.0/8 {FROM_2}; rpki valid{WRONG}"
                f"* {INSIDE_1}; rpki invalid (length); bogon-prefix bogon-asn private-asn rpki-invalid\n")
        self.assertEqual(self.rib("show --rpki vrps.json first.mrt"), (0, text, expired))
        self.assertEqual(self.rib("show --rpki vrps.json.gz first.mrt")[:2], (0, text))
        lines = text.splitlines(keepends=True)
        self.assertEqual(self.rib("show --rpki vrps.json --rpki-state valid first.mrt")[1], "".join(lines[:2]))
        self.assertEqual(self.rib("show --rpki vrps.json --problem rpki-invalid first.mrt")[1], lines[2])
        self.assertEqual(self.rib("lookup --rpki vrps.json 10.1.0.0/16 first.mrt")[1], (
            lines[2] + "  the only route\n  VRP 10.0.0.0/8 up to /8 of AS64496\n"
            "  VRP 10.0.0.0/8 up to /15 of AS64497\n"))
        summary = json.loads(self.rib("summary --json --rpki vrps.json first.mrt")[1])
        self.assertEqual(summary["rpki"], {"invalid": 1, "valid": 2})
        self.assertEqual(summary["problems"]["rpki-invalid"], 1)
        routes = [json.loads(line) for line in self.rib("show --json --rpki vrps.json first.mrt")[1].splitlines()]
        self.assertEqual([route["rpki"] for route in routes], ["valid", "valid", "invalid"])
        self.assertEqual(routes[2]["rpki_reason"], "length")
        self.assertIn("rpki-invalid", routes[2]["problems"])
        export = "export --format json --rpki vrps.json"
        exported = [json.loads(line) for line in self.rib(f"{export} first.mrt")[1].splitlines()]
        self.assertEqual([route | {"best": None} for route in exported], [route | {"best": None} for route in routes])
        self.assertEqual(self.rib(f"{export} --rpki-state invalid first.mrt")[1].count("\n"), 1)
        self.assertNotIn("problems", self.rib("export --format json first.mrt")[1])
        change = self.rib("diff --rpki vrps.json --rpki-state invalid first.mrt second.mrt")
        self.assertEqual(change, (1, f"removed {lines[2][2:]}", 2 * expired))
        changes = self.rib("diff --json --rpki vrps.json first.mrt second.mrt")[1].splitlines()
        self.assertEqual([(change["change"], change["rpki"]) for change in map(json.loads, changes)],
                         [("before", "valid"), ("after", "valid"), ("removed", "invalid"), ("added", "not-found")])
        found = [json.loads(line) for line in self.rib("lookup --json --rpki vrps.json 10.1.0.1 first.mrt")[1].splitlines()]
        self.assertEqual([line["type"] for line in found], ["route", "decision", "vrp", "vrp"])
        self.assertEqual((found[3]["max_length"], found[3]["asn"]), (15, 64497))

    def start_cache(self, port: int):
        """A StayRTR with told.json."""
        # It sends no VRPs that have expired.
        today = [{key: value for key, value in vrp.items() if key != "expires"} for vrp in VRPS["roas"][:2]]
        (self.room / "told.json").write_text(json.dumps(VRPS | {"roas": today}))
        cache = subprocess.Popen(["stayrtr", "-bind", f"127.0.0.1:{port}", "-cache", "told.json", "-checktime=false",
                                  "-metrics.addr", "127.0.0.1:0"], cwd=self.room, stderr=subprocess.DEVNULL)
        self.addCleanup(cache.wait)
        self.addCleanup(cache.kill)

    def free_port(self) -> int:
        with socket.socket() as held:
            held.bind(("127.0.0.1", 0))
            return held.getsockname()[1]

    @unittest.skipUnless(shutil.which("stayrtr"), "no stayrtr here")
    def test_vrps_of_a_cache_are_those_of_its_file(self):
        port = self.free_port()
        refused = (f"strait: rib: --rtr: no RPKI data, nothing is checked with it: 127.0.0.1:{port}: no connection: "
                   "Connection refused\n")
        self.assertEqual(self.rib(f"show --rtr 127.0.0.1:{port} first.mrt"), (4, "", refused))
        self.start_cache(port)
        end = time.monotonic() + 20
        while (heard := self.rib(f"show --rtr 127.0.0.1:{port} first.mrt"))[0] != 0 and time.monotonic() < end:
            time.sleep(0.2)
        self.assertEqual(heard[:2], self.rib("show --rpki told.json first.mrt")[:2])
        self.assertRegex(heard[2], "^rib: stale RPKI data: the data of --rtr was made at .*, the routes are of "
                                   "2023-11-14T22:13:20Z\n$")
        self.assertEqual(self.rib(f"lookup --rtr localhost:{port} 10.1.0.0/16 first.mrt")[:2],
                         self.rib("lookup --rpki told.json 10.1.0.0/16 first.mrt")[:2])
        self.assertIn("--rpki excludes --rtr", self.rib(f"show --rtr localhost:{port} --rpki told.json first.mrt")[2])

    @unittest.skipUnless(shutil.which("stayrtr"), "no stayrtr here")
    def test_a_plan_says_that_no_cache_was_heard_and_nothing_when_one_was(self):
        port = self.free_port()
        (self.room / "plan.toml").write_text(
            f'[site]\nname = "x"\nasn = 64500\n[[path]]\nname = "a"\nneighbor_v4 = "192.0.2.1"\nupstream_asn = 65001\n'
            f'[[target]]\nname = "t"\naddress = "127.0.0.1"\nregion = "europe"\n[routes]\nrib = "first.mrt"\n'
            f'rtr = ["127.0.0.1:{port}"]\n[exporters]\nstore = "plan.db"\nlisten = []\n')
        with subprocess.Popen([self.strait, "run", "-c", "plan.toml"], cwd=self.room, stderr=subprocess.DEVNULL) as service:
            end = time.monotonic() + 20
            while not (self.room / "plan.db").exists() and time.monotonic() < end:
                time.sleep(0.1)
            time.sleep(0.5)
            service.send_signal(signal.SIGINT)

        def notes():
            done = subprocess.run([self.strait, "routes", "recommend", "--json", "-c", "plan.toml"], cwd=self.room,
                                  capture_output=True, check=True, text=True, timeout=20)
            return [note["message"] for line in done.stdout.splitlines() for note in json.loads(line).get("notes", [])
                    if note["guard"] == "rpki-data"]

        self.assertEqual(notes(), [f"no RPKI data, nothing is checked with it: 127.0.0.1:{port}: no connection: "
                                   "Connection refused"])
        self.start_cache(port)
        end = time.monotonic() + 20
        while (said := notes()) and time.monotonic() < end:
            time.sleep(0.2)
        self.assertEqual(said, [])

    def test_old_damaged_and_dateless_vrps_are_told(self):
        old = VRPS | {"metadata": {"buildtime": "2023-11-01T00:00:00Z"}, "roas": VRPS["roas"][:2]}
        for vrps, status, told in (
                (old, 0, "rib: stale RPKI data: v.json was made at 2023-11-01T00:00:00Z, the routes are of "
                         "2023-11-14T22:13:20Z\n"),
                ({"roas": []}, 0, "rib: v.json does not say when it was made\n"),
                (VRPS | {"roas": [{"asn": 1}]}, 1, "rib: v.json: 1 entries are no VRPs; first roas[0]: no 'prefix'\n")):
            (self.room / "v.json").write_text(json.dumps(vrps))
            status_is, _, errors = self.rib("summary --rpki v.json first.mrt")
            self.assertEqual((status_is, errors), (status, told))
        (self.room / "v.json").write_text("{}")
        self.assertEqual(self.rib("summary --rpki v.json first.mrt"), (2, "", (
            "strait: VRPs: v.json: want an object with an array 'roas', as rpki-client and Routinator write it\n")))

    def test_a_leak_is_seen_by_who_sent_it(self):
        leak = peers() + rib(TEN, (0, attributes(65001) + bytes([0xc0, 35, 4]) + (65009).to_bytes(4, "big")))
        (self.room / "leak.mrt").write_bytes(leak)
        count = lambda roles: len(self.rib(f"show {roles} --problem otc-violation leak.mrt")[1].splitlines())
        for roles, seen in (("", 0), ("--role AS65001=customer", 1), ("--role 192.0.2.1=peer", 1),
                            ("--role AS65001=customer --role 192.0.2.1=provider", 0), ("--role AS65002=peer", 0)):
            self.assertEqual(count(roles), seen, roles)

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
        self.assertEqual((status, text), (1, f"* {INSIDE_1}{WRONG}"))
        self.assertRegex(errors, r"^rib: \d records or routes could not be read; first at octet 46: [^\n]+\n$")

    def test_the_lines_of_bgpdump(self):
        (self.room / "golden.mrt").write_bytes((GOLDEN / "bgpdump.mrt").read_bytes())
        self.assertEqual(self.rib("export golden.mrt"), (
            0, (GOLDEN / "bgpdump.txt").read_text(), "rib: golden.mrt: 1 times: record type 13 subtype 3\n"))

    @unittest.skipUnless(shutil.which("bgpdump"), "needs bgpdump")
    def test_bgpdump_itself_prints_the_same_of_dumps_that_bird_wrote(self):
        for dump in (GOLDEN / "bgpdump.mrt", *sorted((GOLDEN.parents[1] / "fuzz/corpus/mrt").glob("bird-*"))):
            with self.subTest(dump.name):
                copy = self.room / dump.name
                copy.write_bytes(dump.read_bytes())
                theirs = subprocess.run(["bgpdump", "-m", copy], capture_output=True, check=True, timeout=20).stdout
                self.assertGreater(theirs.count(b"\n"), 3)
                self.assertEqual(self.rib(f"export {copy.name}")[:2], (0, theirs.decode()))


if __name__ == "__main__":
    unittest.main(verbosity=1, argv=sys.argv)
