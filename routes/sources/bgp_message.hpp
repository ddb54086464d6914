// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "core/address.hpp"
#include "core/strong.hpp"
#include "routes/prefix_key.hpp"
#include "routes/sources/byte_reader.hpp"

namespace strait::routes {

// What a BGP4MP record holds (RFC 6396 section 4.4, RFC 8050 section 5.1).
struct Bgp4mp {
  Asn peer_asn;
  Asn local_asn;
  Address peer;
  Address local;
  bool wide_asns = false;  // in the message's AS_PATH
  bool add_path = false;
  bool sent_by_collector = false;  // a LOCAL subtype: the peer is who it was sent to
  bool state_change = false;
  std::uint16_t old_state = 0;  // RFC 4271 section 8.2.2, 1 Idle to 6 Established
  std::uint16_t new_state = 0;
  std::span<const std::byte> message;  // from its marker on
};

inline constexpr std::uint16_t bgp_established = 6;

struct Bgp4mpResult {
  std::optional<Bgp4mp> content;
  std::string_view problem;  // why there is none; empty for a subtype that we do not read
};
[[nodiscard]] Bgp4mpResult read_bgp4mp(std::uint16_t subtype, std::span<const std::byte> body);

enum class BgpMessageType : std::uint8_t {
  open = 1,
  update = 2,
  notification = 3,
  keepalive = 4,
  route_refresh = 5
};

// The three parts of an UPDATE (RFC 4271 section 4.3), not looked into.
struct BgpUpdate {
  std::span<const std::byte> withdrawn;
  std::span<const std::byte> attributes;
  std::span<const std::byte> nlri;
};

struct BgpMessage {
  std::uint8_t type = 0;
  std::optional<BgpUpdate> update;  // of an UPDATE
};
// Nothing, and `problem`, if the header or the lengths inside are wrong.
[[nodiscard]] std::optional<BgpMessage> read_bgp_message(std::span<const std::byte> octets,
                                                         std::string_view& problem);

// Calls f(key, path id) for each prefix; false where one is too long or runs past the end (RFC 7606
// section 5.3).
template <class Key, class F>
bool for_each_nlri(std::span<const std::byte> octets, bool add_path, F f) {
  ByteReader reader{octets};
  while (!reader.empty()) {
    const std::uint32_t path_id = add_path ? reader.u32() : 0;
    const unsigned length = reader.u8();
    const auto prefix = reader.take((length + 7U) / 8U);
    const auto key = key_of_octets<Key>(prefix, length);
    if (reader.failed() || !key) return false;
    f(*key, path_id);
  }
  return true;
}

}  // namespace strait::routes
