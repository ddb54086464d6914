// SPDX-License-Identifier: Apache-2.0
#include "cli/config/checks.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <string_view>

#include "core/nearest.hpp"

namespace strait::cli {
namespace {

std::vector<std::string> region_names(const Parts& parts, const routes::Catalogue& catalogue) {
  std::vector<std::string> names;
  for (const auto& [country, region] : catalogue.country_classes()) names.push_back(region);
  for (const auto& rules : parts.regions) names.push_back(rules.name);
  std::ranges::sort(names);
  names.erase(std::ranges::unique(names).begin(), names.end());
  return names;
}

bool pinned_in(const probe::PathPin& pin, std::span<const Prefix> prefixes) {
  return sends_from(pin.source_v4, prefixes) || sends_from(pin.source_v6, prefixes);
}

std::string unknown(std::string_view what, const std::string& name,
                    const std::vector<std::string>& known) {
  const auto guess = nearest(name, known);
  return fmt::format("unknown {} '{}'{}", what, name,
                     guess ? fmt::format("; did you mean '{}'?", *guess) : "");
}

void check_targets(ConfigTable root, const Parts& parts, const routes::Catalogue& catalogue) {
  const auto regions = region_names(parts, catalogue);
  std::vector<std::string> places;
  for (const routes::Place& place : catalogue.places()) places.push_back(place.id);
  auto tables = root.tables("target");
  for (std::size_t i = 0; i < tables.size() && i < parts.targets.size(); ++i) {
    const probe::Target& target = parts.targets[i];
    if (!target.region.empty() && !std::ranges::binary_search(regions, target.region)) {
      tables[i].error("region", unknown("region", target.region, regions));
    }
    if (!target.place.empty() && catalogue.place(target.place) == nullptr) {
      tables[i].error("place", unknown("place", target.place, places));
    }
    if (target.protocol == Protocol::twamp && parts.probe.engine == probe::Engine::dpdk) {
      tables[i].error(
          "protocol",
          "TWAMP's control connection is the kernel's: want [probe] engine = \"socket\"");
    }
  }
}

// `key` names the tables that are about a class.
void check_classes(ConfigTable root, std::string_view key,
                   const std::vector<std::string>& regions) {
  for (ConfigTable& table : root.tables(key)) {
    const auto name = table.text("class");
    if (name && !std::ranges::binary_search(regions, *name)) {
      table.error("class", unknown("region", *name, regions));
    }
  }
}

// An address that everybody announces is not one that only one upstream does.
void check_ways_in(ConfigTable root, const Parts& parts) {
  for (ConfigTable& table : root.tables("path")) {
    const std::string name = table.text("name").value_or("");
    const auto way = parts.inbound.ways.find(name);
    const auto pin = std::ranges::find(parts.pins, name, &probe::NamedPin::path);
    if (way == parts.inbound.ways.end() || !way->second.comes_back || pin == parts.pins.end()) {
      continue;
    }
    for (const auto& traffic : parts.inbound.traffic) {
      if (!pinned_in(pin->pin, traffic.prefixes)) continue;
      table.error("comes_back",
                  fmt::format("its source address is in the prefixes of [[inbound]] class '{}', "
                              "which come by whatever way the Internet chooses",
                              traffic.traffic_class));
    }
  }
}

void check_paths(ConfigTable root, const Parts& parts, const routes::Catalogue& catalogue) {
  auto tables = root.tables("path");
  for (std::size_t i = 0; i < tables.size() && i < parts.paths.size(); ++i) {
    if (parts.paths[i].segments.empty()) continue;
    if (const auto complete = catalogue.complete(parts.paths[i]); !complete) {
      tables[i].error("segments", complete.error().message);
    }
  }
  if (tables.empty()) root.error("", "no [[path]]: there is nothing to measure");
  if (parts.targets.empty()) root.error("", "no [[target]]: there is nothing to measure");
}

}  // namespace

bool sends_from(const std::optional<Address>& source, std::span<const Prefix> prefixes) {
  return source && std::ranges::any_of(
                       prefixes, [&](const Prefix& prefix) { return contains(prefix, *source); });
}

void check_together(const ConfigTable& root, const Parts& parts,
                    const routes::Catalogue& catalogue) {
  check_paths(root, parts, catalogue);
  check_targets(root, parts, catalogue);
  const auto regions = region_names(parts, catalogue);
  check_classes(root, "policy", regions);
  check_classes(root, "inbound", regions);
  check_ways_in(root, parts);
}

}  // namespace strait::cli
