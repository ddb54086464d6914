// SPDX-License-Identifier: Apache-2.0
#include "exporters/stored_evidence.hpp"

#include <algorithm>
#include <iterator>
#include <limits>
#include <map>

#include "analyzer/gather.hpp"
#include "analyzer/options.hpp"
#include "core/passive_method.hpp"

namespace strait::exporters {
namespace {

constexpr const char* no_region = "unknown";

std::vector<analyzer::Target> targets_of(std::span<const Window> windows,
                                         const TargetRegions& regions, const Surroundings& known) {
  std::map<std::string, std::string, std::less<>> classes;
  for (const Window& window : windows) {
    const auto region = regions.find(window.session.target);
    classes.emplace(window.session.target, region == regions.end() ? no_region : region->second);
  }
  std::vector<analyzer::Target> targets;
  targets.reserve(classes.size());
  for (auto& [name, region] : classes) {
    const auto weight = known.weights.find(name);
    const auto place = known.targets.find(name);
    targets.push_back(
        {.name = name,
         .traffic_class = std::move(region),
         .weight = weight == known.weights.end() ? 1 : weight->second,
         .position = place == known.targets.end() ? std::nullopt : std::optional{place->second}});
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

std::vector<analyzer::Evidence> of_probes(std::span<const Window> windows,
                                          const analyzer::Network& network, WallTime now) {
  analyzer::EvidenceOptions options;
  options.span_windows = std::numeric_limits<int>::max();  // all that was read
  options.one_way = true;
  options.ipdv = true;
  return analyzer::gather(windows, network, options, now);
}

// Nobody knows where its ends are, so there is no floor; nor what was lost of it.
std::vector<analyzer::Evidence> of_traffic(std::span<const Window> windows,
                                           std::span<const analyzer::Target> targets,
                                           const std::string& method, WallTime now) {
  auto evidence = of_probes(windows, {.targets = targets, .paths = {}, .far_ends = {}}, now);
  std::erase_if(evidence, [](const analyzer::Evidence& each) { return each.windows == 0; });
  for (analyzer::Evidence& each : evidence) {
    each.method = method;
    each.loss = {};
  }
  return evidence;
}

}  // namespace

Result<StoredEvidence> stored_evidence(Store& store, const TimeRange& range,
                                       const WindowFilter& filter, const Surroundings& known,
                                       WallTime now) {
  const auto regions = store.regions();
  if (!regions) return tl::make_unexpected(regions.error());
  WindowFilter both = filter;
  both.kind.reset();
  auto stored = store.windows(range, both);
  if (!stored) return fail(std::move(stored));

  std::map<std::string, std::vector<Window>, std::less<>> by_method;  // of probes: ""
  StoredEvidence result{.evidence = {},
                        .windows = stored->windows.size(),
                        .damaged = stored->damaged,
                        .first_problem = std::move(stored->first_problem)};
  for (Window& window : stored->windows) {
    const auto method = passive_method(window.session.protocol);
    by_method[method ? std::string{to_string(*method)} : std::string{}].push_back(
        std::move(window));
  }
  const std::vector<routes::Path> paths = wanted(known.paths, filter);
  for (const auto& [method, windows] : by_method) {
    const auto targets = targets_of(windows, *regions, known);
    auto evidence = method.empty() ? of_probes(windows,
                                               {.targets = targets,
                                                .paths = paths,
                                                .far_ends = known.far_ends,
                                                .site = known.site},
                                               now)
                                   : of_traffic(windows, targets, method, now);
    std::ranges::move(evidence, std::back_inserter(result.evidence));
  }
  return result;
}

}  // namespace strait::exporters
