// SPDX-License-Identifier: Apache-2.0
#include "routes/dialects/router_lists.hpp"

#include <fmt/format.h>

#include "routes/dialects/script.hpp"
#include "routes/dialects/wording.hpp"

namespace strait::routes {
namespace {

// Where FRR and EOS differ.
struct Grammar {
  std::string_view community_list;  // the words that begin one
  bool nested = false;  // the members of a list stand on lines of their own below its name
};
constexpr Grammar frr_grammar{.community_list = "bgp community-list standard", .nested = false};
constexpr Grammar eos_grammar{.community_list = "ip community-list", .nested = true};

std::string list_name(const SessionScript& session, const Raise& raise, bool v6) {
  return fmt::format("STRAIT-{}-{}-V{}", session.protocol, raise.local_pref.value(), v6 ? 6 : 4);
}

// RFC 8326 section 4 and RFC 7999 section 2: such routes are not to be raised. The list is the same
// in every plan, and FRR complains of a "no" in front of a list that is not there.
std::string marked_list(const Grammar& grammar) {
  return fmt::format(
      "!\n{0} STRAIT-MARKED {1}permit 65535:0\n{0} STRAIT-MARKED {2}permit 65535:666\n",
      grammar.community_list, grammar.nested ? "" : "seq 5 ", grammar.nested ? "" : "seq 10 ");
}

// FRR: a line for each member.
std::string flat_list(std::string_view family, std::string_view name, const Raise& raise, bool v6) {
  std::string text;
  unsigned number = 0;
  for (const Preference& preference : raise.preferences) {
    const auto prefixes = of_family(preference.prefixes, v6);
    if (!prefixes.empty()) text += comment("! ", words_of(preference));
    for (const Prefix& prefix : prefixes) {
      number += 5;
      text += fmt::format("{} prefix-list {} seq {} permit {}\n", family, name, number,
                          to_string(prefix));
    }
  }
  return text;
}

// EOS: the members below the name, with nothing between them.
std::string nested_list(std::string_view family, std::string_view name, const Raise& raise,
                        bool v6) {
  std::string words;
  std::string members;
  unsigned number = 0;
  for (const Preference& preference : raise.preferences) {
    const auto prefixes = of_family(preference.prefixes, v6);
    if (!prefixes.empty()) words += comment("! ", words_of(preference));
    for (const Prefix& prefix : prefixes) {
      number += 5;
      members += fmt::format("   seq {} permit {}\n", number, to_string(prefix));
    }
  }
  return words + fmt::format("{} prefix-list {}\n", family, name) + members;
}

std::string prefix_list(const Grammar& grammar, const SessionScript& session, const Raise& raise,
                        bool v6) {
  const std::string_view family = v6 ? "ipv6" : "ip";
  const std::string name = list_name(session, raise, v6);
  return fmt::format("!\nno {} prefix-list {}\n", family, name) +
         (grammar.nested ? nested_list(family, name, raise, v6)
                         : flat_list(family, name, raise, v6));
}

// Permits everything: it sets, and leaves to its caller what is accepted. FRR 8.4 finds entries by
// a tree of the prefixes in their lists ("optimization"), and when a list is replaced the tree
// loses members that the list has: without it FRR looks at the lists themselves.
std::string route_map(const Grammar& grammar, const SessionScript& session) {
  const std::string name = "STRAIT-" + session.protocol;
  std::string text = fmt::format("!\nno route-map {}\n", name);
  if (!grammar.nested) text += fmt::format("no route-map {} optimization\n", name);
  unsigned number = 10;
  if (!session.raises.empty()) {
    text += fmt::format("route-map {} permit {}\n match community STRAIT-MARKED\n", name, number);
  }
  for (const Raise& raise : session.raises) {
    for (const bool v6 : {false, true}) {
      if (!raise.has(v6)) continue;
      number += 10;
      text += fmt::format(
          "route-map {} permit {}\n match {} address prefix-list {}\n set local-preference {}\n",
          name, number, v6 ? "ipv6" : "ip", list_name(session, raise, v6),
          raise.local_pref.value());
    }
  }
  return text + fmt::format("route-map {} permit 65535\n", name);
}

std::string render_lists(const Script& script, const Grammar& grammar) {
  std::string text = comment("! ", script.head) + marked_list(grammar);
  for (const SessionScript& session : script.sessions) {
    for (const Raise& raise : session.raises) {
      for (const bool v6 : {false, true}) {
        if (raise.has(v6)) text += prefix_list(grammar, session, raise, v6);
      }
    }
    text += route_map(grammar, session);
  }
  return text + "!\n";
}

}  // namespace

Result<Rendering> render_frr(const Plan& plan, const Surroundings& around) {
  const auto script = script_of(plan, around, "FRR");
  if (!script) return tl::make_unexpected(script.error());
  if (script->prefixes > frr_most_prefixes) {
    return fail(
        Errc::unsupported,
        fmt::format("FRR: the plan has {} prefixes, want {} at most: the time that FRR takes "
                    "to load prefix lists grows with the square of their length; inject "
                    "the routes instead (--dialect exabgp)",
                    script->prefixes, frr_most_prefixes));
  }
  return Rendering{.text = render_lists(*script, frr_grammar), .notes = {}};
}

Result<Rendering> render_eos(const Plan& plan, const Surroundings& around) {
  const auto script = script_of(plan, around, "Arista EOS");
  if (!script) return tl::make_unexpected(script.error());
  return Rendering{.text = render_lists(*script, eos_grammar), .notes = {}};
}

}  // namespace strait::routes
