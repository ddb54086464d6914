#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`strait probe --protocol twamp` and `strait reflect --twamp` between two network namespaces, and servers that
misbehave. tshark reads what they say to each other."""

import contextlib
import ctypes
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
from twamp_capture import TwampCapture  # noqa: E402

STRAIT = str(Path(os.environ.get("STRAIT", "build/dev/strait")).resolve())
HERE, THERE = (f"strait-twamp-{side}-{os.getpid()}" for side in ("a", "b"))
ADDRESSES = {"va": ("192.0.2.1/24", "2001:db8::1/64"), "vb": ("192.0.2.2/24", "2001:db8::2/64")}
LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNET = 0x40000000
GREETING = bytes(12) + struct.pack(">I", 1) + bytes(32) + struct.pack(">I", 1024) + bytes(12)
SERVER_START = bytes(48)
START_ACK = bytes(32)


def accept(port: int, answer: int = 0) -> bytes:
    return struct.pack(">BxH", answer, port) + bytes(44)


def run(*words: str):
    subprocess.run(words, check=True, capture_output=True)


def inside(namespace: str, *words: str) -> list[str]:
    return ["ip", "netns", "exec", namespace, *words]


@contextlib.contextmanager
def within(namespace: str):
    """Sockets belong to the namespace in which they were opened."""
    with open("/proc/self/ns/net", "rb") as home, open(f"/run/netns/{namespace}", "rb") as there:
        if LIBC.setns(there.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns")
        try:
            yield
        finally:
            LIBC.setns(home.fileno(), CLONE_NEWNET)


class FakeServer:
    """Says its lines one by one, each after the client's message of so many octets."""

    def __init__(self, namespace: str, lines: list[tuple[int, bytes]], then: str):
        with within(namespace):
            self.listener = socket.create_server(("192.0.2.2", 862))
        self.lines, self.then = lines, then
        self.heard = b""
        self.thread = threading.Thread(target=self.work, daemon=True)
        self.thread.start()

    def work(self):
        with contextlib.suppress(OSError):
            client, _ = self.listener.accept()
            client.settimeout(10)
            for octets, line in self.lines:
                while octets > 0 and (got := client.recv(octets)):
                    self.heard += got
                    octets -= len(got)
                client.sendall(line)
            if self.then == "dies":
                time.sleep(0.5)
            else:
                while got := client.recv(4096):
                    self.heard += got
            client.close()

    def close(self):
        self.listener.close()
        self.thread.join(12)


class Twamp(TwampCapture):
    @classmethod
    def setUpClass(cls):
        for namespace in (HERE, THERE):
            run("ip", "netns", "add", namespace)
            cls.addClassCleanup(subprocess.run, ["ip", "netns", "del", namespace], check=False)
        run("ip", "-n", HERE, "link", "add", "va", "type", "veth", "peer", "name", "vb", "netns", THERE)
        for namespace, device in ((HERE, "va"), (THERE, "vb")):
            for address in ADDRESSES[device]:
                words = ["ip", "-n", namespace, "address", "add", address, "dev", device]
                run(*words, *(["nodad"] if ":" in address else []))
            for link in (device, "lo"):
                run("ip", "-n", namespace, "link", "set", link, "up")

    def server(self, *words: str):
        process = subprocess.Popen(inside(THERE, STRAIT, "reflect", "--twamp", "--json", *words),
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(lambda: (process.kill(), process.communicate()))
        listening = [word for word in words if word[0] in "123456789[" and "/" not in word]
        said = {process.stderr.readline().strip() for _ in range(2 * len(listening))}
        for word in listening:
            self.assertIn(f"serving TWAMP on {word}:862", said)
        return process

    def counters(self, server) -> dict:
        server.send_signal(signal.SIGTERM)
        out, _ = server.communicate(timeout=10)
        self.assertEqual(server.returncode, 0)
        return json.loads(out)["twamp"]

    def command(self, *words: str, count: int = 20) -> list[str]:
        return inside(HERE, STRAIT, "probe", "--protocol", "twamp", "-c", str(count), "-i", "10ms", "--json", *words)

    def probe(self, *words: str):
        return subprocess.run(self.command(*words), capture_output=True, text=True, check=False, timeout=30)

    @contextlib.contextmanager
    def capture(self, file: Path):
        dump = subprocess.Popen(inside(HERE, "dumpcap", "-q", "-i", "va", "-w", str(file)),
                                stderr=subprocess.PIPE, text=True)
        while not (line := dump.stderr.readline()).startswith("File: "):
            self.assertNotEqual(line, "")
        try:
            yield
            time.sleep(0.3)
        finally:
            dump.send_signal(signal.SIGINT)
            dump.communicate(timeout=10)

    def test_sessions_over_both_families_with_flows_and_dscp(self):
        server = self.server("--allow", "192.0.2.0/24", "--allow", "2001:db8::/64", "192.0.2.2", "[2001:db8::2]")
        room = Path(self.enterContext(tempfile.TemporaryDirectory()))
        sent = 0
        for family, target in (("ip", "192.0.2.2"), ("ipv6", "2001:db8::2")):
            with self.subTest(family), self.capture(room / family):
                done = self.probe("--flows", "3", "-Q", "46", target)
                self.assertEqual((done.returncode, done.stderr), (0, ""))
                report = json.loads(done.stdout)
                self.assertEqual((report["protocol"], report["errors"]), ("twamp", {}))
                self.assertEqual(report["sent"] + report["missed"], 20)
                self.assertEqual(report["received"], report["sent"])
                self.assertEqual(len(report["flows"]), 3)
                sent += report["sent"]
            self.check_capture(room / family, family, report)
        counters = self.counters(server)
        self.assertEqual(counters, {"connections": 2, "sessions": 6, "refused": {}, "ended": {"by-client": 2},
                                    "received": sent, "reflected": sent, "packets_refused": {}, "errors": {}})

    def test_the_reflector_counts_by_itself(self):
        server = self.server("--open", "192.0.2.2")
        room = Path(self.enterContext(tempfile.TemporaryDirectory()))
        with self.capture(room / "seen"):
            done = self.probe("--flows", "2", "192.0.2.2")
            self.assertEqual(done.returncode, 0, done.stderr)
        numbers: dict[str, list[int]] = {}
        for row in self.tshark(room / "seen", "-Y", "udp && ip.src == 192.0.2.2", "-T", "fields", "-e", "udp.srcport",
                               "-e", "udp.payload"):
            port, payload = row.split("\t")
            numbers.setdefault(port, []).append(int(payload[:8], 16))
        self.assertEqual(len(numbers), 2)
        for count in numbers.values():
            self.assertEqual(count, list(range(len(count))))
        self.assertEqual(self.counters(server)["ended"], {"by-client": 1})

    def test_a_nat_between_client_and_server_does_no_harm(self):
        server = self.server("--open", "192.0.2.2", "[2001:db8::2]")
        run(*inside(HERE, "nft", "add table inet nat; "
                                 "add chain inet nat out { type nat hook postrouting priority 100; }; "
                                 "add rule inet nat out oif va masquerade"))
        self.addCleanup(run, *inside(HERE, "nft", "delete table inet nat"))
        for private, target in (("10.9.9.1", "192.0.2.2"), ("fd00:9::1", "2001:db8::2")):
            with self.subTest(target):
                run("ip", "-n", HERE, "address", "add", private, "dev", "lo")
                done = self.probe("--flows", "2", "--source", private, target)
                self.assertEqual((done.returncode, done.stderr), (0, ""))
                report = json.loads(done.stdout)
                self.assertGreater(report["sent"], 10)
                self.assertEqual(report["received"], report["sent"])
        counters = self.counters(server)
        self.assertEqual((counters["sessions"], counters["refused"], counters["packets_refused"]), (4, {}, {}))

    def test_sessions_that_the_server_refuses_are_said_and_the_others_measured(self):
        server = self.fake([(0, GREETING), (164, SERVER_START), (112, accept(0, 5)), (112, accept(9001)),
                            (112, accept(0, 5)), (32, START_ACK)])
        done = self.probe("--flows", "3", "192.0.2.2")
        self.assertEqual((done.returncode, done.stderr), (1, "strait: not probed: twamp server 192.0.2.2:862: it "
                                                             "refuses 2 of 3 sessions: temporary resource limit\n"))
        self.assertGreater(json.loads(done.stdout)["sent"], 0)  # nobody is there to answer
        server.thread.join(5)
        self.assertEqual(server.heard[-32:-24], b"\3\0\0\0" + struct.pack(">I", 1))

    def test_the_control_connection_has_the_dscp_of_its_syn(self):
        server = self.server("--open", "192.0.2.2", "[2001:db8::2]")
        room = Path(self.enterContext(tempfile.TemporaryDirectory()))
        for target, level, option, field in (("192.0.2.2", socket.IPPROTO_IP, socket.IP_TOS, "ip.dsfield.dscp"),
                                             ("2001:db8::2", socket.IPPROTO_IPV6, 67, "ipv6.tclass.dscp")):
            with self.subTest(target), self.capture(room / field):
                with within(HERE), socket.socket(socket.AF_INET6 if ":" in target else socket.AF_INET) as client:
                    client.setsockopt(level, option, 46 << 2)
                    client.settimeout(10)
                    client.connect((target, 862))
                    self.assertEqual(len(client.recv(64, socket.MSG_WAITALL)), 64)
            rows = self.tshark(room / field, "-Y", "tcp.srcport == 862 && tcp.len > 0", "-T", "fields", "-e", field)
            self.assertEqual(rows, ["46"])
        self.counters(server)

    def test_sigint_stops_the_sessions(self):
        server = self.server("--open", "192.0.2.2")
        prober = subprocess.Popen(self.command("192.0.2.2", count=100000), stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, text=True)
        time.sleep(1)
        prober.send_signal(signal.SIGINT)
        out, err = prober.communicate(timeout=10)
        self.assertEqual((prober.returncode, err), (0, ""))
        self.assertGreater(json.loads(out)["received"], 10)
        self.assertEqual(self.counters(server)["ended"], {"by-client": 1})

    def test_test_packets_of_any_size(self):
        server = self.server("--open", "192.0.2.2")
        for size in ("44", "45", "100", "1472"):
            with self.subTest(size):
                done = self.probe("-s", size, "192.0.2.2")
                report = json.loads(done.stdout)
                self.assertEqual((done.returncode, report["octets"]), (0, int(size)))
                self.assertEqual(report["received"], report["sent"])
        self.counters(server)

    def test_who_is_not_on_the_list_is_refused(self):
        server = self.server("--allow", "198.51.100.0/24", "192.0.2.2")
        done = self.probe("192.0.2.2")
        self.assertEqual((done.returncode, done.stdout, done.stderr), (
            3, "", "strait: twamp server 192.0.2.2:862: it does not want to talk to us (modes 0)\n"))
        self.assertEqual(self.counters(server)["refused"], {"not-allowed": 1})

    def test_a_server_that_is_killed_during_the_test_is_said(self):
        server = self.server("--open", "192.0.2.2")
        prober = subprocess.Popen(self.command("-t", "300ms", "192.0.2.2", count=1000), stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, text=True)
        time.sleep(1)
        server.kill()
        out, err = prober.communicate(timeout=10)  # long before 1000 probes
        self.assertEqual(prober.returncode, 1)
        self.assertIn("twamp server 192.0.2.2:862: the control connection ended during the test: ", err)
        self.assertIn("; nothing was sent after that\n", err)
        report = json.loads(out)
        self.assertGreater(report["received"], 10)
        self.assertLess(report["sent"], 500)
        self.assertLess(report["lost"], 30)  # those that were on their way

    def fake(self, lines: list[tuple[int, bytes]], then: str = "listens") -> FakeServer:
        server = FakeServer(THERE, lines, then)
        self.addCleanup(server.close)
        return server

    def test_servers_that_misbehave_are_named_with_what_they_did(self):
        name = "strait: twamp server 192.0.2.2:862: "
        for what, lines, status, said in (
                ("silent", [], 4, "no Server-Greeting within 5s (nothing came)\n"),
                ("wants keys", [(0, GREETING[:15] + b"\6" + GREETING[16:])], 3,
                 "it wants authentication (modes 6), which strait does not have for TWAMP\n"),
                ("refuses", [(0, GREETING), (164, SERVER_START), (112, accept(0, 4))], 3,
                 "it refuses the session: permanent resource limit\n"),
                ("does not start", [(0, GREETING), (164, SERVER_START), (112, accept(9000)), (32, b"\1" + bytes(31))],
                 3, "it does not start the test: failure\n")):
            with self.subTest(what):
                server = self.fake(lines)
                done = self.probe("192.0.2.2")
                self.assertEqual((done.returncode, done.stdout, done.stderr), (status, "", name + said))
                server.close()

    def test_the_port_that_the_server_gives_is_the_one_that_is_probed(self):
        reflector = subprocess.Popen(inside(THERE, STRAIT, "reflect", "--open", "192.0.2.2:8629"),
                                     stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(lambda: (reflector.kill(), reflector.communicate()))
        self.assertEqual(reflector.stderr.readline(), "reflecting on 192.0.2.2:8629\n")
        server = self.fake([(0, GREETING), (164, SERVER_START), (112, accept(8629)), (32, START_ACK)])
        done = self.probe("192.0.2.2")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        report = json.loads(done.stdout)
        self.assertEqual(report["received"], report["sent"])
        server.thread.join(5)
        # Mode, request, start and one Stop-Sessions for one session; nothing else.
        self.assertEqual(len(server.heard), 164 + 112 + 32 + 32)
        self.assertEqual(server.heard[-32:], b"\3\0\0\0" + struct.pack(">I", 1) + bytes(24))

    def test_one_server_that_fails_does_not_keep_others_from_being_measured(self):
        server = self.server("--open", "192.0.2.2")
        done = self.probe("192.0.2.2", "192.0.2.1")
        self.assertEqual(done.returncode, 1)
        self.assertEqual(done.stderr,
                         "strait: not probed: twamp server 192.0.2.1:862: connect: Connection refused\n")
        reports = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertGreater(reports[0]["received"], 0)
        self.assertEqual(reports[1]["sent"], 0)
        self.counters(server)

    def test_a_flood_of_connections_and_half_messages_leaves_the_server_at_work(self):
        server = self.server("--open", "192.0.2.2")
        flood = ("import socket, time\n"
                 "held = []\n"
                 "for i in range(300):\n"
                 "    s = socket.create_connection(('192.0.2.2', 862)); s.sendall(b'x' * (i % 164)); held.append(s)\n"
                 "time.sleep(1)\n")
        subprocess.run(inside(HERE, sys.executable, "-c", flood), check=True, timeout=30)
        time.sleep(1.5)  # new connections of one address have a rate
        done = self.probe("192.0.2.2")
        self.assertEqual(done.returncode, 0, done.stderr)
        counters = self.counters(server)
        self.assertEqual(sum(counters["refused"].values()) + counters["connections"], 301)
        self.assertLessEqual(counters["connections"], 40)
        self.assertGreater(counters["refused"]["rate-limited"], 200)


if __name__ == "__main__":
    if os.geteuid() != 0:
        print("needs root, for network namespaces: skipped", file=sys.stderr)
        sys.exit(77)
    unittest.main()
