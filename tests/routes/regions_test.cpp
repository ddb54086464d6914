// SPDX-License-Identifier: Apache-2.0
#include "routes/regions.hpp"

#include <catch2/catch.hpp>

#include "routes/classify.hpp"
#include "routes/offer.hpp"
#include "tests/routes/mrt_builder.hpp"
#include "tests/routes/rib_of.hpp"

using namespace strait;
using namespace strait::routes;
using namespace strait::testing;

namespace {

Prefix prefix(const char* text) { return parse_prefix(text).value(); }
Address address(const char* text) { return parse_address(text).value(); }

Route route(const char* network, const char* neighbor, std::uint32_t origin,
            std::vector<std::uint32_t> communities = {}) {
  Route result;
  result.prefix = prefix(network);
  result.neighbor = address(neighbor);
  result.neighbor_asn = Asn{65001};
  result.origin_asn = Asn{origin};
  result.communities = std::move(communities);
  return result;
}

constexpr const char* one = "192.0.2.1";
constexpr const char* two = "192.0.2.2";
constexpr const char* three = "192.0.2.3";

const std::map<std::string, std::string, std::less<>> countries{
    {"MA", "africa"}, {"SN", "africa"}, {"FR", "europe"}, {"AE", "middle-east"}};

Regions regions(const std::vector<RegionRules>& rules) {
  auto made = Regions::make(rules, countries);
  if (!made) FAIL(made.error().message);
  auto table = CsvTable::parse(
      "prefix,country_iso2\n196.0.0.0/8,MA\n196.200.0.0/16,FR\n203.0.113.0/24,ZZ\n", "t.csv");
  REQUIRE(table);
  auto files = registrations_of(*table, "t.csv");
  if (!files) FAIL(files.error().message);
  made->set_registrations(std::move(*files));
  return std::move(*made);
}

// "africa: registered in MA (t.csv)", or "-: ..." for no region.
std::string class_of(const std::vector<Route>& routes, const Regions& all) {
  const Rib rib = rib_of(routes, Asn{64500});
  Classifier classifier{rib, all};
  const auto entry = rib.entry(routes.front().prefix);
  REQUIRE(entry);
  const ClassMatch match = classifier.classify(*entry);
  const std::string name = match.region == no_region ? "-" : std::string{all.name(match.region)};
  return name + ": " + classifier.reason(*entry, match);
}

RegionRules rules(const char* name) { return {name, {}, {}, {}, {}}; }

}  // namespace

TEST_CASE("a prefix gets one class: configured prefix, community, origin ASN, registration") {
  RegionRules europe = rules("europe");
  europe.asns = {Asn{64500}};
  RegionRules gulf = rules("middle-east");
  gulf.prefixes = {prefix("10.0.0.0/8")};
  gulf.communities = {parse_community("65001:7").value()};
  RegionRules africa = rules("africa");
  africa.prefixes = {prefix("10.1.0.0/16")};
  const Regions all = regions({europe, gulf, africa});

  struct Case {
    const char* prefix;
    std::uint32_t origin;
    std::vector<std::uint32_t> communities;
    const char* wanted;
  };
  const auto c = GENERATE(values<Case>({
      {"196.1.0.0/16", 1, {}, "africa: registered in MA (t.csv)"},
      {"196.200.4.0/24", 1, {}, "europe: registered in FR (t.csv)"},
      {"196.1.0.0/16", 64500, {}, "europe: origin AS64500"},
      {"196.1.0.0/16", 64500, {0xfde90007}, "middle-east: community"},
      {"10.0.0.0/8", 64500, {0xfde90007}, "middle-east: configured prefix"},
      {"10.1.0.0/16", 64500, {0xfde90007}, "africa: configured prefix"},
      {"10.1.2.0/24", 1, {}, "africa: configured prefix"},
      {"203.0.113.0/24", 1, {}, "-: registered in ZZ (t.csv)"},
      {"8.8.8.0/24", 1, {}, "-: not registered as a whole in any one country"},
      {"2001:db8::/32", 64500, {}, "europe: origin AS64500"},
      {"0.0.0.0/0", 1, {}, "-: not registered as a whole in any one country"},
      // Of this one a part is French.
      {"196.0.0.0/8", 1, {}, "-: not registered as a whole in any one country"},
  }));
  CAPTURE(c.prefix);
  CHECK(class_of({route(c.prefix, one, c.origin, c.communities)}, all) == c.wanted);
}

TEST_CASE("where the routes of a prefix disagree most of them decide, and then the first peer") {
  RegionRules europe = rules("europe");
  europe.asns = {Asn{1}};
  RegionRules africa = rules("africa");
  africa.asns = {Asn{2}};
  const Regions all = regions({europe, africa});
  const char* const net = "20.0.0.0/8";
  CHECK(class_of({route(net, one, 1), route(net, two, 2), route(net, three, 2)}, all) ==
        "africa: origin AS2 of 2 routes of 3");
  CHECK(class_of({route(net, one, 1), route(net, two, 2)}, all) ==
        "europe: origin AS1 of 1 routes of 2");
  CHECK(class_of({route(net, one, 2), route(net, two, 1)}, all) ==
        "africa: origin AS2 of 1 routes of 2");
  CHECK(class_of({route(net, one, 3), route(net, two, 1)}, all) ==
        "europe: origin AS1 of 1 routes of 2");
}

TEST_CASE("what a plan raises does not change the class of a prefix") {
  RegionRules europe = rules("europe");
  europe.asns = {Asn{1}};
  RegionRules africa = rules("africa");
  africa.asns = {Asn{2}};
  const Regions all = regions({europe, africa});
  auto raised = route("20.0.0.0/8", two, 2);
  raised.local_pref = LocalPref{500};
  CHECK(class_of({route("20.0.0.0/8", one, 1), raised}, all) ==
        "europe: origin AS1 of 1 routes of 2");
}

TEST_CASE("a region's own countries replace its default ones and take them from the others") {
  RegionRules europe = rules("europe");
  europe.countries = {"MA"};
  const Regions all = regions({europe});
  CHECK(class_of({route("196.1.0.0/16", one, 1)}, all) == "europe: registered in MA (t.csv)");
  // FR is not in the list any more.
  CHECK(class_of({route("196.200.4.0/24", one, 1)}, all) == "-: registered in FR (t.csv)");
}

TEST_CASE("what two regions claim is refused and both are named") {
  struct Case {
    RegionRules first;
    RegionRules second;
    const char* error;
  };
  const CommunityWord large{LargeCommunity{1, 2, 3}};
  const auto c = GENERATE_COPY(values<Case>({
      {{"a", {"FR"}, {}, {}, {}}, {"b", {"FR"}, {}, {}, {}}, "country FR is in region 'a'"},
      {{"a", {}, {Asn{1}}, {}, {}}, {"b", {}, {Asn{1}}, {}, {}}, "AS1 is in region 'a'"},
      {{"a", {}, {}, {Prefix{address("10.0.0.0"), 8}}, {}},
       {"b", {}, {}, {Prefix{address("10.0.0.0"), 8}}, {}},
       "prefix 10.0.0.0/8 is in region 'a' and in region 'b'"},
      {{"a", {}, {}, {}, {large}},
       {"b", {}, {}, {}, {large}},
       "community 1:2:3 is in region 'a' and in region 'b'"},
      {rules("a"), rules("a"), "'a' is there twice"},
      {{"a", {"F"}, {}, {}, {}}, rules("b"), "country 'F': want two letters"},
  }));
  const auto made = Regions::make({c.first, c.second}, countries);
  REQUIRE_FALSE(made);
  CHECK_THAT(made.error().message, Catch::Contains(c.error));
}

TEST_CASE("an offer holds each prefix of the neighbour once: in a class, in none, or marked") {
  Route drained = route("196.3.0.0/16", one, 1);
  drained.communities = {graceful_shutdown};
  const Rib rib = rib_of(
      {route("196.2.0.0/16", one, 1), route("196.1.0.0/16", one, 1), route("196.1.0.0/16", one, 1),
       route("8.8.8.0/24", one, 1), route("196.9.0.0/16", two, 1), drained},
      Asn{64500});
  const Regions all = regions({});
  const Offer offer = offer_of(rib, address(one), RibClasses{rib, all}, all);
  REQUIRE(offer.by_class.size() == 1);
  CHECK(offer.by_class.at("africa") == std::vector{prefix("196.1.0.0/16"), prefix("196.2.0.0/16")});
  CHECK(offer.unclassified == std::vector{prefix("8.8.8.0/24")});
  CHECK(offer.marked == std::vector{prefix("196.3.0.0/16")});
}

TEST_CASE("the class of each prefix of a RIB is the one that it has alone, IPv6 too") {
  RegionRules europe = rules("europe");
  europe.prefixes = {prefix("2001:db8::/32")};
  const Regions all = regions({europe});
  const Rib rib = rib_of({route("8.8.8.0/24", one, 1), route("196.1.0.0/16", one, 1),
                          route("2001:db8::/32", one, 1), route("2002::/16", two, 1)},
                         Asn{64500});
  const RibClasses classes{rib, all};
  std::vector<std::string> found;
  rib.for_each([&](const RibEntry& entry) {
    const RegionNumber region = classes.at(entry);
    found.push_back(region == no_region ? "-" : std::string{all.name(region)});
  });
  CHECK(found == std::vector<std::string>{"-", "africa", "europe", "-"});
  const auto covered = rib.entry(prefix("2001:db8::/32"));
  REQUIRE(covered);
  CHECK(covered->ordinal == 2);
}

TEST_CASE("a community is found wherever it stands among a route's attributes, and only there") {
  RegionRules gulf = rules("gulf");
  gulf.communities = {parse_community("65001:7").value(), parse_community("1:2:3").value()};
  const Regions all = regions({gulf});
  const auto gulf_holds = [&](const Octets& attributes) {
    return all.by_communities(attributes.span()).has_value();
  };
  const auto plain = [](std::uint32_t first, std::uint32_t second) {
    return attribute(0xc0, 8, Octets{}.u32(first).u32(second));
  };
  const auto large = [](std::uint32_t global, std::uint32_t local1, std::uint32_t local2) {
    const Octets other = Octets{}.u32(3).u32(2).u32(1);
    return attribute(0xc0, 32, Octets{}.add(other).u32(global).u32(local1).u32(local2));
  };
  CHECK(gulf_holds(Octets{}.add(origin()).add(plain(1, 0xfde90007))));
  CHECK(gulf_holds(Octets{}.add(origin()).add(large(1, 2, 3))));
  Octets many;
  for (std::uint32_t n = 0; n < 100; ++n) many.u32(n);
  many.u32(0xfde90007);  // more than 255 octets: the long form
  CHECK(gulf_holds(Octets{}.u8(0xd0).u8(8).u16(many.size()).add(many)));
  CHECK_FALSE(gulf_holds(Octets{}.add(origin()).add(plain(1, 0xfde90008))));
  CHECK_FALSE(gulf_holds(large(2, 3, 1)));
  CHECK_FALSE(gulf_holds(attribute(0xc0, 16, Octets{}.u32(0xfde90007).u32(0xfde90007))));
  // Not across the border of two.
  CHECK_FALSE(gulf_holds(plain(0x0000fde9, 0x00070000)));
}
