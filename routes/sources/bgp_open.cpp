// SPDX-License-Identifier: Apache-2.0
#include "routes/sources/bgp_open.hpp"

#include <algorithm>

#include "routes/sources/bgp_message.hpp"
#include "routes/sources/byte_reader.hpp"

namespace strait::routes {
namespace {

using Octets = std::span<const std::byte>;

constexpr std::size_t header_octets = 19;  // RFC 4271 section 4.1
constexpr unsigned capabilities_parameter = 2;
constexpr unsigned wide_asn_capability = 65;  // RFC 6793 section 3
constexpr unsigned add_path_capability = 69;  // RFC 7911 section 4

void read_add_path(ByteReader value, BgpOpen& open) {
  while (value.size() >= 4) {
    AddPathMode mode{.afi = value.u16(), .safi = value.u8(), .receives = false, .sends = false};
    const unsigned what = value.u8();
    if (what < 1 || what > 3) continue;  // "the capability SHOULD be ignored"
    mode.receives = (what & 1U) != 0;
    mode.sends = (what & 2U) != 0;
    open.add_path.push_back(mode);
  }
}

bool read_capabilities(Octets octets, BgpOpen& open) {
  ByteReader reader{octets};
  while (!reader.empty()) {
    const unsigned code = reader.u8();
    ByteReader value{reader.take(reader.u8())};
    if (reader.failed()) return false;
    if (code == wide_asn_capability && value.size() == 4) {
      open.asn = Asn{value.u32()};
      open.wide_asns = true;
    } else if (code == add_path_capability) {
      read_add_path(value, open);
    }
  }
  return true;
}

// How long the parameters are, and whether their lengths have two octets.
struct ParameterForm {
  std::size_t octets = 0;
  bool extended = false;
};

// RFC 9072 section 2: no parameter has the number 255.
ParameterForm read_parameter_form(ByteReader& reader) {
  const std::size_t octets = reader.u8();
  ByteReader ahead = reader;
  if (octets == 0 || ahead.u8() != 255) return {.octets = octets, .extended = false};
  reader.u8();
  return {.octets = reader.u16(), .extended = true};
}

}  // namespace

std::optional<AddPathMode> BgpOpen::mode(std::uint16_t afi, std::uint8_t safi) const {
  const auto it = std::ranges::find_if(
      add_path, [&](const AddPathMode& each) { return each.afi == afi && each.safi == safi; });
  return it == add_path.end() ? std::nullopt : std::optional{*it};
}

std::optional<BgpOpen> read_bgp_open(Octets message) {
  std::string_view problem;
  const auto header = read_bgp_message(message, problem);
  if (!header || header->type != static_cast<std::uint8_t>(BgpMessageType::open)) {
    return std::nullopt;
  }
  ByteReader reader{message.subspan(header_octets)};
  BgpOpen open;
  reader.u8();  // version
  open.asn = Asn{reader.u16()};
  reader.u16();  // hold time
  open.bgp_id = reader.u32();
  const ParameterForm form = read_parameter_form(reader);
  ByteReader parameters{reader.take(form.octets)};
  while (!parameters.empty()) {
    const unsigned type = parameters.u8();
    const Octets value = parameters.take(form.extended ? parameters.u16() : parameters.u8());
    if (parameters.failed()) return std::nullopt;
    if (type == capabilities_parameter && !read_capabilities(value, open)) return std::nullopt;
  }
  if (reader.failed()) return std::nullopt;
  return open;
}

}  // namespace strait::routes
