// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/address.hpp"
#include "core/config.hpp"
#include "core/strong.hpp"

namespace strait::routes {

// What can be done at an upstream so that less traffic comes by it.
struct Lever {
  enum class Kind : std::uint8_t {
    community,  // of the provider, by which it lowers our route (RFC 1998)
    med,        // compared only among sessions with the same neighbouring AS (RFC 4271 5.1.4)
    prepend,    // our AS so many times more
    withhold,   // the prefix is not announced there; a covering one should be
  };
  Kind kind = Kind::prepend;
  std::string words;  // "community 64501:70", "med 50", "prepend 2", "withhold"
  bool pulled = false;

  friend bool operator==(const Lever&, const Lever&) = default;
};

// What [[path]] says of the way in.
struct WayIn {
  bool comes_back = false;    // replies to this path's source addresses come by its own upstream
  std::vector<Lever> levers;  // in the order in which to try them
};

// [[inbound]]: the traffic of a class towards us.
struct InboundTraffic {
  std::string traffic_class;
  std::vector<Prefix> prefixes;   // of ours, that it goes to
  std::optional<std::string> by;  // the path whose upstream brings it, by the operator's word
};

struct InboundOptions {
  std::map<std::string, WayIn, std::less<>> ways;  // by path
  std::vector<InboundTraffic> traffic;
};

// Reads [[inbound]], and comes_back, levers and levers_pulled of each [[path]]; mistakes are
// recorded in the document.
[[nodiscard]] InboundOptions read_inbound(ConfigTable root);

// The one change of announcements that would move `traffic` away from `from` (a path) gently: the
// first lever there that has not been pulled and can work between the two upstreams. In words for
// an operator; where there is none, why.
struct InboundStep {
  bool possible = false;
  std::string words;
};
[[nodiscard]] InboundStep inbound_step(const InboundTraffic& traffic, const WayIn& from,
                                       std::string_view from_name, bool same_neighbor_as,
                                       Asn site_asn);

}  // namespace strait::routes
