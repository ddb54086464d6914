// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>
#include <string>

#include "cli/config/configuration.hpp"

using namespace strait;
using namespace strait::cli;
using namespace std::chrono_literals;

namespace {

Configuration with_target(const std::string& keys) {
  const std::string text =
      "[[path]]\nname = \"atlas\"\nupstream_asn = 64501\n"
      "[[path]]\nname = \"loukkos\"\nupstream_asn = 64502\n"
      "[[target]]\nname = \"madrid\"\n" +
      keys + "[probe]\nflows = 2\n";
  auto parsed = parse_configuration(text, "t.toml");
  if (!parsed) FAIL(parsed.error().message);
  return std::move(*parsed);
}

}  // namespace

TEST_CASE("a foreign TCP target gets one SYN a second over all paths, others what is asked") {
  struct Case {
    const char* keys;
    Nanos interval;  // of each of the four flows
    bool slowed;
  };
  const auto c = GENERATE(values<Case>({
      {"address = \"198.51.100.10\"\nprotocol = \"tcp\"\n", 4s, true},
      {"address = \"198.51.100.10\"\nprotocol = \"tcp\"\nforce_rate = true\n", 200ms, false},
      {"address = \"10.0.0.10\"\nprotocol = \"tcp\"\n", 200ms, false},
      {"address = \"198.51.100.10\"\nprotocol = \"udp-echo\"\n", 200ms, false},
  }));
  CAPTURE(c.keys);
  const Configuration configuration = with_target(c.keys);
  const auto sessions = configuration.sessions();
  REQUIRE(sessions.size() == 4);
  for (const auto& session : sessions) CHECK(session.schedule.interval == c.interval);
  CHECK(configuration.slows_tcp() == c.slowed);
}

TEST_CASE("pins and MTU are asked about by what every host answers") {
  const Configuration tcp = with_target("address = \"198.51.100.10\"\nprotocol = \"tcp\"\n");
  for (const auto& check : tcp.pin_checks()) CHECK(check.flow.kind == probe::FlowKind::icmp_echo);
  for (const auto& check : tcp.mtu_checks()) CHECK(check.flow.kind == probe::FlowKind::icmp_echo);
  const Configuration echo = with_target("address = \"198.51.100.10\"\nprotocol = \"udp-echo\"\n");
  // The probes' own port, since nobody needs to answer at the first hop.
  for (const auto& check : echo.pin_checks()) CHECK(check.flow.destination.port == 7);
  for (const auto& check : echo.mtu_checks()) {
    CHECK(check.flow.kind == probe::FlowKind::icmp_echo);
    CHECK(check.flow.destination.port == 0);
    CHECK(check.flow.max_payload == 1472);
  }
}
