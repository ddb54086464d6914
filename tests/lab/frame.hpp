// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <span>

#include "core/address.hpp"
#include "tests/lab/profile.hpp"

namespace strait::lab {

// The far end's address in an Ethernet frame: the IP destination on the way out, the source on the
// way back. Nothing for what belongs to the link itself and is never delayed: ARP, other
// non-IP, neighbour discovery, MLD and multicast.
[[nodiscard]] std::optional<Address> far_address(std::span<const std::byte> frame,
                                                 Direction direction);

// True for a flow (UDP source port, ICMP echo identifier) whose number is even.
[[nodiscard]] bool is_even_flow(std::span<const std::byte> frame);

// Sets the DSCP of an IP packet, as a network that does not trust its customers' marks does; the
// ECN bits stay. Other frames are left alone.
void remark(std::span<std::byte> frame, std::uint8_t dscp);

}  // namespace strait::lab
