// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "probe/socket/control.hpp"
#include "probe/socket/sock_address.hpp"
#include "probe/transport.hpp"

namespace strait::probe::kernel {

class Channel;

// What a flow needs on every packet, made once: one cache line.
struct alignas(64) Flow {
  Channel* channel = nullptr;                // null: this place is free
  std::unique_ptr<OutgoingControl> control;  // null: the socket's own settings do
  SockAddress destination;
  // Tells it from earlier flows with the same number.
  std::uint32_t life = 0;
};
static_assert(sizeof(Flow) == 64);

// The flows of all sockets, by number; numbers of closed flows are given out again.
class FlowTable {
 public:
  [[nodiscard]] FlowId add(Channel& channel, const SockAddress& destination,
                           std::unique_ptr<OutgoingControl> control);
  void remove(FlowId flow);

  [[nodiscard]] bool is_open(FlowId flow) const {
    return flow < flows_.size() && flows_[flow].channel != nullptr;
  }
  [[nodiscard]] const Flow& operator[](FlowId flow) const { return flows_[flow]; }
  void prefetch(FlowId flow) const { __builtin_prefetch(&flows_[flow]); }

 private:
  std::vector<Flow> flows_;
  std::vector<FlowId> free_;
};

}  // namespace strait::probe::kernel
