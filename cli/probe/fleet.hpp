// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "cli/probe/worker.hpp"

namespace strait::cli {

// The probing threads of an engine, as if they were one. Sessions are shared out by their keys, so
// that one that stays where the configuration changes stays on its thread too. Each thread checks
// the pins of the paths that it probes.
class ProbeFleet {
 public:
  // Called on each probing thread with its number.
  using MakeTransport = std::function<Result<std::unique_ptr<probe::Transport>>(unsigned thread)>;

  // As ProbeWorker::start(), for all threads at once: they may need each other to begin.
  [[nodiscard]] static Result<std::unique_ptr<ProbeFleet>> start(
      unsigned threads, const MakeTransport& make_transport, const probe::ProberOptions& options,
      std::vector<probe::SessionSpec> sessions, const ProbeWorker::Prepare& prepare,
      const PinPlan& pins);

  // What all of them have to tell: counters are added up; of the standings of one pin the worst.
  [[nodiscard]] Harvest harvest();
  [[nodiscard]] Result<void> replace(std::vector<probe::SessionSpec> sessions, const PinPlan& pins);
  [[nodiscard]] std::vector<Window> stop();

 private:
  ProbeFleet() = default;

  std::vector<std::unique_ptr<ProbeWorker>> workers_;
};

// The thread of a session, from 0.
[[nodiscard]] unsigned thread_of(const SessionKey& key, unsigned threads);

// Adds what `other` tells to `into`.
void add(Harvest& into, Harvest other);

}  // namespace strait::cli
