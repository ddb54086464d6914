#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`strait routes bmp` as routers meet it, on loopback. Needs no privilege."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

STRAIT = os.environ.get("STRAIT", "build/dev/strait")
MARKER = b"\xff" * 16


def number(value: int, size: int) -> bytes:
    return value.to_bytes(size, "big")


def message(kind: int, body: bytes) -> bytes:
    return b"\x03" + number(len(body) + 6, 4) + number(kind, 1) + body


def header(last: int = 1, flags: int = 0) -> bytes:
    return (bytes([0, flags]) + bytes(8) + bytes(12) + bytes([192, 0, 2, last]) + number(65000 + last, 4) +
            bytes([10, 0, 0, last]) + number(1700000000, 4) + bytes(4))


def opening(asn: int) -> bytes:
    options = bytes([2, 6, 65, 4]) + number(asn, 4)
    body = bytes([4]) + number(asn, 2) + number(180, 2) + bytes([10, 0, 0, 1, len(options)]) + options
    return MARKER + number(len(body) + 19, 2) + b"\x01" + body


def up(last: int = 1) -> bytes:
    return message(3, header(last) + bytes(12) + bytes([192, 0, 2, 254]) + number(179, 2) + number(40000, 2) +
                   opening(64500) + opening(65000 + last))


def update(last: int, nlri: bytes, flags: int = 0) -> bytes:
    path = bytes([2, 2]) + number(65000 + last, 4) + number(7, 4)
    attributes = b"" if not nlri else (bytes([0x40, 1, 1, 0, 0x40, 2, len(path)]) + path + bytes([0x40, 3, 4, 192, 0, 2, last]))
    body = bytes(2) + number(len(attributes), 2) + attributes + nlri
    return message(0, header(last, flags) + MARKER + number(len(body) + 19, 2) + b"\x02" + body)


INITIATION = message(4, number(2, 2) + number(5, 2) + b"rtr-1" + number(1, 2) + number(3, 2) + b"lab")
EIGHT = bytes([8, 8])
NINE = bytes([8, 9])


class Station:
    """A running `strait routes bmp`."""

    def __init__(self, room: Path, words: str):
        self.process = subprocess.Popen([str(Path(STRAIT).resolve()), "routes", "bmp", *words.split()], cwd=room,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        line = self.process.stderr.readline()
        found = re.search(r"on (127\.0\.0\.1):(\d+)$", line.strip())
        if not found:
            self.process.kill()
            raise AssertionError(line)
        self.at = (found[1], int(found[2]))

    def connect(self, octets: bytes, source: str = "127.0.0.1") -> socket.socket:
        router = socket.create_connection(self.at, timeout=10, source_address=(source, 0))
        router.sendall(octets)
        return router

    def wait_for(self, text: str) -> list[str]:
        lines = []
        for line in self.process.stdout:
            lines.append(line.rstrip("\n"))
            if text in line:
                return lines
        raise AssertionError(f"no '{text}' in {lines}")

    def end(self, by_itself: bool = False) -> tuple[int, str, str]:
        """The exit status, and what else was printed."""
        if not by_itself:
            self.process.send_signal(signal.SIGTERM)
        # Not communicate(), which would not see what is buffered already.
        out, errors = self.process.stdout.read(), self.process.stderr.read()
        return self.process.wait(timeout=20), out, errors

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
        self.process.stderr.close()


class Bmp(unittest.TestCase):
    def setUp(self):
        self.room = Path(self.enterContext(tempfile.TemporaryDirectory()))

    def station(self, words: str) -> Station:
        station = Station(self.room, "--listen 127.0.0.1:0 " + words)
        self.addCleanup(station.kill)
        return station

    def rib(self, words: str) -> str:
        done = subprocess.run([str(Path(STRAIT).resolve()), "routes", "rib", *words.split()], cwd=self.room,
                              capture_output=True, check=False, timeout=20, text=True)
        return done.stdout + done.stderr

    def test_the_tables_of_a_router_become_files_that_rib_reads(self):
        station = self.station("--directory . --until-complete --for 20s")
        router = station.connect(INITIATION + up(1) + up(2) + update(1, EIGHT + NINE) + update(2, EIGHT) +
                                 update(1, EIGHT, flags=0x40) + update(1, b"", flags=0x40) + update(1, b""))
        self.addCleanup(router.close)
        station.wait_for("192.0.2.1 AS65001: complete: pre-policy IPv4")
        router.sendall(update(2, b""))
        status, out, errors = station.end(by_itself=True)
        self.assertEqual((status, errors), (0, ""))
        self.assertIn("127.0.0.1.pre-policy.mrt: 2 prefixes, 3 routes\n", out)
        self.assertIn("127.0.0.1.post-policy.mrt: 1 prefixes, 1 routes\n", out)
        self.assertIn("sum: 9 messages, ", out)
        shown = self.rib("show 127.0.0.1.pre-policy.mrt")
        self.assertEqual(re.findall(r"^(.) (\S+) from (\S+) AS\d+, path ([\d ]+),", shown, re.MULTILINE), [
            ("*", "8.0.0.0/8", "192.0.2.1", "65001 7"), (" ", "8.0.0.0/8", "192.0.2.2", "65002 7"),
            ("*", "9.0.0.0/8", "192.0.2.1", "65001 7")])

    def test_what_happens_is_told_line_by_line(self):
        station = self.station("")
        router = station.connect(INITIATION + up(1) + update(1, EIGHT) + update(1, b""))
        lines = station.wait_for("complete")
        router.sendall(message(2, header(1) + bytes([4])))
        lines += station.wait_for("down")
        router.close()
        lines += station.wait_for("gone")
        self.assertEqual([line.split(" ", 1)[1] for line in lines], [
            "127.0.0.1: connected", "127.0.0.1: named: rtr-1, lab", "127.0.0.1: 192.0.2.1 AS65001: up",
            "127.0.0.1: 192.0.2.1 AS65001: complete: pre-policy IPv4",
            "127.0.0.1: 192.0.2.1 AS65001: down: the peer closed the session",
            "127.0.0.1: gone: the router closed the connection"])
        self.assertEqual(station.end()[0], 0)

    def test_json_lines(self):
        station = self.station("--json")
        router = station.connect(up(1) + update(1, b""))
        self.addCleanup(router.close)
        lines = [json.loads(line) for line in station.wait_for("complete")]
        self.assertEqual([(line["type"], line["event"]) for line in lines],
                         [("bmp", "connected"), ("bmp", "up"), ("bmp", "complete")])
        self.assertEqual((lines[1]["peer"], lines[1]["peer_asn"], lines[1]["loc_rib"]), ("192.0.2.1", 65001, False))
        for line in station.end()[1].splitlines():
            json.loads(line)

    def test_of_two_connections_of_one_router_the_newer_one_counts(self):
        station = self.station("--directory .")
        old = station.connect(up(1) + update(1, EIGHT) + update(1, b""))
        self.addCleanup(old.close)
        station.wait_for("complete")
        new = station.connect(up(1) + update(1, NINE) + update(1, b""))
        self.addCleanup(new.close)
        station.wait_for("complete")
        self.assertEqual(old.recv(1), b"")
        status, _, errors = station.end()
        self.assertEqual(status, 0)
        self.assertIn("1 replaced by newer ones", errors)
        self.assertRegex(self.rib("show 127.0.0.1.pre-policy.mrt"), r"^\* 9\.0\.0\.0/8 [^\n]*\n$")

    def test_what_is_no_bmp_ends_the_session_and_counts(self):
        for octets, why in ((b"GET / HTTP/1.1\r\n\r\n", "no BMP any more: version 71: want 3"),
                            (b"\x03" + number(1 << 31, 4) + b"\x00", "of 2147483648 octets: want 48 to 1048576"),
                            (up(1)[:20], "in the middle of a message")):
            with self.subTest(why):
                station = self.station("")
                router = station.connect(octets)
                if "middle" in why:
                    router.close()
                self.assertIn(why, station.wait_for("gone")[-1])
                router.close()
                station.end()
        station = self.station("")
        router = station.connect(update(1, EIGHT))  # no Peer Up in front
        router.close()
        station.wait_for("gone")
        status, out, _ = station.end()
        self.assertEqual(status, 1)
        self.assertIn("1 damaged; 1 times routes of a peer that is not up", out)

    def test_only_routers_that_are_allowed_are_heard(self):
        station = self.station("--allow 127.0.0.2")
        with station.connect(b"", source="127.0.0.1") as refused:
            self.assertEqual(refused.recv(1), b"")
        router = station.connect(up(1), source="127.0.0.2")
        self.addCleanup(router.close)
        self.assertIn("127.0.0.2: connected", station.wait_for("connected")[0])
        self.assertIn("1 connections from elsewhere than --allow", station.end()[2])

    def test_a_limit_in_time_makes_the_exit_status_1_if_not_all_is_there(self):
        station = self.station("--until-complete --for 300ms")
        router = station.connect(up(1) + update(1, EIGHT))
        self.addCleanup(router.close)
        status, out, errors = station.end(by_itself=True)
        self.assertEqual(status, 1)
        self.assertIn("not complete in time", errors)
        self.assertIn("1 routes announced", out)

    def test_files_of_a_router_that_is_gone_go_too(self):
        station = self.station("--directory . --every 100ms --keep 200ms")
        router = station.connect(up(1) + update(1, EIGHT) + update(1, b""))
        station.wait_for("written")
        self.assertTrue((self.room / "127.0.0.1.pre-policy.mrt").exists())
        router.close()
        self.assertIn("127.0.0.1.pre-policy.mrt", station.wait_for("removed")[-1])
        self.assertFalse((self.room / "127.0.0.1.pre-policy.mrt").exists())
        self.assertEqual(station.end()[0], 0)

    def test_wrong_words(self):
        for words, error in (("", "--listen is required"), ("--listen 127.0.0.1", "want an address and a port"),
                             ("--listen 0.0.0.0:0", "--allow: wanted: the routers"),
                             ("--listen 127.0.0.1:0 --allow 10.0.0.1/8", "host bits"),
                             ("--listen 127.0.0.1:0 --every 0s", "--every")):
            with self.subTest(words):
                done = subprocess.run([str(Path(STRAIT).resolve()), "routes", "bmp", *words.split()],
                                      capture_output=True, check=False, timeout=20, text=True)
                self.assertEqual((done.returncode, done.stdout), (2, ""))
                self.assertIn(error, done.stderr)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], "-v"])
