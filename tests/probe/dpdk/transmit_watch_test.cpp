// SPDX-License-Identifier: Apache-2.0
#include "probe/dpdk/transmit_watch.hpp"

#include <catch2/catch.hpp>

using strait::probe::dpdk::TransmitWatch;

TEST_CASE("a transmission that does not come back is a stall, reported once") {
  TransmitWatch watch{100};
  CHECK_FALSE(watch.check(1000));
  watch.enter(1000);
  CHECK_FALSE(watch.check(1100));
  CHECK(watch.check(1101));
  CHECK_FALSE(watch.check(1200));
  CHECK(watch.stalled());
  watch.leave(1300, true);
  CHECK_FALSE(watch.check(5000));
  CHECK_FALSE(watch.stalled());
  watch.enter(6000);
  CHECK(watch.check(6101));
  CHECK(watch.stalls() == 2);
}

TEST_CASE(
    "a device that takes nothing again and again has stalled, one that does now and then has not") {
  TransmitWatch watch{100};
  for (std::uint64_t now = 1000; now < 1090; now += 10) {
    watch.enter(now);
    watch.leave(now + 1, false);
  }
  CHECK_FALSE(watch.check(1100));
  CHECK(watch.check(1102));
  watch.enter(1110);
  watch.leave(1111, true);
  CHECK_FALSE(watch.check(1300));
  watch.enter(1310);
  watch.leave(1311, false);
  CHECK_FALSE(watch.check(1400));
}
