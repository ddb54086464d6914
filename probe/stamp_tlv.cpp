// SPDX-License-Identifier: Apache-2.0
#include "probe/stamp_tlv.hpp"

#include <algorithm>
#include <array>
#include <cassert>

#include "probe/octets.hpp"
#include "probe/stamp_auth.hpp"
#include "probe/stamp_packet.hpp"

namespace strait::probe {
namespace {

constexpr std::size_t location_head = 4;  // the two ports
constexpr std::size_t location_size =     // with the two addresses, asked for by sub-TLVs
    location_head + 2 * (tlv_header_size + ip_value_size);
constexpr std::size_t timestamps_size = 4;
constexpr std::size_t cos_size = 4;
constexpr std::size_t direct_size = 12;
constexpr std::size_t follow_up_size = 16;
constexpr std::size_t access_report_size = 4;

std::array<std::byte, 4> sequence_octets(std::uint32_t sequence) {
  std::array<std::byte, 4> octets{};
  store(std::span<std::byte>{octets}, 0, sequence);
  return octets;
}

template <class Type>
void append_header(std::vector<std::byte>& area, Type type, std::size_t length) {
  area.push_back(std::byte{unrecognized_flag});
  area.push_back(static_cast<std::byte>(type));
  area.push_back(static_cast<std::byte>(length >> 8U));
  area.push_back(static_cast<std::byte>(length & 0xffU));
}

template <class Type>
void append(std::vector<std::byte>& area, Type type, std::size_t length) {
  append_header(area, type, length);
  area.resize(area.size() + length);
}

std::size_t tlv_octets(TlvSet tlvs) {
  const auto of = [](bool asked, std::size_t value) { return asked ? tlv_header_size + value : 0; };
  return of(tlvs.class_of_service, cos_size) + of(tlvs.location, location_size) +
         of(tlvs.timestamp_information, timestamps_size) +
         of(tlvs.direct_measurement, direct_size) + of(tlvs.follow_up, follow_up_size);
}

std::size_t area_octets(TlvSet tlvs, bool authenticated) {
  const bool hmac = authenticated && tlvs.any();
  return tlv_octets(tlvs) + (hmac ? tlv_header_size + HmacKey::tag_size : 0);
}

// Where the HMAC TLV stands, if it is the only one, whole, of the right length, and behind
// everything that is not padding; `wanted` if that is required of these TLVs.
struct Protection {
  std::optional<Tlv> hmac;
  bool wanted = false;
  bool good = true;
};

bool stands_well(const Tlv& tlv, const std::optional<Tlv>& hmac) {
  if (!tlv.whole) return false;
  if (tlv.is(TlvType::hmac)) return !hmac && tlv.length == HmacKey::tag_size;
  return !hmac || tlv.is(TlvType::extra_padding);
}

Protection find_protection(std::span<const std::byte> area) {
  Protection found;
  std::size_t others = 0;
  std::size_t paddings = 0;
  TlvReader reader{area};
  while (const auto tlv = reader.next()) {
    found.good = found.good && stands_well(*tlv, found.hmac);
    if (tlv->is(TlvType::hmac)) {
      found.hmac = tlv;
    } else {
      ++(tlv->is(TlvType::extra_padding) ? paddings : others);
    }
  }
  found.wanted = found.hmac || others > 0 || paddings > 1;
  return found;
}

void read_cos(std::span<const std::byte> value, ReplyTlvs& reply) {
  const unsigned bits = load<std::uint16_t>(value, 0);
  reply.cos = ReplyTlvs::Cos{.reply_dscp = static_cast<std::uint8_t>(bits >> 10U),
                             .seen_dscp = static_cast<std::uint8_t>(bits >> 4U & 0x3fU),
                             .seen_ecn = static_cast<std::uint8_t>(bits >> 2U & 3U),
                             .reverse_path = static_cast<std::uint8_t>(bits & 3U)};
}

StampMethod to_method(std::byte octet) {
  const auto number = std::to_integer<std::uint8_t>(octet);
  return number > 3 ? StampMethod::unknown : static_cast<StampMethod>(number);
}

void read_timestamps(std::span<const std::byte> value, ReplyTlvs& reply) {
  const auto in = std::to_integer<std::uint8_t>(value[0]);
  const auto out = std::to_integer<std::uint8_t>(value[2]);
  const auto source = [](std::uint8_t octet) {
    return octet > 5 ? SyncSource::unknown : static_cast<SyncSource>(octet);
  };
  const bool free = source(in) == SyncSource::free_running;
  reply.timestamps = ReplyTlvs::Timestamps{.clock = free ? SyncSource::free_running : source(out),
                                           .in = to_method(value[1]),
                                           .out = to_method(value[3])};
}

Address address_at(std::span<const std::byte> value, bool v6) {
  if (!v6) return boost::asio::ip::address_v4{load<std::uint32_t>(value, 0)};
  boost::asio::ip::address_v6::bytes_type bytes{};
  std::memcpy(bytes.data(), value.data(), bytes.size());
  return boost::asio::ip::address_v6{bytes};
}

// A field that the reflector keeps to itself is zero.
void read_location(std::span<const std::byte> value, ReplyTlvs& reply) {
  const auto port = load<std::uint16_t>(value, 2);
  TlvReader subs{value.subspan(location_head)};
  while (const auto sub = subs.next()) {
    if (!sub->whole || (sub->flags & malformed_flag) != 0) return;
    const bool v4 = sub->type == static_cast<std::uint8_t>(LocationType::source_ipv4);
    const bool v6 = sub->type == static_cast<std::uint8_t>(LocationType::source_ipv6);
    const bool ours = (v4 || v6) && (sub->flags & unrecognized_flag) == 0;
    if (!ours || sub->length != ip_value_size) continue;
    const Address address =
        address_at(value.subspan(location_head + sub->value_at(), ip_value_size), v6);
    if (!address.is_unspecified() && port != 0) reply.seen_as = Endpoint{address, port};
  }
}

void read_value(const Tlv& tlv, std::span<const std::byte> value, ReplyTlvs& reply) {
  if (tlv.is(TlvType::location)) {
    reply.located = true;
    read_location(value, reply);
  } else if (tlv.is(TlvType::timestamp_information)) {
    read_timestamps(value, reply);
  } else if (tlv.is(TlvType::class_of_service)) {
    read_cos(value, reply);
  } else if (tlv.is(TlvType::direct_measurement)) {
    reply.direct = ReplyTlvs::Direct{.sent = load<std::uint32_t>(value, 0),
                                     .received = load<std::uint32_t>(value, 4),
                                     .replied = load<std::uint32_t>(value, 8)};
  } else if (tlv.is(TlvType::follow_up)) {
    reply.follow_up = ReplyTlvs::FollowUp{.sequence = load<std::uint32_t>(value, 0),
                                          .left = load<std::uint64_t>(value, 4),
                                          .by = to_method(value[12])};
  }
}

bool any_integrity_flag(std::span<const std::byte> area) {
  TlvReader reader{area};
  while (const auto tlv = reader.next()) {
    if ((tlv->flags & integrity_flag) != 0) return true;
  }
  return false;
}

constexpr std::array<std::string_view, tlv_words> words{"cos", "location", "timestamp-info",
                                                        "direct", "follow-up"};

}  // namespace

std::string_view to_string(SyncSource source) {
  constexpr std::array<std::string_view, 6> names{"unknown",  "ntp",  "ptp",
                                                  "ssu-bits", "gnss", "free-running"};
  return names.at(static_cast<std::size_t>(source));
}

std::string_view to_string(StampMethod method) {
  constexpr std::array<std::string_view, 4> names{"unknown", "hardware", "software",
                                                  "control-plane"};
  return names.at(static_cast<std::size_t>(method));
}

std::optional<Tlv> TlvReader::next() {
  const std::size_t left = area_.size() - at_;
  if (left == 0) return std::nullopt;
  Tlv tlv{.at = at_, .flags = load<std::uint8_t>(area_, at_)};
  if (left >= 2) tlv.type = load<std::uint8_t>(area_, at_ + 1);
  if (left >= tlv_header_size) {
    tlv.length = load<std::uint16_t>(area_, at_ + 2);
    tlv.whole = tlv.length <= left - tlv_header_size;
    if (load<std::uint32_t>(area_, at_) == 0) return std::nullopt;
  }
  at_ = tlv.whole ? tlv.end() : area_.size();
  return tlv;
}

bool good_length(std::uint8_t type, std::size_t length) {
  switch (static_cast<TlvType>(type)) {
    case TlvType::location:
      return length >= location_head;
    case TlvType::timestamp_information:
      return length >= timestamps_size;
    case TlvType::class_of_service:
      return length == cos_size;
    case TlvType::direct_measurement:
      return length == direct_size;
    case TlvType::access_report:
      return length == access_report_size;
    case TlvType::follow_up:
      return length == follow_up_size;
    case TlvType::hmac:
      return length == HmacKey::tag_size;
    default:
      return true;
  }
}

TlvIntegrity check_integrity(std::span<const std::byte> area, std::uint32_t sequence,
                             HmacKey* key) {
  const Protection found = find_protection(area);
  if (key == nullptr) return found.hmac ? TlvIntegrity::failed : TlvIntegrity::unprotected;
  if (!found.wanted && found.good) return TlvIntegrity::unprotected;
  if (!found.hmac || !found.good) return TlvIntegrity::failed;
  const auto first = sequence_octets(sequence);
  const bool right = key->verify(first, area.first(found.hmac->at),
                                 area.subspan(found.hmac->value_at(), HmacKey::tag_size));
  return right ? TlvIntegrity::good : TlvIntegrity::failed;
}

bool sign_area(std::span<std::byte> area, std::uint32_t sequence, HmacKey& key) {
  const Protection found = find_protection(area);
  if (!found.hmac || !found.good) return true;
  const auto first = sequence_octets(sequence);
  return key.sign(first, area.first(found.hmac->at),
                  area.subspan(found.hmac->value_at(), HmacKey::tag_size));
}

std::string_view tlv_word(std::size_t number) { return words.at(number); }

void include(TlvSet& set, std::size_t number) {
  constexpr std::array members{&TlvSet::class_of_service, &TlvSet::location,
                               &TlvSet::timestamp_information, &TlvSet::direct_measurement,
                               &TlvSet::follow_up};
  static_assert(members.size() == tlv_words);
  set.*members.at(number) = true;
}

std::size_t smallest_payload(TlvSet tlvs, bool authenticated) {
  return base_packet_size(authenticated) + area_octets(tlvs, authenticated);
}

bool fits(TlvSet tlvs, bool authenticated, std::size_t size) {
  const std::size_t smallest = smallest_payload(tlvs, authenticated);
  return size == smallest || size >= smallest + tlv_header_size;
}

RequestArea request_area(TlvSet tlvs, bool authenticated, std::uint8_t dscp, std::size_t size) {
  assert(fits(tlvs, authenticated, base_packet_size(authenticated) + size));
  RequestArea made;
  std::vector<std::byte>& area = made.octets;
  area.reserve(size);
  if (tlvs.class_of_service) {
    append(area, TlvType::class_of_service, cos_size);
    area[area.size() - cos_size] = static_cast<std::byte>(dscp << 2U);
  }
  if (tlvs.location) {
    append_header(area, TlvType::location, location_size);
    area.resize(area.size() + location_head);
    append(area, LocationType::destination_ip, ip_value_size);
    append(area, LocationType::source_ip, ip_value_size);
  }
  if (tlvs.timestamp_information) {
    append(area, TlvType::timestamp_information, timestamps_size);
  }
  if (tlvs.direct_measurement) {
    append(area, TlvType::direct_measurement, direct_size);
    made.sent_at = area.size() - direct_size;
  }
  if (tlvs.follow_up) append(area, TlvType::follow_up, follow_up_size);
  made.has_hmac = authenticated && tlvs.any();
  if (made.has_hmac) append(area, TlvType::hmac, HmacKey::tag_size);
  if (area.size() < size) {
    const std::size_t length = size - area.size() - tlv_header_size;
    append(area, TlvType::extra_padding, length);
    fill_padding(std::span{area}.last(length));
  }
  return made;
}

ReplyTlvs read_reply_tlvs(std::span<const std::byte> area, std::uint32_t sequence, HmacKey* key) {
  ReplyTlvs reply;
  if (any_integrity_flag(area) || check_integrity(area, sequence, key) == TlvIntegrity::failed) {
    reply.failed = true;
    return reply;
  }
  TlvReader reader{area};
  while (const auto tlv = reader.next()) {
    if ((tlv->flags & malformed_flag) != 0 || !tlv->whole || !good_length(tlv->type, tlv->length)) {
      reply.malformed = true;
      return reply;
    }
    if (tlv->is(TlvType::extra_padding)) continue;
    if ((tlv->flags & unrecognized_flag) != 0) {
      ++reply.unrecognized;
      continue;
    }
    read_value(*tlv, area.subspan(tlv->value_at(), tlv->length), reply);
  }
  return reply;
}

}  // namespace strait::probe
