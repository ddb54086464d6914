// SPDX-License-Identifier: Apache-2.0
#include "cli/terminal/stop_signals.hpp"

namespace strait::cli {
namespace {

volatile std::sig_atomic_t stop_raised = 0;

extern "C" void raise_stop(int) { stop_raised = 1; }

}  // namespace

StopSignals::StopSignals() {
  stop_raised = 0;
  struct sigaction action{};
  action.sa_handler = raise_stop;
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  ::sigaction(SIGINT, &action, &interrupt_);
  ::sigaction(SIGTERM, &action, &terminate_);
}

StopSignals::~StopSignals() {
  ::sigaction(SIGINT, &interrupt_, nullptr);
  ::sigaction(SIGTERM, &terminate_, nullptr);
}

bool StopSignals::raised() { return stop_raised != 0; }

}  // namespace strait::cli
