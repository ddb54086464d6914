// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "tests/probe/doctor/fake_machine.hpp"

namespace strait::probe::doctor {

TEST_CASE("a CPU list is read as the kernel writes it, and nothing else is") {
  CHECK(parse_cpu_list("0-2,7\n") == std::vector<unsigned>{0, 1, 2, 7});
  CHECK(parse_cpu_list("") == std::vector<unsigned>{});
  for (const char* const bad : {"(null)", "3-1", "0-", "-1", "1,,2", "0-99999999", "1 2"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_cpu_list(bad).has_value());
  }
}

TEST_CASE("a field of a status file is found by its whole name") {
  const std::string text = "CapEffX:\t1\nCapEff:\t00ff\nempty:\nno colon\n";
  CHECK(field(text, "CapEff") == "00ff");
  CHECK(field(text, "empty") == "");
  CHECK_FALSE(field(text, "Cap").has_value());
  CHECK_FALSE(field("", "CapEff").has_value());
}

TEST_CASE("what is not there is absent, never an error") {
  const FakeMachine fake;
  const Machine machine = fake.machine();
  CHECK_FALSE(machine.text("proc/nothing").has_value());
  CHECK_FALSE(machine.number("proc/nothing").has_value());
  CHECK_FALSE(machine.link("proc/nothing").has_value());
  CHECK(machine.names("proc/nothing").empty());
}

TEST_CASE("a number has nothing behind it") {
  FakeMachine fake;
  fake.file("a", "-1\n").file("b", "12 kB\n").file("c", "\n").directory("d");
  const Machine machine = fake.machine();
  CHECK(machine.number("a") == -1);
  CHECK_FALSE(machine.number("b").has_value());
  CHECK_FALSE(machine.number("c").has_value());
  CHECK_FALSE(machine.number("d").has_value());
}

TEST_CASE(
    "an empty machine is looked at to the end, and nothing of it is called good that was not "
    "seen") {
  const FakeMachine fake;
  for (const Engine engine : {Engine::socket, Engine::dpdk}) {
    Wanted wanted;
    wanted.engine = engine;
    const auto findings = examine(fake.machine(), wanted);
    CHECK(the(findings, "capabilities").status == Status::unknown);
    CHECK(the(findings, "tsc").status == Status::unknown);
    CHECK(the(findings, "clocksource").status == Status::unknown);
  }
}

TEST_CASE("a machine that is set up well has no problem, no warning, and nothing unknown") {
  FakeMachine fake;
  make_tuned(fake);
  auto wanted = dpdk_on(pci_device("0000:3b:00.0"));
  wanted.huge_pages = true;
  wanted.cores = {3};
  wanted.busy = true;
  for (const Finding& finding : examine(fake.machine(), wanted)) {
    CAPTURE(finding.check, finding.subject, finding.seen, finding.meaning);
    CHECK(finding.status == Status::good);
    CHECK(finding.remedy.empty());
  }
}

TEST_CASE("every problem and every warning of a bare machine says what it means") {
  FakeMachine fake;
  make_bare(fake);
  fake.process("0000000000000000", 1000).pci("0000:00:03.0", "virtio-pci");
  auto wanted = dpdk_on(pci_device("0000:00:03.0"));
  wanted.devices.push_back(af_packet("eth0"));
  wanted.cores = {9};
  wanted.huge_pages = true;
  int bad = 0;
  for (const Finding& finding : examine(fake.machine(), wanted)) {
    if (finding.status != Status::problem && finding.status != Status::warning) continue;
    ++bad;
    CAPTURE(finding.check, finding.seen);
    CHECK_FALSE(finding.meaning.empty());
  }
  CHECK(bad >= 5);
}

}  // namespace strait::probe::doctor
