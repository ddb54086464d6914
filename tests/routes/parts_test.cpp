// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "routes/part_index.hpp"
#include "routes/plan_from_rib.hpp"
#include "tests/routes/plan_examples.hpp"
#include "tests/routes/rib_of.hpp"

using namespace strait;
using namespace strait::routes;
using namespace strait::testing;

namespace {

const char* const neighbor_a = "192.0.2.1";
const char* const neighbor_b = "192.0.2.5";

Route route(const Prefix& network, const char* neighbor, std::uint32_t origin) {
  Route result;
  result.prefix = network;
  result.neighbor = parse_address(neighbor).value();
  result.neighbor_asn = Asn{neighbor == neighbor_a ? 65001U : 65002U};
  result.as_path = {result.neighbor_asn, Asn{origin}};
  return result;
}

Path path(const char* name, const char* neighbor) {
  Path result;
  result.name = name;
  result.protocol = std::string{"up_"} + name;
  result.neighbor_v4 = parse_address(neighbor).value();
  return result;
}

// 20.0.0.0/8 is Europe; its lower half is registered in FR, 20.128.0.0/10 in ES, the rest nowhere.
Regions europe() {
  Regions regions = Regions::make({{"europe", {}, {}, {prefix("20.0.0.0/8")}, {}}}, {}).value();
  RegistrationFiles files;
  files.registrations = {{*block_of(prefix("20.0.0.0/9"), {.letters = {'F', 'R'}}),
                          *block_of(prefix("20.128.0.0/10"), {.letters = {'E', 'S'}})},
                         {{.name = "test", .date = {}}}};
  regions.set_registrations(std::move(files));
  return regions;
}

Part part(std::string name, std::string whole, std::string country,
          std::optional<std::uint32_t> origin = {}, const char* exact = nullptr) {
  Part result{.name = std::move(name),
              .whole = std::move(whole),
              .traffic_class = "europe",
              .country = std::move(country),
              .origin = std::nullopt,
              .prefix = std::nullopt};
  if (origin) result.origin = Asn{*origin};
  if (exact != nullptr) result.prefix = prefix(exact);
  return result;
}

const std::vector<Part> all_parts{
    part("europe:ES", "europe", "ES"), part("europe:FR", "europe", "FR"),
    part("europe:FR:AS7", "europe:FR", "FR", 7),
    part("europe:FR:AS7:20.1.0.0/16", "europe:FR:AS7", "FR", 7, "20.1.0.0/16"),
    part("europe:ZZ:AS7", "europe", "", 7)};

// Which of them a prefix is in, the finest; worked out another way than the index does.
std::string finest(const Prefix& network, std::uint32_t origin) {
  const bool france = contains(prefix("20.0.0.0/9"), network);
  const bool spain = contains(prefix("20.128.0.0/10"), network);
  if (france && origin == 7) {
    return network == prefix("20.1.0.0/16") ? "europe:FR:AS7:20.1.0.0/16" : "europe:FR:AS7";
  }
  if (france) return "europe:FR";
  if (spain) return "europe:ES";
  return origin == 7 ? "europe:ZZ:AS7" : "europe";
}

}  // namespace

TEST_CASE("a prefix is in the finest part that it fits, by registration, origin and itself") {
  const std::vector<Route> routes{
      route(prefix("20.1.0.0/16"), neighbor_a, 7),   route(prefix("20.2.0.0/16"), neighbor_a, 7),
      route(prefix("20.2.0.0/16"), neighbor_b, 8),   route(prefix("20.3.0.0/16"), neighbor_a, 8),
      route(prefix("20.130.0.0/16"), neighbor_a, 7), route(prefix("20.200.0.0/16"), neighbor_a, 7),
      route(prefix("20.201.0.0/16"), neighbor_a, 8), route(prefix("30.0.0.0/16"), neighbor_a, 7)};
  const Rib rib = rib_of(routes, Asn{64500});
  const Regions regions = europe();
  const RibClasses classes{rib, regions};
  const PartIndex index{rib, regions, classes, all_parts};
  std::vector<std::string> found;
  for (std::size_t i = 0; i < rib.prefix_count(); ++i) {
    const PartNumber number = index.at(i);
    found.push_back(number == no_part ? "" : index.parts()[number].name);
  }
  // Of 20.2.0.0/16 the routes disagree, and the first peer's counts.
  CHECK(found == std::vector<std::string>{"europe:FR:AS7:20.1.0.0/16", "europe:FR:AS7", "europe:FR",
                                          "europe:ES", "europe:ZZ:AS7", "", ""});

  const auto place = place_of(parse_address("20.2.3.4").value(), rib, regions, classes);
  REQUIRE(place);
  CHECK(place->country == "FR");
  CHECK(place->origin == Asn{7});
  CHECK(place->prefix == prefix("20.2.0.0/16"));
  CHECK_FALSE(place_of(parse_address("99.0.0.1").value(), rib, regions, classes));
}

TEST_CASE("parts by one path are one preference, and say whose reason it is") {
  const std::vector<Route> routes{
      route(prefix("20.3.0.0/16"), neighbor_a, 8), route(prefix("20.130.0.0/16"), neighbor_a, 8),
      route(prefix("20.201.0.0/16"), neighbor_a, 8), route(prefix("20.201.0.0/16"), neighbor_b, 8)};
  const Rib rib = rib_of(routes, Asn{64500});
  const Regions regions = europe();
  const RibClasses classes{rib, regions};
  const PartIndex index{rib, regions, classes, all_parts};
  PlanLimits limits;
  limits.classes = &classes;
  limits.parts = &index;
  const std::vector<Path> paths{path("a", neighbor_a), path("b", neighbor_b)};
  const std::vector<Wish> wishes{
      {"europe", "b", "far"}, {"europe:ES", "a", "near"}, {"europe:FR", "a", "nearer"}};
  const Plan plan = plan_from_rib(wishes, paths, rib, regions, limits);
  REQUIRE(plan.preferences.size() == 2);
  CHECK(plan.preferences[0].traffic_class == "europe");
  CHECK(plan.preferences[0].path == "a");
  CHECK(plan.preferences[0].prefixes ==
        std::vector{prefix("20.3.0.0/16"), prefix("20.130.0.0/16")});
  CHECK(plan.preferences[0].reason == "europe:ES: near; and europe:FR");
  CHECK(plan.preferences[1].prefixes == std::vector{prefix("20.201.0.0/16")});
  CHECK(plan.preferences[1].reason == "far");
}

TEST_CASE(
    "a wish for a part holds for the families that it measures, and the others go by its whole") {
  std::vector<Route> routes;
  for (const char* const network : {"20.3.0.0/16", "2001:db8:3::/48"}) {
    for (const char* const neighbor : {"2001:db8::1", "2001:db8::5", neighbor_a, neighbor_b}) {
      routes.push_back(route(prefix(network), neighbor_a, 8));
      routes.back().neighbor = parse_address(neighbor).value();
    }
  }
  const Rib rib = rib_of(routes, Asn{64500});
  Regions regions =
      Regions::make({{"europe", {}, {}, {prefix("20.0.0.0/8"), prefix("2001:db8::/32")}, {}}}, {})
          .value();
  RegistrationFiles files;
  files.registrations = {{*block_of(prefix("20.0.0.0/9"), {.letters = {'F', 'R'}}),
                          *block_of(prefix("2001:db8::/32"), {.letters = {'F', 'R'}})},
                         {{.name = "test", .date = {}}}};
  regions.set_registrations(std::move(files));
  const RibClasses classes{rib, regions};
  const PartIndex index{rib, regions, classes, {part("europe:FR", "europe", "FR")}};
  PlanLimits limits;
  limits.classes = &classes;
  limits.parts = &index;
  std::vector<Path> paths{path("a", neighbor_a), path("b", neighbor_b)};
  paths[0].neighbor_v6 = parse_address("2001:db8::1").value();
  paths[1].neighbor_v6 = parse_address("2001:db8::5").value();
  const std::vector<Wish> wishes{{"europe", "b", "far"},
                                 {.traffic_class = "europe:FR",
                                  .path = "a",
                                  .reason = "near",
                                  .measured_v4 = true,
                                  .measured_v6 = false}};
  const Plan plan = plan_from_rib(wishes, paths, rib, regions, limits);
  REQUIRE(plan.preferences.size() == 2);
  CHECK(plan.preferences[0].path == "a");
  CHECK(plan.preferences[0].prefixes == std::vector{prefix("20.3.0.0/16")});
  CHECK(plan.preferences[1].path == "b");
  CHECK(plan.preferences[1].prefixes == std::vector{prefix("2001:db8:3::/48")});
  CHECK(plan.notes.empty());
}

TEST_CASE("whatever is wished, a prefix goes by its finest wish, and only where it is offered") {
  std::mt19937 random{29};  // NOLINT(bugprone-random-generator-seed)
  const Regions regions = europe();
  const std::vector<Path> paths{path("a", neighbor_a), path("b", neighbor_b)};
  std::size_t preferred = 0;
  for (int round = 0; round < 100; ++round) {
    std::vector<Route> routes;
    std::map<Prefix, std::uint32_t> origins;
    std::set<std::pair<std::string, Prefix>> offered;
    for (int i = 0; i < 60; ++i) {
      const auto length = static_cast<std::uint8_t>(10 + random() % 15);
      const auto low = static_cast<std::uint32_t>(random() & 0xffffffU);
      const std::uint32_t address = (20U << 24U | low) & (~0U << (32U - length));
      const Prefix network = random() % 20 == 0
                                 ? prefix("20.1.0.0/16")
                                 : Prefix{boost::asio::ip::address_v4{address}, length};
      const auto [known, fresh] =
          origins.try_emplace(network, static_cast<std::uint32_t>(6 + random() % 3));
      for (const Path& each : paths) {
        if (random() % 3 == 0) continue;
        routes.push_back(route(network, each.name == "a" ? neighbor_a : neighbor_b, known->second));
        offered.emplace(each.name, network);
      }
    }
    std::map<std::string, std::string> wanted;
    std::vector<Wish> wishes;
    const auto wish = [&](const std::string& name) {
      if (random() % 2 == 0) return;
      wanted[name] = random() % 2 == 0 ? "a" : "b";
      wishes.push_back({name, wanted[name], "because"});
    };
    wish("europe");
    for (const Part& each : all_parts) wish(each.name);
    const Rib rib = rib_of(routes, Asn{64500});
    const RibClasses classes{rib, regions};
    const PartIndex index{rib, regions, classes, all_parts};
    PlanLimits limits;
    limits.classes = &classes;
    limits.parts = &index;
    const Plan plan = plan_from_rib(wishes, paths, rib, regions, limits);

    std::set<std::pair<std::string, Prefix>> expected;
    for (const auto& [network, origin] : origins) {
      std::string name = finest(network, origin);
      // Every whole of these parts is its name up to the last colon, but of what is in no country.
      while (!wanted.contains(name) && name.find(':') != std::string::npos) {
        name = name.starts_with("europe:ZZ") ? "europe" : name.substr(0, name.rfind(':'));
      }
      const auto by = wanted.find(name);
      if (by != wanted.end() && offered.contains({by->second, network})) {
        expected.emplace(by->second, network);
      }
    }
    std::set<std::pair<std::string, Prefix>> found;
    for (const Preference& each : plan.preferences) {
      CHECK(std::ranges::is_sorted(each.prefixes));
      for (const Prefix& network : each.prefixes) {
        CHECK(found.emplace(each.path, network).second);
      }
    }
    REQUIRE(found == expected);
    preferred += found.size();
  }
  CHECK(preferred > 1000);
}
