// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "core/address.hpp"
#include "probe/hmac_key.hpp"
#include "probe/wire_time.hpp"

namespace strait::probe {

// STAMP's optional extensions (RFC 8972): what follows the base packet, the "area" below, is a row
// of TLVs: Flags (1), Type (1), Length of the value (2), value.
enum class TlvType : std::uint8_t {
  extra_padding = 1,
  location = 2,
  timestamp_information = 3,
  class_of_service = 4,
  direct_measurement = 5,
  access_report = 6,
  follow_up = 7,
  hmac = 8,
};
inline constexpr std::size_t tlv_header_size = 4;

// The flags of §4. A sender sets U; a reflector writes all three.
inline constexpr std::uint8_t unrecognized_flag = 0x80;
inline constexpr std::uint8_t malformed_flag = 0x40;
inline constexpr std::uint8_t integrity_flag = 0x20;

// Table 7 of RFC 8972: what disciplines a clock. 0 is reserved: unknown.
enum class SyncSource : std::uint8_t { unknown, ntp, ptp, ssu_bits, gnss, free_running };
[[nodiscard]] std::string_view to_string(SyncSource source);
// Table 9: how a timestamp was taken.
enum class StampMethod : std::uint8_t { unknown, hardware, software, control_plane };
[[nodiscard]] std::string_view to_string(StampMethod method);

// Table 5: the sub-TLVs of Location. A sender asks with the first of each group.
enum class LocationType : std::uint8_t {
  source_mac = 1,
  source_eui48 = 2,
  source_eui64 = 3,
  destination_ip = 4,
  destination_ipv4 = 5,
  destination_ipv6 = 6,
  source_ip = 7,
  source_ipv4 = 8,
  source_ipv6 = 9,
};
inline constexpr std::size_t mac_value_size = 8;
inline constexpr std::size_t ip_value_size = 16;

struct Tlv {
  std::size_t at = 0;  // of its header in the area
  std::uint8_t flags = 0;
  std::uint8_t type = 0;
  std::size_t length = 0;  // as it says
  bool whole = false;      // header and value lie within the area

  [[nodiscard]] bool is(TlvType wanted) const { return type == static_cast<std::uint8_t>(wanted); }
  [[nodiscard]] std::size_t value_at() const { return at + tlv_header_size; }
  [[nodiscard]] std::size_t end() const { return value_at() + length; }
};

// Walks an area. Ends behind its last octet, behind a TLV that is not whole, and at four zero
// octets: Type 0 is reserved and a sender sets U, so that is the padding of a TWAMP-Light sender.
class TlvReader {
 public:
  explicit TlvReader(std::span<const std::byte> area) : area_{area} {}
  [[nodiscard]] std::optional<Tlv> next();

 private:
  std::span<const std::byte> area_;
  std::size_t at_ = 0;
};

// Whether a TLV of this type may have a value of this length. True for types that we do not know.
[[nodiscard]] bool good_length(std::uint8_t type, std::size_t length);

// §4.8. With a key an HMAC TLV must follow every other TLV but Extra Padding; only a lone Extra
// Padding may do without. Without a key an HMAC TLV cannot be verified, so nothing of the area may
// be used: a failure too.
enum class TlvIntegrity : std::uint8_t { unprotected, good, failed };
[[nodiscard]] TlvIntegrity check_integrity(std::span<const std::byte> area, std::uint32_t sequence,
                                           HmacKey* key);
// Writes the value of the HMAC TLV, if the area holds one of 16 octets: over the base packet's
// Sequence Number and all that stands before it.
[[nodiscard]] bool sign_area(std::span<std::byte> area, std::uint32_t sequence, HmacKey& key);

// What a sender may ask for.
struct TlvSet {
  bool class_of_service = false;
  bool location = false;
  bool timestamp_information = false;
  bool direct_measurement = false;
  bool follow_up = false;

  [[nodiscard]] bool any() const {
    return class_of_service || location || timestamp_information || direct_measurement || follow_up;
  }
  friend bool operator==(const TlvSet&, const TlvSet&) = default;
  friend TlvSet operator|(const TlvSet& a, const TlvSet& b) {
    return {.class_of_service = a.class_of_service || b.class_of_service,
            .location = a.location || b.location,
            .timestamp_information = a.timestamp_information || b.timestamp_information,
            .direct_measurement = a.direct_measurement || b.direct_measurement,
            .follow_up = a.follow_up || b.follow_up};
  }
};

inline constexpr std::size_t tlv_words = 5;
// The words of the command line and the configuration: cos, location, timestamp-info, direct,
// follow-up.
[[nodiscard]] std::string_view tlv_word(std::size_t number);
void include(TlvSet& set, std::size_t number);

// Octets of the payload of a probe with these TLVs, the HMAC TLV among them, without padding.
[[nodiscard]] std::size_t smallest_payload(TlvSet tlvs, bool authenticated);
// Whether Extra Padding can fill the rest of a payload of `size` octets.
[[nodiscard]] bool fits(TlvSet tlvs, bool authenticated, std::size_t size);

// The area of a request, the same for all probes of a session but for S_TxC and the HMAC.
// `dscp` is what the reply shall have (DSCP1).
struct RequestArea {
  std::vector<std::byte> octets;
  std::optional<std::size_t> sent_at;  // of S_TxC
  bool has_hmac = false;
};
[[nodiscard]] RequestArea request_area(TlvSet tlvs, bool authenticated, std::uint8_t dscp,
                                       std::size_t size);

// What a reply's TLVs say, read by the rules of §4 for a sender: U skips one, M ends the reading,
// I or a failed HMAC discards all.
struct ReplyTlvs {
  struct Cos {
    std::uint8_t reply_dscp = 0;  // DSCP1
    std::uint8_t seen_dscp = 0;   // DSCP2
    std::uint8_t seen_ecn = 0;
    std::uint8_t reverse_path = 0;  // RP; not 0: the reply does not have DSCP1
  };
  struct Timestamps {
    SyncSource clock = SyncSource::unknown;  // the worse end's
    StampMethod in = StampMethod::unknown;
    StampMethod out = StampMethod::unknown;
  };
  struct Direct {
    std::uint32_t sent = 0;      // S_TxC
    std::uint32_t received = 0;  // R_RxC
    std::uint32_t replied = 0;   // R_TxC
  };
  struct FollowUp {
    std::uint32_t sequence = 0;  // the reflector's, of an earlier reply
    WireTime left = 0;           // when that one did, in the format of this reply; 0: not told
    StampMethod by = StampMethod::unknown;
  };

  std::uint32_t unrecognized = 0;
  bool malformed = false;
  bool failed = false;  // integrity
  std::optional<Cos> cos;
  bool located = false;             // there is a Location TLV; what it does not tell is zero
  std::optional<Endpoint> seen_as;  // our address and port as the reflector received them
  std::optional<Timestamps> timestamps;
  std::optional<Direct> direct;
  std::optional<FollowUp> follow_up;
};
[[nodiscard]] ReplyTlvs read_reply_tlvs(std::span<const std::byte> area, std::uint32_t sequence,
                                        HmacKey* key);

}  // namespace strait::probe
