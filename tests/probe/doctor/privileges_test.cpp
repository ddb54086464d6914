// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "tests/probe/doctor/fake_machine.hpp"

namespace strait::probe::doctor {
namespace {

constexpr auto nothing = "0000000000000000";
constexpr auto only_raw = "0000000000002000";
constexpr auto raw_and_admin = "0000000000003000";

}  // namespace

TEST_CASE("sockets need cap_net_raw for ICMP, unless ping sockets are allowed") {
  struct Case {
    const char* capabilities;
    const char* range;
    bool configured;
    bool icmp;
    std::optional<Status> missing;  // of cap_net_raw
  };
  const auto c = GENERATE(values<Case>({
      {only_raw, "1\t0", true, true, std::nullopt},
      {nothing, "1\t0", true, true, Status::problem},
      {nothing, "1\t0", false, true, Status::warning},
      {nothing, "1\t0", true, false, std::nullopt},
      {nothing, "0\t2147483647", true, true, std::nullopt},
      {nothing, "25\t25", true, true, std::nullopt},  // one of the other groups
      {nothing, "1001\t1002", true, true, Status::problem},
  }));
  CAPTURE(c.capabilities, c.range, c.configured, c.icmp);
  FakeMachine fake;
  make_bare(fake);
  fake.process(c.capabilities, 1000).file("proc/sys/net/ipv4/ping_group_range", c.range);
  Wanted wanted;
  wanted.configured = c.configured;
  wanted.icmp = c.icmp;
  const auto findings = check_privileges(fake.machine(), wanted);
  REQUIRE(has(findings, "capability") == c.missing.has_value());
  if (!c.missing) return;
  const Finding missing = the(findings, "capability", "ICMP probes");
  CHECK(missing.status == *c.missing);
  CHECK(missing.access == (*c.missing == Status::problem));
  CHECK(missing.remedy == "setcap cap_net_raw+ep '/usr/bin/strait'");
}

TEST_CASE("TCP probes without cap_net_raw are worth a warning") {
  for (const auto* const held : {nothing, only_raw}) {
    FakeMachine fake;
    make_bare(fake);
    fake.process(held, 1000);
    Wanted wanted;
    wanted.configured = true;
    wanted.icmp = false;
    wanted.tcp = true;
    const auto findings = check_privileges(fake.machine(), wanted);
    REQUIRE(has(findings, "capability") == (held == nothing));
    if (held != nothing) continue;
    const Finding missing = the(findings, "capability", "TCP probes");
    CHECK(missing.status == Status::warning);
    CHECK(missing.remedy == "setcap cap_net_raw+ep '/usr/bin/strait'");
  }
}

TEST_CASE("firewall marks need cap_net_admin") {
  FakeMachine fake;
  make_bare(fake);
  fake.process(only_raw);
  Wanted wanted;
  wanted.marks = true;
  const Finding missing =
      the(check_privileges(fake.machine(), wanted), "capability", "firewall marks");
  CHECK(missing.status == Status::problem);
  CHECK_THAT(missing.remedy, Catch::Contains("cap_net_admin"));
}

TEST_CASE("each kind of DPDK device needs its own capabilities, each said once") {
  struct Case {
    const char* driver;
    const char* held;
    std::size_t missing;
    const char* command;
  };
  const auto c = GENERATE(values<Case>({
      {"net_af_packet0", raw_and_admin, 0, ""},
      {"net_af_packet0", only_raw, 1, "setcap cap_net_admin,cap_net_raw+ep "},
      {"net_af_packet0", nothing, 2, "setcap cap_net_admin,cap_net_raw+ep "},
      {"net_af_xdp0", raw_and_admin, 1, "setcap cap_bpf,cap_net_admin,cap_net_raw+ep "},
      {"net_af_xdp0", "0000000000203000", 0, ""},  // cap_sys_admin holds cap_bpf's
      {"net_tap0", nothing, 1, "setcap cap_net_admin+ep "},
      {"net_ring0", nothing, 0, ""},
  }));
  CAPTURE(c.driver, c.held);
  FakeMachine fake;
  make_bare(fake);
  fake.process(c.held, 1000);
  WantedDevice device = af_packet("eth0");
  device.driver = c.driver;
  auto wanted = dpdk_on(device);
  device.name = "second";
  wanted.devices.push_back(device);
  Findings missing = check_privileges(fake.machine(), wanted);
  std::erase_if(missing, [](const Finding& finding) { return finding.check != "capability"; });
  REQUIRE(missing.size() == c.missing);
  for (const Finding& finding : missing) {
    CHECK(finding.status == Status::problem);
    CHECK_THAT(finding.subject, Catch::EndsWith(", second"));
    CHECK_THAT(finding.remedy, Catch::StartsWith(c.command));
  }
}

TEST_CASE("a small limit of receive buffers is noted unless cap_net_admin passes it") {
  FakeMachine fake;
  make_bare(fake);
  fake.process(only_raw);
  const Finding small = the(check_privileges(fake.machine(), {}), "receive-buffer");
  CHECK(small.status == Status::note);
  CHECK(small.remedy == "sysctl -w net.core.rmem_max=33554432");
  fake.process(raw_and_admin);
  CHECK(the(check_privileges(fake.machine(), {}), "receive-buffer").status == Status::good);
}

}  // namespace strait::probe::doctor
