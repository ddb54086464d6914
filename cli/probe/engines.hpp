// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>

#include "cli/probe/command.hpp"
#include "core/result.hpp"
#include "probe/dpdk/options.hpp"
#include "probe/options.hpp"
#include "probe/transport.hpp"

namespace strait::cli {

// What an engine must know before it opens.
struct EngineOptions {
  probe::Engine engine = probe::Engine::socket;
  Nanos interval{std::chrono::milliseconds{100}};  // between two probes of a session
  bool realtime = false;                           // of the socket engine's sending thread
  probe::dpdk::DpdkOptions dpdk;
};

// How an engine is run: by so many threads, each with a transport that is made on it.
struct EngineThreads {
  unsigned threads = 1;
  std::function<Result<std::unique_ptr<probe::Transport>>(unsigned thread)> make;
};

// Events of the DPDK engine (a next hop that was lost, a transmit that stalled) go to the log. The
// one place that knows all engines. Nothing is opened before the first transport is made.
[[nodiscard]] EngineThreads make_engine(const EngineOptions& options);

// The same for one shot: `--device` names the EAL's device.
[[nodiscard]] Result<std::unique_ptr<probe::Transport>> open_transport(const ProbeOptions& options);

// Where the engine looks up its next hops itself (dpdk): waits for them, and names those that do
// not answer.
[[nodiscard]] Result<void> await_next_hops(probe::Transport& transport, Nanos patience);

}  // namespace strait::cli
