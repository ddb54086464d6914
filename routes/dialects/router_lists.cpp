// SPDX-License-Identifier: Apache-2.0
#include "routes/dialects/router_lists.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string>
#include <tuple>
#include <utility>

#include "routes/dialects/exact_origins.hpp"
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

// By list_name(): what is said by origin AS in the place of a list of prefixes.
using OriginsByList = std::map<std::string, ExactOrigins, std::less<>>;

// Calls f(raise, whether it is IPv6) for each list of a session.
template <class Session, class F>
void for_each_list(Session& session, F f) {
  for (auto& raise : session.raises) {
    for (const bool v6 : {false, true}) {
      if (raise.has(v6)) f(raise, v6);
    }
  }
}

bool has_prefixes(const Raise& raise, bool v6) {
  return std::ranges::any_of(raise.preferences, [&](const Preference& each) {
    return !of_family(each.prefixes, v6).empty();
  });
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

std::string any_list(bool v6) { return v6 ? "STRAIT-ANY-V6" : "STRAIT-ANY-V4"; }

// FRR's. A list that is not there cannot be taken away, so there is one first.
std::string origin_list(const std::string& name, const ExactOrigins& exact) {
  std::string text = fmt::format(
      "!\n! {1} origin ASes say {2} prefixes\nbgp as-path access-list {0} permit _0$\n"
      "no bgp as-path access-list {0}\n",
      name, exact.origins.size(), exact.said);
  unsigned number = 0;
  for (const Asn origin : exact.origins) {
    number += 5;
    text += fmt::format("bgp as-path access-list {} seq {} permit _{}$\n", name, number,
                        origin.value());
  }
  return text;
}

// What an entry of a route map raises.
struct Entry {
  std::string list;
  bool v6 = false;
  LocalPref local_pref{0};
};

// An AS path knows no family, so a list of all prefixes of one stands beside it.
std::string origin_matches(const Entry& entry) {
  return fmt::format(" match {} address prefix-list {}\n match as-path {}\n",
                     entry.v6 ? "ipv6" : "ip", any_list(entry.v6), entry.list);
}

std::string prefix_matches(const Entry& entry) {
  return fmt::format(" match {} address prefix-list {}\n", entry.v6 ? "ipv6" : "ip", entry.list);
}

std::string any_lists() {
  return fmt::format(
      "!\nip prefix-list {} seq 5 permit 0.0.0.0/0 le 32\nipv6 prefix-list {} seq 5 permit ::/0 le "
      "128\n",
      any_list(false), any_list(true));
}

// Permits everything: it sets, and leaves to its caller what is accepted. FRR 8.4 finds entries by
// a tree of the prefixes in their lists ("optimization"), and when a list is replaced the tree
// loses members that the list has: without it FRR looks at the lists themselves.
std::string route_map(const Grammar& grammar, const SessionScript& session,
                      const OriginsByList& origins) {
  const std::string name = "STRAIT-" + session.protocol;
  std::string text = fmt::format("!\nno route-map {}\n", name);
  if (!grammar.nested) text += fmt::format("no route-map {} optimization\n", name);
  unsigned number = 10;
  if (!session.raises.empty()) {
    text += fmt::format("route-map {} permit {}\n match community STRAIT-MARKED\n", name, number);
  }
  const auto add = [&](const Entry& entry, const std::string& matches) {
    number += 10;
    text += fmt::format("route-map {} permit {}\n{} set local-preference {}\n", name, number,
                        matches, entry.local_pref.value());
  };
  for_each_list(session, [&](const Raise& raise, bool v6) {
    const Entry entry{
        .list = list_name(session, raise, v6), .v6 = v6, .local_pref = raise.local_pref};
    if (origins.contains(entry.list)) add(entry, origin_matches(entry));
    // FRR's empty lists permit everything.
    if (has_prefixes(raise, v6)) add(entry, prefix_matches(entry));
  });
  return text + fmt::format("route-map {} permit 65535\n", name);
}

std::string render_lists(const Script& script, const Grammar& grammar,
                         const OriginsByList& origins = {}) {
  std::string text = comment("! ", script.head) + marked_list(grammar);
  if (!origins.empty()) text += any_lists();
  for (const SessionScript& session : script.sessions) {
    for_each_list(session, [&](const Raise& raise, bool v6) {
      const auto exact = origins.find(list_name(session, raise, v6));
      if (exact != origins.end()) text += origin_list(exact->first, exact->second);
      if (has_prefixes(raise, v6)) text += prefix_list(grammar, session, raise, v6);
    });
    text += route_map(grammar, session, origins);
  }
  return text + "!\n";
}

std::vector<Prefix> prefixes_of(const Raise& raise, bool v6) {
  std::vector<Prefix> all;
  for (const Preference& each : raise.preferences) {
    const auto its = of_family(each.prefixes, v6);
    all.insert(all.end(), its.begin(), its.end());
  }
  std::ranges::sort(all);
  return all;
}

// `rest` is of that family, and sorted.
void keep_only(const std::vector<Prefix>& rest, bool v6, Raise& raise) {
  for (Preference& each : raise.preferences) {
    std::erase_if(each.prefixes, [&](const Prefix& prefix) {
      return prefix.network.is_v6() == v6 && !std::ranges::binary_search(rest, prefix);
    });
  }
}

// Takes out of the script what origin ASes say exactly.
OriginsByList shorten(Script& script, const Rib& rib) {
  OriginsByList found;
  for (SessionScript& session : script.sessions) {
    for_each_list(session, [&](Raise& raise, bool v6) {
      ExactOrigins exact = exact_origins(prefixes_of(raise, v6), session.neighbors, rib);
      if (exact.origins.empty()) return;
      script.prefixes -= exact.said;
      keep_only(exact.rest, v6, raise);
      found.emplace(list_name(session, raise, v6), std::move(exact));
    });
  }
  return found;
}

}  // namespace

Result<Rendering> render_frr(const Plan& plan, const Surroundings& around) {
  auto script = script_of(plan, around, "FRR");
  if (!script) return tl::make_unexpected(script.error());
  const std::size_t all = script->prefixes;
  OriginsByList origins;
  if (all > frr_most_prefixes && around.rib != nullptr) origins = shorten(*script, *around.rib);
  if (script->prefixes > frr_most_prefixes) {
    const std::string which =
        script->prefixes == all
            ? std::string{}
            : fmt::format(", {} of them of origin ASes that have others, too", script->prefixes);
    return fail(
        Errc::unsupported,
        fmt::format("FRR: the plan has {} prefixes{}, want {} at most: the time that FRR takes "
                    "to load prefix lists grows with the square of their length; inject "
                    "the routes instead (--dialect exabgp)",
                    all, which, frr_most_prefixes));
  }
  return Rendering{.text = render_lists(*script, frr_grammar, origins), .notes = {}};
}

Result<Rendering> render_eos(const Plan& plan, const Surroundings& around) {
  const auto script = script_of(plan, around, "Arista EOS");
  if (!script) return tl::make_unexpected(script.error());
  return Rendering{.text = render_lists(*script, eos_grammar), .notes = {}};
}

}  // namespace strait::routes
