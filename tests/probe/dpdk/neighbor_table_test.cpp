// SPDX-License-Identifier: Apache-2.0
#include "probe/dpdk/neighbor_table.hpp"

#include <catch2/catch.hpp>
#include <vector>

using namespace strait;
using namespace strait::probe::dpdk;
using namespace std::chrono_literals;

namespace {

constexpr MacAddress there{{2, 0, 0, 0, 0, 2}};
constexpr MacAddress elsewhere{{2, 0, 0, 0, 0, 3}};
const WireAddress source{Ipv4{0x0a000001}};
const WireAddress router{Ipv4{0x0a0000fe}};
const MonoTime start{1h};

using Change = NeighborTable::Change;
using State = NeighborTable::State;

}  // namespace

TEST_CASE("a next hop is asked for again, ever more slowly, until it answers") {
  NeighborTable table;
  const auto id = table.add(router, source);
  CHECK(table.add(router, WireAddress{Ipv4{0x0a000002}}) == id);
  MonoTime now = start;
  std::vector<Nanos> gaps;
  MonoTime before = now;
  for (int i = 0; i < 8; ++i) {
    const auto requests = table.due(now);
    REQUIRE(requests.size() == 1);
    CHECK(requests[0].target == router);
    CHECK(requests[0].source == source);
    CHECK_FALSE(requests[0].to);
    gaps.push_back(now - before);
    before = now;
    CHECK(table.due(table.next_due() - 1ns).empty());
    now = table.next_due();
  }
  CHECK(gaps == std::vector<Nanos>{0ms, 50ms, 100ms, 200ms, 400ms, 800ms, 1600ms, 2s});
  CHECK(table.state(id) == State::lost);
  CHECK_FALSE(table.mac(id));

  const auto learned = table.learn({router, there}, now);
  REQUIRE(learned);
  CHECK(learned->change == Change::resolved);
  CHECK(table.mac(id) == there);
  CHECK(table.state(id) == State::reachable);
}

TEST_CASE("a known next hop is refreshed at its own address first") {
  NeighborTable table;
  const auto id = table.add(router, source);
  CHECK(table.due(start).size() == 1);
  REQUIRE(table.learn({router, there}, start));
  CHECK(table.due(start + 20s - 1ns).empty());

  std::vector<std::optional<MacAddress>> asked;
  MonoTime now = start + 20s;
  for (int i = 0; i < 5; ++i) {
    const auto requests = table.due(now);
    REQUIRE(requests.size() == 1);
    asked.push_back(requests[0].to);
    now = table.next_due();
  }
  CHECK(asked == std::vector<std::optional<MacAddress>>{there, there, {}, {}, {}});
  CHECK(table.state(id) == State::lost);
  CHECK(table.losses() == 1);
  CHECK(table.mac(id) == there);  // kept: the probes are to be lost on the wire

  const auto back = table.learn({router, there}, now);
  REQUIRE(back);
  CHECK(back->change == Change::returned);
  CHECK(table.state(id) == State::reachable);
}

TEST_CASE("a next hop that moves is noticed, and strangers are not learnt") {
  NeighborTable table;
  const auto id = table.add(router, source);
  CHECK_FALSE(table.learn({WireAddress{Ipv4{0x0a000099}}, there}, start));
  CHECK(table.learn({router, there}, start)->change == Change::resolved);
  CHECK(table.learn({router, there}, start)->change == Change::none);
  CHECK(table.learn({router, elsewhere}, start)->change == Change::moved);
  CHECK(table.mac(id) == elsewhere);
  CHECK(table.size() == 1);
}

TEST_CASE("a claim that may not override only has the next hop asked for again") {
  NeighborTable table;
  const auto id = table.add(router, source);
  REQUIRE(table.learn({router, there}, start));
  REQUIRE(table.due(start).empty());
  const auto learned = table.learn({router, elsewhere, false}, start + 1s);
  REQUIRE(learned);
  CHECK(learned->change == Change::none);
  CHECK(table.mac(id) == there);
  const auto requests = table.due(start + 1s);
  REQUIRE(requests.size() == 1);
  CHECK(requests[0].to == there);
}
