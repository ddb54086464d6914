// SPDX-License-Identifier: Apache-2.0
#include "cli/routes/parts.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <set>
#include <utility>

namespace strait::cli {
namespace {

// The names of a long list that a note gives.
constexpr std::size_t named = 5;

std::vector<routes::Part> only_parts(std::span<const analyzer::MeasuredPart> measured) {
  std::vector<routes::Part> parts;
  parts.reserve(measured.size());
  for (const analyzer::MeasuredPart& each : measured) parts.push_back(each.part);
  return parts;
}

// The standing of a part, and whether it or a part around it is measured, or split.
struct Around {
  bool measured = false;
  bool split = false;
};

std::vector<Around> all_around(const routes::PartIndex& index,
                               std::span<const analyzer::PartVerdict> verdicts) {
  using analyzer::PartStanding;
  std::vector<Around> around(verdicts.size());
  for (routes::PartNumber part = 0; part < verdicts.size(); ++part) {  // a whole before its parts
    const routes::PartNumber whole = index.whole_of(part);
    if (whole != routes::no_part) around[part] = around[whole];
    const PartStanding standing = verdicts[part].standing;
    around[part].measured = around[part].measured || standing != PartStanding::unmeasured;
    around[part].split = around[part].split || standing == PartStanding::split;
  }
  return around;
}

// By target, whether it is in a measured part, or in a split one.
std::map<std::string, Around, std::less<>> by_target(const KnownParts& parts,
                                                     std::span<const Around> around) {
  std::map<std::string, Around, std::less<>> found;  // of a target and class
  for (std::size_t part = 0; part < around.size(); ++part) {
    for (const analyzer::Target& target : parts.measured[part].targets) {
      const std::string& traffic_class = parts.measured[part].part.traffic_class;
      Around& its = found[traffic_class + ":" + target.name];
      its.measured = its.measured || around[part].measured;
      its.split = its.split || around[part].split;
    }
  }
  return found;
}

using CoverageByClass = std::map<std::string, exporters::Coverage, std::less<>>;

void add_weights(std::span<const analyzer::Target> targets, const KnownParts& parts,
                 std::span<const Around> around, CoverageByClass& coverage) {
  const auto inside = by_target(parts, around);
  std::map<std::string_view, double> sums;
  for (const analyzer::Target& target : targets) sums[target.traffic_class] += target.weight;
  for (const analyzer::Target& target : targets) {
    const auto its = inside.find(target.traffic_class + ":" + target.name);
    const double sum = sums[target.traffic_class];
    if (its == inside.end() || sum <= 0) continue;
    exporters::Coverage& of_class = coverage.find(target.traffic_class)->second;
    if (its->second.measured) of_class.weight_in_measured += target.weight / sum;
    if (its->second.split) of_class.weight_in_split += target.weight / sum;
  }
}

void count_parts(std::span<const analyzer::PartVerdict> verdicts, CoverageByClass& coverage) {
  for (const analyzer::PartVerdict& each : verdicts) {
    exporters::Coverage& of_class =
        coverage.find(analyzer::class_of(each.verdict.traffic_class))->second;
    switch (each.standing) {
      case analyzer::PartStanding::unmeasured:
        ++of_class.unmeasured;
        continue;
      case analyzer::PartStanding::as_whole:
        break;
      case analyzer::PartStanding::split:
        ++of_class.split;
        break;
      case analyzer::PartStanding::left_out:
        ++of_class.left_out;
        break;
    }
    ++of_class.measured;
  }
}

void add_traffic(const analyzer::Weighed* weighed, CoverageByClass& coverage) {
  if (weighed == nullptr || !weighed->used) return;
  for (auto& [name, each] : coverage) {
    each.by_traffic = std::ranges::find(weighed->classes, name) != weighed->classes.end();
    const auto share = weighed->shares.find(name);
    if (share != weighed->shares.end()) each.traffic_share = share->second;
  }
}

void count_preferred(const routes::Plan& plan, CoverageByClass& coverage) {
  std::map<std::string_view, std::set<Prefix>> preferred;
  for (const routes::Preference& each : plan.preferences) {
    preferred[each.traffic_class].insert(each.prefixes.begin(), each.prefixes.end());
  }
  for (const auto& [name, prefixes] : preferred) {
    const auto found = coverage.find(name);
    if (found != coverage.end()) found->second.preferred = prefixes.size();
  }
}

}  // namespace

KnownParts parts_in(const Configuration& configuration, std::span<const analyzer::Target> targets,
                    const routes::Rib& rib, const routes::RibClasses& classes,
                    const analyzer::Weighed* weighed) {
  KnownParts known;
  const analyzer::Grain grain = configuration.analyzer.decision.grain;
  if (grain == analyzer::Grain::region) return known;
  const routes::Regions& regions = configuration.regions;
  analyzer::TargetPlaces places;
  for (const probe::Target& target : configuration.targets) {
    const auto place = routes::place_of(target.address, rib, regions, classes);
    // What lies in another class says nothing of the parts of this one.
    if (!place || place->region == routes::no_region ||
        regions.name(place->region) != target.region) {
      known.unplaced.push_back(target.name);
      continue;
    }
    places[target.name] = {
        .country = place->country, .origin = place->origin, .prefix = place->prefix};
  }
  const bool by_traffic = weighed != nullptr && weighed->used;
  known.measured = analyzer::measured_parts(targets, places, grain,
                                            by_traffic ? weighed->shares : analyzer::Shares{});
  known.index = {rib, regions, classes, only_parts(known.measured)};
  return known;
}

std::vector<exporters::Coverage> coverage_of(
    const Configuration& configuration, std::span<const analyzer::Target> targets,
    const KnownParts& parts, std::span<const analyzer::PartVerdict> verdicts,
    const routes::Rib& rib, const routes::RibClasses& classes, const routes::Plan& plan,
    const analyzer::Weighed* weighed) {
  CoverageByClass coverage;
  for (const analyzer::Target& target : targets) {
    coverage[target.traffic_class].traffic_class = target.traffic_class;
  }
  const std::vector<Around> around = all_around(parts.index, verdicts);
  std::vector<exporters::Coverage*> of_region(configuration.regions.names().size(), nullptr);
  for (auto& [name, each] : coverage) {
    if (const auto region = configuration.regions.number_of(name)) of_region[*region] = &each;
  }
  rib.for_each([&](const routes::RibEntry& entry) {
    const routes::RegionNumber region = classes.at(entry);
    if (region == routes::no_region || of_region[region] == nullptr) return;
    exporters::Coverage& of_class = *of_region[region];
    ++of_class.prefixes;
    const routes::PartNumber part = parts.index.at(entry.ordinal);
    if (part == routes::no_part) return;
    if (around[part].measured) ++of_class.in_measured;
    if (around[part].split) ++of_class.in_split;
  });
  add_weights(targets, parts, around, coverage);
  count_parts(verdicts, coverage);
  add_traffic(weighed, coverage);
  count_preferred(plan, coverage);
  std::vector<exporters::Coverage> all;
  all.reserve(coverage.size());
  for (auto& [name, each] : coverage) all.push_back(std::move(each));
  return all;
}

void note_left_out(std::span<const analyzer::PartVerdict> parts, std::size_t most,
                   routes::Plan& plan) {
  std::map<std::string, std::vector<std::string>, std::less<>> left_out;  // by class
  for (const analyzer::PartVerdict& each : parts) {
    if (each.standing != analyzer::PartStanding::left_out) continue;
    const std::string& name = each.verdict.traffic_class;
    left_out[std::string{analyzer::class_of(name)}].push_back(name);
  }
  for (const auto& [traffic_class, names] : left_out) {
    const std::span first{names.begin(), std::min(names.size(), named)};
    plan.notes.push_back(
        {.guard = "part-budget",
         .message = fmt::format("class {}: {} parts are left to it, {} parts at most may go by "
                                "paths of their own: {}{}",
                                traffic_class, names.size(), most, fmt::join(first, " "),
                                names.size() > named ? " ..." : ""),
         .blocks = false});
  }
}

}  // namespace strait::cli
