// SPDX-License-Identifier: Apache-2.0
#include "probe/passive/meter.hpp"

#include <algorithm>
#include <utility>

namespace strait::probe::passive {
namespace {

// Senders with many segments on the way, or many round trips, for a number of flows: each takes
// some kilobytes.
std::uint32_t busy_senders(std::uint32_t flows) {
  return std::max<std::uint32_t>(1024, flows / 16);
}

}  // namespace

Meter::Meter(const MeterOptions& options, FlowSink sink)
    : options_{options},
      sink_{std::move(sink)},
      hash_{FlowHash::random()},
      flows_{options.max_flows},
      tracker_{2 * options.max_flows, busy_senders(options.max_flows), options.tcp} {}

void Meter::add(std::span<const CapturedPacket> packets) {
  while (!packets.empty()) {
    const std::size_t count = std::min(packets.size(), batch_size);
    add_batch(packets.first(count));
    packets = packets.subspan(count);
  }
}

void Meter::decode_next(const CapturedPacket& packet, Decoded& decoded) {
  decode(packet, options_.decode, decoded);
  ++tally_.packets;
  ++tally_.by_verdict.at(static_cast<std::size_t>(decoded.verdict));
  const bool may_be_one = decoded.verdict == Verdict::udp || decoded.verdict == Verdict::icmp;
  // Whether it is QUIC turns out later.
  if (may_be_one && decoded.exchange != Exchange::quic) count(decoded.exchange);
  if (!is_followed(decoded)) return;
  decoded.hash = hash_(decoded.key);
  table_.prefetch(decoded.hash);
}

// Each round asks for what the next one reads.
void Meter::add_batch(std::span<const CapturedPacket> packets) {
  for (std::size_t i = 0; i < packets.size(); ++i) decode_next(packets[i], batch_.at(i));
  const std::span batch{batch_.data(), packets.size()};
  std::array<Handle, batch_size> guesses{};
  for (std::size_t i = 0; i < batch.size(); ++i) {
    if (!is_followed(batch[i])) continue;
    guesses.at(i) = table_.guess(batch[i].hash);
    flows_.prefetch(guesses.at(i));
  }
  for (std::size_t i = 0; i < batch.size(); ++i) {
    if (guesses.at(i) != 0) tracker_.prefetch(flows_[guesses.at(i)], batch[i]);
  }
  for (const Decoded& packet : batch) {
    if (is_followed(packet)) follow(packet);
  }
}

void Meter::follow(const Decoded& packet) {
  Handle handle = find(packet);
  if (packet.exchange == Exchange::quic) {
    const bool follows =
        handle != 0 ? flows_[handle].has(flow_flag::quic) : FlowTracker::begins_quic(packet);
    count(follows ? Exchange::quic : Exchange::none);
    if (!follows) return;
  }
  if (handle == 0) handle = begin(packet);
  if (tracker_.begins_anew(flows_[handle], packet)) {
    end(handle, FlowEnding::reused);
    handle = begin(packet);
  }
  Flow& flow = flows_[handle];
  flow.set(flow_flag::visited);
  tracker_.follow(flow, packet);
}

Meter::Handle Meter::find(const Decoded& packet) const {
  return table_.find(packet.hash,
                     [&](Handle candidate) { return flows_[candidate].key == packet.key; });
}

Meter::Handle Meter::begin(const Decoded& packet) {
  Handle handle = flows_.take();
  if (handle == 0) handle = make_room();
  flows_[handle].key = packet.key;
  table_.insert(packet.hash, handle);
  ++tally_.flows;
  return handle;
}

// The clock algorithm: a flow with a packet since the hand came by last is passed over once.
Meter::Handle Meter::make_room() {
  for (;;) {
    hand_ = hand_ % flows_.highest() + 1;
    Flow& flow = flows_[hand_];
    if (!flow.has(flow_flag::visited)) break;
    flow.flags &= ~flow_flag::visited;
  }
  ++tally_.evicted;
  end(hand_, FlowEnding::evicted);
  return flows_.take();
}

void Meter::end(Handle handle, FlowEnding ending) {
  Flow& flow = flows_[handle];
  if (sink_) sink_(tracker_.report(flow, ending));
  tracker_.release(flow);
  table_.erase(hash_(flow.key), handle);
  flow.flags = 0;
  flows_.give_back(handle);
}

void Meter::finish() {
  for (Handle handle = 1; handle <= flows_.highest(); ++handle) {
    if (flows_[handle].has(flow_flag::in_use)) end(handle, FlowEnding::open);
  }
}

std::size_t Meter::memory_bytes() const {
  return flows_.memory_bytes() + table_.memory_bytes() + tracker_.memory_bytes();
}

}  // namespace strait::probe::passive
