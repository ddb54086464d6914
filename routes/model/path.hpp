// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/address.hpp"
#include "core/duration.hpp"
#include "core/strong.hpp"
#include "routes/model/neighbor_role.hpp"

namespace strait::routes {

// One way out of the site: an upstream over a physical route.
struct Path {
  std::string name;                      // "atlas-offshore"
  std::vector<std::string> segments;     // catalogue ids, in order: cables and terrestrial legs
  double length_km = 0;                  // sum of the segments
  Nanos one_way_floor{};                 // length x 4.897 us/km: no packet over it can be faster
  std::vector<std::string> countries;    // ISO 3166, each that the segments enter, in order
  std::vector<std::string> risk_groups;  // "asilah", "atlas-offshore": what fails together
  Asn upstream_asn;
  std::optional<Address> neighbor_v4;  // BGP neighbour: names the upstream in a RIB
  std::optional<Address> neighbor_v6;
  std::string protocol;           // the router's name for that session, such as BIRD's
  std::string protocol_v6;        // of a session of its own for IPv6; empty: the same one
  double cost = 0;                // of what is sent over it, in any unit that all paths share
  std::optional<BitRate> commit;  // paid for in any case: only what is beyond it has the cost
  bool forbidden = false;         // by policy: never recommended
  std::string forbidden_reason;
  NeighborRole role = NeighborRole::provider;  // of the upstream
};

}  // namespace strait::routes
