// SPDX-License-Identifier: Apache-2.0
#include "probe/socket/message_batch.hpp"

#include <cassert>

namespace strait::probe::kernel {

MessageBatch::MessageBatch(std::size_t slots, std::size_t payload_octets)
    : payload_octets_{payload_octets},
      payloads_(slots * payload_octets),
      senders_(slots),
      controls_(slots),
      vectors_(slots),
      messages_(slots) {
  for (std::size_t slot = 0; slot < slots; ++slot) {
    vectors_[slot] = {.iov_base = &payloads_[slot * payload_octets], .iov_len = payload_octets};
    msghdr& header = messages_[slot].msg_hdr;
    header.msg_name = &senders_[slot];
    header.msg_iov = &vectors_[slot];
    header.msg_iovlen = 1;
    header.msg_control = controls_[slot].bytes.data();
  }
}

int MessageBatch::receive(int fd, int flags, std::size_t first, std::size_t count) {
  assert(first + count <= messages_.size());
  for (std::size_t slot = first; slot < first + count; ++slot) {
    msghdr& header = messages_[slot].msg_hdr;
    header.msg_namelen = sizeof(sockaddr_storage);
    header.msg_controllen = control_octets;
    senders_[slot].ss_family = AF_UNSPEC;
  }
  return ::recvmmsg(fd, &messages_[first], static_cast<unsigned>(count), flags | MSG_DONTWAIT,
                    nullptr);
}

}  // namespace strait::probe::kernel
