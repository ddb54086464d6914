#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Two network namespaces, a router's and its upstreams', and the daemons in them: what the tests beside real routers
share."""

import os
import shutil
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

PATH = os.environ.get("PATH", "") + ":/usr/sbin"
BGPD = "/usr/lib/frr/bgpd"  # OpenBGPD has one too


def run(*words: str, check: bool = True) -> str:
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=300, env={**os.environ, "PATH": PATH})
    if check and done.returncode != 0:
        raise AssertionError(f"{' '.join(words)}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def missing(*programs: str) -> list[str]:
    return [name for name in programs if not shutil.which(name, path=PATH)]


class RouterLab(unittest.TestCase):
    """A router at 10.255.1.1 and fd00:255:1::1, and more addresses of `routers`, each in a folder of its own; upstreams at
    those of `upstreams`."""
    routers: tuple[int, ...] = (1,)
    upstreams: tuple[int, ...] = (2, 3)

    def setUp(self):
        self.router, self.outside = (f"strait-rl-{side}-{os.getpid()}" for side in ("r", "u"))
        self.processes: dict[str, subprocess.Popen] = {}
        self.addCleanup(self.clean)
        self.directory = Path(tempfile.mkdtemp(prefix="strait-rl"))
        os.chmod(self.directory, 0o777)
        for name in (self.router, self.outside):
            run("ip", "netns", "add", name)
            run("ip", "-n", name, "link", "set", "lo", "up")
        run("ip", "-n", self.router, "link", "add", "v", "type", "veth", "peer", "name", "v", "netns", self.outside)
        for name, lasts in ((self.router, self.routers), (self.outside, self.upstreams)):
            for last in lasts:
                run("ip", "-n", name, "address", "add", f"10.255.1.{last}/24", "dev", "v")
                run("ip", "-n", name, "address", "add", f"fd00:255:1::{last}/64", "dev", "v", "nodad")
            run("ip", "-n", name, "link", "set", "v", "up")

    def clean(self):
        for name in list(self.processes):
            self.stop(name)
        for name in (self.router, self.outside):
            pids = subprocess.run(["ip", "netns", "pids", name], check=False, capture_output=True, text=True).stdout
            subprocess.run(["xargs", "-r", "kill", "-9"], input=pids, check=False, text=True, capture_output=True)
            subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)
        shutil.rmtree(self.directory, ignore_errors=True)

    def inside(self, *words: str, check: bool = True) -> str:
        """What a program prints beside the router."""
        return run("ip", "netns", "exec", self.router, *words, check=check)

    def start(self, name: str, namespace: str, *words: str, **environment: str):
        with open(self.directory / f"{name}.log", "a", encoding="utf-8") as log:
            # `ip netns exec` becomes the program itself.
            self.processes[name] = subprocess.Popen(["ip", "netns", "exec", namespace, *words], stdout=log,
                                                    stderr=subprocess.STDOUT, env={**os.environ, "PATH": PATH, **environment})

    def stop(self, name: str):
        process = self.processes.pop(name)
        process.kill()
        process.wait()

    def wait_for(self, what: str, seconds: float, probe):
        end = time.monotonic() + seconds
        while not (value := probe()):
            if time.monotonic() > end:
                logs = "\n".join(f"{log.name}: {log.read_text(errors='replace')[-1500:]}"
                                 for log in self.directory.glob("*.log"))
                raise AssertionError(f"not seen within {seconds:g} s: {what}\n{logs}")
            time.sleep(0.2)
        return value

    def start_frr(self, folder: Path, *words: str):
        """FRR's bgpd with folder/bgpd.conf, without a zebra."""
        for file in folder.iterdir():
            shutil.chown(file, "frr", "frr")
        shutil.chown(folder, "frr", "frr")
        self.start("bgpd", self.router, BGPD, "-u", "frr", "-g", "frr", "--vty_socket", str(folder), "-i", f"{folder}/bgpd.pid",
                   "-f", f"{folder}/bgpd.conf", "-Z", "-S", *words)
