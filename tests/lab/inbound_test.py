#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Advice for traffic towards us, on real packets: two upstreams that both bring the site's prefix, with ways back of
different length, and a far end whose BGP chooses between them. What `strait routes inbound` advises is done by hand in the
site's BIRD, the far end's routes follow, and the effect that is told then is the difference of the emulator's delays.

                       .-- emulator -- a (AS64501) --.
    site (AS64500) ---+                               +--- far (AS64510)
                       '-- emulator -- b (AS64502) --'
"""

import datetime
import json
import os
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path as File

sys.dont_write_bytecode = True
sys.path.insert(0, str(File(__file__).resolve().parent))
import scenario as scenarios  # noqa: E402
from topology import LONGEST_LIFE, LabError, ask, remove, run, wait_for  # noqa: E402

STRAIT = File(os.environ.get("STRAIT", scenarios.ROOT / "build" / "release" / "strait"))
PATHEMU = File(os.environ.get("PATHEMU", scenarios.ROOT / "build" / "release" / "pathemu"))
OURS, OUR_ADDRESS = "198.18.10.0/24", "198.18.10.1"
FAR, FAR_ADDRESS = "198.18.20.0/24", "198.18.20.1"
THERE_MS = 5
BACK_MS = {"a": 30, "b": 12}
EXPECTED_MS = BACK_MS["b"] - BACK_MS["a"]
TOLERANCE_MS = 1
NUMBERS = {"a": 1, "b": 2}
WINDOW_S = 1

CONFIGURATION = """
[site]
name = "here"
asn = 64500
[[path]]
name = "ours"
upstream_asn = 64501
source_v4 = "{ours}"
mark = 101
[[path]]
name = "a"
upstream_asn = 64501
source_v4 = "10.1.1.2"
mark = 101
comes_back = true
levers = ["prepend 2"]
[[path]]
name = "b"
upstream_asn = 64502
source_v4 = "10.1.2.2"
mark = 102
comes_back = true
[[region]]
name = "europe"
prefixes = ["{far}"]
[[target]]
name = "far"
address = "{far_address}"
port = 862
region = "europe"
protocol = "stamp"
[[inbound]]
class = "europe"
prefixes = ["{our_prefix}"]
# A busy machine wakes late: that is in the upper percentiles first.
[[policy]]
class = "europe"
objective = "p50"
[probe]
engine = "socket"
interval = "10ms"
timeout = "500ms"
window = "{window}s"
own_clock_error = "1us"
pin_check = "off"
mtu_check = false
[analyzer]
span_windows = 3
pair_windows = 7
repeat = 2
min_gain = "2ms"
hold_down = "2s"
[exporters]
listen = []
store = "{room}/strait.db"
"""

SITE = """router id 10.1.1.2; protocol device {{}}
protocol static ours {{ ipv4; route {ours} blackhole; }}
template bgp up {{ local as 64500; connect delay time 1; error wait time 1, 1; }}
filter to_a {{ if net != {ours} then reject; {prepends} accept; }}
protocol bgp a from up {{ neighbor 10.1.1.1 as 64501; ipv4 {{ import none; export filter to_a; }}; }}
protocol bgp b from up {{ neighbor 10.1.2.1 as 64502; ipv4 {{ import none; export where net = {ours}; }}; }}
"""

# The far end's link networks to the site are reached over their own upstream alone.
UPSTREAM = """router id 10.2.{n}.1; protocol device {{}} protocol direct {{ ipv4; interface "site"; }}
protocol kernel {{ ipv4 {{ import none; export all; }}; }}
template bgp t {{ local as 6450{n}; connect delay time 1; error wait time 1, 1; }}
protocol bgp site from t {{ neighbor 10.1.{n}.2 as 64500; ipv4 {{ import all; export none; next hop self; }}; }}
protocol bgp far from t {{ neighbor 10.2.{n}.2 as 64510; ipv4 {{ import all; export all; next hop self; }}; }}
"""

FAR_END = """router id 10.2.1.2; protocol device {{}} protocol direct {{ ipv4; interface "lo"; }}
protocol kernel {{ ipv4 {{ import none; export where source = RTS_BGP; }}; }}
template bgp t {{ local as 64510; connect delay time 1; error wait time 1, 1; }}
protocol bgp a from t {{ neighbor 10.2.1.1 as 64501; ipv4 {{ import filter {{ bgp_local_pref = 100; accept; }}; export where net = {far}; }}; }}
protocol bgp b from t {{ neighbor 10.2.2.1 as 64502; ipv4 {{ import all; export where net = {far}; }}; }}
"""


class Inbound(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.id = f"in{os.getpid():x}"
        cls.room = File(cls.enterClassContext(tempfile.TemporaryDirectory(prefix="strait-inbound-")))
        cls.processes: list[subprocess.Popen] = []
        cls.addClassCleanup(cls.take_down)
        for name in ("site", "emu", "a", "b", "far"):
            run("ip", "netns", "add", cls.ns(name))
            cls.inside(name, "sysctl", "-q", "-w", "net.ipv4.conf.all.rp_filter=0", "net.ipv4.conf.default.rp_filter=0",
                       f"net.ipv6.conf.default.disable_ipv6={int(name == 'emu')}", f"net.ipv4.ip_forward={int(name in 'ab')}")
            cls.batch(name, "link set lo up")
        for name, n in NUMBERS.items():
            cls.join(name, n)
        cls.batch("site", f"addr add {OUR_ADDRESS}/32 dev lo")
        cls.batch("far", f"addr add {FAR_ADDRESS}/24 dev lo")
        cls.start_emulator()
        cls.start_routers()
        cls.start("far", str(STRAIT), "reflect", FAR_ADDRESS, "--port", "862", "--open", "--source-rate", "0/s", "--total-rate",
                  "0/s", "--clock", "ntp", "--own-clock-error", "1us", log="reflector.log")
        cls.file = cls.room / "strait.toml"
        cls.file.write_text(CONFIGURATION.format(ours=OUR_ADDRESS, our_prefix=OURS, far=FAR, far_address=FAR_ADDRESS,
                                                 window=WINDOW_S, room=cls.room))
        cls.start("site", str(STRAIT), "run", "-c", str(cls.file), log="strait.log")
        wait_for("the store", 20, (cls.room / "strait.db").exists)

    # --- the lab ---

    @classmethod
    def take_down(cls):
        remove(cls.id)
        for process in cls.processes:
            process.wait()

    @classmethod
    def ns(cls, name: str) -> str:
        return f"sl{cls.id}-{name}"

    @classmethod
    def inside(cls, name: str, *words: str) -> str:
        return run("ip", "netns", "exec", cls.ns(name), *words)

    @classmethod
    def batch(cls, name: str, *lines: str) -> None:
        run("ip", "-n", cls.ns(name), "-batch", "-", text="\n".join(lines) + "\n")

    @classmethod
    def start(cls, name: str, *words: str, log: str) -> None:
        with open(cls.room / log, "ab") as file:
            cls.processes.append(subprocess.Popen(
                ["ip", "netns", "exec", cls.ns(name), "timeout", "-s", "KILL", str(LONGEST_LIFE), *words],
                stdin=subprocess.DEVNULL, stdout=file, stderr=file, start_new_session=True))

    @classmethod
    def join(cls, name: str, n: int) -> None:
        """site -- emulator -- upstream -- far; the site's probes find this way by mark and by source."""
        cls.batch("site", f"link add dev {name} type veth peer name n-{name} netns {cls.ns('emu')}", f"link set dev {name} up",
                  f"addr add 10.1.{n}.2/24 dev {name}", f"route add 10.1.{n}.0/24 dev {name} table {100 + n}",
                  f"route add default via 10.1.{n}.1 dev {name} table {100 + n}")
        cls.batch(name, f"link add dev site type veth peer name f-{name} netns {cls.ns('emu')}", "link set site up",
                  f"addr add 10.1.{n}.1/24 dev site",
                  f"link add dev far type veth peer name {name} netns {cls.ns('far')}", "link set far up",
                  f"addr add 10.2.{n}.1/24 dev far")
        cls.batch("far", f"link set dev {name} up", f"addr add 10.2.{n}.2/24 dev {name}")
        cls.batch("emu", f"link set n-{name} up", f"link set f-{name} up")
        for device, where in (("site", name), (name, "site")):
            cls.inside(where, "ethtool", "-K", device, "tx", "off")
        run("ip", "-4", "-n", cls.ns("site"), "rule", "add", "fwmark", str(100 + n), "lookup", str(100 + n))

    @classmethod
    def start_emulator(cls) -> None:
        lines = [f"path {name} n-{name} f-{name}" for name in NUMBERS]
        for name in NUMBERS:
            lines += [f"set {name} out {FAR} delay={THERE_MS}ms", f"set {name} back {FAR} delay={BACK_MS[name]}ms"]
        (cls.room / "emu.start").write_text("\n".join(lines) + "\n")
        cls.start("emu", str(PATHEMU), str(cls.room / "emu.start"), "--control", str(cls.room / "emu.ctl"), log="emulator.log")
        wait_for("the emulator", 5, (cls.room / "emu.ctl").exists)

    @classmethod
    def start_routers(cls) -> None:
        cls.write_site("")
        for name, n in NUMBERS.items():
            (cls.room / f"{name}.conf").write_text(UPSTREAM.format(n=n))
        (cls.room / "far.conf").write_text(FAR_END.format(far=FAR))
        for name in ("site", *NUMBERS, "far"):
            cls.start(name, "bird", "-f", "-c", f"{cls.room}/{name}.conf", "-s", f"{cls.room}/{name}.ctl", log=f"{name}.log")
        # Both offer it, with paths of one length; the lower router ID decides for a.
        wait_for("our prefix at the far end, by both", 25, lambda: cls.birdc("far", "show", "route", OURS).count("[AS") == 2)

    @classmethod
    def write_site(cls, prepends: str) -> None:
        (cls.room / "site.conf").write_text(SITE.format(ours=OURS, prepends=prepends))

    @classmethod
    def birdc(cls, name: str, *words: str) -> str:
        return run("birdc", "-s", f"{cls.room}/{name}.ctl", *words, check=False)

    def way_back(self) -> str:
        """The upstream that the far end's kernel sends our traffic to."""
        return re.search(r" dev (\w+)", self.inside("far", "ip", "route", "get", OUR_ADDRESS))[1]

    def back_packets(self, name: str) -> int:
        """How many the emulator has sent back over an upstream."""
        for line in ask(self.room / "emu.ctl", "stats"):
            words = line.split()
            if words[:4] == ["lane", name, "back", FAR]:
                return int(dict(word.split("=") for word in words[4:])["sent"])
        raise LabError(f"no lane {name} back")

    def asked(self, *more: str) -> tuple[dict, dict]:
        """The verdict and the advice."""
        text = self.inside("site", str(STRAIT), "routes", "inbound", "-c", str(self.file), "--json", *more)
        lines = {line["type"]: line for line in map(json.loads, text.splitlines())}
        return lines["verdict"], lines["inbound"]

    # --- the story ---

    def test_what_is_advised_brings_what_was_expected(self):
        self.assertEqual(self.way_back(), "a")
        before = self.wait_for_advice()
        verdict, advice = before
        self.assertEqual((verdict["path"], advice["comes_by"], advice["comes_by_delay"]), ("b", "a", True))
        self.assertEqual(advice["step"], f"announce {OURS} to the upstream of a with AS64500 prepended (prepend 2)")
        self.assertEqual(advice["windows_without_clocks"], 0)
        self.assertAlmostEqual(verdict["gain_ns"] / 1e6, -EXPECTED_MS, delta=TOLERANCE_MS)

        # By hand, as it was advised.
        self.write_site("bgp_path.prepend(64500); bgp_path.prepend(64500);")
        self.birdc("site", "configure")
        wait_for("the far end's traffic by b", 10, lambda: self.way_back() == "b")
        made = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        by_a, by_b = self.back_packets("a"), self.back_packets("b")

        verdict, advice = self.wait_for_effect(made)
        for effect in advice["effects"]:
            with self.subTest(effect["path"]):
                self.assertAlmostEqual(effect["change_ns"] / 1e6, EXPECTED_MS, delta=TOLERANCE_MS)
                self.assertLessEqual(effect["low_ns"], effect["change_ns"])
                self.assertGreaterEqual(effect["high_ns"], effect["change_ns"])
        self.assertEqual([effect["path"] for effect in advice["effects"]], ["a", "b"])
        self.assertEqual((advice["comes_by"], advice["act"]), ("b", False))
        # Of the three paths' replies two come over b now.
        self.assertGreater(self.back_packets("b") - by_b, 1.5 * (self.back_packets("a") - by_a))

    def wait_for_advice(self) -> tuple[dict, dict]:
        def advised():
            verdict, advice = self.asked()
            return (verdict, advice) if advice["act"] else None

        try:
            return wait_for("advice to act", 60, advised, every=0.5)
        except LabError as error:
            raise LabError(f"{error}; but {self.asked()}; {(self.room / 'strait.log').read_text()[-2000:]}") from error

    def wait_for_effect(self, made: str) -> tuple[dict, dict]:
        def told():
            verdict, advice = self.asked("--made", made)
            known = all(effect["low_ns"] is not None for effect in advice["effects"]) and advice["comes_by"] == "b"
            return (verdict, advice) if advice["effects"] and known else None

        try:
            return wait_for("what the change did", 60, told, every=0.5)
        except LabError as error:
            raise LabError(f"{error}; but {self.asked('--made', made)}") from error


if __name__ == "__main__":
    if os.geteuid() != 0:
        print("skipped: network namespaces need root")
        sys.exit(77)
    unittest.main(verbosity=2)
