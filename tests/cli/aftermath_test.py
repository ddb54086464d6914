#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""strait routes pending, approve, history, rollback, verify, expire, stop and resume, beside a BIRD that is played here: it
has the include file as its configuration, and its one route follows that. The evidence is simulated, up to this minute."""

import datetime
import fcntl
import hashlib
import json
import os
import re
import socket
import shutil
import subprocess
import sys
import tempfile
import threading
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
from rib_test import attributes, peers, rib  # noqa: E402

STRAIT = os.environ.get("STRAIT", "build/dev/strait")
ROOT = Path(__file__).resolve().parents[2]

CONFIGURATION = """
[site]
name = "here"
asn = 64500
place = "casablanca"
data = "{root}/data"
[[path]]
name = "atlas"
segments = ["cas-asilah", "atlas-offshore"]
upstream_asn = 65001
neighbor_v4 = "192.0.2.1"
protocol = "u1"
source_v4 = "127.0.0.1"
[[path]]
name = "tetouan"
segments = ["cas-tetouan", "est-tet", "estepona-mad"]
upstream_asn = 65002
neighbor_v4 = "192.0.2.2"
protocol = "u2"
source_v4 = "127.0.0.1"
[[region]]
name = "europe"
prefixes = ["198.51.100.0/24"]
[[target]]
name = "target"
address = "127.0.0.1"
region = "europe"
place = "madrid"
[analyzer]
freshness = "1h"
[routes]
rib = "{directory}/rib.mrt"
accept = ["bogon-prefix", "bogon-asn", "private-asn"]
[exporters]
store = "{directory}/strait.db"
[routes.bird]
include = "{directory}/strait.conf"
socket = "{directory}/bird.ctl"
journal = "{directory}/journal"
"""


# Of the last 40 minutes: europe is nearer by atlas, but plain BGP takes tetouan.
SCENARIO = """
title = "a test"
source = "a test"
start = "{start}"
length = "40m"
seed = 1
[probe]
window = "1m"
interval = "200ms"
[[path]]
name = "atlas"
segments = ["cas-asilah", "atlas-offshore"]
[[path]]
name = "tetouan"
segments = ["cas-tetouan", "est-tet", "estepona-mad"]
[[region]]
name = "europe"
default_path = "tetouan"
[[target]]
name = "target"
region = "europe"
[target.rtt]
atlas = "33ms"
tetouan = "{other}"
"""
EUROPE = bytes([24, 198, 51, 100])
PLAIN = ("# strait: BGP preferences for BIRD 2, format 1. Generated: the next plan overwrites changes.\n"
         "# evidence none\n# made 2026-11-01T00:00:00Z\n# expires 2026-11-01T00:00:00Z\n\nfunction strait_pref() { }\n")


def preferring(local_pref: int, made: str, expires: str, protocol: str = "u1", path: str = "atlas") -> str:
    return ("# strait: BGP preferences for BIRD 2, format 1. Generated: the next plan overwrites changes.\n"
            f"# evidence sha256:{'a' * 64}\n# made {made}\n# expires {expires}\n"
            f"\n# prefer europe via {path}: protocol {protocol}, local-pref {local_pref}, 1 prefixes\n# reason: p95 9 ms\n"
            "define STRAIT_1_V4 = [\n  198.51.100.0/24\n];\n\nfunction strait_pref() {\n"
            f"  if ! (bgp_community ~ [(65535, 0), (65535, 666)]) then {{\n    if proto = \"{protocol}\" then {{\n"
            f"      if net ~ STRAIT_1_V4 then bgp_local_pref = {local_pref};\n    }}\n  }}\n}}\n")


def now(after_s: int = 0) -> str:
    moment = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=after_s)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


class Bird(threading.Thread):
    def __init__(self, directory: Path):
        super().__init__(daemon=True)
        self.include = directory / "strait.conf"
        self.running = self.on_disk()
        self.before: str | None = None
        self.takes_it = True
        self.overruled = False  # the operator's own filter sets another local preference
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(directory / "bird.ctl"))
        self.listener.listen(4)

    def on_disk(self) -> str:
        return self.include.read_text() if self.include.exists() else ""

    def answer(self, line: str) -> str:
        if line == "configure check":
            return "0020 Configuration OK\n" if self.takes_it else "8002 strait.conf:1:1 syntax error\n"
        if line.startswith("configure timeout"):
            self.before, self.running = self.running, self.on_disk()
            return "0003 Reconfigured\n"
        if line == "configure undo":
            self.running = self.before if self.before is not None else self.running
            return "0003 Reconfigured\n"
        if line == "configure confirm":
            return "0018 Reconfiguration confirmed\n"
        if line == "configure":
            self.running, self.before = self.on_disk(), None
            return "0003 Reconfigured\n"
        if line.startswith("show route"):
            prefix = line.split()[2]
            wanted = None if self.overruled else re.search(r"local-pref (\d+)", self.running)
            return (f"1007-Table master4:\n {prefix}         unicast [u1 12:00:00.000] * (100) [AS64497i]\n"
                    f" \tvia 10.0.0.1 on eth0\n1008-\tType: BGP univ\n1012-\tBGP.origin: IGP\n"
                    f" \tBGP.local_pref: {wanted[1] if wanted else 100}\n0000 \n")
        return "9001 syntax error\n"

    def run(self):
        while True:
            client, _ = self.listener.accept()
            with client, client.makefile("rw") as stream:
                stream.write("0001 BIRD 2.0.12 ready.\n")
                stream.flush()
                for line in stream:
                    stream.write(self.answer(line.strip()))
                    stream.flush()


class Aftermath(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stores = Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        for name, other in (("near", "45ms"), ("far", "21ms")):  # atlas is the nearer one, or not
            scenario = cls.stores / f"{name}.toml"
            scenario.write_text(SCENARIO.format(start=now(-40 * 60)[:-3] + "00Z", other=other))
            subprocess.run([STRAIT, "simulate", str(scenario), "--store", str(cls.stores / name)], check=True,
                           capture_output=True, timeout=60)

    def know(self, evidence: str = "near", offered: bool = True):
        """What the store and the RIB say."""
        shutil.copy(self.stores / evidence, self.directory / "strait.db")
        routes = ((0, attributes(65001, 64496)),) if offered else ()
        (self.directory / "rib.mrt").write_bytes(peers() + rib(EUROPE, *routes, (1, attributes(65002))))

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.directory = Path(folder.name)
        self.file = self.directory / "strait.toml"
        self.file.write_text(CONFIGURATION.format(root=ROOT, directory=self.directory))
        self.include = self.directory / "strait.conf"
        self.journal = self.directory / "journal"
        self.know()
        self.bird = Bird(self.directory)
        self.bird.start()

    def strait(self, *words: str, status: int = 0) -> str:
        done = subprocess.run([STRAIT, "routes", words[0], "-c", str(self.file), *words[1:]], capture_output=True, text=True,
                              check=False, timeout=60)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done.stdout + done.stderr

    def put_in_force(self, local_pref: int, made: str = "2026-11-01T00:00:00Z", expires: str = "2100-01-01T00:00:00Z"):
        """As a service that was confirmed would leave it: include file, kept plan and journal."""
        text = preferring(local_pref, made, expires)
        self.include.write_text(text)
        self.bird.running = text
        content = hashlib.sha256(f"europe atlas u1 {local_pref}\n198.51.100.0/24\n".encode()).hexdigest()
        plans = self.directory / "journal.plans"
        plans.mkdir(exist_ok=True)
        (plans / content).write_text(text)
        lines = self.journal.read_text().splitlines() if self.journal.exists() else []
        previous = json.loads(lines[-1])["hash"] if lines else hashlib.sha256(b"").hexdigest()
        body = json.dumps({"entry": len(lines) + 1, "at": made, "step": "confirmed", "user": "amina", "pid": 7,
                           "by": "service", "plan": hashlib.sha256(text.encode()).hexdigest(), "content": content,
                           "preferences": 1, "prefixes": 1, "reason": "1 of 1", "previous": previous},
                          separators=(",", ":"))[:-1]
        with self.journal.open("a") as out:
            out.write(f'{body},"hash":"{hashlib.sha256(body.encode()).hexdigest()}"}}\n')

    def last(self) -> dict:
        return json.loads(self.journal.read_text().splitlines()[-1])

    def test_rollback_goes_to_the_plan_before_and_to_a_named_one(self):
        self.put_in_force(200)
        self.put_in_force(300)
        self.assertIn("local-pref 300", self.include.read_text())
        self.assertIn("confirmed", self.strait("rollback"))
        self.assertIn("local-pref 200", self.bird.running)
        self.assertEqual(self.bird.running, self.include.read_text())
        self.assertEqual({key: self.last()[key] for key in ("step", "by", "refers", "pid")} | {"pid": 0},
                         {"step": "confirmed", "by": "routes rollback", "refers": 1, "pid": 0})
        self.assertIn("1 of 1 prefixes", self.strait("verify"))
        self.strait("rollback", "2")
        self.assertIn("local-pref 300", self.bird.running)
        self.assertIn("confirms no plan", self.strait("rollback", "3", status=2))
        self.strait("history")

    def test_an_old_plan_has_to_pass_the_guards_of_now_and_plain_bgp_has_not(self):
        vrps = self.directory / "vrps.json"
        vrps.write_text(json.dumps({"metadata": {"buildtime": now()}, "roas": [
            {"asn": 64497, "prefix": "198.51.100.0/24", "maxLength": 24, "ta": "x"}]}))
        text = self.file.read_text()

        def without_evidence():
            (self.directory / "strait.db").unlink()

        def with_rpki():
            self.file.write_text(text.replace("[routes]\n", f'[routes]\nrpki = "{vrps}"\n'))

        def without_rib():
            self.file.write_text(text.replace(f'rib = "{self.directory}/rib.mrt"\n', ""))

        def forbidden():
            self.file.write_text(text.replace('protocol = "u1"\n', 'protocol = "u1"\nforbidden = true\n'
                                              'forbidden_reason = "contract ended"\n'))

        def old_windows():
            self.file.write_text(text.replace('freshness = "1h"', 'freshness = "1ms"'))

        spoilers = ((lambda: self.know(offered=False), "guard rib-from-upstream: class europe: 1 prefixes from atlas"),
                    (with_rpki, "guard rpki-invalid: class europe: 1 prefixes from atlas left out"),
                    (forbidden, "guard forbidden: class europe: path atlas is forbidden: contract ended"),
                    (old_windows, "guard no-evidence: class europe: atlas is not preferred"),
                    (without_rib, "without a RIB"), (without_evidence, "what is known now cannot be read"))
        for spoil, words in spoilers:
            with self.subTest(words):
                self.journal.unlink(missing_ok=True)
                self.put_in_force(200)
                self.put_in_force(300)
                spoil()
                said = self.strait("rollback", status=1)
                self.assertIn(words, said)
                self.assertIn("refused: guard old-plan: entry 1: ", said)
                self.assertEqual(self.last()["step"], "refused")
                self.assertIn("local-pref 300", self.bird.running)
                self.journal.unlink()
                self.put_in_force(300)
                self.strait("rollback")  # to plain BGP
                self.assertIn("function strait_pref() { }", self.bird.running)
                self.file.write_text(text)
                self.know()

    def let_wait(self, instead_of: str = PLAIN, expires: str = "2100-01-01T00:00:00Z") -> str:
        """As a service in mode moderated would; the ID."""
        text = ("# strait: a plan that waits for 'strait routes approve'\n" + preferring(200, now(), expires)
                + "# strait: instead of\n" + instead_of)
        Path(f"{self.include}.pending").write_text(text)
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def test_what_waits_is_shown_and_approved_once(self):
        self.assertIn("nothing waits", self.strait("pending"))
        self.include.write_text(PLAIN)
        waits = self.let_wait()
        shown = self.strait("pending")
        self.assertIn(waits, shown)
        self.assertIn("europe at u1: plain BGP -> atlas (local-pref 200, 1 prefixes)", shown)
        self.assertIn("does not wait: nothing is known of it; " + waits + " does",
                      self.strait("approve", "0123456789ab", status=2))
        self.assertEqual(self.include.read_text(), PLAIN)
        self.assertIn("confirmed: 1 of 1 prefixes", self.strait("approve", waits))
        self.assertIn("local-pref 200", self.bird.running)
        self.assertEqual((self.last()["step"], self.last()["by"], self.last()["id"]),
                         ("approved", f"routes approve {waits}", waits))
        self.assertIn("nothing waits", self.strait("pending"))
        self.assertIn("does not wait: approved at 20", self.strait("approve", waits, status=2))
        self.strait("history")

    def test_what_has_become_another_since_it_was_shown_is_not_approved(self):
        other = preferring(200, now(), "2100-01-01T00:00:00Z", "u2", "tetouan")
        for what, words in (("late", "it could be approved until"), ("evidence", "the evidence has become another"),
                            ("offer", "the evidence has become another"), ("hand", "what is in force has become another"),
                            ("stop", "guard stop-file"), ("check", "guard router-check")):
            with self.subTest(what):
                self.know("far" if what == "evidence" else "near", offered=what != "offer")
                before = other if what == "hand" else PLAIN
                self.include.write_text(before)
                self.bird.running = before
                self.bird.takes_it = what != "check"
                if what == "stop":
                    self.strait("stop")
                waits = self.let_wait(expires=now(-1) if what == "late" else "2100-01-01T00:00:00Z")
                said = self.strait("approve", waits, status=1)
                self.assertIn("refused: ", said)
                self.assertIn(words, said)
                self.assertEqual(self.last()["step"], "refused")
                self.assertEqual(self.include.read_text(), before)
                self.assertEqual(self.bird.running, before)
                Path(f"{self.include}.stop").unlink(missing_ok=True)

    def test_rollback_without_a_plan_before_is_plain_bgp(self):
        self.put_in_force(200)
        self.strait("rollback")
        self.assertIn("function strait_pref() { }", self.bird.running)
        self.assertIn("plain BGP", self.strait("verify"))
        self.strait("rollback")  # and back again
        self.assertIn("local-pref 200", self.bird.running)

    def test_a_plan_that_is_not_kept_any_more_is_not_rolled_back_to(self):
        self.put_in_force(200)
        self.put_in_force(300)
        for file in (self.directory / "journal.plans").iterdir():
            file.unlink()
        self.assertIn("not kept any more", self.strait("rollback", status=2))
        self.assertIn("local-pref 300", self.bird.running)

    def test_verify_says_what_is_wrong(self):
        self.put_in_force(200)
        self.strait("verify")
        self.bird.overruled = True
        self.assertIn("WRONG: 198.51.100.0/24 of class europe: want u1 with local-pref 200", self.strait("verify", status=1))
        self.bird.overruled = False
        before = self.include.read_text()
        self.include.write_text(before.replace("made 2026-11-01", "made 2026-11-02"))
        self.assertIn("WRONG: " + str(self.include) + " is not the plan that entry 1", self.strait("verify", status=1))
        self.include.write_text(before + "# mine\n")
        self.assertIn("changed by hand", self.strait("verify", status=2))
        self.assertIn("changed by hand", self.strait("rollback", status=2))
        self.include.write_text(before)
        Path(f"{self.include}.previous").write_text("")
        self.assertIn("WRONG: an apply was killed", self.strait("verify", status=1))
        Path(f"{self.include}.previous").unlink()
        self.put_in_force(200, expires="2026-11-02T00:00:00Z")
        self.assertIn("WRONG: the plan expired at 2026-11-02", self.strait("verify", status=1))

    def test_history_names_the_line_that_was_changed_and_exports_it_all(self):
        self.put_in_force(200)
        self.put_in_force(300)
        copy = self.directory / "copy"
        text = self.strait("history", "--export", str(copy))
        self.assertIn("2 lines; the chain is whole", text)
        self.assertIn("by service, amina, process 7", text)
        self.assertEqual(copy.read_text(), self.journal.read_text())
        self.assertNotIn("    1 2026", self.strait("history", "--last", "1"))
        self.journal.write_text(self.journal.read_text().replace("amina", "nadia", 1))
        self.assertIn("BROKEN at line 1", self.strait("history", status=1))
        self.assertIn("BROKEN at line 1", self.strait("history", "--json", status=1))
        self.journal.write_text(copy.read_text()[:-9])
        self.assertIn("ends in a half line", self.strait("history", status=1))

    def test_stopped_nothing_is_preferred_until_it_is_resumed(self):
        self.put_in_force(200)
        self.put_in_force(300)
        self.assertIn("stopped", self.strait("stop", "moving cables"))
        self.assertEqual((self.last()["step"], self.last()["reason"]), ("stopped", "moving cables"))
        self.assertIn("guard stop-file", self.strait("rollback", status=1))
        self.assertIn("local-pref 300", self.bird.running)
        self.strait("apply", "--withdraw")
        self.assertIn("function strait_pref() { }", self.bird.running)
        self.strait("resume")
        self.assertIn("was not stopped", self.strait("resume"))
        self.strait("rollback")
        self.assertIn("local-pref 300", self.bird.running)

    def test_what_nobody_renewed_is_taken_back_without_a_service(self):
        self.assertIn("plain BGP", self.strait("expire"))
        self.put_in_force(200)
        before = self.include.read_text()
        self.assertIn("in force until 2100-01-01", self.strait("expire"))
        self.assertEqual(self.include.read_text(), before)
        self.put_in_force(300, expires="2026-11-02T00:00:00Z")
        text = self.strait("expire")
        self.assertIn("expired at 2026-11-02T00:00:00", text)
        self.assertIn("confirmed", text)
        self.assertIn("function strait_pref() { }", self.bird.running)
        self.assertEqual((self.last()["step"], self.last()["by"]), ("confirmed", "routes expire"))
        self.assertIn("plain BGP", self.strait("expire"))

    def test_the_stop_file_does_not_keep_an_expired_plan_in_force(self):
        self.put_in_force(200, expires="2026-11-02T00:00:00Z")
        self.strait("stop", "moving cables")
        self.strait("expire")
        self.assertIn("function strait_pref() { }", self.bird.running)

    def test_expire_finishes_an_apply_that_was_killed_but_not_one_that_runs(self):
        self.put_in_force(200)
        old = self.include.read_text()
        Path(f"{self.include}.previous").write_text(old)
        self.include.write_text(old.replace("made 2026-11-01", "made 2026-11-02"))
        with open(f"{self.include}.lock", "w", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self.assertIn("another apply is running", self.strait("expire"))
            self.assertTrue(Path(f"{self.include}.previous").exists())
        self.assertIn("an apply was killed", self.strait("expire"))
        self.assertEqual(self.bird.running, old)
        self.assertFalse(Path(f"{self.include}.previous").exists())

    def test_expire_touches_nothing_that_it_cannot_read_and_no_bird_that_is_not_there(self):
        self.put_in_force(200, expires="2026-11-02T00:00:00Z")
        expired = self.include.read_text()
        self.include.write_text(expired + "# mine\n")
        self.assertIn("changed by hand", self.strait("expire", status=2))
        self.assertEqual(self.include.read_text(), expired + "# mine\n")
        self.include.write_text(expired)
        (self.directory / "bird.ctl").unlink()
        self.assertIn("is BIRD running", self.strait("expire", status=2))
        self.assertEqual(self.include.read_text(), expired)

    def test_without_a_router_in_the_configuration_they_say_what_they_want(self):
        self.file.write_text(self.file.read_text().partition("[routes.bird]")[0])
        for command in ("verify", "rollback", "history", "stop"):
            self.assertIn("names no router to tell: want [routes.bird], [routes.frr], ", self.strait(command, status=2))
        self.assertIn("nothing can expire", self.strait("expire"))


if __name__ == "__main__":
    unittest.main()
