# SPDX-License-Identifier: Apache-2.0
"""The lab in network namespaces: site, emulator, upstreams, regions.

                    emulator                      .-- africa
    site --- path --- || --- path's upstream ----+--- europe      (for each path)
    BIRD or FRR     delays       BIRD             '-- middle-east

Every interface is made inside its namespace, so only the namespaces' names must be unique; they
carry the lab's id. Nothing leaves these namespaces.
"""

import contextlib
import ipaddress
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path as File

import routers
import site_router
from scenario import Path, Region, Scenario

STATE = File("/run/strait-lab")
LONGEST_LIFE = 1800  # seconds; no process of a lab lives longer, whatever happens
REFLECTOR_PORT = 862


class LabError(Exception):
    """The lab could not be built, or did not do what was asked."""


def run(*command: str, text: str | None = None, check: bool = True) -> str:
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    if check and done.returncode != 0:
        raise LabError(f"{' '.join(command)}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def wait_for(what: str, seconds: float, probe, every: float = 0.05):
    """The first true value of probe(); a LabError that says what was not seen."""
    end = time.monotonic() + seconds
    while True:
        value = probe()
        if value:
            return value
        if time.monotonic() > end:
            raise LabError(f"not seen within {seconds:g} s: {what}")
        time.sleep(every)


def remove(lab_id: str) -> None:
    """Ends every process in the lab's namespaces, and removes them. Safe to repeat."""
    prefix = f"sl{lab_id}-"
    names = [line.split()[0] for line in run("ip", "netns", "list").splitlines() if line]
    mine = [name for name in names if name.startswith(prefix)]
    for name in mine:
        for pid in run("ip", "netns", "pids", name, check=False).split():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
    for name in mine:
        run("ip", "netns", "del", name, check=False)
    state = STATE / lab_id
    if state.exists():
        directory = json.loads(state.read_text())["temporary"]
        if directory:
            shutil.rmtree(directory, ignore_errors=True)
        state.unlink(missing_ok=True)


def guard(lab_id: str) -> subprocess.Popen:
    """Removes the lab as soon as its standard input is closed: on a word, or because its owner is gone."""
    code = ("import sys; sys.path.insert(0, sys.argv[1]); import topology; "
            "sys.stdin.read(); topology.remove(sys.argv[2])")
    return subprocess.Popen([sys.executable, "-B", "-c", code, str(File(__file__).parent), lab_id],
                            stdin=subprocess.PIPE, start_new_session=True)


def ask(control: File, line: str) -> list[str]:
    """A command for the emulator behind this socket; its answer."""
    with socket.socket(socket.AF_UNIX) as wire:
        wire.settimeout(5)
        wire.connect(str(control))
        wire.sendall(line.encode() + b"\n")
        text = ""
        while True:
            lines = text.splitlines()
            if text.endswith("\n") and (lines[-1] == "ok" or lines[-1].startswith("error ")):
                break
            got = wire.recv(65536)
            if not got:
                raise LabError(f"emulator: '{line}': connection lost")
            text += got.decode()
    if lines[-1] != "ok":
        raise LabError(f"emulator: '{line}': {lines[-1]}")
    return lines[:-1]


def is_running(pid: int, started: str) -> bool:
    return process_start(pid) == started


def process_start(pid: int) -> str:
    """Tells a process from a later one with the same number."""
    try:
        return File(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except FileNotFoundError:
        return ""


def remove_orphans() -> list[str]:
    """Removes the labs whose owner is gone; their ids."""
    orphans = []
    for file in STATE.glob("*"):
        owner = json.loads(file.read_text())
        if owner["pid"] and not is_running(owner["pid"], owner["started"]):
            remove(file.name)
            orphans.append(file.name)
    return orphans


def strait_reflector(strait: File) -> list[str]:
    """Answers everybody, as fast as they ask: the lab is cut off from the world."""
    return [str(strait), "reflect", "{address}", "--port", "{port}", "--open", "--source-rate", "0/s",
            "--total-rate", "0/s", "--twamp"]


class Lab:
    """A running lab. `with Lab(...) as lab:` removes it on every exit; a guard process does so even
    when the owner is killed."""

    def __init__(self, scenario: Scenario, *, pathemu: File, reflector: list[str],
                 directory: File | None = None, lab_id: str | None = None, owned: bool = True,
                 site: "site_router.SiteRouter | None" = None):
        self.scenario = scenario
        self.pathemu = pathemu
        self.reflector = reflector  # a command; {address} and {port} are filled in
        self.id = lab_id or f"{os.getpid():x}"
        self.directory = directory or File(f"/tmp/strait-lab-{self.id}")
        self.owned = owned
        self.site = site or site_router.make("bird")
        self._guard: subprocess.Popen | None = None
        self._started: list[subprocess.Popen] = []
        self._keep_directory = directory is not None

    # --- life ---

    def __enter__(self) -> "Lab":
        try:
            self.up()
        except BaseException:
            self.down()
            raise
        return self

    def __exit__(self, *_) -> None:
        self.down()

    def up(self) -> None:
        if os.geteuid() != 0:
            raise LabError("the lab needs root: it makes network namespaces")
        STATE.mkdir(exist_ok=True)
        remove_orphans()
        if any(True for name in run("ip", "netns", "list").split() if name.startswith(f"sl{self.id}-")):
            raise LabError(f"lab '{self.id}' is there already; `lab down --id {self.id}` removes it")
        pid = os.getpid() if self.owned else 0
        (STATE / self.id).write_text(json.dumps({
            "pid": pid, "started": process_start(pid),
            "temporary": None if self._keep_directory else str(self.directory)}))
        if self.owned:
            self._guard = guard(self.id)
        self.directory.mkdir(parents=True, exist_ok=True)
        self._build()
        self._start_emulator()
        self._start_routers()
        self._start_reflectors()
        self.wait_for_routes()

    def down(self) -> None:
        if self._guard:
            self._guard.stdin.close()  # the guard's signal to clean up
            self._guard.wait()
            self._guard = None
        remove(self.id)
        for process in self._started:
            process.wait()
        self._started.clear()

    # --- names ---

    def ns(self, name: str) -> str:
        """The namespace of "site", "emulator", a path's upstream or a region."""
        return f"sl{self.id}-{name}"

    @property
    def strait_conf(self) -> File:
        return self.directory / "strait.conf"

    @property
    def bird_control(self) -> File:
        return self.directory / "bird-site.ctl"

    # --- doing things in it ---

    def command(self, name: str, *command: str) -> list[str]:
        return ["ip", "netns", "exec", self.ns(name), *command]

    def exec(self, name: str, *command: str, check: bool = True, text: str | None = None) -> str:
        return run(*self.command(name, *command), check=check, text=text)

    def start(self, name: str, *command: str, log: str) -> subprocess.Popen:
        """A process of the lab; ends with the lab."""
        with open(self.directory / log, "ab") as file:
            process = subprocess.Popen(
                self.command(name, "timeout", "-s", "KILL", str(LONGEST_LIFE), *command),
                stdin=subprocess.DEVNULL, stdout=file, stderr=file, start_new_session=True)
        self._started.append(process)
        return process

    def birdc(self, *words: str, router: str = "site") -> str:
        return run("birdc", "-s", str(self.directory / f"bird-{router}.ctl"), *words)

    def ask_frr(self, folder: File, question: str) -> str:
        """What FRR says by vtysh; nothing while it does not answer."""
        return run("vtysh", "--vty_socket", str(folder), "-c", question, check=False)

    def best(self, prefix: str) -> str | None:
        """The path of the best route to a prefix, by the site's router's own word."""
        return self.site.best(prefix)

    def ask(self, line: str) -> list[str]:
        """A command for the emulator; its answer."""
        return ask(self.directory / "emu.ctl", line)

    def cut(self, path: str, hard: bool = False) -> None:
        self.ask(f"cut {path} hard" if hard else f"cut {path}")

    def repair(self, path: str) -> None:
        self.ask(f"repair {path}")

    def applied(self, path: str, region: str, seconds: float, family: int = 4) -> tuple[int, float]:
        """(packets, median round-trip delay in ns) that the emulator really applied of late."""
        prefix = next(within for within in self.scenario.region(region).within
                      if ipaddress.ip_network(within).version == family)
        medians = []
        count = 0
        for direction in ("out", "back"):
            answer = self.ask(f"truth {path} {direction} {prefix} {round(seconds * 1000)}ms")[0]
            values = dict(word.split("=") for word in answer.split())
            count = int(values["n"])
            if count == 0:
                return 0, 0.0
            medians.append(int(values["p50_ns"]))
        return count, float(sum(medians))

    def dump_rib(self) -> File:
        """The site's RIB, all candidates of both families, as MRT. BIRD appends to a file that is
        there, so each dump gets a new one."""
        new = self.directory / "rib.new"
        new.unlink(missing_ok=True)
        self.birdc("mrt", "dump", "table", '"master*"', "to", f'"{new}"')
        wait_for("the RIB dump", 5, new.exists)
        return new.rename(self.directory / "rib.mrt")

    # --- building ---

    def _build(self) -> None:
        scenario = self.scenario
        names = ["site", "emulator", *(p.name for p in scenario.paths), *(r.name for r in scenario.regions)]
        for name in names:
            run("ip", "netns", "add", self.ns(name))
            self._set_kernel(name)
            self._batch(name, "link set lo up")
        for path in scenario.paths:
            self._build_path(path)
            for region in scenario.regions:
                self._build_transit(path, region)
        for region in scenario.regions:
            self._batch(region.name, f"addr add {region.target_v4}/32 dev lo",
                        f"addr add {region.target_v6}/128 dev lo nodad",
                        *(f"route add local {within} dev lo" for within in region.within))

    def _set_kernel(self, name: str) -> None:
        forwards = int(name not in ("site", "emulator"))
        settings = ["net.ipv4.conf.all.rp_filter=0", "net.ipv4.conf.default.rp_filter=0",
                    "net.ipv6.conf.default.accept_dad=0", "net.ipv6.conf.default.accept_ra=0",
                    "net.ipv4.icmp_ratelimit=0", "net.ipv6.icmp.ratelimit=0",
                    "net.ipv4.ping_group_range=0 2147483647",
                    f"net.ipv4.ip_forward={forwards}", f"net.ipv6.conf.all.forwarding={forwards}"]
        if name == "emulator":  # its kernel stays out of what passes
            settings.append("net.ipv6.conf.default.disable_ipv6=1")
        self.exec(name, "sysctl", "-q", "-w", *settings)

    def _batch(self, name: str, *lines: str) -> None:
        run("ip", "-n", self.ns(name), "-batch", "-", text="\n".join(lines) + "\n")

    def _build_path(self, path: Path) -> None:
        near, far = f"n-{path.number}", f"f-{path.number}"
        self._batch("site", f"link add {path.name} type veth peer name {near} netns {self.ns('emulator')}")
        self._batch(path.name, f"link add site type veth peer name {far} netns {self.ns('emulator')}")
        self._batch("emulator", f"link set {near} up", f"link set {far} up")
        # Raw forwarding must not meet checksums that the kernel left to a device.
        self.exec("site", "ethtool", "-K", path.name, "tx", "off")
        self.exec(path.name, "ethtool", "-K", "site", "tx", "off")
        self._batch(path.name, "link set site up", f"addr add {path.upstream_v4}/24 dev site",
                    f"addr add {path.upstream_v6}/64 dev site nodad")
        pins = [f"{family} rule add {word} lookup {path.table} pref {path.table}"
                for family, words in (("-4", (f"from {path.site_v4}", f"fwmark {path.table}", f"oif {path.name}")),
                                      ("-6", (f"from {path.site_v6}", f"fwmark {path.table}", f"oif {path.name}")))
                for word in words]
        self._batch("site", f"link set {path.name} up", f"addr add {path.site_v4}/24 dev {path.name}",
                    f"addr add {path.site_v6}/64 dev {path.name} nodad",
                    f"route add {path.link_v4} dev {path.name} table {path.table}",
                    f"route add {path.link_v6} dev {path.name} table {path.table}",
                    f"route add default via {path.upstream_v4} dev {path.name} table {path.table}",
                    f"route add default via {path.upstream_v6} dev {path.name} table {path.table}")
        for pin in pins:
            family, _, rule = pin.partition(" ")
            run("ip", family, "-n", self.ns("site"), *rule.split())

    def _build_transit(self, path: Path, region: Region) -> None:
        """Behind the upstream; the way back to a probe's source is the way it came."""
        v4, v6 = f"100.65.{path.number}.{region.number * 4}", f"fd00:65:{path.number}:{region.number}::"
        near4, far4 = str(ipaddress.ip_address(v4) + 1), str(ipaddress.ip_address(v4) + 2)
        self._batch(path.name, f"link add {region.name} type veth peer name {path.name} netns {self.ns(region.name)}",
                    f"link set {region.name} up", f"addr add {near4}/30 dev {region.name}",
                    f"addr add {v6}1/64 dev {region.name} nodad")
        self._batch(region.name, f"link set {path.name} up", f"addr add {far4}/30 dev {path.name}",
                    f"addr add {v6}2/64 dev {path.name} nodad",
                    f"route add {path.link_v4} via {near4}", f"route add {path.link_v6} via {v6}1")
        self._batch(path.name, *(f"route add {within} via {far4 if '.' in within else v6 + '2'}"
                                 for within in region.within))

    def _start_emulator(self) -> None:
        lines = [f"path {path.name} n-{path.number} f-{path.number}" for path in self.scenario.paths]
        for path in self.scenario.paths:
            for region in self.scenario.regions:
                for within in region.within:
                    lines.append(f"set {path.name} both {within} delay={path.reach[region.name].one_way_ns}ns "
                                 f"jitter={path.jitter} shape={path.shape}")
        start = self.directory / "emu.start"
        start.write_text("\n".join(lines) + "\n")
        # It sleeps until the next packet is due, so real-time priority cannot starve anybody.
        self.start("emulator", "chrt", "-f", "10", str(self.pathemu), str(start),
                   "--control", str(self.directory / "emu.ctl"),
                   "--log", str(self.directory / "applied.csv"), log="emulator.log")
        self._wait_for_file("emu.ctl", "emulator.log")

    def _start_routers(self) -> None:
        if not self.strait_conf.exists() and self.site.name == "bird":
            self.strait_conf.write_text(routers.EMPTY_PLAN)
        for path in self.scenario.paths:
            self.start_bird(path.name, routers.upstream_router(self.scenario, path, self.directory))
        self.site.start(self)

    def start_bird(self, name: str, config: str) -> None:
        stem = self.directory / f"bird-{name}"
        stem.with_suffix(".conf").write_text(config)
        self.start(name, "bird", "-f", "-c", f"{stem}.conf", "-s", f"{stem}.ctl", "-P", f"{stem}.pid",
                   log=f"bird-{name}.out")
        self._wait_for_file(f"bird-{name}.ctl", f"bird-{name}.out")

    def _start_reflectors(self) -> None:
        for region in self.scenario.regions:
            for family, address in (("4", region.target_v4), ("6", region.target_v6)):
                command = [word.format(address=address, port=REFLECTOR_PORT) for word in self.reflector]
                if command:
                    self.start(region.name, *command, log=f"reflector-{region.name}-{family}.log")

    def _wait_for_file(self, name: str, log: str) -> None:
        try:
            wait_for(name, 5, (self.directory / name).exists)
        except LabError as error:
            raise LabError(f"{error}; {log}: {(self.directory / log).read_text().strip()}") from None

    def wait_for_routes(self) -> None:
        """Until the site's router has all routes of all upstreams."""
        wanted = sum(len(region.prefixes) for region in self.scenario.regions)

        def complete() -> bool:
            return all(self.site.routes_from(path) == wanted for path in self.scenario.paths)

        wait_for(f"{wanted} routes from each upstream", 20, complete, every=0.2)
