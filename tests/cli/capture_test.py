#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What `strait capture` prints of captures that are written here. And on loopback, where root may."""

import csv
import gzip
import io
import json
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time
import unittest
from collections import Counter
from pathlib import Path

STRAIT = os.environ.get("STRAIT", "build/dev/strait")
START = 1_700_000_000
ACK, SYN, FIN = 0x10, 0x02, 0x01


def packet(micros: int, client: bool, flags: int, sequence: int, acknowledgment: int = 0, payload: int = 0,
           port: int = 40000, stamps: tuple[int, int] | None = None) -> bytes:
    """A pcap record of raw IPv4: the client is 192.0.2.1:port, the server 198.51.100.2:443."""
    options = b"" if stamps is None else struct.pack("!III", 0x0101080A, *stamps)
    ends = [(bytes([192, 0, 2, 1]), port), (bytes([198, 51, 100, 2]), 443)]
    (source, source_port), (destination, destination_port) = ends if client else reversed(ends)
    length = 40 + len(options) + payload
    octets = struct.pack("!BBHIBBH", 0x45, 0, length, 0x4000, 64, 6, 0) + source + destination
    octets += struct.pack("!HHIIBBHI", source_port, destination_port, sequence, acknowledgment,
                          (20 + len(options)) // 4 * 16, flags, 1000, 0) + options
    seconds, fraction = divmod(micros, 1_000_000)
    return struct.pack("<IIII", START + seconds, fraction, len(octets), length) + octets


def conversation(port: int, rounds: int, step: int = 0, again: int = 0) -> list[tuple[int, bytes]]:
    """A handshake of 20 + 5 ms, then data every 100 ms, acknowledged after 20 ms and `step` us more each time; `again`
    segments more are sent twice. Each with its time."""
    all_of_it = [(0, packet(0, True, SYN, 100, port=port)),
                 (20_000, packet(20_000, False, SYN | ACK, 500, 101, port=port)),
                 (25_000, packet(25_000, True, ACK, 101, 501, port=port))]

    def add(micros, *words):
        all_of_it.append((micros, packet(micros, *words, port=port)))

    for number in range(rounds + again):
        now, at = 100_000 * (number + 1), 101 + 100 * number
        add(now, True, ACK, at, 501, 100)
        if number >= rounds:
            add(now + 10_000, True, ACK, at, 501, 100)
        add(now + 20_000 + step * number, False, ACK, 501, at + 100)
    return all_of_it


def pcap(*conversations: list[tuple[int, bytes]]) -> bytes:
    records = sorted((record for each in conversations for record in each), key=lambda record: record[0])
    return struct.pack("<IHHIIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 101) + b"".join(octets for _, octets in records)


def ip(micros: int, there: bool, protocol: int, payload: bytes) -> tuple[int, bytes]:
    ends = [bytes([192, 0, 2, 1]), bytes([198, 51, 100, 2])]
    octets = struct.pack("!BBHIBBH", 0x45, 0, 20 + len(payload), 0x4000, 64, protocol, 0)
    octets += b"".join(ends if there else reversed(ends)) + payload
    seconds, fraction = divmod(micros, 1_000_000)
    return micros, struct.pack("<IIII", START + seconds, fraction, len(octets), len(octets)) + octets


def echo(micros: int, there: bool, number: int) -> tuple[int, bytes]:
    words = [0x0800 if there else 0, 77, number]
    total = sum(words)
    total = (total & 0xffff) + (total >> 16)
    return ip(micros, there, 1, struct.pack("!HHHH", words[0], ~total & 0xffff, *words[1:]))


def dns(micros: int, there: bool, number: int) -> tuple[int, bytes]:
    text = struct.pack("!HHHHHH", number, 0x0100 if there else 0x8180, 1, 0, 0, 0) + b"\3www\7example\0\0\1\0\1"
    ports = (5353, 53) if there else (53, 5353)
    return ip(micros, there, 17, struct.pack("!HHHH", *ports, 8 + len(text), 0) + text)


def stamp(micros: int, there: bool, number: int, port: int = 862) -> tuple[int, bytes]:
    """RFC 8762: a request with a time, and the reply of a reflector that took 300 us, with another clock."""
    sent = (3_900_000_000 << 32) + number
    error = 0x0001
    text = struct.pack("!IQHH28x", number, sent, error, 0)
    if not there:
        came = 3_000_000_000 << 32
        text = struct.pack("!IQHHQIQHHB3x", number, came + round(300e-6 * 2**32), error, 0, came, number, sent, error, 0, 64)
    ports = (4000, port) if there else (port, 4000)
    return ip(micros, there, 17, struct.pack("!HHHH", *ports, 8 + len(text), 0) + text)


# An echo each 100 ms, the third without a reply; two queries, the second asked twice.
QUESTIONS = pcap([echo(100_000 * n, True, n) for n in range(5)] +
                 [echo(100_000 * n + 7_000 + n, False, n) for n in (0, 1, 3, 4)] +
                 [dns(10, True, 1), dns(12_010, False, 1), dns(20_000, True, 2), dns(30_000, True, 2),
                  dns(32_000, False, 2)])
ONE = pcap(conversation(40000, 100, 10))
# Two segments at a time, both acknowledged at once.
STAMPED = pcap([(0, packet(0, True, SYN, 100, stamps=(7, 0))),
                (20_000, packet(20_000, False, SYN | ACK, 500, 101, stamps=(900, 7))),
                (25_000, packet(25_000, True, ACK, 101, 501, stamps=(32, 900)))] +
               [(at, packet(at, client, ACK, 501 if not client else 101 + 100 * (2 * turn + second),
                            101 + 200 * (turn + 1) if not client else 501, 100 if client else 0,
                            stamps=(1000 + at // 1000, 932) if client else (2000 + at // 1000, 1000 + turn * 100 + 100)))
                for turn in range(50)
                for at, client, second in ((100_000 * (turn + 1), True, 0), (100_000 * (turn + 1) + 1_000, True, 1),
                                           (100_000 * (turn + 1) + 21_000 + turn, False, 0))])
THREE = pcap(conversation(40000, 100), conversation(40001, 200, 1), conversation(40002, 3, again=2))

TABLE = """\
client            server            octets  sent again  handshake  to server min       p50       p95  to client min  p50  p95  by
192.0.2.1:40000  198.51.100.2:443    18120           0   25.00 ms       20.00 ms  20.54 ms  20.99 ms              -    -    -  sequence
packets: 203 (203 tcp)
flows: 1
round trips: 2 by handshake, 100 by sequence
"""


class Capture(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.strait = str(Path(STRAIT).resolve())
        cls.room = Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        cut = ONE[:-50]
        files = {"one.pcap": ONE, "three.pcap": THREE, "one.pcap.gz": gzip.compress(ONE), "cut.pcap": cut,
                 "bare.pcap": ONE[:24], "rubbish.pcap": ONE[:24 + 3 * 56] + b"\xee" * 999 + ONE[24 + 3 * 56:]}
        for name, octets in files.items():
            (cls.room / name).write_bytes(octets)

    def capture(self, words: str, status: int = 0, stdin: bytes | None = None, errors: str | None = "") -> str:
        """What it prints; where `errors` are not known, those instead."""
        done = subprocess.run([self.strait, "capture", *words.split()], cwd=self.room, capture_output=True,
                              input=stdin, timeout=60, check=False)
        if errors is None:
            self.assertEqual((done.returncode, done.stdout), (status, b""))
            return done.stderr.decode()
        self.assertEqual((done.returncode, done.stderr.decode()), (status, errors))
        return done.stdout.decode()

    def lines(self, words: str, status: int = 0, **how) -> list[dict]:
        return [json.loads(line) for line in self.capture(f"{words} --json", status, **how).splitlines()]

    def ports(self, words: str) -> list[int]:
        return [int(line["client"].rpartition(":")[2]) for line in self.lines(words) if line["type"] == "flow"]

    def test_the_table(self):
        text = self.capture("one.pcap")
        # Columns are as wide as what stands in them.
        self.assertEqual([line.split() for line in text.splitlines()], [line.split() for line in TABLE.splitlines()])

    def test_packed_and_from_the_standard_input_it_is_the_same(self):
        self.assertEqual(self.capture("one.pcap.gz"), self.capture("one.pcap"))
        self.assertEqual(self.capture("-", stdin=ONE), self.capture("one.pcap"))

    def test_a_flow_as_json(self):
        flow, total = self.lines("one.pcap")
        self.assertEqual({key: flow[key] for key in ("strait", "type", "protocol", "client", "server", "client_known",
                                                     "first", "start", "ending", "handshake_ns")},
                         {"strait": 1, "type": "flow", "protocol": "tcp", "client": "192.0.2.1:40000",
                          "server": "198.51.100.2:443", "client_known": True, "first": "2023-11-14T22:13:20Z",
                          "start": "handshake", "ending": "open", "handshake_ns": 25_000_000})
        server = flow["to_server"]
        self.assertEqual((server["packets"], server["octets"], server["handshake_ns"], server["complete"]),
                         (102, 102 * 40 + 10_000, 20_000_000, True))
        self.assertEqual(server["timestamp"]["count"], 0)
        rtt = server["sequence"]
        self.assertEqual((rtt["count"], rtt["min_ns"], rtt["max_ns"]), (100, 20_000_000, 20_990_000))
        self.assertAlmostEqual(rtt["p95_ns"], 20_940_000, delta=60_000)
        self.assertIsNone(rtt["p99_ns"])  # wants 368 of them
        self.assertEqual(server["maybe_delayed"], 100)
        self.assertEqual(flow["to_client"]["handshake_ns"], 5_000_000)
        self.assertEqual((total["type"], total["packets"], total["flows"], total["evicted"]), ("capture", 203, 1, 0))
        self.assertEqual(total["round_trips"], {"handshake": 2, "timestamp": 0, "sequence": 100, "sack": 0, "echo": 0, "query": 0,
                                                "stamp": 0, "quic-handshake": 0, "spin": 0, "spin-whole": 0})
        self.assertEqual(total["packets_by_kind"]["tcp"], 203)
        self.assertEqual(total["files"], [{"file": "one.pcap", "packets": 203, "untimed": 0, "dropped": 0,
                                           "damaged": 0, "skipped_octets": 0, "damage": []}])

    def test_each_round_trip_when_it_is_asked_for(self):
        trips = [line for line in self.lines("three.pcap --samples") if line["type"] == "round_trip"]
        self.assertEqual(len(trips), 6 + 303)
        self.assertEqual(trips[0], {"strait": 1, "type": "round_trip", "time": "2023-11-14T22:13:20.020Z",
                                    "sender": "192.0.2.1:40000", "answerer": "198.51.100.2:443",
                                    "method": "handshake", "rtt_ns": 20_000_000, "maybe_delayed": False})

    def test_timestamps_are_preferred_and_have_the_wait_for_the_second_segment_in_them(self):
        (self.room / "stamps.pcap").write_bytes(STAMPED)
        server = self.lines("stamps.pcap")[0]["to_server"]
        self.assertEqual((server["timestamp"]["count"], server["sequence"]["count"], server["maybe_delayed"]), (50, 0, 0))
        self.assertEqual((server["timestamp"]["min_ns"], server["clock_tick_ns"]), (21_000_000, 1_000_000))
        server = self.lines("stamps.pcap --all-methods")[0]["to_server"]
        self.assertEqual((server["sequence"]["count"], server["sequence"]["min_ns"]), (50, 20_000_000))

    def test_as_csv_it_says_what_json_says(self):
        rows = list(csv.DictReader(io.StringIO(self.capture("three.pcap --csv"))))
        flows = [line for line in self.lines("three.pcap") if line["type"] == "flow"]
        self.assertEqual(len(rows), 3)
        for row, flow in zip(rows, flows):
            self.assertEqual(row["client"], flow["client"])
            self.assertEqual(row["to_server_method"], "sequence")
            self.assertEqual(int(row["to_server_min_ns"]), flow["to_server"]["sequence"]["min_ns"])
            self.assertEqual(int(row["to_server_retransmitted"]), flow["to_server"]["retransmitted"])
            self.assertEqual(row["to_client_p95_ns"], "")

    def test_the_first_flows_are_the_first_by_what_is_asked_for(self):
        for words, ports in {"": [40000, 40001, 40002], "--top 2": [40001, 40000], "--top 9": [40001, 40000, 40002],
                             "--top 1 --by retransmissions": [40002], "--top 2 --by p95": [40001, 40000]}.items():
            with self.subTest(words):
                self.assertEqual(self.ports(f"three.pcap {words}"), ports)
        self.assertIn("... and 2 more (--top)\n", self.capture("three.pcap --top 1"))

    def test_flows_are_added_up_by_both_of_their_ends(self):
        flows = [line for line in self.lines("three.pcap") if line["type"] == "flow"]
        groups = {line["group"]: line for line in self.lines("three.pcap --group host") if line["type"] == "group"}
        self.assertEqual(set(groups), {"192.0.2.1", "198.51.100.2"})
        server = groups["198.51.100.2"]
        self.assertEqual((server["flows"], server["packets_to"], server["octets_to"], server["octets_from"]),
                         (3, *(sum(flow[side][what] for flow in flows) for side, what in
                               (("to_server", "packets"), ("to_server", "octets"), ("to_client", "octets")))))
        self.assertEqual((server["rtt"]["count"], server["rtt"]["min_ns"], server["handshake"]["count"],
                          server["handshake"]["max_ns"]), (303, 20_000_000, 3, 20_000_000))
        self.assertEqual((groups["192.0.2.1"]["rtt"]["count"], groups["192.0.2.1"]["handshake"]["max_ns"]),
                         (0, 5_000_000))
        rows = list(csv.DictReader(io.StringIO(self.capture("three.pcap --group prefix --csv --top 1 --by p95"))))
        self.assertEqual([(row["group"], row["flows"], row["sent_again"], row["count"]) for row in rows],
                         [("198.51.100.0/24", "3", "2", "303")])
        text = self.capture("three.pcap --group prefix --top 1 --by retransmissions")
        self.assertIn("198.51.100.0/24", text)
        self.assertIn("... and 1 more (--top)\n", text)

    def test_several_files_are_one_capture(self):
        total = self.lines("one.pcap three.pcap")[-1]
        self.assertEqual([file["file"] for file in total["files"]], ["one.pcap", "three.pcap"])
        self.assertEqual(total["packets"], sum(file["packets"] for file in total["files"]))

    def test_flows_without_room_are_said_to_be_cut_short(self):
        text = self.capture("three.pcap --max-flows 1")
        self.assertRegex(text, r"flows: \d+, \d+ cut short to make room \(--max-flows\)\n")
        total = self.lines("three.pcap --max-flows 1")[-1]
        self.assertEqual(total["flows"], total["evicted"] + 1)

    def test_a_histogram_of_all_flows(self):
        text = self.capture("three.pcap --histogram")
        self.assertIn("to servers:\n", text)
        self.assertNotIn("to clients:\n", text)
        self.assertRegex(text, r"<= +20\.\d+ ms +\S+ \d+\n")

    def test_a_damaged_file_is_used_and_told(self):
        place = len(ONE) - 56
        text = self.capture("cut.pcap", 1, errors=f"strait: cut.pcap: octet {place}: the last record is cut off: "
                                                  f"6 of 16 octets\nstrait: cut.pcap: 6 octets passed over\n")
        self.assertIn("packets: 202 (202 tcp)\n", text)
        total = self.lines("rubbish.pcap", 1, errors="strait: rubbish.pcap: octet 192: a record claims more than 1 MiB\n"
                                                     "strait: rubbish.pcap: 999 octets passed over\n")[-1]
        self.assertEqual(total["packets"], 203)
        self.assertEqual(total["files"][0]["damage"], [{"offset": 192, "reason": "a record claims more than 1 MiB"}])

    def test_a_file_that_cannot_be_read_takes_nothing_from_the_others(self):
        (self.room / "empty.pcap").write_bytes(b"")
        errors = "strait: empty.pcap: empty; want a pcap or pcapng file\nstrait: open nosuch.pcap: No such file or directory\n"
        *flows, total = self.lines("empty.pcap one.pcap nosuch.pcap", 1, errors=errors)
        self.assertEqual((len(flows), total["packets"], [file["file"] for file in total["files"]]), (1, 203, ["one.pcap"]))
        self.assertEqual([file["file"] for file in total["unread"]], ["empty.pcap", "nosuch.pcap"])
        self.assertEqual(self.capture("nosuch.pcap empty.pcap", 2, errors=None),
                         "strait: empty.pcap: empty; want a pcap or pcapng file\n")

    def test_files_in_one_file_are_read_one_after_the_other(self):
        (self.room / "both.pcap").write_bytes(ONE + THREE)
        self.assertEqual(self.lines("both.pcap")[-1]["packets"], self.lines("one.pcap three.pcap")[-1]["packets"])

    def test_an_empty_word_is_refused_and_turns_nothing_off(self):
        for option, want in {"--anonymise": "HOW", "--weights": "FILE", "--store": "FILE", "--config": "FILE"}.items():
            with self.subTest(option):
                done = subprocess.run([self.strait, "capture", "one.pcap", option, ""], cwd=self.room, capture_output=True,
                                      text=True, timeout=60, check=False)
                self.assertEqual((done.returncode, done.stdout), (2, ""))
                self.assertTrue(done.stderr.startswith(f"strait capture: {option}: it is empty; want {want}\n"), done.stderr)

    @unittest.skipUnless(Path("/dev/full").exists(), "wants /dev/full")
    def test_what_could_not_be_written_is_no_success(self):
        for words in ("one.pcap", "one.pcap --json"):
            with self.subTest(words), open("/dev/full", "wb") as full:
                done = subprocess.run([self.strait, "capture", *words.split()], cwd=self.room, stdout=full, stderr=subprocess.PIPE,
                                      text=True, timeout=60, check=False)
                self.assertEqual((done.returncode, done.stderr), (4, "strait: not all of the standard output could be written\n"))

    @unittest.skipUnless(shutil.which("tshark"), "tshark is not there")
    def test_round_trips_are_those_of_tshark_but_for_what_is_ambiguous(self):
        fields = ["tcp.analysis.ack_rtt", "tcp.analysis.initial_rtt", "tcp.port"]
        (self.room / "stamps.pcap").write_bytes(STAMPED)
        for file, refused in {"one.pcap": 0, "three.pcap": 2, "stamps.pcap": 0}.items():
            with self.subTest(file):
                done = subprocess.run(["tshark", "-n", "-r", file, "-Y", "tcp.analysis.ack_rtt", "-T", "fields",
                                       *(word for field in fields for word in ("-e", field))],
                                      cwd=self.room, capture_output=True, text=True, timeout=100, check=True)
                rows = [line.split("\t") for line in done.stdout.splitlines()]
                theirs = Counter(round(float(row[0]) * 1e9) for row in rows)
                lines = self.lines(f"{file} --all-methods --samples")
                ours = Counter(line["rtt_ns"] for line in lines if line["type"] == "round_trip"
                               and line["method"] in ("handshake", "sequence"))
                self.assertEqual((ours - theirs).total(), 0)
                # tshark takes the first transmission for the cause.
                self.assertEqual(theirs - ours, Counter({20_000_000: refused} if refused else {}))
                initial = {row[2]: round(float(row[1]) * 1e9) for row in rows if row[1]}
                self.assertEqual(set(initial.values()), {line["handshake_ns"] for line in lines if line["type"] == "flow"})

    @unittest.skipUnless(shutil.which("tcptrace"), "tcptrace is not there")
    def test_tcptrace_has_as_many_round_trips_the_same_extremes_and_as_many_that_are_ambiguous(self):
        (self.room / "stamps.pcap").write_bytes(STAMPED)
        for file in ("one.pcap", "three.pcap", "stamps.pcap"):
            with self.subTest(file):
                text = subprocess.run(["tcptrace", "-n", "-r", "-l", file], cwd=self.room, capture_output=True, text=True,
                                      timeout=60, check=True).stdout
                blocks = re.split(r"^TCP connection \d+:$", text, flags=re.M)[1:]
                flows = [line for line in self.lines(f"{file} --all-methods") if line["type"] == "flow"]
                flows.sort(key=lambda flow: flow["client"])
                self.assertEqual(len(blocks), len(flows))
                for block, flow in zip(blocks, flows):
                    for index, side in enumerate((flow["to_server"], flow["to_client"])):
                        def theirs(name, block=block, index=index):
                            found = re.search(rf"^ +{name}: +([\d.]+)(?: ms)? +{name}: +([\d.]+)", block, re.M)
                            return float(found[index + 1]) if found else 0  # what there is none of is left out

                        times, half = side["sequence"], side["handshake_ns"]
                        # The handshake is one of its samples.
                        self.assertEqual(theirs("RTT samples"), times["count"] + 1)
                        self.assertEqual(theirs("RTT min"), round(min(half, times["min_ns"] or half) / 1e6, 1))
                        self.assertEqual(theirs("RTT max"), round(max(half, times["max_ns"] or half) / 1e6, 1))
                        self.assertEqual(theirs("ambiguous acks"), side["refused"])

    def test_echoes_and_queries_are_flows_of_their_own(self):
        (self.room / "questions.pcap").write_bytes(QUESTIONS)
        flows = {line["protocol"]: line for line in self.lines("questions.pcap") if line["type"] == "flow"}
        self.assertEqual((flows["icmp"]["client"], flows["icmp"]["client_known"]), ("192.0.2.1:77", True))
        asked = flows["icmp"]["to_server"]
        self.assertEqual((asked["packets"], asked["unanswered"], asked["refused"]), (5, 1, 0))
        self.assertEqual({key: asked["question"][key] for key in ("count", "min_ns", "max_ns")},
                         {"count": 4, "min_ns": 7_000_000, "max_ns": 7_004_000})
        self.assertEqual(flows["udp"]["server"], "198.51.100.2:53")
        asked = flows["udp"]["to_server"]
        self.assertEqual((asked["question"]["count"], asked["question"]["min_ns"], asked["refused"],
                          asked["retransmitted"]), (1, 12_000_000, 1, 1))
        self.assertIn("round trips: 4 by echo, 1 by query\n", self.capture("questions.pcap"))

    @unittest.skipUnless(shutil.which("tshark"), "tshark is not there")
    def test_echoes_and_queries_take_what_tshark_says(self):
        (self.room / "questions.pcap").write_bytes(QUESTIONS)
        done = subprocess.run(["tshark", "-n", "-r", "questions.pcap", "-T", "fields", "-e", "icmp.resptime", "-e",
                               "dns.time"], cwd=self.room, capture_output=True, text=True, timeout=100, check=True)
        rows = [line.split("\t") for line in done.stdout.splitlines()]
        theirs = Counter([round(float(row[0]) * 1e6) for row in rows if row[0]] +
                         [round(float(row[1]) * 1e9) for row in rows if len(row) > 1 and row[1]])
        ours = Counter(line["rtt_ns"] for line in self.lines("questions.pcap --samples")
                       if line["type"] == "round_trip")
        self.assertEqual((ours - theirs).total(), 0)
        self.assertEqual((theirs - ours).total(), 1)  # the query that was asked twice

    def test_test_packets_of_stamp_are_timed_without_the_time_that_the_reflector_took(self):
        packets = [stamp(10_000 * n, True, n) for n in range(3)] + [stamp(10_000 * n + 5_300, False, n) for n in range(2)]
        (self.room / "stamp.pcap").write_bytes(pcap(packets, [ip(50_000, True, 17, struct.pack("!HHHH", 9, 862, 12, 0) + b"none")]))
        (self.room / "other.pcap").write_bytes(pcap([stamp(0, True, 7, 20000), stamp(5_300, False, 7, 20000)]))
        flow, total = self.lines("stamp.pcap")
        asked = flow["to_server"]
        self.assertEqual((flow["protocol"], flow["server"], asked["unanswered"]), ("udp", "198.51.100.2:862", 1))
        self.assertEqual({key: asked["question"][key] for key in ("count", "min_ns", "max_ns")},
                         {"count": 2, "min_ns": 5_000_000, "max_ns": 5_000_000})
        self.assertEqual((total["round_trips"]["stamp"], total["packets_by_exchange"]["stamp"],
                          total["packets_by_exchange"]["misfit"]), (2, 5, 1))
        self.assertIn("; 1 of a STAMP port, but no test packets\n", self.capture("stamp.pcap"))
        self.capture("other.pcap", 1)
        self.assertEqual(self.lines("other.pcap --stamp-port 862 --stamp-port 20000")[-1]["round_trips"]["stamp"], 1)

    def test_without_a_flow_the_status_is_1(self):
        self.assertEqual(self.capture("bare.pcap", 1), "packets: 0\nflows: 0\nround trips: none\n")

    def begin_live(self, words: str) -> subprocess.Popen:
        process = subprocess.Popen([self.strait, "capture", *words.split()], cwd=self.room, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True)
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        return process

    @unittest.skipUnless(os.geteuid() == 0, "wants to capture")
    def test_what_passes_an_interface_is_timed_while_it_runs(self):
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            live = self.begin_live("-i lo --json --duration 30s --filter tcp")
            self.assertEqual(live.stderr.readline(), "capturing; interrupt to end\n")
            with socket.create_connection(("127.0.0.1", port)) as client, server.accept()[0] as peer:
                mine = client.getsockname()[1]
                for _ in range(10):
                    client.sendall(b"x" * 100)
                    peer.recv(100)
                    peer.sendall(b"y")
                    client.recv(1)
            time.sleep(0.5)  # the kernel gathers packets for a while
            live.send_signal(signal.SIGINT)
            out, err = live.communicate(timeout=60)
        self.assertEqual((live.returncode, err), (0, ""))
        lines = [json.loads(line) for line in out.splitlines()]
        flows = {line["client"]: line for line in lines if line["type"] == "flow"
                 and line["server"] == f"127.0.0.1:{port}" and line["start"] == "handshake"}
        flow = flows[f"127.0.0.1:{mine}"]
        self.assertGreater(flow["handshake_ns"], 0)
        self.assertEqual((flow["ending"], flow["to_server"]["unseen"], flow["to_server"]["retransmitted"]),
                         ("closed", 0, 0))
        self.assertGreater(flow["to_server"]["timestamp"]["count"], 0)
        self.assertEqual((lines[-1]["files"][0]["file"], lines[-1]["files"][0]["dropped"]), ("lo", 0))

    @unittest.skipUnless(os.geteuid() == 0, "wants to capture")
    def test_what_is_wrong_with_an_interface_or_a_filter_is_said(self):
        text = self.capture("-i nosuch0", 2, errors=None)
        self.assertTrue(text.startswith("strait: capture on nosuch0: "), text)
        text = self.capture("-i lo --filter tcpp", 2, errors=None)
        self.assertEqual(text, "strait: filter 'tcpp': can't parse filter expression: syntax error\n")


if __name__ == "__main__":
    unittest.main()
