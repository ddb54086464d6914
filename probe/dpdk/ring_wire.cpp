// SPDX-License-Identifier: Apache-2.0
#include "probe/dpdk/ring_wire.hpp"

#include <fmt/format.h>
#include <rte_errno.h>
#include <rte_eth_ring.h>
#include <rte_mbuf.h>
#include <rte_ring.h>

#include <array>
#include <cstring>
#include <vector>

#include "probe/dpdk/eal.hpp"
#include "probe/dpdk/port.hpp"
#include "probe/dpdk/port_queue.hpp"

namespace strait::probe::dpdk {
namespace {

constexpr unsigned ring_entries = 1024;

struct RingDeleter {
  void operator()(rte_ring* ring) const noexcept { rte_ring_free(ring); }
};
using Ring = std::unique_ptr<rte_ring, RingDeleter>;

}  // namespace

struct RingWire::Impl {
  std::string left;
  std::string right;
  std::vector<std::string> rights;
  std::vector<Ring> more;  // of make_queues()
  // Sent and received by each side; on a direct wire the received ones are the other side's sent.
  Ring left_sent;
  Ring right_sent;
  Ring left_received;
  Ring right_received;
  Mempool pool;

  [[nodiscard]] rte_ring* towards(bool to_right) const {
    if (to_right) return right_received ? right_received.get() : left_sent.get();
    return left_received ? left_received.get() : right_sent.get();
  }
};

RingWire::RingWire(std::unique_ptr<Impl> impl) : impl_{std::move(impl)} {}
RingWire::RingWire(RingWire&&) noexcept = default;
RingWire& RingWire::operator=(RingWire&&) noexcept = default;
// The rings must outlive the ports, which the EAL keeps: leave both to the end of the process.
RingWire::~RingWire() {
  if (!impl_) return;
  for (Ring* ring :
       {&impl_->left_sent, &impl_->right_sent, &impl_->left_received, &impl_->right_received}) {
    static_cast<void>(ring->release());
  }
  for (Ring& ring : impl_->more) static_cast<void>(ring.release());
  static_cast<void>(impl_->pool.release());
}

const std::string& RingWire::left() const { return impl_->left; }
const std::string& RingWire::right() const { return impl_->right; }
const std::string& RingWire::right(unsigned queue) const { return impl_->rights[queue]; }

Result<RingWire> RingWire::make_queues(const DpdkOptions& options, const std::string& name,
                                       unsigned queues, bool crossed) {
  if (auto eal = Eal::ensure(options); !eal) return tl::make_unexpected(eal.error());
  auto impl = std::make_unique<Impl>();
  const auto failed = [&] {
    return fail(Errc::io, fmt::format("dpdk ring wire '{}': {}", name, rte_strerror(rte_errno)));
  };
  std::vector<rte_ring*> to_right;
  std::vector<rte_ring*> to_left;
  for (unsigned i = 0; i < 2 * queues; ++i) {
    const auto ring_name = fmt::format("{}_{}", name, i);
    impl->more.emplace_back(
        rte_ring_create(ring_name.c_str(), ring_entries, 0, RING_F_SP_ENQ | RING_F_SC_DEQ));
    if (!impl->more.back()) return failed();
    (i < queues ? to_right : to_left).push_back(impl->more.back().get());
  }
  impl->left = fmt::format("net_ring_{}_left", name);
  if (rte_eth_from_rings(fmt::format("{}_left", name).c_str(), to_left.data(), queues,
                         to_right.data(), queues, 0) < 0) {
    return failed();
  }
  for (unsigned i = 0; i < queues; ++i) {
    rte_ring* sends = to_left[crossed ? (i + 1) % queues : i];
    impl->rights.push_back(fmt::format("net_ring_{}_right{}", name, i));
    if (rte_eth_from_rings(fmt::format("{}_right{}", name, i).c_str(), &to_right[i], 1, &sends, 1,
                           0) < 0) {
      return failed();
    }
  }
  return RingWire{std::move(impl)};
}

Result<RingWire> RingWire::make(const DpdkOptions& options, const std::string& name, Kind kind) {
  if (auto eal = Eal::ensure(options); !eal) return tl::make_unexpected(eal.error());
  auto impl = std::make_unique<Impl>();
  const auto ring = [&](const char* which) {
    const auto ring_name = fmt::format("{}_{}", name, which);
    return Ring{rte_ring_create(ring_name.c_str(), ring_entries, 0, RING_F_SP_ENQ | RING_F_SC_DEQ)};
  };
  impl->left_sent = ring("ls");
  impl->right_sent = ring("rs");
  if (kind == Kind::carried) {
    impl->left_received = ring("lr");
    impl->right_received = ring("rr");
    impl->pool.reset(rte_pktmbuf_pool_create(fmt::format("{}_pool", name).c_str(), 255, 0, 0,
                                             RTE_MBUF_DEFAULT_BUF_SIZE, 0));
  }
  const bool complete =
      impl->left_sent && impl->right_sent &&
      (kind == Kind::direct || (impl->left_received && impl->right_received && impl->pool));
  if (!complete) {
    return fail(Errc::io, fmt::format("dpdk ring wire '{}': {}", name, rte_strerror(rte_errno)));
  }
  // The driver puts "net_ring_" in front of the names.
  for (const bool is_left : {true, false}) {
    rte_ring* receives = impl->towards(!is_left);
    rte_ring* sends = is_left ? impl->left_sent.get() : impl->right_sent.get();
    const auto port = fmt::format("{}_{}", name, is_left ? "left" : "right");
    if (rte_eth_from_rings(port.c_str(), &receives, 1, &sends, 1, 0) < 0) {
      return fail(Errc::io, fmt::format("dpdk ring wire '{}': {}", name, rte_strerror(rte_errno)));
    }
    (is_left ? impl->left : impl->right) = "net_ring_" + port;
  }
  return RingWire{std::move(impl)};
}

std::size_t RingWire::carry(const Decide& decide) {
  std::size_t carried = 0;
  for (const bool to_right : {true, false}) {
    rte_ring* from = to_right ? impl_->left_sent.get() : impl_->right_sent.get();
    void* entry = nullptr;
    while (rte_ring_dequeue(from, &entry) == 0) {
      auto* frame = static_cast<rte_mbuf*>(entry);
      if (decide(octets_of(frame), to_right) &&
          rte_ring_enqueue(impl_->towards(to_right), frame) == 0) {
        ++carried;
      } else {
        free_frames({&frame, 1});
      }
    }
  }
  return carried;
}

bool RingWire::inject(std::span<const std::byte> frame, bool to_right) {
  rte_mbuf* copy = impl_->pool ? rte_pktmbuf_alloc(impl_->pool.get()) : nullptr;
  if (copy == nullptr) return false;
  std::memcpy(octets_of(copy).data(), frame.data(), frame.size());
  set_length(copy, frame.size());
  if (rte_ring_enqueue(impl_->towards(to_right), copy) == 0) return true;
  free_frames({&copy, 1});
  return false;
}

}  // namespace strait::probe::dpdk
