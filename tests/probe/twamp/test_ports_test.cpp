// SPDX-License-Identifier: Apache-2.0
#include "probe/twamp/test_ports.hpp"

#include <boost/asio/io_context.hpp>
#include <catch2/catch.hpp>

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

}  // namespace
}  // namespace strait::probe::twamp
