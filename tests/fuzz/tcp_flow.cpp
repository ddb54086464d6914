// SPDX-License-Identifier: Apache-2.0
// Any segments or QUIC packets of a few connections, eight octets of input each: what follows them
// must time nothing that did not happen. Numbers are near one another, so that they mean something.
#include <array>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <vector>

#include "probe/octets.hpp"
#include "probe/passive/meter.hpp"

namespace {

using namespace strait;
using namespace strait::probe;
using namespace strait::probe::passive;

using Packet = std::array<std::byte, 80>;

// IPv4, TCP, timestamps and two SACK blocks where asked for.
std::size_t build(Packet& packet, std::span<const std::uint8_t, 8> input) {
  const bool client = (input[0] & 1U) != 0;
  const bool stamps = (input[0] & 2U) != 0;
  const bool sack = (input[0] & 4U) != 0;
  const std::uint16_t port = 1000 + (input[0] >> 6U);
  const std::size_t header = 20U + (stamps ? 12U : 0U) + (sack ? 20U : 0U);
  const std::uint16_t payload = static_cast<std::uint16_t>((input[1] & 3U) * 10);
  packet = {};
  store(packet, 0, std::uint16_t{0x4500});
  store(packet, 2, static_cast<std::uint16_t>(20 + header + payload));
  store(packet, 8, std::uint16_t{0x4006});
  store(packet, 12, client ? std::uint32_t{0x0a000001} : std::uint32_t{0x0a000002});
  store(packet, 16, client ? std::uint32_t{0x0a000002} : std::uint32_t{0x0a000001});
  store(packet, 20, client ? port : std::uint16_t{80});
  store(packet, 22, client ? std::uint16_t{80} : port);
  store(packet, 24, std::uint32_t{input[2]} * 10 - 100);
  store(packet, 28, std::uint32_t{input[3]} * 10 - 100);
  store(packet, 32, static_cast<std::uint8_t>(header / 4 * 16));
  store(packet, 33, input[4]);
  store(packet, 34, static_cast<std::uint16_t>(input[1] >> 6U));
  std::size_t at = 40;
  if (stamps) {
    store(packet, at, std::uint32_t{0x0101080a});
    store(packet, at + 4, std::uint32_t{input[5]} - 20);
    store(packet, at + 8, std::uint32_t{input[6]} - 20);
    at += 12;
  }
  if (sack) {
    store(packet, at, std::uint32_t{0x01010512});
    for (std::uint32_t i = 0; i < 4; ++i) {
      store(packet, at + 4 + 4 * i, std::uint32_t{input[5]} * 10 - 100 + 10 * i * (input[6] & 3U));
    }
    at += 20;
  }
  return at;
}

// IPv4, UDP and the beginning of a QUIC packet with connection IDs of 8 octets, or of none.
std::size_t build_quic(Packet& packet, std::span<const std::uint8_t, 8> input) {
  const bool client = (input[0] & 1U) != 0;
  packet = {};
  store(packet, 0, std::uint16_t{0x4500});
  store(packet, 2, std::uint16_t{1228});
  store(packet, 8, std::uint16_t{0x4011});
  store(packet, 12, client ? std::uint32_t{0x0a000001} : std::uint32_t{0x0a000002});
  store(packet, 16, client ? std::uint32_t{0x0a000002} : std::uint32_t{0x0a000001});
  store(packet, 20, client ? std::uint16_t{1000} : std::uint16_t{443});
  store(packet, 22, client ? std::uint16_t{443} : std::uint16_t{1000});
  store(packet, 24, std::uint16_t{1208});
  store(packet, 28, input[1]);
  if ((input[1] & 0x80U) == 0) {
    packet.at(29) = static_cast<std::byte>(input[2] & 3U);
    return packet.size();
  }
  store(packet, 29, (input[0] & 2U) != 0 ? std::uint32_t{1} : std::uint32_t{0x6b3343cf});
  std::size_t at = 33;
  for (const std::uint8_t id : {input[2], input[3]}) {
    const std::size_t length = (id & 4U) != 0 ? 0 : 8;
    store(packet, at, static_cast<std::uint8_t>(length));
    if (length > 0) packet.at(at + 1) = static_cast<std::byte>(id & 3U);
    at += 1 + length;
  }
  return packet.size();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto check = [](bool holds) {
    if (!holds) std::abort();
  };
  MeterOptions options;
  options.max_flows = 3;
  options.tcp.sequence_always = size % 2 == 0;
  std::uint64_t flows = 0;
  std::uint64_t trips = 0;
  std::int64_t time = 1'000'000'000;
  Meter meter{options, [&](const FlowReport&) { ++flows; }};
  meter.set_round_trip_sink([&](const RoundTrip& trip) {
    ++trips;
    check(trip.rtt >= Nanos{0} && trip.rtt.count() <= time);
  });
  Packet packet;
  for (std::size_t at = 0; at + 8 <= size; at += 8) {
    const std::span<const std::uint8_t, 8> input{data + at, 8};
    const bool quic = (input[0] & 8U) != 0;
    const std::size_t octets = quic ? build_quic(packet, input) : build(packet, input);
    time += std::int64_t{input[7]} * 1'000'000 - 10'000'000;
    if (time < 0) time = 0;
    const CapturedPacket captured{.time = WallTime{Nanos{time}},
                                  .data = std::span{packet}.first(octets),
                                  .length = 200,
                                  .interface = 0,
                                  .link = LinkType::raw,
                                  .other_order = false};
    meter.add(std::span{&captured, 1});
  }
  meter.finish();
  std::uint64_t counted = 0;
  for (const std::uint64_t count : meter.tcp_tally().by_method) counted += count;
  check(flows == meter.tally().flows && trips == counted);
  return 0;
}
