// SPDX-License-Identifier: Apache-2.0
#include "probe/passive/meter.hpp"

#include <algorithm>
#include <utility>

namespace strait::probe::passive {
namespace {

std::uint32_t busy_senders(const MeterOptions& options) {
  return options.max_busy.value_or(std::max<std::uint32_t>(1024, options.max_flows / 16));
}

}  // namespace

Meter::Meter(const MeterOptions& options, FlowSink sink)
    : options_{options},
      sink_{std::move(sink)},
      hash_{FlowHash::random()},
      flows_{options.max_flows},
      tracker_{2 * options.max_flows, busy_senders(options), options.tcp} {}

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
  if (packet_sink_ && decoded.octets > 0) packet_sink_(decoded);
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
  for (std::size_t i = 0; i < batch.size(); ++i) {
    if (guesses.at(i) != 0) tracker_.prefetch_series(flows_[guesses.at(i)], batch[i]);
  }
  const bool any_paths = !options_.paths.empty();
  for (std::size_t i = 0; i < batch.size(); ++i) {
    if (!is_followed(batch[i])) continue;
    follow(batch[i], any_paths ? options_.paths.of(packets[i], batch[i]) : no_path);
  }
}

void Meter::follow(const Decoded& packet, PathNumber path) {
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
  if (!options_.paths.empty()) note_path(handle, packet.from_second ? 1 : 0, path);
  tracker_.follow(flow, packet);
}

void Meter::note_path(Handle handle, unsigned side, PathNumber path) {
  auto& sides = side_paths_[handle];
  SidePath& sender = sides.at(side);
  sender.all = sender.any && sender.all != path ? several_paths : path;
  sender.newest = path;
  sender.any = true;
  // A round trip that this packet ends is of the other end's packets.
  tracker_.set_path(sides.at(1 - side).newest);
}

Meter::Handle Meter::find(const Decoded& packet) const {
  return table_.find(packet.hash,
                     [&](Handle candidate) { return flows_[candidate].key == packet.key; });
}

Meter::Handle Meter::begin(const Decoded& packet) {
  Handle handle = flows_.take();
  if (handle == 0) handle = make_room();
  flows_[handle].key = packet.key;
  if (!options_.paths.empty()) {
    side_paths_.resize(std::max<std::size_t>(side_paths_.size(), handle + std::size_t{1}));
    side_paths_[handle] = {};
  }
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
  if (sink_) {
    FlowReport report = tracker_.report(flow, ending);
    if (!options_.paths.empty()) {
      const bool first = report.client.end == flow.key.end(0);
      report.client.path = side_paths_[handle].at(first ? 0 : 1).all;
      report.server.path = side_paths_[handle].at(first ? 1 : 0).all;
    }
    sink_(report);
  }
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

std::vector<FlowReport> Meter::largest(std::size_t most) {
  std::vector<std::pair<std::uint64_t, Handle>> sizes;
  sizes.reserve(flows_.in_use());
  for (Handle handle = 1; handle <= flows_.highest(); ++handle) {
    const Flow& flow = flows_[handle];
    if (!flow.has(flow_flag::in_use)) continue;
    sizes.emplace_back(flow.sides[0].octets + flow.sides[1].octets, handle);
  }
  const auto count = static_cast<std::ptrdiff_t>(std::min(most, sizes.size()));
  std::ranges::partial_sort(sizes, sizes.begin() + count, [](const auto& a, const auto& b) {
    return a.first != b.first ? a.first > b.first : a.second < b.second;
  });
  std::vector<FlowReport> reports;
  reports.reserve(static_cast<std::size_t>(count));
  for (const auto& [octets, handle] : std::span{sizes}.first(static_cast<std::size_t>(count))) {
    reports.push_back(tracker_.report(flows_[handle], FlowEnding::open));
  }
  return reports;
}

std::size_t Meter::memory_bytes() const {
  return flows_.memory_bytes() + table_.memory_bytes() + tracker_.memory_bytes() +
         side_paths_.capacity() * sizeof(std::array<SidePath, 2>);
}

}  // namespace strait::probe::passive
