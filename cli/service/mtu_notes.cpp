// SPDX-License-Identifier: Apache-2.0
#include "cli/service/mtu_notes.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <string>

namespace strait::cli {
namespace {

using probe::MtuStanding;
using probe::MtuState;

const char* family(const MtuState& state) { return state.v6 ? "IPv6" : "IPv4"; }

std::string words(const MtuState& state, bool both_families) {
  return fmt::format(
      "the path takes less than its mtu of {}{}: {}{}", state.mtu,
      both_families ? fmt::format(" ({})", family(state)) : "", state.reason,
      state.sessions_fit
          ? ""
          : fmt::format(", and its own probes of {} octets are longer", state.session_octets));
}

void say(const MtuState& state) {
  switch (state.standing) {
    case MtuStanding::pending:
      return;
    case MtuStanding::ok:
      spdlog::info("path {}: mtu ok ({}): {}", state.path, family(state), state.reason);
      return;
    case MtuStanding::unknown:
      spdlog::info("path {}: mtu unknown ({}): {}", state.path, family(state), state.reason);
      return;
    case MtuStanding::too_small:
      spdlog::warn("path {}: {}", state.path, words(state, true));
      return;
  }
}

bool is_news(const MtuState& before, const MtuState& now) {
  return before.standing != now.standing ||
         (now.standing == MtuStanding::too_small &&
          (before.octets != now.octets || before.sessions_fit != now.sessions_fit));
}

}  // namespace

void MtuNotes::note(std::span<const MtuState> states) {
  if (std::ranges::equal(states, states_)) return;
  for (const MtuState& state : states) {
    const auto before = std::ranges::find_if(
        states_, [&](const MtuState& old) { return old.path == state.path && old.v6 == state.v6; });
    if (before == states_.end() || is_news(*before, state)) say(state);
  }
  states_.assign(states.begin(), states.end());
}

analyzer::PinNotes MtuNotes::added_to(analyzer::PinNotes notes) const {
  for (const MtuState& state : states_) {
    if (state.standing != MtuStanding::too_small) continue;
    const bool both = std::ranges::count(states_, state.path, &MtuState::path) > 1;
    std::string& text = notes[state.path].words;
    text += (text.empty() ? "" : "; ") + words(state, both);
  }
  return notes;
}

}  // namespace strait::cli
