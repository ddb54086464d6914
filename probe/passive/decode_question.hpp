// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "probe/passive/decode.hpp"

namespace strait::probe::passive {

// Of a packet that is ICMP or UDP: whether it is an echo, a DNS message of port 53, a test packet
// of STAMP or TWAMP, or may be QUIC.
void decode_question(const DecodeOptions& options, Decoded& packet);

}  // namespace strait::probe::passive
