// SPDX-License-Identifier: Apache-2.0
#include "probe/pins.hpp"

#include <limits>

namespace strait::probe {
namespace {

constexpr std::int64_t most_vlan_id = 4094;  // 0 and 4095 are reserved (IEEE 802.1Q §9.6)
constexpr std::size_t most_vlans = 2;
constexpr std::int64_t first_label = 16;  // those below have a meaning of their own (RFC 3032 §2.1)
constexpr std::int64_t last_label = 0xfffff;
constexpr std::size_t most_labels = 4;
constexpr std::int64_t least_mtu = 576;  // RFC 791: what every host takes
constexpr std::int64_t most_mtu = 9216;
constexpr std::int64_t most_hops = 16;  // beyond, it is no upstream

std::optional<Address> of_family(ConfigTable& path, const char* key, bool wants_v4) {
  auto address = path.address(key);
  if (address && address->is_v4() != wants_v4) {
    path.error(key, std::string{key} + " must be an " + (wants_v4 ? "IPv4" : "IPv6") + " address");
    return std::nullopt;
  }
  return address;
}

std::optional<MacAddress> next_hop_mac(ConfigTable& path) {
  const auto text = path.text("next_hop_mac");
  if (!text) return std::nullopt;
  const auto mac = parse_mac(*text);
  if (mac) return *mac;
  path.error("next_hop_mac", mac.error().message);
  return std::nullopt;
}

void read_tags(ConfigTable& path, PathPin& pin) {
  for (const std::int64_t vlan : path.integers("vlans", 1, most_vlan_id)) {
    pin.vlans.push_back(static_cast<std::uint16_t>(vlan));
  }
  if (pin.vlans.size() > most_vlans) path.error("vlans", "want at most two, the outer one first");
  if (const auto type = path.choice("outer_vlan_type", {"802.1ad", "802.1q"})) {
    pin.stacked_ctags = *type == 1;
  }
  for (const std::int64_t label : path.integers("mpls", first_label, last_label)) {
    pin.labels.push_back(static_cast<std::uint32_t>(label));
  }
  if (pin.labels.size() > most_labels) path.error("mpls", "want at most four, the top one first");
  if (const auto mtu = path.integer("mtu", least_mtu, most_mtu)) {
    pin.mtu = static_cast<std::uint16_t>(*mtu);
  }
}

void read_check(ConfigTable& path, NamedPin& named) {
  for (const std::string& text : path.texts("pin_answers")) {
    const auto address = parse_address(text);
    if (!address) {
      path.error("pin_answers", address.error().message);
      continue;
    }
    named.answers.push_back(*address);
  }
  if (const auto hops = path.integer("pin_hops", 1, most_hops)) {
    named.hops = static_cast<std::uint8_t>(*hops);
  }
}

}  // namespace

std::vector<NamedPin> read_pins(ConfigTable root) {
  std::vector<NamedPin> pins;
  for (ConfigTable& path : root.tables("path")) {
    NamedPin named;
    named.path = path.text("name").value_or("");
    named.pin.device = path.text("device").value_or("");
    named.pin.source_v4 = of_family(path, "source_v4", true);
    named.pin.source_v6 = of_family(path, "source_v6", false);
    named.pin.next_hop_v4 = of_family(path, "next_hop_v4", true);
    named.pin.next_hop_v6 = of_family(path, "next_hop_v6", false);
    named.pin.next_hop_mac = next_hop_mac(path);
    read_tags(path, named.pin);
    if (const auto mark = path.integer("mark", 0, std::numeric_limits<std::uint32_t>::max())) {
      named.pin.mark = static_cast<std::uint32_t>(*mark);
    }
    read_check(path, named);
    pins.push_back(std::move(named));
  }
  return pins;
}

}  // namespace strait::probe
