// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "probe/reflect.hpp"

// Packets of TWAMP-Test in unauthenticated mode (RFC 5357 sections 4.1.2 and 4.2.1): those of STAMP
// without its identifier, and what follows the fixed part is padding, never TLVs.
namespace strait::probe::twamp {

// The fixed part of a reply, Sender TTL and all.
inline constexpr std::size_t test_reply_size = 41;

// How the replies of one session are made.
struct ReplyForm {
  std::uint32_t sequence = 0;  // the reflector's own count (RFC 5357 section 4.2.1)
  bool symmetrical = false;    // RFC 6038 section 5.1.4: padding begins at octet 41, not 14
};

// Writes the reply to a test packet over it or elsewhere: as long as the request, 41 octets at
// least. The request's padding comes back as far as it fits.
[[nodiscard]] Reflection reflect_test(Reflector& reflector, std::span<const std::byte> request,
                                      const ReflectStamps& stamps, const ReplyForm& form,
                                      std::span<std::byte> reply);

}  // namespace strait::probe::twamp
