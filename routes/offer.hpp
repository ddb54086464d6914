// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <vector>

#include "routes/classify.hpp"
#include "routes/regions.hpp"
#include "routes/rib.hpp"

namespace strait::routes {

// What one neighbour offers, by traffic class. Nothing is lost: prefixes of no class are listed.
struct Offer {
  std::map<std::string, std::vector<Prefix>, std::less<>> by_class;  // sorted, none twice
  std::vector<Prefix> unclassified;
  std::vector<Prefix> marked;  // GRACEFUL_SHUTDOWN or BLACKHOLE: in no class
};
// `classes` are those of this RIB by these regions.
[[nodiscard]] Offer offer_of(const Rib& rib, const Address& neighbor, const RibClasses& classes,
                             const Regions& regions);

}  // namespace strait::routes
