// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "core/result.hpp"

namespace strait::routes {

// A program in a session of its own that outlives us and waits at its standard input, a pipe: one
// octet says that all went well, the end without one that we are dead. It stands in for the
// rollback timer that a router does not have.
class Watchdog {
 public:
  // `words`: the program, by its path or found in PATH, and its arguments.
  [[nodiscard]] static Result<Watchdog> start(const std::vector<std::string>& words);
  Watchdog(Watchdog&& other) noexcept;
  Watchdog& operator=(Watchdog&&) = delete;
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;
  // Lets it act as if we were dead: we could not undo ourselves.
  void take_over();
  // Says that all went well, and waits for it to end, two seconds at most.
  ~Watchdog();

 private:
  Watchdog(int pipe, pid_t child) : pipe_{pipe}, child_{child} {}
  int pipe_;
  pid_t child_;
};

// The watchdog's side: whether whoever holds the other end of `fd` died before he said that all
// went well. Waits for either.
[[nodiscard]] bool died_behind(int fd);

}  // namespace strait::routes
