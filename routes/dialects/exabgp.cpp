// SPDX-License-Identifier: Apache-2.0
#include "routes/dialects/exabgp.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "routes/dialects/injected.hpp"
#include "routes/dialects/script.hpp"
#include "routes/dialects/wording.hpp"

namespace strait::routes {
namespace {

std::string as_path_words(const PathAttributes& attributes) {
  std::string words;
  for (const AsSegment& segment : attributes.as_path) {
    for (const Asn asn : segment.asns) words += fmt::format(" {}", asn.value());
  }
  return words;
}

std::string community_words(const PathAttributes& attributes, std::uint32_t own) {
  std::string words;
  for (const std::uint32_t one : communities_of(attributes, own)) {
    words += fmt::format(" {}:{}", one >> 16U, one & 0xffffU);
  }
  return words;
}

std::string route_line(const InjectedRoute& route, LocalPref local_pref, std::uint32_t own) {
  const PathAttributes& attributes = route.attributes;
  std::string line = fmt::format("{}{} next-hop {} origin {} as-path [{} ]", exabgp_route,
                                 to_string(route.prefix), attributes.next_hop.to_string(),
                                 origin_word(attributes.origin), as_path_words(attributes));
  if (attributes.med) line += fmt::format(" med {}", attributes.med->value());
  line += fmt::format(" local-preference {} community [{} ]", local_pref.value(),
                      community_words(attributes, own));
  if (!attributes.large_communities.empty()) {
    line += " large-community [";
    for (const LargeCommunity& one : attributes.large_communities) {
      line += fmt::format(" {}:{}:{}", one.global, one.local1, one.local2);
    }
    line += " ]";
  }
  if (attributes.only_to_customer) {  // RFC 9234 section 5: never changed once set
    line += fmt::format(" attribute [ 0x23 0xc0 0x{:08x} ]", attributes.only_to_customer->value());
  }
  return line + ";\n";
}

// RFC 4724 is off: routes of an injector that died are not to stay.
std::string exabgp_session(const Injector& injector, Asn site, std::string_view routes) {
  return fmt::format(
      "neighbor {} {{\n"
      "  description \"strait\";\n"
      "  router-id {};\n"
      "  local-address {};\n"
      "  local-as {};\n"
      "  peer-as {};\n"
      "  family {{\n    ipv4 unicast;\n    ipv6 unicast;\n  }}\n"
      "  capability {{\n    graceful-restart disable;\n  }}\n"
      "  static {{\n{}  }}\n"
      "}}\n",
      injector.router.to_string(), injector.router_id.to_string(),
      injector.local_address.to_string(), site.value(), site.value(), routes);
}

// ExaBGP 4.2 keeps one object for all netmasks of 32 bits, so that an IPv6 route of that length
// makes a range of an IPv4 neighbour, which it then refuses.
Result<void> check_masks(const Script& script, const Injector& injector) {
  if (injector.router.is_v6()) return {};
  for (const SessionScript& session : script.sessions) {
    for (const Raise& raise : session.raises) {
      for (const Preference& preference : raise.preferences) {
        const auto v6 = of_family(preference.prefixes, true);
        if (std::ranges::find(v6, 32, &Prefix::length) == v6.end()) continue;
        return fail(Errc::unsupported,
                    "ExaBGP: over an IPv4 session ExaBGP 4.2 cannot announce IPv6 prefixes of "
                    "length 32: give [routes.injector] IPv6 addresses");
      }
    }
  }
  return {};
}

}  // namespace

Result<Rendering> render_exabgp(const Plan& plan, const Surroundings& around) {
  const auto injector = injector_of(plan, around, "ExaBGP");
  if (!injector) return tl::make_unexpected(injector.error());
  const auto script = script_of(plan, around, "ExaBGP");
  if (!script) return tl::make_unexpected(script.error());
  if (const auto good = check_masks(*script, *injector); !good) {
    return tl::make_unexpected(good.error());
  }
  InjectedScript all = injected(*script, around, {});
  std::string routes;
  for (const InjectedPreference& each : all.preferences) {
    routes += comment("    # ", words_of(each));
    for (const InjectedRoute& route : each.routes) {
      routes += route_line(route, each.preference.local_pref, injector->community);
    }
  }
  return Rendering{
      .text = comment("# ", script->head) + exabgp_session(*injector, around.site_asn, routes),
      .notes = std::move(all.notes)};
}

}  // namespace strait::routes
