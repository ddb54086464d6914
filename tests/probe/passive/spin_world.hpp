// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <random>
#include <vector>

namespace strait::probe::passive {

// How an end sets the spin bit (RFC 9000 section 17.4).
enum class Spin : std::uint8_t { follows, constant, random };

// A connection of which every delay is known. Times are in microseconds.
struct SpinWorld {
  std::array<Spin, 2> ends{Spin::follows, Spin::follows};  // server, client
  std::array<std::int64_t, 2> away{10'000, 2'500};         // from the capture, one way
  std::array<std::int64_t, 2> gap{500, 500};               // between the packets that each sends
  std::int64_t lasts = 2'000'000;
  unsigned overtaken_of_100 = 0;  // packets that are late by `late` on their way to the capture
  std::int64_t late = 1'500;
  std::uint32_t seed = 1;
};

struct SpinPacket {
  std::int64_t time = 0;  // at the capture
  bool from_client = false;
  bool value = false;
};

// What the capture sees, in its order.
inline std::vector<SpinPacket> spin_packets(const SpinWorld& world) {
  std::mt19937 random{world.seed};
  struct End {
    bool value = false;
    std::int64_t newest = -1;  // when the newest packet that it has was sent: RFC 9000's number
  };
  struct Flight {
    std::int64_t arrives = 0;
    std::int64_t sent = 0;
    bool from_client = false;
    bool value = false;
  };
  std::array<End, 2> ends;
  std::vector<Flight> flights;
  std::vector<SpinPacket> seen;
  const std::int64_t one_way = world.away[0] + world.away[1];
  for (std::int64_t now = 0; now < world.lasts; now += 100) {
    for (const Flight& flight : flights) {
      if (flight.arrives != now) continue;
      End& end = ends.at(flight.from_client ? 0 : 1);
      if (flight.sent <= end.newest) continue;
      end.newest = flight.sent;
      end.value = flight.from_client == flight.value;  // the client inverts it
    }
    std::erase_if(flights, [now](const Flight& flight) { return flight.arrives <= now; });
    for (const bool client : {false, true}) {
      const std::size_t at = client ? 1 : 0;
      if (now % world.gap.at(at) != 0) continue;
      bool value = ends.at(at).value;
      if (world.ends.at(at) == Spin::constant) value = false;
      if (world.ends.at(at) == Spin::random) value = (random() & 1U) != 0;
      const std::int64_t late = random() % 100 < world.overtaken_of_100 ? world.late : 0;
      flights.push_back(
          {.arrives = now + one_way + late, .sent = now, .from_client = client, .value = value});
      seen.push_back(
          {.time = now + world.away.at(at) + late, .from_client = client, .value = value});
    }
  }
  std::ranges::stable_sort(seen, {}, &SpinPacket::time);
  return seen;
}

}  // namespace strait::probe::passive
