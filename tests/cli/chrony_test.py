#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What `strait doctor` learns from a real chronyd: a client of another one over a veth. Neither touches the clock (-x).
Without one in the path or in $CHRONYD it is skipped: the package would put itself in the place of this machine's own
time daemon."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

STRAIT = str(Path(os.environ.get("STRAIT", "build/dev/strait")).resolve())
CHRONYD = os.environ.get("CHRONYD") or shutil.which("chronyd", path=os.environ.get("PATH", "") + ":/usr/sbin")
SERVER, CLIENT = (f"strait-chrony-{side}-{os.getpid()}" for side in ("a", "b"))
CONFIG = """{more}
pidfile {run}/{name}.pid
bindcmdaddress {run}/{name}.sock
"""
SECONDS = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0}


def run(*words: str):
    subprocess.run(words, check=True, capture_output=True)


class RealChronyd(unittest.TestCase):
    def setUp(self):
        self.daemons: dict[str, subprocess.Popen] = {}
        self.addCleanup(self.clean)
        self.run_dir = Path(tempfile.mkdtemp(prefix="strait-chrony"))
        for name in (SERVER, CLIENT):
            run("ip", "netns", "add", name)
            run("ip", "-n", name, "link", "set", "lo", "up")
        run("ip", "-n", SERVER, "link", "add", "v", "type", "veth", "peer", "name", "v", "netns", CLIENT)
        for name, address in ((SERVER, "10.77.0.1/24"), (CLIENT, "10.77.0.2/24")):
            run("ip", "-n", name, "address", "add", address, "dev", "v")
            run("ip", "-n", name, "link", "set", "v", "up")

    def clean(self):
        for name in list(self.daemons):
            self.stop(name)
        for name in (SERVER, CLIENT):
            subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)
        shutil.rmtree(self.run_dir, ignore_errors=True)

    def start(self, namespace: str, name: str, more: str):
        config = self.run_dir / f"{name}.conf"
        config.write_text(CONFIG.format(more=more, run=self.run_dir, name=name))
        with open(self.run_dir / f"{name}.log", "w", encoding="utf-8") as log:
            # `ip netns exec` becomes the daemon itself.
            self.daemons[name] = subprocess.Popen(
                ["ip", "netns", "exec", namespace, CHRONYD, "-x", "-d", "-u", "root", "-f", str(config)],
                stdout=log, stderr=subprocess.STDOUT)

    def stop(self, name: str):
        daemon = self.daemons.pop(name)
        daemon.kill()
        daemon.wait()

    def doctor(self, namespace: str) -> str:
        """The clock's finding."""
        done = subprocess.run(["ip", "netns", "exec", namespace, STRAIT, "doctor", "--json"], capture_output=True,
                              text=True, check=False, timeout=30)
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        return next(one["seen"] for one in lines if one.get("check") == "clock")

    def wait_for(self, namespace: str, pattern: str, seconds: float = 30) -> re.Match:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            seen = self.doctor(namespace)
            if found := re.search(pattern, seen):
                return found
            time.sleep(0.5)
        logs = "\n".join(log.read_text() for log in self.run_dir.glob("*.log"))
        self.fail(f"{pattern!r} is not in {seen!r}\n{logs}")

    def test_its_own_bound_is_taken_and_one_that_follows_itself_is_no_good_clock(self):
        self.assertNotIn("chronyd is", self.doctor(CLIENT))
        self.start(SERVER, "server", "local stratum 1\nallow 10.77.0.0/24")
        self.wait_for(SERVER, r"^not synchronised to UTC; .*chronyd follows no source")
        self.start(CLIENT, "client", "server 10.77.0.1 iburst minpoll 0 maxpoll 0")
        time_words = r"(-?[0-9.]+) (ns|us|ms|s)"
        found = self.wait_for(CLIENT, rf"^synchronised to UTC, error at most {time_words}.*; chronyd is {time_words} "
                                      rf"from its source, root delay {time_words}, dispersion {time_words}")
        bound, offset, delay, dispersion = (abs(float(found[i])) * SECONDS[found[i + 1]] for i in (1, 3, 5, 7))
        # As chronyc(1) adds it up, but for what the printed figures are rounded by.
        self.assertAlmostEqual(bound, offset + dispersion + delay / 2, delta=3e-6)
        # One kernel, one clock.
        self.assertLess(bound, 0.01)
        self.stop("client")
        self.assertNotIn("chronyd is", self.doctor(CLIENT))


if __name__ == "__main__":
    if os.geteuid() != 0:
        print("wants root, for namespaces")
        sys.exit(77)
    if CHRONYD is None:
        print("no chronyd in the path or in $CHRONYD")
        sys.exit(77)
    unittest.main()
