// SPDX-License-Identifier: Apache-2.0
#include "routes/apply/read_back.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "routes/apply/bird_routes.hpp"

namespace strait::routes {
namespace {

std::vector<Prefix> spread(std::span<const Prefix> prefixes, std::size_t sample) {
  if (prefixes.size() <= sample) return {prefixes.begin(), prefixes.end()};
  std::vector<Prefix> chosen;
  chosen.reserve(sample);
  for (std::size_t i = 0; i < sample; ++i) chosen.push_back(prefixes[i * prefixes.size() / sample]);
  return chosen;
}

std::string found(const BirdRoute& wanted, const std::vector<BirdRoute>& routes) {
  const auto best = std::ranges::find(routes, true, &BirdRoute::best);
  return fmt::format(
      "best via {}, {} has local-pref {}", best == routes.end() ? "nobody" : best->protocol,
      wanted.protocol,
      wanted.local_pref ? std::to_string(wanted.local_pref->value()) : std::string{"none"});
}

// One prefix of one preference.
void check(const Preference& preference, const Prefix& prefix, const std::vector<BirdRoute>& routes,
           ReadBack& result) {
  ++result.checked;
  const auto wanted = std::ranges::find(routes, preference.protocol, &BirdRoute::protocol);
  if (wanted == routes.end()) {
    ++result.gone;
    return;
  }
  if (wanted->community.find("(65535,0)") != std::string::npos ||
      wanted->community.find("(65535,666)") != std::string::npos) {
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

Result<ReadBack> read_back(BirdControl& bird, const Plan& plan, std::size_t sample) {
  ReadBack result;
  for (const Preference& preference : plan.preferences) {
    const std::size_t gone_before = result.gone;
    const auto prefixes = spread(preference.prefixes, std::max<std::size_t>(sample, 1));
    for (const Prefix& prefix : prefixes) {
      const auto reply = bird.ask(fmt::format("show route {} all", to_string(prefix)));
      if (!reply) return tl::make_unexpected(reply.error());
      const auto routes = read_bird_routes(*reply);
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
