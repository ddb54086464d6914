// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ctime>
#include <optional>

#include "core/clock.hpp"
#include "probe/transport.hpp"

namespace strait::probe::kernel {

// Kernel stamps are CLOCK_REALTIME. This turns them into stamps on both clocks with the difference
// of the two, sampled once per burst. While REALTIME has just been stepped, nobody can say which
// side of the step a stamp is from: then convert() gives nothing for a second.
class ClockBridge {
 public:
  explicit ClockBridge(const Clock& clock) : clock_{&clock} {}

  // Reads both clocks; call it once per burst, before convert().
  Instant sample();
  [[nodiscard]] std::optional<Stamp> convert(timespec realtime, StampSource source) const;
  // The moment of the last sample, as a stamp taken by this program.
  [[nodiscard]] Stamp user_stamp() const;
  [[nodiscard]] std::uint64_t steps() const { return steps_; }

 private:
  void accept(Nanos offset);

  const Clock* clock_;
  Instant last_{};
  Nanos offset_{};  // wall minus mono
  bool sampled_ = false;
  MonoTime distrust_until_;
  std::uint64_t steps_ = 0;
};

}  // namespace strait::probe::kernel
