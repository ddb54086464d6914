// SPDX-License-Identifier: Apache-2.0
#include "probe/dpdk/arp.hpp"

#include <algorithm>
#include <cstring>

#include "probe/octets.hpp"

namespace strait::probe::dpdk {
namespace {

constexpr std::size_t arp_at = ethernet_header_size;
constexpr std::size_t arp_size = 28;
constexpr std::size_t sender_mac_at = arp_at + 8;
constexpr std::size_t sender_at = arp_at + 14;
constexpr std::size_t target_mac_at = arp_at + 18;
constexpr std::size_t target_at = arp_at + 24;
constexpr std::uint16_t type_arp = 0x0806;
// Hardware Ethernet (1), protocol IPv4 (0x0800), lengths 6 and 4.
constexpr std::uint64_t ethernet_ipv4 = 0x000108000604;

MacAddress load_mac(std::span<const std::byte> octets, std::size_t at) {
  MacAddress mac;
  std::memcpy(mac.octets.data(), octets.data() + at, mac.octets.size());
  return mac;
}

void store_mac(std::span<std::byte> octets, std::size_t at, const MacAddress& mac) {
  std::memcpy(octets.data() + at, mac.octets.data(), mac.octets.size());
}

// One station: not the group bit (also in broadcast), not all zero.
bool is_station(const MacAddress& mac) { return (mac.octets[0] & 1U) == 0 && mac != MacAddress{}; }

}  // namespace

std::optional<ArpMessage> read_arp(std::span<const std::byte> frame) {
  if (frame.size() < arp_at + arp_size) return std::nullopt;
  if (load<std::uint16_t>(frame, ethernet_header_size - 2) != type_arp) return std::nullopt;
  const auto head = load<std::uint64_t>(frame, arp_at);
  if (head >> 16U != ethernet_ipv4) return std::nullopt;
  const auto operation = static_cast<std::uint16_t>(head & 0xffffU);
  if (operation != 1 && operation != 2) return std::nullopt;
  const ArpMessage message{static_cast<ArpOperation>(operation), load_mac(frame, sender_mac_at),
                           Ipv4{load<std::uint32_t>(frame, sender_at)},
                           load_mac(frame, target_mac_at),
                           Ipv4{load<std::uint32_t>(frame, target_at)}};
  if (!is_station(message.sender_mac)) return std::nullopt;
  return std::optional{message};
}

std::size_t write_arp(const ArpMessage& message, const MacAddress& to, std::byte* frame) {
  const std::span octets{frame, shortest_frame};
  std::ranges::fill(octets, std::byte{0});
  store_mac(octets, 0, to);
  store_mac(octets, 6, message.sender_mac);
  store<std::uint16_t>(octets, ethernet_header_size - 2, type_arp);
  store<std::uint64_t>(octets, arp_at,
                       ethernet_ipv4 << 16U | static_cast<std::uint16_t>(message.operation));
  store_mac(octets, sender_mac_at, message.sender_mac);
  store<std::uint32_t>(octets, sender_at, message.sender.to_uint());
  store_mac(octets, target_mac_at, message.target_mac);
  store<std::uint32_t>(octets, target_at, message.target.to_uint());
  return shortest_frame;
}

std::optional<ArpMessage> answer_arp(const ArpMessage& message, std::span<const Ipv4> local,
                                     const MacAddress& mac) {
  if (message.operation != ArpOperation::request) return std::nullopt;
  if (std::ranges::find(local, message.target) == local.end()) return std::nullopt;
  return ArpMessage{ArpOperation::reply, mac, message.target, message.sender_mac, message.sender};
}

NeighborId NeighborTable::add(const Ipv4& target, const Ipv4& source) {
  const auto found = std::ranges::find(neighbors_, target, &Neighbor::target);
  if (found != neighbors_.end()) return static_cast<NeighborId>(found - neighbors_.begin());
  Neighbor neighbor;
  neighbor.target = target;
  neighbor.source = source;
  neighbor.wait = timing_.first_retry;
  neighbor.due = MonoTime::min();
  neighbors_.push_back(neighbor);
  next_due_ = MonoTime::min();
  return static_cast<NeighborId>(neighbors_.size() - 1);
}

void NeighborTable::ask(Neighbor& neighbor, MonoTime now) {
  if (neighbor.unanswered >= timing_.tries && neighbor.state != State::lost) {
    neighbor.state = State::lost;
    ++losses_;
  }
  ++neighbor.unanswered;
  neighbor.due = now + neighbor.wait;
  neighbor.wait = std::min(2 * neighbor.wait, timing_.last_retry);
}

std::vector<NeighborTable::Request> NeighborTable::due(MonoTime now) {
  std::vector<Request> requests;
  if (now < next_due_) return requests;
  next_due_ = MonoTime::max();
  for (Neighbor& neighbor : neighbors_) {
    if (neighbor.due <= now) {
      const bool direct = neighbor.mac && neighbor.unanswered < timing_.unicast_tries;
      requests.push_back({static_cast<NeighborId>(&neighbor - neighbors_.data()), neighbor.target,
                          neighbor.source, direct ? *neighbor.mac : broadcast_mac});
      ask(neighbor, now);
    }
    next_due_ = std::min(next_due_, neighbor.due);
  }
  return requests;
}

std::optional<NeighborTable::Learned> NeighborTable::learn(const Ipv4& address,
                                                           const MacAddress& mac, MonoTime now) {
  const auto found = std::ranges::find(neighbors_, address, &Neighbor::target);
  if (found == neighbors_.end()) return std::nullopt;
  Change change = Change::none;
  if (!found->mac) {
    change = Change::resolved;
  } else if (found->mac != mac) {
    change = Change::moved;
  } else if (found->state == State::lost) {
    change = Change::returned;
  }
  found->mac = mac;
  found->state = State::reachable;
  found->unanswered = 0;
  found->wait = timing_.first_retry;
  found->due = now + timing_.refresh;
  // due() finds the earliest time itself; it only must not be asked too late.
  next_due_ = std::min(next_due_, found->due);
  return Learned{static_cast<NeighborId>(found - neighbors_.begin()), change};
}

}  // namespace strait::probe::dpdk
