// SPDX-License-Identifier: Apache-2.0
#include "routes/apply/bird_routes.hpp"

#include <fmt/format.h>

#include <charconv>
#include <string_view>

namespace strait::routes {
namespace {

constexpr unsigned code_route = 1007;
constexpr unsigned code_attributes = 1012;
constexpr unsigned code_network_not_found = 8001;

// "192.0.2.0/24  unicast [u1 12:00:00.000 from 10.0.0.1] * (100) [AS64497i]"; the second and later
// routes of a network begin with spaces, and the network is that of the line before.
Result<void> start_route(std::string_view line, std::vector<BirdRoute>& routes) {
  const auto bracket = line.find('[');
  const auto close = line.find(']', bracket);
  if (bracket == std::string_view::npos || close == std::string_view::npos) {
    return fail(Errc::unsupported, fmt::format("BIRD's route line '{}' is in no known form", line));
  }
  BirdRoute route;
  const auto network = line.substr(0, line.find(' '));
  if (!network.empty()) {
    const auto prefix = parse_prefix(network);
    if (!prefix) return tl::make_unexpected(prefix.error());
    route.prefix = *prefix;
  } else if (!routes.empty()) {
    route.prefix = routes.back().prefix;
  } else {
    return fail(Errc::unsupported, fmt::format("BIRD's route line '{}' has no network", line));
  }
  const auto inside = line.substr(bracket + 1, close - bracket - 1);
  route.protocol = inside.substr(0, inside.find(' '));
  constexpr std::string_view from = " from ";
  if (const auto at = inside.find(from); at != std::string_view::npos) {
    route.from = inside.substr(at + from.size());
  }
  route.best = line.substr(close + 1).starts_with(" *");
  routes.push_back(std::move(route));
  return {};
}

void read_attribute(std::string_view line, BirdRoute& route) {
  const auto colon = line.find(": ");
  if (colon == std::string_view::npos) return;
  const auto name = line.substr(0, colon);
  const auto value = line.substr(colon + 2);
  if (name == "BGP.as_path") route.as_path = value;
  if (name == "BGP.next_hop") route.next_hop = value.substr(0, value.find(' '));
  if (name == "BGP.origin") route.origin = value;
  if (name == "BGP.med") route.med = value;
  if (name == "BGP.community") route.community = value;
  if (name != "BGP.local_pref") return;
  std::uint32_t number = 0;
  std::from_chars(value.data(), value.data() + value.size(), number);
  route.local_pref = LocalPref{number};
}

}  // namespace

Result<std::vector<BirdRoute>> read_bird_routes(const BirdReply& reply) {
  std::vector<BirdRoute> routes;
  if (!reply.ok()) {
    if (reply.has(code_network_not_found)) return routes;
    return fail(Errc::io, fmt::format("BIRD: show route: {}", reply.message()));
  }
  for (const BirdReply::Line& line : reply.lines) {
    const std::string_view text = line.text;
    if (line.code == code_attributes && text.starts_with('\t') && !routes.empty()) {
      read_attribute(text.substr(1), routes.back());
    }
    const bool about_routes = line.code == code_route && !text.empty() && !text.starts_with('\t') &&
                              !text.starts_with("Table ");
    if (!about_routes) continue;
    if (auto started = start_route(text, routes); !started) return fail(std::move(started));
  }
  return routes;
}

}  // namespace strait::routes
