// SPDX-License-Identifier: Apache-2.0
#include "routes/catalogue/tables.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

namespace strait::routes {
namespace {

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

bool absent(std::string_view cell) { return cell.empty() || cell == "unknown" || cell == "n/a"; }

// A number, or nothing where the table says that it is not known.
Result<std::optional<double>> number(std::string_view cell, std::string_view row,
                                     std::string_view column) {
  if (absent(cell)) return std::nullopt;
  double value = 0;
  const char* const end = cell.data() + cell.size();
  const auto [stop, error] = std::from_chars(cell.data(), end, value);
  if (error != std::errc{} || stop != end || !std::isfinite(value)) {
    return fail(Errc::bad_input,
                fmt::format("{}: {} '{}': want a number or 'unknown'", row, column, cell));
  }
  return value;
}

Result<std::optional<double>> length(const CsvTable& table, std::size_t row,
                                     std::string_view column) {
  auto km = number(table.cell(row, column), table.cell(row, "id"), column);
  if (!km) return km;
  if (const double known = km->value_or(1); known <= 0) {
    return fail(Errc::bad_input, fmt::format("{}: {} is {} km: want more than 0",
                                             table.cell(row, "id"), column, known));
  }
  return km;
}

std::string_view without_parentheses(std::string_view text) {
  return trimmed(text.substr(0, text.find('(')));
}

// "Rota; Conil (ES)", "Sesimbra PT; St-Hilaire FR": town names, with the country now and then.
void add_landings(std::string_view cell, std::span<const Place> places,
                  std::vector<std::string>& landings) {
  for (const std::string& town : split_cell(cell, ';')) {
    std::string id = town_id(town, places);
    if (std::ranges::find(landings, id) == landings.end()) landings.push_back(std::move(id));
  }
}

void set_cable_ends(Segment& cable, std::string_view ends, std::span<const Place> places) {
  const auto dash = ends.find('-');
  if (absent(ends) || dash == std::string_view::npos) return;
  cable.from = town_id(ends.substr(0, dash), places);
  cable.to = town_id(ends.substr(dash + 1), places);
}

// Towns where more than one system lands are shared risk: whether the buildings or ducts are
// shared is not known, so the town is the group.
void add_landing_risks(Segment& cable) {
  for (const std::string& end : {cable.from, cable.to}) {
    if (!end.empty()) cable.risk_groups.push_back(end);
  }
}

}  // namespace

std::vector<std::string> split_cell(std::string_view cell, char separator) {
  std::vector<std::string> parts;
  while (!cell.empty()) {
    const auto end = std::min(cell.find(separator), cell.size());
    if (const auto part = trimmed(cell.substr(0, end)); !part.empty()) parts.emplace_back(part);
    cell.remove_prefix(std::min(end + 1, cell.size()));
  }
  return parts;
}

std::string town_id(std::string_view town, std::span<const Place> places) {
  const auto name = without_parentheses(town);
  std::string slug;
  for (const char c : name) {
    const bool upper = c >= 'A' && c <= 'Z';
    const char small = upper ? static_cast<char>(c - 'A' + 'a') : c;
    slug += c == ' ' ? '-' : small;
  }
  if (slug.ends_with("-area")) slug.resize(slug.size() - std::string_view{"-area"}.size());

  const auto same_letters = [&](const Place& place) {
    std::string joined = place.id;
    std::erase(joined, '-');
    return place.name == name || place.id == slug || joined == slug;
  };
  if (const auto it = std::ranges::find_if(places, same_letters); it != places.end()) return it->id;

  // "Zahara" for "zahara-de-los-atunes", as long as only one place begins so.
  const auto begins = [&](const Place& place) { return place.id.starts_with(slug + "-"); };
  if (std::ranges::count_if(places, begins) == 1) return std::ranges::find_if(places, begins)->id;
  return slug;
}

Result<std::vector<Place>> read_places(const CsvTable& table) {
  constexpr double nowhere = 999;  // degrees
  std::vector<Place> places;
  for (std::size_t row = 0; row < table.rows(); ++row) {
    const std::string id{table.cell(row, "id")};
    const auto latitude = number(table.cell(row, "lat"), id, "lat");
    if (!latitude) return tl::make_unexpected(latitude.error());
    const auto longitude = number(table.cell(row, "lon"), id, "lon");
    if (!longitude) return tl::make_unexpected(longitude.error());
    const double north = latitude->value_or(nowhere);
    const double east = longitude->value_or(nowhere);
    if (std::abs(north) > 90 || std::abs(east) > 180) {
      return fail(Errc::bad_input, fmt::format("places.csv: {}: no such position", id));
    }
    places.push_back({.id = id,
                      .name = std::string{table.cell(row, "name")},
                      .country = std::string{table.cell(row, "country_iso2")},
                      .latitude = north,
                      .longitude = east});
  }
  return places;
}

Result<std::vector<Segment>> read_cables(const CsvTable& table, std::span<const Place> places) {
  std::vector<Segment> cables;
  for (std::size_t row = 0; row < table.rows(); ++row) {
    const auto km = length(table, row, "length_ma_eu_km");
    if (!km) return fail(Errc::bad_input, "cables.csv: " + km.error().message);

    Segment cable;
    cable.id = table.cell(row, "id");
    cable.name = table.cell(row, "name");
    cable.kind = SegmentKind::cable;
    cable.length_km = *km;
    cable.basis = table.cell(row, "length_basis");
    cable.status = table.cell(row, "status_2026");
    cable.retired = !table.cell(row, "retired").empty();
    set_cable_ends(cable, table.cell(row, "ma_eu_endpoints"), places);
    add_landings(table.cell(row, "ma_landings"), places, cable.landings);
    add_landings(table.cell(row, "europe_landings"), places, cable.landings);
    cable.risk_groups.push_back(cable.id);
    add_landing_risks(cable);
    cables.push_back(std::move(cable));
  }
  return cables;
}

Result<std::vector<Segment>> read_land_legs(const CsvTable& table, std::span<const Place> places) {
  std::vector<Segment> legs;
  for (std::size_t row = 0; row < table.rows(); ++row) {
    const auto km = length(table, row, "route_km");
    if (!km) return fail(Errc::bad_input, "terrestrial.csv: " + km.error().message);

    Segment leg;
    leg.id = table.cell(row, "id");
    leg.name = fmt::format("{} to {} by land", table.cell(row, "from"), table.cell(row, "to"));
    leg.kind = SegmentKind::land;
    leg.from = town_id(table.cell(row, "from"), places);
    leg.to = town_id(table.cell(row, "to"), places);
    leg.length_km = *km;
    leg.basis = table.cell(row, "basis");
    leg.status = table.cell(row, "status");
    leg.risk_groups.push_back(leg.id);
    legs.push_back(std::move(leg));
  }
  return legs;
}

std::map<std::string, std::string, std::less<>> read_classes(const CsvTable& table) {
  std::map<std::string, std::string, std::less<>> classes;
  for (std::size_t row = 0; row < table.rows(); ++row) {
    classes.emplace(table.cell(row, "iso2"), table.cell(row, "class"));
  }
  return classes;
}

void add_scenarios(const CsvTable& table, std::vector<Segment>& segments) {
  for (std::size_t row = 0; row < table.rows(); ++row) {
    for (const char* column : {"cables_down", "terrestrial_down"}) {
      const auto down = split_cell(table.cell(row, column), ';');
      if (down.size() < 2) continue;  // a segment is a group of its own already
      for (Segment& segment : segments) {
        if (std::ranges::find(down, segment.id) == down.end()) continue;
        segment.risk_groups.emplace_back(table.cell(row, "id"));
      }
    }
  }
}

}  // namespace strait::routes
