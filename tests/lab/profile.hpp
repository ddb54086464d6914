// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "core/address.hpp"
#include "core/duration.hpp"

namespace strait::lab {

// Seen from the site: out leaves it, back returns to it.
enum class Direction : std::uint8_t { out = 0, back = 1 };
[[nodiscard]] std::string_view to_string(Direction direction);

enum class JitterShape : std::uint8_t { uniform, normal };

// What a path does to one packet. Jitter is the half width (uniform) or the standard deviation
// (normal) around `delay`; a drawn delay is never below zero.
struct Profile {
  Nanos delay{};
  Nanos jitter{};
  JitterShape shape = JitterShape::uniform;
  double loss = 0;       // 0 to 1
  double duplicate = 0;  // chance that a packet goes twice, the copy behind it
  double reorder = 0;    // chance that a packet is held back, and overtaken by those behind it
  Nanos hold = std::chrono::milliseconds{12};  // for so long
  bool blackhole = false;
  std::optional<std::uint8_t> dscp = std::nullopt;  // that packets get; nothing: they keep theirs
  Nanos member{};  // more on the way out, for flows with an even source port: a second ECMP member

  friend bool operator==(const Profile&, const Profile&) = default;
};

// "delay=9ms jitter=100us shape=uniform loss=0.01 blackhole=off": as the `set` command reads it.
[[nodiscard]] std::string to_string(const Profile& profile);

// The delay of the next packet, or nothing when it is lost.
[[nodiscard]] std::optional<Nanos> draw(const Profile& profile, std::mt19937_64& random);

// Whether something of this chance happens. Draws nothing for a chance of 0.
[[nodiscard]] bool happens(double chance, std::mt19937_64& random);

// Profiles by the prefix of the far end (the destination on the way out, the source on the way
// back). The longest match wins; what no prefix holds meets the profile without a prefix.
class ProfileTable {
 public:
  using Key = std::optional<Prefix>;

  // Made on first use; stays at its address.
  Profile& at(const Key& key) { return profiles_[key]; }
  [[nodiscard]] Key match(const Address& far) const;
  [[nodiscard]] const std::map<Key, Profile>& all() const { return profiles_; }

 private:
  std::map<Key, Profile> profiles_{{Key{}, Profile{}}};
};

// A prefix, or "-" for the profile without one.
[[nodiscard]] std::string to_string(const ProfileTable::Key& key);

}  // namespace strait::lab
