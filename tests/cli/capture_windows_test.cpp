// SPDX-License-Identifier: Apache-2.0
// The windows of captured round trips: which are open, and for how many sessions there is room.
#include "cli/capture/windows.hpp"

#include <catch2/catch.hpp>
#include <memory>
#include <sstream>

using namespace strait;
using namespace strait::cli;
using namespace std::chrono_literals;
using probe::passive::RoundTrip;

namespace {

constexpr WallTime start{29'000'000 * 60s};

std::unique_ptr<Places> nowhere() {
  std::ostringstream progress;
  return Places::load({}, progress).value();
}

RoundTrip trip(Nanos since, std::uint32_t host = 1) {
  RoundTrip made;
  made.time = start + since;
  made.answerer.address = boost::asio::ip::address_v4{0xC6336400U + host};
  made.rtt = 20ms;
  return made;
}

}  // namespace

TEST_CASE("a window closes a second after its end, and what comes later is counted") {
  const auto places = nowhere();
  CaptureWindows windows{GroupBy::host, 60s, StampSource::kernel, *places};
  windows.add(trip(10s));
  windows.add(trip(20s));
  windows.add(trip(70s));
  CHECK(windows.close(start + 60s).empty());  // another interface may be behind
  RoundTrip delayed = trip(59s);
  delayed.maybe_delayed = true;
  windows.add(delayed);
  const auto closed = windows.close(start + 61s);
  REQUIRE(closed.size() == 1);
  CHECK(closed[0].start == start);
  CHECK(closed[0].rtt.count() == 3);
  CHECK(closed[0].counts.sent == 3);
  CHECK(closed[0].counts.received == 3);
  CHECK(closed[0].counts.errors == decltype(Counts::errors){{"maybe-delayed", 1}});
  windows.add(trip(59s));
  CHECK(windows.late() == 1);
  CHECK(windows.finish().size() == 1);
  CHECK(windows.finish().empty());
}

TEST_CASE("a session needs room once, however many windows it has") {
  const auto places = nowhere();
  CaptureWindows windows{GroupBy::host, 60s, StampSource::kernel, *places};
  for (std::uint32_t host = 0; host < 9'999; ++host) windows.add(trip(0s, host));
  for (int minute = 0; minute < 3; ++minute) windows.add(trip(60s * minute, 9'999));
  windows.add(trip(180s, 9'999));
  CHECK(windows.without_room() == 0);
  windows.add(trip(0s, 10'000));
  windows.add(trip(180s, 10'001));
  CHECK(windows.without_room() == 2);
  CHECK(windows.close(start + 3600s).size() == 10'003);
  windows.add(trip(3600s, 5));
  CHECK(windows.without_room() == 2);
}
