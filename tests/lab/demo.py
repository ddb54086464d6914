#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The story of one cable cut, told on a terminal while it really happens in the lab.

Every sentence is printed after the thing has been seen: in strait's metrics and store, in the
router's own output, and in the emulator's account of the delays that it applied."""

import argparse
import os
import signal
import sys
import time
from pathlib import Path as File

sys.dont_write_bytecode = True
sys.path.insert(0, str(File(__file__).resolve().parent))
import scenario as scenarios  # noqa: E402
import site_router  # noqa: E402
from service import Metrics, Pace, Service  # noqa: E402
from story import Moved, Story, median_tolerance_ms  # noqa: E402
from terminal import (Live, Stopwatch, accent, bad, bar, bold, columns, dim, good, heading, say,  # noqa: E402
                      seen)
from topology import Lab, LabError, strait_reflector  # noqa: E402

CUT = "atlas-offshore"


class Demo:
    def __init__(self, lab: Lab, service: Service):
        self.lab = lab
        self.service = service
        self.story = Story(lab, service)
        self.scenario = lab.scenario
        self.before: dict = {}

    # --- drawing ---

    def table(self, metrics: Metrics) -> list[str]:
        """Percentiles by region, the fastest first; a bar for p50."""
        shown = {(path.name, region.name): metrics.quantile_ms(path.name, region.name, 0.5)
                 for path in self.scenario.paths for region in self.scenario.regions}
        longest = max([value for value in shown.values() if value and value != float("inf")] or [1])
        width = max(10, columns() - 62)
        lines = []
        for region in self.scenario.regions:
            lines.append(bold(f"  to {region.name} ({region.place})"))
            rows = sorted(self.scenario.paths, key=lambda path: shown[path.name, region.name] or 1e9)
            for place, path in enumerate(rows):
                lines.append(self.row(metrics, path, region, longest, width, place == 0))
        return lines

    def row(self, metrics: Metrics, path, region, longest: float, width: int, first: bool) -> str:
        p50, p95 = (metrics.quantile_ms(path.name, region.name, q) for q in (0.5, 0.95))
        loss = metrics.one("strait_loss_ratio", path=path.name, region=region.name)
        if p50 is None or p50 == float("inf"):
            state = bad("no reply") if loss == 1 else dim("not known yet")
            return f"    {path.name:<15} {state}"
        tail = f"{p95:7.2f}" if p95 not in (None, float("inf")) else "      –"
        colour = good if first else accent
        text = f"    {path.name:<15} p50 {p50:6.2f} ms  p95 {tail} ms  loss {100 * (loss or 0):3.0f} %  "
        return text + colour(bar(p50, longest, width))

    def verdict_lines(self, since_ns: int = 0) -> None:
        """The verdicts that put things as they are; every window since has kept them."""
        for name, verdict in sorted(self.service.deciding_verdicts(since_ns).items()):
            path = verdict["path"] or "plain BGP"
            say(f"  {bold(f'{name:<12}')} {good(verdict['ruling'])} {bold(path)}")
            say(dim(f"     {verdict['reason']}"))

    def route_lines(self, before: dict, after: dict, all_of_them: bool = True) -> None:
        say(f"  {'prefix':<20} {'before':<16}   after")
        for region, prefixes in after.items():
            for prefix, path in prefixes.items():
                old = before[region][prefix]
                moved = old != path
                if not moved and not all_of_them:
                    continue
                text = f"  {prefix:<20} {old or '-':<16} {'→' if moved else ' '} {path or '-'}"
                say(good(text) if moved else dim(text))

    # --- chapters ---

    def floors(self) -> None:
        heading(1, f"Four ways out of {self.scenario.site.title()}, and how fast light is")
        metrics = self.service.metrics()
        for path in self.scenario.paths:
            floor = metrics.one("strait_path_floor_seconds", path=path.name)
            if floor is None or abs(floor * 1e9 - 2 * path.floor_ns) > 50_000:
                raise LabError(f"floor of {path.name}: strait says {floor} s, the catalogue {2 * path.floor_ns} ns")
            say(f"  {bold(f'{path.name:<15}')} AS{path.upstream_asn}  floor {floor * 1000:6.2f} ms  "
                f"{dim(' > '.join(path.segments))}")
        seen("each floor follows from the kilometres in data/, there and back, to the last segment's end")

    def measure(self) -> None:
        heading(2, "Timing packets: DPDK probes over each path to each region")
        self.story.percentiles()
        live = Live()
        for _ in range(6):
            live.show(self.table(self.service.metrics()))
            time.sleep(1)
        live.done()
        error = self.worst_error()
        seen(f"largest difference to the delays that the emulator really applied: {error:.3f} ms (p50)")

    def worst_error(self) -> float:
        metrics = self.service.metrics()
        errors = []
        for path in self.scenario.paths:
            for region in self.scenario.regions:
                measured = metrics.quantile_ms(path.name, region.name, 0.5)
                count, applied = self.lab.applied(path.name, region.name, 2 * self.service.pace.window_s)
                if measured is None or count == 0:
                    raise LabError(f"no median for {path.name} to {region.name}")
                error = abs(measured - applied / 1e6)
                if error > median_tolerance_ms(region.name, applied / 1e6):
                    raise LabError(f"{path.name} to {region.name}: the measured median is {error:.3f} ms "
                                   "from the delay that was applied")
                errors.append(error)
        return max(errors)

    def decide(self) -> None:
        heading(3, "What strait makes of it")
        self.story.verdicts(self.story.wanted())
        self.verdict_lines()
        seen("a verdict for each region, for the path that is really fastest")

    def route(self) -> None:
        heading(4, "The router's best routes, before and after")
        self.story.routes(self.story.wanted())
        after = self.story.best_routes()
        self.route_lines(self.before, after)
        seen("the router's own word on its best routes agrees with every verdict")

    def moved_lines(self, what: str, moved: Moved) -> None:
        say(f"  {what:<12} {moved.detected:5.1f} s   new verdicts {moved.advised:5.1f} s   "
            f"routes moved {moved.routed:5.1f} s")

    def cut(self) -> None:
        heading(5, "Atlas Offshore is cut, and BGP does not notice")
        before = self.story.best_routes()
        begin = time.time_ns()
        moved = self.story.cut(CUT)
        self.moved_lines("noticed", moved)
        self.route_lines(before, self.story.best_routes(), all_of_them=False)
        self.verdict_lines(begin)
        if CUT in self.story.preferred_paths():
            raise LabError(f"a preference still points at {CUT}")
        if not self.lab.site.routes_from(self.scenario.path(CUT)):
            raise LabError("the BGP session went down: that was not the story")
        live = Live()
        for _ in range(3):
            live.show(self.table(self.service.metrics()))
            time.sleep(1)
        live.done()
        seen(f"the session with {CUT}'s upstream is still up; without measuring, packets would still go there")

    def repair(self) -> None:
        heading(6, "Repaired: not so fast")
        live = Live()
        begin = time.time_ns()
        since = time.monotonic()

        def watch() -> None:
            verdict = self.service.verdicts().get("middle-east", {})
            live.show([dim(f"  {time.monotonic() - since:4.0f} s  {verdict.get('reason', '')}"[:columns() + 8])])

        moved = self.story.repair(CUT, watch)
        live.done()
        self.moved_lines("answers again", moved)
        seen(f"back on {CUT} {moved.held:.0f} s after the change away from it: the hold-down is "
             f"{self.service.pace.hold_down_s} s")
        self.verdict_lines(begin)

    def tell(self) -> None:
        self.before = self.story.best_routes()
        self.service.wait_ready()
        for chapter in (self.floors, self.measure, self.decide, self.route, self.cut, self.repair):
            chapter()


def run(options) -> int:
    clock = Stopwatch()
    say(bold("strait") + ": which way out is fastest, how sure that is, and what to tell BGP")
    # One reflector for each region; the routers and the emulator are real programs, too.
    reflector = strait_reflector(options.strait)
    scenario = scenarios.load(options.scenario)
    with Lab(scenario, pathemu=options.pathemu, reflector=reflector,
             site=site_router.make(options.router, options.strait)) as lab:
        say(dim(f"lab {lab.id}: {len(scenario.paths)} paths, {len(scenario.paths) + 1} routers, "
                f"{len(scenario.regions)} regions, in network namespaces; up after {clock}"))
        with Service(lab, options.strait, options.engine, Pace(), mode=options.mode) as service:
            try:
                Demo(lab, service).tell()
            except LabError:
                say(dim(service.last_words()))
                raise
            status, seconds = service.stop()
            if status != 0:
                raise LabError(f"strait run ended with status {status}:\n{service.last_words()}")
            say()
            seen(f"SIGTERM: ended cleanly after {seconds:.1f} s")
    say(f"  {good('✓')} everything was seen to happen, in {clock}")
    return 0


def main() -> int:
    build = scenarios.ROOT / "build" / "release"
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--strait", type=File, default=build / "strait")
    parser.add_argument("--pathemu", type=File, default=build / "pathemu")
    parser.add_argument("--scenario", type=File,
                        default=File(__file__).resolve().parent / "scenarios" / "morocco.toml")
    parser.add_argument("--engine", choices=("dpdk", "socket"), default="dpdk")
    parser.add_argument("--mode", choices=("automatic", "moderated"), default="automatic",
                        help="moderated: every plan is approved by 'strait routes approve', by this program")
    parser.add_argument("--router", choices=site_router.NAMES, default="bird",
                        help="the site's router, and behind it the speaker that injects routes, if one does")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    if os.geteuid() != 0:
        print("demo: needs root, for network namespaces of its own; nothing outside them is touched",
              file=sys.stderr)
        return 3
    try:
        return run(options)
    except LabError as error:
        say(f"  {bad('✗')} {error}")
        return 1
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


if __name__ == "__main__":
    sys.exit(main())
