// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>

#include "core/clock.hpp"
#include "core/result.hpp"
#include "probe/transport.hpp"

namespace strait::probe {

struct SocketOptions {
  std::size_t receive_buffer = std::size_t{32} << 20U;  // octets asked of the kernel, per socket
  std::size_t burst = 64;
  bool transmit_stamps = true;  // false: `sent` is this program's own reading
  bool raw_icmp = false;        // do not even try a ping socket
  bool connect_tcp = false;     // do not even try a raw socket for TCP
  Nanos spin{};                 // wait() spins this last part of a wait instead of sleeping
  // wait() sleeps at least this long, so that many probes and replies share a wake-up. Kernel
  // stamps keep the times right; what is sent late by up to this shows as lag.
  Nanos coalesce{};
  // The thread that opens the transport gets real-time priority while that lives: a slot then waits
  // for no other program. wait() still gives the processor away every 20 ms, whatever is due.
  bool realtime = false;
};

// Probes over the kernel's UDP, ICMP and raw TCP sockets, with the kernel's (or the card's)
// timestamps in both directions. Flows of one path share a socket as long as their far ends differ,
// so ten thousand flows need one descriptor; each keeps its five-tuple. Counters: errors
// "receive-overflow" is what this socket's full buffer has cost: such a loss is ours, not the
// network's.
class SocketTransport final : public Transport {
 public:
  [[nodiscard]] static Result<std::unique_ptr<SocketTransport>> open(const SocketOptions& options);

  SocketTransport(const SocketTransport&) = delete;
  SocketTransport& operator=(const SocketTransport&) = delete;
  SocketTransport(SocketTransport&&) = delete;
  SocketTransport& operator=(SocketTransport&&) = delete;
  ~SocketTransport() override;

  [[nodiscard]] Instant now() const override;
  [[nodiscard]] Result<FlowId> open_flow(const FlowSpec& spec) override;
  void close_flow(FlowId flow) override;
  [[nodiscard]] std::size_t send(std::span<Departure> burst) override;
  [[nodiscard]] std::size_t receive(std::span<Arrival> burst) override;
  void wait(MonoTime until) override;
  [[nodiscard]] std::size_t burst_size() const override;
  [[nodiscard]] TransportCounters counters() override;

  // The local UDP or TCP port or ICMP identifier of an open flow.
  [[nodiscard]] std::uint16_t local_port(FlowId flow) const;

 private:
  class Impl;
  explicit SocketTransport(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace strait::probe
