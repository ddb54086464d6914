// SPDX-License-Identifier: Apache-2.0
#include "routes/model/decision.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace strait::routes {
namespace {

using Contenders = std::span<const Contender>;
using Options = DecisionOptions;

template <class Predicate>
void drop_if(Field& field, Predicate predicate) {
  field.erase(std::remove_if(field.begin(), field.end(), predicate), field.end());
}

// Keeps those with the least key.
template <class Key>
void keep_least(Contenders routes, Field& field, Key key) {
  auto least = key(routes[field.front()]);
  for (const std::size_t i : field) least = std::min(least, key(routes[i]));
  drop_if(field, [&](std::size_t i) { return least < key(routes[i]); });
}

// Of several protocols BIRD takes the route of the highest preference, whatever BGP's attributes
// say: 100 for BGP, and by default more for static, direct, OSPF, RIP and Babel routes. A dump does
// not tell the preference; only BIRD's hold other protocols' routes.
void by_protocol(Contenders routes, const Options&, Field& field) {
  keep_least(routes, field,
             [](const Contender& route) { return !route.neighbor.is_unspecified(); });
}

// RFC 4271 section 9.1.1: the highest degree of preference.
void by_local_pref(Contenders routes, const Options& options, Field& field) {
  keep_least(routes, field, [&](const Contender& route) {
    return ~route.local_pref.value_or(options.default_local_pref).value();
  });
}

void by_as_path_length(Contenders routes, const Options& options, Field& field) {
  if (options.ignore_as_path_length) return;
  keep_least(routes, field, [](const Contender& route) { return route.as_path_length; });
}

void by_origin(Contenders routes, const Options&, Field& field) {
  keep_least(routes, field, [](const Contender& route) { return route.origin; });
}

// RFC 4271 section 9.1.2.2 c: only among routes of the same neighbour AS, and every pair, for
// going through a list two by two gives another answer. An absent MED is the lowest, 0.
void by_med(Contenders routes, const Options& options, Field& field) {
  const Med absent{options.missing_med_is_worst ? ~std::uint32_t{0} : 0};
  const auto med = [&](const Contender& route) { return route.med.value_or(absent); };
  const auto same = [&](std::size_t i) { return med(routes[i]) == med(routes[field.front()]); };
  if (std::ranges::all_of(field, same)) return;
  const Field all = field;
  drop_if(field, [&](std::size_t m) {
    return std::ranges::any_of(all, [&](std::size_t n) {
      return (options.always_compare_med || routes[n].first_asn == routes[m].first_asn) &&
             med(routes[n]) < med(routes[m]);
    });
  });
}

void by_external(Contenders routes, const Options&, Field& field) {
  keep_least(routes, field, [](const Contender& route) { return route.internal; });
}

// RFC 4456 section 9: ORIGINATOR_ID stands in for the identifier of the sender.
void by_identifier(Contenders routes, const Options&, Field& field) {
  keep_least(routes, field, [](const Contender& route) {
    return route.originator_id.value_or(route.neighbor_id);
  });
}

void by_cluster_list(Contenders routes, const Options&, Field& field) {
  keep_least(routes, field, [](const Contender& route) { return route.cluster_list_length; });
}

void by_peer_address(Contenders routes, const Options&, Field& field) {
  keep_least(routes, field, [](const Contender& route) { return route.neighbor; });
}

constexpr std::array rungs{
    Rung{"protocol", "BIRD's default preferences", false, by_protocol},
    Rung{"local-pref", "RFC 4271 9.1.1", false, by_local_pref},
    Rung{"as-path-length", "RFC 4271 9.1.2.2 a", false, by_as_path_length},
    Rung{"origin", "RFC 4271 9.1.2.2 b", false, by_origin},
    Rung{"med", "RFC 4271 9.1.2.2 c", false, by_med},
    Rung{"external", "RFC 4271 9.1.2.2 d", false, by_external},
    Rung{"router-id", "RFC 4271 9.1.2.2 f", true, by_identifier},
    Rung{"cluster-list", "RFC 4456 9", true, by_cluster_list},
    Rung{"peer-address", "RFC 4271 9.1.2.2 g", true, by_peer_address},
};

struct Step {
  std::string_view word;
  bool Options::* what;
};
constexpr std::array steps{Step{"always-compare-med", &Options::always_compare_med},
                           Step{"missing-med-is-worst", &Options::missing_med_is_worst},
                           Step{"ignore-as-path-length", &Options::ignore_as_path_length},
                           Step{"keep-oldest", &Options::keep_oldest}};

// RFC 5004 section 3: before identifiers, and only among external routes. (Rung d leaves one kind.)
bool keeps_oldest(Contenders routes, const Options& options, const Field& field, const Rung& rung) {
  return options.keep_oldest && rung.keep_best == by_identifier && !routes[field.front()].internal;
}

}  // namespace

Result<void> take_decision_step(std::string_view word, DecisionOptions& options) {
  const auto* const step = std::ranges::find(steps, word, &Step::word);
  if (step == steps.end()) {
    return fail(Errc::bad_input,
                fmt::format("decision step '{}': want one of always-compare-med, "
                            "missing-med-is-worst, ignore-as-path-length, keep-oldest",
                            word));
  }
  options.*(step->what) = true;
  return {};
}

std::span<const Rung> decision_process() { return rungs; }

std::optional<Decision> decide(std::span<const Contender> candidates,
                               const DecisionOptions& options) {
  if (candidates.empty()) return std::nullopt;
  if (candidates.size() == 1)
    return Decision{.best = 0, .rung = "only-route", .rival = std::nullopt};
  Field field(candidates.size());
  for (std::uint32_t i = 0; i < field.size(); ++i) field[i] = i;
  for (const Rung& rung : rungs) {
    if (keeps_oldest(candidates, options, field, rung)) {
      return Decision{
          .best = field[0], .rung = "oldest", .rival = field[1], .assumes_equal_cost = true};
    }
    const std::array before{field[0], field[1]};  // one of them is a rival of whoever is left
    rung.keep_best(candidates, options, field);
    if (field.size() > 1) continue;
    return Decision{.best = field.front(),
                    .rung = rung.name,
                    .rival = before[0] == field.front() ? before[1] : before[0],
                    .assumes_equal_cost = rung.after_cost};
  }
  return Decision{
      .best = field[0], .rung = "order-of-dump", .rival = field[1], .assumes_equal_cost = true};
}

}  // namespace strait::routes
