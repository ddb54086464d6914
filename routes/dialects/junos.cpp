// SPDX-License-Identifier: Apache-2.0
#include "routes/dialects/junos.hpp"

#include <fmt/format.h>

#include "routes/dialects/script.hpp"
#include "routes/dialects/wording.hpp"

namespace strait::routes {
namespace {

std::string junos_list_name(const SessionScript& session, const Raise& raise, bool v6) {
  return fmt::format("strait-{}-{}-v{}", session.protocol, raise.local_pref.value(), v6 ? 6 : 4);
}

std::string junos_prefix_list(const SessionScript& session, const Raise& raise, bool v6) {
  std::string text =
      fmt::format("    replace: prefix-list {} {{\n", junos_list_name(session, raise, v6));
  for (const Preference& preference : raise.preferences) {
    const auto prefixes = of_family(preference.prefixes, v6);
    if (!prefixes.empty()) text += comment("        # ", words_of(preference));
    for (const Prefix& prefix : prefixes) text += fmt::format("        {};\n", to_string(prefix));
  }
  return text + "    }\n";
}

// A term does nothing but what it says; the session's next policy decides.
std::string junos_term(std::string_view name, std::string_view from, std::string_view action) {
  return fmt::format(
      "        term {} {{\n            from {{\n{}            }}\n            then {{\n{}"
      "                next policy;\n            }}\n        }}\n",
      name, from, action);
}

std::string junos_raising_term(const SessionScript& session, const Raise& raise, bool v6) {
  const std::string name = fmt::format("raise-{}-v{}", raise.local_pref.value(), v6 ? 6 : 4);
  const std::string from =
      fmt::format("                family {};\n                prefix-list-filter {} exact;\n",
                  v6 ? "inet6" : "inet", junos_list_name(session, raise, v6));
  const std::string action =
      fmt::format("                local-preference {};\n", raise.local_pref.value());
  return junos_term(name, from, action);
}

// Two communities of one member each: of several members in one, a route must carry all.
constexpr std::string_view junos_marked =
    "    replace: community strait-graceful-shutdown members 65535:0;\n"
    "    replace: community strait-blackhole members 65535:666;\n";

std::string junos_statement(const SessionScript& session) {
  std::string text = fmt::format("    replace: policy-statement strait-{} {{\n", session.protocol);
  // RFC 8326 section 4 and RFC 7999 section 2: such routes are not to be raised.
  text += junos_term(
      "marked", "                community [ strait-graceful-shutdown strait-blackhole ];\n", "");
  for (const Raise& raise : session.raises) {
    for (const bool v6 : {false, true}) {
      if (raise.has(v6)) text += junos_raising_term(session, raise, v6);
    }
  }
  return text + "    }\n";
}

}  // namespace

Result<Rendering> render_junos(const Plan& plan, const Surroundings& around) {
  const auto script = script_of(plan, around, "Junos");
  if (!script) return tl::make_unexpected(script.error());
  std::string text = comment("# ", script->head) + "policy-options {\n" + std::string{junos_marked};
  for (const SessionScript& session : script->sessions) {
    for (const Raise& raise : session.raises) {
      for (const bool v6 : {false, true}) {
        if (raise.has(v6)) text += junos_prefix_list(session, raise, v6);
      }
    }
    text += junos_statement(session);
  }
  return Rendering{.text = text + "}\n", .notes = {}};
}

}  // namespace strait::routes
