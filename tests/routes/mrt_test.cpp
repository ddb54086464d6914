// SPDX-License-Identifier: Apache-2.0
#include "routes/sources/mrt.hpp"

#include <boost/iostreams/filter/gzip.hpp>
#include <catch2/catch.hpp>
#include <random>
#include <string>

#include "core/sanitizer.hpp"
#include "routes/sources/byte_source.hpp"
#include "tests/packed.hpp"
#include "tests/routes/mrt_builder.hpp"

using namespace strait;
using namespace strait::routes;
using namespace strait::testing;

namespace {

const Octets v4_prefix{24, 198, 51, 100};
const Octets v6_prefix{32, 0x20, 0x01, 0x0d, 0xb8};

// A dump of two prefixes with all the forms that are met in the wild.
Octets whole_dump() {
  const Octets full = Octets{}.u16(2).u8(1).u8(16).address("2001:db8::1").u8(0).u8(32);
  const Octets cut = Octets{}.u8(16).address("2001:db8::1");
  Octets v6_full =
      Octets{}.add(origin()).add(as_path(sequence({65001}))).add(attribute(0x80, 14, full));
  Octets v6_cut =
      Octets{}.add(origin()).add(as_path(sequence({65001}))).add(attribute(0x80, 14, cut));
  Octets dump = peer_table();
  dump.add(rib(2, v4_prefix, {entry(1, plain_attributes()), entry(2, plain_attributes())}));
  dump.add(rib(4, v6_prefix, {entry(3, v6_full), entry(3, v6_cut)}));
  dump.add(rib(8, v4_prefix, {entry_add_path(1, 7, plain_attributes())}));
  dump.add(rib(2, Octets{8, 10}, {entry(0, {})}));
  return dump;
}

// What was read, and every route of it decoded, in the RIB's order.
struct ReadDump : RibDump {
  explicit ReadDump(RibDump&& dump) : RibDump{std::move(dump)} {
    rib.for_each([&](const RibEntry& entry) {
      for (const RibRoute& route : entry.routes) routes.push_back(rib.route(entry.prefix, route));
    });
  }
  std::vector<Route> routes;
};

ReadDump good(const Octets& octets, const MrtOptions& options = {}) {
  auto dump = read_mrt(octets.span(), options);
  if (!dump) FAIL(dump.error().message);
  return ReadDump{std::move(*dump)};
}

struct Drained {
  std::vector<std::byte> bytes;
  std::string damage;
};

Drained drain(ByteSource& source) {
  Drained all;
  std::array<std::byte, 100> block{};
  while (const std::size_t count = source.read(block)) {
    all.bytes.insert(all.bytes.end(), block.begin(), block.begin() + static_cast<int>(count));
  }
  all.damage = source.damage();
  return all;
}

}  // namespace

TEST_CASE("a table dump gives every route of both families, add-path and BIRD's own ones") {
  const ReadDump dump = good(whole_dump());
  CHECK(dump.report.complete());
  CHECK(dump.report.records == 5);
  REQUIRE(dump.routes.size() == 6);
  CHECK(dump.report.routes == 6);
  CHECK(dump.report.local == 1);
  CHECK(dump.rib.peers().size() == 4);

  CHECK(dump.routes[0].neighbor.is_unspecified());
  const Route& first = dump.routes[1];
  CHECK(to_string(first.prefix) == "198.51.100.0/24");
  CHECK(first.neighbor.to_string() == "192.0.2.1");
  CHECK(first.neighbor_asn == Asn{65001});
  CHECK(first.neighbor_id == 0x0a000002);
  CHECK(first.as_path == std::vector{Asn{65001}, Asn{64496}});
  CHECK(first.origin_asn == Asn{64496});
  CHECK(first.next_hop.to_string() == "192.0.2.1");
  CHECK(dump.routes[2].neighbor_asn == Asn{65001});  // the add-path one
  CHECK(dump.routes[3].neighbor_asn == Asn{65002});
  for (const std::size_t v6 : {4U, 5U}) {
    CHECK(to_string(dump.routes[v6].prefix) == "2001:db8::/32");
    CHECK(dump.routes[v6].next_hop.to_string() == "2001:db8::1");
  }
}

TEST_CASE("attributes are read by RFC 4271, with the flags that BIRD leaves at zero") {
  Octets attributes = Octets{}.add(origin(2)).add(as_path(sequence({65001, 64496})));
  attributes.add(attribute(0, 3, Octets{}.address("192.0.2.9")));
  attributes.add(attribute(0x80, 4, Octets{}.u32(50))).add(attribute(0, 5, Octets{}.u32(200)));
  attributes.add(attribute(0xc0, 8, Octets{}.u32(0xffff0000).u32(0x00010002)));
  attributes.add(attribute(0xc0, 99, {1, 2, 3}));
  const ReadDump dump = good(Octets{peer_table()}.add(rib(2, v4_prefix, {entry(1, attributes)})));
  REQUIRE(dump.routes.size() == 1);
  const Route& route = dump.routes[0];
  CHECK(route.origin == Origin::incomplete);
  CHECK(route.med == Med{50});
  CHECK(route.local_pref == LocalPref{200});
  CHECK(route.communities == std::vector<std::uint32_t>{0xffff0000, 0x00010002});
  CHECK(route.marked());
  CHECK(route.next_hop.to_string() == "192.0.2.9");
}

TEST_CASE("AS paths count as the decision process wants") {
  struct Case {
    const char* what;
    Octets path;
    std::uint32_t length;
    std::uint32_t first;   // 0: none
    std::uint32_t origin;  // 0: none
  };
  const auto c = GENERATE(values<Case>({
      {"a sequence", sequence({1, 2, 3}), 3, 1, 3},
      {"ends in a set, which counts one", Octets{sequence({1, 2})}.add(sequence({5, 6, 7}, 1)), 3,
       1, 0},
      {"begins in a set", Octets{sequence({5, 6}, 1)}.add(sequence({8})), 2, 0, 8},
      {"confederation segments count nothing",
       Octets{sequence({9, 9}, 3)}.add(sequence({9}, 4)).add(sequence({1, 2})), 2, 1, 2},
      {"empty", Octets{}, 0, 0, 0},
  }));
  CAPTURE(c.what);
  const Octets attributes = Octets{}.add(origin()).add(as_path(c.path)).add(next_hop("192.0.2.1"));
  const ReadDump dump = good(Octets{peer_table()}.add(rib(2, v4_prefix, {entry(1, attributes)})));
  REQUIRE(dump.routes.size() == 1);
  CHECK(dump.routes[0].as_path_length == c.length);
  CHECK(dump.routes[0].first_asn.value_or(Asn{0}) == Asn{c.first});
  CHECK(dump.routes[0].origin_asn.value_or(Asn{0}) == Asn{c.origin});
}

TEST_CASE("spare bits of a prefix are cut off") {
  const ReadDump dump = good(
      Octets{peer_table()}.add(rib(2, Octets{20, 198, 51, 0xff}, {entry(1, plain_attributes())})));
  REQUIRE(dump.routes.size() == 1);
  CHECK(to_string(dump.routes[0].prefix) == "198.51.240.0/20");
}

TEST_CASE("a damaged route is counted with its reason and the others are kept") {
  struct Case {
    const char* reason;
    Octets attributes;
  };
  const Octets base = Octets{}.add(origin()).add(as_path(sequence({65001})));
  const auto with = [&](const Octets& extra) { return Octets{plain_attributes()}.add(extra); };
  const auto c = GENERATE_COPY(values<Case>({
      {"malformed ORIGIN", Octets{}.add(attribute(0x40, 1, {3}))},
      {"malformed AS_PATH", Octets{}.add(origin()).add(as_path(sequence({1}, 5)))},
      {"malformed AS_PATH", Octets{}.add(origin()).add(as_path({2, 0}))},
      {"malformed AS_PATH", Octets{}.add(origin()).add(as_path({2, 2, 0, 0, 0, 1}))},
      {"malformed AS_PATH", Octets{}.add(origin()).add(as_path({2}))},
      {"AS 0 in AS_PATH", Octets{}.add(origin()).add(as_path(sequence({1, 0})))},
      {"malformed NEXT_HOP", Octets{base}.add(attribute(0x40, 3, {1, 2, 3}))},
      {"malformed MULTI_EXIT_DISC", with(attribute(0x80, 4, {1}))},
      {"malformed COMMUNITIES", with(attribute(0xc0, 8, {1, 2, 3}))},
      {"malformed MP_REACH_NLRI", with(attribute(0x80, 14, {16, 1, 2}))},
      {"malformed MP_REACH_NLRI", with(attribute(0x80, 14, {}))},
      {"malformed MP_REACH_NLRI", with(attribute(0x80, 14, {5, 1, 2, 3, 4, 5}))},
      {"an attribute runs past the end", with({0x40, 99, 200, 1})},
      {"no ORIGIN", Octets{}.add(as_path(sequence({1}))).add(next_hop("192.0.2.1"))},
      {"no AS_PATH", Octets{}.add(origin()).add(next_hop("192.0.2.1"))},
      {"no next hop", base},
      {"a BGP route without attributes", Octets{}},
  }));
  CAPTURE(c.reason);
  const ReadDump dump = good(Octets{peer_table()}.add(
      rib(2, v4_prefix, {entry(1, c.attributes), entry(2, plain_attributes())})));
  CHECK(dump.routes.size() == 1);
  CHECK(dump.report.damaged == 1);
  REQUIRE(dump.report.damage.size() == 1);
  CHECK(dump.report.damage[0].reason == c.reason);
  CHECK(dump.report.damage[0].offset == peer_table().size());
}

TEST_CASE("a damaged record is counted with its reason and the next one is read") {
  struct Case {
    const char* reason;
    Octets record;
    std::size_t routes;  // that it gives all the same
  };
  Octets leftover = Octets{}.u32(1).add(v4_prefix).u16(1).add(entry(1, plain_attributes())).u8(9);
  Octets short_entry = Octets{}.u32(1).add(v4_prefix).u16(2).add(entry(1, plain_attributes()));
  const auto c = GENERATE_COPY(values<Case>({
      {"prefix longer than its family allows", rib(2, {33, 1, 2, 3, 4, 5}, {}), 0},
      {"a RIB record ends before its entries", record(13, 2, {0, 0, 0, 1, 24, 1}), 0},
      {"a RIB entry runs past its record", record(13, 2, short_entry), 1},
      {"octets left over after the last RIB entry", record(13, 2, leftover), 1},
      {"peer index beyond the peer index table", rib(2, v4_prefix, {entry(9, plain_attributes())}),
       0},
  }));
  CAPTURE(c.reason);
  const ReadDump dump = good(Octets{peer_table()}.add(c.record).add(
      rib(2, Octets{8, 10}, {entry(1, plain_attributes())})));
  CHECK(dump.routes.size() == c.routes + 1);
  CHECK(dump.report.skipped.at(c.reason) == dump.report.damaged);
  CHECK_FALSE(dump.report.complete());
}

TEST_CASE("types that hold no unicast routes are counted by type and are no damage") {
  Octets dump = record(48, 0, {1, 2, 3});
  dump.add(peer_table()).add(record(13, 3, {1})).add(record(12, 9, {})).add(record(13, 3, {2}));
  const ReadDump read = good(dump);
  CHECK(read.report.complete());
  CHECK(read.report.other_records == 4);
  CHECK(read.report.skipped.at("record type 13 subtype 3") == 2);
  CHECK(read.report.skipped.at("record type 48 subtype 0") == 1);
}

TEST_CASE("bytes without a peer index table are an error that says so") {
  for (const Octets& octets : {Octets{}, Octets{1, 2, 3}, record(48, 0, {})}) {
    const auto dump = read_mrt(octets.span());
    REQUIRE_FALSE(dump);
    CHECK_THAT(dump.error().message, Catch::Contains("PEER_INDEX_TABLE"));
  }
}

TEST_CASE("a dump cut at any octet is reported, and only whole routes are kept") {
  const Octets whole = whole_dump();
  const std::size_t all = good(whole).report.routes;
  std::vector<std::size_t> boundaries{0};
  for (std::size_t at = 0; at < whole.size();) {
    const auto length = whole.span().subspan(at + 10, 2);
    at += 12 + std::to_integer<std::size_t>(length[0]) * 256 +
          std::to_integer<std::size_t>(length[1]);
    boundaries.push_back(at);
  }
  for (std::size_t size = 0; size < whole.size(); ++size) {
    CAPTURE(size);
    const auto dump = read_mrt(whole.span().first(size));
    if (!dump) continue;  // cut before the peer table: an error
    CHECK(dump->report.routes < all);
    CHECK(dump->rib.route_count() == dump->report.routes);
    const bool at_boundary = std::ranges::find(boundaries, size) != boundaries.end();
    CHECK(dump->report.complete() == at_boundary);
  }
}

TEST_CASE("flipped bits never crash the reader nor lose a route in silence") {
  const Octets whole = whole_dump();
  const std::size_t all = good(whole).report.routes;
  std::mt19937 random{20261123};
  // Each fills a reader's buffer anew, which ThreadSanitizer notes octet by octet.
#ifdef STRAIT_THREAD_SANITIZER
  const int rounds = 200;
#else
  const int rounds = 5000;
#endif
  for (int round = 0; round < rounds; ++round) {
    Octets flipped = whole;
    for (auto flips = 1 + random() % 3; flips > 0; --flips) {
      const auto bit = random() % (whole.size() * 8);
      flipped.bytes()[bit / 8] ^= static_cast<std::byte>(1U << bit % 8);
    }
    const auto dump = read_mrt(flipped.span());
    if (!dump || dump->report.routes >= all) continue;
    CAPTURE(round);
    CHECK(dump->report.damaged + dump->report.other_records > 0);
  }
}

TEST_CASE("a gzip file is unpacked by its content, and a broken one is reported") {
  const Octets whole = whole_dump();
  const auto bytes = testing::packed(whole.span(), boost::iostreams::gzip_compressor{});
  const Drained unpacked = drain(*memory_source(bytes));
  CHECK(unpacked.damage.empty());
  CHECK(std::ranges::equal(unpacked.bytes, whole.span()));

  CHECK_THAT(drain(*memory_source(bytes, whole.size() - 1)).damage,
             Catch::Contains("octets when unpacked"));
  for (std::size_t size = 4; size < bytes.size(); ++size) {
    CAPTURE(size);
    CHECK_FALSE(drain(*memory_source(std::span{bytes}.first(size))).damage.empty());
  }
}
