#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""strait routes history, rollback, verify, expire, stop and resume, beside a BIRD that is played here: it has the include file as
its configuration, and its one route follows that."""

import fcntl
import hashlib
import json
import os
import re
import socket
import subprocess
import tempfile
import threading
import unittest
from pathlib import Path

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
upstream_asn = 64501
neighbor_v4 = "192.0.2.1"
protocol = "u1"
source_v4 = "127.0.0.1"
[[target]]
name = "target"
address = "127.0.0.1"
region = "europe"
place = "madrid"
[exporters]
store = "{directory}/strait.db"
[routes.bird]
include = "{directory}/strait.conf"
socket = "{directory}/bird.ctl"
journal = "{directory}/journal"
"""


class Bird(threading.Thread):
    def __init__(self, directory: Path):
        super().__init__(daemon=True)
        self.include = directory / "strait.conf"
        self.running = self.on_disk()
        self.before: str | None = None
        self.overruled = False  # the operator's own filter sets another local preference
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(directory / "bird.ctl"))
        self.listener.listen(4)

    def on_disk(self) -> str:
        return self.include.read_text() if self.include.exists() else ""

    def answer(self, line: str) -> str:
        if line == "configure check":
            return "0020 Configuration OK\n"
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
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.directory = Path(folder.name)
        self.file = self.directory / "strait.toml"
        self.file.write_text(CONFIGURATION.format(root=ROOT, directory=self.directory))
        self.include = self.directory / "strait.conf"
        self.journal = self.directory / "journal"
        self.bird = Bird(self.directory)
        self.bird.start()

    def strait(self, *words: str, status: int = 0) -> str:
        done = subprocess.run([STRAIT, "routes", words[0], "-c", str(self.file), *words[1:]], capture_output=True, text=True,
                              check=False, timeout=60)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done.stdout + done.stderr

    def put_in_force(self, local_pref: int, made: str = "2026-11-01T00:00:00Z", expires: str = "2100-01-01T00:00:00Z"):
        """As a service that was confirmed would leave it: include file, kept plan and journal."""
        text = ("# strait: BGP preferences for BIRD 2, format 1. Generated: the next plan overwrites changes.\n"
                f"# evidence sha256:{'a' * 64}\n# made {made}\n# expires {expires}\n"
                f"\n# prefer europe via atlas: protocol u1, local-pref {local_pref}, 1 prefixes\n# reason: p95 9 ms\n"
                "define STRAIT_1_V4 = [\n  198.51.100.0/24\n];\n\nfunction strait_pref() {\n"
                "  if ! (bgp_community ~ [(65535, 0), (65535, 666)]) then {\n    if proto = \"u1\" then {\n"
                f"      if net ~ STRAIT_1_V4 then bgp_local_pref = {local_pref};\n    }}\n  }}\n}}\n")
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

    def test_without_a_bird_in_the_configuration_they_say_what_is_not_there_yet(self):
        self.file.write_text(self.file.read_text().partition("[routes.bird]")[0])
        for command in ("verify", "rollback", "history", "stop"):
            self.assertIn("BIRD is the only router so far", self.strait(command, status=2))
        self.assertIn("nothing can expire", self.strait("expire"))


if __name__ == "__main__":
    unittest.main()
