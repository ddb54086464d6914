# SPDX-License-Identifier: Apache-2.0
"""`strait run` between clocks that disagree, and what `strait analyze --one-way` makes of it."""

import json
import signal
import subprocess
import time
from collections.abc import Callable

from cells import STRAIT, Cell
from far_ends import SET_NS
from small_lab import TARGETS, address
from topology import LabError, run

DRIFT = 50e-6
SLOWER_NS = 10_000_000

CONFIG = """
[probe]
engine = "{engine}"
interval = "5ms"
timeout = "400ms"
window = "500ms"
pin_check = "off"
mtu_check = false
[exporters]
listen = []
store = "{store}"
[[path]]
name = "plain"
upstream_asn = 64501
neighbor_{v} = "{next_hop}"
protocol = "up"
source_{v} = "{source}"
{device}
[[target]]
name = "far"
address = "{target}"
port = {port}
protocol = "stamp"
"""


class Service:
    """`strait run` in a cell, probing the far end on `port`."""

    def __init__(self, cell: Cell, port: int):
        self.cell = cell
        self.room = cell.lab.room / f"run-{time.monotonic_ns()}"
        self.room.mkdir()
        self.store = self.room / "strait.db"
        host = 2 if cell.engine == "socket" else 10
        next_hop = address(1, 1, cell.family)
        device = f'device = "net_af_packet0,iface=va"\nnext_hop_v{cell.family} = "{next_hop}"'
        config = self.room / "strait.toml"
        config.write_text(CONFIG.format(
            engine=cell.engine, store=self.store, v=f"v{cell.family}", next_hop=next_hop, port=port,
            source=address(1, host, cell.family), device=device if cell.engine == "dpdk" else "",
            target=TARGETS[cell.family]))
        self.process = cell.lab.start("site", str(STRAIT), "run", "-c", str(config), log=f"{self.room.name}.log")

    def __enter__(self) -> "Service":
        return self

    def __exit__(self, *_) -> None:
        # What was started is `timeout`, which hands it on.
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(20)

    def wait_for(self, what: str, seen: Callable[[dict], bool], seconds: float = 30) -> dict:
        """The first change of the session that is as wanted."""
        end, change = time.monotonic() + seconds, None
        while time.monotonic() < end:
            done = subprocess.run([str(STRAIT), "analyze", "--store", str(self.store), "--one-way", "--json"],
                                  capture_output=True, text=True, check=False)
            if done.returncode == 0 and done.stdout:
                change = json.loads(done.stdout)
                if change["shift"] != "too-few" and seen(change):
                    return change
            time.sleep(0.25)
        log = (self.cell.lab.room / f"{self.room.name}.log").read_text().strip()
        raise LabError(f"not seen within {seconds:g} s: {what}; last: {change}; the service said: {log}")


def follow(cell: Cell, port: int) -> None:
    """An hour off and drifting by 50 ppm; then the way there is 10 ms slower; then the far clock is set."""
    with Service(cell, port) as service:
        calm = service.wait_for("a reference", lambda change: change["reference"] >= 12)
        cell.test.assertEqual(calm["shift"], "unchanged", calm)
        cell.test.assertAlmostEqual(calm["drift"], DRIFT, delta=30e-6)
        cell.set("out", delay="18ms")
        moved = service.wait_for("a slower way there", lambda change: change["shift"] == "changed" and
                                 change["forward_ns"] > SLOWER_NS // 2)
        slack = max(moved["error_ns"], 300_000)
        cell.test.assertAlmostEqual(moved["forward_ns"], SLOWER_NS, delta=slack)
        cell.test.assertAlmostEqual(moved["reverse_ns"], 0, delta=slack)
        cell.set("out", delay="8ms")
        service.wait_for("the old delay", lambda change: change["shift"] == "unchanged")
        run("pkill", "-USR1", "-P", str(cell.lab.far_ends.pid), check=False)
        stepped = service.wait_for(f"a clock that was set by {SET_NS} ns", lambda change: change["steps"] == 1)
        cell.test.assertNotEqual(stepped["shift"], "changed", stepped)
