// SPDX-License-Identifier: Apache-2.0
#include "routes/rib.hpp"

#include <algorithm>

namespace strait::routes {
namespace {

bool before(const Route& a, const Route& b) {
  if (a.prefix != b.prefix) return a.prefix < b.prefix;
  return a.neighbor < b.neighbor;
}

}  // namespace

Rib::Rib(std::vector<Route> routes, Asn site_asn) : routes_{std::move(routes)} {
  std::ranges::stable_sort(routes_, before);
  for (Route& route : routes_) {
    route.internal = route.neighbor_asn == site_asn;
    by_neighbor_[route.neighbor].push_back(&route);
  }
  for (std::size_t i = 0; i < routes_.size(); ++i) {
    if (i == 0 || routes_[i].prefix != routes_[i - 1].prefix) ++prefixes_;
  }
}

std::span<const Route> Rib::candidates(const Prefix& prefix) const {
  const auto [first, last] = std::ranges::equal_range(routes_, prefix, {}, &Route::prefix);
  return {first, last};
}

std::span<const Route* const> Rib::of_neighbor(const Address& neighbor) const {
  const auto it = by_neighbor_.find(neighbor);
  if (it == by_neighbor_.end()) return {};
  return it->second;
}

std::vector<Address> Rib::neighbors() const {
  std::vector<Address> all;
  all.reserve(by_neighbor_.size());
  for (const auto& [neighbor, routes] : by_neighbor_) all.push_back(neighbor);
  return all;
}

Offer offer_of(const Rib& rib, const Address& neighbor, const Regions& regions) {
  Offer offer;
  const auto add = [](std::vector<Prefix>& list, const Prefix& prefix) {
    if (list.empty() || list.back() != prefix) list.push_back(prefix);  // add-path: several routes
  };
  for (const Route* const route : rib.of_neighbor(neighbor)) {
    if (route->marked()) {
      add(offer.marked, route->prefix);
      continue;
    }
    const auto match = regions.classify(route->prefix, route->origin_asn);
    add(match ? offer.by_class[std::string{match->region}] : offer.unclassified, route->prefix);
  }
  return offer;
}

}  // namespace strait::routes
