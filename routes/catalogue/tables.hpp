// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/csv.hpp"
#include "routes/catalogue/catalogue.hpp"

namespace strait::routes {

// Each reads one table of data/. Errors name the file and the row's id.
[[nodiscard]] Result<std::vector<Place>> read_places(const CsvTable& table);
[[nodiscard]] Result<std::vector<Segment>> read_cables(const CsvTable& table,
                                                       std::span<const Place> places);
[[nodiscard]] Result<std::vector<Segment>> read_land_legs(const CsvTable& table,
                                                          std::span<const Place> places);
// Country to class.
[[nodiscard]] std::map<std::string, std::string, std::less<>> read_classes(const CsvTable& table);
// Adds each scenario's id to the segments that it takes down.
void add_scenarios(const CsvTable& table, std::vector<Segment>& segments);

// The id of the place that a table calls `town` ("Lisbon area (PT)", "LaLinea", "Tétouan"), or the
// name in lower case where places.csv has none ("ceuta").
[[nodiscard]] std::string town_id(std::string_view town, std::span<const Place> places);

// The parts of a cell, without spaces around them and without empty ones.
[[nodiscard]] std::vector<std::string> split_cell(std::string_view cell, char separator);

}  // namespace strait::routes
