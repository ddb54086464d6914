// SPDX-License-Identifier: Apache-2.0
#include "cli/engines.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>

#include "probe/dpdk/transport.hpp"
#include "probe/socket/socket_transport.hpp"

namespace strait::cli {
namespace {

template <class T>
Result<std::unique_ptr<probe::Transport>> as_transport(Result<std::unique_ptr<T>> opened) {
  if (!opened) return tl::make_unexpected(std::move(opened).error());
  return std::unique_ptr<probe::Transport>{std::move(*opened)};
}

constexpr Nanos shortest_coalesced = std::chrono::milliseconds{5};
constexpr Nanos longest_coalescing = std::chrono::milliseconds{1};

probe::SocketOptions socket_options(const EngineOptions& options) {
  probe::SocketOptions socket;
  socket.realtime = options.realtime;
  // Well inside the jitter of the schedule; intervals too short for that wake up for every slot.
  if (options.interval >= shortest_coalesced) {
    socket.coalesce = std::min(options.interval / 20, longest_coalescing);
  }
  return socket;
}

}  // namespace

Result<std::unique_ptr<probe::Transport>> make_transport(const EngineOptions& options) {
  if (options.engine == probe::Engine::socket) {
    return as_transport(probe::SocketTransport::open(socket_options(options)));
  }
  return as_transport(probe::dpdk::DpdkTransport::open(
      options.dpdk, [](const std::string& event) { spdlog::warn("dpdk: {}", event); }));
}

Result<std::unique_ptr<probe::Transport>> open_transport(const ProbeOptions& options) {
  EngineOptions engine{.engine = options.engine,
                       .interval = options.interval,
                       .realtime = options.realtime,
                       .dpdk = {}};
  if (options.engine == probe::Engine::dpdk) {
    if (options.realtime) {
      return fail(Errc::bad_input, "probe: --realtime is for the socket engine");
    }
    if (options.device.empty()) {
      return fail(Errc::bad_input,
                  "probe: --engine dpdk needs --device, in the EAL's words, such as "
                  "net_af_packet0,iface=eth0 or 0000:03:00.0");
    }
    engine.dpdk.devices.push_back(options.device);
  }
  return make_transport(engine);
}

Result<void> await_next_hops(probe::Transport& transport, Nanos patience) {
  auto* const dpdk = dynamic_cast<probe::dpdk::DpdkTransport*>(&transport);
  return dpdk == nullptr ? Result<void>{} : dpdk->resolve(patience);
}

}  // namespace strait::cli
