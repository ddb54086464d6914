// SPDX-License-Identifier: Apache-2.0
#include "cli/service/totals.hpp"

#include <catch2/catch.hpp>

using namespace strait;
using namespace strait::cli;
using namespace std::chrono_literals;

namespace {

constexpr WallTime start{29'000'000 * 60s};
const std::map<std::string, std::string, std::less<>> regions{{"madrid", "europe"}};

// The window of minute `index` after `probes` of its probes were sent, all but the last answered.
Window window(const char* target, int index, std::uint64_t probes) {
  Window window;
  window.session = {.path = "atlas", .target = target};
  window.start = start + (index * 1min);
  window.length = 1min;
  window.counts.scheduled = window.counts.sent = probes;
  for (std::uint64_t i = 1; i < probes; ++i) {
    ++window.counts.received;
    window.rtt.record(20ms + (index * 1us));
  }
  return window;
}

}  // namespace

TEST_CASE("counters only grow while windows open, grow and close") {
  Totals totals;
  std::uint64_t sent = 0;
  std::uint64_t replies = 0;
  const auto read = [&](std::span<const Window> open) {
    const auto sessions = totals.with(open, regions);
    REQUIRE(sessions.size() == 1);
    const Window& total = sessions.front().total;
    CHECK(total.counts.sent >= sent);
    CHECK(total.rtt.count() >= replies);
    sent = total.counts.sent;
    replies = total.rtt.count();
  };
  for (int minute = 0; minute < 5; ++minute) {
    for (std::uint64_t probes = 1; probes <= 30; ++probes) {
      read(std::vector{window("madrid", minute, probes)});
    }
    // The window that has just ended waits for its last replies while the next one is open.
    read(std::vector{window("madrid", minute, 30), window("madrid", minute + 1, 1)});
    totals.add(std::vector{window("madrid", minute, 30)});
    read(std::vector{window("madrid", minute + 1, 1)});
  }
  CHECK(sent == 151);
  CHECK(replies == 145);
}

TEST_CASE("the flows of a session are one snapshot, and only their newest windows its newest") {
  const auto of_flow = [](std::uint16_t flow, int minute, std::uint64_t probes) {
    Window made = window("madrid", minute, probes);
    made.session.flow = flow;
    return made;
  };
  Totals totals;
  totals.add(std::vector{of_flow(0, 0, 10), of_flow(1, 0, 10), of_flow(2, 0, 10), of_flow(0, 1, 20),
                         of_flow(2, 1, 20)});
  const auto sessions = totals.with(std::vector{of_flow(1, 2, 3), of_flow(3, 2, 4)}, regions);
  REQUIRE(sessions.size() == 1);
  CHECK(sessions[0].total.session.flow == 0);
  CHECK(sessions[0].total.counts.sent == 77);
  REQUIRE(sessions[0].newest);
  CHECK(sessions[0].newest->counts.sent == 40);
  CHECK(sessions[0].newest->start == start + 1min);

  totals.keep_only({{.path = "atlas", .target = "madrid", .flow = 2}});
  REQUIRE(totals.with({}, regions).size() == 1);
  CHECK(totals.with({}, regions)[0].total.counts.sent == 30);
}

TEST_CASE("every session has its region, its sum and its newest closed window") {
  Totals totals;
  totals.add(std::vector{window("madrid", 1, 20), window("madrid", 0, 10), window("dakar", 0, 5)});
  const auto sessions = totals.with(std::vector{window("oran", 2, 3)}, regions);
  REQUIRE(sessions.size() == 3);
  CHECK(sessions[0].total.session.target == "dakar");
  CHECK(sessions[0].region.empty());
  CHECK(sessions[1].total.counts.sent == 30);
  CHECK(sessions[1].total.start == start);
  CHECK(sessions[1].total.length == 2min);
  CHECK(sessions[1].region == "europe");
  REQUIRE(sessions[1].newest);
  CHECK(*sessions[1].newest == window("madrid", 1, 20));
  CHECK(sessions[2].total.counts.sent == 3);
  CHECK_FALSE(sessions[2].newest);  // nothing is closed yet
}

TEST_CASE("reading with open windows does not change what is closed") {
  Totals totals;
  totals.add(std::vector{window("madrid", 0, 10)});
  const std::vector open{window("madrid", 1, 7)};
  CHECK(totals.with(open, regions).front().total.counts.sent == 17);
  CHECK(totals.with(open, regions).front().total.counts.sent == 17);
  CHECK(totals.with({}, regions).front().total.counts.sent == 10);
}

TEST_CASE("a session that is no longer configured is gone") {
  Totals totals;
  totals.add(std::vector{window("madrid", 0, 10), window("dakar", 0, 5)});
  totals.keep_only({window("madrid", 0, 0).session});
  const auto sessions = totals.with({}, regions);
  REQUIRE(sessions.size() == 1);
  CHECK(sessions.front().total.session.target == "madrid");
}

TEST_CASE("a window that is no evidence counts, and is not the newest") {
  Totals totals;
  totals.add(std::vector{window("madrid", 0, 10)});
  totals.add_refused(std::vector{window("madrid", 1, 5), window("dakar", 1, 5)});
  auto sessions = totals.with({}, regions);
  REQUIRE(sessions.size() == 2);
  CHECK(sessions[1].total.counts.sent == 15);
  CHECK(sessions[1].newest->start == start);
  CHECK_FALSE(sessions[0].newest.has_value());
  totals.forget_newest("loukkos");
  CHECK(totals.with({}, regions)[1].newest.has_value());
  totals.forget_newest("atlas");
  sessions = totals.with({}, regions);
  CHECK_FALSE(sessions[1].newest.has_value());
  CHECK(sessions[1].total.counts.sent == 15);
}
