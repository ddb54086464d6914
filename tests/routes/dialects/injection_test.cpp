// SPDX-License-Identifier: Apache-2.0
#include "routes/injection.hpp"

#include <catch2/catch.hpp>
#include <memory>

#include "tests/routes/dialects/surroundings.hpp"

using namespace strait;
using namespace strait::routes;
using namespace strait::testing;

namespace {

const std::vector<Preference> one_prefix{
    preference("europe", "atlas-offshore", "u1", {"192.0.2.0/24"})};

Injection inject(const Rib& rib, const std::vector<Preference>& preferences = one_prefix) {
  const Site site;
  return injection_of(preferences, site.paths, rib, Asn{64500});
}

Octets route(const Octets& segments, std::string_view hop = "10.255.1.2") {
  return Octets{}.add(origin()).add(as_path(segments)).add(next_hop(hop));
}

using Shared = std::shared_ptr<const Rib>;  // a Rib is not copied

Shared rib_with(const Octets& octets, const char* neighbor = "10.255.1.2",
                const char* to = "192.0.2.0/24") {
  return std::make_shared<const Rib>(OctetRib{Asn{64500}}.put(to, neighbor, octets).finish());
}

}  // namespace

TEST_CASE("what is injected is the upstream's own route") {
  const Site site;
  const Injection injection = inject(site.rib);
  CHECK(injection.notes.empty());
  REQUIRE(injection.preferences.size() == 1);
  REQUIRE(injection.preferences[0].routes.size() == 1);
  const InjectedRoute& route = injection.preferences[0].routes[0];
  CHECK(route.prefix == prefix("192.0.2.0/24"));
  CHECK(to_string(route.attributes.as_path) == "65001 64496");
  CHECK(route.attributes.next_hop == parse_address("10.255.1.2").value());
  CHECK(route.attributes.only_to_customer == Asn{65001});
}

TEST_CASE("a guard keeps a route from being injected, and says how many") {
  struct Case {
    const char* guard;
    Shared rib;
    const char* message;
  };
  const Octets good = sequence({65001, 64496});
  const Octets marked = attribute(0xc0, 8, Octets{}.u32(0xffff0000));
  const Octets hole = attribute(0xc0, 8, Octets{}.u32(0xffff029a));
  const auto c = GENERATE_COPY(values<Case>({
      {"rib-from-upstream", rib_with(route(good), "10.255.2.2"), "does not offer them"},
      {"rib-from-upstream", rib_with(route(good), "10.255.1.2", "192.0.2.0/25"),
       "does not offer them"},
      {"rib-from-upstream", rib_with(route(good), "10.255.1.2", "192.0.0.0/16"),
       "does not offer them"},
      {"marked-route", rib_with(route(good).add(marked)), "they carry 65535:0 or 65535:666"},
      {"marked-route", rib_with(route(good).add(hole)), "they carry 65535:0 or 65535:666"},
      {"own-as", rib_with(route(sequence({65001, 64500, 64496}))), "our own AS is in the path"},
      {"rewritten-path", rib_with(route(sequence({65001, 64496}).add(sequence({64497, 64498}, 1)))),
       "an AS_SET or a confederation"},
      {"next-hop", rib_with(Octets{}.add(origin()).add(as_path(good)).add(reach("fd00::1"))),
       "no global next hop of their address family"},
  }));
  CAPTURE(c.guard, c.message);
  const Injection injection = inject(*c.rib);
  REQUIRE(injection.preferences.size() == 1);
  CHECK(injection.preferences[0].routes.empty());
  REQUIRE(injection.notes.size() == 1);
  CHECK(injection.notes[0].guard == c.guard);
  CHECK_FALSE(injection.notes[0].blocks);
  CHECK_THAT(injection.notes[0].message,
             Catch::StartsWith("class europe: 1 prefixes from atlas-offshore not injected: ") &&
                 Catch::Contains(c.message));
}

TEST_CASE("a path that is none gets nothing injected") {
  const Site site;
  const Injection injection =
      inject(site.rib, {preference("europe", "nope", "u1", {"192.0.2.0/24"})});
  CHECK(injection.preferences.empty());
  REQUIRE(injection.notes.size() == 1);
  CHECK(injection.notes[0].guard == "no-session");
}
