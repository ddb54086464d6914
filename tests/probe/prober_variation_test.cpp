// SPDX-License-Identifier: Apache-2.0
// Inter-packet delay variation: which round trips are compared with which.
#include <catch2/catch.hpp>
#include <optional>
#include <vector>

#include "probe/matcher.hpp"
#include "tests/probe/prober_fixture.hpp"

namespace strait::probe {
namespace {

using namespace std::chrono_literals;
using Delay = std::optional<Nanos>;  // one way; nothing: lost

// IPDV of a session whose probes have these delays, 100 ms apart.
Sketch variation_of(const std::vector<Delay>& delays, std::uint32_t first_sequence) {
  Bench bench;
  std::size_t number = 0;
  bench.net.network = [&](const FakeTransport::Sent& probe) {
    if (const Delay delay = delays.at(number++)) bench.net.reflect(probe, *delay);
  };
  SessionSpec spec = Bench::spec(Protocol::stamp, 100ms, delays.size());
  spec.first_sequence = first_sequence;
  REQUIRE(bench.prober.add(spec).has_value());
  bench.run(30s);
  return bench.total().ipdv;
}

}  // namespace

TEST_CASE("the round trips of probes that were sent one after the other are compared") {
  struct Case {
    const char* what;
    std::vector<Delay> delays;  // a round trip is twice as long
    std::uint64_t pairs;
    Nanos sum;  // of the differences
    Delay greatest;
  };
  const auto c = GENERATE(values<Case>({
      {"up and down", {10ms, 12ms, 11ms}, 2, 6ms, 4ms},
      {"alike", {10ms, 10ms, 10ms}, 2, 0ms, 0ms},
      {"one alone", {10ms}, 0, 0ms, {}},
      {"a lost one is in no pair", {10ms, {}, 12ms}, 0, 0ms, {}},
      {"nor are those around it one", {10ms, 12ms, {}, 11ms, 15ms}, 2, 12ms, 8ms},
      {"a late one is lost", {10ms, 600ms, 12ms, 13ms}, 1, 2ms, 2ms},
      {"overtaken by two", {10ms, 150ms, 10ms, 11ms}, 3, 280ms + 280ms + 2ms, 280ms},
      {"overtaken first", {150ms, 10ms}, 1, 280ms, 280ms},
      {"overtaken last", {10ms, 150ms, 10ms}, 2, 560ms, 280ms},
      {"each overtakes the one before", {250ms, 190ms, 130ms}, 2, 240ms, 120ms},
      {"overtaken beside a lost one", {10ms, {}, 150ms, 10ms}, 1, 280ms, 280ms},
  }));
  CAPTURE(c.what);
  // Numbers that wrap around change nothing.
  const auto first = GENERATE(values<std::uint32_t>({0, 0xffffffff}));
  const Sketch ipdv = variation_of(c.delays, first);
  CHECK(ipdv.count() == c.pairs);
  CHECK(ipdv.sum() == c.sum);
  CHECK(ipdv.max() == c.greatest);
  CHECK(ipdv.negative_count() == 0);
  CHECK(ipdv.schema() == variation_schema);
}

TEST_CASE("a further reply makes no further pair") {
  Bench bench;
  bench.net.network = [&](const FakeTransport::Sent& probe) {
    bench.net.reflect(probe, 10ms);
    bench.net.reflect(probe, 30ms);
  };
  REQUIRE(bench.prober.add(Bench::spec(Protocol::stamp, 100ms, 5)).has_value());
  bench.run(5s);
  const Window total = bench.total();
  CHECK(total.counts.duplicate == 5);
  CHECK(total.ipdv.count() == 4);
  CHECK(total.ipdv.max() == std::optional<Nanos>{0ms});
}

TEST_CASE("a pair is of the window of its second probe, so none is lost between windows") {
  Bench bench;
  std::uint64_t number = 0;
  // Every fifth is overtaken by the next one.
  bench.net.network = [&](const FakeTransport::Sent& probe) {
    bench.net.reflect(probe, number++ % 5 == 4 ? 90ms : 10ms);
  };
  REQUIRE(bench.prober.add(Bench::spec(Protocol::stamp, 100ms, 250)).has_value());
  bench.run(40s);
  bench.collect(bench.prober.finish());
  REQUIRE(bench.windows.size() >= 3);
  std::uint64_t sent = 0;
  for (std::size_t i = 0; i < bench.windows.size(); ++i) {
    const Window& window = bench.windows[i];
    CAPTURE(i);
    CHECK(window.counts.reordered > 0);
    CHECK(window.ipdv.count() == window.counts.sent - (i == 0 ? 1 : 0));
    sent += window.counts.sent;
  }
  CHECK(sent == 250);
}

TEST_CASE("a window that is still open shows the pairs that it has so far") {
  Bench bench;
  bench.net.network = [&](const FakeTransport::Sent& probe) { bench.net.reflect(probe, 10ms); };
  REQUIRE(bench.prober.add(Bench::spec(Protocol::stamp, 100ms)).has_value());
  bench.run(1s);
  const auto open = bench.prober.open_windows();
  REQUIRE(open.size() == 1);
  CHECK(open[0].rtt.count() >= 9);
  CHECK(open[0].ipdv.count() == open[0].rtt.count() - 1);
}

TEST_CASE("a probe whose timestamps are too uncertain is in no pair") {
  Bench bench;
  std::uint64_t number = 0;
  bench.net.network = [&](const FakeTransport::Sent& probe) {
    const bool apart = number++ % 4 == 3;
    bench.net.reflect(probe, 10ms, 0ns, [&](Arrival& arrival, auto&) {
      const Instant now = bench.clock.now();
      arrival.received = {now.mono + 20ms, now.wall + 20ms, StampSource::tsc,
                          apart ? Nanos{300us} : Nanos{10us}};
    });
  };
  REQUIRE(bench.prober.add(Bench::spec(Protocol::stamp, 100ms, 12)).has_value());
  bench.run(5s);
  const Window total = bench.total();
  CHECK(total.uncertain.count() == 3);
  CHECK(total.ipdv.count() == 6);  // two of each three in a row
}

TEST_CASE("each session is a chain of its own") {
  Bench bench;
  bench.net.network = [&](const FakeTransport::Sent& probe) {
    bench.net.reflect(probe, probe.flow == 0 ? 10ms : 40ms);
  };
  for (int i = 0; i < 2; ++i) {
    REQUIRE(bench.prober.add(Bench::spec(Protocol::stamp, 100ms, 10)).has_value());
  }
  bench.run(5s);
  const Window total = bench.total();
  CHECK(total.rtt.max() == std::optional<Nanos>{80ms});
  CHECK(total.ipdv.count() == 18);
  CHECK(total.ipdv.max() == std::optional<Nanos>{0ms});
}

TEST_CASE("an answered probe holds its round trip, and no other does") {
  Probe probe;
  probe.sent_mono = MonoTime{5h};
  for (const auto state : {Probe::State::none, Probe::State::outstanding, Probe::State::lost}) {
    probe.state = state;
    CHECK_FALSE(probe.round_trip().has_value());
  }
  probe.answer(20ms);
  CHECK(probe.state == Probe::State::answered);
  CHECK(probe.round_trip() == std::optional<Nanos>{20ms});
  probe.answer(std::nullopt);
  CHECK(probe.state == Probe::State::answered);
  CHECK_FALSE(probe.round_trip().has_value());
}

}  // namespace strait::probe
