// SPDX-License-Identifier: Apache-2.0
#include "probe/passive/decode_tcp.hpp"

#include <algorithm>

#include "probe/octets.hpp"

namespace strait::probe::passive {
namespace {

constexpr std::uint8_t tcp_option_end = 0;
constexpr std::uint8_t tcp_option_nothing = 1;
constexpr std::uint8_t tcp_option_sack = 5;        // RFC 2018 section 3
constexpr std::uint8_t tcp_option_timestamps = 8;  // RFC 7323 section 3.2
constexpr std::size_t timestamps_length = 10;
// Nothing, nothing, timestamps: the layout of appendix A of RFC 7323, which nearly everybody uses.
constexpr std::uint32_t usual_options = 0x0101080a;

void timestamps_at(std::span<const std::byte> options, std::size_t at, Decoded& decoded) {
  decoded.has_timestamps = true;
  decoded.tsval = load<std::uint32_t>(options, at);
  decoded.tsecr = load<std::uint32_t>(options, at + 4);
}

void read_option(std::uint8_t kind, std::span<const std::byte> option, Decoded& decoded) {
  if (kind == tcp_option_timestamps && option.size() == timestamps_length) {
    timestamps_at(option, 2, decoded);
  } else if (kind == tcp_option_sack && option.size() >= 10 && (option.size() - 2) % 8 == 0) {
    decoded.sack_blocks = static_cast<std::uint8_t>((option.size() - 2) / 8);
    decoded.sack = option.data() + 2;
  }
}

// RFC 9293 section 3.2. One that says a length below 2 or beyond the header ends them.
void read_options(std::span<const std::byte> options, Decoded& decoded) {
  while (!options.empty()) {
    const auto kind = std::to_integer<std::uint8_t>(options[0]);
    if (kind == tcp_option_end) return;
    if (kind == tcp_option_nothing) {
      options = options.subspan(1);
      continue;
    }
    if (options.size() < 2) return;
    const auto size = std::to_integer<std::size_t>(options[1]);
    if (size < 2 || size > options.size()) return;
    read_option(kind, options.first(size), decoded);
    options = options.subspan(size);
  }
}

}  // namespace

Verdict decode_tcp(std::span<const std::byte> segment, std::uint32_t length, Decoded& decoded) {
  const std::size_t header = (std::to_integer<std::size_t>(segment[12]) >> 4U) * 4;
  if (header < 20 || header > length) return Verdict::malformed;
  decoded.sequence = load<std::uint32_t>(segment, 4);
  decoded.acknowledgment = load<std::uint32_t>(segment, 8);
  decoded.flags = std::to_integer<std::uint8_t>(segment[13]);
  decoded.window = load<std::uint16_t>(segment, 14);
  decoded.payload_length = length - static_cast<std::uint32_t>(header);
  decoded.payload = segment.subspan(std::min(segment.size(), header));
  decoded.has_timestamps = false;
  decoded.sack_blocks = 0;
  const auto options = segment.subspan(20, std::min(segment.size(), header) - 20);
  if (options.size() == 12 && load<std::uint32_t>(options, 0) == usual_options) {
    timestamps_at(options, 4, decoded);
  } else if (!options.empty()) {
    read_options(options, decoded);
  }
  return Verdict::tcp;
}

}  // namespace strait::probe::passive
