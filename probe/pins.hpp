// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/config.hpp"
#include "probe/transport.hpp"

namespace strait::probe {

// How the probes of one [[path]] are kept on it.
struct NamedPin {
  std::string path;
  PathPin pin;
  std::vector<Address> answers;  // by which the upstream may answer a check of the pin, besides
  std::uint8_t hops = 1;         // to the upstream
};

// Reads device, source_v4, source_v6, next_hop_v4, next_hop_v6, next_hop_mac, vlans,
// outer_vlan_type, mpls, mtu, mark, pin_answers and pin_hops of every [[path]]; the other keys
// belong to routes. Mistakes are recorded in the document.
[[nodiscard]] std::vector<NamedPin> read_pins(ConfigTable root);

}  // namespace strait::probe
