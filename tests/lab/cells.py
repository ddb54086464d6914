# SPDX-License-Identifier: Apache-2.0
"""A table of tests in small labs: a row is a sentence, and each of its cells (engine, family) is a test.

The cells run side by side, WORKERS at a time, each worker with a lab of its own. `-k WORDS` picks some.
"""

import argparse
import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path as File

from small_lab import STARTS, TARGETS, SmallLab, address
from topology import LabError, guard, remove, wait_for

STRAIT = File(os.environ.get("STRAIT", "build/release/strait")).resolve()
PATHEMU = File(os.environ.get("PATHEMU", "build/release/pathemu")).resolve()
WORKERS = 3
TOLERANCE_NS = 300_000
OUT, BACK = 8_000_000, 5_000_000  # ns, where a row does not say otherwise
NEUTRAL = {"jitter": "0ns", "loss": 0, "dscp": "keep", "duplicate": 0, "reorder": 0}


class Cell:
    """One row by one engine over one family, in a worker's lab. What is not so raises AssertionError."""

    def __init__(self, lab: SmallLab, engine: str, family: int, path: str = "plain"):
        self.lab, self.engine, self.family, self.path = lab, engine, family, path
        self.test = unittest.TestCase()
        self.begun = time.monotonic()
        for path_name in STARTS:
            for direction, delay in (("out", OUT), ("back", BACK)):
                lab.set(path_name, direction, family, delay=f"{delay}ns", **NEUTRAL)

    # --- doing ---

    def set(self, direction: str, **values) -> None:
        self.lab.set(self.path, direction, self.family, **values)

    def probe_words(self, *words: str, count: int, interval: str) -> list[str]:
        where, link = STARTS[self.path]
        source = address(link, 2 if self.engine == "socket" else 10, self.family)
        pins = ["-I", "va", "--source", source]
        if self.engine == "dpdk":
            pins = ["--engine", "dpdk", "-I", "net_af_packet0,iface=va", "--source", source, "--next-hop",
                    address(link, 1, self.family)]
        if "stamp" in words or "twamp" in words:
            pins += ["--own-clock-error", "50us"]
        return self.lab.command(where, str(STRAIT), "probe", TARGETS[self.family], "--json", "-c", str(count), "-i",
                                interval, "--timeout", "400ms", *pins, *words)

    def run(self, *words: str, count: int = 100, interval: str = "5ms", status: int = 0,
            meanwhile: Callable[[subprocess.Popen], None] = lambda _: None) -> dict:
        """What `strait probe` reports; its standard error is in "said"."""
        self.begun = time.monotonic()
        process = subprocess.Popen(self.probe_words(*words, count=count, interval=interval), stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True)
        try:
            meanwhile(process)
        finally:
            out, said = process.communicate()
        self.test.assertEqual(process.returncode, status, said)
        return {**(json.loads(out.splitlines()[-1]) if out else {}), "said": said}

    def counts(self) -> dict[str, dict[str, int]]:
        return {direction: self.lab.counts(self.path, direction, self.family) for direction in ("out", "back")}

    def since(self, before: dict, key: str) -> tuple[int, int]:
        now = self.counts()
        return tuple(now[direction][key] - before[direction][key] for direction in ("out", "back"))

    def in_the_middle(self, *words: str, count: int, interval: str = "3ms", **values: dict) -> tuple[dict, dict]:
        """Probes with `out` and `back` set after the first packets, and reset before the last: what happens before a
        far end has proven anything, or to the last reply, is in nobody's count. The counts before, and the report."""
        before = self.counts()

        def meanwhile(process: subprocess.Popen) -> None:
            def sent(packets: int) -> None:
                wait_for(f"{packets} probes", 30, every=0.005, probe=lambda: process.poll() is not None or
                         self.since(before, "received")[0] >= packets)

            sent(20)
            for direction, settings in values.items():
                self.set(direction, **settings)
            sent(count * 9 // 10)
            for direction in values:
                self.set(direction, **NEUTRAL)

        return before, self.run(*words, count=count, interval=interval, meanwhile=meanwhile)

    # --- checking ---

    def applied(self, direction: str) -> int:
        return self.lab.applied_ns(self.path, direction, self.family, time.monotonic() - self.begun)

    def check_all_came(self, report: dict, count: int = 100) -> None:
        self.test.assertGreaterEqual(report["sent"], count * 3 // 4, report)
        self.test.assertEqual(report["received"], report["sent"], report)

    def check_near(self, what: str, told: int | None, applied: int) -> None:
        self.test.assertIsNotNone(told, what)
        self.test.assertLessEqual(abs(told - applied), TOLERANCE_NS,
                                  f"{what}: told {told / 1e6:.3f} ms, applied {applied / 1e6:.3f} ms")

    def check_median(self, report: dict, count: int = 100) -> None:
        self.check_all_came(report, count)
        self.check_near("round trip", report["rtt_ns"]["p50"], self.applied("out") + self.applied("back"))

    def check_no_one_way(self, report: dict) -> None:
        for direction in ("forward_ns", "reverse_ns"):
            self.test.assertEqual(report[direction]["count"], 0, report)

    def check_errors(self, report: dict, **wanted: int) -> None:
        self.test.assertEqual(report["errors"], {name.replace("_", "-"): count for name, count in wanted.items()})


@dataclass(frozen=True)
class Row:
    sentence: str
    check: Callable[[Cell], None]
    cells: tuple[tuple[str, int], ...]  # engine and address family
    path: str
    times: bool  # compares times: what another load on the machine disturbed is measured again


ROWS: list[Row] = []


SOCKET = (("socket", 4), ("socket", 6))
DPDK = (("dpdk", 4), ("dpdk", 6))


def row(sentence: str, *, cells=SOCKET + DPDK, path="plain", times=False):
    def add(check: Callable[[Cell], None]):
        ROWS.append(Row(sentence, check, cells, path, times))
        return check

    return add


def stolen_share() -> Callable[[], float]:
    """A function that tells which share of the processors' time the hypervisor gave to others since."""

    def ticks() -> list[int]:
        return [int(word) for word in File("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]

    begun = ticks()

    def since() -> float:
        spent = [now - then for now, then in zip(ticks(), begun)]
        return spent[7] / max(1, sum(spent))

    return since


class Labs:
    """One for each worker, made when it is first wanted."""

    def __init__(self):
        self.owner = f"p{os.getpid():x}"
        self.stack = contextlib.ExitStack()
        self.room = File(self.stack.enter_context(tempfile.TemporaryDirectory(prefix="strait-protocols-")))
        self.free: queue.SimpleQueue = queue.SimpleQueue()
        self.guard = guard(self.owner)
        self.stack.callback(remove, self.owner)
        for number in range(WORKERS):
            self.free.put(self.stack.enter_context(SmallLab(self.owner, number, self.room, STRAIT, PATHEMU)))

    def close(self) -> None:
        self.stack.close()
        self.guard.stdin.close()
        self.guard.wait()

    def run(self, cell: "CellTest") -> None:
        lab = self.free.get()
        try:
            cell.attempt(lab)
        finally:
            self.free.put(lab)


class CellTest(unittest.TestCase):
    def __init__(self, of: Row, engine: str, family: int):
        super().__init__("runTest")
        self.row, self.engine, self.family = of, engine, family
        self.future: Future | None = None

    def __str__(self) -> str:
        return f"{self.row.sentence} ({self.engine}, IPv{self.family})"

    def id(self) -> str:
        return str(self)

    def attempt(self, lab: SmallLab) -> None:
        """Devices without hardware stamps are as late as the machine that runs them: times that another load
        disturbed are taken again, twice at most, and every attempt is told. Counts are what they are."""
        for left in (2, 1, 0) if self.row.times else (0,):
            stolen = stolen_share()
            try:
                self.row.check(Cell(lab, self.engine, self.family, self.row.path))
                return
            except (AssertionError, LabError) as failure:
                if left == 0:
                    raise
                print(f"{self}: {100 * stolen():.1f} % of the time stolen: {failure}", file=sys.stderr)

    def runTest(self) -> None:
        self.future.result()


class Suite(unittest.TestSuite):
    def run(self, result, debug=False):
        labs = Labs()
        try:
            with ThreadPoolExecutor(WORKERS) as pool:
                for test in self:
                    test.future = pool.submit(labs.run, test)
                return super().run(result, debug)
        finally:
            labs.close()


def main() -> int:
    if os.geteuid() != 0:
        print("skipped: network namespaces need root")
        return 77
    parser = argparse.ArgumentParser()
    parser.add_argument("-k", metavar="WORDS", action="append", default=[], help="only tests with these words")
    wanted = parser.parse_args().k
    tests = [CellTest(of, engine, family) for of in ROWS for engine, family in of.cells]
    suite = Suite(test for test in tests if not wanted or any(words in str(test) for words in wanted))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    return 0 if unittest.TextTestRunner(verbosity=2).run(suite).wasSuccessful() else 1
