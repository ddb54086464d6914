// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "tests/probe/doctor/fake_machine.hpp"

namespace strait::probe::doctor {
namespace {

WantedDevice named(const std::string& name, std::size_t longest = 0) {
  return {.name = name, .driver = "", .interface = name, .pci = "", .longest_packet = longest};
}

Wanted sockets_on(const WantedDevice& device) {
  Wanted wanted;
  wanted.devices.push_back(device);
  return wanted;
}

}  // namespace

TEST_CASE("without a name the interfaces with hardware are looked at, else those that are up") {
  FakeMachine fake;
  make_bare(fake);
  fake.interface("lo").file("sys/class/net/lo/flags", "0x9\n");
  fake.interface("veth1").file("sys/class/net/down/flags", "0x1002\n");
  CHECK(interfaces_of(fake.machine()) == std::vector<std::string>{"eth0", "veth1"});
  fake.directory("sys/class/net/eth0/device");
  CHECK(interfaces_of(fake.machine()) == std::vector<std::string>{"eth0"});
}

TEST_CASE("an interface that somebody named and that is not there is a missing device") {
  FakeMachine fake;
  make_bare(fake);
  const Finding gone =
      the(check_interfaces(fake.machine(), sockets_on(named("nosuch"))), "interface", "nosuch");
  CHECK(gone.status == Status::problem);
  CHECK(gone.access);
}

TEST_CASE("where /sys is of another network namespace, nothing is said from it") {
  FakeMachine fake;
  make_bare(fake);
  fake.kernel.interfaces = {"inside"};
  fake.kernel.abilities["inside"] = fake.kernel.abilities["eth0"];
  CHECK(interfaces_of(fake.machine()).empty());
  CHECK(the(check_interfaces(fake.machine(), {}), "interface").status == Status::unknown);
  const auto findings = check_interfaces(fake.machine(), sockets_on(named("inside")));
  CHECK(the(findings, "interface", "inside").status == Status::unknown);
  CHECK(the(findings, "timestamps", "inside").status == Status::good);
  CHECK_FALSE(has(findings, "link"));
  CHECK(the(check_interfaces(fake.machine(), sockets_on(named("eth0"))), "interface").access);
}

TEST_CASE("a link that is down is a problem where probes must use it, else a note") {
  FakeMachine fake;
  make_bare(fake);
  fake.directory("sys/class/net/eth0/device").file("sys/class/net/eth0/flags", "0x1002\n");
  const Finding needed = the(check_interfaces(fake.machine(), sockets_on(named("eth0"))), "link");
  CHECK(needed.status == Status::problem);
  CHECK(needed.remedy == "ip link set eth0 up");
  CHECK(the(check_interfaces(fake.machine(), {}), "link").status == Status::note);
  fake.file("sys/class/net/eth0/flags", "0x1003\n").file("sys/class/net/eth0/carrier", "0\n");
  CHECK_THAT(the(check_interfaces(fake.machine(), {}), "link").seen,
             Catch::Contains("without a carrier"));
}

TEST_CASE("the speed of a link is told where the driver knows it") {
  FakeMachine fake;
  make_bare(fake);
  const auto seen = [&](const char* speed) {
    fake.file("sys/class/net/eth0/speed", speed);
    return the(check_interfaces(fake.machine(), sockets_on(named("eth0"))), "link").seen;
  };
  CHECK(seen("25000\n") == "up, 25 Gb/s");
  CHECK(seen("2500\n") == "up, 2500 Mb/s");
  CHECK(seen("-1\n") == "up");
}

TEST_CASE("packets above the MTU are fragments to sockets and cannot be sent by dpdk") {
  FakeMachine fake;
  make_bare(fake);
  const auto status = [&](Wanted wanted, std::size_t longest) {
    wanted.devices.front().longest_packet = longest;
    return the(check_interfaces(fake.machine(), wanted), "mtu").status;
  };
  CHECK(status(sockets_on(named("eth0")), 1500) == Status::good);
  CHECK(status(sockets_on(named("eth0")), 1501) == Status::warning);
  CHECK(status(dpdk_on(af_packet("eth0")), 1500) == Status::good);
  CHECK(status(dpdk_on(af_packet("eth0")), 1501) == Status::problem);
}

TEST_CASE("stamps of an interface") {
  struct Case {
    StampAbilities can;
    Status status;
  };
  const auto c = GENERATE(values<Case>({
      {{true, true, false, false, {}, {}}, Status::good},
      {{true, false, false, false, {}, {}}, Status::warning},  // as ifb and some tunnels
      {{true, true, true, true, 0, false}, Status::note},
      {{true, true, true, true, 0, true}, Status::good},
      {{true, true, true, true, 0, std::nullopt}, Status::good},
  }));
  FakeMachine fake;
  make_bare(fake);
  fake.kernel.abilities["eth0"] = c.can;
  const Finding stamps =
      the(check_interfaces(fake.machine(), sockets_on(named("eth0"))), "timestamps");
  CAPTURE(stamps.seen);
  CHECK(stamps.status == c.status);
}

TEST_CASE("what the kernel does not tell of stamps is unknown") {
  FakeMachine fake;
  make_bare(fake);
  fake.kernel.abilities.clear();
  CHECK(the(check_interfaces(fake.machine(), sockets_on(named("eth0"))), "timestamps").status ==
        Status::unknown);
}

TEST_CASE("counters of lost packets are noted when they are not zero") {
  FakeMachine fake;
  make_bare(fake);
  const auto look = [&] {
    return the(check_interfaces(fake.machine(), sockets_on(named("eth0"))), "counters");
  };
  CHECK(look().status == Status::good);
  fake.file("sys/class/net/eth0/statistics/rx_missed_errors", "17\n");
  CHECK(look().status == Status::note);
  CHECK(look().seen == "rx_missed_errors 17");
  fake.remove("sys/class/net/eth0/statistics");
  CHECK(look().status == Status::unknown);
}

TEST_CASE("a bifurcated driver tells the dpdk engine which device it could use") {
  FakeMachine fake;
  make_bare(fake);
  fake.link("sys/class/net/eth0/device", "../../../devices/pci/0000:3b:00.0");
  fake.kernel.drivers["eth0"] = "mlx5_core";
  CHECK_THAT(the(check_interfaces(fake.machine(), dpdk_on(af_packet("eth0"))), "driver").meaning,
             Catch::EndsWith("device 0000:3b:00.0"));
}

}  // namespace strait::probe::doctor
