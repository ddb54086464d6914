// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "core/passive_method.hpp"
#include "tests/probe/passive/conversation.hpp"

namespace strait::probe::passive {
namespace {

TEST_CASE("a path's rule names one mark of a packet, and says what is wrong with the rest") {
  struct Case {
    const char* text;
    PathRule::Mark mark;
    std::uint32_t number;
    const char* error;  // empty: the text is good
  };
  using Mark = PathRule::Mark;
  const auto c = GENERATE(values<Case>({
      {"any", Mark::any, 0, ""},
      {"interface:3", Mark::interface, 3, ""},
      {"vlan:4094", Mark::vlan, 4094, ""},
      {"mpls:1048575", Mark::mpls, 1048575, ""},
      {"mac:02:00:5e:10:00:01", Mark::mac, 0, ""},
      {"vlan:0", Mark::any, 0, "want a number from 1 to 4094"},
      {"vlan:4095", Mark::any, 0, "want a number from 1 to 4094"},
      {"vlan:", Mark::any, 0, "vlan ''"},
      {"mpls:1048576", Mark::any, 0, "want a number from 1 to 1048575"},
      {"mac:02", Mark::any, 0, "02"},
      {"interface:", Mark::any, 0, "want a name or a number"},
      {"port:1", Mark::any, 0, "want any, interface:NAME, vlan:N, mpls:N or mac:ADDRESS"},
      {"", Mark::any, 0, "want any"},
  }));
  CAPTURE(c.text);
  const auto rule = parse_path_rule(c.text);
  if (*c.error != '\0') {
    REQUIRE_FALSE(rule.has_value());
    CHECK_THAT(rule.error().message, Catch::Contains(c.error));
    return;
  }
  REQUIRE(rule.has_value());
  CHECK(rule->mark == c.mark);
  CHECK(rule->number == c.number);
}

TEST_CASE("254 paths have a number of their own, and one more is refused") {
  PathRules rules;
  for (int i = 0; i < 254; ++i) REQUIRE(rules.add(std::to_string(i), {}));
  CHECK(rules.name(1) == "0");
  CHECK(rules.name(254) == "253");
  CHECK(rules.name(several_paths) == "several");
  CHECK(rules.name(no_path) == "none");
  CHECK_FALSE(rules.add("254", {}).has_value());
  CHECK(rules.add("253", {}).has_value());
}

TEST_CASE("interfaces by name are those that are captured on, by their place") {
  PathRules rules;
  const auto rule = parse_path_rule("interface:eth1");
  REQUIRE(rule.has_value());
  REQUIRE(rules.add("loukkos", *rule));
  CHECK_FALSE(rules.resolve_interfaces({}).has_value());
  const std::array<std::string, 2> names{"eth0", "eth1"};
  REQUIRE(rules.resolve_interfaces(names).has_value());
  CapturedPacket packet;
  CHECK(rules.of(packet, {}) == no_path);
  packet.interface = 1;
  CHECK(rules.name(rules.of(packet, {})) == "loukkos");
}

TEST_CASE("a round trip is of the path by which its sender's packets go of late") {
  const Conversation talk = Conversation{}
                                .open()
                                .client(100 * ms, data(1, 100))
                                .server(120 * ms, ack(101))
                                .client(200 * ms, data(101, 100))
                                .server(220 * ms, ack(201))
                                .server(300 * ms, data(1, 100, 201))
                                .client(305 * ms, ack(101, 201));
  std::vector<CapturedPacket> packets = talk.packets();
  // The client's packets from 200 ms on, and all of the server's: interface 1.
  for (const std::size_t at : {1U, 4U, 5U, 6U, 7U, 8U}) packets.at(at).interface = 1;
  MeterOptions options;
  REQUIRE(options.paths.add("a", *parse_path_rule("interface:0")));
  REQUIRE(options.paths.add("b", *parse_path_rule("interface:1")));
  std::vector<FlowReport> flows;
  Meter meter{options, [&](const FlowReport& flow) { flows.push_back(flow); }};
  std::string paths;
  meter.set_round_trip_sink([&](const RoundTrip& trip) { paths += options.paths.name(trip.path); });
  meter.add(packets);
  meter.finish();
  // Handshake to the server and to the client, then data to the server, again, and to the client.
  CHECK(paths == "ababb");
  REQUIRE(flows.size() == 1);
  CHECK(flows[0].client.path == several_paths);
  CHECK(options.paths.name(flows[0].server.path) == "b");
}

TEST_CASE("every method has a protocol for its windows") {
  for (std::size_t i = 0; i < methods; ++i) {
    const auto name = to_string(static_cast<Method>(i));
    CAPTURE(name);
    CHECK(parse_passive_method(name).has_value());
  }
}

}  // namespace
}  // namespace strait::probe::passive
