#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`strait run` over paths of which one is not where its configuration says: found before its first
window, shown, and measured again once it is mended.

usage: pin_test.py dpdk|socket. STRAIT and PATHEMU name the programs."""

import contextlib
import os
import signal
import sys
import unittest
from pathlib import Path as File

sys.dont_write_bytecode = True
sys.path.insert(0, str(File(__file__).resolve().parent))
from e2e_test import STRAIT, make_lab  # noqa: E402
from scenario import Path  # noqa: E402
from service import Pace, Service, configuration  # noqa: E402
from story import Story  # noqa: E402
from topology import Lab, LabError, run, wait_for  # noqa: E402

ASTRAY, ONTO = "atlas-offshore", "mtwa-north"
CHECK_EVERY = "2s"


class PinnedService(Service):
    """Checks often; the socket engine keeps the paths apart by source address alone, as a site does
    whose upstreams share one interface; the DPDK engine by next hop, and one path has a wrong one."""

    def __enter__(self) -> "PinnedService":
        self.write(astray=True)
        self.start()
        return self

    def reload(self) -> None:
        self.process.send_signal(signal.SIGHUP)

    def write(self, astray: bool) -> None:
        scenario = self.lab.scenario
        text = configuration(self.lab, self.engine, self.pace, outcomes=True)
        text = text.replace("[probe]\n", f'[probe]\npin_check_interval = "{CHECK_EVERY}"\n')
        path, other = scenario.path(ASTRAY), scenario.path(ONTO)
        for each in scenario.paths:
            text = text.replace(f'neighbor_v4 = "{each.upstream_v4}"\n',
                                f'neighbor_v4 = "{each.upstream_v4}"\nneighbor_v6 = "{each.upstream_v6}"\n')
            if self.engine == "socket":
                text = text.replace(f'device = "{each.name}"\n', "").replace(f"mark = {each.table}\n", "")
        if self.engine == "dpdk" and astray:
            text = text.replace(
                f'device = "net_af_packet{path.number},iface={path.name}"\nsource_v4 = "{path.bypass_v4}"\n'
                f'next_hop_v4 = "{path.upstream_v4}"',
                f'device = "net_af_packet{other.number},iface={other.name}"\nsource_v4 = "{astray_source(other)}"\n'
                f'next_hop_v4 = "{other.upstream_v4}"')
        self.file.write_text(text)


def astray_source(onto: Path) -> str:
    return onto.bypass_v4.rpartition(".")[0] + ".11"


class Pins(unittest.TestCase):
    """The tests run in the order of their numbers: the later ones build on what the earlier saw."""

    engine = "socket"

    @classmethod
    def setUpClass(cls):
        cls.lab: Lab = cls.enterClassContext(make_lab())
        cls.scenario = cls.lab.scenario
        cls.path, cls.onto = cls.scenario.path(ASTRAY), cls.scenario.path(ONTO)
        cls.families = (4,) if cls.engine == "dpdk" else (4, 6)
        if cls.engine == "socket":
            cls.lead_astray()
        cls.service = PinnedService(cls.lab, STRAIT, cls.engine, Pace())
        cls.story = Story(cls.lab, cls.service)
        cls.plain = {region: set(routes.values()) for region, routes in cls.story.best_routes().items()}
        cls.enterClassContext(cls.service)
        cls.service.wait_ready(30)

    def setUp(self):
        self.addCleanup(self.tell_on_failure)

    def tell_on_failure(self):
        result = self._outcome.result
        if any(test is self for test, _ in result.errors + result.failures):
            print(f"--- the service's last words ---\n{self.service.last_words(30)}", file=sys.stderr)
            for region, verdict in self.service.verdicts().items():
                print(region, verdict["ruling"], verdict["path"], verdict["reason"], verdict["ranking"],
                      file=sys.stderr)

    # --- what is done to the lab ---

    @classmethod
    def rule(cls, action: str) -> None:
        """Whatever leaves with the path's source addresses goes by the other upstream."""
        for family, source in (("-4", cls.path.site_v4), ("-6", cls.path.site_v6)):
            run("ip", family, "-n", cls.lab.ns("site"), "rule", action, "from", source, "lookup",
                str(cls.onto.table), "pref", "50")

    @classmethod
    def lead_astray(cls) -> None:
        cls.rule("add")
        # The other upstream takes such packets, and everything is answered: only the times tell.
        for link, via in ((cls.path.link_v4, cls.onto.site_v4), (cls.path.link_v6, cls.onto.site_v6)):
            run("ip", "-n", cls.lab.ns(ONTO), "route", "replace", link, "via", via)

    @classmethod
    def lead_back(cls) -> None:
        cls.rule("del")

    # --- what is seen ---

    def pin_ok(self, path: str) -> list[float]:
        found = self.service.metrics().all("strait_path_pin_ok", path=path)
        return sorted(value for _, value in found)

    def windows(self, path: str) -> int:
        with contextlib.closing(self.service.store()) as store:
            return store.execute("SELECT count(*) FROM windows JOIN sessions ON windows.session = sessions.id "
                                 "WHERE sessions.path = ?", (path,)).fetchone()[0]

    def outcomes(self, path: str) -> int:
        text = (self.lab.directory / "outcomes.jsonl").read_text()
        return text.count(f'"path":"{path}"')

    def preferences(self) -> list[str]:
        """Paths that any stored verdict has ever put in force."""
        with contextlib.closing(self.service.store()) as store:
            return [path for path, in store.execute("SELECT DISTINCT path FROM verdicts") if path]

    def check_nothing_of_it(self) -> None:
        self.assertEqual(self.windows(ASTRAY), 0)
        self.assertEqual(self.outcomes(ASTRAY), 0, "not one probe has left")
        metrics = self.service.metrics()
        self.assertIsNone(metrics.one("strait_path_up", path=ASTRAY))
        self.assertEqual(metrics.all("strait_rtt_window_seconds", path=ASTRAY), [])
        self.assertEqual(metrics.all("strait_rtt_seconds_count", path=ASTRAY), [])
        self.assertEqual([value for _, value in metrics.all("strait_evidence_samples", path=ASTRAY) if value], [])
        self.assertNotIn(ASTRAY, self.story.preferred_paths())
        self.assertNotIn(ASTRAY, self.preferences())

    # --- the tests ---

    def test_1_the_failed_pin_is_shown_and_the_others_are_ok(self):
        for path in self.scenario.paths:
            with self.subTest(path=path.name):
                wanted = 0.0 if path.name == ASTRAY else 1.0
                self.assertEqual(self.pin_ok(path.name), [wanted] * len(self.families))
        log = self.service.log.read_text()
        self.assertIn(f"path {ASTRAY}: pin failed (IPv4): {self.onto.upstream_v4} answered, not "
                      f"{self.path.upstream_v4}", log)

    def test_2_the_others_are_measured_and_judged_without_it(self):
        wanted = {region: path for region, path in self.story.wanted().items()
                  if path != ASTRAY and ASTRAY not in self.plain[region]}
        self.assertTrue(wanted)
        metrics = self.story.verdicts(wanted)
        # Where plain BGP uses the path astray, nothing can be compared with it.
        left_alone = [region for region, paths in self.plain.items() if ASTRAY in paths]
        self.assertTrue(left_alone)
        for region in left_alone:
            self.assertEqual(metrics.advice()[region], ("insufficient", None))
        for path in self.scenario.paths:
            if path.name != ASTRAY:
                self.assertGreater(self.windows(path.name), 0)
        self.check_nothing_of_it()

    def test_3_the_verdicts_say_why(self):
        for region, verdict in self.service.verdicts().items():
            with self.subTest(region=region):
                ranked = {entry["path"]: entry for entry in verdict["ranking"]}
                self.assertFalse(ranked[ASTRAY]["eligible"])
                self.assertIn("pin failed", ranked[ASTRAY]["reason"])
                self.assertIn(f"{self.onto.upstream_v4} answered, not {self.path.upstream_v4}",
                              ranked[ASTRAY]["reason"])
                self.assertEqual(list(ranked)[-1], ASTRAY)
        self.check_nothing_of_it()

    def test_4_mended_it_is_measured_and_chosen_again(self):
        self.check_nothing_of_it()
        if self.engine == "socket":
            self.lead_back()
        else:
            self.service.write(astray=False)
            self.service.reload()
        ok = [1.0] * len(self.families)
        wait_for(f"the pin of {ASTRAY} ok", 10, lambda: self.pin_ok(ASTRAY) == ok, every=0.2)
        wait_for(f"windows of {ASTRAY}", 15, lambda: self.windows(ASTRAY) > 0, every=0.2)
        self.story.verdicts(self.story.wanted(), self.story.patience + self.service.pace.hold_down_s)
        self.assertIn(ASTRAY, self.story.preferred_paths())

    @unittest.skipIf(len(sys.argv) > 1 and sys.argv[1] == "dpdk", "nothing leads DPDK's frames astray while it runs")
    def test_5_led_astray_while_it_runs_it_loses_its_preferences_at_once(self):
        self.lead_astray()
        failed = [0.0] * len(self.families)
        wait_for(f"the pin of {ASTRAY} failed", 10, lambda: self.pin_ok(ASTRAY) == failed, every=0.1)
        wait_for(f"no preference for {ASTRAY}", 3, lambda: ASTRAY not in self.story.preferred_paths())
        wait_for("the refused windows counted", 6, lambda: self.service.metrics().one(
            "strait_windows_refused_total", path=ASTRAY, reason="pin-failed"))
        before = self.windows(ASTRAY)
        wait_for("windows of the others", 15, lambda: self.windows(ONTO) > 0 and self.later_windows(3))
        self.assertEqual(self.windows(ASTRAY), before)
        self.assertIsNone(self.service.metrics().one("strait_path_up", path=ASTRAY))

    def later_windows(self, slots: int) -> bool:
        """So many slots of time have been stored of the others since the last of the path astray."""
        with contextlib.closing(self.service.store()) as store:
            newest = dict(store.execute("SELECT sessions.path, max(start_ns) FROM windows JOIN sessions "
                                        "ON windows.session = sessions.id GROUP BY sessions.path").fetchall())
        return newest[ONTO] - newest[ASTRAY] >= slots * self.service.pace.window_s * 10**9

    def test_6_the_service_ends_cleanly(self):
        status, _ = self.service.stop()
        self.assertEqual(status, 0)


def main() -> None:
    if os.geteuid() != 0:
        print("skipped: network namespaces need root")
        sys.exit(77)
    Pins.engine = sys.argv.pop(1) if len(sys.argv) > 1 else "socket"
    try:
        unittest.main(verbosity=2, failfast=True)
    except LabError as error:
        sys.exit(f"lab: {error}")


if __name__ == "__main__":
    main()
