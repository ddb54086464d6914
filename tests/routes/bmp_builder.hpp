// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <initializer_list>
#include <string_view>

#include "tests/routes/mrt_builder.hpp"

namespace strait::testing {

// BMP messages, built layer by layer (RFC 7854 section 4).

struct BmpHeader {
  unsigned type = 0;
  unsigned flags = 0;
  std::uint32_t distinguisher = 0;  // its lower half
  std::string_view address = "192.0.2.1";
  std::uint32_t asn = 65001;
  std::uint32_t bgp_id = 0x0a000001;
  std::uint32_t seconds = 1700000000;
};

inline Octets bmp_message(unsigned type, const Octets& body) {
  return Octets{}.u8(3).u32(body.size() + 6).u8(type).add(body);
}

inline Octets wide_address(std::string_view text) {
  const bool v4 = parse_address(text).value().is_v4();
  Octets octets;
  for (unsigned i = 0; v4 && i < 12; ++i) octets.u8(0);
  return octets.address(text);
}

inline Octets peer_header(const BmpHeader& header) {
  const bool v6 = parse_address(header.address).value().is_v6();
  return Octets{}
      .u8(header.type)
      .u8(header.flags | (v6 && header.type != 3 ? 0x80U : 0U))
      .u32(0)
      .u32(header.distinguisher)
      .add(wide_address(header.address))
      .u32(header.asn)
      .u32(header.bgp_id)
      .u32(header.seconds)
      .u32(0);
}

inline Octets peer_message(unsigned type, const BmpHeader& header, const Octets& body) {
  return bmp_message(type, Octets{}.add(peer_header(header)).add(body));
}

inline Octets bgp_message(unsigned type, const Octets& body) {
  Octets octets;
  for (unsigned i = 0; i < 16; ++i) octets.u8(0xff);
  return octets.u16(body.size() + 19).u8(type).add(body);
}

inline Octets capability(unsigned code, const Octets& value) {
  return Octets{}.u8(code).u8(value.size()).add(value);
}

// Capabilities for four-octet AS numbers and, where `mode` is not 0, add-path of IPv4 unicast.
inline Octets open(std::uint32_t asn, unsigned mode = 0) {
  Octets capabilities = capability(65, Octets{}.u32(asn));
  if (mode != 0) capabilities.add(capability(69, Octets{}.u16(1).u8(1).u8(mode)));
  Octets body;
  body.u8(4).u16(asn > 0xffff ? 23456 : asn).u16(180).u32(0x0a000001);
  body.u8(capabilities.size() + 2).u8(2).u8(capabilities.size()).add(capabilities);
  return bgp_message(1, body);
}

inline Octets tlv(unsigned type, std::string_view text) {
  Octets octets;
  octets.u16(type).u16(static_cast<unsigned>(text.size()));
  for (const char c : text) octets.u8(static_cast<unsigned char>(c));
  return octets;
}

// The router is AS64500.
inline Octets peer_up(const BmpHeader& header = {}, unsigned sent_mode = 0,
                      unsigned received_mode = 0, const Octets& information = {}) {
  const bool v6 = parse_address(header.address).value().is_v6();
  return peer_message(3, header,
                      Octets{}
                          .add(wide_address(v6 ? "2001:db8::ffff" : "192.0.2.254"))
                          .u16(179)
                          .u16(40000)
                          .add(open(64500, sent_mode))
                          .add(open(header.asn, received_mode))
                          .add(information));
}

inline Octets peer_down(const BmpHeader& header = {}, const Octets& body = {4}) {
  return peer_message(2, header, body);
}

// An UPDATE of plain IPv4 routes.
inline Octets update(const Octets& nlri, const Octets& attributes, const Octets& withdrawn = {}) {
  return bgp_message(2, Octets{}
                            .u16(withdrawn.size())
                            .add(withdrawn)
                            .u16(attributes.size())
                            .add(attributes)
                            .add(nlri));
}

inline Octets monitoring(const BmpHeader& header, const Octets& message) {
  return peer_message(0, header, message);
}

}  // namespace strait::testing
