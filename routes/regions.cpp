// SPDX-License-Identifier: Apache-2.0
#include "routes/regions.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace strait::routes {
namespace {

tl::unexpected<Error> claimed_twice(std::string_view what, std::string_view first,
                                    std::string_view second) {
  return fail(Errc::bad_input, fmt::format("{} is in region '{}' and in region '{}': want one",
                                           what, first, second));
}

}  // namespace

std::string_view to_string(ClassBasis basis) {
  switch (basis) {
    case ClassBasis::prefix:
      return "configured prefix";
    case ClassBasis::asn:
      return "origin ASN";
    case ClassBasis::country:
      return "country of registration";
  }
  return "";
}

Result<Regions> Regions::make(const std::vector<RegionRules>& rules,
                              const std::map<std::string, std::string, std::less<>>& defaults) {
  Regions regions;
  for (const RegionRules& rule : rules) {
    if (std::ranges::find(regions.names_, rule.name) != regions.names_.end()) {
      return fail(Errc::bad_input, fmt::format("region '{}' is there twice", rule.name));
    }
    regions.names_.push_back(rule.name);
    if (auto claimed = regions.claim(rule); !claimed) return fail(std::move(claimed));
  }
  const auto replaced = [&](const std::string& region) {
    const auto rule = std::ranges::find(rules, region, &RegionRules::name);
    return rule != rules.end() && !rule->countries.empty();
  };
  for (const auto& [country, region] : defaults) {
    if (!replaced(region)) regions.by_country_.try_emplace(country, region);
  }
  for (const auto& [country, region] : regions.by_country_) {
    if (std::ranges::find(regions.names_, region) == regions.names_.end()) {
      regions.names_.push_back(region);
    }
  }
  std::ranges::sort(regions.names_);
  return regions;
}

Result<void> Regions::claim(const RegionRules& rules) {
  for (const std::string& country : rules.countries) {
    const auto [it, fresh] = by_country_.try_emplace(country, rules.name);
    if (!fresh) return claimed_twice("country " + country, it->second, rules.name);
  }
  for (const Asn asn : rules.asns) {
    const auto [it, fresh] = by_asn_.try_emplace(asn, rules.name);
    if (!fresh) return claimed_twice(fmt::format("AS{}", asn.value()), it->second, rules.name);
  }
  for (const Prefix& prefix : rules.prefixes) {
    if (by_prefix_.insert(prefix, rules.name)) continue;
    return claimed_twice("prefix " + to_string(prefix), *by_prefix_.find(prefix), rules.name);
  }
  return {};
}

Result<void> Regions::add_registrations(const CsvTable& table, std::string_view name) {
  for (std::size_t row = 0; row < table.rows(); ++row) {
    const auto prefix = parse_prefix(table.cell(row, "prefix"));
    if (!prefix) {
      return fail(Errc::bad_input, fmt::format("{}: {}", name, prefix.error().message));
    }
    const std::string country{table.cell(row, "country_iso2")};
    const std::string* const known = registered_.find(*prefix);
    if (known != nullptr && *known != country) {
      return fail(Errc::bad_input, fmt::format("{}: {} is registered in {} and in {}", name,
                                               to_string(*prefix), *known, country));
    }
    registered_.insert(*prefix, country);
  }
  return {};
}

std::optional<ClassMatch> Regions::classify(const Prefix& prefix, std::optional<Asn> origin) const {
  if (const auto match = by_prefix_.longest(prefix)) {
    return ClassMatch{*match->second, ClassBasis::prefix};
  }
  if (origin) {
    if (const auto it = by_asn_.find(*origin); it != by_asn_.end()) {
      return ClassMatch{it->second, ClassBasis::asn};
    }
  }
  if (const auto match = registered_.longest(prefix)) {
    if (const auto it = by_country_.find(*match->second); it != by_country_.end()) {
      return ClassMatch{it->second, ClassBasis::country};
    }
  }
  return std::nullopt;
}

std::vector<std::string> Regions::names() const { return names_; }

}  // namespace strait::routes
