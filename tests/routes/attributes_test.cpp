// SPDX-License-Identifier: Apache-2.0
#include "routes/sources/attributes.hpp"

#include <catch2/catch.hpp>

#include "routes/sources/as_path.hpp"
#include "tests/routes/mrt_builder.hpp"

using namespace strait;
using namespace strait::routes;
using namespace strait::testing;

namespace {

Octets narrow(std::initializer_list<unsigned> asns, unsigned type = 2) {
  Octets value;
  value.u8(type).u8(static_cast<unsigned>(asns.size()));
  for (const unsigned asn : asns) value.u16(asn);
  return value;
}

const AttributeContext from_table;
const AttributeContext external{.internal = false, .update = true, .wide_asns = true};
const AttributeContext internal{.internal = true, .update = true, .wide_asns = true};

}  // namespace

TEST_CASE("malformed attributes have the fate that RFC 7606 gives them, from either kind of peer") {
  using enum AttributeFate;
  struct Case {
    const char* what;
    unsigned flags;
    unsigned code;
    Octets value;
    AttributeFate from_external;
    AttributeFate from_internal;
  };
  const auto c = GENERATE(values<Case>({
      {"ORIGIN 3", 0x40, 1, {3}, withdraw, withdraw},
      {"ORIGIN of two octets", 0x40, 1, {0, 0}, withdraw, withdraw},
      {"AS_PATH of an unknown segment", 0x40, 2, sequence({1}, 5), withdraw, withdraw},
      {"AS_PATH of no members", 0x40, 2, {2, 0}, withdraw, withdraw},
      {"AS_PATH that overruns", 0x40, 2, {2, 2, 0, 0, 0, 1}, withdraw, withdraw},
      {"AS_PATH with a spare octet", 0x40, 2, {2}, withdraw, withdraw},
      {"AS_PATH with AS 0", 0x40, 2, sequence({1, 0}), withdraw, withdraw},
      {"NEXT_HOP of three octets", 0x40, 3, {1, 2, 3}, withdraw, withdraw},
      {"MED of one", 0x80, 4, {1}, withdraw, withdraw},
      {"LOCAL_PREF of none", 0x40, 5, {}, discard, withdraw},
      {"ATOMIC_AGGREGATE of one", 0x40, 6, {1}, discard, discard},
      {"AGGREGATOR of six", 0xc0, 7, {1, 2, 3, 4, 5, 6}, discard, discard},
      {"COMMUNITIES of three", 0xc0, 8, {1, 2, 3}, withdraw, withdraw},
      {"COMMUNITIES of none", 0xc0, 8, {}, withdraw, withdraw},
      {"ORIGINATOR_ID of three", 0x80, 9, {1, 2, 3}, discard, withdraw},
      {"CLUSTER_LIST of none", 0x80, 10, {}, discard, withdraw},
      {"MP_REACH_NLRI cut short", 0x80, 14, {0, 2, 1, 16, 1}, reset, reset},
      {"MP_UNREACH_NLRI cut short", 0x80, 15, {0, 2}, reset, reset},
      {"extended communities of seven", 0xc0, 16, {1, 2, 3, 4, 5, 6, 7}, withdraw, withdraw},
      {"IPv6 extended communities of one", 0xc0, 25, {1}, withdraw, withdraw},
      {"large communities of four", 0xc0, 32, {1, 2, 3, 4}, withdraw, withdraw},
      {"ONLY_TO_CUSTOMER of two", 0xc0, 35, {1, 2}, withdraw, withdraw},
      {"COMMUNITIES that are not optional", 0x40, 8, {0, 1, 0, 2}, withdraw, withdraw},
      {"ORIGIN that is not transitive", 0x00, 1, {0}, withdraw, withdraw},
      {"an unknown well-known one", 0x40, 99, {1}, reset, reset},
      {"an unknown optional one", 0xc0, 99, {1}, use, use},
  }));
  CAPTURE(c.what);
  Octets attributes;
  if (c.code != 1) attributes.add(origin());
  if (c.code != 2) attributes.add(as_path(sequence({65001})));
  if (c.code != 3) attributes.add(next_hop("192.0.2.1"));
  attributes.add(attribute(c.flags, c.code, c.value));
  AttributeReader reader;
  for (const bool inside : {false, true}) {
    CAPTURE(inside);
    const auto outcome = reader.read(attributes.span(), inside ? internal : external, true);
    const AttributeFate want = inside ? c.from_internal : c.from_external;
    CHECK(outcome.fate == (want == discard ? use : want));
    CHECK(reader.discarded().size() == (want == discard ? 1U : 0U));
    CHECK(outcome.reason.empty() == (outcome.fate == use));
  }
}

TEST_CASE("of several errors the strongest counts, and a second copy is passed over") {
  const Octets base =
      Octets{}.add(origin()).add(as_path(sequence({65001}))).add(next_hop("192.0.2.1"));
  AttributeReader reader;
  const Octets both = Octets{base}.add(attribute(0x80, 4, {1})).add(attribute(0x80, 15, {0}));
  CHECK(reader.read(both.span(), external, true).fate == AttributeFate::reset);
  CHECK(reader.read(both.span(), from_table).fate == AttributeFate::withdraw);
  const Octets turned = Octets{attribute(0x80, 15, {0})}.add(attribute(0x80, 4, {1})).add(base);
  CHECK(reader.read(turned.span(), external, true).reason == "malformed MP_UNREACH_NLRI");

  const Octets twice = Octets{base}.add(origin(2));
  CHECK(reader.read(twice.span(), from_table).fate == AttributeFate::use);
  CHECK(reader.discarded().size() == 1);
  CHECK(reader.head().origin == Origin::igp);
  CHECK(std::ranges::equal(reader.octets(NlriPlace::rib_entry), base.span()));

  const Octets cut = Octets{base}.add({0x40, 99, 200, 1});
  CHECK(reader.read(cut.span(), external, true).reason == "an attribute runs past the end");
}

TEST_CASE("from another AS an UPDATE's LOCAL_PREF counts nothing, in a table it does") {
  const Octets attributes = Octets{plain_attributes()}.add(attribute(0x40, 5, Octets{}.u32(200)));
  AttributeReader reader;
  REQUIRE(reader.read(attributes.span(), external, true).fate == AttributeFate::use);
  CHECK_FALSE(decode_attributes(reader.octets(NlriPlace::plain)).local_pref);
  CHECK(reader.discarded().size() == 1);
  REQUIRE(reader.read(attributes.span(), internal, true).fate == AttributeFate::use);
  CHECK(decode_attributes(reader.octets(NlriPlace::plain)).local_pref == LocalPref{200});
  REQUIRE(reader.read(attributes.span(), from_table).fate == AttributeFate::use);
  CHECK(reader.head().local_pref == 200);
}

TEST_CASE("every attribute that is known is decoded, and others are kept as they came") {
  Octets attributes = Octets{}.add(origin(1));
  attributes.add(as_path(Octets{sequence({65001, 65002})}
                             .add(sequence({3, 4}, 1))
                             .add(sequence({5}, 3))
                             .add(sequence({6, 7}, 4))));
  attributes.add(next_hop("192.0.2.9")).add(attribute(0x80, 4, Octets{}.u32(50)));
  attributes.add(attribute(0x40, 5, Octets{}.u32(120))).add(attribute(0x40, 6, {}));
  attributes.add(attribute(0xc0, 7, Octets{}.u32(65002).address("10.0.0.1")));
  attributes.add(attribute(0xc0, 8, Octets{}.u32(0xfde80001)));
  attributes.add(attribute(0x80, 9, Octets{}.u32(9)))
      .add(attribute(0x80, 10, Octets{}.u32(1).u32(2)));
  attributes.add(attribute(0xc0, 16, Octets{}.u32(0x0002fde8).u32(100)));
  Octets v6_community;
  for (unsigned i = 0; i < 20; ++i) v6_community.u8(i);
  attributes.add(attribute(0xc0, 25, v6_community));
  attributes.add(attribute(0xc0, 32, Octets{}.u32(65001).u32(2).u32(3)));
  attributes.add(attribute(0xc0, 35, Octets{}.u32(65001))).add(attribute(0xe0, 99, {1, 2}));
  AttributeReader reader;
  REQUIRE(reader.read(attributes.span(), from_table).fate == AttributeFate::use);
  const PathAttributes all = decode_attributes(reader.octets(NlriPlace::rib_entry));
  CHECK(all.origin == Origin::egp);
  CHECK(to_string(all.as_path) == "65001 65002 {3,4} (5) [6,7]");
  CHECK(all.next_hop.to_string() == "192.0.2.9");
  CHECK(all.med == Med{50});
  CHECK(all.local_pref == LocalPref{120});
  CHECK(all.atomic_aggregate);
  CHECK(all.aggregator == Aggregator{Asn{65002}, parse_address("10.0.0.1").value()});
  CHECK(all.communities == std::vector<std::uint32_t>{0xfde80001});
  CHECK(all.originator_id == 9U);
  CHECK(all.cluster_list == std::vector<std::uint32_t>{1, 2});
  CHECK(all.extended_communities == std::vector<std::uint64_t>{0x0002fde800000064});
  REQUIRE(all.ipv6_extended_communities.size() == 1);
  CHECK(all.ipv6_extended_communities[0][19] == 19);
  CHECK(all.large_communities == std::vector{LargeCommunity{65001, 2, 3}});
  CHECK(all.only_to_customer == Asn{65001});
  REQUIRE(all.unknown.size() == 1);
  CHECK(all.unknown[0] == UnknownAttribute{0xe0, 99, {std::byte{1}, std::byte{2}}});
  CHECK(reader.head().as_path_length == 3);
  CHECK(reader.head().cluster_list_length == 2);
}

TEST_CASE("AS4_PATH and AS_PATH are merged by RFC 6793 section 4.2.3") {
  struct Case {
    const char* what;
    Octets path;
    Octets path4;         // empty: none
    unsigned aggregator;  // 0: none
    const char* merged;
    std::uint32_t length;
  };
  const auto c = GENERATE(values<Case>({
      {"no AS4_PATH", narrow({65001, 23456}), {}, 0, "65001 23456", 2},
      {"the rear is replaced", narrow({65001, 23456, 23456}), sequence({70001, 70002}), 0,
       "65001 70001 70002", 3},
      {"as long as AS_PATH", narrow({23456, 23456}), sequence({70001, 70002}), 0, "70001 70002", 2},
      {"longer than AS_PATH: ignored", narrow({23456}), sequence({70001, 70002}), 0, "23456", 1},
      {"a set counts one", Octets{narrow({65001})}.add(narrow({1, 2}, 1)), sequence({70001}), 0,
       "65001 70001", 2},
      {"leading confederation segments stay", Octets{narrow({9}, 3)}.add(narrow({65001, 23456})),
       sequence({70001}), 0, "(9) 65001 70001", 2},
      {"confederation segments of AS4_PATH go", narrow({65001, 23456}),
       Octets{sequence({8}, 3)}.add(sequence({70001})), 0, "65001 70001", 2},
      {"an AGGREGATOR that is not AS_TRANS: both AS4 attributes are ignored",
       narrow({65001, 23456}), sequence({70001}), 65009, "65001 23456", 2},
      {"an AGGREGATOR that is AS_TRANS", narrow({65001, 23456}), sequence({70001}), 23456,
       "65001 70001", 2},
  }));
  CAPTURE(c.what);
  Octets attributes = Octets{}.add(origin()).add(as_path(c.path)).add(next_hop("192.0.2.1"));
  if (c.aggregator != 0) {
    attributes.add(attribute(0xc0, 7, Octets{}.u16(c.aggregator).address("10.0.0.1")));
    attributes.add(attribute(0xc0, 18, Octets{}.u32(70009).address("10.0.0.2")));
  }
  if (c.path4.size() > 0) attributes.add(attribute(0xc0, 17, c.path4));
  AttributeReader reader;
  REQUIRE(reader.read(attributes.span(), {.wide_asns = false}).fate == AttributeFate::use);
  const PathAttributes all = decode_attributes(reader.octets(NlriPlace::rib_entry));
  CHECK(to_string(all.as_path) == c.merged);
  CHECK(reader.head().as_path_length == c.length);
  CHECK(all.unknown.empty());
  if (c.aggregator == 0) return;
  CHECK(all.aggregator->asn == Asn{c.aggregator == 23456 ? 70009U : c.aggregator});
}

TEST_CASE("a four-octet peer's AS4_PATH is dropped and said so") {
  const Octets attributes = Octets{plain_attributes()}.add(attribute(0xc0, 17, sequence({70001})));
  AttributeReader reader;
  REQUIRE(reader.read(attributes.span(), from_table).fate == AttributeFate::use);
  CHECK(reader.discarded().size() == 1);
  CHECK(std::ranges::equal(reader.octets(NlriPlace::rib_entry), plain_attributes().span()));
}

TEST_CASE("in an UPDATE each next hop belongs to the routes that it stands with") {
  Octets reach = Octets{}.u16(2).u8(1).u8(32).address("2001:db8::1").address("fe80::1").u8(0);
  reach.u8(32).u32(0x20010db8);
  const Octets attributes = Octets{plain_attributes()}.add(attribute(0x80, 14, reach));
  AttributeReader reader;
  REQUIRE(reader.read(attributes.span(), external, true).fate == AttributeFate::use);
  CHECK(decode_attributes(reader.octets(NlriPlace::plain)).next_hop.to_string() == "192.0.2.1");
  const PathAttributes v6 = decode_attributes(reader.octets(NlriPlace::reach));
  CHECK(v6.next_hop.to_string() == "2001:db8::1");
  CHECK(v6.link_local_next_hop->to_string() == "fe80::1");
  REQUIRE(reader.reach());
  CHECK(reader.reach()->afi == 2);
  CHECK(reader.reach()->nlri.size() == 5);
}
