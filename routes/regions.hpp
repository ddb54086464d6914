// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/address.hpp"
#include "core/result.hpp"
#include "core/strong.hpp"
#include "routes/prefix_map.hpp"
#include "routes/registrations.hpp"
#include "routes/route_filter.hpp"
#include "routes/sources/registration_files.hpp"

namespace strait::routes {

// What the configuration says of one region. Countries, if any are given, replace the default ones.
struct RegionRules {
  std::string name;
  std::vector<std::string> countries;  // ISO 3166, two letters
  std::vector<Asn> asns;
  std::vector<Prefix> prefixes;
  std::vector<CommunityWord> communities;
};

// Names a region; no_region for prefixes that are in none.
using RegionNumber = std::uint16_t;
inline constexpr RegionNumber no_region = 0xffff;

// What put a prefix into a region, in the order in which they are asked; or why it is in none.
enum class ClassBasis : std::uint8_t {
  prefix,             // the longest configured prefix that covers it
  community,          // of its routes
  asn,                // that its routes begin in
  country,            // of registration
  country_elsewhere,  // in no region: the country of registration is in none
  unregistered,       // in no region: nobody registered it
};
[[nodiscard]] std::string_view to_string(ClassBasis basis);

struct ClassMatch {
  RegionNumber region = no_region;
  ClassBasis basis = ClassBasis::unregistered;
  std::optional<Registrations::Match> registration = std::nullopt;  // of the last three
};

// What says to which region prefixes belong. See classify.hpp for how it is asked.
class Regions {
 public:
  // `defaults` maps countries to classes (Catalogue::country_classes). A country, ASN, prefix or
  // community that two regions claim is an error that names both. (Of prefixes one inside the other
  // the longer one counts, as in routing.)
  [[nodiscard]] static Result<Regions> make(
      const std::vector<RegionRules>& rules,
      const std::map<std::string, std::string, std::less<>>& defaults);

  void set_registrations(RegistrationFiles files) { files_ = std::move(files); }

  [[nodiscard]] const std::vector<std::string>& names() const { return names_; }  // sorted
  [[nodiscard]] std::string_view name(RegionNumber number) const { return names_[number]; }
  [[nodiscard]] std::optional<RegionNumber> number_of(std::string_view name) const;

  [[nodiscard]] const Registrations& registrations() const { return files_.registrations; }
  // What of the registrations was not read or contradicts itself; for people.
  [[nodiscard]] const std::vector<std::string>& notes() const { return files_.notes; }

  [[nodiscard]] bool registrations_complete() const { return files_.complete; }

  // What one kind of rule says; nothing if no region claims it.
  [[nodiscard]] std::optional<RegionNumber> by_prefix(const Prefix& prefix) const;
  [[nodiscard]] std::optional<RegionNumber> by_asn(Asn asn) const;
  // The first of the configured communities that is among these attributes' (in the one form).
  [[nodiscard]] std::optional<RegionNumber> by_communities(
      std::span<const std::byte> attributes) const;
  // By the country of registration, or why in none.
  [[nodiscard]] ClassMatch by_registration(const Prefix& prefix) const;
  [[nodiscard]] bool has_asns() const { return !by_asn_.empty(); }
  [[nodiscard]] bool has_communities() const { return !by_community_.empty(); }

 private:
  Regions() = default;
  Result<void> claim(const RegionRules& rules, RegionNumber number);
  void take_defaults(const std::vector<RegionRules>& rules,
                     const std::map<std::string, std::string, std::less<>>& defaults);
  [[nodiscard]] RegionNumber& by_country(CountryCode code);
  [[nodiscard]] RegionNumber by_country(CountryCode code) const;

  static constexpr std::size_t letters = 26;
  std::vector<RegionNumber> by_country_ = std::vector<RegionNumber>(letters * letters, no_region);
  std::map<Asn, RegionNumber> by_asn_;
  PrefixMap<RegionNumber> by_prefix_;
  std::vector<std::pair<CommunityWord, RegionNumber>> by_community_;
  RegistrationFiles files_;
  std::vector<std::string> names_;
};

}  // namespace strait::routes
