// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "core/clock.hpp"
#include "probe/reflect.hpp"
#include "probe/transport.hpp"

namespace strait::probe {

// A network inside the test: what is sent is handed to `network`, which may deliver() anything at
// any later moment. Time passes only in wait() and when the test says so.
class FakeTransport final : public Transport {
 public:
  struct Sent {
    FlowSpec flow_spec;
    FlowId flow = no_flow;
    std::uint32_t tag = 0;
    std::vector<std::byte> payload;
    Stamp stamp;
  };
  using Network = std::function<void(const Sent&)>;

  explicit FakeTransport(FakeClock& clock) : clock_{clock} {}

  Network network;
  StampSource source = StampSource::tsc;
  Nanos uncertainty{};                  // of the stamps of what is sent
  bool stamps_follow = false;           // send() promises better stamps
  std::size_t room = 1'000'000;         // departures that send() takes per call
  std::function<bool(FlowId)> refuses;  // flows that cannot be sent on
  std::size_t longest = 65'000;         // payload that the device takes
  std::uint32_t device_mtu = 0;         // what it says when one is longer
  std::size_t burst = 32;
  std::uint64_t sent = 0;
  std::uint64_t received = 0;                    // transmit stamps not counted
  std::function<bool(const FlowSpec&)> forbids;  // flows that cannot be opened
  std::vector<FlowId> closed;

  void deliver(Nanos after, Arrival arrival, std::vector<std::byte> payload = {}) {
    const MonoTime when = clock_.now().mono + after;
    in_flight_.emplace(when, Flying{arrival, std::move(payload)});
  }

  // Answers like a reflector that is `one_way` off and works for `residence`; `change` may spoil
  // it.
  void reflect(const Sent& probe, Nanos one_way, Nanos residence = Nanos{0},
               const std::function<void(Arrival&, std::vector<std::byte>&)>& change = {}) {
    std::vector<std::byte> payload(reflected_size(probe.payload.size()));
    const WallTime t2 = probe.stamp.wall + one_way;
    if (probe.flow_spec.kind == FlowKind::udp) {
      if (!reflector) reflector.emplace(quality, mode);
      RequestFacts facts;
      facts.source = seen_as;
      facts.destination = probe.flow_spec.destination;
      facts.dscp_ecn = dscp_there.value_or(probe.flow_spec.dscp << 2U);
      facts.now = clock_.now().mono;
      const auto reply = reflector->reflect(
          probe.payload, {.received = t2, .transmit = t2 + residence, .hop_limit = 61}, payload,
          facts);
      if (reply.size == 0) return;
    } else {
      payload = probe.payload;
    }
    Arrival arrival;
    arrival.flow = probe.flow;
    arrival.tag = probe.flow_spec.kind == FlowKind::udp ? 0 : probe.tag & 0xffffU;
    arrival.source = probe.flow_spec.destination;
    arrival.hop_limit = 59;
    arrival.dscp_ecn = dscp_back.value_or(probe.flow_spec.dscp << 2U);
    if (change) change(arrival, payload);
    deliver(2 * one_way + residence, arrival, std::move(payload));
  }
  // Of the reflector that reflect() makes when it is first called.
  ReflectorMode mode;
  std::optional<Reflector> reflector;
  Endpoint seen_as{Address{boost::asio::ip::address_v4{0xc6336407}}, 40001};
  std::optional<std::uint8_t> dscp_there;  // DSCP and ECN as a probe arrives
  std::optional<std::uint8_t> dscp_back;   // as a reply arrives
  ClockQuality quality{.synchronised = true, .max_error = std::chrono::microseconds{200}};

  [[nodiscard]] Instant now() const override { return clock_.now(); }

  [[nodiscard]] Result<FlowId> open_flow(const FlowSpec& spec) override {
    if (forbids && forbids(spec)) return fail(Errc::not_found, "no such device");
    flows_.push_back(spec);
    if (spec.source_port == 0) {
      flows_.back().source_port = static_cast<std::uint16_t>(49152 + flows_.size() - 1);
    }
    return static_cast<FlowId>(flows_.size() - 1);
  }
  void close_flow(FlowId flow) override { closed.push_back(flow); }

  [[nodiscard]] std::size_t send(std::span<Departure> burst_out) override {
    const std::size_t count = std::min(burst_out.size(), room);
    for (Departure& departure : burst_out.first(count)) {
      if (refuses && refuses(departure.flow)) {
        departure.refused = true;
        continue;
      }
      departure.refused = departure.too_long = departure.payload.size() > longest;
      if (departure.too_long) {
        departure.device_mtu = device_mtu;
        continue;
      }
      const Instant now = clock_.now();
      departure.sent = {now.mono, now.wall, source, uncertainty};
      departure.stamp_follows = stamps_follow;
      ++sent;
      if (network) {
        network({flows_[departure.flow],
                 departure.flow,
                 departure.tag,
                 {departure.payload.begin(), departure.payload.end()},
                 departure.sent});
      }
    }
    return count;
  }

  [[nodiscard]] std::size_t receive(std::span<Arrival> out) override {
    landed_.clear();
    const Instant now = clock_.now();
    std::size_t count = 0;
    while (count < out.size() && !in_flight_.empty() && in_flight_.begin()->first <= now.mono) {
      auto flying = in_flight_.extract(in_flight_.begin());
      landed_.push_back(std::move(flying.mapped().payload));
      out[count] = flying.mapped().arrival;
      out[count].payload = landed_.back();
      if (out[count].received.mono == MonoTime{}) {
        const MonoTime when = flying.key();
        out[count].received = {when, now.wall - (now.mono - when), source, {}};
      }
      if (out[count].kind != Arrival::Kind::transmit_stamp) ++received;
      ++count;
    }
    return count;
  }

  void wait(MonoTime until) override {
    const MonoTime now = clock_.now().mono;
    if (!in_flight_.empty()) until = std::min(until, in_flight_.begin()->first);
    if (until > now) clock_.advance(until - now);
  }

  [[nodiscard]] std::size_t burst_size() const override { return burst; }
  [[nodiscard]] TransportCounters counters() override {
    TransportCounters counters;
    counters.sent = sent;
    counters.received = received;
    return counters;
  }

 private:
  struct Flying {
    Arrival arrival;
    std::vector<std::byte> payload;
  };

  FakeClock& clock_;
  std::vector<FlowSpec> flows_;
  std::multimap<MonoTime, Flying> in_flight_;
  std::vector<std::vector<std::byte>> landed_;
};

}  // namespace strait::probe
