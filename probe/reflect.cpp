// SPDX-License-Identifier: Apache-2.0
#include "probe/reflect.hpp"

#include <cstring>

namespace strait::probe {

std::string_view to_string(Refusal refusal) {
  constexpr std::array<std::string_view, refusals> names{
      "none",       "too-short",   "corrupt-error-estimate", "no-room", "not-allowed",
      "bad-source", "rate-limited"};
  return names.at(static_cast<std::size_t>(refusal));
}

void Reflector::set_clock_quality(const ClockQuality& quality) {
  for (const auto format : {TimestampFormat::ntp, TimestampFormat::ptp}) {
    error_estimate_[static_cast<std::size_t>(format)] = encode(error_estimate(quality, format));
  }
}

Reflection Reflector::reflect(std::span<const std::byte> request, const ReflectStamps& stamps,
                              std::span<std::byte> reply) const {
  const auto asked = read_stamp_request(request);
  if (!asked) return {Refusal::too_short, 0};
  const ErrorEstimate theirs = decode_error_estimate(asked->error_estimate);
  if (theirs.corrupt()) return {Refusal::corrupt_error_estimate, 0};
  const std::size_t size = reflected_size(request.size());
  if (reply.size() < size) return {Refusal::no_room, 0};

  if (request.size() > stamp_packet_size && reply.data() != request.data()) {
    std::memcpy(reply.data() + stamp_packet_size, request.data() + stamp_packet_size,
                request.size() - stamp_packet_size);
  }
  // A Z bit is copied only together with the format that it stands for.
  const TimestampFormat format = theirs.format;
  write_stamp_reply({.sequence = asked->sequence,
                     .timestamp = encode_time(stamps.transmit, format),
                     .error_estimate = error_estimate_[static_cast<std::size_t>(format)],
                     .ssid = asked->ssid,
                     .receive_timestamp = encode_time(stamps.received, format),
                     .sender_sequence = asked->sequence,
                     .sender_timestamp = asked->timestamp,
                     .sender_error_estimate = asked->error_estimate,
                     .sender_ttl = stamps.hop_limit == 0 ? std::uint8_t{255} : stamps.hop_limit},
                    reply);
  return {Refusal::none, size};
}

}  // namespace strait::probe
