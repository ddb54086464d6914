// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <map>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "core/clock.hpp"
#include "core/result.hpp"
#include "tests/lab/command.hpp"
#include "tests/lab/lane.hpp"
#include "tests/lab/profile.hpp"

namespace strait::lab {

enum class Fate : std::uint8_t { forward, lost, blackholed };
[[nodiscard]] std::string_view to_string(Fate fate);

struct Ruling {
  Fate fate = Fate::forward;
  WallTime due;  // for `forward`
  Numbered packet;
  std::optional<std::uint8_t> dscp;  // that the packet leaves with
  bool twice = false;
};

// All paths of the emulator: what each does to which packet, and what it has done so far. Knows
// neither sockets nor clocks.
class Paths {
 public:
  explicit Paths(std::uint64_t seed) : random_{seed} {}

  // The index of the new path. Fails on a name that is taken.
  [[nodiscard]] Result<std::size_t> add(const std::string& name);
  [[nodiscard]] Result<void> change(const Change& change);

  [[nodiscard]] Ruling rule(std::size_t path, Direction direction, std::span<const std::byte> frame,
                            WallTime arrived);
  void record_sent(const Numbered& packet, WallTime arrived, WallTime sent);
  [[nodiscard]] const Lane& lane(std::size_t index) const { return lanes_[index]; }

  // Answers for the control socket: whole lines.
  [[nodiscard]] std::string show() const;
  [[nodiscard]] std::string stats() const;
  [[nodiscard]] Result<std::string> truth(const AskTruth& question, WallTime now) const;

 private:
  enum class State : std::uint8_t { whole, cut, hard_cut };
  struct Path {
    std::string name;
    State state = State::whole;
    std::array<ProfileTable, 2> tables;  // by Direction
  };

  [[nodiscard]] Result<Path*> find(const std::string& name);
  [[nodiscard]] Result<void> change_one(const SetProfile& set);
  [[nodiscard]] Result<void> set_state(const std::string& path, State state);
  std::size_t lane_of(std::size_t path, Direction direction, const ProfileTable::Key& key);

  std::mt19937_64 random_;
  std::vector<Path> paths_;
  std::vector<Lane> lanes_;
  std::map<std::tuple<std::size_t, Direction, ProfileTable::Key>, std::size_t> lane_index_;
};

}  // namespace strait::lab
