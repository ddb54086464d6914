// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "routes/model/route.hpp"

namespace strait::routes {

// What vendors take a route without LOCAL_PREF to have; the RFC names no number.
inline constexpr LocalPref default_local_pref{100};

// One rung of the decision process: keeps, of the candidates still in the race (indices into
// `routes`), those that no other beats. A rung may need all pairs, so it gets the whole field.
struct Rung {
  std::string_view name;
  std::string_view rule;  // where it comes from
  void (*keep_best)(std::span<const Route> routes, std::vector<std::size_t>& field);
};

// RFC 4271 section 9.1.2.2 in its order, with RFC 4456 section 9. Interior cost (rung e) is no
// rung here: it is not in a RIB dump. See Decision::assumes_equal_cost.
[[nodiscard]] std::span<const Rung> decision_process();

struct Decision {
  std::size_t best = 0;              // index into the candidates
  std::string_view rung;             // the one that left a single candidate: "local-pref"
  std::optional<std::size_t> rival;  // one of those that were left before that rung; none if alone
  bool assumes_equal_cost = false;   // the rung comes after interior cost, which we cannot see
};

// The best of several routes to one prefix, and why. Nothing for no candidates. Candidates that
// tie on every rung (add-path routes of one peer) are decided by "order-of-dump".
[[nodiscard]] std::optional<Decision> decide(std::span<const Route> candidates);

}  // namespace strait::routes
