// SPDX-License-Identifier: Apache-2.0
#include "probe/pins.hpp"

#include <limits>

namespace strait::probe {
namespace {

std::optional<Address> source(ConfigTable& path, const char* key, bool wants_v4) {
  auto address = path.address(key);
  if (address && address->is_v4() != wants_v4) {
    path.error(key, std::string{key} + " must be an " + (wants_v4 ? "IPv4" : "IPv6") + " address");
    return std::nullopt;
  }
  return address;
}

}  // namespace

std::vector<NamedPin> read_pins(ConfigTable root) {
  std::vector<NamedPin> pins;
  for (ConfigTable& path : root.tables("path")) {
    NamedPin named;
    named.path = path.text("name").value_or("");
    named.pin.device = path.text("device").value_or("");
    named.pin.source_v4 = source(path, "source_v4", true);
    named.pin.source_v6 = source(path, "source_v6", false);
    named.pin.next_hop = path.address("next_hop");
    if (const auto mark = path.integer("mark", 0, std::numeric_limits<std::uint32_t>::max())) {
      named.pin.mark = static_cast<std::uint32_t>(*mark);
    }
    pins.push_back(std::move(named));
  }
  return pins;
}

}  // namespace strait::probe
