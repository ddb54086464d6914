// SPDX-License-Identifier: Apache-2.0
#include "analyzer/floor.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace strait::analyzer {
namespace {

constexpr double earth_radius_km = 6371.0088;
constexpr double fibre_ns_per_km = 4897.4;

double half_chord(double radians) {
  const double s = std::sin(radians / 2);
  return s * s;
}

}  // namespace

double great_circle_km(const Position& a, const Position& b) {
  constexpr double degree = std::numbers::pi / 180;
  const double h = half_chord((b.latitude - a.latitude) * degree) +
                   (std::cos(a.latitude * degree) * std::cos(b.latitude * degree) *
                    half_chord((b.longitude - a.longitude) * degree));
  return 2 * earth_radius_km * std::asin(std::sqrt(std::clamp(h, 0.0, 1.0)));
}

Nanos fibre_round_trip(double km) {
  return Nanos{static_cast<Nanos::rep>(std::llround(2 * km * fibre_ns_per_km))};
}

double fibre_km(Nanos round_trip) {
  return static_cast<double>(round_trip.count()) / (2 * fibre_ns_per_km);
}

std::optional<Nanos> rtt_floor(const routes::Path& path, const std::optional<Position>& far_end,
                               const std::optional<Position>& target) {
  if (path.one_way_floor <= Nanos{0}) return std::nullopt;
  Nanos floor = 2 * path.one_way_floor;
  if (far_end && target) floor += fibre_round_trip(great_circle_km(*far_end, *target));
  return floor;
}

}  // namespace strait::analyzer
