// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <map>
#include <set>
#include <tuple>

#include "analyzer/alternatives.hpp"
#include "analyzer/change.hpp"

namespace strait::analyzer {
namespace {

using Names = std::set<std::string>;

// A session without its flow.
auto stream_of(const SessionKey& key) {
  return std::tie(key.path, key.target, key.protocol, key.dscp);
}

Names paths_of(std::span<const SessionKey> sessions) {
  Names names;
  for (const SessionKey& session : sessions) names.insert(session.path);
  return names;
}

// Groups that hold exactly the paths that have it, of those that are measured.
std::vector<std::string> explaining(const Names& struck, const Names& measured,
                                    std::span<const routes::Path> paths) {
  std::map<std::string, Names> members;
  for (const routes::Path& path : paths) {
    if (!measured.contains(path.name)) continue;
    for (const std::string& group : path.risk_groups) members[group].insert(path.name);
  }
  std::vector<std::string> groups;
  for (const auto& [group, its] : members) {
    if (its == struck) groups.push_back(group);
  }
  return groups;
}

bool is_of_some_flows(const Incident& incident, std::span<const SessionKey> sessions) {
  return std::ranges::all_of(incident.changes, [&](const Change& change) {
    const auto same = [&](const SessionKey& key) {
      return stream_of(key) == stream_of(change.session);
    };
    const auto flows = std::ranges::count_if(sessions, same);
    const auto struck =
        std::ranges::count_if(incident.changes, same,
                              [](const Change& each) -> const SessionKey& { return each.session; });
    return struck < flows;
  });
}

bool is_of_one_target(const Incident& incident, std::span<const SessionKey> sessions) {
  const std::string& target = incident.changes.front().session.target;
  Names reaching;
  Names targets;
  for (const SessionKey& session : sessions) {
    targets.insert(session.target);
    if (session.target == target) reaching.insert(session.path);
  }
  const bool alone = std::ranges::all_of(
      incident.changes, [&](const Change& change) { return change.session.target == target; });
  return alone && targets.size() > 1 && reaching.size() > 1 &&
         reaching.size() == incident.paths.size();
}

// Queueing of the same paths, within an hour of this time of day, on two of the seven days before:
// in a longer past some would be at any hour.
bool is_diurnal(const Incident& incident, std::span<const Incident> before) {
  using std::chrono::days;
  if (incident.kind != ChangeKind::queueing) return false;
  std::set<std::int64_t> seen;
  for (const Incident& other : before) {
    if (other.kind != incident.kind || other.paths != incident.paths) continue;
    const Nanos apart = incident.from - other.from;
    const auto whole = std::chrono::round<days>(apart);
    if (whole >= days{1} && whole <= days{7} &&
        std::chrono::abs(apart - whole) <= std::chrono::hours{1}) {
      seen.insert(whole.count());
    }
  }
  return seen.size() >= 2;
}

void describe(Incident& incident, std::span<const Incident> before,
              std::span<const SessionKey> sessions, std::span<const routes::Path> paths) {
  std::ranges::sort(incident.changes, {}, &Change::session);
  Names struck;
  incident.to = WallTime::min();
  for (const Change& change : incident.changes) {
    struck.insert(change.session.path);
    incident.to =
        change.to && incident.to ? std::optional{std::max(*incident.to, *change.to)} : std::nullopt;
  }
  incident.paths.assign(struck.begin(), struck.end());
  incident.one_target = is_of_one_target(incident, sessions);
  incident.one_flow = is_of_some_flows(incident, sessions);
  if (!incident.one_target) {
    incident.explained_by = explaining(struck, paths_of(sessions), paths);
  }
  incident.diurnal = is_diurnal(incident, before);
}

}  // namespace

std::vector<Incident> group_changes(std::span<const Change> changes,
                                    std::span<const SessionKey> sessions,
                                    std::span<const routes::Path> paths, Nanos window_length) {
  std::vector<Change> sorted(changes.begin(), changes.end());
  std::ranges::stable_sort(sorted, [](const Change& a, const Change& b) {
    return std::tie(a.kind, a.from) < std::tie(b.kind, b.from);
  });
  std::vector<Incident> incidents;
  for (Change& change : sorted) {
    const bool joins = !incidents.empty() && incidents.back().kind == change.kind &&
                       change.from - incidents.back().from <= 3 * window_length;
    if (!joins) {
      incidents.push_back({.kind = change.kind,
                           .from = change.from,
                           .to = std::nullopt,
                           .changes = {},
                           .paths = {},
                           .explained_by = {},
                           .or_else = {}});
    }
    incidents.back().changes.push_back(std::move(change));
  }
  // By kind, outages first: who drove traffic where is known when that is described.
  for (std::size_t i = 0; i < incidents.size(); ++i) {
    const auto others = std::span{incidents}.first(i);
    describe(incidents[i], others, sessions, paths);
    incidents[i].or_else = alternatives(incidents[i], others, sessions, paths, window_length);
  }
  std::ranges::stable_sort(incidents, {}, &Incident::from);
  return incidents;
}

}  // namespace strait::analyzer
