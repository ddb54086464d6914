#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""End to end on real packets: `strait run` with one engine over the lab's paths, the site's router and Prometheus.

usage: e2e_test.py dpdk|socket [automatic|moderated [ROUTER]], ROUTER as of site_router.py. STRAIT and PATHEMU name the programs."""

import bisect
import itertools
import math
import os
import sys
import time
import unittest
from pathlib import Path as File

sys.dont_write_bytecode = True
sys.path.insert(0, str(File(__file__).resolve().parent))
import scenario as scenarios  # noqa: E402
import site_router  # noqa: E402
from prometheus import Prometheus, promtool_complaints  # noqa: E402
from service import Pace, Service  # noqa: E402
from story import MEDIAN_TOLERANCE_MS, Story  # noqa: E402
from topology import Lab, LabError, strait_reflector, wait_for  # noqa: E402

HERE = File(__file__).resolve().parent
STRAIT = File(os.environ.get("STRAIT", scenarios.ROOT / "build" / "release" / "strait"))
PATHEMU = File(os.environ.get("PATHEMU", scenarios.ROOT / "build" / "release" / "pathemu"))
CUT = "atlas-offshore"
SKETCH_ERROR = 2 ** (1 / 128) - 1  # one bucket at schema 7
HALF_BUCKET = 2 ** (1 / 256) - 1
EDGES_MS = 0.05


def make_lab(router: str = "bird") -> Lab:
    return Lab(scenarios.load(HERE / "scenarios" / "morocco.toml"), pathemu=PATHEMU, reflector=strait_reflector(STRAIT),
               site=site_router.make(router, STRAIT))


class EndToEnd(unittest.TestCase):
    """The tests run in the order of their numbers: the later ones build on what the earlier saw."""

    engine = "socket"
    mode = "automatic"  # or "moderated": then every plan is approved by hand
    router = "bird"

    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(make_lab(cls.router))
        cls.service = Service(cls.lab, STRAIT, cls.engine, Pace(), outcomes=True, mode=cls.mode)
        cls.story = Story(cls.lab, cls.service)
        cls.before = cls.story.best_routes()
        cls.unmeasured_before = cls.story.unmeasured_routes()
        cls.enterClassContext(cls.service)
        cls.scenario = cls.lab.scenario
        cls.prometheus = Prometheus(cls.service)
        cls.service.wait_ready()
        cls.prometheus.start()

    def setUp(self):
        self.addCleanup(self.tell_on_failure)

    def tell_on_failure(self):
        outcome = self._outcome
        if outcome and not outcome.success:
            print(f"--- the service's last words ---\n{self.service.last_words()}", file=sys.stderr)

    def each(self):
        return itertools.product(self.scenario.paths, self.scenario.regions)

    def median_ms(self, path: str, region, begin_ns: int, end_ns: int) -> float:
        """Of the probes themselves, by nearest rank."""
        trips = self.service.round_trips_ms(path, {region.place, f"{region.place}-v6"}, begin_ns, end_ns)
        self.assertGreater(len(trips), 50)
        return trips[math.ceil(len(trips) / 2) - 1]

    def test_1_measured_medians_are_the_applied_delays(self):
        self.story.percentiles()
        span_s = 2 * self.service.pace.window_s
        now_ns = time.time_ns()
        for path, region in self.each():
            with self.subTest(path=path.name, region=region.name):
                count, applied = self.lab.applied(path.name, region.name, span_s)
                self.assertGreater(count, 50)
                measured = self.median_ms(path.name, region, now_ns - span_s * 10**9, now_ns)
                self.assertAlmostEqual(measured, applied / 1e6, delta=MEDIAN_TOLERANCE_MS)

    def test_1_reported_medians_are_those_of_the_probes(self):
        """To half a bucket, which is what the sketch promises, and what a probe more or less at the
        window's edges may change."""
        metrics = self.story.percentiles()
        for path, region in self.each():
            with self.subTest(path=path.name, region=region.name):
                end = metrics.one("strait_window_end_timestamp_seconds", path=path.name, region=region.name)
                end_ns = round(end * 1000) * 10**6
                exact = self.median_ms(path.name, region, end_ns - self.service.pace.window_s * 10**9, end_ns)
                self.assertAlmostEqual(metrics.quantile_ms(path.name, region.name, 0.5), exact,
                                       delta=exact * HALF_BUCKET + EDGES_MS)

    def test_2_the_order_of_the_paths_is_right(self):
        metrics = self.story.percentiles()
        for region in self.scenario.regions:
            by_delay = sorted(self.scenario.paths, key=lambda path: path.reach[region.name].one_way_ns)
            by_measure = sorted(self.scenario.paths,
                                key=lambda path: metrics.quantile_ms(path.name, region.name, 0.5))
            self.assertEqual([p.name for p in by_measure], [p.name for p in by_delay], region.name)

    def test_3_a_floor_is_never_above_what_was_measured(self):
        metrics = self.service.metrics()
        for path, region in self.each():
            with self.subTest(path=path.name, region=region.name):
                floor = metrics.one("strait_path_floor_seconds", path=path.name)
                self.assertAlmostEqual(floor * 1e9, 2 * path.floor_ns, delta=50_000)
                least = metrics.one("strait_rtt_window_min_seconds", path=path.name, region=region.name)
                self.assertGreaterEqual(least, floor)

    def test_4_verdicts_and_the_router_agree_on_the_fastest_path(self):
        wanted = self.story.wanted()
        for region, path in wanted.items():
            self.assertNotIn(path, self.before[region].values(), "plain BGP must not have chosen it by itself")
        self.story.verdicts(wanted)
        self.story.routes(wanted)
        self.assertEqual(self.story.unmeasured_routes(), self.unmeasured_before,
                         "an address family without targets is left to plain BGP")

    def test_5_prometheus_returns_the_same_median(self):
        def ends(samples) -> dict[tuple[str, str], float]:
            return {(labels["path"], labels["region"]): value for labels, value in samples}

        def same_window():
            name = "strait_window_end_timestamp_seconds"
            before = ends(self.prometheus.query(name))
            medians = self.prometheus.query('strait_rtt_window_seconds{quantile="0.5"}')
            after = ends(self.prometheus.query(name))
            scraped = self.service.metrics()
            all_the_same = before and before == after == ends(scraped.all(name))
            return (scraped, medians) if all_the_same else None

        scraped, medians = wait_for("the same windows in Prometheus", 20, same_window, every=0.1)
        self.assertEqual(len(medians), len(self.scenario.paths) * len(self.scenario.regions))
        for labels, value in medians:
            with self.subTest(**labels):
                direct = scraped.quantile_ms(labels["path"], labels["region"], 0.5) / 1000
                self.assertAlmostEqual(value, direct, delta=direct * SKETCH_ERROR)

    def test_6_the_histogram_has_the_median_in_the_same_bucket(self):
        seconds = 10
        time.sleep(seconds)
        bounds = sorted({float(labels["le"]) for labels, _ in
                         self.service.metrics().all("strait_rtt_seconds_bucket")})
        expression = ("histogram_quantile(0.5, sum by (path, region, le) "
                      f"(increase(strait_rtt_seconds_bucket[{seconds}s])))")
        quantiles = {(labels["path"], labels["region"]): value
                     for labels, value in self.prometheus.query(expression)}
        for path, region in self.each():
            with self.subTest(path=path.name, region=region.name):
                _, applied = self.lab.applied(path.name, region.name, seconds)
                place = bisect.bisect_left(bounds, quantiles[path.name, region.name])
                low, high = 1000 * bounds[place - 1], 1000 * bounds[place]
                self.assertGreater(applied / 1e6, low - MEDIAN_TOLERANCE_MS)
                self.assertLess(applied / 1e6, high + MEDIAN_TOLERANCE_MS)

    def test_7_promtool_has_nothing_to_say(self):
        self.assertEqual(promtool_complaints(self.service.get("/metrics")), "")

    def test_8_no_preference_points_at_a_dead_path(self):
        self.assertIn(CUT, self.story.preferred_paths(), "there must be something to lose")
        begin = time.monotonic()
        self.lab.cut(CUT)
        # Three windows; the fate of a window's last probe is known a time-out after its end.
        limit = 3 * self.service.pace.window_s + self.service.pace.timeout_ms / 1000
        wait_for(f"no preference for {CUT}", limit, lambda: CUT not in self.story.preferred_paths())
        wait_for(f"no best route over {CUT} by preference", 2, self.nothing_preferred_on_cut)
        print(f"[{self.engine}] no preference on {CUT} {time.monotonic() - begin:.1f} s after the cut",
              file=sys.stderr)
        self.story.verdicts(self.story.wanted(without=(CUT,)))
        self.story.routes(self.story.wanted(without=(CUT,)))
        self.assertGreater(self.lab.site.routes_from(self.scenario.path(CUT)), 0, "BGP has stayed up")

    def nothing_preferred_on_cut(self) -> bool:
        return not self.lab.site.raised_on(self.scenario.path(CUT))

    def test_9_the_service_ends_cleanly(self):
        status, seconds = self.service.stop()
        self.assertEqual(status, 0)
        self.assertLess(seconds, 2)


def main() -> None:
    if os.geteuid() != 0:
        print("skipped: network namespaces need root")
        sys.exit(77)
    EndToEnd.engine = sys.argv.pop(1) if len(sys.argv) > 1 else "socket"
    EndToEnd.mode = sys.argv.pop(1) if len(sys.argv) > 1 else "automatic"
    EndToEnd.router = sys.argv.pop(1) if len(sys.argv) > 1 else "bird"
    try:
        unittest.main(verbosity=2, failfast=True)
    except LabError as error:
        sys.exit(f"lab: {error}")


if __name__ == "__main__":
    main()
