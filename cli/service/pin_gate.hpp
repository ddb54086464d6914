// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "analyzer/pin_note.hpp"
#include "core/clock.hpp"
#include "core/window.hpp"
#include "probe/pin_check.hpp"

namespace strait::cli {

// What the service makes of the pins' states: which windows are no evidence, and what is said.
class PinGate {
 public:
  // Logs what has changed since the last call.
  void note(probe::PinMode mode, std::span<const probe::PinState> states, WallTime now);

  // Takes out the windows of paths whose pin had failed at any time in them, or whose first check
  // is not over. A failure is dated back to the last proof: nobody knows when it began.
  [[nodiscard]] std::vector<Window> refuse(std::vector<Window>& windows);

  [[nodiscard]] bool is_shut(std::string_view path) const;
  [[nodiscard]] const analyzer::PinNotes& notes() const { return notes_; }
  [[nodiscard]] const std::vector<probe::PinState>& states() const { return states_; }
  // Windows taken out so far, by path.
  [[nodiscard]] const std::map<std::string, std::uint64_t>& refused() const { return refused_; }

 private:
  struct Shut {
    WallTime from;
    WallTime to = WallTime::max();
  };

  void say_changes(probe::PinMode mode, std::span<const probe::PinState> states) const;
  void shut_and_open(WallTime now);
  [[nodiscard]] bool covers(const Window& window) const;

  std::vector<probe::PinState> states_;
  analyzer::PinNotes notes_;
  std::map<std::string, std::vector<Shut>, std::less<>> shut_;
  std::map<std::string, std::uint64_t> refused_;
};

}  // namespace strait::cli
