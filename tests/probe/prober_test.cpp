// SPDX-License-Identifier: Apache-2.0
#include "probe/prober.hpp"

#include <catch2/catch.hpp>

#include "tests/probe/prober_fixture.hpp"

namespace strait::probe {
namespace {

using namespace std::chrono_literals;

void check_sum(const Window& window) {
  CHECK(window.counts.scheduled == window.counts.sent + window.counts.missed);
  CHECK(window.counts.sent ==
        window.counts.received + window.counts.lost + Bench::errors(window, "outstanding"));
}

TEST_CASE("a clean path is measured to the nanosecond, with STAMP and with ICMP") {
  const auto protocol = GENERATE(Protocol::stamp, Protocol::icmp);
  Bench bench;
  bench.net.network = [&](const auto& probe) { bench.net.reflect(probe, 10ms, 40us); };
  REQUIRE(bench.prober.add(Bench::spec(protocol, 100ms, 50)).has_value());
  bench.run(30s);
  CHECK(bench.prober.active() == 0);
  const Window total = bench.total();
  check_sum(total);
  CHECK(total.counts.sent == 50);
  CHECK(total.counts.received == 50);
  CHECK(total.counts.errors.empty());
  const Nanos rtt = protocol == Protocol::stamp ? 20ms : 20ms + 40us;
  CHECK(total.rtt.min() == std::optional<Nanos>{rtt});
  CHECK(total.rtt.max() == std::optional<Nanos>{rtt});
  CHECK(total.lag.count() == 50);
  CHECK(total.source == StampSource::tsc);
  CHECK(total.forward.count() == (protocol == Protocol::stamp ? 50 : 0));
  if (protocol == Protocol::stamp) {
    CHECK(total.forward.min() == std::optional<Nanos>{10ms});
    CHECK(total.reverse.max() == std::optional<Nanos>{10ms});
  }
  REQUIRE(bench.outcomes.size() == 50);
  CHECK(bench.outcomes[7].sequence == 7);
  CHECK(bench.outcomes[7].hop_limit == 59);
}

TEST_CASE("a counted session is over as soon as its last reply is in") {
  Bench bench;
  bench.net.network = [&](const auto& probe) { bench.net.reflect(probe, 5ms); };
  REQUIRE(bench.prober.add(Bench::spec(Protocol::stamp, 10ms, 3)).has_value());
  int steps = 0;
  run_while(bench.prober, bench.net, [&] { return ++steps < 1000 && bench.prober.active() > 0; });
  CHECK(bench.clock.now().mono - test_start.mono < 100ms);
  check_sum(bench.total());
}

TEST_CASE("loss, duplicates, late replies and reordering each have their count") {
  Bench bench;
  std::uint32_t n = 0;
  bench.net.network = [&](const FakeTransport::Sent& probe) {
    switch (n++ % 10) {
      case 0:
        return;  // lost
      case 1:
        bench.net.reflect(probe, 10ms);
        bench.net.reflect(probe, 11ms);  // duplicate
        return;
      case 2:
        bench.net.reflect(probe, 600ms);  // 1.2 s: late
        bench.net.reflect(probe, 700ms);  // and a duplicate of that
        return;
      case 3:
        bench.net.reflect(probe, 150ms);  // overtaken by the next two
        return;
      default:
        bench.net.reflect(probe, 10ms);
    }
  };
  REQUIRE(bench.prober.add(Bench::spec(Protocol::stamp, 100ms, 100)).has_value());
  bench.run(40s);
  const Window total = bench.total();
  check_sum(total);
  CHECK(total.counts.sent == 100);
  CHECK(total.counts.received == 80);
  CHECK(total.counts.lost == 20);
  CHECK(total.counts.late == 10);
  CHECK(total.counts.duplicate == 20);
  CHECK(total.counts.reordered == 10);
  CHECK(total.rtt.count() == 80);
  CHECK(total.counts.errors.empty());
}

TEST_CASE("a reply is judged by its times, however late we look") {
  Bench bench;
  bench.net.network = [&](const auto& probe) { bench.net.reflect(probe, 100ms); };
  REQUIRE(bench.prober.add(Bench::spec(Protocol::stamp, 100ms, 5)).has_value());
  bench.run(450ms);
  bench.clock.advance(5s);  // the process hangs; the replies wait in the socket
  bench.run(10s);
  const Window total = bench.total();
  check_sum(total);
  CHECK(total.counts.lost == 0);
  CHECK(total.counts.late == 0);
  CHECK(total.rtt.max() == std::optional<Nanos>{200ms});
}

TEST_CASE("windows end at multiples of their length, with everything decided, and add up") {
  Bench bench;
  std::uint32_t n = 0;
  bench.net.network = [&](const auto& probe) {
    if (n++ % 3 != 0) bench.net.reflect(probe, 200ms);
  };
  REQUIRE(bench.prober.add(Bench::spec(Protocol::stamp, 50ms)).has_value());
  bench.clock.advance(3s);
  bench.run(60s);
  REQUIRE(bench.windows.size() >= 5);
  for (std::size_t i = 0; i < bench.windows.size(); ++i) {
    const Window& window = bench.windows[i];
    CAPTURE(i);
    const WallTime end = window.start + window.length;
    CHECK(end.time_since_epoch() % 10s == 0ns);
    if (i > 0) CHECK(window.length == 10s);
    CHECK(window.counts.sent == window.counts.received + window.counts.lost);
    if (i > 0) CHECK(window.start == bench.windows[i - 1].start + bench.windows[i - 1].length);
    if (i > 0) CHECK(window.counts.scheduled == Approx(200).margin(2));
  }
  const Window total = bench.total();
  check_sum(total);
  CHECK(total.counts.sent == bench.net.sent);
}

TEST_CASE("two runs within one window's time give two windows that do not overlap") {
  Bench bench;
  bench.net.network = [&](const auto& probe) { bench.net.reflect(probe, 20ms); };
  REQUIRE(bench.prober.add(Bench::spec(Protocol::stamp, 50ms)).has_value());
  bench.run(3s);
  const WallTime ended = bench.clock.now().wall;
  const auto first = bench.prober.finish();
  REQUIRE(first.size() == 1);
  CHECK(first[0].start + first[0].length <= ended);
  CHECK(first[0].counts.sent > 50);

  ProberOptions options;
  options.window = 10s;
  Prober again{bench.net, options};
  REQUIRE(again.add(Bench::spec(Protocol::stamp, 50ms)).has_value());
  bench.clock.advance(60ms);
  again.step();
  const auto second = again.open_windows();
  REQUIRE(second.size() == 1);
  for (const Window& window : second) CHECK(window.start >= first[0].start + first[0].length);
}

TEST_CASE("a stalled process misses slots and says so; it never bursts to catch up") {
  Bench bench;
  bench.net.network = [&](const auto& probe) { bench.net.reflect(probe, 1ms); };
  REQUIRE(bench.prober.add(Bench::spec(Protocol::stamp, 10ms)).has_value());
  bench.run(1s);
  const std::uint64_t before = bench.net.sent;
  bench.clock.advance(500ms);
  bench.prober.step();
  CHECK(bench.net.sent == before + 1);
  bench.run(1s);
  const Window total = bench.total();
  check_sum(total);
  CHECK(total.counts.missed == Approx(49).margin(2));
  CHECK(total.counts.scheduled == Approx(250).margin(2));
  CHECK(*total.lag.max() > 490ms);
}

TEST_CASE("slots that come closer than the catch-up share a burst, numbered without a gap") {
  Bench bench;
  std::vector<std::uint32_t> numbers;
  std::uint64_t calls = 0;
  bench.net.network = [&](const FakeTransport::Sent& sent) {
    numbers.push_back(sent.tag);
    bench.net.reflect(sent, 50us);
  };
  auto spec = Bench::spec(Protocol::stamp, 1us, 3000);
  spec.schedule.jitter = 0;
  spec.timeout = 1ms;

  SECTION("all are taken") {}
  SECTION("a queue that takes five at a time: the rest keeps its numbers and its slots") {
    bench.net.room = 5;
  }
  SECTION("some are refused: they are missed, and their numbers are not used again") {
    bench.net.refuses = [&](FlowId) { return ++calls % 7 == 0; };
  }
  REQUIRE(bench.prober.add(spec));
  while (bench.prober.active() > 0) {
    bench.prober.step();
    bench.clock.advance(10us);
  }
  const Window total = bench.total();
  CHECK(total.counts.scheduled == 3000);
  CHECK(total.counts.sent == bench.net.sent);
  CHECK(total.counts.received == bench.net.sent);
  CHECK(total.counts.sent + total.counts.missed == 3000);
  if (bench.net.room > 5 && calls == 0) CHECK(total.counts.missed == 0);
  CHECK(Bench::errors(total, "send-refused") == calls / 7);
  CHECK(std::ranges::is_sorted(numbers));
  CHECK(std::ranges::adjacent_find(numbers) == numbers.end());
  if (calls == 0) CHECK(numbers.back() + 1 == numbers.size());
  if (bench.net.room > 5) CHECK(*total.lag.max() <= 10us + Schedule::catch_up);
}

TEST_CASE("sequence numbers wrap without a trace") {
  const auto protocol = GENERATE(Protocol::stamp, Protocol::icmp);
  Bench bench;
  bench.net.network = [&](const auto& probe) { bench.net.reflect(probe, 35ms); };
  SessionSpec spec = Bench::spec(protocol, 10ms, 100);
  spec.first_sequence = 0xffffffff - 50;
  REQUIRE(bench.prober.add(spec).has_value());
  bench.run(5s);
  const Window total = bench.total();
  CHECK(total.counts.received == 100);
  CHECK(total.counts.lost == 0);
  CHECK(total.counts.reordered == 0);
  CHECK(total.counts.errors.empty());
}

TEST_CASE("a transmit stamp counts before and after its reply; without one the worse is named") {
  const auto order = GENERATE(as<std::string>{}, "before", "after", "never");
  CAPTURE(order);
  Bench bench;
  bench.net.stamps_follow = true;
  bench.net.source = StampSource::user;
  bench.net.uncertainty = 9ms;  // the sending thread was held up
  bench.net.network = [&](const FakeTransport::Sent& probe) {
    bench.net.reflect(probe, 10ms, 0ns, [&](Arrival& arrival, auto&) {
      const Instant now = bench.clock.now();
      arrival.received = {now.mono + 20ms, now.wall + 20ms, StampSource::kernel, {}};
    });
    if (order == "never") return;
    Arrival stamp;
    stamp.kind = Arrival::Kind::transmit_stamp;
    stamp.flow = probe.flow;
    stamp.tag = probe.tag;
    stamp.received = {probe.stamp.mono + 6us, probe.stamp.wall + 6us, StampSource::kernel, {}};
    bench.net.deliver(order == "before" ? 1ms : 25ms, stamp);
  };
  REQUIRE(bench.prober.add(Bench::spec(Protocol::icmp, 100ms, 20)).has_value());
  bench.run(5s);
  const Window total = bench.total();
  check_sum(total);
  CHECK(total.counts.received == 20);
  const bool never = order == "never";
  // 9 ms are too much for a sample.
  CHECK(total.rtt.count() == (never ? 0 : 20));
  CHECK(total.uncertain.count() == (never ? 20 : 0));
  CHECK((never ? total.uncertain : total.rtt).max() ==
        std::optional<Nanos>{never ? 20ms : 20ms - 6us});
  CHECK(total.source == (never ? StampSource::user : StampSource::kernel));
  CHECK(total.uncertainty == 0ms);
  CHECK(Bench::errors(total, "no-transmit-stamp") == (never ? 20 : 0));
}

TEST_CASE("replies are in the order in which they came, not in that of their transmit stamps") {
  Bench bench;
  bench.net.stamps_follow = true;
  bench.net.network = [&](const FakeTransport::Sent& probe) {
    bench.net.reflect(probe, 10ms);
    Arrival stamp;
    stamp.kind = Arrival::Kind::transmit_stamp;
    stamp.flow = probe.flow;
    stamp.tag = probe.tag;
    stamp.received = {probe.stamp.mono + 6us, probe.stamp.wall + 6us, StampSource::kernel, {}};
    bench.net.deliver(probe.tag % 2 == 0 ? 29ms : 1ms, stamp);
  };
  REQUIRE(bench.prober.add(Bench::spec(Protocol::stamp, 5ms, 20)).has_value());
  bench.run(5s);
  const Window total = bench.total();
  CHECK(total.counts.received == 20);
  CHECK(total.counts.reordered == 0);
  CHECK(total.counts.errors.empty());
}

TEST_CASE("samples whose two timestamps together are too uncertain are kept apart, not lost") {
  Bench bench;
  const Nanos of_sending{48 << 11};  // 98,304 ns, which 10 bits hold exactly
  bench.net.uncertainty = of_sending;
  std::uint64_t number = 0;
  bench.net.network = [&](const FakeTransport::Sent& probe) {
    // Every fourth one is a nanosecond above the limit of 250 us, and has a delay of its own.
    const bool above = number++ % 4 == 3;
    const Nanos one_way = above ? 30ms : 10ms;
    const Nanos of_receiving = 250us - of_sending + (above ? 1ns : 0ns);
    bench.net.reflect(probe, one_way, 0ns, [&](Arrival& arrival, auto&) {
      const Instant now = bench.clock.now();
      arrival.received = {now.mono + 2 * one_way, now.wall + 2 * one_way, StampSource::tsc,
                          of_receiving};
    });
  };
  REQUIRE(bench.prober.add(Bench::spec(Protocol::stamp, 100ms, 80)).has_value());
  bench.run(15s);
  const Window total = bench.total();
  check_sum(total);
  CHECK(total.counts.received == 80);
  CHECK(total.counts.lost == 0);
  CHECK(total.rtt.count() == 60);
  CHECK(total.rtt.max() == std::optional<Nanos>{20ms});
  CHECK(total.forward.count() == 60);
  CHECK(total.forward.max() == std::optional<Nanos>{10ms});
  CHECK(total.reverse.max() == std::optional<Nanos>{10ms});
  CHECK(total.uncertain.count() == 20);
  CHECK(total.uncertain.min() == std::optional<Nanos>{60ms});
  CHECK(total.uncertainty == 250us);
  CHECK(std::ranges::count_if(bench.outcomes, &Outcome::kept_apart) == 20);
  for (const Outcome& outcome : bench.outcomes) {
    CHECK(outcome.uncertainty == (outcome.kept_apart ? 250us + 1ns : 250us));
    CHECK(outcome.rtt == std::optional<Nanos>{outcome.kept_apart ? 60ms : 20ms});
  }
}

TEST_CASE("a wall clock that is set spoils one-way delays, never the sum") {
  Bench bench;
  bench.net.network = [&](const auto& probe) { bench.net.reflect(probe, 100ms); };
  REQUIRE(bench.prober.add(Bench::spec(Protocol::stamp, 50ms)).has_value());
  bench.run(5s);
  const auto step = GENERATE(values<Nanos>({-3s, 3s, -1h, 1h}));
  CAPTURE(step.count());
  bench.clock.step_wall(step);
  bench.run(40s);
  const Window total = bench.total();
  check_sum(total);
  CHECK(total.counts.lost == 0);
  CHECK(total.rtt.min() == std::optional<Nanos>{200ms});
  CHECK(total.rtt.max() == std::optional<Nanos>{200ms});
  CHECK(Bench::errors(total, "clock-step") >= 4);
  CHECK(total.forward.negative_count() == 0);
}

TEST_CASE("a full transport queue delays, a dead flow misses, others go on") {
  Bench bench;
  bench.net.network = [&](const auto& probe) { bench.net.reflect(probe, 1ms); };
  bench.net.refuses = [](FlowId flow) { return flow == 0; };
  SessionSpec dead = Bench::spec(Protocol::stamp, 10ms, 100);
  dead.key.target = "dead";
  REQUIRE(bench.prober.add(dead).has_value());
  REQUIRE(bench.prober.add(Bench::spec(Protocol::stamp, 10ms, 100)).has_value());
  bench.run(500ms);
  bench.net.room = 0;
  bench.run(55ms);
  bench.net.room = 1000;
  bench.run(5s);
  bench.collect(bench.prober.finish());
  for (const Window& window : bench.windows) {
    check_sum(window);
    CHECK(window.counts.scheduled == 100);
    if (window.session.target == "dead") {
      CHECK(window.counts.missed == 100);
      CHECK(Bench::errors(window, "send-refused") >= 90);
    } else {
      CHECK(window.counts.missed == Approx(5).margin(1));
      CHECK(window.counts.received == window.counts.sent);
    }
  }
}

TEST_CASE("a removed session sends no more, but its probes are decided and its window comes") {
  Bench bench;
  bench.net.network = [&](const auto& probe) { bench.net.reflect(probe, 200ms); };
  const auto first = bench.prober.add(Bench::spec(Protocol::stamp, 50ms));
  const auto second = bench.prober.add(Bench::spec(Protocol::stamp, 50ms));
  REQUIRE(first.has_value());
  bench.run(5s);
  bench.prober.remove(*first);
  bench.prober.remove(*first);
  bench.run(1s);
  CHECK(bench.prober.active() == 1);
  CHECK(bench.net.closed.empty());
  bench.run(40s);
  CHECK(bench.net.closed == std::vector<FlowId>{0});
  REQUIRE(bench.prober.add(Bench::spec(Protocol::stamp, 50ms)).has_value());
  bench.run(20s);
  const Window total = bench.total();
  check_sum(total);
  CHECK(total.counts.lost == 0);
  CHECK(bench.prober.active() == 0);
  CHECK(bench.net.closed.size() == 3);
}

TEST_CASE("finishing at once leaves what is open open; draining decides it") {
  const bool drained = GENERATE(false, true);
  Bench bench;
  REQUIRE(bench.prober.add(Bench::spec(Protocol::stamp, 100ms)).has_value());
  bench.run(5s + 10ms);
  if (drained) drain(bench.prober, bench.net, 10s);
  CHECK(bench.prober.outstanding() == (drained ? 0 : 10));
  const Window total = bench.total();
  check_sum(total);
  CHECK(Bench::errors(total, "outstanding") == (drained ? 0 : 10));
  CHECK(total.counts.lost == (drained ? 50 : 40));
}

TEST_CASE("specs that cannot be measured are refused by name") {
  struct Case {
    const char* error;
    std::function<void(SessionSpec&)> spoil;
  };
  const std::vector<Case> cases{
      {"interval", [](SessionSpec& s) { s.schedule.interval = 0ns; }},
      {"time-out", [](SessionSpec& s) { s.timeout = -1s; }},
      {"jitter", [](SessionSpec& s) { s.schedule.jitter = 1.5; }},
      {"port", [](SessionSpec& s) { s.flow.destination.port = 0; }},
      {"44", [](SessionSpec& s) { s.flow.max_payload = 43; }},
      {"48", [](SessionSpec& s) { s.flow.max_payload = 46; }},
      {"9000", [](SessionSpec& s) { s.flow.max_payload = 9001; }},
      {"DSCP", [](SessionSpec& s) { s.key.dscp = 64; }},
      {"24", [](SessionSpec& s) { s.key.protocol = Protocol::icmp, s.flow.max_payload = 20; }},
  };
  for (const Case& c : cases) {
    CAPTURE(c.error);
    Bench bench;
    SessionSpec spec = Bench::spec(Protocol::stamp, 10ms);
    c.spoil(spec);
    const auto id = bench.prober.add(spec);
    REQUIRE_FALSE(id.has_value());
    CHECK_THAT(id.error().message, Catch::Contains(c.error));
    CHECK_THAT(id.error().message, Catch::Contains("atlas"));
  }
}

TEST_CASE("10,000 sessions keep their schedules and their windows") {
  Bench bench;
  bench.net.network = [&](const auto& probe) { bench.net.reflect(probe, 20ms); };
  for (int i = 0; i < 10'000; ++i) {
    SessionSpec spec = Bench::spec(i % 2 == 0 ? Protocol::stamp : Protocol::icmp, 1s);
    spec.key.target = std::to_string(i);
    REQUIRE(bench.prober.add(spec).has_value());
  }
  bench.run(22s);
  bench.collect(bench.prober.finish());
  std::uint64_t sent = 0;
  Nanos worst{};
  for (const Window& window : bench.windows) {
    REQUIRE(window.counts.missed == 0);
    REQUIRE(window.counts.lost == 0);
    REQUIRE(window.counts.sent == window.counts.received + Bench::errors(window, "outstanding"));
    sent += window.counts.sent;
    worst = std::max(worst, *window.lag.max());
  }
  CHECK(sent == bench.net.sent);
  CHECK(static_cast<double>(sent) == Approx(220'000).epsilon(0.01));
  CHECK(worst < 10us);
}

}  // namespace
}  // namespace strait::probe
