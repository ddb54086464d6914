// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "tests/probe/doctor/fake_machine.hpp"

namespace strait::probe::doctor {
namespace {

Findings look(const FakeMachine& fake, unsigned core, bool busy = true) {
  auto wanted = dpdk_on(pci_device("0000:3b:00.0"));
  wanted.cores = {core};
  wanted.busy = busy;
  return check_processor(fake.machine(), wanted);
}

}  // namespace

TEST_CASE("the core of the polling thread must be online and allowed") {
  FakeMachine fake;
  make_bare(fake);
  const Finding offline = the(look(fake, 9), "core");
  CHECK(offline.status == Status::problem);
  CHECK_THAT(offline.seen, Catch::Contains("0-3"));
  fake.file("sys/devices/system/cpu/online", "0-15\n");
  CHECK_THAT(the(look(fake, 9), "core").seen, Catch::Contains("not for this process"));
}

TEST_CASE("a core that is not isolated is a warning to busy polling, else a note") {
  FakeMachine fake;
  make_bare(fake);
  CHECK(the(look(fake, 1, true), "core").status == Status::warning);
  CHECK(the(look(fake, 1, false), "core").status == Status::note);
  // No GRUB: no command that works.
  CHECK(the(look(fake, 1), "core").remedy.empty());
  fake.file("usr/sbin/update-grub", "").directory("etc/default/grub.d");
  CHECK(the(look(fake, 1), "core").remedy ==
        "echo 'GRUB_CMDLINE_LINUX=\"$GRUB_CMDLINE_LINUX isolcpus=managed_irq,domain,1 nohz_full=1 "
        "rcu_nocbs=1\"' > /etc/default/grub.d/strait.cfg && update-grub && reboot");
}

TEST_CASE("a thread beside the polling core that may run others is named") {
  FakeMachine fake;
  make_tuned(fake);
  fake.file("sys/devices/system/cpu/cpu3/topology/thread_siblings_list", "2-3\n");
  const auto findings = look(fake, 3);
  CHECK(findings.at(1).seen == "shares its core with CPU 2");
  CHECK(findings.at(1).remedy == "echo 0 > /sys/devices/system/cpu/cpu2/online");
  fake.file("sys/devices/system/cpu/isolated", "2-3\n");
  CHECK(the(look(fake, 3), "core").status == Status::good);
}

TEST_CASE("a core on another node than the device is a warning with the right CPUs") {
  FakeMachine fake;
  make_tuned(fake);
  CHECK(the(look(fake, 3), "numa").status == Status::good);
  fake.directory("sys/devices/system/cpu/cpu1/node0");
  const Finding far = the(look(fake, 1), "numa");
  CHECK(far.status == Status::warning);
  CHECK(far.remedy == "cores out of 2-3, under [dpdk]");
}

TEST_CASE("without cpufreq a virtual machine cannot tell, and a host does not scale") {
  FakeMachine fake;
  make_bare(fake);
  CHECK(the(look(fake, 1), "governor").status == Status::unknown);
  fake.file("proc/cpuinfo", "flags\t: tsc\n");
  CHECK(the(look(fake, 1), "governor").status == Status::good);
  fake.file("sys/devices/system/cpu/cpu1/cpufreq/scaling_governor", "powersave\n");
  const Finding slow = the(look(fake, 1), "governor");
  CHECK(slow.status == Status::note);
  CHECK(slow.seen == "powersave");
}

TEST_CASE("idle states that are disabled do not count") {
  FakeMachine fake;
  make_tuned(fake);
  const std::string deep = "sys/devices/system/cpu/cpu3/cpuidle/state2/";
  fake.file(deep + "name", "C6\n").file(deep + "latency", "133\n").file(deep + "disable", "0\n");
  CHECK(the(look(fake, 3), "idle-states").seen == "deepest is C6, 133 us to leave");
  CHECK(the(look(fake, 3), "idle-states").status == Status::note);
  fake.file(deep + "disable", "1\n");
  CHECK(the(look(fake, 3), "idle-states").status == Status::good);
}

TEST_CASE("stolen time is a warning above one per cent of the time wanted") {
  FakeMachine fake;
  make_bare(fake);
  CHECK(the(look(fake, 1), "steal").status == Status::good);
  fake.file("proc/stat", "cpu  1000 0 1000 90000 0 0 0 100 0 0\n");
  const Finding stolen = the(look(fake, 1), "steal");
  CHECK(stolen.status == Status::warning);
  CHECK_THAT(stolen.seen, Catch::Contains("4.76 %"));
}

}  // namespace strait::probe::doctor
