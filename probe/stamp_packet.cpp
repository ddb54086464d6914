// SPDX-License-Identifier: Apache-2.0
#include "probe/stamp_packet.hpp"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <vector>

#include "probe/octets.hpp"
#include "probe/random.hpp"

namespace strait::probe {
namespace {

constexpr std::int64_t giga = 1'000'000'000;
constexpr std::uint16_t synchronised_bit = 0x8000;
constexpr std::uint16_t ptp_bit = 0x4000;

std::vector<std::byte> pseudorandom_octets() {
  std::vector<std::byte> octets(std::size_t{1} << 14U);  // more than any probe has
  std::uint64_t state = 0x5354414d50;
  for (std::size_t at = 0; at < octets.size(); at += sizeof state) {
    store(octets, at, next_random(state));
  }
  return octets;
}

}  // namespace

void fill_padding(std::span<std::byte> padding) {
  static const std::vector<std::byte> octets = pseudorandom_octets();
  while (!padding.empty()) {
    const std::size_t piece = std::min(padding.size(), octets.size());
    std::memcpy(padding.data(), octets.data(), piece);
    padding = padding.subspan(piece);
  }
}

Nanos ErrorEstimate::error() const {
  if (scale > 57) return Nanos::max();  // 255 * 2^(57 - 32) s is the last that fits 2^63 ns
  const std::uint64_t product = std::uint64_t{multiplier} * giga;
  if (scale >= 32) return Nanos{static_cast<std::int64_t>(product << (scale - 32U))};
  const unsigned shift = 32U - scale;
  return Nanos{static_cast<std::int64_t>((product + (std::uint64_t{1} << shift) - 1) >> shift)};
}

std::uint16_t encode(const ErrorEstimate& estimate) {
  const unsigned s = estimate.synchronised ? synchronised_bit : 0U;
  const unsigned z = estimate.format == TimestampFormat::ptp ? ptp_bit : 0U;
  return static_cast<std::uint16_t>(s | z | (estimate.scale & 0x3fU) << 8 | estimate.multiplier);
}

ErrorEstimate error_estimate(const ClockQuality& quality, TimestampFormat format) {
  constexpr std::int64_t most = std::int64_t{1} << 60;  // ns, 36 years
  const auto ns =
      static_cast<std::uint64_t>(std::clamp<std::int64_t>(quality.max_error.count(), 0, most));
  std::uint64_t units = (ns / giga << 32) + ((ns % giga << 32) + giga - 1) / giga;  // of 2^-32 s
  std::uint8_t scale = 0;
  while (units > 255) {
    units = (units + 1) >> 1;
    ++scale;
  }
  // A Multiplier of 0 must not be sent (RFC 4656 §4.1.2).
  const auto multiplier = static_cast<std::uint8_t>(std::max<std::uint64_t>(units, 1));
  return {quality.synchronised, format, scale, multiplier};
}

void write_extra_padding(std::span<std::byte> packet) {
  if (packet.size() <= stamp_packet_size) return;
  assert(packet.size() >= stamp_packet_size + 4);
  // Flags: the sender sets U (RFC 8972 §4). Type 1. Length of the value only.
  store<std::uint16_t>(packet, stamp_packet_size, 0x8001);
  store(packet, stamp_packet_size + 2,
        static_cast<std::uint16_t>(packet.size() - stamp_packet_size - 4));
  fill_padding(packet.subspan(stamp_packet_size + 4));
}

std::optional<StampRequest> read_stamp_request(std::span<const std::byte> packet) {
  if (packet.size() < twamp_request_size) return std::nullopt;
  return StampRequest{.sequence = load<std::uint32_t>(packet, 0),
                      .timestamp = load<std::uint64_t>(packet, 4),
                      .error_estimate = load<std::uint16_t>(packet, 12),
                      .ssid = packet.size() < stamp_packet_size ? std::uint16_t{0}
                                                                : load<std::uint16_t>(packet, 14)};
}

void write_stamp_reply(const StampReply& reply, std::span<std::byte> packet) {
  assert(packet.size() >= stamp_packet_size);
  store(packet, 0, reply.sequence);
  store(packet, 4, reply.timestamp);
  store(packet, 12, reply.error_estimate);
  store(packet, 14, reply.ssid);
  store(packet, 16, reply.receive_timestamp);
  store(packet, 24, reply.sender_sequence);
  store(packet, 28, reply.sender_timestamp);
  store(packet, 36, reply.sender_error_estimate);
  store<std::uint16_t>(packet, 38, 0);
  store(packet, 40, static_cast<std::uint32_t>(reply.sender_ttl) << 24);
}

}  // namespace strait::probe
