// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/address.hpp"
#include "core/result.hpp"
#include "probe/passive/decode.hpp"
#include "probe/passive/packet.hpp"

namespace strait::probe::passive {

// A path by its number among the rules' names; these two are none of them.
using PathNumber = std::uint8_t;
inline constexpr PathNumber no_path = 0;
inline constexpr PathNumber several_paths =
    255;  // of a sender whose packets went more than one way

// What of a packet shows which way it takes.
struct PathRule {
  enum class Mark : std::uint8_t { any, interface, vlan, mpls, mac };
  Mark mark = Mark::any;
  std::uint32_t number = 0;  // of the interface, the outermost VLAN tag or MPLS label
  MacAddress mac = {};       // of the next router: the packet comes from it or goes to it
  std::string interface;     // by name, until resolve_interfaces()

  friend bool operator==(const PathRule&, const PathRule&) = default;
};

// "any", "interface:eth1", "interface:0", "vlan:100", "mpls:16001" or "mac:02:00:5e:10:00:01".
[[nodiscard]] Result<PathRule> parse_path_rule(std::string_view text);

// Tells packets' paths by rules, of which the first that fits counts. At most 254 paths.
class PathRules {
 public:
  // A path may have several rules.
  [[nodiscard]] Result<void> add(std::string_view path, PathRule rule);
  // Interfaces by name become numbers, which they have by their place. Error: a name that is not
  // among them.
  [[nodiscard]] Result<void> resolve_interfaces(std::span<const std::string> interfaces);

  [[nodiscard]] bool empty() const { return rules_.empty(); }
  [[nodiscard]] PathNumber of(const CapturedPacket& packet, const Decoded& decoded) const;
  // "none" and "several" besides.
  [[nodiscard]] std::string_view name(PathNumber number) const;

 private:
  struct Entry {
    PathRule rule;
    PathNumber path = no_path;
  };
  [[nodiscard]] static bool fits(const PathRule& rule, const CapturedPacket& packet,
                                 const Decoded& decoded);

  std::vector<Entry> rules_;
  std::vector<std::string> names_;  // of the paths from 1 on
};

}  // namespace strait::probe::passive
