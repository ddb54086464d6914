# SPDX-License-Identifier: Apache-2.0
"""One way to one far end, without routers, so that it is there at once; several run side by side.

    site ------------- || emulator || ----- far: targets
    home -- nat ------ ||          || ----- far

"site" reaches the far end over path "plain", "home" over path "nat", whose sources are masqueraded.
"""

import subprocess
import sys
from pathlib import Path as File

from topology import LONGEST_LIFE, LabError, ask, remove, run, wait_for

TARGETS = {4: "198.51.100.1", 6: "2001:db8:51::1"}
PREFIXES = {4: "198.51.100.0/24", 6: "2001:db8:51::/48"}
REFLECTOR_PORT = 862
STATEFUL_PORT = 8862
CLOSED_PORT = 8081  # TCP

MASQUERADE = """
table inet lab {
  chain out {
    type nat hook postrouting priority srcnat
    oifname "wan" masquerade
  }
}
"""

# namespace: (link to its left, link to its right). Addresses of a link n: .2 and ::2 at its left end, .1 and ::1 at
# its right; no kernel has .10 and ::10, which an engine that builds frames itself may have.
LINKS = {
    "plain": (("site", "va"), ("far", "plain"), 1),
    "nat": (("nat", "wan"), ("far", "masked"), 2),
}
HOME_LINK = 3
ADDRESSES = {4: "10.9.{link}.{host}", 6: "2001:db8:9:{link}::{host}"}
LENGTHS = {4: 24, 6: 64}
STARTS = {"plain": ("site", 1), "nat": ("home", HOME_LINK)}  # path: (where probes start, their link)


def address(link: int, host: int, family: int) -> str:
    return ADDRESSES[family].format(link=link, host=host)


class SmallLab:
    """`with SmallLab(...) as lab:`. `owner` is a part of the name of all its namespaces: remove(owner) ends all of one
    owner's labs."""

    def __init__(self, owner: str, number: int, room: File, strait: File, pathemu: File):
        self.id = f"{owner}-{number}"
        self.room = room / str(number)
        self.strait, self.pathemu = strait, pathemu
        self._started: list[subprocess.Popen] = []

    def __enter__(self) -> "SmallLab":
        try:
            self._build()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _build(self) -> None:
        self.room.mkdir()
        for name in ("site", "home", "nat", "emu", "far"):
            run("ip", "netns", "add", self.ns(name))
            forwards = int(name == "nat")
            self.exec(name, "sysctl", "-q", "-w", "net.ipv6.conf.default.accept_dad=0", "net.ipv4.conf.all.rp_filter=0",
                      "net.ipv4.conf.default.rp_filter=0", f"net.ipv6.conf.default.disable_ipv6={int(name == 'emu')}",
                      f"net.ipv4.ip_forward={forwards}", f"net.ipv6.conf.all.forwarding={forwards}",
                      "net.ipv4.icmp_ratelimit=0", "net.ipv4.icmp_msgs_per_sec=1000000")
            self.batch(name, "link set lo up")
        self._join()
        self._start_emulator()
        self._start_far_end()

    def __exit__(self, *_) -> None:
        remove(self.id)
        for process in self._started:
            process.wait()

    # --- names ---

    def ns(self, name: str) -> str:
        return f"sl{self.id}-{name}"

    # --- doing things in it ---

    def command(self, name: str, *words: str) -> list[str]:
        return ["ip", "netns", "exec", self.ns(name), "timeout", "-s", "KILL", "90", *words]

    def exec(self, name: str, *words: str) -> str:
        return run(*self.command(name, *words))

    def batch(self, name: str, *lines: str) -> None:
        run("ip", "-n", self.ns(name), "-batch", "-", text="\n".join(lines) + "\n")

    def start(self, name: str, *words: str, log: str) -> subprocess.Popen:
        with open(self.room / log, "wb") as file:
            process = subprocess.Popen(["ip", "netns", "exec", self.ns(name), "timeout", "-s", "KILL",
                                        str(LONGEST_LIFE), *words],
                                       stdin=subprocess.DEVNULL, stdout=file, stderr=file, start_new_session=True)
        self._started.append(process)
        return process

    def ask(self, line: str) -> list[str]:
        return ask(self.room / "emu.ctl", line)

    def set(self, path: str, direction: str, family: int, **values) -> None:
        self.ask(f"set {path} {direction} {PREFIXES[family]} " + " ".join(f"{key}={value}" for key, value in
                                                                           values.items()))

    def counts(self, path: str, direction: str, family: int) -> dict[str, int]:
        """Of a direction, since the start: received, sent, lost, blackholed, duplicated, overtaken."""
        for line in self.ask("stats"):
            words = line.split()
            if words[:4] == ["lane", path, direction, PREFIXES[family]]:
                return {key: int(value) for key, value in (word.split("=") for word in words[4:])}
        return dict.fromkeys(("received", "sent", "lost", "blackholed", "duplicated", "overtaken"), 0)

    def applied_ns(self, path: str, direction: str, family: int, seconds: float) -> int:
        """The median of what it really delayed, of late."""
        answer = self.ask(f"truth {path} {direction} {PREFIXES[family]} {round(seconds * 1000)}ms")[0]
        values = dict(word.split("=") for word in answer.split())
        if int(values["n"]) == 0:
            raise LabError(f"{path} {direction}: no packet within {seconds:.1f} s")
        return int(values["p50_ns"])

    # --- building ---

    def _join(self) -> None:
        for path, ((left, near), (right, far), link) in LINKS.items():
            self._veth(left, near, "emu", f"{path}-l")
            self._veth(right, far, "emu", f"{path}-r")
            self._address(left, near, link, 2)
            self._address(right, far, link, 1)
        self._veth("home", "va", "nat", "lan")
        self._address("home", "va", HOME_LINK, 2)
        self._address("nat", "lan", HOME_LINK, 1)
        for name, link in (("site", 1), ("nat", 2), ("home", HOME_LINK)):
            self.batch(name, *(f"route add default via {address(link, 1, family)}" for family in (4, 6)))
        self.batch("far", *(f"addr add {target} dev lo" for target in TARGETS.values()))
        run("ip", "netns", "exec", self.ns("nat"), "nft", "-f", "-", text=MASQUERADE)

    def _veth(self, left: str, near: str, right: str, far: str) -> None:
        self.batch(left, f"link add {near} type veth peer name {far} netns {self.ns(right)}", f"link set {near} up")
        self.batch(right, f"link set {far} up")
        # A frame that an engine receives must have its checksum.
        for name, interface in ((left, near), (right, far)):
            self.exec(name, "ethtool", "-K", interface, "tx", "off")

    def _address(self, name: str, interface: str, link: int, host: int) -> None:
        self.batch(name, *(f"addr add {address(link, host, family)}/{LENGTHS[family]} dev {interface}"
                           for family in (4, 6)))

    def _start_emulator(self) -> None:
        start = self.room / "emu.start"
        start.write_text("".join(f"path {path} {path}-l {path}-r\n" for path in LINKS))
        self.start("emu", "nice", "-n", "-15", str(self.pathemu), str(start), "--control", str(self.room / "emu.ctl"),
                   log="emu.log")
        self._wait("the emulator", (self.room / "emu.ctl").exists, "emu.log")

    def _start_far_end(self) -> None:
        reflect = [str(self.strait), "reflect", *TARGETS.values(), "--open", "--source-rate", "0/s", "--total-rate",
                   "0/s", "--own-clock-error", "50us"]
        self.start("far", *reflect, "--port", str(REFLECTOR_PORT), "--twamp", log="reflector.log")
        self.start("far", *reflect, "--port", str(STATEFUL_PORT), "--stateful", log="stateful.log")
        script = File(__file__).resolve().parent / "far_ends.py"
        self.far_ends = self.start("far", "nice", "-n", "-10", sys.executable, str(script), *TARGETS.values(), log="far_ends.log")
        for log, word in (("reflector.log", "reflecting on"), ("stateful.log", "reflecting on"), ("far_ends.log", "ready")):
            self._wait(log, lambda: word in (self.room / log).read_text(), log)

    def _wait(self, what: str, probe, log: str) -> None:
        try:
            wait_for(what, 10, probe)
        except LabError as error:
            raise LabError(f"{error}; it said: {(self.room / log).read_text().strip()}") from None
