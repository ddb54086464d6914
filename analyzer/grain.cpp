// SPDX-License-Identifier: Apache-2.0
#include "analyzer/grain.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <numeric>
#include <tuple>
#include <utility>

namespace strait::analyzer {
namespace {

constexpr std::array<std::pair<Grain, std::string_view>, 4> grains{{{Grain::region, "region"},
                                                                    {Grain::country, "country"},
                                                                    {Grain::origin, "origin"},
                                                                    {Grain::prefix, "prefix"}}};

// The parts that one target is in, from the coarsest.
std::vector<MeasuredPart> parts_of(const Target& target, const TargetPlace& place, Grain grain) {
  std::vector<MeasuredPart> found;
  routes::Part part{.name = target.traffic_class,
                    .whole = {},
                    .traffic_class = target.traffic_class,
                    .country = place.country,
                    .origin = std::nullopt,
                    .prefix = std::nullopt};
  const auto add = [&](Grain level, const std::string& word) {
    part.whole = part.name;
    part.name += ":" + word;
    found.push_back({.part = part, .level = level, .targets = {}, .weight = 0});
  };
  if (grain >= Grain::country) add(Grain::country, place.country.empty() ? "ZZ" : place.country);
  if (grain < Grain::origin || !place.origin) return found;
  part.origin = place.origin;
  add(Grain::origin, fmt::format("AS{}", place.origin->value()));
  if (grain < Grain::prefix || !place.prefix) return found;
  part.prefix = place.prefix;
  add(Grain::prefix, to_string(*place.prefix));
  return found;
}

using PartsByName = std::map<std::string, MeasuredPart, std::less<>>;  // a whole before its parts

PartsByName all_parts(std::span<const Target> targets, const TargetPlaces& places, Grain grain) {
  PartsByName parts;
  for (const Target& target : targets) {
    const auto place = places.find(target.name);
    if (place == places.end() || target.weight <= 0) continue;
    for (const MeasuredPart& each : parts_of(target, place->second, grain)) {
      MeasuredPart& inside = parts.try_emplace(each.part.name, each).first->second;
      inside.targets.push_back(target);
      inside.targets.back().traffic_class = inside.part.name;
    }
  }
  return parts;
}

struct Sum {
  std::size_t targets = 0;
  double weight = 0;
};
using Sums = std::map<std::string, Sum, std::less<>>;  // by class

Sums sums_of(std::span<const Target> targets) {
  Sums sums;
  for (const Target& target : targets) {
    if (target.weight <= 0) continue;
    Sum& sum = sums[target.traffic_class];
    ++sum.targets;
    sum.weight += target.weight;
  }
  return sums;
}

double weight_of(const MeasuredPart& part, const Sum& of_class, const Shares& shares) {
  double weight = 0;
  for (const Target& target : part.targets) weight += target.weight;
  if (shares.empty()) return weight;
  const auto share = shares.find(part.part.traffic_class);
  if (share == shares.end() || of_class.weight <= 0) return 0;
  return share->second * weight / of_class.weight;
}

std::string_view word_for(Grain grain) {
  return std::ranges::find(grains, grain, &std::pair<Grain, std::string_view>::first)->second;
}

}  // namespace

std::string_view to_string(Grain grain) { return word_for(grain); }

std::optional<Grain> parse_grain(std::string_view word) {
  const auto* const found =
      std::ranges::find(grains, word, &std::pair<Grain, std::string_view>::second);
  return found == grains.end() ? std::nullopt : std::optional{found->first};
}

std::string_view to_string(PartStanding standing) {
  switch (standing) {
    case PartStanding::unmeasured:
      return "unmeasured";
    case PartStanding::as_whole:
      return "as-whole";
    case PartStanding::split:
      return "split";
    case PartStanding::left_out:
      return "left-out";
  }
  return "?";
}

std::string_view class_of(std::string_view name) { return name.substr(0, name.find(':')); }

std::vector<MeasuredPart> measured_parts(std::span<const Target> targets,
                                         const TargetPlaces& places, Grain grain,
                                         const Shares& shares) {
  PartsByName parts = all_parts(targets, places, grain);
  const Sums sums = sums_of(targets);
  std::map<std::string, std::string, std::less<>> stands_for;  // part without a word of its own
  std::vector<MeasuredPart> found;
  for (auto& [name, each] : parts) {
    const std::string whole = each.part.whole;
    const auto above = parts.find(whole);
    const Sum& of_class = sums.find(each.part.traffic_class)->second;
    const std::size_t around =
        above == parts.end() ? of_class.targets : above->second.targets.size();
    const auto passed_over = stands_for.find(whole);
    if (passed_over != stands_for.end()) each.part.whole = passed_over->second;
    if (each.targets.size() == around) {
      stands_for[name] = each.part.whole;
      continue;
    }
    each.weight = weight_of(each, of_class, shares);
    found.push_back(each);  // a copy: its parts still ask how many targets it has
  }
  return found;
}

std::vector<std::size_t> beyond(std::span<const PartVerdict> parts, std::size_t bound) {
  std::vector<std::size_t> split;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (parts[i].standing == PartStanding::split) split.push_back(i);
  }
  if (split.size() <= bound) return {};
  std::ranges::sort(split, {}, [&](std::size_t i) {
    const PartVerdict& each = parts[i];
    // Without a number it is a dead path that is left.
    const Nanos gain = each.verdict.gain.value_or(Nanos::max());
    return std::tuple{-each.weight, each.level, !each.verdict.previous.has_value(), -gain,
                      std::string_view{each.verdict.traffic_class}};
  });
  split.erase(split.begin(), split.begin() + static_cast<std::ptrdiff_t>(bound));
  return split;
}

DecisionMemory lasting(const DecisionMemory& memory) {
  DecisionMemory kept;
  for (const auto& [name, each] : memory) {
    ClassMemory idle;
    idle.judged = each.judged;
    idle.against = each.against;
    if (name.find(':') == std::string::npos || each != idle)
      kept.emplace_hint(kept.end(), name, each);
  }
  return kept;
}

}  // namespace strait::analyzer
