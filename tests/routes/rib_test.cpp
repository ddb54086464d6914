// SPDX-License-Identifier: Apache-2.0
#include "routes/rib.hpp"

#include <catch2/catch.hpp>

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

}  // namespace

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
    rib.for_each_of(address(neighbor), [&](const RibEntry& each, const RibRoute&) {
      found.push_back(to_string(each.prefix));
    });
    return found;
  };
  CHECK(offered("192.0.2.1") ==
        std::vector<std::string>{"10.0.0.0/8", "10.0.0.0/16", "2001:db8::/32"});
  CHECK(offered("192.0.2.3").empty());
  CHECK(rib.peers()[0].internal);
  CHECK(rib.neighbors().size() == 2);
}
