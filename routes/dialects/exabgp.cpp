// SPDX-License-Identifier: Apache-2.0
#include "routes/dialects/exabgp.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "routes/dialects/script.hpp"
#include "routes/dialects/wording.hpp"
#include "routes/injection.hpp"

namespace strait::routes {
namespace {

constexpr std::uint32_t no_export = 0xffffff01;  // RFC 1997

// The injector, if all the rest is there too.
Result<Injector> injector_of(const Surroundings& around) {
  if (around.rib == nullptr) {
    return fail(Errc::bad_input, "ExaBGP: want the RIB whose routes are injected ([routes] rib)");
  }
  if (around.site_asn == Asn{}) {
    return fail(Errc::bad_input, "ExaBGP: want the site's AS number ([site] asn)");
  }
  if (around.injector) return *around.injector;
  return fail(Errc::bad_input,
              "ExaBGP: want [routes.injector]: router, local_address and community");
}

std::string exabgp_origin(Origin origin) {
  switch (origin) {
    case Origin::igp:
      return "igp";
    case Origin::egp:
      return "egp";
    case Origin::incomplete:
      break;
  }
  return "incomplete";
}

std::string as_path_words(const PathAttributes& attributes) {
  std::string words;
  for (const AsSegment& segment : attributes.as_path) {
    for (const Asn asn : segment.asns) words += fmt::format(" {}", asn.value());
  }
  return words;
}

std::string community_words(const PathAttributes& attributes, std::uint32_t own) {
  std::vector<std::uint32_t> all{no_export, own};
  for (const std::uint32_t one : attributes.communities) {
    if (std::ranges::find(all, one) == all.end()) all.push_back(one);
  }
  std::string words;
  for (const std::uint32_t one : all) words += fmt::format(" {}:{}", one >> 16U, one & 0xffffU);
  return words;
}

std::string route_line(const InjectedRoute& route, LocalPref local_pref, std::uint32_t own) {
  const PathAttributes& attributes = route.attributes;
  std::string line = fmt::format("    route {} next-hop {} origin {} as-path [{} ]",
                                 to_string(route.prefix), attributes.next_hop.to_string(),
                                 exabgp_origin(attributes.origin), as_path_words(attributes));
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

// The preference of what is really injected.
Preference as_injected(const InjectedPreference& injected) {
  Preference preference = injected.preference;
  preference.prefixes.clear();
  for (const InjectedRoute& route : injected.routes) preference.prefixes.push_back(route.prefix);
  return preference;
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
  const auto injector = injector_of(around);
  if (!injector) return tl::make_unexpected(injector.error());
  const auto script = script_of(plan, around, "ExaBGP");
  if (!script) return tl::make_unexpected(script.error());
  if (const auto good = check_masks(*script, *injector); !good) {
    return tl::make_unexpected(good.error());
  }
  Rendering rendering;
  std::string routes;
  for (const SessionScript& each : script->sessions) {
    for (const Raise& raise : each.raises) {
      const Injection injection =
          injection_of(raise.preferences, around.paths, *around.rib, around.site_asn);
      for (const InjectedPreference& injected : injection.preferences) {
        routes += comment("    # ", words_of(as_injected(injected)));
        for (const InjectedRoute& route : injected.routes) {
          routes += route_line(route, raise.local_pref, injector->community);
        }
      }
      std::ranges::copy(injection.notes, std::back_inserter(rendering.notes));
    }
  }
  rendering.text = comment("# ", script->head) + exabgp_session(*injector, around.site_asn, routes);
  return rendering;
}

}  // namespace strait::routes
