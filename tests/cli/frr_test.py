#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""strait routes beside a real FRR with two upstreams, which has no commit timer: what is applied is read back, expires, and
is undone by the watchdog when the apply is killed."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
from aftermath_test import CONFIGURATION, EUROPE, ROOT, SCENARIO, now  # noqa: E402
from rib_test import attributes, peers, rib  # noqa: E402
from router_lab import PATH, RouterLab, missing, run  # noqa: E402

STRAIT = str(Path(os.environ.get("STRAIT", "build/dev/strait")).resolve())
PREFIX = "198.51.100.0/24"

SITE = """
router bgp 64500
 bgp router-id 192.0.2.254
 no bgp default ipv4-unicast
 neighbor 192.0.2.1 remote-as 65001
 neighbor 192.0.2.2 remote-as 65002
 neighbor 192.0.2.1 timers connect 1
 neighbor 192.0.2.2 timers connect 1
 address-family ipv4 unicast
  neighbor 192.0.2.1 activate
  neighbor 192.0.2.2 activate
  neighbor 192.0.2.1 route-map UP1 in
  neighbor 192.0.2.2 route-map UP2 in
  neighbor 192.0.2.1 route-map NOTHING out
  neighbor 192.0.2.2 route-map NOTHING out
 exit-address-family
exit
route-map UP1 permit 10
 set local-preference 100
 call STRAIT-u1
route-map UP2 permit 10
 set local-preference 100
 call STRAIT-u2
route-map NOTHING deny 10
"""

UPSTREAM = """
router id 192.0.2.{last}; protocol device {{}}
protocol static s4 {{ ipv4; route {prefix} blackhole {{ {way} }}; }}
protocol bgp site {{ local 192.0.2.{last} as {asn}; neighbor 192.0.2.254 as 64500; strict bind yes;
  connect delay time 1; error wait time 1, 1; ipv4 {{ import none; export all; next hop self; }}; }}
"""

# In front of the real one: it shows routes as slowly as the test wants it.
VTYSH = """#!/bin/sh
case "$*" in *"show bgp"*) touch "{directory}/reading"; [ -e "{directory}/slow" ] && sleep 60 ;; esac
exec {vtysh} "$@"
"""


def children_of(pid: int) -> list[int]:
    found = []
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            if f"\nPPid:\t{pid}\n" in status.read_text():
                found.append(int(status.parent.name))
        except (FileNotFoundError, ProcessLookupError):
            pass  # it has ended meanwhile
    return found


class Frr(RouterLab):
    def setUp(self):
        super().setUp()
        run("ip", "-n", self.router, "address", "add", "192.0.2.254/24", "dev", "v")
        for last, asn, way in ((1, 65001, "bgp_path.prepend(64496);"), (2, 65002, "")):
            run("ip", "-n", self.outside, "address", "add", f"192.0.2.{last}/24", "dev", "v")
            conf = self.directory / f"up{last}.conf"
            conf.write_text(UPSTREAM.format(last=last, asn=asn, way=way, prefix=PREFIX))
            self.start(f"bird{last}", self.outside, "bird", "-f", "-c", str(conf), "-s", f"{self.directory}/up{last}.ctl")
        self.frr = self.directory / "frr"
        self.frr.mkdir()
        (self.frr / "bgpd.conf").write_text(SITE)
        self.start_frr(self.frr)
        (self.directory / "bin").mkdir()
        wrapper = self.directory / "bin/vtysh"
        wrapper.write_text(VTYSH.format(directory=self.directory, vtysh=shutil.which("vtysh", path=PATH)))
        wrapper.chmod(0o755)
        self.environment = {**os.environ, "PATH": f"{self.directory}/bin:{PATH}"}
        self.file = self.directory / "strait.toml"
        text = CONFIGURATION.format(root=ROOT, directory=self.directory).partition("[routes.bird]")[0]
        self.file.write_text(text + f'[routes.frr]\nfile = "{self.directory}/strait.conf"\nsockets = "{self.frr}"\n'
                             f'journal = "{self.directory}/journal"\n')
        self.include = self.directory / "strait.conf"
        self.previous = Path(f"{self.include}.previous")
        scenario = self.directory / "scenario.toml"
        scenario.write_text(SCENARIO.format(start=now(-40 * 60)[:-3] + "00Z", other="45ms"))
        subprocess.run([STRAIT, "simulate", str(scenario), "--store", f"{self.directory}/strait.db"], check=True,
                       capture_output=True, timeout=100)
        (self.directory / "rib.mrt").write_bytes(peers() + rib(EUROPE, (0, attributes(65001, 64496)), (1, attributes(65002))))
        self.wait_for("both routes, and the shorter one best", 40, lambda: self.best() == ("192.0.2.2", 100) and len(self.paths()) == 2)

    def vtysh(self, command: str) -> str:
        return subprocess.run(["vtysh", "--vty_socket", str(self.frr), "-d", "bgpd", "-c", command], capture_output=True,
                              text=True, check=False, timeout=60, env={**os.environ, "PATH": PATH}).stdout

    def paths(self) -> list[dict]:
        text = self.vtysh(f"show bgp ipv4 unicast {PREFIX} json")
        return json.loads(text).get("paths", []) if text.startswith("{") else []

    def best(self) -> tuple[str, int] | None:
        return next(((path["peer"]["peerId"], path.get("locPrf", 100)) for path in self.paths()
                     if path.get("bestpath", {}).get("overall")), None)

    def prefers(self) -> bool:
        return f"permit {PREFIX}" in self.vtysh("show running-config bgpd")

    def words(self, *words: str) -> list[str]:
        return [STRAIT, "routes", words[0], "-c", str(self.file), *words[1:]]

    def strait(self, *words: str, status: int = 0) -> str:
        done = subprocess.run(self.words(*words), capture_output=True, text=True, check=False, timeout=100, env=self.environment)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done.stdout + done.stderr

    def last(self) -> dict:
        return json.loads((self.directory / "journal").read_text().splitlines()[-1])

    def apply_and_send(self, word: signal.Signals) -> tuple[subprocess.Popen, int]:
        """An apply that gets a signal when FRR has the plan and its routes are about to be read; its watchdog's process."""
        (self.directory / "reading").unlink(missing_ok=True)
        (self.directory / "slow").touch()
        apply = subprocess.Popen(self.words("apply"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=self.environment)
        self.wait_for("the read-back", 60, (self.directory / "reading").exists)
        self.assertTrue(self.prefers())
        self.assertTrue(self.previous.exists())
        children = children_of(apply.pid)
        watchdogs = [child for child in children if b"--watch" in Path(f"/proc/{child}/cmdline").read_bytes()]
        self.assertEqual(len(watchdogs), 1)
        readers = [child for child in children if child not in watchdogs]
        apply.send_signal(word)
        (self.directory / "slow").unlink()
        for reader in readers:  # a vtysh that would hold the lock for a minute
            os.killpg(reader, signal.SIGKILL)
        return apply, watchdogs[0]

    def kill_while_it_reads(self) -> int:
        apply, watchdog = self.apply_and_send(signal.SIGKILL)
        apply.wait()
        return watchdog

    def test_what_is_applied_is_seen_and_withdrawn(self):
        self.assertIn("confirmed: 1 of 1 prefixes", self.strait("apply"))
        self.assertEqual(self.best(), ("192.0.2.1", 200))
        self.assertIn("1 of 1 prefixes read back are as the plan says", self.strait("verify"))
        self.vtysh("clear bgp ipv4 unicast *")
        self.wait_for("the preference on new routes", 40, lambda: self.best() == ("192.0.2.1", 200))
        self.strait("rollback")  # to plain BGP
        self.wait_for("plain BGP", 20, lambda: self.best() == ("192.0.2.2", 100))
        self.assertIn("confirmed", self.strait("rollback"))
        self.assertEqual(self.best(), ("192.0.2.1", 200))
        self.include.write_text(self.include.read_text() + "! mine\n")
        self.assertIn("changed by hand", self.strait("verify", status=2))
        self.assertIn("confirmed", self.strait("apply", "--withdraw"))
        self.wait_for("plain BGP", 20, lambda: self.best() == ("192.0.2.2", 100))
        self.strait("history")

    def test_the_watchdog_undoes_at_once_what_a_killed_apply_has_loaded(self):
        self.kill_while_it_reads()
        killed = time.monotonic()
        self.wait_for("the watchdog's work", 60, lambda: not self.previous.exists())
        print(f"undone {time.monotonic() - killed:.1f} s after the kill", file=sys.stderr)
        self.assertFalse(self.prefers())
        self.assertFalse(self.include.exists())  # there was none
        self.assertEqual((self.last()["step"], self.last()["by"]), ("recovered", "routes expire"))
        self.wait_for("plain BGP", 20, lambda: self.best() == ("192.0.2.2", 100))
        self.assertIn("confirmed", self.strait("apply"))

    def test_an_apply_that_hangs_is_killed_and_undone(self):
        self.file.write_text(self.file.read_text().replace("[routes.frr]\n", '[routes.frr]\nload_within = "2s"\n'))
        apply, _ = self.apply_and_send(signal.SIGSTOP)
        stopped = time.monotonic()
        self.assertEqual(apply.wait(timeout=90), -signal.SIGKILL)
        print(f"killed {time.monotonic() - stopped:.1f} s after it had stopped", file=sys.stderr)
        self.wait_for("the watchdog's work", 60, lambda: not self.previous.exists())
        self.assertFalse(self.prefers())
        self.assertEqual((self.last()["step"], self.last()["by"]), ("recovered", "routes expire"))
        self.wait_for("plain BGP", 20, lambda: self.best() == ("192.0.2.2", 100))

    def test_with_the_watchdog_killed_too_the_timers_expire_does_it(self):
        watchdog = self.kill_while_it_reads()
        # It may have been faster than us.
        try:
            os.kill(watchdog, signal.SIGKILL)
        except ProcessLookupError:
            pass
        time.sleep(1)
        self.strait("expire")
        self.assertFalse(self.previous.exists())
        self.assertFalse(self.prefers())
        self.assertEqual(self.last()["step"], "recovered")

    def test_what_nobody_renewed_is_taken_back(self):
        self.file.write_text(self.file.read_text().replace("[analyzer]\n", '[analyzer]\nplan_expiry = "20s"\n'))
        self.assertIn("confirmed", self.strait("apply"))
        self.assertIn("in force until", self.strait("expire"))
        self.wait_for("its expiry", 60, lambda: "; confirmed: " in self.strait("expire"))
        self.assertFalse(self.prefers())
        self.wait_for("plain BGP", 20, lambda: self.best() == ("192.0.2.2", 100))

    def test_an_frr_that_is_not_there_is_told_nothing(self):
        self.stop("bgpd")
        said = self.strait("apply", status=4)
        self.assertIn("guard router-down: FRR: vtysh", said)
        self.assertIn("is bgpd running", said)
        self.assertFalse(self.include.exists())


if __name__ == "__main__":
    if os.geteuid() != 0 or (gone := missing("ip", "bird", "vtysh", "/usr/lib/frr/bgpd")):
        print(f"skipped: needs root and {' '.join(gone) if os.geteuid() == 0 else 'network namespaces'}")
        sys.exit(77)
    unittest.main(verbosity=2)
