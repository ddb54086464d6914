// SPDX-License-Identifier: Apache-2.0
#include "probe/socket/notices.hpp"

#include <array>
#include <catch2/catch.hpp>

using namespace strait::probe;
using namespace strait::probe::kernel;

namespace {

void add_error(Notices& notices, FlowId flow, std::byte mark) {
  Arrival notice;
  notice.kind = Arrival::Kind::icmp_error;
  notice.flow = flow;
  notice.payload = notices.keep(std::array{mark, mark}, FlowKind::udp);
  notices.arrivals.push_back(notice);
}

}  // namespace

TEST_CASE("quotes are kept while they are read and no longer, though something always waits") {
  Notices notices;
  std::array<Arrival, 1> burst;
  add_error(notices, 0, std::byte{0});
  for (unsigned i = 1; i < 1000; ++i) {
    add_error(notices, 0, static_cast<std::byte>(i));
    REQUIRE(notices.take(burst) == 1);
    REQUIRE(burst[0].payload[0] == static_cast<std::byte>(i - 1));
    CHECK(notices.quotes.size() == 2);
  }
}

TEST_CASE("a flow that goes takes no other flow's notices along") {
  Notices notices;
  std::array<Arrival, 1> burst;
  add_error(notices, 1, std::byte{1});
  add_error(notices, 2, std::byte{2});
  add_error(notices, 1, std::byte{3});
  add_error(notices, 3, std::byte{4});
  REQUIRE(notices.take(burst) == 1);
  notices.forget(1);
  REQUIRE(notices.take(burst) == 1);
  CHECK(burst[0].flow == 2);
  CHECK(burst[0].payload[0] == std::byte{2});
  REQUIRE(notices.take(burst) == 1);
  CHECK(burst[0].flow == 3);
  CHECK(burst[0].payload[0] == std::byte{4});
  CHECK(notices.take(burst) == 0);
}

TEST_CASE("the quotes of a flow that goes are not kept") {
  Notices notices;
  std::array<Arrival, 4> burst;
  for (int round = 0; round < 100; ++round) {
    add_error(notices, 1, std::byte{1});
    add_error(notices, 2, std::byte{2});
    notices.forget(1);
    REQUIRE(notices.take(burst) == 1);
    CHECK(burst[0].payload[0] == std::byte{2});
    CHECK(notices.quotes.size() == 2);
  }
  CHECK(notices.take(burst) == 0);
  CHECK(notices.quotes.empty());
}

TEST_CASE("a limit on what waits counts what waits, however much went by before") {
  Notices notices;
  std::array<Arrival, 64> burst;
  for (std::size_t i = 0; i < burst.size(); ++i) add_error(notices, 0, std::byte{1});
  for (std::size_t gone = 0; gone < 2 * Notices::most_waiting; gone += burst.size()) {
    for (std::size_t i = 0; i < burst.size(); ++i) add_error(notices, 0, std::byte{1});
    REQUIRE(notices.take(burst) == burst.size());
    REQUIRE_FALSE(notices.is_full());
    CHECK(notices.arrivals.size() <= 4 * burst.size());
  }
  while (notices.arrivals.size() < Notices::most_waiting) add_error(notices, 0, std::byte{1});
  CHECK(notices.is_full());
}
