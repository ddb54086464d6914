// SPDX-License-Identifier: Apache-2.0
#include <boost/iostreams/filter/bzip2.hpp>
#include <boost/iostreams/filter/zstd.hpp>
#include <catch2/catch.hpp>
#include <set>
#include <string>

#include "routes/sources/mrt.hpp"
#include "routes/sources/mrt_stream.hpp"
#include "tests/packed.hpp"
#include "tests/routes/mrt_builder.hpp"

using namespace strait;
using namespace strait::routes;
using namespace strait::testing;

namespace {

RibDump good(const Octets& octets, const MrtOptions& options = {}) {
  auto dump = read_mrt(octets.span(), options);
  if (!dump) FAIL(dump.error().message);
  return std::move(*dump);
}

// "prefix peer path-id AS-path", sorted.
std::multiset<std::string> lines(const Rib& rib) {
  std::multiset<std::string> all;
  rib.for_each([&](const RibEntry& entry) {
    for (const RibRoute& route : entry.routes) {
      all.insert(to_string(entry.prefix) + " " + rib.peer(route).address.to_string() + " " +
                 std::to_string(route.path_id) + " " + to_string(rib.decode(route).as_path));
    }
  });
  return all;
}

Octets message(const Octets& withdrawn, const Octets& attributes, const Octets& nlri) {
  Octets octets;
  for (int i = 0; i < 16; ++i) octets.u8(0xff);
  octets.u16(23 + withdrawn.size() + attributes.size() + nlri.size()).u8(2);
  octets.u16(withdrawn.size()).add(withdrawn).u16(attributes.size()).add(attributes).add(nlri);
  return octets;
}

// A BGP4MP record from 192.0.2.1, AS 65001 if not told, to AS 64500. `subtype` says how wide its
// ASNs are.
Octets bgp4mp(unsigned subtype, const Octets& content, unsigned type = 16,
              std::uint32_t asn = 65001) {
  const bool wide = subtype == 4 || subtype == 5 || subtype == 7 || subtype == 9 || subtype == 11;
  Octets body;
  if (type == 17) body.u32(250'000);
  if (wide) {
    body.u32(asn).u32(64500);
  } else {
    body.u16(asn).u16(64500);
  }
  body.u16(0).u16(1).address("192.0.2.1").address("192.0.2.254").add(content);
  return record(type, subtype, body);
}

const Octets ten{8, 10};
const Octets eleven{8, 11};
const Octets thirteen{8, 13};

Octets attributes_of(std::uint32_t asn) {
  return Octets{}.add(origin()).add(as_path(sequence({65001, asn}))).add(next_hop("192.0.2.1"));
}

// A route from either of two peers that differ in their identifier alone.
Octets table_of_one_peer_twice() {
  Octets peers;
  peers.u32(0x0a000001).u16(0).u16(2);
  peers.u8(2).u32(0x0a000002).address("192.0.2.1").u32(65001);
  peers.u8(2).u32(0x0a000009).address("192.0.2.1").u32(65001);
  return record(13, 1, peers)
      .add(rib(2, ten, {entry(0, plain_attributes()), entry(1, plain_attributes())}));
}

}  // namespace

TEST_CASE("updates announce, replace and withdraw routes over a table") {
  Octets file = peer_table();
  file.add(rib(2, ten, {entry(1, plain_attributes()), entry(2, plain_attributes())}));
  file.add(rib(2, eleven, {entry(1, plain_attributes())}));
  file.add(bgp4mp(4, message({}, attributes_of(7), Octets{ten}.add(thirteen))));
  file.add(bgp4mp(4, message(eleven, {}, {}), 17));
  const RibDump dump = good(file);
  CHECK(dump.report.complete());
  CHECK(lines(dump.rib) == std::multiset<std::string>{"10.0.0.0/8 192.0.2.1 0 65001 7",
                                                      "10.0.0.0/8 192.0.2.2 0 65001 64496",
                                                      "13.0.0.0/8 192.0.2.1 0 65001 7"});
  CHECK(dump.report.routes == 5);
  CHECK(dump.report.withdrawn == 1);
  CHECK(dump.rib.peers().size() == 4);  // the updates' peer is the table's
  CHECK(to_string(dump.taken) == "2023-11-14T22:13:20.250Z");
}

TEST_CASE("IPv6 routes come and go by MP_REACH_NLRI and MP_UNREACH_NLRI") {
  const Octets v6{32, 0x20, 0x01, 0x0d, 0xb8};
  Octets reach = Octets{}.u16(2).u8(1).u8(16).address("2001:db8::1").u8(0).add(v6);
  Octets announce =
      Octets{}.add(origin()).add(as_path(sequence({65001}))).add(attribute(0x80, 14, reach));
  const Octets file = bgp4mp(4, message({}, announce, {}));
  CHECK(lines(good(file).rib) == std::multiset<std::string>{"2001:db8::/32 192.0.2.1 0 65001"});
  const Octets gone = attribute(0x80, 15, Octets{}.u16(2).u8(1).add(v6));
  CHECK(good(Octets{file}.add(bgp4mp(4, message({}, gone, {})))).rib.route_count() == 0);
}

TEST_CASE("old speakers' two-octet paths, add-path and state changes are understood") {
  Octets path4 = Octets{}.add(origin()).add(as_path(Octets{}.u8(2).u8(2).u16(65001).u16(23456)));
  path4.add(next_hop("192.0.2.1")).add(attribute(0xc0, 17, sequence({70001})));
  Octets file = bgp4mp(1, message({}, path4, ten));
  file.add(bgp4mp(9, message({}, attributes_of(7), Octets{}.u32(5).add(eleven))));
  file.add(bgp4mp(9, message({}, attributes_of(8), Octets{}.u32(6).add(eleven))));
  CHECK(lines(good(file).rib) == std::multiset<std::string>{"10.0.0.0/8 192.0.2.1 0 65001 70001",
                                                            "11.0.0.0/8 192.0.2.1 5 65001 7",
                                                            "11.0.0.0/8 192.0.2.1 6 65001 8"});
  file.add(bgp4mp(9, message(Octets{}.u32(5).add(eleven), {}, {})));
  CHECK(good(file).rib.route_count() == 2);
  file.add(bgp4mp(5, Octets{}.u16(6).u16(1)));  // Established to Idle
  CHECK(good(file).rib.route_count() == 0);
  file.add(bgp4mp(5, Octets{}.u16(5).u16(6))).add(bgp4mp(4, message({}, attributes_of(7), ten)));
  CHECK(good(file).rib.route_count() == 1);
}

TEST_CASE(
    "a session that went down takes the routes along, whatever its record knows of the peer") {
  Octets table = table_of_one_peer_twice();
  const Octets down = Octets{}.u16(6).u16(1);  // Established to Idle
  struct Case {
    const char* what;
    unsigned subtype;
    std::uint32_t asn;
    std::size_t left;
  };
  const auto c = GENERATE(values<Case>({{"its AS", 5, 65001, 0},
                                        {"AS 0: the collector has forgotten it", 5, 0, 0},
                                        {"AS_TRANS in two octets", 0, 23456, 0},
                                        {"another AS", 5, 65002, 2}}));
  CAPTURE(c.what);
  const auto dump = good(table.add(bgp4mp(c.subtype, down, 16, c.asn)));
  CHECK(dump.rib.route_count() == c.left);
  CHECK(dump.rib.peers().size() == 2);  // a state change makes no peer
}

TEST_CASE("what the collector sent itself is no offer of the peer") {
  const RibDump dump = good(bgp4mp(7, message({}, attributes_of(7), ten)));
  CHECK(dump.rib.route_count() == 0);
  CHECK(dump.report.skipped.at("message that the collector sent itself") == 1);
  CHECK(dump.report.complete());
}

TEST_CASE("an UPDATE that is treated as a withdrawal takes the old route away") {
  Octets file = bgp4mp(4, message({}, attributes_of(7), Octets{ten}.add(eleven)));
  Octets bad = Octets{attributes_of(8)}.add(attribute(0x80, 4, {1}));
  file.add(bgp4mp(4, message({}, bad, ten)));
  const RibDump dump = good(file);
  CHECK(lines(dump.rib) == std::multiset<std::string>{"11.0.0.0/8 192.0.2.1 0 65001 7"});
  CHECK(dump.report.damaged == 1);
  CHECK(dump.report.damage.at(0).reason == "malformed MULTI_EXIT_DISC");
}

TEST_CASE("damaged updates are counted by reason") {
  struct Case {
    const char* reason;
    Octets record;
  };
  Octets bad_marker = message({}, attributes_of(7), ten);
  bad_marker.bytes()[3] = std::byte{0};
  Octets long_parts = message({}, attributes_of(7), ten);
  long_parts.bytes()[19] = std::byte{9};
  Octets bad_length = message({}, attributes_of(7), ten);
  bad_length.bytes()[17] = std::byte{200};
  const auto c = GENERATE_COPY(values<Case>({
      {"a BGP message without its marker", bgp4mp(4, bad_marker)},
      {"an UPDATE whose parts are longer than it is", bgp4mp(4, long_parts)},
      {"a BGP message whose length is not its record's", bgp4mp(4, bad_length)},
      {"NLRI that does not parse", bgp4mp(4, message({}, attributes_of(7), {40, 1}))},
      {"withdrawn routes that do not parse", bgp4mp(4, message({33, 1, 2, 3, 4, 5}, {}, {}))},
      {"a BGP4MP record ends early", record(16, 4, {0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 1, 1})},
      {"BGP4MP with addresses of an unknown family",
       record(16, 4, {0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 9, 1})},
      {"no next hop", bgp4mp(4, message({}, Octets{}.add(origin()).add(as_path({})), ten))},
  }));
  CAPTURE(c.reason);
  const RibDump dump = good(Octets{c.record}.add(bgp4mp(4, message({}, attributes_of(7), eleven))));
  CHECK(dump.report.skipped.at(c.reason) == 1);
  CHECK(dump.report.damaged == 1);
  CHECK(dump.rib.route_count() == 1);
}

TEST_CASE("TABLE_DUMP, one route a record, is read with its two-octet AS numbers") {
  Octets attributes = Octets{}.add(origin()).add(as_path(Octets{}.u8(2).u8(1).u16(65001)));
  attributes.add(next_hop("192.0.2.1"));
  const auto old = [&](const char* peer, unsigned asn) {
    return record(12, 1,
                  Octets{}
                      .u16(0)
                      .u16(1)
                      .address("198.51.100.0")
                      .u8(24)
                      .u8(1)
                      .u32(1)
                      .address(peer)
                      .u16(asn)
                      .u16(attributes.size())
                      .add(attributes));
  };
  const RibDump dump = good(
      Octets{old("192.0.2.1", 65001)}.add(old("192.0.2.2", 65002)).add(old("192.0.2.1", 65001)));
  CHECK(lines(dump.rib) == std::multiset<std::string>{"198.51.100.0/24 192.0.2.1 0 65001",
                                                      "198.51.100.0/24 192.0.2.2 0 65001"});
  CHECK(dump.report.routes == 3);
  const RibDump cut = good(Octets{old("192.0.2.1", 1)}.add(record(12, 1, {1, 2, 3})));
  CHECK(cut.report.skipped.at("a TABLE_DUMP record ends early") == 1);
}

TEST_CASE("peers of all tables are kept, each by address, AS and identifier") {
  Octets other;
  other.u32(0x0a000001).u16(0).u16(2);
  other.u8(2).u32(0x0a000002).address("192.0.2.1").u32(65001);
  other.u8(2).u32(0x0a000009).address("192.0.2.1").u32(65001);
  Octets file = Octets{peer_table()}.add(rib(2, ten, {entry(1, plain_attributes())}));
  file.add(record(13, 1, other))
      .add(rib(2, eleven, {entry(0, plain_attributes()), entry(1, plain_attributes())}));
  const RibDump dump = good(file, {.site_asn = Asn{65002}});
  CHECK(dump.rib.peers().size() == 5);
  CHECK(dump.rib.route_count() == 3);
  CHECK(dump.rib.peer(dump.rib.candidates(parse_prefix("10.0.0.0/8").value())[0]).bgp_id ==
        0x0a000002);
  CHECK(std::ranges::count_if(dump.rib.peers(), &RibPeer::internal) == 1);
}

TEST_CASE("behind a damaged record reading goes on at the next two that follow one another") {
  struct Case {
    const char* what;
    std::uint32_t length;  // that the second record's header claims
    std::size_t routes;
  };
  Octets tail;
  for (unsigned i = 0; i < 5; ++i) {
    tail.add(rib(2, Octets{8, 20 + i}, {entry(1, plain_attributes())}));
  }
  const Octets whole = rib(2, ten, {entry(1, plain_attributes())});
  const auto c = GENERATE_COPY(values<Case>({
      {"its length is too small", whole.size() - 12 - 5, 5},
      {"it takes a part of the next record along", whole.size() - 12 + 5, 5},
      {"it takes two records along", 3 * whole.size() - 12 + 3, 6},
      {"it is longer than the file", 5'000'000, 5},
      {"it is longer than any record", 0xfffffff0, 5},
  }));
  CAPTURE(c.what);
  Octets broken = whole;
  for (unsigned i = 0; i < 4; ++i) {
    broken.bytes()[8 + i] = static_cast<std::byte>(c.length >> (24 - 8 * i) & 0xffU);
  }
  const RibDump dump = good(Octets{peer_table()}.add(broken).add(tail));
  CHECK(lines(dump.rib).size() >= 5);
  CHECK_FALSE(dump.report.complete());
  CHECK(dump.report.damage.at(0).offset == peer_table().size());
  for (unsigned i = 0; i < 5; ++i) {
    CAPTURE(i);
    const auto prefix = parse_prefix(std::to_string(20 + i) + ".0.0.0/8").value();
    CHECK(dump.rib.candidates(prefix).size() == 1);
  }
}

TEST_CASE("noise between records is passed over and its place is told") {
  Octets file = Octets{peer_table()}.add(rib(2, ten, {entry(1, plain_attributes())}));
  const unsigned where = file.size();
  for (unsigned i = 0; i < 1000; ++i) file.u8(i * 7 % 251);
  const unsigned again = file.size();
  file.add(rib(2, eleven, {entry(1, plain_attributes())}))
      .add(rib(2, thirteen, {entry(1, plain_attributes())}));
  const RibDump dump = good(file);
  CHECK(dump.rib.route_count() == 3);
  REQUIRE(dump.report.damage.size() == 1);
  CHECK(dump.report.damage[0].offset == where);
  CHECK_THAT(dump.report.damage[0].reason,
             Catch::EndsWith("; records go on at octet " + std::to_string(again)));
}

TEST_CASE("a table that takes more memory than it may is an error") {
  Octets file = peer_table();
  for (unsigned i = 0; i < 9000; ++i) {
    Octets attributes = Octets{plain_attributes()}.add(attribute(0x80, 4, Octets{}.u32(i)));
    file.add(rib(2, Octets{24, 10, i >> 8U, i & 0xffU}, {entry(1, attributes)}));
  }
  const auto dump = read_mrt(file.span(), {.site_asn = Asn{0}, .max_memory = 100'000});
  REQUIRE_FALSE(dump);
  CHECK(dump.error().message == "the routes take more than 100000 octets of memory");
  CHECK(read_mrt(file.span()));
}

TEST_CASE("bzip2 and zstd are unpacked by their content, and members that follow one another too") {
  namespace io = boost::iostreams;
  const Octets first = Octets{peer_table()}.add(rib(2, ten, {entry(1, plain_attributes())}));
  const Octets second = rib(2, eleven, {entry(1, plain_attributes())});
  const auto pack = [&](const auto& compressor) {
    auto file = testing::packed(first.span(), compressor);
    const auto more = testing::packed(second.span(), compressor);
    file.insert(file.end(), more.begin(), more.end());
    return file;
  };
  for (const auto& packed : {pack(io::bzip2_compressor{}), pack(io::zstd_compressor{})}) {
    const auto dump = read_mrt(packed);
    if (!dump) FAIL(dump.error().message);
    CHECK(dump->report.complete());
    CHECK(dump->rib.route_count() == 2);
    const auto cut = read_mrt(std::span{packed}.first(packed.size() - 5));
    CHECK((!cut || !cut->report.complete()));
  }
}
