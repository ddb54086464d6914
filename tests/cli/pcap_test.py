#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The dpdk engine on net_pcap: what it sends, dissected by tshark, and what becomes of frames that are
replayed to it. Needs no privilege."""

import hashlib
import hmac
import os
import random
import struct
import subprocess
import tempfile
import time
import unittest
import urllib.request
from pathlib import Path

STRAIT = str(Path(os.environ.get("STRAIT", "build/dev/strait")).resolve())
MAC = "02:00:5e:10:00:01"
PROBES = 3
# What tshark calls wrong, checksums included.
WRONG = ("_ws.expert || _ws.malformed || ip.checksum.status == 0 || udp.checksum.status == 0 || "
         "icmp.checksum.status == 0 || icmpv6.checksum.status == 0 || tcp.checksum.status == 0")
# Of TCP it notes that there is a SYN, and that all have the same ports: neither is wrong.
WARNING = 0x600000
WAYS = {
    "untagged": ((), {"vlan.id": "", "ieee8021ad.id": "", "mpls.label": ""}),
    "vlan": (("--vlan", "101"), {"vlan.id": "101", "ieee8021ad.id": "", "mpls.label": ""}),
    "qinq": (("--vlan", "300", "--vlan", "101"), {"vlan.id": "101", "ieee8021ad.id": "300", "mpls.label": ""}),
    "mpls": (("--mpls", "16001", "--mpls", "24"), {"vlan.id": "", "ieee8021ad.id": "", "mpls.label": "16001,24"}),
    "all": (("--vlan", "300", "--vlan", "101", "--mpls", "16001"),
            {"vlan.id": "101", "ieee8021ad.id": "300", "mpls.label": "16001"}),
}


def write_pcap(file: Path, frames: list[bytes]) -> None:
    with open(file, "wb") as out:
        out.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
        for number, frame in enumerate(frames):
            out.write(struct.pack("<IIII", 1_700_000_000, number, len(frame), len(frame)) + frame)


class Pcap(unittest.TestCase):
    def setUp(self):
        self.room = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.sent = self.room / "sent.pcap"

    def tshark(self, *words: str) -> list[str]:
        done = subprocess.run(["tshark", "-r", str(self.sent), "-o", "ip.check_checksum:TRUE", "-o",
                               "udp.check_checksum:TRUE", "-o", "tcp.check_checksum:TRUE", *words], capture_output=True, text=True, check=True)
        return done.stdout.splitlines()

    def probe(self, *words: str) -> str:
        self.sent.unlink(missing_ok=True)
        done = subprocess.run(
            [STRAIT, "probe", "--engine", "dpdk", "-I", f"net_pcap0,tx_pcap={self.sent}", "--next-hop-mac", MAC,
             "-c", str(PROBES), "-i", "20ms", "--timeout", "100ms", "-Q", "46", *words],
            capture_output=True, text=True, check=False, timeout=60)
        self.assertEqual(done.returncode, 1, done.stderr)  # nobody answers a file
        return done.stderr

    def check(self, way: str, family: str, protocol: str) -> None:
        words, wanted = WAYS[way]
        v6 = family == "ipv6"
        self.probe(*words, "--protocol", protocol, *(("--force-rate",) if protocol == "tcp" else ()), *(
            ("--source", "2001:db8:9::10", "2001:db8:51::1") if v6 else ("--source", "10.9.1.10", "198.51.100.1")))
        wrong = WRONG.replace("_ws.expert ", f"_ws.expert.severity >= {WARNING} ") if protocol == "tcp" else WRONG
        self.assertEqual(self.tshark("-Y", wrong), [])
        ip = "ipv6" if v6 else "ip"
        named = {"eth.dst": MAC, f"{ip}.dst": "2001:db8:51::1" if v6 else "198.51.100.1",
                 **({"ipv6.tclass.dscp": "46", "ipv6.hlim": "255"} if v6 else
                    {"ip.dsfield.dscp": "46", "ip.ttl": "255", "ip.flags.df": "1"}),
                 **wanted}
        kind = {"stamp": "udp", "icmp": "icmpv6.type == 128" if v6 else "icmp", "udp-echo": "echo",
                "tcp": "tcp.flags == 2 && tcp.len == 0 && tcp.options.mss"}[protocol]
        rows = self.tshark("-Y", f"({kind}) && eth.dst == {MAC}", "-T", "fields",
                           *(word for name in named for word in ("-e", name)))
        self.assertGreater(len(rows), 0)  # a crowded machine may miss slots
        for row in rows:
            self.assertEqual(dict(zip(named, row.split("\t"))), named)

    def test_what_is_sent_is_right_to_the_octet(self):
        for way in WAYS:
            for family in ("ip", "ipv6"):
                for protocol in ("stamp", "icmp", "udp-echo", "tcp"):
                    with self.subTest(way=way, family=family, protocol=protocol):
                        self.check(way, family, protocol)

    def test_tlvs_and_tags_stand_where_the_rfcs_want_them(self):
        secret = b"0123456789abcdef0123456789abcdef"
        key = self.room / "stamp.key"
        key.write_bytes(secret + b"\n")
        key.chmod(0o600)
        sign = lambda text: hmac.new(secret, text, hashlib.sha256).digest()[:16]  # noqa: E731
        zeros = bytes(16)
        tlvs = (bytes.fromhex("80040004b8000000") + bytes.fromhex("8002002c00000000") + bytes.fromhex("80040010") +
                zeros + bytes.fromhex("80070010") + zeros + bytes.fromhex("8003000400000000"))
        asked = ("--source", "10.9.1.10", "198.51.100.1", "--protocol", "stamp", "--tlv", "cos,location,timestamp-info",
                 "--tlv", "direct")
        for words in ((), ("--key", str(key)), ("--key", str(key), "-s", "400")):
            with self.subTest(words=words):
                self.probe(*asked, *words)
                self.assertEqual(self.tshark("-Y", WRONG), [])
                rows = self.tshark("-Y", f"udp && eth.dst == {MAC}", "-T", "fields", "-e", "udp.payload")
                self.assertGreater(len(rows), 0)
                for row in rows:
                    packet = bytes.fromhex(row.replace(":", ""))
                    sequence = packet[:4]
                    counted = (int.from_bytes(sequence, "big") + 1).to_bytes(4, "big")
                    area = tlvs + bytes.fromhex("8005000c") + counted + bytes(8)
                    if words:
                        self.assertEqual(packet[96:112], sign(packet[:96]))
                        area += bytes.fromhex("80080010") + sign(sequence + area)
                    if "-s" in words:
                        rest = 400 - 112 - len(area) - 4
                        area += b"\x80\x01" + rest.to_bytes(2, "big")
                        padding = packet[400 - rest:]
                        self.assertGreater(len(set(padding)), rest // 4, "pseudorandom (RFC 8972 section 4.1)")
                        area += padding
                    self.assertEqual(packet[112 if words else 44:].hex(), area.hex())

    def test_a_flow_label_is_the_same_in_all_probes_of_a_flow(self):
        self.probe("--source", "2001:db8:9::10", "2001:db8:51::1", "--protocol", "stamp")
        labels = set(self.tshark("-Y", "udp", "-T", "fields", "-e", "ipv6.flow"))
        self.assertEqual(len(labels), 1)
        self.assertNotEqual(int(labels.pop(), 16), 0)

    def test_a_foreign_address_gets_one_syn_a_second(self):
        said = self.probe("--source", "10.9.1.10", "198.51.100.1", "--protocol", "tcp")
        self.assertIn("strait: tcp: an address that is not yours gets one SYN a second; --force-rate sends them as "
                      "asked\n", said)
        times = [float(row) for row in self.tshark("-Y", "tcp.flags == 2", "-T", "fields", "-e", "frame.time_epoch")]
        self.assertGreater(len(times), 0)
        for before, after in zip(times, times[1:]):
            self.assertGreater(after - before, 0.5)  # less the jitter

    def test_every_replayed_frame_is_accounted_for(self):
        frames = hostile_frames(random.Random(20261125))
        seen = self.room / "seen.pcap"
        write_pcap(seen, frames)
        config = self.room / "strait.toml"
        port = 20000 + os.getpid() % 20000
        config.write_text(f"""
[site]
name = "replay"
[[path]]
name = "file"
device = "net_pcap0,rx_pcap={seen},tx_pcap={self.sent}"
source_v4 = "10.9.1.10"
source_v6 = "2001:db8:9::10"
next_hop_mac = "{MAC}"
[[target]]
name = "four"
address = "198.51.100.1"
[[target]]
name = "six"
address = "2001:db8:51::1"
[probe]
engine = "dpdk"
interval = "100ms"
[exporters]
listen = ["127.0.0.1:{port}"]
""")
        service = subprocess.Popen([STRAIT, "run", "-c", str(config)], stderr=subprocess.PIPE, text=True)
        self.addCleanup(lambda: (service.kill(), service.communicate()))
        counted, end = -1, time.monotonic() + 20
        while counted != len(frames) and time.monotonic() < end:
            time.sleep(0.2)
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
                    lines = answer.read().decode().splitlines()
            except OSError:
                continue
            counted = sum(float(line.split()[-1]) for line in lines if line.startswith("strait_ignored_packets_total"))
        self.assertIsNone(service.poll())
        self.assertEqual(counted, len(frames))


def hostile_frames(chance: random.Random) -> list[bytes]:
    """Frames of every length and kind, none of which is a reply to anything."""
    addresses = bytes.fromhex("0270636170000200000000ee")
    kinds = [b"\x08\x00", b"\x86\xdd", b"\x81\x00\x00\x65\x08\x00", b"\x88\x47\x03\xe8\x11\x40", b"\x88\xcc", b"\x08\x00\x45"]
    frames = [(addresses + kind + chance.randbytes(200))[:length] for length in range(1, 120) for kind in kinds]
    frames += [chance.randbytes(chance.randint(1, 1514)) for _ in range(1000)]
    return [frame for frame in frames if frame[12:14] != b"\x08\x06"]  # ARP is heard, not ignored


if __name__ == "__main__":
    unittest.main(verbosity=2)
