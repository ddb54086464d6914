// SPDX-License-Identifier: Apache-2.0
#include "routes/sources/bmp.hpp"

#include <catch2/catch.hpp>

#include "routes/bmp_router.hpp"
#include "tests/routes/bmp_builder.hpp"

using namespace strait;
using namespace strait::routes;
using namespace strait::testing;

namespace {

const WallTime noon{std::chrono::hours{12}};
const Octets ten{8, 10};
const Octets ten_one{16, 10, 1};

// A router that has heard these messages, cut as they come.
class Station {
 public:
  bool hear(const Octets& octets, std::size_t piece = 1U << 20U) {
    const auto all = octets.span();
    bool going = true;
    for (std::size_t at = 0; at < all.size(); at += piece) {
      stream.add(all.subspan(at, std::min(piece, all.size() - at)));
      while (const auto message = stream.next()) going = router.take(*message, noon);
    }
    return going;
  }
  // "10.0.0.0/8 192.0.2.1 65001 64496" of each route.
  std::vector<std::string> routes(BmpTable table = BmpTable::pre_policy) {
    const Rib rib = router.snapshot(table);
    std::vector<std::string> found;
    rib.for_each([&](const RibEntry& entry) {
      for (const RibRoute& route : entry.routes) {
        std::string text = to_string(entry.prefix) + " " + rib.peer(route).address.to_string();
        if (route.path_id != 0) text += " #" + std::to_string(route.path_id);
        const PathAttributes all = rib.decode(route);
        text += " " + to_string(all.as_path);
        if (all.local_pref) text += " lp" + std::to_string(all.local_pref->value());
        found.push_back(text);
      }
    });
    return found;
  }

  BmpStream stream;
  BmpRouter router{parse_address("192.0.2.254").value()};
};

using Routes = std::vector<std::string>;

Octets announce(const BmpHeader& header, const Octets& nlri) {
  return monitoring(header, update(nlri, plain_attributes()));
}
Octets end_of_rib(const BmpHeader& header) { return monitoring(header, update({}, {})); }

// IPv6 routes, in MP_REACH_NLRI.
Octets announce_v6(const BmpHeader& header, const Octets& nlri) {
  Octets reach;
  reach.u16(2).u8(1).u8(16).address("2001:db8::1").u8(0).add(nlri);
  return monitoring(
      header,
      update(
          {},
          Octets{}.add(origin()).add(as_path(sequence({65001}))).add(attribute(0x80, 14, reach))));
}

}  // namespace

TEST_CASE("a BMP stream is the same in whatever pieces it comes") {
  const Octets all = Octets{}
                         .add(bmp_message(4, tlv(2, "rtr-1").add(tlv(1, "FRR"))))
                         .add(peer_up())
                         .add(announce({}, ten))
                         .add(end_of_rib({}));
  const std::size_t piece = GENERATE(1U, 2U, 5U, 6U, 47U, 48U, 1000U);
  Station station;
  CHECK(station.hear(all, piece));
  CHECK(station.router.name() == "rtr-1");
  CHECK(station.router.description() == "FRR");
  CHECK(station.routes() == Routes{"10.0.0.0/8 192.0.2.1 65001 64496"});
  CHECK(station.router.complete());
  CHECK_FALSE(station.stream.amid_message());
  CHECK(station.router.report().damaged == 0);
}

TEST_CASE("octets that are no BMP end the session and take no memory") {
  struct Case {
    Octets octets;
    const char* trouble;
  };
  const auto c = GENERATE(values<Case>({
      {Octets{}.u8(2).u32(6).u8(4), "version 2: want 3"},
      {Octets{}.u8(3).u32(5).u8(4), "of 5 octets: want 6 to"},
      {Octets{}.u8(3).u32(47).u8(0), "of 47 octets: want 48 to"},
      {Octets{}.u8(3).u32(0xffffffff).u8(4), "of 4294967295 octets: want 6 to 1048576"},
      {Octets{}.u8('G').u8('E').u8('T').u8(' ').u8('/').u8(' '), "version 71"},
  }));
  Station station;
  station.hear(Octets{}.add(peer_up()).add(c.octets));
  CHECK_THAT(station.stream.trouble(), Catch::Contains(c.trouble));
  CHECK(station.router.peers().size() == 1);
  station.hear(announce({}, ten));  // nothing is read behind it
  CHECK(station.router.report().messages == 1);
}

TEST_CASE("each of the five tables is a RIB of its own") {
  const BmpHeader loc_rib{.type = 3, .flags = 0x80, .address = "0.0.0.0", .asn = 64500};
  Station station;
  station.hear(Octets{}.add(peer_up()).add(peer_up(loc_rib)));
  const auto with_flags = [](unsigned flags) { return BmpHeader{.flags = flags}; };
  station.hear(Octets{}
                   .add(announce(with_flags(0), Octets{8, 1}))
                   .add(announce(with_flags(0x40), Octets{8, 2}))
                   .add(announce(with_flags(0x10), Octets{8, 3}))
                   .add(announce(with_flags(0x50), Octets{8, 4}))
                   .add(announce(loc_rib, Octets{8, 5})));
  CHECK(station.routes(BmpTable::pre_policy) == Routes{"1.0.0.0/8 192.0.2.1 65001 64496"});
  CHECK(station.routes(BmpTable::post_policy) == Routes{"2.0.0.0/8 192.0.2.1 65001 64496"});
  CHECK(station.routes(BmpTable::out_pre_policy) == Routes{"3.0.0.0/8 192.0.2.1 65001 64496"});
  CHECK(station.routes(BmpTable::out_post_policy) == Routes{"4.0.0.0/8 192.0.2.1 65001 64496"});
  // The router stands for the peer.
  CHECK(station.routes(BmpTable::loc_rib) == Routes{"5.0.0.0/8 192.0.2.254 65001 64496"});
  CHECK(station.router.peers().back()->header.filtered);
}

TEST_CASE("routes come, change and go as their UPDATEs say") {
  Station station;
  station.hear(Octets{}.add(peer_up()).add(announce({}, Octets{}.add(ten).add(ten_one))));
  CHECK(station.routes().size() == 2);
  station.hear(monitoring(
      {},
      update(
          ten,
          Octets{}.add(origin()).add(as_path(sequence({65001, 7}))).add(next_hop("192.0.2.1")))));
  CHECK(station.routes().front() == "10.0.0.0/8 192.0.2.1 65001 7");
  station.hear(monitoring({}, update({}, {}, ten)));
  CHECK(station.routes() == Routes{"10.1.0.0/16 192.0.2.1 65001 64496"});
  station.hear(monitoring({}, update({}, {}, ten)));  // RFC 7854 section 9: of an unknown route
  CHECK(station.routes().size() == 1);
  CHECK(station.router.report().withdrawn == 2);
  CHECK(station.router.report().damaged == 0);
}

TEST_CASE("a peer that goes down takes its routes along, from every table") {
  const BmpHeader other{.address = "192.0.2.2", .asn = 65002, .bgp_id = 2};
  const Octets down = GENERATE(peer_down(), peer_down({}, Octets{}.u8(2).u16(24)),
                               peer_down({}, {}), peer_up());  // anew without a word
  Station station;
  station.hear(Octets{}
                   .add(peer_up())
                   .add(peer_up(other))
                   .add(announce({}, ten))
                   .add(announce({.flags = 0x40}, ten))
                   .add(announce(other, ten)));
  station.hear(down);
  CHECK(station.routes() == Routes{"10.0.0.0/8 192.0.2.2 65001 64496"});
  CHECK(station.routes(BmpTable::post_policy).empty());
  station.hear(Octets{}.add(peer_up()).add(announce({}, ten_one)));
  CHECK(station.routes() ==
        Routes{"10.0.0.0/8 192.0.2.2 65001 64496", "10.1.0.0/16 192.0.2.1 65001 64496"});
}

TEST_CASE("peers that flap a thousand times leave neither routes nor peers behind") {
  Station station;
  for (int i = 0; i < 1000; ++i) {
    station.hear(Octets{}.add(peer_up()).add(announce({}, ten)).add(peer_down()));
  }
  CHECK(station.routes().empty());
  REQUIRE(station.router.peers().size() == 1);
  CHECK(station.router.peers().front()->ups == 1000);
  CHECK_FALSE(station.router.complete());
}

TEST_CASE("a dump is complete when all that are up have told their tables to the end") {
  const BmpHeader other{.address = "2001:db8::2", .asn = 65002, .bgp_id = 2};
  Station station;
  CHECK_FALSE(station.router.complete());
  station.hear(Octets{}.add(peer_up()).add(peer_up(other)));
  CHECK_FALSE(station.router.complete());
  station.hear(Octets{}.add(announce({}, ten)).add(end_of_rib({})));
  CHECK_FALSE(station.router.complete());  // the other one has told nothing
  station.hear(announce_v6(other, Octets{}.u8(32).u16(0x2001).u16(0xdb8)));
  CHECK_FALSE(station.router.complete());
  station.hear(monitoring(other, update({}, attribute(0x80, 15, Octets{}.u16(2).u8(1)))));
  CHECK(station.router.complete());
  CHECK(station.router.peers().back()->has_ended(BmpTable::pre_policy, true));
  CHECK_FALSE(station.router.peers().back()->has_ended(BmpTable::pre_policy, false));
  station.hear(announce({.flags = 0x40}, ten));  // another table has begun
  CHECK_FALSE(station.router.complete());
  station.hear(Octets{}.add(peer_down()));
  CHECK(station.router.complete());  // RFC 7854 section 3.3: it has nothing more to tell
}

TEST_CASE("path ids are read where both ends agreed on them, in that direction") {
  struct Case {
    unsigned sent;
    unsigned received;
    bool in;
    bool out;
  };
  // Modes of RFC 7911 section 4: 1 receives, 2 sends, 3 both; 4 is none.
  const auto c = GENERATE(values<Case>({{0, 0, false, false},
                                        {1, 2, true, false},
                                        {3, 3, true, true},
                                        {2, 1, false, true},
                                        {1, 1, false, false},
                                        {4, 3, false, false},
                                        {3, 0, false, false}}));
  CAPTURE(c.sent, c.received);
  const Octets with_id = Octets{}.u32(7).add(ten);
  Station station;
  station.hear(peer_up({}, c.sent, c.received));
  station.hear(announce({}, c.in ? with_id : ten));
  station.hear(announce({.flags = 0x10}, c.out ? with_id : ten));
  CHECK(station.routes() ==
        Routes{c.in ? "10.0.0.0/8 192.0.2.1 #7 65001 64496" : "10.0.0.0/8 192.0.2.1 65001 64496"});
  CHECK(station.routes(BmpTable::out_pre_policy) ==
        Routes{c.out ? "10.0.0.0/8 192.0.2.1 #7 65001 64496" : "10.0.0.0/8 192.0.2.1 65001 64496"});
  CHECK(station.router.report().damaged == 0);
}

TEST_CASE("a Loc-RIB has path ids if its OPEN has the capability at all") {
  const BmpHeader loc_rib{.type = 3, .address = "0.0.0.0", .asn = 64500};
  Station station;
  station.hear(peer_up(loc_rib, 1, 1, tlv(3, "global")));
  station.hear(announce(loc_rib, Octets{}.u32(7).add(ten)));
  CHECK(station.routes(BmpTable::loc_rib) == Routes{"10.0.0.0/8 192.0.2.254 #7 65001 64496"});
  REQUIRE(station.router.peers().size() == 1);
  CHECK(station.router.peers().front()->table_names == std::vector<std::string>{"global"});
  // RFC 9069 section 6.1.1: another Peer Up, of another family, is no restart.
  station.hear(peer_up(loc_rib, 1, 1));
  CHECK(station.routes(BmpTable::loc_rib).size() == 1);
}

TEST_CASE("a Loc-RIB that comes without a Peer Up counts, and that is said") {
  const BmpHeader loc_rib{.type = 3, .address = "0.0.0.0", .asn = 64500};
  Station station;
  station.hear(Octets{}.add(announce(loc_rib, ten)).add(announce(loc_rib, ten_one)));
  CHECK(station.routes(BmpTable::loc_rib).size() == 2);
  CHECK(station.router.report().skipped.at("a Loc-RIB without a Peer Up") == 1);
  CHECK(station.router.report().damaged == 0);
  station.hear(peer_down(loc_rib, {6}));
  CHECK(station.routes(BmpTable::loc_rib).empty());
}

TEST_CASE("FRR's own AS in front of what it heard is taken away, and nobody else's") {
  struct Case {
    const char* description;
    unsigned flags;
    std::uint32_t first;
    std::uint32_t second;
    const char* path;
    BmpTable table = BmpTable::pre_policy;
  };
  const auto c = GENERATE(values<Case>({
      {"FRRouting 8.4.4", 0, 64500, 65001, "65001 7", BmpTable::pre_policy},
      {"FRRouting 8.4.4", 0x40, 64500, 65001, "65001 7", BmpTable::post_policy},
      // What it tells: rightly there.
      {"FRRouting 8.4.4", 0x10, 64500, 65001, "64500 65001 7", BmpTable::out_pre_policy},
      {"FRRouting 8.4.4", 0, 64500, 65002, "64500 65002 7", BmpTable::pre_policy},
      {"FRRouting 8.4.4", 0, 65001, 64500, "65001 64500 7", BmpTable::pre_policy},
      {"Junos", 0, 64500, 65001, "64500 65001 7", BmpTable::pre_policy},
  }));
  const Octets octets = Octets{}
                            .add(origin())
                            .add(as_path(sequence({c.first, c.second, 7})))
                            .add(next_hop("192.0.2.1"));
  Station station;
  station.hear(Octets{}
                   .add(bmp_message(4, tlv(1, c.description)))
                   .add(peer_up())
                   .add(monitoring({.flags = c.flags}, update(ten, octets))));
  CHECK(station.routes(c.table) == Routes{std::string{"10.0.0.0/8 192.0.2.1 "} + c.path});
  CHECK(station.router.report().damaged == 0);
}

TEST_CASE("AS numbers of two octets are read where the header says so") {
  Octets narrow;
  narrow.u8(2).u8(2).u16(65001).u16(64496);
  const Octets octets = Octets{}.add(origin()).add(as_path(narrow)).add(next_hop("192.0.2.1"));
  Station station;
  station.hear(Octets{}.add(peer_up()).add(monitoring({.flags = 0x20}, update(ten, octets))));
  CHECK(station.routes() == Routes{"10.0.0.0/8 192.0.2.1 65001 64496"});
}

TEST_CASE("LOCAL_PREF of an external peer counts behind the policy and not before it") {
  const Octets octets = Octets{}.add(plain_attributes()).add(attribute(0x40, 5, Octets{}.u32(200)));
  Station station;
  station.hear(Octets{}
                   .add(peer_up())
                   .add(monitoring({}, update(ten, octets)))
                   .add(monitoring({.flags = 0x40}, update(ten, octets))));
  CHECK(station.routes() == Routes{"10.0.0.0/8 192.0.2.1 65001 64496"});
  CHECK(station.routes(BmpTable::post_policy) == Routes{"10.0.0.0/8 192.0.2.1 65001 64496 lp200"});
  CHECK(station.router.report().discarded == 1);
}

TEST_CASE("what makes no route is counted with its reason") {
  struct Case {
    Octets octets;
    const char* reason;
    bool damage;
  };
  const auto c = GENERATE(values<Case>({
      {announce({.address = "192.0.2.9"}, ten), "routes of a peer that is not up", true},
      {bmp_message(9, {1, 2, 3}), "messages of the unknown type 9", false},
      {peer_down({.address = "192.0.2.9"}), "a Peer Down of a peer that was not up", false},
      {peer_message(3, {}, {1, 2, 3}), "a Peer Up whose OPENs do not parse", true},
      {monitoring({}, {1, 2, 3}), "a BGP message whose length is not its record's", true},
      {monitoring({}, bgp_message(4, {})), "a Route Monitoring message without an UPDATE", true},
      {monitoring({}, update({33, 10}, plain_attributes())), "NLRI that does not parse", true},
      {peer_message(1, {}, Octets{}.u32(5).u16(0).u16(9)), "statistics that end early", true},
      {peer_message(6, {}, Octets{}.u16(1).u16(2).u16(1)), "mirrored messages", false},
      {bmp_message(4, Octets{}.u16(1).u16(9)), "an initiation that ends early", true},
  }));
  Station station;
  station.hear(Octets{}.add(peer_up()).add(announce({}, ten_one)).add(c.octets));
  const BmpReport& report = station.router.report();
  CAPTURE(c.reason);
  REQUIRE(report.skipped.size() == 1);
  CHECK(report.skipped.begin()->first == c.reason);
  CHECK((report.damaged > 0) == c.damage);
  CHECK(station.routes() == Routes{"10.1.0.0/16 192.0.2.1 65001 64496"});
}

TEST_CASE("routes of VRFs are counted and are not among those of the global instance") {
  const BmpHeader vrf{.type = 1, .distinguisher = 7};
  Station station;
  station.hear(Octets{}.add(peer_up()).add(peer_up(vrf)).add(announce(vrf, ten)));
  CHECK(station.routes().empty());
  CHECK(station.router.report().skipped.at("updates of peers in VRFs") == 1);
  CHECK(station.router.peers().size() == 2);
}

TEST_CASE("malformed attributes take the old route away") {
  Station station;
  station.hear(Octets{}.add(peer_up()).add(announce({}, ten)));
  const Octets broken = Octets{}
                            .add(attribute(0x40, 1, {9}))
                            .add(as_path(sequence({65001})))
                            .add(next_hop("192.0.2.1"));
  station.hear(monitoring({}, update(ten, broken)));
  CHECK(station.routes().empty());
  CHECK(station.router.report().damaged == 1);
}

TEST_CASE("statistics are kept as last reported, and what is not known of them is passed over") {
  Octets body;
  body.u32(4).u16(0).u16(4).u32(5).u16(7).u16(8).u32(1).u32(2);
  body.u16(9).u16(11).u16(1).u8(1).u32(0).u32(3).u16(999).u16(1).u8(0);
  Station station;
  station.hear(Octets{}.add(peer_up()).add(peer_message(1, {}, body)));
  const auto& found = station.router.peers().front()->statistics;
  CHECK(found == std::map<std::uint16_t, std::uint64_t>{{0, 5}, {7, 0x100000002}});
  CHECK(station.router.report().damaged == 0);
}

TEST_CASE("a termination says why, and nothing more is taken") {
  Station station;
  CHECK_FALSE(station.hear(bmp_message(5, Octets{}.u16(1).u16(2).u16(3).add(tlv(0, "bye\n")))));
  CHECK(station.router.ended() ==
        std::optional<std::string>{"the router ends the session: redundant connection: bye?"});
}

TEST_CASE("why a peer went down is said") {
  struct Case {
    Octets body;
    const char* text;
  };
  const auto c = GENERATE(values<Case>({
      {Octets{}.u8(1).add(bgp_message(3, {6, 2})),
       "the router closed the session: NOTIFICATION 6/2"},
      {Octets{}.u8(2).u16(24), "the router closed the session: FSM event 24"},
      {Octets{}.u8(3).add(bgp_message(3, {4, 0})), "the peer closed the session: NOTIFICATION 4/0"},
      {{4}, "the peer closed the session"},
      {{5}, "no longer monitored"},
      {{6}, "the router's own table is no longer sent"},
      {{77}, "reason 77"},
      {{}, "no reason given"},
  }));
  CHECK(bmp_down_reason(c.body.span()) == c.text);
}

TEST_CASE("a router with more peers than allowed, or too large tables, is cut off") {
  Station few;
  few.router = BmpRouter{Address{}, {.peers = 2, .memory = 1U << 30U}};
  for (unsigned i = 1; i <= 3; ++i) {
    const std::string address = "192.0.2." + std::to_string(i);
    few.hear(peer_up({.address = address}));
  }
  CHECK(few.router.peers().size() == 2);
  CHECK(few.router.report().skipped.at("more than 2 peers") == 1);

  Station small;
  small.router = BmpRouter{Address{}, {.peers = 2, .memory = 1000}};
  small.hear(peer_up());
  bool going = true;
  for (unsigned i = 0; i < 5000 && going; ++i) {
    going = small.hear(announce({}, Octets{}.u8(24).u8(10).u16(i)));
  }
  CHECK_FALSE(going);
  CHECK_THAT(small.router.ended().value_or(""), Catch::Contains("more than 1000 octets"));
}

TEST_CASE("updates for days do not fill the memory with attributes that nobody has any more") {
  Station station;
  station.hear(peer_up());
  std::size_t most = 0;
  for (std::uint32_t i = 0; i < 300'000; ++i) {
    const Octets octets =
        Octets{}.add(origin()).add(as_path(sequence({65001, i}))).add(next_hop("192.0.2.1"));
    station.hear(monitoring({}, update(ten, octets)));
    most = std::max(most, station.router.memory());
  }
  CHECK(station.routes() == Routes{"10.0.0.0/8 192.0.2.1 65001 299999"});
  CHECK(most < 40U << 20U);
}

TEST_CASE("a snapshot stays as it was while updates go on") {
  Station station;
  station.hear(Octets{}.add(peer_up()).add(announce({}, ten)));
  const Rib before = station.router.snapshot(BmpTable::pre_policy);
  for (std::uint32_t i = 0; i < 100'000; ++i) {
    station.hear(monitoring(
        {},
        update(
            ten,
            Octets{}.add(origin()).add(as_path(sequence({65001, i}))).add(next_hop("192.0.2.1")))));
  }
  const auto entry = before.entry(parse_prefix("10.0.0.0/8").value());
  REQUIRE(entry);
  CHECK(to_string(before.decode(entry->routes.front()).as_path) == "65001 64496");
  CHECK(before.route_count() == 1);
}
