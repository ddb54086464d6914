// SPDX-License-Identifier: Apache-2.0
#include "routes/dialects/openbgpd.hpp"

#include <fmt/format.h>

#include "routes/dialects/script.hpp"

namespace strait::routes {
namespace {

std::string openbgpd_set_name(const SessionScript& session, const Raise& raise) {
  return fmt::format("strait-{}-{}", session.protocol, raise.local_pref.value());
}

// A prefix without "prefixlen" or "or-longer" matches that prefix only. One set holds both
// families.
std::string openbgpd_prefix_set(const SessionScript& session, const Raise& raise) {
  std::string text = fmt::format("\nprefix-set \"{}\" {{\n", openbgpd_set_name(session, raise));
  for (const Preference& preference : raise.preferences) {
    text += comment("  # ", words_of(preference));
    for (const Prefix& prefix : preference.prefixes) {
      text += fmt::format("  {}\n", to_string(prefix));
    }
  }
  return text + "}\n";
}

// RFC 8326 section 4 and RFC 7999 section 2: routes with 65535:0 or 65535:666 are not to be raised.
std::string openbgpd_rules(const SessionScript& session, const Raise& raise,
                           const Address& neighbor, Asn site) {
  return fmt::format(
      "match from {0} large-community {1} set {{ large-community delete {1} }}\n"
      "match from {0} prefix-set \"{2}\" set {{ large-community {1} }}\n"
      "match from {0} community 65535:0 set {{ large-community delete {1} }}\n"
      "match from {0} community 65535:666 set {{ large-community delete {1} }}\n"
      "match from {0} large-community {1} set {{ localpref {3} large-community delete {1} }}\n",
      neighbor.to_string(), fmt::format("{}:65535:{}", site.value(), raise.local_pref.value()),
      openbgpd_set_name(session, raise), raise.local_pref.value());
}

}  // namespace

Result<Rendering> render_openbgpd(const Plan& plan, const Surroundings& around) {
  const auto script = script_of(plan, around, "OpenBGPD");
  if (!script) return tl::make_unexpected(script.error());
  if (around.site_asn == Asn{}) {
    return fail(Errc::bad_input, "OpenBGPD: want the site's AS number ([site] asn)");
  }
  std::string text = comment("# ", script->head);
  for (const SessionScript& session : script->sessions) {
    if (session.raises.empty()) continue;
    if (session.neighbors.empty()) return tl::make_unexpected(no_neighbor("OpenBGPD", session));
    for (const Raise& raise : session.raises) {
      text += openbgpd_prefix_set(session, raise);
      for (const Address& neighbor : session.neighbors) {
        text += openbgpd_rules(session, raise, neighbor, around.site_asn);
      }
    }
  }
  return Rendering{.text = std::move(text), .notes = {}};
}

}  // namespace strait::routes
