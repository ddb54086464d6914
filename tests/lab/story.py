# SPDX-License-Identifier: Apache-2.0
"""What must be seen to happen, step by step, each with its own time-out. The demo tells it, the
end-to-end test asserts it. A step that is not seen is a LabError that says which."""

import re
import time
from dataclasses import dataclass

from service import Metrics, Service, measured_families
from topology import Lab, LabError, wait_for


MEDIAN_TOLERANCE_MS = 0.3
NEAREST = "europe"


def median_tolerance_ms(region: str, applied_ms: float) -> float:
    """0.3 ms, per path, to the nearest region. To the others the sketch's own resolution (half a
    bucket of schema 7, 0.27 %: 0.2 ms at 70 ms) is no error of the measurement and comes on top."""
    return MEDIAN_TOLERANCE_MS + (0 if region == NEAREST else applied_ms * (2 ** (1 / 256) - 1))


@dataclass(frozen=True)
class Moved:
    """How long things took after a cut or a repair, in seconds."""

    detected: float  # the path reported down, or up again
    advised: float   # all verdicts as the delays want them
    routed: float    # the router's best routes on them
    held: float = 0  # by the service's own clock: from the change before to this one


class Story:
    def __init__(self, lab: Lab, service: Service):
        self.lab = lab
        self.service = service
        self.scenario = lab.scenario
        pace = service.pace
        self.approved: set[tuple[str, str]] = set()  # (region, path)
        # The windows that a decision needs, and some for windows that are cut in two by an event.
        self.patience = pace.window_s * (pace.pair_windows + pace.span_windows + pace.repeat + 6)

    # --- what is seen ---

    def wanted(self, without: tuple[str, ...] = ()) -> dict[str, str]:
        """Region -> the path that the delays favour."""
        return {region.name: self.scenario.fastest(region.name, without) for region in self.scenario.regions}

    def best_routes(self) -> dict[str, dict[str, str | None]]:
        """Region -> prefix -> path of the best route, of the address families that are measured."""
        return self.routes_of(lambda version: version in measured_families(self.service.engine))

    def unmeasured_routes(self) -> dict[str, dict[str, str | None]]:
        """The same, of the other families."""
        return self.routes_of(lambda version: version not in measured_families(self.service.engine))

    def routes_of(self, wanted) -> dict[str, dict[str, str | None]]:
        return {region.name: {entry["prefix"]: self.lab.best(entry["prefix"]) for entry in region.prefixes
                              if wanted(6 if ":" in entry["prefix"] else 4)}
                for region in self.scenario.regions}

    def routed_as(self, wanted: dict[str, str]) -> bool:
        routes = self.best_routes()
        return all(path == wanted[region] for region, prefixes in routes.items() for path in prefixes.values())

    def plan_text(self) -> str:
        """The plan in BIRD's language, which for other routers stands in comments; nothing before the first."""
        file = self.lab.strait_conf
        return file.read_text() if file.exists() else ""

    def preferred_paths(self) -> set[str]:
        """Paths that the include file in force prefers anything on."""
        text = self.plan_text()
        return {path.name for path in self.scenario.paths if f'proto = "{path.protocol}"' in text}

    def preferred(self) -> set[tuple[str, str]]:
        """(region, path) of all that is preferred in the include file in force."""
        return set(re.findall(r"^(?:[#!]= )?# prefer (\S+) via (\S+): ", self.plan_text(), re.M))

    def approve(self, wanted: dict[str, str], seconds: float) -> None:
        """What waits for it, as often as it takes: verdicts that come in one window after the other wait one after the
        other. Nothing is in force that nobody has approved."""
        def approved() -> bool:
            if unapproved := self.preferred() - self.approved:
                raise LabError(f"preferred, but approved by nobody: {unapproved}")
            self.approved |= set(wanted.items())
            self.service.approve_what_waits()
            return set(wanted.items()) <= self.preferred()

        wait_for(f"a plan to approve for {wanted}", seconds, approved, every=0.2)

    def advised_as(self, wanted: dict[str, str]) -> Metrics | None:
        metrics = self.service.metrics()
        advice = metrics.advice()
        if all(advice.get(region, ("", None))[1] == path for region, path in wanted.items()):
            return metrics
        return None

    # --- steps ---

    def percentiles(self) -> Metrics:
        """Until every path has a median to every region, of a window that was probed from end to end."""
        whole = self.service.ready_at + self.service.pace.window_s

        def complete() -> Metrics | None:
            metrics = self.service.metrics()

            def known(path: str, region: str) -> bool:
                end = metrics.one("strait_window_end_timestamp_seconds", path=path, region=region)
                return metrics.quantile_ms(path, region, 0.5) is not None and end is not None and end >= whole

            pairs = ((path.name, region.name) for path in self.scenario.paths for region in self.scenario.regions)
            return metrics if all(known(*pair) for pair in pairs) else None

        return wait_for("a median for every path and region", 6 * self.service.pace.window_s + 10, complete,
                        every=0.3)

    def verdicts(self, wanted: dict[str, str], seconds: float | None = None) -> Metrics:
        text = ", ".join(f"{region} by {path}" for region, path in wanted.items())
        try:
            return wait_for(f"verdicts: {text}", seconds or self.patience, lambda: self.advised_as(wanted), every=0.2)
        except LabError as error:
            raise LabError(f"{error}; but {self.advised_with_reasons()}") from error

    def advised_with_reasons(self) -> str:
        """What the service advises instead, what it measured, and its verdicts with their reasons."""
        metrics = self.service.metrics()
        p95 = {f"{path.name} to {region.name}": metrics.quantile_ms(path.name, region.name, 0.95)
               for path in self.scenario.paths for region in self.scenario.regions}
        return f"{metrics.advice()}, p95 in ms {p95}, verdicts {self.service.verdicts()}"

    def routes(self, wanted: dict[str, str], seconds: float = 10) -> None:
        text = ", ".join(f"{region} by {path}" for region, path in wanted.items())
        if self.service.mode == "moderated":
            self.approve(wanted, seconds)
        wait_for(f"the router's best routes: {text}", seconds, lambda: self.routed_as(wanted), every=0.2)

    def path_reported(self, path: str, up: bool, since: float) -> float:
        wait_for(f"{path} reported {'up' if up else 'down'}", self.patience,
                 lambda: self.service.metrics().one("strait_path_up", path=path) == float(up), every=0.1)
        return time.monotonic() - since

    def cut(self, path: str) -> Moved:
        """Cuts a path; BGP stays up, so that only the measurement can tell."""
        wanted = self.wanted(without=(path,))
        begin = time.monotonic()
        self.lab.cut(path)
        detected = self.path_reported(path, up=False, since=begin)
        self.verdicts(wanted)
        advised = time.monotonic() - begin
        self.routes(wanted)
        return Moved(detected, advised, time.monotonic() - begin)

    def last_change(self, region: str) -> float:
        """When the service last changed a region's path, in seconds since 1970."""
        name = "strait_recommendation_last_change_timestamp_seconds"
        return wait_for(f"{name} of {region}", 5, lambda: self.service.metrics().one(name, **{"class": region}))

    def repair(self, path: str, watch=lambda: None) -> Moved:
        """Repairs it; `watch` is called again and again while the hold-down runs. A return before
        the hold-down is over is an error."""
        wanted = self.wanted()
        returning = next(region for region, fastest in wanted.items() if fastest == path)
        changed = self.last_change(returning)
        begin = time.monotonic()
        self.lab.repair(path)
        detected = self.path_reported(path, up=True, since=begin)

        def back() -> Metrics | None:
            watch()
            return self.advised_as(wanted)

        wait_for(f"verdicts back on {path}", self.patience + self.service.pace.hold_down_s, back, every=0.3)
        advised = time.monotonic() - begin
        held = self.last_change(returning) - changed
        if held < self.service.pace.hold_down_s:
            raise LabError(f"back on {path} {held:.1f} s after the last change: before the hold-down of "
                           f"{self.service.pace.hold_down_s} s was over")
        self.routes(wanted)
        return Moved(detected, advised, time.monotonic() - begin, held)
