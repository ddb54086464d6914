// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include "core/address.hpp"
#include "core/result.hpp"

struct rte_mbuf;
struct rte_mempool;

namespace strait::probe::dpdk {

struct MempoolDeleter {
  void operator()(rte_mempool* pool) const noexcept;
};
using Mempool = std::unique_ptr<rte_mempool, MempoolDeleter>;

// A started DPDK port with one receive and one transmit queue. Made only by open(), so a DpdkPort
// that exists is one that works; the destructor stops it, then frees its buffers.
// The EAL must run. Used by one thread.
class DpdkPort {
 public:
  // `device` is only for messages and for finding the interface whose link is checked.
  [[nodiscard]] static Result<DpdkPort> open(std::uint16_t id, const std::string& device);

  DpdkPort(DpdkPort&& other) noexcept
      : id_{std::exchange(other.id_, no_port)}, mac_{other.mac_}, pool_{std::move(other.pool_)} {}
  DpdkPort& operator=(DpdkPort&&) = delete;
  DpdkPort(const DpdkPort&) = delete;
  DpdkPort& operator=(const DpdkPort&) = delete;
  ~DpdkPort();

  [[nodiscard]] std::uint16_t id() const { return id_; }
  [[nodiscard]] const MacAddress& mac() const { return mac_; }
  [[nodiscard]] rte_mempool* pool() const { return pool_.get(); }

 private:
  static constexpr std::uint16_t no_port = 0xffff;
  DpdkPort(std::uint16_t id, Mempool pool) : id_{id}, pool_{std::move(pool)} {}

  std::uint16_t id_;
  MacAddress mac_;
  Mempool pool_;
};

}  // namespace strait::probe::dpdk
