#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""STAMP's TLVs, keys and counting reflector over the lab's paths: what the emulator lost and remarked, against
what `strait probe` says of it."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import unittest
from pathlib import Path as File

sys.dont_write_bytecode = True
sys.path.insert(0, str(File(__file__).resolve().parent))
from e2e_test import STRAIT, make_lab  # noqa: E402
from topology import REFLECTOR_PORT, wait_for  # noqa: E402

COUNT = 800
EF, CS1, AF11 = 46, 8, 10
TLVS = "cos,location,timestamp-info,direct,follow-up"
TAIL = 5  # losses behind the last reply belong to no direction
# What tshark calls wrong, checksums included.
WRONG = "_ws.expert || _ws.malformed || ip.checksum.status == 0 || udp.checksum.status == 0"


class Stamp(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(make_lab())
        cls.path, cls.region = cls.lab.scenario.path("loukkos"), cls.lab.scenario.region("europe")
        cls.next_port = 8700
        cls.key, cls.other_key = cls.write_key("right.key", "right " * 8), cls.write_key("wrong.key", "wrong " * 8)

    @classmethod
    def write_key(cls, name: str, secret: str) -> str:
        file = cls.lab.directory / name
        file.write_text(secret + "\n")
        file.chmod(0o600)
        return str(file)

    def target(self, family: int) -> str:
        return self.region.target_v4 if family == 4 else self.region.target_v6

    def reflector(self, family: int, *words: str) -> tuple[subprocess.Popen, int, File]:
        Stamp.next_port += 1
        port, log = self.next_port, f"reflector-{self.next_port}.log"
        process = self.lab.start(self.region.name, str(STRAIT), "reflect", self.target(family), "--port", str(port),
                                 "--open", "--source-rate", "0/s", "--total-rate", "0/s", "--json", *words, log=log)
        file = self.lab.directory / log
        wait_for(f"the reflector on port {port}", 5, lambda: "reflecting on" in file.read_text())
        return process, port, file

    def counters(self, reflector: tuple[subprocess.Popen, int, File]) -> dict:
        process, _, log = reflector
        process.send_signal(signal.SIGTERM)
        process.wait(5)
        return json.loads(log.read_text().splitlines()[-1])

    def probe(self, family: int, port: int, *words: str, engine: str = "socket", count: int = COUNT) -> dict:
        source = self.path.site_v4 if family == 4 else self.path.site_v6
        pins = ("-I", self.path.name, "--source", source)
        if engine == "dpdk":
            pins = ("--engine", "dpdk", "-I", f"net_af_packet0,iface={self.path.name}", "--source",
                    self.path.bypass_v4, "--next-hop", self.path.upstream_v4)
        done = subprocess.run(
            self.lab.command("site", str(STRAIT), "probe", self.target(family), "--json", "--protocol", "stamp", "-p",
                             str(port), "-c", str(count), "-i", "5ms", "--timeout", "500ms", *pins, *words),
            capture_output=True, text=True, check=False, timeout=60)
        self.assertIn(done.returncode, (0, 1), done.stderr)  # 1: no reply at all
        return json.loads(done.stdout.splitlines()[-1])

    def set_path(self, direction: str, family: int, **values) -> None:
        within = next(text for text in self.region.within if (":" in text) == (family == 6))
        self.lab.ask(f"set {self.path.name} {direction} {within} " +
                     " ".join(f"{name}={value}" for name, value in values.items()))
        neutral = " ".join(f"{name}={'keep' if name == 'dscp' else 0}" for name in values)
        self.addCleanup(self.lab.ask, f"set {self.path.name} {direction} {within} {neutral}")

    def lost(self, direction: str, family: int) -> int:
        """By the emulator, so far."""
        within = next(text for text in self.region.within if (":" in text) == (family == 6))
        for line in self.lab.ask("stats"):
            if line.startswith(f"lane {self.path.name} {direction} {within} "):
                return int(re.search(r" lost=(\d+)", line)[1])
        return 0

    def check_split(self, family: int, words: tuple, out: float, back: float, engine: str = "socket") -> None:
        _, port, _ = self.reflector(family, "--stateful")
        self.set_path("out", family, loss=out)
        self.set_path("back", family, loss=back)
        before = self.lost("out", family), self.lost("back", family)
        report = self.probe(family, port, *words, engine=engine)
        forward = self.lost("out", family) - before[0]
        reverse = self.lost("back", family) - before[1]
        told = report["errors"].get("lost-forward", 0), report["errors"].get("lost-reverse", 0)
        print(f"IPv{family} {engine} {' '.join(words)}: told {told}, applied {(forward, reverse)}", file=sys.stderr)
        self.assertEqual(report["lost"], forward + reverse)
        self.assertTrue(report["far"]["counts"])
        # What is lost before the reflector has proven to count, or after its last reply, is no direction's.
        for said, was in zip(told, (forward, reverse)):
            self.assertLessEqual(said, was)
            self.assertGreaterEqual(said, was - max(TAIL, was // 5))

    def test_loss_of_each_direction_by_sequence_numbers(self):
        for family in (4, 6):
            with self.subTest(family=family):
                self.check_split(family, ("--loss-by-direction",), out=0.1, back=0.03)

    def test_loss_of_each_direction_by_the_counters_of_a_tlv(self):
        for family, out, back in ((4, 0.08, 0), (4, 0, 0.08), (6, 0.02, 0.1)):
            with self.subTest(family=family, out=out, back=back):
                self.check_split(family, ("--tlv", "direct"), out, back)

    def test_loss_of_each_direction_by_the_dpdk_engine(self):
        self.check_split(4, ("--tlv", TLVS), out=0.03, back=0.1, engine="dpdk")

    def test_a_stateless_reflector_tells_no_direction(self):
        self.set_path("out", 4, loss=0.1)
        report = self.probe(4, REFLECTOR_PORT, "--loss-by-direction")
        self.assertGreater(report["lost"], 0)
        self.assertNotIn("lost-forward", report["errors"])
        self.assertNotIn("far", report)
        report = self.probe(4, REFLECTOR_PORT, "--tlv", "direct")
        self.assertEqual(report["errors"].get("tlv-unrecognized"), report["received"])
        self.assertNotIn("lost-forward", report["errors"])

    def test_a_remarked_dscp_is_seen_where_it_happens(self):
        for family, engine in ((4, "socket"), (6, "socket"), (4, "dpdk")):
            for out, back in ((None, None), (CS1, None), (None, AF11), (CS1, AF11)):
                with self.subTest(family=family, engine=engine, out=out, back=back):
                    self.set_path("out", family, dscp="keep" if out is None else out)
                    self.set_path("back", family, dscp="keep" if back is None else back)
                    report = self.probe(family, REFLECTOR_PORT, "-Q", str(EF), "--tlv", "cos", engine=engine, count=40)
                    replies = report["received"]
                    self.assertGreater(replies, 30)
                    wanted = {}
                    if out is not None:
                        wanted["dscp-remarked-forward"] = replies
                    if back is not None:
                        wanted["dscp-remarked-reverse"] = replies
                    self.assertEqual(report["errors"], wanted)
                    self.assertEqual(report["far"]["dscp"], EF if out is None else out)
                    self.set_path("both", family, dscp="keep")

    def test_the_far_end_says_as_whom_it_sees_us(self):
        for family in (4, 6):
            with self.subTest(family=family):
                report = self.probe(family, REFLECTOR_PORT, "--tlv", "location,timestamp-info", count=20)
                host = self.path.site_v4 if family == 4 else f"[{self.path.site_v6}]"
                self.assertRegex(report["far"]["seen_as"], re.escape(host) + r":\d+$")
                self.assertEqual(report["errors"], {})

    def test_only_the_right_key_gets_replies(self):
        for family in (4, 6):
            with self.subTest(family=family):
                reflector = self.reflector(family, "--stateful", "--key", self.key)
                report = self.probe(family, reflector[1], "--key", self.key, "--tlv", TLVS, count=40)
                self.assertEqual(report["received"], report["sent"])
                self.assertEqual(report["errors"], {})
                self.assertEqual(report["octets"], 112 + 8 + 48 + 8 + 16 + 20 + 20)
                wrong = self.probe(family, reflector[1], "--key", self.other_key, count=20)
                self.assertEqual((wrong["received"], wrong["lost"]), (0, wrong["sent"]))
                none = self.probe(family, reflector[1], count=10)
                self.assertEqual((none["received"], none["lost"]), (0, none["sent"]))
                self.assertEqual(self.counters(reflector)["refused"],
                                 {"bad-hmac": wrong["sent"], "not-authenticated": none["sent"]})

    def test_a_reflector_without_a_key_has_no_reply_for_a_signed_probe(self):
        # Where it looks for an Error Estimate there is none, which is a corrupt one.
        report = self.probe(4, REFLECTOR_PORT, "--key", self.key, count=20)
        self.assertEqual((report["received"], report["lost"]), (0, report["sent"]))

    def test_tshark_finds_nothing_wrong_with_requests_and_replies(self):
        for family in (4, 6):
            for words in (("--tlv", TLVS), ("--tlv", TLVS, "--key", self.key), ("--tlv", TLVS, "-s", "600")):
                with self.subTest(family=family, words=words):
                    self.check_capture(family, words)

    def check_capture(self, family: int, words: tuple) -> None:
        key = words[words.index("--key"):] if "--key" in words else ()
        _, port, _ = self.reflector(family, "--stateful", *key)
        file = self.lab.directory / f"stamp-{port}.pcapng"
        # At the site, where no checksum is left to a device.
        capture = self.lab.start("site", "tshark", "-q", "-i", self.path.name, "-f", f"udp port {port}", "-w",
                                 str(file), log=f"tshark-{port}.log")
        wait_for("tshark", 20, lambda: file.exists() and file.stat().st_size > 0)
        time.sleep(0.5)  # it has the file before it has the first packet
        report = self.probe(family, port, *words, count=20)
        self.assertEqual(report["errors"], {})
        wanted = report["sent"] + report["received"]
        wait_for("all packets", 20, lambda: len(self.dissect(file, check=False)) >= wanted, every=0.5)
        capture.send_signal(signal.SIGINT)
        capture.wait(20)
        self.assertEqual(self.dissect(file, "-Y", WRONG), [])
        rows = [row.split("\t") for row in self.dissect(file, "-T", "fields", "-e", "udp.dstport", "-e", "udp.payload")]
        asked = [bytes.fromhex(row[1]) for row in rows if int(row[0]) == port]
        answered = [bytes.fromhex(row[1]) for row in rows if int(row[0]) != port]
        self.assertEqual(len(answered), report["received"])
        self.assertEqual([len(packet) for packet in asked], [len(packet) for packet in answered])
        base, own = (112, 48) if key else (44, 24)  # of the base packet; where the sender's number comes back
        for number, (request, reply) in enumerate(zip(asked, answered)):
            self.assertEqual(reply[own:own + 4], request[:4])
            self.assertEqual(int.from_bytes(reply[:4], "big"), number)
            self.assertEqual(self.flags(request[base:]), {0x80})
            self.assertEqual(self.flags(reply[base:]), {0})

    def dissect(self, file: File, *words: str, check: bool = True) -> list[str]:
        done = subprocess.run(["tshark", "-r", str(file), "-o", "ip.check_checksum:TRUE", "-o",
                               "udp.check_checksum:TRUE", *words], capture_output=True, text=True, check=check)
        return done.stdout.splitlines()

    def flags(self, area: bytes) -> set[int]:
        found = set()
        while area:
            found.add(area[0])
            area = area[4 + int.from_bytes(area[2:4], "big"):]
        return found


if __name__ == "__main__":
    if os.geteuid() != 0:
        print("skipped: network namespaces need root")
        sys.exit(77)
    unittest.main(verbosity=2)
