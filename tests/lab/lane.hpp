// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <string>

#include "core/clock.hpp"
#include "tests/lab/profile.hpp"

namespace strait::lab {

// The delays that one lane really applied (time sent minus time arrived), of the last packets.
class AppliedDelays {
 public:
  struct Summary {
    std::size_t count = 0;
    Nanos p50{};
    Nanos p95{};
  };

  void record(WallTime sent, Nanos applied);
  // Of the packets sent after `since`; nearest rank. All zero when there are none.
  [[nodiscard]] Summary since(WallTime since) const;

 private:
  struct Sample {
    WallTime sent;
    Nanos applied;
  };
  static constexpr std::size_t capacity = 100'000;
  std::deque<Sample> samples_;
};

// A packet of a lane; its copies have the same number.
struct Numbered {
  std::size_t lane = 0;      // index into Paths::lane()
  std::uint64_t number = 0;  // in the order of arrival, from 1
  bool copy = false;
};

// Everything kept for one (path, direction, prefix). Order within a lane is kept: a real cable
// does not reorder, so a packet is never due before the one in front of it. Only `reorder` holds
// packets back beside it.
struct Lane {
  std::string path;
  Direction direction = Direction::out;
  ProfileTable::Key key;
  WallTime last_due;
  AppliedDelays applied;
  std::uint64_t received = 0;
  std::uint64_t sent = 0;
  std::uint64_t lost = 0;        // by the profile's loss
  std::uint64_t blackholed = 0;  // by blackhole or cut
  std::uint64_t duplicated = 0;  // copies that were sent
  // Packets that were sent behind one that had come later: what RFC 4737 §3.3 calls reordered.
  std::uint64_t overtaken = 0;
  std::uint64_t newest_sent = 0;  // the highest number
};

}  // namespace strait::lab
