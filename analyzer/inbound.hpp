// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "analyzer/decision.hpp"
#include "analyzer/paired.hpp"

namespace strait::analyzer {

// The path in whose name ordinary() sessions stand in verdicts.
inline constexpr std::string_view as_it_comes = "as-it-comes";

// The traffic of a class towards us. By which way a reply comes back the Internet chooses, by the
// prefix of the address that the probe was sent from; so a session says how fast a way in is only
// where that is known of its source address.
struct InboundClass {
  std::string traffic_class;
  // Sessions, by path and target, whose source address is in the prefixes that the class's traffic
  // goes to: their replies come as that traffic does.
  std::set<std::pair<std::string, std::string>> ordinary;
  // Paths whose source addresses their own upstream alone announces.
  std::set<std::string, std::less<>> comes_back;
};

// The windows of a class, seen in the direction towards us: `rtt` holds T4 - T3, and those count as
// lost that the reflector answered in vain, where it counts (none where it does not). Of ordinary
// sessions one per target stands under as_it_comes, the first by path.
struct ReverseWindows {
  std::vector<Window> windows;
  std::uint64_t no_clocks = 0;    // windows left out: the clocks allow no one-way delay
  std::uint64_t loss_unseen = 0;  // of `windows`: nobody counts what is lost on the way back
};
[[nodiscard]] ReverseWindows reverse_windows(std::span<const Window> windows,
                                             const InboundClass& inbound);

struct InboundAnswer {
  Verdict verdict;                 // of paths to come back by; in force is as_it_comes
  std::vector<Evidence> evidence;  // likewise, of reverse delays
  // The one path whose delay is that of the ordinary sessions; nothing where none or several are.
  std::optional<std::string> comes_by;
};

// Which way in is best for a class, by the rules of decide(). Both clocks' error is the same on all
// ways from one target in one window, so it is not in the differences. `windows` are
// reverse_windows(); the floor of a way is that of its segments once.
[[nodiscard]] InboundAnswer judge_inbound(std::span<const Window> windows, const Network& network,
                                          const InboundClass& inbound,
                                          const DecisionOptions& options, WallTime now);

// What a change of announcements at a moment has done: how far as_it_comes was above a path that
// the change does not touch, before and after. What both have in common, the clocks' drift too, is
// not in it.
struct InboundEffect {
  std::string path;
  Comparison before;
  Comparison after;
  std::optional<Nanos> change;  // negative: faster than before; nothing while a side is missing
  std::optional<Nanos> low;     // holds with the confidence of the options (Bonferroni)
  std::optional<Nanos> high;
};
// Against each path that comes back, in order. The slot of time that holds `made` is in neither.
[[nodiscard]] std::vector<InboundEffect> inbound_effects(std::span<const Window> windows,
                                                         const Network& network,
                                                         const InboundClass& inbound,
                                                         const DecisionOptions& options,
                                                         WallTime made, WallTime now);

}  // namespace strait::analyzer
