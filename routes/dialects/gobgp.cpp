// SPDX-License-Identifier: Apache-2.0
#include "routes/dialects/gobgp.hpp"

#include <fmt/format.h>

#include "routes/dialects/prefix_patterns.hpp"
#include "routes/dialects/script.hpp"
#include "routes/dialects/wording.hpp"

namespace strait::routes {
namespace {

std::string gobgp_set_name(const SessionScript& session, const Raise& raise, bool v6) {
  return fmt::format("strait-{}-{}-v{}", session.protocol, raise.local_pref.value(), v6 ? 6 : 4);
}

// A prefix without a range of lengths matches that prefix only; with one, what it covers of these
// lengths.
std::string gobgp_prefix_set(const SessionScript& session, const Raise& raise, bool v6) {
  std::string text = fmt::format("\n[[defined-sets.prefix-sets]]\n  prefix-set-name = \"{}\"\n",
                                 gobgp_set_name(session, raise, v6));
  for (const Preference& preference : raise.preferences) {
    const auto prefixes = of_family(preference.prefixes, v6);
    if (!prefixes.empty()) text += comment("  # ", words_of(preference));
    for (const PrefixPattern& pattern : patterns_of(prefixes)) {
      text += fmt::format("  [[defined-sets.prefix-sets.prefix-list]]\n    ip-prefix = \"{}\"\n",
                          to_string(pattern.network));
      if (pattern.single()) continue;
      text += fmt::format("    masklength-range = \"{}..{}\"\n", pattern.from, pattern.to);
    }
  }
  return text;
}

std::string gobgp_neighbor_set(const SessionScript& session) {
  std::string members;
  for (const Address& address : session.neighbors) {
    members += fmt::format("{}\"{}/{}\"", members.empty() ? "" : ", ", address.to_string(),
                           address.is_v4() ? 32 : 128);
  }
  return fmt::format(
      "\n[[defined-sets.neighbor-sets]]\n  neighbor-set-name = \"strait-{}\"\n"
      "  neighbor-info-list = [{}]\n",
      session.protocol, members);
}

// No disposition: the policies behind this one go on.
std::string gobgp_statement(const SessionScript& session, const Raise& raise, bool v6) {
  constexpr std::string_view table = "policy-definitions.statements";
  return fmt::format(
      "  [[{0}]]\n"
      "    name = \"{1}\"\n"
      "    [{0}.conditions.match-prefix-set]\n"
      "      prefix-set = \"{1}\"\n"
      "      match-set-options = \"any\"\n"
      "    [{0}.conditions.match-neighbor-set]\n"
      "      neighbor-set = \"strait-{2}\"\n"
      "      match-set-options = \"any\"\n"
      "    [{0}.conditions.bgp-conditions.match-community-set]\n"
      "      community-set = \"strait-marked\"\n"
      "      match-set-options = \"invert\"\n"
      "    [{0}.actions.bgp-actions]\n"
      "      set-local-pref = {3}\n",
      table, gobgp_set_name(session, raise, v6), session.protocol, raise.local_pref.value());
}

// RFC 8326 section 4 and RFC 7999 section 2: such routes are not to be raised.
constexpr std::string_view gobgp_marked_set =
    "\n[[defined-sets.bgp-defined-sets.community-sets]]\n"
    "  community-set-name = \"strait-marked\"\n"
    "  community-list = [\"^65535:0$\", \"^65535:666$\"]\n";

}  // namespace

Result<Rendering> render_gobgp(const Plan& plan, const Surroundings& around) {
  const auto script = script_of(plan, around, "GoBGP 3");
  if (!script) return tl::make_unexpected(script.error());
  std::string text = comment("# ", script->head) + std::string{gobgp_marked_set};
  std::string statements;
  for (const SessionScript& session : script->sessions) {
    if (session.raises.empty()) continue;
    if (session.neighbors.empty()) return tl::make_unexpected(no_neighbor("GoBGP", session));
    text += gobgp_neighbor_set(session);
    for (const Raise& raise : session.raises) {
      for (const bool v6 : {false, true}) {
        if (!raise.has(v6)) continue;
        text += gobgp_prefix_set(session, raise, v6);
        statements += gobgp_statement(session, raise, v6);
      }
    }
  }
  text += "\n[[policy-definitions]]\n  name = \"strait\"\n" + statements;
  return Rendering{.text = std::move(text), .notes = {}};
}

}  // namespace strait::routes
