// SPDX-License-Identifier: Apache-2.0
#include "cli/open_transport.hpp"

#include "probe/socket/socket_transport.hpp"

namespace strait::cli {
namespace {

Result<std::unique_ptr<probe::Transport>> open_socket() {
  auto opened = probe::SocketTransport::open({});
  if (!opened) return fail(std::move(opened));
  return std::unique_ptr<probe::Transport>{std::move(*opened)};
}

}  // namespace

Result<std::unique_ptr<probe::Transport>> open_transport(const ProbeOptions& options) {
  if (options.engine == Engine::socket) return open_socket();
  return fail(Errc::unsupported, "probe: this build has no dpdk engine");
}

}  // namespace strait::cli
