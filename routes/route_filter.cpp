// SPDX-License-Identifier: Apache-2.0
#include "routes/route_filter.hpp"

#include <fmt/format.h>
#include <re2/re2.h>

#include <algorithm>
#include <charconv>
#include <limits>

#include "routes/sources/attributes.hpp"

namespace strait::routes {
namespace {

// Numbers with colons between them; nothing if anything else is there.
std::vector<std::uint32_t> numbers_of(std::string_view text) {
  std::vector<std::uint32_t> numbers;
  const char* at = text.data();
  const char* const end = at + text.size();
  for (;;) {
    std::uint32_t value = 0;
    const auto [stop, error] = std::from_chars(at, end, value);
    if (error != std::errc{}) return {};
    numbers.push_back(value);
    if (stop == end) return numbers;
    if (*stop != ':') return {};
    at = stop + 1;
  }
}

}  // namespace

bool holds(const PathAttributes& attributes, const CommunityWord& wanted) {
  if (const auto* const plain = std::get_if<std::uint32_t>(&wanted)) {
    return std::ranges::find(attributes.communities, *plain) != attributes.communities.end();
  }
  const auto& large = attributes.large_communities;
  return std::ranges::find(large, std::get<LargeCommunity>(wanted)) != large.end();
}

std::string to_string(const CommunityWord& community) {
  if (const auto* const plain = std::get_if<std::uint32_t>(&community)) {
    return fmt::format("{}:{}", *plain >> 16U, *plain & 0xffffU);
  }
  const auto& large = std::get<LargeCommunity>(community);
  return fmt::format("{}:{}:{}", large.global, large.local1, large.local2);
}

Result<CommunityWord> parse_community(std::string_view text) {
  const auto numbers = numbers_of(text);
  constexpr std::uint32_t half = std::numeric_limits<std::uint16_t>::max();
  if (numbers.size() == 2 && numbers[0] <= half && numbers[1] <= half) {
    return CommunityWord{numbers[0] << 16U | numbers[1]};
  }
  if (numbers.size() == 3) return CommunityWord{LargeCommunity{numbers[0], numbers[1], numbers[2]}};
  return fail(Errc::bad_input,
              fmt::format("community '{}': want A:B, each up to 65535, or A:B:C", text));
}

Result<AsPathExpression> parse_as_path_expression(std::string_view text) {
  std::string pattern;
  for (const char c : text) {
    if (c == '_') {
      pattern += "(?:^|$|[ ,{}()\\[\\]])";
    } else {
      pattern += c;
    }
  }
  auto expression = std::make_shared<const re2::RE2>(pattern, re2::RE2::Quiet);
  if (!expression->ok()) {
    return fail(Errc::bad_input,
                fmt::format("AS-path expression '{}': {}", text, expression->error()));
  }
  return expression;
}

bool RouteFilter::peer_matches(const RibPeer& peer) const {
  if (peers.empty() && peer_asns.empty()) return true;
  return std::ranges::find(peers, peer.address) != peers.end() ||
         std::ranges::find(peer_asns, peer.asn) != peer_asns.end();
}

bool RouteFilter::prefix_matches(const Prefix& prefix) const {
  return within.empty() || std::ranges::any_of(within, [&](const Within& each) {
           return each.or_longer ? contains(each.prefix, prefix) : each.prefix == prefix;
         });
}

bool RouteFilter::wants_attributes() const {
  return !origins.empty() || !communities.empty() || as_path != nullptr;
}

bool RouteFilter::attributes_match(const AttributeHead& head,
                                   std::span<const std::byte> octets) const {
  if (!origins.empty()) {
    const auto origin = head.origin_as();
    if (!origin || std::ranges::find(origins, *origin) == origins.end()) return false;
  }
  if (communities.empty() && !as_path) return true;
  const PathAttributes attributes = decode_attributes(octets);
  const auto held = [&](const CommunityWord& wanted) { return holds(attributes, wanted); };
  if (!std::ranges::all_of(communities, held)) return false;
  return !as_path || re2::RE2::PartialMatch(to_string(attributes.as_path), *as_path);
}

}  // namespace strait::routes
