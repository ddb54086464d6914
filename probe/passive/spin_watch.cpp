// SPDX-License-Identifier: Apache-2.0
#include "probe/passive/spin_watch.hpp"

#include <algorithm>
#include <utility>

namespace strait::probe::passive {
namespace {

constexpr std::uint32_t enough = 24;  // changes
constexpr std::uint32_t many_packets = 32;
// One of so many changes may come out of turn.
constexpr std::uint32_t nearly_all = 16;
// A change back within so small a part of a round trip is a packet that was overtaken; and a longer
// time without a packet is a pause.
constexpr std::int64_t part = 4;
// So many packets running are not overtaken: the path has become shorter.
constexpr std::uint8_t certain = 3;
// Round trips that differ by more than a factor of 1.7, and by 0.1 ms, jump.
constexpr std::int64_t jump_above = 17;
constexpr std::int64_t jump_unit = 10;
constexpr std::int64_t no_jump = 100'000;

}  // namespace

std::optional<SpinWatch::Found> SpinWatch::see(bool from_client, bool value, std::int64_t time) {
  Way& way = ways_.at(from_client ? 1 : 0);
  if (counts_.packets++ == 0) first_ = time;
  newest_ = std::max(newest_, time);
  const std::int64_t pause = time - std::exchange(way.newest, time);
  if (!std::exchange(way.known, true)) {
    way.value = value;
    return std::nullopt;
  }
  if (value == way.value) {
    way.in_doubt = 0;
    return std::nullopt;
  }
  const std::int64_t since = way.changed == 0 ? 0 : time - way.changed;
  const bool too_soon = way.changed != 0 && (since < 0 || since < usual_ / part);
  if (too_soon && ++way.in_doubt < certain) {
    if (way.in_doubt == 1) ++counts_.overtaken;
    return std::nullopt;
  }
  ++counts_.changes;
  way.value = value;
  way.changed = time;
  if (std::exchange(way.in_doubt, 0) != 0) {
    // It did not change back, so when it changed is not known; nor is what is usual.
    ++counts_.unclear;
    usual_ /= 2;
    last_ = Last::nobody;
    before_ = 0;
    return std::nullopt;
  }
  return take({.from_client = from_client, .time = time, .since = since, .pause = pause});
}

// Whether it is the other end's turn that it follows.
bool SpinWatch::answers(const Change& change) {
  const Way& own = ways_.at(change.from_client ? 1 : 0);
  const Way& other = ways_.at(change.from_client ? 0 : 1);
  if (!other.known) return change.since > 0;
  const Last last = std::exchange(last_, change.from_client ? Last::client : Last::server);
  if (last == Last::nobody) return false;
  const bool due = last != last_ && own.value == (change.from_client ? !other.value : other.value);
  if (due && change.time >= other.changed) return true;
  ++counts_.out_of_turn;
  before_ = 0;
  return false;
}

std::optional<SpinWatch::Found> SpinWatch::take(const Change& change) {
  if (!answers(change)) return std::nullopt;
  ++counts_.in_turn;
  // When it would have come is not known, within the pause.
  const bool paused = change.pause * part > change.since;
  const bool as_expected = change.since * 2 <= expected_ * 3;
  if (paused && !as_expected) {
    ++counts_.paused;
    before_ = 0;
    return std::nullopt;
  }
  compare(change.since);
  if (!trusted()) return std::nullopt;
  const Way& other = ways_.at(change.from_client ? 0 : 1);
  const bool whole = !other.known;
  return Found{
      .sent = whole ? change.time - change.since : other.changed, .whole = whole, .paused = paused};
}

void SpinWatch::compare(std::int64_t round_trip) {
  if (round_trip <= 0) return;
  usual_ = usual_ == 0 ? round_trip : usual_ + (round_trip - usual_) / 4;
  const std::int64_t before = std::exchange(before_, round_trip);
  if (before == 0) return;
  ++counts_.compared;
  const auto [less, more] = std::minmax(before, round_trip);
  if (more - less > no_jump && more / jump_above > less / jump_unit) ++counts_.jumps;
}

void SpinWatch::restart() {
  for (Way& way : ways_) {
    way.known = false;
    way.changed = 0;
    way.in_doubt = 0;
  }
  last_ = Last::nobody;
  before_ = 0;
}

bool SpinWatch::in_turn() const {
  return (counts_.out_of_turn + counts_.unclear) * nearly_all <= counts_.in_turn &&
         counts_.overtaken <= counts_.changes * 3;
}
bool SpinWatch::steady() const {
  return counts_.jumps * 3 <= counts_.compared && counts_.paused * 2 <= counts_.in_turn;
}
bool SpinWatch::trusted() const { return counts_.in_turn >= enough && in_turn() && steady(); }

SpinVerdict SpinWatch::verdict() const {
  if (counts_.packets == 0) return SpinVerdict::unseen;
  // A client that takes part inverts the 0 of a server that does not, once.
  if (counts_.changes <= 1 && counts_.overtaken == 0) {
    const bool had_time = newest_ - first_ >= 4 * usual_;
    return counts_.packets >= many_packets && had_time ? SpinVerdict::constant : SpinVerdict::few;
  }
  if (counts_.changes < enough) return SpinVerdict::few;
  if (!in_turn()) return SpinVerdict::random;
  if (!steady()) return SpinVerdict::unsteady;
  return trusted() ? SpinVerdict::spinning : SpinVerdict::few;
}

}  // namespace strait::probe::passive
