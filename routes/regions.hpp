// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/address.hpp"
#include "core/csv.hpp"
#include "core/result.hpp"
#include "core/strong.hpp"
#include "routes/prefix_map.hpp"

namespace strait::routes {

// What the configuration says of one region. Countries, if any are given, replace the default ones.
struct RegionRules {
  std::string name;
  std::vector<std::string> countries;  // ISO 3166, two letters
  std::vector<Asn> asns;
  std::vector<Prefix> prefixes;
};

enum class ClassBasis : std::uint8_t { prefix, asn, country };
[[nodiscard]] std::string_view to_string(ClassBasis basis);

struct ClassMatch {
  std::string_view region;  // lives as long as the Regions
  ClassBasis basis;
};

// Gives each prefix exactly one traffic class, or none.
class Regions {
 public:
  // `defaults` maps countries to classes (Catalogue::country_classes). A country, ASN or prefix
  // that two regions claim is an error that names both.
  [[nodiscard]] static Result<Regions> make(
      const std::vector<RegionRules>& rules,
      const std::map<std::string, std::string, std::less<>>& defaults);

  // Where addresses are registered: columns `prefix` and `country_iso2`, such as prefixes_ma.csv.
  // Registered in is not located in: the RIRs say so themselves.
  [[nodiscard]] Result<void> add_registrations(const CsvTable& table, std::string_view name);

  // By the longest configured prefix that covers it, else by origin ASN, else by the country that
  // the longest registration names.
  [[nodiscard]] std::optional<ClassMatch> classify(const Prefix& prefix,
                                                   std::optional<Asn> origin) const;

  [[nodiscard]] std::vector<std::string> names() const;  // sorted

 private:
  Regions() = default;
  Result<void> claim(const RegionRules& rules);

  std::map<std::string, std::string, std::less<>> by_country_;
  std::map<Asn, std::string> by_asn_;
  PrefixMap<std::string> by_prefix_;
  PrefixMap<std::string> registered_;  // country
  std::vector<std::string> names_;
};

}  // namespace strait::routes
