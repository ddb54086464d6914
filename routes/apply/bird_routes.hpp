// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/address.hpp"
#include "core/strong.hpp"
#include "routes/apply/bird_control.hpp"

namespace strait::routes {

// One route as `show route all` prints it.
struct BirdRoute {
  Prefix prefix;
  std::string protocol;
  std::string from;  // the neighbour, where it is not the gateway; else empty
  bool best = false;
  std::optional<LocalPref> local_pref;  // BGP only, as the next ones
  std::string as_path;                  // "65001 64497"
  std::string next_hop;
  std::string origin;     // "IGP"
  std::string med;        // empty when there is none
  std::string community;  // "(65535,0) (65001,7)"
};

// Reads the reply to `show route ... all`. A network that is not there is no route, not an error;
// another failure, or a line that does not parse, is.
[[nodiscard]] Result<std::vector<BirdRoute>> read_bird_routes(const BirdReply& reply);

}  // namespace strait::routes
