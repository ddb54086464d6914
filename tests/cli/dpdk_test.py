#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`strait probe` and `strait reflect` with --engine dpdk over a veth between two network namespaces."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

STRAIT = str(Path(os.environ.get("STRAIT", "build/dev/strait")).resolve())
HERE, THERE = (f"strait-cli-{side}-{os.getpid()}" for side in ("a", "b"))


def run(*words: str):
    subprocess.run(words, check=True, capture_output=True)


def inside(namespace: str, *words: str) -> list[str]:
    return ["ip", "netns", "exec", namespace, STRAIT, *words]


class Dpdk(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        for namespace in (HERE, THERE):
            run("ip", "netns", "add", namespace)
            cls.addClassCleanup(subprocess.run, ["ip", "netns", "del", namespace], check=False)
        run("ip", "-n", HERE, "link", "add", "va", "type", "veth", "peer", "name", "vb", "netns", THERE)
        for namespace, device in ((HERE, "va"), (THERE, "vb")):
            run("ip", "-n", namespace, "link", "set", device, "up")

    def probe(self, target: str, *words: str):
        return subprocess.run(
            inside(HERE, "probe", "--engine", "dpdk", "-I", "net_af_packet0,iface=va", "--source", "192.0.2.1",
                   "-c", "20", "-i", "5ms", "--json", *words, target),
            capture_output=True, text=True, check=False, timeout=30)

    def test_the_dpdk_engine_probes_the_dpdk_reflector(self):
        reflector = subprocess.Popen(
            inside(THERE, "reflect", "--engine", "dpdk", "-I", "net_af_packet0,iface=vb", "--allow", "192.0.2.0/24",
                   "--json", "192.0.2.2"),
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(lambda: (reflector.kill(), reflector.communicate()))
        self.assertEqual(reflector.stderr.readline(), "reflecting on 192.0.2.2:862\n")

        sent = echoes = 0
        for words in (("--protocol", "stamp"), ()):
            done = self.probe("192.0.2.2", *words)
            self.assertEqual(done.returncode, 0, done.stderr)
            report = json.loads(done.stdout)
            # The next hop was known before the first probe, so nothing but a slow machine takes from the 20.
            self.assertEqual((report["sent"] + report["missed"], report["errors"]), (20, {}))
            self.assertEqual(report["received"], report["sent"])
            sent += report["sent"]
            echoes = report["sent"]
            self.assertEqual(report["timestamps"], "tsc")

        reflector.send_signal(signal.SIGTERM)
        out, _ = reflector.communicate(timeout=10)
        self.assertEqual(reflector.returncode, 0)
        counters = json.loads(out)
        self.assertEqual((counters["reflected"], counters["echo_replies"]), (sent - echoes, echoes))
        self.assertEqual(counters["refused"], {})

    def in_there(self, *words: str, **how):
        return subprocess.run(["ip", "netns", "exec", THERE, *words], check=True, capture_output=True, text=True, **how)

    def test_the_kernel_answers_tcp_and_keeps_nothing_half_open(self):
        run("ip", "-n", THERE, "address", "add", "192.0.2.3/24", "dev", "vb")
        server = subprocess.Popen(
            ["ip", "netns", "exec", THERE, sys.executable, "-c",
             "import socket, time; s = socket.create_server(('192.0.2.3', 9443)); print(flush=True); time.sleep(60)"],
            stdout=subprocess.PIPE)
        self.addCleanup(lambda: (server.kill(), server.communicate()))
        server.stdout.readline()
        for port in ("9443", "9444"):  # open: SYN-ACK, and our RST; closed: RST
            with self.subTest(port=port):
                done = self.probe("192.0.2.3", "--protocol", "tcp", "-p", port, "--force-rate")
                self.assertEqual(done.returncode, 0, done.stderr)
                report = json.loads(done.stdout)
                self.assertEqual((report["received"], report["errors"], report["octets"]), (report["sent"], {}, 0))
                if report["kept_apart"] < report["received"]:  # else the machine was too busy to poll often
                    self.assertEqual(report["timestamps"], "tsc")
        self.assertEqual(self.in_there("ss", "-Htan", "state", "syn-recv", "state", "established").stdout, "")

    def test_a_next_hop_that_does_not_answer_is_named(self):
        done = self.probe("192.0.2.77")
        self.assertEqual((done.returncode, done.stdout), (4, ""))
        self.assertEqual(done.stderr, (
            "strait: dpdk: no answer to ARP or Neighbour Discovery within 3s from 192.0.2.77 on net_af_packet0: is it "
            "a neighbour on that link, and if the target is farther away, is the next hop set?\n"))

    def test_a_capability_that_is_missing_is_named(self):
        # A copy where everybody may run it.
        room = self.enterContext(tempfile.TemporaryDirectory())
        os.chmod(room, 0o755)
        program = shutil.copy(STRAIT, room)
        for held, wanted in (("", "packet sockets (CAP_NET_RAW)"), (",+net_raw", "change the interface (CAP_NET_ADMIN)")):
            with self.subTest(held=held):
                done = subprocess.run(
                    ["ip", "netns", "exec", HERE, "setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups",
                     f"--inh-caps=-all{held}", f"--ambient-caps=-all{held}", f"--bounding-set=-all{held}",
                     program, "probe", "--engine", "dpdk", "-I", "net_af_packet0,iface=va", "--source", "192.0.2.1",
                     "192.0.2.2"],
                    capture_output=True, text=True, check=False, timeout=30)
                self.assertEqual((done.returncode, done.stdout), (3, ""))
                self.assertIn(wanted, done.stderr)
                self.assertIn("setcap cap_net_raw,cap_net_admin+ep", done.stderr)

    def test_devices_and_families_that_it_cannot_have(self):
        done = subprocess.run(inside(HERE, "probe", "--engine", "dpdk", "-I", "net_af_packet0,iface=nosuch", "192.0.2.2"),
                              capture_output=True, text=True, check=False, timeout=30)
        self.assertEqual((done.returncode, done.stdout), (2, ""))
        self.assertEqual(done.stderr, ("strait: dpdk device 'net_af_packet0,iface=nosuch': no interface 'nosuch' in "
                                       "this network namespace: see `ip link`\n"))
        done = self.probe("2001:db8::2", "--source", "2001:db8::1")
        self.assertEqual((done.returncode, done.stdout), (2, ""))


if __name__ == "__main__":
    if os.geteuid() != 0:
        print("needs root, for network namespaces: skipped", file=sys.stderr)
        sys.exit(77)
    unittest.main()
