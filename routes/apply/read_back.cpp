// SPDX-License-Identifier: Apache-2.0
#include "routes/apply/read_back.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <span>
namespace strait::routes {
namespace {

std::vector<Prefix> spread(std::span<const Prefix> prefixes, std::size_t sample) {
  if (prefixes.size() <= sample) return {prefixes.begin(), prefixes.end()};
  std::vector<Prefix> chosen;
  chosen.reserve(sample);
  for (std::size_t i = 0; i < sample; ++i) chosen.push_back(prefixes[i * prefixes.size() / sample]);
  return chosen;
}

std::string found(const SeenRoute& wanted, const std::vector<SeenRoute>& routes) {
  const auto best = std::ranges::find(routes, true, &SeenRoute::best);
  return fmt::format(
      "best via {}, {} has local-pref {}", best == routes.end() ? "nobody" : best->session,
      wanted.session,
      wanted.local_pref ? std::to_string(wanted.local_pref->value()) : std::string{"none"});
}

// One prefix of one preference.
void check(const Preference& preference, const Prefix& prefix, const std::vector<SeenRoute>& routes,
           ReadBack& result) {
  ++result.checked;
  const auto wanted = std::ranges::find(routes, preference.protocol, &SeenRoute::session);
  if (wanted == routes.end()) {
    ++result.gone;
    return;
  }
  if (wanted->marked) {
    ++result.marked;
    return;
  }
  if (wanted->best && wanted->local_pref == preference.local_pref) {
    ++result.as_wanted;
    return;
  }
  result.differences.push_back(fmt::format("{} of class {}: want {} with local-pref {}, found {}",
                                           to_string(prefix), preference.traffic_class,
                                           preference.protocol, preference.local_pref.value(),
                                           found(*wanted, routes)));
}

}  // namespace

Result<ReadBack> read_back(RouterControl& router, const Plan& plan, std::size_t sample) {
  ReadBack result;
  for (const Preference& preference : plan.preferences) {
    const std::size_t gone_before = result.gone;
    const auto prefixes = spread(preference.prefixes, std::max<std::size_t>(sample, 1));
    for (const Prefix& prefix : prefixes) {
      const auto routes = router.routes(prefix);
      if (!routes) return tl::make_unexpected(routes.error());
      check(preference, prefix, *routes, result);
    }
    if (!prefixes.empty() && result.gone - gone_before == prefixes.size()) {
      result.differences.push_back(
          fmt::format("class {}: {} offers none of the {} prefixes looked at",
                      preference.traffic_class, preference.protocol, prefixes.size()));
    }
  }
  return result;
}

}  // namespace strait::routes
