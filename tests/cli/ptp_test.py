#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What `strait doctor` learns from a real ptp4l: a slave of another one over a veth. Neither touches the clock
(free_running), and both have a /run of their own, so that a ptp4l of this machine is not disturbed."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

STRAIT = str(Path(os.environ.get("STRAIT", "build/dev/strait")).resolve())
MASTER, SLAVE = (f"strait-ptp-{side}-{os.getpid()}" for side in ("a", "b"))
DOMAIN = 24
CONFIG = """[global]
time_stamping software
network_transport UDPv4
free_running 1
domainNumber {domain}
logSyncInterval -2
logAnnounceInterval -1
logMinDelayReqInterval -2
uds_address {run}/{uds}
{more}
[v]
"""


def run(*words: str):
    subprocess.run(words, check=True, capture_output=True)


class RealPtp4l(unittest.TestCase):
    def setUp(self):
        self.daemons: list[subprocess.Popen] = []
        self.addCleanup(self.clean)
        self.run_dir = Path(tempfile.mkdtemp(prefix="strait-ptp"))
        for name in (MASTER, SLAVE):
            run("ip", "netns", "add", name)
        run("ip", "-n", MASTER, "link", "add", "v", "type", "veth", "peer", "name", "v", "netns", SLAVE)
        for name, address in ((MASTER, "10.77.0.1/24"), (SLAVE, "10.77.0.2/24")):
            run("ip", "-n", name, "address", "add", address, "dev", "v")
            run("ip", "-n", name, "link", "set", "v", "up")

    def clean(self):
        for daemon in self.daemons:
            daemon.kill()
            daemon.wait()
        for name in (MASTER, SLAVE):
            subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)
        shutil.rmtree(self.run_dir, ignore_errors=True)

    def start(self, namespace: str, uds: str, more: str) -> subprocess.Popen:
        config = self.run_dir / f"{uds}.conf"
        config.write_text(CONFIG.format(domain=DOMAIN, run=self.run_dir, uds=uds, more=more))
        with open(self.run_dir / f"{uds}.log", "w", encoding="utf-8") as log:
            daemon = subprocess.Popen(["timeout", "-s", "KILL", "60", "ip", "netns", "exec", namespace, "ptp4l", "-m",
                                       "-f", str(config)], stdout=log, stderr=subprocess.STDOUT)
        self.daemons.append(daemon)
        return daemon

    def doctor(self) -> str:
        """The clock's finding, with our /run in the place of the machine's."""
        script = f'mount --bind "{self.run_dir}" /run && exec "{STRAIT}" doctor --json'
        done = subprocess.run(["ip", "netns", "exec", SLAVE, "unshare", "--mount", "sh", "-c", script],
                              capture_output=True, text=True, check=False, timeout=30)
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        return next(one["seen"] for one in lines if one.get("check") == "clock")

    def wait_for(self, pattern: str, seconds: float = 20) -> re.Match:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            seen = self.doctor()
            if found := re.search(pattern, seen):
                return found
            time.sleep(0.5)
        logs = "\n".join(log.read_text() for log in self.run_dir.glob("*.log"))
        self.fail(f"{pattern!r} is not in {seen!r}\n{logs}")

    def test_offset_and_delay_are_read_and_silence_is_no_good_clock(self):
        self.assertNotIn("ptp4l is", self.doctor())
        self.start(MASTER, "master", "priority1 1")
        slave = self.start(SLAVE, "ptp4l", "clientOnly 1" if self.has_client_only() else "slaveOnly 1")
        found = self.wait_for(r"ptp4l is (-?[0-9.]+) ([nu]s|ms) from its master, ([0-9.]+) ([nu]s|ms) away, "
                              r"1 steps? from the grandmaster")
        unit = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3}
        # One kernel, one clock: what is left is the noise of software stamps.
        self.assertLess(abs(float(found[1]) * unit[found[2]]), 0.01)
        delay = float(found[3]) * unit[found[4]]
        self.assertGreater(delay, 0)
        self.assertLess(delay, 0.01)
        slave.send_signal(signal.SIGKILL)
        for pid in subprocess.run(["ip", "netns", "pids", SLAVE], capture_output=True, text=True,
                                  check=True).stdout.split():
            os.kill(int(pid), signal.SIGKILL)
        time.sleep(0.5)
        self.assertNotIn("ptp4l is", self.doctor())

    @staticmethod
    def has_client_only() -> bool:
        version = subprocess.run(["ptp4l", "-v"], capture_output=True, text=True, check=True).stdout
        return int(version.split(".")[0]) >= 4


if __name__ == "__main__":
    if os.geteuid() != 0:
        print("wants root, for namespaces")
        sys.exit(77)
    unittest.main()
