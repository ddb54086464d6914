// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "probe/passive/decode.hpp"

namespace strait::probe::passive {

// Of a packet that is ICMP or UDP: whether it is an echo, or a DNS message of port 53.
void decode_question(Decoded& packet);

}  // namespace strait::probe::passive
