// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "routes/regions.hpp"
#include "routes/rib.hpp"

namespace strait::routes {

// Gives each prefix of one RIB exactly one region, or none: by the longest configured prefix that
// covers it, else by the communities of its routes, else by the AS that they begin in, else by its
// country of registration. Where routes speak for several regions, the one that most of them speak
// for counts, and of those the one of the first peer: never what the decision process prefers, for
// a plan changes that. RIB and Regions must outlive it. One thread at a time.
class Classifier {
 public:
  Classifier(const Rib& rib, const Regions& regions) : rib_{rib}, regions_{regions} {}

  [[nodiscard]] ClassMatch classify(const RibEntry& entry);
  // "registered in MA (afrinic, file of 2026-11-20)", "origin AS64500 of 2 routes of 3"
  [[nodiscard]] std::string reason(const RibEntry& entry, const ClassMatch& match);

 private:
  // What the routes of a prefix speak for.
  struct Vote {
    RegionNumber region = no_region;
    std::size_t routes = 0;
    RibRoute first;
  };
  // What one set of attributes speaks for.
  struct Spoken {
    RegionNumber community = not_asked;
    RegionNumber origin = not_asked;
  };
  static constexpr RegionNumber not_asked = no_region - 1;

  [[nodiscard]] const Spoken& spoken_by(const RibRoute& route);
  [[nodiscard]] std::optional<Vote> count_votes(std::span<const RibRoute> routes,
                                                RegionNumber Spoken::* what);
  [[nodiscard]] std::optional<Vote> communities_vote(std::span<const RibRoute> routes);
  [[nodiscard]] std::optional<Vote> origins_vote(std::span<const RibRoute> routes);

  const Rib& rib_;
  const Regions& regions_;
  std::vector<Spoken> spoken_;  // by AttributeStore::place(), once it is asked for
};

// The region of every prefix of a RIB.
class RibClasses {
 public:
  RibClasses(const Rib& rib, const Regions& regions);

  [[nodiscard]] RegionNumber at(const RibEntry& entry) const { return regions_[entry.ordinal]; }

 private:
  std::vector<RegionNumber> regions_;  // by RibEntry::ordinal
};

}  // namespace strait::routes
