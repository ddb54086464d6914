// SPDX-License-Identifier: Apache-2.0
#include "analyzer/commit.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace strait::analyzer {
namespace {

bool anyone_else(const std::set<std::string, std::less<>>& names, std::string_view traffic_class) {
  return names.size() > (names.contains(traffic_class) ? 1U : 0U);
}

}  // namespace

std::string PathCost::words(const routes::Path& path) const {
  const auto whole = [&](std::string_view why) {
    return fmt::format("all of its cost of {:g} counts: {}", path.cost, why);
  };
  switch (basis) {
    case Basis::whole:
      return fmt::format("costs {:g}", path.cost);
    case Basis::rate_unknown:
      return whole("the rate of the class is not known");
    case Basis::load_unknown:
      return whole("the rate of another class that uses it is not known");
    case Basis::place_unknown:
      return whole("it is not known which path another class uses");
    case Basis::commit:
      break;
  }
  return fmt::format(
      "costs {:g} of {:g}: {} of the class's {} are beyond the commit of {}, of "
      "which others use {}",
      counts, path.cost, to_string(beyond), to_string(rate),
      to_string(path.commit.value_or(BitRate{})), to_string(others));
}

CommitLoads::CommitLoads(std::span<const routes::Path> paths, const ClassRates& rates)
    : paths_{paths}, rates_{rates}, loads_(paths.size()) {}

std::optional<std::size_t> CommitLoads::number_of(std::string_view path) const {
  const auto found = std::ranges::find(paths_, path, &routes::Path::name);
  if (found == paths_.end()) return std::nullopt;
  return static_cast<std::size_t>(found - paths_.begin());
}

std::optional<double> CommitLoads::rate_of(std::string_view traffic_class) const {
  const auto found = rates_.find(traffic_class);
  if (found == rates_.end()) return std::nullopt;
  return found->second.per_second;
}

void CommitLoads::Load::add(std::string_view traffic_class, const std::optional<double>& rate) {
  if (rate) {
    bits += *rate;
  } else {
    unknown.emplace(traffic_class);
  }
}

void CommitLoads::Load::remove(std::string_view traffic_class, const std::optional<double>& rate) {
  if (rate) {
    bits = std::max(bits - *rate, 0.0);
  } else if (const auto found = unknown.find(traffic_class); found != unknown.end()) {
    unknown.erase(found);
  }
}

void CommitLoads::place(std::string_view traffic_class, const std::optional<std::string>& path) {
  if (!path) {
    nowhere_.emplace(traffic_class);
    return;
  }
  const auto number = number_of(*path);
  if (!number) return;
  now_.emplace(traffic_class, *number);
  const auto rate = rate_of(traffic_class);
  loads_[*number].before.add(traffic_class, rate);
  loads_[*number].after.add(traffic_class, rate);
}

void CommitLoads::move(std::string_view traffic_class, std::string_view path) {
  const auto number = number_of(path);
  const auto now = now_.find(traffic_class);
  if (!number || (now != now_.end() && now->second == *number)) return;
  const auto rate = rate_of(traffic_class);
  loads_[*number].before.add(traffic_class, rate);
  loads_[*number].after.add(traffic_class, rate);
  if (now != now_.end()) loads_[now->second].after.remove(traffic_class, rate);
}

PathCost CommitLoads::cost(std::string_view traffic_class, std::size_t path) const {
  const routes::Path& its = paths_[path];
  PathCost cost{.counts = its.cost, .rate = {}, .others = {}, .beyond = {}};
  if (!its.commit) return cost;
  const auto rate = rate_of(traffic_class);
  const auto now = now_.find(traffic_class);
  const bool there = now != now_.end() && now->second == path;
  const Load& load = there ? loads_[path].after : loads_[path].before;
  if (!rate || *rate <= 0) {
    cost.basis = PathCost::Basis::rate_unknown;
  } else if (anyone_else(load.unknown, traffic_class)) {
    cost.basis = PathCost::Basis::load_unknown;
  } else if (anyone_else(nowhere_, traffic_class)) {
    cost.basis = PathCost::Basis::place_unknown;
  } else {
    const double others = std::max(load.bits - (there ? *rate : 0), 0.0);
    const double beyond = std::clamp(others + *rate - its.commit->per_second, 0.0, *rate);
    cost.basis = PathCost::Basis::commit;
    cost.counts = its.cost * (beyond / *rate);
    cost.rate = BitRate{*rate};
    cost.others = BitRate{others};
    cost.beyond = BitRate{beyond};
  }
  return cost;
}

std::vector<PathCost> CommitLoads::costs(std::string_view traffic_class) const {
  std::vector<PathCost> all;
  all.reserve(paths_.size());
  for (std::size_t path = 0; path < paths_.size(); ++path) {
    all.push_back(cost(traffic_class, path));
  }
  return all;
}

}  // namespace strait::analyzer
