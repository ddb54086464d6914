// SPDX-License-Identifier: Apache-2.0
#include "cli/service/mtu_notes.hpp"

#include <catch2/catch.hpp>

#include "cli/config/configuration.hpp"

using namespace strait;
using namespace strait::cli;
using probe::MtuStanding;

namespace {

probe::MtuState state(MtuStanding standing, bool v6 = false) {
  return {.path = "atlas",
          .v6 = v6,
          .standing = standing,
          .mtu = 1500,
          .octets = 1400,
          .reason = "1400 says 192.0.2.2",
          .session_octets = 1428,
          .checked = {}};
}

}  // namespace

TEST_CASE("only a path that takes less than its MTU gets a note, and that takes no evidence away") {
  MtuNotes mtus;
  const std::vector fine{state(MtuStanding::ok), state(MtuStanding::unknown, true)};
  mtus.note(fine);
  CHECK(mtus.states() == fine);
  CHECK(mtus.added_to({}).empty());
  mtus.note(std::vector{state(MtuStanding::too_small)});
  CHECK(mtus.added_to({}).at("atlas") ==
        analyzer::PinNote{false, "the path takes less than its mtu of 1500: 1400 says 192.0.2.2"});
}

TEST_CASE("the note names the family where there are two, and probes that do not fit") {
  MtuNotes mtus;
  probe::MtuState long_probes = state(MtuStanding::too_small, true);
  long_probes.sessions_fit = false;
  mtus.note(std::vector{state(MtuStanding::ok), long_probes});
  CHECK(mtus.added_to({}).at("atlas").words ==
        "the path takes less than its mtu of 1500 (IPv6): 1400 says 192.0.2.2, and its own probes "
        "of 1428 octets are longer");
}

TEST_CASE("the note stands behind what is said of the pin") {
  MtuNotes mtus;
  mtus.note(std::vector{state(MtuStanding::too_small)});
  const auto notes = mtus.added_to(
      {{"atlas", {true, "pin failed: because"}}, {"loukkos", {false, "pin unverified: silence"}}});
  CHECK(notes.at("atlas") ==
        analyzer::PinNote{true,
                          "pin failed: because; the path takes less than its mtu of 1500: 1400 "
                          "says 192.0.2.2"});
  CHECK(notes.at("loukkos").words == "pin unverified: silence");
}

TEST_CASE("a path's MTU is tested as its sessions send, with a packet exactly that long") {
  const char* const text = R"(
[[path]]
name = "atlas"
upstream_asn = 64501
mtu = 1400
[[target]]
name = "madrid"
address = "198.51.100.10"
[[target]]
name = "paris"
address = "2001:db8:9::1"
protocol = "stamp"
[probe]
payload = 100
dscp = 46
)";
  const auto parsed = parse_configuration(text, "t.toml");
  if (!parsed) FAIL(parsed.error().message);
  const auto checks = parsed->mtu_checks();
  REQUIRE(checks.size() == 2);
  CHECK(checks[0].flow.kind == probe::FlowKind::icmp_echo);
  CHECK(checks[0].flow.max_payload == 1372);
  CHECK(checks[0].session_octets == 128);
  CHECK(checks[1].flow.kind == probe::FlowKind::udp);
  CHECK(checks[1].flow.destination.port == 862);
  CHECK(checks[1].flow.max_payload == 1352);
  CHECK(checks[1].session_octets == 148);
  for (const probe::MtuCheck& check : checks) {
    CHECK(check.path == "atlas");
    CHECK(check.mtu() == 1400);
    CHECK(check.flow.dscp == 46);
    CHECK(check.flow.hop_limit == 255);
  }

  const auto off = parse_configuration(std::string{text} + "mtu_check = false\n", "t.toml");
  if (!off) FAIL(off.error().message);
  CHECK(off->mtu_checks().empty());
}
