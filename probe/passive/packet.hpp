// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "core/clock.hpp"

namespace strait::probe::passive {

// What a captured packet begins with: the LINKTYPE numbers of
// https://www.tcpdump.org/linktypes.html
enum class LinkType : std::uint16_t {
  null = 0,
  ethernet = 1,
  raw_bsd = 12,  // DLT_RAW as some systems wrote it into files
  raw_openbsd = 14,
  ppp_ethernet = 51,
  raw = 101,
  loop = 108,
  linux_cooked = 113,
  ipv4 = 228,
  ipv6 = 229,
  linux_cooked_2 = 276,
};

struct CapturedPacket {
  WallTime time;                    // never before 1970
  std::span<const std::byte> data;  // what was captured of it
  std::uint32_t length = 0;         // what was on the wire
  std::uint32_t interface = 0;      // counted over the whole input
  LinkType link = LinkType::ethernet;
  bool other_order = false;  // the writer's octet order is not this machine's (LinkType::null)
};

}  // namespace strait::probe::passive
