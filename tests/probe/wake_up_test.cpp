// SPDX-License-Identifier: Apache-2.0
#include "probe/wake_up.hpp"

#include <sys/prctl.h>

#include <catch2/catch.hpp>
#include <thread>

TEST_CASE("timers of a thread that asked for it are exact, those of others are left alone") {
  const int before = ::prctl(PR_GET_TIMERSLACK);
  int inside = 0;
  std::thread{[&] {
    strait::probe::sharpen_wake_ups();
    inside = ::prctl(PR_GET_TIMERSLACK);
  }}.join();
  CHECK(inside == 1);
  CHECK(::prctl(PR_GET_TIMERSLACK) == before);
}
