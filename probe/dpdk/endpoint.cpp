// SPDX-License-Identifier: Apache-2.0
#include "probe/dpdk/endpoint.hpp"

#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include <algorithm>

namespace strait::probe::dpdk {

void PortEndpoint::add_local(const Ipv4& address) {
  if (std::ranges::find(local_, address) == local_.end()) local_.push_back(address);
}

bool PortEndpoint::allocate(std::span<rte_mbuf*> frames) {
  return rte_pktmbuf_alloc_bulk(port_.pool(), frames.data(),
                                static_cast<unsigned>(frames.size())) == 0;
}

PortEndpoint::Transmitted PortEndpoint::transmit(std::span<rte_mbuf*> frames,
                                                 TransmitWatch& watch) {
  Transmitted sent;
  sent.before = TscClock::ticks();
  watch.enter(sent.before);
  sent.count =
      rte_eth_tx_burst(port_.id(), 0, frames.data(), static_cast<std::uint16_t>(frames.size()));
  sent.after = TscClock::ticks();
  watch.leave(sent.after, sent.count > 0);
  if (sent.count < frames.size()) free_frames(frames.subspan(sent.count));
  return sent;
}

PortEndpoint::Polled PortEndpoint::poll(std::span<rte_mbuf*> frames) {
  Polled polled;
  polled.count =
      rte_eth_rx_burst(port_.id(), 0, frames.data(), static_cast<std::uint16_t>(frames.size()));
  polled.tsc = TscClock::ticks();
  polled.gap = last_poll_ == 0 ? 0 : polled.tsc - last_poll_;
  last_poll_ = polled.tsc;
  return polled;
}

bool PortEndpoint::send_arp(const ArpMessage& message, const MacAddress& to, TransmitWatch& watch) {
  std::array<rte_mbuf*, 1> frame{};
  if (!allocate(frame)) return false;
  set_length(frame[0], write_arp(message, to, octets_of(frame[0]).data()));
  return transmit(frame, watch).count == 1;
}

std::size_t PortEndpoint::ask_neighbors(MonoTime now, TransmitWatch& watch) {
  std::size_t failed = 0;
  for (const auto& request : neighbors_.due(now)) {
    const ArpMessage message{ArpOperation::request, mac(), request.source, {}, request.target};
    if (!send_arp(message, request.to, watch)) ++failed;
  }
  return failed;
}

std::optional<NeighborTable::Learned> PortEndpoint::hear_arp(std::span<const std::byte> frame,
                                                             MonoTime now, TransmitWatch& watch) {
  const auto message = read_arp(frame);
  if (!message) return std::nullopt;
  if (const auto answer = answer_arp(*message, local_, mac())) {
    send_arp(*answer, message->sender_mac, watch);
  }
  return neighbors_.learn(message->sender, message->sender_mac, now);
}

std::span<std::byte> octets_of(rte_mbuf* frame) {
  return {rte_pktmbuf_mtod(frame, std::byte*), frame->data_len};
}

void set_length(rte_mbuf* frame, std::size_t length) {
  frame->data_len = static_cast<std::uint16_t>(length);
  frame->pkt_len = static_cast<std::uint32_t>(length);
}

void prefetch_octets(const rte_mbuf* frame) { rte_prefetch0(rte_pktmbuf_mtod(frame, const void*)); }

void free_frames(std::span<rte_mbuf*> frames) {
  rte_pktmbuf_free_bulk(frames.data(), static_cast<unsigned>(frames.size()));
}

}  // namespace strait::probe::dpdk
