// SPDX-License-Identifier: Apache-2.0
#include "probe/dpdk/station.hpp"

#include <catch2/catch.hpp>
#include <vector>

using namespace strait;
using namespace strait::probe::dpdk;
using namespace std::chrono_literals;

namespace {

using Octets = std::vector<std::byte>;

constexpr MacAddress here{{2, 0, 0, 0, 0, 1}};
constexpr MacAddress there{{2, 0, 0, 0, 0, 2}};
constexpr MacAddress thief{{2, 0, 0, 0, 0, 3}};
const WireAddress local{Ipv4{0x0a000001}};
const WireAddress router{Ipv4{0x0a0000fe}};
const WireAddress local_v6{*parse_address("2001:db8::1")};
const WireAddress router_v6{*parse_address("2001:db8::fe")};
const MonoTime start{1h};

struct Wire {
  std::vector<Octets> frames;
  bool works = true;
  Station::Emit emit = [this](std::span<const std::byte> frame) {
    if (works) frames.emplace_back(frame.begin(), frame.end());
    return works;
  };

  std::vector<ArpMessage> arps() const {
    std::vector<ArpMessage> found;
    for (const Octets& frame : frames) {
      if (const auto arp = read_arp(frame, read_link_header(frame))) found.push_back(*arp);
    }
    return found;
  }
  std::vector<NeighborMessage> neighbors() const {
    std::vector<NeighborMessage> found;
    for (const Octets& frame : frames) {
      if (const auto message = read_neighbor(parse_frame(frame))) found.push_back(*message);
    }
    return found;
  }
};

Octets arp(const ArpMessage& message, const Encapsulation& around = {}) {
  Octets frame(longest_arp_frame);
  frame.resize(write_arp(message, broadcast_mac, around, frame));
  return frame;
}

Octets neighbor(const NeighborMessage& message, const MacAddress& from) {
  Octets frame(longest_neighbor_frame);
  frame.resize(write_neighbor(message, here, from, {}, frame));
  return frame;
}

Station::Heard hear(Station& station, Wire& wire, const Octets& frame, MonoTime now) {
  return station.hear(frame, parse_frame(frame), now, wire.emit);
}

// Runs it from one due time to the next.
void run_until(Station& station, Wire& wire, MonoTime end) {
  while (station.next_due() <= end) {
    station.run(std::max(station.next_due(), start), wire.emit);
  }
}

}  // namespace

TEST_CASE("a new IPv4 address is probed for three times, then announced twice") {
  Station station{here, {}, false};
  station.add_local(local);
  Wire wire;
  run_until(station, wire, start + 20s);
  const auto sent = wire.arps();
  REQUIRE(sent.size() == 5);
  for (int i = 0; i < 3; ++i) {
    CHECK(sent[i].sender.is_unspecified());
    CHECK(sent[i].target == Ipv4{local.v4()});
  }
  for (int i = 3; i < 5; ++i) CHECK(sent[i].sender == sent[i].target);
  CHECK(station.next_due() == MonoTime::max());
}

TEST_CASE("a new IPv6 address joins its group, is solicited from nobody, then advertised to all") {
  Station station{here, {}, false};
  station.add_local(local_v6);
  Wire wire;
  run_until(station, wire, start + 10s);
  const auto sent = wire.neighbors();
  REQUIRE(sent.size() == 5);
  CHECK(sent[0].source.is_unspecified());
  CHECK(sent[0].destination == solicited_node(local_v6));
  CHECK(sent[4].advertisement);
  CHECK_FALSE(sent[4].solicited);
  CHECK(sent[4].destination == all_nodes);
  CHECK(wire.frames[0][62] == std::byte{143});  // the listener report goes first
}

TEST_CASE("both kinds of next hop are asked for, learnt and followed") {
  const bool v6 = GENERATE(false, true);
  Station station{here, {101, 0}, false};
  const WireAddress& target = v6 ? router_v6 : router;
  const NeighborId id = station.add_neighbor(target, v6 ? local_v6 : local);
  Wire wire;
  station.run(start, wire.emit);
  REQUIRE(wire.frames.size() == 1);
  CHECK(read_link_header(wire.frames[0]).vlan == Vlan{101, 0});
  CHECK(station.unresolved() == std::vector<WireAddress>{target});
  const auto before = station.version();
  const auto tell = [&](const MacAddress& mac) {
    return v6 ? neighbor({.advertisement = true,
                          .source = router_v6,
                          .destination = local_v6,
                          .target = router_v6,
                          .link_address = mac,
                          .solicited = true},
                         mac)
              : arp({ArpOperation::reply, mac, Ipv4{router.v4()}, here, Ipv4{local.v4()}});
  };
  CHECK(hear(station, wire, tell(there), start).change == NeighborTable::Change::resolved);
  CHECK(station.version() > before);
  CHECK(station.mac(id) == there);
  CHECK(hear(station, wire, tell(thief), start + 1s).change == NeighborTable::Change::moved);
  CHECK(station.mac(id) == thief);
  // The refresh goes straight to it.
  wire.frames.clear();
  run_until(station, wire, start + 22s);
  REQUIRE_FALSE(wire.frames.empty());
  CHECK(load_mac(wire.frames[0], 0) == thief);
}

TEST_CASE("questions for our addresses are answered, others are not") {
  Station station{here, {}, false};
  station.add_local(local);
  station.add_local(local_v6);
  Wire wire;
  const ArpMessage question{ArpOperation::request, there, Ipv4{router.v4()}, {}, Ipv4{local.v4()}};
  hear(station, wire, arp(question), start);
  REQUIRE(wire.arps().size() == 1);
  CHECK(wire.arps()[0].operation == ArpOperation::reply);
  CHECK(wire.arps()[0].target_mac == there);
  ArpMessage other = question;
  other.target = Ipv4{router.v4()};
  hear(station, wire, arp(other), start);
  CHECK(wire.frames.size() == 1);

  NeighborMessage asked{.advertisement = false,
                        .source = router_v6,
                        .destination = solicited_node(local_v6),
                        .target = local_v6,
                        .link_address = there};
  hear(station, wire, neighbor(asked, there), start);
  REQUIRE(wire.neighbors().size() == 1);
  CHECK(wire.neighbors()[0].solicited);
  CHECK(wire.neighbors()[0].destination == router_v6);
  CHECK(load_mac(wire.frames[1], 0) == there);
  asked.source = {};  // somebody wants our address: all hear that it is taken
  asked.link_address.reset();
  hear(station, wire, neighbor(asked, there), start);
  REQUIRE(wire.neighbors().size() == 2);
  CHECK(wire.neighbors()[1].destination == all_nodes);
  CHECK_FALSE(wire.neighbors()[1].solicited);
}

TEST_CASE("an address that somebody else claims is in conflict until the claims have ended") {
  const bool v6 = GENERATE(false, true);
  Station station{here, {}, false};
  const WireAddress& address = v6 ? local_v6 : local;
  station.add_local(address);
  Wire wire;
  run_until(station, wire, start + 10s);
  wire.frames.clear();
  const Octets claim = v6 ? neighbor({.advertisement = true,
                                      .source = local_v6,
                                      .destination = all_nodes,
                                      .target = local_v6,
                                      .link_address = thief},
                                     thief)
                          : arp(arp_announcement(thief, Ipv4{local.v4()}));
  const MonoTime now = start + 60s;
  const auto heard = hear(station, wire, claim, now);
  CHECK(heard.conflict == thief);
  CHECK(heard.local == address);
  CHECK(station.in_conflict(address));
  CHECK(station.conflicts() == 1);
  CHECK(wire.frames.size() == 1);  // defended once
  CHECK_FALSE(hear(station, wire, claim, now + 5s).conflict);
  CHECK(wire.frames.size() == 1);  // but not again within ten seconds
  run_until(station, wire, now + 34s);
  CHECK(station.in_conflict(address));
  run_until(station, wire, now + 36s);
  CHECK_FALSE(station.in_conflict(address));
  CHECK(station.conflicts() == 1);
}

TEST_CASE("our own frames, seen again, are nobody else's claim") {
  Station station{here, {}, false};
  station.add_local(local);
  Wire wire;
  CHECK_FALSE(hear(station, wire, arp(arp_announcement(here, Ipv4{local.v4()})), start).conflict);
  CHECK(wire.frames.empty());
}

TEST_CASE("what cannot be sent is counted") {
  Station station{here, {}, false};
  station.add_local(local);
  station.add_neighbor(router, local);
  Wire wire;
  wire.works = false;
  CHECK(station.run(start, wire.emit) == 2);
}
