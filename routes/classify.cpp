// SPDX-License-Identifier: Apache-2.0
#include "routes/classify.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/container/small_vector.hpp>

namespace strait::routes {
namespace {

std::string of_routes(std::size_t voted, std::size_t all) {
  return voted == all ? std::string{} : fmt::format(" of {} routes of {}", voted, all);
}

std::string registration_text(const Registrations& all, const Registrations::Match& match) {
  const RegistrationSource& source = all.source(match);
  return fmt::format("registered in {} ({}{})", match.country.text(), source.name,
                     source.date.empty() ? "" : ", file of " + source.date);
}

}  // namespace

// Half a million sets of attributes stand behind a full table's millions of routes.
const Classifier::Spoken& Classifier::spoken_by(const RibRoute& route) {
  const AttributeStore& attributes = rib_.attributes();
  if (spoken_.empty()) spoken_.resize(attributes.places());
  Spoken& spoken = spoken_[AttributeStore::place(route.attributes)];
  if (spoken.community != not_asked) return spoken;
  spoken.community =
      regions_.by_communities(attributes.octets(route.attributes)).value_or(no_region);
  const auto origin = attributes.head(route.attributes).origin_as();
  spoken.origin = origin ? regions_.by_asn(*origin).value_or(no_region) : no_region;
  return spoken;
}

std::optional<Classifier::Vote> Classifier::count_votes(std::span<const RibRoute> routes,
                                                        RegionNumber Spoken::* what) {
  // In the order of the routes, so that the first peer's comes first.
  boost::container::small_vector<Vote, 4> votes;
  for (const RibRoute& route : routes) {
    const RegionNumber region = spoken_by(route).*what;
    if (region == no_region) continue;
    const auto it = std::ranges::find(votes, region, &Vote::region);
    if (it != votes.end()) {
      ++it->routes;
    } else {
      votes.push_back({.region = region, .routes = 1, .first = route});
    }
  }
  if (votes.empty()) return std::nullopt;
  return *std::ranges::max_element(votes, {}, &Vote::routes);  // the first of the greatest
}

std::optional<Classifier::Vote> Classifier::communities_vote(std::span<const RibRoute> routes) {
  if (!regions_.has_communities()) return std::nullopt;
  return count_votes(routes, &Spoken::community);
}

std::optional<Classifier::Vote> Classifier::origins_vote(std::span<const RibRoute> routes) {
  if (!regions_.has_asns()) return std::nullopt;
  return count_votes(routes, &Spoken::origin);
}

ClassMatch Classifier::classify(const RibEntry& entry) {
  if (const auto region = regions_.by_prefix(entry.prefix)) {
    return {.region = *region, .basis = ClassBasis::prefix};
  }
  if (const auto vote = communities_vote(entry.routes)) {
    return {.region = vote->region, .basis = ClassBasis::community};
  }
  if (const auto vote = origins_vote(entry.routes)) {
    return {.region = vote->region, .basis = ClassBasis::asn};
  }
  return regions_.by_registration(entry.prefix);
}

std::string Classifier::reason(const RibEntry& entry, const ClassMatch& match) {
  switch (match.basis) {
    case ClassBasis::prefix:
      return "configured prefix";
    case ClassBasis::community: {
      const auto vote = communities_vote(entry.routes);
      return "community" + (vote ? of_routes(vote->routes, entry.routes.size()) : "");
    }
    case ClassBasis::asn: {
      const auto vote = origins_vote(entry.routes);
      if (!vote) return "origin";
      return fmt::format("origin AS{}{}", rib_.head(vote->first).origin_asn,
                         of_routes(vote->routes, entry.routes.size()));
    }
    case ClassBasis::country:
    case ClassBasis::country_elsewhere:
      if (match.registration)
        return registration_text(regions_.registrations(), *match.registration);
      break;
    case ClassBasis::unregistered:
      break;
  }
  return "not registered as a whole in any one country";
}

RibClasses::RibClasses(const Rib& rib, const Regions& regions) {
  regions_.reserve(rib.prefix_count());
  Classifier classifier{rib, regions};
  rib.for_each(
      [&](const RibEntry& entry) { regions_.push_back(classifier.classify(entry).region); });
}

}  // namespace strait::routes
