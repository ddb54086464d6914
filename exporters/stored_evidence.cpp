// SPDX-License-Identifier: Apache-2.0
#include "exporters/stored_evidence.hpp"

#include <limits>

#include "analyzer/gather.hpp"
#include "analyzer/options.hpp"

namespace strait::exporters {
namespace {

constexpr const char* no_region = "unknown";

std::vector<analyzer::Target> targets_of(std::span<const Window> windows,
                                         const TargetRegions& regions) {
  std::map<std::string, std::string, std::less<>> classes;
  for (const Window& window : windows) {
    const auto region = regions.find(window.session.target);
    classes.emplace(window.session.target, region == regions.end() ? no_region : region->second);
  }
  std::vector<analyzer::Target> targets;
  targets.reserve(classes.size());
  for (auto& [name, region] : classes) {
    targets.push_back({.name = name, .traffic_class = std::move(region)});
  }
  return targets;
}

// The paths that were asked for; the others are not `without windows`, they were filtered out.
std::vector<routes::Path> wanted(std::span<const routes::Path> paths, const WindowFilter& filter) {
  std::vector<routes::Path> result;
  for (const routes::Path& path : paths) {
    if (!filter.path || *filter.path == path.name) result.push_back(path);
  }
  return result;
}

}  // namespace

Result<StoredEvidence> stored_evidence(Store& store, const TimeRange& range,
                                       const WindowFilter& filter,
                                       std::span<const routes::Path> paths, WallTime now) {
  const auto regions = store.regions();
  if (!regions) return tl::make_unexpected(regions.error());
  auto stored = store.windows(range, filter);
  if (!stored) return fail(std::move(stored));

  const std::vector<analyzer::Target> targets = targets_of(stored->windows, *regions);
  const std::vector<routes::Path> network_paths = wanted(paths, filter);
  analyzer::EvidenceOptions options;
  options.span_windows = std::numeric_limits<int>::max();  // all that was read
  return StoredEvidence{
      .evidence = analyzer::gather(stored->windows,
                                   {.targets = targets, .paths = network_paths, .far_ends = {}},
                                   options, now),
      .windows = stored->windows.size(),
      .damaged = stored->damaged,
      .first_problem = std::move(stored->first_problem)};
}

}  // namespace strait::exporters
