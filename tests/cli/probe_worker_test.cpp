// SPDX-License-Identifier: Apache-2.0
#include "cli/probe/worker.hpp"

#include <catch2/catch.hpp>

#include "tests/cli/eventually.hpp"
#include "tests/cli/fast_network.hpp"

using namespace strait;
using namespace strait::cli;
using namespace std::chrono_literals;

namespace {

Result<std::unique_ptr<ProbeWorker>> start(Seen& seen, std::vector<probe::SessionSpec> sessions) {
  return ProbeWorker::start(
      [&seen]() -> Result<std::unique_ptr<probe::Transport>> {
        return std::make_unique<FastNetwork>(seen);
      },
      options(), std::move(sessions));
}

void take(std::vector<Window>& all, std::vector<Window> more) {
  for (Window& window : more) all.push_back(std::move(window));
}

auto windows_of(const std::vector<Window>& all, std::string_view target) {
  return std::ranges::count_if(
      all, [&](const Window& window) { return window.session.target == target; });
}

}  // namespace

TEST_CASE("no probe is lost between harvests, nor when the worker stops") {
  Seen seen;
  auto worker = start(seen, {spec("madrid"), spec("dakar")});
  REQUIRE(worker);
  CHECK(seen.opened == 2);
  std::vector<Window> all;
  REQUIRE(eventually([&] {
    take(all, (*worker)->harvest().closed);
    return all.size() >= 6;
  }));
  take(all, (*worker)->stop());
  std::uint64_t sent = 0;
  for (const Window& window : all) {
    sent += window.counts.sent;
    const auto outstanding = probe::Bench::errors(window, "outstanding");
    CHECK(window.counts.sent == window.counts.received + window.counts.lost + outstanding);
    CHECK(window.counts.lost == 0);
  }
  CHECK(sent == seen.sent);
  CHECK((*worker)->stop().empty());  // they were taken
  CHECK((*worker)->harvest().open.empty());
}

TEST_CASE("replacing the sessions leaves the unchanged ones alone") {
  Seen seen;
  auto worker = start(seen, {spec("madrid"), spec("dakar")});
  REQUIRE(worker);
  REQUIRE(eventually([&] { return seen.sent > 10; }));
  REQUIRE((*worker)->replace({spec("madrid"), spec("jeddah")}));
  CHECK(seen.opened == 3);  // madrid was not opened again
  std::vector<Window> all;
  REQUIRE(eventually([&] {
    take(all, (*worker)->harvest().closed);
    return windows_of(all, "jeddah") >= 3 && seen.closed == 1;
  }));
  take(all, (*worker)->stop());
  CHECK(windows_of(all, "dakar") >= 1);  // what it had measured is not thrown away
  std::vector<WallTime> madrid;
  for (const Window& window : all) {
    if (window.session.target == "madrid") madrid.push_back(window.start);
  }
  REQUIRE(madrid.size() >= 3);
  for (std::size_t i = 1; i < madrid.size(); ++i) CHECK(madrid[i] == madrid[i - 1] + 10s);
}

TEST_CASE("a session that cannot begin is named, and the worker lives on without it") {
  Seen seen;
  auto bad = spec("tunis");
  bad.flow.destination.port = 1;
  const auto failed = start(seen, {spec("madrid"), bad});
  REQUIRE_FALSE(failed);
  CHECK(failed.error().code == Errc::no_permission);
  CHECK(failed.error().message == "path atlas, target tunis: port 1 is not for us");

  auto worker = start(seen, {spec("madrid")});
  REQUIRE(worker);
  const auto replaced = (*worker)->replace({spec("madrid"), bad});
  REQUIRE_FALSE(replaced);
  CHECK_THAT(replaced.error().message, Catch::Contains("tunis"));
  CHECK(eventually([&] { return windows_of((*worker)->harvest().closed, "madrid") > 0; }));
}

TEST_CASE("a transport that cannot be made is the error of the start") {
  const auto worker = ProbeWorker::start(
      []() -> Result<std::unique_ptr<probe::Transport>> {
        return fail(Errc::not_found, "no such device");
      },
      options(), {spec("madrid")});
  REQUIRE_FALSE(worker);
  CHECK(worker.error().message == "no such device");
}

TEST_CASE("the largest poll gap stays until somebody has read it") {
  Seen seen;
  auto worker = start(seen, {spec("madrid")});
  REQUIRE(worker);
  // Some moments are published before the first reading; the gap was in the first of them.
  REQUIRE(eventually([&] { return seen.sent > 20; }));
  CHECK((*worker)->harvest().counters.largest_poll_gap == 7ms);
  REQUIRE(eventually([&] { return (*worker)->harvest().counters.largest_poll_gap == 1ms; }));
}

TEST_CASE("a worker that has stopped refuses new sessions instead of waiting for ever") {
  Seen seen;
  auto worker = start(seen, {spec("madrid")});
  REQUIRE(worker);
  std::ignore = (*worker)->stop();
  const auto replaced = (*worker)->replace({spec("madrid")});
  REQUIRE_FALSE(replaced);
  CHECK_THAT(replaced.error().message, Catch::Contains("stopped"));
}

TEST_CASE("a session goes on only if it is measured in the same way") {
  struct Case {
    const char* what;
    void (*change)(probe::SessionSpec&);
    bool same;
  };
  const auto c = GENERATE(values<Case>({
      {"nothing", [](probe::SessionSpec&) {}, true},
      {"the first sequence number", [](probe::SessionSpec& s) { s.first_sequence = 9; }, true},
      {"target", [](probe::SessionSpec& s) { s.key.target = "x"; }, false},
      {"flow", [](probe::SessionSpec& s) { s.key.flow = 1; }, false},
      {"port", [](probe::SessionSpec& s) { ++s.flow.destination.port; }, false},
      {"hop limit", [](probe::SessionSpec& s) { --s.flow.hop_limit; }, false},
      {"interval", [](probe::SessionSpec& s) { s.schedule.interval += 1ns; }, false},
      {"time-out", [](probe::SessionSpec& s) { s.timeout += 1s; }, false},
      {"size", [](probe::SessionSpec& s) { s.flow.max_payload = 1400; }, false},
      {"interface", [](probe::SessionSpec& s) { s.flow.pin.device = "eth9"; }, false},
      {"firewall mark", [](probe::SessionSpec& s) { s.flow.pin.mark = 7; }, false},
      {"SSID", [](probe::SessionSpec& s) { s.require_ssid = true; }, false},
  }));
  CAPTURE(c.what);
  auto changed = spec("madrid");
  c.change(changed);
  CHECK(same_session(spec("madrid"), changed) == c.same);
}

TEST_CASE("the transport is prepared once its flows are open, before the first probe") {
  Seen seen;
  std::atomic<std::uint64_t> sent_before{1'000'000};
  const auto worker = ProbeWorker::start(
      [&seen]() -> Result<std::unique_ptr<probe::Transport>> {
        return std::make_unique<FastNetwork>(seen);
      },
      options(), {spec("madrid")}, [&](probe::Transport&) { sent_before = seen.sent.load(); });
  REQUIRE(worker);
  REQUIRE(eventually([&] { return seen.sent > 20; }));
  CHECK(sent_before == 0);
}

namespace {

PinPlan pin_plan(probe::PinMode mode) {
  probe::PinCheck check;
  check.path = "atlas";
  check.flow = spec("madrid").flow;
  check.flow.hop_limit = 1;
  check.accepted = {parse_address("192.0.2.2").value()};
  return {.mode = mode, .checks = {check}, .mtus = {}, .interval = 1s};
}

Result<std::unique_ptr<ProbeWorker>> start_checked(Seen& seen, probe::PinMode mode) {
  return ProbeWorker::start(
      [&seen]() -> Result<std::unique_ptr<probe::Transport>> {
        return std::make_unique<FastNetwork>(seen);
      },
      options(), {spec("madrid")}, {}, pin_plan(mode));
}

bool stands(ProbeWorker& worker, probe::PinStanding standing) {
  const auto pins = worker.harvest().pins;
  return pins.size() == 1 && pins[0].standing == standing;
}

constexpr std::uint32_t upstream = 0xc0000202;
constexpr std::uint32_t stranger = 0xc0000263;

}  // namespace

TEST_CASE("not one probe leaves on a path whose pin fails, until it holds") {
  Seen seen;
  seen.router = stranger;
  auto worker = start_checked(seen, probe::PinMode::enforce);
  REQUIRE(worker);
  std::size_t windows = 0;
  REQUIRE(eventually([&] { return stands(**worker, probe::PinStanding::failed); }));
  for (int i = 0; i < 20; ++i) {
    windows += (*worker)->harvest().closed.size();
    std::this_thread::sleep_for(2ms);
  }
  CHECK(windows == 0);
  CHECK(seen.sent == 0);

  seen.router = upstream;
  REQUIRE(eventually([&] { return !(*worker)->harvest().closed.empty(); }));
  CHECK(stands(**worker, probe::PinStanding::ok));
  CHECK(seen.sent > 0);

  seen.router = stranger;
  REQUIRE(eventually([&] { return stands(**worker, probe::PinStanding::failed); }));
  const std::uint64_t sent = seen.sent;
  std::this_thread::sleep_for(20ms);  // minutes of the network's time
  CHECK(seen.sent == sent);
}

TEST_CASE("where pins are not enforced, a path is measured whatever they say") {
  const auto mode = GENERATE(probe::PinMode::warn, probe::PinMode::off);
  Seen seen;
  seen.router = stranger;
  auto worker = start_checked(seen, mode);
  REQUIRE(worker);
  REQUIRE(eventually([&] { return !(*worker)->harvest().closed.empty(); }));
  CHECK(seen.sent > 0);
  CHECK((*worker)->harvest().pins.size() == (mode == probe::PinMode::off ? 0 : 1));
}

TEST_CASE("sessions and checks are replaced together") {
  Seen seen;
  seen.router = stranger;
  auto worker = start_checked(seen, probe::PinMode::enforce);
  REQUIRE(worker);
  REQUIRE(eventually([&] { return stands(**worker, probe::PinStanding::failed); }));
  auto plan = pin_plan(probe::PinMode::enforce);
  plan.checks[0].accepted.push_back(Address{boost::asio::ip::address_v4{stranger}});
  REQUIRE((*worker)->replace({spec("madrid")}, plan));
  REQUIRE(eventually([&] { return !(*worker)->harvest().closed.empty(); }));
  CHECK(stands(**worker, probe::PinStanding::ok));
}

TEST_CASE("a path that is new sends nothing before its pin is proven, and opens at once") {
  Seen seen;
  auto worker = start_checked(seen, probe::PinMode::enforce);
  REQUIRE(worker);
  REQUIRE(eventually([&] { return stands(**worker, probe::PinStanding::ok); }));
  auto plan = pin_plan(probe::PinMode::enforce);
  plan.checks[0].path = "loukkos";
  plan.checks[0].accepted = {parse_address("192.0.2.6").value()};
  auto loukkos = spec("madrid");
  loukkos.key.path = "loukkos";
  const int opened = seen.opened;
  REQUIRE((*worker)->replace({loukkos}, plan));
  CHECK(seen.opened == opened + 2);  // the session's flow, and that of the check
  std::vector<Window> all;
  REQUIRE(eventually([&] {
    Harvest harvest = (*worker)->harvest();
    take(all, std::move(harvest.closed));
    take(all, std::move(harvest.open));
    return harvest.pins.at(0).standing == probe::PinStanding::failed;
  }));
  for (const Window& window : all) CHECK(window.session.path == "atlas");

  auto closed_port = loukkos;
  closed_port.flow.destination.port = 1;
  plan.checks[0].accepted = {parse_address("192.0.2.7").value()};
  const auto refused = (*worker)->replace({closed_port}, plan);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == Errc::no_permission);
}
