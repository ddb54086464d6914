// SPDX-License-Identifier: Apache-2.0
#include "routes/dialects/gobgp_injector.hpp"

#include <fmt/format.h>

#include <string>
#include <utility>
#include <vector>

#include "routes/dialects/injected.hpp"
#include "routes/dialects/script.hpp"

namespace strait::routes {
namespace {

constexpr std::string_view speaker = "GoBGP as the injector";

// The global import policy is asked about injected routes too, so that it cannot reject by default.
// RFC 4724 is off, GoBGP's default: routes of an injector that died are not to stay.
std::string configuration_of(const Injector& injector, Asn site) {
  return fmt::format(
      "#| [global.config]\n"
      "#|   as = {0}\n"
      "#|   router-id = \"{1}\"\n"
      "#|   port = -1\n"
      "#| [global.apply-policy.config]\n"
      "#|   import-policy-list = [\"from-router\"]\n"
      "#|   default-import-policy = \"accept-route\"\n"
      "#|   default-export-policy = \"accept-route\"\n"
      "#| [[defined-sets.neighbor-sets]]\n"
      "#|   neighbor-set-name = \"router\"\n"
      "#|   neighbor-info-list = [\"{2}/{3}\"]\n"
      "#| [[policy-definitions]]\n"
      "#|   name = \"from-router\"\n"
      "#|   [[policy-definitions.statements]]\n"
      "#|     name = \"nothing\"\n"
      "#|     [policy-definitions.statements.conditions.match-neighbor-set]\n"
      "#|       neighbor-set = \"router\"\n"
      "#|     [policy-definitions.statements.actions]\n"
      "#|       route-disposition = \"reject-route\"\n"
      "#| [[neighbors]]\n"
      "#|   [neighbors.config]\n"
      "#|     neighbor-address = \"{2}\"\n"
      "#|     peer-as = {0}\n"
      "#|   [neighbors.timers.config]\n"
      "#|     connect-retry = 2\n"
      "#|     idle-hold-time-after-reset = 2\n"
      "#|   [neighbors.transport.config]\n"
      "#|     local-address = \"{4}\"\n"
      "#|   [[neighbors.afi-safis]]\n"
      "#|     [neighbors.afi-safis.config]\n"
      "#|       afi-safi-name = \"ipv4-unicast\"\n"
      "#|   [[neighbors.afi-safis]]\n"
      "#|     [neighbors.afi-safis.config]\n"
      "#|       afi-safi-name = \"ipv6-unicast\"\n",
      site.value(), injector.router_id.to_string(), injector.router.to_string(),
      injector.router.is_v4() ? 32 : 128, injector.local_address.to_string());
}

std::string as_path_word(const PathAttributes& attributes) {
  std::vector<std::uint32_t> asns;
  for (const AsSegment& segment : attributes.as_path) {
    for (const Asn asn : segment.asns) asns.push_back(asn.value());
  }
  return asns.empty() ? std::string{} : fmt::format(" aspath {}", fmt::join(asns, ","));
}

std::string route_line(const InjectedRoute& route, LocalPref local_pref, std::uint32_t own) {
  const PathAttributes& attributes = route.attributes;
  std::string line = fmt::format("{}{} {} origin {}{} nexthop {}", gobgp_add,
                                 route.prefix.network.is_v4() ? "ipv4" : "ipv6",
                                 to_string(route.prefix), origin_word(attributes.origin),
                                 as_path_word(attributes), attributes.next_hop.to_string());
  if (attributes.med) line += fmt::format(" med {}", attributes.med->value());
  line += fmt::format(" local-pref {} community ", local_pref.value());
  std::vector<std::string> words;
  for (const std::uint32_t one : communities_of(attributes, own)) {
    words.push_back(fmt::format("{}:{}", one >> 16U, one & 0xffffU));
  }
  line += fmt::format("{}", fmt::join(words, ","));
  words.clear();
  for (const LargeCommunity& one : attributes.large_communities) {
    words.push_back(fmt::format("{}:{}:{}", one.global, one.local1, one.local2));
  }
  if (!words.empty()) line += fmt::format(" large-community {}", fmt::join(words, ","));
  return line + "\n";
}

}  // namespace

Result<Rendering> render_gobgp_injector(const Plan& plan, const Surroundings& around) {
  const auto injector = injector_of(plan, around, speaker);
  if (!injector) return tl::make_unexpected(injector.error());
  const auto script = script_of(plan, around, speaker);
  if (!script) return tl::make_unexpected(script.error());
  if (script->prefixes > gobgp_injector_most_prefixes) {
    return fail(Errc::unsupported,
                fmt::format("{}: the plan has {} prefixes, want {} at most: it is told each by a "
                            "command; ExaBGP injects more",
                            speaker, script->prefixes, gobgp_injector_most_prefixes));
  }
  InjectedScript all = injected(*script, around, gobgp_injector_carries);
  std::string text = comment("# ", script->head) + configuration_of(*injector, around.site_asn);
  for (const char* const family : {"ipv4", "ipv6"}) {
    text += fmt::format("gobgp global rib del all -a {}\n", family);
  }
  for (const InjectedPreference& each : all.preferences) {
    text += comment("# ", words_of(each));
    for (const InjectedRoute& route : each.routes) {
      text += route_line(route, each.preference.local_pref, injector->community);
    }
  }
  return Rendering{.text = std::move(text), .notes = std::move(all.notes)};
}

}  // namespace strait::routes
