// SPDX-License-Identifier: Apache-2.0
#include "cli/routes/offers.hpp"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "routes/model/decision.hpp"

namespace strait::cli {
namespace {

std::vector<Address> neighbors_of(const routes::Path& path) {
  std::vector<Address> neighbors;
  if (path.neighbor_v4) neighbors.push_back(*path.neighbor_v4);
  if (path.neighbor_v6) neighbors.push_back(*path.neighbor_v6);
  return neighbors;
}

// (session's neighbour, prefix) of everything that the plan in force has raised.
using Raised = std::set<std::pair<Address, Prefix>>;

Raised raised_by(const routes::Plan* plan, const std::vector<routes::Path>& paths) {
  Raised raised;
  if (plan == nullptr) return raised;
  for (const routes::Preference& preference : plan->preferences) {
    const auto path = std::ranges::find(paths, preference.path, &routes::Path::name);
    if (path == paths.end()) continue;
    for (const Address& neighbor : neighbors_of(*path)) {
      for (const Prefix& prefix : preference.prefixes) raised.emplace(neighbor, prefix);
    }
  }
  return raised;
}

// Something of each path for each class and part.
template <class T>
class Table {
 public:
  Table(std::size_t paths, const routes::Regions& regions, const routes::PartIndex& parts)
      : regions_{regions},
        parts_{parts},
        of_region_(regions.names().size(), std::vector<T>(paths)),
        of_part_(parts.parts().size(), std::vector<T>(paths)) {}

  // Calls f(T&) for the class and for every part that a prefix is in.
  template <class F>
  void count(std::size_t path, routes::RegionNumber region, std::size_t ordinal, F f) {
    f(of_region_[region][path]);
    for (auto part = parts_.at(ordinal); part != routes::no_part; part = parts_.whole_of(part)) {
      f(of_part_[part][path]);
    }
  }
  // Calls f(name, what of each path).
  template <class F>
  void for_each(F f) const {
    for (std::size_t i = 0; i < of_region_.size(); ++i) {
      f(std::string{regions_.name(static_cast<routes::RegionNumber>(i))}, of_region_[i]);
    }
    for (std::size_t i = 0; i < of_part_.size(); ++i) f(parts_.parts()[i].name, of_part_[i]);
  }

 private:
  const routes::Regions& regions_;
  const routes::PartIndex& parts_;
  std::vector<std::vector<T>> of_region_;
  std::vector<std::vector<T>> of_part_;
};

using PathOfNeighbor = std::map<Address, std::size_t>;

PathOfNeighbor path_of_neighbors(const std::vector<routes::Path>& paths) {
  PathOfNeighbor found;
  for (std::size_t path = 0; path < paths.size(); ++path) {
    for (const Address& neighbor : neighbors_of(paths[path])) found[neighbor] = path;
  }
  return found;
}

// Whose route plain BGP would use for one prefix: nothing where nobody knows.
std::optional<Address> used_by_default(const routes::RibEntry& entry, const routes::Rib& rib,
                                       const routes::RoutesOptions& options, const Raised& raised) {
  auto candidates = rib.contenders(entry.routes);
  // What was injected is not what plain BGP would do.
  std::erase_if(candidates, [&](const routes::Contender& each) {
    return options.injector && each.neighbor == options.injector->local_address;
  });
  if (candidates.empty()) return std::nullopt;
  for (routes::Contender& each : candidates) {
    if (raised.contains({each.neighbor, entry.prefix})) each.local_pref.reset();
  }
  const auto decision = routes::decide(candidates, options.decision);
  if (!decision || decision->open()) return std::nullopt;
  return candidates[decision->best].neighbor;
}

// Of equally many votes the first by name; nothing without any.
std::optional<std::string> most_voted(const std::vector<routes::Path>& paths,
                                      const std::vector<std::size_t>& votes) {
  std::optional<std::size_t> most;
  for (std::size_t path = 0; path < paths.size(); ++path) {
    if (votes[path] == 0) continue;
    const bool more = !most || votes[path] > votes[*most] ||
                      (votes[path] == votes[*most] && paths[path].name < paths[*most].name);
    if (more) most = path;
  }
  return most ? std::optional{paths[*most].name} : std::nullopt;
}

}  // namespace

PathsByClass routed_paths(const Configuration& configuration, const routes::Rib& rib,
                          const routes::RibClasses& classes, const routes::PartIndex& parts) {
  const std::vector<routes::Path>& paths = configuration.paths;
  Table<char> offered{paths.size(), configuration.regions, parts};
  for (std::size_t path = 0; path < paths.size(); ++path) {
    for (const Address& neighbor : neighbors_of(paths[path])) {
      rib.for_each_of(neighbor, [&](const routes::RibEntry& entry, const routes::RibRoute& route) {
        const routes::RegionNumber region = classes.at(entry);
        if (region == routes::no_region || rib.head(route).marked()) return;
        offered.count(path, region, entry.ordinal, [](char& is) { is = 1; });
      });
    }
  }
  PathsByClass routed;
  offered.for_each([&](const std::string& name, const std::vector<char>& by_path) {
    for (std::size_t path = 0; path < paths.size(); ++path) {
      if (by_path[path] != 0) routed[name].insert(paths[path].name);
    }
  });
  return routed;
}

PathByClass default_paths(const Configuration& configuration, const routes::Rib& rib,
                          const routes::RibClasses& classes, const routes::PartIndex& parts,
                          const routes::Plan* in_force) {
  const std::vector<routes::Path>& paths = configuration.paths;
  const Raised raised = raised_by(in_force, paths);
  const PathOfNeighbor path_of = path_of_neighbors(paths);
  Table<std::size_t> votes{paths.size(), configuration.regions, parts};
  rib.for_each([&](const routes::RibEntry& entry) {
    const routes::RegionNumber region = classes.at(entry);
    if (region == routes::no_region) return;
    const auto neighbor = used_by_default(entry, rib, configuration.routes, raised);
    const auto path = neighbor ? path_of.find(*neighbor) : path_of.end();
    if (path == path_of.end()) return;
    votes.count(path->second, region, entry.ordinal, [](std::size_t& prefixes) { ++prefixes; });
  });
  PathByClass found;
  votes.for_each([&](const std::string& name, const std::vector<std::size_t>& by_path) {
    if (auto path = most_voted(paths, by_path)) found[name] = std::move(*path);
  });
  return found;
}

}  // namespace strait::cli
