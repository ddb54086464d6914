// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "analyzer/pool.hpp"
#include "analyzer/target.hpp"
#include "core/window.hpp"

namespace strait::analyzer {

// A slot of time: windows of different sessions in the same slot are compared. Slot s is
// [s, s + 1) x window length since 1970; a window belongs to the slot that holds its middle.
using Slot = std::int64_t;

// The slots of time from `first` to `last`, both included.
struct Span {
  Slot first = 0;
  Slot last = 0;
};

// What one path measured for one class, in order of time. Windows are borrowed, not copied.
class Lane {
 public:
  struct Entry {
    Slot slot;
    const Window* window;
    const Target* target;
  };

  [[nodiscard]] std::span<const Entry> within(const Span& span) const;
  // The windows of the span merged into one stream per (target, protocol, DSCP), in that order;
  // flows are merged.
  [[nodiscard]] Pool pool(const Span& span) const;
  // How neighbouring probes of the span differ, each stream with its weight; nothing where no
  // window tells.
  [[nodiscard]] std::optional<PacketVariation> packet_variation(const Span& span) const;
  // The flows of those streams that have more than one, in the same order.
  [[nodiscard]] std::vector<StreamFlows> flows(const Span& span) const;
  // Those of the streams that have one-way delays, flows merged, in the same order.
  [[nodiscard]] std::vector<OneWayDelays> one_way(const Span& span) const;

 private:
  friend class Timeline;
  std::vector<Entry> entries_;  // by slot, then target, protocol, DSCP, flow and start
};

// Windows sorted into classes, paths and slots. Borrows the windows and targets it is made from.
// The window length is the commonest one among the newest; shorter windows (a restart) join the
// slot of their middle. Left out and counted: windows that end more than one length after `now` (a
// clock that was set back), that overlap an earlier one of the same session, or of unknown targets;
// and those of a slot in which a target answered on no path while another of its group did.
class Timeline {
 public:
  Timeline(std::span<const Window> windows, std::span<const Target> targets, WallTime now);

  struct LeftOut {
    std::uint64_t future = 0;
    std::uint64_t overlapping = 0;
    std::uint64_t unknown_target = 0;
  };

  [[nodiscard]] bool empty() const { return !newest_.has_value(); }
  [[nodiscard]] std::optional<Slot> newest() const { return newest_; }
  [[nodiscard]] Nanos window_length() const { return length_; }
  [[nodiscard]] WallTime end_of(Slot slot) const { return WallTime{length_ * (slot + 1)}; }
  [[nodiscard]] Slot slot_of(const Window& window) const;
  // Classes whose targets are the same, by name, weight and place, share their lanes: they are one
  // group. Its number, from 0; nothing for a class without targets.
  [[nodiscard]] std::optional<std::size_t> group_of(std::string_view traffic_class) const;
  // Targets that answered on no path while others of the group did, and in how many slots of the
  // span: their windows there are in no lane, because a target that is down says nothing of paths.
  [[nodiscard]] std::map<std::string, std::uint64_t> silent(std::optional<std::size_t> group,
                                                            const Span& span) const;
  // An empty lane for what was never measured.
  [[nodiscard]] const Lane& lane(std::optional<std::size_t> group, std::string_view path) const;
  [[nodiscard]] const Lane& lane(std::string_view traffic_class, std::string_view path) const;
  [[nodiscard]] const std::set<std::string, std::less<>>& paths() const { return paths_; }
  [[nodiscard]] const LeftOut& left_out() const { return left_out_; }

 private:
  using Windows = std::vector<const Window*>;
  using Lanes = std::map<std::string, Lane, std::less<>>;  // by path
  struct Place {
    std::size_t group;
    const Target* target;
  };
  using Places = std::unordered_map<std::string_view, std::vector<Place>>;  // by target
  [[nodiscard]] Places group(std::span<const Target> targets);
  void place(const Windows& session, const Places& places);
  using SilentSlots = std::vector<std::pair<Slot, const Target*>>;  // sorted
  [[nodiscard]] static std::vector<Slot> mute_slots(const Lanes& lanes);
  [[nodiscard]] static SilentSlots silent_slots(const Lanes& lanes);
  void drop_silent_slots(std::size_t group);

  std::vector<Lanes> groups_;
  std::map<std::size_t, SilentSlots> silent_;                      // by group
  std::vector<std::pair<std::string_view, std::size_t>> classes_;  // in order of name
  std::set<std::string, std::less<>> paths_;
  Nanos length_{};
  std::optional<Slot> newest_;
  LeftOut left_out_;
};

// Takes from pools of the same class those streams that answered on no path while others did: a
// target that is down says nothing about paths. Returns their names, each once.
std::set<std::string> drop_silent(std::span<Pool> pools);

}  // namespace strait::analyzer
