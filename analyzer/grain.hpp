// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "analyzer/target.hpp"
#include "analyzer/verdict.hpp"
#include "core/address.hpp"
#include "core/strong.hpp"
#include "routes/model/part.hpp"

namespace strait::analyzer {

// How finely classes may be taken apart; each level lies within the one before.
enum class Grain : std::uint8_t { region, country, origin, prefix };
[[nodiscard]] std::string_view to_string(Grain grain);
[[nodiscard]] std::optional<Grain> parse_grain(std::string_view word);

// Where the address of a target stands, as the RIB and the registrations have it.
struct TargetPlace {
  std::string country;           // of registration, "FR"; empty: registered in none
  std::optional<Asn> origin;     // of the prefix that holds it; nothing: several, or none is known
  std::optional<Prefix> prefix;  // the longest that holds it

  friend bool operator==(const TargetPlace&, const TargetPlace&) = default;
};
using TargetPlaces = std::map<std::string, TargetPlace, std::less<>>;  // by target
using Shares = std::map<std::string, double, std::less<>>;             // of all traffic, by class

// A part that something is measured in.
struct MeasuredPart {
  routes::Part part;
  Grain level = Grain::country;
  std::vector<Target> targets;  // those inside, with the part's name for a class
  double weight = 0;  // its share of all traffic; where that is not known, the targets' weights
};

// The parts that targets are in, down to `grain`, each whole before its parts. Where all targets of
// a whole lie in one part there is no such part, because nothing could contradict. A target without
// a place is in none. `shares`: empty where the traffic is not known.
[[nodiscard]] std::vector<MeasuredPart> measured_parts(std::span<const Target> targets,
                                                       const TargetPlaces& places, Grain grain,
                                                       const Shares& shares);

// The class of a class or part.
[[nodiscard]] std::string_view class_of(std::string_view name);

enum class PartStanding : std::uint8_t {
  unmeasured,  // too little of its own: it goes by its whole
  as_whole,    // measured, and nothing contradicts the whole
  split,       // it goes by a path of its own
  left_out,    // it would, were there room for one more
};
[[nodiscard]] std::string_view to_string(PartStanding standing);

// What is said of one part.
struct PartVerdict {
  Verdict verdict;
  Grain level = Grain::country;
  PartStanding standing = PartStanding::unmeasured;
  std::size_t targets = 0;
  double weight = 0;  // as of MeasuredPart
};

// Which of the split parts are beyond a bound: the rest is those with most weight; of equal weight
// the coarser, then those that were split before, then those with the greatest gain.
[[nodiscard]] std::vector<std::size_t> beyond(std::span<const PartVerdict> parts,
                                              std::size_t bound);

// Without what the next decision would work out anew: the parts that have never had a path of their
// own, and no reason for one.
[[nodiscard]] DecisionMemory lasting(const DecisionMemory& memory);

}  // namespace strait::analyzer
