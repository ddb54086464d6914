// SPDX-License-Identifier: Apache-2.0
#include "routes/catalogue/catalogue.hpp"

#include <catch2/catch.hpp>
#include <cmath>
#include <string>

#include "core/csv.hpp"
#include "routes/catalogue/tables.hpp"

using namespace strait;
using namespace strait::routes;

namespace {

const Catalogue& catalogue() {
  static const Catalogue loaded = [] {
    auto result = Catalogue::load(STRAIT_DATA);
    if (!result) FAIL(result.error().message);
    return std::move(*result);
  }();
  return loaded;
}

Result<Path> complete(std::vector<std::string> segments) {
  Path path;
  path.name = "p";
  path.segments = std::move(segments);
  return catalogue().complete(path);
}

}  // namespace

TEST_CASE("every example path of the data has the length, floor and countries that it states") {
  const auto table = CsvTable::load(STRAIT_DATA "/paths.csv");
  REQUIRE(table);
  REQUIRE(table->rows() > 0);
  for (std::size_t row = 0; row < table->rows(); ++row) {
    CAPTURE(table->cell(row, "id"));
    const auto path = complete(split_cell(table->cell(row, "legs"), '>'));
    if (!path) FAIL(path.error().message);
    CHECK(path->length_km == Approx(std::stod(std::string{table->cell(row, "route_km")})));
    const double rtt_ms = 2 * static_cast<double>(path->one_way_floor.count()) / 1e6;
    CHECK(rtt_ms ==
          Approx(std::stod(std::string{table->cell(row, "rtt_floor_ms")})).margin(0.0051));
    CHECK(path->countries == split_cell(table->cell(row, "transit_countries"), ';'));
  }
}

TEST_CASE("every floor in the tables is its length at 4.897 us/km") {
  struct Case {
    const char* file;
    const char* km;
  };
  const auto c = GENERATE(
      values<Case>({{"/cables.csv", "length_ma_eu_km"}, {"/terrestrial.csv", "route_km"}}));
  const auto table = CsvTable::load(std::string{STRAIT_DATA} + c.file);
  REQUIRE(table);
  for (std::size_t row = 0; row < table->rows(); ++row) {
    const auto id = table->cell(row, "id");
    CAPTURE(id);
    const auto segment = catalogue().segment(id);
    REQUIRE(segment);
    const std::string floor{table->cell(row, "one_way_floor_us")};
    if (!(*segment)->length_km) {
      CHECK(floor == "unknown");
      continue;
    }
    const double floor_us = static_cast<double>(fibre_delay(*(*segment)->length_km).count()) / 1e3;
    CHECK(floor_us == Approx(std::stod(floor)).margin(0.51));
  }
}

TEST_CASE("cables that land in one town share a risk group") {
  const auto atlas = complete({"atlas-offshore"});
  const auto loukkos = complete({"loukkos"});
  const auto west = complete({"mtwa-north"});
  REQUIRE(atlas);
  REQUIRE(loukkos);
  REQUIRE(west);
  CHECK_THAT(atlas->risk_groups, Catch::VectorContains(std::string{"asilah"}));
  CHECK_THAT(atlas->risk_groups, Catch::VectorContains(std::string{"marseille"}));
  CHECK_THAT(atlas->risk_groups, Catch::VectorContains(std::string{"atlas-offshore"}));
  CHECK_THAT(loukkos->risk_groups, Catch::VectorContains(std::string{"asilah"}));
  CHECK_THAT(west->risk_groups, Catch::VectorContains(std::string{"casablanca"}));
  const auto spain = complete({"loukkos", "rota-mad"});
  REQUIRE(spain);
  CHECK_THAT(spain->risk_groups, Catch::VectorContains(std::string{"iberia-blackout"}));
}

TEST_CASE("a path that the catalogue cannot vouch for is refused with the reason") {
  struct Case {
    std::vector<std::string> segments;
    const char* error;
  };
  const auto c = GENERATE(values<Case>({
      {{"atlas-ofshore"}, "did you mean 'atlas-offshore'"},
      {{"xyzzy"}, "not in the catalogue"},
      {{"seamewe-3"}, "out of service"},
      {{"ace"}, "length is not known"},
      {{"ma-dz"}, "length is not known"},
      {{"atlas-offshore", "mad-par"}, "'mad-par' joins madrid and paris"},
      {{"cas-asilah", "loukkos", "rota-mad", "mrs-par"}, "has reached madrid"},
  }));
  CAPTURE(c.segments);
  const auto path = complete(c.segments);
  REQUIRE_FALSE(path);
  CHECK_THAT(path.error().message, Catch::Contains(c.error));
}

TEST_CASE("towns are found under the names that the tables use") {
  struct Case {
    const char* town;
    const char* id;
  };
  const auto c = GENERATE(values<Case>({
      {"LaLinea", "la-linea"},
      {"Zahara", "zahara-de-los-atunes"},
      {"Tétouan", "tetouan"},
      {"Tetouan", "tetouan"},
      {"Lisbon area (PT)", "lisbon"},
      {"Rota (Loukkos segment)", "rota"},
      {"Ceuta (Benitez)", "ceuta"},
  }));
  CAPTURE(c.town);
  CHECK(town_id(c.town, catalogue().places()) == c.id);
}

TEST_CASE("countries have the class of regions.csv, and others none") {
  CHECK(catalogue().country_class("MA") == "africa");
  CHECK(catalogue().country_class("FR") == "europe");
  CHECK(catalogue().country_class("AE") == "middle-east");
  CHECK(catalogue().country_class("NA") == "africa");  // Namibia, not "not available"
  CHECK_FALSE(catalogue().country_class("ZZ"));
  CHECK(catalogue().country_classes().size() == 130);
}

TEST_CASE("the great circle from Casablanca to Marseille is about 1565 km") {
  const Place* const casablanca = catalogue().place("casablanca");
  const Place* const marseille = catalogue().place("marseille");
  REQUIRE(casablanca != nullptr);
  REQUIRE(marseille != nullptr);
  CHECK(great_circle_km(*casablanca, *marseille) == Approx(1565).margin(20));
}

TEST_CASE("a data directory without the tables is named in the error") {
  CHECK(data_directory(std::string{STRAIT_DATA}) == std::string{STRAIT_DATA});
  const auto missing = data_directory(std::string{"/nonexistent"});
  REQUIRE_FALSE(missing);
  CHECK_THAT(missing.error().message, Catch::Contains("/nonexistent"));
  CHECK(data_directory(std::nullopt).has_value());
}
