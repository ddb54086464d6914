// SPDX-License-Identifier: Apache-2.0
#include "probe/socket/socket_transport.hpp"

#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <set>
#include <span>

#include "tests/probe/socket/loopback.hpp"

using namespace strait;
using namespace strait::probe;
using namespace strait::probe::test;
using std::chrono::milliseconds;

namespace {

std::vector<std::byte> octets(std::size_t count, std::uint8_t value = 0x5a) {
  return std::vector<std::byte>(count, std::byte{value});
}

}  // namespace

TEST_CASE("every probe and reply over loopback carries a kernel stamp, in order") {
  const auto* const address = GENERATE("127.0.0.1", "::1");
  CAPTURE(address);
  UdpPeer peer{address};
  const auto transport = open_transport();
  const auto flow = transport->open_flow(udp_flow(peer.endpoint()));
  REQUIRE(flow.has_value());

  for (std::uint32_t tag = 0; tag < 100; ++tag) {
    CAPTURE(tag);
    Stamp sent;
    const auto payload = octets(44, static_cast<std::uint8_t>(tag));
    REQUIRE(send_one(*transport, *flow, tag, payload, &sent));
    CHECK(sent.source == StampSource::user);
    peer.echo();
    const auto all = receive_until(*transport, [](const auto& got) { return got.size() == 2; });
    const Arrival* const left = first_of(all, Arrival::Kind::transmit_stamp);
    const Arrival* const came = first_of(all, Arrival::Kind::datagram);
    REQUIRE(left != nullptr);
    REQUIRE(came != nullptr);

    CHECK(left->flow == *flow);
    CHECK(left->tag == tag);
    CHECK(left->received.source == StampSource::kernel);
    CHECK(came->received.source == StampSource::kernel);
    CHECK(came->flow == *flow);
    CHECK(came->source == peer.endpoint());
    CHECK(all.back().payload == payload);
    // The stamps lie between our own readings before and after, in the order of events.
    CHECK(left->received.mono >= sent.mono);
    CHECK(came->received.mono > left->received.mono);
    CHECK(came->received.mono <= transport->now().mono);
  }
  CHECK(transport->counters().errors.empty());
}

TEST_CASE("a probe carries the DSCP and hop limit of its flow, and an arrival those it came with") {
  const auto* const address = GENERATE("127.0.0.1", "::1");
  CAPTURE(address);
  // Two transports probe each other: each other's far end, so that both directions are seen.
  const auto near = open_transport();
  const auto far = open_transport();
  UdpPeer reserve{address};
  auto to_far = udp_flow({parse_address(address).value(), 40862});
  to_far.source_port = 40861;
  to_far.dscp = 46;
  to_far.hop_limit = 77;
  auto to_near = udp_flow({parse_address(address).value(), 40861});
  to_near.source_port = 40862;
  const auto flow = near->open_flow(to_far);
  const auto back = far->open_flow(to_near);
  REQUIRE(flow.has_value());
  REQUIRE(back.has_value());

  REQUIRE(send_one(*near, *flow, 1, octets(44)));
  const auto all = receive_until(
      *far, [](const auto& got) { return count_of(got, Arrival::Kind::datagram) == 1; });
  REQUIRE(all.size() == 1);
  CHECK(all[0].arrival.hop_limit == 77);
  CHECK(all[0].arrival.dscp_ecn == 46 << 2);
}

TEST_CASE("flows that share a socket each keep their own DSCP and hop limit") {
  const auto* const address = GENERATE("127.0.0.1", "::1");
  CAPTURE(address);
  struct Marks {
    std::uint8_t dscp;
    std::uint8_t hop_limit;
  };
  // The first one sets what the socket itself carries.
  constexpr std::array marks{Marks{46, 77}, Marks{0, 255}, Marks{46, 255}, Marks{10, 77},
                             Marks{46, 77}};
  const auto near = open_transport();
  const auto far = open_transport();
  for (std::size_t i = 0; i < marks.size(); ++i) {
    CAPTURE(i);
    const auto port = static_cast<std::uint16_t>(40872 + i);
    auto to_far = udp_flow({parse_address(address).value(), port});
    to_far.source_port = 40871;
    to_far.dscp = marks.at(i).dscp;
    to_far.hop_limit = marks.at(i).hop_limit;
    auto to_near = udp_flow({parse_address(address).value(), 40871});
    to_near.source_port = port;
    const auto flow = near->open_flow(to_far);
    REQUIRE(flow.has_value());
    REQUIRE(far->open_flow(to_near).has_value());
    REQUIRE(send_one(*near, *flow, 1, octets(44)));
    const auto all = receive_until(
        *far, [](const auto& got) { return count_of(got, Arrival::Kind::datagram) == 1; });
    REQUIRE(all.size() == 1);
    CHECK(all[0].arrival.hop_limit == marks.at(i).hop_limit);
    CHECK(all[0].arrival.dscp_ecn == marks.at(i).dscp << 2);
  }
}

TEST_CASE("any number of sockets is waited for, also after some have closed") {
  constexpr std::size_t count = 20;
  UdpPeer peer{"127.0.0.1"};
  const auto transport = open_transport();
  // One far end: each flow needs a socket of its own.
  std::vector<FlowId> flows;
  const auto open_one = [&] {
    const auto flow = transport->open_flow(udp_flow(peer.endpoint()));
    REQUIRE(flow.has_value());
    flows.push_back(*flow);
  };
  for (std::size_t i = 0; i < count; ++i) open_one();
  const std::size_t closed = GENERATE(0U, 3U, 10U, 19U);
  CAPTURE(closed);
  for (std::size_t i = 0; i < closed; ++i) {
    transport->close_flow(flows.front());
    flows.erase(flows.begin());
  }
  for (std::size_t i = 0; i < closed / 2; ++i) open_one();

  for (const FlowId flow : flows) {
    CAPTURE(flow);
    REQUIRE(send_one(*transport, flow, flow, octets(44)));
    REQUIRE(peer.echo() == 1);
    std::array<Arrival, 4> burst{};
    bool came = false;
    const MonoTime end = transport->now().mono + std::chrono::seconds{1};
    while (!came && transport->now().mono < end) {
      transport->wait(end);
      const std::size_t got = transport->receive(burst);
      for (const Arrival& arrival : std::span{burst}.first(got))
        came = came || (arrival.kind == Arrival::Kind::datagram && arrival.flow == flow);
    }
    CHECK(came);
  }
}

TEST_CASE("a thousand flows to as many far ends keep apart on one socket") {
  UdpPeer peer{"0.0.0.0"};  // answers from whatever 127/8 address was asked
  const auto transport = open_transport();
  std::vector<FlowId> flows;
  std::set<std::uint16_t> ports;
  for (std::uint32_t i = 0; i < 1000; ++i) {
    const boost::asio::ip::address_v4 address{0x7f010000U + i};
    const auto flow = transport->open_flow(udp_flow({address, peer.endpoint().port}));
    REQUIRE(flow.has_value());
    CHECK(*flow == i);
    flows.push_back(*flow);
    ports.insert(transport->local_port(*flow));
  }
  CHECK(ports.size() == 1);

  // The peer's answer leaves from 127.0.0.1 unless it is bound; so it answers one by one.
  std::vector<Departure> burst;
  const auto payload = octets(44);
  for (const FlowId flow : flows)
    burst.push_back({.flow = flow, .tag = flow + 7, .payload = payload, .sent = {}});
  REQUIRE(transport->send(burst) == burst.size());
  const auto all = receive_until(*transport, [](const auto& got) { return got.size() >= 1000; });
  REQUIRE(count_of(all, Arrival::Kind::transmit_stamp) == 1000);
  std::set<FlowId> stamped;
  for (const auto& kept : all) {
    CHECK(kept.arrival.tag == kept.arrival.flow + 7);
    stamped.insert(kept.arrival.flow);
  }
  CHECK(stamped.size() == 1000);
  CHECK(peer.receive().size() == 1000);
}

TEST_CASE("two flows to one far end get ports of their own, and a closed port is free again") {
  UdpPeer peer{"127.0.0.1"};
  const auto transport = open_transport();
  const auto first = transport->open_flow(udp_flow(peer.endpoint()));
  const auto second = transport->open_flow(udp_flow(peer.endpoint()));
  REQUIRE(first.has_value());
  REQUIRE(second.has_value());
  CHECK(transport->local_port(*first) != transport->local_port(*second));

  auto same = udp_flow(peer.endpoint());
  same.source_port = transport->local_port(*first);
  const auto refused = transport->open_flow(same);
  REQUIRE_FALSE(refused.has_value());
  CHECK_THAT(refused.error().message, Catch::Contains("another flow has that five-tuple"));

  transport->close_flow(*first);
  const auto again = transport->open_flow(same);
  REQUIRE(again.has_value());
  CHECK(*again == *first);  // ids stay dense
  CHECK(transport->local_port(*again) == same.source_port);
}

TEST_CASE("a port that nobody listens on answers with an ICMP error for the right flow") {
  const auto* const address = GENERATE("127.0.0.1", "::1");
  CAPTURE(address);
  UdpPeer alive{address};
  Endpoint closed;
  {
    const UdpPeer gone{address};
    closed = gone.endpoint();
  }
  const auto transport = open_transport();
  const auto good = transport->open_flow(udp_flow(alive.endpoint()));
  const auto bad = transport->open_flow(udp_flow(closed));
  REQUIRE(good.has_value());
  REQUIRE(bad.has_value());

  // The refusals of `bad` must not cost `good` a single probe on their common socket.
  const auto payload = octets(44);
  for (std::uint32_t tag = 0; tag < 20; ++tag) {
    REQUIRE(send_one(*transport, *bad, tag, payload));
    REQUIRE(send_one(*transport, *good, tag, payload));
  }
  CHECK(alive.echo() == 20);
  const auto all = receive_until(*transport, [](const auto& got) {
    return count_of(got, Arrival::Kind::datagram) == 20 &&
           count_of(got, Arrival::Kind::icmp_error) >= 1;
  });
  CHECK(count_of(all, Arrival::Kind::datagram) == 20);
  const Arrival* const error = first_of(all, Arrival::Kind::icmp_error);
  REQUIRE(error != nullptr);
  CHECK(error->flow == *bad);
  CHECK(error->source.address.to_string() == address);
  const bool v6 = error->source.address.is_v6();
  CHECK(error->icmp_type == (v6 ? 1 : 3));  // destination unreachable (RFC 4443, RFC 792)
  CHECK(error->icmp_code == (v6 ? 4 : 3));  // port
  // Linux quotes the whole probe; what tells it from others is handed on.
  const auto quoting = std::ranges::find_if(
      all, [](const Kept& kept) { return kept.arrival.kind == Arrival::Kind::icmp_error; });
  REQUIRE(quoting->payload.size() >= 12);
  CHECK(std::ranges::equal(quoting->payload, std::span{payload}.first(quoting->payload.size())));
}

TEST_CASE("packets from anyone but the flow's far end are counted and not delivered") {
  UdpPeer peer{"127.0.0.1"};
  UdpPeer stranger{"127.0.0.1"};
  const auto transport = open_transport();
  const auto flow = transport->open_flow(udp_flow(peer.endpoint()));
  REQUIRE(flow.has_value());
  const Endpoint us{parse_address("127.0.0.1").value(), transport->local_port(*flow)};

  for (int i = 0; i < 5; ++i) stranger.send(octets(44), us);
  peer.send(octets(44), us);
  const auto all = receive_until(*transport, [](const auto& got) { return !got.empty(); });
  REQUIRE(all.size() == 1);
  CHECK(all[0].arrival.source == peer.endpoint());
  CHECK(transport->counters().ignored.at("unknown-source") == 5);
}

TEST_CASE("a packet of any length from 0 to 9000 octets is delivered whole") {
  UdpPeer peer{"127.0.0.1"};
  const auto transport = open_transport();
  const auto flow = transport->open_flow(udp_flow(peer.endpoint()));
  REQUIRE(flow.has_value());
  const Endpoint us{parse_address("127.0.0.1").value(), transport->local_port(*flow)};
  for (std::size_t length = 0; length <= 9000; ++length) {
    const auto payload = octets(length, static_cast<std::uint8_t>(length));
    peer.send(payload, us);
    const auto all = receive_until(*transport, [](const auto& got) { return !got.empty(); });
    REQUIRE(all.size() == 1);
    REQUIRE(all[0].payload == payload);
  }
  peer.send(octets(20000), us);
  const auto none =
      receive_until(*transport, [](const auto& got) { return !got.empty(); }, milliseconds{20});
  CHECK(none.empty());
  CHECK(transport->counters().ignored.at("too-long") == 1);
}

TEST_CASE("what a full receive buffer costs is counted as our own loss") {
  UdpPeer peer{"127.0.0.1"};
  const auto transport = open_transport({.receive_buffer = 4096});
  const auto flow = transport->open_flow(udp_flow(peer.endpoint()));
  REQUIRE(flow.has_value());
  const Endpoint us{parse_address("127.0.0.1").value(), transport->local_port(*flow)};

  constexpr std::size_t flood = 500;
  for (std::size_t i = 0; i < flood; ++i) peer.send(octets(100), us);
  const auto all = receive_until(*transport, [](const auto&) { return false; }, milliseconds{20});
  REQUIRE(all.size() < flood);
  CHECK(transport->counters().errors.at("receive-overflow") == flood - all.size());
}

TEST_CASE("echo requests to loopback are answered with our data and sequence number") {
  if (!may_ping()) return;
  const auto* const address = GENERATE("127.0.0.1", "::1");
  const bool raw = GENERATE(false, true);
  CAPTURE(address, raw);
  const auto transport = open_transport({.raw_icmp = raw});
  const auto flow = transport->open_flow(echo_flow(address));
  if (!flow && flow.error().code == Errc::no_permission) {
    WARN("skipped: " << flow.error().message);
    return;
  }
  CAPTURE(flow ? std::string{} : flow.error().message);
  REQUIRE(flow.has_value());
  for (std::uint32_t tag = 65530; tag < 65560; ++tag) {
    CAPTURE(tag);
    const auto payload = octets(56, static_cast<std::uint8_t>(tag));
    Stamp sent;
    REQUIRE(send_one(*transport, *flow, tag, payload, &sent));
    const auto all = receive_until(*transport, [](const auto& got) { return got.size() == 2; });
    REQUIRE(count_of(all, Arrival::Kind::datagram) == 1);
    const Arrival* const left = first_of(all, Arrival::Kind::transmit_stamp);
    REQUIRE(left != nullptr);
    CHECK(left->tag == tag);
    const Arrival* const came = first_of(all, Arrival::Kind::datagram);
    CHECK(came->tag == (tag & 0xffffU));
    CHECK(came->flow == *flow);
    CHECK(came->source == Endpoint{parse_address(address).value(), 0});
    CHECK(came->hop_limit == 64);
    CHECK(all.back().payload == payload);
    CHECK(came->received.mono >= left->received.mono);
  }
}

TEST_CASE("a flow that the engine cannot honour is refused with the reason") {
  struct Case {
    const char* description;
    std::function<void(FlowSpec&)> spoil;
    Errc code;
    const char* message;
  };
  const auto c = GENERATE(values<Case>({
      {"VLAN", [](FlowSpec& s) { s.pin.vlans = {5}; }, Errc::unsupported, "cannot write them"},
      {"MPLS", [](FlowSpec& s) { s.pin.labels = {16}; }, Errc::unsupported, "cannot write them"},
      {"flow label", [](FlowSpec& s) { s.flow_label = 1; }, Errc::unsupported, "flow label"},
      {"next hop", [](FlowSpec& s) { s.pin.next_hop_v4 = parse_address("192.0.2.1").value(); },
       Errc::unsupported, "sockets cannot choose one"},
      {"no such device", [](FlowSpec& s) { s.pin.device = "strait-none"; }, Errc::not_found,
       "bind to device 'strait-none'"},
      {"foreign source", [](FlowSpec& s) { s.pin.source_v4 = parse_address("192.0.2.1").value(); },
       Errc::not_found, "no device of this machine has that address"},
      {"no port", [](FlowSpec& s) { s.destination.port = 0; }, Errc::bad_input, "UDP needs a port"},
      {"any address", [](FlowSpec& s) { s.destination.address = parse_address("0.0.0.0").value(); },
       Errc::bad_input, "want a unicast address"},
      {"multicast", [](FlowSpec& s) { s.destination.address = parse_address("224.0.0.1").value(); },
       Errc::bad_input, "want a unicast address"},
      {"DSCP", [](FlowSpec& s) { s.dscp = 64; }, Errc::bad_input, "want 0 to 63"},
      {"hop limit", [](FlowSpec& s) { s.hop_limit = 0; }, Errc::bad_input, "want 1 to 255"},
      {"length", [](FlowSpec& s) { s.max_payload = 9001; }, Errc::bad_input, "want at most 9000"},
  }));
  CAPTURE(c.description);
  const auto transport = open_transport();
  auto spec = udp_flow({parse_address("127.0.0.1").value(), 862});
  c.spoil(spec);
  const auto flow = transport->open_flow(spec);
  REQUIRE_FALSE(flow.has_value());
  CHECK(flow.error().code == c.code);
  CHECK_THAT(flow.error().message, Catch::Contains(c.message));
}

TEST_CASE("wait returns at its time, and at once when something has come") {
  UdpPeer peer{"127.0.0.1"};
  const auto spin = GENERATE(milliseconds{0}, milliseconds{1});
  CAPTURE(spin.count());
  const auto transport = open_transport({.spin = spin});
  const auto flow = transport->open_flow(udp_flow(peer.endpoint()));
  REQUIRE(flow.has_value());

  const MonoTime until = transport->now().mono + milliseconds{5};
  transport->wait(until);
  CHECK(transport->now().mono >= until);

  peer.send(octets(44), {parse_address("127.0.0.1").value(), transport->local_port(*flow)});
  const MonoTime before = transport->now().mono;
  transport->wait(before + milliseconds{5000});
  CHECK(transport->now().mono < before + milliseconds{1000});
}
