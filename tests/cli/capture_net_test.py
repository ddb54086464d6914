#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`strait capture` of a real TCP over a path that loses packets, live and from a file, beside tshark. Makes three network
namespaces: a client, a router that drops two packets of a hundred, and a server; the capture is on the router."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from collections import Counter
from pathlib import Path

STRAIT = str(Path(os.environ.get("STRAIT", "build/dev/strait")).resolve())
NAMES = [f"strait-cap{os.getpid()}-{role}" for role in ("client", "router", "server")]
CLIENT, ROUTER, SERVER = NAMES
DROPS = ("table ip drops { chain forward { type filter hook forward priority 0; numgen random mod 100 < 2 drop; }; }")
SERVE = """
import socket
with socket.create_server(("10.9.2.1", 5001)) as server:
    print("ready", flush=True)
    for _ in range(2):
        with server.accept()[0] as peer:
            while peer.recv(65536):
                pass
            peer.sendall(b"z" * 30000)
"""
SEND = """
import socket
for _ in range(2):
    with socket.create_connection(("10.9.2.1", 5001)) as client:
        client.sendall(b"x" * 700000)
        client.shutdown(socket.SHUT_WR)
        while client.recv(65536):
            pass
"""


def run(*words: str, **how) -> str:
    return subprocess.run(words, check=True, capture_output=True, text=True, timeout=60, **how).stdout


def within(name: str, *words: str) -> list[str]:
    return ["ip", "netns", "exec", name, *words]


class Lossy(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.room = Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        cls.room.chmod(0o777)
        for name in NAMES:
            run("ip", "netns", "add", name)
            cls.addClassCleanup(subprocess.run, ["ip", "netns", "del", name], check=False)
        for end, subnet in ((CLIENT, 1), (SERVER, 2)):
            run("ip", "-n", end, "link", "add", "eth0", "type", "veth", "peer", f"to{subnet}", "netns", ROUTER)
            for name, device, host in ((end, "eth0", 1), (ROUTER, f"to{subnet}", 254)):
                run("ip", "-n", name, "address", "add", f"10.9.{subnet}.{host}/24", "dev", device)
                run("ip", "-n", name, "link", "set", device, "up")
                # Segments as long as the wire has them.
                run(*within(name, "ethtool", "-K", device, "tso", "off", "gso", "off", "gro", "off"))
            run("ip", "-n", end, "route", "add", "default", "via", f"10.9.{subnet}.254")
        run(*within(ROUTER, "sysctl", "-qw", "net.ipv4.ip_forward=1"))
        run(*within(ROUTER, "nft", "-f", "-"), input=DROPS)

    def begin(self, name: str, *words: str, stdout=subprocess.PIPE) -> subprocess.Popen:
        process = subprocess.Popen(within(name, "timeout", "--foreground", "-s", "KILL", "100", *words), stdout=stdout,
                                   stderr=subprocess.PIPE, text=True)
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        return process

    def transfer(self, file: str) -> list[dict]:
        """The lines of a live capture; `file` has the same packets."""
        lines = self.enterContext(tempfile.TemporaryFile("w+"))
        live = self.begin(ROUTER, STRAIT, *"capture -i to1 --json --samples --all-methods".split(), stdout=lines)
        self.assertEqual(live.stderr.readline(), "capturing; interrupt to end\n")
        dump = self.begin(ROUTER, "dumpcap", "-i", "to1", "-s", "128", "-w", file)
        while "File:" not in dump.stderr.readline():
            self.assertIsNone(dump.poll())
        server = self.begin(SERVER, sys.executable, "-c", SERVE)
        self.assertEqual(server.stdout.readline(), "ready\n")
        run(*within(CLIENT, sys.executable, "-c", SEND))
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.wait(2)
        time.sleep(0.5)  # both read in batches
        for process in (dump, live):
            # `timeout` passes it on; not in the foreground, twice.
            process.send_signal(signal.SIGINT)
        dump.communicate(timeout=30)
        live.communicate(timeout=30)
        lines.seek(0)
        return [json.loads(line) for line in lines]

    def test_every_round_trip_is_one_of_tshark_and_what_was_sent_again_is_not_timed(self):
        for stamps, sack in ((1, 1), (0, 1), (0, 0)):
            with self.subTest(stamps=stamps, sack=sack):
                for name in (CLIENT, SERVER):
                    run(*within(name, "sysctl", "-qw", f"net.ipv4.tcp_timestamps={stamps}",
                                f"net.ipv4.tcp_sack={sack}"))
                file = str(self.room / f"{stamps}{sack}.pcapng")
                live = self.transfer(file)
                lines = [json.loads(line) for line in
                         run(STRAIT, "capture", file, "--json", "--samples", "--all-methods").splitlines()]
                total = lines[-1]
                rows = run("tshark", "-n", "-r", file, "-Y", "tcp.analysis.ack_rtt", "-T", "fields", "-e",
                           "tcp.analysis.ack_rtt").split()
                theirs = Counter(round(float(row) * 1e9) for row in rows)
                # A SYN that was sent again makes tshark forget the SYN-ACK before it.
                forgets = set(run("tshark", "-n", "-r", file, "-Y", "tcp.flags.syn == 1 && tcp.flags.ack == 0 && "
                                  "tcp.analysis.retransmission", "-T", "fields", "-e", "tcp.srcport").split())
                ours = Counter(line["rtt_ns"] for line in lines if line["type"] == "round_trip"
                               and (line["method"] == "sequence" or line["method"] == "handshake"
                                    and line["answerer"].rpartition(":")[2] not in forgets))
                self.assertEqual((ours - theirs).total(), 0)
                self.assertGreater(ours.total(), 20)
                self.assertGreater(total["refused"], 0)
                self.assertGreater(sum(line["to_server"]["retransmitted"] for line in lines if line["type"] == "flow"), 0)
                self.assertEqual(total["round_trips"]["timestamp"] > 0, bool(stamps))
                self.assertEqual(total["round_trips"]["sack"] > 0, bool(sack))
                # What is there live is what is in the file, but for packets before and behind it.
                counted = live[-1]["round_trips"]["sequence"] + live[-1]["files"][0]["dropped"]
                self.assertGreaterEqual(counted, total["round_trips"]["sequence"] * 0.9)


if __name__ == "__main__":
    if os.geteuid() != 0 or not all(shutil.which(tool) for tool in ("dumpcap", "tshark", "nft", "ethtool")):
        print("wants root, dumpcap, tshark, nft and ethtool")
        sys.exit(77)  # ctest says that it was skipped
    unittest.main()
