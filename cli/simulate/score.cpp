// SPDX-License-Identifier: Apache-2.0
#include "cli/simulate/score.hpp"

#include <algorithm>
#include <limits>
#include <set>

namespace strait::cli {
namespace {

// What a map from region to path says of a region.
std::optional<std::string> path_for(const std::map<std::string, std::string, std::less<>>& paths,
                                    std::string_view region) {
  const auto found = paths.find(region);
  return found == paths.end() ? std::nullopt : std::optional{found->second};
}

}  // namespace

using probe::simulated::PathModel;
using probe::simulated::TargetModel;
using probe::simulated::TrueDelay;
using probe::simulated::Weather;

Score::Score(const probe::simulated::World& world) : world_{world} {
  std::set<std::string> regions;
  for (const TargetModel& target : world.scenario().targets) regions.insert(target.region);
  for (const std::string& region : regions) {
    classes_.push_back({.region = region, .strait = {}, .same = {}, .plain = {}, .oracle = {}});
  }
}

std::optional<double> Score::delay(std::size_t path, std::string_view region,
                                   const std::vector<Weather>& weather, WallTime time) const {
  const auto& targets = world_.scenario().targets;
  double sum = 0;
  double weights = 0;
  for (std::size_t i = 0; i < targets.size(); ++i) {
    // A target that is down says nothing of paths.
    if (targets[i].region != region || !world_.answers(i, time)) continue;
    const Weather seen = world_.seen(path, i, 0, weather[path], time);
    const TrueDelay truth = world_.true_delay(path, i, 0, seen, time);
    if (!truth.answers) return std::nullopt;
    sum += targets[i].weight * static_cast<double>(truth.mean.count()) * 1e-6;
    weights += targets[i].weight;
  }
  if (weights == 0) return std::nullopt;
  return sum / weights;
}

void Score::take(Choice& choice, const std::optional<std::string>& path,
                 const std::vector<std::optional<double>>& delays) const {
  if (!path) return;
  if (choice.path && *choice.path != *path) ++choice.changes;
  choice.path = path;
  const auto& paths = world_.scenario().paths;
  const auto found = std::ranges::find(paths, *path, &PathModel::name);
  if (found == paths.end()) return;
  const auto& its = delays[static_cast<std::size_t>(found - paths.begin())];
  if (!its) {
    ++choice.dead;
    return;
  }
  choice.delay_ms += *its;
  ++choice.windows;
}

void Score::count(WallTime time, const std::map<std::string, std::string, std::less<>>& chosen) {
  const auto& scenario = world_.scenario();
  const std::vector<Weather> weather = world_.weather(time);
  for (ClassScore& score : classes_) {
    std::vector<std::optional<double>> delays;
    std::optional<std::size_t> best;
    double least = std::numeric_limits<double>::infinity();
    for (std::size_t i = 0; i < scenario.paths.size(); ++i) {
      delays.push_back(delay(i, score.region, weather, time));
      const double its = delays.back().value_or(std::numeric_limits<double>::infinity());
      if (its >= least) continue;
      least = its;
      best = i;
    }
    if (!best) continue;  // no path reaches it, so nobody could have chosen well
    const auto plain = path_for(scenario.defaults, score.region);
    const auto ours = path_for(chosen, score.region);
    const std::uint64_t lived = score.plain.windows;
    take(score.plain, plain, delays);
    take(score.strait, ours ? ours : plain, delays);
    if (score.plain.windows > lived) take(score.same, ours ? ours : plain, delays);
    take(score.oracle, scenario.paths[*best].name, delays);
  }
}

}  // namespace strait::cli
