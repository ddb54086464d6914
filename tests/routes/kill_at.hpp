// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <csignal>

#include "routes/apply/steps.hpp"

namespace strait::testing {

// Applies in a process of its own that ends right behind `step`, as by kill -9.
inline void apply_and_die(const routes::Plan& plan, const routes::RouterTarget& target,
                          const Clock& clock, routes::ApplyStep step,
                          routes::ApplyRequest request = {}) {
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    request.on_step = [step](routes::ApplyStep reached) {
      if (reached == step) ::kill(::getpid(), SIGKILL);
    };
    const auto ignored = routes::apply(plan, target, clock, request);
    ::_exit(ignored ? 0 : 1);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(WIFSIGNALED(status));
}

}  // namespace strait::testing
