// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "probe/passive/decode.hpp"
#include "probe/passive/flow.hpp"
#include "probe/passive/flow_report.hpp"
#include "probe/passive/flow_table.hpp"
#include "probe/passive/flow_tracker.hpp"
#include "probe/passive/path_rules.hpp"
#include "probe/passive/pool.hpp"

namespace strait::probe::passive {

struct MeterOptions {
  DecodeOptions decode;
  TcpOptions tcp;
  std::uint32_t max_flows = 1'000'000;  // at once
  // Senders with many segments on the way, or many round trips, at once: each of them takes some
  // kilobytes. Without a number a sixteenth of the flows, and 1024 at least.
  std::optional<std::uint32_t> max_busy;
  PathRules paths;  // none: nobody asks which way packets go
};

// What became of all packets.
struct MeterTally {
  std::uint64_t packets = 0;
  std::array<std::uint64_t, verdicts> by_verdict{};
  std::array<std::uint64_t, exchanges> by_exchange{};  // of UDP and ICMP
  std::uint64_t flows = 0;                             // ever seen
  std::uint64_t evicted = 0;                           // to make room for others
};

// Packets in, flows with their round trips out. Memory is bounded by max_flows: a flow for which
// there is no room takes the place of one that has been silent for long, which is reported before.
// Not thread-safe.
class Meter {
 public:
  Meter(const MeterOptions& options, FlowSink sink);

  void set_round_trip_sink(RoundTripSink sink) { tracker_.set_round_trip_sink(std::move(sink)); }

  void add(std::span<const CapturedPacket> packets);
  // Reports the flows that are still there, the oldest record first.
  void finish();
  // Those of them that have sent the most octets, as they stand, at most so many; the largest
  // first. Looks at every flow, but reports only these.
  [[nodiscard]] std::vector<FlowReport> largest(std::size_t most);

  [[nodiscard]] const MeterTally& tally() const { return tally_; }
  [[nodiscard]] const TcpTally& tcp_tally() const { return tracker_.tally(); }
  [[nodiscard]] std::size_t memory_bytes() const;

 private:
  using Handle = std::uint32_t;
  // So many packets at a time that the cache has what the last needs when it is its turn.
  static constexpr std::size_t batch_size = 32;

  void decode_next(const CapturedPacket& packet, Decoded& decoded);
  void add_batch(std::span<const CapturedPacket> packets);
  // Whether it is of a flow that is followed.
  static bool is_followed(const Decoded& packet) {
    return packet.verdict == Verdict::tcp || packet.exchange > Exchange::misfit;
  }
  void follow(const Decoded& packet, PathNumber path);
  void count(Exchange exchange) { ++tally_.by_exchange.at(static_cast<std::size_t>(exchange)); }
  [[nodiscard]] Handle find(const Decoded& packet) const;
  Handle begin(const Decoded& packet);
  void note_path(Handle handle, unsigned side, PathNumber path);
  Handle make_room();
  void end(Handle handle, FlowEnding ending);

  MeterOptions options_;
  FlowSink sink_;
  FlowHash hash_;
  FlowTable table_;
  Pool<Flow> flows_;
  FlowTracker tracker_;
  MeterTally tally_;
  // By handle and side, of the packets so far and of the newest one; nothing without rules.
  struct SidePath {
    PathNumber all = no_path;
    PathNumber newest = no_path;
    bool any = false;
  };
  std::vector<std::array<SidePath, 2>> side_paths_;
  Handle hand_ = 0;  // of the clock that looks for silent flows
  std::array<Decoded, batch_size> batch_;
};

}  // namespace strait::probe::passive
