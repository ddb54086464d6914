// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <queue>
#include <span>
#include <vector>

#include "core/clock.hpp"
#include "tests/lab/lane.hpp"

namespace strait::lab {

// Where a frame goes when its delay is over, and what is needed to account for it then.
struct Held {
  WallTime arrived;
  WallTime due;
  std::size_t port = 0;  // index of the interface to leave by
  Numbered packet;
  std::vector<std::byte> frame;
};

// Frames in the order in which they are due; those due at the same moment in the order in which
// they came.
class DelayLine {
 public:
  void push(Held held);
  [[nodiscard]] std::optional<WallTime> next_due() const;
  // The next frame that is due at `now`.
  [[nodiscard]] std::optional<Held> pop(WallTime now);
  [[nodiscard]] std::size_t size() const { return heap_.size(); }

 private:
  struct Entry {
    Held held;
    std::uint64_t serial = 0;
  };
  static bool later(const Entry& a, const Entry& b);

  std::vector<Entry> heap_;
  std::uint64_t serial_ = 0;
};

}  // namespace strait::lab
