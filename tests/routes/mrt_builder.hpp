// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string_view>
#include <vector>

#include "core/address.hpp"

namespace strait::testing {

// Octets, appended big-endian: every record below is built layer by layer.
class Octets {
 public:
  Octets() = default;
  Octets(std::initializer_list<unsigned> octets) {
    for (const unsigned octet : octets) u8(octet);
  }
  Octets& u8(unsigned value) {
    bytes_.push_back(static_cast<std::byte>(value));
    return *this;
  }
  Octets& u16(unsigned value) { return u8(value >> 8U & 0xffU).u8(value & 0xffU); }
  Octets& u32(std::uint32_t value) { return u16(value >> 16U).u16(value & 0xffffU); }
  Octets& add(const Octets& other) {
    bytes_.insert(bytes_.end(), other.bytes_.begin(), other.bytes_.end());
    return *this;
  }
  Octets& address(std::string_view text) {
    const Address address = parse_address(text).value();
    if (address.is_v4()) return u32(address.to_v4().to_uint());
    for (const auto octet : address.to_v6().to_bytes()) u8(octet);
    return *this;
  }
  [[nodiscard]] unsigned size() const { return static_cast<unsigned>(bytes_.size()); }
  [[nodiscard]] std::span<const std::byte> span() const { return bytes_; }
  [[nodiscard]] std::vector<std::byte>& bytes() { return bytes_; }

 private:
  std::vector<std::byte> bytes_;
};

inline Octets record(unsigned type, unsigned subtype, const Octets& body) {
  return Octets{}.u32(1700000000).u16(type).u16(subtype).u32(body.size()).add(body);
}

inline Octets attribute(unsigned flags, unsigned code, const Octets& value) {
  return Octets{}.u8(flags).u8(code).u8(value.size()).add(value);
}

inline Octets origin(unsigned value = 0) { return attribute(0x40, 1, {value}); }
inline Octets next_hop(std::string_view text) { return attribute(0x40, 3, Octets{}.address(text)); }
inline Octets sequence(std::initializer_list<std::uint32_t> asns, unsigned type = 2) {
  Octets value;
  value.u8(type).u8(static_cast<unsigned>(asns.size()));
  for (const auto asn : asns) value.u32(asn);
  return value;
}
inline Octets as_path(const Octets& segments) { return attribute(0x40, 2, segments); }

// Two upstreams and, first, BIRD's all-zero peer.
inline Octets peer_table() {
  Octets body;
  body.u32(0x0a000001).u16(2).u8('v').u8('1').u16(4);
  body.u8(3).u32(0).address("::").u32(0);
  body.u8(2).u32(0x0a000002).address("192.0.2.1").u32(65001);
  body.u8(0).u32(0x0a000003).address("192.0.2.2").u16(65002);
  body.u8(3).u32(0x0a000002).address("2001:db8::1").u32(65001);
  return record(13, 1, body);
}

inline Octets entry(unsigned peer, const Octets& attributes) {
  return Octets{}.u16(peer).u32(1699999999).u16(attributes.size()).add(attributes);
}

inline Octets entry_add_path(unsigned peer, std::uint32_t id, const Octets& attributes) {
  return Octets{}.u16(peer).u32(1699999999).u32(id).u16(attributes.size()).add(attributes);
}

inline Octets rib(unsigned subtype, const Octets& prefix, std::initializer_list<Octets> entries) {
  Octets body;
  body.u32(1).add(prefix).u16(static_cast<unsigned>(entries.size()));
  for (const Octets& one : entries) body.add(one);
  return record(13, subtype, body);
}

inline Octets plain_attributes(std::string_view hop = "192.0.2.1") {
  return Octets{}.add(origin()).add(as_path(sequence({65001, 64496}))).add(next_hop(hop));
}

}  // namespace strait::testing
