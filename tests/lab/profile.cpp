// SPDX-License-Identifier: Apache-2.0
#include "tests/lab/profile.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace strait::lab {
namespace {

double jitter_of(const Profile& profile, std::mt19937_64& random) {
  const auto width = static_cast<double>(profile.jitter.count());
  if (profile.shape == JitterShape::normal) {
    return std::normal_distribution<double>{0.0, width}(random);
  }
  return std::uniform_real_distribution<double>{-width, width}(random);
}

std::string disorder(const Profile& profile) {
  if (profile.duplicate == 0 && profile.reorder == 0) return "";
  return fmt::format(" duplicate={} reorder={} hold={}", profile.duplicate, profile.reorder,
                     strait::to_string(profile.hold));
}

}  // namespace

std::string_view to_string(Direction direction) {
  return direction == Direction::out ? "out" : "back";
}

std::string to_string(const Profile& profile) {
  return fmt::format(
      "delay={} jitter={} shape={} loss={} blackhole={}{}{}{}", strait::to_string(profile.delay),
      strait::to_string(profile.jitter),
      profile.shape == JitterShape::uniform ? "uniform" : "normal", profile.loss,
      profile.blackhole ? "on" : "off",
      profile.dscp ? fmt::format(" dscp={}", *profile.dscp) : std::string{},
      profile.member > Nanos{} ? " member=" + strait::to_string(profile.member) : std::string{},
      disorder(profile));
}

bool happens(double chance, std::mt19937_64& random) {
  return chance > 0 && std::bernoulli_distribution{chance}(random);
}

std::optional<Nanos> draw(const Profile& profile, std::mt19937_64& random) {
  if (profile.blackhole) return std::nullopt;
  if (happens(profile.loss, random)) return std::nullopt;
  if (profile.jitter == Nanos{}) return profile.delay;
  const auto jitter = static_cast<Nanos::rep>(jitter_of(profile, random));
  return std::max(Nanos{}, profile.delay + Nanos{jitter});
}

ProfileTable::Key ProfileTable::match(const Address& far) const {
  Key best;
  for (const auto& [key, profile] : profiles_) {
    if (key && contains(*key, far) && (!best || key->length > best->length)) best = key;
  }
  return best;
}

std::string to_string(const ProfileTable::Key& key) {
  return key ? strait::to_string(*key) : std::string{"-"};
}

}  // namespace strait::lab
