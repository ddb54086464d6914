// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "tests/probe/doctor/fake_machine.hpp"

namespace strait::probe::doctor {
namespace {

const std::string pages = "sys/kernel/mm/hugepages/hugepages-2048kB/";

}  // namespace

TEST_CASE("huge pages are missed only where they are needed") {
  struct Case {
    bool pci;
    bool huge_pages;
    int free;
    Status status;
  };
  const auto c = GENERATE(values<Case>({
      {false, false, 0, Status::good},
      {false, true, 0, Status::problem},
      {false, true, 31, Status::problem},
      {false, true, 32, Status::good},
      {true, true, 0, Status::problem},
      {true, true, 64, Status::good},
  }));
  CAPTURE(c.pci, c.huge_pages, c.free);
  FakeMachine fake;
  make_bare(fake);
  fake.file(pages + "nr_hugepages", "100").file(pages + "free_hugepages", std::to_string(c.free));
  auto wanted = dpdk_on(c.pci ? pci_device("0000:03:00.0") : af_packet("eth0"));
  wanted.huge_pages = c.huge_pages;
  wanted.memory_mb = 64;
  CHECK(the(check_memory(fake.machine(), wanted), "huge-pages").status == c.status);
}

TEST_CASE("the command reserves huge pages on top of those that others hold") {
  FakeMachine fake;
  make_bare(fake);
  fake.file(pages + "nr_hugepages", "100").file(pages + "free_hugepages", "10");
  auto wanted = dpdk_on(af_packet("eth0"));
  wanted.huge_pages = true;
  wanted.memory_mb = 65;  // half a page more
  CHECK(the(check_memory(fake.machine(), wanted), "huge-pages").remedy ==
        "echo 123 > /sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages");
}

TEST_CASE("huge pages on another node than the device's are a warning") {
  FakeMachine fake;
  make_tuned(fake);
  fake.file("sys/devices/system/node/node1/hugepages/hugepages-2048kB/free_hugepages", "0\n");
  auto wanted = dpdk_on(pci_device("0000:3b:00.0"));
  wanted.huge_pages = true;
  const Finding far = the(check_memory(fake.machine(), wanted), "huge-pages", "0000:3b:00.0");
  CHECK(far.status == Status::warning);
  CHECK(far.remedy ==
        "echo 288 > /sys/devices/system/node/node1/hugepages/hugepages-2048kB/nr_hugepages");
}

TEST_CASE("a PCI device without huge_pages in the configuration is a warning") {
  FakeMachine fake;
  make_tuned(fake);
  const auto findings = check_memory(fake.machine(), dpdk_on(pci_device("0000:3b:00.0")));
  CHECK(findings.front().status == Status::warning);
  CHECK(findings.front().remedy == "huge_pages = true under [dpdk]");
}

TEST_CASE("the limit of locked memory counts for PCI devices without cap_ipc_lock") {
  struct Case {
    const char* limits;
    const char* capabilities;
    bool pci;
    Status status;
  };
  const auto c = GENERATE(values<Case>({
      {"Max locked memory  8388608  8388608  bytes\n", "0", true, Status::warning},
      {"Max locked memory  8388608  8388608  bytes\n", "0", false, Status::good},
      {"Max locked memory  8388608  8388608  bytes\n", "4000", true, Status::good},
      {"Max locked memory  67108864  67108864  bytes\n", "0", true, Status::good},
      {"Max locked memory  unlimited  unlimited  bytes\n", "0", true, Status::good},
      {"", "0", true, Status::unknown},
  }));
  CAPTURE(c.limits, c.capabilities, c.pci);
  FakeMachine fake;
  make_bare(fake);
  fake.process(c.capabilities).file("proc/self/limits", c.limits);
  const auto wanted = dpdk_on(c.pci ? pci_device("0000:03:00.0") : af_packet("eth0"));
  CHECK(the(check_memory(fake.machine(), wanted), "locked-memory").status == c.status);
}

}  // namespace strait::probe::doctor
