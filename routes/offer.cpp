// SPDX-License-Identifier: Apache-2.0
#include "routes/offer.hpp"

namespace strait::routes {

Offer offer_of(const Rib& rib, const Address& neighbor, const RibClasses& classes,
               const Regions& regions) {
  Offer offer;
  const auto add = [](std::vector<Prefix>& list, const Prefix& prefix) {
    if (list.empty() || list.back() != prefix) list.push_back(prefix);  // add-path: several routes
  };
  rib.for_each_of(neighbor, [&](const RibEntry& entry, const RibRoute& route) {
    const RegionNumber region = classes.at(entry);
    if (rib.head(route).marked()) {
      add(offer.marked, entry.prefix);
    } else if (region == no_region) {
      add(offer.unclassified, entry.prefix);
    } else {
      add(offer.by_class[std::string{regions.name(region)}], entry.prefix);
    }
  });
  return offer;
}

}  // namespace strait::routes
