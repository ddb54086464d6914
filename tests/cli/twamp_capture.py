# SPDX-License-Identifier: Apache-2.0
"""What tshark reads in a capture of TWAMP, field by field, against what the two ends meant."""

import subprocess
import unittest
from pathlib import Path

# Warnings and errors of tshark.
WRONG = "_ws.expert.severity >= 6291456 || _ws.malformed"


class TwampCapture(unittest.TestCase):
    def tshark(self, file: Path, *words: str) -> list[str]:
        done = subprocess.run(["tshark", "-r", str(file), *words], capture_output=True, text=True, check=True)
        return done.stdout.splitlines()

    def packets(self, file: Path, where: str, names: list[str], *words: str) -> list[dict[str, str]]:
        """What tshark reads in each packet of this kind."""
        wanted = (word for name in names for word in ("-e", name))
        rows = self.tshark(file, *words, "-Y", where, "-T", "fields", *wanted)
        return [dict(zip(names, row.split("\t"))) for row in rows]

    def check_capture(self, file: Path, family: str, report: dict):
        """tshark finds nothing wrong, and reads in every field what was meant."""
        sessions = self.check_control(file, family, len(report["flows"]))
        tests = [word for _, port in sessions for word in ("-d", f"udp.port=={port},twamp.test")]
        self.assertEqual(self.tshark(file, *tests, "-Y", WRONG), [])
        self.assertEqual(sum(self.check_session(file, family, tests, *ports) for ports in sessions), report["sent"])

    def check_control(self, file: Path, family: str, sessions: int) -> list[tuple[int, int]]:
        """Every field of every message. Returns the ports of sender and reflector of each session."""
        zero_address = "0.0.0.0" if family == "ip" else "::"
        v = "ipv4" if family == "ip" else "ipv6"
        ok, zeros, anything = "0", lambda octets: "00" * octets, None
        # Octets, and what is in them. A field that no message of that kind has must be absent.
        request = (112, {"command": "5", "ipvn": v[3], "conf_sender": "0", "conf_receiver": "0",
                         "number_of_schedule_slots": "0", "number_of_packets": "0", "sender_port": anything,
                         "receiver_port": anything, f"sender_{v}": zero_address, f"receiver_{v}": zero_address,
                         "session_id": zeros(16), "padding_length": "3", "start_time": anything,
                         "timeout": "3.000000000", "type-p": str(46 << 24)})
        accepted = (48, {"accept": ok, "receiver_port": anything, "session_id": anything, "mbz1": zeros(12),
                         "hmac": zeros(16)})
        talk = [(64, {"unused": zeros(12), "modes": "65", "challenge": anything, "salt": anything, "count": "1024",
                      "mbz1": zeros(12)}),
                (164, {"mode": "65", "keyid": zeros(40)}),
                (48, {"mbz1": zeros(15), "accept": ok, "iv": zeros(16), "server_uptime": anything,
                      "mbz2": zeros(8)}),
                *([request, accepted] * sessions),
                (32, {"command": "2", "mbz1": zeros(15), "hmac": zeros(16)}),
                (32, {"accept": ok, "mbz1": zeros(15), "hmac": zeros(16)}),
                (32, {"command": "3", "accept": ok, "mbz1": zeros(2), "numsessions": str(sessions), "mbz2": zeros(8),
                      "hmac": zeros(16)})]
        names = sorted({name for _, fields in talk for name in fields} - {"start_time"})
        seen = self.packets(file, "twamp.control", ["tcp.len", "tcp.payload", "tcp.srcport",
                                                    *("twamp.control." + name for name in names)])
        self.assertEqual([int(row["tcp.len"]) for row in seen], [size for size, _ in talk])
        for number, (row, (_, fields)) in enumerate(zip(seen, talk)):
            read = {name: row["twamp.control." + name] for name in names if row["twamp.control." + name]}
            meant = {name: value for name, value in fields.items() if name != "start_time"}
            with self.subTest("message", number=number):
                self.assertEqual(set(read), set(meant))
                numbers = {name: value for name, value in meant.items() if value is not anything}
                self.assertEqual({name: self.same_base(read[name]) for name in numbers}, numbers)
                self.assertEqual(row["tcp.srcport"] == "862", "command" not in fields and "mode" not in fields)
        asked = [row for row in seen if row["tcp.len"] == "112"]
        given = [row for row in seen if row["tcp.len"] == "48"][1:]
        for row in asked:  # Start Time and all that is behind Type-P; tshark shows no MBZ there
            payload = bytes.fromhex(row["tcp.payload"])
            self.assertEqual(payload[68:76] + payload[88:112], bytes(32))
        sids = {row["twamp.control.session_id"] for row in given}
        self.assertEqual(len(sids), sessions)
        return [(int(request["twamp.control.sender_port"]), int(answer["twamp.control.receiver_port"]))
                for request, answer in zip(asked, given)]

    def same_base(self, text: str) -> str:
        return str(int(text, 16)) if text.startswith("0x") else text

    def check_session(self, file: Path, family: str, tests: list[str], sender: int, reflector: int) -> int:
        """Requests and replies of one session, field by field; returns how many requests."""
        t = "twamp.test."
        ttl, dscp = ("ip.ttl", "ip.dsfield.dscp") if family == "ip" else ("ipv6.hlim", "ipv6.tclass.dscp")
        names = ["udp.length", dscp, ttl, *(t + name for name in (
            "seq_number", "timestamp", "error_estimate", "mbz1", "receive_timestamp", "sender_seq_number",
            "sender_timestamp", "sender_error_estimate", "mbz2", "sender_ttl", "padding"))]
        here, there = ("192.0.2.1", "192.0.2.2") if family == "ip" else ("2001:db8::1", "2001:db8::2")
        one_way = "{0}.src == {1} && udp.srcport == {2} && {0}.dst == {3} && udp.dstport == {4}"
        requests = self.packets(file, one_way.format(family, here, sender, there, reflector), names, *tests)
        replies = self.packets(file, one_way.format(family, there, reflector, here, sender), names, *tests)
        self.assertEqual(len(requests), len(replies))
        for number, (request, reply) in enumerate(zip(requests, replies)):
            for packet in (request, reply):
                self.assertEqual((packet["udp.length"], packet[dscp]), ("52", "46"))
                self.assertEqual([int(packet[t + "mbz1"], 0), int(packet[t + "mbz2"], 0)], [0, 0])
                self.assertEqual(packet[t + "padding"], "000000")
                self.assertGreater(int(packet[t + "error_estimate"], 0) & 0xff, 0)  # RFC 4656 section 4.1.2
            self.assertEqual(request[ttl], "255")  # RFC 5357 section 4.1.2
            self.assertEqual(reply[t + "sender_ttl"], request[ttl])
            self.assertEqual(int(reply[t + "seq_number"]), number)
            for name in ("seq_number", "timestamp", "error_estimate"):
                self.assertEqual(reply[t + "sender_" + name], request[t + name])
            # RFC 6038 section 5.2: what a reply has there is zero in a request.
            self.assertEqual([int(request[t + name], 0) for name in (
                "sender_seq_number", "sender_error_estimate", "sender_ttl")], [0, 0, 0])
            self.assertLessEqual(reply[t + "receive_timestamp"], reply[t + "timestamp"])
        return len(requests)
