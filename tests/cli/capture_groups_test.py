#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What `strait capture --group` adds up, by a RIB, the registries and paths, of captures that are written here."""

import json
import os
import signal
import socket
import sqlite3
import struct
import subprocess
import tempfile
import time
import unittest
import urllib.request
from pathlib import Path

import capture_test as packets
import rib_test as mrt

STRAIT = os.environ.get("STRAIT", "build/dev/strait")
# Four servers; the last one is in no prefix of the RIB.
SERVERS = {"10.0.0.9": 3, "10.1.0.9": 4, "10.1.1.9": 5, "203.0.113.9": 6}
RIB = mrt.FIRST  # 10.0.0.0/8 of AS64496 and 10.1.0.0/16 of AS64497
REGISTRATIONS = "prefix,country_iso2\n10.0.0.0/8,MA\n10.1.0.0/16,FR\n"


def moved(record: tuple[int, bytes], server: str) -> tuple[int, bytes]:
    """The same packet of a conversation, with that server."""
    there = bytes(int(part) for part in server.split("."))
    return record[0], record[1].replace(bytes([198, 51, 100, 2]), there, 1)


def talk(server: str, port: int, rounds: int) -> list[tuple[int, bytes]]:
    return [moved(record, server) for record in packets.conversation(port, rounds)]


def tagged(records: list[tuple[int, bytes]], out: int, back: int, router: int = 1) -> list[tuple[int, bytes]]:
    """The same over Ethernet: what the client sends has the one VLAN tag, what it gets the other."""
    result = []
    for time, octets in records:
        seconds, fraction, length, _ = struct.unpack("<IIII", octets[:16])
        ours = octets[16 + 12:16 + 16] == bytes([192, 0, 2, 1])
        macs = [bytes([2, 0, 0, 0, 0, router]), bytes([2, 0, 0, 0, 0, 99])]
        header = b"".join(macs if ours else reversed(macs))
        header += struct.pack("!HHH", 0x8100, out if ours else back, 0x0800)
        result.append((time, struct.pack("<IIII", seconds, fraction, length + 18, length + 18) + header + octets[16:]))
    return result


def ethernet(*conversations: list[tuple[int, bytes]]) -> bytes:
    raw = packets.pcap(*conversations)
    return raw[:20] + struct.pack("<I", 1) + raw[24:]


FLOWS = packets.pcap(*(talk(server, 40000 + rounds, rounds) for server, rounds in SERVERS.items()))


class CaptureGroups(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.strait = str(Path(STRAIT).resolve())
        cls.room = Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        for name, octets in {"flows.pcap": FLOWS, "table.mrt": RIB, "where.csv": REGISTRATIONS.encode()}.items():
            (cls.room / name).write_bytes(octets)

    def run_it(self, words: str, status: int = 0, errors: str = "") -> str:
        done = subprocess.run([self.strait, "capture", *words.split()], cwd=self.room, capture_output=True, text=True,
                              timeout=60, check=False)
        self.assertEqual((done.returncode, done.stderr), (status, errors))
        return done.stdout

    def groups(self, words: str, **how) -> dict[str, dict]:
        lines = [json.loads(line) for line in self.run_it(f"{words} --json", **how).splitlines()]
        return {line["group"]: line for line in lines if line["type"] == "group"}

    def trips(self, words: str) -> dict[str, tuple[int, int]]:
        """Flows and round trips of each group."""
        return {name: (group["flows"], group["rtt"]["count"]) for name, group in self.groups(words).items()}

    def test_ends_are_added_up_by_what_they_are_in(self):
        local = "flows.pcap --local 192.0.2.0/24"
        for words, groups in {
                "--group prefix": {"10.0.0.0/24": (1, 3), "10.1.0.0/24": (1, 4), "10.1.1.0/24": (1, 5),
                                   "203.0.113.0/24": (1, 6)},
                "--group prefix --prefix-length 16/32": {"10.0.0.0/16": (1, 3), "10.1.0.0/16": (2, 9), "203.0.0.0/16": (1, 6)},
                "--group prefix --prefix-length 0/128": {"0.0.0.0/0": (4, 18)},
                "--group prefix --rib table.mrt": {"10.0.0.0/8": (1, 3), "10.1.0.0/16": (2, 9), "none": (1, 6)},
                "--group as --rib table.mrt": {"AS64496": (1, 3), "AS64497": (2, 9), "none": (1, 6)},
                "--group country --registrations where.csv": {"MA": (1, 3), "FR": (2, 9), "none": (1, 6)},
                "--group region --registrations where.csv": {"africa": (1, 3), "europe": (2, 9), "none": (1, 6)}}.items():
            with self.subTest(words):
                self.assertEqual(self.trips(f"{local} {words}"), groups)
        # With a RIB the region is that of the routed prefix, which is not registered as a whole in one country.
        self.assertEqual(self.trips(f"{local} --group region --registrations where.csv --rib table.mrt"),
                         {"europe": (2, 9), "none": (2, 9)})

    def test_without_local_prefixes_both_ends_count(self):
        self.assertEqual(self.trips("flows.pcap --group as --rib table.mrt"),
                         {"AS64496": (1, 3), "AS64497": (2, 9), "none": (5, 6)})

    def test_octets_of_all_groups_are_those_of_all_flows(self):
        flows = [json.loads(line) for line in self.run_it("flows.pcap --json").splitlines()][:-1]
        groups = self.groups("flows.pcap --local 192.0.2.1/32 --group as --rib table.mrt").values()
        for there, side in (("to", "to_server"), ("from", "to_client")):
            for what in ("octets", "packets"):
                self.assertEqual(sum(group[f"{what}_{there}"] for group in groups),
                                 sum(flow[side][what] for flow in flows))

    def test_a_flow_between_two_of_our_own_addresses_is_in_no_group(self):
        groups = self.groups("flows.pcap --local 0.0.0.0/0 --group host",
                             errors="strait: 4 flows have both ends here\n")
        self.assertEqual(groups, {})

    def test_what_goes_by_each_path_and_what_comes_by_it(self):
        one, two = talk("10.0.0.9", 40000, 20), talk("10.1.0.9", 40001, 30)
        # The second one's answers come by the first path; of a third one nothing is known.
        three = tagged(talk("10.2.0.9", 40002, 2), 7, 7)
        (self.room / "tagged.pcap").write_bytes(ethernet(tagged(one, 100, 100), tagged(two, 200, 100), three))
        groups = self.groups("tagged.pcap --local 192.0.2.0/24 --group path --path a=vlan:100 --path b=vlan:200")
        self.assertEqual({name: (group["flows"], group["packets_to"], group["packets_from"], group["rtt"]["count"])
                          for name, group in groups.items()},
                         {"a": (1, 22, 21 + 31, 20), "b": (1, 32, 0, 30), "none": (1, 4, 3, 2)})
        self.assertEqual(list(groups), ["a", "b", "none"])  # by octets there and back together

    def test_paths_are_told_by_vlan_or_mac_or_interface_and_the_first_rule_counts(self):
        one, two = talk("10.0.0.9", 40000, 20), talk("10.1.0.9", 40001, 30)
        (self.room / "macs.pcap").write_bytes(ethernet(tagged(one, 1, 1), tagged(two, 1, 1, router=2)))
        for rules, trips in {"--path a=mac:02:00:00:00:00:01 --path b=mac:02:00:00:00:00:02": {"a": 20, "b": 30},
                             "--path b=mac:02:00:00:00:00:02 --path a=any": {"a": 20, "b": 30},
                             "--path a=interface:0": {"a": 50}, "--path a=interface:1": {"none": 50},
                             "--path a=mpls:16 --path a=vlan:1": {"a": 50}}.items():
            with self.subTest(rules):
                groups = self.groups(f"macs.pcap --local 192.0.2.0/24 --group path {rules}")
                self.assertEqual({name: group["rtt"]["count"] for name, group in groups.items()}, trips)

    def test_a_flow_that_changes_its_path_is_of_several(self):
        records = talk("10.0.0.9", 40000, 20)
        (self.room / "moves.pcap").write_bytes(ethernet(tagged(records[:30], 1, 1), tagged(records[30:], 2, 1)))
        groups = self.groups("moves.pcap --local 192.0.2.0/24 --group path --path a=vlan:1 --path b=vlan:2")
        self.assertEqual({name: (group["packets_to"], group["packets_from"]) for name, group in groups.items()},
                         {"several": (22, 0), "a": (0, 21)})

    def test_addresses_are_anonymised_in_flows_samples_and_groups_and_looked_up_before(self):
        key = self.room / "key"
        key.touch(mode=0o600)
        key.write_text("hex:" + bytes([21, 34, 23, 141, 51, 164, 207, 128, 19, 10, 91, 22, 73, 144, 125, 16, 216, 152,
                                       143, 131, 121, 121, 101, 39, 98, 87, 76, 45, 42, 132, 34, 2]).hex() + "\n")
        real = set(SERVERS) | {"192.0.2.1"}
        for how, is_one_to_one in {"truncate:8/16": False, "crypto-pan:key": True}.items():
            for words in ("--json --samples", "--csv", "--top 9", "--json --group host", "--group prefix",
                          "--group prefix --rib table.mrt"):
                with self.subTest(f"{how} {words}"):
                    text = self.run_it(f"flows.pcap {words} --anonymise {how}")
                    self.assertEqual([address for address in real if address in text], [])
            hosts = self.trips(f"flows.pcap --group host --anonymise {how}")
            self.assertEqual(len(hosts), 5 if is_one_to_one else 3)
            self.assertEqual(self.trips(f"flows.pcap --group as --rib table.mrt --local 192.0.2.0/24 --anonymise {how}"),
                             {"AS64496": (1, 3), "AS64497": (2, 9), "none": (1, 6)})
        self.assertEqual(self.trips("flows.pcap --local 192.0.2.0/24 --group host --anonymise truncate:16/0"),
                         {"10.0.0.0": (1, 3), "10.1.0.0": (2, 9), "203.0.0.0": (1, 6)})

    def test_weights_have_all_packets_by_prefix_with_what_is_known_of_it(self):
        name = self.room / "weights.json"
        self.run_it("flows.pcap --local 192.0.2.0/24 --rib table.mrt --registrations where.csv --weights weights.json")
        head, *rows = [json.loads(line) for line in name.read_text().splitlines()]
        self.assertEqual((head["type"], head["from"], head["sources"]),
                         ("traffic", "2023-11-14T22:13:20Z", ["flows.pcap"]))
        flows = {line["server"]: line for line in map(json.loads, self.run_it("flows.pcap --json").splitlines())
                 if line["type"] == "flow"}
        octets = {server: [flows[f"{server}:443"][side]["octets"] for side in ("to_server", "to_client")]
                  for server in SERVERS}
        self.assertEqual([(row["prefix"], row["asn"], row.get("country"), row.get("region"), row["octets_to"],
                           row["octets_from"]) for row in rows],
                         [("10.0.0.0/8", 64496, None, None, *octets["10.0.0.9"]),
                          ("10.1.0.0/16", 64497, "FR", "europe",
                           *(octets["10.1.0.9"][way] + octets["10.1.1.9"][way] for way in (0, 1)))])
        self.assertEqual(head["octets_elsewhere"], sum(octets["203.0.113.9"]))
        # UDP that is no DNS is of no flow, and counts here.
        (self.room / "udp.pcap").write_bytes(packets.pcap([packets.ip(5, True, 17, struct.pack("!HHHH", 9, 443, 8, 0))]))
        self.run_it("udp.pcap --weights weights.json", 1)
        _, *rows = [json.loads(line) for line in name.read_text().splitlines()]
        self.assertEqual({row["prefix"]: (row["octets_to"], row["octets_from"]) for row in rows},
                         {"192.0.2.0/24": (0, 28), "198.51.100.0/24": (28, 0)})

    def test_weights_of_prefixes_that_look_the_same_are_added_up_and_have_what_they_have_in_common(self):
        words = "flows.pcap --local 192.0.2.0/24 --rib table.mrt --registrations where.csv --weights cut.json"
        rows = {}
        for kept in (8, 16):
            self.run_it(f"{words} --anonymise truncate:{kept}/32")
            _, *lines = [json.loads(line) for line in (self.room / "cut.json").read_text().splitlines()]
            rows[kept] = [(row["prefix"], row.get("asn"), row.get("country"), row["octets_to"]) for row in lines]
        # 10.0.0.0/8 of AS64496 and 10.1.0.0/16 of AS64497: neither's alone.
        self.assertEqual(rows[8], [("10.0.0.0/8", None, None, rows[16][0][3] + rows[16][1][3])])
        self.assertEqual([row[:3] for row in rows[16]], [("10.0.0.0/8", 64496, None), ("10.1.0.0/16", 64497, "FR")])

    def test_weights_of_nothing_are_not_written(self):
        (self.room / "none.pcap").write_bytes(packets.pcap())
        (self.room / "kept.json").write_text("old")
        self.run_it("none.pcap --weights kept.json", 1, "strait: no traffic yet; kept.json stays as it is\n")
        self.assertEqual((self.room / "kept.json").read_text(), "old")

    def test_windows_of_round_trips_are_stored_beside_those_of_probes(self):
        words = ("flows.pcap --local 192.0.2.0/24 --group as --rib table.mrt --registrations where.csv --path up=any "
                 "--store windows.db --window 1s")
        for _ in range(2):  # told again it is the same
            self.run_it(words)
            with sqlite3.connect(self.room / "windows.db") as store:
                rows = store.execute("SELECT path, target, protocol, sent, received, lost, start_ns, length_ns FROM windows "
                                     "JOIN sessions ON session = id ORDER BY target, protocol, start_ns").fetchall()
        self.assertEqual([row[:6] for row in rows],
                         [("up", *row, 0) for row in (
                             ("AS64496", "passive-handshake", 1, 1), ("AS64496", "passive-sequence", 3, 3),
                             ("AS64497", "passive-handshake", 2, 2), ("AS64497", "passive-sequence", 9, 9),
                             ("none", "passive-handshake", 1, 1), ("none", "passive-sequence", 6, 6))])
        self.assertEqual({row[6:] for row in rows}, {(packets.START * 10**9, 10**9)})
        done = subprocess.run([self.strait, "analyze", "--store", "windows.db", "--since", "36500d", "--json"],
                              cwd=self.room, capture_output=True, text=True, timeout=60, check=True)
        found = {(line["class"], line["method"]): (line["path"], line["samples"], line["loss"], line["min_ns"])
                 for line in map(json.loads, done.stdout.splitlines())}
        self.assertEqual(found, {
            ("unknown", "handshake"): ("up", 2, None, 20_000_000), ("unknown", "sequence"): ("up", 9, None, 20_000_000),
            ("europe", "handshake"): ("up", 2, None, 20_000_000), ("europe", "sequence"): ("up", 9, None, 20_000_000)})

    def test_a_window_ends_where_the_next_one_begins(self):
        long_one = packets.pcap(talk("10.0.0.9", 40000, 25))
        (self.room / "long.pcap").write_bytes(long_one)
        self.run_it("long.pcap --local 192.0.2.0/24 --group host --store long.db --window 1s")
        with sqlite3.connect(self.room / "long.db") as store:
            rows = store.execute("SELECT start_ns, sent FROM windows JOIN sessions ON session = id "
                                 "WHERE protocol = 'passive-sequence' ORDER BY start_ns").fetchall()
        # Answers come 120, 220, ... ms after the start.
        self.assertEqual(rows, [(packets.START * 10**9, 9), ((packets.START + 1) * 10**9, 10),
                                ((packets.START + 2) * 10**9, 6)])

    def test_windows_as_lines_are_those_that_are_stored(self):
        (self.room / "long.pcap").write_bytes(packets.pcap(talk("10.0.0.9", 40000, 25)))
        words = "long.pcap --local 192.0.2.0/24 --group host --store lines.db --window 1s --windows --json"
        done = subprocess.run([self.strait, "capture", *words.split()], cwd=self.room, capture_output=True, text=True,
                              timeout=60, check=True)
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual({line["type"] for line in lines[:-1]}, {"window"})
        self.assertEqual((lines[-1]["type"], lines[-1]["flows"]), ("capture", 1))
        with sqlite3.connect(self.room / "lines.db") as store:
            rows = store.execute("SELECT target, protocol, sent FROM windows JOIN sessions ON session = id").fetchall()
        self.assertEqual(sorted((line["target"], line["protocol"], line["counts"]["sent"]) for line in lines[:-1]),
                         sorted(rows))
        self.assertEqual(len(rows), 4)  # three seconds of data, and a handshake

    @unittest.skipUnless(os.geteuid() == 0, "wants to capture")
    def test_a_live_capture_shows_its_round_trips_to_who_scrapes(self):
        port = 11_000 + os.getpid() % 1000
        live = subprocess.Popen([self.strait, "capture", "-i", "lo", "--local", "127.0.0.1/32", "--group", "host",
                                 "--path", "loop=interface:lo", "--listen", f"127.0.0.1:{port}", "--window", "1s",
                                 "--filter", f"not port {port}", "--top", "1"],
                                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        try:
            self.assertEqual(live.stderr.readline(), "capturing; interrupt to end\n")
            text, deadline = "", time.monotonic() + 20
            wanted = 'strait_rtt_seconds_count{path="loop",region="",target="127.0.0.2",protocol="tcp",dscp="0",method="'
            with socket.create_server(("127.0.0.2", 0)) as server:
                while wanted not in text and time.monotonic() < deadline:
                    with socket.create_connection(server.getsockname()), server.accept()[0]:
                        time.sleep(0.2)
                    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as page:
                        text = page.read().decode()
            self.assertIn(wanted, text)
            self.assertNotIn("strait_probes_total{", text)
        finally:
            live.send_signal(signal.SIGINT)
            live.communicate(timeout=20)

    def test_what_is_missing_is_told(self):
        for words, errors in {
                "--group as --config good.toml": "strait: configuration: open good.toml: No such file or directory; "
                                                 "'strait config example' prints one to begin with\n",
                "--group as --rib nosuch.mrt": "strait: open nosuch.mrt: No such file or directory\n",
                "--group path --local 192.0.2.0/24 --path a=interface:eth9":
                    "strait: path a: interface eth9 is none of those that are captured on; in files they have "
                    "numbers\n"}.items():
            with self.subTest(words):
                self.assertEqual(self.run_it(f"flows.pcap {words}", 2, errors), "")


if __name__ == "__main__":
    unittest.main()
