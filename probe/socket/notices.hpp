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

  [[nodiscard]] bool is_full() const { return arrivals.size() - taken_ >= most_waiting; }

  // As many as there is room for. What the last call's quoted is used up by then: without that, a
  // caller that always finds something new would keep every quote for ever.
  [[nodiscard]] std::size_t take(std::span<Arrival> burst) {
    for (; used_ > 0; --used_) quotes.pop_front();
    std::size_t count = 0;
    for (; taken_ < arrivals.size() && count < burst.size(); ++taken_) {
      const Arrival& notice = arrivals[taken_];
      if (notice.kind == Arrival::Kind::icmp_error && !notice.payload.empty()) ++used_;
      if (notice.flow != no_flow) burst[count++] = notice;
    }
    // No more are moved than were taken.
    if (taken_ >= arrivals.size() - taken_) {
      arrivals.erase(arrivals.begin(), arrivals.begin() + static_cast<std::ptrdiff_t>(taken_));
      taken_ = 0;
    }
    return count;
  }

  // What is still to be fetched of this flow is passed over. It keeps its place until then, as its
  // quote does.
  void forget(FlowId flow) {
    for (Arrival& notice : std::span{arrivals}.subspan(taken_)) {
      if (notice.flow == flow) notice.flow = no_flow;
    }
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
