// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <vector>

#include "probe/socket/sock_address.hpp"
#include "probe/transport.hpp"

namespace strait::probe::kernel {

// Which flow a packet belongs to, by who sent it. Looked up for every packet after the kernel has
// emptied the caches: one cache line each, which prefetch() asks for.
class PeerTable {
 public:
  // `peer` must not be in the table.
  void add(const PeerKey& peer, FlowId flow);
  void remove(const PeerKey& peer);

  [[nodiscard]] FlowId find(const PeerKey& peer) const;  // no_flow: a stranger
  void prefetch(const PeerKey& peer) const {
    if (!entries_.empty()) __builtin_prefetch(&entries_[home(peer)]);
  }
  [[nodiscard]] bool empty() const { return size_ == 0; }

 private:
  struct alignas(32) Entry {
    PeerKey peer;
    FlowId flow = no_flow;  // no_flow: this place is free
  };
  static_assert(sizeof(Entry) == 32);

  [[nodiscard]] std::size_t home(const PeerKey& peer) const {
    return PeerKeyHash{}(peer) & (entries_.size() - 1);
  }
  [[nodiscard]] std::size_t after(std::size_t place) const {
    return (place + 1) & (entries_.size() - 1);
  }
  // Where `peer` is, or the free place where it would be.
  [[nodiscard]] std::size_t place_of(const PeerKey& peer) const;
  void grow();

  std::vector<Entry> entries_;  // a power of two, at most half taken; linear probing
  std::size_t size_ = 0;
};

}  // namespace strait::probe::kernel
