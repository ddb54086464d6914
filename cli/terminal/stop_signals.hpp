// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <csignal>

namespace strait::cli {

// While it lives, SIGINT and SIGTERM only set a flag. One at a time; a second signal ends the
// program in the usual way.
class StopSignals {
 public:
  StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;
  StopSignals(StopSignals&&) = delete;
  StopSignals& operator=(StopSignals&&) = delete;
  ~StopSignals();

  [[nodiscard]] static bool raised();

 private:
  struct sigaction interrupt_{};
  struct sigaction terminate_{};
};

}  // namespace strait::cli
