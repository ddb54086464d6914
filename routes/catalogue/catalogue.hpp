// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/duration.hpp"
#include "core/result.hpp"
#include "routes/model/path.hpp"

namespace strait::routes {

// A town. Positions are GeoNames' (CC BY 4.0), rounded to 0.01 degree: not those of a building.
struct Place {
  std::string id;  // "casablanca"
  std::string name;
  std::string country;  // ISO 3166, two letters
  double latitude = 0;  // WGS 84 degrees
  double longitude = 0;
};

enum class SegmentKind : std::uint8_t { cable, land };

// One cable between Morocco and Europe, or one leg on land.
struct Segment {
  std::string id;
  std::string name;
  SegmentKind kind = SegmentKind::land;
  std::string from;  // id of a place, or the town's name where places.csv has none
  std::string to;
  std::optional<double> length_km;  // of the fibre between `from` and `to`
  std::string basis;                // "published", or how it was derived
  std::string status;
  bool retired = false;
  std::vector<std::string> landings;     // of a cable: every landing town, not only from and to
  std::vector<std::string> risk_groups;  // what fails with it: itself, towns, known scenarios
};

// One way 1550 nm light in G.652 fibre needs: group index 1.4682.
inline constexpr double fibre_ns_per_km = 4897;
[[nodiscard]] Nanos fibre_delay(double length_km);

// Great-circle distance on a sphere of 6371.0 km.
[[nodiscard]] double great_circle_km(const Place& a, const Place& b);

// The tables of data/: what is known of cables, legs, towns and countries. Cells that say
// `unknown` are absent values.
class Catalogue {
 public:
  // Reads places.csv, cables.csv, terrestrial.csv, scenarios.csv and regions.csv of a directory.
  [[nodiscard]] static Result<Catalogue> load(const std::string& directory);

  [[nodiscard]] std::span<const Segment> segments() const { return segments_; }
  [[nodiscard]] std::span<const Place> places() const { return places_; }
  // An unknown id is an error that says the nearest one.
  [[nodiscard]] Result<const Segment*> segment(std::string_view id) const;
  [[nodiscard]] const Place* place(std::string_view id) const;  // null when there is none
  // Default class of a country: "africa", "europe", "middle-east".
  [[nodiscard]] std::optional<std::string> country_class(std::string_view iso2) const;
  [[nodiscard]] const std::map<std::string, std::string, std::less<>>& country_classes() const {
    return classes_;
  }

  // Fills length, floor, countries and risk groups of `path` from its segments, which must meet end
  // to end, in order. A segment that is unknown, retired or of unknown length is an error: the
  // floor would be wrong.
  [[nodiscard]] Result<Path> complete(Path path) const;

 private:
  Catalogue() = default;
  std::vector<Place> places_;
  std::vector<Segment> segments_;
  std::map<std::string, std::string, std::less<>> classes_;
};

// Where the tables are: `given` if there is one, else what the package installs, else the source
// tree that this program was built from.
[[nodiscard]] Result<std::string> data_directory(const std::optional<std::string>& given);

}  // namespace strait::routes
