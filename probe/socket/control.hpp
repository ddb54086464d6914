// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ctime>
// linux/errqueue.h leaves timespec to us.
#include <linux/errqueue.h>
#include <sys/socket.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "core/address.hpp"

namespace strait::probe::kernel {

// Room for every control message that we ask the kernel for, twice over.
inline constexpr std::size_t control_octets = 384;

// Control data of outgoing packets. Fields are appended one by one; the buffer is then handed to
// sendmsg as it is, any number of times.
class OutgoingControl {
 public:
  void add_traffic_class(bool v6, std::uint8_t dscp_ecn);
  void add_hop_limit(bool v6, std::uint8_t hop_limit);
  // The address that the packet leaves from.
  void add_source(const Address& source);

  void attach(msghdr& header) const;
  [[nodiscard]] std::size_t size() const { return length_; }

 private:
  void append(int level, int type, std::span<const std::byte> value);

  alignas(cmsghdr) std::array<std::byte, 128> bytes_{};
  std::size_t length_ = 0;
};

// What the kernel says about one received message.
struct IncomingControl {
  std::optional<timespec> software;  // when the kernel saw it, CLOCK_REALTIME
  std::optional<timespec> hardware;  // when the card saw it, on the card's clock
  std::optional<std::uint8_t> hop_limit;
  std::uint8_t dscp_ecn = 0;
  std::optional<sock_extended_err> error;  // from the error queue
  std::optional<Address> offender;         // who sent the ICMP error
  std::optional<Address> local;            // the address that the packet was sent to
};

[[nodiscard]] IncomingControl read_control(const msghdr& header);

}  // namespace strait::probe::kernel
