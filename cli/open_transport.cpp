// SPDX-License-Identifier: Apache-2.0
#include "cli/open_transport.hpp"

#include <algorithm>
#include <chrono>

#include "probe/socket/socket_transport.hpp"

namespace strait::cli {
namespace {

constexpr Nanos shortest_coalesced = std::chrono::milliseconds{5};
constexpr Nanos longest_coalescing = std::chrono::milliseconds{1};

Result<std::unique_ptr<probe::Transport>> open_socket(const ProbeOptions& options) {
  probe::SocketOptions engine;
  engine.realtime = options.realtime;
  // Well inside the jitter of the schedule; intervals too short for that wake up for every slot.
  if (options.interval >= shortest_coalesced)
    engine.coalesce = std::min(options.interval / 20, longest_coalescing);
  auto opened = probe::SocketTransport::open(engine);
  if (!opened) return fail(std::move(opened));
  return std::unique_ptr<probe::Transport>{std::move(*opened)};
}

}  // namespace

Result<std::unique_ptr<probe::Transport>> open_transport(const ProbeOptions& options) {
  if (options.engine == Engine::socket) return open_socket(options);
  return fail(Errc::unsupported, "probe: this build has no dpdk engine");
}

}  // namespace strait::cli
