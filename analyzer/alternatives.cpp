// SPDX-License-Identifier: Apache-2.0
#include "analyzer/alternatives.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <set>

namespace strait::analyzer {
namespace {

using Names = std::set<std::string>;
using Words = std::vector<std::string>;

constexpr std::size_t most_groups = 2;  // that would have taken more

std::string list(const Names& names) { return fmt::format("{}", fmt::join(names, ", ")); }

Names without(const Names& names, const Names& others) {
  Names rest;
  std::ranges::set_difference(names, others, std::inserter(rest, rest.end()));
  return rest;
}

// Queues and losses come where the traffic of a cut has gone.
void add_moved_traffic(Words& words, const Incident& incident, std::span<const Incident> others,
                       Nanos window_length) {
  if (incident.kind != ChangeKind::queueing && incident.kind != ChangeKind::loss) return;
  for (const Incident& other : others) {
    const bool lasted = !other.to || *other.to > incident.from;
    if (other.kind != ChangeKind::outage || other.one_target || !lasted ||
        other.from > incident.from + 3 * window_length || other.paths == incident.paths) {
      continue;
    }
    words.push_back(fmt::format("the traffic of {}, which lost everything at {}",
                                fmt::join(other.paths, ", "), strait::to_string(other.from)));
  }
}

// Some targets over these paths do not have it: what it is lies behind the upstream.
void add_far_part(Words& words, const Incident& incident, std::span<const SessionKey> sessions) {
  Names reached;
  for (const SessionKey& session : sessions) {
    if (std::ranges::binary_search(incident.paths, session.path)) reached.insert(session.target);
  }
  Names struck;
  for (const Change& change : incident.changes) struck.insert(change.session.target);
  const Names spared = without(reached, struck);
  if (incident.one_target || spared.empty()) return;
  words.push_back(fmt::format("something behind the upstream: {} over the same {} not",
                              list(spared), spared.size() == 1 ? "does" : "do"));
}

Names measured_paths(std::span<const SessionKey> sessions) {
  Names names;
  for (const SessionKey& session : sessions) names.insert(session.path);
  return names;
}

using Groups = std::map<std::string, Names>;  // the measured paths of each

Groups groups_of(const Names& measured, std::span<const routes::Path> paths) {
  Groups groups;
  for (const routes::Path& path : paths) {
    if (!measured.contains(path.name)) continue;
    for (const std::string& group : path.risk_groups) groups[group].insert(path.name);
  }
  return groups;
}

// Those that hold all of them and fewest others.
void add_larger_groups(Words& words, const Names& struck, const Groups& groups) {
  std::vector<std::pair<std::string, Names>> larger;
  for (const auto& [group, its] : groups) {
    if (std::ranges::includes(its, struck)) larger.emplace_back(group, without(its, struck));
  }
  std::ranges::stable_sort(larger, {}, [](const auto& each) { return each.second.size(); });
  if (larger.size() > most_groups) larger.resize(most_groups);
  for (const auto& [group, spared] : larger) {
    words.push_back(fmt::format("{} in part: {} would have had it too", group, list(spared)));
  }
}

// The group that holds most of them and no other.
void add_smaller_group(Words& words, const Names& struck, const Groups& groups) {
  const auto inside = [&](const auto& each) { return std::ranges::includes(struck, each.second); };
  const Groups::value_type* best = nullptr;
  for (const auto& each : groups) {
    if (!inside(each) || each.second.size() < 2) continue;
    if (best == nullptr || each.second.size() > best->second.size()) best = &each;
  }
  if (best == nullptr) return;
  words.push_back(fmt::format("{} for {}, and another cause for {}", best->first,
                              list(best->second), list(without(struck, best->second))));
}

void add_groups(Words& words, const Incident& incident, const Names& measured,
                std::span<const routes::Path> paths) {
  const Names struck(incident.paths.begin(), incident.paths.end());
  const Groups groups = groups_of(measured, paths);
  if (groups.empty() || !incident.explained_by.empty() || struck.size() < 2) return;
  const std::size_t before = words.size();
  add_larger_groups(words, struck, groups);
  add_smaller_group(words, struck, groups);
  if (words.size() == before) {
    words.emplace_back("more than one cause: these paths share no risk group that is known");
  }
}

}  // namespace

std::vector<std::string> alternatives(const Incident& incident, std::span<const Incident> others,
                                      std::span<const SessionKey> sessions,
                                      std::span<const routes::Path> paths, Nanos window_length) {
  Words words;
  if (incident.kind == ChangeKind::clock) return words;
  add_moved_traffic(words, incident, others, window_length);
  add_far_part(words, incident, sessions);
  if (incident.one_target) {
    words.emplace_back("the network before it that all paths lead into");
    return words;
  }
  const Names measured = measured_paths(sessions);
  if (measured.size() > 1 && incident.paths.size() == measured.size()) {
    words.emplace_back("this site: every path has it");
    return words;
  }
  add_groups(words, incident, measured, paths);
  return words;
}

}  // namespace strait::analyzer
