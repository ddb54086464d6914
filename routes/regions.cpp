// SPDX-License-Identifier: Apache-2.0
#include "routes/regions.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "routes/sources/attribute_codes.hpp"
#include "routes/sources/byte_reader.hpp"

namespace strait::routes {
namespace {

tl::unexpected<Error> claimed_twice(std::string_view what, std::string_view first,
                                    std::string_view second) {
  return fail(Errc::bad_input, fmt::format("{} is in region '{}' and in region '{}': want one",
                                           what, first, second));
}

std::size_t place_of(CountryCode code) {
  return static_cast<std::size_t>(code.letters[0] - 'A') * 26U +
         static_cast<std::size_t>(code.letters[1] - 'A');
}

// The communities of a set of attributes as they stand in it: to decode all of it for each of half
// a million sets takes longer than the rest of classification.
struct RawCommunities {
  std::span<const std::byte> plain;
  std::span<const std::byte> large;

  [[nodiscard]] bool hold(const CommunityWord& wanted) const {
    if (const auto* const word = std::get_if<std::uint32_t>(&wanted)) {
      for (ByteReader rest{plain}; rest.size() >= 4;) {
        if (rest.u32() == *word) return true;
      }
      return false;
    }
    for (ByteReader rest{large}; rest.size() >= 12;) {
      const LargeCommunity here{.global = rest.u32(), .local1 = rest.u32(), .local2 = rest.u32()};
      if (here == std::get<LargeCommunity>(wanted)) return true;
    }
    return false;
  }
};

// `attributes` in the one form that a RIB keeps.
RawCommunities communities_in(std::span<const std::byte> attributes) {
  constexpr std::uint8_t extended_length = 0x10;  // RFC 4271 section 4.3
  RawCommunities found;
  ByteReader reader{attributes};
  while (!reader.empty()) {
    const std::uint8_t flags = reader.u8();
    const std::uint8_t code = reader.u8();
    const auto value = reader.take((flags & extended_length) != 0 ? reader.u16() : reader.u8());
    if (code == code_communities) found.plain = value;
    if (code == code_large) found.large = value;
  }
  return found;
}

}  // namespace

std::string_view to_string(ClassBasis basis) {
  switch (basis) {
    case ClassBasis::prefix:
      return "configured prefix";
    case ClassBasis::community:
      return "community";
    case ClassBasis::asn:
      return "origin ASN";
    case ClassBasis::country:
      return "country of registration";
    case ClassBasis::country_elsewhere:
      return "a country of no region";
    case ClassBasis::unregistered:
      break;
  }
  return "no registration";
}

Result<Regions> Regions::make(const std::vector<RegionRules>& rules,
                              const std::map<std::string, std::string, std::less<>>& defaults) {
  Regions regions;
  std::set<std::string> names;
  for (const RegionRules& rule : rules) {
    if (!names.insert(rule.name).second) {
      return fail(Errc::bad_input, fmt::format("region '{}' is there twice", rule.name));
    }
  }
  for (const auto& [country, region] : defaults) names.insert(region);
  if (names.size() >= no_region) return fail(Errc::bad_input, "too many regions");
  regions.names_.assign(names.begin(), names.end());
  for (const RegionRules& rule : rules) {
    const auto number = regions.number_of(rule.name).value_or(no_region);
    if (auto claimed = regions.claim(rule, number); !claimed) return fail(std::move(claimed));
  }
  regions.take_defaults(rules, defaults);
  return regions;
}

// Countries that no rule claimed, of regions that claim none of their own.
void Regions::take_defaults(const std::vector<RegionRules>& rules,
                            const std::map<std::string, std::string, std::less<>>& defaults) {
  for (const auto& [country, region] : defaults) {
    const auto rule = std::ranges::find(rules, region, &RegionRules::name);
    const auto code = parse_country(country);
    if (!code || (rule != rules.end() && !rule->countries.empty())) continue;
    if (RegionNumber& number = by_country(*code); number == no_region) {
      number = number_of(region).value_or(no_region);
    }
  }
}

Result<void> Regions::claim(const RegionRules& rules, RegionNumber number) {
  for (const std::string& country : rules.countries) {
    const auto code = parse_country(country);
    if (!code) {
      return fail(Errc::bad_input, fmt::format("country '{}': want two letters", country));
    }
    RegionNumber& owner = by_country(*code);
    if (owner != no_region) return claimed_twice("country " + country, name(owner), rules.name);
    owner = number;
  }
  for (const Asn asn : rules.asns) {
    const auto [it, fresh] = by_asn_.try_emplace(asn, number);
    if (!fresh) {
      return claimed_twice(fmt::format("AS{}", asn.value()), name(it->second), rules.name);
    }
  }
  for (const Prefix& prefix : rules.prefixes) {
    if (by_prefix_.insert(prefix, number)) continue;
    return claimed_twice("prefix " + to_string(prefix), name(*by_prefix_.find(prefix)), rules.name);
  }
  for (const CommunityWord& community : rules.communities) {
    const auto it =
        std::ranges::find(by_community_, community, &std::pair<CommunityWord, RegionNumber>::first);
    if (it != by_community_.end()) {
      return claimed_twice("community " + to_string(community), name(it->second), rules.name);
    }
    by_community_.emplace_back(community, number);
  }
  return {};
}

RegionNumber& Regions::by_country(CountryCode code) { return by_country_[place_of(code)]; }
RegionNumber Regions::by_country(CountryCode code) const { return by_country_[place_of(code)]; }

std::optional<RegionNumber> Regions::number_of(std::string_view name) const {
  const auto it = std::ranges::lower_bound(names_, name);
  if (it == names_.end() || *it != name) return std::nullopt;
  return static_cast<RegionNumber>(it - names_.begin());
}

std::optional<RegionNumber> Regions::by_prefix(const Prefix& prefix) const {
  if (by_prefix_.size() == 0) return std::nullopt;
  const auto match = by_prefix_.longest(prefix);
  return match ? std::optional{*match->second} : std::nullopt;
}

std::optional<RegionNumber> Regions::by_asn(Asn asn) const {
  const auto it = by_asn_.find(asn);
  return it == by_asn_.end() ? std::nullopt : std::optional{it->second};
}

std::optional<RegionNumber> Regions::by_communities(std::span<const std::byte> attributes) const {
  if (by_community_.empty()) return std::nullopt;
  const RawCommunities all = communities_in(attributes);
  for (const auto& [community, number] : by_community_) {
    if (all.hold(community)) return number;
  }
  return std::nullopt;
}

ClassMatch Regions::by_registration(const Prefix& prefix) const {
  const auto registration = files_.registrations.find(prefix);
  if (!registration) return {};
  const RegionNumber number = by_country(registration->country);
  return {.region = number,
          .basis = number == no_region ? ClassBasis::country_elsewhere : ClassBasis::country,
          .registration = registration};
}

}  // namespace strait::routes
