// SPDX-License-Identifier: Apache-2.0
#include "probe/twamp/test_ports.hpp"

#include <boost/asio/io_context.hpp>
#include <catch2/catch.hpp>
#include <optional>
#include <vector>

#include "probe/socket/listener.hpp"
#include "tests/probe/socket/loopback.hpp"
#include "tests/probe/twamp/wire.hpp"

namespace strait::probe::twamp {
namespace {

using probe::test::UdpPeer;

TEST_CASE("what came before the end of a session without Timeout is reflected") {
  boost::asio::io_context context;  // never runs: what comes waits in the socket
  TestPortOptions options;
  options.policy.open = true;
  options.policy.source_rate = {};
  ReflectingPorts ports{context, options};
  UdpPeer peer{"127.0.0.1"};
  const auto address = peer.endpoint().address;
  const SystemClock clock;
  const auto opened =
      ports.open({.sender = peer.endpoint(), .receiver = {address, 0}}, clock.now().mono);
  REQUIRE(opened.accept == Accept::ok);
  ports.start(opened.number, clock.now().mono);
  constexpr std::uint32_t packets = 100;
  for (std::uint32_t i = 0; i < packets; ++i)
    peer.send(test::test_packet(i), {address, opened.port});
  ports.stop(opened.number, clock.now().mono);
  CHECK(ports.open_ports() == 0);
  CHECK(ports.counters().received == packets);
  CHECK(ports.counters().reflected == packets);
}

// A range of ports of which somebody else has all that it could get; the last one is free.
struct OccupiedRange {
  OccupiedRange() {
    {
      const UdpPeer free{"127.0.0.1"};
      last = std::max<std::uint16_t>(free.endpoint().port, 20'000);
    }
    for (std::uint16_t port = first(); port < last; ++port) {
      if (auto fd = kernel::open_listener({address, port}, 4096)) held.push_back(std::move(*fd));
    }
  }
  [[nodiscard]] std::uint16_t first() const { return static_cast<std::uint16_t>(last - 99); }

  Address address = boost::asio::ip::address_v4::loopback();
  std::uint16_t last = 0;
  std::vector<kernel::Fd> held;
};

TEST_CASE("a range that others have is not tried to its end for one request") {
  const OccupiedRange range;
  boost::asio::io_context context;
  TestPortOptions options;
  options.ports = {range.first(), range.last};
  ReflectingPorts ports{context, options};
  const UdpPeer peer{"127.0.0.1"};
  const SystemClock clock;
  const TestSession session{.sender = peer.endpoint(), .receiver = {range.address, 0}};
  const auto refused = ports.open(session, clock.now().mono);
  CHECK(refused.accept == Accept::temporary_limit);
  CHECK(refused.reason == "no-port");
  // The next one goes on where that one ended.
  const auto opened = ports.open(session, clock.now().mono);
  CHECK(opened.accept == Accept::ok);
  CHECK(opened.port == range.last);
}

TEST_CASE("ports of our own sessions do not count as tries") {
  boost::asio::io_context context;
  TestPortOptions options;
  const UdpPeer free{"127.0.0.1"};
  const auto first = std::min<std::uint16_t>(free.endpoint().port, 65'000);
  options.ports = {first, static_cast<std::uint16_t>(first + 199)};
  ReflectingPorts ports{context, options};
  const SystemClock clock;
  const TestSession session{.sender = free.endpoint(), .receiver = {free.endpoint().address, 0}};
  std::optional<TestPorts::Opened> last;
  // Others may have some of the ports; whoever has none of 200 in four requests has none.
  for (int i = 0; i < 300; ++i) {
    const auto opened = ports.open(session, clock.now().mono);
    if (opened.accept == Accept::ok) last = opened;
  }
  REQUIRE(ports.open_ports() > 130);
  ports.stop(last->number, MonoTime::min());
  const auto again = ports.open(session, clock.now().mono);
  CHECK(again.accept == Accept::ok);
  CHECK(again.port == last->port);
}

}  // namespace
}  // namespace strait::probe::twamp
