// SPDX-License-Identifier: Apache-2.0
#include "routes/catalogue/catalogue.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <numbers>

#include "core/nearest.hpp"
#include "routes/catalogue/tables.hpp"

#ifndef STRAIT_SOURCE_DATA
#define STRAIT_SOURCE_DATA ""
#endif

namespace strait::routes {
namespace {

constexpr double earth_radius_km = 6371.0;

Result<CsvTable> load_table(const std::string& directory, std::string_view name,
                            std::initializer_list<std::string_view> columns) {
  auto table = CsvTable::load(fmt::format("{}/{}", directory, name));
  if (!table) return table;
  for (const std::string_view column : columns) {
    if (table->has(column)) continue;
    return fail(Errc::bad_input, fmt::format("{}/{}: no column '{}'", directory, name, column));
  }
  return table;
}

// The end of `segment` that is reached when it is entered at `entry`; nothing if it has no such
// end.
std::optional<std::string> far_end(const Segment& segment, std::string_view entry) {
  if (segment.from == entry) return segment.to;
  if (segment.to == entry) return segment.from;
  return std::nullopt;
}

// Where the chain begins: the end of the first segment that the second does not share.
std::string first_town(const Segment& first, const Segment* second) {
  if (second == nullptr) return first.from;
  return far_end(*second, first.from) && !far_end(*second, first.to) ? first.to : first.from;
}

// The length of a segment that a path may be made of, in km.
Result<double> usable_length(const Segment& segment, std::string_view path) {
  if (segment.retired) {
    return fail(Errc::bad_input, fmt::format("path '{}': segment '{}' is out of service ({})", path,
                                             segment.id, segment.status));
  }
  if (!segment.length_km || segment.from.empty() || segment.to.empty()) {
    return fail(Errc::bad_input,
                fmt::format("path '{}': segment '{}': its length is not known, so the path has no "
                            "floor",
                            path, segment.id));
  }
  return *segment.length_km;
}

struct Chain {
  std::vector<const Segment*> legs;
  double length_km = 0;
};

Result<Chain> chain_of(const Catalogue& catalogue, const Path& path) {
  Chain chain;
  for (const std::string& id : path.segments) {
    const auto found = catalogue.segment(id);
    if (!found) {
      return fail(Errc::not_found, fmt::format("path '{}': {}", path.name, found.error().message));
    }
    const auto length = usable_length(**found, path.name);
    if (!length) return tl::make_unexpected(length.error());
    chain.length_km += *length;
    chain.legs.push_back(*found);
  }
  return chain;
}

void add_once(std::vector<std::string>& list, const std::string& word) {
  if (std::ranges::find(list, word) == list.end()) list.push_back(word);
}

}  // namespace

Nanos fibre_delay(double length_km) {
  return Nanos{static_cast<Nanos::rep>(std::llround(length_km * fibre_ns_per_km))};
}

double great_circle_km(const Place& a, const Place& b) {
  const auto radians = [](double degrees) { return degrees * std::numbers::pi / 180; };
  const double sin_latitude = std::sin(radians(b.latitude - a.latitude) / 2);
  const double sin_longitude = std::sin(radians(b.longitude - a.longitude) / 2);
  const double h = sin_latitude * sin_latitude + std::cos(radians(a.latitude)) *
                                                     std::cos(radians(b.latitude)) * sin_longitude *
                                                     sin_longitude;
  return 2 * earth_radius_km * std::asin(std::min(1.0, std::sqrt(h)));
}

Result<Catalogue> Catalogue::load(const std::string& directory) {
  auto places = load_table(directory, "places.csv", {"id", "name", "country_iso2", "lat", "lon"});
  if (!places) return fail(std::move(places));
  auto cables = load_table(directory, "cables.csv",
                           {"id", "ma_eu_endpoints", "length_ma_eu_km", "status_2026", "retired"});
  if (!cables) return fail(std::move(cables));
  auto legs = load_table(directory, "terrestrial.csv", {"id", "from", "to", "route_km"});
  if (!legs) return fail(std::move(legs));
  auto scenarios =
      load_table(directory, "scenarios.csv", {"id", "cables_down", "terrestrial_down"});
  if (!scenarios) return fail(std::move(scenarios));
  auto regions = load_table(directory, "regions.csv", {"iso2", "class"});
  if (!regions) return fail(std::move(regions));

  Catalogue catalogue;
  auto towns = read_places(*places);
  if (!towns) return fail(std::move(towns));
  catalogue.places_ = std::move(*towns);

  auto segments = read_cables(*cables, catalogue.places_);
  if (!segments) return fail(std::move(segments));
  auto by_land = read_land_legs(*legs, catalogue.places_);
  if (!by_land) return fail(std::move(by_land));
  catalogue.segments_ = std::move(*segments);
  std::ranges::move(*by_land, std::back_inserter(catalogue.segments_));
  add_scenarios(*scenarios, catalogue.segments_);
  catalogue.classes_ = read_classes(*regions);
  return catalogue;
}

Result<const Segment*> Catalogue::segment(std::string_view id) const {
  const auto it = std::ranges::find(segments_, id, &Segment::id);
  if (it != segments_.end()) return &*it;

  std::vector<std::string> known;
  known.reserve(segments_.size());
  for (const Segment& segment : segments_) known.push_back(segment.id);
  const auto guess = nearest(id, known);
  return fail(Errc::not_found,
              fmt::format("segment '{}' is not in the catalogue{}", id,
                          guess ? fmt::format("; did you mean '{}'?", *guess) : std::string{}));
}

const Place* Catalogue::place(std::string_view id) const {
  const auto it = std::ranges::find(places_, id, &Place::id);
  return it == places_.end() ? nullptr : &*it;
}

std::optional<std::string> Catalogue::country_class(std::string_view iso2) const {
  const auto it = classes_.find(iso2);
  if (it == classes_.end()) return std::nullopt;
  return it->second;
}

Result<Path> Catalogue::complete(Path path) const {
  const auto chain = chain_of(*this, path);
  if (!chain) return tl::make_unexpected(chain.error());
  path.length_km = chain->length_km;
  path.countries.clear();
  path.risk_groups.clear();
  const auto& legs = chain->legs;
  if (legs.empty()) return path;

  std::string town = first_town(*legs[0], legs.size() > 1 ? legs[1] : nullptr);
  for (const Segment* leg : legs) {
    const auto next = far_end(*leg, town);
    if (!next) {
      return fail(Errc::bad_input,
                  fmt::format("path '{}': '{}' joins {} and {}, but the path has reached {}",
                              path.name, leg->id, leg->from, leg->to, town));
    }
    const Place* const here = place(town);
    const Place* const there = place(*next);
    if (there != nullptr && (here == nullptr || here->country != there->country)) {
      path.countries.push_back(there->country);
    }
    for (const std::string& group : leg->risk_groups) add_once(path.risk_groups, group);
    town = *next;
  }
  path.one_way_floor = fibre_delay(path.length_km);
  return path;
}

Result<std::string> data_directory(const std::optional<std::string>& given) {
  const std::array<std::string, 2> defaults{STRAIT_INSTALLED_DATA, STRAIT_SOURCE_DATA};
  const auto is_there = [](const std::string& directory) {
    std::error_code ec;
    return !directory.empty() && std::filesystem::exists(directory + "/cables.csv", ec);
  };
  if (given) {
    if (is_there(*given)) return *given;
    return fail(Errc::not_found, fmt::format("data directory '{}': no cables.csv in it", *given));
  }
  const auto* const it = std::ranges::find_if(defaults, is_there);
  if (it != defaults.end()) return *it;
  return fail(Errc::not_found,
              fmt::format("no data directory: looked in {}; name one with [site] data",
                          fmt::join(defaults, ", ")));
}

}  // namespace strait::routes
