// SPDX-License-Identifier: Apache-2.0
#include "bench/dpdk_prototype.hpp"

#include <fmt/format.h>
#include <rte_cycles.h>
#include <rte_eth_ring.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_ring.h>

#include <array>
#include <cstring>
#include <ctime>
#include <vector>

#include "core/sketch.hpp"
#include "probe/dpdk/eal.hpp"
#include "probe/dpdk/port.hpp"

namespace strait::bench {
namespace {

constexpr std::size_t frame_size = 86;
constexpr std::size_t payload_at = 42;
constexpr std::size_t burst = 32;

// Loops back to itself. Never freed: at exit the EAL goes first.
probe::dpdk::DpdkPort* port = nullptr;

double cpu_seconds() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

struct Entry {
  std::array<std::byte, frame_size> frame{};
  std::uint32_t next = 0;
  std::array<std::uint64_t, 64> sent{};
  Sketch rtt;
};

void write(Entry& entry, std::uint32_t session, rte_mbuf* out) {
  auto* frame = rte_pktmbuf_mtod(out, std::byte*);
  std::memcpy(frame, entry.frame.data(), frame_size);
  const std::uint32_t sequence = entry.next++;
  const std::uint64_t tsc = rte_rdtsc();
  std::memcpy(frame + payload_at, &sequence, sizeof sequence);
  std::memcpy(frame + payload_at + 4, &tsc, sizeof tsc);
  std::memcpy(frame + payload_at + 16, &session, sizeof session);
  std::uint64_t sum = sequence + (tsc & 0xffffffffU) + (tsc >> 32U) + session;
  sum = (sum & 0xffffffffU) + (sum >> 32U);
  sum = (sum & 0xffffU) + (sum >> 16U);
  const auto checksum = static_cast<std::uint16_t>(~((sum & 0xffffU) + (sum >> 16U)));
  std::memcpy(frame + 40, &checksum, sizeof checksum);
  entry.sent[sequence % entry.sent.size()] = tsc;
  out->data_len = frame_size;
  out->pkt_len = frame_size;
}

void match(std::vector<Entry>& entries, rte_mbuf* in, std::uint64_t now) {
  const auto* frame = rte_pktmbuf_mtod(in, const std::byte*);
  std::uint32_t sequence = 0;
  std::uint32_t session = 0;
  std::memcpy(&sequence, frame + payload_at, sizeof sequence);
  std::memcpy(&session, frame + payload_at + 16, sizeof session);
  if (session >= entries.size()) return;
  Entry& entry = entries[session];
  const std::uint64_t sent = entry.sent[sequence % entry.sent.size()];
  entry.rtt.record(Nanos{static_cast<std::int64_t>((now - sent) * 2 / 5)});
}

}  // namespace

bool prototype_ready(const probe::dpdk::DpdkOptions& options) {
  if (auto eal = probe::dpdk::Eal::ensure(options); !eal) {
    fmt::print(stderr, "{}\n", eal.error().message);
    return false;
  }
  rte_ring* ring = rte_ring_create("prototype", 1024, 0, RING_F_SP_ENQ | RING_F_SC_DEQ);
  if (ring == nullptr || rte_eth_from_ring(ring) < 0) return false;
  const auto id = static_cast<std::uint16_t>(rte_eth_find_next(0));
  auto opened = probe::dpdk::DpdkPort::open(id, "prototype");
  if (!opened) {
    fmt::print(stderr, "{}\n", opened.error().message);
    return false;
  }
  port = new probe::dpdk::DpdkPort(std::move(*opened));
  return true;
}

double prototype(std::size_t sessions, double seconds) {
  std::vector<Entry> entries(sessions);
  std::array<rte_mbuf*, burst> frames{};
  std::uint32_t session = 0;
  std::uint64_t received = 0;
  const double start = cpu_seconds();
  double now = start;
  while (now - start < seconds) {
    for (int i = 0; i < 1000; ++i) {
      if (rte_pktmbuf_alloc_bulk(port->pool(), frames.data(), burst) != 0) return 0;
      for (rte_mbuf* frame : frames) {
        write(entries[session], session, frame);
        session = session + 1 < sessions ? session + 1 : 0;
      }
      const std::size_t sent = rte_eth_tx_burst(port->id(), 0, frames.data(), burst);
      if (sent < burst)
        rte_pktmbuf_free_bulk(frames.data() + sent, static_cast<unsigned>(burst - sent));
      const std::size_t count = rte_eth_rx_burst(port->id(), 0, frames.data(), burst);
      const std::uint64_t tsc = rte_rdtsc();
      for (std::size_t k = 0; k < count; ++k) match(entries, frames[k], tsc);
      rte_pktmbuf_free_bulk(frames.data(), static_cast<unsigned>(count));
      received += count;
    }
    now = cpu_seconds();
  }
  return static_cast<double>(received) / (now - start);
}

}  // namespace strait::bench
