// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/socket.h>

#include <array>
#include <cstddef>
#include <span>
#include <vector>

#include "probe/socket/control.hpp"

namespace strait::probe::kernel {

// Buffers for recvmmsg: slots for payload, sender and control data, filled from several sockets and
// valid until the same slots are filled again.
class MessageBatch {
 public:
  MessageBatch(std::size_t slots, std::size_t payload_octets);

  // Fills up to `count` slots from `first` on and returns how many; never blocks. -1 leaves errno.
  [[nodiscard]] int receive(int fd, int flags, std::size_t first, std::size_t count);

  [[nodiscard]] std::size_t size() const { return messages_.size(); }
  [[nodiscard]] const msghdr& header(std::size_t slot) const { return messages_[slot].msg_hdr; }
  [[nodiscard]] const sockaddr_storage& sender(std::size_t slot) const { return senders_[slot]; }
  [[nodiscard]] std::span<const std::byte> payload(std::size_t slot) const {
    return {&payloads_[slot * payload_octets_], messages_[slot].msg_len};
  }
  [[nodiscard]] std::span<std::byte> writable_payload(std::size_t slot) {
    return {&payloads_[slot * payload_octets_], payload_octets_};
  }
  // The packet was longer than a slot.
  [[nodiscard]] bool truncated(std::size_t slot) const {
    return (header(slot).msg_flags & MSG_TRUNC) != 0;
  }

 private:
  struct alignas(cmsghdr) Control {
    std::array<std::byte, control_octets> bytes{};
  };

  std::size_t payload_octets_;
  std::vector<std::byte> payloads_;
  std::vector<sockaddr_storage> senders_;
  std::vector<Control> controls_;
  std::vector<iovec> vectors_;
  std::vector<mmsghdr> messages_;
};

}  // namespace strait::probe::kernel
