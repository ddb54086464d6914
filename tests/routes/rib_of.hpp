// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include "routes/rib_builder.hpp"
#include "routes/sources/attributes.hpp"
#include "tests/routes/mrt_builder.hpp"

namespace strait::testing {

// The attributes of a route as a router would write them. The path is `as_path`, or just the origin
// where a test gives no more.
inline Octets octets_of(const routes::Route& route) {
  std::vector<Asn> path = route.as_path;
  if (path.empty() && route.origin_asn) path = {*route.origin_asn};
  Octets segments;
  if (!path.empty()) segments.u8(2).u8(static_cast<unsigned>(path.size()));
  for (const Asn asn : path) segments.u32(asn.value());
  Octets all = Octets{}.add(origin(static_cast<unsigned>(route.origin))).add(as_path(segments));
  all.add(next_hop("192.0.2.1"));
  if (route.med) all.add(attribute(0x80, 4, Octets{}.u32(route.med->value())));
  if (route.local_pref) all.add(attribute(0x40, 5, Octets{}.u32(route.local_pref->value())));
  if (!route.communities.empty()) {
    Octets values;
    for (const auto community : route.communities) values.u32(community);
    all.add(attribute(0xc0, 8, values));
  }
  return all;
}

// A RIB of these routes, in any order; of two of one neighbour the later one counts.
inline routes::Rib rib_of(const std::vector<routes::Route>& all, Asn site_asn) {
  routes::RibBuilder builder{site_asn};
  routes::AttributeReader reader;
  for (const routes::Route& route : all) {
    const Octets octets = octets_of(route);
    static_cast<void>(reader.read(octets.span(), {}));
    const auto canonical = reader.octets(routes::NlriPlace::rib_entry);
    const auto id = builder.attributes().add(reader.head(), canonical);
    const auto peer = builder.peer(route.neighbor, route.neighbor_asn, route.neighbor_id).value();
    const std::vector<routes::RibRoute> one{{.attributes = id, .path_id = 0, .peer = peer}};
    if (route.prefix.network.is_v4()) {
      builder.put(routes::KeyV4::of(route.prefix), one);
    } else {
      builder.put(routes::KeyV6::of(route.prefix), one);
    }
  }
  return std::move(builder).finish();
}

}  // namespace strait::testing
