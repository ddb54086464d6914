// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/address.hpp"
#include "core/result.hpp"
#include "probe/dpdk/packet_rings.hpp"

struct rte_mbuf;
struct rte_mempool;

namespace strait::probe::dpdk {

struct MempoolDeleter {
  void operator()(rte_mempool* pool) const noexcept;
};
using Mempool = std::unique_ptr<rte_mempool, MempoolDeleter>;

struct PortSettings {
  std::uint16_t queues = 1;  // of each direction; fewer where the device has no more
  std::size_t mtu = 1500;    // octets of IP packet
};

// What the device itself counts, since it was started.
struct PortCounters {
  std::uint64_t missed = 0;  // dropped for want of a free descriptor, or of room in a ring
  std::uint64_t receive_errors = 0;
  std::uint64_t transmit_errors = 0;
  std::uint64_t no_buffer = 0;  // dropped because the pool was empty

  friend PortCounters operator+(const PortCounters& a, const PortCounters& b) {
    return {a.missed + b.missed, a.receive_errors + b.receive_errors,
            a.transmit_errors + b.transmit_errors, a.no_buffer + b.no_buffer};
  }
};

// Where the mbufs of a port carry the receive timestamp of the hardware.
struct TimestampField {
  int offset = -1;
  std::uint64_t flag = 0;
};

// A started DPDK port. Made only by open(), so a DpdkPort that exists is one that works; the
// destructor stops it, then frees its buffers. The EAL must run. Each queue is used by one thread.
class DpdkPort {
 public:
  // `device` is only for messages and for finding the interface whose link is checked.
  [[nodiscard]] static Result<DpdkPort> open(std::uint16_t id, const std::string& device,
                                             const PortSettings& settings = {});

  DpdkPort(DpdkPort&& other) noexcept
      : id_{std::exchange(other.id_, no_port)},
        queues_{other.queues_},
        mtu_{other.mtu_},
        mac_{other.mac_},
        interface_{std::move(other.interface_)},
        index_{other.index_},
        timestamps_{other.timestamps_},
        pools_{std::move(other.pools_)},
        rings_{std::move(other.rings_)} {}
  DpdkPort& operator=(DpdkPort&&) = delete;
  DpdkPort(const DpdkPort&) = delete;
  DpdkPort& operator=(const DpdkPort&) = delete;
  ~DpdkPort();

  [[nodiscard]] std::uint16_t id() const { return id_; }
  [[nodiscard]] std::uint16_t queues() const { return queues_; }
  [[nodiscard]] std::size_t mtu() const { return mtu_; }
  [[nodiscard]] const MacAddress& mac() const { return mac_; }
  // Of one queue: so each thread has its own.
  [[nodiscard]] rte_mempool* pool(std::uint16_t queue = 0) const { return pools_[queue].get(); }
  // Present where the driver stamps received packets.
  [[nodiscard]] const std::optional<TimestampField>& timestamps() const { return timestamps_; }

  // These may be called by any thread.
  [[nodiscard]] bool link_is_up() const;  // true where nobody can tell
  [[nodiscard]] bool is_gone() const;     // unplugged
  [[nodiscard]] PortCounters counters() const;

 private:
  static constexpr std::uint16_t no_port = 0xffff;
  explicit DpdkPort(std::uint16_t id) : id_{id} {}
  Result<void> configure(const std::string& device, const PortSettings& settings);
  Result<void> set_up_queues(const std::string& device);
  Result<void> start(const std::string& device);

  std::uint16_t id_;
  std::uint16_t queues_ = 1;
  std::size_t mtu_ = 1500;
  MacAddress mac_;
  std::string interface_;  // under a software device, else empty
  unsigned index_ = 0;     // of the interface: one of the same name that comes later is another one
  std::optional<TimestampField> timestamps_;
  std::vector<Mempool> pools_;
  std::unique_ptr<PacketRings> rings_;  // of net_af_packet
};

}  // namespace strait::probe::dpdk
