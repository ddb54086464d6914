// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "core/duration.hpp"
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
  // Lets it act as if we were dead: we could not undo ourselves. The next start() takes its end in.
  void take_over();
  // Says that all went well, and waits for it to end, two seconds at most.
  ~Watchdog();

 private:
  Watchdog(int pipe, pid_t child) : pipe_{pipe}, child_{child} {}
  int pipe_;
  pid_t child_;
};

// How it went with whoever holds the other end of a watchdog's pipe.
enum class Fate : std::uint8_t { well, died, hangs };

// The watchdog's side: waits until he says that all went well, or is dead, or has said nothing for
// `patience`: stopped, or caught in a system call that does not return.
[[nodiscard]] Fate fate_behind(int fd, Nanos patience);

}  // namespace strait::routes
