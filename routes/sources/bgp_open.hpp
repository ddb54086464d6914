// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "core/strong.hpp"

namespace strait::routes {

// One family of an add-path capability (RFC 7911 section 4).
struct AddPathMode {
  std::uint16_t afi = 0;
  std::uint8_t safi = 0;
  bool receives = false;
  bool sends = false;
};

// What an OPEN says that matters to whoever reads the UPDATEs behind it.
struct BgpOpen {
  Asn asn;  // of the four-octet capability, where there is one (RFC 6793)
  std::uint32_t bgp_id = 0;
  bool wide_asns = false;
  std::vector<AddPathMode> add_path;

  // Nothing for a family without the capability.
  [[nodiscard]] std::optional<AddPathMode> mode(std::uint16_t afi, std::uint8_t safi) const;
};

// A whole BGP message, from its marker on (RFC 4271 section 4.2, RFC 5492 section 4, RFC 9072
// section 2). Unknown parameters and capabilities are passed over. Nothing if it is no OPEN or
// something runs past its end.
[[nodiscard]] std::optional<BgpOpen> read_bgp_open(std::span<const std::byte> message);

}  // namespace strait::routes
