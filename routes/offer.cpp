// SPDX-License-Identifier: Apache-2.0
#include "routes/offer.hpp"

namespace strait::routes {

Offer offer_of(const Rib& rib, const Address& neighbor, const Regions& regions) {
  Offer offer;
  const auto add = [](std::vector<Prefix>& list, const Prefix& prefix) {
    if (list.empty() || list.back() != prefix) list.push_back(prefix);  // add-path: several routes
  };
  rib.for_each_of(neighbor, [&](const Prefix& prefix, const RibRoute& route) {
    const AttributeHead& head = rib.head(route);
    if (head.marked()) {
      add(offer.marked, prefix);
      return;
    }
    const auto match = regions.classify(prefix, head.origin_as());
    add(match ? offer.by_class[std::string{match->region}] : offer.unclassified, prefix);
  });
  return offer;
}

}  // namespace strait::routes
