// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "core/clock.hpp"

namespace strait::probe {

// Whether a target's loss looks like a limit on the rate of its replies, which routers put on ICMP,
// rather than like loss on the way. Lost probes of a path that drops each with the same chance
// scatter as a binomial distribution does, and those of a cut or a full queue more; behind a token
// bucket the replies of a second are the same number every second. So this counts replies by the
// second in which their probes were sent, and asks whether the counts scatter far less than chance
// would have them do. Anything else that drops as regularly as a clock looks the same.
class ReplyRate {
 public:
  // The fate of a probe, in about the order of sending.
  void note(WallTime sent, bool received);

  // Replies per second, where they look limited; nothing where they do not or where it cannot be
  // told: fewer than two probes a second, or less than `least_seconds` of them in the second half
  // of what is remembered. The first half may be a bucket that is still being emptied.
  [[nodiscard]] std::optional<double> looks_limited() const;

  static constexpr double least_per_second = 2;
  static constexpr std::size_t least_seconds = 15;
  static constexpr std::size_t most_seconds = 256;  // remembered

 private:
  struct Second {
    std::int64_t number = 0;
    std::uint32_t sent = 0;
    std::uint32_t received = 0;
  };

  [[nodiscard]] Second* second_at(std::int64_t number);

  std::vector<Second> seconds_;  // ascending; those without a probe are left out
};

}  // namespace strait::probe
