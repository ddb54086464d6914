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
  // More ICMP errors than this are not kept: a flood of them must not take all memory.
  static constexpr std::size_t most_waiting = 8192;
  static constexpr std::size_t most_quoted = 32;  // octets: those that tell one probe from another

  std::vector<Arrival> arrivals;
  std::deque<std::array<std::byte, most_quoted>> quotes;  // a deque: its elements stay in place

  [[nodiscard]] bool is_full() const { return arrivals.size() >= most_waiting; }

  // As many as there is room for. What the last call's quoted is used up by then: without that, a
  // caller that always finds something new would keep every quote for ever.
  [[nodiscard]] std::size_t take(std::span<Arrival> burst) {
    while (used_ > 0) {
      quotes.pop_front();
      --used_;
    }
    const std::size_t count = std::min(burst.size(), arrivals.size() - taken_);
    std::copy_n(arrivals.begin() + static_cast<std::ptrdiff_t>(taken_), count, burst.begin());
    for (const Arrival& each : burst.first(count)) {
      if (each.kind == Arrival::Kind::icmp_error && !each.payload.empty()) ++used_;
    }
    taken_ += count;
    if (taken_ == arrivals.size()) {
      arrivals.clear();
      taken_ = 0;
    }
    return count;
  }

  // What is still to be fetched of this flow is not.
  void forget(FlowId flow) {
    arrivals.erase(arrivals.begin(), arrivals.begin() + static_cast<std::ptrdiff_t>(taken_));
    taken_ = 0;
    std::erase_if(arrivals, [&](const Arrival& notice) { return notice.flow == flow; });
  }

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

 private:
  std::size_t taken_ = 0;  // of `arrivals`
  std::size_t used_ = 0;   // quotes that the last call of take() gave
};

}  // namespace strait::probe::kernel
