// SPDX-License-Identifier: Apache-2.0
#include "routes/mrt_dump.hpp"

#include <catch2/catch.hpp>
#include <random>

#include "routes/rib_builder.hpp"
#include "routes/sources/mrt.hpp"
#include "tests/routes/rib_of.hpp"

using namespace strait;
using namespace strait::routes;
using namespace strait::testing;

namespace {

std::string dump_of(const Rib& rib) {
  std::string text;
  const auto result = write_mrt_dump(
      rib, {.taken = WallTime{std::chrono::seconds{1700000000}}, .collector_id = 7, .view = "v"},
      [&](std::string_view piece) {
        text += piece;
        return true;
      });
  CHECK(result.written);
  CHECK(result.left_out == 0);
  return text;
}

// Each route of a RIB with everything that it says.
std::vector<std::string> all_of(const Rib& rib) {
  std::vector<std::string> found;
  rib.for_each([&](const RibEntry& entry) {
    for (const RibRoute& route : entry.routes) {
      const RibPeer& peer = rib.peer(route);
      std::string text = to_string(entry.prefix) + " " + peer.address.to_string() + " " +
                         std::to_string(peer.asn.value()) + " " + std::to_string(peer.bgp_id) +
                         " " + std::to_string(route.path_id) + " ";
      for (const std::byte octet : rib.attributes().octets(route.attributes)) {
        text += std::to_string(std::to_integer<int>(octet)) + ",";
      }
      found.push_back(text);
    }
  });
  return found;
}

}  // namespace

TEST_CASE("whatever a RIB holds is read back from its dump") {
  std::mt19937 random{11};
  const auto below = [&](std::uint32_t end) { return static_cast<std::uint32_t>(random() % end); };
  const auto any64 = [&] { return std::uint64_t{random()} << 32U | random(); };
  for (int round = 0; round < 30; ++round) {
    RibBuilder builder{Asn{0}};
    AttributeReader reader;
    std::vector<std::uint16_t> peers;
    for (const char* const address : {"192.0.2.1", "192.0.2.2", "2001:db8::1", "0.0.0.0"}) {
      peers.push_back(builder.peer(parse_address(address).value(), Asn{70000}, 5).value());
    }
    for (int i = 0; i < 200; ++i) {
      const Octets octets = Octets{}
                                .add(origin(below(3)))
                                .add(as_path(sequence({70000, 1 + below(5)})))
                                .add(next_hop("192.0.2.1"));
      REQUIRE(reader.read(octets.span(), {}).fate == AttributeFate::use);
      const auto id = builder.attributes().add(reader.head(), reader.octets(NlriPlace::rib_entry));
      const RibRoute route{.attributes = id, .path_id = below(3), .peer = peers[below(4)]};
      if (below(2) == 0) {
        const auto length = static_cast<std::uint8_t>(below(33));
        builder.put(KeyV4::of(static_cast<std::uint32_t>(random()), length), std::span{&route, 1});
      } else {
        const auto length = static_cast<std::uint8_t>(below(129));
        builder.put(KeyV6::of(any64(), any64(), length), std::span{&route, 1});
      }
    }
    const Rib rib = std::move(builder).finish();
    const std::string text = dump_of(rib);
    const auto read = read_mrt(std::as_bytes(std::span{text}));
    if (!read) FAIL(read.error().message);
    CHECK(read->report.complete());
    CHECK(read->collector_id == 7);
    CHECK(all_of(read->rib) == all_of(rib));
    CHECK(read->rib.peers().size() == rib.peers().size());
  }
}

TEST_CASE("a dump is whole records and ends when its writer is told to") {
  std::vector<Route> routes(3);
  for (std::size_t i = 0; i < routes.size(); ++i) {
    routes[i].prefix = parse_prefix("10." + std::to_string(i) + ".0.0/16").value();
    routes[i].neighbor = parse_address("192.0.2.1").value();
    routes[i].origin_asn = Asn{1};
  }
  const Rib rib = rib_of(routes, Asn{0});
  const auto refused = write_mrt_dump(rib, {.taken = {}, .collector_id = 0, .view = {}},
                                      [](std::string_view) { return false; });
  CHECK_FALSE(refused.written);
}
