# SPDX-License-Identifier: Apache-2.0
"""`strait run` in the lab: its configuration, its life, and what it says of itself."""

import contextlib
import datetime
import json
import math
import re
import signal
import sqlite3
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path as File

from scenario import ROOT, Path
from topology import REFLECTOR_PORT, Lab, LabError, wait_for

PORT = 11650
OUTCOMES = "outcomes.jsonl"
SAMPLE = re.compile(r"^(?P<name>[a-zA-Z_:][\w:]*)(?:\{(?P<labels>.*)\})? (?P<value>\S+)$")
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


def since_1970_ns(text: str) -> int:
    """Of an RFC 3339 time with any number of digits, UTC."""
    whole, _, digits = text.removesuffix("Z").partition(".")
    moment = datetime.datetime.fromisoformat(whole).replace(tzinfo=datetime.timezone.utc)
    return int(moment.timestamp()) * 10**9 + int(digits.ljust(9, "0"))


@dataclass(frozen=True)
class Pace:
    """How fast the service probes and decides. These are for tests and the demo: a real service
    takes minutes where these take seconds."""

    interval: str = "20ms"
    timeout_ms: int = 1000  # a machine that stalls must not look like a lossy path
    window_s: int = 2
    span_windows: int = 3
    pair_windows: int = 7  # at least 6 make an interval
    repeat: int = 2
    hold_down_s: int = 20
    expiry_s: int = 120


@dataclass
class Metrics:
    """One scrape."""

    samples: list[tuple[str, dict[str, str], float]] = field(default_factory=list)

    @staticmethod
    def parse(text: str) -> "Metrics":
        samples = []
        for line in text.splitlines():
            match = SAMPLE.match(line)
            if match:
                labels = dict(LABEL.findall(match["labels"] or ""))
                samples.append((match["name"], labels, float(match["value"])))
        return Metrics(samples)

    def all(self, name: str, **labels: str) -> list[tuple[dict[str, str], float]]:
        return [(found, value) for metric, found, value in self.samples
                if metric == name and labels.items() <= found.items()]

    def one(self, name: str, **labels: str) -> float | None:
        found = self.all(name, **labels)
        return found[0][1] if found else None

    def quantile_ms(self, path: str, region: str, quantile: float) -> float | None:
        """Of the newest window."""
        for labels, value in self.all("strait_rtt_window_seconds", path=path, region=region):
            if "quantile" in labels and float(labels["quantile"]) == quantile:
                return value * 1000
        return None

    def advice(self) -> dict[str, tuple[str, str | None]]:
        """Class -> (ruling, path; None where plain BGP decides)."""
        return {labels["class"]: (labels["ruling"], labels.get("path") or None)
                for labels, value in self.all("strait_recommendation_info") if value == 1}


def path_lines(path: Path, engine: str) -> list[str]:
    lines = ["", "[[path]]", f'name = "{path.name}"', f"segments = {json.dumps(path.segments)}",
             f"upstream_asn = {path.upstream_asn}", f'neighbor_v4 = "{path.upstream_v4}"',
             f'protocol = "{path.protocol}"']
    if engine == "dpdk":
        lines += [f'device = "net_af_packet{path.number},iface={path.name}"',
                  f'source_v4 = "{path.bypass_v4}"', f'next_hop_v4 = "{path.upstream_v4}"']
    else:
        lines += [f'device = "{path.name}"', f'source_v4 = "{path.site_v4}"',
                  f'source_v6 = "{path.site_v6}"', f"mark = {path.table}"]
    return lines


def measured_families(engine: str) -> tuple[int, ...]:
    """What has no target is left to plain BGP. The DPDK engine has no IPv6 yet."""
    return (4,) if engine == "dpdk" else (4, 6)


def configuration(lab: Lab, engine: str, pace: Pace, outcomes: bool, mode: str = "automatic") -> str:
    """The strait.toml of a lab."""
    scenario, directory = lab.scenario, lab.directory
    lines = ["# Written by the lab.", "[site]", f'name = "{scenario.site}"', f"asn = {scenario.asn}",
             f'place = "{scenario.place}"', f'data = "{ROOT}/data"']
    for path in scenario.paths:
        lines += path_lines(path, engine)
    for region in scenario.regions:
        lines += ["", "[[region]]", f'name = "{region.name}"', f"prefixes = {json.dumps(region.within)}"]
        for version in measured_families(engine):
            address = region.target_v4 if version == 4 else region.target_v6
            lines += ["", "[[target]]", f'name = "{region.place}{"" if version == 4 else "-v6"}"',
                      f'region = "{region.name}"', f'place = "{region.place}"', f'address = "{address}"',
                      f"port = {REFLECTOR_PORT}", 'protocol = "stamp"']
    lines += ["", "[probe]", f'engine = "{engine}"', f'interval = "{pace.interval}"',
              f'timeout = "{pace.timeout_ms}ms"', f'window = "{pace.window_s}s"']
    lines += ["", "[analyzer]", f"span_windows = {pace.span_windows}", f"pair_windows = {pace.pair_windows}",
              f"repeat = {pace.repeat}", f'hold_down = "{pace.hold_down_s}s"',
              f'plan_expiry = "{pace.expiry_s}s"']
    lines += ["", "[routes]", f'rib = "{lab.site.rib()}"',
              'accept = ["bogon-prefix", "bogon-asn", "private-asn"]', f'mode = "{mode}"', "", *lab.site.tables()]
    lines += ["", "[exporters]", f'listen = ["127.0.0.1:{PORT}"]', f'store = "{directory}/strait.db"']
    if outcomes:
        lines += [f'outcomes = "{directory}/{OUTCOMES}"']
    return "\n".join(lines) + "\n"


class Service:
    """`strait run` in the site's namespace."""

    def __init__(self, lab: Lab, strait: File, engine: str, pace: Pace = Pace(), outcomes: bool = False,
                 mode: str = "automatic"):
        self.lab = lab
        self.strait = strait
        self.engine = engine
        self.pace = pace
        self.outcomes = outcomes
        self.mode = mode
        self.process: subprocess.Popen | None = None
        self.file = lab.directory / "strait.toml"
        self.log = lab.directory / "strait.log"

    def __enter__(self) -> "Service":
        self.file.write_text(configuration(self.lab, self.engine, self.pace, self.outcomes, self.mode))
        self.start()
        return self

    def __exit__(self, *_) -> None:
        self.kill()

    def start(self) -> None:
        # No shell, no wrapper that forks: the process is the service, so that it can be killed.
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                self.lab.command("site", str(self.strait), "run", "-c", str(self.file)),
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)

    def kill(self) -> None:
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None

    def stop(self, seconds: float = 2) -> tuple[int, float]:
        """SIGTERM; (exit status, how long it took)."""
        begin = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise LabError(f"strait run did not end within {seconds:g} s of SIGTERM") from None
        self.process = None
        return status, time.monotonic() - begin

    def last_words(self, lines: int = 15) -> str:
        with contextlib.suppress(FileNotFoundError):
            return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])
        return ""

    def get(self, page: str, port: int = PORT) -> str | None:
        """A page, or nothing while nobody answers."""
        if self.process and self.process.poll() is not None:
            raise LabError(f"strait run ended with status {self.process.returncode}:\n{self.last_words()}")
        done = subprocess.run(
            self.lab.command("site", "curl", "-sfg", "--max-time", "3", f"http://127.0.0.1:{port}{page}"),
            capture_output=True, text=True, check=False)
        return done.stdout if done.returncode == 0 else None

    def metrics(self) -> Metrics:
        return Metrics.parse(self.get("/metrics") or "")

    def wait_ready(self, seconds: float = 15) -> None:
        wait_for("the service ready", seconds, lambda: self.get("/-/ready"), every=0.2)
        self.ready_at = time.time()

    def round_trips_ms(self, path: str, targets: set[str], begin_ns: int, end_ns: int) -> list[float]:
        """Of the probes that left in [begin, end), in order; a lost one is infinite, what is kept apart is left
        out. Needs `outcomes`."""
        found = []
        with open(self.lab.directory / OUTCOMES, encoding="utf-8") as lines:
            for line in lines:
                if not line.endswith("\n"):
                    break  # being written
                outcome = json.loads(line)
                if outcome["path"] != path or outcome["target"] not in targets:
                    continue
                if outcome["kept_apart"]:
                    continue
                if outcome["fate"] in ("received", "lost") and begin_ns <= since_1970_ns(outcome["sent"]) < end_ns:
                    found.append(outcome["rtt_ns"] / 1e6 if outcome["rtt_ns"] is not None else math.inf)
        return sorted(found)

    def store(self) -> sqlite3.Connection:
        """The store, for reading beside the service. The caller closes it."""
        return sqlite3.connect(f"file:{self.lab.directory}/strait.db?mode=ro", uri=True, timeout=5)

    def verdicts(self) -> dict[str, dict]:
        """The newest stored verdict of each class, as the service wrote it down."""
        with contextlib.closing(self.store()) as store:
            rows = store.execute("SELECT class, verdict FROM verdicts ORDER BY at_ns").fetchall()
        return {name: json.loads(verdict) for name, verdict in rows}

    def deciding_verdicts(self, since_ns: int = 0) -> dict[str, dict]:
        """For each class the newest verdict that changed its path, if it was made since then."""
        with contextlib.closing(self.store()) as store:
            rows = store.execute("SELECT class, verdict FROM verdicts WHERE ruling = 'prefer' AND at_ns >= ? "
                                 "ORDER BY at_ns", (since_ns,)).fetchall()
        return {name: json.loads(verdict) for name, verdict in rows}

    def approve_what_waits(self) -> bool:
        """As a person would; whether anything was approved."""
        waits = re.match(r"([0-9a-f]{12}): ", self.words("routes", "pending"))
        if not waits:
            return False
        done = subprocess.run(
            self.lab.command("site", str(self.strait), "routes", "approve", "-c", str(self.file), waits[1]),
            capture_output=True, text=True, check=False)
        # By now something else may wait or be wanted, or the service is at work itself, and that is told; anything else is
        # an error.
        if "another apply is running" in done.stderr:
            return False
        if done.returncode not in (0, 1, 2):
            raise LabError(f"strait routes approve: {done.stdout}{done.stderr}")
        return done.returncode == 0

    def words(self, *command: str) -> str:
        """What a subcommand prints, with the service's configuration."""
        return self.lab.exec("site", str(self.strait), *command, "-c", str(self.file))
