// SPDX-License-Identifier: Apache-2.0
#include "tests/lab/paths.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "tests/lab/frame.hpp"

namespace strait::lab {
namespace {

tl::unexpected<Error> no_path(const std::string& name) {
  return fail(Errc::not_found, fmt::format("path '{}': not known", name));
}

}  // namespace

std::string_view to_string(Fate fate) {
  switch (fate) {
    case Fate::forward:
      return "sent";
    case Fate::lost:
      return "lost";
    case Fate::blackholed:
      return "blackholed";
  }
  return "";
}

Result<std::size_t> Paths::add(const std::string& name) {
  if (find(name)) return fail(Errc::bad_input, fmt::format("path '{}': there already", name));
  paths_.push_back({.name = name, .state = State::whole, .tables = {}});
  return paths_.size() - 1;
}

Result<Paths::Path*> Paths::find(const std::string& name) {
  const auto path = std::ranges::find(paths_, name, &Path::name);
  if (path == paths_.end()) return no_path(name);
  return &*path;
}

Result<void> Paths::change_one(const SetProfile& set) {
  auto path = find(set.path);
  if (!path) return fail(std::move(path));
  for (const Direction direction : set.directions) {
    set.apply((*path)->tables.at(static_cast<std::size_t>(direction)).at(set.key));
  }
  return {};
}

Result<void> Paths::set_state(const std::string& path, State state) {
  auto found = find(path);
  if (!found) return fail(std::move(found));
  (*found)->state = state;
  return {};
}

Result<void> Paths::change(const Change& change) {
  if (const auto* set = std::get_if<SetProfile>(&change)) return change_one(*set);
  if (const auto* cut = std::get_if<Cut>(&change)) {
    return set_state(cut->path, cut->hard ? State::hard_cut : State::cut);
  }
  return set_state(std::get<Repair>(change).path, State::whole);
}

std::size_t Paths::lane_of(std::size_t path, Direction direction, const ProfileTable::Key& key) {
  const auto [place, is_new] = lane_index_.try_emplace({path, direction, key}, lanes_.size());
  if (is_new) {
    Lane lane;
    lane.path = paths_[path].name;
    lane.direction = direction;
    lane.key = key;
    lanes_.push_back(std::move(lane));
  }
  return place->second;
}

Ruling Paths::rule(std::size_t path_index, Direction direction, std::span<const std::byte> frame,
                   WallTime arrived) {
  Path& path = paths_.at(path_index);
  ProfileTable& table = path.tables.at(static_cast<std::size_t>(direction));
  const auto far = far_address(frame, direction);
  const auto key = far ? table.match(*far) : ProfileTable::Key{};
  const std::size_t index = lane_of(path_index, direction, key);
  Lane& lane = lanes_[index];
  Ruling ruling{
      .fate = Fate::forward, .due = arrived, .packet = {index, ++lane.received}, .dscp = {}};

  const bool cut = path.state == State::hard_cut || (path.state == State::cut && key);
  if (cut || (far && table.at(key).blackhole)) {
    ++lane.blackholed;
    ruling.fate = Fate::blackholed;
    return ruling;
  }
  if (!far) return ruling;
  const Profile& profile = table.at(key);
  const auto delay = draw(profile, random_);
  if (!delay) {
    ++lane.lost;
    ruling.fate = Fate::lost;
    return ruling;
  }
  ruling.due += *delay;
  ruling.dscp = profile.dscp;
  ruling.twice = happens(profile.duplicate, random_);
  if (direction == Direction::out && is_even_flow(frame)) ruling.due += profile.member;
  // Members of a bundle do not wait for each other.
  if (profile.member > Nanos{}) return ruling;
  if (happens(profile.reorder, random_)) {
    ruling.due += profile.hold;
    return ruling;
  }
  lane.last_due = std::max(lane.last_due, ruling.due);
  ruling.due = lane.last_due;
  return ruling;
}

void Paths::record_sent(const Numbered& packet, WallTime arrived, WallTime sent) {
  Lane& lane = lanes_[packet.lane];
  ++lane.sent;
  lane.applied.record(sent, sent - arrived);
  if (packet.copy) {
    ++lane.duplicated;
  } else if (packet.number < lane.newest_sent) {
    ++lane.overtaken;
  }
  lane.newest_sent = std::max(lane.newest_sent, packet.number);
}

std::string Paths::show() const {
  std::string text;
  for (const Path& path : paths_) {
    for (const Direction direction : {Direction::out, Direction::back}) {
      for (const auto& [key, profile] : path.tables.at(static_cast<std::size_t>(direction)).all()) {
        text += fmt::format("set {} {} {} {}\n", path.name, to_string(direction), to_string(key),
                            to_string(profile));
      }
    }
    if (path.state == State::cut) text += fmt::format("cut {}\n", path.name);
    if (path.state == State::hard_cut) text += fmt::format("cut {} hard\n", path.name);
  }
  return text;
}

std::string Paths::stats() const {
  std::string text;
  for (const Lane& lane : lanes_) {
    text += fmt::format(
        "lane {} {} {} received={} sent={} lost={} blackholed={} duplicated={} overtaken={}\n",
        lane.path, to_string(lane.direction), to_string(lane.key), lane.received, lane.sent,
        lane.lost, lane.blackholed, lane.duplicated, lane.overtaken);
  }
  return text;
}

Result<std::string> Paths::truth(const AskTruth& question, WallTime now) const {
  const auto path = std::ranges::find(paths_, question.path, &Path::name);
  if (path == paths_.end()) return no_path(question.path);
  const auto index = static_cast<std::size_t>(path - paths_.begin());
  const auto lane = lane_index_.find({index, question.direction, question.key});
  if (lane == lane_index_.end()) return std::string{"n=0\n"};
  const auto summary = lanes_[lane->second].applied.since(now - question.last);
  if (summary.count == 0) return std::string{"n=0\n"};
  return fmt::format("n={} p50_ns={} p95_ns={}\n", summary.count, summary.p50.count(),
                     summary.p95.count());
}

}  // namespace strait::lab
