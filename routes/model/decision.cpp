// SPDX-License-Identifier: Apache-2.0
#include "routes/model/decision.hpp"

#include <algorithm>
#include <array>

namespace strait::routes {
namespace {

using Field = std::vector<std::size_t>;

// Keeps those with the least key.
template <class Key>
void keep_least(std::span<const Route> routes, Field& field, Key key) {
  auto least = key(routes[field.front()]);
  for (const std::size_t i : field) least = std::min(least, key(routes[i]));
  std::erase_if(field, [&](std::size_t i) { return least < key(routes[i]); });
}

// RFC 4271 section 9.1.1: the highest degree of preference.
void by_local_pref(std::span<const Route> routes, Field& field) {
  keep_least(routes, field, [](const Route& route) {
    return ~route.local_pref.value_or(default_local_pref).value();
  });
}

void by_as_path_length(std::span<const Route> routes, Field& field) {
  keep_least(routes, field, [](const Route& route) { return route.as_path_length; });
}

void by_origin(std::span<const Route> routes, Field& field) {
  keep_least(routes, field, [](const Route& route) { return route.origin; });
}

// RFC 4271 section 9.1.2.2 c: only among routes of the same neighbour AS, and every pair, for
// going through a list two by two gives another answer. An absent MED is the lowest, 0.
void by_med(std::span<const Route> routes, Field& field) {
  const auto med = [](const Route& route) { return route.med.value_or(Med{0}); };
  const Field all = field;
  std::erase_if(field, [&](std::size_t m) {
    return std::ranges::any_of(all, [&](std::size_t n) {
      return routes[n].first_asn == routes[m].first_asn && med(routes[n]) < med(routes[m]);
    });
  });
}

void by_external(std::span<const Route> routes, Field& field) {
  keep_least(routes, field, [](const Route& route) { return route.internal; });
}

// RFC 4456 section 9: ORIGINATOR_ID stands in for the identifier of the sender.
void by_identifier(std::span<const Route> routes, Field& field) {
  keep_least(routes, field,
             [](const Route& route) { return route.originator_id.value_or(route.neighbor_id); });
}

void by_cluster_list(std::span<const Route> routes, Field& field) {
  keep_least(routes, field, [](const Route& route) { return route.cluster_list_length; });
}

void by_peer_address(std::span<const Route> routes, Field& field) {
  keep_least(routes, field, [](const Route& route) { return route.neighbor; });
}

constexpr std::array rungs{
    Rung{"local-pref", "RFC 4271 9.1.1", by_local_pref},
    Rung{"as-path-length", "RFC 4271 9.1.2.2 a", by_as_path_length},
    Rung{"origin", "RFC 4271 9.1.2.2 b", by_origin},
    Rung{"med", "RFC 4271 9.1.2.2 c", by_med},
    Rung{"external", "RFC 4271 9.1.2.2 d", by_external},
    Rung{"router-id", "RFC 4271 9.1.2.2 f", by_identifier},
    Rung{"cluster-list", "RFC 4456 9", by_cluster_list},
    Rung{"peer-address", "RFC 4271 9.1.2.2 g", by_peer_address},
};
constexpr std::size_t first_rung_after_cost = 5;

}  // namespace

std::span<const Rung> decision_process() { return rungs; }

std::optional<Decision> decide(std::span<const Route> candidates) {
  if (candidates.empty()) return std::nullopt;
  Field field(candidates.size());
  for (std::size_t i = 0; i < field.size(); ++i) field[i] = i;
  if (field.size() == 1) return Decision{.best = 0, .rung = "only-route", .rival = std::nullopt};

  for (std::size_t i = 0; i < rungs.size(); ++i) {
    const Field before = field;
    rungs[i].keep_best(candidates, field);
    if (field.size() > 1) continue;
    const auto rival = std::ranges::find_if(before, [&](auto j) { return j != field.front(); });
    return Decision{.best = field.front(),
                    .rung = rungs[i].name,
                    .rival = *rival,
                    .assumes_equal_cost = i >= first_rung_after_cost};
  }
  return Decision{
      .best = field[0], .rung = "order-of-dump", .rival = field[1], .assumes_equal_cost = true};
}

}  // namespace strait::routes
