// SPDX-License-Identifier: Apache-2.0
#include "routes/rib.hpp"

#include <catch2/catch.hpp>

#include "routes/offer.hpp"
#include "tests/routes/rib_of.hpp"

using namespace strait;
using namespace strait::routes;
using namespace strait::testing;

namespace {

Prefix prefix(const char* text) { return parse_prefix(text).value(); }
Address address(const char* text) { return parse_address(text).value(); }

Route route(const char* network, const char* neighbor, std::uint32_t origin) {
  Route result;
  result.prefix = prefix(network);
  result.neighbor = address(neighbor);
  result.neighbor_asn = Asn{65001};
  result.origin_asn = Asn{origin};
  return result;
}

const std::map<std::string, std::string, std::less<>> countries{
    {"MA", "africa"}, {"SN", "africa"}, {"FR", "europe"}, {"AE", "middle-east"}};

Regions regions(const std::vector<RegionRules>& rules) {
  auto made = Regions::make(rules, countries);
  if (!made) FAIL(made.error().message);
  auto table = CsvTable::parse(
      "prefix,country_iso2\n196.0.0.0/8,MA\n196.200.0.0/16,FR\n203.0.113.0/24,ZZ\n", "t.csv");
  REQUIRE(table);
  REQUIRE(made->add_registrations(*table, "t.csv"));
  return std::move(*made);
}

}  // namespace

TEST_CASE("a prefix gets one class: configured prefix before origin ASN before registration") {
  struct Case {
    const char* prefix;
    std::uint32_t origin;
    const char* region;  // empty: none
    const char* basis;
  };
  const auto c = GENERATE(values<Case>({
      {"196.1.0.0/16", 1, "africa", "country of registration"},
      {"196.200.4.0/24", 1, "europe", "country of registration"},
      {"196.1.0.0/16", 64500, "europe", "origin ASN"},
      {"10.0.0.0/8", 64500, "middle-east", "configured prefix"},
      {"10.1.0.0/16", 64500, "africa", "configured prefix"},
      {"10.1.2.0/24", 1, "africa", "configured prefix"},
      {"203.0.113.0/24", 1, "", ""},
      {"8.8.8.0/24", 1, "", ""},
      {"2001:db8::/32", 64500, "europe", "origin ASN"},
      {"0.0.0.0/0", 1, "", ""},
  }));
  CAPTURE(c.prefix);
  const Regions all = regions({{"europe", {}, {Asn{64500}}, {}},
                               {"middle-east", {}, {}, {prefix("10.0.0.0/8")}},
                               {"africa", {}, {}, {prefix("10.1.0.0/16")}}});
  const auto match = all.classify(prefix(c.prefix), Asn{c.origin});
  REQUIRE(match.has_value() == (*c.region != '\0'));
  if (!match) return;
  CHECK(match->region == c.region);
  CHECK(to_string(match->basis) == c.basis);
}

TEST_CASE("a region's own countries replace its default ones and take them from the others") {
  const Regions all = regions({{"europe", {"MA"}, {}, {}}});
  CHECK(all.classify(prefix("196.1.0.0/16"), std::nullopt)->region == "europe");
  CHECK_FALSE(all.classify(prefix("196.200.4.0/24"), std::nullopt));  // FR is not in the list
}

TEST_CASE("what two regions claim is refused and both are named") {
  struct Case {
    RegionRules first;
    RegionRules second;
    const char* error;
  };
  const auto c = GENERATE(values<Case>({
      {{"a", {"FR"}, {}, {}}, {"b", {"FR"}, {}, {}}, "country FR is in region 'a'"},
      {{"a", {}, {Asn{1}}, {}}, {"b", {}, {Asn{1}}, {}}, "AS1 is in region 'a'"},
      {{"a", {}, {}, {Prefix{address("10.0.0.0"), 8}}},
       {"b", {}, {}, {Prefix{address("10.0.0.0"), 8}}},
       "prefix 10.0.0.0/8 is in region 'a' and in region 'b'"},
      {{"a", {}, {}, {}}, {"a", {}, {}, {}}, "'a' is there twice"},
  }));
  const auto made = Regions::make({c.first, c.second}, countries);
  REQUIRE_FALSE(made);
  CHECK_THAT(made.error().message, Catch::Contains(c.error));
}

TEST_CASE("the RIB finds exact prefixes and the routes of one neighbour") {
  const Rib rib =
      rib_of({route("10.0.0.0/8", "192.0.2.2", 1), route("10.0.0.0/8", "192.0.2.1", 2),
              route("10.0.0.0/16", "192.0.2.1", 3), route("2001:db8::/32", "192.0.2.1", 4)},
             Asn{65001});
  CHECK(rib.prefix_count() == 3);
  REQUIRE(rib.candidates(prefix("10.0.0.0/8")).size() == 2);
  const auto two = rib.candidates(prefix("10.0.0.0/8"));
  CHECK(rib.peer(two[0]).address == address("192.0.2.1"));
  CHECK(rib.head(two[0]).origin_as() == Asn{2});
  CHECK(rib.candidates(prefix("10.0.0.0/9")).empty());
  const auto offered = [&](const char* neighbor) {
    std::vector<std::string> found;
    rib.for_each_of(address(neighbor),
                    [&](const Prefix& each, const RibRoute&) { found.push_back(to_string(each)); });
    return found;
  };
  CHECK(offered("192.0.2.1") ==
        std::vector<std::string>{"10.0.0.0/8", "10.0.0.0/16", "2001:db8::/32"});
  CHECK(offered("192.0.2.3").empty());
  CHECK(rib.peers()[0].internal);
  CHECK(rib.neighbors().size() == 2);
}

TEST_CASE("an offer holds each prefix of the neighbour once: in a class, in none, or marked") {
  Route drained = route("196.3.0.0/16", "192.0.2.1", 1);
  drained.communities = {graceful_shutdown};
  const Rib rib =
      rib_of({route("196.2.0.0/16", "192.0.2.1", 1), route("196.1.0.0/16", "192.0.2.1", 1),
              route("196.1.0.0/16", "192.0.2.1", 1), route("8.8.8.0/24", "192.0.2.1", 1),
              route("196.9.0.0/16", "192.0.2.2", 1), drained},
             Asn{64500});
  const Offer offer = offer_of(rib, address("192.0.2.1"), regions({}));
  REQUIRE(offer.by_class.size() == 1);
  CHECK(offer.by_class.at("africa") == std::vector{prefix("196.1.0.0/16"), prefix("196.2.0.0/16")});
  CHECK(offer.unclassified == std::vector{prefix("8.8.8.0/24")});
  CHECK(offer.marked == std::vector{prefix("196.3.0.0/16")});
}
