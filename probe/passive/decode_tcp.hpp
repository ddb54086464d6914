// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "probe/passive/decode.hpp"

namespace strait::probe::passive {

// Reads a TCP header of which at least 20 octets are captured. `length` octets of segment were on
// the wire. Options that are cut off are taken as absent.
[[nodiscard]] Verdict decode_tcp(std::span<const std::byte> segment, std::uint32_t length,
                                 Decoded& decoded);

}  // namespace strait::probe::passive
