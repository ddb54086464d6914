// SPDX-License-Identifier: Apache-2.0
#include "routes/hygiene.hpp"

#include <catch2/catch.hpp>

#include "tests/routes/rib_of.hpp"

using namespace strait;
using namespace strait::routes;
using namespace strait::testing;

namespace {

// "bogon-prefix too-specific": by name, in the order of the table.
std::string names_of(Problems problems) {
  std::string names;
  for (const ProblemKind& kind : problem_kinds()) {
    if (!problems.has(kind.problem)) continue;
    names += (names.empty() ? "" : " ") + std::string{kind.name};
  }
  return names;
}

std::vector<AsSegment> sequence_of(std::vector<std::uint32_t> numbers) {
  AsSegment segment;
  for (const std::uint32_t number : numbers) segment.asns.emplace_back(number);
  return {segment};
}

Octets with_otc(std::uint32_t asn) {
  Octets all = Octets{}.add(origin(0)).add(as_path(Octets{}.u8(2).u8(1).u32(174)));
  all.add(next_hop("192.0.2.1"));
  if (asn != 0) all.add(attribute(0xc0, 35, Octets{}.u32(asn)));
  return all;
}

// One route to 20.0.0.0/16 from AS174.
Rib rib_with_otc(std::uint32_t asn, Asn site_asn) {
  RibBuilder builder{site_asn};
  AttributeReader reader;
  const Octets octets = with_otc(asn);
  static_cast<void>(reader.read(octets.span(), {}));
  const auto id = builder.attributes().add(reader.head(), reader.octets(NlriPlace::rib_entry));
  const auto peer = builder.peer(parse_address("192.0.2.1").value(), Asn{174}, 1).value();
  const std::vector<RibRoute> one{{.attributes = id, .path_id = 0, .peer = peer}};
  builder.put(KeyV4::of(0x14000000, 16), one);
  return std::move(builder).finish();
}

}  // namespace

TEST_CASE("a prefix is a bogon, a default route or too specific, or nothing is wrong with it") {
  struct Case {
    const char* prefix;
    const char* problems;
  };
  const auto c = GENERATE(values<Case>({
      {"0.0.0.0/0", "default-route"},
      {"::/0", "default-route"},
      {"0.0.0.0/8", "bogon-prefix"},
      {"10.0.0.0/8", "bogon-prefix"},
      {"10.1.2.0/25", "bogon-prefix too-specific"},
      {"8.0.0.0/6", ""},  // holds 10.0.0.0/8, is not in it
      {"11.0.0.0/8", ""},
      {"100.64.0.0/10", "bogon-prefix"},
      {"100.128.0.0/9", ""},
      {"127.0.0.0/8", "bogon-prefix"},
      {"169.254.0.0/16", "bogon-prefix"},
      {"172.16.0.0/12", "bogon-prefix"},
      {"172.32.0.0/12", ""},
      {"192.0.0.0/24", "bogon-prefix"},
      {"192.0.1.0/24", ""},
      {"192.0.2.0/24", "bogon-prefix"},
      {"192.168.7.0/24", "bogon-prefix"},
      {"198.18.0.0/15", "bogon-prefix"},
      {"198.51.100.0/24", "bogon-prefix"},
      {"203.0.113.0/24", "bogon-prefix"},
      {"224.0.0.0/4", "bogon-prefix"},
      {"255.255.255.255/32", "bogon-prefix too-specific"},
      {"196.200.128.0/24", ""},
      {"196.200.128.0/25", "too-specific"},
      {"2001:4278::/48", ""},
      {"2001:4278::/49", "too-specific"},
      {"2000::/3", ""},
      {"::/8", "bogon-prefix"},
      {"64:ff9b::/96", "bogon-prefix too-specific"},
      {"2001:2::/48", "bogon-prefix"},
      {"2001:10::/28", "bogon-prefix"},
      {"2001:20::/28", "bogon-prefix"},
      {"2001:30::/28", ""},
      {"2001:db8:1::/48", "bogon-prefix"},
      {"2001:db9::/32", ""},
      {"2002:c000:204::/48", "bogon-prefix"},
      {"3ffe::/16", "bogon-prefix"},
      {"3fff::/20", "bogon-prefix"},
      {"3fff:1000::/20", ""},
      {"4000::/3", "bogon-prefix"},
      {"fc00::/7", "bogon-prefix"},
      {"fe80::/10", "bogon-prefix"},
      {"ff00::/8", "bogon-prefix"},
  }));
  CAPTURE(c.prefix);
  CHECK(names_of(problems_of(parse_prefix(c.prefix).value())) == c.problems);
}

TEST_CASE("AS numbers that stand for nobody and private ones are told apart, edges too") {
  struct Case {
    std::uint32_t asn;
    const char* problems;
  };
  const auto c = GENERATE(values<Case>({
      {0, "bogon-asn"},
      {1, ""},
      {23455, ""},
      {23456, "bogon-asn"},
      {23457, ""},
      {64495, ""},
      {64496, "bogon-asn"},
      {64511, "bogon-asn"},
      {64512, "private-asn"},
      {65534, "private-asn"},
      {65535, "bogon-asn"},
      {65536, "bogon-asn"},
      {65551, "bogon-asn"},
      {65552, "bogon-asn"},
      {131071, "bogon-asn"},
      {131072, ""},
      {4199999999, ""},
      {4200000000, "private-asn"},
      {4294967294, "private-asn"},
      {4294967295, "bogon-asn"},
  }));
  CAPTURE(c.asn);
  CHECK(names_of(problems_of(sequence_of({174, c.asn, 3356}))) == c.problems);
}

TEST_CASE("a path is too long above 100 AS numbers, confederations not counted nor looked at") {
  const std::vector<std::uint32_t> hundred(100, 174);
  std::vector<AsSegment> path = sequence_of(hundred);
  CHECK(problems_of(path).none());
  path.push_back({.type = SegmentType::confed_sequence, .asns = {Asn{65001}, Asn{64496}}});
  CHECK(problems_of(path).none());
  path.push_back({.type = SegmentType::set, .asns = {Asn{3356}}});
  CHECK(names_of(problems_of(path)) == "long-path");
}

TEST_CASE("OTC tells a leak by who the neighbour is, as RFC 9234 section 5 says") {
  struct Case {
    NeighborRole role;
    std::uint32_t otc;  // 0: none
    bool leak;
  };
  const auto c = GENERATE(values<Case>({
      {NeighborRole::provider, 0, false},
      {NeighborRole::provider, 3356, false},
      {NeighborRole::rs, 3356, false},
      {NeighborRole::customer, 0, false},
      {NeighborRole::customer, 174, true},
      {NeighborRole::rs_client, 174, true},
      {NeighborRole::peer, 0, false},
      {NeighborRole::peer, 174, false},
      {NeighborRole::peer, 3356, true},
  }));
  CAPTURE(static_cast<int>(c.role), c.otc);
  const Rib rib = rib_with_otc(c.otc, Asn{0});
  HygieneOptions options;
  options.other_role = c.role;
  RouteCheck check{rib, options};
  const Problems found = check.problems(rib.v4().keys[0].prefix(), rib.v4().routes[0]);
  CHECK(names_of(found) == (c.leak ? "otc-violation" : ""));
}

TEST_CASE("the role of an address goes before that of an AS, and iBGP has none") {
  const Rib rib = rib_with_otc(174, Asn{0});
  const auto found = [&](HygieneOptions options) {
    return names_of(RouteCheck{rib, std::move(options)}.problems(rib.v4().keys[0].prefix(),
                                                                 rib.v4().routes[0]));
  };
  HygieneOptions options;
  options.roles_by_asn[Asn{174}] = NeighborRole::customer;
  CHECK(found(options) == "otc-violation");
  options.roles[parse_address("192.0.2.1").value()] = NeighborRole::provider;
  CHECK(found(options).empty());

  const Rib internal = rib_with_otc(174, Asn{174});
  HygieneOptions customer;
  customer.other_role = NeighborRole::customer;
  CHECK(RouteCheck{internal, customer}
            .problems(internal.v4().keys[0].prefix(), internal.v4().routes[0])
            .none());
}

TEST_CASE("a route that RPKI finds invalid has that problem, and only with VRPs") {
  const Rib rib = rib_with_otc(0, Asn{0});
  const Prefix prefix = rib.v4().keys[0].prefix();
  const VrpSet other{{{.prefix = prefix, .max_length = 16, .asn = Asn{7}, .expires = 0}}};
  const VrpSet right{{{.prefix = prefix, .max_length = 16, .asn = Asn{174}, .expires = 0}}};
  RouteCheck none{rib, {}};
  CHECK(none.problems(prefix, rib.v4().routes[0]).none());
  CHECK_FALSE(none.rov(prefix, rib.v4().routes[0]).has_value());
  HygieneOptions options;
  options.vrps = &other;
  CHECK(names_of(RouteCheck{rib, options}.problems(prefix, rib.v4().routes[0])) == "rpki-invalid");
  options.vrps = &right;
  CHECK(RouteCheck{rib, options}.problems(prefix, rib.v4().routes[0]).none());
}

TEST_CASE("every problem has a name that reads back, in the order of its number") {
  std::size_t number = 0;
  for (const ProblemKind& kind : problem_kinds()) {
    CHECK(static_cast<std::size_t>(kind.problem) == number++);
    CHECK(parse_problem(kind.name) == kind.problem);
    CHECK(Problems::all().has(kind.problem));
  }
  CHECK_FALSE(parse_problem("bogon").has_value());
  CHECK(parse_neighbor_role("rs-client") == NeighborRole::rs_client);
  CHECK_FALSE(parse_neighbor_role("friend").has_value());
}
