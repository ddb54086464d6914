#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What `strait capture --group` adds up, by a RIB, the registries and paths, of captures that are written here."""

import json
import os
import struct
import subprocess
import tempfile
import unittest
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
