// SPDX-License-Identifier: Apache-2.0
#include "routes/dialects/exact_origins.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <set>

namespace strait::routes {
namespace {

// What the routes of a wanted prefix begin in.
struct Begins {
  bool known = false;
  std::optional<Asn> origin;  // nothing: in several, or in none that can be named

  void add(std::optional<Asn> of_route) {
    origin = known && origin != of_route ? std::nullopt : of_route;
    known = true;
  }
};

// What the neighbours offer of one family.
struct Offered {
  std::vector<Begins> wanted;  // in the order of those that are
  std::set<Asn> others;        // origins of what is not wanted
};

void add_offered(std::span<const Prefix> wanted, const Address& neighbor, const Rib& rib,
                 Offered& offered) {
  const bool v4 = wanted.front().network.is_v4();
  rib.for_each_of(neighbor, [&](const RibEntry& entry, const RibRoute& route) {
    if (entry.prefix.network.is_v4() != v4 || rib.head(route).marked()) return;
    const auto origin = rib.head(route).origin_as();
    const auto place = std::ranges::lower_bound(wanted, entry.prefix);
    if (place != wanted.end() && *place == entry.prefix) {
      offered.wanted[static_cast<std::size_t>(place - wanted.begin())].add(origin);
    } else if (origin) {
      offered.others.insert(*origin);
    }
  });
}

// How many wanted prefixes each origin has that may be said by it.
std::map<Asn, std::size_t> worth_saying(const Offered& offered) {
  std::map<Asn, std::size_t> counts;
  for (const Begins& each : offered.wanted) {
    if (each.origin && !offered.others.contains(*each.origin)) ++counts[*each.origin];
  }
  std::erase_if(counts, [](const auto& each) { return each.second < 2; });
  return counts;
}

}  // namespace

ExactOrigins exact_origins(std::span<const Prefix> wanted, std::span<const Address> neighbors,
                           const Rib& rib) {
  ExactOrigins found;
  if (wanted.empty()) return found;
  Offered offered{.wanted = std::vector<Begins>(wanted.size()), .others = {}};
  for (const Address& neighbor : neighbors) add_offered(wanted, neighbor, rib, offered);
  const auto counts = worth_saying(offered);
  for (const auto& [origin, count] : counts) {
    found.origins.push_back(origin);
    found.said += count;
  }
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const auto& origin = offered.wanted[i].origin;
    if (!origin || !counts.contains(*origin)) found.rest.push_back(wanted[i]);
  }
  return found;
}

}  // namespace strait::routes
