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

void FlowTable::remove(FlowId id) {
  Flow& flow = flows_[id];
  flow.channel = nullptr;
  flow.control.reset();
  ++flow.life;
  free_.push_back(id);
}

}  // namespace strait::probe::kernel
