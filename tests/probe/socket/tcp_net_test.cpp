// SPDX-License-Identifier: Apache-2.0
// SYN probes against the kernel of another namespace: by raw socket, and by connect().
#include <sys/resource.h>
#include <sys/socket.h>

#include <catch2/catch.hpp>
#include <string>
#include <thread>
#include <tuple>

#include "probe/octets.hpp"
#include "probe/socket/probe_socket.hpp"
#include "probe/socket/sock_address.hpp"
#include "probe/socket/socket_transport.hpp"
#include "probe/tcp_packet.hpp"
#include "tests/probe/socket/loopback.hpp"
#include "tests/probe/socket/namespace_pair.hpp"

using namespace strait;
using namespace strait::probe;
using namespace strait::probe::test;
using namespace std::chrono_literals;

namespace {

constexpr std::uint16_t open_port = 9443;
constexpr std::uint16_t closed_port = 9444;
using Octets = std::vector<std::byte>;

// Listens, and never accepts.
kernel::Fd listener(const char* address) {
  const Address parsed = parse_address(address).value();
  kernel::Fd fd{::socket(parsed.is_v6() ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  REQUIRE(kernel::bind_to(fd.value(), {parsed, open_port}).has_value());
  REQUIRE(::listen(fd.value(), 16) == 0);
  return fd;
}

FlowSpec syn_flow(const char* address, std::uint16_t port) {
  FlowSpec spec;
  spec.kind = FlowKind::tcp_syn;
  spec.destination = {parse_address(address).value(), port};
  spec.max_payload = tcp_probe_size;
  return spec;
}

Octets number(std::uint32_t value) {
  Octets octets(tcp_probe_size);
  store(octets, 0, value);
  return octets;
}

bool has_answer(const std::vector<Kept>& got) { return count_of(got, Arrival::Kind::datagram) > 0; }

// In far: state 3 is SYN-RECEIVED, 1 ESTABLISHED.
void check_nothing_stays(const NamespacePair& pair) {
  std::this_thread::sleep_for(20ms);
  pair.in_far(
      "! grep -qE \"^ *[0-9]+: [0-9A-F:]+ [0-9A-F:]+ 0[13] \" /proc/net/tcp /proc/net/tcp6");
}

}  // namespace

TEST_CASE("a raw SYN is answered by an open and by a closed port, and leaves nothing behind") {
  if (!NamespacePair::allowed()) return;
  const auto* const far_address = GENERATE("192.0.2.2", "2001:db8:1::2");
  const std::uint16_t port = GENERATE(open_port, closed_port);
  CAPTURE(far_address, port);
  const NamespacePair pair;
  pair.enter_far();
  const auto listening = listener(far_address);
  pair.enter_near();
  const auto transport = open_transport();
  auto spec = syn_flow(far_address, port);
  spec.dscp = 46;
  const auto flow = transport->open_flow(spec);
  REQUIRE(flow.has_value());
  for (std::uint32_t tag = 0; tag < 20; ++tag) {
    const std::uint32_t sequence = 0xfffffff0U + tag * 0x01010101U;
    REQUIRE(send_one(*transport, *flow, tag, number(sequence)));
    const auto all = receive_until(*transport, [](const auto& got) { return got.size() == 2; });
    CAPTURE(tag);
    const Arrival* const left = first_of(all, Arrival::Kind::transmit_stamp);
    const Arrival* const came = first_of(all, Arrival::Kind::datagram);
    REQUIRE(left != nullptr);
    REQUIRE(came != nullptr);
    CHECK(left->tag == tag);
    CHECK(left->received.source == StampSource::kernel);
    CHECK(came->received.source == StampSource::kernel);
    CHECK(came->received.mono > left->received.mono);
    CHECK(came->source == spec.destination);
    CHECK(came->hop_limit == 64);
    for (const Kept& kept : all) {
      if (kept.arrival.kind != Arrival::Kind::datagram) continue;
      REQUIRE(kept.payload.size() == 4);
      CHECK(load<std::uint32_t>(kept.payload, 0) == sequence + 1);
    }
    std::this_thread::sleep_for(1ms);  // the kernel's RST is on its way
  }
  check_nothing_stays(pair);
  const auto counters = transport->counters();
  CHECK(counters.errors.empty());
  CHECK(counters.ignored.empty());
}

TEST_CASE("flows of one raw TCP socket are told apart by address and port") {
  if (!NamespacePair::allowed()) return;
  const NamespacePair pair;
  pair.enter_far();
  const auto listening = listener("192.0.2.2");
  pair.enter_near();
  const auto transport = open_transport();
  std::vector<FlowId> flows;
  for (const auto& [address, port] :
       {std::pair{"192.0.2.2", open_port}, std::pair{"192.0.2.2", closed_port},
        std::pair{"203.0.113.1", open_port}, std::pair{"198.51.100.2", closed_port}}) {
    const auto flow = transport->open_flow(syn_flow(address, port));
    REQUIRE(flow.has_value());
    flows.push_back(*flow);
  }
  for (const FlowId flow : flows) {
    CHECK(transport->local_port(flow) == transport->local_port(flows.front()));
    REQUIRE(send_one(*transport, flow, 5, number(1000 + flow)));
  }
  const auto all = receive_until(
      *transport, [](const auto& got) { return count_of(got, Arrival::Kind::datagram) == 4; });
  REQUIRE(count_of(all, Arrival::Kind::datagram) == 4);
  for (const Kept& kept : all) {
    if (kept.arrival.kind != Arrival::Kind::datagram) continue;
    CHECK(load<std::uint32_t>(kept.payload, 0) == 1001 + kept.arrival.flow);
  }
  // One that is closed hears nothing more, and its place is free.
  transport->close_flow(flows[1]);
  REQUIRE(transport->open_flow(syn_flow("192.0.2.2", closed_port)).has_value());
}

TEST_CASE("no program of this host is given the port of a raw TCP flow") {
  if (!NamespacePair::allowed()) return;
  const NamespacePair pair;
  pair.enter_near();
  const auto transport = open_transport();
  const auto flow = transport->open_flow(syn_flow("192.0.2.2", closed_port));
  REQUIRE(flow.has_value());
  const kernel::Fd other{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  const auto bound = kernel::bind_to(
      other.value(), {parse_address("192.0.2.1").value(), transport->local_port(*flow)});
  CHECK_FALSE(bound.has_value());
}

TEST_CASE("what a raw socket hears before it has its filter is not counted as anything") {
  if (!NamespacePair::allowed()) return;
  const NamespacePair pair;
  pair.enter_near();
  pair.in_near("ip link set lo up");
  // Refused connections over the loopback of the namespace: two packets each, all the time.
  std::jthread others{[](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      const kernel::Fd fd{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
      const auto to = kernel::to_sock_address({parse_address("127.0.0.1").value(), closed_port});
      std::ignore = ::connect(fd.value(), to.get(), to.length);
    }
  }};
  const auto transport = open_transport();
  for (std::uint16_t i = 0; i < 200; ++i) {
    FlowSpec spec = syn_flow("127.0.0.1", closed_port);
    spec.source_port = static_cast<std::uint16_t>(20'000 + i);  // a socket for each
    REQUIRE(transport->open_flow(spec).has_value());
  }
  std::ignore = receive_until(*transport, has_answer, 50ms);
  CHECK(transport->counters().ignored.empty());
}

TEST_CASE("connect() finds the same, with this program's times, and leaves nothing behind") {
  if (!NamespacePair::allowed()) return;
  const auto* const far_address = GENERATE("192.0.2.2", "2001:db8:1::2");
  const std::uint16_t port = GENERATE(open_port, closed_port);
  CAPTURE(far_address, port);
  const NamespacePair pair;
  pair.enter_far();
  const auto listening = listener(far_address);
  pair.enter_near();
  const auto transport = open_transport({.connect_tcp = true});
  const auto flow = transport->open_flow(syn_flow(far_address, port));
  REQUIRE(flow.has_value());
  for (std::uint32_t tag = 0; tag < 10; ++tag) {
    CAPTURE(tag);
    Stamp sent;
    REQUIRE(send_one(*transport, *flow, tag, number(500 + tag), &sent));
    CHECK(sent.source == StampSource::user);
    const auto all = receive_until(*transport, has_answer);
    REQUIRE(all.size() == 1);
    CHECK(all[0].arrival.kind == Arrival::Kind::datagram);
    CHECK(all[0].arrival.flow == *flow);
    CHECK(all[0].arrival.source == Endpoint{parse_address(far_address).value(), port});
    CHECK(all[0].arrival.received.source == StampSource::user);
    CHECK(all[0].arrival.received.mono > sent.mono);
    CHECK(load<std::uint32_t>(all[0].payload, 0) == 501 + tag);
  }
  check_nothing_stays(pair);
  const auto counters = transport->counters();
  CHECK(counters.errors.at("tcp-by-connect") == 10);
  CHECK(counters.errors.size() == 1);
}

TEST_CASE("a connect() that nobody answers is given up before its SYN is sent again") {
  if (!NamespacePair::allowed()) return;
  const NamespacePair pair;
  pair.in_far("ip route add blackhole 203.0.113.8");
  pair.enter_near();
  const auto transport = open_transport({.connect_tcp = true});
  const auto flow = transport->open_flow(syn_flow("203.0.113.8", open_port));
  REQUIRE(flow.has_value());
  const Octets payload = number(1);
  std::array<Departure, 1> burst{{{.flow = *flow, .tag = 0, .payload = payload, .sent = {}}}};
  REQUIRE(transport->send(burst) == 1);
  CHECK_FALSE(burst[0].refused);
  REQUIRE(transport->send(burst) == 1);
  CHECK(burst[0].refused);  // the first one is undecided
  CHECK(transport->counters().errors.at("connect-pending") == 1);
  CHECK(receive_until(*transport, has_answer, 1200ms).empty());
  pair.in_near("! grep -q \" 02 \" /proc/net/tcp");  // no SYN-SENT is left that would send again
  REQUIRE(transport->send(burst) == 1);
  CHECK_FALSE(burst[0].refused);
  pair.in_near("nstat -az TcpRetransSegs | grep -qE \"TcpRetransSegs +0 \"");
}

TEST_CASE("a connect() that this machine does not even begin names the call that failed") {
  if (!NamespacePair::allowed()) return;
  const NamespacePair pair;
  pair.enter_near();
  const auto transport = open_transport({.connect_tcp = true});
  auto spec = syn_flow("192.0.2.2", open_port);
  spec.pin.source_v4 = parse_address("192.0.2.1").value();
  const auto flow = transport->open_flow(spec);
  REQUIRE(flow.has_value());
  const Octets payload = number(1);
  std::array<Departure, 1> burst{{{.flow = *flow, .tag = 0, .payload = payload, .sent = {}}}};
  const char* name = "";
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
  SECTION("socket()") {
    name = "tcp-socket-no-descriptors";
    rlimit none = before;
    none.rlim_cur = 0;
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &none) == 0);
  }
  SECTION("bind()") {
    name = "tcp-bind-failed";
    pair.in_near("ip address flush dev va");
  }
  const std::size_t went = transport->send(burst);
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &before) == 0);
  CHECK(went == 1);
  CHECK(burst[0].refused);
  CHECK(transport->counters().sent == 0);
  CHECK(transport->counters().errors ==
        std::map<std::string, std::uint64_t, std::less<>>{{name, 1}});
}

TEST_CASE("a router's refusal of a SYN quotes its number, by raw socket and by connect()") {
  if (!NamespacePair::allowed()) return;
  const bool by_connect = GENERATE(false, true);
  CAPTURE(by_connect);
  const NamespacePair pair;
  pair.in_far("ip route add prohibit 203.0.113.8");
  pair.enter_near();
  const auto transport = open_transport({.connect_tcp = by_connect});
  REQUIRE(transport->open_flow(syn_flow("192.0.2.2", closed_port)).has_value());
  const auto flow = transport->open_flow(syn_flow("203.0.113.8", open_port));
  REQUIRE(flow.has_value());
  REQUIRE(send_one(*transport, *flow, 7, number(0x01020304)));
  const auto all = receive_until(
      *transport, [](const auto& got) { return count_of(got, Arrival::Kind::icmp_error) > 0; });
  REQUIRE(count_of(all, Arrival::Kind::icmp_error) == 1);
  for (const Kept& kept : all) {
    if (kept.arrival.kind != Arrival::Kind::icmp_error) continue;
    CHECK(kept.arrival.flow == *flow);
    CHECK(kept.arrival.icmp_type == 3);
    CHECK(kept.arrival.icmp_code == 13);
    CHECK(kept.arrival.source.address.to_string() == "192.0.2.2");
    REQUIRE(kept.payload.size() >= 4);
    CHECK(load<std::uint32_t>(kept.payload, 0) == 0x01020304);
  }
}
