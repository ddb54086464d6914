// SPDX-License-Identifier: Apache-2.0
#include "cli/probe/fleet.hpp"

#include <array>
#include <catch2/catch.hpp>
#include <set>

#include "tests/cli/eventually.hpp"
#include "tests/cli/fast_network.hpp"

using namespace strait;
using namespace strait::cli;

namespace {

constexpr unsigned threads = 3;

std::vector<probe::SessionSpec> sessions(int count) {
  std::vector<probe::SessionSpec> specs;
  for (int i = 0; i < count; ++i) specs.push_back(spec(("t" + std::to_string(i)).c_str()));
  return specs;
}

auto network_of(std::array<Seen, threads>& seen) {
  return [&seen](unsigned thread) -> Result<std::unique_ptr<probe::Transport>> {
    return std::make_unique<FastNetwork>(seen.at(thread));
  };
}

}  // namespace

TEST_CASE("sessions are shared out among the threads, each to one and always the same") {
  std::array<int, threads> counts{};
  for (int i = 0; i < 3000; ++i) {
    const SessionKey key{"atlas", "t" + std::to_string(i), Protocol::stamp, 0};
    REQUIRE(thread_of(key, threads) == thread_of(key, threads));
    ++counts.at(thread_of(key, threads));
  }
  for (const int count : counts) CHECK(std::abs(count - 1000) < 150);
  CHECK(thread_of({"atlas", "t", Protocol::stamp, 0}, 1) == 0);
}

TEST_CASE("a fleet tells of all its threads as one, before and after a change") {
  std::array<Seen, threads> seen;
  auto fleet = ProbeFleet::start(threads, network_of(seen), options(), sessions(30), {}, {});
  REQUIRE(fleet);
  for (const Seen& one : seen) CHECK(one.opened > 0);
  std::set<std::string> targets;
  REQUIRE(eventually([&] {
    for (const Window& window : (*fleet)->harvest().closed) targets.insert(window.session.target);
    return targets.size() == 30;
  }));
  const Harvest harvest = (*fleet)->harvest();
  CHECK(harvest.cpu.size() == threads);
  CHECK(harvest.counters.sent > 0);

  REQUIRE((*fleet)->replace(sessions(10), {}));
  REQUIRE(eventually([&] {
    int closed = 0;
    for (const Seen& one : seen) closed += one.closed;
    return closed == 20;
  }));
  std::ignore = (*fleet)->stop();
  std::uint64_t opened = 0;
  for (const Seen& one : seen) opened += static_cast<std::uint64_t>(one.opened.load());
  CHECK(opened == 30);  // those that stayed were not opened anew
}

TEST_CASE("when one thread cannot begin, none does, and the error says why") {
  std::array<Seen, threads> seen;
  auto specs = sessions(30);
  specs[7].flow.destination.port = 1;
  const auto fleet = ProbeFleet::start(threads, network_of(seen), options(), specs, {}, {});
  REQUIRE_FALSE(fleet);
  CHECK_THAT(fleet.error().message, Catch::Contains("target t7") && Catch::Contains("not for us"));
}

TEST_CASE("of several threads' word on a pin the worst counts, with the newest proof") {
  Harvest all;
  const WallTime early{std::chrono::hours{1}};
  const WallTime late{std::chrono::hours{2}};
  const auto pin = [](probe::PinStanding standing, WallTime when) {
    Harvest harvest;
    harvest.pins.push_back({"atlas", false, standing, "", when, when});
    harvest.counters.errors["x"] = 1;
    harvest.counters.largest_poll_gap = std::chrono::microseconds{5};
    return harvest;
  };
  add(all, pin(probe::PinStanding::ok, late));
  add(all, pin(probe::PinStanding::unverified, early));
  REQUIRE(all.pins.size() == 1);
  CHECK(all.pins[0].standing == probe::PinStanding::ok);
  add(all, pin(probe::PinStanding::failed, early));
  CHECK(all.pins[0].standing == probe::PinStanding::failed);
  CHECK(all.pins[0].proven == late);
  CHECK(all.counters.errors.at("x") == 3);
  CHECK(all.counters.largest_poll_gap == std::chrono::microseconds{5});
}
