// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <catch2/catch.hpp>
#include <cstring>
#include <thread>
#include <vector>

#include "probe/dpdk/eal.hpp"
#include "tests/probe/dpdk/far_end.hpp"

using namespace strait;
using namespace strait::probe;
using namespace strait::probe::dpdk;
using namespace std::chrono_literals;

TEST_CASE("a probe goes to the resolved next hop and its reply comes back to its flow") {
  auto far = FarEnd::make("there");
  auto transport = open_transport();
  const FlowKind kind = GENERATE(FlowKind::udp);
  FlowSpec spec = spec_on(far.wire.left());
  spec.kind = kind;
  const FlowId flow = open_flow(*transport, spec);
  const Octets payload = octets(44);

  std::array<Departure, 1> burst{Departure{flow, 5, payload}};
  CHECK(transport->send(burst) == 1);
  CHECK(burst[0].refused);  // nobody has answered yet
  CHECK(transport->counters().errors.at("next-hop-unresolved") == 1);
  resolve(*transport, far);

  const Instant before = transport->now();
  REQUIRE(transport->send(burst) == 1);
  CHECK_FALSE(burst[0].refused);
  CHECK(burst[0].sent.source == StampSource::tsc);
  CHECK(burst[0].sent.mono >= before.mono);
  far.carry();
  REQUIRE(far.seen.size() == 1);
  const ParsedFrame probe = parse_frame(far.seen[0]);
  CHECK(probe.kind == FrameKind::udp);
  CHECK(probe.hop_limit == 255);
  CHECK(probe.dscp_ecn == 46 << 2);
  CHECK(std::memcmp(far.seen[0].data(), router_mac.octets.data(), 6) == 0);

  const auto arrivals = receive_all(*transport);
  REQUIRE(arrivals.size() == 1);
  CHECK(arrivals[0].kind == Arrival::Kind::datagram);
  CHECK(arrivals[0].flow == flow);
  CHECK(arrivals[0].source == Endpoint{Ipv4{0xc0000201}, 862});
  CHECK(arrivals[0].received.mono > burst[0].sent.mono);
  CHECK(arrivals[0].received.source == StampSource::tsc);
  CHECK(arrivals[0].received.uncertainty > 0ns);
  CHECK(Octets(arrivals[0].payload.begin(), arrivals[0].payload.end()) == payload);
  const auto counters = transport->counters();
  CHECK(counters.sent == 1);
  CHECK(counters.received == 1);
  CHECK(counters.largest_poll_gap <= arrivals[0].received.uncertainty);
}

TEST_CASE("an ICMP echo carries its sequence number there and back") {
  auto far = FarEnd::make("echo");
  auto transport = open_transport();
  FlowSpec spec = spec_on(far.wire.left());
  spec.kind = FlowKind::icmp_echo;
  spec.destination.port = 0;
  const FlowId flow = open_flow(*transport, spec);
  resolve(*transport, far);
  const Octets payload = octets(24);
  std::array<Departure, 1> burst{Departure{flow, 0x12345, payload}};
  REQUIRE(transport->send(burst) == 1);
  far.carry();
  const auto arrivals = receive_all(*transport);
  REQUIRE(arrivals.size() == 1);
  CHECK(arrivals[0].tag == 0x2345);
  CHECK(arrivals[0].payload.size() == 24);
  CHECK(arrivals[0].source == Endpoint{Ipv4{0xc0000201}, 0});
}

TEST_CASE("a next hop that does not answer is named in the error") {
  auto far = FarEnd::make("silent");
  auto transport = open_transport();
  open_flow(*transport, spec_on(far.wire.left()));
  const auto resolved = transport->resolve(20ms);
  REQUIRE_FALSE(resolved);
  CHECK_THAT(resolved.error().message, Catch::Contains("within 20ms from") &&
                                           Catch::Contains("10.0.0.254") &&
                                           Catch::Contains("next hop"));
}

TEST_CASE("a burst over several ports, of which one has no next hop yet, sends all the rest") {
  auto good = FarEnd::make("good");
  auto dead = FarEnd::make("dead");
  auto transport = open_transport();
  const FlowId alive = open_flow(*transport, spec_on(good.wire.left()));
  const FlowId lost = open_flow(*transport, spec_on(dead.wire.left()));
  static_cast<void>(receive_all(*transport));
  good.carry();
  static_cast<void>(receive_all(*transport));
  const Octets payload = octets(44);
  const Octets long_payload = octets(45);
  std::array<Departure, 6> burst{Departure{lost, 0, payload},       Departure{alive, 1, payload},
                                 Departure{alive, 2, long_payload}, Departure{alive, 3, payload},
                                 Departure{no_flow, 4, payload},    Departure{lost, 5, payload}};
  CHECK(transport->send(burst) == 6);
  std::vector<bool> refused;
  for (const Departure& departure : burst) refused.push_back(departure.refused);
  CHECK(refused == std::vector<bool>{true, false, true, false, true, true});
  good.carry();
  CHECK(good.seen.size() == 2);
  const auto counters = transport->counters();
  CHECK(counters.sent == 2);
  CHECK(counters.errors.at("next-hop-unresolved") == 2);
  CHECK(counters.errors.at("payload-too-long") == 1);
  CHECK(counters.errors.at("closed-flow") == 1);
}

TEST_CASE("a full device takes a prefix, and what is left can be tried again") {
  auto far = FarEnd::make("full");
  auto transport = open_transport();
  const FlowId flow = open_flow(*transport, spec_on(far.wire.left()));
  resolve(*transport, far);
  const Octets payload = octets(44);
  std::vector<Departure> burst(32, Departure{flow, 0, payload});
  std::size_t sent = 0;
  std::size_t took = burst.size();
  while (took == burst.size()) sent += took = transport->send(burst);
  CHECK(sent == 1023);  // what a ring of 1024 holds
  CHECK(transport->send(burst) == 0);
  CHECK(transport->counters().errors.at("device-queue-full") == 2);
  far.answers_probes = false;
  far.carry();
  CHECK(transport->send(burst) == 32);
}

TEST_CASE("foreign traffic is counted by reason and reaches nobody") {
  auto far = FarEnd::make("foreign");
  auto transport = open_transport();
  const FlowId flow = open_flow(*transport, spec_on(far.wire.left()));
  resolve(*transport, far);
  const Octets payload = octets(44);
  std::array<Departure, 1> burst{Departure{flow, 0, payload}};
  REQUIRE(transport->send(burst) == 1);
  far.answers_probes = false;
  far.carry();
  Octets reply = FarEnd::reply_to(far.seen[0]);
  std::string reason;
  SECTION("damaged") {
    reply[60] ^= std::byte{1};
    reason = "bad-checksum";
  }
  SECTION("from another source") {
    const FrameFields fields{.kind = FlowKind::udp,
                             .source_mac = router_mac,
                             .destination_mac = {},
                             .encapsulation = {},
                             .source = router,
                             .destination = Ipv4{0x0a000001},
                             .source_port = 862,
                             .destination_port = parse_frame(far.seen[0]).tuple.source_port};
    reply.resize(longest_frame);
    reply.resize(FrameTemplate{fields}.write(reply.data(), payload, 0));
    reason = "no-flow";
  }
  SECTION("neither IP nor ARP") {
    reply[12] = std::byte{0x86};
    reply[13] = std::byte{0xde};
    reason = "not-ip";
  }
  SECTION("on a VLAN that we are not on") {
    constexpr std::array tag{std::byte{0x81}, std::byte{0}, std::byte{0}, std::byte{7}};
    reply.insert(reply.begin() + 12, tag.begin(), tag.end());
    reason = "other-vlan";
  }
  SECTION("cut off") {
    reply.resize(20);
    reason = "truncated";
  }
  SECTION("half an ARP message") {
    reply[12] = std::byte{8};
    reply[13] = std::byte{6};
    reply.resize(30);
    reason = "malformed-arp";
  }
  SECTION("a solicitation for a multicast address") {
    const WireAddress group{*parse_address("ff02::1")};
    const NeighborMessage asked{.advertisement = false,
                                .source = WireAddress{*parse_address("2001:db8::fe")},
                                .destination = group,
                                .target = group,
                                .link_address = router_mac};
    reply.resize(longest_neighbor_frame);
    reply.resize(write_neighbor(asked, broadcast_mac, router_mac, {}, reply));
    reason = "malformed-neighbor";
  }
  SECTION("our own probe, reflected by a loop") {
    reply = far.seen[0];
    reason = "other-address";
  }
  REQUIRE(far.wire.inject(reply, false));
  CHECK(receive_all(*transport).empty());
  const auto counters = transport->counters();
  CAPTURE(reason);
  REQUIRE(counters.ignored.contains(reason));
  CHECK(counters.ignored.at(reason) == 1);
  CHECK(counters.received == 0);
}

TEST_CASE("an ICMP error is told to the flow that it is about") {
  auto far = FarEnd::make("refused");
  auto transport = open_transport();
  open_flow(*transport, spec_on(far.wire.left()));
  const FlowId flow = open_flow(*transport, spec_on(far.wire.left()));
  resolve(*transport, far);
  const Octets payload = octets(44);
  std::array<Departure, 1> burst{Departure{flow, 0, payload}};
  REQUIRE(transport->send(burst) == 1);
  far.answers_probes = false;
  far.carry();
  // Port unreachable from the router, built as an echo first: 8 octets of header, then the quote.
  const Octets& probe = far.seen[0];
  Octets frame(longest_frame);
  const FrameFields fields{.kind = FlowKind::icmp_echo,
                           .source_mac = router_mac,
                           .destination_mac = {},
                           .encapsulation = {},
                           .source = router,
                           .destination = Ipv4{0x0a000001}};
  frame.resize(FrameTemplate{fields}.write(frame.data(),
                                           std::span{probe}.subspan(ethernet_header_size, 28), 0));
  frame[34] = std::byte{3};
  frame[35] = std::byte{3};
  frame[36] = frame[37] = std::byte{0};
  const auto sum = static_cast<std::uint16_t>(~fold_sum(octet_sum(std::span{frame}.subspan(34))));
  std::memcpy(frame.data() + 36, &sum, sizeof sum);
  REQUIRE(far.wire.inject(frame, false));
  const auto arrivals = receive_all(*transport);
  REQUIRE(arrivals.size() == 1);
  CHECK(arrivals[0].kind == Arrival::Kind::icmp_error);
  CHECK(arrivals[0].flow == flow);
  CHECK(arrivals[0].icmp_type == 3);
  CHECK(arrivals[0].icmp_code == 3);
  CHECK(arrivals[0].source == Endpoint{router, 0});
}

TEST_CASE("a request for our address is answered, and a next hop that moves is followed") {
  auto far = FarEnd::make("moving");
  std::vector<std::string> events;
  auto transport = open_transport([&](const std::string& event) { events.push_back(event); });
  const FlowId flow = open_flow(*transport, spec_on(far.wire.left()));
  resolve(*transport, far);

  Octets request(longest_arp_frame);
  request.resize(write_arp({ArpOperation::request, new_router_mac, router, {}, Ipv4{0x0a000001}},
                           broadcast_mac, {}, request));
  REQUIRE(far.wire.inject(request, false));
  CHECK(receive_all(*transport).empty());
  std::optional<ArpMessage> answer;
  far.wire.carry([&](std::span<std::byte> frame, bool) {
    answer = read_arp(frame, parse_frame(frame).link);
    return false;
  });
  REQUIRE(answer);
  CHECK(answer->operation == ArpOperation::reply);
  CHECK(answer->sender == Ipv4{0x0a000001});
  CHECK(answer->target_mac == new_router_mac);

  CHECK(transport->counters().errors.at("next-hop-moved") == 1);
  REQUIRE(events.size() == 1);
  CHECK_THAT(events[0], Catch::Contains("10.0.0.254 has moved to 02:00:00:00:00:fd"));
  const Octets payload = octets(44);
  std::array<Departure, 1> burst{Departure{flow, 0, payload}};
  REQUIRE(transport->send(burst) == 1);
  far.carry();
  CHECK(std::memcmp(far.seen.at(0).data(), new_router_mac.octets.data(), 6) == 0);
}

TEST_CASE("the clock agrees with the kernel's") {
  auto transport = open_transport();
  const SystemClock system;
  for (int i = 0; i < 3; ++i) {
    const Instant before = system.now();
    const Instant here = transport->now();
    const Instant after = system.now();
    CHECK(here.mono >= before.mono - 1us);
    CHECK(here.mono <= after.mono + 1us);
    CHECK(here.wall >= before.wall - 2us);
    CHECK(here.wall <= after.wall + 2us);
    std::this_thread::sleep_for(20ms);
  }
}

TEST_CASE("devices that cannot be had say what to do about it") {
  struct Case {
    const char* device;
    Errc code;
    const char* remedy;
  };
  const auto c = GENERATE(values<Case>({
      {"net_af_packet7,iface=nosuch0", Errc::not_found, "no interface 'nosuch0'"},
      {"net_nonsense0", Errc::not_found, "is the driver's package installed"},
      {"0000:ff:1f.7", Errc::not_found, "vfio-pci"},
  }));
  CAPTURE(c.device);
  auto transport = open_transport();
  const auto flow = transport->open_flow(spec_on(c.device));
  REQUIRE_FALSE(flow);
  CHECK(flow.error().code == c.code);
  CHECK_THAT(flow.error().message, Catch::Contains(c.remedy));
}

TEST_CASE("the EAL starts once: other options are refused, not ignored") {
  auto transport = open_transport();
  DpdkOptions other;
  other.memory_mb = 128;
  const auto second = DpdkTransport::open(other);
  REQUIRE_FALSE(second);
  CHECK_THAT(second.error().message, Catch::Contains("restart strait"));
}
