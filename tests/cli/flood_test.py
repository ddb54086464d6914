#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`strait reflect --open` under more than a hundred times its total rate from forged sources, on both engines and with
state: its replies stay within the rate, its memory stays what it was, and a sender of --allow is served."""

import json
import os
import random
import select
import signal
import socket
import struct
import subprocess
import sys
import time
import unittest
from pathlib import Path

STRAIT = str(Path(os.environ.get("STRAIT", "build/dev/strait")).resolve())
NEAR, FAR = (f"strait-flood-{side}-{os.getpid()}" for side in ("a", "b"))
KNOWN, KERNEL, OWN = "10.88.0.1", "10.88.0.2", "10.88.0.3"  # OWN: the dpdk engine's, not the kernel's
RATE = 200
SECONDS = 5
FLOOD = 120 * RATE  # packets a second
PORT = 8862


def run(*words: str):
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout


def forged(destination: str, count: int) -> list[bytes]:
    """STAMP requests of 44 octets from all over, without a UDP checksum (RFC 768: none was made)."""
    choose = random.Random(1)
    packets = []
    for number in range(count):
        source = socket.inet_aton(f"{choose.randint(11, 126)}.{choose.randint(0, 255)}.{choose.randint(0, 255)}."
                                  f"{choose.randint(1, 254)}")
        stamp = struct.pack("!IQHH28x", number, choose.getrandbits(64), 0x8A40, number & 0xFFFF)
        udp = struct.pack("!HHHH", choose.randint(1024, 65535), PORT, 8 + len(stamp), 0)
        header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 28 + len(stamp), 0, 0, 64, 17, 0, source,
                             socket.inet_aton(destination))
        packets.append(header + udp + stamp)
    return packets


def send_flood(destination: str):
    """What the flooding process does, until its standard input ends; says how many packets it sent."""
    packets, sent = forged(destination, 50_000), 0
    os.set_blocking(0, False)
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as raw:
        begun = time.monotonic()
        while os.read(0, 1) if select.select([0], [], [], 0)[0] else True:
            due = int((time.monotonic() - begun) * FLOOD)
            for _ in range(min(due - sent, 500)):
                raw.sendto(packets[sent % len(packets)], (destination, 0))
                sent += 1
            time.sleep(0.001)
    print(sent)


class Flood:
    """The same from the near namespace."""

    def __init__(self, destination: str):
        self.process = subprocess.Popen(
            ["timeout", "-s", "KILL", "60", "ip", "netns", "exec", NEAR, sys.executable, __file__, "--flood",
             destination], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.sent, self.seconds = 0, 0.0

    def __enter__(self):
        self.begun = time.monotonic()
        return self

    def __exit__(self, *_):
        out, _ = self.process.communicate(timeout=30)
        self.sent, self.seconds = int(out or 0), time.monotonic() - self.begun


class ReflectorUnderFlood(unittest.TestCase):
    def setUp(self):
        self.addCleanup(self.clean)
        for name in (NEAR, FAR):
            run("ip", "netns", "add", name)
        run("ip", "-n", NEAR, "link", "add", "v", "type", "veth", "peer", "name", "v", "netns", FAR)
        for name, address in ((NEAR, KNOWN), (FAR, KERNEL)):
            run("ip", "-n", name, "address", "add", f"{address}/24", "dev", "v")
            run("ip", "-n", name, "link", "set", "v", "up")
        run("ip", "-n", FAR, "route", "add", "default", "via", KNOWN)
        while run("ip", "netns", "exec", FAR, "cat", "/sys/class/net/v/operstate").strip() != "up":
            time.sleep(0.05)
        for where in ("all", "v"):
            run("ip", "netns", "exec", FAR, "sysctl", "-q", "-w", f"net.ipv4.conf.{where}.rp_filter=0")
        self.reflector = None

    def clean(self):
        if self.reflector is not None and self.reflector.poll() is None:
            self.reflector.kill()
            self.reflector.wait()
        for name in (NEAR, FAR):
            subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)

    def start(self, *words: str):
        self.reflector = subprocess.Popen(
            ["timeout", "-s", "KILL", "90", "ip", "netns", "exec", FAR, STRAIT, "reflect", *words, "--port", str(PORT),
             "--open", "--allow", f"{KNOWN}/32", "--source-rate", "100/s", "--total-rate", f"{RATE}/s", "--json"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        line = self.reflector.stderr.readline()
        self.assertIn("reflecting on", line)

    def pid(self) -> int:
        return next(int(pid) for pid in run("ip", "netns", "pids", FAR).split()
                    if "strait" in Path(f"/proc/{pid}/comm").read_text(encoding="ascii"))

    def memory(self) -> int:
        status = Path(f"/proc/{self.pid()}/status").read_text(encoding="ascii")
        return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))

    def probe(self, target: str, count: int) -> dict:
        done = subprocess.run(["ip", "netns", "exec", NEAR, STRAIT, "probe", target, "--protocol", "stamp", "-p", str(PORT), "-c", str(count),
                               "-i", "20ms", "--timeout", "500ms", "--json"], capture_output=True, text=True,
                              check=False, timeout=60)
        self.assertIn(done.returncode, (0, 1), done.stderr)
        return json.loads(done.stdout.splitlines()[-1])

    def received(self) -> int:
        return int(run("ip", "netns", "exec", NEAR, "cat", "/sys/class/net/v/statistics/rx_packets"))

    def check(self, target: str, *words: str):
        self.start(*words)
        self.assertEqual(self.probe(target, 20)["lost"], 0)
        # Its table of sources is as full as it gets before its memory is looked at.
        with Flood(target):
            time.sleep(1.5)
        memory, replies = self.memory(), self.received()
        with Flood(target) as flood:
            found = self.probe(target, SECONDS * 50)
        replies = self.received() - replies
        grown = self.memory() - memory
        os.kill(self.pid(), signal.SIGTERM)
        out, _ = self.reflector.communicate(timeout=10)
        counters = json.loads(out.splitlines()[-1])
        self.assertGreater(flood.sent, 100 * RATE * SECONDS)
        limit = RATE * (flood.seconds + 1)  # a bucket holds what its rate gives in a second
        self.assertLess(replies, 1.1 * limit + 20, "replies and a little ARP")
        self.assertGreater(counters["refused"]["rate-limited"], flood.sent / 2)
        self.assertLess(grown, 1024, "kB of memory that the flood cost")
        self.assertLess(found["lost"], 0.1 * found["sent"], (found, counters))

    def test_socket_engine(self):
        self.check(KERNEL, KERNEL)

    def test_socket_engine_with_a_session_for_every_forged_source(self):
        self.check(KERNEL, KERNEL, "--stateful")

    def test_dpdk_engine(self):
        self.check(OWN, OWN, "--engine", "dpdk", "-I", "net_af_packet0,iface=v")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--flood"]:
        send_flood(sys.argv[2])
        sys.exit(0)
    if os.geteuid() != 0:
        print("wants root, for namespaces")
        sys.exit(77)
    unittest.main()
