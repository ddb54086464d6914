// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <tuple>

#include "core/address.hpp"

namespace strait::probe::passive {

// https://www.iana.org/assignments/protocol-numbers
inline constexpr std::uint8_t protocol_tcp = 6;
inline constexpr std::uint8_t protocol_udp = 17;

// An end of a flow: an address, an IPv4 one in the first four octets, and a port.
struct FlowEnd {
  std::array<std::uint64_t, 2> octets{};  // as on the wire
  std::uint16_t port = 0;

  friend bool operator==(const FlowEnd&, const FlowEnd&) = default;
  friend bool operator<(const FlowEnd& a, const FlowEnd& b) {
    return std::tie(a.octets, a.port) < std::tie(b.octets, b.port);
  }
};

// Both ends and the protocol, the same for both directions: the first end is never the greater one.
struct FlowKey {
  std::array<std::array<std::uint64_t, 2>, 2> addresses{};
  std::array<std::uint16_t, 2> ports{};
  std::uint8_t protocol = 0;
  std::uint8_t family = 4;
  std::uint16_t unused = 0;

  friend bool operator==(const FlowKey&, const FlowKey&) = default;
  [[nodiscard]] Endpoint end(unsigned side) const;
};
static_assert(sizeof(FlowKey) == 40);

// A keyed hash: who does not know the key cannot make flows that fall together.
class FlowHash {
 public:
  explicit FlowHash(std::array<std::uint64_t, 6> key) : key_{key} {}
  // From the system's entropy.
  [[nodiscard]] static FlowHash random();

  [[nodiscard]] std::uint32_t operator()(const FlowKey& key) const {
    std::array<std::uint64_t, 5> words;  // NOLINT(cppcoreguidelines-pro-type-member-init)
    std::memcpy(words.data(), &key, sizeof(key));
    const std::uint64_t ends =
        fold(words[0] ^ key_[0], words[1] ^ key_[1]) ^ fold(words[2] ^ key_[2], words[3] ^ key_[3]);
    return static_cast<std::uint32_t>(fold(ends ^ key_[4], words[4] ^ key_[5]));
  }

 private:
  __extension__ using Wide = unsigned __int128;
  static std::uint64_t fold(std::uint64_t a, std::uint64_t b) {
    const Wide product = static_cast<Wide>(a) * b;
    return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64U);
  }

  std::array<std::uint64_t, 6> key_;
};

}  // namespace strait::probe::passive
