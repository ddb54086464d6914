// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "analyzer/grain.hpp"
#include "analyzer/objective.hpp"
#include "analyzer/policy.hpp"
#include "core/config.hpp"
#include "core/duration.hpp"
#include "core/strong.hpp"

namespace strait::analyzer {

// How windows become evidence.
struct EvidenceOptions {
  double objective = 0.95;         // the percentile that decides; one of the reported
  double confidence = 0.95;        // of every interval
  unsigned span_windows = 5;       // evidence is of this many newest slots of time
  std::optional<Nanos> freshness;  // older than this is stale; 3 windows unless given
  Nanos floor_margin{500'000};     // below the floor by more than this (50 km of fibre) and by the
                                   // timestamp uncertainty is impossible
  // What is only shown, and no decision asks for: medians of one-way delays, and IPDV.
  bool one_way = false;
  bool ipdv = false;
  // What decisions can do without: percentiles other than `objective`, PDV.
  bool other_percentiles = true;
  bool pdv = true;
};

// When evidence becomes a change of preference.
struct DecisionOptions {
  EvidenceOptions evidence;
  Aim aim = Aim::delay;  // of evidence.objective, unless a policy of the class says more
  std::optional<double> price_per_ms;  // likewise: what a millisecond may cost, as Path::cost
  unsigned pair_windows = 9;           // paired differences over this many newest slots
  Nanos min_gain{1'000'000};           // a change must gain more than this, and
  double min_gain_ratio = 0.03;        // more than this share of what is in force
  double back_factor = 0.5;            // both are multiplied by this for going back
  unsigned repeat = 3;                 // windows, of the newest
  unsigned repeat_of = 3;              // so many; equal: running
  // Each change that nothing forced raises both thresholds by themselves once more, at most to
  // most_times; after each such time half of that is forgiven. 0: nothing is raised.
  Nanos flap_half_life{86'400'000'000'000};
  Nanos hold_down{90'000'000'000};  // no change for so long after one, unless the path dies
  double max_loss = 0.01;           // of all probes; certainly above it is out
  double loss_margin = 0.005;       // certainly losing less by this much beats any latency
  // Of the changes for a better path that are made at once, at most this share may be owed to
  // chance (Benjamini and Hochberg 1995). 1: they are not counted.
  double false_discovery = 0.05;
  Grain grain = Grain::region;   // the finest part of a class that may have a path of its own, and
  std::size_t max_parts = 64;    // how many may at a time
  std::vector<Policy> policies;  // by class; a path that breaks one is forbidden to it

  [[nodiscard]] Objective objective() const { return {.aim = aim, .q = evidence.objective}; }
};

inline constexpr unsigned most_repeat_of = 32;
inline constexpr double most_times = 8;  // the thresholds, for a class that changes all the time

// How verdicts become BGP preferences.
struct PlanOptions {
  LocalPref local_pref{200};
  LocalPref max_local_pref{1000};
  std::uint64_t max_prefixes =
      100'000;                    // that one plan may prefer; what is more is left to plain BGP
  Nanos expiry{600'000'000'000};  // after this the preferences must go (fail open)
};

inline constexpr LocalPref min_local_pref{101};  // 100 is what routers give every other route

// Where the traffic is told that weighs the targets.
struct WeightOptions {
  std::string file;  // as `strait capture --weights` writes it; empty: the configured weights
  Nanos max_age = std::chrono::hours{7 * 24};  // of its newest packet
};

struct Options {
  DecisionOptions decision;
  PlanOptions plan;
  WeightOptions weights;
};

// Reads [analyzer]; mistakes are recorded in the document.
[[nodiscard]] Options read_options(ConfigTable table);

}  // namespace strait::analyzer
