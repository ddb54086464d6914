// SPDX-License-Identifier: Apache-2.0
#include "probe/dpdk/neighbor_discovery.hpp"

#include <catch2/catch.hpp>
#include <vector>

#include "probe/dpdk/frame.hpp"

using namespace strait;
using namespace strait::probe::dpdk;

namespace {

using Octets = std::vector<std::byte>;

constexpr MacAddress here{{2, 0, 0x5e, 0x10, 0, 1}};
constexpr MacAddress there{{2, 0, 0x5e, 0x10, 0, 2}};
const WireAddress local{*parse_address("2001:db8::1:2345")};
const WireAddress router{*parse_address("fe80::1")};

Octets written(const NeighborMessage& message, const Encapsulation& around = {}) {
  Octets frame(longest_neighbor_frame);
  frame.resize(write_neighbor(message, there, here, around, frame));
  return frame;
}

NeighborMessage solicitation() {
  return {.advertisement = false,
          .source = local,
          .destination = solicited_node(router),
          .target = router,
          .link_address = here};
}

NeighborMessage advertisement() {
  return {.advertisement = true,
          .source = router,
          .destination = local,
          .target = router,
          .link_address = there,
          .solicited = true};
}

// With its checksum mended.
std::optional<NeighborMessage> read(Octets frame) {
  finish_packet(std::span{frame}.subspan(14));
  return read_neighbor(parse_frame(frame));
}

}  // namespace

TEST_CASE("groups and link-local addresses are formed as the standards say") {
  CHECK(solicited_node(local).address().to_string() == "ff02::1:ff01:2345");
  CHECK(to_string(multicast_mac(solicited_node(local))) == "33:33:ff:01:23:45");
  CHECK(link_local(here).address().to_string() == "fe80::5eff:fe10:1");
  CHECK(all_nodes.address().to_string() == "ff02::1");
}

TEST_CASE("solicitations and advertisements are written and read back") {
  const Encapsulation around =
      GENERATE(Encapsulation{}, Encapsulation{{300, 101}, false, {}, 0, 255});
  const Octets asked = written(solicitation(), around);
  const auto parsed = parse_frame(asked);
  REQUIRE(to_string(parsed.kind) == "neighbor");
  const auto question = read_neighbor(parsed);
  REQUIRE(question);
  CHECK_FALSE(question->advertisement);
  CHECK(question->source == local);
  CHECK(question->target == router);
  CHECK(question->link_address == here);

  const Octets told = written(advertisement(), around);
  const auto answer = read_neighbor(parse_frame(told));
  REQUIRE(answer);
  CHECK(answer->advertisement);
  CHECK(answer->solicited);
  CHECK(answer->override);
  CHECK(answer->link_address == there);
}

TEST_CASE("what RFC 4861 calls invalid is not read") {
  Octets asked = written(solicitation());
  REQUIRE(read(asked));
  SECTION("a hop limit below 255: it came through a router") { asked[21] = std::byte{254}; }
  SECTION("a code") { asked[55] = std::byte{1}; }
  SECTION("a multicast target") { asked[62] = std::byte{0xff}; }
  SECTION("an option of no length") { asked[79] = std::byte{0}; }
  SECTION("an option beyond the message") { asked[79] = std::byte{2}; }
  SECTION("a group as the link address") { asked[80] = std::byte{0x33}; }
  SECTION("too short") {
    asked.resize(14 + 40 + 20);
    asked[19] = std::byte{20};
  }
  SECTION("from nobody, with a link address") {
    NeighborMessage message = solicitation();
    message.source = {};
    asked = written(message);
  }
  SECTION("from nobody, to one") {
    NeighborMessage message = solicitation();
    message.source = {};
    message.link_address.reset();
    message.destination = router;
    asked = written(message);
  }
  SECTION("to all, as an answer to one") {
    NeighborMessage message = advertisement();
    message.destination = all_nodes;
    asked = written(message);
  }
  CHECK_FALSE(read(asked));
}

TEST_CASE("a listener report joins the group of the address") {
  Octets frame(longest_report_frame);
  frame.resize(write_listener_report(local, here, {}, frame));
  CHECK(frame.size() == 90);
  const std::vector<unsigned> head{0x33, 0x33, 0, 0, 0, 0x16};
  for (std::size_t i = 0; i < head.size(); ++i)
    CHECK(std::to_integer<unsigned>(frame[i]) == head[i]);
  CHECK(frame[21] == std::byte{1});                               // hop limit
  CHECK(WireAddress::v6_at(frame, 22) == link_local(here));       // source
  CHECK(frame[62] == std::byte{143});                             // type
  CHECK(WireAddress::v6_at(frame, 74) == solicited_node(local));  // group
  const ParsedFrame parsed = parse_frame(frame);                  // checks the checksum
  CHECK(to_string(parsed.kind) == "other-icmp");
}
