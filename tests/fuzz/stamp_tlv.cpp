// SPDX-License-Identifier: Apache-2.0
// Any area of TLVs: what a reflector makes of it, with and without state and key, and what a sender
// reads out of it. The first octet chooses.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "probe/reflect.hpp"
#include "probe/stamp_auth.hpp"

namespace {

using namespace strait;
using namespace strait::probe;

HmacKey key() {
  static const HmacKey made = HmacKey::make(std::vector<std::byte>(32, std::byte{7})).value();
  return made;
}

std::vector<std::byte> request_with(std::span<const std::byte> area, HmacKey* signer) {
  std::vector<std::byte> packet(base_packet_size(signer != nullptr));
  const StampRequest request{1, 2, 0x8001, 3};
  if (signer == nullptr) {
    write_stamp_request(request, packet);
  } else {
    write_authenticated_request(request, packet);
    if (!signer->sign(std::span{packet}.first(authenticated_part), {},
                      hmac_field(std::span{packet}))) {
      std::abort();
    }
  }
  packet.insert(packet.end(), area.begin(), area.end());
  return packet;
}

// Lengths and types of whole TLVs stay; only Location's parts change their type. No flag but the
// three is set up to the first TLV that is malformed.
void check_answer(std::span<const std::byte> asked, std::span<const std::byte> answered) {
  if (asked.size() != answered.size()) std::abort();
  TlvReader before{asked};
  TlvReader after{answered};
  while (const auto tlv = before.next()) {
    const auto same = after.next();
    // A TLV without type and length loses its flags where they were all that it had.
    if (!same) return;
    if (same->type != tlv->type || same->length != tlv->length || same->at != tlv->at) std::abort();
    if ((same->flags & 0x1fU) != 0) std::abort();
    if ((same->flags & malformed_flag) != 0) return;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  if (size == 0) return 0;
  const unsigned choice = bytes[0];
  const auto area = std::as_bytes(std::span{bytes, size}).subspan(1);
  ReflectorMode mode;
  mode.stateful = (choice & 1U) != 0;
  auto signer = key();
  if ((choice & 2U) != 0) mode.key = signer;
  mode.tlvs.tell_location = (choice & 4U) == 0;
  mode.tlvs.any_dscp = (choice & 8U) == 0;
  Reflector reflector{ClockQuality{.synchronised = true, .max_error = Nanos{100'000}}, mode};
  RequestFacts facts;
  facts.source = {boost::asio::ip::address_v4{0xc0000201}, 40000};
  facts.destination = {boost::asio::ip::address_v4{0xc0000202}, 862};
  const WallTime t2{std::chrono::seconds{1'795'000'000}};
  const auto packet = request_with(area, mode.key ? &signer : nullptr);
  std::vector<std::byte> apart(packet.size());
  std::vector<std::byte> place = packet;
  const Reflection reflection = reflector.reflect(packet, {t2, t2, 9}, apart, facts);
  if (reflection.refusal != Refusal::none || reflection.size != packet.size()) std::abort();
  const auto answered = std::span{apart}.subspan(base_packet_size(mode.key.has_value()));
  check_answer(area, answered);
  if (!mode.stateful) {
    if (reflector.reflect(place, {t2, t2, 9}, place, facts).size != apart.size()) std::abort();
    if (place != apart) std::abort();
  }
  static_cast<void>(read_reply_tlvs(answered, 1, mode.key ? &signer : nullptr));
  static_cast<void>(read_reply_tlvs(area, 1, nullptr));
  return 0;
}
