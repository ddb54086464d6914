// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "cli/doctor/devices.hpp"
#include "cli/doctor/report.hpp"
#include "cli/doctor/run.hpp"
#include "cli/doctor/self_tests.hpp"

namespace strait::cli {
namespace {

using probe::doctor::Finding;
using probe::doctor::Findings;
using probe::doctor::Group;
using probe::doctor::Status;

Finding finding(Status status, bool access = false, Group group = Group::memory) {
  return {.group = group,
          .check = "check",
          .subject = "",
          .status = status,
          .seen = "seen",
          .meaning = "",
          .remedy = "",
          .access = access};
}

std::string path(const std::string& name, const std::string& rest) {
  return "[[path]]\nname = \"" + name +
         "\"\nupstream_asn = 64501\nneighbor_v4 = \"192.0.2.2\"\n"
         "protocol = \"up\"\n" +
         rest;
}

std::string target(const std::string& name, const std::string& address) {
  return "[[target]]\nname = \"" + name + "\"\naddress = \"" + address + "\"\n";
}

Configuration read(const std::string& text) {
  auto configuration = parse_configuration(text, "test.toml");
  INFO((configuration ? "" : configuration.error().message));
  REQUIRE(configuration.has_value());
  return std::move(*configuration);
}

PathRoute route(const std::string& name, const char* interface, const char* gateway,
                const char* source) {
  return {
      name,
      {interface, boost::asio::ip::make_address(gateway), boost::asio::ip::make_address(source)}};
}

}  // namespace

TEST_CASE("the exit status is that of the worst finding, a missing permission or device first") {
  CHECK(exit_status(Findings{}) == 0);
  CHECK(exit_status({finding(Status::warning), finding(Status::unknown)}) == 0);
  CHECK(exit_status({finding(Status::good), finding(Status::problem)}) == 1);
  CHECK(exit_status({finding(Status::problem), finding(Status::problem, true)}) == 3);
  // A permission that would only be of use is none that is missing.
  CHECK(exit_status({finding(Status::note, true)}) == 0);
}

TEST_CASE("findings are printed by group, each remedy below its finding, and counted") {
  Finding bad = finding(Status::problem);
  bad.subject = "eth0";
  bad.meaning = "nothing works";
  bad.remedy = "mend it";
  CHECK(to_text({bad, finding(Status::good, false, Group::privileges)}, false) ==
        "privileges\n"
        "  good     check: seen\n"
        "memory\n"
        "  problem  check (eth0): seen: nothing works\n"
        "             mend: mend it\n"
        "1 good, 0 note, 0 warning, 1 problem, 0 unknown\n");
  CHECK_THAT(to_text({bad}, true), Catch::Contains("\x1b[1;31mproblem "));
}

TEST_CASE("JSON has a line for each finding and one for the sum") {
  Finding bad = finding(Status::problem, true);
  bad.remedy = "echo \"1\"";
  CHECK(to_json({bad}) ==
        R"({"strait":1,"type":"finding","group":"memory","check":"check","subject":"",)"
        R"("status":"problem","seen":"seen","meaning":"","remedy":"echo \"1\""})"
        "\n"
        R"({"strait":1,"type":"doctor","exit_status":3,"good":0,"note":0,"warning":0,)"
        R"("problem":1,"unknown":0})"
        "\n");
}

TEST_CASE("a device word is taken apart as its engine takes it") {
  struct Case {
    probe::Engine engine;
    const char* word;
    const char* interface;
    const char* pci;
  };
  const auto c = GENERATE(values<Case>({
      {probe::Engine::socket, "eth1", "eth1", ""},
      {probe::Engine::dpdk, "net_af_packet0,iface=eth1", "eth1", ""},
      {probe::Engine::dpdk, "net_ring0", "", ""},
      {probe::Engine::dpdk, "03:00.0", "", "0000:03:00.0"},
      {probe::Engine::dpdk, "0001:03:00.1", "", "0001:03:00.1"},
  }));
  CAPTURE(c.word);
  DoctorOptions options;
  options.engine = c.engine;
  options.device = c.word;
  const auto wanted = wanted_of(options);
  REQUIRE(wanted.devices.size() == 1);
  CHECK(wanted.devices.front().name == c.word);
  CHECK(wanted.devices.front().interface == c.interface);
  CHECK(wanted.devices.front().pci == c.pci);
}

TEST_CASE("what a configuration wants: its devices once, its longest packet, its targets' kind") {
  const auto configuration =
      read(path("one", "device = \"net_af_packet0,iface=eth1\"\nvlans = [100]\n") +
           path("two", "device = \"net_af_packet0\"\nmpls = [16, 17]\n") +
           path("three", "device = \"net_tap0\"\n") + target("madrid", "192.0.2.9") +
           target("rome", "2001:db8::9") +
           "[probe]\nengine = \"dpdk\"\npayload = 1000\n[dpdk]\ncores = [2]\npoll = \"busy\"\n"
           "devices = [\"net_af_packet0,iface=eth1\"]\n");
  const auto wanted = wanted_of(configuration);
  REQUIRE(wanted.devices.size() == 2);
  CHECK(wanted.devices[0].interface == "eth1");
  CHECK(wanted.devices[0].longest_packet == 1000 + 8 + 40 + 8);  // two labels
  CHECK(wanted.devices[1].name == "net_tap0");
  CHECK(wanted.icmp);
  CHECK(wanted.cores == std::vector<unsigned>{2});
  CHECK(wanted.busy);
  CHECK_FALSE(wanted.marks);
}

TEST_CASE("the target of a path is one that it has an address for") {
  const auto configuration = read(path("both", "") + path("v6", "source_v6 = \"2001:db8::1\"\n") +
                                  target("madrid", "192.0.2.9"));
  CHECK(target_for(configuration, configuration.pins[0].pin)->name == "madrid");
  CHECK(target_for(configuration, configuration.pins[1].pin) == nullptr);
}

TEST_CASE("dpdk paths that write the same frames are said to be one") {
  const auto pins = [](const std::string& second) {
    const auto configuration =
        read(path("one", "device = \"net_tap0\"\nnext_hop_v4 = \"192.0.2.2\"\n") +
             path("two", second) + target("madrid", "192.0.2.9") + "[probe]\nengine = \"dpdk\"\n");
    return distinct_findings(configuration, {});
  };
  const auto same = pins("device = \"net_tap0\"\nnext_hop_v4 = \"192.0.2.2\"\n");
  REQUIRE(same.size() == 1);
  CHECK(same.front().status == Status::problem);
  CHECK(same.front().subject == "two");
  CHECK(pins("device = \"net_tap0\"\nnext_hop_v4 = \"192.0.2.2\"\nvlans = [7]\n").front().status ==
        Status::good);
  CHECK(pins("device = \"net_tap1\"\nnext_hop_v4 = \"192.0.2.2\"\n").front().status ==
        Status::good);
}

TEST_CASE(
    "socket paths are compared by the way that the kernel chose, and marks may hide a difference") {
  const auto configuration = read(path("one", "") + path("two", "mark = 2\n") + path("three", "") +
                                  target("madrid", "192.0.2.9"));
  const auto a = route("one", "eth1", "192.0.2.2", "192.0.2.1");
  SECTION("all differ") {
    const auto findings =
        distinct_findings(configuration, {a, route("two", "eth1", "192.0.2.2", "192.0.2.3"),
                                          route("three", "eth2", "192.0.2.2", "192.0.2.1")});
    REQUIRE(findings.size() == 1);
    CHECK(findings.front().status == Status::good);
  }
  SECTION("another mark, the same way") {
    const auto findings =
        distinct_findings(configuration, {a, route("two", "eth1", "192.0.2.2", "192.0.2.1")});
    REQUIRE(findings.size() == 1);
    CHECK(findings.front().status == Status::warning);
  }
  SECTION("nothing differs") {
    const auto findings =
        distinct_findings(configuration, {a, route("three", "eth1", "192.0.2.2", "192.0.2.1")});
    REQUIRE(findings.size() == 1);
    CHECK(findings.front().status == Status::problem);
    CHECK(findings.front().subject == "three");
  }
  SECTION("another next hop than the BGP neighbour") {
    const auto findings =
        distinct_findings(configuration, {route("one", "eth1", "192.0.2.77", "192.0.2.1")});
    REQUIRE(findings.size() == 1);
    CHECK(findings.front().status == Status::note);
    CHECK_THAT(findings.front().seen, Catch::Contains("192.0.2.77"));
  }
}

TEST_CASE("the command to try a path by hand pins as the path does") {
  const auto configuration =
      read(path("one",
                "device = \"net_tap0\"\nsource_v4 = \"192.0.2.1\"\nnext_hop_v4 = "
                "\"192.0.2.2\"\nvlans = [300, 101]\nmpls = [16001]\n") +
           target("madrid", "198.51.100.10") + "protocol = \"stamp\"\nport = 8620\n" +
           "[probe]\nengine = \"dpdk\"\n");
  CHECK(command_to_try(configuration, configuration.pins[0].pin, configuration.targets[0]) ==
        "strait probe --engine dpdk --protocol stamp -p 8620 -s 44 -I net_tap0 --source 192.0.2.1 "
        "--next-hop 192.0.2.2 --vlan 300 --vlan 101 --mpls 16001 198.51.100.10");
}

TEST_CASE("link and counters of a device are told only of a card whose port runs") {
  probe::dpdk::DeviceFacts facts;
  facts.driver = "mlx5_pci";
  CHECK(findings_of("0000:03:00.0", facts).size() == 1);
  facts.link_up = false;
  facts.missed = 3;
  const auto findings = findings_of("0000:03:00.0", facts);
  REQUIRE(findings.size() == 3);
  CHECK(findings[1].status == Status::problem);
  CHECK(findings[2].seen == "3 missed");
  // A virtual device's driver makes its link up.
  CHECK(findings_of("net_tap0", facts).size() == 2);
}

TEST_CASE("a pin that fails is a problem, and one that nothing proves is a warning") {
  using probe::PinStanding;
  std::vector<probe::PinState> states(4);
  const auto set = [&](std::size_t at, const char* path, PinStanding standing, const char* reason) {
    states[at].path = path;
    states[at].standing = standing;
    states[at].reason = reason;
  };
  set(0, "one", PinStanding::ok, "192.0.2.2 answered");
  set(1, "two", PinStanding::failed, "192.0.2.9 answered first");
  set(2, "three", PinStanding::unverified, "silence");
  states[2].v6 = true;
  const auto findings = pin_findings(probe::PinMode::enforce, states);
  REQUIRE(findings.size() == 4);
  CHECK(findings[0].status == Status::good);
  CHECK(findings[0].seen == "IPv4: 192.0.2.2 answered");
  CHECK(findings[1].status == Status::problem);
  CHECK_THAT(findings[1].meaning, Catch::Contains("does not probe it"));
  CHECK_THAT(findings[1].remedy, Catch::Contains("pin_answers"));
  CHECK(findings[2].status == Status::warning);
  CHECK(findings[2].seen == "IPv6: silence");
  CHECK(findings[3].status == Status::unknown);
  CHECK_THAT(pin_findings(probe::PinMode::warn, states)[1].meaning,
             Catch::Contains("its evidence is of that one"));
  const auto off = pin_findings(probe::PinMode::off, states);
  REQUIRE(off.size() == 1);
  CHECK(off[0].status == Status::note);
}

TEST_CASE("a path that takes less than its MTU is a problem once its own probes do not fit") {
  using probe::MtuStanding;
  std::vector<probe::MtuState> states(3);
  states[0].standing = MtuStanding::ok;
  states[1].standing = MtuStanding::too_small;
  states[1].octets = 1400;
  states[2] = states[1];
  states[2].octets = std::nullopt;
  states[2].sessions_fit = false;
  states[2].session_octets = 1428;
  const auto findings = mtu_findings(states);
  REQUIRE(findings.size() == 3);
  CHECK(findings[0].status == Status::good);
  CHECK(findings[1].status == Status::warning);
  CHECK_THAT(findings[1].remedy, Catch::Contains("mtu = 1400"));
  CHECK(findings[2].status == Status::problem);
  CHECK_THAT(findings[2].meaning, Catch::Contains("1428"));
}

TEST_CASE("what the engine counted while the paths were probed is shown, zeros are not") {
  probe::TransportCounters counters;
  CHECK(counter_findings(counters).empty());
  counters.errors["transmit-stalled"] = 2;
  counters.errors["link-down"] = 0;
  counters.ignored["not-ip"] = 7;
  const auto findings = counter_findings(counters);
  REQUIRE(findings.size() == 2);
  CHECK(findings[0].seen == "2 transmit-stalled");
  CHECK(findings[1].seen == "ignored 7 not-ip");
}

}  // namespace strait::cli
