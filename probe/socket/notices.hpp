// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <deque>
#include <span>
#include <vector>

#include "probe/socket/icmp_header.hpp"
#include "probe/transport.hpp"

namespace strait::probe::kernel {

// What the error queues said and nobody has fetched yet. The octets that ICMP errors quote are kept
// here: the buffer in which they arrived is read into again at once.
struct Notices {
  static constexpr std::size_t most_quoted = 32;  // octets: those that tell one probe from another

  std::vector<Arrival> arrivals;
  std::deque<std::array<std::byte, most_quoted>> quotes;  // a deque: its elements stay in place

  // Of UDP the kernel gives what follows the header (ip(7), IP_RECVERR), of ICMP the message, of
  // TCP the segment, whose ports are left out.
  [[nodiscard]] std::span<const std::byte> keep(std::span<const std::byte> quoted, FlowKind kind) {
    constexpr std::size_t ports = 4;
    const std::size_t other = kind == FlowKind::tcp_syn ? ports : 0;
    const std::size_t header = kind == FlowKind::icmp_echo ? icmp_header_octets : other;
    if (quoted.size() <= header) return {};
    quoted = quoted.subspan(header, std::min(quoted.size() - header, most_quoted));
    std::ranges::copy(quoted, quotes.emplace_back().begin());
    return std::span{quotes.back()}.first(quoted.size());
  }
};

}  // namespace strait::probe::kernel
