// SPDX-License-Identifier: Apache-2.0
#include "probe/passive/decode.hpp"

#include <algorithm>
#include <cstring>

#include "probe/octets.hpp"
#include "probe/passive/decode_question.hpp"
#include "probe/passive/decode_tcp.hpp"

namespace strait::probe::passive {
namespace {

using Octets = std::span<const std::byte>;

// https://www.iana.org/assignments/ieee-802-numbers
constexpr std::uint16_t type_ipv4 = 0x0800;
constexpr std::uint16_t type_ipv6 = 0x86dd;
constexpr std::uint16_t type_vlan = 0x8100;
constexpr std::uint16_t type_service_vlan = 0x88a8;
constexpr std::uint16_t type_old_vlan = 0x9100;
constexpr std::uint16_t type_mpls = 0x8847;
constexpr std::uint16_t type_mpls_upstream = 0x8848;
constexpr std::uint16_t type_pppoe = 0x8864;
constexpr std::uint16_t type_ethernet = 0x6558;  // Ethernet within GRE (RFC 1701)

constexpr std::uint8_t protocol_icmp = 1;
constexpr std::uint8_t protocol_gre = 47;
constexpr std::uint8_t protocol_icmpv6 = 58;
constexpr std::uint16_t vxlan_port = 4789;

// One layer after the other: each step takes its header off `rest` and says in `type` what follows
// (an EtherType), or ends with a verdict.
class Layers {
 public:
  Layers(const CapturedPacket& packet, const DecodeOptions& options, Decoded& decoded)
      : packet_{packet}, options_{options}, decoded_{decoded}, rest_{packet.data} {}

  void read() {
    if (!link()) return;
    while (layer()) {
    }
  }

 private:
  bool end(Verdict verdict) {
    decoded_.verdict = verdict;
    return false;
  }
  // Whether that many octets of a header are there.
  bool has(std::size_t octets) { return rest_.size() >= octets || end(Verdict::truncated); }
  void take(std::size_t octets) { rest_ = rest_.subspan(octets); }
  bool next(std::uint16_t type, std::size_t octets) {
    type_ = type;
    take(octets);
    return true;
  }
  [[nodiscard]] std::uint8_t octet(std::size_t at) const {
    return std::to_integer<std::uint8_t>(rest_[at]);
  }
  // What was on the wire from the rest on; what is captured may be less.
  [[nodiscard]] std::uint32_t on_the_wire() const {
    const auto before = static_cast<std::uint32_t>(rest_.data() - packet_.data.data());
    return packet_.length - std::min(packet_.length, before);
  }

  bool link();
  bool ethernet();
  bool layer();
  bool by_version();
  bool vlan();
  bool mpls();
  bool pppoe();
  bool ppp();
  bool ipv4();
  bool ipv6();
  bool ipv6_extensions(std::uint8_t protocol);
  bool whole_fragment();
  bool transport(std::uint8_t protocol, std::uint32_t length);
  bool udp(std::uint32_t length);
  bool gre();
  void addresses(std::size_t source, std::size_t destination, std::size_t size);
  void key(std::uint8_t protocol, std::uint16_t source_port, std::uint16_t destination_port);

  const CapturedPacket& packet_;
  const DecodeOptions& options_;
  Decoded& decoded_;
  Octets rest_;
  std::uint16_t type_ = 0;
  FlowEnd source_;
  FlowEnd destination_;
  std::uint8_t family_ = 4;
};

bool Layers::link() {
  switch (packet_.link) {
    case LinkType::ethernet:
      return ethernet();
    case LinkType::raw:
    case LinkType::raw_bsd:
    case LinkType::raw_openbsd:
    case LinkType::ipv4:
    case LinkType::ipv6:
      return by_version();
    case LinkType::null:  // an address family in the writer's order, which differs between systems
    case LinkType::loop:
      if (!has(4)) return false;
      take(4);
      return by_version();
    case LinkType::linux_cooked:
      return has(16) && next(load<std::uint16_t>(rest_, 14), 16);
    case LinkType::linux_cooked_2:
      return has(20) && next(load<std::uint16_t>(rest_, 0), 20);
    case LinkType::ppp_ethernet:
      return pppoe();
  }
  return end(Verdict::unknown_link);
}

bool Layers::ethernet() { return has(14) && next(load<std::uint16_t>(rest_, 12), 14); }

// The version nibble tells IPv4 from IPv6 where no type does.
bool Layers::by_version() {
  if (!has(1)) return false;
  const unsigned version = octet(0) >> 4U;
  if (version != 4 && version != 6) return end(Verdict::not_ip);
  return next(version == 4 ? type_ipv4 : type_ipv6, 0);
}

bool Layers::layer() {
  switch (type_) {
    case type_ipv4:
      return ipv4();
    case type_ipv6:
      return ipv6();
    case type_vlan:
    case type_service_vlan:
    case type_old_vlan:
      return vlan();
    case type_mpls:
    case type_mpls_upstream:
      return mpls();
    case type_pppoe:
      return pppoe();
    case type_ethernet:
      return ethernet();
    default:
      return end(Verdict::not_ip);
  }
}

bool Layers::vlan() {
  if (!has(4)) return false;
  if (decoded_.vlan == 0) decoded_.vlan = load<std::uint16_t>(rest_, 0) & 0x0fffU;
  return next(load<std::uint16_t>(rest_, 2), 4);
}

// RFC 3032 section 2.1. What is below the last label is not told: IP shows its version, a
// pseudowire of RFC 4385 section 3 a nibble of 0 in its control word, and is taken for Ethernet.
bool Layers::mpls() {
  for (;;) {
    if (!has(4)) return false;
    const auto entry = load<std::uint32_t>(rest_, 0);
    if (decoded_.mpls_label == 0) decoded_.mpls_label = entry >> 12U;
    take(4);
    if ((entry & 0x100U) != 0) break;
  }
  if (!has(1)) return false;
  if (octet(0) >> 4U != 0) return by_version();
  return has(4) && next(type_ethernet, 4);
}

// RFC 2516 section 4: version and type, code (0: session), session, length; then PPP.
bool Layers::pppoe() {
  if (!has(6)) return false;
  if (octet(0) != 0x11 || octet(1) != 0) return end(Verdict::not_ip);
  take(6);
  return ppp();
}

bool Layers::ppp() {
  if (!has(2)) return false;
  switch (load<std::uint16_t>(rest_, 0)) {
    case 0x0021:
      return next(type_ipv4, 2);
    case 0x0057:
      return next(type_ipv6, 2);
    case 0x0281:
      return next(type_mpls, 2);
    default:
      return end(Verdict::not_ip);
  }
}

void Layers::addresses(std::size_t source, std::size_t destination, std::size_t size) {
  source_ = {};
  destination_ = {};
  std::memcpy(source_.octets.data(), rest_.data() + source, size);
  std::memcpy(destination_.octets.data(), rest_.data() + destination, size);
}

// RFC 791 section 3.1.
bool Layers::ipv4() {
  if (!has(20)) return false;
  const std::size_t header = (octet(0) & 0x0fU) * std::size_t{4};
  std::uint32_t length = load<std::uint16_t>(rest_, 2);
  if (length == 0) length = on_the_wire();  // segmentation offload: longer than 16 bits can say
  if (octet(0) >> 4U != 4 || header < 20 || length < header) return end(Verdict::malformed);
  if (!has(header)) return false;
  decoded_.octets = length;
  family_ = 4;
  addresses(12, 16, 4);
  const std::uint8_t protocol = octet(9);
  const bool fragment = (load<std::uint16_t>(rest_, 6) & 0x3fffU) != 0;  // more, or an offset
  rest_ = rest_.first(std::min<std::size_t>(rest_.size(), length));      // less a link's padding
  take(header);
  if (fragment) return end(Verdict::fragment);
  return transport(protocol, length - static_cast<std::uint32_t>(header));
}

// RFC 8200 section 3.
bool Layers::ipv6() {
  if (!has(40)) return false;
  if (octet(0) >> 4U != 6) return end(Verdict::malformed);
  std::uint32_t length = load<std::uint16_t>(rest_, 4);
  // 0: a jumbogram (RFC 2675), or segmentation offload.
  length = length == 0 ? std::max(on_the_wire(), 40U) : length + 40;
  decoded_.octets = length;
  family_ = 6;
  addresses(8, 24, 16);
  const std::uint8_t protocol = octet(6);
  rest_ = rest_.first(std::min<std::size_t>(rest_.size(), length));
  take(40);
  return ipv6_extensions(protocol);
}

// RFC 8200 section 4: the next header, then the length.
bool Layers::ipv6_extensions(std::uint8_t protocol) {
  std::uint32_t left = decoded_.octets - 40;
  for (;;) {
    std::size_t unit = 0;       // of the length
    std::size_t uncounted = 1;  // units that the length leaves out
    switch (protocol) {
      case 0:    // hop-by-hop options
      case 43:   // routing
      case 60:   // destination options
      case 135:  // mobility (RFC 6275)
        unit = 8;
        break;
      case 51:  // authentication (RFC 4302 section 2.2)
        unit = 4;
        uncounted = 2;
        break;
      case 44:
        if (!whole_fragment()) return false;
        break;
      default:
        return transport(protocol, left);
    }
    if (!has(2)) return false;
    const std::size_t size = unit == 0 ? 8 : (octet(1) + uncounted) * unit;
    if (size > left) return end(Verdict::malformed);
    if (!has(size)) return false;
    protocol = octet(0);
    take(size);
    left -= static_cast<std::uint32_t>(size);
  }
}

// A fragment of offset 0 without more to come is the packet (RFC 6946).
bool Layers::whole_fragment() {
  return has(8) && ((load<std::uint16_t>(rest_, 2) & 0xfff9U) == 0 || end(Verdict::fragment));
}

void Layers::key(std::uint8_t protocol, std::uint16_t source_port, std::uint16_t destination_port) {
  source_.port = source_port;
  destination_.port = destination_port;
  decoded_.from_second = destination_ < source_;
  const FlowEnd& first = decoded_.from_second ? destination_ : source_;
  const FlowEnd& second = decoded_.from_second ? source_ : destination_;
  decoded_.key = {.addresses = {first.octets, second.octets},
                  .ports = {first.port, second.port},
                  .protocol = protocol,
                  .family = family_,
                  .unused = 0};
}

// `length` octets on the wire, from here on.
bool Layers::transport(std::uint8_t protocol, std::uint32_t length) {
  switch (protocol) {
    case protocol_tcp:
      if (length < 20) return end(Verdict::malformed);
      if (!has(20)) return false;
      key(protocol, load<std::uint16_t>(rest_, 0), load<std::uint16_t>(rest_, 2));
      return end(decode_tcp(rest_, length, decoded_));
    case protocol_udp:
      return udp(length);
    case protocol_icmp:
    case protocol_icmpv6:
      if (!has(8)) return false;
      if (length < 8) return end(Verdict::malformed);
      // An echo's identifier takes the ports' place (RFC 792, RFC 4443 section 4.1).
      key(protocol, load<std::uint16_t>(rest_, 4), load<std::uint16_t>(rest_, 4));
      decoded_.payload = rest_;
      decoded_.payload_length = length;
      return end(Verdict::icmp);
    case protocol_gre:
      return options_.gre ? gre() : end(Verdict::other_transport);
    default:
      return end(Verdict::other_transport);
  }
}

// RFC 768.
bool Layers::udp(std::uint32_t length) {
  if (!has(8)) return false;
  if (length < 8) return end(Verdict::malformed);
  const auto destination = load<std::uint16_t>(rest_, 2);
  if (options_.vxlan && destination == vxlan_port) {
    // RFC 7348 section 5: flags with I set, then the identifier; 8 octets.
    if (!has(16)) return false;
    if ((octet(8) & 0x08U) == 0) return end(Verdict::malformed);
    return next(type_ethernet, 16);
  }
  key(protocol_udp, load<std::uint16_t>(rest_, 0), destination);
  take(8);
  decoded_.payload = rest_;
  decoded_.payload_length = length - 8;
  return end(Verdict::udp);
}

// RFC 2784 section 2 and RFC 2890 section 2: checksum, key and sequence number are optional.
bool Layers::gre() {
  if (!has(4)) return false;
  const auto flags = load<std::uint16_t>(rest_, 0);
  if ((flags & 0x0007U) != 0) return end(Verdict::other_transport);  // PPTP's version
  if ((flags & 0x4000U) != 0) return end(Verdict::other_transport);  // source routes of RFC 1701
  const std::size_t size = 4 + ((flags & 0x8000U) != 0 ? 4U : 0U) +
                           ((flags & 0x2000U) != 0 ? 4U : 0U) + ((flags & 0x1000U) != 0 ? 4U : 0U);
  return has(size) && next(load<std::uint16_t>(rest_, 2), size);
}

}  // namespace

std::string_view to_string(Verdict verdict) {
  static constexpr std::array<std::string_view, verdicts> names{
      "tcp",    "udp",          "icmp",      "other-transport", "fragment",
      "not-ip", "unknown-link", "truncated", "malformed"};
  return names.at(static_cast<std::size_t>(verdict));
}

std::string_view to_string(Exchange exchange) {
  static constexpr std::array<std::string_view, exchanges> names{"none",  "misfit", "echo",
                                                                 "query", "stamp",  "quic"};
  return names.at(static_cast<std::size_t>(exchange));
}

void decode(const CapturedPacket& packet, const DecodeOptions& options, Decoded& decoded) {
  decoded.time = packet.time.time_since_epoch().count();
  decoded.interface = packet.interface;
  decoded.octets = 0;
  decoded.mpls_label = 0;
  decoded.vlan = 0;
  decoded.exchange = Exchange::none;
  Layers{packet, options, decoded}.read();
  if (decoded.verdict == Verdict::udp || decoded.verdict == Verdict::icmp) {
    decode_question(options, decoded);
  }
}

}  // namespace strait::probe::passive
