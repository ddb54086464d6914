// SPDX-License-Identifier: Apache-2.0
#include "probe/dpdk/poll_plan.hpp"

#include <algorithm>
#include <catch2/catch.hpp>

using namespace strait;
using namespace strait::probe::dpdk;
using namespace std::chrono_literals;

namespace {
const MonoTime start{1h};
constexpr Nanos slot{32'768};
}  // namespace

TEST_CASE("a poller with nothing to come sleeps until shortly before the next probe") {
  PollPlan plan;
  CHECK(plan.wake_time(start, start + 1ms) == start + 1ms - plan.lead());
  CHECK(plan.wake_time(start, start + 30us) == start);  // too near to sleep
  CHECK(plan.wake_time(start, start - 1s) == start);
  CHECK(plan.wake_time(start, start + 1h) <= start + 20ms);  // ARP requests want an answer
  CHECK(plan.wake_time(start, MonoTime::max()) <= start + 20ms);
}

TEST_CASE("a poller looks on while a reply is expected, and sleeps before") {
  PollPlan plan;
  plan.sent(start);
  plan.expect(start + 400us);
  const auto wake = plan.wake_time(start, start + 10ms);
  CHECK(wake > start + 400us - plan.lead() - slot);
  CHECK(wake <= start + 400us - plan.lead());
  CHECK(plan.wake_time(wake, start + 10ms) == wake);
  CHECK(plan.wake_time(start + 450us, start + 10ms) == start + 450us);

  SECTION("until it has come") {
    plan.arrived(1, start + 450us);
    CHECK(plan.pending() == 0);
    CHECK(plan.wake_time(start + 450us, start + 10ms) > start + 450us);
  }
  SECTION("and naps when it is late, until it has come") {
    for (const Nanos late : {100us, 1000us, 5000us}) {
      const auto now = start + 400us + 2 * slot + late;
      const auto next = plan.wake_time(now, start + 100ms);
      CAPTURE(late.count());
      CHECK(next > now);
      CHECK(next <= now + 50us);
    }
    plan.arrived(1, start + 6ms);
    CHECK(plan.pending() == 0);
    CHECK(plan.wake_time(start + 7ms, start + 100ms) == start + 7ms + 500us);
  }
  SECTION("or is given up") {
    CHECK(plan.wake_time(start + 30ms, start + 100ms) == start + 30ms + 500us);
    CHECK(plan.pending() == 0);
  }
}

TEST_CASE("an overdue reply does not hide one that is expected next") {
  PollPlan plan;
  plan.sent(start);
  plan.expect(start + 400us);
  plan.expect(start + 5ms);
  CHECK(plan.wake_time(start + 1ms, start + 100ms) > start + 1ms);
  CHECK(plan.wake_time(start + 5ms, start + 100ms) == start + 5ms);  // looks without a break
  CHECK(plan.pending() == 2);
  plan.arrived(1, start + 4900us);  // the overdue one
  CHECK(plan.wake_time(start + 5ms, start + 100ms) == start + 5ms);
}

TEST_CASE("a long wait for a reply is broken by glances, in case that the path got shorter") {
  PollPlan plan;
  plan.sent(start);
  plan.expect(start + 20ms);
  CHECK(plan.wake_time(start, start + 100ms) == start + 500us);
}

TEST_CASE("while the time of a reply is not known yet, the poller only naps") {
  PollPlan plan;
  plan.sent(start);
  CHECK(plan.wake_time(start, start + 10ms) == start + 50us);
  CHECK(plan.wake_time(start + 250ms, start + 260ms) == start + 250ms + 500us);
}

TEST_CASE("expectations are met in the order of their times, however they were made") {
  PollPlan plan;
  plan.sent(start);
  for (const auto when : {300us, 100us, 200us, 200us}) plan.expect(start + when);
  CHECK(plan.pending() == 4);
  plan.arrived(3, start + 200us);
  CHECK(plan.pending() == 1);
  const auto wake = plan.wake_time(start, start + 10ms);
  CHECK(wake > start + 300us - plan.lead() - slot);
  plan.arrived(5, start + 300us);
  CHECK(plan.pending() == 0);
}

TEST_CASE("replies that nobody expected leave later expectations alone") {
  PollPlan plan;
  // The first probes leave before it is known how long a reply takes.
  for (int i = 0; i < 3; ++i) plan.sent(start + i * 10ms);
  plan.arrived(1, start + 28ms);
  for (int i = 3; i < 6; ++i) {
    plan.sent(start + i * 10ms);
    plan.expect(start + i * 10ms + 28ms);
    if (i < 5) plan.arrived(1, start + (i - 2) * 10ms + 28ms);
  }
  CHECK(plan.pending() == 3);
  const auto wake = plan.wake_time(start + 57'900us, start + 60ms);
  CHECK(wake <= start + 58ms - plan.lead());
  CHECK(plan.wake_time(start + 58ms, start + 60ms) == start + 58ms);
}

TEST_CASE("an expectation beyond the horizon is dropped, not mistaken for a near one") {
  PollPlan plan;
  plan.expect(start + 10ms);
  plan.expect(start + 2s);
  CHECK(plan.pending() == 1);
  plan.expect(start - 2s);
  CHECK(plan.pending() == 1);
}

TEST_CASE("sleeps end earlier the later they were, within bounds") {
  PollPlan plan;
  for (int i = 0; i < 200; ++i) plan.slept(start, start + 10us, 0ns);
  CHECK(plan.lead() < 15us);
  for (int i = 0; i < 200; ++i) plan.slept(start, start + 80us, 0ns);
  CHECK(plan.lead() > 75us);
  for (int i = 0; i < 200; ++i) plan.slept(start, start + 20ms, 0ns);
  CHECK(plan.lead() <= 120us);
}

TEST_CASE("a poller whose replies are always near takes its share of a core and naps between") {
  const double share = GENERATE(0.2, 1.0);
  const Nanos trip = GENERATE(20'000us, 300us);
  const Nanos work = GENERATE(2us, 15us);   // of each look
  const Nanos waking = GENERATE(0us, 8us);  // what a sleep costs the processor besides
  CAPTURE(share, trip.count(), work.count(), waking.count());
  PollPlan plan{share};
  Nanos awake{};
  Nanos used{};
  Nanos longest{};
  MonoTime expected = start;
  MonoTime next_reply = start + 20us;
  MonoTime now = start;
  while (now < start + 1s) {
    for (; expected < now + trip; expected += 50us) {
      plan.sent(expected - trip);
      plan.expect(expected);
    }
    for (; next_reply <= now; next_reply += 50us) plan.arrived(1, now);
    now += work;
    awake += work;
    used += work;
    const MonoTime wake = plan.wake_time(now, now + 10ms);
    if (wake <= now) continue;
    longest = std::max(longest, wake - now);
    now = wake;
    awake += waking;
    plan.slept(wake, wake, used + waking);
    used = 0ns;
  }
  if (share == 1 || trip < 10ms) {
    CHECK(awake > 900ms);  // a nap would be much of what is measured
  } else {
    CHECK(awake < 230ms);
    CHECK(awake > 140ms);  // what it saves it uses
    CHECK(longest <= 100us);
  }
}

TEST_CASE("a poller in debt sleeps no farther over a slot than it was told to") {
  const auto lateness = GENERATE(0us, 20us, 1s);
  CAPTURE(lateness.count());
  PollPlan plan{0.2};
  plan.tolerate(lateness);
  plan.sent(start);
  for (auto when = 20ms; when < 22ms; when += 1ms) plan.expect(start + when);
  static_cast<void>(plan.wake_time(start + 10ms, start + 1s));
  const auto now = start + 20ms;  // ten milliseconds awake
  const auto wake = plan.wake_time(now, now + 40us);
  CHECK(wake >= now + std::min<Nanos>(40us + lateness, 50us));
  CHECK(wake <= now + std::min<Nanos>(40us + lateness, 100us));
  CHECK(plan.wake_time(now, now + 1ms) > now + 50us);
  CHECK(plan.wake_time(now, now + 1ms) <= now + 100us);
}
