// SPDX-License-Identifier: Apache-2.0
#include "probe/tlv_reflect.hpp"

#include <algorithm>
#include <cstring>

#include "probe/octets.hpp"

namespace strait::probe {
namespace {

enum class Understood : std::uint8_t { yes, no, malformed };

std::uint8_t flag_of(Understood understood) {
  switch (understood) {
    case Understood::yes:
      return 0;
    case Understood::no:
      return unrecognized_flag;
    default:
      return malformed_flag;
  }
}

void write_address(const Address& address, std::span<std::byte> value) {
  if (address.is_v4()) {
    store(value, 0, address.to_v4().to_uint());
  } else {
    const auto bytes = address.to_v6().to_bytes();
    std::memcpy(value.data(), bytes.data(), bytes.size());
  }
}

// Zero where the engine sees no MAC address, or may not tell it.
LocationType answer_mac(std::span<std::byte> value, const TlvQuestion& question) {
  const auto& mac = question.facts->source_mac;
  if (!mac) return LocationType::source_eui64;
  if (question.policy->tell_location) std::memcpy(value.data(), mac->octets.data(), 6);
  return LocationType::source_eui48;
}

LocationType answer_address(const Address& address, LocationType v4, LocationType v6,
                            std::span<std::byte> value, const TlvQuestion& question) {
  if (question.policy->tell_location) write_address(address, value);
  return address.is_v4() ? v4 : v6;
}

// One sub-TLV of Location becomes the specific one, of the same length (RFC 8972 §4.2.2).
Understood answer_location_part(const Tlv& sub, std::span<std::byte> area,
                                const TlvQuestion& question) {
  if (!sub.whole) return Understood::malformed;
  const auto asked = static_cast<LocationType>(sub.type);
  const bool mac = asked == LocationType::source_mac;
  const bool destination = asked == LocationType::destination_ip;
  if (!mac && !destination && asked != LocationType::source_ip) return Understood::no;
  if (sub.length != (mac ? mac_value_size : ip_value_size)) return Understood::malformed;

  const auto value = area.subspan(sub.value_at(), sub.length);
  std::ranges::fill(value, std::byte{0});
  LocationType answer = LocationType::source_eui64;
  if (mac) {
    answer = answer_mac(value, question);
  } else if (destination) {
    answer = answer_address(question.facts->destination.address, LocationType::destination_ipv4,
                            LocationType::destination_ipv6, value, question);
  } else {
    answer = answer_address(question.facts->source.address, LocationType::source_ipv4,
                            LocationType::source_ipv6, value, question);
  }
  store(area, sub.at + 1, static_cast<std::uint8_t>(answer));
  return Understood::yes;
}

Understood answer_location(std::span<std::byte> value, const TlvQuestion& question) {
  const bool tell = question.policy->tell_location;
  store(value, 0, tell ? question.facts->destination.port : std::uint16_t{0});
  store(value, 2, tell ? question.facts->source.port : std::uint16_t{0});
  const auto area = value.subspan(4);
  TlvReader reader{area};
  while (const auto sub = reader.next()) {
    const Understood understood = answer_location_part(*sub, area, question);
    store(area, sub->at, flag_of(understood));
    if (understood == Understood::malformed) return Understood::malformed;
  }
  return Understood::yes;
}

void answer_timestamps(std::span<std::byte> value, const TlvQuestion& question) {
  const auto sync = static_cast<std::uint8_t>(question.sync);
  store(value, 0, sync);
  store(value, 1, static_cast<std::uint8_t>(question.facts->received_by));
  store(value, 2, sync);
  store(value, 3, static_cast<std::uint8_t>(StampMethod::software));
}

// Returns the DSCP of the reply.
std::uint8_t answer_cos(std::span<std::byte> value, const TlvQuestion& question) {
  const unsigned wanted = load<std::uint16_t>(value, 0) >> 10U;
  const unsigned seen = question.facts->dscp_ecn;
  const bool allowed = question.policy->any_dscp;
  const unsigned bits = wanted << 10U | (seen >> 2U) << 4U | (seen & 3U) << 2U | (allowed ? 0 : 1);
  store(value, 0, static_cast<std::uint16_t>(bits));
  store<std::uint16_t>(value, 2, 0);
  return static_cast<std::uint8_t>(allowed ? wanted : seen >> 2U);
}

// A stateless reflector has counted nothing, and says so instead of zeros.
Understood answer_direct(std::span<std::byte> value, const TlvQuestion& question) {
  if (question.session == nullptr) return Understood::no;
  store(value, 4, question.session->received);
  store(value, 8, question.session->next_sequence + 1);  // with the reply that carries it
  return Understood::yes;
}

void answer_follow_up(std::span<std::byte> value, const TlvQuestion& question) {
  std::ranges::fill(value, std::byte{0});
  const ReflectorSession* const session = question.session;
  if (session == nullptr || session->next_sequence == 0) return;
  store(value, 0, session->next_sequence - 1);
  store(value, 4, encode_time(session->last_sent, question.format));
  store(value, 12, static_cast<std::uint8_t>(StampMethod::software));
}

Understood answer_value(const Tlv& tlv, std::span<std::byte> value, const TlvQuestion& question,
                        std::optional<std::uint8_t>& dscp) {
  switch (static_cast<TlvType>(tlv.type)) {
    case TlvType::extra_padding:
    case TlvType::hmac:
      return Understood::yes;
    case TlvType::location:
      return answer_location(value, question);
    case TlvType::timestamp_information:
      answer_timestamps(value, question);
      return Understood::yes;
    case TlvType::class_of_service:
      dscp = answer_cos(value, question);
      return Understood::yes;
    case TlvType::direct_measurement:
      return answer_direct(value, question);
    case TlvType::follow_up:
      answer_follow_up(value, question);
      return Understood::yes;
    default:
      return Understood::no;
  }
}

bool known(std::uint8_t type) { return type >= 1 && type <= 8 && type != 6; }

// RFC 8972 §4.7 has the fields of a Follow-Up Telemetry TLV of the wrong length zeroed.
void zero_follow_up(const Tlv& tlv, std::span<std::byte> area) {
  if (!tlv.is(TlvType::follow_up)) return;
  const auto rest = area.subspan(std::min(tlv.value_at(), area.size()));
  std::ranges::fill(rest.first(std::min({rest.size(), tlv.length, std::size_t{12}})), std::byte{0});
}

// §4.8: nothing is processed, every TLV is copied with I set.
void flag_all(std::span<std::byte> area) {
  TlvReader reader{area};
  while (const auto tlv = reader.next()) {
    const unsigned kept = tlv->flags & unrecognized_flag;
    const unsigned broken = tlv->whole ? 0U : malformed_flag;
    store(area, tlv->at, static_cast<std::uint8_t>(kept | broken | integrity_flag));
  }
}

}  // namespace

std::optional<std::uint8_t> answer_tlvs(std::span<std::byte> area, const TlvQuestion& question) {
  if (question.integrity == TlvIntegrity::failed) {
    flag_all(area);
    return std::nullopt;
  }
  std::optional<std::uint8_t> dscp;
  TlvReader reader{area};
  while (const auto tlv = reader.next()) {
    if (!tlv->whole || !good_length(tlv->type, tlv->length)) {
      zero_follow_up(*tlv, area);
      const unsigned unknown = known(tlv->type) ? 0U : unrecognized_flag;
      store(area, tlv->at, static_cast<std::uint8_t>(unknown | malformed_flag));
      return dscp;  // the rest is copied as it is
    }
    const auto value = area.subspan(tlv->value_at(), tlv->length);
    const Understood understood = answer_value(*tlv, value, question, dscp);
    store(area, tlv->at, flag_of(understood));
    if (understood == Understood::malformed) return dscp;
  }
  return dscp;
}

}  // namespace strait::probe
