// SPDX-License-Identifier: Apache-2.0
#include "cli/probe/engines.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <mutex>
#include <optional>

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

// What the threads of the DPDK engine share: opened by the first of them that comes.
class SharedDpdk {
 public:
  explicit SharedDpdk(probe::dpdk::DpdkOptions options) : options_{std::move(options)} {}

  Result<std::shared_ptr<probe::dpdk::DpdkShared>> get() {
    const std::scoped_lock lock{mutex_};
    if (!shared_) {
      shared_ = probe::dpdk::DpdkShared::open(
          options_, [](const std::string& event) { spdlog::warn("dpdk: {}", event); });
    }
    return *shared_;
  }

 private:
  probe::dpdk::DpdkOptions options_;
  std::mutex mutex_;
  std::optional<Result<std::shared_ptr<probe::dpdk::DpdkShared>>> shared_;
};

}  // namespace

EngineThreads make_engine(const EngineOptions& options) {
  if (options.engine == probe::Engine::socket) {
    return {1, [options](unsigned) {
              return as_transport(probe::SocketTransport::open(socket_options(options)));
            }};
  }
  const auto common = std::make_shared<SharedDpdk>(options.dpdk);
  return {static_cast<unsigned>(options.dpdk.threads()),
          [common](unsigned thread) -> Result<std::unique_ptr<probe::Transport>> {
            auto shared = common->get();
            if (!shared) return tl::make_unexpected(shared.error());
            return probe::dpdk::DpdkTransport::join(std::move(*shared), thread);
          }};
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
    if (options.dpdk) {
      engine.dpdk = *options.dpdk;
      // One shot has one thread.
      if (engine.dpdk.cores.size() > 1) engine.dpdk.cores.resize(1);
      return make_engine(engine).make(0);
    }
    if (options.device.empty()) {
      return fail(Errc::bad_input,
                  "probe: --engine dpdk needs --device, in the EAL's words, such as "
                  "net_af_packet0,iface=eth0 or 0000:03:00.0");
    }
    engine.dpdk.devices.push_back(options.device);
  }
  return make_engine(engine).make(0);
}

Result<void> await_next_hops(probe::Transport& transport, Nanos patience) {
  auto* const dpdk = dynamic_cast<probe::dpdk::DpdkTransport*>(&transport);
  return dpdk == nullptr ? Result<void>{} : dpdk->resolve(patience);
}

}  // namespace strait::cli
