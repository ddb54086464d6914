// SPDX-License-Identifier: Apache-2.0
#include "cli/open_transport.hpp"

#include "probe/socket/socket_transport.hpp"

namespace strait::cli {
namespace {

Result<std::unique_ptr<probe::Transport>> open_socket(bool realtime) {
  probe::SocketOptions options;
  options.realtime = realtime;
  auto opened = probe::SocketTransport::open(options);
  if (!opened) return fail(std::move(opened));
  return std::unique_ptr<probe::Transport>{std::move(*opened)};
}

}  // namespace

Result<std::unique_ptr<probe::Transport>> open_transport(const ProbeOptions& options) {
  if (options.engine == Engine::socket) return open_socket(options.realtime);
  return fail(Errc::unsupported, "probe: this build has no dpdk engine");
}

}  // namespace strait::cli
