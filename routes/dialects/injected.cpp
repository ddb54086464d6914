// SPDX-License-Identifier: Apache-2.0
#include "routes/dialects/injected.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

namespace strait::routes {
namespace {

constexpr std::uint32_t no_export = 0xffffff01;  // RFC 1997

}  // namespace

Result<Injector> injector_of(const Plan& plan, const Surroundings& around,
                             std::string_view speaker) {
  const auto lacks = [&](std::string_view what) {
    return fail(Errc::bad_input, fmt::format("{}: want {}", speaker, what));
  };
  if (around.rib == nullptr && !plan.preferences.empty()) {
    return lacks("the RIB whose routes are injected ([routes] rib)");
  }
  if (around.site_asn == Asn{}) return lacks("the site's AS number ([site] asn)");
  if (around.injector) return *around.injector;
  return lacks("[routes.injector]: router, local_address and community");
}

InjectedScript injected(const Script& script, const Surroundings& around, const Carries& carries) {
  InjectedScript all;
  for (const SessionScript& session : script.sessions) {
    for (const Raise& raise : session.raises) {
      Injection injection =
          injection_of(raise.preferences, around.paths, *around.rib, around.site_asn, carries);
      std::ranges::move(injection.preferences, std::back_inserter(all.preferences));
      std::ranges::move(injection.notes, std::back_inserter(all.notes));
    }
  }
  return all;
}

std::vector<std::string> words_of(const InjectedPreference& injected) {
  Preference preference = injected.preference;
  preference.prefixes.clear();
  for (const InjectedRoute& route : injected.routes) preference.prefixes.push_back(route.prefix);
  return words_of(preference);
}

std::string_view origin_word(Origin origin) {
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

std::vector<std::uint32_t> communities_of(const PathAttributes& attributes, std::uint32_t own) {
  std::vector<std::uint32_t> all{no_export, own};
  for (const std::uint32_t one : attributes.communities) {
    if (std::ranges::find(all, one) == all.end()) all.push_back(one);
  }
  return all;
}

}  // namespace strait::routes
