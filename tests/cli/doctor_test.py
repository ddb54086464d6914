#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`strait doctor` on this machine, and over two upstreams in namespaces of its own."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

STRAIT = str(Path(os.environ.get("STRAIT", "build/dev/strait")).resolve())
HERE, FIRST, SECOND = (f"strait-doctor-{side}-{os.getpid()}" for side in ("a", "b", "c"))
PATH = """[[path]]
name = "{name}"
upstream_asn = 64501
neighbor_v4 = "{neighbour}"
protocol = "up"
"""
TARGET = "[[target]]\nname = \"far\"\naddress = \"198.51.100.10\"\n[exporters]\nlisten = []\n"


def run(*words: str):
    subprocess.run(words, check=True, capture_output=True)


def doctor(*words: str, before: tuple[str, ...] = ()):
    return subprocess.run([*before, STRAIT, "doctor", *words], capture_output=True, text=True, check=False, timeout=60)


def findings(done) -> list[dict]:
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert all(line["strait"] == 1 for line in lines), lines
    assert [line["type"] for line in lines] == ["finding"] * (len(lines) - 1) + ["doctor"], lines
    assert lines[-1]["exit_status"] == done.returncode, (lines[-1], done.returncode)
    return lines[:-1]


def those(done, check: str, subject: str | None = None) -> list[dict]:
    return [one for one in findings(done) if one["check"] == check and subject in (None, one["subject"])]


class ThisMachine(unittest.TestCase):
    def test_it_runs_and_counts_what_it_found(self):
        for engine in ("socket", "dpdk"):
            with self.subTest(engine):
                done = doctor("--engine", engine, "--json")
                self.assertEqual(done.stderr, "")
                found = findings(done)
                total = json.loads(done.stdout.splitlines()[-1])
                for status in ("good", "note", "warning", "problem", "unknown"):
                    self.assertEqual(total[status], sum(one["status"] == status for one in found), status)
                self.assertEqual(done.returncode, 0 if total["problem"] == 0 else done.returncode)
                self.assertEqual(len(those(done, "clock")), 1)
                self.assertEqual(len(those(done, "wake-ups")), 1)

    def test_text_and_json_find_the_same(self):
        text, lines = doctor(), findings(doctor("--json"))
        for one in lines:
            name = f"{one['check']} ({one['subject']}): " if one["subject"] else f"{one['check']}: "
            self.assertIn(name, text.stdout)
        self.assertNotIn("\x1b", text.stdout)

    def test_a_device_that_is_not_there_is_exit_status_3(self):
        for engine, device in (("socket", "nosuch"), ("dpdk", "net_af_packet0,iface=nosuch"), ("dpdk", "00ff:1f:1f.7")):
            with self.subTest(device):
                done = doctor("--engine", engine, "-I", device, "--json")
                self.assertEqual((done.returncode, done.stderr), (3, ""))
                gone = [one for one in findings(done) if one["status"] == "problem"]
                self.assertTrue(any("no such" in one["seen"] for one in gone), gone)

    def test_the_loopback_can_be_looked_at(self):
        done = doctor("-I", "lo", "--json")
        self.assertEqual(those(done, "link", "lo")[0]["status"], "good")

    @unittest.skipIf(os.geteuid() != 0, "needs root, to be somebody else")
    def test_somebody_without_privileges_is_told_what_is_missing_and_the_command_mends_it(self):
        room = self.enterContext(tempfile.TemporaryDirectory())
        os.chmod(room, 0o755)
        program = shutil.copy(STRAIT, room)
        nobody = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "--inh-caps=-all", program,
                  "doctor", "--engine", "dpdk", "--json"]

        def look():
            return subprocess.run(nobody, capture_output=True, text=True, check=False, timeout=60)

        missing = those(look(), "capability")
        self.assertEqual({one["seen"] for one in missing}, {"cap_net_raw is missing", "cap_net_admin is missing"})
        try:
            run("sh", "-c", missing[0]["remedy"])
        except subprocess.CalledProcessError as error:
            self.skipTest(f"no file capabilities here: {error.stderr}")
        self.assertEqual(those(look(), "capability"), [])


@unittest.skipIf(os.geteuid() != 0, "needs root, for network namespaces")
class Paths(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.room = Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        for namespace in (HERE, FIRST, SECOND):
            run("ip", "netns", "add", namespace)
            cls.addClassCleanup(subprocess.run, ["ip", "netns", "del", namespace], check=False)
        for n, there in ((1, FIRST), (2, SECOND)):
            run("ip", "-n", HERE, "link", "add", f"e{n}", "type", "veth", "peer", "name", "u", "netns", there)
            run("ip", "-n", HERE, "link", "set", f"e{n}", "up")
            run("ip", "-n", there, "link", "set", "u", "up")
            run("ip", "-n", there, "link", "set", "lo", "up")
            run("ip", "-n", HERE, "addr", "add", f"192.0.{n}.1/24", "dev", f"e{n}")
            run("ip", "-n", there, "addr", "add", f"192.0.{n}.2/24", "dev", "u")
            run("ip", "-n", there, "addr", "add", "198.51.100.10/32", "dev", "lo")
            run("ip", "-n", HERE, "route", "add", "198.51.100.0/24", "via", f"192.0.{n}.2", "metric", str(n))

    def look(self, text: str, *words: str):
        file = self.room / "strait.toml"
        file.write_text(text + TARGET)
        return doctor("-c", str(file), "--json", *words, before=("ip", "netns", "exec", HERE))

    # The upstream is the target's own machine here, and so answers as the target.
    def path(self, name: str, n: int, more: str, answers: str = 'pin_answers = ["198.51.100.10"]\n') -> str:
        return PATH.format(name=name, neighbour=f"192.0.{n}.2") + more + answers

    def test_paths_of_sockets_are_probed_and_told_apart(self):
        done = self.look(self.path("one", 1, 'device = "e1"\n') + self.path("two", 2, 'device = "e2"\n'))
        self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)
        for n, name in ((1, "one"), (2, "two")):
            route, = those(done, "route", name)
            self.assertEqual(route["seen"], f"to 198.51.100.10 through e{n}, next hop 192.0.{n}.2, from 192.0.{n}.1")
            self.assertEqual(those(done, "next-hop", name)[0]["seen"], f"192.0.{n}.2 is resolved")
            # A slot that a busy machine misses is not sent, and is said to be so.
            self.assertRegex(those(done, "probe", name)[0]["seen"], r"answered (\d) of \1 icmp probes, median ")
            for check in ("pin", "mtu"):
                self.assertEqual([one["status"] for one in those(done, check, name)], ["good"], check)
        self.assertEqual([one["status"] for one in those(done, "distinct")], ["good"])

    def test_two_paths_that_leave_alike_are_a_problem(self):
        done = self.look(self.path("one", 1, 'device = "e1"\n') + self.path("twin", 1, 'source_v4 = "192.0.1.1"\n'))
        self.assertEqual(done.returncode, 1)
        self.assertEqual([(one["subject"], one["status"]) for one in those(done, "distinct")], [("twin", "problem")])

    def test_a_path_whose_first_answer_is_not_its_upstreams_is_a_problem(self):
        wires = {"socket": ('device = "e1"\n', 'device = "e2"\n'),
                 "dpdk": tuple(f'device = "net_af_packet{n},iface=e{n}"\nsource_v4 = "192.0.{n}.9"\n'
                               f'next_hop_v4 = "192.0.{n}.2"\n' for n in (1, 2))}
        for engine, (first, second) in wires.items():
            with self.subTest(engine):
                done = self.look(f'[probe]\nengine = "{engine}"\n' + self.path("one", 1, first) +
                                 self.path("astray", 2, second, answers=""))
                self.assertEqual((done.returncode, done.stderr), (1, ""), done.stdout)
                self.assertEqual(those(done, "pin", "one")[0]["status"], "good")
                astray, = those(done, "pin", "astray")
                self.assertEqual(astray["status"], "problem")
                self.assertIn("198.51.100.10", astray["seen"])
                self.assertIn("pin_answers", astray["remedy"])

    def test_a_path_that_takes_less_than_its_mtu_is_a_warning(self):
        run("ip", "-n", FIRST, "link", "set", "u", "mtu", "1400")
        self.addCleanup(run, "ip", "-n", FIRST, "link", "set", "u", "mtu", "1500")
        done = self.look(self.path("one", 1, 'device = "e1"\n') + self.path("two", 2, 'device = "e2"\n'))
        self.assertEqual([one["status"] for one in those(done, "mtu", "one")], ["warning"], done.stdout)
        self.assertEqual([one["status"] for one in those(done, "mtu", "two")], ["good"])

    def test_a_link_that_is_down_and_a_device_that_is_not_there(self):
        run("ip", "-n", SECOND, "link", "set", "u", "down")
        self.addCleanup(run, "ip", "-n", SECOND, "link", "set", "u", "up")
        done = self.look(self.path("one", 1, 'device = "e1"\n') + self.path("two", 2, 'device = "e2"\n'))
        self.assertEqual(done.returncode, 1)
        self.assertEqual(those(done, "link", "e2")[0]["status"], "problem")
        self.assertEqual(those(done, "link", "e1")[0]["status"], "good")
        self.assertNotEqual(those(done, "probe", "one")[0]["status"], "problem")
        done = self.look(self.path("one", 1, 'device = "e9"\n'))
        self.assertEqual(done.returncode, 3)

    def test_dpdk_next_hops_that_answer_and_that_do_not(self):
        dpdk = '[probe]\nengine = "dpdk"\n'
        one = 'device = "net_af_packet0,iface=e1"\nsource_v4 = "192.0.1.9"\nnext_hop_v4 = "192.0.1.2"\n'
        dead = 'device = "net_af_packet1,iface=e2"\nsource_v4 = "192.0.2.9"\nnext_hop_v4 = "192.0.2.77"\n'
        done = self.look(dpdk + self.path("one", 1, one) + self.path("dead", 2, dead))
        self.assertEqual((done.returncode, done.stderr), (1, ""), done.stdout)
        self.assertEqual(those(done, "next-hop", "one")[0]["status"], "good")
        self.assertRegex(those(done, "probe", "one")[0]["seen"], r"answered (\d) of \1 icmp probes, median ")
        self.assertEqual(those(done, "next-hop", "dead")[0]["seen"], "192.0.2.77 does not answer ARP")
        self.assertEqual({one["status"] for one in those(done, "dpdk-device")}, {"good"})

    def test_a_dpdk_device_is_tried_without_a_configuration(self):
        done = doctor("--engine", "dpdk", "-I", "net_af_packet0,iface=e1", "--json",
                      before=("ip", "netns", "exec", HERE))
        device, = those(done, "dpdk-device")
        self.assertEqual((done.returncode, device["status"]), (0, "good"))
        self.assertIn("driver net_af_packet", device["seen"])


if __name__ == "__main__":
    unittest.main(argv=sys.argv)
