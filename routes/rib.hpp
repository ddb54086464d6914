// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "routes/model/route.hpp"
#include "routes/regions.hpp"

namespace strait::routes {

// What BGP offers: every upstream's route to every prefix, ready for look-ups. Immutable.
class Rib {
 public:
  // Routes whose neighbour AS is `site_asn` are marked internal.
  Rib(std::vector<Route> routes, Asn site_asn);
  Rib(Rib&&) = default;
  Rib& operator=(Rib&&) = default;
  Rib(const Rib&) = delete;  // by_neighbor_ points into routes_
  Rib& operator=(const Rib&) = delete;
  ~Rib() = default;

  [[nodiscard]] std::span<const Route> routes() const { return routes_; }  // by prefix, neighbour
  [[nodiscard]] std::size_t prefix_count() const { return prefixes_; }
  // All routes to exactly this prefix.
  [[nodiscard]] std::span<const Route> candidates(const Prefix& prefix) const;
  // All routes that this neighbour offers, by prefix; none for a neighbour that is not there.
  [[nodiscard]] std::span<const Route* const> of_neighbor(const Address& neighbor) const;
  [[nodiscard]] std::vector<Address> neighbors() const;

 private:
  std::vector<Route> routes_;
  std::map<Address, std::vector<const Route*>> by_neighbor_;  // into routes_
  std::size_t prefixes_ = 0;
};

// What one neighbour offers, by traffic class. Nothing is lost: prefixes of no class are listed.
struct Offer {
  std::map<std::string, std::vector<Prefix>, std::less<>> by_class;  // sorted, none twice
  std::vector<Prefix> unclassified;
  std::vector<Prefix> marked;  // GRACEFUL_SHUTDOWN or BLACKHOLE: in no class
};
[[nodiscard]] Offer offer_of(const Rib& rib, const Address& neighbor, const Regions& regions);

}  // namespace strait::routes
