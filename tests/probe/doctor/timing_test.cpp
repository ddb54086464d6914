// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "tests/probe/doctor/fake_machine.hpp"

namespace strait::probe::doctor {

TEST_CASE("a TSC that stops or changes its pace is a problem to the dpdk engine alone") {
  FakeMachine fake;
  make_bare(fake);
  Wanted wanted;
  for (const Engine engine : {Engine::socket, Engine::dpdk}) {
    wanted.engine = engine;
    fake.file("proc/cpuinfo", "flags\t: tsc constant_tsc nonstop_tsc tsc_known_freq\n");
    CHECK(the(check_tsc(fake.machine(), wanted), "tsc").status == Status::good);
    fake.file("proc/cpuinfo", "flags\t: tsc constant_tsc\n");
    const Finding stops = the(check_tsc(fake.machine(), wanted), "tsc");
    CHECK(stops.seen == "without nonstop_tsc");
    CHECK(stops.status == (engine == Engine::dpdk ? Status::problem : Status::note));
  }
}

TEST_CASE("a clock source that is read by a system call is a warning") {
  FakeMachine fake;
  make_bare(fake);
  const std::string at = "sys/devices/system/clocksource/clocksource0/";
  CHECK(the(check_tsc(fake.machine(), {}), "clocksource").status == Status::good);
  fake.file(at + "current_clocksource", "hpet\n");
  const Finding slow = the(check_tsc(fake.machine(), {}), "clocksource");
  CHECK(slow.status == Status::warning);
  CHECK(slow.remedy ==
        "echo tsc > /sys/devices/system/clocksource/clocksource0/current_clocksource");
  fake.file(at + "available_clocksource", "hpet acpi_pm\n");
  CHECK_THAT(the(check_tsc(fake.machine(), {}), "clocksource").remedy, Catch::StartsWith("dmesg"));
}

TEST_CASE("the kernel's preemption is read from its version, real time before the rest") {
  struct Case {
    const char* version;
    const char* says;
  };
  const auto c = GENERATE(values<Case>({
      {"Linux version 6.1.0 #1 SMP PREEMPT_DYNAMIC Debian", "PREEMPT_DYNAMIC"},
      {"Linux version 6.1.0-rt #1 SMP PREEMPT_RT Debian", "PREEMPT_RT"},
      {"Linux version 5.4.0 #1 SMP PREEMPT Thu", "PREEMPT,"},
      {"Linux version 5.4.0 #1 SMP Thu", "no preemption named"},
  }));
  FakeMachine fake;
  make_bare(fake);
  fake.file("proc/version", c.version);
  CHECK_THAT(the(check_timers(fake.machine(), {}), "kernel-timers").seen, Catch::Contains(c.says));
}

TEST_CASE("timers that end with a tick only are a warning") {
  FakeMachine fake;
  make_bare(fake);
  CHECK(the(check_timers(fake.machine(), {}), "kernel-timers").status == Status::good);
  fake.kernel.resolution = std::chrono::milliseconds{4};
  CHECK(the(check_timers(fake.machine(), {}), "kernel-timers").status == Status::warning);
}

TEST_CASE("wake-ups are judged by their 99th percentile") {
  struct Case {
    int late_of_200;
    Nanos by;
    Status status;
  };
  const auto c = GENERATE(values<Case>({
      {2, std::chrono::milliseconds{50}, Status::good},  // 198 of 200 are on time: p99 is
      {3, std::chrono::milliseconds{50}, Status::warning},
      {3, std::chrono::milliseconds{1}, Status::note},
      {200, std::chrono::microseconds{199}, Status::good},
  }));
  CAPTURE(c.late_of_200, c.by.count());
  FakeMachine fake;
  make_bare(fake);
  for (int i = 0; i < c.late_of_200; ++i) fake.kernel.late.at(static_cast<std::size_t>(i)) = c.by;
  CHECK(the(check_timers(fake.machine(), {}), "wake-ups").status == c.status);
}

TEST_CASE("sleeps that did not work are unknown") {
  FakeMachine fake;
  fake.kernel.late.clear();
  CHECK(the(check_timers(fake.machine(), {}), "wake-ups").status == Status::unknown);
}

TEST_CASE("the clock is judged by the kernel, and the remedy by the daemon that runs") {
  struct Case {
    bool synchronised;
    Nanos max_error;
    const char* daemon;
    Status status;
    const char* remedy;
  };
  const auto c = GENERATE(values<Case>({
      {true, std::chrono::microseconds{900}, "chronyd", Status::good, ""},
      {true, std::chrono::milliseconds{20}, "chronyd", Status::warning, "chronyc"},
      {false, Nanos{}, "chronyd", Status::warning, "chronyc"},
      {false, Nanos{}, "systemd-timesyn", Status::warning, "timedatectl"},
      {false, Nanos{}, "ptp4l", Status::warning, "pmc"},
      {false, Nanos{}, "ntpd", Status::warning, "ntpq"},
      {false, Nanos{}, "bash", Status::warning, "apt-get install chrony"},
  }));
  CAPTURE(c.synchronised, c.max_error.count(), c.daemon);
  FakeMachine fake;
  make_bare(fake);
  fake.file("proc/77/comm", std::string{c.daemon} + "\n");
  fake.kernel.reading.quality = {.synchronised = c.synchronised, .max_error = c.max_error};
  const Finding clock = the(check_clock(fake.machine(), {}), "clock");
  CHECK(clock.status == c.status);
  CHECK_THAT(clock.remedy, Catch::StartsWith(c.remedy));
  CHECK(clock.remedy.empty() == (*c.remedy == '\0'));
}

TEST_CASE("what time daemons say of the clock is shown, and what it is worth") {
  FakeMachine fake;
  make_bare(fake);
  ClockDaemons& daemons = fake.kernel.reading.daemons;
  const auto seen = [&] { return the(check_clock(fake.machine(), {}), "clock").seen; };
  CHECK_THAT(seen(), !Catch::Contains("chronyd is") && !Catch::Contains("ptp4l is"));
  daemons.chrony = ChronyStatus{.synchronised = true,
                                .offset = std::chrono::microseconds{-30},
                                .root_delay = std::chrono::microseconds{200},
                                .root_dispersion = std::chrono::microseconds{70}};
  CHECK_THAT(seen(), Catch::Contains("from its source, root delay"));
  daemons.chrony->synchronised = false;
  CHECK_THAT(seen(), Catch::Contains("; chronyd follows no source"));
  daemons.ptp_standing = PtpWatch::Standing::known;
  daemons.ptp.steps_removed = 1;
  CHECK_THAT(seen(), Catch::Contains("1 steps from the grandmaster, which does not vouch for UTC "
                                     "(class 248, accuracy 0xfe)"));
  daemons.grandmaster = {.clock_class = 6, .accuracy = 0x21};
  CHECK_THAT(seen(), Catch::Contains("of UTC (class 6, accuracy 0x21)"));
  daemons.ptp.steps_removed = 0;
  CHECK_THAT(seen(), Catch::Contains("0 steps from the grandmaster") && !Catch::Contains("class"));
}

TEST_CASE("where other processes are hidden nobody says that no time daemon runs") {
  FakeMachine fake;
  make_bare(fake);
  fake.remove("proc/1");
  fake.kernel.reading.quality.synchronised = false;
  CHECK_THAT(the(check_clock(fake.machine(), {}), "clock").seen, Catch::Contains("are hidden"));
}

}  // namespace strait::probe::doctor
