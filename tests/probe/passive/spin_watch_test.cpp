// SPDX-License-Identifier: Apache-2.0
#include "probe/passive/spin_watch.hpp"

#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "core/sanitizer.hpp"
#include "tests/probe/passive/spin_world.hpp"

namespace strait::probe::passive {
namespace {

// Round trips in microseconds: to the server, to the client, whole.
struct Watched {
  std::array<std::vector<std::int64_t>, 2> halves;
  std::vector<std::int64_t> whole;
  SpinVerdict verdict = SpinVerdict::unseen;
  SpinCounts counts;
};

Watched watch(const std::vector<SpinPacket>& packets, std::int64_t expected = 0) {
  Watched result;
  SpinWatch spin;
  if (expected > 0) spin.expect(expected * 1000);
  for (const SpinPacket& packet : packets) {
    const auto found = spin.see(packet.from_client, packet.value, packet.time * 1000);
    if (!found) continue;
    const std::int64_t micros = packet.time - found->sent / 1000;
    auto& half = result.halves.at(packet.from_client ? 1 : 0);
    (found->whole ? result.whole : half).push_back(micros);
  }
  result.verdict = spin.verdict();
  result.counts = spin.counts();
  return result;
}

// All within [least, least + slack].
void check_all(const std::vector<std::int64_t>& times, std::int64_t least, std::int64_t slack) {
  REQUIRE_FALSE(times.empty());
  const auto [min, max] = std::ranges::minmax(times);
  CHECK(min >= least);
  CHECK(max <= least + slack);
}

// Enough for memory errors: these make their packets themselves, without optimisation there.
#ifdef STRAIT_ADDRESS_SANITIZER
constexpr std::uint32_t seeds = 2;
#else
constexpr std::uint32_t seeds = 10;
#endif

TEST_CASE("the spin bit's round trips are the path's, and the wait for the next packet") {
  const std::int64_t to_server = GENERATE(1'000, 10'000, 80'000);
  const std::int64_t to_client = GENERATE(100, 5'000);
  const std::int64_t gap = GENERATE(100, 1'000);
  CAPTURE(to_server, to_client, gap);
  SpinWorld world;
  world.away = {to_server, to_client};
  world.gap = {gap, gap};
  world.lasts = 50 * (to_server + to_client);
  const auto result = watch(spin_packets(world));
  CHECK(result.verdict == SpinVerdict::spinning);
  check_all(result.halves[0], 2 * to_server, gap);
  check_all(result.halves[1], 2 * to_client, gap);
  CHECK(result.whole.empty());
  CHECK(result.counts.out_of_turn == 0);
  // All but those before there were enough.
  CHECK(result.halves[0].size() + result.halves[1].size() + 23 == result.counts.in_turn);
}

TEST_CASE("of one direction the whole round trip is told, there and back") {
  const bool client = GENERATE(false, true);
  auto packets = spin_packets({});
  std::erase_if(packets, [&](const SpinPacket& packet) { return packet.from_client != client; });
  const auto result = watch(packets);
  CHECK(result.verdict == SpinVerdict::spinning);
  check_all(result.whole, 25'000, 1'000);
  CHECK(result.halves[0].empty());
  CHECK(result.halves[1].empty());
}

TEST_CASE("no round trip is taken where an end does not take part") {
  struct Case {
    const char* what;
    std::array<Spin, 2> ends;  // server, client
    SpinVerdict verdict;
  };
  const auto c = GENERATE(values<Case>({
      {"a constant server", {Spin::constant, Spin::follows}, SpinVerdict::constant},
      {"a constant client", {Spin::follows, Spin::constant}, SpinVerdict::constant},
      {"both", {Spin::constant, Spin::constant}, SpinVerdict::constant},
      {"a random server", {Spin::random, Spin::follows}, SpinVerdict::random},
      {"a random client", {Spin::follows, Spin::random}, SpinVerdict::random},
      {"both random", {Spin::random, Spin::random}, SpinVerdict::random},
  }));
  const std::int64_t gap = GENERATE(100, 500, 3'000);
  CAPTURE(c.what, gap);
  for (std::uint32_t seed = 1; seed <= seeds; ++seed) {
    CAPTURE(seed);
    SpinWorld world;
    world.ends = c.ends;
    world.gap = {gap, gap};
    world.seed = seed;
    const auto packets = spin_packets(world);
    for (const std::int64_t expected : {0, 25'000}) {
      const auto result = watch(packets, expected);
      CHECK(result.verdict == c.verdict);
      CHECK(result.halves[0].size() + result.halves[1].size() + result.whole.size() == 0);
    }
  }
}

TEST_CASE("random bits of one direction alone are no round trips") {
  for (std::uint32_t seed = 1; seed <= seeds; ++seed) {
    CAPTURE(seed);
    SpinWorld world;
    world.ends = {Spin::random, Spin::random};
    world.gap = {3'000, 3'000};
    world.seed = seed;
    auto packets = spin_packets(world);
    std::erase_if(packets, [](const SpinPacket& packet) { return packet.from_client; });
    const auto result = watch(packets);
    CHECK(result.verdict != SpinVerdict::spinning);
  }
}

TEST_CASE("packets that were overtaken make no short round trips") {
  for (std::uint32_t seed = 1; seed <= seeds; ++seed) {
    CAPTURE(seed);
    SpinWorld world;
    world.overtaken_of_100 = 10;
    world.seed = seed;
    const auto result = watch(spin_packets(world), 25'000);
    CHECK(result.verdict == SpinVerdict::spinning);
    CHECK(result.counts.overtaken > 0);
    // A change is seen late where the packet that had it is late, and so the next one is sooner.
    check_all(result.halves[0], 20'000 - world.late, 2 * world.late + 1'000);
    check_all(result.halves[1], 5'000 - world.late, 2 * world.late + 1'000);
  }
}

TEST_CASE("the pace of ends that send more seldom than once in a round trip is none") {
  SpinWorld world;
  world.gap = GENERATE(std::array<std::int64_t, 2>{100'000, 170'000},
                       std::array<std::int64_t, 2>{60'000, 60'000});
  world.lasts = 20'000'000;
  for (const std::int64_t expected : {0, 25'000}) {
    const auto result = watch(spin_packets(world), expected);
    CHECK(result.verdict == SpinVerdict::unsteady);
    CHECK(result.counts.paused > 24);
    CHECK(result.halves[0].size() + result.halves[1].size() == 0);
  }
}

TEST_CASE("an end that sends all the time is timed although the other one seldom does") {
  SpinWorld world;
  world.gap = {1'000, 170'000};
  world.lasts = 20'000'000;
  const auto result = watch(spin_packets(world), 25'000);
  check_all(result.halves[0], 20'000, 1'000);
  CHECK(result.halves[1].empty());
}

TEST_CASE("one packet in a round trip is believed where the handshake lets expect it") {
  SpinWorld world;
  world.gap = {25'000, 25'000};
  const auto result = watch(spin_packets(world), 25'000);
  CHECK(result.verdict != SpinVerdict::random);
  for (const auto& half : result.halves) {
    for (const std::int64_t micros : half) CHECK(micros <= 37'500);
  }
  CHECK(watch(spin_packets(world)).verdict == SpinVerdict::unsteady);
}

TEST_CASE("few packets say nothing of the spin bit") {
  CHECK(watch({}).verdict == SpinVerdict::unseen);
  SpinWorld world;
  world.lasts = 90'000;
  CHECK(watch(spin_packets(world)).verdict == SpinVerdict::few);
  world.ends = {Spin::constant, Spin::constant};
  CHECK(watch(spin_packets(world), 25'000).verdict == SpinVerdict::few);  // not yet once around
}

TEST_CASE("a path that becomes much shorter is followed after a while") {
  SpinWorld far;
  far.away = {100'000, 2'500};
  far.lasts = 10'000'000;
  auto packets = spin_packets(far);
  SpinWorld near;
  near.lasts = 4'000'000;
  for (SpinPacket packet : spin_packets(near)) {
    packet.time += far.lasts + 200'000;
    packets.push_back(packet);
  }
  const auto result = watch(packets);
  CAPTURE(result.counts.changes, result.counts.overtaken, result.counts.in_turn,
          result.counts.out_of_turn, result.counts.unclear, result.counts.paused,
          result.counts.jumps);
  CHECK(result.verdict == SpinVerdict::spinning);
  REQUIRE(result.halves[0].size() > 50);
  const std::vector last(result.halves[0].end() - 50, result.halves[0].end());
  check_all(last, 20'000, 500);
}

}  // namespace
}  // namespace strait::probe::passive
