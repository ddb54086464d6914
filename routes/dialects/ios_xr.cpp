// SPDX-License-Identifier: Apache-2.0
#include "routes/dialects/ios_xr.hpp"

#include <fmt/format.h>

#include "routes/dialects/script.hpp"

namespace strait::routes {
namespace {

std::string ios_xr_set_name(const SessionScript& session, const Raise& raise) {
  return fmt::format("STRAIT-{}-{}", session.protocol, raise.local_pref.value());
}

// A prefix without "ge", "le" or "eq" matches that prefix only. One set holds both families, and a
// set that is there is replaced as a whole.
std::string ios_xr_prefix_set(const SessionScript& session, const Raise& raise) {
  std::string text = fmt::format("!\nprefix-set {}\n", ios_xr_set_name(session, raise));
  std::string separator;
  for (const Preference& preference : raise.preferences) {
    text += separator + comment("  # ", words_of(preference));
    separator.clear();
    for (const Prefix& prefix : preference.prefixes) {
      text += separator + "  " + to_string(prefix);
      separator = ",\n";
    }
  }
  return text + "\nend-set\n";
}

// RFC 8326 section 4 and RFC 7999 section 2: such routes are not to be raised.
constexpr std::string_view ios_xr_marked =
    "!\ncommunity-set STRAIT-MARKED\n  65535:0,\n  65535:666\nend-set\n";

std::string ios_xr_policy(const SessionScript& session) {
  std::string text = fmt::format("!\nroute-policy STRAIT-{}\n", session.protocol);
  if (session.raises.empty()) return text + "  # nothing is preferred\nend-policy\n";
  text += "  if not community matches-any STRAIT-MARKED then\n";
  for (const Raise& raise : session.raises) {
    text += fmt::format("    if destination in {} then\n      set local-preference {}\n    endif\n",
                        ios_xr_set_name(session, raise), raise.local_pref.value());
  }
  return text + "  endif\nend-policy\n";
}

}  // namespace

Result<Rendering> render_ios_xr(const Plan& plan, const Surroundings& around) {
  const auto script = script_of(plan, around, "Cisco IOS XR");
  if (!script) return tl::make_unexpected(script.error());
  std::string text = comment("! ", script->head) + std::string{ios_xr_marked};
  for (const SessionScript& session : script->sessions) {
    for (const Raise& raise : session.raises) text += ios_xr_prefix_set(session, raise);
    text += ios_xr_policy(session);
  }
  return Rendering{.text = text + "!\n", .notes = {}};
}

}  // namespace strait::routes
