// SPDX-License-Identifier: Apache-2.0
#include "probe/socket/flow_table.hpp"

#include <utility>

namespace strait::probe::kernel {

FlowId FlowTable::add(Channel& channel, const SockAddress& destination,
                      std::unique_ptr<OutgoingControl> control) {
  if (free_.empty()) {
    free_.push_back(static_cast<FlowId>(flows_.size()));
    flows_.emplace_back();
  }
  const FlowId id = free_.back();
  free_.pop_back();
  Flow& flow = flows_[id];
  flow.channel = &channel;
  flow.destination = destination;
  flow.control = std::move(control);
  return id;
}

void FlowTable::remove(FlowId flow) {
  Flow& removed = flows_[flow];
  removed.channel = nullptr;
  removed.control.reset();
  ++removed.life;
  free_.push_back(flow);
}

}  // namespace strait::probe::kernel
