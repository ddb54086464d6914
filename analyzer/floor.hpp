// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "analyzer/target.hpp"
#include "core/duration.hpp"
#include "routes/model/path.hpp"

namespace strait::analyzer {

// Great-circle distance (haversine, mean radius 6371.0088 km).
[[nodiscard]] double great_circle_km(const Position& a, const Position& b);

// Round trip over that much fibre: 2 x 4.8974 us/km (group index 1.4682 at 1550 nm).
[[nodiscard]] Nanos fibre_round_trip(double km);

// The other way round: how much fibre, one way, a round trip of that long is enough for.
[[nodiscard]] double fibre_km(Nanos round_trip);

// The round trip that no packet over the path can beat: twice its one-way floor, plus the fibre
// along the great circle from the path's far end to the target where both positions are known (real
// fibre is longer). Nothing for a path whose floor is unknown.
[[nodiscard]] std::optional<Nanos> rtt_floor(const routes::Path& path,
                                             const std::optional<Position>& far_end,
                                             const std::optional<Position>& target);

}  // namespace strait::analyzer
