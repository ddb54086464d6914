#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What strait says and how it ends, as the user of a terminal sees it. Needs no privilege and only loopback."""

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import struct
import subprocess
import sys
import tempfile
import threading
import unittest
from pathlib import Path

from contract_refusals import REFUSED

STRAIT = os.environ.get("STRAIT", "build/dev/strait")
PLAIN = {key: value for key, value in os.environ.items() if key != "NO_COLOR"}
# Where root would be allowed what a user is not.
NOBODY = {"user": 65534, "group": 65534, "extra_groups": []} if os.geteuid() == 0 else {}

BAD = """\
[site]
name = "x"
plce = "y"
[probe]
interval = 5
window = "1ms"
[[path]]
name = "p"
segments = ["atlas-ofshore"]
[[target]]
name = "t"
address = "1.2.3"
region = "euope"
"""
BAD_REPORT = """\
bad.toml:3:1: error: unknown key 'plce'; did you mean 'place'?
    3 | plce = "y"
      | ^
bad.toml:5:12: error: interval must be text with a unit, such as "100ms", not an integer
    5 | interval = 5
      |            ^
bad.toml:6:10: error: want at least 100ms
    6 | window = "1ms"
      |          ^
bad.toml:9:12: error: path 'p': segment 'atlas-ofshore' is not in the catalogue; did you mean 'atlas-offshore'?
    9 | segments = ["atlas-ofshore"]
      |            ^
bad.toml:12:11: error: address: address '1.2.3': want IPv4 such as 192.0.2.1 or IPv6 such as 2001:db8::1
   12 | address = "1.2.3"
      |           ^
bad.toml:13:10: error: unknown region 'euope'; did you mean 'europe'?
   13 | region = "euope"
      |          ^
bad.toml: 6 errors
"""

def record(subtype: int, body: bytes) -> bytes:
    return struct.pack(">IHHI", 1700000000, 13, subtype, len(body)) + body


# TABLE_DUMP_V2 of one peer with one route (RFC 6396 section 4.3).
WAY = bytes([0x40, 1, 1, 0, 0x40, 2, 6, 2, 1]) + struct.pack(">I", 65001) + bytes([0x40, 3, 4, 192, 0, 2, 1])
MRT = (record(1, bytes([10, 0, 0, 1]) + struct.pack(">HH", 0, 1) + bytes([2, 10, 0, 0, 2, 192, 0, 2, 1])
              + struct.pack(">I", 65001))
       + record(2, struct.pack(">I", 0) + bytes([16, 20, 1]) + struct.pack(">HHIH", 1, 0, 1700000000, len(WAY)) + WAY))

PATH = '[[path]]\nname = "only"\nupstream_asn = 64501\nneighbor_v4 = "192.0.2.1"\nprotocol = "up"\n'
TARGET = '[[target]]\nname = "here"\naddress = "127.0.0.1"\nprotocol = "stamp"\nport = 8629\nregion = "europe"\n'
GOOD = PATH + TARGET + ('[routes.bird]\ninclude = "strait.conf"\nsocket = "nosuch.ctl"\n'
                        '[exporters]\nlisten = []\nstore = "strait.db"\n')


class Contract(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.strait = str(Path(STRAIT).resolve())
        cls.room = Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        os.chmod(cls.room, 0o755)
        files = {"bad.toml": BAD, "text.db": "hello\n" * 200, "good.toml": GOOD,
                 "nostore.toml": PATH + TARGET + "[exporters]\nlisten = []\n",
                 "open.key": "k" * 32 + "\n", "short.key": "short\n",
                 "lines.txt": "# ours\n192.0.2.1 # one\n192.0.2.1 192.0.2.2\n", "comments.txt": "# nobody\n\n",
                 "twice.txt": "127.0.0.1\n127.0.0.1\n", "empty.toml": "", "broken.toml": "[site\nname = \"x\"\n"}
        for name, text in files.items():
            (cls.room / name).write_text(text)
        (cls.room / "open.key").chmod(0o644)
        (cls.room / "short.key").chmod(0o600)
        with contextlib.closing(sqlite3.connect(cls.room / "other.db")) as other:
            other.execute("create table theirs(a)")

    def run_strait(self, words: str, **how):
        how = {"env": PLAIN, "timeout": 20, "text": True, **({} if "input" in how else {"stdin": subprocess.DEVNULL}), **how}
        return subprocess.run([self.strait, *words.split()], cwd=self.room, capture_output=True, check=False,
                              **how)

    def probe(self, words: str, **how):
        """A probe run in which this machine kept up; one that missed slots says so, and is tried again."""
        for _ in range(5):
            done = self.run_strait("probe " + words, **how)
            if "slots missed" not in done.stdout and not re.search(r'"missed":[1-9]', done.stdout):
                return done
        self.skipTest("this machine is too busy to send a few probes on time")

    def start(self, words: str):
        process = subprocess.Popen([self.strait, *words.split()], cwd=self.room, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=PLAIN)
        self.addCleanup(lambda: (process.kill(), process.communicate()))
        return process

    def end(self, process, how=signal.SIGTERM):
        process.send_signal(how)
        out, err = process.communicate(timeout=10)
        return process.returncode, out, err

    def lines(self, text: str):
        """Each line is an object that says what it is."""
        objects = [json.loads(line) for line in text.splitlines()]
        for item in objects:
            self.assertEqual(item["strait"], 1)
            self.assertIn("type", item)
        return objects

    def test_what_is_wrong_is_said_with_the_remedy(self):
        for words, status, err in REFUSED:
            with self.subTest(words):
                done = self.run_strait(words)
                self.assertEqual((done.returncode, done.stdout, done.stderr), (status, "", err))

    def test_a_name_that_nobody_knows(self):
        done = self.run_strait("probe no-such-name.invalid")
        self.assertEqual((done.returncode, done.stdout), (2, ""))
        self.assertRegex(done.stderr, r"^strait: target 'no-such-name\.invalid': [^\n]+\n$")

    def test_the_version_names_the_revision(self):
        done = self.run_strait("--version")
        self.assertEqual(done.returncode, 0)
        self.assertRegex(done.stdout, r"^strait \d+\.\d+\.\d+ \(([0-9a-f]{12}|unknown)\)\n$")

    def test_help_is_aligned_and_fits(self):
        for words in ["", "probe", "reflect", "run", "analyze", "routes", "routes recommend", "routes explain",
                      "routes diff", "routes render", "routes apply", "routes bmp", "routes rib", "routes rib summary",
                      "routes rib show", "routes rib lookup", "routes rib diff", "routes rib export", "routes history",
                      "routes pending", "routes approve",
                      "routes rollback", "routes verify", "routes stop", "routes resume", "capture", "simulate", "doctor",
                      "config", "config check", "config example"]:
            with self.subTest(words):
                done = self.run_strait(words + " --help")
                self.assertEqual((done.returncode, done.stderr), (0, ""))
                self.assertIn(f"Usage: strait {words}".strip(), done.stdout)
                for line in done.stdout.splitlines():
                    self.assertLessEqual(len(line), 100, line)
                    self.assertTrue(line.isprintable(), line)
                self.assertNotIn("UINT", done.stdout)

    def test_a_configuration_gets_all_its_mistakes_at_once(self):
        for command in ("config check bad.toml", "run -c bad.toml", "analyze -c bad.toml", "routes diff -c bad.toml",
                        "doctor -c bad.toml"):
            with self.subTest(command):
                done = self.run_strait(command)
                self.assertEqual((done.returncode, done.stdout, done.stderr), (2, "", BAD_REPORT))

    def test_a_configuration_that_is_no_toml(self):
        done = self.run_strait("config check broken.toml")
        self.assertEqual((done.returncode, done.stdout), (2, ""))
        self.assertTrue(done.stderr.startswith("broken.toml:1:6: error: "), done.stderr)
        self.assertIn("    1 | [site\n      |      ^\n", done.stderr)

    def test_an_empty_configuration(self):
        done = self.run_strait("config check empty.toml")
        self.assertEqual((done.returncode, done.stdout), (2, ""))
        self.assertIn("no [[path]]: there is nothing to measure", done.stderr)
        self.assertIn("no [[target]]: there is nothing to measure", done.stderr)

    def test_the_example_passes_the_check(self):
        example = self.run_strait("config example")
        self.assertEqual((example.returncode, example.stderr), (0, ""))
        (self.room / "example.toml").write_text(example.stdout)
        done = self.run_strait("config check example.toml")
        self.assertEqual((done.returncode, done.stdout, done.stderr),
                         (0, "example.toml: good: 2 paths, 1 targets, 2 sessions\n", ""))

    def reflector(self, words: str):
        process = self.start("reflect " + words)
        where = process.stderr.readline()
        self.assertTrue(where.startswith("reflecting on "), where)
        return process, where.removeprefix("reflecting on ").rstrip("\n").rpartition(":")[2]

    def test_probes_to_a_reflector_come_back(self):
        for address in ("127.0.0.1", "::1"):
            with self.subTest(address):
                literal = f"[{address}]" if ":" in address else address
                reflector, port = self.reflector(f"{literal}:0 --open")
                done = self.probe(f"{address} --protocol stamp -p {port} -c 8 -i 10ms --max-loss 0")
                self.assertEqual((done.returncode, done.stderr), (0, ""))
                lines = re.sub(r"\d+\.\d+ ms", "T ms", done.stdout).splitlines()
                self.assertEqual(lines[0], f"{address}: stamp, 44 octets, kernel timestamps")
                self.assertRegex(lines[1], r"^  8 sent, 8 received, 0 lost \(0\.00 % \[0\.00 %, 32\.44 %\]\)$")
                self.assertEqual(lines[2], "  RTT  min T ms  p50 T ms  p90 n/a (needs 36)  p95 n/a (needs 72)  "
                                           "p99 n/a (needs 368)  max T ms")
                self.assertEqual(lines[3], "  95 % p50 T ms to T ms")
                self.assertEqual(lines[4], "  IPDV  p50 T ms  of 7 pairs")
                status, out, err = self.end(reflector)
                self.assertEqual((status, err), (0, ""))
                self.assertRegex(out, r"^(\d+) received, \1 reflected\n$")

    def echo_server(self, address: str) -> int:
        """UDP echo (RFC 862) until the test ends; its port."""
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        server = socket.socket(family, socket.SOCK_DGRAM)
        server.bind((address, 0))
        server.settimeout(0.1)
        stop = threading.Event()

        def serve():
            while not stop.is_set():
                with contextlib.suppress(TimeoutError):
                    server.sendto(*server.recvfrom(65536))

        thread = threading.Thread(target=serve)
        thread.start()
        self.addCleanup(lambda: (stop.set(), thread.join(), server.close()))
        return server.getsockname()[1]

    def test_udp_echo_comes_back(self):
        for address in ("127.0.0.1", "::1"):
            with self.subTest(address):
                port = self.echo_server(address)
                done = self.probe(f"{address} --protocol udp-echo -p {port} -c 8 -i 10ms --json")
                self.assertEqual((done.returncode, done.stderr), (0, ""))
                [report] = self.lines(done.stdout)
                self.assertEqual(
                    (report["protocol"], report["octets"], report["received"], report["timestamps"], report["errors"]),
                    ("udp-echo", 56, 8, "kernel", {}))

    def listener(self) -> int:
        server = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(server.close)
        return server.getsockname()[1]

    def test_tcp_counts_open_and_closed_ports(self):
        with socket.create_server(("127.0.0.1", 0)) as free:
            closed = free.getsockname()[1]
        for port in (self.listener(), closed):
            with self.subTest(port=port):
                done = self.probe(f"127.0.0.1 --protocol tcp -p {port} -c 8 -i 10ms")
                self.assertEqual(done.returncode, 0, done.stderr)
                if os.geteuid() == 0:
                    self.assertEqual(done.stderr, "")
                    self.assertTrue(done.stdout.startswith("127.0.0.1: tcp, kernel timestamps\n"), done.stdout)
                self.assertIn("\n  8 sent, 8 received, 0 lost (0.00 %", done.stdout)

    def test_tcp_without_privileges_says_so(self):
        program = shutil.copy(self.strait, self.room)  # where everybody may run it
        done = self.run_strait(f"probe 127.0.0.1 --protocol tcp -p {self.listener()} -c 8 -i 20ms",
                               executable=program, **NOBODY)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertTrue(done.stdout.startswith("127.0.0.1: tcp, user timestamps\n"), done.stdout)
        self.assertIn("8 received", done.stdout)
        self.assertEqual(done.stderr, "this machine: tcp-by-connect: 8\n")

    def test_the_reflectors_counters_as_json(self):
        reflector, port = self.reflector("127.0.0.1:0 --allow 192.0.2.0/24 --json")
        done = self.run_strait(f"probe 127.0.0.1 --protocol stamp -p {port} -c 1 --timeout 100ms")
        self.assertEqual(done.returncode, 1)
        status, out, _ = self.end(reflector, signal.SIGINT)
        self.assertEqual(status, 0)
        self.assertEqual(self.lines(out), [{"strait": 1, "type": "reflect", "received": 1, "reflected": 0,
                                            "refused": {"not-allowed": 1}, "errors": {}}])

    def test_ports_that_are_taken_or_privileged(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
            taken.bind(("127.0.0.1", 0))
            port = taken.getsockname()[1]
            done = self.run_strait(f"reflect 127.0.0.1:{port} --open")
            self.assertEqual((done.returncode, done.stdout, done.stderr), (4, "", (
                f"strait: reflect on 127.0.0.1:{port}: bind to 127.0.0.1:{port}: Address already in use; "
                f"'ss -lunp sport = {port}' shows who has it\n")))
        if Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text().strip() == "1024":
            program = shutil.copy(self.strait, self.room)  # where everybody may run it
            done = self.run_strait("reflect 127.0.0.1 --open", executable=program, **NOBODY)
            self.assertEqual((done.returncode, done.stdout), (3, ""))
            self.assertIn("ports below 1024 need root or CAP_NET_BIND_SERVICE: use a higher port, or setcap", done.stderr)

    def test_where_nobody_answers(self):
        done = self.probe("127.0.0.1 --protocol stamp -p 8628 -c 3 -i 10ms --timeout 100ms")
        self.assertEqual((done.returncode, done.stdout, done.stderr), (1, (
            "127.0.0.1: stamp, 44 octets\n"
            "  3 sent, 0 received, 3 lost (100.00 % [43.85 %, 100.00 %])\n"
            "  icmp-port-unreachable: 3 by 127.0.0.1\n"
            "  RTT  no reply\n"), ""))

    def test_a_refused_probe_is_lost_and_says_who_refused_it(self):
        words = "127.0.0.1 --protocol stamp -p 8628 -c 2 -i 10ms --timeout 100ms --outcomes"
        done = self.probe(words)
        self.assertRegex(done.stdout, r"127\.0\.0\.1 \d+ lost icmp-port-unreachable by 127\.0\.0\.1\n")
        *outcomes, report = self.lines(self.probe(words + " --json").stdout)
        self.assertEqual([(item["fate"], item["refused"], item["refused_by"]) for item in outcomes],
                         [("lost", "icmp-port-unreachable", "127.0.0.1")] * 2)
        self.assertEqual(report["refusals"],
                         [{"reason": "icmp-port-unreachable", "by": "127.0.0.1", "count": 2}])

    def test_a_threshold_that_is_passed_ends_with_1(self):
        reflector, port = self.reflector("127.0.0.1:0 --open")
        probe = f"probe 127.0.0.1 --protocol stamp -p {port} -c 3 -i 10ms"
        self.assertEqual(self.run_strait(probe + " --max-rtt 10s --max-loss 50").returncode, 0)
        self.assertEqual(self.run_strait(probe + " --max-rtt 1ns").returncode, 1)
        self.end(reflector)

    def stamp(self):
        reflector, port = self.reflector("127.0.0.1:0 --open")
        self.addCleanup(lambda: self.end(reflector))
        return f"--protocol stamp -p {port} -i 10ms"

    def targets(self, done):
        return [item["target"] for item in self.lines(done.stdout)]

    def test_targets_from_files_the_standard_input_and_prefixes(self):
        stamp = self.stamp() + " -c 1 -t 100ms --json"
        (self.room / "targets.txt").write_text("# two\n127.0.0.2 # this one\r\n\n127.0.0.1")
        done = self.run_strait(f"probe -f targets.txt 127.0.0.3 {stamp}")
        self.assertEqual(self.targets(done), ["127.0.0.3", "127.0.0.2", "127.0.0.1"])
        done = self.run_strait(f"probe - {stamp}", input="127.0.0.1\n127.0.0.4\n")
        self.assertEqual((self.targets(done), done.stderr), (["127.0.0.1", "127.0.0.4"], ""))
        done = self.run_strait(f"probe -f - {stamp}", input="127.0.0.1\n127.0.0.1\n")
        self.assertEqual((done.returncode, done.stderr),
                         (2, "strait: standard input:2: target '127.0.0.1' is given twice\n"))
        done = self.run_strait(f"probe 127.0.1.0/29 {stamp}")
        self.assertEqual(self.targets(done), [f"127.0.1.{n}" for n in range(1, 7)])

    def test_a_name_that_does_not_resolve_leaves_the_others(self):
        done = self.probe(f"no-such-name.invalid 127.0.0.1 {self.stamp()} -c 1")
        self.assertEqual(done.returncode, 1)
        self.assertIn("127.0.0.1: stamp, 44 octets", done.stdout)
        self.assertRegex(done.stderr, r"^strait: not probed: target 'no-such-name\.invalid': [^\n]+\n$")

    def test_names_and_addresses(self):
        stamp = self.stamp() + " -c 1 --json"
        done = self.run_strait(f"probe -4 localhost {stamp}")
        self.assertEqual([(each["target"], each["address"]) for each in self.lines(done.stdout)],
                         [("localhost", "127.0.0.1")])
        done = self.run_strait(f"probe -4 -A localhost {stamp}")
        self.assertEqual(self.targets(done), ["127.0.0.1"])
        done = self.run_strait(f"probe -m localhost {stamp} -t 100ms")
        self.assertIn("127.0.0.1", [each["address"] for each in self.lines(done.stdout)])

    def test_the_flows_of_a_target_share_its_probes(self):
        done = self.probe(f"127.0.0.1 {self.stamp()} --flows 4 -c 8 --json")
        [report] = self.lines(done.stdout)
        self.assertEqual((report["sent"], [each["samples"] for each in report["flows"]]), (8, [2] * 4))

    def test_what_a_far_end_tells_is_up_to_it(self):
        words = "--protocol stamp -p {} --tlv location,cos -c 8 -i 10ms -Q 10 --json"
        told = []
        for silent in ("", " --no-location --same-dscp"):
            reflector, port = self.reflector("127.0.0.1:0 --open" + silent)
            [report] = self.lines(self.probe("127.0.0.1 " + words.format(port)).stdout)
            told.append(report["far"])
            self.end(reflector)
        self.assertEqual((told[0]["seen_as"].rpartition(":")[0], told[0]["dscp"]), ("127.0.0.1", 10))
        self.assertNotIn("seen_as", told[1])

    def test_a_duration_is_as_many_probes_as_fit(self):
        stamp = self.stamp()
        self.assertEqual(self.lines(self.probe(f"127.0.0.1 {stamp} -d 95ms --json").stdout)[0]["sent"], 10)
        self.assertEqual(self.lines(self.probe(f"127.0.0.1 {stamp} -d 95ms -c 3 --json").stdout)[0]["sent"], 3)
        self.assertEqual(self.lines(self.probe(f"127.0.0.1 {stamp} -d 95ms -c 30 --json").stdout)[0]["sent"], 10)

    def test_the_paths_of_a_configuration_side_by_side(self):
        reflector, port = self.reflector("127.0.0.1:0 --open")
        self.addCleanup(lambda: self.end(reflector))
        other = PATH.replace("only", "other") + 'segments = ["atlas-offshore"]\n'
        (self.room / "paths.toml").write_text('[probe]\npin_check = "off"\n' + PATH + other
                                              + TARGET.replace("8629", port))
        done = self.probe("--config paths.toml -c 8 -i 10ms")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        shape = re.sub(r" +", " ", re.sub(r"\d+\.\d+ ms", "T ms", done.stdout)).splitlines()
        self.assertEqual(shape[:3], [
            "here (127.0.0.1): stamp, 44 octets",
            " path sent lost min p50 [95 %] p95 p99 max floor stretch",
            " only 8 0.00 % [0.00 %, 32.44 %] T ms T ms [T ms, T ms] n/a (needs 72) n/a (needs 368) T ms - -"])
        self.assertRegex(shape[3], r"^ other 8 .* T ms T ms 0\.00$")
        self.assertEqual(shape[4], " other: faster than light in fibre: a place, a segment or the path is not what it "
                                   "should be")
        done = self.probe("--config paths.toml --path other here -c 1 --json")
        self.assertEqual([(each["path"], each["target"], each["protocol"]) for each in self.lines(done.stdout)],
                         [("other", "here", "stamp")])
        self.assertGreater(self.lines(done.stdout)[0]["floor_ns"], 0)
        # Without segments, the great circle between the two places: 1,560 km, 9.7948 us of fibre each.
        (self.room / "places.toml").write_text('[site]\nplace = "casablanca"\n[probe]\npin_check = "off"\n' + PATH
                                               + TARGET.replace("8629", port) + 'place = "marseille"\n')
        done = self.probe("--config places.toml -c 1 --json")
        self.assertAlmostEqual(self.lines(done.stdout)[0]["floor_ns"] / 1e6, 15.277, delta=0.001)

    def test_a_path_without_a_proof_is_measured_and_said(self):
        reflector, port = self.reflector("127.0.0.1:0 --open")
        self.addCleanup(lambda: self.end(reflector))
        (self.room / "pins.toml").write_text(PATH + TARGET.replace("8629", port))
        done = self.run_strait("probe --config pins.toml -c 1 -i 10ms --json")
        self.assertEqual((done.returncode, done.stderr),
                         (0, "strait: path only (IPv4): pin unverified: 127.0.0.1 is of this very host\n"))

    def test_many_targets_are_a_table(self):
        done = self.probe(f"127.0.0.0/28 {self.stamp()} -c 1 -t 100ms --max-loss 100")
        lines = done.stdout.splitlines()
        self.assertRegex(lines[0], r"^target +sent +lost +min +p50 \[95 %\] +p95 +p99 +max$")
        self.assertEqual([line.split()[0] for line in lines[1:15]], [f"127.0.0.{n}" for n in range(1, 15)])
        self.assertNotIn("<=", done.stdout)

    def test_csv(self):
        words = f"probe 127.0.0.1 {self.stamp()} -c 8 --csv"
        for _ in range(5):
            done = self.run_strait(words, text=False)
            self.assertEqual((done.returncode, done.stderr), (0, b""))
            lines = done.stdout.decode().split("\r\n")
            self.assertEqual((len(lines), lines[2]), (3, ""))
            row = dict(zip(*[line.split(",") for line in lines[:2]], strict=True))
            if row["missed"] == "0":
                break
        self.assertEqual((row["target"], row["protocol"], row["received"], row["p99_ns"], row["timestamps"]),
                         ("127.0.0.1", "stamp", "8", "", "kernel"))
        self.assertLessEqual(int(row["p50_low_ns"]), int(row["p50_ns"]))
        self.assertLessEqual(int(row["p50_ns"]), int(row["p50_high_ns"]))

    def test_histograms(self):
        stamp = f"127.0.0.1 {self.stamp()} -c 8 "
        utf8 = {"env": {**PLAIN, "LC_ALL": "C.UTF-8", "COLUMNS": "60"}}
        plain = {"env": {**PLAIN, "LC_ALL": "C", "COLUMNS": "60"}}
        self.assertIn("█", self.probe(stamp, **utf8).stdout)
        for words, how in (("", plain), ("--histogram ascii", utf8)):
            text = self.probe(stamp + words, **how).stdout
            self.assertIn("#", text)
            self.assertTrue(text.isascii(), text)
            self.assertEqual(max(len(line) for line in text.splitlines() if "<=" in line), 60)
        self.assertNotIn("<=", self.probe(stamp + "--histogram off").stdout)

    def test_as_a_plugin(self):
        stamp = f"127.0.0.1 {self.stamp()} -c 8 "
        done = self.probe(stamp + "--warn p50=1s,loss=1% --critical p50=2s,loss=5%")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertRegex(done.stdout, r"^STRAIT OK: 127\.0\.0\.1: p50 [\d.]+ ms, loss 0\.00 % \| "
                                      r"'127\.0\.0\.1 p50'=0\.\d{6}s;1\.000000;2\.000000;0; "
                                      r"'127\.0\.0\.1 loss'=0\.00%;1;5;0;100\n$")
        done = self.probe(stamp + "--warn p50=1ns")
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stdout, r"^STRAIT WARNING: 127\.0\.0\.1: p50 [\d.]+ ms is above 1ns \| ")
        done = self.probe(stamp + "--warn p50=1s --critical p50=1ns")
        self.assertEqual((done.returncode, done.stdout[:16]), (2, "STRAIT CRITICAL:"))
        done = self.probe("127.0.0.1 --protocol stamp -p 8628 -c 3 -i 10ms -t 100ms --warn loss=1%")
        self.assertEqual((done.returncode, done.stdout), (2, (
            "STRAIT CRITICAL: 127.0.0.1: no reply to 3 probes | '127.0.0.1 p50'=U;;;0; "
            "'127.0.0.1 loss'=100.00%;1;;0;100\n")))
        done = self.run_strait("probe no-such-name.invalid --warn loss=1%")
        self.assertEqual((done.returncode, done.stderr), (3, ""))
        self.assertRegex(done.stdout, r"^STRAIT UNKNOWN: target 'no-such-name\.invalid': [^\n]+\n$")

    def test_without_privilege_it_says_what_is_missing_and_how_to_get_it(self):
        program = shutil.copy(self.strait, self.room)
        stamp = self.stamp()
        done = self.probe(f"127.0.0.1 {stamp} -c 2", executable=program, **NOBODY)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        for words, wanted in (("--mark 7", "CAP_NET_ADMIN"), ("--realtime", "CAP_SYS_NICE")):
            with self.subTest(words):
                done = self.run_strait(f"probe 127.0.0.1 {stamp} -c 2 {words}", executable=program, **NOBODY)
                self.assertEqual((done.returncode, done.stdout), (3, ""))
                self.assertIn(wanted.lower(), done.stderr.lower())

    def test_json_lines(self):
        reflector, port = self.reflector("127.0.0.1:0 --open")
        done = self.probe(f"127.0.0.1 --protocol stamp -p {port} -c 3 -i 10ms --json --outcomes -Q 10")
        self.end(reflector)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        objects = self.lines(done.stdout)
        self.assertEqual([item["type"] for item in objects], ["outcome"] * 3 + ["probe"])
        report = objects[-1]
        self.assertEqual((report["sent"], report["received"], report["dscp"]), (3, 3, 10))
        self.assertIsNone(report["rtt_ns"]["p50"], "three probes do not make a median")
        self.assertLessEqual(report["start"][:20], objects[0]["sent"][:20])
        self.assertNotIn("T00:00:00Z", report["start"])

    def test_ctrl_c_prints_what_there_is(self):
        reflector, port = self.reflector("127.0.0.1:0 --open")
        probe = self.start(f"probe 127.0.0.1 --protocol stamp -p {port} -c 100000 -i 20ms --outcomes")
        self.assertTrue(probe.stdout.readline().startswith("127.0.0.1 0 received "))
        status, out, _ = self.end(probe, signal.SIGINT)
        self.assertEqual(status, 0)
        self.assertRegex(out, r"\n  \d+ sent, \d+ received, 0 lost ")
        self.end(reflector)

    def test_icmp_to_loopback(self):
        done = self.probe("127.0.0.1 -c 3 -i 10ms")
        if done.returncode == 3:  # neither a ping socket nor CAP_NET_RAW: then it says what to do
            self.assertIn("net.ipv4.ping_group_range", done.stderr)
            self.skipTest("this user may not ping")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        shape = re.sub(r"\d+\.\d+ ms", "T ms", done.stdout).splitlines()
        self.assertEqual(shape[:3], [
            "127.0.0.1: icmp, 56 octets, kernel timestamps",
            "  3 sent, 3 received, 0 lost (0.00 % [0.00 %, 56.15 %])",
            "  RTT  min T ms  p50 n/a (needs 6)  p90 n/a (needs 36)  p95 n/a (needs 72)  p99 n/a (needs 368)  max T ms"])

    def test_colours_are_for_terminals_and_not_for_no_color(self):
        import pty
        for no_color, coloured in ((None, True), ("1", False)):
            with self.subTest(no_color=no_color):
                here, there = pty.openpty()
                environment = PLAIN | ({"NO_COLOR": no_color} if no_color else {})
                process = subprocess.Popen(
                    [self.strait, *"probe 127.0.0.1 --protocol stamp -p 8628 -c 1 --timeout 50ms".split()],
                    stdin=subprocess.DEVNULL, stdout=there, stderr=subprocess.DEVNULL, env=environment)
                process.wait(10)
                os.close(there)
                text = os.read(here, 10000).decode()
                os.close(here)
                self.assertEqual("\x1b[1m127.0.0.1\x1b[0m" in text, coloured, text)
                self.assertEqual("\x1b" in text, coloured, text)

    def service(self, name: str, text: str):
        (self.room / name).write_text(text)
        return self.run_strait(f"run -c {name}")

    def last_line(self, done):
        return done.returncode, done.stdout, done.stderr.splitlines(keepends=True)[-1]

    def test_the_service_and_what_it_cannot_have(self):
        probe = "[probe]\ninterval = \"20ms\"\nwindow = \"200ms\"\n"
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            text = PATH + TARGET + probe + f'[exporters]\nlisten = ["127.0.0.1:{port}"]\n'
            status, out, err = self.last_line(self.service("port.toml", text))
            self.assertEqual((status, out), (4, ""))
            self.assertRegex(err, rf"^strait: .*127\.0\.0\.1:{port}.*Address already in use")
        text = PATH + TARGET + '[exporters]\nlisten = []\nstore = "/nosuch/strait.db"\n'
        self.assertEqual(self.last_line(self.service("store.toml", text)), (4, "", (
            "strait: store /nosuch/strait.db: it cannot be opened; check that its directory exists and can be "
            "written (unable to open database file)\n")))
        text = PATH + 'device = "nosuch"\n' + TARGET + "[exporters]\nlisten = []\n"
        self.assertEqual(self.last_line(self.service("device.toml", text)), (2, "", (
            "strait: path only, target here: target 127.0.0.1: bind to device 'nosuch': No such device; 'ip link' "
            "lists the devices\n")))

    def test_a_store_and_what_is_read_from_it(self):
        reflector, port = self.reflector("127.0.0.1:0 --open")
        text = (PATH + TARGET.replace("8629", port) + "[probe]\ninterval = \"20ms\"\nwindow = \"200ms\"\n"
                + '[exporters]\nlisten = []\nstore = "service.db"\njson = "-"\n')
        (self.room / "service.toml").write_text(text)
        service = self.start("run -c service.toml")
        while json.loads(service.stdout.readline())["type"] != "window":
            pass
        status, out, err = self.end(service)
        self.assertEqual(status, 0, err)
        self.lines(out)
        self.end(reflector)

        done = self.run_strait("analyze -c service.toml --json")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual([item["path"] for item in self.lines(done.stdout)], ["only"])
        done = self.run_strait("analyze --store service.db --path other")
        self.assertEqual((done.returncode, done.stdout, done.stderr),
                         (1, "", "analyze: service.db has no windows of the last 1h that match\n"))
        done = self.run_strait("routes recommend -c service.toml")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertTrue(done.stdout.endswith("plan: none without a RIB ([routes] rib)\n"), done.stdout)
        for command in ("diff", "render", "apply", "explain 192.0.2.0/24"):
            done = self.run_strait(f"routes {command} -c service.toml")
            self.assertEqual((done.returncode, done.stdout, done.stderr), (2, "", (
                "strait: routes: without a RIB there is no plan: set [routes] rib to an MRT file or to "
                "\"birdc:SOCKET\"\n")), command)
        for rib, why in (("birdc:nosuch.ctl", "BIRD at nosuch.ctl: connect: No such file or directory; is BIRD running, "
                          "and is that its control socket ([routes.bird] socket)?"),
                         ("nosuch.mrt", "open nosuch.mrt: No such file or directory"),
                         ("bad.toml", "bad.toml: no PEER_INDEX_TABLE, TABLE_DUMP or BGP4MP among 0 MRT records in "
                          f"{len(BAD)} octets")):
            (self.room / "rib.toml").write_text(text + f'[routes]\nrib = "{rib}"\n')
            done = self.run_strait("routes recommend -c rib.toml")
            self.assertEqual((done.returncode, done.stdout, done.stderr), (2, "", f"strait: [routes] rib: {why}\n"))
        site = "[site]\nasn = 64500\n" if "[site]" not in text else ""
        injector = '[routes.injector]\nrouter = "192.0.2.9"\nlocal_address = "192.0.2.8"\ncommunity = "64500:911"\n'
        (self.room / "good.mrt").write_bytes(MRT)
        (self.room / "hole.mrt").write_bytes(MRT + bytes(40))
        (self.room / "render.toml").write_text(site + text + '[routes]\nrib = "good.mrt"\n' + injector)
        (self.room / "hole.toml").write_text(text + '[routes]\nrib = "hole.mrt"\n')
        nothing = ("guard no-evidence: class europe: no path is eligible; only: the RIB holds no route of this class from its "
                   "upstream\n")
        for name, router in (("bird", "BIRD 2"), ("frr", "FRR"), ("gobgp", "GoBGP 3"), ("openbgpd", "OpenBGPD"),
                             ("exabgp", "ExaBGP"), ("gobgp-injector", "GoBGP as the injector"), ("junos", "Junos"), ("ios-xr", "Cisco IOS XR"),
                             ("eos", "Arista EOS")):
            done = self.run_strait(f"routes render -c render.toml --dialect {name}")
            self.assertEqual((done.returncode, done.stderr), (0, nothing), name)
            self.assertRegex(done.stdout.splitlines()[0], f"^[#!] strait: BGP preferences for {router}, format 1[.]")
            written = self.run_strait(f"routes render -c render.toml --dialect {name} -o {name}.conf")
            self.assertEqual((written.returncode, written.stdout, written.stderr), (0, "", nothing), name)
            self.assertIn(router, (self.room / f"{name}.conf").read_text())
        done = self.run_strait("routes render -c hole.toml -o hole.conf")
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertRegex(done.stderr, f"^{nothing}BLOCKED by damaged-rib: .*\nnothing is rendered of a plan that a guard blocks\n$")
        self.assertFalse((self.room / "hole.conf").exists())
        done = self.run_strait("routes explain nobody -c service.toml")
        self.assertEqual((done.returncode, done.stdout, done.stderr),
                         (2, "", "strait: explain: 'nobody' is no class, part, path or prefix of this configuration\n"))


if __name__ == "__main__":
    unittest.main(verbosity=1, argv=sys.argv)
