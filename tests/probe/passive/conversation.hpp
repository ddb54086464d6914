// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "probe/octets.hpp"
#include "probe/passive/meter.hpp"

namespace strait::probe::passive {

// A TCP segment as a test writes it down. Sequence numbers count from the sender's first one.
struct Segment {
  std::uint8_t flags = tcp::ack;
  std::uint32_t sequence = 0;
  std::uint32_t acknowledgment = 0;
  std::uint32_t payload = 0;
  std::optional<std::pair<std::uint32_t, std::uint32_t>> timestamps = std::nullopt;
  std::vector<std::pair<std::uint32_t, std::uint32_t>> sack = {};
  std::uint16_t window = 1000;
};

// Packets between a client (192.0.2.1:40000) and a server (198.51.100.2:443) as a capture between
// them has them; the first sequence numbers wrap soon. Times are given in microseconds.
class Conversation {
 public:
  static constexpr std::uint32_t client_first = 0xffffff00;
  static constexpr std::uint32_t server_first = 0xfffffff0;

  explicit Conversation(std::uint16_t client_port = 40000) : client_port_{client_port} {}

  Conversation& client(std::int64_t micros, const Segment& segment) {
    return add(micros, true, segment);
  }
  Conversation& server(std::int64_t micros, const Segment& segment) {
    return add(micros, false, segment);
  }
  // SYN, SYN-ACK 20 ms later, ACK 5 ms after that. The first octets are number 1.
  Conversation& open(std::int64_t micros = 0) {
    client(micros, {.flags = tcp::syn});
    server(micros + 20'000, {.flags = tcp::syn | tcp::ack, .acknowledgment = 1});
    return client(micros + 25'000, {.sequence = 1, .acknowledgment = 1});
  }
  [[nodiscard]] const std::vector<CapturedPacket>& packets() const { return packets_; }

 private:
  static constexpr std::int64_t start = 1'700'000'000'000'000;  // us

  Conversation& add(std::int64_t micros, bool from_client, const Segment& segment);

  std::uint16_t client_port_;
  // Shared by copies, whose packets lie in it.
  std::shared_ptr<std::deque<std::vector<std::byte>>> octets_ =
      std::make_shared<std::deque<std::vector<std::byte>>>();
  std::vector<CapturedPacket> packets_;
};

inline Conversation& Conversation::add(std::int64_t micros, bool from_client,
                                       const Segment& segment) {
  std::vector<std::byte> options;
  const auto put = [](std::vector<std::byte>& to, auto value) {
    to.resize(to.size() + sizeof(value));
    store(std::span{to}, to.size() - sizeof(value), value);
  };
  const std::uint32_t mine = from_client ? client_first : server_first;
  const std::uint32_t theirs = from_client ? server_first : client_first;
  if (segment.timestamps) {
    put(options, std::uint32_t{0x0101080a});
    put(options, segment.timestamps->first);
    put(options, segment.timestamps->second);
  }
  if (!segment.sack.empty()) {
    put(options, std::uint16_t{0x0101});
    put(options, std::uint8_t{5});
    put(options, static_cast<std::uint8_t>(2 + segment.sack.size() * 8));
    for (const auto& [begin, end] : segment.sack) {
      put(options, theirs + begin);
      put(options, theirs + end);
    }
  }
  std::vector<std::byte> packet;
  const auto header = static_cast<std::uint32_t>(40 + options.size());
  const std::uint32_t length = header + segment.payload;
  put(packet, std::uint16_t{0x4500});
  put(packet, static_cast<std::uint16_t>(length));
  put(packet, std::uint32_t{0x00014000});
  put(packet, std::uint32_t{0x40060000});
  put(packet, from_client ? std::uint32_t{0xc0000201} : std::uint32_t{0xc6336402});
  put(packet, from_client ? std::uint32_t{0xc6336402} : std::uint32_t{0xc0000201});
  put(packet, from_client ? client_port_ : std::uint16_t{443});
  put(packet, from_client ? std::uint16_t{443} : client_port_);
  put(packet, mine + segment.sequence);
  const bool acknowledges = (segment.flags & tcp::ack) != 0;
  put(packet, acknowledges ? theirs + segment.acknowledgment : std::uint32_t{0});
  put(packet, static_cast<std::uint8_t>((header - 20) / 4 * 16));
  put(packet, segment.flags);
  put(packet, segment.window);
  put(packet, std::uint32_t{0});
  packet.insert(packet.end(), options.begin(), options.end());
  octets_->push_back(std::move(packet));
  packets_.push_back({.time = WallTime{Nanos{(start + micros) * 1000}},
                      .data = octets_->back(),
                      .length = length,
                      .interface = 0,
                      .link = LinkType::raw,
                      .other_order = false});
  return *this;
}

using Strings = std::vector<std::string>;
inline constexpr std::int64_t ms = 1000;  // of a Conversation's times
inline constexpr std::uint8_t syn_ack = tcp::syn | tcp::ack;

// The handshake's two halves, and then these.
inline Strings opened(Strings rest = {}) {
  rest.insert(rest.begin(), {"handshake server 20000", "handshake client 5000"});
  return rest;
}

inline Segment data(std::uint32_t sequence, std::uint32_t octets,
                    std::uint32_t acknowledgment = 1) {
  return {.sequence = sequence, .acknowledgment = acknowledgment, .payload = octets};
}
inline Segment ack(std::uint32_t acknowledgment, std::uint32_t sequence = 1) {
  return {.sequence = sequence, .acknowledgment = acknowledgment};
}

inline Segment stamped(Segment segment, std::uint32_t tsval, std::uint32_t tsecr) {
  segment.timestamps = {{tsval, tsecr}};
  return segment;
}

// What a meter makes of it. A round trip is written as method, the end that it is the round trip
// to, microseconds, and "?" where the answer may have been delayed: "sequence server 20000?".
struct Metered {
  std::vector<std::string> round_trips;
  std::vector<FlowReport> flows;
  MeterTally tally;
  TcpTally tcp;
};

inline Metered metered(const std::vector<CapturedPacket>& packets, const MeterOptions& options) {
  Metered result;
  Meter meter{options, [&](const FlowReport& flow) { result.flows.push_back(flow); }};
  meter.set_round_trip_sink([&](const RoundTrip& trip) {
    auto text = std::string{to_string(trip.method)};
    text += trip.answerer.port == 443 ? " server " : " client ";
    text += std::to_string(trip.rtt.count() / 1000);
    result.round_trips.push_back(text + (trip.maybe_delayed ? "?" : ""));
  });
  meter.add(packets);
  meter.finish();
  result.tally = meter.tally();
  result.tcp = meter.tcp_tally();
  return result;
}

}  // namespace strait::probe::passive
