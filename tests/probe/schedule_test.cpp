// SPDX-License-Identifier: Apache-2.0
#include "probe/schedule.hpp"

#include <catch2/catch.hpp>
#include <cmath>
#include <vector>

#include "probe/timer_wheel.hpp"

namespace strait::probe {
namespace {

using namespace std::chrono_literals;

constexpr MonoTime start{100s};

TEST_CASE("a periodic schedule keeps its grid, each probe within its share of the slot") {
  const auto jitter = GENERATE(0.0, 0.1, 1.0);
  CAPTURE(jitter);
  Schedule schedule{{ScheduleKind::periodic, 100ms, jitter}, start, 1};
  Schedule grid{{ScheduleKind::periodic, 100ms, 0}, start, 1};
  CHECK(grid.next() - start < 100ms);
  double sum = 0;
  for (int i = 0; i < 1000; ++i) {
    const Nanos offset = schedule.next() - grid.next();
    REQUIRE(offset >= 0ns);
    REQUIRE(offset <= Nanos{static_cast<std::int64_t>(jitter * 1e8)});
    sum += static_cast<double>(offset.count());
    REQUIRE(schedule.advance(schedule.next()) == 0);
    REQUIRE(grid.advance(grid.next()) == 0);
  }
  CHECK(sum / 1000 == Approx(jitter * 5e7).epsilon(0.1).margin(1));
}

TEST_CASE("who sends late by what a schedule tolerates misses no slot, or one in a thousand") {
  const auto jitter = GENERATE(0.0, 0.1, 1.0);
  const auto kind = GENERATE(ScheduleKind::periodic, ScheduleKind::poisson);
  CAPTURE(jitter, to_string(kind));
  const ScheduleSpec spec{kind, 100ms, jitter};
  Schedule schedule{spec, start, 1};
  std::uint64_t missed = 0;
  for (int i = 0; i < 100'000; ++i) {
    missed += schedule.advance(schedule.next() + tolerable_lateness(spec));
  }
  CHECK(missed <= (kind == ScheduleKind::poisson ? 150 : 0));
}

TEST_CASE("phases of sessions differ, the same seed gives the same schedule") {
  const ScheduleSpec spec{ScheduleKind::poisson, 10ms, 0};
  Schedule a{spec, start, 7};
  Schedule b{spec, start, 7};
  const Schedule c{spec, start, 8};
  CHECK(a.next() != c.next());
  for (int i = 0; i < 100; ++i) {
    REQUIRE(a.next() == b.next());
    (void)a.advance(a.next());
    (void)b.advance(b.next());
  }
}

TEST_CASE("Poisson gaps have the mean and spread of an exponential, cut at ten means") {
  Schedule schedule{{ScheduleKind::poisson, 1ms, 0}, start, 3};
  double sum = 0;
  double squares = 0;
  constexpr int n = 100'000;
  for (int i = 0; i < n; ++i) {
    const MonoTime before = schedule.next();
    REQUIRE(schedule.advance(before) == 0);
    const auto gap = static_cast<double>((schedule.next() - before).count()) / 1e6;
    REQUIRE(gap > 0);
    REQUIRE(gap <= 10);
    sum += gap;
    squares += gap * gap;
  }
  CHECK(sum / n == Approx(1).epsilon(0.02));
  CHECK(std::sqrt(squares / n - sum / n * (sum / n)) == Approx(1).epsilon(0.03));
}

TEST_CASE("after a stall the late slot is used once and the passed ones are missed") {
  struct Case {
    Nanos late;
    std::uint64_t missed;
  };
  const auto c = GENERATE(values<Case>({{0ns, 0},
                                        {99ms, 0},
                                        {100ms, 0},
                                        {100ms + Schedule::catch_up - 1ns, 0},
                                        {100ms + Schedule::catch_up, 1},
                                        {250ms, 2},
                                        {1s, 9},
                                        {1s + Schedule::catch_up, 10},
                                        {24h + 1ms, 864'000}}));
  CAPTURE(c.late.count());
  Schedule schedule{{ScheduleKind::periodic, 100ms, 0}, start, 5};
  const MonoTime first = schedule.next();
  CHECK(schedule.advance(first + c.late) == c.missed);
  CHECK(schedule.next() > first + c.late - Schedule::catch_up);
  CHECK(schedule.next() - (first + c.late) <= 100ms);
}

TEST_CASE("slots closer than the catch-up are all used, those beyond it are missed") {
  Schedule schedule{{ScheduleKind::periodic, 1us, 0}, start, 5};
  const MonoTime now = schedule.next() + 50us;  // slots 0 to 50 have come
  CHECK(schedule.advance(now) == 30);           // 1 to 30 are 20 us late or later
  std::uint64_t used = 0;
  for (; schedule.next() <= now; ++used) REQUIRE(schedule.advance(now) == 0);
  CHECK(used == 20);
  CHECK(schedule.next() == now + 1us);
}

TEST_CASE("no slot is lost or made up: sent and missed add up to the time that passed") {
  const auto kind = GENERATE(ScheduleKind::periodic, ScheduleKind::poisson);
  Schedule schedule{{kind, 1ms, 0.5}, start, 11};
  std::uint64_t slots = 0;
  MonoTime now = start;
  for (int i = 0; i < 2000; ++i) {
    now = std::max(now + Nanos{(i * 7919) % 9'000'000}, schedule.next());
    slots += 1 + schedule.advance(now);
  }
  const double passed = static_cast<double>((now - start).count()) / 1e6;
  CHECK(static_cast<double>(slots) == Approx(passed).epsilon(0.03));
}

TEST_CASE("a Poisson schedule survives a stall of a day at 10 us") {
  Schedule schedule{{ScheduleKind::poisson, 10us, 0}, start, 5};
  const auto missed = schedule.advance(start + 24h);
  CHECK(static_cast<double>(missed) == Approx(8.64e9).epsilon(0.001));
  CHECK(schedule.next() > start + 24h - Schedule::catch_up);
}

TEST_CASE("the wheel wakes each item once, never early, at most one look late") {
  TimerWheel wheel{start};
  constexpr std::uint32_t items = 5000;
  std::vector<MonoTime> due(items);
  for (std::uint32_t i = 0; i < items; ++i) {
    // From overdue to many turns ahead.
    due[i] = start + Nanos{static_cast<std::int64_t>(i) * 1'234'567 % 3'000'000'000 - 1000};
    wheel.insert(i, due[i]);
  }
  std::vector<bool> seen(items);
  std::vector<std::uint32_t> out;
  MonoTime now = start;
  MonoTime before = start - 1s;
  while (wheel.size() > 0) {
    out.clear();
    wheel.pop_due(now, 7, out);
    for (const std::uint32_t item : out) {
      REQUIRE_FALSE(seen[item]);
      seen[item] = true;
      REQUIRE(due[item] <= now);
      REQUIRE((due[item] > before || due[item] < start));
    }
    if (out.size() == 7) continue;
    before = now;
    const MonoTime next = wheel.next_due();
    if (next == MonoTime::max()) break;
    REQUIRE(next > now);
    now = next;
  }
  CHECK(std::count(seen.begin(), seen.end(), true) == items);
}

TEST_CASE("the wheel catches up after a stall longer than a turn") {
  TimerWheel wheel{start};
  for (std::uint32_t i = 0; i < 100; ++i) wheel.insert(i, start + i * 10ms);
  std::vector<std::uint32_t> out;
  wheel.pop_due(start + 10s, 1000, out);
  CHECK(out.size() == 100);
  CHECK(wheel.next_due() == MonoTime::max());
  wheel.insert(3, start + 11s);
  out.clear();
  wheel.pop_due(start + 11s - 1ns, 1000, out);
  CHECK(out.empty());
  wheel.pop_due(start + 11s, 1000, out);
  CHECK(out.size() == 1);
}

}  // namespace
}  // namespace strait::probe
