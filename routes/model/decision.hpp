// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/container/small_vector.hpp>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "core/result.hpp"
#include "routes/model/contender.hpp"

namespace strait::routes {

// What vendors take a route without LOCAL_PREF to have; the RFC names no number.
inline constexpr LocalPref default_local_pref{100};

// What routers can be told to do otherwise than RFC 4271 section 9.1.2.2.
struct DecisionOptions {
  LocalPref default_local_pref = routes::default_local_pref;
  bool always_compare_med = false;    // also between routes of different neighbour ASes
  bool missing_med_is_worst = false;  // an absent MED is the highest, not 0
  bool ignore_as_path_length = false;
  bool keep_oldest = false;  // of external routes, before rung f (RFC 5004); a RIB does not tell

  friend bool operator==(const DecisionOptions&, const DecisionOptions&) = default;
};

// Takes one of them by its word: "always-compare-med", "missing-med-is-worst",
// "ignore-as-path-length", "keep-oldest".
[[nodiscard]] Result<void> take_decision_step(std::string_view word, DecisionOptions& options);

// The candidates that are still in the race, as indices.
using Field = boost::container::small_vector<std::uint32_t, 32>;

// One rung of the decision process: keeps, of the candidates still in the race, those that no other
// beats. A rung may need all pairs, so it gets the whole field.
struct Rung {
  std::string_view name;
  std::string_view rule;  // where it comes from
  bool after_cost;        // interior cost, which a dump does not say, would come before it
  void (*keep_best)(std::span<const Contender> routes, const DecisionOptions& options,
                    Field& field);
};

// Routes that are not BGP's first, then RFC 4271 section 9.1.2.2 in its order, with RFC 4456
// section
// 9. Interior cost (rung e) is no
// rung here: it is not in a RIB dump. See Decision::assumes_equal_cost.
[[nodiscard]] std::span<const Rung> decision_process();

struct Decision {
  std::size_t best = 0;              // index into the candidates
  std::string_view rung;             // the one that left a single candidate: "local-pref"
  std::optional<std::size_t> rival;  // one of those that were left before that rung; none if alone
  bool assumes_equal_cost = false;   // the rung comes after interior cost, which we cannot see

  // The router keeps the oldest of what was left, and nobody told which that is: `best` is only the
  // first of them.
  [[nodiscard]] bool open() const { return rung == "oldest"; }
};

// The best of several routes to one prefix, and why. Nothing for no candidates. Candidates that
// tie on every rung (add-path routes of one peer) are decided by "order-of-dump".
[[nodiscard]] std::optional<Decision> decide(std::span<const Contender> candidates,
                                             const DecisionOptions& options = {});

}  // namespace strait::routes
