// SPDX-License-Identifier: Apache-2.0
#include "cli/service/pin_gate.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <optional>
#include <string_view>

namespace strait::cli {
namespace {

using probe::PinMode;
using probe::PinStanding;
using probe::PinState;

// Times of failure that are kept of a path: windows close soon after they end.
constexpr std::size_t most_remembered = 8;

const char* family(const PinState& state) { return state.v6 ? "IPv6" : "IPv4"; }

const PinState* find(std::span<const PinState> states, const PinState& like) {
  const auto found = std::ranges::find_if(states, [&](const PinState& state) {
    return state.path == like.path && state.v6 == like.v6;
  });
  return found == states.end() ? nullptr : &*found;
}

void say(PinMode mode, const PinState& state) {
  switch (state.standing) {
    case PinStanding::pending:
      return;
    case PinStanding::ok:
      spdlog::info("path {}: pin ok ({}): {}", state.path, family(state), state.reason);
      return;
    case PinStanding::unverified:
      spdlog::info("path {}: pin unverified ({}): {}", state.path, family(state), state.reason);
      return;
    case PinStanding::failed:
      spdlog::error(
          "path {}: pin failed ({}): {}; {}. If that is of the same upstream, name it in "
          "pin_answers, "
          "or give pin_hops where the upstream is not the first hop",
          state.path, family(state), state.reason,
          mode == PinMode::enforce ? "the path gives no evidence"
                                   : "its evidence is of another path");
      return;
  }
}

bool needs_note(const PinState& state) {
  return state.standing == PinStanding::failed || state.standing == PinStanding::unverified;
}

std::string words(const PinState& state, bool both_families) {
  return fmt::format("pin {}{}: {}", to_string(state.standing),
                     both_families ? fmt::format(" ({})", family(state)) : "", state.reason);
}

analyzer::PinNotes notes_of(PinMode mode, std::span<const PinState> states) {
  analyzer::PinNotes notes;
  for (const PinState& state : states) {
    if (!needs_note(state)) continue;
    const bool both = std::ranges::count(states, state.path, &PinState::path) > 1;
    analyzer::PinNote& note = notes[state.path];
    note.words += (note.words.empty() ? "" : "; ") + words(state, both);
    note.failed =
        note.failed || (mode == PinMode::enforce && state.standing == PinStanding::failed);
  }
  return notes;
}

}  // namespace

void PinGate::note(PinMode mode, std::span<const PinState> states, WallTime now) {
  if (std::ranges::equal(states, states_)) return;
  say_changes(mode, states);
  states_.assign(states.begin(), states.end());
  notes_ = notes_of(mode, states_);
  shut_and_open(now);
}

void PinGate::say_changes(PinMode mode, std::span<const PinState> states) const {
  for (const PinState& state : states) {
    const PinState* const before = find(states_, state);
    const bool failed = state.standing == PinStanding::failed;
    if (before == nullptr || before->standing != state.standing ||
        (failed && before->reason != state.reason)) {
      say(mode, state);
    }
  }
}

void PinGate::shut_and_open(WallTime now) {
  for (auto& [path, times] : shut_) {
    if (!times.empty() && times.back().to == WallTime::max() && !is_shut(path)) {
      times.back().to = now;
    }
  }
  for (const PinState& state : states_) {
    if (state.standing != PinStanding::failed || !is_shut(state.path)) continue;
    const WallTime from = state.proven.value_or(WallTime::min());
    auto& times = shut_[state.path];
    if (!times.empty() && times.back().to == WallTime::max()) {
      times.back().from = std::min(times.back().from, from);
      continue;
    }
    times.push_back({.from = from});
    if (times.size() > most_remembered) times.erase(times.begin());
  }
}

bool PinGate::is_shut(std::string_view path) const {
  const auto note = notes_.find(path);
  return note != notes_.end() && note->second.failed;
}

bool PinGate::covers(const Window& window) const {
  if (probe::any_pin(states_, window.session.path, PinStanding::pending)) return true;
  const auto times = shut_.find(window.session.path);
  return times != shut_.end() && std::ranges::any_of(times->second, [&](const Shut& shut) {
           return window.start < shut.to && window.start + window.length > shut.from;
         });
}

std::vector<Window> PinGate::refuse(std::vector<Window>& windows) {
  const auto covered =
      std::ranges::stable_partition(windows, [&](const Window& window) { return !covers(window); });
  std::vector<Window> taken(std::move_iterator{covered.begin()}, std::move_iterator{covered.end()});
  windows.erase(covered.begin(), covered.end());
  for (const Window& window : taken) ++refused_[window.session.path];
  return taken;
}

}  // namespace strait::cli
