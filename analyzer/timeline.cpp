// SPDX-License-Identifier: Apache-2.0
#include "analyzer/timeline.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <functional>
#include <iterator>
#include <map>

namespace strait::analyzer {
namespace {

WallTime window_end(const Window& window) { return window.start + window.length; }

std::uint64_t replies_in(const Window& window) {
  return window.rtt.count() + window.uncertain.count();
}

// The commonest length; the longer one of two that are equally common.
Nanos commonest_length(std::span<const Window* const> windows) {
  std::map<Nanos, std::uint64_t> lengths;
  auto latest = lengths.end();
  for (const Window* window : windows) {
    if (latest == lengths.end() || latest->first != window->length) {
      latest = lengths.try_emplace(window->length).first;
    }
    ++latest->second;
  }
  const auto most = std::ranges::max_element(
      lengths, {}, [](const auto& each) { return std::pair{each.second, each.first}; });
  return most == lengths.end() ? Nanos{0} : most->first;
}

struct SameSession {
  bool operator()(const SessionKey* a, const SessionKey* b) const { return *a == *b; }
};

struct HashOfSession {
  std::size_t operator()(const SessionKey* key) const {
    constexpr std::size_t odd = 0x9e3779b97f4a7c15;
    const std::hash<std::string_view> text;
    const auto rest = static_cast<std::size_t>(key->protocol) << 32U |
                      static_cast<std::size_t>(key->dscp) << 16U | key->flow;
    return (text(key->path) * odd + text(key->target)) * odd + rest;
  }
};

// The windows of each session, in order of its key.
std::vector<std::vector<const Window*>> by_session(std::span<const Window* const> windows) {
  std::unordered_map<const SessionKey*, std::size_t, HashOfSession, SameSession> numbers;
  std::vector<std::vector<const Window*>> sessions;
  const Window* before = nullptr;
  std::size_t number = 0;
  for (const Window* window : windows) {
    if (before == nullptr || before->session != window->session) {
      number = numbers.try_emplace(&window->session, sessions.size()).first->second;
      if (number == sessions.size()) sessions.emplace_back();
    }
    sessions[number].push_back(window);
    before = window;
  }
  std::ranges::sort(sessions, {},
                    [](const std::vector<const Window*>& session) -> const SessionKey& {
                      return session.front()->session;
                    });
  return sessions;
}

// Longer ones first, and fuller ones, among those that begin together.
bool is_earlier(const Window* a, const Window* b) {
  if (a->start != b->start) return a->start < b->start;
  if (a->length != b->length) return a->length > b->length;
  return a->counts.sent > b->counts.sent;
}

// Sorts the windows of a session by time, then drops each that begins before the one kept last has
// ended: the probes of a repeated window must not count twice.
std::uint64_t drop_overlaps(std::vector<const Window*>& windows) {
  if (!std::ranges::is_sorted(windows, is_earlier)) std::ranges::sort(windows, is_earlier);
  std::size_t kept = 0;
  for (const Window* const window : windows) {
    if (kept == 0 || window->start >= window_end(*windows[kept - 1])) windows[kept++] = window;
  }
  const std::uint64_t dropped = windows.size() - kept;
  windows.resize(kept);
  return dropped;
}

// Equal for classes that have the same targets.
std::string signature_of(std::span<const Target* const> targets) {
  std::string text;
  const auto add = [&](double number) {
    const auto octets = std::bit_cast<std::array<char, sizeof number>>(number);
    text.append(octets.data(), octets.size());
  };
  for (const Target* target : targets) {
    text += target->name;
    text += '\0';
    add(target->weight);
    text += target->position ? 'p' : '-';
    if (!target->position) continue;
    add(target->position->latitude);
    add(target->position->longitude);
  }
  return text;
}

}  // namespace

Timeline::Timeline(std::span<const Window> windows, std::span<const Target> targets, WallTime now) {
  Windows usable;
  usable.reserve(windows.size());
  for (const Window& window : windows) {
    if (window.length > Nanos{0}) usable.push_back(&window);
  }
  length_ = commonest_length(usable);
  left_out_.future = std::erase_if(
      usable, [&](const Window* window) { return window_end(*window) > now + length_; });
  const Places places = group(targets);
  for (Windows& session : by_session(usable)) {
    left_out_.overlapping += drop_overlaps(session);
    place(session, places);
  }
  // The sessions came in order, and that order stays within a slot.
  for (Lanes& lanes : groups_) {
    for (auto& [path, lane] : lanes) {
      if (!std::ranges::is_sorted(lane.entries_, {}, &Lane::Entry::slot)) {
        std::ranges::stable_sort(lane.entries_, {}, &Lane::Entry::slot);
      }
    }
  }
  for (std::size_t number = 0; number < groups_.size(); ++number) drop_silent_slots(number);
}

// Those with a window that has losses and no reply; none where there is one target only. As nearly
// always that leaves nothing to look at.
std::vector<Slot> Timeline::mute_slots(const Lanes& lanes) {
  const Target* first = nullptr;
  bool several = false;
  std::vector<Slot> mute;
  for (const auto& [path, lane] : lanes) {
    for (const auto& [slot, window, target] : lane.entries_) {
      if (first == nullptr) first = target;
      several = several || target != first;
      if (window->counts.lost > 0 && replies_in(*window) == 0) mute.push_back(slot);
    }
  }
  if (!several) return {};
  std::ranges::sort(mute);
  const auto [rest, last] = std::ranges::unique(mute);
  mute.erase(rest, last);
  return mute;
}

Timeline::SilentSlots Timeline::silent_slots(const Lanes& lanes) {
  const std::vector<Slot> mute = mute_slots(lanes);
  if (mute.empty()) return {};
  struct Heard {
    std::uint64_t replies = 0;
    std::uint64_t lost = 0;
  };
  constexpr std::uint64_t enough = 8;  // probes: fewer may all be lost by chance
  std::map<std::pair<Slot, const Target*>, Heard> heard;
  std::set<Slot> lively;
  for (const auto& [path, lane] : lanes) {
    for (const auto& [slot, window, target] : lane.entries_) {
      if (!std::ranges::binary_search(mute, slot)) continue;
      const std::uint64_t replies = replies_in(*window);
      Heard& its = heard[{slot, target}];
      its.replies += replies;
      its.lost += window->counts.lost;
      if (replies > 0) lively.insert(slot);
    }
  }
  SilentSlots silent;
  for (const auto& [key, its] : heard) {
    if (its.replies == 0 && its.lost >= enough && lively.contains(key.first)) {
      silent.push_back(key);
    }
  }
  return silent;
}

void Timeline::drop_silent_slots(std::size_t group) {
  Lanes& lanes = groups_[group];
  SilentSlots silent = silent_slots(lanes);
  if (silent.empty()) return;
  for (auto& [path, lane] : lanes) {
    std::erase_if(lane.entries_, [&](const Lane::Entry& entry) {
      return std::ranges::binary_search(silent, std::pair{entry.slot, entry.target});
    });
  }
  silent_.emplace(group, std::move(silent));
}

std::map<std::string, std::uint64_t> Timeline::silent(std::optional<std::size_t> group,
                                                      const Span& span) const {
  std::map<std::string, std::uint64_t> slots;
  const auto found = group ? silent_.find(*group) : silent_.end();
  if (found == silent_.end()) return slots;
  for (const auto& [slot, target] : found->second) {
    if (slot >= span.first && slot <= span.last) ++slots[target->name];
  }
  return slots;
}

Timeline::Places Timeline::group(std::span<const Target> targets) {
  std::vector<const Target*> all;
  all.reserve(targets.size());
  for (const Target& target : targets) {
    if (target.weight > 0) all.push_back(&target);
  }
  const auto order = [](const Target* target) {
    return std::pair<std::string_view, std::string_view>{target->traffic_class, target->name};
  };
  if (!std::ranges::is_sorted(all, {}, order)) std::ranges::stable_sort(all, {}, order);
  Places places;
  std::unordered_map<std::string, std::size_t> numbers;  // by signature
  for (auto first = all.begin(); first != all.end();) {
    const std::string_view name = (*first)->traffic_class;
    const auto last = std::find_if(
        first, all.end(), [&](const Target* target) { return target->traffic_class != name; });
    const auto [number, fresh] =
        numbers.try_emplace(signature_of(std::span{first, last}), numbers.size());
    classes_.emplace_back(name, number->second);
    for (auto each = first; fresh && each != last; ++each) {
      places[(*each)->name].push_back({.group = number->second, .target = *each});
    }
    first = last;
  }
  groups_.resize(numbers.size());
  return places;
}

Slot Timeline::slot_of(const Window& window) const {
  const Nanos since = window.start.time_since_epoch() + (std::min(window.length, length_) / 2);
  const Slot slot = since / length_;
  return since % length_ < Nanos{0} ? slot - 1 : slot;
}

void Timeline::place(const Windows& session, const Places& places) {
  const SessionKey& key = session.front()->session;
  const auto found = places.find(key.target);
  if (found == places.end()) {
    left_out_.unknown_target += session.size();
    return;
  }
  paths_.insert(key.path);
  for (const auto& [number, target] : found->second) {
    auto& entries = groups_[number][key.path].entries_;
    entries.reserve(entries.size() + session.size());
    for (const Window* window : session) entries.push_back({slot_of(*window), window, target});
  }
  const Slot last = slot_of(*session.back());
  newest_ = std::max(newest_.value_or(last), last);
}

std::optional<std::size_t> Timeline::group_of(std::string_view traffic_class) const {
  const auto found = std::ranges::lower_bound(classes_, traffic_class, {},
                                              &std::pair<std::string_view, std::size_t>::first);
  if (found == classes_.end() || found->first != traffic_class) return std::nullopt;
  return found->second;
}

const Lane& Timeline::lane(std::optional<std::size_t> group, std::string_view path) const {
  static const Lane never_measured;
  if (!group) return never_measured;
  const Lanes& lanes = groups_.at(*group);
  const auto lane = lanes.find(path);
  return lane == lanes.end() ? never_measured : lane->second;
}

const Lane& Timeline::lane(std::string_view traffic_class, std::string_view path) const {
  return lane(group_of(traffic_class), path);
}

std::set<std::string> drop_silent(std::span<Pool> pools) {
  std::set<const Target*> answered;
  std::set<std::string> silent;
  for (const Pool& pool : pools) {
    for (const Stream& stream : pool) {
      if (stream.answered() > 0) answered.insert(stream.target);
    }
  }
  if (answered.empty()) return silent;
  for (Pool& pool : pools) {
    std::erase_if(pool, [&](const Stream& stream) {
      if (answered.contains(stream.target)) return false;
      if (stream.lost > 0) silent.insert(stream.target->name);
      return true;
    });
  }
  return silent;
}

}  // namespace strait::analyzer
