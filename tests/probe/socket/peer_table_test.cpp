// SPDX-License-Identifier: Apache-2.0
#include "probe/socket/peer_table.hpp"

#include <catch2/catch.hpp>
#include <cstdint>
#include <map>
#include <random>

using namespace strait::probe;
using namespace strait::probe::kernel;

namespace {

PeerKey peer(std::uint64_t number) {
  return {.high = number % 3, .low = number / 3, .port = static_cast<std::uint16_t>(number % 7)};
}

}  // namespace

TEST_CASE("an empty table knows nobody and forgets a stranger without harm") {
  PeerTable table;
  CHECK(table.find(peer(1)) == no_flow);
  table.remove(peer(1));
  CHECK(table.empty());
}

TEST_CASE("peers that differ in one part only are told apart") {
  PeerTable table;
  const PeerKey base{.high = 1, .low = 2, .port = 3};
  table.add(base, 0);
  table.add({.high = 9, .low = 2, .port = 3}, 1);
  table.add({.high = 1, .low = 9, .port = 3}, 2);
  table.add({.high = 1, .low = 2, .port = 9}, 3);
  CHECK(table.find(base) == 0);
  CHECK(table.find({.high = 9, .low = 2, .port = 3}) == 1);
  CHECK(table.find({.high = 1, .low = 9, .port = 3}) == 2);
  CHECK(table.find({.high = 1, .low = 2, .port = 9}) == 3);
}

TEST_CASE("the table answers as a map does through any run of additions and removals") {
  PeerTable table;
  std::map<std::uint64_t, FlowId> model;
  std::mt19937 random{GENERATE(1U, 2U, 3U)};
  std::uniform_int_distribution<std::uint64_t> number{0, 400};
  bool same = true;
  for (FlowId step = 0; step < 20'000; ++step) {
    const std::uint64_t chosen = number(random);
    if (model.contains(chosen)) {
      table.remove(peer(chosen));
      model.erase(chosen);
    } else if (step % 5 != 0 || model.size() < 100) {
      table.add(peer(chosen), step);
      model.emplace(chosen, step);
    }
    const std::uint64_t asked = number(random);
    const auto found = model.find(asked);
    same = same && table.find(peer(asked)) == (found == model.end() ? no_flow : found->second);
  }
  CHECK(same);
  for (std::uint64_t each = 0; each <= 400; ++each) {
    CAPTURE(each);
    const auto found = model.find(each);
    REQUIRE(table.find(peer(each)) == (found == model.end() ? no_flow : found->second));
    table.remove(peer(each));
  }
  CHECK(table.empty());
}
