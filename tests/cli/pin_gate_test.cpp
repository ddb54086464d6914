// SPDX-License-Identifier: Apache-2.0
#include "cli/service/pin_gate.hpp"

#include <catch2/catch.hpp>

#include "cli/config/configuration.hpp"

using namespace strait;
using namespace strait::cli;
using namespace std::chrono_literals;
using probe::PinMode;
using probe::PinStanding;

namespace {

constexpr WallTime start{29'000'000 * 60s};

probe::PinState state(PinStanding standing, std::optional<WallTime> proven = {},
                      const char* reason = "because", bool v6 = false) {
  return {.path = "atlas",
          .v6 = v6,
          .standing = standing,
          .reason = reason,
          .checked = proven,
          .proven = proven};
}

Window window(const char* path, int minute) {
  Window window;
  window.session = {.path = path, .target = "madrid"};
  window.start = start + minute * 1min;
  window.length = 1min;
  return window;
}

std::vector<int> minutes_left(PinGate& gate, std::vector<Window> windows) {
  std::ignore = gate.refuse(windows);
  std::vector<int> left;
  for (const Window& each : windows) left.push_back(static_cast<int>((each.start - start) / 1min));
  return left;
}

void note(PinGate& gate, std::vector<probe::PinState> states, Nanos at,
          PinMode mode = PinMode::enforce) {
  gate.note(mode, states, start + at);
}

}  // namespace

TEST_CASE("windows of a path that is proven, or cannot be, are evidence") {
  const auto standing = GENERATE(PinStanding::ok, PinStanding::unverified);
  PinGate gate;
  note(gate, {state(standing)}, 0s);
  CHECK(minutes_left(gate, {window("atlas", 0), window("atlas", 1)}) == std::vector{0, 1});
  CHECK(gate.refused().empty());
  CHECK_FALSE(gate.is_shut("atlas"));
}

TEST_CASE("windows are refused from the last proof on until the pin holds again") {
  PinGate gate;
  note(gate, {state(PinStanding::ok, start + 150s)}, 150s);
  note(gate, {state(PinStanding::failed, start + 150s)}, 270s);
  CHECK(gate.is_shut("atlas"));
  CHECK_FALSE(gate.is_shut("loukkos"));
  // The proof was in minute 2: that one had ended with nobody knowing.
  CHECK(minutes_left(gate, {window("atlas", 1), window("atlas", 2), window("loukkos", 2),
                            window("atlas", 4)}) == std::vector{1, 2});
  CHECK(gate.refused().at("atlas") == 2);
  CHECK(gate.refused().count("loukkos") == 0);

  note(gate, {state(PinStanding::ok, start + 330s)}, 330s);
  CHECK_FALSE(gate.is_shut("atlas"));
  CHECK(minutes_left(gate, {window("atlas", 4), window("atlas", 5), window("atlas", 6)}) ==
        std::vector{6});
  note(gate, {state(PinStanding::failed, start + 450s)}, 500s);
  note(gate, {state(PinStanding::unverified, start + 450s)}, 600s);
  CHECK(minutes_left(gate, {window("atlas", 5), window("atlas", 6), window("atlas", 7),
                            window("atlas", 9), window("atlas", 10)}) == std::vector{6, 10});
}

TEST_CASE("windows of a path that was never proven are all refused once its pin fails") {
  PinGate gate;
  note(gate, {state(PinStanding::unverified)}, 0s);
  note(gate, {state(PinStanding::failed)}, 300s);
  CHECK(minutes_left(gate, {window("atlas", 0), window("atlas", 5)}).empty());
}

TEST_CASE("no window is evidence before the first check of its path is over") {
  PinGate gate;
  note(gate, {state(PinStanding::pending)}, 0s);
  CHECK(minutes_left(gate, {window("atlas", 0)}).empty());
  note(gate, {state(PinStanding::ok, start)}, 1s);
  CHECK(minutes_left(gate, {window("atlas", 0)}) == std::vector{0});
}

TEST_CASE("a pin that is only warned of refuses nothing, and is noted") {
  PinGate gate;
  note(gate, {state(PinStanding::failed)}, 0s, PinMode::warn);
  CHECK(minutes_left(gate, {window("atlas", 0)}) == std::vector{0});
  CHECK(gate.notes().at("atlas") == analyzer::PinNote{false, "pin failed: because"});
}

TEST_CASE("a note says what speaks against a pin, of each address family") {
  PinGate gate;
  note(gate, {state(PinStanding::ok)}, 0s);
  CHECK(gate.notes().empty());
  note(gate, {state(PinStanding::failed, {}, "192.0.2.9 answered, not 192.0.2.2")}, 0s);
  CHECK(gate.notes().at("atlas") ==
        analyzer::PinNote{true, "pin failed: 192.0.2.9 answered, not 192.0.2.2"});
  note(gate, {state(PinStanding::ok), state(PinStanding::unverified, {}, "nobody answered", true)},
       0s);
  CHECK(gate.notes().at("atlas") ==
        analyzer::PinNote{false, "pin unverified (IPv6): nobody answered"});
  note(gate, {state(PinStanding::failed), state(PinStanding::unverified, {}, "silence", true)}, 0s);
  CHECK(gate.notes().at("atlas") ==
        analyzer::PinNote{true, "pin failed (IPv4): because; pin unverified (IPv6): silence"});
}

namespace {

// What may answer for path "atlas" over IPv4, with these lines in it and in the other path.
std::vector<std::string> answers(const std::string& atlas, const std::string& other) {
  const auto parsed = parse_configuration(
      "[[path]]\nname = \"atlas\"\nupstream_asn = 64501\n" + atlas +
          "\n[[path]]\nname = \"loukkos\"\nupstream_asn = 64502\n" + other +
          "\n[[target]]\nname = \"madrid\"\naddress = \"198.51.100.10\"\nprotocol = \"stamp\"\n",
      "t.toml");
  if (!parsed) FAIL(parsed.error().message);
  const auto checks = parsed->pin_checks();
  REQUIRE(checks.size() == 2);  // there is no IPv6 target
  CHECK(checks[0].path == "atlas");
  CHECK(checks[0].flow.kind == probe::FlowKind::udp);
  CHECK(checks[0].flow.destination.port == 862);
  std::vector<std::string> found;
  for (const Address& address : checks[0].accepted) found.push_back(address.to_string());
  return found;
}

}  // namespace

TEST_CASE("who may answer a check is the neighbour, the next hop, and whoever is named") {
  using Answers = std::vector<std::string>;
  CHECK(answers("", "").empty());
  CHECK(answers("neighbor_v4 = \"192.0.2.2\"", "") == Answers{"192.0.2.2"});
  CHECK(answers("neighbor_v4 = \"192.0.2.2\"\nnext_hop_v4 = \"192.0.2.2\"", "") ==
        Answers{"192.0.2.2"});
  CHECK(answers("neighbor_v4 = \"192.0.2.2\"\nnext_hop_v4 = \"192.0.2.3\"", "") ==
        Answers{"192.0.2.2", "192.0.2.3"});
  CHECK(answers("next_hop_v4 = \"192.0.2.3\"\npin_answers = [\"192.0.2.4\", \"2001:db8::1\"]",
                "") == Answers{"192.0.2.3", "192.0.2.4"});
  // A next hop that is another path's neighbour is the mistake to be found,
  const std::string other = "neighbor_v4 = \"192.0.2.6\"";
  CHECK(answers("neighbor_v4 = \"192.0.2.2\"\nnext_hop_v4 = \"192.0.2.6\"", other) ==
        Answers{"192.0.2.2"});
  // unless nothing else is known of the path, or it is said to be right.
  CHECK(answers("next_hop_v4 = \"192.0.2.6\"", other) == Answers{"192.0.2.6"});
  CHECK(answers("neighbor_v4 = \"192.0.2.2\"\nnext_hop_v4 = \"192.0.2.6\"\n"
                "pin_answers = [\"192.0.2.6\"]",
                other) == Answers{"192.0.2.2", "192.0.2.6"});
}

TEST_CASE("a check ends at the upstream and is otherwise sent as a probe is") {
  const auto parsed = parse_configuration(R"(
[[path]]
name = "atlas"
upstream_asn = 64501
source_v6 = "2001:db8::1"
mark = 7
pin_hops = 2
[[target]]
name = "madrid"
address = "198.51.100.10"
[[target]]
name = "paris"
address = "2001:db8:9::1"
protocol = "stamp"
port = 4000
[[target]]
name = "lyon"
address = "198.51.100.11"
protocol = "stamp"
[probe]
dscp = 46
)",
                                          "t.toml");
  if (!parsed) FAIL(parsed.error().message);
  const auto checks = parsed->pin_checks();
  REQUIRE(checks.size() == 2);
  CHECK(checks[0].flow.kind == probe::FlowKind::icmp_echo);
  CHECK(checks[0].flow.destination.port == 0);
  CHECK(checks[1].flow.kind == probe::FlowKind::udp);
  CHECK(checks[1].flow.destination.port == 4000);
  for (const probe::PinCheck& check : checks) {
    CHECK(check.flow.hop_limit == 2);
    CHECK(check.flow.dscp == 46);
    CHECK(check.flow.pin.mark == 7U);
  }
}
