#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every protocol, over IPv4 and IPv6, by both engines, against what the emulator really did and far ends that are
not what they should be; cells.py says how the table runs."""

import re
import sys
from pathlib import Path as File

sys.dont_write_bytecode = True
sys.path.insert(0, str(File(__file__).resolve().parent))
from cells import DPDK, SOCKET, Cell, main, row  # noqa: E402
from far_ends import OPEN_PORT, TURN  # noqa: E402
from one_way_cell import follow  # noqa: E402
from small_lab import CLOSED_PORT, REFLECTOR_PORT, STATEFUL_PORT, address  # noqa: E402

EF, CS1, AF11 = 46, 8, 10
# By far_ends.py.
ECHO, EMPTY_ECHO, CUT_ECHO = 7, 9001, 9002
HONEST, SWAPPED, CUT_43, CUT_38, ECHOES_NOTHING, TELLS_NO_TIME = 9003, 9004, 9005, 9006, 9007, 9008
COUNTS, RESTARTS = 9009, 9010
SAYS_5_MS, HIDES_5_MS, DRIFTS, IS_SET = 9011, 9012, 9013, 9014
STAMP = ("--protocol", "stamp")



# --- the delays that are applied are those that are told ---


# A TCP flow has one SYN at a time: an interval well above the round trip, so that a stall misses no slot.
MEDIANS = {
    "stamp": (STAMP, "5ms"),
    "stamp of 200 octets": ((*STAMP, "-s", "200"), "5ms"),
    "twamp-light": ((*STAMP, "--twamp-light"), "5ms"),
    "icmp": (("--protocol", "icmp"), "5ms"),
    "udp-echo": (("--protocol", "udp-echo", "-p", str(ECHO)), "5ms"),
    "tcp to an open port": (("--protocol", "tcp", "--force-rate", "-p", str(OPEN_PORT)), "50ms"),
    "tcp to a closed port": (("--protocol", "tcp", "--force-rate", "-p", str(CLOSED_PORT)), "50ms"),
}

for name, (median_words, median_interval) in MEDIANS.items():
    @row(f"{name} has the applied delay as its median", times=True)
    def _(cell: Cell, words=median_words, interval=median_interval):
        count = 100 if interval == "5ms" else 40
        report = cell.run(*words, count=count, interval=interval)
        cell.check_median(report, count)
        cell.check_errors(report)
        cell.test.assertEqual(report["timestamps"], "kernel" if cell.engine == "socket" else "tsc")

    @row(f"through NAT {name} has the applied delay as its median", path="nat", times=True)
    def _(cell: Cell, words=median_words, interval=median_interval):
        count = 100 if interval == "5ms" else 40
        report = cell.run(*words, count=count, interval=interval)
        cell.check_median(report, count)
        cell.check_errors(report)


@row("twamp has the applied delay as its median", cells=SOCKET, times=True)
def _(cell: Cell):
    report = cell.run("--protocol", "twamp", "-p", str(REFLECTOR_PORT))
    cell.check_median(report)
    cell.check_errors(report)


@row("tcp to an open port more often than a round trip takes loses nothing, and counts the slots that it misses")
def _(cell: Cell):
    report = cell.run("--protocol", "tcp", "--force-rate", "-p", str(OPEN_PORT), count=200)
    cell.check_all_came(report, 40)
    cell.test.assertEqual(report["sent"] + report["missed"], 200)
    cell.test.assertGreaterEqual(report["errors"].pop("syn-pending"), 100)
    cell.check_errors(report)


@row("twamp by the dpdk engine is refused, in words", cells=DPDK)
def _(cell: Cell):
    report = cell.run("--protocol", "twamp", "-p", str(REFLECTOR_PORT), status=2)
    cell.test.assertRegex(report["said"], "TWAMP is for --engine socket")
    cell.test.assertNotIn("sent", report)


@row("the far end sees the address that NAT gave us", path="nat")
def _(cell: Cell):
    report = cell.run(*STAMP, "--tlv", "location", count=30)
    cell.check_all_came(report, 30)
    cell.check_errors(report)
    outside = address(2, 2, cell.family)
    cell.test.assertRegex(report["far"]["seen_as"], rf"^\[?{re.escape(outside)}\]?:\d+$")


@row("each direction has the delay that was applied to it", times=True)
def _(cell: Cell):
    cell.set("out", delay="12ms")
    cell.set("back", delay="3ms")
    report = cell.run(*STAMP)
    cell.check_median(report)
    cell.check_errors(report)
    cell.test.assertEqual(report["clocks"]["state"], "usable")
    for name, direction in (("forward_ns", "out"), ("reverse_ns", "back")):
        cell.test.assertEqual(report[name]["count"] + report["kept_apart"], report["received"])
        cell.check_near(name, report[name]["p50"], cell.applied(direction))


# --- far clocks ---


@row("a far clock that is 5 ms off and says so gives round trips and no one-way delay", times=True)
def _(cell: Cell):
    report = cell.run(*STAMP, "-p", str(SAYS_5_MS))
    cell.check_median(report)
    cell.check_errors(report)
    cell.check_no_one_way(report)
    cell.test.assertEqual(report["clocks"]["state"], "far-inexact")


@row("a far clock that is 5 ms off and hides it is found out where a path is shorter", times=True)
def _(cell: Cell):
    cell.set("both", delay="2ms")
    report = cell.run(*STAMP, "-p", str(HIDES_5_MS))
    cell.check_median(report)
    cell.check_no_one_way(report)
    # One that we saw late enough to make it possible has an uncertain time, and is kept apart.
    found_out = report["errors"].pop("impossible-one-way")
    cell.test.assertTrue(report["received"] - report["kept_apart"] <= found_out <= report["received"], report)
    cell.check_errors(report)


@row("what a far clock says after it was set is no one-way delay, and counted", times=True)
def _(cell: Cell):
    report = cell.run(*STAMP, "-p", str(IS_SET), count=2 * TURN)
    cell.check_median(report, 2 * TURN)
    after = report["sent"] - TURN
    cell.check_errors(report, impossible_one_way=after)
    with_one_way, apart = report["forward_ns"]["count"], report["kept_apart"]
    cell.test.assertTrue(TURN - apart <= with_one_way <= TURN, report)
    cell.check_near("forward", report["forward_ns"]["p50"], cell.applied("out"))


@row("a far clock that drifts without being synchronised gives no one-way delay", times=True)
def _(cell: Cell):
    report = cell.run(*STAMP, "-p", str(DRIFTS))
    cell.check_median(report)
    cell.check_errors(report)
    cell.check_no_one_way(report)
    cell.test.assertEqual(report["clocks"]["state"], "far-unsynchronised")


@row("between clocks that disagree and drift by 50 ppm a slower way there is told as that, and a clock that is set as "
     "a step", cells=(("socket", 4), ("dpdk", 6)), times=True)
def _(cell: Cell):
    follow(cell, DRIFTS)


# --- what is lost, remarked, doubled and overtaken is counted where it happens ---


def check_split(cell: Cell, lossy: str, words: tuple[str, ...]) -> None:
    before, report = cell.in_the_middle(*STAMP, "-p", str(STATEFUL_PORT), *words, count=400, **{lossy: {"loss": 0.1}})
    out, back = cell.since(before, "lost")
    cell.test.assertGreater(out + back, 8)
    cell.test.assertEqual((report["lost"], report["sent"] - report["received"]), (out + back, out + back))
    told = tuple(report["errors"].get(name, 0) for name in ("lost-forward", "lost-reverse"))
    cell.test.assertEqual(told, (out, back))


@row("what is lost on the way there is told as forward loss, exactly")
def _(cell: Cell):
    check_split(cell, "out", ("--tlv", "direct"))


@row("what is lost on the way back is told as reverse loss, exactly")
def _(cell: Cell):
    check_split(cell, "back", ("--tlv", "direct"))


for remarked, (there, back_again) in {"there": (CS1, None), "back": (None, AF11), "both ways": (CS1, AF11)}.items():
    @row(f"a DSCP that is remarked on the way {remarked} is counted there, and nowhere else")
    def _(cell: Cell, there=there, back_again=back_again):
        cell.set("out", dscp="keep" if there is None else there)
        cell.set("back", dscp="keep" if back_again is None else back_again)
        report = cell.run(*STAMP, "-Q", str(EF), "--tlv", "cos", count=30)
        cell.check_all_came(report, 30)
        wanted = {}
        if there is not None:
            wanted["dscp_remarked_forward"] = report["received"]
        if back_again is not None:
            wanted["dscp_remarked_reverse"] = report["received"]
        cell.check_errors(report, **wanted)
        cell.test.assertEqual(report["far"]["dscp"], EF if there is None else there)


DISORDERED = {
    "stamp": (*STAMP, "-p", str(STATEFUL_PORT)),
    "twamp": ("--protocol", "twamp", "-p", str(REFLECTOR_PORT)),
    "icmp": ("--protocol", "icmp"),
    "udp-echo": ("--protocol", "udp-echo", "-p", str(ECHO)),
}


def check_disorder(cell: Cell, words: tuple[str, ...], **values: dict) -> None:
    before, report = cell.in_the_middle(*words, count=800, interval="2ms", **values)
    cell.check_all_came(report, 800)
    copies, overtaken = cell.since(before, "duplicated"), cell.since(before, "overtaken")
    for direction, settings in values.items():
        index = ("out", "back").index(direction)
        cell.test.assertGreater((copies if "duplicate" in settings else overtaken)[index], 0)
    cell.test.assertEqual((report["duplicate"], report["reordered"]), (sum(copies), sum(overtaken)))
    cell.check_errors(report)


for name, disordered_words in DISORDERED.items():
    cells = SOCKET if name == "twamp" else SOCKET + DPDK

    @row(f"{name}: 1 % duplicates each way are counted exactly", cells=cells)
    def _(cell: Cell, words=disordered_words):
        check_disorder(cell, words, out={"duplicate": 0.01}, back={"duplicate": 0.01})

    @row(f"{name}: 1 % reordered on the way there are counted exactly", cells=cells)
    def _(cell: Cell, words=disordered_words):
        check_disorder(cell, words, out={"reorder": 0.01})

    @row(f"{name}: 1 % reordered on the way back are counted exactly", cells=cells)
    def _(cell: Cell, words=disordered_words):
        check_disorder(cell, words, back={"reorder": 0.01})


# --- far ends with faults ---


@row("a reflector that swaps T1 and T3 is seen through", times=True)
def _(cell: Cell):
    report = cell.run(*STAMP, "-p", str(SWAPPED))
    cell.check_median(report)
    cell.check_errors(report, swapped_timestamps=report["received"])
    cell.check_near("forward", report["forward_ns"]["p50"], cell.applied("out"))


@row("a STAMP reply that is one octet short is no reply")
def _(cell: Cell):
    report = cell.run(*STAMP, "-p", str(CUT_43), count=30, status=1)
    cell.test.assertEqual((report["received"], report["lost"]), (0, report["sent"]))
    cell.check_errors(report, bad_length=report["sent"])


@row("a TWAMP-Light reflector that cuts its replies to 38 octets is measured", times=True)
def _(cell: Cell):
    report = cell.run(*STAMP, "--twamp-light", "-p", str(CUT_38))
    cell.check_median(report)
    cell.check_errors(report)


@row("a reflector that echoes nothing of the probes has none of them answered")
def _(cell: Cell):
    report = cell.run(*STAMP, "-p", str(ECHOES_NOTHING), count=30, status=1)
    cell.test.assertEqual((report["received"], report["duplicate"]), (0, 0))
    cell.check_errors(report, unknown_sequence=report["sent"])


@row("a reflector that tells no time gives round trips and no one-way delay", times=True)
def _(cell: Cell):
    report = cell.run(*STAMP, "-p", str(TELLS_NO_TIME))
    cell.check_median(report)
    cell.check_errors(report, bad_timestamp=report["received"])
    cell.test.assertNotIn("forward_ns", report)


@row("a reflector whose own count begins anew loses no reply, and its restart is counted")
def _(cell: Cell):
    cell.set("out", loss=0.05)  # a count is only believed after it has fallen behind ours
    before = cell.counts()
    report = cell.run(*STAMP, "--loss-by-direction", "-p", str(RESTARTS), count=3 * TURN, interval="3ms")
    out, back = cell.since(before, "lost")
    cell.test.assertEqual((report["lost"], back), (out, 0))
    cell.test.assertEqual(report["errors"].get("reflector-restarted"), 1, report["errors"])
    cell.test.assertNotIn("lost-reverse", report["errors"])
    cell.test.assertLessEqual(report["errors"].get("lost-forward", 0), out)


@row("a reflector that counts and does not begin anew is not said to have")
def _(cell: Cell):
    cell.set("out", loss=0.05)
    report = cell.run(*STAMP, "--loss-by-direction", "-p", str(COUNTS), count=3 * TURN, interval="3ms")
    cell.test.assertEqual(set(report["errors"]), {"lost-forward"})


@row("an echo service that echoes nothing has no probe answered")
def _(cell: Cell):
    report = cell.run("--protocol", "udp-echo", "-p", str(EMPTY_ECHO), count=30, status=1)
    cell.test.assertEqual(report["received"], 0)
    cell.check_errors(report, bad_length=report["sent"])


@row("an echo service that cuts what it echoes has no probe answered")
def _(cell: Cell):
    report = cell.run("--protocol", "udp-echo", "-p", str(CUT_ECHO), count=30, status=1)
    cell.test.assertEqual(report["received"], 0)
    cell.check_errors(report, bad_length=report["sent"])


if __name__ == "__main__":
    sys.exit(main())
