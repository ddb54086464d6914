// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/result.hpp"
#include "routes/model/path_attributes.hpp"
#include "routes/rib.hpp"

namespace re2 {
class RE2;
}

namespace strait::routes {

// A community as a person writes it: "65001:100" (RFC 1997) or "65001:2:3" (RFC 8092).
using CommunityWord = std::variant<std::uint32_t, LargeCommunity>;
[[nodiscard]] Result<CommunityWord> parse_community(std::string_view text);
[[nodiscard]] std::string to_string(const CommunityWord& community);
[[nodiscard]] bool holds(const PathAttributes& attributes, const CommunityWord& wanted);

// An expression over AS paths as routers know them: a regular expression (RE2's syntax) over "64500
// 64501 {1,2}" in which _ stands for a border between AS numbers. Matching takes time in proportion
// to the path's length, and no stack: a path may have 16,000 numbers.
using AsPathExpression = std::shared_ptr<const re2::RE2>;
[[nodiscard]] Result<AsPathExpression> parse_as_path_expression(std::string_view text);

// What a person asks for. All that is set must hold.
struct RouteFilter {
  struct Within {
    Prefix prefix;
    bool or_longer = false;
  };
  std::vector<Address> peers;  // any of these, or of peer_asns
  std::vector<Asn> peer_asns;
  std::vector<Asn> origins;                // any of these
  std::vector<Within> within;              // any of these
  std::vector<CommunityWord> communities;  // each of these
  AsPathExpression as_path;                // found in the path's text; null: any path

  [[nodiscard]] bool peer_matches(const RibPeer& peer) const;
  [[nodiscard]] bool prefix_matches(const Prefix& prefix) const;
  // Whether it asks for anything of the attributes.
  [[nodiscard]] bool wants_attributes() const;
  [[nodiscard]] bool attributes_match(const AttributeHead& head,
                                      std::span<const std::byte> octets) const;
};

}  // namespace strait::routes
