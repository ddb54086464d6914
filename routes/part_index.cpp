// SPDX-License-Identifier: Apache-2.0
#include "routes/part_index.hpp"

#include <algorithm>
#include <boost/container/small_vector.hpp>
#include <compare>
#include <string>
#include <unordered_map>
#include <utility>

namespace strait::routes {
namespace {

// The country of a prefix as a number, 0 for none.
std::uint16_t country_word(const std::optional<Registrations::Match>& match) {
  if (!match) return 0;
  const auto& letters = match->country.letters;
  return static_cast<std::uint16_t>(static_cast<unsigned char>(letters[0]) << 8U |
                                    static_cast<unsigned char>(letters[1]));
}

std::uint16_t country_word(std::string_view text) {
  const auto code = parse_country(text);
  return code ? country_word(Registrations::Match{.country = *code}) : std::uint16_t{0};
}

// As the classifier counts: never what the decision process prefers.
std::optional<Asn> origin_of(const Rib& rib, std::span<const RibRoute> routes) {
  boost::container::small_vector<std::pair<Asn, std::size_t>, 4> votes;
  for (const RibRoute& route : routes) {
    const auto origin = rib.head(route).origin_as();
    if (!origin) continue;
    const auto known = std::ranges::find(votes, *origin, &std::pair<Asn, std::size_t>::first);
    if (known != votes.end()) {
      ++known->second;
    } else {
      votes.emplace_back(*origin, 1);
    }
  }
  if (votes.empty()) return std::nullopt;
  return std::ranges::max_element(votes, {}, &std::pair<Asn, std::size_t>::second)->first;
}

// A part without its prefix: class, country and perhaps origin in one number. AS 0 is nobody's
// (RFC 7607).
std::uint64_t group_key(RegionNumber region, std::uint16_t country, std::uint32_t origin) {
  return std::uint64_t{region} << 48U | std::uint64_t{country} << 32U | origin;
}

// What to look for, in the classes that have parts.
class Finder {
 public:
  Finder(const Rib& rib, const Regions& regions, std::span<const Part> parts)
      : rib_{rib}, regions_{regions}, wanted_(regions.names().size()) {
    for (PartNumber number = 0; number < parts.size(); ++number) add(parts[number], number);
  }

  PartNumber find(const RibEntry& entry, RegionNumber region) const {
    if (region == no_region || !wanted_[region]) return no_part;
    if (!by_prefix_.empty()) {
      const auto exact = by_prefix_.find(entry.ordinal);
      if (exact != by_prefix_.end()) return exact->second;
    }
    const std::uint16_t country = country_word(regions_.registrations().find(entry.prefix));
    if (any_origin_) {
      const auto origin = origin_of(rib_, entry.routes);
      const auto found = groups_.find(group_key(region, country, origin ? origin->value() : 0));
      if (origin && found != groups_.end()) return found->second;
    }
    const auto found = groups_.find(group_key(region, country, 0));
    return found == groups_.end() ? no_part : found->second;
  }

 private:
  void add(const Part& part, PartNumber number) {
    const auto region = regions_.number_of(part.traffic_class);
    if (!region) return;
    wanted_[*region] = true;
    if (part.prefix) {
      const auto entry = rib_.entry(*part.prefix);
      if (entry && fits(part, *entry)) by_prefix_[entry->ordinal] = number;
      return;
    }
    any_origin_ = any_origin_ || part.origin.has_value();
    groups_[group_key(*region, country_word(part.country),
                      part.origin ? part.origin->value() : 0)] = number;
  }

  // Whether a prefix is still registered, and begins, where its part says.
  [[nodiscard]] bool fits(const Part& part, const RibEntry& entry) const {
    const std::uint16_t country = country_word(regions_.registrations().find(entry.prefix));
    return country == country_word(part.country) &&
           (!part.origin || part.origin == origin_of(rib_, entry.routes));
  }

  const Rib& rib_;
  const Regions& regions_;
  std::vector<bool> wanted_;  // by region
  std::unordered_map<std::size_t, PartNumber> by_prefix_;
  std::unordered_map<std::uint64_t, PartNumber> groups_;
  bool any_origin_ = false;
};

}  // namespace

std::optional<PartPlace> place_of(const Address& address, const Rib& rib, const Regions& regions,
                                  const RibClasses& classes) {
  const auto host = static_cast<std::uint8_t>(address.is_v4() ? 32 : 128);
  const auto entry = rib.longest({address, host});
  if (!entry) return std::nullopt;
  const auto registered = regions.registrations().find(entry->prefix);
  return PartPlace{.region = classes.at(*entry),
                   .country = registered ? std::string{registered->country.text()} : std::string{},
                   .origin = origin_of(rib, entry->routes),
                   .prefix = entry->prefix};
}

PartIndex::PartIndex(const Rib& rib, const Regions& regions, const RibClasses& classes,
                     std::vector<Part> parts)
    : parts_{std::move(parts)}, wholes_(parts_.size(), no_part) {
  if (parts_.empty()) return;
  for (PartNumber number = 0; number < parts_.size(); ++number) {
    wholes_[number] = number_of(parts_[number].whole).value_or(no_part);
    numbers_.emplace(parts_[number].name, number);
  }
  const Finder finder{rib, regions, parts_};
  finest_.reserve(rib.prefix_count());
  rib.for_each(
      [&](const RibEntry& entry) { finest_.push_back(finder.find(entry, classes.at(entry))); });
}

std::optional<PartNumber> PartIndex::number_of(std::string_view name) const {
  const auto found = numbers_.find(name);
  return found == numbers_.end() ? std::nullopt : std::optional{found->second};
}

}  // namespace strait::routes
