// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "routes/classify.hpp"
#include "routes/model/path.hpp"
#include "routes/plan_from_rib.hpp"
#include "routes/rib.hpp"
#include "routes/route_guard.hpp"

namespace strait::routes {

// Which prefixes may be preferred from whom: what of plans hangs on the RIB, the classes, the paths
// and the guards alone, made once for all plans from one RIB. Immutable; does not need the paths
// and limits any more once it is made.
class Preferable {
 public:
  // A route that a guard speaks against.
  struct Refused {
    std::uint32_t ordinal = 0;
    std::uint8_t why = 0;  // see objection()
  };
  // What one neighbour offers of one region, by RibEntry::ordinal, ascending. With several routes
  // (add-path) a prefix may be in both.
  struct Offered {
    std::vector<std::uint32_t> prefixes;  // none twice
    std::vector<Refused> refused;
  };

  Preferable(const Rib& rib, const RibClasses& classes, std::span<const Path> paths,
             const PlanLimits& limits);

  // Of the neighbours of those paths; empty for any other.
  [[nodiscard]] const Offered& from(const Address& neighbor, RegionNumber region) const;
  [[nodiscard]] const Objection& objection(Refused refused) const {
    return objections_[refused.why];
  }
  [[nodiscard]] std::size_t memory() const;  // octets that it takes

 private:
  [[nodiscard]] std::uint8_t number_of(const Objection& objection);

  std::map<std::pair<Address, RegionNumber>, Offered> offered_;
  std::vector<Objection> objections_;
};

}  // namespace strait::routes
