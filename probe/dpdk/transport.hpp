// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "core/result.hpp"
#include "probe/dpdk/options.hpp"
#include "probe/dpdk/shared.hpp"
#include "probe/dpdk/tsc_clock.hpp"
#include "probe/transport.hpp"

namespace strait::probe::dpdk {

// Probes from DPDK ports in frames of our own. A flow's pin names the device (may be left out when
// there is only one), VLAN tags and MPLS labels, the source address, which this engine answers ARP
// and Neighbour Discovery for and which should be none of the kernel's, and the next hop, whose MAC
// address it resolves; without one the destination itself is asked for. A port starts with its
// first flow.
//
// One of these is one polling thread with a queue of its own on each port. With several, frames
// that come in by another's queue are handed to the thread whose port number they carry.
//
// T1 is the TSC just before the burst is handed to the device, T4 the hardware's stamp where the
// driver has one, else the TSC when a poll returns. Their uncertainty is what the hand-over took,
// the time since the poll before, and the error of the calibration.
class DpdkTransport final : public Transport {
 public:
  using OnEvent = DpdkShared::OnEvent;

  // The only thread: options.cores has one CPU at most.
  [[nodiscard]] static Result<std::unique_ptr<DpdkTransport>> open(const DpdkOptions& options,
                                                                   OnEvent on_event = {});
  // The `thread`th of shared->threads(). Each may be used once.
  [[nodiscard]] static std::unique_ptr<DpdkTransport> join(std::shared_ptr<DpdkShared> shared,
                                                           unsigned thread);
  DpdkTransport(const DpdkTransport&) = delete;
  DpdkTransport& operator=(const DpdkTransport&) = delete;
  DpdkTransport(DpdkTransport&&) = delete;
  DpdkTransport& operator=(DpdkTransport&&) = delete;
  ~DpdkTransport() override;

  // Waits until the next hops of all flows are known. The error names those that do not answer.
  // Not compulsory: probes to a next hop that is not known yet are refused, and counted so.
  [[nodiscard]] Result<void> resolve(Nanos timeout);

  [[nodiscard]] Instant now() const override;
  [[nodiscard]] Result<FlowId> open_flow(const FlowSpec& spec) override;
  void close_flow(FlowId flow) override;
  [[nodiscard]] std::size_t send(std::span<Departure> burst) override;
  [[nodiscard]] std::size_t receive(std::span<Arrival> burst) override;
  void wait(MonoTime until) override;
  void tolerate(Nanos lateness) override;
  void expect(MonoTime when) override;
  [[nodiscard]] std::size_t burst_size() const override { return 32; }
  [[nodiscard]] TransportCounters counters() override;

  // The clock that it stamps with.
  [[nodiscard]] const TscScale& scale() const;

 private:
  struct Impl;
  explicit DpdkTransport(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace strait::probe::dpdk
