// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <vector>

#include "analyzer/pin_note.hpp"
#include "probe/mtu_check.hpp"

namespace strait::cli {

// What the service says of the paths' MTUs. None of it takes evidence away: the probes that time a
// path are small, and what they measure is right.
class MtuNotes {
 public:
  // Logs what has changed since the last call.
  void note(std::span<const probe::MtuState> states);

  // `notes` of the paths, each with what is wrong with the path's MTU behind it.
  [[nodiscard]] analyzer::PinNotes added_to(analyzer::PinNotes notes) const;
  [[nodiscard]] const std::vector<probe::MtuState>& states() const { return states_; }

 private:
  std::vector<probe::MtuState> states_;
};

}  // namespace strait::cli
